/*
 * A text as an encoder reads it: between its first and its last special token, behind the words that
 * the model was trained to see before a question or before a passage; and where it is longer than the
 * model's window, in pieces of about equal length, each dressed like that, whose vectors are averaged
 * by their tokens (embedding.h). Nothing of a text is left out.
 *
 * No file says which words those are. They are known by the model's name (general.name), for the models
 * that people use: bge, e5, nomic-embed-text, mxbai-embed, snowflake-arctic-embed. Others get none,
 * which is what gte and all-MiniLM want.
 */
#ifndef ENGINE_EMBEDDING_TEXT_H
#define ENGINE_EMBEDDING_TEXT_H

#include "base/err.h"
#include "engine/embedding.h"
#include "engine/token/tokenizer.h"

struct embedding_prefix {
	const char *question, *passage; /* "query: ", "passage: "; "" for none */
};
/* name: general.name, or a file's name. Never NULL. */
const struct embedding_prefix *embedding_prefix_of(const char *name, const char *architecture);

struct embedding_text {
	struct ids ids;
	struct embedding_run *piece; /* tiling ids */
	size_t n_piece;
};
/*
 * From the ids of the text alone. `prefix` may be ""; whole_tok is the model's window. Fails where the
 * window has no room for the prefix and a token of the text.
 */
int embedding_text_make(struct embedding_text *out, const struct tokenizer *tokenizer,
	const uint32_t *ids, size_t n_ids, const char *prefix, int64_t whole_tok, struct err *err);
void embedding_text_finish(struct embedding_text *text);

#endif
