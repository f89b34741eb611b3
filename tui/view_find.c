/*
 * What is found in the session: passages of its sources and turns that have all the words
 * (session/search.h), searched in an errand. Enter opens the source there, or the turn.
 */
#include "base/mem.h"
#include "base/number.h"
#include "tui/errand.h"
#include "tui/list.h"
#include "tui/list_find.h"
#include "tui/session_list.h"
#include "tui/view.h"

#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 30, PLACE_COLUMNS = 36 };

struct search_job { /* its thread's while that runs */
	char *words, *session;
	struct session_hits hits;
};
struct find_view {
	struct view view;
	struct errand *errand;
	struct search_job *job;
	char *words, *session; /* that hits are of */
	struct session_hits hits;
	struct list list;
	struct list_find find;
};

/* ---- searching ---- */

static void job_drop(void *arg)
{
	struct search_job *job = arg;

	session_hits_finish(&job->hits);
	free(job->words);
	free(job->session);
	free(job);
}

static int job_work(struct errand *errand, void *arg, struct err *err)
{
	struct search_job *job = arg;

	return session_hits_search(&job->hits, job->words, job->session, errand, err);
}

static struct find_view *find_view(struct app *app)
{
	for (size_t i = 0; i < app->n_view; i++) {
		if (app->view[i]->ops == &view_find) {
			return (struct find_view *)app->view[i];
		}
	}
	return NULL;
}

static void take_hits(struct find_view *find)
{
	session_hits_finish(&find->hits);
	find->hits = find->job->hits;
	find->job->hits = (struct session_hits){0};
	find->list = (struct list){0};
	list_resize(&find->list, find->hits.n_hit);
}

static void look(struct app *app)
{
	struct find_view *find = find_view(app);
	struct err err;

	if (!find || !find->errand) {
		return;
	}
	if (!errand_is_done(find->errand)) {
		app_after(app, LOOK_MS, look);
		return;
	}
	if (errand_end(find->errand, &err) < 0) {
		app_complain(app, &err);
	} else {
		take_hits(find);
	}
	find->errand = NULL;
	job_drop(find->job);
	find->job = NULL;
	app_touch(app);
}

static void begin(struct find_view *find, const char *words)
{
	struct app *app = find->view.app;
	struct search_job *job = mem_zero(1, sizeof(*job));
	struct err err;

	free(find->words);
	free(find->session);
	find->words = mem_strdup(words);
	find->session = mem_strdup(app->state->session_id);
	job->words = mem_strdup(words);
	job->session = mem_strdup(app->state->session_id);
	find->job = job;
	find->errand = errand_begin(job_work, job, &err);
	if (!find->errand) {
		app_complain(app, &err);
		job_drop(job);
		find->job = NULL;
		return;
	}
	app_after(app, LOOK_MS, look);
}

/* ---- life ---- */

/* `argument`: the words. */
static struct view *create(struct app *app, const char *argument)
{
	struct find_view *find = mem_zero(1, sizeof(*find));

	find->view.app = app;
	find->view.ops = &view_find;
	if (argument && app->state->is_kept) {
		begin(find, argument);
	}
	return &find->view;
}

static void destroy(struct view *view)
{
	struct find_view *find = (struct find_view *)view;

	errand_leave(find->errand, job_drop);
	session_hits_finish(&find->hits);
	list_find_finish(&find->find);
	free(find->words);
	free(find->session);
	free(find);
}

/* In another session the same words are found elsewhere. */
static void update(struct view *view)
{
	struct find_view *find = (struct find_view *)view;
	const struct desk_state *state = view->app->state;
	char *words;

	if (!find->words || !state->session_id || strcmp(find->session, state->session_id) == 0) {
		return;
	}
	errand_leave(find->errand, job_drop);
	find->errand = NULL;
	find->job = NULL;
	session_hits_finish(&find->hits);
	find->list = (struct list){0};
	words = mem_strdup(find->words);
	if (state->is_kept) {
		begin(find, words);
	}
	free(words);
}

