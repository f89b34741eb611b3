/* From the queue to the batch: what starts, what it finds in the cache, whose turn it is. */
#include "engine/scheduler_internal.h"

#include "engine/quote.h"

/* Of a batch, for all else beside answers that somebody waits for, so that these keep flowing. */
enum { BESIDE_SHARE = 4 };

static int64_t min_of(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Whether there is a place for one more. */
static int may_run(const struct scheduler *scheduler, const struct request *request)
{
	int64_t most = min_of(MAX_RUNNING, scheduler->config.out_rows);

	if (request_is_passing(request) && most > NOT_PASSING) {
		most -= NOT_PASSING;
	}
	return scheduler->n_running < most;
}

/* A text that is seen as a whole: no KV, and positions of its own. */
static int is_piece(const struct scheduler *scheduler, const struct request *request)
{
	return request->embedding && scheduler->embedding->is_whole;
}

static int64_t pages_needed(const struct scheduler *scheduler, const struct request *request)
{
	return is_piece(scheduler, request)
		       ? 0
		       : scheduler_pages_of(scheduler_most_tok(scheduler, request));
}

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
		pages = pages_needed(scheduler, request);
		if (pages > max_pages) {
			struct err err;

			err_set(&err, ERR_CONTEXT, NULL, "load less, or ask for a shorter answer",
				"prompt and answer need %lld pages of KV, but the memory for them "
				"holds %lld",
				(long long)pages, (long long)max_pages);
			scheduler_fail(scheduler, request, &err);
			continue;
		}
		if (!may_run(scheduler, request) || scheduler->reserved_pages + pages > max_pages) {
			return;
		}
		kv_sequence_init(&request->sequence, scheduler->cache, !request->no_reuse);
		request->sequence.keep_tok = request->keep_tok;
		request->sequence.use = (struct kv_use){
			.owner = request->owner[0] ? request->owner : NULL,
			.is_passing = request_is_passing(request),
			.no_store = request->no_store,
		};
		request->phase = PHASE_PREFILL;
		request->reserved_pages = pages;
		scheduler->reserved_pages += pages;
		scheduler->n_running++;
	}
}

void scheduler_emit_prefill(struct scheduler *scheduler, const struct request *request)
{
	struct engine_event event = {.type = ENGINE_PREFILL,
		.request = request->id,
		.done_tok = request->sequence.n_tok,
		.total_tok = request->n_prompt,
		.cached_tok = request->usage.cached_tok,
		.disk_tok = request->usage.disk_tok};

	scheduler_emit(scheduler, &event);
}

int request_wants_all_rows(const struct request *request)
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
	if (!request_wants_all_rows(request)) {
		kv_sequence_match(
			&request->sequence, request->ids, request->n_ids - (request->max_tok > 0));
	}
	request->usage.cached_tok = request->sequence.n_tok;
	request->usage.disk_tok = request->sequence.disk_tok;
	request->usage.restore_ms = request->sequence.restore_s * 1e3;
	scheduler_emit_prefill(scheduler, request);
	if (request->sequence.n_tok == request->n_ids) {
		request->stop = ENGINE_STOP_LENGTH;
		scheduler_finish(scheduler, request);
		return 0;
	}
	return 1;
}

/* Add the next n_row tokens of a request to the batch; the logits of the last n_out are wanted. */
static void add_rows(
	struct scheduler *scheduler, struct request *request, int64_t n_row, int64_t n_out)
{
	struct batch *batch = &scheduler->batch;
	int64_t first_tok = request->sequence.n_tok;
	int64_t first_pos = is_piece(scheduler, request) ? 0 : first_tok;
	struct err err = {0};

