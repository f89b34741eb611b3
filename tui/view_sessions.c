/* The sessions: open, rename, copy, search in all of them. What is read of them is read in an errand. */
#include "base/mem.h"
#include "base/number.h"
#include "session/catalogue.h"
#include "tui/cells.h"
#include "tui/errand.h"
#include "tui/input.h"
#include "tui/list.h"
#include "tui/list_find.h"
#include "tui/session_list.h"
#include "tui/view.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_MS = 30, NAME_COLUMNS = 16, PLACE_COLUMNS = 36 };

enum job_kind { JOB_LIST, JOB_SEARCH, JOB_RENAME, JOB_COPY };
struct job { /* its thread's while that runs */
	enum job_kind kind;
	char *session; /* of RENAME its name or id, of COPY its folder */
	char *text;    /* the new name, the words */
	char *kv_folder;
	struct session_list list;
	struct session_hits hits;
};
struct sessions_view {
	struct view view;
	struct session_list sessions;
	struct session_hits hits;
	int shows_hits, was_read;
	struct list list;
	struct list_find find;
	struct errand *errand;
	struct job *job, *next;    /* what is under way, and what comes behind it */
	char *asked;               /* the session that a name is being typed for: its id */
	char *here;                /* name and id of the one that is open, as it was listed */
	char *words;               /* that hits are of */
	struct session_hit wanted; /* to be shown when its session is open; id NULL: none */
};

/* ---- jobs ---- */

static void job_drop(void *arg)
{
	struct job *job = arg;

	if (job) {
		session_list_finish(&job->list);
		session_hits_finish(&job->hits);
		free(job->session);
		free(job->text);
		free(job->kv_folder);
		free(job);
	}
}

static int job_work(struct errand *errand, void *arg, struct err *err)
{
	struct job *job = arg;

	switch (job->kind) {
	case JOB_SEARCH:
		return session_hits_search(&job->hits, job->text, NULL, errand, err);
	case JOB_RENAME:
		return catalogue_rename(job->session, job->text, err);
	case JOB_COPY:
		return session_copy(job->session, job->text, job->kv_folder, err);
	default:
		return session_list_read(&job->list, job->kv_folder, errand, err);
	}
}

static struct sessions_view *find_view(struct app *app)
{
	for (size_t i = 0; i < app->n_view; i++) {
		if (app->view[i]->ops == &view_sessions) {
			return (struct sessions_view *)app->view[i];
		}
	}
	return NULL;
}

static void look(struct app *app);

static void begin_next(struct sessions_view *sessions)
{
	struct app *app = sessions->view.app;
	struct err err;

	sessions->job = sessions->next;
	sessions->next = NULL;
	if (!sessions->job) {
		return;
	}
	sessions->errand = errand_begin(job_work, sessions->job, &err);
	if (!sessions->errand) {
		app_complain(app, &err);
		job_drop(sessions->job);
		sessions->job = NULL;
		return;
	}
	app_after(app, LOOK_MS, look);
}

/* One at a time: what was asked for last comes next. */
static void begin(
	struct sessions_view *sessions, enum job_kind kind, const char *session, const char *text)
{
	struct job *job;

	/* A list can wait for a search that waits; what changes sessions ends with a list anyway. */
	if (kind == JOB_LIST && sessions->next) {
		return;
	}
	job = mem_zero(1, sizeof(*job));
	job->kind = kind;
	job->session = mem_strdup(session);
	job->text = mem_strdup(text);
	job->kv_folder = mem_strdup(sessions->view.app->config->kv_folder);
	job_drop(sessions->next);
	sessions->next = job;
	if (!sessions->errand) {
		begin_next(sessions);
	}
}

static void show_list(struct sessions_view *sessions)
{
	sessions->shows_hits = 0;
	list_resize(&sessions->list, sessions->sessions.n_row);
}

