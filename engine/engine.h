/*
 * The engine, as everybody else sees it: a child process that owns the weights, the tokenizer and
 * the KV cache, reached through a file descriptor. This is the only header of engine/ that others
 * include.
 *
 * You always hand over the whole prompt; the engine works out what it already has. A prompt is a
 * list of immutable, reference-counted segments, each tokenized alone, so counts add up and what
 * follows never changes what came before.
 *
 * Everything is asynchronous: a call returns a request id, what comes of it arrives as events; only
 * engine_next() and engine_wait_ready() wait. engine_fd() is the same descriptor for the handle's whole
 * life. It is readable while there is something to do, events that are already queued included: poll
 * it for reading, then call engine_next() with no timeout until it returns 0 (which may be at once: the
 * call may only have passed on a part of an upload). One thread per engine handle, and the thread that
 * opened it must not end before it is closed: the process is told to die with it.
 *
 * If the process dies (a crash, an OOM kill, SIGBUS), every request that was under way ends with
 * FAILED, the next request starts a new process (LOAD and READY come again), and the handle, its
 * segments included, stays usable. A death while loading or while nothing was under way is a FAILED
 * with request 0. After three deaths while loading, requests are refused for half a minute.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* ---- prompts ---- */

enum segment_kind {
	SEGMENT_TEXT, /* data: can never become a control token */
	SEGMENT_IDS,  /* sampled ids of a model turn, kept as they were */
	SEGMENT_MARK, /* a piece of the chat template */
	SEGMENT_TURN, /* ids of a model turn, as a file says; where they hold control tokens: text */
};

/* The pieces of a chat template, see engine/token/template.h. */
enum prompt_mark {
	PROMPT_BEGIN,
	PROMPT_SYSTEM_OPEN,
	PROMPT_SYSTEM_CLOSE,
	PROMPT_USER_OPEN,
	PROMPT_USER_CLOSE,
	PROMPT_MODEL_OPEN,
	PROMPT_MODEL_CLOSE,
	/* PROMPT_MODEL_OPEN, and the answer begins there and then: the model does not think first.
	   The same as PROMPT_MODEL_OPEN where the template has no thinking. Where the template has no
	   way to say so (engine_info.can_skip_thinking), thoughts are only not opened: good for
	   answers of the past, not for one that the model is to give. */
	PROMPT_MODEL_OPEN_NO_THINK,
};

struct segment;

/* What stands between the words of a source: bytes [at, at + len) of its segment. */
enum segment_aside_kind {
	SEGMENT_ASIDE_MARK,    /* after a line end: a quote may pass over it, or copy all of it */
	SEGMENT_ASIDE_SKIP,    /* a quote passes over it */
	SEGMENT_ASIDE_BARRIER, /* no quote runs over it */
};
struct segment_aside {
	uint32_t at, len;
	enum segment_aside_kind kind;
};
enum { SEGMENT_ASIDES_MAX = 1 << 20 };

/* Each is created with one reference, and copies what it is given. */
struct segment *segment_text(const char *text, size_t len);
/*
 * Text that an answer may quote: the words of a source, with the asides that stand in it, in
 * ascending order and apart (at most SEGMENT_ASIDES_MAX, else it is text like other text). Sources
 * that follow each other without anything between are one.
 */
struct segment *segment_source(
	const char *text, size_t len, const struct segment_aside *aside, size_t n_aside);
struct segment *segment_ids(const uint32_t *ids, size_t count);
struct segment *segment_turn(const uint32_t *ids, size_t count);
struct segment *segment_mark(enum prompt_mark mark);
struct segment *segment_ref(struct segment *segment);
void segment_unref(struct segment *segment); /* NULL-safe */

/* For reading only. */
enum segment_kind segment_kind(const struct segment *segment);
const char *segment_bytes(const struct segment *segment, size_t *len); /* of a text segment */
/* Whether a text may be quoted. */
int segment_is_source(const struct segment *segment);
const struct segment_aside *segment_asides(const struct segment *segment, size_t *count);
const uint32_t *segment_get_ids(const struct segment *segment, size_t *count);
enum prompt_mark segment_get_mark(const struct segment *segment);

/* A list of references. Zero-initialise; prompt_finish() drops them. */
struct prompt {
	struct segment **item;
	size_t count, cap;
};
void prompt_add(struct prompt *prompt, struct segment *segment); /* takes the reference over */
void prompt_copy(struct prompt *to, const struct prompt *from);  /* appends, adds references */
void prompt_finish(struct prompt *prompt);

