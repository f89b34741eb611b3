#include "tui/document_find.h"

#include "session/cite_parse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void document_part_name(const struct document *document, size_t part, struct buf *out)
{
	const struct part_place *place = &document->part[part].place;
	int64_t s = place->time_ms / 1000;

	switch (document->kind) {
	case DOCUMENT_TEXT:
		break;
	case DOCUMENT_CODE:
		buf_addstr(out, place->path ? place->path : "");
		break;
	case DOCUMENT_PDF:
		buf_printf(out, "page %" PRId64, place->page);
		if (place->label) {
			buf_printf(out, " (%s)", place->label);
		}
		break;
	case DOCUMENT_TRANSCRIPT:
		if (place->time_ms >= 0) {
			buf_printf(out, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600,
				s / 60 % 60, s % 60);
		} else if (place->label) {
			buf_addstr(out, place->label);
		}
		if (place->speaker) {
			buf_printf(out, "%s%s", out->len ? " " : "", place->speaker);
		}
		break;
	}
}

/* ---- by name ---- */

static int same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

size_t document_find_time(const struct document *document, const char *label, int64_t time_ms)
{
	size_t found = SIZE_MAX, first = SIZE_MAX;

	for (size_t i = 0; i < document->n_part; i++) {
		const struct part_place *place = &document->part[i].place;

		if (place->time_ms < 0 || (label && !same_text(label, place->label))) {
			continue;
		}
		first = first == SIZE_MAX ? i : first;
		if (place->time_ms > time_ms) {
			continue;
		}
		if (found == SIZE_MAX || place->time_ms > document->part[found].place.time_ms) {
			found = i;
		}
	}
	return found != SIZE_MAX ? found : first;
}

/* The page of that number; else the first behind it (pages without text are no parts). */
static size_t find_page(const struct document *document, int64_t page)
{
	for (size_t i = 0; i < document->n_part; i++) {
		if (document->part[i].place.page >= page) {
			return i;
		}
	}
	return SIZE_MAX;
}

static size_t find_label(const struct document *document, const char *label)
{
	for (size_t i = 0; i < document->n_part; i++) {
		if (document->part[i].place.label &&
			strcasecmp(document->part[i].place.label, label) == 0) {
			return i;
		}
	}
	return SIZE_MAX;
}

/* How well a path is what was meant: 3 itself, 2 its end from a / on, 1 somewhere in it. */
static int path_grade(const char *path, const char *words, size_t len)
{
	size_t path_len = path ? strlen(path) : 0;
	const char *end;

	if (path_len < len) {
		return 0;
	}
	end = path + path_len - len;
	if (memcmp(end, words, len) == 0 && (end == path || end[-1] == '/')) {
		return end == path ? 3 : 2;
	}
	return memmem(path, path_len, words, len) != NULL;
}

static size_t find_path(const struct document *document, const char *words, size_t len)
{
	size_t found = SIZE_MAX;
	int best = 0;

	for (size_t i = 0; i < document->n_part && len; i++) {
		int grade = path_grade(document->part[i].place.path, words, len);

		if (grade > best) {
			best = grade;
			found = i;
		}
	}
	return found;
}

/* All of it a number: 1, with *number. */
static int read_number(const char *words, int64_t *number)
{
	char *end;

	if (!is_digit(*words)) {
		return 0;
	}
	*number = strtoll(words, &end, 10);
	return *end == 0 && *number < INT32_MAX;
}

/* What stands behind one of these words; NULL where none of them begins it. */
static const char *behind(const char *words, const char *const *name)
{
	for (; *name; name++) {
		size_t len = strlen(*name);

		if (strncasecmp(words, *name, len) == 0) {
			return words + len + strspn(words + len, " ");
		}
	}
	return NULL;
}

static int nowhere(struct err *err, const char *words, const char *what)
{
	return err_set(err, ERR_USAGE, NULL, NULL, "there is no %s %s here", what, words);
}

static int go_to_part(
	size_t part, const char *words, const char *what, struct text_place *out, struct err *err)
{
	if (part == SIZE_MAX) {
		return nowhere(err, words, what);
	}
	*out = (struct text_place){part, 0};
	return 0;
}

static int go_to_line(
	struct document_lines *lines, size_t part, int64_t line, struct text_place *out)
{
	size_t work = SIZE_MAX;

	out->part = part;
	document_lines_find(lines, part, line, &out->at, &work);
	return 0;
}

static int go_to_page(
	const struct document *document, const char *words, struct text_place *out, struct err *err)
{
	size_t part = find_label(document, words);
	int64_t page;

	if (read_number(words, &page)) {
		part = find_page(document, page);
	}
	return go_to_part(part, words, "page", out, err);
}

/* "PATH", "PATH:LINE" */
static int go_to_path(
	struct document_lines *lines, const char *words, struct text_place *out, struct err *err)
{
	const char *colon = strrchr(words, ':');
	size_t len = strlen(words), part;
	int64_t line = 1;

	if (colon && read_number(colon + 1, &line)) {
		len = (size_t)(colon - words);
	}
	part = find_path(lines->document, words, len);
	if (part == SIZE_MAX) {
		return nowhere(
			err, words, lines->document->kind == DOCUMENT_CODE ? "file" : "place");
	}
	return go_to_line(lines, part, line, out);
}

static int go_to_number(struct document_lines *lines, struct text_place here, int64_t number,
	const char *words, struct text_place *out, struct err *err)
{
	const struct document *document = lines->document;

	switch (document->kind) {
	case DOCUMENT_PDF:
		return go_to_page(document, words, out, err);
	case DOCUMENT_TRANSCRIPT:
		if (number < 1 || (uint64_t)number > document->n_part) {
			return nowhere(err, words, "cue");
		}
		return go_to_part((size_t)number - 1, words, "cue", out, err);
	case DOCUMENT_TEXT:
	case DOCUMENT_CODE:
		break;
	}
	return go_to_line(lines, here.part, number, out);
}

int document_find_place(struct document_lines *lines, struct text_place here, const char *words,
	struct text_place *out, struct err *err)
{
	static const char *const line_names[] = {"lines ", "line ", "line", "l.", "l", ":", NULL};
	static const char *const page_names[] = {"page ", "page", "p.", "p ", "p", NULL};
	const struct document *document = lines->document;
	const char *number_text;
	int64_t number, seconds;
	size_t at = 0;

	words += strspn(words, " ");
	if (read_number(words, &number)) {
		return go_to_number(lines, here, number, words, out, err);
	}
	number = strtoll(words, (char **)&number_text, 10);
	if (number_text > words && strcmp(number_text, "%") == 0 && number >= 0) {
		number = number < 100 ? number : 100;
		*out = document_lines_place(
			lines, document_lines_bytes(lines) * (size_t)number / 100);
		return 0;
	}
	number_text = behind(words, line_names);
	if (number_text && read_number(number_text, &number)) {
		return go_to_line(lines, here.part, number, out);
	}
	number_text = behind(words, page_names);
	if (document->kind == DOCUMENT_PDF) {
		return go_to_page(
			document, number_text && *number_text ? number_text : words, out, err);
	}
	if (document->kind == DOCUMENT_TRANSCRIPT &&
		parse_clock(words, strlen(words), &at, &seconds) && words[at] == 0) {
		return go_to_part(document_find_time(document,
					  document->part[here.part].place.label, seconds * 1000),
			words, "time", out, err);
	}
	return go_to_path(lines, words, out, err);
}
