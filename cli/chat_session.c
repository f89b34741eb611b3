/* The session of the chat: which it is, what stands in it, and what that costs. */
#include "cli/chat.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/change.h"
#include "cli/line.h"
#include "cli/output.h"
#include "cli/prefill.h"
#include "session/catalogue.h"
#include "session/command_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void refuse(struct chat *chat, const char *command, const char *hint, const char *what)
{
	struct err err;

	err_set(&err, ERR_USAGE, command, hint, "%s", what);
	chat_complain(chat, &err);
}

/* ---- which session ---- */

static void tell_resumed(const struct chat *chat)
{
	size_t n_source = session_source_count(chat->session),
	       n_turn = session_turn_count(chat->session);

	log_note("session %s goes on: %zu source%s, %zu turn%s (/new begins another)",
		chat->resume.name, n_source, n_source == 1 ? "" : "s", n_turn,
		n_turn == 1 ? "" : "s");
}

int chat_open_session(struct chat *chat, struct err *err)
{
	struct options *options = chat->options;
	const char *path = chat->inputs.n_path ? chat->inputs.path[0] : NULL;
	int was_last = 0, status;

	status = options->session || options->no_store || !chat->interactive
			 ? resume_open(&chat->resume, options, err)
			 : resume_default(&chat->resume, options, path, &was_last, err);
	chat->session = chat->resume.session;
	if (status < 0) {
		return -1;
	}
	start_window(&chat->window, &chat->model, options);
	if (chat->resume.name && !chat->resume.is_new) {
		tell_resumed(chat);
	}
	return 0;
}

void chat_new(struct chat *chat, const char *argument)
{
	struct resume next;
	struct err err;
	int status = chat->interactive && !chat->options->no_store
			     ? resume_new(&next, chat->options, NULL, &err)
			     : resume_throw_away(&next, chat->options, &err);

	if (status < 0) {
		resume_close(&next, 1);
		chat_complain(chat, &err);
		return;
	}
	chat_unfork(chat);
	resume_replace(&chat->resume, &next);
	chat->session = chat->resume.session;
	if (chat->resume.name) {
		log_note("session %s begins", chat->resume.name);
	} else {
		log_note("a conversation begins that is not kept");
	}
}

void chat_rename(struct chat *chat, const char *argument)
{
	struct err err;

	if (!argument[0]) {
		refuse(chat, "/rename", "/rename NAME", "needs a name");
	} else if (!chat->resume.name) {
		refuse(chat, "/rename", "carrel -s NAME keeps one",
			"this session is not kept, so it has no name");
	} else if (resume_rename(&chat->resume, argument, &err) < 0) {
		chat_complain(chat, &err);
	} else {
		log_note("this is session %s now", chat->resume.name);
	}
}

/* ---- what stands in it ---- */

static int count_sources(struct chat *chat, int64_t *total_tok, struct err *err)
{
	struct session_watch watch = {.stopped = chat_stopped, .arg = chat};

	return session_count(chat->session, chat->engine, &watch, total_tok, err);
}

/* The bytes are those of `carrel sessions ls`: of every branch. */
static void tell_kv(const struct chat *chat, const struct session_cost *cost)
{
	char cached[NUMBER_SIZE], total[NUMBER_SIZE], more[NUMBER_SIZE], bytes[NUMBER_SIZE];
	char *folder = start_kv_folder(chat->options);

	output_line("KV       %s of %s tokens are computed, %s new",
		number_grouped(cached, cost->cached_tok), number_grouped(total, cost->total_tok),
		number_grouped(more, cost->total_tok - cost->cached_tok));
	if (folder && chat->resume.name) {
		const char *id = store_id(session_store(chat->session));

		output_line("on disk  %s of KV, all branches together",
			number_bytes(bytes, engine_kv_owned_bytes(folder, id)));
	}
	free(folder);
}

void chat_session(struct chat *chat, const char *argument)
{
	struct session_watch watch = {.stopped = chat_stopped, .arg = chat};
	char used[NUMBER_SIZE], whole[NUMBER_SIZE];
	struct session_cost cost;
	int64_t total_tok, *path;
	size_t n_path;
	struct err err;

	if (count_sources(chat, &total_tok, &err) < 0 ||
		session_cost(chat->session, chat->engine, &watch, &cost, &err) < 0) {
		chat_complain(chat, &err);
		return;
	}
	path = session_path(chat->session, &n_path);
	free(path);
	output_line("session  %s", chat->resume.name ? chat->resume.name : "(not kept)");
	output_line("sources  %zu", session_source_count(chat->session));
	output_line("turns    %zu of %zu lead here", n_path, session_turn_count(chat->session));
	output_line("context  %s of %s tokens", number_grouped(used, total_tok),
		number_grouped(whole, engine_info(chat->engine)->context_tok));
	tell_kv(chat, &cost);
}

