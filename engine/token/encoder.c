/* Text to ids: markers, added tokens, pieces, the word cache, BPE. */
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/token/bpe.h"
#include "engine/token/tokenizer_internal.h"
#include "engine/token/wordpiece.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "cache_key_of() masks words");

/* Longer pieces (a megabyte of one class of character) are cut here, to bound the memory. */
#define MAX_PIECE_BYTES ((size_t)1 << 20)
/* Pieces looked ahead, so that the cache line of one arrives while others are worked on. */
#define BATCH 64

/*
 * The word cache: two entries of 32 bytes to a cache line, newest first. 16 MB hold the words of any
 * text that people write; what falls out is only encoded again.
 */
#define CACHE_LINE       64
#define CACHE_PAIRS_LOG2 18
#define CACHE_KEY_BYTES  16
#define CACHE_IDS        3

struct cache_entry {
	uint64_t key[2]; /* the piece, zero-padded */
	uint32_t id[CACHE_IDS];
	uint8_t len; /* of the piece; 0 where free */
	uint8_t count;
};

struct cache_pair {
	struct cache_entry way[2];
};

/*
 * Behind it, what does not fit: longer pieces and those of more tokens, one to a cache line. Few, and
 * merging them anew each time would cost a third of all.
 */
#define LONG_LOG2      15
#define LONG_KEY_BYTES 32
#define LONG_IDS       7

struct long_entry {
	char text[LONG_KEY_BYTES];
	uint32_t id[LONG_IDS];
	uint8_t len; /* 0 where free */
	uint8_t count;
};

struct tokenizer_encoder {
	const struct tokenizer *tokenizer;
	struct cache_pair *cache; /* in cache_memory, aligned to a cache line */
	struct long_entry *long_cache;
	void *cache_memory;
	struct bpe bpe;
	struct unigram_path path;
	uint32_t *symbol;
	size_t symbol_cap;
};

struct tokenizer_encoder *tokenizer_encoder_create(const struct tokenizer *tokenizer)
{
	struct tokenizer_encoder *encoder = mem_zero(1, sizeof(*encoder));

	_Static_assert(sizeof(struct cache_pair) == CACHE_LINE, "two entries to a cache line");
	_Static_assert(sizeof(struct long_entry) == CACHE_LINE, "one entry to a cache line");
	encoder->tokenizer = tokenizer;
	/* Zeroed by the system page by page as it is used, so a short text costs little. */
	encoder->cache_memory = mem_zero(
		((size_t)1 << CACHE_PAIRS_LOG2) + ((size_t)1 << LONG_LOG2) + 1, CACHE_LINE);
	encoder->cache = (struct cache_pair *)(((uintptr_t)encoder->cache_memory + CACHE_LINE - 1) /
					       CACHE_LINE * CACHE_LINE);
	encoder->long_cache =
		(struct long_entry *)(void *)(encoder->cache + ((size_t)1 << CACHE_PAIRS_LOG2));
	return encoder;
}

void tokenizer_encoder_destroy(struct tokenizer_encoder *encoder)
{
	if (encoder) {
		bpe_finish(&encoder->bpe);
		unigram_finish_path(&encoder->path);
		free(encoder->cache_memory);
		free(encoder->symbol);
		free(encoder);
	}
}

const struct tokenizer *tokenizer_encoder_tokenizer(const struct tokenizer_encoder *encoder)
{
	return encoder->tokenizer;
}

static void ids_reserve(struct ids *ids, size_t more)
{
	if (ids->cap - ids->count < more) {
		size_t cap = ids->cap ? ids->cap : 64;

		while (cap - ids->count < more) {
			cap *= 2;
		}
		ids->id = mem_resize(ids->id, cap, sizeof(*ids->id));
		ids->cap = cap;
	}
}

/* The characters of a SentencePiece text, each its token or the tokens of its bytes. */
static size_t character_symbols(
	const struct tokenizer *tokenizer, const char *text, size_t len, uint32_t *symbol)
{
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		uint32_t id = NO_TOKEN, cp;
		size_t width = 1;

		if ((uint8_t)text[i] < 0x80) {
			id = tokenizer->ascii_id[(uint8_t)text[i]];
		} else if ((width = utf8_decode(text + i, len - i, &cp)) != 0) {
			id = token_map_find(&tokenizer->normal, &tokenizer->vocab, text + i, width);
		} else {
			width = 1;
		}
		if (id != NO_TOKEN) {
			symbol[n++] = id;
		} else {
			for (size_t k = 0; k < width; k++) {
				symbol[n++] = tokenizer->byte_id[(uint8_t)text[i + k]];
			}
		}
		i += width;
	}
	return n;
}

