/*
 * Byte-level BPE vocabularies for models that nobody trained: in GPT-2's text form (bytes mapped to
 * printable characters), with Llama 3's special tokens at the end.
 */
#ifndef MODELS_RANDOM_VOCABULARY_H
#define MODELS_RANDOM_VOCABULARY_H

#include "engine/model/gguf_write.h"

#include <stddef.h>
#include <stdint.h>

struct vocabulary {
	struct gguf_string *token; /* [n_token] */
	int32_t *type;             /* [n_token] tokenizer.ggml.token_type */
	struct gguf_string *merge; /* [n_merge] "left right" */
	size_t n_token, n_merge;
	uint32_t bos, eot;
	char *text; /* what the strings point into */
};

/* The 256 bytes, merges learned from `text` by byte-pair encoding, n_special special tokens. */
void vocabulary_learn(struct vocabulary *vocabulary, const char *text, size_t len, size_t n_token,
	size_t n_special);
/* The same with generated merges: all letter strings in order of length. Says nothing, opens like
 * a real one. */
void vocabulary_generate(struct vocabulary *vocabulary, size_t n_token, size_t n_special);
void vocabulary_finish(struct vocabulary *vocabulary);

/* tokenizer.* keys, the chat template included (NULL: Llama 3's). */
void vocabulary_write(
	const struct vocabulary *vocabulary, struct gguf_writer *writer, const char *chat_template);

#endif
