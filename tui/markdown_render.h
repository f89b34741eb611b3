/* One piece of a Markdown text as styled blocks: see tui/markdown.h. */
#ifndef TUI_MARKDOWN_RENDER_H
#define TUI_MARKDOWN_RENDER_H

#include "tui/markdown_pieces.h"

/* Citations of an answer that were taken out of its text, each a byte CITED instead. */
enum { CITED = 2 };
struct cited {
	size_t at;         /* in the text that is parsed */
	size_t first, end; /* which citations */
	const char *text;  /* as it stands in the answer */
	size_t len;
	int has_words; /* the words stand in it, not in front of it */
};
struct cited_list {
	struct cited *item; /* by place */
	size_t n, cap;
	const struct citation *citation;
};

/* Append what the piece shows; *state is what matters to the next one. `cited` may be NULL. */
void markdown_render(struct styled *out, const char *text, const struct markdown_piece *piece,
	struct markdown_state *state, const struct cited_list *cited);

#endif