static void reserve_symbols(struct tokenizer_encoder *encoder, size_t len)
{
	if (len > encoder->symbol_cap) {
		encoder->symbol_cap = len < 256 ? 256 : len;
		encoder->symbol =
			mem_resize(encoder->symbol, encoder->symbol_cap, sizeof(*encoder->symbol));
	}
}

/* Room for len more ids is there; each id is at least one byte. */
static void encode_unigram(
	struct tokenizer_encoder *encoder, const char *text, size_t len, struct ids *out)
{
	const struct tokenizer *t = encoder->tokenizer;
	uint32_t *id, *end;
	size_t n, start = 0;

	reserve_symbols(encoder, 2 * len);
	id = encoder->symbol;
	end = encoder->symbol + len;
	n = unigram_encode(&t->unigram, &encoder->path, text, len, id, end);
	for (size_t i = 0; i < n; start = end[i++]) {
		if (id[i] != NO_TOKEN) {
			out->id[out->count++] = id[i];
		} else if (t->unknown != NO_TOKEN) {
			out->id[out->count++] = t->unknown;
		} else {
			for (size_t k = start; k < end[i]; k++) {
				out->id[out->count++] = t->byte_id[(uint8_t)text[k]];
			}
		}
	}
}

/* A run of unknown characters is one unknown token. */
static void join_unknown(const struct tokenizer *tokenizer, struct ids *out, size_t from)
{
	size_t n = from;

	for (size_t i = from; i < out->count; i++) {
		if (out->id[i] != tokenizer->unknown || n == from ||
			out->id[n - 1] != tokenizer->unknown) {
			out->id[n++] = out->id[i];
		}
	}
	out->count = n;
}

/* Room for len more ids is there. */
static void encode_word(const struct tokenizer *t, const char *word, size_t len, struct ids *out)
{
	uint32_t *id = out->id + out->count;

	out->count += wordpiece_encode(&t->normal, &t->vocab, word, len, id);
	if (*id == NO_TOKEN) {
		*id = t->unknown;
	}
}

/* One piece without the cache. */
static void encode_piece(
	struct tokenizer_encoder *encoder, const char *text, size_t len, struct ids *out)
{
	const struct tokenizer *t = encoder->tokenizer;
	size_t n = len;

	ids_reserve(out, len);
	if (t->ignore_merges && len <= t->vocab.longest) {
		uint32_t id = token_map_find(&t->normal, &t->vocab, text, len);

		if (id != NO_TOKEN) {
			out->id[out->count++] = id;
			return;
		}
	}
	if (t->scheme == SCHEME_UNIGRAM) {
		encode_unigram(encoder, text, len, out);
		return;
	}
	if (t->scheme == SCHEME_WORDPIECE) {
		encode_word(t, text, len, out);
		return;
	}
	reserve_symbols(encoder, len);
	if (t->scheme == SCHEME_SENTENCEPIECE) {
		n = character_symbols(t, text, len, encoder->symbol);
	} else {
		for (size_t i = 0; i < len; i++) {
			encoder->symbol[i] = t->byte_id[(uint8_t)text[i]];
		}
	}
	n = bpe_merge(&encoder->bpe, &t->merges, encoder->symbol, n);
	memcpy(out->id + out->count, encoder->symbol, n * sizeof(*out->id));
	out->count += n;
}

/* A piece that the word cache does not have. */
static void encode_remembered(
	struct tokenizer_encoder *encoder, const char *text, size_t len, struct ids *out)
{
	size_t before = out->count, n;
	struct long_entry *entry;

	if (len > LONG_KEY_BYTES) {
		encode_piece(encoder, text, len, out);
		return;
	}
	entry = &encoder->long_cache[bytes_hash(text, len) >> (64 - LONG_LOG2)];
	if (entry->len == len && !memcmp(entry->text, text, len)) {
		ids_reserve(out, LONG_IDS);
		memcpy(out->id + out->count, entry->id, sizeof(entry->id));
		out->count += entry->count;
		return;
	}
	encode_piece(encoder, text, len, out);
	n = out->count - before;
	if (n <= LONG_IDS && (n > CACHE_IDS || len > CACHE_KEY_BYTES)) {
		entry->len = (uint8_t)len;
		entry->count = (uint8_t)n;
		memcpy(entry->text, text, len);
		memcpy(entry->id, out->id + before, n * sizeof(*out->id));
	}
}

