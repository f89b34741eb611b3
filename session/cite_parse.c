#include "session/cite_parse.h"

#include "loaders/document.h"
#include "session/pack.h"

#include <string.h>
#include <strings.h>

static int is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int parse_source_number(const char *text, size_t len, size_t at, int64_t *number, size_t *end)
{
	int64_t value = 0;
	size_t i = at + 1;

	if (at >= len || (text[at] != 'S' && text[at] != 's') ||
		(at > 0 && (is_letter(text[at - 1]) || is_digit(text[at - 1])))) {
		return 0;
	}
	while (i < len && is_digit(text[i]) && i - at <= 9) {
		value = 10 * value + (text[i++] - '0');
	}
	if (i == at + 1 || (i < len && (is_digit(text[i]) || is_letter(text[i])))) {
		return 0;
	}
	*number = value;
	*end = i;
	return 1;
}

size_t parse_source_word(const char *text, size_t len, size_t at)
{
	static const char *const word[] = {"sources", "source", "src", "see", "from"};
	size_t begin = at;

	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
		size_t n = strlen(word[i]);

		if (len - at > n && strncasecmp(text + at, word[i], n) == 0 &&
			(is_blank(text[at + n]) || text[at + n] == ':')) {
			for (at += n; at < len && (is_blank(text[at]) || text[at] == ':'); at++) {
			}
			return at - begin;
		}
	}
	return 0;
}

/* ---- quotation marks ---- */

#define DOUBLE_LOW  "\xe2\x80\x9e" /* U+201E */
#define DOUBLE_66   "\xe2\x80\x9c" /* U+201C */
#define DOUBLE_99   "\xe2\x80\x9d" /* U+201D */
#define SINGLE_LOW  "\xe2\x80\x9a" /* U+201A */
#define SINGLE_6    "\xe2\x80\x98" /* U+2018 */
#define SINGLE_9    "\xe2\x80\x99" /* U+2019 */
#define GUILLEMET_L "\xc2\xab"
#define GUILLEMET_R "\xc2\xbb"

/* Kinds of marks: one that opens is closed by one of its kind. */
enum { N_KIND = 4, KIND_SINGLE = 3 };

static const char *const opening[N_KIND][4] = {
	{"\"", DOUBLE_66, DOUBLE_99, DOUBLE_LOW},
	{"`"},
	{GUILLEMET_L, GUILLEMET_R},
	{"'", SINGLE_6, SINGLE_LOW},
};
static const char *const closing[N_KIND][4] = {
	{"\"", DOUBLE_99, DOUBLE_66},
	{"`"},
	{GUILLEMET_L, GUILLEMET_R},
	{"'", SINGLE_9, SINGLE_6},
};

static size_t match_any(const char *text, size_t len, size_t at, const char *const mark[4])
{
	for (size_t i = 0; i < 4 && mark[i]; i++) {
		size_t n = strlen(mark[i]);

		if (len - at >= n && memcmp(text + at, mark[i], n) == 0) {
			return n;
		}
	}
	return 0;
}

/* The kind of the mark that opens at text[at] and its length; 0 for none. */
static size_t open_mark(const char *text, size_t len, size_t at, int *kind)
{
	for (*kind = 0; *kind < N_KIND && at < len; ++*kind) {
		size_t n = match_any(text, len, at, opening[*kind]);

		/* An apostrophe opens nothing inside a word. */
		if (n && (*kind != KIND_SINGLE || at == 0 || is_blank(text[at - 1]) ||
				 strchr(":,;([", text[at - 1]))) {
			return n;
		}
	}
	return 0;
}

static size_t close_mark(const char *text, size_t len, size_t at, int kind)
{
	size_t n = at < len ? match_any(text, len, at, closing[kind]) : 0;

	/* Nor does it close anything there. */
	if (n && kind == KIND_SINGLE && at + n < len &&
		(is_letter(text[at + n]) || is_digit(text[at + n]))) {
		return 0;
	}
	return n;
}

