#include "engine/quote_text.h"

#include "base/unicode.h"
#include "base/utf8.h"

#include <string.h>

/* ---- characters ---- */

enum { NO_CHARACTER = 0x110000, TAIL_MAX = 16 };

static int is_digit(uint32_t cp)
{
	return cp >= '0' && cp <= '9';
}

static int is_word(uint32_t cp)
{
	if (cp < 0x80) {
		return is_digit(cp) || (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
	}
	return cp >= 0xc0 && cp < NO_CHARACTER && !(cp >= 0x2000 && cp <= 0x2bff) &&
	       !(cp >= 0x3000 && cp <= 0x303f) && cp != 0xfeff && cp != 0xd7 && cp != 0xf7;
}

/* Ligatures count as the letters that they are. */
static int is_ligature(uint32_t cp)
{
	return cp >= 0xfb00 && cp <= 0xfb06;
}

/* Of scripts that put spaces between words. */
static int joins_words(uint32_t cp)
{
	return cp == '_' || is_ligature(cp) ||
	       (is_word(cp) && cp < 0x2000 && !(cp >= 0xe00 && cp < 0x1200));
}

/* What stands between the digits of one number. */
static int is_in_number(uint32_t cp)
{
	return cp == '.' || cp == ',' || cp == ':' || cp == '\'' || cp == 0x2026 ||
	       (cp >= 0x2018 && cp <= 0x201b);
}

/* What may be added to a quote's end, and so proves nothing there. */
static int is_tail(uint32_t cp)
{
	return cp == '.' || cp == ',' || cp == 0x2026 || unicode_is_space(cp);
}

static uint32_t character_at(const struct quote_text *text, size_t at, size_t *n)
{
	uint32_t cp = 0;

	*n = at < text->len ? utf8_decode(text->data + at, text->len - at, &cp) : 0;
	return *n ? cp : NO_CHARACTER;
}

/* The character that ends at data[at], and where it begins. */
static uint32_t character_before(const struct quote_text *text, size_t at, size_t *begin)
{
	uint32_t cp = 0;

	for (size_t n = 1; n <= 4 && n <= at; n++) {
		if (utf8_decode(text->data + at - n, n, &cp) == n) {
			*begin = at - n;
			return cp;
		}
	}
	*begin = at ? at - 1 : 0;
	return NO_CHARACTER;
}

/* The same, but nothing is passed over, and so are marks: they stand in no source. */
static uint32_t solid_before(const struct quote_text *text, size_t at, size_t *begin)
{
	uint32_t cp;

	do {
		const struct quote_mark *mark = NULL;

		if (at && text->data[at - 1] == '|') {
			mark = quote_text_mark(text, at - 1);
		}
		at = mark ? mark->at : at;
		cp = character_before(text, at, begin);
		at = *begin;
	} while (unicode_is_nothing(cp));
	return cp;
}

static uint32_t solid_at(const struct quote_text *text, size_t at, size_t *end)
{
	uint32_t cp;
	size_t n;

	do {
		cp = character_at(text, at, &n);
		at += n ? n : 1;
	} while (unicode_is_nothing(cp));
	*end = at;
	return cp;
}

size_t quote_text_space(const struct quote_text *text, size_t at)
{
	unsigned char c = (unsigned char)text->data[at];
	size_t n;

	if (c < 0x80) {
		return c == ' ' || (c >= 9 && c <= 13);
	}
	return c >= 0xc2 && c <= 0xe3 && unicode_is_space(character_at(text, at, &n)) ? n : 0;
}

const struct quote_mark *quote_text_mark(const struct quote_text *text, size_t at)
{
	size_t low = 0, high = text->n_mark;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (text->mark[mid].at <= at) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low && at - text->mark[low - 1].at < text->mark[low - 1].len ? &text->mark[low - 1]
									    : NULL;
}

size_t quote_text_skip(const struct quote_text *text, size_t at, size_t end)
{
	while (at <= end) {
		const struct quote_mark *mark = NULL;
		size_t n = quote_text_space(text, at);

		if (!n && at && is_digit((unsigned char)text->data[at]) &&
			text->data[at - 1] == '\n') {
			mark = quote_text_mark(text, at);
			n = mark ? mark->len : 0;
		}
		if (!n) {
			break;
		}
		at += n;
	}
	return at;
}

int quote_text_is_gap(const struct quote_text *text, size_t at, size_t end)
{
	size_t n, begin;

	return unicode_is_gap(character_before(text, at, &begin), character_at(text, end, &n));
}

/* ---- words ---- */

/* What cannot be said leaves it open what a word or a hyphen beside it is. */
static int is_barred(uint32_t cp)
{
	return cp == NO_CHARACTER || (cp && cp < ' ' && !unicode_is_space(cp));
}

/* The common case, told without a look at anything else. */
static int is_inside_plain_word(const struct quote_text *text, size_t at)
{
	unsigned char before = (unsigned char)text->data[at - 1];
	unsigned char after = (unsigned char)text->data[at];

	return before < 0x80 && after < 0x80 && is_word(before) && is_word(after);
}

int quote_text_is_broken(const struct quote_text *text, size_t at)
{
	int has_newline = 0;
	size_t begin;
	uint32_t cp = solid_before(text, at, &begin);

	while (unicode_is_space(cp)) {
		has_newline |= cp == '\n';
		cp = solid_before(text, begin, &begin);
	}
	return has_newline && unicode_is_hyphen(cp);
}

static int may_begin_with(const struct quote_text *text, size_t at, uint32_t cp)
{
	if (cp <= ' ' || is_barred(cp) || unicode_is_space(cp) || unicode_is_nothing(cp)) {
		return 0;
	}
	if (cp == '.') {
		size_t n;
		uint32_t next = character_at(text, at + 1, &n);

		return next == '/' || (next < 0x80 && is_word(next));
	}
	/* Points of omission would be left out, and quotation marks would close what they open. */
	return cp != ',' && cp != 0x2026 && cp != '"' && !(cp >= 0x201c && cp <= 0x201f);
}

int quote_text_may_begin(const struct quote_text *text, size_t at)
{
	size_t n, begin;
	uint32_t first, before;

	if (is_inside_plain_word(text, at)) {
		return 0;
	}
	first = character_at(text, at, &n);
	if (!may_begin_with(text, at, first) ||
		((first == '|' || is_digit(first)) && quote_text_mark(text, at))) {
		return 0;
	}
	before = solid_before(text, at, &begin);
	if (is_barred(before) || quote_text_is_broken(text, at)) {
		return 0;
	}
	if (unicode_is_hyphen(first)) {
		return !is_word(before);
	}
	if (is_digit(first) && is_in_number(before) &&
		is_digit(solid_before(text, begin, &begin))) {
		return 0;
	}
	return !(joins_words(before) && joins_words(first));
}

/* Whether the source breaks a word with the hyphen that ends at data[at]. */
static int is_broken_behind(const struct quote_text *text, size_t at)
{
	size_t n;

	while ((n = quote_text_space(text, at))) {
		if (text->data[at] == '\n') {
			return 1;
		}
		at += n;
	}
	return 0;
}

int quote_text_may_end(const struct quote_text *text, size_t at)
{
	size_t begin, end = at, behind;
	uint32_t last, next;

	if (is_inside_plain_word(text, at)) {
		return 0;
	}
	last = character_before(text, at, &begin);
	for (int n = 0; is_tail(last); n++) {
		if (n == TAIL_MAX) {
			return 0;
		}
		end = begin;
		last = character_before(text, end, &begin);
	}
	if (!last || is_barred(last) || unicode_is_nothing(last) ||
		((last == '|' || is_digit(last)) && quote_text_mark(text, begin))) {
		return 0;
	}
	if (unicode_is_hyphen(last) && is_word(solid_before(text, begin, &begin))) {
		return 0;
	}
	next = solid_at(text, end, &behind);
	if (is_barred(next)) {
		return 0;
	}
	if (unicode_is_hyphen(next)) {
		return !is_broken_behind(text, behind);
	}
	if (is_digit(last) && is_in_number(next) && is_digit(solid_at(text, behind, &behind))) {
		return 0;
	}
	return !(joins_words(last) && joins_words(next));
}

unsigned quote_text_weight(const struct quote_text *text, size_t at)
{
	uint32_t cp = (unsigned char)text->data[at - 1];
	size_t begin = at - 1;

	if (cp >= 0x80) {
		cp = character_before(text, at, &begin);
	}
	if (!is_word(cp) || (is_digit(cp) && quote_text_mark(text, begin))) {
		return 0;
	}
	return 1 + (cp >= 0x80 && !is_ligature(cp));
}
