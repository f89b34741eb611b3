/* A desk with a host of its own, and waiting for what comes of its orders. */
#ifndef TESTS_UNIT_DESK_FIXTURE_H
#define TESTS_UNIT_DESK_FIXTURE_H

#include "base/buf.h"
#include "base/mem.h"
#include "engine/engine_thread.h"
#include "session/desk.h"
#include "session/store.h"
#include "tests/unit/folder_fixture.h"

#include <poll.h>
#include <string.h>
#include <time.h>

enum { WAIT_MS = 20000 }; /* a test that waits longer has failed */

/* ---- a host ---- */

struct host {
	int is_process; /* the engine is one, which can be killed */
	int is_kept;    /* sessions are, in the folder of the test, by name */
	int64_t context_tok;
	enum session_over over;
	double temperature;
	int n_opened, n_closed, was_used;
};

/* Where a session of that name is kept: folders are called by ids, of 16 hex digits. */
static inline void host_folder(char out[17], const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *name; name++) {
		hash = (hash ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	}
	snprintf(out, 17, "%016llx", (unsigned long long)hash);
}

static inline int host_open_session(void *arg, enum desk_which which, const char *name,
	struct desk_session *out, struct err *err)
{
	struct host *host = arg;
	struct session_config config = {0};
	struct store *store;
	char folder[17];
	int status;

	*out = (struct desk_session){0};
	host->n_opened++;
	if (!host->is_kept) {
		out->session = session_create(&config);
		out->is_new = 1;
		return 0;
	}
	out->name = mem_strdup(which == DESK_NAMED ? name : which == DESK_NEW ? "new" : "first");
	host_folder(folder, out->name);
	out->is_new = access(folder, F_OK) != 0;
	status = out->is_new ? store_create(&store, folder, err)
			     : store_open(&store, folder, STORE_WRITE, err);
	return status < 0 ? -1 : session_open(&out->session, store, &config, err);
}

static inline void host_close_session(void *arg, struct desk_session *session, int is_used)
{
	struct host *host = arg;

	host->n_closed++;
	host->was_used = is_used;
	session_destroy(session->session);
}

static inline int host_rename_session(
	void *arg, struct desk_session *session, const char *name, struct err *err)
{
	return strcmp(name, "taken") == 0
		       ? err_set(err, ERR_USAGE, name, NULL, "there is one of that name")
		       : 0;
}

static inline int host_open_engine(
	void *arg, const char *model, struct engine **out, struct err *err)
{
	struct host *host = arg;
	struct engine_config config = {.model = model ? model : "fake",
		.backend = "fake",
		.context_tok = host->context_tok ? host->context_tok : 4096};

	if (model && strcmp(model, "missing") == 0) {
		return err_set(err, ERR_ENGINE, model, NULL, "there is no such model");
	}
	return host->is_process ? engine_open(out, &config, err)
				: engine_open_thread(out, &config, err);
}

static inline int host_settings(void *arg, struct session *session, struct engine *engine,
	const struct session_watch *watch, struct desk_settings *out, struct err *err)
{
	const struct host *host = arg;

	out->max_tok = 256;
	out->reading.over = host->over;
	out->sampling.temperature = host->temperature;
	return 0;
}

static inline int host_set(
	void *arg, struct session *session, const char *name, const char *value, struct err *err)
{
	struct host *host = arg;

	if (strcmp(name, "over") == 0) {
		return session_over_parse(value, &host->over);
	}
	return err_set(err, ERR_USAGE, name, NULL, "there is no such setting");
}

/* ---- a table at which it stands ---- */

struct table {
	struct host host;
	struct desk *desk;
	const struct desk_state *state; /* the newest that was seen */
	struct desk_event event;        /* the last one */
	struct seen *waiting;           /* who collects what comes of an order */
	int64_t ended[256];             /* by order: 1 with its end seen */
	struct seen_end {
		struct err err;
		int64_t turn;
	} end[256];
	uint64_t preview_serial;
	struct desk_preview preview;
	struct buf text[256], thoughts[256];
	int n_progress[256], n_found[256], n_swept[256];
	int64_t prefilled_tok; /* of the last prefill */
	struct {
		int64_t id;
		char *text;
		struct session_cost before, after;
		size_t n_skipped;
	} plan[256];
	int n_note;
	struct err note;
	struct session_plan reading;
};

/* What came of an order. */
struct seen {
	struct err err;
	int64_t turn, plan_id;
	struct buf text, thoughts;
	int n_progress, n_found, n_swept;
	char *plan_text;
	struct session_cost before, after;
	size_t n_skipped;
};

static inline void seen_finish(struct seen *seen)
{
	buf_finish(&seen->text);
	buf_finish(&seen->thoughts);
	free(seen->plan_text);
}

static inline void table_open(struct table *table, const struct host *host)
{
	struct desk_host calls = {host_open_session, host_close_session, host_rename_session,
		host_open_engine, host_settings, host_set, &table->host};
	struct err err;

	*table = (struct table){.host = *host};
	if (desk_open(&table->desk, &calls, &err) < 0) {
		fail_msg("%s", err.what);
	}
	table->state = desk_state(table->desk);
}

static inline void table_close(struct table *table)
{
	desk_close(table->desk);
	desk_state_unref(table->state);
	for (size_t i = 0; i < 256; i++) {
		buf_finish(&table->text[i]);
		buf_finish(&table->thoughts[i]);
		free(table->plan[i].text);
	}
}