size_t parse_quote_open(const char *text, size_t len, size_t at)
{
	int kind;

	return open_mark(text, len, at, &kind);
}

size_t parse_quote_close(const char *text, size_t len, size_t at, size_t opened_at)
{
	int kind;

	return open_mark(text, len, opened_at, &kind) ? close_mark(text, len, at, kind) : 0;
}

size_t parse_quote_end(const char *text, size_t len)
{
	for (size_t n = len < 3 ? len : 3; n > 0; n--) {
		for (int kind = 0; kind < N_KIND; kind++) {
			if (close_mark(text, len, len - n, kind) == n) {
				return n;
			}
		}
	}
	return 0;
}

/* ---- heads ---- */

static void trim(const char *text, struct span *span)
{
	while (span->at < span->end &&
		(is_blank(text[span->at]) || strchr(",;:(", text[span->at]))) {
		span->at++;
	}
	while (span->end > span->at &&
		(is_blank(text[span->end - 1]) || strchr(",;:)#", text[span->end - 1]))) {
		span->end--;
	}
}

/* Lines and pages end long before: what is larger is read as one more than this. */
static const int64_t NUMBER_MAX = 1000000000000;

/* The number that ends before text[*end]; moves *end in front of it. */
static int number_before(const char *text, size_t from, size_t *end, int64_t *number)
{
	size_t at = *end;

	while (at > from && is_digit(text[at - 1])) {
		at--;
	}
	if (at == *end) {
		return 0;
	}
	*number = 0;
	for (size_t i = at; i < *end; i++) {
		*number = 10 * *number + (text[i] - '0');
		if (*number > NUMBER_MAX) {
			*number = NUMBER_MAX + 1;
			break;
		}
	}
	*end = at;
	return 1;
}

/* Steps back over a hyphen or dash and the spaces around it. */
static int dash_before(const char *text, size_t from, size_t *end)
{
	size_t at = *end;

	while (at > from && text[at - 1] == ' ') {
		at--;
	}
	if (at > from && text[at - 1] == '-') {
		at--;
	} else if (at >= from + 3 && memcmp(text + at - 3, "\xe2\x80", 2) == 0 &&
		   (unsigned char)text[at - 1] >= 0x90 && (unsigned char)text[at - 1] <= 0x95) {
		at -= 3;
	} else {
		return 0;
	}
	while (at > from && text[at - 1] == ' ') {
		at--;
	}
	*end = at;
	return 1;
}

static int word_before(const char *text, size_t from, size_t *end, const char *word)
{
	size_t n = strlen(word);

	if (*end - from < n || strncasecmp(text + *end - n, word, n) != 0 ||
		(*end - n > from && is_letter(text[*end - n - 1]))) {
		return 0;
	}
	*end -= n;
	return 1;
}

static int any_word_before(
	const char *text, size_t from, size_t *end, const char *const *word, size_t n_word)
{
	size_t at = *end;

	while (at > from && (text[at - 1] == ' ' || text[at - 1] == '.')) {
		at--;
	}
	for (size_t i = 0; i < n_word; i++) {
		if (word_before(text, from, &at, word[i])) {
			*end = at;
			return 1;
		}
	}
	return 0;
}

/* `12`, `12-18`. */
struct number_range {
	int64_t first, last;
};

/* What a head says: 0 ranges where there are no numbers, is_bad where they can be no place. */
struct number_list {
	struct number_range range[PLACES_MAX];
	size_t n;
	int is_bad;
};

/* The `12`, `12-18` or `L12-L18` that ends before text[*end]; moves *end in front of it. */
static int range_before(
	const char *text, size_t from, size_t *end, struct number_range *range, int *is_bad)
{
	size_t at = *end, before_dash;

	if (!number_before(text, from, &at, &range->last)) {
		return 0;
	}
	range->first = range->last;
	before_dash = at;
	word_before(text, from, &before_dash, "L");
	if (dash_before(text, from, &before_dash) &&
		number_before(text, from, &before_dash, &range->first)) {
		at = before_dash;
	}
	*is_bad |= range->first < 1 || range->last < range->first || range->last > NUMBER_MAX;
	*end = at;
	return 1;
}

