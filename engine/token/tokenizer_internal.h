/* What the files of engine/token share; nobody else includes it. */
#ifndef ENGINE_TOKEN_TOKENIZER_INTERNAL_H
#define ENGINE_TOKEN_TOKENIZER_INTERNAL_H

#include "engine/token/matcher.h"
#include "engine/token/splitter.h"
#include "engine/token/tokenizer.h"
#include "engine/token/unigram.h"
#include "engine/token/vocab.h"

enum token_scheme {
	SCHEME_BYTE_LEVEL,    /* symbols are bytes; a splitter cuts the text into pieces */
	SCHEME_SENTENCEPIECE, /* symbols are characters, unknown ones their bytes; a space is U+2581 */
	SCHEME_UNIGRAM,       /* SentencePiece's other model: scores decide, nothing is merged */
	SCHEME_WORDPIECE,     /* BERT's; a space before a token says that it begins a word */
};

enum dummy_prefix { PREFIX_NONE, PREFIX_ALWAYS, PREFIX_UNLESS_SPACE };

#define MAX_END_TOKENS 32

struct token_spec {
	const char *text; /* as the file spells it; not terminated */
	size_t len;
	uint8_t type;    /* enum token_type */
	uint8_t special; /* the file says that text must not become it */
	double score;    /* SentencePiece without merges */
};

struct merge_spec {
	const char *left, *right;
	size_t left_len, right_len;
};

/*
 * A tokenizer as a file describes it; nothing in it is trusted. The texts must live until
 * tokenizer_build() returns.
 */
struct tokenizer_spec {
	const char *name; /* of the file, for messages */
	enum token_scheme scheme;
	const struct splitter *splitter;
	int ignore_merges;
	enum dummy_prefix prefix;
	struct token_spec *token;
	size_t n_token;
	struct merge_spec *merge; /* in the order of their ranks */
	size_t n_merge;
	int use_scores;      /* instead of merges */
	int has_normalizer;  /* byte-level: one that is not applied */
	int split_at_spaces; /* no token is used that has a space behind its first byte */
	int is_cased;        /* WordPiece */
	uint32_t unknown;    /* WordPiece */
	uint32_t bos, eos;
	int add_bos;
	uint32_t end[MAX_END_TOKENS]; /* tokens that end an answer; eos is added */
	size_t n_end;
};

/* A text that marks structure and is spelled with several ordinary tokens. */
struct marker {
	char *text;
	size_t len;
	/* Data is cut at `cut`, inside the token that covers [token_start, token_end). */
	size_t cut, token_start, token_end;
};

struct tokenizer {
	enum token_scheme scheme;
	const struct splitter *splitter;
	int ignore_merges;
	enum dummy_prefix prefix;
	int is_cased; /* of SCHEME_WORDPIECE */
	struct vocab vocab;
	struct token_map normal; /* tokens that merging and whole pieces can become */
	struct token_map added;  /* all others with a text */
	struct merge_map merges;
	struct unigram unigram;     /* of SCHEME_UNIGRAM */
	uint32_t unknown;           /* what unknown characters become; NO_TOKEN: their bytes */
	uint32_t byte_id[256];      /* byte-level: the byte's token; SentencePiece: <0xXX> */
	uint32_t ascii_id[128];     /* SentencePiece: the character's token or NO_TOKEN */
	uint64_t joint[65536 / 64]; /* SentencePiece: (last byte, next character's first byte) that
				     * stand together inside some token; text is cut elsewhere */
	struct matcher user;        /* user-defined tokens: data may contain them */
	struct matcher special;     /* these and the control tokens, for encode_special */
	struct matcher marker_matcher;
	struct marker *marker;
	size_t n_marker;
	uint32_t bos, eos;
	int add_bos;
	uint32_t end[MAX_END_TOKENS];
	size_t n_end;
	struct sha256_digest vocab_digest; /* without the markers */
	struct sha256_digest digest;
	char *describe;
};

/* Check the description, and build. On failure *out is NULL and the spec stays the caller's. */
int tokenizer_build(struct tokenizer **out, const struct tokenizer_spec *spec, struct err *err);
/*
 * GPT-2's alphabet, in which byte-level vocabularies are spelled: printable Latin-1 characters are
 * their own byte, the 68 other bytes are the characters from U+0100 on, in order.
 */
void tokenizer_byte_alphabet(uint16_t character[256]);
/* The matchers again, after what is forbidden has changed. */
void tokenizer_build_matchers(struct tokenizer *tokenizer);
/* The digest again, after a marker was added. */
void tokenizer_build_digest(struct tokenizer *tokenizer);

/* ---- encoding, in parts (encoder.c, crew.c) ---- */

/*
 * Places in a text, ascending, where a piece ends for other reasons than the splitter's: cuts inside
 * of markers, and where user-defined tokens may begin (one of them may lie inside of another).
 */
struct text_stops {
	size_t *cut, *match;
	size_t n_cut, cap_cut, n_match, cap_match;
};
/* Append those of the strings that begin in [from, to); any partition of a text gives them all. */
void text_stops_find(struct text_stops *stops, const struct tokenizer *tokenizer, const char *text,
	size_t len, size_t from, size_t to);
/* And those of markers that stand across the text's ends. */
void text_stops_edges(
	struct text_stops *stops, const struct tokenizer *tokenizer, const char *text, size_t len);
void text_stops_add(struct text_stops *stops, const struct text_stops *more);
void text_stops_finish(struct text_stops *stops);

struct stopped_text {
	const char *text;
	size_t len;
	const struct matcher *matcher; /* of the user-defined tokens */
	const struct text_stops *stops;
};

/* The first places where pieces end, with how many ids there are by then. */
#define PIECE_TRACE 64
struct piece_trace {
	size_t at[PIECE_TRACE], n_ids[PIECE_TRACE];
	size_t n;
};

/*
 * Append the ids from `from`, as if a piece began there, to the first place at or behind `to` where
 * one ends; returns that place. Nothing in front of `from` is looked at: from equal places on, all is
 * equal. trace may be NULL.
 */
size_t encoder_encode_between(struct tokenizer_encoder *encoder, const struct stopped_text *text,
	size_t from, size_t to, struct ids *out, struct piece_trace *trace);

/* The text with the dummy prefix, for the caller to free; NULL if it gets none. */
char *tokenizer_prefixed(
	const struct tokenizer *tokenizer, const char *text, size_t len, int first);

/* Whether a token of this text ends an answer, in the vocabularies that do not say so. */
int tokenizer_text_is_end(const char *text, size_t len);

static inline int joint_inside_token(const struct tokenizer *tokenizer, uint8_t last, uint8_t first)
{
	unsigned pair = (unsigned)last << 8 | first;

	return (int)(tokenizer->joint[pair >> 6] >> (pair & 63) & 1);
}

#endif
