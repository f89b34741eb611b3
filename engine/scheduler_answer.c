/* From the batch to events: what a request's rows become, and how it ends. */
#include "engine/scheduler_internal.h"

#include "engine/quote.h"

/* ---- how a request ends ---- */

void scheduler_fail(struct scheduler *scheduler, struct request *request, const struct err *err)
{
	struct engine_event event = {.type = ENGINE_FAILED, .request = request->id, .err = *err};

	scheduler_drop(scheduler, request);
	scheduler_emit(scheduler, &event);
}

void scheduler_finish(struct scheduler *scheduler, struct request *request)
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
	scheduler_drop(scheduler, request);
	scheduler_emit(scheduler, &event);
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
		scheduler_emit(scheduler, &event);
	}
	buf_clear(&stream->ready);
}

static void emit_text(struct scheduler *scheduler, struct request *request, const uint32_t *id,
	int is_thinking, const float *logprob)
{
	emit_stream(scheduler, request, &request->reply.thoughts, is_thinking ? id : NULL, logprob);
	emit_stream(scheduler, request, &request->reply.answer, is_thinking ? NULL : id, logprob);
}

/* There is room: it was taken for scheduler_most_tok(). */
static void append_id(struct request *request, uint32_t id)
{
	request->ids[request->n_ids++] = id;
}

/* No more tokens are sampled. What the next turn will begin with is still to be computed. */
void scheduler_end_answer(
	struct scheduler *scheduler, struct request *request, enum engine_stop stop)
{
	request->stop = stop;
	reply_flush(&request->reply);
	emit_text(scheduler, request, NULL, 0, NULL);
	if (request->no_reuse || request->keep_tok) {
		scheduler_finish(scheduler, request);
		return;
	}
	for (int64_t i = 0;
		i < request->n_closing && request->n_ids < scheduler->config.context_tok; i++) {
		append_id(request, request->closing[i]);
	}
	if (request->n_ids == request->sequence.n_tok) {
		scheduler_finish(scheduler, request);
		return;
	}
	request->phase = PHASE_CLOSING;
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
		scheduler_fail(scheduler, request, &err);
		return;
	}
	now = scheduler_now_ms();
	if (request->phase == PHASE_PREFILL) {
		request->first_token_ms = now;
		request->usage.first_token_ms = now - request->submitted_ms;
		request->phase = PHASE_DECODE;
	}
	request->last_token_ms = now;
	if (!request->ignore_end && reply_ends(&request->reply, id)) {
		scheduler_end_answer(scheduler, request, ENGINE_STOP_END);
		return;
	}
	append_id(request, id);
	request->usage.generated_tok++;
	stopped = reply_add(&request->reply, id, &is_thinking);
	emit_text(scheduler, request, &id, is_thinking, request->want_logprobs ? &told : NULL);
	if (stopped) {
		scheduler_end_answer(scheduler, request, ENGINE_STOP_END);
	} else if (request->usage.generated_tok >= request->max_tok ||
		   request->n_ids >= scheduler->config.context_tok) {
		scheduler_end_answer(scheduler, request, ENGINE_STOP_LENGTH);
	}
}

/* The rows of logits that the caller asked to see, at positions first_pos ... */
static void emit_rows(struct scheduler *scheduler, struct request *request, const float *logits,
	int64_t first_pos)
{
	int64_t n_vocab = scheduler->model->n_vocab, n = request->batch_n_out;
	struct engine_event event = {.request = request->id};
	/* A row that was computed again after pages were lost was told before. */
	int64_t n_told = request->told_pos > first_pos ? request->told_pos - first_pos : 0;

	n_told = n_told < n ? n_told : n;
	first_pos += n_told;
	logits += n_told * n_vocab;
	n -= n_told;
	request->told_pos = first_pos + n;
	if (n == 0) {
		return;
	}

	if (request->want_logits) {
		event.type = ENGINE_LOGITS;
		event.logits = logits;
		event.first_row = first_pos;
		event.n_rows = n;
		scheduler_emit(scheduler, &event);
	}
	if (!request->want_prompt_logprobs) {
		return;
	}
	n = n < request->n_prompt - 1 - first_pos ? n : request->n_prompt - 1 - first_pos;
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
		scheduler_emit(scheduler, &event);
	}
}

void scheduler_take_rows(
	struct scheduler *scheduler, struct request *request, const float *logits, double ms)
{
	int64_t first_pos = request->sequence.n_tok, n_vocab = scheduler->model->n_vocab;

	int64_t prompt_left = request->n_prompt - first_pos;

	logits += request->batch_out * n_vocab;
	/* An answer too, once it lost pages, reads its prompt again. */
	if (prompt_left > 0) {
		request->usage.prefill_tok +=
			prompt_left < request->batch_n_row ? prompt_left : request->batch_n_row;
		request->usage.prefill_ms += ms;
	}
	kv_sequence_commit(&request->sequence, request->ids + first_pos, request->batch_n_row);
	if (request->phase == PHASE_CLOSING) {
		if (request->sequence.n_tok == request->n_ids) {
			scheduler_finish(scheduler, request);
		}
		return;
	}
	if (request->phase == PHASE_PREFILL) {
		scheduler_emit_prefill(scheduler, request);
		if (request_wants_all_rows(request)) {
			emit_rows(scheduler, request, logits, first_pos);
		}
	}
	if (request->sequence.n_tok < request->n_ids) {
		return;
	}
	if (request->phase == PHASE_PREFILL) {
		if (request->max_tok == 0) {
			request->stop = ENGINE_STOP_LENGTH;
			scheduler_finish(scheduler, request);
			return;
		}
	}
	sample(scheduler, request, logits + (request->batch_n_out - 1) * n_vocab);
}

static void emit_embedding(struct scheduler *scheduler, struct request *request)
{
	struct engine_event event = {.type = ENGINE_EMBEDDING,
		.request = request->id,
		.embedding = embedding_vector(request->embedding),
		.n_embedding = (size_t)scheduler->embedding->n,
		.embed_tok_per_s = rate_embed_tok_per_s(&scheduler->rate)};
	struct err err;

	if (!event.embedding) {
		err_set(&err, ERR_ENGINE, scheduler->model->path, "the model file may be damaged",
			"the model computed states that are no numbers");
		scheduler_fail(scheduler, request, &err);
		return;
	}
	scheduler_emit(scheduler, &event);
	scheduler_finish(scheduler, request);
}

void scheduler_take_states(
	struct scheduler *scheduler, struct request *request, const float *states, double ms)
{
	int64_t first_pos = request->sequence.n_tok, n_row = request->batch_n_row;

	request->usage.prefill_tok += n_row;
	request->usage.prefill_ms += ms;
	embedding_add(request->embedding, states + request->batch_row * scheduler->embedding->n,
		first_pos, n_row);
	if (request->reserved_pages) {
		kv_sequence_commit(&request->sequence, request->ids + first_pos, n_row);
	} else {
		request->sequence.n_tok += n_row;
	}
	if (request->sequence.n_tok == request->n_ids) {
		request->stop = ENGINE_STOP_LENGTH;
		emit_embedding(scheduler, request);
	}
}
