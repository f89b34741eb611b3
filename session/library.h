/*
 * The sources of a session's context, cut to be read piece by piece: each source's newest text, with
 * its updates under it (session/newest.h), in their order.
 */
#ifndef SESSION_LIBRARY_H
#define SESSION_LIBRARY_H

#include "session/cut.h"
#include "session/session_internal.h"

#include <stddef.h>
#include <stdint.h>

struct library_source {
	int64_t number; /* 1 is S1 */
	const struct document *document;
	struct document *own; /* where updates made it; else NULL: it is the block's */
	int64_t *block;       /* what it was made of: ids, in their order */
	size_t n_block;
	struct cite_source *cite; /* with the index of its text, once quotes were looked for */
	struct cut cut;
	size_t window, chunk; /* the numbers of its first ones in the library */
};
struct library {
	struct library_source *source;
	size_t n_source;
	size_t n_window, n_chunk; /* of all */
	int64_t tokens, bytes;
	int64_t window_tok; /* the rule's */
	uint64_t revision;  /* of the session */
	char tokenizer_digest[65];
	int64_t *turn_tok; /* [n_turn]: of the conversation's turns as messages, in their order */
	size_t n_turn;
};
void library_destroy(struct library *library); /* NULL-safe */

/*
 * `window_tok` 0: as the model has it. Cuts are made once for a revision of the session and a
 * tokenizer, and kept with it: the library is the session's, good until the session changes. A stop is
 * ERR_INTERRUPTED.
 */
int session_library(struct session *session, struct engine *engine, int64_t window_tok,
	const struct session_watch *watch, const struct library **out, struct err *err);

/* Windows and chunks by their number in the library. */
const struct library_source *library_window(
	const struct library *library, size_t number, const struct window **window);
const struct library_source *library_chunk(
	const struct library *library, size_t number, const struct chunk **chunk);

/* Something to read: a slice of a source. */
struct excerpt {
	const struct library_source *source;
	struct slice slice;
};
/*
 * The prompt that asks about some excerpts: the fixed instructions (and the user's), the excerpts as
 * packed by pack_slices(), neighbours of one source joined, in the order in which they are given; the
 * conversation, its latest turns as far as `turns_tok` tokens hold them; the question. What stands
 * before the conversation is the same bytes for the same excerpts: a prefix. With `alone`, which wants
 * excerpts of one source, that source is called S1 whatever its number is, so that sessions which
 * share a document share its windows. *n_turn says how many turns stand in it; may be NULL.
 */
struct library_prompt {
	const struct excerpt *excerpt;
	size_t n_excerpt;
	int alone;
	int is_brief; /* its answer is only looked through for quotes: they are asked for whatever the
			 session says, thoughts are not */
	int64_t turns_tok;
	const char *question;
	size_t question_len;
};
int library_prompt(const struct session *session, struct engine *engine,
	const struct library_prompt *what, struct prompt *out, size_t *n_turn, struct err *err);
/* How many segments of such a prompt, from the first one, stand before the conversation. */
size_t library_prompt_front(const struct prompt *prompt);

/*
 * The quotes of an answer to such a prompt, looked for in what it could read and told with their
 * places in the sources: a quote that stands in no excerpt is not found, though it may stand
 * elsewhere. malloc'ed, citations_free().
 */
struct citation *library_cite(
	const struct library_prompt *what, const char *answer, size_t len, size_t *count);

#endif
