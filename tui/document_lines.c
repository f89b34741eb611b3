#include "tui/document_lines.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { MARK_BYTES = 65536 };

int text_place_compare(struct text_place a, struct text_place b)
{
	if (a.part != b.part) {
		return a.part < b.part ? -1 : 1;
	}
	return a.at < b.at ? -1 : a.at > b.at;
}

/* ---- stretches ---- */

size_t text_line_begin(const char *text, size_t at)
{
	const char *newline = at ? memrchr(text, '\n', at) : NULL;

	return newline ? (size_t)(newline - text) + 1 : 0;
}

size_t text_line_end(const char *text, size_t len, size_t at)
{
	const char *newline = at < len ? memchr(text + at, '\n', len - at) : NULL;

	return newline ? (size_t)(newline - text) : len;
}

/* A break of a long line, moved so that it cuts no character. */
static size_t align_break(const char *text, size_t len, size_t at)
{
	for (int i = 0; i < 3 && at < len && ((unsigned char)text[at] & 0xc0) == 0x80; i++) {
		at++;
	}
	return at;
}

/*
 * Where the stretch of text[at] begins. A line is broken at those multiples of STRETCH_BYTES that
 * lie at least as many bytes behind its beginning: so no more than that needs to be looked at to
 * know whether one of them is a break.
 */
static size_t stretch_begin(const char *text, size_t len, size_t at)
{
	size_t cut = at / STRETCH_BYTES * STRETCH_BYTES, from;
	const char *newline;

	if (cut && align_break(text, len, cut) > at) {
		cut -= STRETCH_BYTES;
	}
	if (cut < STRETCH_BYTES) {
		return text_line_begin(text, at);
	}
	from = cut - STRETCH_BYTES;
	newline = memrchr(text + from, '\n', at - from);
	if (newline) {
		return (size_t)(newline - text) + 1;
	}
	return align_break(text, len, cut);
}

static struct text_stretch stretch_from(const char *text, size_t len, size_t begin)
{
	struct text_stretch stretch = {.at = begin};
	size_t cut = begin / STRETCH_BYTES * STRETCH_BYTES + STRETCH_BYTES;
	const char *newline;

	stretch.begins_line = begin == 0 || text[begin - 1] == '\n';
	if (stretch.begins_line && cut - begin < STRETCH_BYTES) {
		cut += STRETCH_BYTES;
	}
	cut = cut < len ? align_break(text, len, cut) : len;
	newline = cut > begin ? memchr(text + begin, '\n', cut - begin) : NULL;
	if (!newline) {
		stretch.end = stretch.next = cut;
		/* A line that ends just at the break has nothing left for another stretch. */
		if (cut < len && text[cut] == '\n') {
			stretch.next = cut + 1;
			stretch.has_line_end = 1;
		}
	} else {
		stretch.end = (size_t)(newline - text);
		stretch.next = stretch.end + 1;
		stretch.has_line_end = 1;
	}
	if (stretch.has_line_end && stretch.end > begin && text[stretch.end - 1] == '\r') {
		stretch.end--;
	}
	return stretch;
}

struct text_stretch text_stretch_at(const char *text, size_t len, size_t at)
{
	size_t begin;

	if (len == 0) {
		return (struct text_stretch){.begins_line = 1};
	}
	at = at < len ? at : len - 1;
	begin = stretch_begin(text, len, at);
	/* The line feed that a break would stand in front of belongs to the stretch before it. */
	if (begin == at && text[at] == '\n' && begin > 0 && text[begin - 1] != '\n') {
		begin = stretch_begin(text, len, at - 1);
	}
	return stretch_from(text, len, begin);
}

struct text_stretch text_stretch_before(const char *text, size_t len, size_t at)
{
	return text_stretch_at(text, len, at - 1);
}

/* ---- a document ---- */

void document_lines_init(struct document_lines *lines, const struct document *document)
{
	*lines = (struct document_lines){.document = document, .marked = SIZE_MAX};
	lines->before = mem_zero(document->n_part + 1, sizeof(*lines->before));
	for (size_t i = 0; i < document->n_part; i++) {
		lines->before[i + 1] = lines->before[i] + document->part[i].len;
	}
}

void document_lines_finish(struct document_lines *lines)
{
	free(lines->before);
	free(lines->mark);
	*lines = (struct document_lines){0};
}

