/* What is said of a document's pages, and where its bookmarks lead. */
#include "loaders/pages.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* Looking for a title costs time with the page; what is more than a page's is hostile. */
	MAX_TITLES_PER_PAGE = 64,
	MAX_TITLE_PAGE_BYTES = 1 << 14,
};

void page_notes_add(
	struct page_notes *notes, int64_t page, enum skip_class class, const char *reason)
{
	mem_grow(notes->note, notes->n, notes->cap);
	notes->note[notes->n++] = (struct page_note){page, class, mem_strdup(reason)};
}

void page_notes_finish(struct page_notes *notes)
{
	for (size_t i = 0; i < notes->n; i++) {
		free(notes->note[i].reason);
	}
	free(notes->note);
	*notes = (struct page_notes){0};
}

/* ---- notes ---- */

static int compare_reasons(const void *one, const void *other)
{
	const struct page_note *a = one, *b = other;
	int order = a->class != b->class ? (a->class < b->class ? -1 : 1)
					 : strcmp(a->reason, b->reason);

	return order ? order : (a->page > b->page) - (a->page < b->page);
}

static int compare_pages(const void *one, const void *other)
{
	const struct page_note *a = one, *b = other;

	return a->page != b->page ? (a->page < b->page ? -1 : 1) : compare_reasons(one, other);
}

/*
 * A reason is written for one page: "is empty", "has only pictures"; of several they are, and
 * have.
 */
static void add_reason(struct buf *text, const char *reason, int is_plural)
{
	static const char *const verb[][2] = {{"is ", "are "}, {"has ", "have "}};

	for (size_t i = 0; is_plural && i < ARRAY_LEN(verb); i++) {
		size_t len = strlen(verb[i][0]);

		if (strncmp(reason, verb[i][0], len) == 0) {
			buf_addstr(text, verb[i][1]);
			reason += len;
			break;
		}
	}
	buf_addstr(text, reason);
}

/* "page 3", "pages 3-9, 12 and 14"; returns how many pages that is. */
static size_t add_pages(struct buf *text, const struct page_note *note, size_t n)
{
	size_t n_page = 0, end = 0;

	buf_addstr(text, note[0].page == note[n - 1].page ? "page " : "pages ");
	for (size_t first = 0; first < n; first = end) {
		end = first + 1;
		while (end < n && note[end].page - note[end - 1].page <= 1) {
			end++;
		}
		if (first) {
			buf_addstr(text, end == n ? " and " : ", ");
		}
		buf_printf(text, "%lld", (long long)note[first].page);
		if (note[end - 1].page > note[first].page) {
			buf_printf(text, "-%lld", (long long)note[end - 1].page);
		}
		n_page += (size_t)(note[end - 1].page - note[first].page) + 1;
	}
	return n_page;
}

/* The notes of one reason become one, at the first of its pages. */
static void group_notes(struct page_notes *notes)
{
	size_t n_group = 0, end = 0;

	if (notes->n) {
		qsort(notes->note, notes->n, sizeof(*notes->note), compare_reasons);
	}
	for (size_t first = 0; first < notes->n; first = end) {
		struct page_note *note = &notes->note[first];
		struct page_note group = {note->page, note->class, NULL};
		struct buf text = BUF_INIT;
		size_t n_page;

		end = first + 1;
		while (end < notes->n && notes->note[end].class == note->class &&
			strcmp(notes->note[end].reason, note->reason) == 0) {
			end++;
		}
		n_page = add_pages(&text, note, end - first);
		buf_addch(&text, ' ');
		add_reason(&text, note->reason, n_page > 1);
		for (size_t i = first; i < end; i++) {
			free(notes->note[i].reason);
		}
		group.reason = buf_take(&text);
		notes->note[n_group++] = group;
	}
	notes->n = n_group;
	if (n_group) {
		qsort(notes->note, n_group, sizeof(*notes->note), compare_pages);
	}
}

/* Of a document that has no text: the reason of all its pages where that is one, else each. */
static int refuse_empty(struct page_notes *notes, struct skip *skip)
{
	size_t n_reason = notes->n ? 1 : 0;
	int64_t last_page = 0;
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < notes->n; i++) {
		n_reason += strcmp(notes->note[i].reason, notes->note[0].reason) != 0;
		last_page = notes->note[i].page > last_page ? notes->note[i].page : last_page;
	}
	if (n_reason == 1 && last_page > 1) {
		buf_printf(&text, "all %lld pages ", (long long)last_page);
		add_reason(&text, notes->note[0].reason, 1);
	} else if (n_reason == 1) {
		buf_addstr(&text, "its only page ");
		buf_addstr(&text, notes->note[0].reason);
	} else {
		group_notes(notes);
		for (size_t i = 0; i < notes->n; i++) {
			buf_printf(&text, "%s%s", i ? "; " : "", notes->note[i].reason);
		}
	}
	skip_set(skip, SKIP_UNREADABLE, "has no text%s%s", text.len ? ": " : "", buf_str(&text));
	buf_finish(&text);
	return -1;
}

