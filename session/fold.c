#include "session/fold.h"

#include "base/mem.h"
#include "base/unicode.h"
#include "loaders/document.h"
#include "session/fold_text.h"

#include <stdlib.h>
#include <string.h>

/* Folded bytes between two marks: what a search folds again to find a place. */
enum { MARK_EVERY_BYTES = 512 };

/* ---- characters ---- */

static int is_ascii_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Letters of scripts that put spaces between words. */
static int is_spaced_word(uint32_t cp)
{
	return fold_is_word(cp) && cp < 0x2000 && !(cp >= 0xe00 && cp < 0x1200);
}

/* ---- tokens ---- */

static size_t skip_spaces(const char *text, size_t len, size_t at, int *has_newline)
{
	uint32_t cp;

	while (at < len) {
		size_t n;

		if (is_ascii_space(text[at])) {
			*has_newline |= text[at] == '\n';
			at++;
			continue;
		}
		if (!((unsigned char)text[at] & 0x80)) {
			break;
		}
		n = fold_decode(text, len, at, &cp);
		if (!unicode_is_space(cp)) {
			break;
		}
		at += n;
	}
	return at;
}

/* The character before text[at], white space aside; 0 at the start. */
static uint32_t solid_before(const char *text, size_t at)
{
	while (at > 0 && is_ascii_space(text[at - 1])) {
		at--;
	}
	return fold_decode_before(text, at);
}

/* The character at text[at], white space aside; 0 at the end. */
static uint32_t solid_at(const char *text, size_t len, size_t at)
{
	uint32_t cp = 0;
	int ignored;

	at = skip_spaces(text, len, at, &ignored);
	if (at < len) {
		fold_decode(text, len, at, &cp);
	}
	return cp;
}

/* What the hyphen text[at, end) is; *next is where the rest of its word begins. */
static enum fold_hyphen hyphen_kind(
	const char *text, size_t len, size_t at, size_t end, size_t *next)
{
	uint32_t before = fold_decode_before(text, at), after;
	int has_newline = 0;

	*next = skip_spaces(text, len, end, &has_newline);
	if (*next >= len || !fold_is_word(before)) {
		return FOLD_NO_HYPHEN;
	}
	fold_decode(text, len, *next, &after);
	if (!fold_is_word(after)) {
		return FOLD_NO_HYPHEN;
	}
	if (*next == end) {
		return FOLD_HYPHEN_TIGHT;
	}
	if (!has_newline) {
		return FOLD_HYPHEN_SPACED;
	}
	if ((before >= '0' && before <= '9') || (after < 0x80 && !(after >= 'a' && after <= 'z'))) {
		return FOLD_HYPHEN_LINE;
	}
	return FOLD_HYPHEN_BROKEN;
}

static void set_bytes(struct fold_token *token, const char *bytes, size_t n)
{
	memcpy(token->byte, bytes, n);
	token->n_byte = (uint8_t)n;
}

/* Characters that are compared as plainer ones; NULL for the others. */
static const char *plain_form(uint32_t cp)
{
	static const char *const ligature[] = {"ff", "fi", "fl", "ffi", "ffl", "st", "st"};

	if (cp >= 0xfb00 && cp <= 0xfb06) {
		return ligature[cp - 0xfb00];
	}
	if (cp >= 0x2018 && cp <= 0x201b) {
		return "'";
	}
	if ((cp >= 0x201c && cp <= 0x201f) || cp == 0xab || cp == 0xbb) {
		return "\"";
	}
	return cp == 0x2026 ? "..." : NULL;
}

