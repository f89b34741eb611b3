/*
 * The engine from end to end, through its own interface and with nothing but libc: what `carrel
 * bench` and `carrel eval logits` do, on machines where the workbench is not built.
 */
#include "base/err.h"
#include "base/log.h"
#include "engine/engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_DEPTHS = 64 };

static const char usage_text[] =
	"usage: bench_engine -m MODEL [OPTIONS]\n"
	"  -p N       prefill N tokens (512; 0 leaves it out)\n"
	"  -n N       decode N tokens (64; 0 leaves it out)\n"
	"  -d N,...   behind so many tokens (0)\n"
	"  -r N       median of N runs (3)\n"
	"  -c N       tokens of context (the model's own window)\n"
	"  -t N       threads (one per core)\n"
	"  -k TYPE    key and value type: q8, f16, f32 (q8)\n"
	"  -j         JSON, as `carrel bench --json`\n"
	"  -l IDS -o FILE   in place of all that: the logits of the token ids in the file IDS,\n"
	"             as little-endian float32, [tokens][vocabulary]\n";

struct bench {
	struct engine_config config;
	struct engine_meter meter;
	int64_t n_prompt, n_gen, n_run;
	int64_t depth[MAX_DEPTHS];
	size_t n_depth;
	int json, n_reported;
	const char *ids, *out;
};

/* A number of at least `least`, up to `end` (a NUL or a comma); -1 where there is none. */
static int64_t parse_number(const char *text, int64_t least, char **end)
{
	int64_t number;

	errno = 0;
	number = strtoll(text, end, 10);
	return *end == text || errno || number < least || number > INT32_MAX ? -1 : number;
}

static int64_t whole_number(const char *text, int64_t least)
{
	char *end;
	int64_t number = parse_number(text, least, &end);

	return *end ? -1 : number;
}

static int parse_depths(struct bench *bench, const char *text)
{
	char *end = NULL;

	for (bench->n_depth = 0; bench->n_depth < MAX_DEPTHS; text = end + 1) {
		int64_t depth = parse_number(text, 0, &end);

		if (depth < 0 || (*end && *end != ',')) {
			return -1;
		}
		bench->depth[bench->n_depth++] = depth;
		if (!*end) {
			return 0;
		}
	}
	return -1;
}

static int parse(struct bench *bench, int argc, char **argv)
{
	int64_t n_thread = 0;
	int option, ok = 1;

	while ((option = getopt(argc, argv, "m:p:n:d:r:c:t:k:jl:o:")) != -1) {
		switch (option) {
		case 'm':
			bench->config.model = optarg;
			break;
		case 'p':
			ok &= (bench->n_prompt = whole_number(optarg, 0)) >= 0;
			break;
		case 'n':
			/* The first token belongs to the prefill. */
			ok &= (bench->n_gen = whole_number(optarg, 0)) >= 0 && bench->n_gen != 1;
			break;
		case 'd':
			ok &= parse_depths(bench, optarg) == 0;
			break;
		case 'r':
			ok &= (bench->n_run = whole_number(optarg, 1)) >= 0;
			break;
		case 'c':
			ok &= (bench->config.context_tok = whole_number(optarg, 0)) >= 0;
			break;
		case 't':
			ok &= (n_thread = whole_number(optarg, 0)) >= 0;
			break;
		case 'k':
			bench->config.kv_type = optarg;
			break;
		case 'j':
			bench->json = 1;
			break;
		case 'l':
			bench->ids = optarg;
			break;
		case 'o':
			bench->out = optarg;
			break;
		default:
			return -1;
		}
	}
	bench->config.n_thread = (int32_t)n_thread;
	return ok && bench->config.model && optind == argc && !bench->ids == !bench->out ? 0 : -1;
}

static void report(struct bench *bench, const char *test, int64_t n_prompt, int64_t n_gen,
	int64_t depth, const struct engine_speed *speed)
{
	if (bench->json) {
		printf("%s\n  {\"test\": \"%s\", \"n_prompt\": %lld, \"n_gen\": %lld, "
		       "\"depth\": %lld, \"threads\": %lld, \"tok_per_s\": %.6g, \"ms\": %.6g}",
			bench->n_reported++ ? "," : "[", test, (long long)n_prompt,
			(long long)n_gen, (long long)depth,
			(long long)engine_info(bench->meter.engine)->n_thread, speed->tok_per_s,
			speed->ms);
	} else {
		printf("%-8s %8lld tok at depth %8lld  %10.2f tok/s  %10.1f ms\n", test,
			(long long)(n_prompt + n_gen), (long long)depth, speed->tok_per_s,
			speed->ms);
	}
	fflush(stdout);
}

static int measure_depth(struct bench *bench, int64_t depth, struct err *err)
{
	struct engine_speed speed;
	struct segment *front;
	int status = engine_meter_front(&bench->meter, &front, depth, err);

	if (status == 0 && bench->n_prompt) {
		status = engine_meter_prefill(
			&bench->meter, front, bench->n_prompt, bench->n_run, &speed, err);
		if (status == 0) {
			report(bench, "prefill", bench->n_prompt, 0, depth, &speed);
		}
	}
	if (status == 0 && bench->n_gen) {
		status = engine_meter_decode(
			&bench->meter, front, bench->n_gen, bench->n_run, &speed, err);
		if (status == 0) {
			report(bench, "decode", 0, bench->n_gen, depth, &speed);
		}
	}
	segment_unref(front);
	return status;
}

static int measure(struct bench *bench, struct err *err)
{
	struct engine_speed ignored;

	for (size_t i = 0; i < bench->n_depth; i++) {
		if (engine_meter_check(&bench->meter, bench->depth[i], bench->n_prompt,
			    bench->n_gen, err) < 0) {
			return -1;
		}
	}
	/* warm up: touch the weights, size the buffers */
	if (engine_meter_decode(&bench->meter, NULL, 2, 1, &ignored, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < bench->n_depth; i++) {
		if (measure_depth(bench, bench->depth[i], err) < 0) {
			return -1;
		}
	}
	if (bench->json) {
		printf("%s\n", bench->n_reported ? "\n]" : "[]");
	}
	return 0;
}

static int logits(struct bench *bench, struct err *err)
{
	uint32_t *ids;
	size_t count;
	int status;

	if (engine_ids_read(&ids, &count, bench->ids, err) < 0) {
		return -1;
	}
	status = engine_logits_write(bench->meter.engine, ids, count, bench->out, NULL, err);
	free(ids);
	return status;
}

int main(int argc, char **argv)
{
	struct bench bench = {.n_prompt = 512, .n_gen = 64, .n_run = 3, .n_depth = 1};
	struct engine *engine = NULL;
	struct err err;
	int status;

	if (parse(&bench, argc, argv) < 0) {
		fputs(usage_text, stderr);
		return 2;
	}
	log_setup("bench_engine", LOG_NOTE);
	status = engine_open(&engine, &bench.config, &err);
	if (status == 0) {
		status = engine_wait_ready(engine, &err);
	}
	bench.meter.engine = engine;
	if (status == 0) {
		status = bench.ids ? logits(&bench, &err) : measure(&bench, &err);
	}
	if (status < 0) {
		log_err(&err);
	}
	engine_close(engine);
	return status < 0 ? (int)err.code : 0;
}