/* Steps back over a comma, `and` or `&` and the spaces around it. */
static int list_mark_before(const char *text, size_t from, size_t *end)
{
	size_t at = *end;
	int found = 0;

	for (; at > from && strchr(" ,;&", text[at - 1]); at--) {
		found |= text[at - 1] != ' ';
	}
	if (word_before(text, from, &at, "and")) {
		for (found = 1; at > from && strchr(" ,", text[at - 1]); at--) {
		}
	}
	*end = at;
	return found;
}

/*
 * Numbers at the end of the head, `12`, `L12`, `12-18`, `3, 5 and 7`, behind one of the words or
 * behind a mark that parts them from a name. Shortens *span to what stands before.
 */
static struct number_list numbers_at_end(
	const char *text, struct span *span, const char *const *word, size_t n_word)
{
	struct number_list list = {.n = 0};
	size_t next = span->end;

	while (list.n < PLACES_MAX) {
		int is_bad = 0;

		if (!range_before(text, span->at, &next, &list.range[list.n], &is_bad) ||
			(!any_word_before(text, span->at, &next, word, n_word) && next > span->at &&
				!strchr(" :,;#(&", text[next - 1]))) {
			break;
		}
		list.is_bad |= is_bad;
		list.n++;
		span->end = next;
		if (!list_mark_before(text, span->at, &next)) {
			break;
		}
	}
	if (list.n) {
		trim(text, span);
	}
	return list;
}

/* ---- ranges ---- */

static struct place_range parts_range(size_t first, size_t end)
{
	return (struct place_range){.first = {.part = first}, .end = {.part = end}};
}

static struct place_range lines_range(
	const struct cite_index *index, size_t part, int64_t first, int64_t last)
{
	return (struct place_range){
		.first = {.part = part, .at = cite_index_line_begin(index, part, first)},
		.end = {.part = part, .at = cite_index_line_begin(index, part, last + 1)},
	};
}

static int ends_with_path(const char *path, size_t len, const char *tail, size_t tail_len)
{
	return len >= tail_len && memcmp(path + len - tail_len, tail, tail_len) == 0 &&
	       (len == tail_len || path[len - tail_len - 1] == '/');
}

/* The part of a tree that a path names, whole or by its end; n_part where there is none. */
static size_t find_file(const struct document *document, const char *text, struct span span)
{
	struct buf path = BUF_INIT;
	size_t found = document->n_part;

	pack_attribute_decode(&path, text + span.at, span.end - span.at);
	for (size_t i = 0; i < document->n_part && path.len; i++) {
		const char *own = document->part[i].place.path;
		size_t own_len = own ? strlen(own) : 0;

		if (own && own_len == path.len && memcmp(own, path.data, own_len) == 0) {
			found = i;
			break;
		}
		if (own && found == document->n_part &&
			(ends_with_path(own, own_len, path.data, path.len) ||
				ends_with_path(path.data, path.len, own, own_len))) {
			found = i;
		}
	}
	buf_finish(&path);
	return found;
}

static struct place_range whole(const struct document *document)
{
	return parts_range(0, document->n_part);
}

static int names_document(const struct document *document, const char *text, struct span span)
{
	struct buf path = BUF_INIT;
	int same;

	pack_attribute_decode(&path, text + span.at, span.end - span.at);
	same = path.len && document->name &&
	       ends_with_path(document->name, strlen(document->name), path.data, path.len);
	buf_finish(&path);
	return same;
}

/*
 * A head that is a name as it stands is no line number, even where it ends in a digit. A name that
 * nothing has is passed over where the document is one file: the source's number already says it.
 */