size_t fold_next(const char *text, size_t len, size_t at, struct fold_token *token)
{
	const char *plain;
	size_t n, next;
	int ignored;
	uint32_t cp;

	*token = (struct fold_token){.n_byte = 0};
	if (fold_is_ascii_alnum(text[at])) {
		set_bytes(token, text + at, 1);
		return 1;
	}
	n = fold_decode(text, len, at, &cp);
	if (unicode_is_space(cp)) {
		next = skip_spaces(text, len, at, &ignored);
		if (unicode_is_gap(solid_before(text, at), solid_at(text, len, next))) {
			set_bytes(token, " ", 1);
		}
		return next - at;
	}
	if (cp == 0 || unicode_is_nothing(cp)) {
		return n;
	}
	if (unicode_is_hyphen(cp)) {
		token->hyphen = hyphen_kind(text, len, at, at + n, &next);
		if (token->hyphen) {
			return next - at;
		}
		set_bytes(token, "-", 1);
		return n;
	}
	plain = plain_form(cp);
	if (plain) {
		set_bytes(token, plain, strlen(plain));
	} else {
		set_bytes(token, text + at, n);
	}
	return n;
}

/*
 * Whether the quote has at this point what the source has. A word that the source breaks may be
 * whole in the quote; a quote that was copied with its line end stands for any hyphen.
 */
static int hyphens_agree(enum fold_hyphen source, enum fold_hyphen quote)
{
	if (source == quote || source == FOLD_HYPHEN_BROKEN) {
		return 1;
	}
	if (source == FOLD_HYPHEN_LINE) {
		return quote != FOLD_NO_HYPHEN;
	}
	return source != FOLD_NO_HYPHEN && quote >= FOLD_HYPHEN_LINE;
}

/* ---- a document ---- */

struct mark {
	size_t folded;
	struct fold_place place; /* of a token that is neither space nor behind a hyphen */
	int64_t line;            /* of its part, from 1 */
};

struct cite_index {
	const struct document *document;
	struct buf folded;
	struct mark *mark;
	size_t n_mark, cap_mark;
	struct buf hyphens; /* 1 for each MARK_EVERY_BYTES of folded text that lost a hyphen */
};

int fold_place_compare(struct fold_place a, struct fold_place b)
{
	if (a.part != b.part) {
		return a.part < b.part ? -1 : 1;
	}
	return a.at < b.at ? -1 : a.at > b.at;
}

/* What parts two parts: files are never quoted across, pages and cues are. */
static char joint(const struct document *document)
{
	return document->kind == DOCUMENT_CODE ? 0 : ' ';
}

/* Whether the joint behind a part, and the white space beside it, part nothing. */
static int is_no_joint(const struct document *document, size_t before)
{
	const struct part *part = &document->part[before];

	return before + 1 < document->n_part && joint(document) == ' ' &&
	       !unicode_is_gap(
		       solid_before(part->text, part->len), solid_at(part[1].text, part[1].len, 0));
}

/* Whether the white space that was met at `place` stands at such a joint. */
static int is_at_no_joint(const struct fold_cursor *cursor, const struct document *document,
	const struct fold_place *place)
{
	if (place->at == 0 && place->part > 0 && cursor->next.part == place->part) {
		return is_no_joint(document, place->part - 1);
	}
	return (cursor->next.part > place->part ||
		       cursor->next.at == document->part[place->part].len) &&
	       is_no_joint(document, place->part);
}

/*
 * The next token and where it begins; 0 at the end. Spaces never follow each other, so that they
 * fold to one whatever stands between them.
 */
static int cursor_next(struct fold_cursor *cursor, const struct document *document,
	struct fold_token *token, struct fold_place *place)
{
	for (;;) {
		const struct part *part;

		if (cursor->next.part >= document->n_part) {
			return 0;
		}
		part = &document->part[cursor->next.part];
		*place = cursor->next;
		if (cursor->next.at < part->len) {
			cursor->next.at += fold_next(part->text, part->len, place->at, token);
		} else {
			if (++cursor->next.part >= document->n_part) {
				return 0;
			}
			cursor->next.at = 0;
			*token = (struct fold_token){.byte = {joint(document)}, .n_byte = 1};
		}
		if (token->n_byte == 1 && token->byte[0] == ' ') {
			if (cursor->after_space || is_at_no_joint(cursor, document, place)) {
				continue;
			}
			cursor->after_space = 1;
		} else if (token->n_byte) {
			cursor->after_space = 0;
		}
		return 1;
	}
}

