/* Lines around a quote. */
#include "session/read_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- where a citation stands ---- */

static int same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static int is_place_of(
	const struct document *document, size_t part, const struct citation *citation)
{
	const struct part_place *place = &document->part[part].place;
	char *path;
	int same;

	if (document->kind == DOCUMENT_TRANSCRIPT) {
		return place->time_ms == citation->time_ms &&
		       same_text(place->label, citation->label) &&
		       same_text(place->speaker, citation->speaker);
	}
	if (document->kind != DOCUMENT_CODE) {
		return place->page == citation->page;
	}
	path = document_part_path(
		document, document->origin ? document->origin : document->name, part);
	same = same_text(path, citation->path);
	free(path);
	return same;
}

/* Behind the line end at or after `at`, not beyond `end`. */
static size_t line_end(const char *text, size_t at, size_t end)
{
	const char *newline = at < end ? memchr(text + at, '\n', end - at) : NULL;

	return newline ? (size_t)(newline - text) + 1 : end;
}

/* Lines of a part, as far as they lie in the slice. Returns 0 where the first does not. */
static int lines_in(const struct document *document, const struct slice *in, size_t part,
	const struct citation *citation, struct slice *lines)
{
	const char *text = document->part[part].text;
	size_t at = part == in->first ? in->at : 0;
	size_t end = part == in->last ? in->end : document->part[part].len;
	int64_t line = part == in->first ? in->line : 1;

	*lines = (struct slice){.first = part, .at = at, .last = part, .end = end, .line = 1};
	if (document->kind == DOCUMENT_TRANSCRIPT) {
		return 1;
	}
	for (; line < citation->line_first && at < end; line++) {
		at = line_end(text, at, end);
	}
	if (line > citation->line_first || at >= end) {
		return 0;
	}
	lines->line = line;
	lines->at = lines->end = at;
	for (; line <= citation->line_last && lines->end < end; line++) {
		lines->end = line_end(text, lines->end, end);
	}
	return 1;
}

size_t excerpt_cited(const struct excerpt *excerpt, size_t n_excerpt,
	const struct citation *citation, struct slice *lines)
{
	int64_t number = citation->source ? strtoll(citation->source + 1, NULL, 10) : 0;

	for (size_t i = 0; i < n_excerpt; i++) {
		const struct document *document = excerpt[i].source->document;
		const struct slice *slice = &excerpt[i].slice;

		if (excerpt[i].source->number != number) {
			continue;
		}
		for (size_t part = slice->first; part <= slice->last; part++) {
			if (is_place_of(document, part, citation) &&
				lines_in(document, slice, part, citation, lines)) {
				return i;
			}
		}
	}
	return n_excerpt;
}

/* ---- the lines around ---- */

static int64_t count_lines(const char *text, size_t len)
{
	int64_t line = 1;

	for (size_t at = 0; (at = line_end(text, at, len)) < len;) {
		line++;
	}
	return line;
}

/* Pages and cues go on in each other, files do not. */
static int goes_on(const struct document *document)
{
	return document->kind == DOCUMENT_PDF || document->kind == DOCUMENT_TRANSCRIPT;
}

/* One line or cue more in front, of at most `room` bytes; how many it has, 0: there is none. */
static size_t grow_front(const struct document *document, struct slice *slice, size_t room)
{
	const struct part *part = &document->part[slice->first];
	size_t at = slice->at, from;

	if (at == 0 && slice->first > 0 && goes_on(document)) {
		part--;
		at = part->len;
		if (at == 0 || at > room) {
			return 0;
		}
		from = 0;
		if (document->kind == DOCUMENT_PDF) {
			for (from = at - 1; from > 0 && part->text[from - 1] != '\n'; from--) {
			}
		}
		slice->first--;
		slice->at = from;
		slice->line = count_lines(part->text, from + 1);
		return at - from;
	}
	if (at == 0) {
		return 0;
	}
	for (from = at - 1; from > 0 && part->text[from - 1] != '\n' && at - from <= room; from--) {
	}
	if (at - from > room) {
		return 0;
	}
	slice->line -= part->text[at - 1] == '\n';
	slice->at = from;
	return at - from;
}

/* The same behind. */
static size_t grow_back(const struct document *document, struct slice *slice, size_t room)
{
	const struct part *part = &document->part[slice->last];
	size_t at = slice->end, end;

	if (at == part->len && slice->last + 1 < document->n_part && goes_on(document)) {
		part++;
		end = document->kind == DOCUMENT_PDF ? line_end(part->text, 0, part->len)
						     : part->len;
		if (end == 0 || end > room) {
			return 0;
		}
		slice->last++;
		slice->end = end;
		return end;
	}
	end = line_end(part->text, at, part->len - at > room + 1 ? at + room + 1 : part->len);
	if (end - at > room) {
		return 0;
	}
	slice->end = end;
	return end - at;
}

/* What is named in a line is mostly said in those behind it: two there for each in front. */
struct slice excerpt_widen(const struct document *document, struct slice slice, size_t bytes)
{
	size_t has = slice.last == slice.first ? slice.end - slice.at : bytes, any = 1;

	while (any && has < bytes) {
		any = grow_back(document, &slice, bytes - has);
		has += any;
		if (has < bytes) {
			size_t more = grow_back(document, &slice, bytes - has);

			has += more;
			any += more;
		}
		if (has < bytes) {
			size_t more = grow_front(document, &slice, bytes - has);

			has += more;
			any += more;
		}
	}
	return slice;
}

/* ---- several ---- */

static int by_place(const void *a, const void *b)
{
	const struct excerpt *x = a, *y = b;

	if (x->source != y->source) {
		return x->source->number < y->source->number ? -1 : 1;
	}
	if (x->slice.first != y->slice.first) {
		return x->slice.first < y->slice.first ? -1 : 1;
	}
	return x->slice.at < y->slice.at ? -1 : x->slice.at > y->slice.at;
}

static int is_behind(const struct slice *one, const struct slice *other)
{
	return other->first > one->last || (other->first == one->last && other->at > one->end);
}

size_t excerpts_tidy(struct excerpt *excerpt, size_t n_excerpt)
{
	size_t n = 0;

	qsort(excerpt, n_excerpt, sizeof(*excerpt), by_place);
	for (size_t i = 0; i < n_excerpt; i++) {
		struct slice *last = n ? &excerpt[n - 1].slice : NULL, *next = &excerpt[i].slice;

		if (!n || excerpt[n - 1].source != excerpt[i].source || is_behind(last, next)) {
			excerpt[n++] = excerpt[i];
		} else if (next->last > last->last ||
			   (next->last == last->last && next->end > last->end)) {
			last->last = next->last;
			last->end = next->end;
		}
	}
	return n;
}
