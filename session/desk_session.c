/* Which session and which engine, and taking a session along as a file. */
#include "session/desk_internal.h"
#include "session/export.h"
#include "session/session_internal.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- sessions ---- */

void desk_close_session(struct desk *desk)
{
	struct order *loading = desk_reader_stop(desk);
	struct err err;

	if (loading) {
		err_set(&err, ERR_INTERRUPTED, NULL, NULL,
			"the load was stopped: its session is closed");
		desk_end_order(desk, loading, &err);
	}
	desk_save_draft(desk);
	desk_preview_forget(desk);
	desk_discard_plans(desk);
	if (desk->at.session) {
		desk->host.close_session(desk->host.arg, &desk->at, desk->is_used);
	}
	free(desk->at.name);
	desk->at = (struct desk_session){0};
	desk->is_used = 0;
	desk->turns_of = NULL;
	desk->looking = (struct desk_looking){0};
}

void desk_take_old_rates(struct desk *desk)
{
	static const struct engine_usage none;
	const struct session *session = desk->at.session;
	const struct turn *turn =
		session ? session_turn_by_id(session, session_head(session)) : NULL;
	const struct engine_usage *usage = &none;

	if (turn && desk->engine && engine_is_ready(desk->engine) &&
		strcmp(turn->stored.model_digest, engine_info(desk->engine)->model_digest) == 0) {
		usage = &turn->stored.usage;
	}
	desk->now.prefill_tok_per_s = desk->now.decode_tok_per_s = 0;
	desk_take_rates(desk, usage);
}

static int open_session(struct desk *desk, enum desk_which which, const char *name, struct err *err)
{
	struct desk_session next = {0};
	struct desk_settings settings;
	struct err ignored;

	if (desk->host.open_session(desk->host.arg, which, name, &next, err) < 0) {
		free(next.name);
		return -1;
	}
	desk_close_session(desk);
	desk->at = next;
	desk_settings(desk, &settings, &ignored); /* how it is read; an error is its order's */
	desk_take_old_rates(desk);
	desk_forget_costs(desk);
	desk_stale_begin(desk);
	desk_state_names(desk);
	desk_state_turns(desk);
	desk_state_sources(desk);
	desk_publish(desk);
	return 0;
}

/* The engine loads while the session is read; what of it fails is in the state, too. */
static int run_open(struct desk *desk, struct order *order, struct err *err)
{
	struct err engine_err;

	if (open_session(desk, DESK_FIRST, NULL, err) < 0) {
		return -1;
	}
	if (desk_engine_open(desk, NULL, &engine_err) < 0) {
		desk_note(desk, &engine_err);
	}
	return 0;
}

static int run_session(struct desk *desk, struct order *order, struct err *err)
{
	struct err engine_err;

	if (order->which == DESK_NAMED && desk->at.name && order->name &&
		strcmp(desk->at.name, order->name) == 0) {
		return 0;
	}
	if (open_session(desk, order->which, order->name, err) < 0) {
		return -1;
	}
	if (desk->at.wants_engine && desk_engine_open(desk, NULL, &engine_err) < 0) {
		desk_note(desk, &engine_err); /* the one that is there goes on */
	}
	return 0;
}

static int run_rename(struct desk *desk, struct order *order, struct err *err)
{
	if (desk->host.rename_session(desk->host.arg, &desk->at, order->name, err) < 0) {
		return -1;
	}
	desk->is_used = 1;
	free(desk->at.name);
	desk->at.name = mem_strdup(order->name);
	desk_state_names(desk);
	desk_publish(desk);
	return 0;
}

const struct order_kind order_open = {DESK_OPENING, 0, 0, run_open};
const struct order_kind order_session = {DESK_OPENING, 0, 0, run_session};
const struct order_kind order_rename = {DESK_WORKING, 1, 0, run_rename};

int64_t desk_open_session(struct desk *desk, enum desk_which which, const char *name)
{
	return desk_order(desk,
		&(struct order){.kind = &order_session, .which = which, .name = mem_strdup(name)});
}

int64_t desk_rename_session(struct desk *desk, const char *name)
{
	return desk_order(desk, &(struct order){.kind = &order_rename, .name = mem_strdup(name)});
}

/* ---- settings, engines ---- */

static int run_set(struct desk *desk, struct order *order, struct err *err)
{
	struct desk_settings settings;
	struct err note;
	int status =
		desk->host.set(desk->host.arg, desk->at.session, order->name, order->text, err);

	if (status < 0 || (status > 0 && desk_engine_open(desk, NULL, err) < 0)) {
		return -1;
	}
	desk->is_used = 1;
	if (desk_settings(desk, &settings, err) < 0) {
		return -1;
	}
	desk_state_names(desk);
	desk_publish(desk);
	err_set(&note, ERR_NONE, NULL, NULL, "%s = %s", order->name,
		order->text ? order->text : "");
	desk_note(desk, &note);
	return 0;
}

