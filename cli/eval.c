/* carrel eval: the logits of given ids, and perplexity on texts. */
#include "cli/commands.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/start.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX_BYTES = 1 << 30, WINDOW_TOK = 2048 };

/* ---- logits ---- */

/* Decimal ids parted by white space or commas. */
static int read_ids(const char *path, uint32_t **ids, size_t *count, struct err *err)
{
	struct buf text = BUF_INIT;
	size_t cap = 0;
	const char *at;

	*ids = NULL;
	*count = 0;
	if (file_read(&text, path, TEXT_MAX_BYTES, err) < 0) {
		buf_finish(&text);
		return -1;
	}
	for (at = buf_str(&text); *(at += strspn(at, " \t\r\n,"));) {
		char *end;
		unsigned long id;

		errno = 0;
		id = strtoul(at, &end, 10);
		if (end == at || errno || id > UINT32_MAX || !strchr(" \t\r\n,", *end)) {
			err_set(err, ERR_INPUTS, path, NULL, "byte %zu begins no token id",
				(size_t)(at - text.data));
			free(*ids);
			*ids = NULL;
			buf_finish(&text);
			return -1;
		}
		mem_grow(*ids, *count, cap);
		(*ids)[(*count)++] = (uint32_t)id;
		at = end;
	}
	buf_finish(&text);
	return *count ? 0 : err_set(err, ERR_INPUTS, path, NULL, "holds no token ids");
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
	const char *path, struct err *err)
{
	int64_t n_vocab = engine_info(engine)->n_vocab;
	struct engine_event event;
	int64_t next = 0;

	do {
		if (start_await(engine, request, &event, err) < 0) {
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

static int write_logits(
	struct engine *engine, const uint32_t *ids, size_t count, const char *path, struct err *err)
{
	struct prompt prompt = {0};
	struct engine_request request = {
		.prompt = &prompt,
		.sampling = engine_sampling_default,
		.want_logits = 1,
		.no_reuse = 1,
	};
	FILE *out = fopen(path, "wbe");
	int64_t id;
	int status;

	if (!out) {
		return err_set_errno(err, ERR_FAILURE, errno, path, "cannot be made");
	}
	prompt_add(&prompt, segment_ids(ids, count));
	id = engine_submit(engine, &request, err);
	prompt_finish(&prompt);
	status = id < 0 ? -1 : receive_logits(engine, id, count, out, path, err);
	if (fclose(out) != 0 && status == 0) {
		status = err_set_errno(err, ERR_FAILURE, errno, path, "cannot be written");
	}
	return status;
}

static int eval_logits(struct engine **engine, const struct options *options, struct err *err)
{
	uint32_t *ids;
	size_t count;
	int status = -1;

	if (options->n_argument != 1 || !options->tokens_file || !options->out_file) {
		return err_set(err, ERR_USAGE, NULL, "see `carrel eval --help`",
			"eval logits needs --tokens FILE and --out FILE");
	}
	if (read_ids(options->tokens_file, &ids, &count, err) < 0) {
		return -1;
	}
	if (start_engine(engine, options, err) == 0 && start_wait(*engine, err) == 0) {
		status = write_logits(*engine, ids, count, options->out_file, err);
	}
	free(ids);
	if (status == 0 && options->json) {
		json_t *object = json_object();

		json_object_set_new(object, "n_tokens", json_integer((json_int_t)count));
		json_object_set_new(object, "n_vocab", json_integer(engine_info(*engine)->n_vocab));
		json_object_set_new(object, "out", output_json_string(options->out_file));
		output_json(object);
	}
	return status;
}

/* ---- perplexity ---- */

struct score {
	double nats;
	int64_t tokens; /* scored: each but the first of a window */
	int64_t bytes;
};

/* One window: the template's beginning (the BOS token where there is one), then the ids. */
static int score_window(struct engine *engine, const uint32_t *ids, size_t count,
	struct score *score, struct err *err)
{
	struct prompt prompt = {0};
	struct engine_request request = {
		.prompt = &prompt,
		.sampling = engine_sampling_default,
		.want_prompt_logprobs = 1,
		.no_reuse = 1,
	};
	struct engine_event event;
	int64_t id;

	prompt_add(&prompt, segment_mark(PROMPT_BEGIN));
	prompt_add(&prompt, segment_ids(ids, count));
	id = engine_submit(engine, &request, err);
	prompt_finish(&prompt);
	if (id < 0) {
		return -1;
	}
	do {
		if (start_await(engine, id, &event, err) < 0) {
			return -1;
		}
		if (event.type == ENGINE_PROMPT_LOGPROBS) {
			for (size_t i = 0; i < event.n_ids; i++) {
				score->nats -= (double)event.logprobs[i];
			}
			score->tokens += (int64_t)event.n_ids;
		}
	} while (event.type != ENGINE_DONE);
	return 0;
}

/* The ids of a whole text; malloc'ed. */
static int tokenize(struct engine *engine, const struct buf *text, uint32_t **ids, size_t *count,
	struct err *err)
{
	struct prompt prompt = {0};
	struct engine_event event;
	int64_t id;

	prompt_add(&prompt, segment_text(buf_str(text), text->len));
	id = engine_tokenize(engine, &prompt, 0, err);
	prompt_finish(&prompt);
	if (id < 0) {
		return -1;
	}
	do {
		if (start_await(engine, id, &event, err) < 0) {
			return -1;
		}
	} while (event.type != ENGINE_TOKENS);
	*count = event.n_ids;
	*ids = mem_alloc(event.n_ids * sizeof(**ids));
	memcpy(*ids, event.ids, event.n_ids * sizeof(**ids));
	return 0;
}

static int score_file(struct engine *engine, const char *path, size_t window_tok,
	struct score *score, struct err *err)
{
	struct buf text = BUF_INIT;
	uint32_t *ids = NULL;
	size_t count = 0;
	int status = file_read(&text, path, TEXT_MAX_BYTES, err);

	if (status < 0) {
		err->code = ERR_INPUTS;
	} else {
		status = tokenize(engine, &text, &ids, &count, err);
	}
	score->bytes += (int64_t)text.len;
	for (size_t at = 0; at < count && status == 0; at += window_tok) {
		size_t n = count - at < window_tok ? count - at : window_tok;

		status = score_window(engine, ids + at, n, score, err);
		log_progress("%s %zu/%zu tok", path, at + n, count);
	}
	log_progress_clear();
	free(ids);
	buf_finish(&text);
	return status;
}

static int eval_perplexity(struct engine **engine, const struct options *options, struct err *err)
{
	struct score score = {0};
	size_t window_tok;

	if (options->n_argument < 2) {
		return err_set(err, ERR_USAGE, NULL, "carrel eval perplexity FILE...",
			"there is no text to evaluate");
	}
	if (start_engine(engine, options, err) < 0 || start_wait(*engine, err) < 0) {
		return -1;
	}
	/* One place is the BOS token's, and only a token that follows another has a score. */
	if (engine_info(*engine)->context_tok < 3) {
		return err_set(err, ERR_USAGE, "--context", "give a larger one with -c",
			"perplexity needs a context of at least 3 tokens");
	}
	window_tok = (size_t)engine_info(*engine)->context_tok - 1;
	if (!options->context_tok && window_tok > WINDOW_TOK - 1) {
		window_tok = WINDOW_TOK - 1;
	}
	for (size_t i = 1; i < options->n_argument; i++) {
		if (score_file(*engine, options->argument[i], window_tok, &score, err) < 0) {
			return -1;
		}
	}
	if (!score.tokens) {
		return err_set(err, ERR_INPUTS, NULL, NULL, "the texts are too short to score");
	}
	if (options->json) {
		json_t *object = json_object();

		json_object_set_new(
			object, "perplexity", json_real(exp(score.nats / (double)score.tokens)));
		json_object_set_new(object, "tokens", json_integer(score.tokens));
		json_object_set_new(object, "bytes", json_integer(score.bytes));
		json_object_set_new(object, "nats", json_real(score.nats));
		json_object_set_new(
			object, "nats_per_byte", json_real(score.nats / (double)score.bytes));
		json_object_set_new(
			object, "window_tokens", json_integer((json_int_t)window_tok + 1));
		output_json(object);
		return 0;
	}
	output_line("perplexity %.4f over %lld tokens, %.5f nats per byte (%lld bytes)",
		exp(score.nats / (double)score.tokens), (long long)score.tokens,
		score.nats / (double)score.bytes, (long long)score.bytes);
	return 0;
}

int command_eval(const struct options *options, struct err *err)
{
	struct engine *engine = NULL;
	const char *which = options->n_argument ? options->argument[0] : "";
	int status;

	interrupt_install();
	if (strcmp(which, "logits") == 0) {
		status = eval_logits(&engine, options, err);
	} else if (strcmp(which, "perplexity") == 0) {
		status = eval_perplexity(&engine, options, err);
	} else {
		status = err_set(err, ERR_USAGE, NULL, "see `carrel eval --help`",
			"say which of logits and perplexity");
	}
	engine_close(engine);
	return status;
}
