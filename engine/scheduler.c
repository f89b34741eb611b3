#include "engine/scheduler_internal.h"

#include "base/mem.h"
#include "engine/planner.h"
#include "engine/quote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double scheduler_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec * 1e-6;
}

int request_is_passing(const struct request *request)
{
	return request->priority < 0;
}

int64_t scheduler_pages_of(int64_t n_tok)
{
	return (n_tok + KV_PAGE_TOK - 1) / KV_PAGE_TOK;
}

void scheduler_emit(struct scheduler *scheduler, const struct engine_event *event)
{
	scheduler->sink.emit(scheduler->sink.arg, event);
}

/* ---- life of the scheduler ---- */

int scheduler_create(struct scheduler **out, const struct model *model, struct backend *backend,
	const struct scheduler_config *config, struct scheduler_sink sink, struct err *err)
{
	struct scheduler *scheduler = mem_zero(1, sizeof(*scheduler));
	size_t rows;

	*out = NULL;
	scheduler->model = model;
	scheduler->backend = backend;
	scheduler->embedding = backend->ops->embedding(backend);
	scheduler->config = *config;
	scheduler->sink = sink;
	if (scheduler->config.batch_tok <= 0) {
		scheduler->config.batch_tok = PLANNER_BATCH_TOK;
	}
	if (scheduler->config.out_rows <= 0) {
		scheduler->config.out_rows = PLANNER_OUT_ROWS;
	}
	if (scheduler->config.context_tok <= 0) {
		free(scheduler);
		return err_set(err, ERR_ENGINE, NULL, NULL, "a context of no tokens was asked for");
	}
	scheduler->sampler = sampler_create(model->n_vocab);
	if (!scheduler->sampler) {
		free(scheduler);
		return err_set(err, ERR_ENGINE, NULL, "use a smaller model",
			"there is no memory to sample from a vocabulary of %lld",
			(long long)model->n_vocab);
	}
	rows = (size_t)scheduler->config.batch_tok;
	scheduler_open_store(scheduler);
	scheduler->ids = mem_zero(rows, sizeof(*scheduler->ids));
	scheduler->pos = mem_zero(rows, sizeof(*scheduler->pos));
	scheduler->logprob = mem_zero(rows, sizeof(*scheduler->logprob));
	scheduler->out_row =
		mem_zero((size_t)scheduler->config.out_rows, sizeof(*scheduler->out_row));
	*out = scheduler;
	return 0;
}

void scheduler_drop(struct scheduler *scheduler, struct request *request)
{
	struct request **p = &scheduler->request;

	while (*p != request) {
		p = &(*p)->next;
	}
	*p = request->next;
	if (request->phase != PHASE_QUEUED) {
		kv_sequence_finish(&request->sequence);
		scheduler->n_running--;
		scheduler->reserved_pages -= request->reserved_pages;
	}
	reply_finish(&request->reply);
	embedding_destroy(request->embedding);
	free(request->ids);
	free(request->closing);
	free(request);
}

void scheduler_destroy(struct scheduler *scheduler)
{
	if (!scheduler) {
		return;
	}
	kv_memo_finish(&scheduler->memo);
	scheduler_close_store(scheduler);
	sampler_destroy(scheduler->sampler);
	token_order_destroy(scheduler->order);
	free(scheduler->ids);
	free(scheduler->pos);
	free(scheduler->logprob);
	free(scheduler->out_row);
	free(scheduler);
}

atomic_bool *scheduler_interrupt(struct scheduler *scheduler)
{
	return &scheduler->interrupt;
}

/* ---- submitting ---- */

/* Those of an encoder tile the prompt, and each fits into a batch. */
static int check_pieces(
	const struct scheduler *scheduler, const struct scheduler_request *request, struct err *err)
{
	int64_t most = scheduler->embedding->whole_tok, at = 0;

	most = most < scheduler->config.batch_tok ? most : scheduler->config.batch_tok;
	for (size_t i = 0; i < request->n_text; i++) {
		const struct embedding_run *piece = &request->text[i];

		if (piece->first_tok != at || piece->n_tok < 1 || piece->n_tok > most) {
			break;
		}
		at += piece->n_tok;
	}
	return at == (int64_t)request->n_ids
		       ? 0
		       : err_set(err, ERR_CONTEXT, NULL, "cut the text into shorter pieces",
				 "the text has a piece of more than the %lld tokens that the model "
				 "reads at once",
				 (long long)most);
}

