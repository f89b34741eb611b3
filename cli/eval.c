/* carrel eval: the logits of given ids, perplexity on texts; quote is in eval_quote.c. */
#include "cli/commands.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/eval_quote.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/start.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_MAX_BYTES = 1 << 30, WINDOW_TOK = 2048 };

/* ---- logits ---- */

static int eval_logits(struct engine **engine, const struct options *options, struct err *err)
{
	uint32_t *ids;
	size_t count;
	int status = -1;

	if (options->n_argument != 1 || !options->tokens_file || !options->out_file) {
		return err_set(err, ERR_USAGE, NULL, "see `carrel eval --help`",
			"eval logits needs --tokens FILE and --out FILE");
	}
	if (strcmp(options->out_file, "-") == 0 && (options->json || isatty(STDOUT_FILENO))) {
		return err_set(err, ERR_USAGE, "--out", "name a file, or pass it on in a pipe",
			options->json ? "the logits and the JSON cannot both be standard output"
				      : "logits are bytes, and no text for a terminal");
	}
	if (engine_ids_read(&ids, &count, options->tokens_file, err) < 0) {
		return -1;
	}
	if (start_engine(engine, options, START_KV_NONE, err) == 0 &&
		start_wait(*engine, err) == 0) {
		status = engine_logits_write(
			*engine, ids, count, options->out_file, &start_watch, err);
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
	int status = start_read(&text, path, TEXT_MAX_BYTES, err);

	if (status == 0) {
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
	if (start_engine(engine, options, START_KV_NONE, err) < 0 || start_wait(*engine, err) < 0) {
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
	if (isnan(score.nats)) {
		return err_set(err, ERR_ENGINE, engine_info(*engine)->model_name,
			"the model file may be damaged",
			"the model computed numbers that are no numbers");
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

int command_eval(struct options *options, struct err *err)
{
	struct engine *engine = NULL;
	const char *which = options->n_argument ? options->argument[0] : "";
	int status;

	interrupt_install();
	if (strcmp(which, "logits") == 0) {
		status = eval_logits(&engine, options, err);
	} else if (strcmp(which, "perplexity") == 0) {
		status = eval_perplexity(&engine, options, err);
	} else if (strcmp(which, "quote") == 0) {
		status = eval_quote(&engine, options, err);
	} else {
		status = err_set(err, ERR_USAGE, NULL, "see `carrel eval --help`",
			"say which of logits, perplexity and quote");
	}
	engine_close(engine);
	return status;
}