size_t document_lines_bytes(const struct document_lines *lines)
{
	return lines->before[lines->document->n_part];
}

size_t document_lines_offset(const struct document_lines *lines, struct text_place place)
{
	return lines->before[place.part] + place.at;
}

struct text_place document_lines_place(const struct document_lines *lines, size_t offset)
{
	size_t low = 0, high = lines->document->n_part;

	while (low < high) { /* the last part that begins at or before it */
		size_t mid = low + (high - low) / 2;

		if (lines->before[mid] <= offset) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low ? (struct text_place){low - 1, offset - lines->before[low - 1]}
		   : (struct text_place){0, 0};
}

/* ---- line numbers ---- */

size_t text_count_newlines(const char *text, size_t len)
{
	size_t count = 0, at = 0;

	/* In blocks of a length that the compiler knows: it counts 16 or 32 bytes at a time. */
	for (; len - at >= 128; at += 128) {
		unsigned char sum = 0;

		for (size_t i = 0; i < 128; i++) {
			sum += text[at + i] == '\n';
		}
		count += sum;
	}
	for (; at < len; at++) {
		count += text[at] == '\n';
	}
	return count;
}

/* One more mark. Returns 0 where there is none to make, or no work left to make it with. */
static int add_mark(struct document_lines *lines, size_t *work_bytes)
{
	const struct part *part = &lines->document->part[lines->marked];
	size_t from = (lines->n_mark - 1) * (size_t)MARK_BYTES;

	if (part->len - from <= MARK_BYTES || *work_bytes == 0) {
		return 0;
	}
	*work_bytes -= *work_bytes < MARK_BYTES ? *work_bytes : MARK_BYTES;
	mem_grow(lines->mark, lines->n_mark, lines->cap_mark);
	lines->mark[lines->n_mark] = lines->mark[lines->n_mark - 1] +
				     (int64_t)text_count_newlines(part->text + from, MARK_BYTES);
	lines->n_mark++;
	return 1;
}

static void mark_part(struct document_lines *lines, size_t part)
{
	if (lines->marked == part) {
		return;
	}
	lines->marked = part;
	lines->n_mark = 0;
	mem_grow(lines->mark, lines->n_mark, lines->cap_mark);
	lines->mark[lines->n_mark++] = 0;
}

int64_t document_lines_number(
	struct document_lines *lines, struct text_place place, size_t *work_bytes)
{
	const struct part *part = &lines->document->part[place.part];
	size_t at = place.at < part->len ? place.at : part->len;
	size_t index = at / MARK_BYTES;

	mark_part(lines, place.part);
	if (index && index * MARK_BYTES >= part->len) {
		index--; /* a part's end needs no mark */
	}
	while (lines->n_mark <= index) {
		if (!add_mark(lines, work_bytes)) {
			return 0;
		}
	}
	return lines->mark[index] + 1 +
	       (int64_t)text_count_newlines(
		       part->text + index * MARK_BYTES, at - index * MARK_BYTES);
}

/* The last mark in a line before that one. */
static size_t mark_before_line(const struct document_lines *lines, int64_t line)
{
	size_t low = 0, high = lines->n_mark;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (lines->mark[mid] < line - 1) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low ? low - 1 : 0;
}

int document_lines_find(struct document_lines *lines, size_t part_index, int64_t line, size_t *at,
	size_t *work_bytes)
{
	const struct part *part = &lines->document->part[part_index];
	size_t from, here;
	int64_t number;

	mark_part(lines, part_index);
	while (lines->mark[lines->n_mark - 1] < line - 1 && add_mark(lines, work_bytes)) {
	}
	from = (lines->n_mark - 1) * (size_t)MARK_BYTES;
	if (lines->mark[lines->n_mark - 1] < line - 1 && part->len - from > MARK_BYTES) {
		return 0;
	}
	from = mark_before_line(lines, line);
	number = lines->mark[from] + 1;
	here = from * MARK_BYTES;
	if (number >= line) {
		here = text_line_begin(part->text, here);
	}
	for (; number < line; number++) {
		size_t end = text_line_end(part->text, part->len, here);

		if (end + 1 >= part->len) { /* there is no line behind it */
			here = part->len ? text_line_begin(part->text, part->len - 1) : 0;
			break;
		}
		here = end + 1;
	}
	*at = here;
	return 1;
}
