/*
 * What the parts of the scheduler share: scheduler.c (its life, what is asked of it, one step),
 * scheduler_batch.c (from the queue to the batch), scheduler_answer.c (from the batch to events) and
 * scheduler_store.c (what outlives the process).
 */
#ifndef ENGINE_SCHEDULER_INTERNAL_H
#define ENGINE_SCHEDULER_INTERNAL_H

#include "engine/backend/backend.h"
#include "engine/kv/cache.h"
#include "engine/kv/memo.h"
#include "engine/kv/sequence.h"
#include "engine/model/model.h"
#include "engine/rate.h"
#include "engine/reply.h"
#include "engine/scheduler.h"

/* Requests that have pages at one time; some of these places are not for work in passing. */
enum { NOT_PASSING = 4, MAX_RUNNING = 32 + NOT_PASSING };

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
	char owner[ENGINE_OWNER_CHARS + 1]; /* "": nobody */
	int64_t keep_tok;                   /* see struct scheduler_request */
	int ignore_end, want_logprobs, want_prompt_logprobs, want_logits, no_reuse, no_store;

	uint32_t *ids; /* prompt, answer, closing; the KV of the first sequence.n_tok is there */
	int64_t n_ids, n_prompt;
	uint32_t *closing;
	int64_t n_closing;

	struct embedding *embedding; /* of who wants one, else NULL */
	struct kv_sequence sequence;
	int is_matched;         /* the prefix cache was asked */
	int64_t reserved_pages; /* most it may come to hold */
	struct reply reply;

	int64_t told_pos;               /* rows up to here were told to who wants all */
	int64_t batch_row, batch_n_row; /* its share of the batch under way */
	int64_t batch_out, batch_n_out;

	enum engine_stop stop;
	struct engine_usage usage;
	double submitted_ms, first_token_ms, last_token_ms;
};

struct scheduler {
	const struct model *model;
	struct backend *backend;
	const struct embedding_rule *embedding; /* the backend's */
	struct scheduler_config config;
	struct scheduler_sink sink;
	struct kv_cache *cache;
	struct kv_disk *disk; /* NULL: KV is not kept on disk ... */
	struct err trouble;   /* ... because of this, until it was told */
	char *rate_path;      /* NULL: rates are not kept */
	double rate_saved_ms;
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

double scheduler_now_ms(void);
/* See engine_request.priority. */
int request_is_passing(const struct request *request);
int64_t scheduler_pages_of(int64_t n_tok);
void scheduler_emit(struct scheduler *scheduler, const struct engine_event *event);
/* The most tokens whose KV this request may come to need. */
int64_t scheduler_most_tok(const struct scheduler *scheduler, const struct request *request);
/* Out of the list, its pages kept for others; *request is no more. */
void scheduler_drop(struct scheduler *scheduler, struct request *request);

/* ---- scheduler_store.c ---- */

/* The cache, the store on disk below it (where one is wanted and can be had), rates of earlier runs. */
void scheduler_open_store(struct scheduler *scheduler);
/* Where enough has changed since the last time. */
void scheduler_save_now_and_then(struct scheduler *scheduler);
/*
 * Whether a mapped page was lost under the batch that just ran. Then none of it counts, and every
 * request that held such a page goes on from before it.
 */
int scheduler_restart_lost(struct scheduler *scheduler);
void scheduler_close_store(struct scheduler *scheduler);

/* ---- scheduler_batch.c ---- */

/* Whether the caller wants to see something of every position of the prompt. */
int request_wants_all_rows(const struct request *request);
void scheduler_emit_prefill(struct scheduler *scheduler, const struct request *request);
/* Start what can start, and make the next batch of what runs; it may come out empty. */
void scheduler_compose(struct scheduler *scheduler);

/* ---- scheduler_answer.c; each may end the request, which is no more then ---- */

void scheduler_fail(struct scheduler *scheduler, struct request *request, const struct err *err);
void scheduler_finish(struct scheduler *scheduler, struct request *request);
/* No more tokens are sampled. What the next turn will begin with is still to be computed. */
void scheduler_end_answer(
	struct scheduler *scheduler, struct request *request, enum engine_stop stop);
/* The request's share of a batch that was computed: logits are the batch's. */
void scheduler_take_rows(
	struct scheduler *scheduler, struct request *request, const float *logits, double ms);
/* The same of a batch of embeddings: states are the batch's. */
void scheduler_take_states(
	struct scheduler *scheduler, struct request *request, const float *states, double ms);

#endif