/* ---- bookmarks ---- */

static size_t first_part_from(const struct document *document, int64_t page)
{
	size_t low = 0, high = document->n_part;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (document->part[middle].place.page < page) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/*
 * Whether the line is how the title begins, case and white space apart; of a few letters at least.
 */
static int begins_title(const char *line, size_t line_len, const char *title)
{
	size_t n_letter = 0;

	for (size_t i = 0; i < line_len; i++) {
		if (is_blank(line[i])) {
			continue;
		}
		while (is_blank(*title)) {
			title++;
		}
		if (lower(*title) != lower(line[i]) || !*title) {
			return 0;
		}
		title++;
		n_letter++;
	}
	return n_letter > 3;
}

/*
 * The same from the end: 2 the line is the title, 1 it ends with it: "Chapter 2. The base
 * package".
 */
static int ends_with_title(const char *line, size_t line_len, const char *title, size_t title_len)
{
	size_t i = line_len, j = title_len;

	for (;;) {
		while (i && is_blank(line[i - 1])) {
			i--;
		}
		while (j && is_blank(title[j - 1])) {
			j--;
		}
		if (!i || !j || lower(line[i - 1]) != lower(title[j - 1])) {
			break;
		}
		i--;
		j--;
	}
	return j ? 0 : !i ? 2 : is_blank(line[i]);
}

/* 3 it is the title, 2 it ends with it, 1 the title goes on in the next line, 0 neither. */
static int title_score(const char *line, size_t line_len, const char *title)
{
	int score = ends_with_title(line, line_len, title, strlen(title));

	return score ? score + 1 : begins_title(line, line_len, title);
}

static int64_t title_line(const struct part *part, const char *title)
{
	const char *text = part->text, *end = text + part->len;
	int64_t best_line = 1, number = 1;
	int best = 0;

	if (part->len > MAX_TITLE_PAGE_BYTES || title[strspn(title, " \t\r\n")] == '\0') {
		return 1;
	}
	for (const char *stop; text < end && best < 3; text = stop + 1, number++) {
		int score;

		stop = memchr(text, '\n', (size_t)(end - text));
		stop = stop ? stop : end;
		score = title_score(text, (size_t)(stop - text), title);
		if (score > best) {
			best = score;
			best_line = number;
		}
	}
	return best_line;
}

static int compare_headings(const void *one, const void *other)
{
	const struct heading *a = *(const struct heading *const *)one;
	const struct heading *b = *(const struct heading *const *)other;

	if (a->part != b->part) {
		return a->part < b->part ? -1 : 1;
	}
	if (a->line != b->line) {
		return a->line < b->line ? -1 : 1;
	}
	return (a > b) - (a < b);
}

/* In reading order; bookmarks of the same line stay as they were. */
static void sort_headings(struct document *document)
{
	size_t n = document->n_heading;
	struct heading *sorted;
	const struct heading **order;

	if (n < 2) {
		return;
	}
	order = mem_zero(n, sizeof(*order));
	sorted = mem_zero(n, sizeof(*sorted));
	for (size_t i = 0; i < n; i++) {
		order[i] = &document->heading[i];
	}
	qsort(order, n, sizeof(*order), compare_headings);
	for (size_t i = 0; i < n; i++) {
		sorted[i] = *order[i];
	}
	memcpy(document->heading, sorted, n * sizeof(*sorted));
	free(order);
	free(sorted);
}

/* Pages become parts: one that was left out leads to the next that is there, else to the last. */
static void place_headings(struct document *document)
{
	size_t n_same = 0;

	for (size_t i = 0; i < document->n_heading; i++) {
		struct heading *heading = &document->heading[i];
		int64_t page = heading->part < INT32_MAX ? (int64_t)heading->part + 1 : INT32_MAX;
		size_t part = first_part_from(document, page);

		n_same = i && document->heading[i - 1].part == part ? n_same + 1 : 0;
		heading->line = 1;
		if (part < document->n_part && document->part[part].place.page == page &&
			n_same < MAX_TITLES_PER_PAGE) {
			heading->line = title_line(&document->part[part], heading->title);
		}
		heading->part = part < document->n_part ? part : document->n_part - 1;
	}
	sort_headings(document);
}

int pages_finish(
	struct document *document, int drop_headers, struct page_notes *notes, struct skip *skip)
{
	if (document->n_part == 0) {
		return refuse_empty(notes, skip);
	}
	group_notes(notes);
	pages_find_running(document, drop_headers);
	place_headings(document);
	return 0;
}
