/*
 * Markdown (md4c: CommonMark with tables, task lists and strikethrough) as styled text. HTML in it is
 * text; nothing in it is fetched or emitted as a link: an address stands behind what it is of. Line
 * feeds in a paragraph stay, as the model wrote them.
 *
 * A text is cut into pieces that stand for themselves (a paragraph, an item of a list, a line of a
 * block of code), at places that depend on nothing behind them, and each is parsed alone. So of a text
 * that grows only the last piece is parsed again, a text that grew is styled like one that came whole,
 * and as a piece has at most MARKDOWN_PIECE_BYTES, time is linear in the text whatever stands in it.
 * What that costs: a reference to a link that another piece defines stays as it is written, and so does
 * the definition.
 */
#ifndef TUI_MARKDOWN_H
#define TUI_MARKDOWN_H

#include "session/cite.h"
#include "tui/styled.h"

#include <stddef.h>
#include <stdint.h>

enum { MARKDOWN_PIECE_BYTES = 16 << 10 };

/*
 * Append `text` to *out. Citations (in the order of the answer) become their words and "[1]" in the
 * element of their verdict, linked by their number: `It says "a ring" [1].`; in code, and where they
 * are not checked yet, they stand as they are.
 */
void markdown_style(struct styled *out, const char *text, size_t len,
	const struct citation *citation, size_t n_citation);
/* The element of a citation's verdict. */
enum element markdown_verdict_element(const struct citation *citation);

/* What of the text so far matters to the next piece. */
struct markdown_state {
	char fence;          /* ` or ~ of the block of code that is open; 0: none is */
	size_t fence_len;    /* of the marks that opened it */
	size_t fence_indent; /* columns in front of them: they are taken from each line */
	size_t code;         /* blocks of code that began */
	char list_mark;      /* of the ordered list that may go on: . or ); 0: none may */
	int64_t list_next;   /* the number of its next item */
	int is_begun;        /* something stands in front of the next piece */
};

struct markdown_stream {      /* zero-initialise */
	struct buf text;      /* everything that came */
	size_t settled;       /* bytes of it that no further text changes */
	struct styled styled; /* of all of it; its n_settled blocks are made of those bytes */
	size_t settled_text, settled_run; /* the lengths of styled there */
	struct markdown_state state;      /* there */
};
void markdown_append(struct markdown_stream *stream, const char *text, size_t len);
void markdown_stream_finish(struct markdown_stream *stream);

#endif
