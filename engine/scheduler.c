#include "engine/scheduler.h"

#include "base/mem.h"
#include "engine/backend/backend.h"
#include "engine/kv/cache.h"
#include "engine/kv/chain.h"
#include "engine/kv/sequence.h"
#include "engine/model/model.h"
#include "engine/planner.h"
#include "engine/quote.h"
#include "engine/rate.h"
#include "engine/reply.h"
#include "engine/token/tokenizer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Requests that have pages at one time. */
enum { MAX_RUNNING = 16 };

/* Prompt tokens in a batch that also continues answers, so that these keep flowing. */
enum { MIXED_PREFILL_TOK = 128 };

enum phase {
	PHASE_QUEUED,
	PHASE_PREFILL,
	PHASE_DECODE,
	PHASE_CLOSING, /* ended; the KV of its last ids is computed for the next turn */
};

struct request {
	struct request *next; /* by priority, then order of submission */
	int64_t id;
	enum phase phase;
	int32_t priority;
	struct sampling sampling;
	int64_t max_tok;
	int ignore_end, want_logprobs, want_prompt_logprobs, want_logits, no_reuse;

	uint32_t *ids; /* prompt, answer, closing; the KV of the first sequence.n_tok is there */
	int64_t n_ids, n_prompt;
	uint32_t *closing;
	int64_t n_closing;

	struct kv_sequence sequence;
	int is_matched;         /* the prefix cache was asked */
	int64_t reserved_pages; /* most it may come to hold */
	struct reply reply;

	int64_t batch_row, batch_n_row; /* its share of the batch under way */
	int64_t batch_out, batch_n_out;

	enum engine_stop stop;
	struct engine_usage usage;
	double submitted_ms, first_token_ms, last_token_ms;
};

struct scheduler {
	const struct model *model;
	struct backend *backend;
	struct scheduler_config config;
	struct scheduler_sink sink;
	struct kv_cache *cache;
	struct kv_memo memo; /* of the prompt last asked about */
	struct sampler *sampler;
	struct token_order *order; /* once a request has something to quote */
	struct rate rate;
	atomic_bool interrupt;

	struct request *request;
	int n_running;
	int64_t reserved_pages;

	uint32_t *ids;    /* the batch: [batch_tok] */
	int64_t *pos;     /* [batch_tok] */
	int64_t *out_row; /* [out_rows] */
	float *logprob;   /* [batch_tok] */
	struct op_sequence sequence[MAX_RUNNING];
	struct request *in_batch[MAX_RUNNING];
	struct batch batch;
};

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec * 1e-6;
}

static int64_t pages_of(int64_t n_tok)
{
	return (n_tok + KV_PAGE_TOK - 1) / KV_PAGE_TOK;
}

static void emit(struct scheduler *scheduler, const struct engine_event *event)
{
	scheduler->sink.emit(scheduler->sink.arg, event);
}

/* ---- life of the scheduler ---- */

static struct kv_cache *create_cache(struct scheduler *scheduler)
{
	const struct backend_ops *ops = scheduler->backend->ops;
	const struct kv_layout *layout = ops->kv_layout(scheduler->backend);
	struct kv_identity identity = {
		.model = scheduler->model->digest,
		.program = scheduler->config.program,
		.adapter = scheduler->model->adapter_identity ? scheduler->model->adapter_identity
							      : "",
		.numerics = ops->numerics_class(scheduler->backend),
		.layout = layout,
	};
	struct kv_cache_config config = {0};
	int64_t budget = scheduler->config.kv_budget_bytes;

	if (scheduler->model->tokenizer) {
		identity.tokenizer = *tokenizer_digest(scheduler->model->tokenizer);
	}
	if (budget <= 0) {
		budget = planner_available_bytes() / 2;
	}
	config.root = kv_chain_root(&identity);
	config.max_pages = budget / layout->page_bytes;
	/* One page more than a full context: what is copied from the cache is there twice. */
	if (scheduler->config.kv_budget_bytes <= 0 &&
		config.max_pages <= pages_of(scheduler->config.context_tok)) {
		config.max_pages = pages_of(scheduler->config.context_tok) + 1;
	}
	return kv_cache_create(scheduler->backend, &config);
}