static int run_engine(struct desk *desk, struct order *order, struct err *err)
{
	if (desk_engine_open(desk, order->text, err) < 0) {
		return -1;
	}
	desk_forget_costs(desk);
	desk->now.prefill_tok_per_s = desk->now.decode_tok_per_s = 0; /* the other one's */
	desk_publish(desk);
	return desk_need_engine(desk, err);
}

const struct order_kind order_set = {DESK_WORKING, 1, 0, run_set};
const struct order_kind order_engine = {DESK_MODEL_LOADING, 0, 0, run_engine};

int64_t desk_set(struct desk *desk, const char *name, const char *value)
{
	return desk_order(desk,
		&(struct order){
			.kind = &order_set, .name = mem_strdup(name), .text = mem_strdup(value)});
}

int64_t desk_open_engine(struct desk *desk, const char *model)
{
	return desk_order(desk, &(struct order){.kind = &order_engine, .text = mem_strdup(model)});
}

/* ---- export ---- */

/* What a throw-away session has, as if it were stored; everything is borrowed but the lists. */
static void lend_contents(const struct session *session, struct store_contents *contents)
{
	*contents = (struct store_contents){.setting = session->setting,
		.n_setting = session->n_setting,
		.place = session->place,
		.n_place = session->n_place,
		.head = session->head,
		.draft = session->draft};
	contents->block = mem_zero(session->n_block + 1, sizeof(*contents->block));
	contents->turn = mem_zero(session->n_turn + 1, sizeof(*contents->turn));
	for (size_t i = 0; i < session->n_block; i++) {
		contents->block[contents->n_block++] = session->block[i]->stored;
	}
	for (size_t i = 0; i < session->n_turn; i++) {
		contents->turn[contents->n_turn++] = session->turn[i]->stored;
	}
}

static void write_contents(FILE *out, const char *format, const struct export_session *what)
{
	if (strcmp(format, "json") == 0) {
		export_json(out, what);
	} else if (strcmp(format, "html") == 0) {
		export_html(out, what);
	} else {
		export_md(out, what);
	}
}

static int write_session(FILE *out, const char *format, struct session *session, struct err *err)
{
	struct store_contents contents = {0};
	struct export_session what = {.id = store_id(session->store), .contents = &contents};
	int is_kept = store_is_kept(session->store);

	if (strcmp(format, "text") == 0) {
		struct buf text = BUF_INIT;

		session_context_text(session, NULL, 0, &text);
		fwrite(buf_str(&text), 1, text.len, out);
		buf_finish(&text);
		return 0;
	}
	if (is_kept && store_read(session->store, &contents, err) < 0) {
		return -1;
	}
	if (!is_kept) {
		lend_contents(session, &contents);
	}
	write_contents(out, format, &what);
	if (is_kept) {
		store_contents_finish(&contents);
	} else {
		free(contents.block);
		free(contents.turn);
	}
	return 0;
}

static int check_format(const char *format, struct err *err)
{
	static const char *const known[] = {"md", "json", "html", "text"};

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(format, known[i]) == 0) {
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, format, "md, json, html or text",
		"is no format that a session can be exported in");
}

/* Under its name when it is complete; one that is there is not written over. */
static int run_export(struct desk *desk, struct order *order, struct err *err)
{
	const char *path = order->text;
	char *part = mem_printf("%s.part-%lld", path, (long long)getpid());
	int status = check_format(order->name, err), failed = 0, fd = -1;
	FILE *out = NULL;

	if (status == 0) {
		fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		out = fd < 0 ? NULL : fdopen(fd, "w");
	}
	if (status == 0 && !out) {
		status = err_set_errno(err, ERR_FAILURE, errno, path, "cannot be written");
	} else if (status == 0) {
		status = write_session(out, order->name, desk->at.session, err);
		errno = 0;
		failed = fflush(out) != 0 || ferror(out) || fsync(fd) < 0;
		failed = failed && errno ? errno : failed ? EIO : 0;
		fclose(out);
	}
	if (status == 0 && failed) {
		status = err_set_errno(err, ERR_FAILURE, failed, path, "cannot be written");
	} else if (status == 0 && link(part, path) < 0) {
		failed = errno;
		status = err_set_errno(err, ERR_FAILURE, failed, path, "cannot be made");
		snprintf(err->hint, sizeof(err->hint), "%s",
			failed == EEXIST ? "nothing is written over: give another name" : "");
	}
	if (status == 0) {
		struct err note;

		err_set(&note, ERR_NONE, NULL, NULL, "written to %s", path);
		desk_note(desk, &note);
	}
	if (out) {
		unlink(part);
	}
	free(part);
	return status;
}

const struct order_kind order_export = {DESK_WORKING, 1, 0, run_export};

int64_t desk_export(struct desk *desk, const char *format, const char *path)
{
	return desk_order(desk, &(struct order){.kind = &order_export,
					.name = mem_strdup(format),
					.text = mem_strdup(path)});
}
