/*
 * Text to token ids and back: byte-level BPE (GPT-2, Llama 3), SentencePiece BPE (Llama 1/2, Gemma)
 * and SentencePiece Unigram (T5), read from a GGUF file's metadata or from a Hugging Face
 * tokenizer.json; from GGUF also BERT's WordPiece (wordpiece.h), which normalises the text first.
 *
 * TEXT IS DATA. tokenizer_encode_text() cannot produce a control token, an unknown token, a token
 * that tokenizer.json calls special or that begins a text or ends an answer, or the ids of a chat
 * template's markers, whatever the text says: special ids come only from tokenizer_encode_special(), which only the template writer and
 * `tokenize --special` call. One exception has no other way: WordPiece, and a Unigram vocabulary
 * without a token for every byte, write what they lack as the unknown token (tokenizer_unknown()).
 *
 * Encoding is linear in the length of the text for any input. A tokenizer is immutable once opened
 * and may be used from several threads at once, each with its own encoder.
 */
#ifndef ENGINE_TOKEN_TOKENIZER_H
#define ENGINE_TOKEN_TOKENIZER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/sha256.h"

#include <stddef.h>
#include <stdint.h>

struct gguf;
struct gguf_writer;
struct tokenizer;
struct tokenizer_encoder;

/* A growing list of ids; the owner calls ids_finish(). */
struct ids {
	uint32_t *id;
	size_t count, cap;
};
void ids_finish(struct ids *ids);
void ids_add(struct ids *ids, uint32_t id);

int tokenizer_open_gguf(struct tokenizer **out, const struct gguf *gguf, struct err *err);
/*
 * What the files beside a tokenizer.json (tokenizer_config.json, generation_config.json) say about
 * how texts begin and end.
 */
struct tokenizer_ends {
	const char *bos, *eos; /* texts of tokens; NULL, or no token's text: as it was */
	int add_bos;           /* -1: as it was */
	uint32_t id[16];       /* further tokens that end an answer; unknown ones are left out */
	size_t n_id;
};
/* `json` is the text of a tokenizer.json; `ends` may be NULL; `name` is for messages. */
int tokenizer_open_json(struct tokenizer **out, const char *json, size_t len,
	const struct tokenizer_ends *ends, const char *name, struct err *err);
void tokenizer_close(struct tokenizer *tokenizer);

/*
 * Add the tokenizer to a GGUF file's metadata, so that tokenizer_open_gguf() of it gives the same
 * ids. Refuses, before it writes anything, what neither GGUF's keys nor ours beside them can say.
 */
int tokenizer_export_gguf(
	const struct tokenizer *tokenizer, struct gguf_writer *writer, struct err *err);

uint32_t tokenizer_vocab_count(const struct tokenizer *tokenizer);
/* Of everything that decides how text becomes ids: vocabulary, merges, splitter, options. */
const struct sha256_digest *tokenizer_digest(const struct tokenizer *tokenizer);
/* e.g. "llama3 byte-level BPE, 128256 tokens" */
const char *tokenizer_describe(const struct tokenizer *tokenizer);

/* UINT32_MAX where the tokenizer has none. */
uint32_t tokenizer_bos(const struct tokenizer *tokenizer);
uint32_t tokenizer_eos(const struct tokenizer *tokenizer);
int tokenizer_add_bos(const struct tokenizer *tokenizer); /* whether a prompt begins with BOS */
/* Whether sampling this id ends an answer (end of text, of turn, of message). */
int tokenizer_is_end(const struct tokenizer *tokenizer, uint32_t id);
/* Whether text must never become this id (control, unknown, special, template markers). */
int tokenizer_is_forbidden(const struct tokenizer *tokenizer, uint32_t id);
/* What characters outside the vocabulary become; UINT32_MAX: their bytes, as nearly everywhere. */
uint32_t tokenizer_unknown(const struct tokenizer *tokenizer);
/* By its exact text, special or not; UINT32_MAX if there is none. */
uint32_t tokenizer_find(const struct tokenizer *tokenizer, const char *text, size_t len);

/*
 * The scratch memory of encoding (word cache); one per thread. Not needed for correctness: every
 * call gives the same ids with a fresh one.
 */
struct tokenizer_encoder *tokenizer_encoder_create(const struct tokenizer *tokenizer);
void tokenizer_encoder_destroy(struct tokenizer_encoder *encoder); /* NULL-safe */
const struct tokenizer *tokenizer_encoder_tokenizer(const struct tokenizer_encoder *encoder);

/*
 * Append the ids of document or user text. `first` is true for the first segment of a prompt and
 * for text directly after a mark where template_text_first() says so: the SentencePiece dummy
 * prefix goes there and nowhere else. Never fails: bytes that are not UTF-8 have ids too (WordPiece
 * leaves them out), and
 * U+2581 in SentencePiece text is its bytes, not a space. A byte that a byte-level vocabulary has no
 * token for (controls, bytes that UTF-8 never or hardly has) is a '?'. To bound the memory, a run of
 * more than 1 MiB that no pattern splits (letters without a space) is cut there.
 */
void tokenizer_encode_text(struct tokenizer_encoder *encoder, const char *text, size_t len,
	int first, struct ids *out);

/* The most ids that tokenizer_encode_text() appends for this many bytes, and then some. */
size_t tokenizer_most_ids(const struct tokenizer *tokenizer, size_t len);

/* The same, but the text of control and added tokens becomes their ids. */
void tokenizer_encode_special(struct tokenizer_encoder *encoder, const char *text, size_t len,
	int first, struct ids *out);

/*
 * Append the bytes of one id. Control tokens have none unless `special`. The first token of a
 * SentencePiece text begins with a space that was never there: drop it if you start a text.
 */
void tokenizer_decode(const struct tokenizer *tokenizer, uint32_t id, int special, struct buf *out);

/*
 * For the template writer, before the first encoder is made: this text marks structure, so
 * tokenizer_encode_text() must never produce its ids. A marker that is one token is forbidden as a
 * token; one that is several ordinary tokens ("[INST]") is broken in the middle of one of them
 * wherever data contains it: other ids, the same bytes. Becomes part of the digest. Fails where the
 * vocabulary has only one way to spell the marker (a token per byte).
 */
int tokenizer_forbid_marker(
	struct tokenizer *tokenizer, const char *marker, size_t len, struct err *err);

/*
 * For the template writer: whether the token of this text ends an answer, where the template knows
 * better than the vocabulary. A text that is no token is ignored, and so is what would leave a
 * vocabulary without any end.
 */
void tokenizer_set_end(struct tokenizer *tokenizer, const char *text, int is_end);

#endif
