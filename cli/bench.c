/*
 * carrel bench: prefill and decode speed at depths. A depth is reached through the prefix cache:
 * the tokens in front are computed once, and only what follows is measured. Prompts are random ids,
 * different ones in every run, so that nothing measured is ever found in the cache.
 */
#include "cli/commands.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/start.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTHS = 64, MAX_REPEATS = 1000 };

struct bench {
	const struct options *options;
	struct engine *engine;
	int64_t depth[MAX_DEPTHS];
	size_t n_depth;
	uint64_t drawn; /* random ids so far */
	json_t *results;
};

struct measurement {
	const char *test;
	int64_t n_prompt, n_gen, depth;
	double tok_per_s, ms;
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

/* A segment of ids that were never used before. */
static struct segment *random_segment(struct bench *bench, int64_t count, uint64_t stream)
{
	uint64_t n_vocab = (uint64_t)engine_info(bench->engine)->n_vocab;
	uint32_t *ids = mem_alloc((size_t)count * sizeof(*ids));
	struct segment *segment;

	for (int64_t i = 0; i < count; i++) {
		ids[i] = (uint32_t)(rng_uniform(stream, bench->drawn++) * (double)n_vocab);
	}
	segment = segment_ids(ids, (size_t)count);
	free(ids);
	return segment;
}

/* `fresh_tok` new tokens behind `front` (may be NULL), then n_gen decoded ones. */
static int run_request(struct bench *bench, struct segment *front, int64_t fresh_tok, int64_t n_gen,
	struct engine_usage *usage, struct err *err)
{
	struct prompt prompt = {0};
	struct engine_request request = {
		.prompt = &prompt,
		.sampling = engine_sampling_default,
		.max_tok = n_gen,
		.ignore_end = 1,
	};
	struct engine_event event = {0};
	int64_t id;

