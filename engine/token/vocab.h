/*
 * Parts of a tokenizer: the bytes of every token, the way from bytes to a token, and the merge
 * table. Everything that comes from a file is checked by the caller (tokenizer_build.c).
 */
#ifndef ENGINE_TOKEN_VOCAB_H
#define ENGINE_TOKEN_VOCAB_H

#include <stddef.h>
#include <stdint.h>

#define NO_TOKEN UINT32_MAX

/* Bytes that a token stands for; the numbers are those of tokenizer.ggml.token_type. */
enum token_type {
	TOKEN_NORMAL = 1,
	TOKEN_UNKNOWN = 2,
	TOKEN_CONTROL = 3,
	TOKEN_USER_DEFINED = 4,
	TOKEN_UNUSED = 5,
	TOKEN_BYTE = 6,
};

struct vocab {
	uint32_t count;
	char *text;       /* all tokens, one behind the other */
	size_t *start;    /* [count + 1] */
	uint8_t *type;    /* [count] enum token_type */
	uint8_t *special; /* [count] text must never become this token */
	size_t longest;   /* bytes of the longest token that text can become */
};

static inline size_t vocab_len(const struct vocab *vocab, uint32_t id)
{
	return vocab->start[id + 1] - vocab->start[id];
}

static inline const char *vocab_text(const struct vocab *vocab, uint32_t id)
{
	return vocab->text + vocab->start[id];
}

/*
 * What hashes begin with and multiply by (odd): each process has its own, so that nobody can write a
 * vocabulary or a document whose entries all fall into one place. No digest, no file and no id
 * depends on it.
 */
extern uint64_t hash_seed, hash_multiplier;

/* Bytes to token, open addressing. Zero-initialise, token_map_init(), token_map_finish(). */
struct token_map {
	struct token_slot {
		uint32_t tag; /* high half of the hash */
		uint32_t id;  /* NO_TOKEN where free */
	} * slot;
	size_t mask;
};

int token_map_init(struct token_map *map, size_t n_tokens); /* -1: no memory */
void token_map_finish(struct token_map *map);
/* Returns NO_TOKEN, or the token of the same bytes that is there already. */
uint32_t token_map_add(struct token_map *map, const struct vocab *vocab, uint32_t id);
uint32_t token_map_find(
	const struct token_map *map, const struct vocab *vocab, const char *text, size_t len);

/* A text's beginnings, each longer than the one before, looked up without hashing it anew. */
struct prefix_hash {
	uint64_t hash; /* of the words before `at` */
	size_t at;
};
#define PREFIX_HASH_INIT ((struct prefix_hash){hash_seed, 0})
uint32_t token_map_find_prefix(const struct token_map *map, const struct vocab *vocab,
	const char *text, size_t len, struct prefix_hash *prefix);

/* (left token, right token) to (rank, merged token). */
struct merge {
	uint32_t left, right;
	uint32_t rank; /* the lowest goes first */
	uint32_t id;
};

struct merge_map {
	struct merge *slot; /* left == NO_TOKEN where free */
	unsigned shift;     /* 64 - log2 of the slots */
	size_t mask;
	uint32_t n_ranks; /* every rank is below */
};

int merge_map_init(struct merge_map *map, size_t n_merges); /* -1: no memory */
void merge_map_finish(struct merge_map *map);
/* Returns 0, or -1 if the pair is there already. */
int merge_map_add(struct merge_map *map, const struct merge *merge);

/* NULL if these two do not merge. */
static inline const struct merge *merge_map_find(
	const struct merge_map *map, uint32_t left, uint32_t right)
{
	uint64_t key = (uint64_t)left << 32 | right;

	for (size_t i = (key * hash_multiplier) >> map->shift;; i = (i + 1) & map->mask) {
		const struct merge *merge = &map->slot[i];

		if (merge->left == left && merge->right == right) {
			return merge;
		}
		if (merge->left == NO_TOKEN) {
			return NULL;
		}
	}
}

/* A hash of bytes, for tables in memory only. */
uint64_t bytes_hash(const char *text, size_t len);

#endif