/* The cursor stays with its session. */
static void take_list(struct sessions_view *sessions, struct job *job)
{
	struct session_list *old = &sessions->sessions;
	char *id = NULL;

	if (!sessions->shows_hits && sessions->list.cursor < old->n_row) {
		id = mem_strdup(old->row[sessions->list.cursor].id);
	}
	session_list_finish(old);
	*old = job->list;
	job->list = (struct session_list){0};
	sessions->was_read = 1;
	if (sessions->shows_hits) {
		return;
	}
	list_resize(&sessions->list, old->n_row);
	for (size_t i = 0; i < old->n_row && id; i++) {
		if (strcmp(old->row[i].id, id) == 0) {
			sessions->list.cursor = i;
		}
	}
	free(id);
}

static void take_hits(struct sessions_view *sessions, struct job *job)
{
	struct app *app = sessions->view.app;

	session_hits_finish(&sessions->hits);
	sessions->hits = job->hits;
	job->hits = (struct session_hits){0};
	free(sessions->words);
	sessions->words = mem_strdup(job->text);
	if (!sessions->hits.n_hit) {
		show_list(sessions);
		app_say(app, "Nothing is found in any session.");
		return;
	}
	sessions->shows_hits = 1;
	list_resize(&sessions->list, sessions->hits.n_hit);
	sessions->list.cursor = 0;
	if (sessions->hits.n_unread) {
		app_say(app, "%zu sessions could not be read.", sessions->hits.n_unread);
	}
}

static void look(struct app *app)
{
	struct sessions_view *sessions = find_view(app);
	struct job *job;
	struct err err;

	if (!sessions || !sessions->errand) {
		return;
	}
	if (!errand_is_done(sessions->errand)) {
		app_after(app, LOOK_MS, look);
		return;
	}
	app_touch(app);
	job = sessions->job;
	sessions->job = NULL;
	if (errand_end(sessions->errand, &err) < 0) {
		app_complain(app, &err);
	} else if (job->kind == JOB_LIST) {
		take_list(sessions, job);
	} else if (job->kind == JOB_SEARCH) {
		take_hits(sessions, job);
	}
	sessions->errand = NULL;
	if (!sessions->next && (job->kind == JOB_RENAME || job->kind == JOB_COPY)) {
		begin(sessions, JOB_LIST, NULL, NULL);
	} else {
		begin_next(sessions);
	}
	job_drop(job);
}

/* ---- life ---- */

static char *name_here(const struct desk_state *state)
{
	return mem_printf("%s %s", state->session_id ? state->session_id : "",
		state->session_name ? state->session_name : "");
}

static int is_here(const struct sessions_view *sessions, const char *id)
{
	const char *here = sessions->view.app->state->session_id;

	return here && strcmp(here, id) == 0;
}

/* `argument`: words to be searched for in all sessions. */
static struct view *create(struct app *app, const char *argument)
{
	struct sessions_view *sessions = mem_zero(1, sizeof(*sessions));

	sessions->view.app = app;
	sessions->view.ops = &view_sessions;
	sessions->here = name_here(app->state);
	begin(sessions, JOB_LIST, NULL, NULL);
	if (argument && argument[0]) {
		begin(sessions, JOB_SEARCH, NULL, argument);
	}
	return &sessions->view;
}

static void forget_wanted(struct sessions_view *sessions)
{
	free(sessions->wanted.id);
	free(sessions->wanted.at);
	sessions->wanted = (struct session_hit){0};
}

static void destroy(struct view *view)
{
	struct sessions_view *sessions = (struct sessions_view *)view;

	if (sessions->errand) {
		errand_leave(sessions->errand, job_drop);
	}
	job_drop(sessions->next);
	session_list_finish(&sessions->sessions);
	session_hits_finish(&sessions->hits);
	list_find_finish(&sessions->find);
	forget_wanted(sessions);
	free(sessions->asked);
	free(sessions->here);
	free(sessions->words);
	free(sessions);
}

/* ---- opening ---- */

static void open_place(struct app *app, const struct session_hit *hit)
{
	char *argument;

	if (hit->source) {
		argument = mem_printf("S%lld %s", (long long)hit->source, hit->at);
		view_open(app, &view_reader, argument);
	} else {
		argument = mem_printf("%lld", (long long)hit->turn);
		view_open(app, &view_tree, argument);
	}
	free(argument);
}