/* ---- the engine ---- */

struct engine;

/* A LoRA adapter: a GGUF file, or a folder as PEFT writes it. */
struct engine_adapter {
	const char *path;
	double scale; /* 1: as it was made */
};
enum { ENGINE_ADAPTERS_MAX = 8 };

struct engine_config {
	const char *model;         /* path of a model file */
	const char *backend;       /* "auto", "cpu", "fake"; NULL: auto */
	const char *template_name; /* NULL: recognised */
	const char *kv_type;       /* "q8", "f16", "f32"; NULL: q8 */
	int64_t context_tok;       /* 0: the model's own window, as far as memory allows */
	int32_t n_thread;          /* 0: one per core */
	struct engine_adapter adapter[ENGINE_ADAPTERS_MAX]; /* they add up */
	size_t n_adapter;
	const char *program;   /* path of carrel-engine; NULL: $CARREL_ENGINE, else found beside the
				running program */
	const char *kv_folder; /* where computed KV is kept from run to run; NULL: nowhere */
	int64_t kv_limit_bytes; /* of all of it; 0: a fifth of what is free there */
};

struct engine_info { /* known from READY on; strings live as long as the handle */
	const char *model_name, *architecture, *storage, *backend, *template_name, *tokenizer;
	const char *kv_type, *license;
	const char
		*adapters; /* "style.gguf, notes:0.5": what was added to the model, and how much */
	int64_t n_params, weight_bytes, n_layer, n_vocab;
	int64_t context_tok, context_train_tok;
	int64_t kv_bytes_per_tok;
	int64_t n_thread; /* that compute */
	int has_system;   /* the template has a system message */
	int has_template;
	int thinks;                 /* the template's models think before they answer */
	int can_skip_thinking;      /* PROMPT_MODEL_OPEN_NO_THINK keeps them from it */
	int random_weights;         /* the built-in model that nobody trained */
	int can_embed, only_embeds; /* want_embedding works; nothing else does (an encoder) */
	int64_t n_embedding;        /* what an EMBEDDING has */
	double embed_tok_per_s;     /* measured; 0: not yet */
	char tokenizer_digest[65], model_digest[65]; /* model_digest covers the adapters */
	int32_t process_id;
	double load_ms;
};

struct engine_sampling {
	double temperature, top_p, min_p, repeat_penalty;
	int32_t top_k, repeat_last;
	uint64_t seed;
};
/* Greedy; everything else off. */
extern const struct engine_sampling engine_sampling_default;

enum { ENGINE_OWNER_CHARS = 16 };
/* Requests in passing under way at once: the engine never waits for the next, and more gain nothing. */
enum { ENGINE_UNDER_WAY_BEST = 40 };

struct engine_request {
	const struct prompt *prompt;
	struct engine_sampling sampling;
	int64_t max_tok; /* most tokens to generate; 0 only computes the prompt */
	/*
	 * Higher first. Below 0 it is work in passing, one of many that nobody watches word by word
	 * (a sweep's windows): several are best under way at once (ENGINE_UNDER_WAY_BEST), they make
	 * full batches, and what they alone use of the cache in memory is given up first. Answers of 0
	 * and above keep flowing beside them.
	 */
	int32_t priority;
	/*
	 * How many of the prompt's segments, from the first one, have KV that will be wanted again; 0:
	 * all of them, and the answer. What stands behind them (one question of many, its answer) is
	 * this request's alone: it is not kept anywhere, and an answer ends without computing the turn's
	 * closing tokens for a next turn that will not come.
	 */
	int64_t n_keep;
	const char *const *stop;  /* texts that end the answer, NULL-terminated; NULL for none */
	int ignore_end;           /* benchmarks: end tokens do not end the answer */
	int want_logprobs;        /* TEXT events carry the log probability of each id */
	int want_prompt_logprobs; /* PROMPT_LOGPROBS: of each prompt id but the first, given those
				     before */
	int want_logits;          /* LOGITS: the row of every prompt position, a few per event */
	int no_reuse;             /* neither read nor write the prefix cache */
	int no_store; /* new KV stays in memory (what is on disk is read): of a sweep over more than
			 the disk may hold, which else would replace itself and everybody's. By its
			 limit the disk keeps what was used last: a sweep should store no more than
			 half of engine_kv_stock.limit_bytes, always the same windows */
	int want_embedding; /* EMBEDDING: the mean over the prompt's positions, its template marks
			       left out, of the model's states (of a decoder: in the middle; of an
			       encoder: as its file says); nothing is generated or cached, no
			       PREFILL is told, max_tok is 0 */
	int is_question; /* of an embedding: it is compared with those of passages; some encoders were
			       trained to see other words before the one than before the other, and the
			       engine puts them there */
	const char *
		owner; /* the session whose KV this is: ENGINE_OWNER_CHARS hex digits; NULL: nobody's */
	int free_quotes; /* else, where the prompt has sources, the answer's citations can only quote
			    words that stand in them */
};

