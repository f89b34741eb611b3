/*
 * SentencePiece Unigram (Kudo 2018, "Subword Regularization"): of all ways to write a text with
 * tokens, the one with the highest sum of scores (Viterbi). A character that no token is costs the
 * lowest score of any token less ten, as in SentencePiece, so it is used only where it must be.
 *
 * Of equal sums, the one whose last token begins first wins, at every position, as in
 * SentencePiece. Sums are doubles: exact where the scores were floats, as GGUF's are (up to sums of
 * about a million), so that neither what stands in front nor where a text is cut changes an id.
 * SentencePiece itself adds floats, and rounds.
 */
#ifndef ENGINE_TOKEN_UNIGRAM_H
#define ENGINE_TOKEN_UNIGRAM_H

#include "engine/token/vocab.h"

/* The tokens in a trie, breadth first: the children of a node follow each other, by their byte. */
struct unigram_node {
	uint32_t child; /* the first; the last is before the next node's first */
	uint32_t token; /* that ends here, or NO_TOKEN */
	uint8_t byte;   /* that leads here */
};

struct unigram {
	struct unigram_node *node; /* [n_node + 1]; 0 is the root */
	uint32_t n_node;
	uint32_t root[256]; /* the root's children by their byte; 0: none */
	double *score;      /* [tokens] */
	double unknown_score;
};

/* Scratch memory; zero-initialise, unigram_finish_path(). */
struct unigram_path {
	struct unigram_step *step;
	size_t cap;
};

/*
 * Of the tokens of type TOKEN_NORMAL; the scores [vocab->count] are finite. Returns -1 without
 * memory. unigram_finish() takes what is half made too.
 */
int unigram_init(struct unigram *unigram, const struct vocab *vocab, const double *score);
void unigram_finish(struct unigram *unigram);

/*
 * The best way to write `text`: ids and, in `end`, where in the text each ends. NO_TOKEN stands for
 * one unknown character (one byte where the text is not UTF-8). Both have room for len entries.
 * Returns how many.
 */
size_t unigram_encode(const struct unigram *unigram, struct unigram_path *path, const char *text,
	size_t len, uint32_t *id, uint32_t *end);
void unigram_finish_path(struct unigram_path *path);

#endif
