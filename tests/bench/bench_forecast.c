/*
 * Whether engine_cached() says what then happens: for prompts that are new, in memory, and on disk
 * after a restart, near the front and deep in the context, its forecast beside the time to the first
 * token. Nothing but libc.
 */
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NEW_TOK = 20, WAIT_MS = 600000 };

static const char usage_text[] = "usage: bench_forecast -m MODEL -f FOLDER [OPTIONS]\n"
				 "  -f FOLDER  where KV is kept; computed and left there\n"
				 "  -p N       tokens of the shorter prompts (1024)\n"
				 "  -d N       tokens of the deep one (8192)\n"
				 "  -r N       rounds, each in an engine of its own (2)\n"
				 "  -t N       threads (one per core)\n";

struct bench {
	struct engine_config config;
	struct engine *engine;
	int64_t prompt_tok, deep_tok, n_round;
	uint64_t seed;
	int n_off; /* forecasts that were more than 30 % off */
};

static void stop_with(const struct err *err)
{
	char text[1024];

	fprintf(stderr, "bench_forecast: %s\n", err_format(err, text, sizeof(text)));
	exit(1);
}

static struct segment *random_segment(const struct bench *bench, uint64_t seed, int64_t n_tok)
{
	uint64_t n_vocab = (uint64_t)engine_info(bench->engine)->n_vocab;
	uint32_t *ids = mem_alloc((size_t)n_tok * sizeof(*ids));
	struct segment *segment;

	for (int64_t i = 0; i < n_tok; i++) {
		ids[i] = (uint32_t)(rng_uniform(seed, (uint64_t)i) * (double)n_vocab);
	}
	segment = segment_ids(ids, (size_t)n_tok);
	free(ids);
	return segment;
}

static void open_engine(struct bench *bench)
{
	struct err err;

	engine_close(bench->engine);
	bench->engine = NULL;
	if (engine_open(&bench->engine, &bench->config, &err) < 0 ||
		engine_wait_ready(bench->engine, &err) < 0 || engine_trouble(bench->engine, &err)) {
		stop_with(&err);
	}
}

static struct engine_event await_event(
	struct bench *bench, int64_t request, enum engine_event_type type, struct err *err)
{
	struct engine_event event;

	do {
		if (request < 0 || engine_await(bench->engine, request, &event, NULL, err) < 0) {
			stop_with(err);
		}
	} while (event.type != type);
	return event;
}

/* Ask for the forecast, then for one token. */
static void ask(struct bench *bench, const char *what, struct segment *front, int64_t new_tok)
{
	struct prompt prompt = {0};
	struct engine_request request = {.prompt = &prompt,
		.sampling = engine_sampling_default,
		.max_tok = 1,
		.ignore_end = 1};
	struct engine_event forecast, done;
	double actual_s, ratio;
	struct err err;

	if (front) {
		prompt_add(&prompt, segment_ref(front));
	}
	if (new_tok) {
		prompt_add(&prompt, random_segment(bench, bench->seed++, new_tok));
	}
	forecast = await_event(
		bench, engine_cached(bench->engine, &prompt, &err), ENGINE_CACHED, &err);
	done = await_event(bench, engine_submit(bench->engine, &request, &err), ENGINE_DONE, &err);
	actual_s = done.usage.first_token_ms * 1e-3;
	ratio = forecast.predicted_s / actual_s;
	if (forecast.predicted_s < 0) {
		printf("%-28s %7lld %7lld %7lld %10s %9.3f\n", what,
			(long long)(forecast.cached_tok - forecast.disk_tok),
			(long long)forecast.disk_tok,
			(long long)(forecast.total_tok - forecast.cached_tok), "not known",
			actual_s);
	} else {
		bench->n_off += ratio < 0.7 || ratio > 1.3;
		printf("%-28s %7lld %7lld %7lld %10.3f %9.3f %6.2f%s   restore %.1f ms\n", what,
			(long long)(forecast.cached_tok - forecast.disk_tok),
			(long long)forecast.disk_tok,
			(long long)(forecast.total_tok - forecast.cached_tok), forecast.predicted_s,
			actual_s, ratio, ratio < 0.7 || ratio > 1.3 ? " !" : "  ",
			done.usage.restore_ms);
	}
	fflush(stdout);
	prompt_finish(&prompt);
}

static void run_round(struct bench *bench, int64_t round)
{
	struct segment *front, *deep;
	char title[64];

	snprintf(title, sizeof(title), "round %lld, new", (long long)round);
	open_engine(bench);
	front = random_segment(bench, bench->seed++, bench->prompt_tok);
	deep = random_segment(bench, bench->seed++, bench->deep_tok);
	ask(bench, title, front, 0);
	ask(bench, "in memory", front, NEW_TOK);
	ask(bench, "in memory, 200 new", front, 10 * NEW_TOK);
	ask(bench, "deep, new", deep, 0);
	ask(bench, "deep, in memory", deep, NEW_TOK);
	ask(bench, "deep, in memory, 200 new", deep, 10 * NEW_TOK);
	open_engine(bench);
	ask(bench, "restarted, on disk", front, NEW_TOK);
	ask(bench, "in memory again", front, NEW_TOK);
	open_engine(bench);
	ask(bench, "restarted, deep, on disk", deep, NEW_TOK);
	ask(bench, "deep, in memory again", deep, NEW_TOK);
	open_engine(bench);
	ask(bench, "restarted, new", NULL, bench->prompt_tok);
	segment_unref(front);
	segment_unref(deep);
}

int main(int argc, char **argv)
{
	struct bench bench = {.prompt_tok = 1024, .deep_tok = 8192, .n_round = 2};
	int option;

	while ((option = getopt(argc, argv, "m:f:p:d:r:t:")) != -1) {
		int64_t number = optarg ? atoll(optarg) : 0;

		bench.config.model = option == 'm' ? optarg : bench.config.model;
		bench.config.kv_folder = option == 'f' ? optarg : bench.config.kv_folder;
		bench.prompt_tok = option == 'p' ? number : bench.prompt_tok;
		bench.deep_tok = option == 'd' ? number : bench.deep_tok;
		bench.n_round = option == 'r' ? number : bench.n_round;
		bench.config.n_thread = option == 't' ? (int32_t)number : bench.config.n_thread;
	}
	if (!bench.config.model || !bench.config.kv_folder || bench.prompt_tok < 1 ||
		bench.deep_tok < 1 || optind < argc) {
		fputs(usage_text, stderr);
		return 2;
	}
	bench.config.context_tok =
		bench.prompt_tok > bench.deep_tok ? bench.prompt_tok : bench.deep_tok;
	bench.config.context_tok += 16 * NEW_TOK;
	bench.seed = (uint64_t)getpid() << 32;
	printf("%-28s %7s %7s %7s %10s %9s %6s\n", "", "memory", "disk", "new", "forecast_s",
		"actual_s", "ratio");
	for (int64_t i = 0; i < bench.n_round; i++) {
		run_round(&bench, i + 1);
	}
	engine_close(bench.engine);
	printf("%d forecasts were more than 30 %% off\n", bench.n_off);
	return 0;
}