enum engine_event_type {
	ENGINE_LOAD,            /* fraction */
	ENGINE_READY,           /* engine_info() is filled in */
	ENGINE_PREFILL,         /* done_tok of total_tok, cached_tok of them were not computed
				   (disk_tok of these came from disk) */
	ENGINE_TEXT,            /* ids and the complete characters they end; is_thinking */
	ENGINE_PROMPT_LOGPROBS, /* n_ids of them, the first is of position first_row; several events */
	ENGINE_LOGITS,
	ENGINE_TOKENS,    /* the answer to engine_tokenize */
	ENGINE_CACHED,    /* the answer to engine_cached */
	ENGINE_EMBEDDING, /* embedding, before DONE */
	ENGINE_RENDERED, /* the answer to engine_render; several events, until done_tok is total_tok */
	ENGINE_DONE,
	ENGINE_FAILED,
};

enum engine_stop { ENGINE_STOP_END, ENGINE_STOP_LENGTH, ENGINE_STOP_CANCELLED };

struct engine_usage {
	int64_t prompt_tok, cached_tok, prefill_tok, generated_tok;
	int64_t disk_tok;      /* of those cached: what was read from disk */
	double restore_ms;     /* reading and checking it */
	int64_t thinking_tok;  /* of those generated: what came before the answer, its marks too */
	double prefill_ms;     /* computing what was not cached */
	double first_token_ms; /* from submit to the first sampled token, in the engine */
	double decode_ms;      /* first token to last */
};

struct engine_event {
	enum engine_event_type type;
	int64_t request; /* 0 for LOAD, READY and a FAILED that concerns the whole engine */
	double fraction;
	int64_t done_tok, total_tok, cached_tok;
	int64_t disk_tok; /* of those cached: what was (CACHED: what would be) read from disk */
	/* Valid until the next call of engine_next(). */
	const char *text; /* not terminated */
	size_t text_len;
	const uint32_t *ids;
	size_t n_ids;
	const float *logprobs; /* [n_ids], or NULL */
	int is_thinking; /* TEXT: this is no part of the answer. DONE: the answer never began, the
			    model was still thinking */
	const uint32_t *text_bytes; /* RENDERED: [n_ids], of each id's part of `text` */
	const float *logits;        /* f32 [n_rows][n_vocab] of positions first_row ... */
	int64_t first_row, n_rows;
	const float *embedding; /* f32 [n_embedding], of length 1 */
	size_t n_embedding;
	double embed_tok_per_s; /* EMBEDDING: how fast these are made, engine_info's is this one, too */
	enum engine_stop stop;
	struct engine_usage usage;
	double predicted_s; /* CACHED: seconds to the first token at this machine's measured
			       rates; negative: not known yet */
	double token_s; /* CACHED: of each token of an answer behind it; negative: not known yet */
	struct err err; /* FAILED */
};

/*
 * Start the process and begin loading; LOAD events and READY or FAILED follow. Fails at once only
 * where the process cannot be started, or (ERR_USAGE) a number or a name is beyond all measure.
 */
int engine_open(struct engine **out, const struct engine_config *config, struct err *err);
/* Ends the process; requests under way are dropped. NULL-safe. */
void engine_close(struct engine *engine);

int engine_fd(const struct engine *engine);
/*
 * The next event, waiting at most timeout_ms (-1: for ever). Returns 1 with an event, 0 without: the
 * time is over, a signal handler ran, or no process is running and so nothing can come.
 */
int engine_next(struct engine *engine, int timeout_ms, struct engine_event *event);
/*
 * Wait for READY (starting the process again if it died); a failure to load is the error. All events
 * stay queued. A signal handler that runs meanwhile ends the wait with ERR_INTERRUPTED.
 */
