/* What is read of ranked chunks, and how lists of them become one. */
#include "session/retrieve.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { RECIPROCAL_K = 60 };

/* ---- merging ---- */

static int by_chunk(const void *a, const void *b)
{
	const struct ranked *one = a, *other = b;

	return (one->chunk > other->chunk) - (one->chunk < other->chunk);
}

static int by_score(const void *a, const void *b)
{
	const struct ranked *one = a, *other = b;

	if (one->score != other->score) {
		return one->score < other->score ? 1 : -1;
	}
	return by_chunk(a, b);
}

void retrieve_merge(
	const struct ranking *ranking, size_t n_ranking, struct ranked **out, size_t *count)
{
	struct ranked *all;
	size_t n_all = 0, n = 0;

	for (size_t i = 0; i < n_ranking; i++) {
		n_all += ranking[i].count;
	}
	all = mem_alloc((n_all + 1) * sizeof(*all));
	for (size_t i = 0; i < n_ranking; i++) {
		for (size_t k = 0; k < ranking[i].count; k++) {
			all[n++] = (struct ranked){ranking[i].item[k].chunk,
				ranking[i].weight / (double)(RECIPROCAL_K + k + 1)};
		}
	}
	qsort(all, n_all, sizeof(*all), by_chunk);
	n = 0;
	for (size_t i = 0; i < n_all; i++) {
		if (n && all[n - 1].chunk == all[i].chunk) {
			all[n - 1].score += all[i].score;
		} else {
			all[n++] = all[i];
		}
	}
	qsort(all, n, sizeof(*all), by_score);
	*out = all;
	*count = n;
}

/* ---- picking ---- */

enum { NEIGHBOURED = 3, HEADING_MAX_BYTES = 200, HEADING_MORE_TOK = 8 };

struct pick {
	const struct library *library;
	unsigned char *is_in; /* by the chunk's number */
	int64_t left_tok;
};

static const struct chunk *chunk_at(const struct library *library, size_t number)
{
	const struct chunk *chunk;

	library_chunk(library, number, &chunk);
	return chunk;
}

/* Whether it is read: it was already, or there is room for it. */
static int take(struct pick *pick, size_t number)
{
	int64_t tokens;

	if (pick->is_in[number]) {
		return 1;
	}
	tokens = chunk_at(pick->library, number)->tokens;
	if (tokens > pick->left_tok) {
		return 0;
	}
	pick->left_tok -= tokens;
	pick->is_in[number] = 1;
	return 1;
}

/* Whether both are chunks of one source. */
static int is_source_of(const struct library *library, size_t one, size_t other)
{
	const struct chunk *chunk;

	return one < library->n_chunk && other < library->n_chunk &&
	       library_chunk(library, one, &chunk) == library_chunk(library, other, &chunk);
}

static void take_neighbour(struct pick *pick, size_t number, size_t neighbour)
{
	if (is_source_of(pick->library, number, neighbour)) {
		take(pick, neighbour);
	}
}

static void take_ranked(struct pick *pick, const struct ranked *ranked, size_t n_ranked)
{
	for (size_t i = 0; i < n_ranked && pick->left_tok > 0; i++) {
		size_t number = ranked[i].chunk;

		if (number < pick->library->n_chunk && take(pick, number) && i < NEIGHBOURED) {
			take_neighbour(pick, number, number + 1);
			take_neighbour(pick, number, number - 1);
		}
	}
}

/* What lies between two that are read. */
static void take_between(struct pick *pick)
{
	for (size_t i = 1; i + 1 < pick->library->n_chunk; i++) {
		if (!pick->is_in[i] && pick->is_in[i - 1] && pick->is_in[i + 1] &&
			is_source_of(pick->library, i - 1, i + 1)) {
			take(pick, i);
		}
	}
}

struct excerpts {
	struct excerpt *item;
	size_t count, cap;
};

static void add_excerpt(
	struct excerpts *excerpts, const struct library_source *source, struct slice slice)
{
	mem_grow(excerpts->item, excerpts->count, excerpts->cap);
	excerpts->item[excerpts->count++] = (struct excerpt){source, slice};
}

/* The line that a chunk's heading is, where it stands above the chunk. */
static int heading_slice(
	const struct library_source *source, const struct chunk *chunk, struct slice *slice)
{
	const struct document *document = source->document;
	const struct heading *heading;
	const struct part *part;
	const char *at, *end;

	if (!chunk->heading) {
		return 0;
	}
	heading = &document->heading[chunk->heading - 1];
	part = &document->part[heading->part];
	at = part->text;
	end = part->text + part->len;
	for (int64_t line = 1; line < heading->line && at; line++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at += at != NULL;
	}
	if (!at || at == end) {
		return 0;
	}
	*slice = (struct slice){
		heading->part, (size_t)(at - part->text), heading->part, 0, heading->line};
	at = memchr(at, '\n', (size_t)(end - at));
	slice->end = (size_t)((at ? at + 1 : end) - part->text);
	return slice->end - slice->at <= HEADING_MAX_BYTES &&
	       (slice->first < chunk->slice.first ||
		       (slice->first == chunk->slice.first && slice->end <= chunk->slice.at));
}

/* Whether a slice begins at or behind the end of another one. */
static int is_behind(const struct slice *slice, const struct slice *other)
{
	return slice->first > other->last ||
	       (slice->first == other->last && slice->at >= other->end);
}

/* A byte is a token at most. */
static void add_heading(struct pick *pick, struct excerpts *excerpts,
	const struct library_source *source, const struct chunk *chunk)
{
	const struct excerpt *before =
		excerpts->count ? &excerpts->item[excerpts->count - 1] : NULL;
	struct slice slice;
	int64_t most_tok;

	if (!heading_slice(source, chunk, &slice) ||
		(before && before->source == source && !is_behind(&slice, &before->slice))) {
		return;
	}
	most_tok = (int64_t)(slice.end - slice.at) + HEADING_MORE_TOK;
	if (most_tok <= pick->left_tok) {
		pick->left_tok -= most_tok;
		add_excerpt(excerpts, source, slice);
	}
}

/* Runs of chunks, each under its heading. */
static void add_runs(struct pick *pick, struct excerpts *excerpts)
{
	for (size_t i = 0; i < pick->library->n_chunk; i++) {
		const struct chunk *chunk;
		const struct library_source *source;

		if (!pick->is_in[i]) {
			continue;
		}
		source = library_chunk(pick->library, i, &chunk);
		if (i && pick->is_in[i - 1] && is_source_of(pick->library, i - 1, i)) {
			excerpts->item[excerpts->count - 1].slice.last = chunk->slice.last;
			excerpts->item[excerpts->count - 1].slice.end = chunk->slice.end;
			continue;
		}
		add_heading(pick, excerpts, source, chunk);
		add_excerpt(excerpts, source, chunk->slice);
	}
}

void retrieve_pick(const struct library *library, const struct ranked *ranked, size_t n_ranked,
	int64_t budget_tok, struct excerpt **out, size_t *count)
{
	struct pick pick = {library, mem_zero(library->n_chunk + 1, 1), budget_tok};
	struct excerpts excerpts = {0};

	take_ranked(&pick, ranked, n_ranked);
	take_between(&pick);
	add_runs(&pick, &excerpts);
	free(pick.is_in);
	*out = excerpts.item;
	*count = excerpts.count;
}