static size_t parse_lines(const struct document *document, const struct cite_index *index,
	const char *text, struct span span, struct place_range range[PLACES_MAX])
{
	static const char *const word[] = {"lines", "line", "ln", "l"};
	int is_tree = document->n_part > 1;
	struct number_list list;
	struct span name = span;
	size_t file = is_tree ? find_file(document, text, span) : 0;

	*range = whole(document);
	if (span.at == span.end || names_document(document, text, span)) {
		return 1;
	}
	if (is_tree && file < document->n_part) {
		*range = parts_range(file, file + 1);
		return 1;
	}
	list = numbers_at_end(text, &name, word, 4);
	if (list.n == 0) {
		return !is_tree;
	}
	if (is_tree) {
		file = find_file(document, text, name);
	}
	if (list.is_bad) {
		return 0;
	}
	if (file >= document->n_part) {
		return name.at == name.end;
	}
	for (size_t i = 0; i < list.n; i++) {
		range[i] = lines_range(index, file, list.range[i].first, list.range[i].last);
	}
	return list.n;
}

/* The last word of the head: `p.xii`, `page xii`, `spec.pdf:xii`. */
static struct span last_word(const char *text, struct span span)
{
	size_t at = span.end;

	while (at > span.at && !is_blank(text[at - 1]) && text[at - 1] != '.' &&
		text[at - 1] != ':') {
		at--;
	}
	return (struct span){.at = at, .end = span.end};
}

static int is_label(const struct part *part, const char *text, struct span label)
{
	const char *own = part->place.label;

	return own && label.end > label.at && strlen(own) == label.end - label.at &&
	       memcmp(own, text + label.at, label.end - label.at) == 0;
}

static size_t parse_pages(const struct document *document, const char *text, struct span span,
	struct place_range range[PLACES_MAX])
{
	static const char *const word[] = {"pages", "page", "pp", "p"};
	struct span rest = span, label = last_word(text, span);
	struct number_list list = numbers_at_end(text, &rest, word, 4);
	size_t n = 0;

	for (size_t i = 0; i < document->n_part && n < PLACES_MAX; i++) {
		int64_t page = document->part[i].place.page;
		size_t end = i;

		for (size_t k = 0; k < list.n && !list.is_bad && end == i; k++) {
			while (page == list.range[k].first && end < document->n_part &&
				document->part[end].place.page <= list.range[k].last) {
				end++;
			}
		}
		if (end > i || is_label(&document->part[i], text, label)) {
			range[n++] = parts_range(i, end > i ? end : i + 1);
		}
	}
	if (n == 0 && list.n == 0) {
		range[n++] = whole(document);
	}
	return n;
}

int parse_clock(const char *text, size_t len, size_t *at, int64_t *seconds)
{
	int64_t value = 0, field = 0;
	size_t i = *at, n_colon = 0, n_digit = 0;

	for (; i < len && (is_digit(text[i]) || (text[i] == ':' && i + 1 < len)); i++) {
		if (text[i] == ':' && !is_digit(text[i + 1])) {
			break; /* it ends a sentence's half, not a field */
		}
		if (text[i] == ':') {
			if (n_digit == 0 || ++n_colon > 2 || (n_colon == 2 && field > 59)) {
				return 0;
			}
			value = 60 * (value + field);
			field = 0;
			n_digit = 0;
		} else {
			field = 10 * field + (text[i] - '0');
			if (++n_digit > 6) {
				return 0;
			}
		}
	}
	if (n_colon < 1 || n_digit != 2 || field > 59) {
		return 0;
	}
	if (i + 1 < len && (text[i] == '.' || text[i] == ',') && is_digit(text[i + 1])) {
		for (i++; i < len && is_digit(text[i]); i++) {
		}
	}
	*seconds = value + field;
	*at = i;
	return 1;
}

/* Whether the digits at text[*at] go on with a colon, as a time does; else *at is behind them. */
static int looks_like_clock(const char *text, size_t *at, size_t end)
{
	size_t i = *at;

	while (i < end && is_digit(text[i])) {
		i++;
	}
	if (i + 1 < end && text[i] == ':' && is_digit(text[i + 1])) {
		return 1;
	}
	*at = i;
	return 0;
}