/* ---- changes ---- */

static int agrees(void *arg)
{
	char *line = line_ask("Go on? [y/N] ");
	int yes = line && (line[0] == 'y' || line[0] == 'Y');

	free(line);
	return yes;
}

static struct change_telling make_telling(const struct chat *chat, int asks)
{
	return (struct change_telling){
		.engine = chat->engine,
		.agrees = asks && chat->interactive ? agrees : NULL,
	};
}

static int take(struct chat *chat, struct session_change *change, int asks, struct err *err)
{
	struct change_telling telling = make_telling(chat, asks);
	int status = change_take(&telling, change, err);

	chat->resume.is_used |= status == 0;
	return status;
}

/* What a load has to fit: the window where all of it must stand in it, else nothing. */
static int set_window(struct chat *chat, int is_empty, struct err *err)
{
	static const struct session_window any;

	if (chat->reading.how.over != SESSION_OVER_FAIL) {
		session_set_window(chat->session, &any);
		return 0;
	}
	if (!is_empty && (start_wait(chat->engine, err) < 0 ||
				 count_sources(chat, &chat->window.used_tok, err) < 0)) {
		return -1;
	}
	session_set_window(chat->session, &chat->window);
	return 0;
}

/* While the engine still loads nothing is known of what it costs. */
static int load_first(
	struct chat *chat, const char *const *path, size_t n_path, int partial, struct err *err)
{
	size_t first = session_source_count(chat->session), unreadable;
	int is_empty = !first && !session_turn_count(chat->session);

	if (set_window(chat, is_empty, err) < 0 || inputs_load(&chat->inputs, chat->session, path,
							   n_path, partial, &unreadable, err) < 0) {
		return -1;
	}
	for (size_t i = first; i < session_source_count(chat->session); i++) {
		struct session_source source = session_source_at(chat->session, i);

		log_note("%s %s %s", source.id, source.kind, source.path);
	}
	return 0;
}

static int plan_and_load(
	struct chat *chat, const char *const *path, size_t n_path, int partial, struct err *err)
{
	struct session_change *change;
	size_t unreadable = 0;
	int status;

	if (set_window(chat, 0, err) < 0 || inputs_plan_load(&chat->inputs, chat->session, &change,
						    path, n_path, partial, &unreadable, err) < 0) {
		return -1;
	}
	status = take(chat, change, 0, err);
	if (status == 0) {
		chat_tell_over(chat);
	}
	return status < 0 ? -1 : 0;
}

int chat_load(
	struct chat *chat, const char *const *path, size_t n_path, int partial, struct err *err)
{
	int is_ready = engine_info(chat->engine)->model_name[0] != 0;
	int status = is_ready ? plan_and_load(chat, path, n_path, partial, err)
			      : load_first(chat, path, n_path, partial, err);

	if (status < 0 && err->code == ERR_CONTEXT) {
		start_hint_over(err, is_ready ? "/over auto" : "--over auto");
	}
	return status;
}

void chat_refresh(struct chat *chat, const char *argument)
{
	struct session_change *change;
	size_t unreadable = 0;
	struct err err;

	if (inputs_plan_refresh(&chat->inputs, chat->session, &change, 0, &unreadable, &err) < 0 ||
		take(chat, change, 0, &err) < 0) {
		chat_complain(chat, &err);
	}
}

void chat_repack(struct chat *chat, const char *argument)
{
	struct session_change *change;
	struct err err;

	if (session_plan_repack(chat->session, &change, &err) < 0 ||
		take(chat, change, 1, &err) < 0) {
		chat_complain(chat, &err);
	}
}

void chat_drop(struct chat *chat, const char *argument)
{
	struct change_telling telling = make_telling(chat, 1);
	int64_t *number = NULL;
	size_t count = 0;
	struct err err;
	int status;

	if (!argument[0]) {
		refuse(chat, "/drop", "/drop S2; /sources lists them", "needs a source");
		return;
	}
	status = command_add_sources(&number, &count, argument, &err);
	if (status == 0) {
		status = change_drop(&telling, chat->session, number, count, &err);
		chat->resume.is_used |= status == 0;
	}
	if (status < 0) {
		chat_complain(chat, &err);
	}
	free(number);
}

/* ---- prefill ---- */

void chat_prefill(struct chat *chat, const char *argument)
{
	struct engine_usage usage;
	struct err err;

	chat->resume.is_used = 1;
	if (prefill_run(chat->session, chat->engine, chat_stopped, chat,
		    "/prefill goes on from there", &usage, &err) < 0) {
		chat_complain(chat, &err);
	}
}
