#include "tui/search_text.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <utf8proc.h>

#include <stdlib.h>
#include <string.h>

enum {
	SCAN_BYTES = 64,       /* looked at together for a first and another byte */
	BACK_BYTES = 16384,    /* blocks of a backward search, each looked at forward */
	PIECE_BYTES = 1 << 20, /* of a part, between two looks at the work that is left */
	COUNT_BYTES = 65536,   /* of text, at least, in a block of the count */
	PART_WORK_BYTES = 256, /* what a part costs, and a match, beside its bytes */
	NOT_A_CHARACTER = 0x110000,
};

/* ---- the words ---- */

/* The character at text[at], folded; a byte that is none stands above Unicode's range. */
static size_t fold_at(const char *text, size_t len, size_t at, uint32_t *cp)
{
	unsigned char byte = (unsigned char)text[at];
	size_t n;

	if (byte < 0x80) {
		*cp = byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
		return 1;
	}
	n = utf8_decode(text + at, len - at, cp);
	if (!n) {
		*cp = NOT_A_CHARACTER + (uint32_t)byte;
		return 1;
	}
	/* The Kelvin sign and the capital I with a dot would become letters of ASCII. */
	if (utf8proc_tolower((utf8proc_int32_t)*cp) >= 0x80) {
		*cp = (uint32_t)utf8proc_tolower((utf8proc_int32_t)*cp);
	}
	return n;
}

static int has_capital(const char *words, size_t len)
{
	uint32_t folded, cp;

	for (size_t at = 0; at < len;) {
		size_t n = fold_at(words, len, at, &folded);

		if (utf8_decode(words + at, len - at, &cp) && cp != folded) {
			return 1;
		}
		at += n;
	}
	return 0;
}

