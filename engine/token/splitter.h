/*
 * Splitters cut text into the pieces that BPE merges within. Models name theirs by the steps of a
 * pre-tokenizer (tokenizer.json) or by a word for them (GGUF's tokenizer.ggml.pre); each known one
 * is a hand-written state machine, linear on any input. A new one is a function in splitter_*.c and
 * a row in splitter.c.
 *
 * The truth is what Hugging Face `tokenizers` does with the published tokenizer.json, not the
 * approximations by which other engines know the same words.
 */
#ifndef ENGINE_TOKEN_SPLITTER_H
#define ENGINE_TOKEN_SPLITTER_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

#define SPLITTER_SPELLINGS 3

struct splitter {
	const char *name;
	/*
	 * The steps of the pre-tokenizer, one to a line, in the ways that published models spell
	 * them; NULL where there is no other:
	 *   split REGEX      Split, Isolated        (in classes, \r and \n for the characters)
	 *   match REGEX      Split, Removed, invert
	 *   digits           Digits, individual_digits
	 *   digit runs       Digits
	 *   punctuation runs Punctuation, Contiguous
	 *   gpt2             ByteLevel, use_regex
	 */
	const char *steps[SPLITTER_SPELLINGS];
	/*
	 * Cut the beginning of `text` into at most `max` pieces; end[i] is where piece i ends. Where
	 * a piece ends does not depend on what stands before it.
	 * Bytes that are not UTF-8 count as characters of no class, like those not assigned yet.
	 * Returns how many (at least 1 where len > 0).
	 */
	size_t (*split)(const char *text, size_t len, size_t *end, size_t max);
};

/* A value of tokenizer.ggml.pre, and what files with it leave out. */
struct splitter_gguf {
	const char *name;
	const char *splitter;
	uint8_t ignore_merges; /* a piece that is a token is taken whole */
	uint8_t add_bos;       /* where tokenizer.ggml.add_bos_token is missing */
};

/* By what the file says; NULL if it is not known. */
const struct splitter_gguf *splitter_gguf_find(const char *name, size_t len);
/* What to write for a splitter, with these defaults where there is a choice; NULL: no name. */
const struct splitter_gguf *splitter_gguf_of(const struct splitter *splitter, int ignore_merges);
const struct splitter *splitter_by_name(const char *name);
const struct splitter *splitter_by_steps(const char *steps);
/* All of them, for tests: NULL behind the last. */
const struct splitter *splitter_at(size_t index);
const struct splitter_gguf *splitter_gguf_at(size_t index);
/* Appends "llama3, qwen2, gpt2", for messages. */
void splitter_list(struct buf *out);

#endif