int scheduler_create(struct scheduler **out, const struct model *model, struct backend *backend,
	const struct scheduler_config *config, struct scheduler_sink sink, struct err *err)
{
	struct scheduler *scheduler = mem_zero(1, sizeof(*scheduler));
	size_t rows;

	*out = NULL;
	scheduler->model = model;
	scheduler->backend = backend;
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
	scheduler->cache = create_cache(scheduler);
	scheduler->ids = mem_zero(rows, sizeof(*scheduler->ids));
	scheduler->pos = mem_zero(rows, sizeof(*scheduler->pos));
	scheduler->logprob = mem_zero(rows, sizeof(*scheduler->logprob));
	scheduler->out_row =
		mem_zero((size_t)scheduler->config.out_rows, sizeof(*scheduler->out_row));
	*out = scheduler;
	return 0;
}

static void free_request(struct scheduler *scheduler, struct request *request)
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
	free(request->ids);
	free(request->closing);
	free(request);
}

void scheduler_destroy(struct scheduler *scheduler)
{
	if (!scheduler) {
		return;
	}
	while (scheduler->request) {
		free_request(scheduler, scheduler->request);
	}
	kv_memo_finish(&scheduler->memo);
	kv_cache_destroy(scheduler->cache);
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

/* ---- how a request ends ---- */

static void fail(struct scheduler *scheduler, struct request *request, const struct err *err)
{
	struct engine_event event = {.type = ENGINE_FAILED, .request = request->id, .err = *err};

	free_request(scheduler, request);
	emit(scheduler, &event);
}

static void finish(struct scheduler *scheduler, struct request *request)
{
	struct engine_event event = {.type = ENGINE_DONE,
		.request = request->id,
		.stop = request->stop,
		.is_thinking = thinking_goes_on(&request->reply.thinking),
		.usage = request->usage};

	if (request->usage.generated_tok > 0) {
		event.usage.decode_ms = request->last_token_ms - request->first_token_ms;
		event.usage.thinking_tok = request->reply.thinking.n_tok;
	}
	free_request(scheduler, request);
	emit(scheduler, &event);
}

/* What is ready of one stream, with the id that it came with, if any. */
static void emit_stream(struct scheduler *scheduler, const struct request *request,
	struct answer *stream, const uint32_t *id, const float *logprob)
{
	struct engine_event event = {.type = ENGINE_TEXT,
		.request = request->id,
		.text = buf_str(&stream->ready),
		.text_len = stream->ready.len,
		.ids = id,
		.n_ids = id ? 1 : 0,
		.is_thinking = stream == &request->reply.thoughts,
		.logprobs = id ? logprob : NULL};

	if (id || stream->ready.len) {
		emit(scheduler, &event);
	}
	buf_clear(&stream->ready);
}

static void emit_text(struct scheduler *scheduler, struct request *request, const uint32_t *id,
	int is_thinking, const float *logprob)
{
	emit_stream(scheduler, request, &request->reply.thoughts, is_thinking ? id : NULL, logprob);
	emit_stream(scheduler, request, &request->reply.answer, is_thinking ? NULL : id, logprob);
}

/* There is room: it was taken for most_tokens(). */
static void append_id(struct request *request, uint32_t id)
{
	request->ids[request->n_ids++] = id;
}

/* No more tokens are sampled. What the next turn will begin with is still to be computed. */
static void end_answer(struct scheduler *scheduler, struct request *request, enum engine_stop stop)
{
	request->stop = stop;
	reply_flush(&request->reply);
	emit_text(scheduler, request, NULL, 0, NULL);
	if (request->no_reuse) {
		finish(scheduler, request);
		return;
	}
	for (int64_t i = 0;
		i < request->n_closing && request->n_ids < scheduler->config.context_tok; i++) {
		append_id(request, request->closing[i]);
	}
	if (request->n_ids == request->sequence.n_tok) {
		finish(scheduler, request);
		return;
	}
	request->phase = PHASE_CLOSING;
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
		end_answer(scheduler, request, ENGINE_STOP_CANCELLED);
	} else {
		request->stop = ENGINE_STOP_CANCELLED;
		finish(scheduler, request);
	}
}

/* ---- submitting ---- */

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
	if (n_ids > context) {
		return err_set(err, ERR_CONTEXT, NULL, "load less, or use a larger context with -c",
			"the prompt has %lld tokens, but the context holds %lld", n_ids, context);
	}
	if (n_ids == context && request->max_tok > 0) {
		return err_set(err, ERR_CONTEXT, NULL, "load less, or use a larger context with -c",
			"the prompt has %lld tokens and fills the context of %lld; there is no "
			"room for an answer",
			n_ids, context);
	}
	return 0;
}