static inline void note_event(struct table *table, struct desk_event *event)
{
	int64_t order = event->order;

	assert_in_range(order, 0, 255);
	switch (event->type) {
	case DESK_STATE:
		assert_true(event->state->revision >= table->state->revision);
		desk_state_unref(table->state);
		table->state = desk_state_ref(event->state);
		break;
	case DESK_TEXT:
		buf_add(&table->text[order], event->text, event->text_len);
		break;
	case DESK_THOUGHT:
		buf_add(&table->thoughts[order], event->text, event->text_len);
		break;
	case DESK_PROGRESS:
		table->n_progress[order]++;
		table->n_swept[order] += event->doing == DESK_SWEEPING;
		table->prefilled_tok = event->doing == DESK_PREFILLING ? event->done : 0;
		break;
	case DESK_FOUND:
		table->n_found[order]++;
		break;
	case DESK_PLANNED:
		table->plan[order].id = event->plan->id;
		table->plan[order].text =
			mem_strdup(event->plan->n_text ? event->plan->text[0] : "");
		table->plan[order].before = event->plan->before;
		table->plan[order].after = event->plan->after;
		table->plan[order].n_skipped = event->plan->n_skipped;
		break;
	case DESK_PREVIEW:
		assert_true(event->preview.serial > table->preview_serial);
		table->preview_serial = event->preview.serial;
		table->preview = event->preview;
		break;
	case DESK_READING:
		table->reading = event->reading;
		break;
	case DESK_NOTE:
		table->n_note++;
		table->note = event->err;
		break;
	case DESK_ENDED:
		assert_int_equal(0, table->ended[order]);
		table->ended[order] = 1;
		table->end[order] = (struct seen_end){event->err, event->turn};
		break;
	}
}

/* Wait for an event and note it. */
static inline void take_event(struct table *table)
{
	struct pollfd poll_fd = {.fd = desk_fd(table->desk), .events = POLLIN};
	struct desk_event event;

	while (!desk_next(table->desk, &event)) {
		assert_int_equal(1, poll(&poll_fd, 1, WAIT_MS));
	}
	note_event(table, &event);
	desk_event_finish(&event);
}

static inline const struct desk_state *await_ready(struct table *table)
{
	while (table->state->engine != DESK_ENGINE_READY || !table->ended[1]) {
		take_event(table);
	}
	return table->state;
}

/* Until what the context takes is known again. */
static inline void await_costs(struct table *table)
{
	while (table->state->prompt_tok < 0) {
		take_event(table);
	}
}

static inline int has_ended(const struct table *table, int64_t order)
{
	return table->ended[order] != 0;
}

static inline void await_text(struct table *table, int64_t order)
{
	while (!table->text[order].len) {
		assert_false(has_ended(table, order));
		take_event(table);
	}
}

static inline struct desk_preview await_preview(struct table *table, uint64_t serial)
{
	while (table->preview_serial < serial) {
		take_event(table);
	}
	return table->preview;
}

static inline struct seen await_end(struct table *table, int64_t order)
{
	struct seen seen = {0};

	while (!has_ended(table, order)) {
		take_event(table);
	}
	seen.err = table->end[order].err;
	seen.turn = table->end[order].turn;
	seen.text = table->text[order];
	table->text[order] = BUF_INIT;
	seen.thoughts = table->thoughts[order];
	table->thoughts[order] = BUF_INIT;
	seen.n_progress = table->n_progress[order];
	seen.n_found = table->n_found[order];
	seen.n_swept = table->n_swept[order];
	seen.plan_id = table->plan[order].id;
	seen.plan_text = table->plan[order].text;
	table->plan[order].text = NULL;
	seen.before = table->plan[order].before;
	seen.after = table->plan[order].after;
	seen.n_skipped = table->plan[order].n_skipped;
	return seen;
}

/* Stop it so long after it was ordered. */
static inline struct seen stop_after(struct table *table, int64_t order, int ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
	desk_stop(table->desk, 0);
	return await_end(table, order);
}

/* n lines about nothing, of which line `at` (0: none) is another one. */
static inline void write_lines(const char *path, int n, int at, const char *line)
{
	struct buf text = BUF_INIT;

	for (int i = 1; i <= n; i++) {
		if (i == at) {
			buf_printf(&text, "%s\n", line);
		} else {
			buf_printf(&text, "Line %03d is about the weather.\n", i);
		}
	}
	folder_write(path, buf_str(&text));
	buf_finish(&text);
}

/* Commit what was planned; ends *seen. */
static inline void finish_plan(struct table *table, struct seen *seen)
{
	struct seen end;

	assert_int_equal(0, seen->err.code);
	end = await_end(table, desk_commit(table->desk, seen->plan_id));
	if (end.err.code) {
		fail_msg("%s", end.err.what);
	}
	seen_finish(&end);
	seen_finish(seen);
}

/* The same of an order that plans. */
static inline void commit(struct table *table, int64_t order)
{
	struct seen seen = await_end(table, order);

	finish_plan(table, &seen);
}

/* ---- each test ---- */

static char fixture_folder[] = "/tmp/carrel-desk-XXXXXX";

static inline int enter(void **state)
{
	return folder_enter(fixture_folder);
}

static inline int leave(void **state)
{
	return folder_leave(fixture_folder);
}

static inline int plain_fake(void **state)
{
	unsetenv("CARREL_FAKE_ANSWER");
	unsetenv("CARREL_FAKE_ANSWERS");
	unsetenv("CARREL_FAKE_TOKEN_US");
	unsetenv("CARREL_FAKE_PREFILL_US");
	unsetenv("CARREL_FAKE_LOAD_MS");
	unsetenv("CARREL_FAKE_FAULT");
	unsetenv("CARREL_FAKE_TEMPLATE");
	return 0;
}

#define desk_test(name) cmocka_unit_test_setup(name, plain_fake)

#endif
