#include "engine/token/wordpiece.h"

#include "base/utf8.h"

#include <string.h>

/* ---- characters ---- */

static uint32_t kind_of(uint32_t cp)
{
	size_t low = 0, high = wordpiece_range_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (wordpiece_range[middle].first <= cp) {
			low = middle;
		} else {
			high = middle;
		}
	}
	return wordpiece_range[low].kind;
}

static const uint32_t *find_map(uint32_t cp)
{
	size_t low = 0, high = wordpiece_map_count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (wordpiece_map[middle].from <= cp) {
			low = middle;
		} else {
			high = middle;
		}
	}
	return wordpiece_map[low].to;
}

static void push(struct wordpiece_walk *walk, uint32_t cp)
{
	walk->pending[walk->n_pending++] = cp;
}

/* The Unicode Standard, section 3.12: a syllable to its two or three letters. */
static void push_hangul(struct wordpiece_walk *walk, uint32_t cp)
{
	uint32_t index = cp - 0xac00, last = index % 28;

	push(walk, 0x1100 + index / 588);
	push(walk, 0x1161 + index % 588 / 28);
	if (last) {
		push(walk, 0x11a7 + last);
	}
}

/* What an uncased vocabulary sees of a character. */
static void push_folded(struct wordpiece_walk *walk, uint32_t cp, uint32_t kind)
{
	const uint32_t *to;

	if (kind & WORDPIECE_HANGUL) {
		push_hangul(walk, cp);
	} else if (kind & WORDPIECE_MAPPED) {
		to = find_map(cp);
		for (int i = 0; i < 3 && to[i]; i++) {
			push(walk, to[i]);
		}
	} else if (!(kind & WORDPIECE_MARK)) {
		push(walk, cp);
	}
}

/* Takes one character of the text. */
static void take(struct wordpiece_walk *walk)
{
	uint32_t cp, kind;
	size_t width = utf8_decode(walk->text + walk->at, walk->len - walk->at, &cp);

	walk->n_pending = walk->i_pending = 0;
	if (!width) {
		walk->at++;
		return;
	}
	walk->at += width;
	kind = kind_of(cp);
	if (kind & WORDPIECE_DROPPED) {
		return;
	}
	if (kind & WORDPIECE_SPACE) {
		push(walk, ' ');
		return;
	}
	if (kind & WORDPIECE_IDEOGRAPH) {
		push(walk, ' ');
	}
	if (walk->is_cased) {
		push(walk, cp);
	} else {
		push_folded(walk, cp, kind);
	}
	if (kind & WORDPIECE_IDEOGRAPH) {
		push(walk, ' ');
	}
}

/* ---- words ---- */

static void append(struct wordpiece_walk *walk, uint32_t cp)
{
	if (walk->n_char++ < WORDPIECE_MAX_CHARS) {
		walk->word_len += utf8_encode(cp, walk->word + walk->word_len);
	}
}

/* One letter or digit of ASCII, which are most: nothing of the above happens to it but its case. */
static int take_plain(struct wordpiece_walk *walk)
{
	unsigned char c = (unsigned char)walk->text[walk->at], lower = c | 0x20;

	if (!(lower >= 'a' && lower <= 'z') && !(c >= '0' && c <= '9')) {
		return 0;
	}
	if (walk->n_char++ < WORDPIECE_MAX_CHARS) {
		walk->word[walk->word_len++] =
			(char)(c >= 'A' && c <= 'Z' && !walk->is_cased ? lower : c);
	}
	walk->at++;
	return 1;
}

int wordpiece_next(struct wordpiece_walk *walk)
{
	walk->word_len = walk->n_char = 0;
	for (;;) {
		uint32_t cp, kind;

		if (walk->i_pending == walk->n_pending) {
			if (walk->at == walk->len) {
				return walk->n_char > 0;
			}
			if (!take_plain(walk)) {
				take(walk);
			}
			continue;
		}
		cp = walk->pending[walk->i_pending];
		kind = kind_of(cp);
		if (!(kind & (WORDPIECE_WHITE | WORDPIECE_PUNCTUATION))) {
			append(walk, cp);
			walk->i_pending++;
			continue;
		}
		if (walk->n_char > 0) {
			return 1; /* it stays where it is for the next call */
		}
		walk->i_pending++;
		if (kind & WORDPIECE_PUNCTUATION) {
			append(walk, cp);
			return 1;
		}
	}
}

int wordpiece_is_between(const struct wordpiece_walk *walk)
{
	return walk->i_pending == walk->n_pending;
}

/* ---- tokens ---- */

/* The longest token that text begins with; its length in *n. */
static uint32_t longest(const struct token_map *map, const struct vocab *vocab, const char *text,
	size_t len, size_t *n)
{
	struct prefix_hash prefix = PREFIX_HASH_INIT;
	uint32_t best = NO_TOKEN;

	for (size_t at = 1; at <= len && at <= vocab->longest; at++) {
		uint32_t id;

		if (at < len && ((unsigned char)text[at] & 0xc0) == 0x80) {
			continue;
		}
		id = token_map_find_prefix(map, vocab, text, at, &prefix);
		if (id != NO_TOKEN) {
			best = id;
			*n = at;
		}
	}
	return best;
}

size_t wordpiece_encode(const struct token_map *map, const struct vocab *vocab, const char *word,
	size_t len, uint32_t *id)
{
	char spaced[4 * WORDPIECE_MAX_CHARS + 17];
	size_t at = 0, count = 0;

	if (len == 0 || len >= sizeof(spaced)) {
		id[0] = NO_TOKEN;
		return len > 0;
	}
	spaced[0] = ' ';
	memcpy(spaced + 1, word, len);
	while (at < len + 1) {
		size_t n = 0;

		id[count] = longest(map, vocab, spaced + at, len + 1 - at, &n);
		/* a token that is a space alone begins nothing */
		if (id[count] == NO_TOKEN || at + n == 1) {
			id[0] = NO_TOKEN;
			return 1;
		}
		count++;
		at += n;
	}
	return count;
}
