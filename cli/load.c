/* carrel load: what stands in a session, without asking anything yet. */
#include "cli/commands.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/change.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/prefill.h"
#include "cli/reading.h"
#include "cli/resume.h"
#include "cli/session_json.h"
#include "cli/start.h"
#include "session/command_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct load {
	struct options *options;
	struct resume resume;
	struct inputs inputs;
	struct engine *engine;
	char *model;   /* whose tokenizer counts what is read */
	int64_t *drop; /* numbers of sources */
	size_t n_drop, unreadable;
	struct change_telling telling;
	struct reading reading;
	struct session_plan plan; /* where it is more than the window */
	int has_plan;
	struct engine_usage usage;
	int has_usage;
};

/* ---- what was asked for ---- */

static int changes_anything(const struct load *load)
{
	const struct options *options = load->options;

	return load->inputs.n_path || load->n_drop || options->refresh || options->repack;
}

static int read_request(struct load *load, struct err *err)
{
	const struct options *options = load->options;

	if (!options->session) {
		return err_set(err, ERR_USAGE, NULL, "carrel load -s NAME PATH...",
			"what is loaded is loaded into a session, and none is named");
	}
	for (size_t i = 0; i < options->drop.count; i++) {
		if (command_add_sources(&load->drop, &load->n_drop, options->drop.item[i], err) <
			0) {
			return -1;
		}
	}
	if (inputs_open(&load->inputs, options, 0, err) < 0) {
		return -1;
	}
	if (!changes_anything(load) && !options->prefill && !options->make_index &&
		!options->show) {
		return err_set(err, ERR_USAGE, NULL, "carrel load -s NAME PATH...",
			"there is nothing to do: name a file or a folder, or --refresh, --repack, "
			"--drop, --prefill, --index or --show");
	}
	return 0;
}

/* Only paths make a session; everything else is done in one that is there. */
static int open_session(struct load *load, struct err *err)
{
	return load->inputs.n_path ? resume_open(&load->resume, load->options, err)
				   : resume_existing(&load->resume, load->options, err);
}

/* ---- the engine ---- */

static int stopped(void *arg)
{
	return interrupt_pending();
}

/*
 * An engine that cannot run is no reason not to keep what is read: then nothing is known of the cost. A
 * mistake on the command line is one, and so is everything where KV is to be computed.
 */
static int do_without(struct load *load, struct err *err)
{
	if (err->code != ERR_ENGINE || load->options->prefill || load->options->make_index) {
		return -1;
	}
	log_err(err);
	log_note("what this costs is not known without an engine");
	engine_close(load->engine);
	load->engine = NULL;
	return 0;
}

static int begin_engine(struct load *load, struct err *err)
{
	if (start_engine(&load->engine, load->options, START_KV_DISK, err) < 0) {
		return do_without(load, err);
	}
	return 0;
}

static int wait_engine(struct load *load, struct err *err)
{
	if (!load->engine || load->telling.engine) {
		return 0;
	}
	if (start_wait(load->engine, err) < 0) {
		return do_without(load, err);
	}
	load->telling.engine = load->engine;
	return 0;
}

/* ---- the changes ---- */

/* At a terminal somebody is there to think twice. */
static int agrees(void *arg)
{
	return interrupt_agrees("Go on?");
}