/* Its session is open now. Not from update(), which must not change the stack of views. */
static void open_wanted(struct app *app)
{
	struct sessions_view *sessions = find_view(app);

	if (sessions && sessions->wanted.id && is_here(sessions, sessions->wanted.id)) {
		struct session_hit hit = sessions->wanted;

		sessions->wanted = (struct session_hit){0};
		open_place(app, &hit);
		free(hit.id);
		free(hit.at);
	}
}

static void update(struct view *view)
{
	struct sessions_view *sessions = (struct sessions_view *)view;
	char *here = name_here(view->app->state);

	if (strcmp(here, sessions->here) != 0) {
		begin(sessions, JOB_LIST, NULL, NULL);
		if (sessions->wanted.id && is_here(sessions, sessions->wanted.id)) {
			app_after(view->app, 0, open_wanted);
		}
	}
	free(sessions->here);
	sessions->here = here;
}

static void open_hit(struct sessions_view *sessions, const struct session_hit *hit)
{
	if (is_here(sessions, hit->id)) {
		open_place(sessions->view.app, hit);
		return;
	}
	forget_wanted(sessions);
	sessions->wanted = (struct session_hit){.id = mem_strdup(hit->id),
		.source = hit->source,
		.at = mem_strdup(hit->at),
		.turn = hit->turn};
	desk_open_session(sessions->view.app->desk, DESK_NAMED, hit->id);
}

/* Of one that cannot be read, too: the desk says what to do. */
static void open_session(struct sessions_view *sessions, const struct session_row *row)
{
	struct app *app = sessions->view.app;

	if (!is_here(sessions, row->id)) {
		desk_open_session(app->desk, DESK_NAMED, row->id);
	}
	view_show_chat(app);
}

/* ---- drawing ---- */

struct column { /* of the list, from the right one: those that have no room fall away from the left */
	const char *title;
	int width;
};
enum { COLUMN_STATE, COLUMN_USED, COLUMN_TOKENS, COLUMN_KV, COLUMN_TURNS, COLUMN_SOURCES, COLUMNS };
static const struct column columns[COLUMNS] = {
	[COLUMN_STATE] = {"", 7},
	[COLUMN_USED] = {"USED", 9},
	[COLUMN_TOKENS] = {"TOKENS", 11},
	[COLUMN_KV] = {"KV", 11},
	[COLUMN_TURNS] = {"TURNS", 7},
	[COLUMN_SOURCES] = {"SOURCES", 8},
};

static void add_column(struct buf *out, const struct sessions_view *sessions,
	const struct session_row *row, int column)
{
	char number[NUMBER_SIZE];

	switch (column) {
	case COLUMN_STATE:
		buf_addstr(out, is_here(sessions, row->id) ? "here"
				: row->is_in_use           ? "in use"
				: row->is_pinned           ? "pinned"
							   : "");
		break;
	case COLUMN_USED:
		session_row_age(out, row->used_s, (int64_t)time(NULL));
		break;
	case COLUMN_TOKENS:
		buf_addstr(out,
			row->source_tok < 0 ? "unknown" : number_grouped(number, row->source_tok));
		break;
	case COLUMN_KV:
		buf_addstr(out, number_bytes(number, row->kv_bytes));
		break;
	case COLUMN_TURNS:
		buf_addstr(out, number_grouped(number, row->n_turn));
		break;
	default:
		buf_addstr(out, number_grouped(number, row->n_source));
		break;
	}
}

/* Returns the columns that are left for the name; row NULL: the titles. */
static int draw_columns(const struct sessions_view *sessions, struct pane pane, int at,
	const struct session_row *row)
{
	struct buf text = BUF_INIT;
	int right = pane.columns;

	for (int i = 0; i < COLUMNS && right - columns[i].width - 1 >= NAME_COLUMNS; i++) {
		right -= columns[i].width + 1;
		buf_clear(&text);
		if (row) {
			add_column(&text, sessions, row, i);
		} else {
			buf_addstr(&text, columns[i].title);
		}
		/* Figures to the right, words to the left. */
		pane_string(pane, at,
			i == COLUMN_STATE ? right + 1 : right + columns[i].width - (int)text.len,
			row && i != COLUMN_STATE ? ELEMENT_TEXT : ELEMENT_DIM, buf_str(&text));
	}
	buf_finish(&text);
	return right;
}

