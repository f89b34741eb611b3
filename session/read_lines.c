/* Lines that have the words of the question where no quote of a sweep has them. */
#include "session/read_internal.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a line must have of the question's words, by their weight; and what it counts as a find. */
#define SHARE_MIN  0.5
#define CONFIDENCE 0.5

enum { LINES_MOST = 8 };

/* The chunk of a window that has most of the words. */
struct passage {
	size_t window, chunk; /* numbers in the library */
	double share;
};

static int by_share(const void *a, const void *b)
{
	const struct passage *x = a, *y = b;

	if (x->share != y->share) {
		return x->share > y->share ? -1 : 1;
	}
	return x->window < y->window ? -1 : x->window > y->window;
}

static struct passage best_passage(
	const struct library *library, const struct read_subject *subject, size_t number)
{
	const struct window *window;
	const struct library_source *source = library_window(library, number, &window);
	struct passage best = {.window = number, .share = -1};

	for (size_t i = window->chunk; i < window->chunk + window->n_chunk; i++) {
		double share = read_share(subject, source->document, &source->cut.chunk[i].slice);

		if (share > best.share) {
			best.share = share;
			best.chunk = source->chunk + i;
		}
	}
	return best;
}

/* What the finds of each window have of the words at most; malloc'ed. */
static double *shares_found(const struct finds *finds, const struct library *library,
	const struct read_subject *subject)
{
	double *found = mem_zero(library->n_window + 1, sizeof(*found));

	for (size_t i = 0; i < finds->count; i++) {
		const struct find *find = &finds->item[i];
		double share =
			read_share(subject, find->excerpt.source->document, &find->excerpt.slice);

		found[find->window] = fmax(found[find->window], share);
	}
	return found;
}

/* The line of a slice's first part that has most of the words, the first such one. */
static struct slice best_line(const struct read_subject *subject, const struct document *document,
	const struct slice *slice)
{
	const struct part *part = &document->part[slice->first];
	size_t end = slice->last == slice->first ? slice->end : part->len;
	struct slice best = *slice, line = {.first = slice->first, .last = slice->first};
	double most = -1;

	line.line = slice->line;
	for (line.at = slice->at; line.at < end; line.at = line.end, line.line++) {
		const char *newline = memchr(part->text + line.at, '\n', end - line.at);
		double share;

		line.end = newline ? (size_t)(newline - part->text) + 1 : end;
		share = read_share(subject, document, &line);
		if (share > most) {
			most = share;
			best = line;
		}
	}
	return best;
}

/* Cited as a model would have, so that it has a place and a verdict like any other quote. */
static void add_line(struct finds *finds, const struct library *library,
	const struct read_subject *subject, const struct passage *passage)
{
	const struct window *window;
	const struct chunk *chunk;
	struct excerpt in = {.source = library_window(library, passage->window, &window)};
	struct library_prompt what = {.excerpt = &in, .n_excerpt = 1, .alone = 1};
	struct slice line;
	struct citation *citation;
	struct buf quote = BUF_INIT;
	const char *text;
	size_t n, count;

	in.slice = window->slice;
	library_chunk(library, passage->chunk, &chunk);
	line = best_line(subject, in.source->document, &chunk->slice);
	text = in.source->document->part[line.first].text + line.at;
	n = line.end - line.at;
	n -= n && text[n - 1] == '\n';
	buf_printf(&quote, "[S1 \"%.*s\"]", (int)n, text);
	citation = library_cite(&what, quote.data, quote.len, &count);
	finds_add(finds, &in, passage->window, log(CONFIDENCE), citation, count);
	citations_free(citation, count);
	buf_finish(&quote);
}

void finds_add_lines(struct finds *finds, const struct reading *reading, const uint8_t *was_read)
{
	const struct library *library = reading->library;
	struct read_subject subject = read_subject(reading);
	double *found = shares_found(finds, library, &subject);
	struct passage *passage = mem_alloc((library->n_window + 1) * sizeof(*passage));
	size_t n = 0;

	for (size_t i = 0; i < library->n_window; i++) {
		passage[n] = best_passage(library, &subject, i);
		n += was_read[i] && passage[n].share >= SHARE_MIN && passage[n].share > found[i];
	}
	qsort(passage, n, sizeof(*passage), by_share);
	for (size_t i = 0; i < n && i < LINES_MOST; i++) {
		add_line(finds, library, &subject, &passage[i]);
	}
	free(passage);
	free(found);
}