static int may_ask(const struct load *load)
{
	return !load->options->yes && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static int take(struct load *load, struct session_change *change, int is_asked, struct err *err)
{
	if (wait_engine(load, err) < 0) {
		session_change_discard(change);
		return -1;
	}
	load->telling.agrees = is_asked && may_ask(load) ? agrees : NULL;
	return change_take(&load->telling, change, err) < 0 ? -1 : 0;
}

static int drop_sources(struct load *load, struct err *err)
{
	if (wait_engine(load, err) < 0) {
		return -1;
	}
	load->telling.agrees = may_ask(load) ? agrees : NULL;
	return change_drop(&load->telling, load->resume.session, load->drop, load->n_drop, err) < 0
		       ? -1
		       : 0;
}

static int refresh(struct load *load, struct err *err)
{
	struct session_change *change;

	return inputs_plan_refresh(&load->inputs, load->resume.session, &change,
		       load->options->partial, &load->unreadable, err) < 0
		       ? -1
		       : take(load, change, 0, err);
}

static int repack(struct load *load, struct err *err)
{
	struct session_change *change;

	return session_plan_repack(load->resume.session, &change, err) < 0
		       ? -1
		       : take(load, change, 1, err);
}

/* What is there already takes its part of the window, where it all has to fit. */
static int set_window(struct load *load, struct err *err)
{
	struct session *session = load->resume.session;
	int is_empty = !session_source_count(session) && !session_turn_count(session);

	if (load->reading.how.over != SESSION_OVER_FAIL) {
		return 0;
	}
	if (!is_empty && wait_engine(load, err) < 0) {
		return -1;
	}
	return start_set_window(session, load->telling.engine, &load->model, load->options, err);
}

static int add_paths(struct load *load, struct err *err)
{
	struct session *session = load->resume.session;
	struct session_change *change;

	if (set_window(load, err) < 0) {
		return -1;
	}
	if (inputs_plan_load(&load->inputs, session, &change, load->inputs.path,
		    load->inputs.n_path, load->options->partial, &load->unreadable, err) < 0) {
		if (load->unreadable && err->code == ERR_INPUTS && !err->hint[0]) {
			snprintf(err->hint, sizeof(err->hint), "--partial loads the others");
		} else if (err->code == ERR_CONTEXT) {
			start_hint_over(err, "--over auto");
		}
		return -1;
	}
	if (take(load, change, 0, err) < 0) {
		return -1;
	}
	return inputs_need_sources(load->inputs.n_path, session_source_count(session), err);
}

static int change_session(struct load *load, struct err *err)
{
	const struct options *options = load->options;

	return (load->n_drop && drop_sources(load, err) < 0) ||
			       (options->refresh && refresh(load, err) < 0) ||
			       (load->inputs.n_path && add_paths(load, err) < 0) ||
			       (options->repack && repack(load, err) < 0)
		       ? -1
		       : 0;
}

/*
 * What scripts are told of the next question, and of the prefill before it: how the session stands now,
 * whatever was changed, agreed to or left.
 */
static int measure(struct load *load, struct err *err)
{
	struct session_watch watch = {.stopped = stopped};
	struct change_telling *telling = &load->telling;

	if (wait_engine(load, err) < 0) {
		return -1;
	}
	telling->has_cost = telling->engine != NULL;
	return telling->engine ? session_cost(load->resume.session, telling->engine, &watch,
					 &telling->cost, err)
			       : 0;
}

/* ---- more than the window ---- */

/* What a question would cost then, where that is so. */
static int tell_plan(struct load *load, struct err *err)
{
	const struct change_telling *telling = &load->telling;
	struct session_watch watch = {.stopped = stopped};

	if (!telling->has_cost || !telling->engine ||
		!change_is_over(&telling->cost, engine_info(telling->engine)->context_tok)) {
		return 0;
	}
	if (reading_ready(&load->reading, telling->engine, err) < 0 ||
		session_plan_reading(load->resume.session, telling->engine, &load->reading.how,
			&watch, &load->plan, err) < 0) {
		return -1;
	}
	load->has_plan = 1;
	reading_tell_plan(&load->plan, log_note);
	return 0;
}

static int make_index(struct load *load, struct err *err)
{
	char resume[sizeof(err->hint)];

	snprintf(resume, sizeof(resume), "carrel load -s %.100s --index goes on from there",
		load->resume.name);
	return wait_engine(load, err) < 0 || reading_ready(&load->reading, load->engine, err) < 0
		       ? -1
		       : reading_make_index(&load->reading, load->resume.session, load->engine,
				 stopped, load, resume, err);
}

/* ---- prefill ---- */

static int prefill(struct load *load, struct err *err)
{
	char resume[sizeof(err->hint)];

	if (wait_engine(load, err) < 0) {
		return -1;
	}
	snprintf(resume, sizeof(resume), "carrel load -s %.100s --prefill goes on from there",
		load->resume.name);
	if (prefill_run(load->resume.session, load->engine, stopped, load, resume, &load->usage,
		    err) < 0) {
		return -1;
	}
	load->has_usage = 1;
	return 0;
}

/* ---- what is printed ---- */

static void print_json(const struct load *load, const struct buf *text)
{
	const struct change_telling *telling = &load->telling;
	json_t *object = json_object();

	json_object_set_new(object, "session", output_json_string(load->resume.name));
	json_object_set_new(object, "sources", session_json_sources(load->resume.session));
	json_object_set_new(object, "skipped", session_json_skipped(load->resume.session));
	json_object_set(object, "changes", telling->list);
	json_object_set_new(object, "cost",
		telling->has_cost ? session_json_cost(&telling->cost) : json_null());
	json_object_set_new(
		object, "plan", load->has_plan ? reading_json_plan(&load->plan) : json_null());
	json_object_set_new(object, "prefill",
		load->has_usage ? session_json_usage(&load->usage) : json_null());
	if (load->options->show) {
		json_object_set_new(object, "context", output_json_bytes(buf_str(text), text->len));
	}
	output_json(object);
}

static int print(struct load *load, struct err *err)
{
	const struct options *options = load->options;
	struct session_watch watch = {.stopped = stopped};
	struct buf text = BUF_INIT;

	if (load->telling.engine) {
		/* Their counts for those who list the session; it is whole without them. */
		session_count(load->resume.session, load->telling.engine, &watch, NULL, NULL);
	}
	if (options->show) {
		session_context_text(load->resume.session, NULL, 0, &text);
	}
	if (options->json) {
		print_json(load, &text);
	} else if (options->show) {
		output_text(buf_str(&text), text.len);
		if (text.len && text.data[text.len - 1] != '\n') {
			putchar('\n');
		}
	}
	buf_finish(&text);
	return output_finish(err) < 0 ? -1 : load->unreadable ? ERR_INPUTS : 0;
}

static int run(struct load *load, struct err *err)
{
	const struct options *options = load->options;

	if (read_request(load, err) < 0 || open_session(load, err) < 0) {
		return -1;
	}
	reading_open(&load->reading, options, start_over(options, SESSION_OVER_AUTO));
	/* The engine loads its weights while files are read. */
	if ((changes_anything(load) || options->prefill || options->make_index || options->json) &&
		begin_engine(load, err) < 0) {
		return -1;
	}
	if (change_session(load, err) < 0 || (options->json && measure(load, err) < 0) ||
		(options->make_index && make_index(load, err) < 0) || tell_plan(load, err) < 0 ||
		(options->prefill && prefill(load, err) < 0)) {
		return -1;
	}
	return print(load, err);
}

int command_load(struct options *options, struct err *err)
{
	struct load load = {.options = options, .telling = {.list = json_array()}};
	int status;

	interrupt_install();
	interrupt_install_term();
	status = run(&load, err);
	reading_close(&load.reading);
	engine_close(load.engine);
	resume_close(&load.resume, status < 0);
	inputs_close(&load.inputs);
	json_decref(load.telling.list);
	free(load.drop);
	free(load.model);
	return status;
}