/* The most tokens whose KV this request may come to need. */
static int64_t most_tokens(const struct scheduler *scheduler, const struct request *request)
{
	int64_t room = scheduler->config.context_tok - request->n_prompt;
	int64_t more = request->max_tok < room ? request->max_tok : room;

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
	request->no_reuse = from->no_reuse;
	request->n_ids = request->n_prompt = (int64_t)from->n_ids;
	request->n_closing = (int64_t)from->n_closing;
	request->ids = malloc((size_t)most_tokens(scheduler, request) * sizeof(*request->ids));
	if (!request->ids) {
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
	request->submitted_ms = now_ms();
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

		emit(scheduler, &event);
		return;
	}
	while (*p && (*p)->priority >= request->priority) {
		p = &(*p)->next;
	}
	request->next = *p;
	*p = request;
}

/* ---- from the queue to the batch ---- */

/* Requests start in order; one whose pages do not fit beside the running ones waits. */
static void admit(struct scheduler *scheduler)
{
	int64_t max_pages = kv_cache_max_pages(scheduler->cache);
	struct request *request, *next;

	for (request = scheduler->request; request; request = next) {
		int64_t pages;

		next = request->next;
		if (request->phase != PHASE_QUEUED) {
			continue;
		}
		pages = pages_of(most_tokens(scheduler, request));
		if (pages > max_pages) {
			struct err err;

			err_set(&err, ERR_CONTEXT, NULL, "load less, or ask for a shorter answer",
				"prompt and answer need %lld pages of KV, but the memory for them "
				"holds %lld",
				(long long)pages, (long long)max_pages);
			fail(scheduler, request, &err);
			continue;
		}
		if (scheduler->n_running >= MAX_RUNNING ||
			scheduler->n_running >= scheduler->config.out_rows ||
			scheduler->reserved_pages + pages > max_pages) {
			return;
		}
		kv_sequence_init(&request->sequence, scheduler->cache, !request->no_reuse);
		request->phase = PHASE_PREFILL;
		request->reserved_pages = pages;
		scheduler->reserved_pages += pages;
		scheduler->n_running++;
	}
}

static void emit_prefill(struct scheduler *scheduler, const struct request *request)
{
	struct engine_event event = {.type = ENGINE_PREFILL,
		.request = request->id,
		.done_tok = request->sequence.n_tok,
		.total_tok = request->n_prompt,
		.cached_tok = request->usage.cached_tok};

	emit(scheduler, &event);
}

static int wants_all_rows(const struct request *request)
{
	return request->want_logits || request->want_prompt_logprobs;
}

/*
 * Ask the prefix cache, as late as possible: a request before this one may just have computed what
 * it needs. The last token is computed again where its logits are wanted. Returns 0 if that was all
 * and the request is done.
 */
static int match_prefix(struct scheduler *scheduler, struct request *request)
{
	request->is_matched = 1;
	if (!wants_all_rows(request)) {
		kv_sequence_match(
			&request->sequence, request->ids, request->n_ids - (request->max_tok > 0));
	}
	request->usage.cached_tok = request->sequence.n_tok;
	emit_prefill(scheduler, request);
	if (request->sequence.n_tok == request->n_ids) {
		request->stop = ENGINE_STOP_LENGTH;
		finish(scheduler, request);
		return 0;
	}
	return 1;
}

/* Add the next n_row tokens of a request to the batch; the logits of the last n_out are wanted. */
static void add_rows(
	struct scheduler *scheduler, struct request *request, int64_t n_row, int64_t n_out)
{
	struct batch *batch = &scheduler->batch;
	int64_t first_pos = request->sequence.n_tok;
	struct err err = {0};

	if (kv_sequence_reserve(&request->sequence, first_pos + n_row, &err) < 0) {
		fail(scheduler, request, &err);
		return;
	}
	request->batch_row = batch->n_row;
	request->batch_n_row = n_row;
	request->batch_out = batch->n_out;
	request->batch_n_out = n_out;
	for (int64_t i = 0; i < n_row; i++) {
		scheduler->ids[batch->n_row + i] = request->ids[first_pos + i];
		scheduler->pos[batch->n_row + i] = first_pos + i;
	}
	for (int64_t i = n_row - n_out; i < n_row; i++) {
		scheduler->out_row[batch->n_out++] = batch->n_row + i;
	}
	scheduler->sequence[batch->n_sequence] = (struct op_sequence){.first_row = batch->n_row,
		.n_row = n_row,
		.first_pos = first_pos,
		.page = request->sequence.data};
	scheduler->in_batch[batch->n_sequence++] = request;
	batch->n_row += n_row;
}

