/*
 * What `carrel bench`, `carrel eval logits` and tests/bench/bench_engine.c share: an engine measured
 * and read out through its own interface.
 */
#include "engine/engine.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IDS_MAX_BYTES = 1 << 30, WATCH_MS = 100 };

int engine_await(struct engine *engine, int64_t request, struct engine_event *event,
	const struct engine_watch *watch, struct err *err)
{
	for (;;) {
		int arrived = engine_next(engine, WATCH_MS, event);

		if (arrived && event->type == ENGINE_FAILED) {
			*err = event->err;
			return -1;
		}
		arrived = arrived && event->request == request;
		if (watch && watch->look(watch->context, arrived ? event : NULL)) {
			engine_cancel(engine, request);
			return err_set(err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
		}
		if (arrived) {
			return 0;
		}
	}
}

/* ---- speed ---- */

/* A segment of ids that were never used before. */
static struct segment *random_segment(struct engine_meter *meter, int64_t count)
{
	uint64_t n_vocab = (uint64_t)engine_info(meter->engine)->n_vocab;
	uint32_t *ids = mem_alloc((size_t)count * sizeof(*ids));
	struct segment *segment;

	for (int64_t i = 0; i < count; i++) {
		ids[i] = (uint32_t)(rng_uniform(meter->seed, meter->n_drawn++) * (double)n_vocab);
	}
	segment = segment_ids(ids, (size_t)count);
	free(ids);
	return segment;
}

/* `fresh_tok` new tokens behind `front` (may be NULL), then n_gen decoded ones. */
static int run_request(struct engine_meter *meter, struct segment *front, int64_t fresh_tok,
	int64_t n_gen, struct engine_usage *usage, struct err *err)
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
		prompt_add(&prompt, random_segment(meter, fresh_tok));
	}
	id = engine_submit(meter->engine, &request, err);
	prompt_finish(&prompt);
	if (id < 0) {
		return -1;
	}
	do {
		if (engine_await(meter->engine, id, &event, meter->watch, err) < 0) {
			return -1;
		}
	} while (event.type != ENGINE_DONE);
	*usage = event.usage;
	return 0;
}

int engine_meter_check(const struct engine_meter *meter, int64_t depth_tok, int64_t prompt_tok,
	int64_t generate_tok, struct err *err)
{
	const struct engine_info *info = engine_info(meter->engine);
	int64_t context_tok = info->context_tok;
	int is_whole = info->context_train_tok && context_tok >= info->context_train_tok;

	/* One fresh token stands in front of those that are decoded. */
	if (depth_tok > context_tok || prompt_tok > context_tok - depth_tok ||
		(generate_tok && generate_tok > context_tok - depth_tok - 1)) {
		return err_set(err, ERR_CONTEXT, NULL,
			is_whole ? "measure less: this is the model's own window"
				 : "measure less, or give a larger context with -c",
			"%lld tokens to prefill and %lld to decode at a depth of %lld do not fit "
			"the context of %lld tokens",
			(long long)prompt_tok, (long long)generate_tok, (long long)depth_tok,
			(long long)context_tok);
	}
	return 0;
}

int engine_meter_front(
	struct engine_meter *meter, struct segment **front, int64_t depth_tok, struct err *err)
{
	struct engine_usage usage;

	*front = NULL;
	if (!depth_tok) {
		return 0;
	}
	*front = random_segment(meter, depth_tok);
	if (run_request(meter, *front, 0, 0, &usage, err) < 0) {
		segment_unref(*front);
		*front = NULL;
		return -1;
	}
	return 0;
}