/* ASCII that folds to itself or its lower case, whatever stands beside it. */
static int is_plain(char c)
{
	return c > ' ' && c < 0x7f && c != '-';
}

/*
 * The plain tokens at the cursor, many at a time, as cursor_next() would give them; single spaces
 * among them too.
 */
static void take_plain(
	struct fold_cursor *cursor, const struct document *document, struct buf *folded)
{
	const struct part *part = &document->part[cursor->next.part];
	const char *text = part->text;
	size_t at = cursor->next.at, start = at;
	size_t end = part->len - at > MARK_EVERY_BYTES ? at + MARK_EVERY_BYTES : part->len;
	char *out;

	buf_reserve(folded, MARK_EVERY_BYTES);
	out = folded->data + folded->len;
	while (at < end) {
		if (text[at] == ' ' && !cursor->after_space && at + 1 < end &&
			is_plain(text[at + 1])) {
			cursor->after_space = 1;
		} else if (is_plain(text[at])) {
			cursor->after_space = 0;
		} else {
			break;
		}
		*out++ = fold_lower(text[at++]);
	}
	folded->len += at - start;
	cursor->next.at = at;
}

static int64_t count_newlines(const char *text, size_t len)
{
	const char *end = text + len;
	int64_t count = 0;

	while (text < end && (text = memchr(text, '\n', (size_t)(end - text)))) {
		text++;
		count++;
	}
	return count;
}

/* The line of a place, counted from a mark in front of it; where its part has none, from its start. */
static int64_t line_from(
	const struct cite_index *index, const struct mark *mark, struct fold_place place)
{
	const char *text = index->document->part[place.part].text;

	return mark && mark->place.part == place.part
		       ? mark->line +
				 count_newlines(text + mark->place.at, place.at - mark->place.at)
		       : 1 + (place.at ? count_newlines(text, place.at) : 0);
}

static void add_mark(struct cite_index *index, struct fold_place place, size_t *next_mark)
{
	const struct mark *before = index->n_mark ? &index->mark[index->n_mark - 1] : NULL;
	struct mark mark = {index->folded.len, place, line_from(index, before, place)};

	mem_grow(index->mark, index->n_mark, index->cap_mark);
	index->mark[index->n_mark++] = mark;
	*next_mark = index->folded.len + MARK_EVERY_BYTES;
}

static void note_hyphen(struct cite_index *index)
{
	size_t block = index->folded.len / MARK_EVERY_BYTES;

	while (index->hyphens.len <= block) {
		buf_addch(&index->hyphens, 0);
	}
	index->hyphens.data[block] = 1;
}

static int at_plain(const struct fold_cursor *cursor, const struct document *document)
{
	const struct part *part = &document->part[cursor->next.part];

	return cursor->next.at < part->len && is_plain(part->text[cursor->next.at]);
}

struct cite_index *cite_index_create(const struct document *document)
{
	struct cite_index *index = mem_zero(1, sizeof(*index));
	struct buf *folded = &index->folded;
	struct fold_cursor cursor = {.after_space = 0};
	enum fold_hyphen hyphen = FOLD_NO_HYPHEN;
	size_t next_mark = 0;
	struct fold_token token;
	struct fold_place place;

	index->document = document;
	while (cursor.next.part < document->n_part) {
		if (!hyphen && at_plain(&cursor, document)) {
			if (folded->len >= next_mark) {
				add_mark(index, cursor.next, &next_mark);
			}
			take_plain(&cursor, document, folded);
			continue;
		}
		if (!cursor_next(&cursor, document, &token, &place)) {
			break;
		}
		if (token.n_byte && token.byte[0] != ' ' && !hyphen && folded->len >= next_mark) {
			add_mark(index, place, &next_mark);
		}
		for (size_t i = 0; i < token.n_byte; i++) {
			buf_addch(folded, fold_lower(token.byte[i]));
		}
		if (token.n_byte || token.hyphen) {
			hyphen = token.hyphen;
		}
		if (hyphen) {
			note_hyphen(index);
		}
	}
	return index;
}

