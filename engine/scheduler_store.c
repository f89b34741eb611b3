/* What of the scheduler's work outlives the process: KV on disk, and how fast this machine is. */
#include "engine/scheduler_internal.h"

#include "base/buf.h"
#include "base/mem.h"
#include "engine/kv/chain.h"
#include "engine/kv/disk.h"
#include "engine/numerics.h"
#include "engine/planner.h"
#include "engine/token/tokenizer.h"

#include <stdlib.h>

/* Rates that a crash takes with it are measured again soon. */
#define RATE_SAVE_MS 60e3

/* Of the budget, for what was only used in passing and is on disk. */
enum { PASSING_SHARE = 8 };

/* What the pages are named after: everything that decides their bits. */
static struct sha256_digest root_of(const struct scheduler *scheduler)
{
	const struct backend_ops *ops = scheduler->backend->ops;
	const struct model *model = scheduler->model;
	char *numerics = numerics_name(ops->numerics_class(scheduler->backend));
	struct kv_identity identity = {
		.model = scheduler->config.model,
		.program = scheduler->config.program,
		.adapter = model->adapter_identity ? model->adapter_identity : "",
		.numerics = numerics,
		.layout = ops->kv_layout(scheduler->backend),
	};
	struct sha256_digest root;

	if (model->tokenizer) {
		identity.tokenizer = *tokenizer_digest(model->tokenizer);
	}
	root = kv_chain_root(&identity);
	free(numerics);
	return root;
}

/* The names of a model are its file's: whatever they hold stays in its line. */
static void add_line(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "%s ", key);
	for (const char *c = value ? value : ""; *c; c++) {
		buf_addch(out, (unsigned char)*c < ' ' || *c == 127 ? '?' : *c);
	}
	buf_addch(out, '\n');
}

/* For people: what a folder of KV stands for. */
static void describe(const struct scheduler *scheduler, struct buf *out)
{
	const struct backend_ops *ops = scheduler->backend->ops;
	const struct model *model = scheduler->model;

	add_line(out, "model", model->name);
	add_line(out, "file", model->path);
	add_line(out, "storage", model->storage);
	add_line(out, "adapters", model->adapters ? model->adapters : "");
	add_line(out, "kv_type", kv_type_name(ops->kv_layout(scheduler->backend)->type));
	add_line(out, "numerics", ops->numerics_class(scheduler->backend));
	buf_printf(out, "page_bytes %lld\n",
		(long long)ops->kv_layout(scheduler->backend)->page_bytes);
}

static void open_disk(struct scheduler *scheduler, const struct sha256_digest *root)
{
	const struct backend_ops *ops = scheduler->backend->ops;
	int32_t n_thread = ops->n_thread(scheduler->backend);
	struct buf about = BUF_INIT;
	struct kv_disk_config config = {
		.folder = scheduler->config.kv_folder,
		.root = *root,
		.page_bytes = ops->kv_layout(scheduler->backend)->page_bytes,
		.limit_bytes = scheduler->config.kv_limit_bytes,
		.n_thread = n_thread,
	};

	describe(scheduler, &about);
	config.about = buf_str(&about);
	if (kv_disk_open(&scheduler->disk, &config, &scheduler->trouble) < 0) {
		scheduler->disk = NULL; /* the engine goes on without it, and says so */
	} else {
		scheduler->rate_path =
			mem_printf("%s/rate-%d", kv_disk_folder(scheduler->disk), n_thread);
		rate_load(&scheduler->rate, scheduler->rate_path);
		kv_disk_set_rates(
			scheduler->disk, (struct kv_disk_rates){scheduler->rate.memory_bytes_per_s,
						 scheduler->rate.disk_bytes_per_s});
	}
	buf_finish(&about);
}

/* Not where computing is as fast, as on a slow disk. What is not known is found out. */
static int prefers_disk(void *arg, double link_s, int64_t first_tok, int64_t end_tok)
{
	const struct scheduler *scheduler = arg;
	double compute_s =
		rate_predict(&scheduler->rate, first_tok, end_tok, scheduler->config.batch_tok);

	return link_s < 0 || compute_s < 0 || link_s < compute_s;
}

