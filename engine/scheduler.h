/*
 * The scheduler: owns sequences, KV pages and the prefix cache, and decides what the next batch is.
 * One thread calls it (the engine process's main loop). It knows nothing of processes or sockets.
 */
#ifndef ENGINE_SCHEDULER_H
#define ENGINE_SCHEDULER_H

#include "base/err.h"
#include "base/sha256.h"
#include "engine/embedding.h"
#include "engine/engine.h"
#include "engine/sampler.h"

#include <stdatomic.h>
#include <stdint.h>

struct backend;
struct model;
struct scheduler;
struct template_thinking;
struct token_source;

struct scheduler_config {
	int64_t context_tok;     /* of one sequence */
	int64_t batch_tok;       /* most tokens in one step; 0: PLANNER_BATCH_TOK. As the backend's
				    max_batch_rows. */
	int64_t out_rows;        /* most rows of logits in one step; 0: PLANNER_OUT_ROWS. As the
				    backend's max_out_rows. */
	int64_t kv_budget_bytes; /* pages kept in memory, in use and cached; 0: from the memory at
				    hand */
	struct sha256_digest model, program; /* see struct kv_identity */
	const char *kv_folder;               /* see struct engine_config */
	int64_t kv_limit_bytes;
};

/* Events leave through this; the pointers in `event` are valid during the call only. */
struct scheduler_sink {
	void (*emit)(void *arg, const struct engine_event *event);
	void *arg;
};

int scheduler_create(struct scheduler **out, const struct model *model, struct backend *backend,
	const struct scheduler_config *config, struct scheduler_sink sink, struct err *err);
void scheduler_destroy(struct scheduler *scheduler);
/*
 * What a process that ends does instead: what is worth keeping is on disk afterwards, memory is not
 * given back. Nobody may touch the scheduler any more.
 */
void scheduler_abandon(struct scheduler *scheduler);
/* What went wrong with the KV on disk: a sentence for the user, each once; 0 where there is none. */
int scheduler_trouble(struct scheduler *scheduler, struct err *trouble);

/* A request, its prompt already tokenized. Everything is copied. */
struct scheduler_request {
	int64_t id;
	const uint32_t *ids;
	size_t n_ids;
	/* Ids that close a model turn: their KV is computed at the end, so that the next turn
	 * starts there. */
	const uint32_t *closing;
	size_t n_closing;
	/* What the answer's citations may quote; none: they are free. */
	const struct token_source *source;
	size_t n_source;
	/* How the model thinks (NULL: it does not), the mark that opened its turn (enum
	   prompt_mark; -1: none did), and how many ids at the prompt's end stand behind that. */
	const struct template_thinking *thinking;
	int turn_mark;
	size_t turn_tok;
	struct sampling sampling;
	int64_t max_tok;
	int32_t priority;
	const char *const *stop; /* NULL-terminated */
	const char *owner;       /* see struct engine_request */
	/* The KV of so many ids is worth keeping; 0: of all, and of the answer; negative: of none. */
	int64_t keep_tok;
	int ignore_end, want_logprobs, want_prompt_logprobs, want_logits, no_reuse, no_store;
	int want_embedding;
	const struct embedding_run *text; /* the positions that are no template marks */
	size_t n_text;
};

/* A prompt that does not fit, or an id that the vocabulary does not have, ends with FAILED. */
void scheduler_submit(struct scheduler *scheduler, const struct scheduler_request *request);
void scheduler_cancel(struct scheduler *scheduler, int64_t id);

/* One batch. Returns 1 while there is work, 0 when idle. */
int scheduler_step(struct scheduler *scheduler);

/* What this machine makes embeddings at; 0: not measured. */
double scheduler_embed_tok_per_s(const struct scheduler *scheduler);

/*
 * Set by any thread to end the batch under way early (a cancel came in); step() clears it once the
 * batch has ended. Queue the reason first, then set it.
 */
atomic_bool *scheduler_interrupt(struct scheduler *scheduler);

/*
 * How many tokens of this prompt need not be computed, how many of these would be read from disk, and
 * a prediction from measured rates of the seconds to the first token of its answer; negative while
 * nothing was measured. The first n_same ids are those of the call before: they are not hashed again.
 */
struct scheduler_forecast {
	int64_t cached_tok, disk_tok;
	double predicted_s;
	double token_s; /* of each token of the answer, there; negative: not known */
};
struct scheduler_forecast scheduler_cached(
	struct scheduler *scheduler, const uint32_t *ids, size_t n_ids, size_t n_same);

#endif