/* ---- drawing ---- */

static void draw_hit(struct pane pane, int row, const struct session_hit *hit)
{
	int half = pane.columns / 2 < PLACE_COLUMNS ? pane.columns / 2 : PLACE_COLUMNS;
	struct pane place = pane_part(pane, 0, 0, pane.rows, half);
	int column = pane_string_end(place, row, 1, ELEMENT_LINK, hit->place);

	pane_string(pane, row, (column < half ? column : half) + 2, ELEMENT_TEXT, hit->text);
}

static const char *why_empty(const struct find_view *find)
{
	return !find->view.app->state->is_kept
		       ? "This session is not kept, so it has no index to search."
	       : find->errand ? "Searching ..."
			      : "Nothing in this session has all these words.";
}

static void draw(struct view *view, struct pane pane, int is_focused)
{
	struct find_view *find = (struct find_view *)view;

	list_layout(&find->list, pane.rows);
	if (!find->list.n) {
		pane_string(pane, 0, 1, ELEMENT_DIM, why_empty(find));
	}
	for (int row = 0; row < pane.rows; row++) {
		size_t at = find->list.top + (size_t)row;

		if (at >= find->list.n) {
			break;
		}
		draw_hit(pane, row, &find->hits.hit[at]);
		if (at == find->list.cursor && is_focused) {
			pane_mark_row(pane, row, ELEMENT_CURSOR);
		}
	}
}

static void title(struct view *view, struct buf *left, struct buf *right)
{
	const struct find_view *find = (const struct find_view *)view;
	char number[NUMBER_SIZE];

	buf_printf(left, "found: %s", find->words ? find->words : "");
	if (find->list.n) {
		buf_printf(right, "%zu/%zu", find->list.cursor + 1, find->list.n);
	}
	if (find->hits.n_found > (int64_t)find->list.n) {
		buf_printf(right, ", the best of %s passages",
			number_grouped(number, find->hits.n_found));
	}
}

/* ---- what its keys do ---- */

static int row_has(const void *arg, size_t row, const char *words)
{
	const struct find_view *find = arg;

	return strcasestr(find->hits.hit[row].text, words) != NULL ||
	       strcasestr(find->hits.hit[row].place, words) != NULL;
}

static struct list_rows rows_of(const struct find_view *find)
{
	return (struct list_rows){row_has, find};
}

static void open_hit(struct app *app, const struct session_hit *hit)
{
	char *argument = hit->source ? mem_printf("S%lld %s", (long long)hit->source, hit->at)
				     : mem_printf("%lld", (long long)hit->turn);

	view_open(app, hit->source ? &view_reader : &view_tree, argument);
	free(argument);
}

static int act(struct view *view, enum action action)
{
	struct find_view *find = (struct find_view *)view;

	if (action == ACTION_OPEN) {
		if (find->list.cursor < find->list.n) {
			open_hit(view->app, &find->hits.hit[find->list.cursor]);
		}
		return 1;
	}
	return list_act(&find->list, action);
}

static int search(struct view *view, const char *words, size_t len, int is_back, int is_final)
{
	struct find_view *find = (struct find_view *)view;
	struct list_rows rows = rows_of(find);

	return list_find(&find->find, &find->list, &rows, words, len, is_back, is_final);
}

static int copy(struct view *view, struct buf *out)
{
	const struct find_view *find = (const struct find_view *)view;
	const struct session_hit *hit;

	if (find->list.cursor >= find->list.n) {
		return 0;
	}
	hit = &find->hits.hit[find->list.cursor];
	buf_printf(out, "%s: %s", hit->place, hit->text);
	return 1;
}

const struct view_ops view_find = {
	.name = "find",
	.bit = VIEW_FIND,
	.create = create,
	.destroy = destroy,
	.update = update,
	.draw = draw,
	.act = act,
	.search = search,
	.title = title,
	.copy = copy,
};