/* What the model can do for it. */
static int check_kind(
	const struct scheduler *scheduler, const struct scheduler_request *request, struct err *err)
{
	const struct embedding_rule *rule = scheduler->embedding;

	if (!request->want_embedding) {
		return rule->is_whole ? embedding_refuse_answer(scheduler->model->path, err) : 0;
	}
	if (!rule->n) {
		return err_set(err, ERR_ENGINE, scheduler->model->path, NULL,
			"has no states that an embedding could be made of");
	}
	if (request->n_text == 0) {
		return err_set(
			err, ERR_USAGE, NULL, NULL, "a prompt without text has no embedding");
	}
	return rule->is_whole ? check_pieces(scheduler, request, err) : 0;
}

static int check_request(
	const struct scheduler *scheduler, const struct scheduler_request *request, struct err *err)
{
	long long n_ids = (long long)request->n_ids;
	long long context = (long long)scheduler->config.context_tok;

	if (request->n_ids == 0) {
		return err_set(err, ERR_USAGE, NULL, NULL, "the prompt is empty");
	}
	for (size_t i = 0; i < request->n_ids; i++) {
		if (request->ids[i] >= scheduler->model->n_vocab) {
			return err_set(err, ERR_ENGINE, NULL, NULL,
				"token %zu of the prompt is %u, but the model's vocabulary has "
				"%lld",
				i, request->ids[i], (long long)scheduler->model->n_vocab);
		}
	}
	if (n_ids > context && !(request->want_embedding && scheduler->embedding->is_whole)) {
		return err_set(err, ERR_CONTEXT, NULL, "load less, or use a larger context with -c",
			"the prompt has %lld tokens, but the context holds %lld", n_ids, context);
	}
	if (n_ids == context && request->max_tok > 0) {
		return err_set(err, ERR_CONTEXT, NULL, "load less, or use a larger context with -c",
			"the prompt has %lld tokens and fills the context of %lld; there is no "
			"room for an answer",
			n_ids, context);
	}
	return check_kind(scheduler, request, err);
}

/* What else it needs to begin with. */
static int prepare(
	struct scheduler *scheduler, struct request *request, const struct scheduler_request *from)
{
	request->ids =
		malloc((size_t)scheduler_most_tok(scheduler, request) * sizeof(*request->ids));
	if (from->want_embedding) {
		request->embedding = embedding_create(
			scheduler->embedding, from->text, from->n_text, request->n_prompt);
	}
	return request->ids && (request->embedding || !from->want_embedding) ? 0 : -1;
}

/* The most tokens whose KV this request may come to need. */
int64_t scheduler_most_tok(const struct scheduler *scheduler, const struct request *request)
{
	int64_t room = scheduler->config.context_tok - request->n_prompt, more;

	if (room <= 0) { /* pieces of an embedding are a context each */
		return request->n_prompt;
	}
	more = request->max_tok < room ? request->max_tok : room;

	more += request->n_closing < room - more ? request->n_closing : room - more;
	return request->n_prompt + more;
}

static struct quote *create_quote(
	struct scheduler *scheduler, const struct scheduler_request *request)
{
	const struct model *model = scheduler->model;

	if (!request->n_source || !model->tokenizer || request->max_tok <= 0) {
		return NULL;
	}
	if (!scheduler->order) {
		scheduler->order = token_order_create(model->tokenizer, model->n_vocab);
	}
	return quote_create(model->tokenizer, scheduler->order, model->n_vocab, request->source,
		request->n_source);
}

static struct request *copy_request(
	struct scheduler *scheduler, const struct scheduler_request *from, struct err *err)
{
	struct request *request = mem_zero(1, sizeof(*request));

	request->id = from->id;
	request->priority = from->priority;
	request->sampling = from->sampling;
	request->max_tok = from->max_tok > 0 ? from->max_tok : 0;
	request->ignore_end = from->ignore_end;
	request->want_logprobs = from->want_logprobs;
	request->want_prompt_logprobs = from->want_prompt_logprobs;
	request->want_logits = from->want_logits;
	request->no_reuse = from->no_reuse || from->want_embedding;
	request->no_store = from->no_store;
	request->keep_tok = from->keep_tok;
	snprintf(request->owner, sizeof(request->owner), "%s", from->owner ? from->owner : "");
	request->n_ids = request->n_prompt = (int64_t)from->n_ids;
	request->n_closing = from->keep_tok ? 0 : (int64_t)from->n_closing;
	if (prepare(scheduler, request, from) < 0) {
		embedding_destroy(request->embedding);
		free(request->ids);
		free(request);
		err_set(err, ERR_ENGINE, NULL, "load less, or close other programs",
			"the engine has no memory for a prompt of %zu tokens", from->n_ids);
		return NULL;
	}
	memcpy(request->ids, from->ids, from->n_ids * sizeof(*from->ids));
	request->closing = mem_alloc(from->n_closing * sizeof(*from->closing));
	if (from->n_closing) {
		memcpy(request->closing, from->closing, from->n_closing * sizeof(*from->closing));
	}
	request->usage.prompt_tok = request->n_prompt;
	request->submitted_ms = scheduler_now_ms();
	reply_init(&request->reply, scheduler->model->tokenizer, from->thinking, from->turn_mark,
		from->ids + from->n_ids - from->turn_tok, from->turn_tok, from->stop);
	request->reply.quote = create_quote(scheduler, from);
	return request;
}

