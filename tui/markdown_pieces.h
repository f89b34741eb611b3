/* Where a Markdown text can be cut: see tui/markdown.h. */
#ifndef TUI_MARKDOWN_PIECES_H
#define TUI_MARKDOWN_PIECES_H

#include "tui/markdown.h"

enum markdown_kind {
	MARKDOWN_PLAIN,       /* what md4c is given */
	MARKDOWN_DEFINITION,  /* of a link: shown as it is */
	MARKDOWN_FENCE_BEGIN, /* the line that opens a block of code */
	MARKDOWN_CODE,        /* a line of it */
	MARKDOWN_FENCE_END,
};
struct markdown_piece {
	enum markdown_kind kind;
	size_t at, end;               /* without empty lines in front of it */
	int is_apart;                 /* empty lines stand in front of it */
	int is_item;                  /* it begins with an item of a list that is not indented */
	char ordered_mark;            /* of such an item of an ordered list: . or ); 0: of none */
	struct markdown_state before; /* with a fence that it opens or closes */
};
/*
 * The piece that begins at text[at], and in *state what matters to the next one. `is_whole`: nothing
 * follows the text. Returns 1 with a piece whose end nothing that follows can change, else 0.
 */
int markdown_piece_next(const char *text, size_t len, size_t at, int is_whole,
	struct markdown_state *state, struct markdown_piece *piece);

#endif
