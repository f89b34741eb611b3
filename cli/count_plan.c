#include "cli/count_plan.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/reading.h"
#include "cli/session_json.h"
#include "cli/start.h"

#include <stdio.h>

struct planning {
	struct session *session;
	struct engine *engine;
	struct reading reading;
	struct reading_view view;
	struct session_plan plan;
};

static int stopped(void *arg)
{
	return interrupt_pending();
}

static void on_reading(void *arg, const struct session_progress *progress)
{
	struct planning *planning = arg;

	reading_show(&planning->view, progress);
}

static int make_plan(struct planning *planning, struct err *err)
{
	struct session_watch watch = {.stopped = stopped, .arg = planning, .reading = on_reading};
	int status = session_plan_reading(planning->session, planning->engine,
		&planning->reading.how, &watch, &planning->plan, err);

	log_progress_clear();
	return status < 0 ? -1
			  : session_count(planning->session, planning->engine, &watch, NULL, err);
}

static void print_plan(const struct planning *planning, const struct options *options)
{
	json_t *object;

	if (!options->json) {
		reading_tell_plan(&planning->plan, output_line);
		return;
	}
	object = json_object();
	json_object_set_new(object, "plan", reading_json_plan(&planning->plan));
	json_object_set_new(object, "sources", session_json_sources(planning->session));
	json_object_set_new(object, "skipped", session_json_skipped(planning->session));
	output_json(object);
}

static int run(struct planning *planning, const struct options *options, struct inputs *inputs,
	struct err *err)
{
	size_t unreadable = 0;

	if (start_engine(&planning->engine, options, START_KV_DISK, err) < 0 ||
		inputs_load(inputs, planning->session, inputs->path, inputs->n_path, 1, &unreadable,
			err) < 0 ||
		inputs_need_sources(inputs->n_path, session_source_count(planning->session), err) <
			0 ||
		start_wait(planning->engine, err) < 0 ||
		reading_ready(&planning->reading, planning->engine, err) < 0 ||
		make_plan(planning, err) < 0) {
		return -1;
	}
	print_plan(planning, options);
	return output_finish(err) < 0 ? -1 : unreadable ? ERR_INPUTS : 0;
}

int count_plan(const struct options *options, struct inputs *inputs, struct err *err)
{
	static const struct session_config config;
	struct planning planning = {.session = session_create(&config)};
	int status;

	reading_open(&planning.reading, options, SESSION_OVER_AUTO);
	status = run(&planning, options, inputs, err);
	reading_close(&planning.reading);
	engine_close(planning.engine);
	session_destroy(planning.session);
	return status;
}

int count_plan_refuse(struct err *err)
{
	static const char *const names[] = {
		"threads", "device", "kv-type", "template", "adapter", "window", "select", "embed"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (start_is_flag(names[i])) {
			char where[32];

			snprintf(where, sizeof(where), "--%s", names[i]);
			return err_set(err, ERR_USAGE, where, "carrel count --plan PATH...",
				"says how a question would be read, which is not counted");
		}
	}
	return 0;
}