void scheduler_submit(struct scheduler *scheduler, const struct scheduler_request *from)
{
	struct request **p = &scheduler->request, *request = NULL;
	struct err err = {0};

	if (check_request(scheduler, from, &err) < 0 ||
		!(request = copy_request(scheduler, from, &err))) {
		struct engine_event event = {
			.type = ENGINE_FAILED, .request = from->id, .err = err};

		scheduler_emit(scheduler, &event);
		return;
	}
	while (*p && (*p)->priority >= request->priority) {
		p = &(*p)->next;
	}
	request->next = *p;
	*p = request;
}

void scheduler_cancel(struct scheduler *scheduler, int64_t id)
{
	struct request *request = scheduler->request;

	while (request && request->id != id) {
		request = request->next;
	}
	if (!request || request->phase == PHASE_CLOSING) {
		return;
	}
	if (request->phase == PHASE_DECODE) {
		scheduler_end_answer(scheduler, request, ENGINE_STOP_CANCELLED);
	} else {
		request->stop = ENGINE_STOP_CANCELLED;
		scheduler_finish(scheduler, request);
	}
}

/* ---- a step ---- */

static void measure(struct scheduler *scheduler, double ms)
{
	const struct batch *batch = &scheduler->batch;
	double depth_sum = 0;

	if (batch->is_embedding) {
		rate_add_embedding(&scheduler->rate, batch->n_row, ms * 1e-3);
		return;
	}
	/* Batches of perplexity and `eval logits` cost more than any question would. */
	if (batch->n_out > batch->n_sequence) {
		return;
	}
	for (int64_t i = 0; i < batch->n_row; i++) {
		depth_sum += (double)batch->pos[i];
	}
	rate_add(&scheduler->rate, batch->n_row, depth_sum, ms * 1e-3);
}

int scheduler_step(struct scheduler *scheduler)
{
	const struct backend_ops *ops = scheduler->backend->ops;
	const struct batch *batch = &scheduler->batch;
	const float *out = NULL;
	struct err err = {0};
	double ms;
	int result;

	scheduler_compose(scheduler);
	if (batch->n_row == 0) {
		return scheduler->request != NULL;
	}
	ms = scheduler_now_ms();
	result = ops->run(scheduler->backend, batch, &scheduler->interrupt, &out, &err);
	ms = scheduler_now_ms() - ms;
	/* Who sets it queues its reason first, and that is looked at before the next step; so
	   clearing it here loses nothing. */
	atomic_store(&scheduler->interrupt, 0);
	if (result == 0 && scheduler_restart_lost(scheduler)) {
		result = 1;
	}
	if (result == 0) {
		measure(scheduler, ms);
	}
	for (int64_t i = 0; i < batch->n_sequence; i++) {
		if (result < 0) {
			scheduler_fail(scheduler, scheduler->in_batch[i], &err);
		} else if (result == 0) {
			struct request *request = scheduler->in_batch[i];
			/* Its share of a batch is that of its rows. */
			double share = (double)request->batch_n_row / (double)batch->n_row;

			(batch->is_embedding ? scheduler_take_states : scheduler_take_rows)(
				scheduler, request, out, ms * share);
		}
	}
	scheduler_save_now_and_then(scheduler);
	return scheduler->request != NULL;
}

double scheduler_embed_tok_per_s(const struct scheduler *scheduler)
{
	return rate_embed_tok_per_s(&scheduler->rate);
}

struct scheduler_forecast scheduler_cached(
	struct scheduler *scheduler, const uint32_t *ids, size_t n_ids, size_t n_same)
{
	struct scheduler_forecast forecast = {.token_s = -1};
	struct kv_match match = {0};
	int64_t n = (int64_t)n_ids;

	kv_memo_cut(&scheduler->memo, (int64_t)n_same);
	if (n > 0) {
		match = kv_cache_match(scheduler->cache, &scheduler->memo, ids, n - 1);
	}
	forecast.cached_tok = match.n_tok;
	forecast.disk_tok = match.disk_tok;
	forecast.predicted_s =
		rate_predict(&scheduler->rate, match.n_tok, n, scheduler->config.batch_tok);
	if (forecast.predicted_s >= 0) {
		forecast.predicted_s = match.link_s < 0 ? -1 : forecast.predicted_s + match.link_s;
	}
	if (scheduler->rate.one.n_sample) {
		forecast.token_s = rate_predict(&scheduler->rate, n, n + 1, 1);
	}
	return forecast;
}