/* The times in the head, as they are written; is_bad where one is none or an end is too early. */
static struct number_list clocks_in(const char *text, struct span span)
{
	struct number_list list = {.n = 0};

	for (size_t at = span.at; at < span.end && list.n < PLACES_MAX;) {
		size_t before = at;
		int64_t seconds;

		if (!is_digit(text[at])) {
			at++;
			continue;
		}
		if (!looks_like_clock(text, &at, span.end)) {
			continue;
		}
		if (!parse_clock(text, span.end, &at, &seconds)) {
			list.is_bad = 1;
			break;
		}
		if (list.n && dash_before(text, span.at, &before)) {
			list.range[list.n - 1].last = seconds;
			list.is_bad |= seconds < list.range[list.n - 1].first;
		} else {
			list.range[list.n++] = (struct number_range){seconds, seconds};
		}
	}
	return list;
}

/* When the cue at `part` began, in seconds; of one without a time that of the last one with. */
static int64_t cue_seconds(const struct part *part, int64_t before)
{
	return part->place.time_ms < 0 ? before : part->place.time_ms / 1000;
}

/*
 * The runs of cues that stand at a time. A cue goes on until the next one begins, the first one
 * also covers what is before it; times may begin anew, where a document holds several talks.
 */
static size_t cues_ranges(const struct document *document, struct number_range clock,
	struct place_range *range, size_t max)
{
	int64_t own = 0, next = document->n_part ? cue_seconds(&document->part[0], 0) : 0;
	size_t n = 0, run_end = 0;

	if (next > clock.last) {
		range[n++] = parts_range(0, 1);
	}
	for (size_t i = 0; i < document->n_part; i++) {
		own = next;
		next = i + 1 < document->n_part ? cue_seconds(&document->part[i + 1], own)
						: INT64_MAX;
		if (own > clock.last || (own < clock.first && own <= next && next <= clock.first)) {
			continue;
		}
		if (n && run_end == i) {
			range[n - 1].end.part = i + 1;
		} else if (n < max) {
			range[n++] = parts_range(i, i + 1);
		} else {
			break;
		}
		run_end = i + 1;
	}
	return n;
}

static size_t parse_times(const struct document *document, const char *text, struct span span,
	struct place_range range[PLACES_MAX])
{
	struct number_list list;
	size_t n = 0;

	*range = whole(document);
	if (span.at == span.end || names_document(document, text, span)) {
		return 1;
	}
	list = clocks_in(text, span);
	if (list.is_bad) {
		return 0;
	}
	for (size_t i = 0; i < list.n && n < PLACES_MAX; i++) {
		n += cues_ranges(document, list.range[i], range + n, PLACES_MAX - n);
	}
	return list.n ? n : 1;
}

int parse_is_place(const char *text, size_t len)
{
	static const char *const word[] = {
		"lines", "line", "ln", "l", "pages", "page", "pp", "p", "at", "in", "on", "and"};
	struct span span = {.end = len};

	trim(text, &span);
	for (size_t at = span.at, end; at < span.end; at = end) {
		int is_known = 0;

		for (end = at; end < span.end && !is_blank(text[end]); end++) {
			is_known |= is_digit(text[end]) || text[end] == '/';
		}
		for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++) {
			is_known |= strlen(word[i]) == end - at &&
				    strncasecmp(text + at, word[i], end - at) == 0;
		}
		while (end < span.end && is_blank(text[end])) {
			if (text[end++] == '\n') {
				return 0;
			}
		}
		if (!is_known) {
			return 0;
		}
	}
	return span.end > span.at;
}

size_t parse_place(const struct document *document, const struct cite_index *index,
	const char *head, size_t len, struct place_range range[PLACES_MAX])
{
	struct span span = {.end = len};

	trim(head, &span);
	switch (document->kind) {
	case DOCUMENT_PDF:
		return parse_pages(document, head, span, range);
	case DOCUMENT_TRANSCRIPT:
		return parse_times(document, head, span, range);
	default:
		return parse_lines(document, index, head, span, range);
	}
}