void scheduler_open_store(struct scheduler *scheduler)
{
	const struct kv_layout *layout = scheduler->backend->ops->kv_layout(scheduler->backend);
	struct kv_cache_config config = {.root = root_of(scheduler)};
	int64_t budget = scheduler->config.kv_budget_bytes;

	if (scheduler->config.kv_folder) {
		open_disk(scheduler, &config.root);
	}
	scheduler->config.kv_folder = NULL; /* the caller's, and not needed again */
	if (budget <= 0) {
		budget = planner_available_bytes() / 2;
	}
	config.max_pages = budget / layout->page_bytes;
	/* One page more than a full context: what is copied from the cache is there twice. */
	if (scheduler->config.kv_budget_bytes <= 0 &&
		config.max_pages <= scheduler_pages_of(scheduler->config.context_tok)) {
		config.max_pages = scheduler_pages_of(scheduler->config.context_tok) + 1;
	}
	if (scheduler->disk) {
		config.max_passing_pages = config.max_pages / PASSING_SHARE + 1;
	}
	config.disk = scheduler->disk;
	config.prefers_disk = prefers_disk;
	config.prefers_arg = scheduler;
	scheduler->cache = kv_cache_create(scheduler->backend, &config);
}

static void save_rate(struct scheduler *scheduler)
{
	if (scheduler->rate_path) {
		struct kv_disk_rates rates = kv_disk_rates(scheduler->disk);

		scheduler->rate.memory_bytes_per_s = rates.memory_bytes_per_s;
		scheduler->rate.disk_bytes_per_s = rates.disk_bytes_per_s;
		rate_save(&scheduler->rate, scheduler->rate_path);
	}
	scheduler->rate_saved_ms = scheduler_now_ms();
}

void scheduler_save_now_and_then(struct scheduler *scheduler)
{
	/* Not in the middle of an answer. */
	if (!scheduler->request && scheduler_now_ms() - scheduler->rate_saved_ms > RATE_SAVE_MS) {
		if (scheduler->disk) {
			kv_disk_measure(scheduler->disk);
		}
		save_rate(scheduler);
	}
}

int scheduler_trouble(struct scheduler *scheduler, struct err *trouble)
{
	if (scheduler->trouble.code) {
		*trouble = scheduler->trouble;
		scheduler->trouble = (struct err){.code = ERR_NONE};
		return 1;
	}
	return scheduler->disk && kv_disk_trouble(scheduler->disk, trouble);
}

int scheduler_restart_lost(struct scheduler *scheduler)
{
	if (!scheduler->disk || !kv_disk_gave_way(scheduler->disk)) {
		return 0;
	}
	for (struct request *request = scheduler->request; request; request = request->next) {
		struct engine_usage *usage = &request->usage;
		int64_t n_tok;

		if (request->phase == PHASE_QUEUED || !kv_sequence_cut_lost(&request->sequence)) {
			continue;
		}
		n_tok = request->sequence.n_tok;
		/* What is computed again was not cached. */
		usage->cached_tok = usage->cached_tok < n_tok ? usage->cached_tok : n_tok;
		usage->disk_tok =
			usage->disk_tok < usage->cached_tok ? usage->disk_tok : usage->cached_tok;
		usage->prefill_tok =
			(n_tok < request->n_prompt ? n_tok : request->n_prompt) - usage->cached_tok;
	}
	kv_cache_drop_lost(scheduler->cache);
	return 1;
}

/* Ends what is under way: the pages of each prompt and answer are kept as far as they were computed. */
static void drop_requests(struct scheduler *scheduler)
{
	while (scheduler->request) {
		scheduler_drop(scheduler, scheduler->request);
	}
}

void scheduler_abandon(struct scheduler *scheduler)
{
	if (scheduler->disk) {
		drop_requests(scheduler);
		save_rate(scheduler);
		kv_cache_abandon(scheduler->cache);
		kv_disk_close(scheduler->disk);
	}
}

void scheduler_close_store(struct scheduler *scheduler)
{
	drop_requests(scheduler);
	save_rate(scheduler);
	kv_cache_destroy(scheduler->cache);
	kv_disk_close(scheduler->disk);
	free(scheduler->rate_path);
}
