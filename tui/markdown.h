/*
 * Markdown (md4c: CommonMark with tables and strikethrough) as styled text. HTML in it is text;
 * nothing in it is fetched or emitted as a link. Streaming: of a text that grows only the last blocks
 * are parsed again (`markdown_append`), so that a long answer costs each token the same.
 */
#ifndef TUI_MARKDOWN_H
#define TUI_MARKDOWN_H

#include "session/cite.h"
#include "tui/styled.h"

#include <stddef.h>

/*
 * Append `text` to *out. Citations (in the order of the answer) become "[1]" in the element of their
 * verdict, linked by their number; citations that are not checked yet stand as they are.
 */
void markdown_style(struct styled *out, const char *text, size_t len,
	const struct citation *citation, size_t n_citation);

struct markdown_stream {      /* zero-initialise */
	struct buf text;      /* everything that came */
	size_t settled;       /* bytes of it that no further text changes */
	struct styled styled; /* of all of it */
	size_t settled_text, settled_run,
		settled_block; /* of styled: what is made of those bytes */
};
void markdown_append(struct markdown_stream *stream, const char *text, size_t len);
void markdown_stream_finish(struct markdown_stream *stream);

#endif