int engine_wait_ready(struct engine *engine, struct err *err);
/* Whether it is READY; whether a process is there at all, which else the next request starts. */
int engine_is_ready(const struct engine *engine);
int engine_is_running(const struct engine *engine);
/*
 * Start the process again if it died, without waiting, as a request would. 1: the one before is still
 * ending; go on with engine_next() and try again.
 */
int engine_restart(struct engine *engine, struct err *err);
/*
 * What goes wrong without making a request fail (the KV folder cannot be used, its disk is full): a
 * sentence for the user, each once, 1 with one and 0 without. Ask once it is READY and whenever a
 * request has ended.
 */
int engine_trouble(struct engine *engine, struct err *note);
/* Never NULL. Before READY texts are empty and numbers 0. */
const struct engine_info *engine_info(const struct engine *engine);

/*
 * Each returns a request id > 0, or -1 with an error: the process is gone and cannot be restarted, or
 * (ERR_USAGE) a number of the request is out of range.
 */
int64_t engine_submit(struct engine *engine, const struct engine_request *request, struct err *err);
/* ENGINE_TOKENS with the ids of the whole prompt, or only how many (total_tok) with count_only. */
int64_t engine_tokenize(
	struct engine *engine, const struct prompt *prompt, int count_only, struct err *err);
/* ENGINE_CACHED: total_tok, cached_tok, disk_tok, predicted_s, token_s. Nothing is read, computed or noted. */
int64_t engine_cached(struct engine *engine, const struct prompt *prompt, struct err *err);
/*
 * ENGINE_RENDERED: the prompt as the model sees it, marks of the template included. Each event carries
 * ids first_row ... done_tok-1 of total_tok, and in `text` what each of them stands for, text_bytes of
 * each, special tokens shown. One token may hold a part of a character, or bytes that are no UTF-8.
 */
int64_t engine_render(struct engine *engine, const struct prompt *prompt, struct err *err);
/*
 * The request ends with DONE and ENGINE_STOP_CANCELLED, keeping what came (or with what overtook the
 * cancel on its way); ids that are not under way are ignored.
 */
void engine_cancel(struct engine *engine, int64_t request);

/* Bytes that KV may take on disk with this handle's configuration; 0: none is kept there. */
int64_t engine_kv_limit(const struct engine *engine);
/* What it takes there now, and that limit; -1, and 0 of each, where none is kept. Reads no file. */
int engine_kv_usage(const struct engine *engine, int64_t *n_bytes, int64_t *limit_bytes);

/* ---- waiting for one request, and measuring ---- */

/* Called with each event, and with NULL ten times a second; nonzero ends the wait. */
struct engine_watch {
	int (*look)(void *context, const struct engine_event *event);
	void *context;
};

/*
 * The next event of a request, waiting for it; `watch` may be NULL. FAILED is an error; so is a watch
 * that ends the wait (ERR_INTERRUPTED), which cancels the request.
 */
int engine_await(struct engine *engine, int64_t request, struct engine_event *event,
	const struct engine_watch *watch, struct err *err);

/*
 * Measures with random ids, never the same twice, so that nothing measured is ever found in the
 * cache. A depth is reached through the cache: a front is computed once, what follows is measured.
 */
struct engine_meter {
	struct engine *engine; /* READY */
	const struct engine_watch *watch;
	uint64_t seed, n_drawn;
};
struct engine_speed {
	double ms, tok_per_s; /* the median of the runs */
};
/* Whether both measurements at this depth fit the context; ask before anything of their size is made. */
int engine_meter_check(const struct engine_meter *meter, int64_t depth_tok, int64_t prompt_tok,
	int64_t generate_tok, struct err *err);
/* A new front of depth_tok tokens, computed; NULL for none. The caller drops it. */
int engine_meter_front(
	struct engine_meter *meter, struct segment **front, int64_t depth_tok, struct err *err);
/* n_tok > 0 new tokens behind the front (or NULL), n_run > 0 times. */
int engine_meter_prefill(struct engine_meter *meter, struct segment *front, int64_t n_tok,
	int64_t n_run, struct engine_speed *speed, struct err *err);
/* n_tok > 1 decoded tokens, the first of which belongs to the prefill and is not measured. */
int engine_meter_decode(struct engine_meter *meter, struct segment *front, int64_t n_tok,
	int64_t n_run, struct engine_speed *speed, struct err *err);

/* Decimal ids from a file ("-": standard input), parted by white space or commas; malloc'ed, one at
 * least. */