static void draw_session(const struct sessions_view *sessions, struct pane pane, int at,
	const struct session_row *row)
{
	int column;

	if (row->trouble) {
		column = pane_string(pane, at, 1, ELEMENT_TEXT, session_row_name(row));
		pane_string(pane, at, column + 2, ELEMENT_ERROR, row->trouble);
		return;
	}
	column = draw_columns(sessions, pane, at, row);
	pane_string(pane_part(pane, 0, 0, pane.rows, column), at, 1,
		is_here(sessions, row->id) ? ELEMENT_STRONG : ELEMENT_TEXT, session_row_name(row));
}

static void draw_hit(struct pane pane, int at, const struct session_hit *hit)
{
	int half = pane.columns / 2 < PLACE_COLUMNS ? pane.columns / 2 : PLACE_COLUMNS;
	struct pane place = pane_part(pane, 0, 0, pane.rows, half);
	int column = pane_string(place, at, 1, ELEMENT_STRONG, hit->name);

	column = pane_string_end(place, at, column + 1, ELEMENT_LINK, hit->place);
	pane_string(pane, at, (column < half ? column : half) + 2, ELEMENT_TEXT, hit->text);
}

static void draw(struct view *view, struct pane pane, int is_focused)
{
	struct sessions_view *sessions = (struct sessions_view *)view;
	int head = !sessions->shows_hits && pane.rows > 3;

	if (!sessions->list.n) {
		pane_string(pane, 0, 1, ELEMENT_DIM,
			sessions->was_read ? "There is no session yet." : "Reading ...");
		return;
	}
	if (head) {
		pane_string(pane, 0, 1, ELEMENT_DIM, "NAME");
		draw_columns(sessions, pane, 0, NULL);
		pane = pane_part(pane, 1, 0, pane.rows - 1, pane.columns);
	}
	list_layout(&sessions->list, pane.rows);
	for (int row = 0; row < pane.rows; row++) {
		size_t at = sessions->list.top + (size_t)row;

		if (at >= sessions->list.n) {
			break;
		}
		if (sessions->shows_hits) {
			draw_hit(pane, row, &sessions->hits.hit[at]);
		} else {
			draw_session(sessions, pane, row, &sessions->sessions.row[at]);
		}
		if (at == sessions->list.cursor && is_focused) {
			pane_mark_row(pane, row, ELEMENT_CURSOR);
		}
	}
}

/* ---- names that are typed ---- */

static const struct session_row *at_cursor(const struct sessions_view *sessions)
{
	return !sessions->shows_hits && sessions->list.cursor < sessions->sessions.n_row
		       ? &sessions->sessions.row[sessions->list.cursor]
		       : NULL;
}

static const struct session_row *asked_row(const struct sessions_view *sessions)
{
	for (size_t i = 0; sessions && sessions->asked && i < sessions->sessions.n_row; i++) {
		if (strcmp(sessions->sessions.row[i].id, sessions->asked) == 0) {
			return &sessions->sessions.row[i];
		}
	}
	return NULL;
}

static void rename_to(struct app *app, const char *text, size_t len)
{
	struct sessions_view *sessions = find_view(app);
	const struct session_row *row = asked_row(sessions);

	if (!text || !len || !row) {
		return;
	}
	if (is_here(sessions, row->id)) {
		desk_rename_session(app->desk, text);
	} else {
		begin(sessions, JOB_RENAME, session_row_name(row), text);
	}
}

static void copy_as(struct app *app, const char *text, size_t len)
{
	struct sessions_view *sessions = find_view(app);
	const struct session_row *row = asked_row(sessions);

	if (text && len && row) {
		begin(sessions, JOB_COPY, row->folder, text);
	}
}

