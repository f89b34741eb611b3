/*
 * KV that is kept: one engine, one request after the other, with what each was said to cost, what it
 * cost, and where its KV came from. tests/bench/kv asks for runs of this and makes figures of them.
 */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage_text[] =
	"usage: bench_kv -m MODEL [-f FOLDER] [-c CONTEXT] [-t THREADS] [-k TYPE] STEP...\n"
	"  A step is BASE:SEED[+NEW:SEED]: a prompt of so many random ids, and so many new ones.\n"
	"  The same seed gives the same ids. With new ones the first token of an answer is timed,\n"
	"  without them the prompt is only computed. Prints JSON.\n";

struct step {
	int64_t n_base, n_new;
	uint64_t base_seed, new_seed;
};

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/* What a process has used of the processors, to 10 ms; -1 where that cannot be told. */
static double cpu_ms(int32_t process)
{
	unsigned long long user, system;
	char path[64], line[1024], *at;
	double result = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
	file = fopen(path, "r");
	if (!file) {
		return -1;
	}
	/* The name, in brackets, may hold anything; the 14th and 15th fields are times. */
	at = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	if (at && sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user,
			  &system) == 2) {
		result = (double)(user + system) * 1e3 / (double)sysconf(_SC_CLK_TCK);
	}
	fclose(file);
	return result;
}

/* "N:SEED", up to `end`; -1 where it is none. */
static int parse_part(int64_t *count, uint64_t *seed, const char *text, char **end)
{
	errno = 0;
	*count = strtoll(text, end, 10);
	if (errno || *count < 0 || *count > INT32_MAX || **end != ':') {
		return -1;
	}
	text = *end + 1;
	*seed = strtoull(text, end, 10);
	return errno || *end == text ? -1 : 0;
}

static int parse_step(struct step *step, const char *text)
{
	char *end;

	*step = (struct step){0};
	if (parse_part(&step->n_base, &step->base_seed, text, &end) < 0) {
		return -1;
	}
	if (*end == '+' && parse_part(&step->n_new, &step->new_seed, end + 1, &end) < 0) {
		return -1;
	}
	return *end || step->n_base + step->n_new == 0 ? -1 : 0;
}

static void add_ids(struct prompt *prompt, struct engine *engine, int64_t count, uint64_t seed)
{
	double n_vocab = (double)engine_info(engine)->n_vocab;
	uint32_t *ids = mem_alloc((size_t)count * sizeof(*ids) + 1);

	for (int64_t i = 0; i < count; i++) {
		ids[i] = (uint32_t)(rng_uniform(seed, (uint64_t)i) * n_vocab);
	}
	if (count) {
		prompt_add(prompt, segment_ids(ids, (size_t)count));
	}
	free(ids);
}

struct figures {
	struct engine_event said; /* CACHED */
	struct engine_usage usage;
	double ask_ms;         /* what asking for the prediction took */
	double first_token_ms; /* here, from submitting on; 0 without one */
	double wall_ms, cpu_ms;
};

static int measure(
	struct figures *figures, struct engine *engine, const struct step *step, struct err *err)
{
	struct prompt prompt = {0};
	struct engine_request request = {
		.prompt = &prompt,
		.sampling = engine_sampling_default,
		.max_tok = step->n_new ? 1 : 0,
		.ignore_end = 1,
	};
	int32_t process = engine_info(engine)->process_id;
	double start_ms = now_ms(), start_cpu_ms;
	struct engine_event event = {0};
	int64_t id;
	int result = -1;

