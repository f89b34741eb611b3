/*
 * Prompts as the engine holds them: uploaded segments, and the ids of the prompt that they make.
 *
 * Each segment is tokenized alone and once, so counts add up and what follows never changes what
 * came before. A prompt is told as a difference to the one before it: what they have in common at
 * the front is neither looked up nor copied again.
 */
#ifndef ENGINE_PROMPT_H
#define ENGINE_PROMPT_H

#include "base/err.h"
#include "engine/engine.h"

#include <stddef.h>
#include <stdint.h>

struct chat_template;
struct embedding_run;
struct ids;
struct token_source;
struct tokenizer;
struct wire_segment;
struct prompt_store;

/*
 * chat_template may be NULL; both must outlive the store. Long texts are encoded by n_thread threads
 * (0: one per processor).
 */
struct prompt_store *prompt_store_create(const struct tokenizer *tokenizer,
	const struct chat_template *chat_template, int32_t n_thread);
void prompt_store_destroy(struct prompt_store *store); /* NULL-safe */

/* A new segment, with the first of its bytes, and further bytes of one; errors are the sender's. */
int prompt_store_begin_segment(
	struct prompt_store *store, const struct wire_segment *segment, struct err *err);
int prompt_store_add_bytes(
	struct prompt_store *store, const struct wire_segment *segment, struct err *err);
/* Forget segments; the ids of the present prompt stay. Unknown numbers are ignored. */
void prompt_store_release(struct prompt_store *store, const uint64_t *number, size_t count);
size_t prompt_store_segment_count(const struct prompt_store *store);

/* The first `keep` segments of the present prompt, then these. */
int prompt_store_set(struct prompt_store *store, uint64_t keep, const uint64_t *number,
	size_t count, struct err *err);

/*
 * The ids of the present prompt; they are the store's, valid until it changes. Fails (and the store
 * stays usable) where the prompt has marks and the model no template.
 */
int prompt_store_ids(
	struct prompt_store *store, const uint32_t **ids, size_t *count, struct err *err);

/*
 * How many ids at the front are as they were when this was last called: what may be remembered of
 * them. Call it after prompt_store_ids().
 */
size_t prompt_store_same(struct prompt_store *store);

/*
 * Those parts of the present prompt that may be quoted: appended to a malloc'ed array, whose asides
 * are the store's. Call it after prompt_store_ids().
 */
void prompt_store_sources(
	const struct prompt_store *store, struct token_source **source, size_t *count);

/*
 * Where in the present prompt text stands, and not the template's marks: a malloc'ed array. Call it
 * after prompt_store_ids().
 */
void prompt_store_texts(
	const struct prompt_store *store, struct embedding_run **run, size_t *count);

/* Where in the present prompt its first n_segment segments end. Call it after prompt_store_ids(). */
size_t prompt_store_end(const struct prompt_store *store, uint64_t n_segment);

/*
 * The last mark of the present prompt (enum prompt_mark; -1: it has none), and where the ids behind
 * it begin. Call it after prompt_store_ids().
 */
int prompt_store_turn(const struct prompt_store *store, size_t *from_tok);

/*
 * Append the ids that close the model's turn, if the present prompt ends in an open one: what the
 * next prompt will have behind the answer.
 */
void prompt_store_closing(struct prompt_store *store, struct ids *out);

#endif