	if (front) {
		prompt_add(&prompt, segment_ref(front));
	}
	if (fresh_tok) {
		prompt_add(&prompt,
			random_segment(bench, fresh_tok, 1 + (uint64_t)bench->options->seed));
	}
	id = engine_submit(bench->engine, &request, err);
	prompt_finish(&prompt);
	if (id < 0) {
		return -1;
	}
	do {
		if (start_await(bench->engine, id, &event, err) < 0) {
			return -1;
		}
		if (event.type == ENGINE_PREFILL) {
			log_progress("prefill %lld/%lld tok", (long long)event.done_tok,
				(long long)event.total_tok);
		}
	} while (event.type != ENGINE_DONE);
	*usage = event.usage;
	log_progress_clear();
	return 0;
}

static int compare_doubles(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static double median(double *value, int64_t count)
{
	qsort(value, (size_t)count, sizeof(*value), compare_doubles);
	return count % 2 ? value[count / 2] : (value[count / 2 - 1] + value[count / 2]) / 2;
}

/* As many as the engine uses where it is not told: one per processor that it may run on. */
static int64_t thread_count(const struct options *options)
{
	cpu_set_t allowed;

	if (options->n_thread > 0) {
		return options->n_thread;
	}
	return sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
}

static void report(struct bench *bench, const struct measurement *result)
{
	int64_t n_thread = thread_count(bench->options);

	if (bench->results) {
		json_t *object = json_object();

		json_object_set_new(object, "test", json_string(result->test));
		json_object_set_new(object, "n_prompt", json_integer(result->n_prompt));
		json_object_set_new(object, "n_gen", json_integer(result->n_gen));
		json_object_set_new(object, "depth", json_integer(result->depth));
		json_object_set_new(object, "threads", json_integer(n_thread));
		json_object_set_new(object, "tok_per_s", output_json_number(result->tok_per_s));
		json_object_set_new(object, "ms", output_json_number(result->ms));
		json_array_append_new(bench->results, object);
		return;
	}
	output_line("%-8s %8lld tok at depth %8lld  %10.2f tok/s  %10.1f ms", result->test,
		(long long)(result->n_prompt + result->n_gen), (long long)result->depth,
		result->tok_per_s, result->ms);
	fflush(stdout);
}

/* One measurement: the median of its runs. n_gen of 0 measures prefill, else decode. */
static int measure(struct bench *bench, struct segment *front, int64_t depth, int64_t n_prompt,
	int64_t n_gen, struct err *err)
{
	int64_t repeats = bench->options->bench_repeats;
	double *ms = mem_zero((size_t)repeats, sizeof(*ms));
	struct measurement result = {
		n_gen ? "decode" : "prefill", n_gen ? 0 : n_prompt, n_gen, depth, 0, 0};
	double steps = n_gen ? (double)(n_gen - 1) : (double)n_prompt;
	int status = 0;

	for (int64_t i = 0; i < repeats && status == 0; i++) {
		struct engine_usage usage;

		status = run_request(bench, front, n_gen ? 1 : n_prompt, n_gen, &usage, err);
		if (status < 0) {
			break;
		}
		ms[i] = n_gen ? usage.decode_ms : usage.prefill_ms;
		/* A front that no longer is in the cache was computed again: per token, then. */
		if (!n_gen && usage.prefill_tok != n_prompt && usage.prefill_tok > 0) {
			log_info("%lld tokens were computed in place of %lld",
				(long long)usage.prefill_tok, (long long)n_prompt);
			ms[i] *= (double)n_prompt / (double)usage.prefill_tok;
		}
		if (n_gen && usage.generated_tok != n_gen) {
			status = err_set(err, ERR_ENGINE, NULL, "give a larger context with -c",
				"only %lld of %lld tokens were decoded",
				(long long)usage.generated_tok, (long long)n_gen);
		}
	}
	if (status == 0) {
		result.ms = median(ms, repeats);
		result.tok_per_s = result.ms > 0 ? 1000 * steps / result.ms : 0;
		report(bench, &result);
	}
	free(ms);
	return status;
}

/* Every measurement fits the context, or none is begun (and nothing of its size is allocated). */
static int check_context(const struct bench *bench, struct err *err)
{
	int64_t context_tok = engine_info(bench->engine)->context_tok;
	int64_t prompt_tok = bench->options->bench_prompt_tok;
	int64_t generate_tok = bench->options->bench_generate_tok;

	for (size_t i = 0; i < bench->n_depth; i++) {
		int64_t depth = bench->depth[i];

		/* One fresh token stands in front of those that are decoded. */
		if (depth > context_tok || prompt_tok > context_tok - depth ||
			(generate_tok && generate_tok > context_tok - depth - 1)) {
			return err_set(err, ERR_CONTEXT, NULL, "give a larger context with -c",
				"%lld tokens to prefill and %lld to decode at a depth of %lld do "
				"not fit the context of %lld tokens",
				(long long)prompt_tok, (long long)generate_tok, (long long)depth,
				(long long)context_tok);
		}
	}
	return 0;
}

static int measure_depth(struct bench *bench, int64_t depth, struct err *err)
{
	const struct options *options = bench->options;
	struct segment *front = depth ? random_segment(bench, depth, 0) : NULL;
	struct engine_usage usage;
	int status = 0;

	if (front) {
		status = run_request(bench, front, 0, 0, &usage, err);
	}
	if (status == 0 && options->bench_prompt_tok) {
		status = measure(bench, front, depth, options->bench_prompt_tok, 0, err);
	}
	if (status == 0 && options->bench_generate_tok) {
		status = measure(bench, front, depth, 0, options->bench_generate_tok, err);
	}
	segment_unref(front);
	return status;
}

static int run(struct bench *bench, struct err *err)
{
	const struct options *options = bench->options;
	struct engine_usage usage;

	if (options->n_argument) {
		return err_set(
			err, ERR_USAGE, options->argument[0], NULL, "bench takes no arguments");
	}
	if (parse_depths(bench, err) < 0) {
		return -1;
	}
	if (options->bench_repeats < 1 || options->bench_repeats > MAX_REPEATS) {
		return err_set(err, ERR_USAGE, "--repeat", NULL, "takes 1 to %d", MAX_REPEATS);
	}
	if (options->bench_generate_tok == 1) {
		return err_set(err, ERR_USAGE, "--generate", NULL,
			"takes 0 or at least 2: the first token belongs to the prefill");
	}
	if (start_engine(&bench->engine, options, err) < 0 || start_wait(bench->engine, err) < 0 ||
		check_context(bench, err) < 0 ||
		/* warm up: touch the weights, size the buffers */
		run_request(bench, NULL, 16, 2, &usage, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < bench->n_depth; i++) {
		if (measure_depth(bench, bench->depth[i], err) < 0) {
			return -1;
		}
	}
	return 0;
}

int command_bench(const struct options *options, struct err *err)
{
	struct bench bench = {.options = options, .results = options->json ? json_array() : NULL};
	int status;

	interrupt_install();
	status = run(&bench, err);
	if (status == 0 && bench.results) {
		output_json(bench.results);
	} else {
		json_decref(bench.results);
	}
	engine_close(bench.engine);
	return status;
}
