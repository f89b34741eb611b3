/*
 * Running headers and footers. The outermost lines of each page are candidates; one whose words
 * come again near by, at the same distance from the same edge, on enough pages, is one. Numbers in
 * it may count the pages, but nothing else may differ.
 */
#include "loaders/pages.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum {
	EDGE_LINES = 3,       /* that many lines from each edge; blank ones do not count */
	MAX_LINE_BYTES = 200, /* a longer line is a paragraph */
	MAX_NUMBERS = 4,
	MAX_GAP_PAGES = 4, /* left and right pages, and a chapter's first page without a header */
	MAX_LOOK_BACK = EDGE_LINES * (MAX_GAP_PAGES + 1), /* whatever a worker claims */
	MIN_PAGES = 3,
	MIN_PAGES_COUNTED = 4, /* words with a number that counts: "Step 1", "Step 2", "Step 3" */
};

enum edge { EDGE_TOP, EDGE_BOTTOM };

struct edge_line {
	size_t part;
	size_t at, len; /* in its text, without the newline */
	size_t key, key_len;
	int64_t number[MAX_NUMBERS];
	int n_number;
	enum edge edge;
	int slot;       /* 0: the outermost */
	int has_letter; /* outside of numbers */
	int is_running;
	/* The longest row of pages that ends here. */
	size_t n_chain, before; /* `before` is an index, n_chain > 1 only */
	unsigned counting;      /* which of the numbers count the pages */
};

struct edge_lines {
	struct edge_line *line;
	size_t n, cap;
	struct buf keys;
};

/* ---- keys ---- */

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Of any script; marks, arrows, and the lines that trees and tables are drawn with are none. */
static int is_letter(const char *text, size_t len)
{
	uint32_t cp = 0;

	if ((unsigned char)*text < 0x80) {
		return (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z');
	}
	return utf8_decode(text, len, &cp) && cp >= 0xc0 && cp != 0xd7 && cp != 0xf7 &&
	       !(cp >= 0x2000 && cp < 0x2c00) && !(cp >= 0x3000 && cp < 0x3005) &&
	       !(cp >= 0x3008 && cp < 0x3020) && !(cp >= 0xe000 && cp < 0xf900) &&
	       !(cp >= 0xfff0 && cp < 0x10000);
}

/* The value of a line that is a roman number and nothing else, up to 399; 0: it is none. */
static int64_t roman_value(const char *text, size_t len)
{
	static const char letter[] = "ivxlc";
	static const int value[] = {1, 5, 10, 50, 100};
	int64_t sum = 0;
	int after = 0;

	if (len > 12) {
		return 0;
	}
	for (size_t i = len; i-- > 0;) {
		const char *found = memchr(letter, text[i] | 0x20, 5);
		int own = found ? value[found - letter] : 0;

		if (!own) {
			return 0;
		}
		sum += own < after ? -own : own;
		after = own > after ? own : after;
	}
	return sum > 0 ? sum : 0;
}

/*
 * Add what stays the same from page to page: the text with its numbers and blanks as one mark
 * each.
 */
static void make_key(struct edge_lines *lines, struct edge_line *line, const char *text, size_t len)
{
	struct buf *keys = &lines->keys;

	line->key = keys->len;
	line->number[0] = roman_value(text, len);
	if (line->number[0]) {
		line->n_number = 1;
		buf_addch(keys, '~');
		line->key_len = 1;
		return;
	}
	for (size_t i = 0; i < len;) {
		if (is_digit(text[i]) && line->n_number < MAX_NUMBERS) {
			int64_t value = 0;

			for (; i < len && is_digit(text[i]) && value < 100000000; i++) {
				value = 10 * value + (text[i] - '0');
			}
			line->number[line->n_number++] = value;
			buf_addch(keys, '#');
		} else if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r') {
			while (i < len && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r')) {
				i++;
			}
			buf_addch(keys, ' ');
		} else {
			line->has_letter |= is_letter(text + i, len - i);
			buf_addch(keys, text[i++]);
		}
	}
	line->key_len = keys->len - line->key;
}

/* ---- candidates ---- */

static size_t line_end(const struct part *part, size_t at)
{
	const char *found = at < part->len ? memchr(part->text + at, '\n', part->len - at) : NULL;

	return found ? (size_t)(found - part->text) : part->len;
}