	if (request->reserved_pages &&
		kv_sequence_reserve(&request->sequence, first_pos + n_row, &err) < 0) {
		scheduler_fail(scheduler, request, &err);
		return;
	}
	request->batch_row = batch->n_row;
	request->batch_n_row = n_row;
	request->batch_out = batch->n_out;
	request->batch_n_out = n_out;
	for (int64_t i = 0; i < n_row; i++) {
		scheduler->ids[batch->n_row + i] = request->ids[first_tok + i];
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

/* An answer waits while the index of what it may quote is being built, a part at every step. */
static int is_ready(const struct request *request)
{
	return request->phase != PHASE_DECODE || !request->reply.quote ||
	       quote_ready(request->reply.quote, request->ids);
}

static int is_answering(const struct request *request)
{
	return request->phase == PHASE_DECODE || request->phase == PHASE_CLOSING;
}

/* Answers under way get their next token. Returns how much room that leaves for prompts. */
static int64_t add_answers(struct scheduler *scheduler)
{
	struct batch *batch = &scheduler->batch;
	struct request *request, *next;
	int64_t room, n_watched = 0; /* rows of answers that somebody waits for */

	for (request = scheduler->request; request; request = next) {
		next = request->next;
		if (is_answering(request) && is_ready(request)) {
			int64_t n = request->n_ids - request->sequence.n_tok;

			n = min_of(n, scheduler->config.batch_tok - batch->n_row);
			if (n > 0) {
				n_watched += request_is_passing(request) ? 0 : n;
				add_rows(scheduler, request, n,
					request->phase == PHASE_DECODE &&
						request->sequence.n_tok + n == request->n_ids);
			}
		}
	}
	room = scheduler->config.batch_tok;
	if (n_watched) {
		room = min_of(room, n_watched + room / BESIDE_SHARE);
	}
	return room - batch->n_row;
}

static void add_prompts(struct scheduler *scheduler, int64_t room)
{
	struct batch *batch = &scheduler->batch;
	struct request *request, *next;

	for (request = scheduler->request; request && room > 0; request = next) {
		int64_t n, n_out = 0, out_room = scheduler->config.out_rows - batch->n_out;

		next = request->next;
		if (request->phase != PHASE_PREFILL || request->embedding ||
			(!request->is_matched && !match_prefix(scheduler, request))) {
			continue;
		}
		n = min_of(request->n_ids - request->sequence.n_tok, room);
		if (request_wants_all_rows(request)) {
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

/* Texts of several requests fill the batch; a whole one goes into it as a whole or waits. */
static void add_embeddings(struct scheduler *scheduler)
{
	struct batch *batch = &scheduler->batch;
	struct request *request, *next;

	batch->is_embedding = 1;
	for (request = scheduler->request; request; request = next) {
		int64_t room = scheduler->config.batch_tok - batch->n_row, n;

		next = request->next;
		if (request->phase != PHASE_PREFILL || !request->embedding) {
			continue;
		}
		n = is_piece(scheduler, request)
			    ? embedding_piece_tok(request->embedding, request->sequence.n_tok)
			    : request->n_ids - request->sequence.n_tok;
		if (room > 0 && (n <= room || !scheduler->embedding->is_whole)) {
			add_rows(scheduler, request, min_of(n, room), 0);
		}
	}
}

/*
 * Whether the first request that wants its prompt read wants an embedding, and no answer under way is
 * as urgent: work in passing, which always has one, would else keep it waiting to its end.
 */
static int is_embeddings_turn(const struct scheduler *scheduler)
{
	const struct request *request = scheduler->request, *answer;

	while (request && request->phase != PHASE_PREFILL) {
		request = request->next;
	}
	if (!request || !request->embedding) {
		return 0;
	}
	answer = scheduler->request;
	while (answer && !is_answering(answer)) {
		answer = answer->next;
	}
	return !answer || answer->priority < request->priority;
}

/*
 * Answers under way come first, what remains of the batch reads prompts. Embeddings, for which only a
 * part of the program runs, have batches of their own, and wait for answers of their priority.
 */
void scheduler_compose(struct scheduler *scheduler)
{
	struct batch *batch = &scheduler->batch;
	int64_t room;

	admit(scheduler);
	*batch = (struct batch){.ids = scheduler->ids,
		.pos = scheduler->pos,
		.out_row = scheduler->out_row,
		.sequence = scheduler->sequence};
	if (is_embeddings_turn(scheduler)) {
		add_embeddings(scheduler);
		return;
	}
	room = add_answers(scheduler);
	add_prompts(scheduler, room);
}
