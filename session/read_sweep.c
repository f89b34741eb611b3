/* A question asked of every window. */
#include "session/read_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { RECENT = 64 }; /* windows by which the rest is judged */

/* When windows were done, and how much text was read by then. */
struct mark {
	double ms;
	int64_t tokens;
};

struct sweep {
	struct reading *reading;
	struct finds *finds;
	struct excerpt *excerpt; /* [n_window] */
	uint8_t *was_read;       /* [n_window] */
	size_t first_unstored;   /* the disk does not hold those from here on */
	struct mark mark[RECENT];
	size_t n_done;
	int64_t read_tok;
	struct engine_usage before; /* what the reading had cost when it began */
};

/*
 * What is kept of a library that is larger than the disk may hold is its beginning: were all of it
 * written, the end would replace it before it is asked for again. Half is left for what else is read.
 */
size_t read_first_unstored(const struct reading *reading)
{
	const struct engine_info *info = engine_info(reading->engine);
	int64_t limit_bytes = engine_kv_limit(reading->engine), room_bytes = limit_bytes / 2;
	const struct library *library = reading->library;

	for (size_t i = 0; i < library->n_window && limit_bytes > 0; i++) {
		const struct window *window;

		library_window(library, i, &window);
		room_bytes -= (window->tokens + reading->base_tok) * info->kv_bytes_per_tok;
		if (room_bytes < 0) {
			return i;
		}
	}
	return library->n_window;
}

static void about_window(void *arg, size_t index, struct library_prompt *what, int *no_store)
{
	struct sweep *sweep = arg;
	struct excerpt *excerpt = &sweep->excerpt[index];
	const struct window *window;

	excerpt->source = library_window(sweep->reading->library, index, &window);
	excerpt->slice = window->slice;
	what->excerpt = excerpt;
	what->n_excerpt = 1;
	what->alone = 1;
	what->turns_tok = read_window_turns_tok(sweep->reading);
	*no_store = index >= sweep->first_unstored;
}

/* By how the last windows went: what is cached goes faster, and comes in runs. */
static double predict_s(const struct sweep *sweep)
{
	size_t n = sweep->n_done < RECENT ? sweep->n_done : RECENT;
	const struct mark *last = &sweep->mark[(sweep->n_done - 1) % RECENT];
	const struct mark *first = &sweep->mark[(sweep->n_done - n) % RECENT];
	int64_t tokens = last->tokens - first->tokens;

	if (n < 2 || tokens <= 0) {
		return -1;
	}
	return (last->ms - first->ms) * 1e-3 / (double)tokens *
	       (double)(sweep->reading->library->tokens - last->tokens);
}

static void tell(const struct sweep *sweep, enum session_step step, const struct citation *find,
	size_t n_find, size_t window)
{
	const struct engine_usage *usage = &sweep->reading->usage;

	read_tell(sweep->reading,
		&(struct session_progress){
			.step = step,
			.done = (int64_t)sweep->n_done,
			.total = (int64_t)sweep->reading->library->n_window,
			.computed_tok = usage->prefill_tok - sweep->before.prefill_tok,
			.cached_tok = usage->cached_tok - sweep->before.cached_tok,
			.eta_s = sweep->n_done ? predict_s(sweep) : -1,
			.find = find,
			.n_find = n_find,
			.window = window,
		});
}

/* Those that were found, in front. */
static size_t sort_found(struct citation *citation, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++) {
		if (citation[i].verdict != VERDICT_NOT_FOUND) {
			struct citation found = citation[i];

			memmove(citation + n + 1, citation + n, (i - n) * sizeof(*citation));
			citation[n++] = found;
		}
	}
	return n;
}

static void take_window(void *arg, size_t index, const struct library_prompt *what,
	const struct read_answer *answer)
{
	struct sweep *sweep = arg;
	const struct window *window;
	size_t count, n_found;
	struct citation *citation;

	library_window(sweep->reading->library, index, &window);
	sweep->was_read[index] = 1;
	sweep->read_tok += window->tokens;
	sweep->reading->coverage.n_read++;
	sweep->reading->coverage.n_chunk_read += (int64_t)window->n_chunk;
	sweep->mark[sweep->n_done++ % RECENT] = (struct mark){read_now_ms(), sweep->read_tok};
	citation = library_cite(what, answer->text.data, answer->text.len, &count);
	n_found = sort_found(citation, count);
	if (finds_add(sweep->finds, what->excerpt, index, answer->confidence, citation, n_found)) {
		tell(sweep, SESSION_FOUND, citation, n_found, index);
	}
	citations_free(citation, count);
	tell(sweep, SESSION_SWEEPING, NULL, 0, 0);
}

static void add_lines(struct sweep *sweep)
{
	const struct finds *finds = sweep->finds;
	size_t before = finds->count;

	finds_add_lines(sweep->finds, sweep->reading, sweep->was_read);
	for (size_t i = before; i < finds->count; i++) {
		tell(sweep, SESSION_FOUND, finds->item[i].citation, 1, finds->item[i].window);
	}
}

int read_sweep(struct reading *reading, struct finds *finds, struct err *err)
{
	struct sweep sweep = {.reading = reading,
		.finds = finds,
		.excerpt = mem_zero(reading->library->n_window + 1, sizeof(*sweep.excerpt)),
		.was_read = mem_zero(reading->library->n_window + 1, sizeof(*sweep.was_read)),
		.first_unstored = read_first_unstored(reading),
		.before = reading->usage};
	struct read_many many = {.n = reading->library->n_window,
		.about = about_window,
		.done = take_window,
		.arg = &sweep,
		.keeps_fronts = 1};
	int is_stopped = 0, status;

	tell(&sweep, SESSION_SWEEPING, NULL, 0, 0);
	status = read_many(reading, &many, &is_stopped, err);
	if (status == 0) {
		add_lines(&sweep);
	}
	free(sweep.was_read);
	free(sweep.excerpt);
	reading->coverage.read_tok = sweep.read_tok;
	reading->coverage.is_stopped = is_stopped;
	return status;
}