static int compare_doubles(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* The median of the runs' times, `steps` tokens each. */
static void speed_of(struct engine_speed *speed, double *ms, int64_t n_run, int64_t steps)
{
	qsort(ms, (size_t)n_run, sizeof(*ms), compare_doubles);
	speed->ms = n_run % 2 ? ms[n_run / 2] : (ms[n_run / 2 - 1] + ms[n_run / 2]) / 2;
	speed->tok_per_s = speed->ms > 0 ? 1000 * (double)steps / speed->ms : 0;
}

int engine_meter_prefill(struct engine_meter *meter, struct segment *front, int64_t n_tok,
	int64_t n_run, struct engine_speed *speed, struct err *err)
{
	double *ms = mem_zero((size_t)n_run, sizeof(*ms));

	for (int64_t i = 0; i < n_run; i++) {
		struct engine_usage usage;

		if (run_request(meter, front, n_tok, 0, &usage, err) < 0) {
			free(ms);
			return -1;
		}
		ms[i] = usage.prefill_ms;
		/* A front that no longer is in the cache was computed again: per token, then. */
		if (usage.prefill_tok != n_tok && usage.prefill_tok > 0) {
			log_info("%lld tokens were computed in place of %lld",
				(long long)usage.prefill_tok, (long long)n_tok);
			ms[i] *= (double)n_tok / (double)usage.prefill_tok;
		}
	}
	speed_of(speed, ms, n_run, n_tok);
	free(ms);
	return 0;
}

int engine_meter_decode(struct engine_meter *meter, struct segment *front, int64_t n_tok,
	int64_t n_run, struct engine_speed *speed, struct err *err)
{
	double *ms = mem_zero((size_t)n_run, sizeof(*ms));
	int status = 0;

	for (int64_t i = 0; i < n_run && status == 0; i++) {
		struct engine_usage usage;

		status = run_request(meter, front, 1, n_tok, &usage, err);
		if (status == 0 && usage.generated_tok != n_tok) {
			status = err_set(err, ERR_ENGINE, NULL, "give a larger context with -c",
				"only %lld of %lld tokens were decoded",
				(long long)usage.generated_tok, (long long)n_tok);
		}
		if (status == 0) {
			ms[i] = usage.decode_ms;
		}
	}
	if (status == 0) {
		speed_of(speed, ms, n_run, n_tok - 1);
	}
	free(ms);
	return status;
}

/* ---- logits ---- */

static int bad_id(const struct buf *text, const char *at, const char *path, struct err *err)
{
	size_t shown = strcspn(at, " \t\r\n,"), line = 1;
	char where[384];

	for (const char *c = text->data; c < at; c++) {
		line += *c == '\n';
	}
	snprintf(where, sizeof(where), "%.350s:%zu", path, line);
	return err_set(err, ERR_INPUTS, where, "write decimal numbers, parted by blanks",
		"\"%.*s\" is no token id", (int)(shown < 40 ? shown : 40), at);
}

/* Nothing but ids and what parts them: a NUL would end the text early, unsaid. */
static int take_ids(
	uint32_t **ids, size_t *count, const struct buf *text, const char *path, struct err *err)
{
	const char *at = buf_str(text), *stop = at + text->len;
	size_t cap = 0;

	while ((at += strspn(at, " \t\r\n,")) < stop) {
		char *end = (char *)at;
		unsigned long id = 0;

		errno = 0;
		if (*at >= '0' && *at <= '9') {
			id = strtoul(at, &end, 10);
		}
		if (end == at || errno || id > UINT32_MAX ||
			(end < stop && (!*end || !strchr(" \t\r\n,", *end)))) {
			return bad_id(text, at, path, err);
		}
		mem_grow(*ids, *count, cap);
		(*ids)[(*count)++] = (uint32_t)id;
		at = end;
	}
	return *count ? 0 : err_set(err, ERR_INPUTS, path, NULL, "holds no token ids");
}

int engine_ids_read(uint32_t **ids, size_t *count, const char *path, struct err *err)
{
	struct buf text = BUF_INIT;
	int status = strcmp(path, "-") == 0 ? file_read_fd(&text, STDIN_FILENO, "standard input",
						      IDS_MAX_BYTES, err)
					    : file_read(&text, path, IDS_MAX_BYTES, err);

	*ids = NULL;
	*count = 0;
	if (status < 0 && err && err->code == ERR_FAILURE) {
		err->code = ERR_INPUTS;
	} else if (status == 0) {
		status = take_ids(ids, count, &text, path, err);
	}
	buf_finish(&text);
	if (status < 0) {
		free(*ids);
		*ids = NULL;
	}
	return status;
}

/* Little-endian whatever the machine is. */
static int write_floats(FILE *out, const float *value, size_t count)
{
	unsigned char block[4096];

	while (count) {
		size_t n = count < sizeof(block) / 4 ? count : sizeof(block) / 4;

		for (size_t i = 0; i < n; i++) {
			uint32_t bits;

			memcpy(&bits, value + i, 4);
			for (int k = 0; k < 4; k++) {
				block[4 * i + (size_t)k] = (unsigned char)(bits >> 8 * k);
			}
		}
		if (fwrite(block, 4, n, out) != n) {
			return -1;
		}
		value += n;
		count -= n;
	}
	return 0;
}

static int receive_logits(struct engine *engine, int64_t request, size_t n_rows, FILE *out,
	const char *path, const struct engine_watch *watch, struct err *err)
{
	int64_t n_vocab = engine_info(engine)->n_vocab;
	struct engine_event event;
	int64_t next = 0;

	do {
		if (engine_await(engine, request, &event, watch, err) < 0) {
			return -1;
		}
		if (event.type != ENGINE_LOGITS) {
			continue;
		}
		if (event.first_row != next) {
			return err_set(err, ERR_ENGINE, NULL, NULL,
				"the engine sent row %lld of the logits in place of %lld",
				(long long)event.first_row, (long long)next);
		}
		if (write_floats(out, event.logits, (size_t)(event.n_rows * n_vocab)) < 0) {
			return err_set_errno(err, ERR_FAILURE, errno, path, "cannot be written");
		}
		next += event.n_rows;
	} while (event.type != ENGINE_DONE);
	if (next != (int64_t)n_rows) {
		return err_set(err, ERR_ENGINE, NULL, NULL,
			"the engine sent %lld rows of logits for %zu tokens", (long long)next,
			n_rows);
	}
	return 0;
}

static int write_logits(struct engine *engine, const uint32_t *ids, size_t count, FILE *out,
	const char *path, const struct engine_watch *watch, struct err *err)
{
	struct prompt prompt = {0};
	struct engine_request request = {
		.prompt = &prompt,
		.sampling = engine_sampling_default,
		.want_logits = 1,
		.no_reuse = 1,
	};
	int64_t id;

	prompt_add(&prompt, segment_ids(ids, count));
	id = engine_submit(engine, &request, err);
	prompt_finish(&prompt);
	return id < 0 ? -1 : receive_logits(engine, id, count, out, path, watch, err);
}

int engine_logits_write(struct engine *engine, const uint32_t *ids, size_t count, const char *path,
	const struct engine_watch *watch, struct err *err)
{
	int is_stdout = strcmp(path, "-") == 0, is_kept, status;
	char *part = mem_printf("%s.part", path);
	struct stat st;
	FILE *out;

	/* What is there stays until all rows are; a pipe or a device is written as it is. */
	is_kept = !is_stdout && (lstat(path, &st) < 0 || S_ISREG(st.st_mode));
	out = is_stdout ? stdout : fopen(is_kept ? part : path, "wbe");
	if (!out) {
		int failed = errno;

		free(part);
		return err_set_errno(err, ERR_FAILURE, failed, path, "cannot be made");
	}
	status = write_logits(engine, ids, count, out, path, watch, err);
	if ((is_stdout ? fflush(out) : fclose(out)) != 0 && status == 0) {
		status = err_set_errno(err, ERR_FAILURE, errno, path, "cannot be written");
	}
	if (is_kept && status == 0 && rename(part, path) < 0) {
		status = err_set_errno(err, ERR_FAILURE, errno, path, "cannot be made");
	}
	if (is_kept && status < 0) {
		unlink(part);
	}
	free(part);
	return status;
}