static int is_ascii_letter(unsigned char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/*
 * Whether every match has the same bytes for it, but for the bit of ASCII case: what is searched as
 * it stands, ASCII, bytes that are no characters, and scripts of East Asia, which have no case.
 */
static int is_plain(const struct text_needle *needle, uint32_t cp)
{
	return needle->is_exact || cp < 0x80 || cp >= NOT_A_CHARACTER ||
	       (cp >= 0x2e80 && cp < 0xa640) || (cp >= 0xac00 && cp < 0xd7a4);
}

/* How rare a byte is, about, in text and code: the rarest of the words is looked for first. */
static int rarity(unsigned char byte)
{
	static const char common[] = " etaoinsrhldcumfpgywb,.v_-()k;*0=1/x2\"3";
	const char *at =
		byte < 0x80 && byte ? strchr(common, byte | (byte > 0x40 ? 0x20 : 0)) : NULL;

	return at ? (int)(at - common) : 64;
}

static void choose_bytes(struct text_needle *needle)
{
	size_t at = 0, plain = 0, best = 0;

	for (size_t i = 0; i < needle->n_cp; i++) {
		uint32_t cp;

		if (!is_plain(needle, needle->cp[i])) {
			break;
		}
		at += fold_at(needle->words, needle->len, at, &cp);
		plain = at;
	}
	if (!plain) {
		return;
	}
	for (size_t i = 1; i < plain; i++) {
		if (best == 0 || rarity((unsigned char)needle->words[i]) >
					 rarity((unsigned char)needle->words[best])) {
			best = i;
		}
	}
	needle->n_plain = best + 1;
	needle->first = (unsigned char)needle->words[0];
	needle->other = (unsigned char)needle->words[best];
	if (!needle->is_exact) {
		needle->first_mask = is_ascii_letter(needle->first) ? 0x20 : 0;
		needle->other_mask = is_ascii_letter(needle->other) ? 0x20 : 0;
	}
}

void text_needle_init(struct text_needle *needle, const char *words, size_t len)
{
	*needle = (struct text_needle){.words = mem_strndup(words, len), .len = len};
	needle->cp = mem_zero(len + 1, sizeof(*needle->cp));
	needle->is_exact = has_capital(words, len);
	for (size_t at = 0; at < len;) {
		at += fold_at(words, len, at, &needle->cp[needle->n_cp++]);
	}
	choose_bytes(needle);
}

void text_needle_finish(struct text_needle *needle)
{
	free(needle->words);
	free(needle->cp);
	*needle = (struct text_needle){0};
}

/* ---- finding them ---- */

/* Bytes of the match that begins at text[at]; 0 for none. */
static size_t match_at(const struct text_needle *needle, const char *text, size_t len, size_t at)
{
	size_t end = at;

	if (needle->is_exact) {
		return len - at >= needle->len && memcmp(text + at, needle->words, needle->len) == 0
			       ? needle->len
			       : 0;
	}
	for (size_t i = 0; i < needle->n_cp; i++) {
		uint32_t cp;

		if (end >= len) {
			return 0;
		}
		end += fold_at(text, len, end, &cp);
		if (cp != needle->cp[i]) {
			return 0;
		}
	}
	return end - at;
}

static int is_candidate(const struct text_needle *needle, const char *text, size_t at)
{
	unsigned char first = (unsigned char)text[at];
	unsigned char other = (unsigned char)text[at + needle->n_plain - 1];

	return (first | needle->first_mask) == needle->first &&
	       (other | needle->other_mask) == needle->other;
}

/*
 * Whether any of SCAN_BYTES places has both bytes: a loop without branches over a number of bytes
 * that the compiler knows, which it does 16 or 32 at a time.
 */
static int has_candidate(const struct text_needle *needle, const char *text)
{
	const unsigned char *a = (const unsigned char *)text, *b = a + needle->n_plain - 1;
	unsigned char first = needle->first, first_mask = needle->first_mask;
	unsigned char other = needle->other, other_mask = needle->other_mask, any = 0;

	for (int i = 0; i < SCAN_BYTES; i++) {
		any |= (unsigned char)(((a[i] | first_mask) == first) &
				       ((b[i] | other_mask) == other));
	}
	return any;
}

/* By two bytes that every match has. */
static size_t find_plain(const struct text_needle *needle, const char *text, size_t len,
	size_t from, size_t to, size_t *match_len)
{
	size_t last = len >= needle->n_plain ? len - needle->n_plain + 1 : 0;

	to = to < last ? to : last;
	while (from < to) {
		size_t end = to - from > SCAN_BYTES ? from + SCAN_BYTES : to;

		if (end - from < SCAN_BYTES || has_candidate(needle, text + from)) {
			for (; from < end; from++) {
				if (is_candidate(needle, text, from) &&
					(*match_len = match_at(needle, text, len, from))) {
					return from;
				}
			}
		}
		from = end;
	}
	return SIZE_MAX;
}

size_t text_needle_find(const struct text_needle *needle, const char *text, size_t len, size_t from,
	size_t to, size_t *match_len)
{
	to = to < len ? to : len;
	if (needle->len == 0) {
		return SIZE_MAX;
	}
	if (needle->n_plain) {
		return find_plain(needle, text, len, from, to, match_len);
	}
	/* Its first character is outside ASCII, in one of its cases: so is what it begins with. */
	for (; from < to; from++) {
		if ((unsigned char)text[from] >= 0xc0 &&
			(*match_len = match_at(needle, text, len, from))) {
			return from;
		}
	}
	return SIZE_MAX;
}

size_t text_needle_find_last(const struct text_needle *needle, const char *text, size_t len,
	size_t from, size_t to, size_t *match_len)
{
	to = to < len ? to : len;
	while (to > from) {
		size_t begin = to - from > BACK_BYTES ? to - BACK_BYTES : from;
		size_t at, found = SIZE_MAX, found_len = 0;

		for (size_t next = begin; next < to; next = at + 1) {
			at = text_needle_find(needle, text, len, next, to, &found_len);
			if (at == SIZE_MAX) {
				break;
			}
			found = at;
			*match_len = found_len;
		}
		if (found != SIZE_MAX) {
			return found;
		}
		to = begin;
	}
	return SIZE_MAX;
}

/* ---- a document ---- */

static void spend(size_t *work_bytes, size_t bytes)
{
	*work_bytes -= *work_bytes < bytes ? *work_bytes : bytes;
}

void text_search_begin(struct text_search *search, const struct document_lines *lines,
	const char *words, size_t len)
{
	text_search_finish(search);
	*search = (struct text_search){.lines = lines, .state = TEXT_SEARCH_NOWHERE};
	text_needle_init(&search->needle, words, len);
}

void text_search_finish(struct text_search *search)
{
	text_needle_finish(&search->needle);
	free(search->block);
	*search = (struct text_search){.state = TEXT_SEARCH_NOWHERE};
}

int text_search_is_on(const struct text_search *search)
{
	return search->needle.len > 0;
}

static struct text_place document_end(const struct text_search *search)
{
	return (struct text_place){search->lines->document->n_part, 0};
}

void text_search_seek(struct text_search *search, struct text_place from, int is_back)
{
	if (!text_search_is_on(search)) {
		return;
	}
	search->state = TEXT_SEARCH_GOING;
	search->is_back = is_back;
	search->has_wrapped = 0;
	search->origin = search->next = from;
	search->stop = is_back ? (struct text_place){0, 0} : document_end(search);
}

/* One side of the origin is done: the other one, or there is nothing. */
static void go_round(struct text_search *search)
{
	if (search->has_wrapped) {
		search->state = TEXT_SEARCH_NOWHERE;
		return;
	}
	search->has_wrapped = 1;
	search->next = search->is_back ? document_end(search) : (struct text_place){0, 0};
	search->stop = search->origin;
}

static void take_match(struct text_search *search, size_t part, size_t at, size_t len)
{
	search->state = TEXT_SEARCH_FOUND;
	search->match = (struct text_match){{part, at}, len};
}

static void go_forward(struct text_search *search, size_t *work_bytes)
{
	struct text_place next = search->next;
	int is_last = next.part == search->stop.part;
	const struct part *part;
	size_t end, to, at, len;

	if (text_place_compare(next, search->stop) >= 0) {
		go_round(search);
		return;
	}
	part = &search->lines->document->part[next.part];
	end = is_last && search->stop.at < part->len ? search->stop.at : part->len;
	to = end > next.at && end - next.at > PIECE_BYTES ? next.at + PIECE_BYTES : end;
	spend(work_bytes, (to > next.at ? to - next.at : 0) + PART_WORK_BYTES);
	at = text_needle_find(&search->needle, part->text, part->len, next.at, to, &len);
	if (at != SIZE_MAX) {
		take_match(search, next.part, at, len);
	} else if (to < end) {
		search->next.at = to;
	} else {
		search->next = is_last ? search->stop : (struct text_place){next.part + 1, 0};
	}
}

static void go_back(struct text_search *search, size_t *work_bytes)
{
	const struct document *document = search->lines->document;
	struct text_place next = search->next;
	const struct part *part;
	size_t begin, from, at, len;

	if (text_place_compare(next, search->stop) <= 0) {
		go_round(search);
		return;
	}
	if (next.at == 0) {
		search->next =
			(struct text_place){next.part - 1, document->part[next.part - 1].len};
		spend(work_bytes, PART_WORK_BYTES);
		return;
	}
	part = &document->part[next.part];
	begin = next.part == search->stop.part ? search->stop.at : 0;
	from = next.at - begin > PIECE_BYTES ? next.at - PIECE_BYTES : begin;
	spend(work_bytes, next.at - from + PART_WORK_BYTES);
	at = text_needle_find_last(&search->needle, part->text, part->len, from, next.at, &len);
	if (at != SIZE_MAX) {
		take_match(search, next.part, at, len);
	} else {
		search->next.at = from;
	}
}

enum text_search_state text_search_go(struct text_search *search, size_t *work_bytes)
{
	while (search->state == TEXT_SEARCH_GOING && *work_bytes) {
		if (search->is_back) {
			go_back(search, work_bytes);
		} else {
			go_forward(search, work_bytes);
		}
	}
	return search->state;
}

/* ---- counting ---- */

/* Matches that begin in [from, to) of a part. */
static int64_t count_in(const struct text_search *search, size_t part_index, size_t from, size_t to)
{
	const struct part *part = &search->lines->document->part[part_index];
	int64_t count = 0;
	size_t len;

	while (from < to) {
		size_t at =
			text_needle_find(&search->needle, part->text, part->len, from, to, &len);

		if (at == SIZE_MAX) {
			break;
		}
		count++;
		from = at + 1;
	}
	return count;
}

static void begin_block(struct text_search *search)
{
	mem_grow(search->block, search->n_block, search->cap_block);
	search->block[search->n_block++] =
		(struct text_search_block){search->counted, search->n_match};
	search->in_block = 0;
}

int text_search_count(struct text_search *search, size_t *work_bytes)
{
	const struct document *document = search->lines ? search->lines->document : NULL;

	if (!text_search_is_on(search)) {
		return 1;
	}
	while (search->counted.part < document->n_part && *work_bytes) {
		struct text_place from = search->counted;
		size_t len = document->part[from.part].len, to = len;
		int64_t count;

		if (search->n_block == 0 || search->in_block >= COUNT_BYTES) {
			begin_block(search);
		}
		if (to - from.at > COUNT_BYTES) {
			to = from.at + COUNT_BYTES;
		}
		count = count_in(search, from.part, from.at, to);
		search->n_match += count;
		search->in_block += to - from.at;
		search->counted = to < len ? (struct text_place){from.part, to}
					   : (struct text_place){from.part + 1, 0};
		spend(work_bytes, to - from.at + PART_WORK_BYTES + 64 * (size_t)count);
	}
	search->is_counted = search->counted.part >= document->n_part;
	return search->is_counted;
}

int64_t text_search_ordinal(const struct text_search *search, struct text_place place)
{
	const struct document *document = search->lines ? search->lines->document : NULL;
	size_t low = 0, high = search->n_block;
	struct text_place from;
	int64_t count;

	if (text_place_compare(place, search->counted) >= 0) {
		return 0;
	}
	while (low < high) { /* the last block that begins at or before it */
		size_t mid = low + (high - low) / 2;

		if (text_place_compare(search->block[mid].begin, place) <= 0) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	from = search->block[low - 1].begin;
	count = search->block[low - 1].before;
	for (; from.part < place.part; from = (struct text_place){from.part + 1, 0}) {
		count += count_in(search, from.part, from.at, document->part[from.part].len);
	}
	return count + count_in(search, place.part, from.at, place.at) + 1;
}