static void encode_long_piece(
	struct tokenizer_encoder *encoder, const char *text, size_t len, struct ids *out)
{
	while (len > MAX_PIECE_BYTES) {
		size_t part = MAX_PIECE_BYTES;

		/* Not inside a character. */
		while (part > MAX_PIECE_BYTES - 3 && (text[part] & 0xc0) == 0x80) {
			part--;
		}
		encode_piece(encoder, text, part, out);
		text += part;
		len -= part;
	}
	encode_remembered(encoder, text, len, out);
}

struct cache_key {
	uint64_t key[2];
	uint32_t index;
};

/* Of the first n bytes of a 16-byte key, n up to 16, as two words from `16 - n` on. */
static const uint8_t key_mask[2 * CACHE_KEY_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* `room` is how many bytes may be read at text. */
static inline struct cache_key cache_key_of(const char *text, size_t len, size_t room)
{
	struct cache_key k = {{0, 0}, 0};
	uint64_t hash, mask[2];

	if (__builtin_expect(room >= CACHE_KEY_BYTES, 1)) {
		/* No branch on the length, which nobody can foretell. */
		memcpy(k.key, text, CACHE_KEY_BYTES);
		memcpy(mask, key_mask + CACHE_KEY_BYTES - len, CACHE_KEY_BYTES);
		k.key[0] &= mask[0];
		k.key[1] &= mask[1];
	} else {
		memcpy(k.key, text, len);
	}
	/* Zero bytes in a piece are told from padding by the length, compared with the key. */
	hash = k.key[0] * hash_multiplier;
	hash = (hash ^ hash >> 32 ^ k.key[1]) * 0xd6e8feb86659fd93u;
	k.index = (uint32_t)(hash >> (64 - CACHE_PAIRS_LOG2));
	return k;
}

static inline int cache_hit(const struct cache_entry *entry, const struct cache_key *k, size_t len)
{
	return entry->key[0] == k->key[0] && entry->key[1] == k->key[1] && entry->len == len;
}

static __attribute__((noinline)) void cache_miss(struct tokenizer_encoder *encoder,
	struct cache_pair *pair, const struct cache_key *k, const char *text, size_t len,
	struct ids *out)
{
	size_t before = out->count, n;

	encode_remembered(encoder, text, len, out);
	n = out->count - before;
	if (n <= CACHE_IDS) {
		pair->way[1] = pair->way[0];
		pair->way[0] = (struct cache_entry){
			.key = {k->key[0], k->key[1]}, .len = (uint8_t)len, .count = (uint8_t)n};
		memcpy(pair->way[0].id, out->id + before, n * sizeof(*out->id));
	}
}

static inline void encode_cached(struct tokenizer_encoder *encoder, const struct cache_key *k,
	const char *text, size_t len, struct ids *out)
{
	struct cache_pair *pair = &encoder->cache[k->index];
	const struct cache_entry *entry = &pair->way[0];

	if (!cache_hit(entry, k, len)) {
		entry = &pair->way[1];
		if (!cache_hit(entry, k, len)) {
			cache_miss(encoder, pair, k, text, len, out);
			return;
		}
	}
	ids_reserve(out, CACHE_IDS);
	memcpy(out->id + out->count, entry->id, sizeof(entry->id));
	out->count += entry->count;
}

/* Cut SentencePiece text where no token goes across; the ids are those of the uncut text. */
static size_t joint_split(
	const struct tokenizer *tokenizer, const char *text, size_t len, size_t *end, size_t max)
{
	size_t n = 0, at = 0;

	while (n < max && at < len) {
		for (;;) {
			uint32_t cp;
			size_t width = 1;

			if ((uint8_t)text[at] >= 0x80) {
				width = utf8_decode(text + at, len - at, &cp);
				width = width ? width : 1;
			}
			at += width;
			if (at == len || !joint_inside_token(tokenizer, (uint8_t)text[at - 1],
						 (uint8_t)text[at])) {
				break;
			}
		}
		end[n++] = at;
	}
	return n;
}

/* ---- what stops pieces: added tokens, and cuts inside of markers ---- */

void text_stops_finish(struct text_stops *stops)
{
	free(stops->cut);
	free(stops->match);
	*stops = (struct text_stops){0};
}

static void add_cut(struct text_stops *stops, size_t at)
{
	size_t i = stops->n_cut;

	mem_grow(stops->cut, stops->n_cut, stops->cap_cut);
	/* Nearly in order already: only overlapping markers are not. */
	for (; i > 0 && stops->cut[i - 1] > at; i--) {
		stops->cut[i] = stops->cut[i - 1];
	}
	stops->cut[i] = at;
	stops->n_cut++;
}

/*
 * A marker may also stand across the joint of two segments: then a beginning of it ends this text
 * or an end of it begins it. What matters is the token that is cut: if all of it is here, cut.
 */
static void cut_at_edges(
	struct text_stops *stops, const struct marker *marker, const char *text, size_t len)
{
	for (size_t from = 0; from <= marker->token_start; from++) {
		for (size_t to = marker->token_end; to <= marker->len; to++) {
			size_t part = to - from;

			if (part > len || part == marker->len) {
				continue;
			}
			if (to == marker->len && !memcmp(text, marker->text + from, part)) {
				add_cut(stops, marker->cut - from);
			} else if (from == 0 && !memcmp(text + len - part, marker->text, part)) {
				add_cut(stops, len - part + marker->cut);
			} else if (part == len && !memcmp(text, marker->text + from, part)) {
				add_cut(stops, marker->cut - from);
			}
		}
	}
}

void text_stops_find(struct text_stops *stops, const struct tokenizer *t, const char *text,
	size_t len, size_t from, size_t to)
{
	const struct match_string *match;

	for (size_t at = from; t->n_marker && at < to; at++) {
		struct match_walk walk = {0};

		if (!matcher_may_begin(&t->marker_matcher, text + at, len - at)) {
			continue;
		}
		while ((match = matcher_next(&t->marker_matcher, &walk, text + at, len - at))) {
			add_cut(stops, at + t->marker[match->value].cut);
		}
	}
	for (size_t at = from; t->user.count && at < to; at++) {
		struct match_walk walk = {0};

		if (matcher_may_begin(&t->user, text + at, len - at) &&
			matcher_next(&t->user, &walk, text + at, len - at)) {
			mem_grow(stops->match, stops->n_match, stops->cap_match);
			stops->match[stops->n_match++] = at;
		}
	}
}

void text_stops_add(struct text_stops *stops, const struct text_stops *more)
{
	for (size_t i = 0; i < more->n_cut; i++) {
		add_cut(stops, more->cut[i]);
	}
	for (size_t i = 0; i < more->n_match; i++) {
		mem_grow(stops->match, stops->n_match, stops->cap_match);
		stops->match[stops->n_match++] = more->match[i];
	}
}

void text_stops_edges(
	struct text_stops *stops, const struct tokenizer *t, const char *text, size_t len)
{
	for (size_t i = 0; i < t->n_marker; i++) {
		cut_at_edges(stops, &t->marker[i], text, len);
	}
}

/* The first place behind `at` (or, with `or_at`, there) in an ascending list. */
static size_t first_behind(const size_t *place, size_t n, size_t at, int or_at)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;

		if (place[middle] < at || (place[middle] == at && !or_at)) {
			low = middle + 1;
		} else {
			n = middle;
		}
	}
	return low;
}