int engine_ids_read(uint32_t **ids, size_t *count, const char *path, struct err *err);
/* The logits of every id given those before, to a file ("-": standard output): little-endian
 * f32 [count][n_vocab]. A file that is there is replaced only by a whole one. */
int engine_logits_write(struct engine *engine, const uint32_t *ids, size_t count, const char *path,
	const struct engine_watch *watch, struct err *err);

/* ---- looking at a model file without starting an engine ---- */

/* What a model would take of this machine, in bytes. Of the fake all are 0. */
struct engine_plan {
	int64_t weight_bytes; /* in the file, which is only mapped: given back when memory is short */
	int64_t packed_bytes; /* the weights as the kernels read them, in memory of the engine's own */
	int64_t scratch_bytes; /* of one batch */
	int64_t kv_bytes_per_tok;
	int64_t kv_bytes;        /* of context_tok tokens, in whole pages */
	int64_t needed_bytes;    /* packed_bytes + scratch_bytes + kv_bytes */
	int64_t available_bytes; /* that could be taken now without harm */
	int64_t context_tok; /* as asked for; where 0 was asked for, what the engine would choose */
	int64_t context_train_tok;
	int only_embeds; /* as in engine_info */
	int fits;
	struct err why_not; /* where fits is 0: what engine_open() would end with */
};
/*
 * Reads only the model's metadata. Fails where the file cannot be run at all (ERR_ENGINE) or the
 * configuration makes no sense (ERR_USAGE); a lack of room is not a failure. config->program is not
 * used, nor is n_thread.
 */
int engine_plan(struct engine_plan *plan, const struct engine_config *config, struct err *err);

struct model_summary {
	char *name, *architecture, *storage, *license, *template_name, *tokenizer;
	int thinks, can_skip_thinking; /* as in engine_info */
	int64_t n_params, weight_bytes, file_bytes, context_train_tok, n_layer, n_embd, n_vocab;
	int64_t kv_bytes_per_tok; /* at q8 */
	uint32_t gguf_version;
	int can_run;
	int only_embeds; /* an encoder: it makes vectors of texts and answers nothing */
	/* ... and what it is given before them: "query: ", ""; constants */
	const char *embed_pooling, *embed_question, *embed_passage;
	char *why_not; /* a sentence, where can_run is 0 */
};
int model_summary_read(struct model_summary *summary, const char *path, struct err *err);
void model_summary_finish(struct model_summary *summary);

/*
 * Write a model again as one GGUF file with its matrices in another storage type (engine/convert.h
 * says which tensor gets which). The file appears under its name when it is complete; a file that is
 * there is not written over. Runs in the caller's process, on threads of its own.
 */
struct engine_conversion {
	const char *from; /* a model file, or a directory as Hugging Face publishes them */
	const char *to;
	const char *type; /* "Q8_0", "Q4_K", ...: of the matrices */
	int32_t n_thread; /* 0: one per core */
	int64_t *n_unfit; /* or NULL: gets how many matrices have rows that no block of it fits */
};
/* Called after each piece that was written; nonzero ends the conversion (ERR_INTERRUPTED). */
struct engine_convert_watch {
	int (*look)(void *context, int64_t done_bytes, int64_t total_bytes); /* or NULL */
	void *context;
};
int engine_convert(const struct engine_conversion *conversion, struct engine_convert_watch watch,
	struct err *err);

/* Whether a path is an adapter and not a model. */
int adapter_is_at(const char *path);
struct adapter_summary {
	char *name, *architecture, *base; /* what it was made for, as far as it says; else "" */
	char *targets;                    /* "attn_q, attn_v" */
	int is_folder, is_rank_stabilised;
	int64_t rank_min, rank_max, n_target, n_params, file_bytes;
	double alpha;
	char digest[65]; /* of all its bytes */
};
/* An adapter that cannot be used with any model is an error (ERR_ENGINE). */
int adapter_summary_read(struct adapter_summary *summary, const char *path, struct err *err);
void adapter_summary_finish(struct adapter_summary *summary);

/* ---- KV on disk, without an engine ---- */