static int64_t min_of(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* An answer waits while the index of what it may quote is being built, a part at every step. */
static int is_ready(const struct request *request)
{
	return request->phase != PHASE_DECODE || !request->reply.quote ||
	       quote_ready(request->reply.quote, request->ids);
}

/* Answers under way get their next token first, what remains of the batch reads prompts. */
static void compose(struct scheduler *scheduler)
{
	struct batch *batch = &scheduler->batch;
	struct request *request, *next;
	int64_t room;

	*batch = (struct batch){.ids = scheduler->ids,
		.pos = scheduler->pos,
		.out_row = scheduler->out_row,
		.sequence = scheduler->sequence};
	for (request = scheduler->request; request; request = next) {
		next = request->next;
		if ((request->phase == PHASE_DECODE || request->phase == PHASE_CLOSING) &&
			is_ready(request)) {
			int64_t n = request->n_ids - request->sequence.n_tok;

			n = min_of(n, scheduler->config.batch_tok - batch->n_row);
			if (n > 0) {
				add_rows(scheduler, request, n, request->phase == PHASE_DECODE);
			}
		}
	}
	room = scheduler->config.batch_tok - batch->n_row;
	if (batch->n_row > 0) {
		room = min_of(room, MIXED_PREFILL_TOK);
	}
	for (request = scheduler->request; request && room > 0; request = next) {
		int64_t n, n_out = 0, out_room = scheduler->config.out_rows - batch->n_out;

		next = request->next;
		if (request->phase != PHASE_PREFILL ||
			(!request->is_matched && !match_prefix(scheduler, request))) {
			continue;
		}
		n = min_of(request->n_ids - request->sequence.n_tok, room);
		if (wants_all_rows(request)) {
			n_out = n = min_of(n, out_room);
		} else if (request->sequence.n_tok + n == request->n_ids) {
			n_out = request->max_tok > 0;
		}
		if (n > 0 && n_out <= out_room) {
			add_rows(scheduler, request, n, n_out);
			room -= n;
		}
	}
}

/* ---- after the batch ---- */

static uint32_t pick_masked(struct scheduler *scheduler, struct request *request,
	const float *logits, const uint64_t *mask, double *logprob)
{
	return sampler_pick(scheduler->sampler, &request->sampling, logits, request->ids,
		(size_t)request->n_ids, request->n_ids, mask,
		request->want_logprobs ? logprob : NULL);
}

static uint32_t pick(
	struct scheduler *scheduler, struct request *request, const float *logits, double *logprob)
{
	struct quote *quote = reply_quote(&request->reply);
	const uint64_t *mask = quote ? quote_mask(quote) : NULL;
	uint32_t id = pick_masked(scheduler, request, logits, mask, logprob);

	if (quote && !mask && id != UINT32_MAX) {
		mask = quote_check(quote, id);
		id = mask ? pick_masked(scheduler, request, logits, mask, logprob) : id;
	}
	return id;
}

/* Append what the sampler picks and tell; ends the answer where it ends. */
static void sample(struct scheduler *scheduler, struct request *request, const float *logits)
{
	double logprob = 0, now;
	uint32_t id = pick(scheduler, request, logits, &logprob);
	float told = (float)logprob;
	int is_thinking, stopped;

	if (id == UINT32_MAX) {
		struct err err;

		err_set(&err, ERR_ENGINE, scheduler->model->path, "the model file may be damaged",
			"the model computed numbers that are no numbers at token %lld",
			(long long)request->n_ids);
		fail(scheduler, request, &err);
		return;
	}
	now = now_ms();
	if (request->phase == PHASE_PREFILL) {
		request->first_token_ms = now;
		request->usage.first_token_ms = now - request->submitted_ms;
		request->phase = PHASE_DECODE;
	}
	request->last_token_ms = now;
	if (!request->ignore_end && reply_ends(&request->reply, id)) {
		end_answer(scheduler, request, ENGINE_STOP_END);
		return;
	}
	append_id(request, id);
	request->usage.generated_tok++;
	stopped = reply_add(&request->reply, id, &is_thinking);
	emit_text(scheduler, request, &id, is_thinking, request->want_logprobs ? &told : NULL);
	if (stopped) {
		end_answer(scheduler, request, ENGINE_STOP_END);
	} else if (request->usage.generated_tok >= request->max_tok ||
		   request->n_ids >= scheduler->config.context_tok) {
		end_answer(scheduler, request, ENGINE_STOP_LENGTH);
	}
}

/* The rows of logits that the caller asked to see, at positions first_pos ... */
static void emit_rows(struct scheduler *scheduler, const struct request *request,
	const float *logits, int64_t first_pos)
{
	int64_t n_vocab = scheduler->model->n_vocab, n = request->batch_n_out;
	struct engine_event event = {.request = request->id};

	if (request->want_logits) {
		event.type = ENGINE_LOGITS;
		event.logits = logits;
		event.first_row = first_pos;
		event.n_rows = n;
		emit(scheduler, &event);
	}
	if (!request->want_prompt_logprobs) {
		return;
	}
	n = min_of(n, request->n_prompt - 1 - first_pos);
	for (int64_t i = 0; i < n; i++) {
		scheduler->logprob[i] = (float)sampler_logprob(
			logits + i * n_vocab, n_vocab, request->ids[first_pos + i + 1]);
	}
	if (n > 0) {
		event = (struct engine_event){.type = ENGINE_PROMPT_LOGPROBS,
			.request = request->id,
			.ids = request->ids + first_pos + 1,
			.n_ids = (size_t)n,
			.logprobs = scheduler->logprob,
			.first_row = first_pos + 1,
			.n_rows = n};
		emit(scheduler, &event);
	}
}

static void after_batch(
	struct scheduler *scheduler, struct request *request, const float *logits, double ms)
{
	int64_t first_pos = request->sequence.n_tok, n_vocab = scheduler->model->n_vocab;

	logits += request->batch_out * n_vocab;
	kv_sequence_commit(&request->sequence, request->ids + first_pos, request->batch_n_row);
	if (request->phase == PHASE_CLOSING) {
		if (request->sequence.n_tok == request->n_ids) {
			finish(scheduler, request);
		}
		return;
	}
	if (request->phase == PHASE_PREFILL) {
		request->usage.prefill_tok += request->batch_n_row;
		request->usage.prefill_ms += ms;
		emit_prefill(scheduler, request);
		if (wants_all_rows(request)) {
			emit_rows(scheduler, request, logits, first_pos);
		}
		if (request->sequence.n_tok < request->n_ids) {
			return;
		}
		if (request->max_tok == 0) {
			request->stop = ENGINE_STOP_LENGTH;
			finish(scheduler, request);
			return;
		}
	}
	sample(scheduler, request, logits + (request->batch_n_out - 1) * n_vocab);
}

static void measure(struct scheduler *scheduler, double ms)
{
	const struct batch *batch = &scheduler->batch;
	double depth_sum = 0;

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
	const float *logits = NULL;
	struct err err = {0};
	double ms;
	int result;

	admit(scheduler);
	compose(scheduler);
	if (batch->n_row == 0) {
		return scheduler->request != NULL;
	}
	ms = now_ms();
	result = ops->run(scheduler->backend, batch, &scheduler->interrupt, &logits, &err);
	ms = now_ms() - ms;
	/* Who sets it queues its reason first, and that is looked at before the next step; so
	   clearing it here loses nothing. */
	atomic_store(&scheduler->interrupt, 0);
	if (result == 0) {
		measure(scheduler, ms);
	}
	for (int64_t i = 0; i < batch->n_sequence; i++) {
		if (result < 0) {
			fail(scheduler, scheduler->in_batch[i], &err);
		} else if (result == 0) {
			struct request *request = scheduler->in_batch[i];

			/* Its share of a batch is that of its rows. */
			after_batch(scheduler, request, logits,
				ms * (double)request->batch_n_row / (double)batch->n_row);
		}
	}
	return scheduler->request != NULL;
}

void scheduler_cached(struct scheduler *scheduler, const uint32_t *ids, size_t n_ids, size_t n_same,
	int64_t *cached_tok, double *predicted_s)
{
	int64_t n = (int64_t)n_ids;

	kv_memo_cut(&scheduler->memo, (int64_t)n_same);
	*cached_tok =
		n > 0 ? kv_cache_match_tok(scheduler->cache, &scheduler->memo, ids, n - 1) : 0;
	*predicted_s = rate_predict(&scheduler->rate, *cached_tok, n, scheduler->config.batch_tok);
}