/* ---- pieces ---- */

static void trace_add(struct piece_trace *trace, size_t at, const struct ids *out)
{
	if (trace && trace->n < PIECE_TRACE) {
		trace->at[trace->n] = at;
		trace->n_ids[trace->n++] = out->count;
	}
}

/* All of a text: the pieces are its words as they come out of the normalizer. */
static void encode_words(
	struct tokenizer_encoder *encoder, const char *text, size_t len, struct ids *out)
{
	const struct tokenizer *t = encoder->tokenizer;
	struct wordpiece_walk walk = {.text = text, .len = len, .is_cased = t->is_cased};

	while (wordpiece_next(&walk)) {
		if (walk.n_char > WORDPIECE_MAX_CHARS) {
			ids_add(out, t->unknown);
		} else if (walk.word_len <= CACHE_KEY_BYTES) {
			struct cache_key key =
				cache_key_of(walk.word, walk.word_len, sizeof(walk.word));

			encode_cached(encoder, &key, walk.word, walk.word_len, out);
		} else {
			encode_remembered(encoder, walk.word, walk.word_len, out);
		}
	}
}

/*
 * Text without added tokens, [at, end): up to the first piece that ends at or behind `to`. Returns
 * where that is, `end` at most.
 */
static size_t encode_plain(struct tokenizer_encoder *encoder, const char *text, size_t at,
	size_t end, size_t to, struct ids *out, struct piece_trace *trace)
{
	const struct tokenizer *t = encoder->tokenizer;
	struct cache_key key[BATCH];
	size_t stop[BATCH], before = out->count;

	if (t->scheme == SCHEME_WORDPIECE) {
		encode_words(encoder, text + at, end - at, out);
		return end;
	}
	while (at < end && at < to) {
		size_t n = t->splitter ? t->splitter->split(text + at, end - at, stop, BATCH)
				       : joint_split(t, text + at, end - at, stop, BATCH);
		const char *base = text + at;
		size_t room = end - at, start = 0;

		for (size_t i = 0; i < n; i++) {
			if (stop[i] - start <= CACHE_KEY_BYTES) {
				key[i] = cache_key_of(base + start, stop[i] - start, room - start);
				__builtin_prefetch(&encoder->cache[key[i].index]);
			}
			start = stop[i];
		}
		start = 0;
		for (size_t i = 0; i < n && at < to; i++) {
			size_t piece = stop[i] - start;

			if (piece <= CACHE_KEY_BYTES) {
				encode_cached(encoder, &key[i], base + start, piece, out);
			} else {
				encode_long_piece(encoder, base + start, piece, out);
			}
			start = stop[i];
			at += piece;
			trace_add(trace, at, out);
		}
	}
	if (t->unknown != NO_TOKEN) {
		join_unknown(t, out, before);
	}
	return at;
}