	*figures = (struct figures){0};
	add_ids(&prompt, engine, step->n_base, step->base_seed);
	add_ids(&prompt, engine, step->n_new, step->new_seed);
	start_ms = now_ms();
	id = engine_cached(engine, &prompt, err);
	if (id < 0 || engine_await(engine, id, &figures->said, NULL, err) < 0) {
		goto end;
	}
	figures->ask_ms = now_ms() - start_ms;
	start_cpu_ms = cpu_ms(process);
	start_ms = now_ms();
	id = engine_submit(engine, &request, err);
	while (id >= 0 && event.type != ENGINE_DONE) {
		if (engine_await(engine, id, &event, NULL, err) < 0) {
			goto end;
		}
		if (event.type == ENGINE_TEXT && figures->first_token_ms == 0) {
			figures->first_token_ms = now_ms() - start_ms;
		}
	}
	if (id >= 0) {
		figures->wall_ms = now_ms() - start_ms;
		figures->cpu_ms = cpu_ms(process) - start_cpu_ms;
		figures->usage = event.usage;
		result = 0;
	}
end:
	prompt_finish(&prompt);
	return result;
}

static void report(const struct step *step, const struct figures *figures, int is_first)
{
	const struct engine_usage *usage = &figures->usage;

	printf("%s\n  {\"base\": %lld, \"new\": %lld, \"said_cached\": %lld, \"said_disk\": %lld, "
	       "\"said_s\": %.6g, \"ask_ms\": %.6g, \"prompt\": %lld, \"cached\": %lld, "
	       "\"disk\": %lld, \"restore_ms\": %.6g, \"prefill_ms\": %.6g, "
	       "\"engine_first_ms\": %.6g, \"first_ms\": %.6g, \"wall_ms\": %.6g, "
	       "\"cpu_ms\": %.6g}",
		is_first ? "" : ",", (long long)step->n_base, (long long)step->n_new,
		(long long)figures->said.cached_tok, (long long)figures->said.disk_tok,
		figures->said.predicted_s, figures->ask_ms, (long long)usage->prompt_tok,
		(long long)usage->cached_tok, (long long)usage->disk_tok, usage->restore_ms,
		usage->prefill_ms, usage->first_token_ms, figures->first_token_ms, figures->wall_ms,
		figures->cpu_ms);
	fflush(stdout);
}

static int run(const struct engine_config *config, char **step_text, int n_step, struct err *err)
{
	double start_ms = now_ms();
	struct engine *engine;
	int result = engine_open(&engine, config, err);

	if (result == 0) {
		result = engine_wait_ready(engine, err);
	}
	if (result == 0) {
		printf("{\"ready_ms\": %.6g, \"load_ms\": %.6g, \"kv_bytes_per_tok\": %lld, "
		       "\"steps\": [",
			now_ms() - start_ms, engine_info(engine)->load_ms,
			(long long)engine_info(engine)->kv_bytes_per_tok);
	}
	for (int i = 0; i < n_step && result == 0; i++) {
		struct figures figures;
		struct step step;

		parse_step(&step, step_text[i]);
		result = measure(&figures, engine, &step, err);
		if (result == 0) {
			report(&step, &figures, i == 0);
		}
	}
	start_ms = now_ms();
	engine_close(engine);
	if (result == 0) {
		printf("], \"close_ms\": %.6g}\n", now_ms() - start_ms);
	}
	return result;
}

int main(int argc, char **argv)
{
	struct engine_config config = {.n_thread = 2};
	struct step step;
	struct err err;
	int option, is_right = 1;

	while ((option = getopt(argc, argv, "m:f:c:t:k:")) != -1) {
		switch (option) {
		case 'm':
			config.model = optarg;
			break;
		case 'f':
			config.kv_folder = optarg;
			break;
		case 'c':
			config.context_tok = atoll(optarg);
			break;
		case 't':
			config.n_thread = atoi(optarg);
			break;
		case 'k':
			config.kv_type = optarg;
			break;
		default:
			is_right = 0;
		}
	}
	for (int i = optind; i < argc; i++) {
		is_right &= parse_step(&step, argv[i]) == 0;
	}
	if (!is_right || !config.model) {
		fputs(usage_text, stderr);
		return 2;
	}
	log_setup("bench_kv", LOG_NOTE);
	if (run(&config, argv + optind, argc - optind, &err) < 0) {
		log_err(&err);
		return (int)err.code;
	}
	return 0;
}
