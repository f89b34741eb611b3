/*
 * Splitters cut text into the pieces that BPE merges within. Models name theirs by a regular
 * expression (tokenizer.json) or by a word for it (GGUF's tokenizer.ggml.pre); each known one is a
 * hand-written state machine here, linear on any input. A new one is a function and a row.
 */
#ifndef ENGINE_TOKEN_SPLITTER_H
#define ENGINE_TOKEN_SPLITTER_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct splitter {
	const char *name;
	const char *gguf_names[8];   /* values of tokenizer.ggml.pre, NULL-terminated */
	const char *pattern;         /* the regular expression of tokenizer.json */
	const char *pattern_variant; /* another spelling of the same, or NULL */
	int ignore_merges; /* what GGUF leaves out: a piece that is a token is taken whole */
	/*
	 * Cut the beginning of `text` into at most `max` pieces; end[i] is where piece i ends.
	 * Bytes that are not UTF-8 count as characters that are neither letter, number nor space.
	 * Returns how many (at least 1 where len > 0).
	 */
	size_t (*split)(const char *text, size_t len, size_t *end, size_t max);
};

const struct splitter *splitter_by_gguf_name(const char *name, size_t len); /* or NULL */
const struct splitter *splitter_by_pattern(const char *pattern);            /* or NULL */
/* What the pre-tokenizer "ByteLevel" with use_regex does. */
const struct splitter *splitter_gpt2(void);
/* Appends "llama3, gpt2" for messages. */
void splitter_list(struct buf *out);

#endif
