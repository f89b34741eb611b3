/*
 * Where a document is cut when it is larger than what can be read at once. CHUNKS are what is searched:
 * the size of a paragraph or a function, cut at the document's own boundaries. WINDOWS are what is
 * read at once: runs of whole chunks of one document. Both follow from the document, the rule's two
 * sizes and the tokenizer alone: not from other sources, the question, the session or the machine.
 *
 * A boundary is, the best first: the end of a file, a page or a cue; the line before a heading; an
 * empty line; any line; and within a line that is longer than a chunk, a space or a character. A chunk
 * ends at the best boundary in its last third, of a tree always where a file ends; a window at the
 * best in its last quarter. Parts without text at the ends of a document are in no slice.
 */
#ifndef SESSION_CUT_H
#define SESSION_CUT_H

#include "base/err.h"
#include "engine/engine.h"
#include "loaders/document.h"

#include <stddef.h>
#include <stdint.h>

/* From byte `at` of part `first` up to (not with) byte `end` of part `last`, first <= last. */
struct slice {
	size_t first, at;
	size_t last, end;
	int64_t line; /* of part `first`, from 1: the one in which it begins */
};

struct chunk {
	struct slice slice;
	int64_t tokens; /* as packed, without the tags of the source */
	size_t window;
	size_t heading; /* of the document: the last at or before it, + 1; 0: none */
};
struct window {
	struct slice slice;
	int64_t tokens;
	size_t chunk, n_chunk; /* the first one, and how many */
};
struct cut {
	struct chunk *chunk;
	size_t n_chunk;
	struct window *window;
	size_t n_window;
};

struct cut_rule {
	/* No chunk or window has more, but of a single character or where a tag is more than half. */
	int64_t chunk_tok, window_tok;
	/* How many tokens each of several texts has, none the first of a prompt: n_tok is written. */
	int (*count)(void *arg, struct tokens_text *text, size_t n_text, struct err *err);
	void *arg;
};

/* Time is linear in the document. *cut is empty after a failure. */
int cut_make(struct cut *cut, const struct document *document, const struct cut_rule *rule,
	struct err *err);
void cut_finish(struct cut *cut);

/*
 * The sizes for a model whose own window is `train_tok` (0: not known): a quarter of it, from 1,024 to
 * 8,192, is a window. Small ones are read faster and better by small models; large ones waste fewer
 * tokens on what is asked of each.
 */
int64_t cut_window_tok(int64_t train_tok);
enum { CUT_CHUNK_TOK = 384 };

#endif