void cite_index_destroy(struct cite_index *index)
{
	if (index) {
		buf_finish(&index->folded);
		buf_finish(&index->hyphens);
		free(index->mark);
		free(index);
	}
}

/* The last mark at or before a folded offset or a place; the start where there is none. */
static struct mark mark_at_folded(const struct cite_index *index, size_t folded)
{
	size_t low = 0, high = index->n_mark;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (index->mark[mid].folded <= folded) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low ? index->mark[low - 1] : (struct mark){.folded = 0};
}

static size_t marks_up_to(const struct cite_index *index, struct fold_place place)
{
	size_t low = 0, high = index->n_mark;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (fold_place_compare(index->mark[mid].place, place) <= 0) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low;
}

/* ---- lines ---- */

int64_t cite_index_line(const struct cite_index *index, struct fold_place place)
{
	size_t n = marks_up_to(index, place);

	return line_from(index, n ? &index->mark[n - 1] : NULL, place);
}

size_t cite_index_line_begin(const struct cite_index *index, size_t part, int64_t line)
{
	const struct part *in = &index->document->part[part];
	size_t low = 0, high = index->n_mark, at = 0;
	int64_t here = 1;

	while (low < high) { /* the last mark in a line before that one */
		size_t mid = low + (high - low) / 2;
		const struct mark *mark = &index->mark[mid];

		if (mark->place.part < part || (mark->place.part == part && mark->line < line)) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	if (low && index->mark[low - 1].place.part == part) {
		at = index->mark[low - 1].place.at;
		here = index->mark[low - 1].line;
	}
	for (; here < line && at < in->len; here++) {
		const char *newline = memchr(in->text + at, '\n', in->len - at);

		at = newline ? (size_t)(newline - in->text) + 1 : in->len;
	}
	return at;
}

/* ---- searching ---- */

void fold_search_init(struct fold_search *search, const struct cite_index *index,
	const struct fold_needle *needle)
{
	*search = (struct fold_search){
		.index = index,
		.needle = needle,
		.to = index->folded.len,
	};
}

void fold_search_limit(struct fold_search *search, struct fold_place first, struct fold_place end)
{
	const struct cite_index *index = search->index;
	size_t slack = search->needle->len;
	size_t low = marks_up_to(index, first), high = marks_up_to(index, end);
	size_t from = low ? index->mark[low - 1].folded : 0;
	size_t to = high < index->n_mark ? index->mark[high].folded : index->folded.len;

	search->at = from > slack ? from - slack : 0;
	search->to = index->folded.len - to > slack ? to + slack : index->folded.len;
}

/*
 * Walk to the token that holds folded offset `target`; *skip says which of its bytes that is, and
 * *hyphen what stands in front of it. Leaves the search's cursor before that token.
 */
static struct fold_cursor walk_to(
	struct fold_search *search, size_t target, size_t *skip, enum fold_hyphen *hyphen)
{
	struct fold_cursor ahead;
	struct fold_token token;
	struct fold_place place;

	if (target - search->cursor_folded > MARK_EVERY_BYTES) {
		struct mark mark = mark_at_folded(search->index, target);

		if (mark.folded > search->cursor_folded) {
			search->cursor = (struct fold_cursor){.next = mark.place};
			search->cursor_folded = mark.folded;
			search->cursor_hyphen = FOLD_NO_HYPHEN;
		}
	}
	for (;;) {
		ahead = search->cursor;
		if (!cursor_next(&ahead, search->index->document, &token, &place) ||
			search->cursor_folded + token.n_byte > target) {
			break;
		}
		search->cursor = ahead;
		search->cursor_folded += token.n_byte;
		if (token.n_byte || token.hyphen) {
			search->cursor_hyphen = token.hyphen;
		}
	}
	*skip = target - search->cursor_folded;
	*hyphen = search->cursor_hyphen;
	return search->cursor;
}

/* Whether a word goes on across the joint of these two characters. */
static int inside_word(uint32_t before, uint32_t after)
{
	return (is_spaced_word(before) || before == '_') && (is_spaced_word(after) || after == '_');
}

static int is_digit(uint32_t cp)
{
	return cp >= '0' && cp <= '9';
}

/* What stands between the digits of one number: 1,000.50 12:30 1'000. */
static int is_in_number(uint32_t cp)
{
	return cp == '.' || cp == ',' || cp == ':' || cp == '\'' || cp == 0x2019;
}

/* The next token that is not nothing; what a number or word goes on with. */
static uint32_t next_character(
	struct fold_cursor *cursor, const struct document *document, struct fold_token *token)
{
	struct fold_place place;
	uint32_t cp = 0;

	do {
		if (!cursor_next(cursor, document, token, &place)) {
			*token = (struct fold_token){.n_byte = 0};
			return 0;
		}
	} while (token->n_byte == 0 && !token->hyphen);
	if (token->n_byte) {
		fold_decode(token->byte, token->n_byte, 0, &cp);
	}
	return cp;
}

/* Whether the quote's end, at the cursor, is inside a word or a number of the source. */
static int ends_inside_word(const struct fold_search *search, struct fold_cursor cursor)
{
	const struct fold_needle *needle = search->needle;
	const struct document *document = search->index->document;
	uint32_t last = fold_decode_before(needle->bytes, needle->len), next;
	struct fold_token token;

	next = next_character(&cursor, document, &token);
	if (token.hyphen) {
		return token.hyphen == FOLD_HYPHEN_BROKEN && is_spaced_word(last);
	}
	if (is_digit(last) && is_in_number(next)) {
		return is_digit(next_character(&cursor, document, &token));
	}
	return inside_word(last, next);
}

/* How much of the punctuation at the quote's end the source has too, from the cursor on. */
static size_t match_tail(const struct fold_search *search, struct fold_cursor cursor)
{
	const struct fold_needle *needle = search->needle;
	struct fold_token token;
	size_t n_tail = 0;

	for (;;) {
		next_character(&cursor, search->index->document, &token);
		if (token.n_byte == 0) {
			return n_tail;
		}
		for (size_t i = 0; i < token.n_byte; i++) {
			if (n_tail == needle->n_tail ||
				token.byte[i] != needle->bytes[needle->len + n_tail]) {
				return n_tail;
			}
			n_tail++;
		}
	}
}

/* Compare the quote with the source from a token on. */
static enum fold_grade compare(const struct fold_search *search, struct fold_cursor cursor,
	size_t skip, struct fold_hit *hit)
{
	const struct fold_needle *needle = search->needle;
	const struct document *document = search->index->document;
	enum fold_hyphen hyphen = FOLD_NO_HYPHEN;
	struct fold_token token;
	struct fold_place place;
	size_t j = 0;
	int same_case = 1;

	while (j < needle->len) {
		if (!cursor_next(&cursor, document, &token, &place)) {
			return FOLD_DIFFERENT;
		}
		if (token.n_byte == 0) {
			hyphen = token.hyphen ? token.hyphen : hyphen;
			continue;
		}
		if (j == 0) {
			hit->first = place;
		} else if (!hyphens_agree(hyphen, needle->hyphen[j])) {
			return FOLD_DIFFERENT;
		}
		hyphen = FOLD_NO_HYPHEN;
		hit->last = place;
		for (size_t i = skip; i < token.n_byte; i++, j++) {
			if (j == needle->len || fold_lower(token.byte[i]) != needle->lower[j]) {
				return FOLD_DIFFERENT;
			}
			same_case &= token.byte[i] == needle->bytes[j];
		}
		skip = 0;
	}
	if (ends_inside_word(search, cursor)) {
		return FOLD_DIFFERENT;
	}
	if (!same_case) {
		return FOLD_CASE_DIFFERS;
	}
	return match_tail(search, cursor) < needle->n_tail ? FOLD_TAIL_DIFFERS : FOLD_SAME;
}

/* The last character before text[*at] that is not nothing, *at moved in front of it; 0 for none. */
static uint32_t character_before(const char *text, size_t *at)
{
	uint32_t before = 0;

	while (*at > 0) {
		before = fold_decode_before(text, *at);
		/* A byte that is no character counts as one above their range. */
		*at -= before < 0x80 || before >= 0x110000 ? 1
		       : before < 0x800                    ? 2
		       : before < 0x10000                  ? 3
							   : 4;
		if (before && !unicode_is_nothing(before)) {
			return before;
		}
	}
	return 0;
}

/* Whether a word or a number of the source is cut by the quote's beginning. */
static int begins_inside_word(const struct fold_search *search, struct fold_cursor cursor,
	size_t skip, enum fold_hyphen hyphen)
{
	const struct part *part = &search->index->document->part[cursor.next.part];
	size_t at = cursor.next.at;
	uint32_t first, before;

	fold_decode(search->needle->bytes, search->needle->len, 0, &first);
	if (skip || hyphen == FOLD_HYPHEN_BROKEN) {
		return is_spaced_word(first);
	}
	if (hyphen) {
		return 0;
	}
	before = character_before(part->text, &at);
	if (is_digit(first) && is_in_number(before)) {
		return is_digit(character_before(part->text, &at));
	}
	return inside_word(before, first);
}

/*
 * Whether two folded bytes are inside one word for sure, with no hyphen between them: the common
 * reason for a hit to be none, told without going back to the source.
 */
static int is_joined(const struct cite_index *index, size_t at)
{
	const char *folded = index->folded.data;
	size_t block = at / MARK_EVERY_BYTES;

	return at > 0 && at < index->folded.len && fold_is_ascii_alnum(folded[at - 1]) &&
	       fold_is_ascii_alnum(folded[at]) &&
	       (block >= index->hyphens.len || !index->hyphens.data[block]);
}

int fold_search_next(struct fold_search *search, struct fold_hit *hit)
{
	const struct fold_needle *needle = search->needle;
	const char *folded = buf_str(&search->index->folded);

	while (needle->len && search->at < search->to) {
		const char *found = memmem(
			folded + search->at, search->to - search->at, needle->lower, needle->len);
		struct fold_cursor cursor;
		enum fold_hyphen hyphen;
		size_t at, skip;

		if (!found) {
			break;
		}
		at = (size_t)(found - folded);
		search->at = at + 1;
		if (is_joined(search->index, at) || is_joined(search->index, at + needle->len)) {
			while (is_joined(search->index, search->at)) {
				search->at++;
			}
			continue;
		}
		cursor = walk_to(search, at, &skip, &hyphen);
		if (begins_inside_word(search, cursor, skip, hyphen)) {
			continue;
		}
		hit->skip = skip;
		hit->grade = compare(search, cursor, skip, hit);
		if (hit->grade != FOLD_DIFFERENT) {
			return 1;
		}
	}
	search->at = search->to;
	return 0;
}

size_t fold_hit_places(const struct fold_search *search, const struct fold_hit *hit,
	const size_t *offset, size_t n, struct fold_place *place)
{
	struct fold_cursor cursor = {.next = hit->first};
	struct fold_token token;
	struct fold_place here;
	size_t walked = 0, count = 0;

	while (count < n && cursor_next(&cursor, search->index->document, &token, &here)) {
		walked += token.n_byte;
		while (count < n && offset[count] + hit->skip < walked) {
			place[count++] = here;
		}
	}
	return count;
}