static size_t line_begin(const struct part *part, size_t end)
{
	while (end > 0 && part->text[end - 1] != '\n') {
		end--;
	}
	return end;
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* Returns 0 for a blank line, which is no candidate and takes no slot. */
static int add_line(struct edge_lines *lines, const struct document *document, size_t part,
	enum edge edge, int slot, size_t at, size_t end)
{
	const char *text = document->part[part].text;
	size_t first = at, last = end;
	struct edge_line *line;

	while (first < last && is_blank(text[first])) {
		first++;
	}
	while (last > first && is_blank(text[last - 1])) {
		last--;
	}
	if (first == last) {
		return 0;
	}
	if (last - first <= MAX_LINE_BYTES) {
		mem_grow(lines->line, lines->n, lines->cap);
		line = &lines->line[lines->n++];
		*line = (struct edge_line){
			.part = part, .at = at, .len = end - at, .edge = edge, .slot = slot};
		make_key(lines, line, text + first, last - first);
	}
	return 1;
}

static void add_page(struct edge_lines *lines, const struct document *document, size_t index)
{
	const struct part *part = &document->part[index];
	size_t at = 0, end = part->len;

	for (int slot = 0; slot < EDGE_LINES && at < part->len;) {
		size_t stop = line_end(part, at);

		slot += add_line(lines, document, index, EDGE_TOP, slot, at, stop);
		at = stop + 1;
	}
	if (end && part->text[end - 1] == '\n') {
		end--;
	}
	for (int slot = 0; slot < EDGE_LINES;) {
		size_t begin = line_begin(part, end);

		slot += add_line(lines, document, index, EDGE_BOTTOM, slot, begin, end);
		if (begin == 0) {
			break;
		}
		end = begin - 1;
	}
}

/* ---- rows of pages ---- */

/* A number alone: what a page is called. */
static int is_folio(const struct edge_line *line)
{
	return !line->has_letter && line->n_number > 0;
}

static int compare_lines(const void *one, const void *other, void *all_keys)
{
	const struct edge_line *a = one, *b = other;
	const char *keys = all_keys;
	int order;

	if (a->edge != b->edge) {
		return a->edge < b->edge ? -1 : 1;
	}
	if (a->key_len != b->key_len) {
		return a->key_len < b->key_len ? -1 : 1;
	}
	order = memcmp(keys + a->key, keys + b->key, a->key_len);
	if (order) {
		return order;
	}
	if (a->part != b->part) {
		return a->part < b->part ? -1 : 1;
	}
	return a->slot - b->slot;
}

static int same_key(const struct edge_lines *lines, size_t a, size_t b)
{
	const struct edge_line *one = &lines->line[a], *other = &lines->line[b];

	return one->edge == other->edge && one->key_len == other->key_len &&
	       memcmp(lines->keys.data + one->key, lines->keys.data + other->key, one->key_len) ==
		       0;
}

/* Whether `line` may go on a row that ends with `before`, `n_page` pages ahead. */
static int continues(const struct edge_line *before, const struct edge_line *line, int64_t n_page,
	unsigned *counting)
{
	*counting = 0;
	if (!is_folio(line) && line->slot != before->slot) {
		return 0;
	}
	for (int i = 0; i < line->n_number; i++) {
		int64_t more = line->number[i] - before->number[i];

		if (more != 0 && more != n_page) {
			return 0;
		}
		*counting |= more ? 1u << i : 0;
	}
	/* What says nothing but the same number or the same rule may as well be a table's. */
	if (!line->has_letter && !*counting) {
		return 0;
	}
	return before->n_chain == 1 || before->counting == *counting;
}

static void link_line(struct edge_lines *lines, const struct document *document, size_t index)
{
	struct edge_line *line = &lines->line[index];
	int64_t page = document->part[line->part].place.page;

	line->n_chain = 1;
	for (size_t i = index;
		i-- > 0 && index - i <= MAX_LOOK_BACK && same_key(lines, i, index);) {
		const struct edge_line *before = &lines->line[i];
		int64_t n_page = page - document->part[before->part].place.page;
		unsigned counting;

		if (n_page > MAX_GAP_PAGES) {
			break;
		}
		if (n_page > 0 && before->n_chain >= line->n_chain &&
			continues(before, line, n_page, &counting)) {
			line->n_chain = before->n_chain + 1;
			line->before = i;
			line->counting = counting;
		}
	}
}

static void mark_rows(struct edge_lines *lines)
{
	for (size_t i = lines->n; i-- > 0;) {
		const struct edge_line *last = &lines->line[i];
		size_t need = last->has_letter && last->counting ? MIN_PAGES_COUNTED : MIN_PAGES;

		if (last->n_chain < need || last->is_running) {
			continue;
		}
		for (size_t at = i;; at = lines->line[at].before) {
			lines->line[at].is_running = 1;
			if (lines->line[at].n_chain == 1) {
				break;
			}
		}
	}
}

static int compare_places(const void *one, const void *other)
{
	const struct edge_line *a = one, *b = other;

	if (a->part != b->part) {
		return a->part < b->part ? -1 : 1;
	}
	if (a->edge != b->edge) {
		return a->edge < b->edge ? -1 : 1;
	}
	return a->slot - b->slot;
}

/* Words are a header only where nothing of the page's own stands between them and the edge. */
static void peel(struct edge_lines *lines)
{
	int is_outermost = 1, next_slot = 0;

	for (size_t i = 0; i < lines->n; i++) {
		struct edge_line *line = &lines->line[i];

		if (i == 0 || line->part != line[-1].part || line->edge != line[-1].edge) {
			is_outermost = 1;
			next_slot = 0;
		}
		is_outermost = is_outermost && line->slot == next_slot;
		next_slot = line->slot + 1;
		if (!line->is_running || (!is_outermost && !is_folio(line))) {
			line->is_running = 0;
			is_outermost = 0;
		}
	}
}

/* ---- what comes of it ---- */

static int compare_offsets(const void *one, const void *other)
{
	const struct edge_line *a = one, *b = other;

	if (a->part != b->part) {
		return a->part < b->part ? -1 : 1;
	}
	return (a->at > b->at) - (a->at < b->at);
}

/*
 * The running lines alone, in reading order, each once: a short page's lines are near both edges.
 */
static void keep_running(struct edge_lines *lines)
{
	size_t n = 0;

	for (size_t i = 0; i < lines->n; i++) {
		if (lines->line[i].is_running) {
			lines->line[n++] = lines->line[i];
		}
	}
	lines->n = n;
	if (n) {
		qsort(lines->line, n, sizeof(*lines->line), compare_offsets);
	}
	n = 0;
	for (size_t i = 0; i < lines->n; i++) {
		if (n == 0 || compare_offsets(&lines->line[n - 1], &lines->line[i]) != 0) {
			lines->line[n++] = lines->line[i];
		}
	}
	lines->n = n;
}

/* Take lines out of a page; blank lines that then begin or end it go with them. */
static void drop_lines(struct part *part, const struct edge_line *line, size_t n)
{
	size_t from = 0, to = 0, begin = 0;

	for (size_t i = 0; i <= n; i++) {
		size_t until = i < n ? line[i].at : part->len;

		memmove(part->text + to, part->text + from, until - from);
		to += until - from;
		if (i < n) {
			from = line[i].at + line[i].len;
			from += from < part->len; /* its newline */
		}
	}
	while (begin < to && part->text[begin] == '\n') {
		begin++;
	}
	to -= begin;
	memmove(part->text, part->text + begin, to);
	while (to > 1 && part->text[to - 1] == '\n' && part->text[to - 2] == '\n') {
		to--;
	}
	part->len = to;
}

void pages_find_running(struct document *document, int drop)
{
	struct edge_lines lines = {0};
	size_t end = 0;

	for (size_t i = 0; i < document->n_part; i++) {
		add_page(&lines, document, i);
	}
	if (lines.n) {
		qsort_r(lines.line, lines.n, sizeof(*lines.line), compare_lines, lines.keys.data);
	}
	for (size_t i = 0; i < lines.n; i++) {
		link_line(&lines, document, i);
	}
	mark_rows(&lines);
	if (lines.n) {
		qsort(lines.line, lines.n, sizeof(*lines.line), compare_places);
	}
	peel(&lines);
	keep_running(&lines);
	document->running =
		(struct running_lines){.n_lines = (int64_t)lines.n, .are_dropped = drop};
	for (size_t first = 0; first < lines.n; first = end) {
		size_t part = lines.line[first].part;

		for (end = first + 1; end < lines.n && lines.line[end].part == part;) {
			end++;
		}
		document->running.n_pages++;
		if (drop) {
			drop_lines(&document->part[part], &lines.line[first], end - first);
		}
	}
	free(lines.line);
	buf_finish(&lines.keys);
}