static void search_all(struct app *app, const char *text, size_t len)
{
	struct sessions_view *sessions = find_view(app);

	if (text && len && sessions) {
		begin(sessions, JOB_SEARCH, NULL, text);
	}
}

static void ask_name(struct sessions_view *sessions, const char *label, const char *text,
	void (*done)(struct app *app, const char *text, size_t len))
{
	const struct session_row *row = at_cursor(sessions);
	struct input_prompt prompt = {.label = label, .text = text, .done = done};

	free(sessions->asked);
	sessions->asked = mem_strdup(row ? row->id : NULL);
	input_ask(sessions->view.app->input, &prompt);
}

/* ---- keys ---- */

static int has(const void *arg, size_t row, const char *words)
{
	const struct sessions_view *sessions = arg;

	if (sessions->shows_hits) {
		const struct session_hit *hit = &sessions->hits.hit[row];

		return strcasestr(hit->name, words) || strcasestr(hit->place, words) ||
		       strcasestr(hit->text, words);
	}
	return strcasestr(session_row_name(&sessions->sessions.row[row]), words) != NULL;
}

static int act_on_session(
	struct sessions_view *sessions, const struct session_row *row, enum action action)
{
	switch (action) {
	case ACTION_OPEN:
		open_session(sessions, row);
		return 1;
	case ACTION_RENAME:
		ask_name(sessions, "rename to: ", row->name, rename_to);
		return 1;
	case ACTION_FORK_SESSION:
		ask_name(sessions, "copy as: ", NULL, copy_as);
		return 1;
	default:
		return 0;
	}
}

static int act(struct view *view, enum action action)
{
	struct sessions_view *sessions = (struct sessions_view *)view;
	const struct session_row *row = at_cursor(sessions);

	if (list_act(&sessions->list, action)) {
		return 1;
	}
	if (action == ACTION_SEARCH_ALL) {
		ask_name(sessions, "search all sessions: ", sessions->words, search_all);
		return 1;
	}
	if (sessions->shows_hits && action == ACTION_CLOSE) {
		show_list(sessions);
		return 1;
	}
	if (sessions->shows_hits && action == ACTION_OPEN) {
		open_hit(sessions, &sessions->hits.hit[sessions->list.cursor]);
		return 1;
	}
	return row ? act_on_session(sessions, row, action) : 0;
}

static int search(struct view *view, const char *words, size_t len, int is_back, int is_final)
{
	struct sessions_view *sessions = (struct sessions_view *)view;
	struct list_rows rows = {has, sessions};

	return list_find(&sessions->find, &sessions->list, &rows, words, len, is_back, is_final);
}

static void title(struct view *view, struct buf *left, struct buf *right)
{
	const struct sessions_view *sessions = (const struct sessions_view *)view;
	char number[NUMBER_SIZE];

	if (sessions->shows_hits) {
		buf_printf(left, "%s passages of all sessions with %s",
			number_grouped(number, sessions->hits.n_found), sessions->words);
	} else {
		buf_addstr(left, "sessions");
	}
	if (sessions->job) {
		buf_addstr(right,
			sessions->job->kind == JOB_SEARCH ? "searching ...  " : "reading ...  ");
	}
	if (sessions->list.n) {
		buf_printf(right, "%zu/%zu", sessions->list.cursor + 1, sessions->list.n);
	}
}

static int copy(struct view *view, struct buf *out)
{
	const struct sessions_view *sessions = (const struct sessions_view *)view;
	const struct session_row *row = at_cursor(sessions);

	if (row) {
		buf_addstr(out, session_row_name(row));
	} else if (sessions->shows_hits) {
		buf_addstr(out, sessions->hits.hit[sessions->list.cursor].text);
	}
	return row != NULL || sessions->shows_hits;
}

const struct view_ops view_sessions = {
	.name = "sessions",
	.bit = VIEW_SESSIONS,
	.create = create,
	.destroy = destroy,
	.update = update,
	.draw = draw,
	.act = act,
	.search = search,
	.title = title,
	.copy = copy,
};
