#include "session/retrieve_headings.h"

#include "session/chunk_text.h"

#include <string.h>

enum {
	HEADING_MAX_BYTES = 64,
};

static void add_line(struct buf *out, const char *text, size_t len)
{
	buf_add(out, text, len);
	buf_addch(out, '\n');
}

/* ---- of an outline ---- */

/* The line of its last part with which a slice ends. */
static int64_t last_line(const struct document *document, const struct slice *slice)
{
	int is_one = slice->first == slice->last;
	const char *text = document->part[slice->last].text;
	const char *at = text + (is_one ? slice->at : 0), *end = text + slice->end;
	int64_t line = is_one ? slice->line : 1;

	while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) && ++at < end) {
		line++;
	}
	return line;
}

/* The heading that it stands under, those above that one, and those that stand in it. */
static void add_outline(struct buf *out, const struct document *document, const struct chunk *chunk)
{
	int64_t line = last_line(document, &chunk->slice);

	chunk_text_heading(out, document, chunk);
	for (size_t i = chunk->heading; i < document->n_heading; i++) {
		const struct heading *heading = &document->heading[i];

		if (heading->part > chunk->slice.last ||
			(heading->part == chunk->slice.last && heading->line > line)) {
			break;
		}
		add_line(out, heading->title, strlen(heading->title));
	}
}

/* ---- found in the text ---- */

static int is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* SEE ALSO, as a manual page has it; `## Install`, as README.md does. */
static int looks_like_heading(const char *line, size_t len)
{
	size_t n_letter = 0, n_lower = 0, marks = 0;

	while (marks < len && line[marks] == '#') {
		marks++;
	}
	if (len > HEADING_MAX_BYTES || len < marks + 3 || marks > 4 ||
		(marks && line[marks] != ' ')) {
		return 0;
	}
	for (size_t i = marks; i < len; i++) {
		n_letter += (size_t)is_letter(line[i]);
		n_lower += line[i] >= 'a' && line[i] <= 'z';
	}
	return is_letter(line[marks + (marks > 0)]) && n_letter * 2 > len &&
	       (marks || n_lower == 0);
}

/* Whether some lines begin with a heading, behind empty ones. */
static int begin_with_heading(const char *text, size_t len)
{
	const char *stop;

	while (len && *text == '\n') {
		text++;
		len--;
	}
	stop = len ? memchr(text, '\n', len) : NULL;
	return stop && looks_like_heading(text, (size_t)(stop - text));
}

/* The headings among some lines, and the last of them for what follows. */
static void find_headings(
	struct headings *headings, struct buf *out, const char *text, size_t len, int is_at_line)
{
	const char *end = text + len, *next;

	for (const char *line = text; line < end; line = next) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));

		next = stop ? stop + 1 : end;
		if ((is_at_line || line > text) && stop &&
			looks_like_heading(line, (size_t)(stop - line))) {
			add_line(out, line, (size_t)(stop - line));
			buf_clear(&headings->last);
			add_line(&headings->last, line, (size_t)(stop - line));
		}
	}
}

static void find_in_chunk(struct headings *headings, struct buf *out,
	const struct document *document, const struct slice *slice)
{
	for (size_t i = slice->first; i <= slice->last; i++) {
		const struct part *part = &document->part[i];
		size_t from = i == slice->first ? slice->at : 0;
		size_t to = i == slice->last ? slice->end : part->len;

		if (i != headings->part && document->kind == DOCUMENT_CODE) {
			buf_clear(&headings->last);
		}
		headings->part = i;
		if (!begin_with_heading(part->text + from, to - from)) {
			buf_add(out, headings->last.data, headings->last.len);
		}
		find_headings(headings, out, part->text + from, to - from,
			from == 0 || part->text[from - 1] == '\n');
	}
}

void headings_begin(struct headings *headings)
{
	buf_clear(&headings->last);
	headings->part = 0;
}

void headings_of(struct headings *headings, struct buf *out, const struct document *document,
	const struct chunk *chunk)
{
	if (document->n_heading) {
		add_outline(out, document, chunk);
	} else if (document->kind == DOCUMENT_CODE || document->kind == DOCUMENT_TEXT) {
		find_in_chunk(headings, out, document, &chunk->slice);
	}
}

void headings_finish(struct headings *headings)
{
	buf_finish(&headings->last);
}