/* What is kept for one way of computing: a model, its adapters, a KV type, an instruction set. */
struct engine_kv_root {
	char *id;    /* 32 hex digits */
	char *about; /* "model X\nkv_type q8\n...": its file of that name; "" where it is damaged */
	int64_t n_page, n_tok, n_bytes, n_damaged;
	int64_t made_s, used_s; /* since 1970 */
};
struct engine_kv_stock {
	struct engine_kv_root *root;
	size_t n_root;
	int64_t n_bytes, limit_bytes, free_bytes; /* limit: of 0, what it comes to */
};
/* A folder that is not there is an empty one. */
int engine_kv_list(
	struct engine_kv_stock *stock, const char *folder, int64_t limit_bytes, struct err *err);
/* The same without its roots: only files are looked at, none is read. */
int engine_kv_measure(
	struct engine_kv_stock *stock, const char *folder, int64_t limit_bytes, struct err *err);
void engine_kv_stock_finish(struct engine_kv_stock *stock);
/* Bytes on disk of the pages that a session computed or used, others using them too or not. */
int64_t engine_kv_owned_bytes(const char *folder, const char *owner);
/* The same of many, n_bytes [n_owner], for the time that one takes: the folder is read once. */
void engine_kv_list_owned(
	const char *folder, const char *const *owner, size_t n_owner, int64_t *n_bytes);

struct engine_kv_watch {
	int (*look)(void *context, int64_t done_bytes,
		int64_t total_bytes); /* or NULL; non-zero ends it */
	void *context;
};
struct engine_kv_work {
	int64_t n_page, n_bytes;                 /* looked at */
	int64_t n_removed_page, n_removed_bytes; /* gone */
	int64_t n_damaged;      /* pages, records and files that do not hold together */
	int64_t n_held_bytes;   /* would go, but a running engine holds them */
	int64_t n_shared_bytes; /* of the session that is removed: others use them, too */
};
/* Down to the limit (least recently used first, leaves before parents, none that is pinned), and
 * out with what is damaged or cannot be reached: all of it is read, as engine_kv_verify() does. */
int engine_kv_collect(const char *folder, int64_t limit_bytes, struct engine_kv_watch watch,
	struct engine_kv_work *work, struct err *err);
/* Read and check everything; changes nothing. */
int engine_kv_verify(const char *folder, struct engine_kv_watch watch, struct engine_kv_work *work,
	struct err *err);
/*
 * Remove the pages of a session that no other session uses, and what continues them and belongs to
 * nobody; of every session and of nobody with NULL: then nothing is left of the folder's contents.
 * What a running engine has mapped stays readable to it and is gone from disk with it.
 */
int engine_kv_remove(const char *folder, const char *owner, struct engine_kv_watch watch,
	struct engine_kv_work *work, struct err *err);
/*
 * What the session `from` computed or used, as far as it was written before until_s (since 1970; 0:
 * all of it), `to` uses from now on, too: it stays when `from` is removed.
 */
int engine_kv_share(
	const char *folder, const char *from, const char *to, int64_t until_s, struct err *err);
/* Whether a session's pages stay whatever the limit says. */
int engine_kv_pin(const char *folder, const char *owner, int is_pinned, struct err *err);

/* A tokenizer alone, from a GGUF file or a tokenizer.json (for `tokenize` and `count`). */
struct tokens;
int tokens_open(struct tokens **out, const char *path, struct err *err);
/*
 * Of the model that an engine (READY) runs, with the ids that it has there; NULL where that cannot be
 * had in this process.
 */
struct tokens *tokens_open_engine(const struct engine *engine);
void tokens_close(struct tokens *tokens);
/* As engine_info.tokenizer_digest has it. */
void tokens_digest(const struct tokens *tokens, char hex[65]);
/*
 * Returns a malloc'ed array of *count ids (the caller frees it). `first`: the text begins a prompt,
 * so it gets the SentencePiece dummy prefix, as no later segment does. TOKENS_SPECIAL parses special
 * tokens; else the ids are those that the engine gives document text under the file's template.
 */
enum tokens_as { TOKENS_TEXT, TOKENS_SPECIAL };
uint32_t *tokens_encode(struct tokens *tokens, const char *text, size_t len, enum tokens_as as,
	int first, size_t *count);
/* How many ids each of several texts has as TOKENS_TEXT, none of them the first; on all cores. */
struct tokens_text {
	const char *text;
	size_t len;
	size_t n_tok; /* written */
};
void tokens_count(struct tokens *tokens, struct tokens_text *text, size_t n_text);
/* Appends the text of the ids, special tokens shown, to a malloc'ed string. */
char *tokens_decode(struct tokens *tokens, const uint32_t *ids, size_t count, size_t *len);
const char *tokens_describe(const struct tokens *tokens);

#endif
