/* carrel bench: prefill and decode speed at depths, as engine.h measures them. */
#include "cli/commands.h"

#include "base/log.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTHS = 64, MAX_REPEATS = 1000 };

struct bench {
	const struct options *options;
	struct engine_meter meter;
	int64_t depth[MAX_DEPTHS];
	size_t n_depth;
	json_t *results;
};

static int parse_depths(struct bench *bench, struct err *err)
{
	const char *text = bench->options->bench_depths;

	while (bench->n_depth < MAX_DEPTHS) {
		char *end;

		errno = 0;
		bench->depth[bench->n_depth] = strtoll(text, &end, 10);
		if (end == text || errno || bench->depth[bench->n_depth] < 0 ||
			(*end && *end != ',')) {
			break;
		}
		bench->n_depth++;
		if (!*end) {
			return 0;
		}
		text = end + 1;
	}
	return err_set(err, ERR_USAGE, "--depth", "-d 0,4096",
		"takes up to %d numbers of tokens, parted by commas", MAX_DEPTHS);
}

static int watch(void *context, const struct engine_event *event)
{
	if (event && event->type == ENGINE_PREFILL) {
		log_progress("prefill %lld/%lld tok", (long long)event->done_tok,
			(long long)event->total_tok);
	} else if (event && event->type == ENGINE_DONE) {
		log_progress_clear();
	}
	return interrupt_pending();
}

static void report(struct bench *bench, const char *test, int64_t n_prompt, int64_t n_gen,
	int64_t depth, const struct engine_speed *speed)
{
	int64_t n_thread = engine_info(bench->meter.engine)->n_thread;

	if (bench->results) {
		json_t *object = json_object();

		json_object_set_new(object, "test", json_string(test));
		json_object_set_new(object, "n_prompt", json_integer(n_prompt));
		json_object_set_new(object, "n_gen", json_integer(n_gen));
		json_object_set_new(object, "depth", json_integer(depth));
		json_object_set_new(object, "threads", json_integer(n_thread));
		json_object_set_new(object, "tok_per_s", output_json_number(speed->tok_per_s));
		json_object_set_new(object, "ms", output_json_number(speed->ms));
		json_array_append_new(bench->results, object);
		return;
	}
	output_line("%-8s %8lld tok at depth %8lld  %10.2f tok/s  %10.1f ms", test,
		(long long)(n_prompt + n_gen), (long long)depth, speed->tok_per_s, speed->ms);
	fflush(stdout);
}

/* Every measurement fits the context, or none is begun. */
static int check_context(const struct bench *bench, struct err *err)
{
	for (size_t i = 0; i < bench->n_depth; i++) {
		if (engine_meter_check(&bench->meter, bench->depth[i],
			    bench->options->bench_prompt_tok, bench->options->bench_generate_tok,
			    err) < 0) {
			return -1;
		}
	}
	return 0;
}

static int measure_depth(struct bench *bench, int64_t depth, struct err *err)
{
	const struct options *options = bench->options;
	int64_t n_prompt = options->bench_prompt_tok, n_gen = options->bench_generate_tok;
	int64_t repeats = options->bench_repeats;
	struct engine_speed speed;
	struct segment *front;
	int status = engine_meter_front(&bench->meter, &front, depth, err);

	if (status == 0 && n_prompt) {
		status = engine_meter_prefill(&bench->meter, front, n_prompt, repeats, &speed, err);
		if (status == 0) {
			report(bench, "prefill", n_prompt, 0, depth, &speed);
		}
	}
	if (status == 0 && n_gen) {
		status = engine_meter_decode(&bench->meter, front, n_gen, repeats, &speed, err);
		if (status == 0) {
			report(bench, "decode", 0, n_gen, depth, &speed);
		}
	}
	segment_unref(front);
	return status;
}

static int run(struct bench *bench, struct err *err)
{
	const struct options *options = bench->options;
	struct engine_speed ignored;

	if (options->n_argument) {
		return err_set(err, ERR_USAGE, options->argument[0], "name a model with -m",
			"bench takes no arguments");
	}
	if (parse_depths(bench, err) < 0) {
		return -1;
	}
	if (options->bench_repeats < 1 || options->bench_repeats > MAX_REPEATS) {
		return err_set(err, ERR_USAGE, "--repeat", NULL, "takes 1 to %d", MAX_REPEATS);
	}
	if (!options->bench_prompt_tok && !options->bench_generate_tok) {
		return err_set(err, ERR_USAGE, NULL, "give -p or -n a number above 0",
			"there is nothing to measure");
	}
	if (options->bench_generate_tok == 1) {
		return err_set(err, ERR_USAGE, "--generate", NULL,
			"takes 0 or at least 2: the first token belongs to the prefill");
	}
	if (start_engine(&bench->meter.engine, options, START_KV_NONE, err) < 0 ||
		start_wait(bench->meter.engine, err) < 0 || check_context(bench, err) < 0 ||
		/* warm up: touch the weights, size the buffers */
		engine_meter_decode(&bench->meter, NULL, 2, 1, &ignored, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < bench->n_depth; i++) {
		if (measure_depth(bench, bench->depth[i], err) < 0) {
			return -1;
		}
	}
	return 0;
}

int command_bench(struct options *options, struct err *err)
{
	static const struct engine_watch watch_here = {watch, NULL};
	struct bench bench = {
		.options = options,
		.meter = {.watch = &watch_here, .seed = (uint64_t)options->seed},
		.results = options->json ? json_array() : NULL,
	};
	int status;

	interrupt_install();
	status = run(&bench, err);
	if (status == 0 && bench.results) {
		output_json(bench.results);
	} else {
		json_decref(bench.results);
	}
	engine_close(bench.meter.engine);
	return status;
}