size_t encoder_encode_between(struct tokenizer_encoder *encoder, const struct stopped_text *text,
	size_t from, size_t to, struct ids *out, struct piece_trace *trace)
{
	const struct text_stops *stops = text->stops;
	size_t next = first_behind(stops->match, stops->n_match, from, 1), at = from;
	size_t next_cut = first_behind(stops->cut, stops->n_cut, from, 0);

	trace_add(trace, at, out);
	while (at < to) {
		const struct match_string *match = NULL;
		size_t cut, found;

		while (next_cut < stops->n_cut && stops->cut[next_cut] <= at) {
			next_cut++;
		}
		cut = next_cut < stops->n_cut ? stops->cut[next_cut] : text->len;
		found = cut;
		while (next < stops->n_match && stops->match[next] < cut) {
			if (stops->match[next] >= at) {
				match = matcher_longest(text->matcher,
					text->text + stops->match[next], cut - stops->match[next]);
				if (match) {
					found = stops->match[next];
					break;
				}
			}
			next++;
		}
		at = encode_plain(encoder, text->text, at, found, to, out, trace);
		if (at == found && match && at < to) {
			ids_add(out, match->value);
			at += match->len;
			trace_add(trace, at, out);
		}
	}
	return at;
}

static void encode_data(
	struct tokenizer_encoder *encoder, const char *text, size_t len, struct ids *out)
{
	const struct tokenizer *t = encoder->tokenizer;
	struct text_stops stops = {0};
	struct stopped_text stopped = {text, len, &t->user, &stops};

	text_stops_edges(&stops, t, text, len);
	text_stops_find(&stops, t, text, len, 0, len);
	encoder_encode_between(encoder, &stopped, 0, len, out, NULL);
	text_stops_finish(&stops);
}

char *tokenizer_prefixed(const struct tokenizer *tokenizer, const char *text, size_t len, int first)
{
	char *copy;

	if (!first || tokenizer->prefix == PREFIX_NONE ||
		(tokenizer->prefix == PREFIX_UNLESS_SPACE && text[0] == ' ')) {
		return NULL;
	}
	copy = mem_alloc(len + 1);
	copy[0] = ' ';
	memcpy(copy + 1, text, len);
	return copy;
}

void tokenizer_encode_text(
	struct tokenizer_encoder *encoder, const char *text, size_t len, int first, struct ids *out)
{
	char *prefixed;

	if (!len) {
		return;
	}
	prefixed = tokenizer_prefixed(encoder->tokenizer, text, len, first);
	encode_data(encoder, prefixed ? prefixed : text, len + (prefixed != NULL), out);
	free(prefixed);
}

size_t tokenizer_most_ids(const struct tokenizer *tokenizer, size_t len)
{
	return len + 1 + LONG_IDS; /* one per byte, the prefix, and a cache entry's full width */
}

/* Special tokens are few, in short texts: found one after the other. */
static void encode_special(
	struct tokenizer_encoder *encoder, const char *text, size_t len, struct ids *out)
{
	const struct matcher *matcher = &encoder->tokenizer->special;
	const struct match_string *match;
	size_t at = 0;

	while (matcher->count && at < len) {
		size_t found = matcher_find(matcher, text, len, at, &match);

		if (found == len) {
			break;
		}
		encode_plain(encoder, text, at, found, found, out, NULL);
		ids_add(out, match->value);
		at = found + match->len;
	}
	encode_plain(encoder, text, at, len, len, out, NULL);
}

void tokenizer_encode_special(
	struct tokenizer_encoder *encoder, const char *text, size_t len, int first, struct ids *out)
{
	char *prefixed;

	if (!len) {
		return;
	}
	prefixed = tokenizer_prefixed(encoder->tokenizer, text, len, first);
	encode_special(encoder, prefixed ? prefixed : text, len + (prefixed != NULL), out);
	free(prefixed);
}
