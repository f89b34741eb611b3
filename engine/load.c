#include "engine/load.h"

#include "base/mem.h"
#include "engine/backend/backend.h"
#include "engine/backend/fake_model.h"
#include "engine/model/adapter.h"
#include "engine/model/digest.h"
#include "engine/model/model.h"
#include "engine/planner.h"
#include "engine/program.h"
#include "engine/token/template.h"
#include "engine/token/tokenizer.h"
#include "engine/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

_Static_assert(MODEL_VOCAB_MAX * sizeof(float) + 64 <= WIRE_FRAME_MAX_BYTES,
	"a row of logits and the numbers before it are one frame");

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static int parse_kv_type(enum kv_type *type, const char *name, struct err *err)
{
	static const enum kv_type all[] = {KV_Q8, KV_F16, KV_F32};

	*type = KV_Q8;
	for (size_t i = 0; name && i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(name, kv_type_name(all[i])) == 0) {
			*type = all[i];
			return 0;
		}
	}
	return name ? err_set(err, ERR_USAGE, "--kv-type", "use q8, f16 or f32",
			      "there is no KV type \"%s\"", name)
		    : 0;
}

/*
 * The window that was asked for, or as much of the model's own as the memory is good for; then the
 * program is one for that window.
 */
static int choose_context(struct plan *plan, struct loaded *loaded,
	const struct engine_config *config, enum kv_type kv_type, struct err *err)
{
	int64_t window_tok = loaded->model->n_ctx_train;

	if (!loaded->is_fake) {
		if (planner_plan(plan, loaded->model, loaded->program, kv_type, config->context_tok,
			    err) < 0) {
			return -1;
		}
		program_destroy(loaded->program);
		loaded->program = NULL;
		return program_create(&loaded->program, loaded->model, plan->context_tok, err);
	}
	/* Needs no memory to speak of. */
	*plan = (struct plan){
		.context_tok = config->context_tok ? config->context_tok : window_tok,
		.available_bytes = planner_available_bytes(),
	};
	return plan->context_tok <= window_tok
		       ? 0
		       : err_set(err, ERR_USAGE, "--context", NULL,
				 "%lld tokens are more than the fake model's window of %lld",
				 (long long)plan->context_tok, (long long)window_tok);
}

/* Of the model as it computes: with its adapters. */
static struct sha256_digest digest_of(const struct model *model)
{
	struct sha256_digest digest;
	struct sha256 *hash;

	if (!model->adapter_identity) {
		return model->digest;
	}
	hash = sha256_create();
	sha256_add_field(hash, "model", model->digest.byte, sizeof(model->digest.byte));
	sha256_add_field(hash, "adapter", model->adapter_identity, strlen(model->adapter_identity));
	digest = sha256_finish(hash);
	sha256_destroy(hash);
	return digest;
}

static void describe(struct loaded *loaded)
{
	const struct model *model = loaded->model;
	const struct kv_layout *layout = loaded->backend->ops->kv_layout(loaded->backend);
	const struct embedding_rule *embedding = loaded->backend->ops->embedding(loaded->backend);
	struct engine_info *info = &loaded->info;
	struct sha256_digest digest = digest_of(model);

	info->model_name = model->name;
	info->architecture = model->architecture;
	info->storage = model->storage;
	info->license = model->license;
	info->adapters = model->adapters ? model->adapters : "";
	info->backend = loaded->backend->ops->describe(loaded->backend);
	info->template_name = model->chat_template ? model->chat_template->name : "";
	info->tokenizer = tokenizer_describe(model->tokenizer);
	info->kv_type = kv_type_name(layout->type);
	info->n_params = model->n_params;
	info->weight_bytes = model->weight_bytes;
	info->n_layer = model->n_layer;
	info->n_vocab = model->n_vocab;
	info->context_train_tok = model->n_ctx_train;
	info->kv_bytes_per_tok = embedding->is_whole ? 0 : layout->page_bytes / KV_PAGE_TOK;
	info->n_thread = loaded->backend->ops->n_thread(loaded->backend);
	info->has_template = model->chat_template != NULL;
	info->has_system = model->chat_template && model->chat_template->has_system;
	info->thinks =
		model->chat_template && model->chat_template->thinking.kind != TEMPLATE_NO_THINKING;
	info->can_skip_thinking = info->thinks && model->chat_template->thinking.skipped;
	info->random_weights = model->is_random;
	info->n_embedding = embedding->n;
	info->can_embed = embedding->n > 0;
	info->only_embeds = embedding->is_whole;
	sha256_hex(tokenizer_digest(model->tokenizer), info->tokenizer_digest);
	sha256_hex(&digest, info->model_digest);
	info->process_id = (int32_t)getpid();
}

static int open_model(struct loaded *loaded, const struct engine_config *config, struct err *err)
{
	const char *backend = config->backend ? config->backend : "auto";

	loaded->is_fake = strcmp(backend, "fake") == 0;
	if (!loaded->is_fake && strcmp(backend, "auto") != 0 && strcmp(backend, "cpu") != 0) {
		return err_set(err, ERR_USAGE, "--device", "use auto or cpu",
			"there is no device \"%s\" in this build", backend);
	}
	if (loaded->is_fake && config->n_adapter) {
		return err_set(err, ERR_USAGE, "--adapter", NULL,
			"the fake model has no weights that an adapter could change");
	}
	if (loaded->is_fake) {
		return fake_model_open(&loaded->model, err);
	}
	if (!config->model) {
		return err_set(
			err, ERR_USAGE, NULL, "name a model file with -m", "no model is given");
	}
	if (model_open(&loaded->model, config->model, config->template_name, err) < 0 ||
		adapter_apply(loaded->model, config->adapter, config->n_adapter, err) < 0) {
		return -1;
	}
	return program_create(&loaded->program, loaded->model, config->context_tok, err);
}

int engine_plan(struct engine_plan *plan, const struct engine_config *config, struct err *err)
{
	struct loaded loaded = {0};
	enum kv_type kv_type;
	struct plan detail = {0};
	int result = parse_kv_type(&kv_type, config->kv_type, err) < 0 ||
				     open_model(&loaded, config, err) < 0
			     ? -1
			     : 0;

	*plan = (struct engine_plan){.fits = 1};
	if (result == 0) {
		plan->fits = choose_context(&detail, &loaded, config, kv_type, &plan->why_not) == 0;
		plan->weight_bytes = loaded.is_fake ? 0 : loaded.model->weight_bytes;
		plan->packed_bytes = detail.weight_bytes;
		plan->scratch_bytes = detail.scratch_bytes;
		plan->kv_bytes_per_tok = detail.kv_bytes_per_tok;
		plan->kv_bytes = detail.kv_bytes;
		plan->needed_bytes = detail.weight_bytes + detail.scratch_bytes + detail.kv_bytes;
		plan->available_bytes = detail.available_bytes;
		plan->context_tok = detail.context_tok;
		plan->context_train_tok = loaded.model->n_ctx_train;
		plan->only_embeds = loaded.program && loaded.program->embedding.is_whole;
	}
	load_finish(&loaded);
	return result;
}

/* Loading is hashing, where that is to be done, and packing. */
struct stages {
	struct load_progress progress;
	double done; /* by the stages before */
};
#define HASH_SHARE 0.4

static void report_hash(void *arg, double fraction)
{
	struct stages *stages = arg;

	stages->done = HASH_SHARE * fraction;
	stages->progress.report(stages->progress.arg, stages->done);
}

static void report_pack(void *arg, double fraction)
{
	struct stages *stages = arg;

	stages->progress.report(stages->progress.arg, stages->done + (1 - stages->done) * fraction);
}

/*
 * What KV is named after. Pages that live as long as the process meet one model only, for which its
 * samples are good enough.
 */
static int identify(struct sha256_digest *model, const struct loaded *loaded,
	const struct engine_config *config, struct stages *stages, struct err *err)
{
	struct model_digest_config digest = {.n_thread = config->n_thread,
		.progress = stages->progress.report ? report_hash : NULL,
		.progress_arg = stages};
	char *folder;
	int result;

	*model = loaded->model->digest;
	if (!config->kv_folder || loaded->is_fake) {
		return 0;
	}
	digest.folder = folder = mem_printf("%s/digests", config->kv_folder);
	result = model_digest_whole(model, loaded->model, &digest, err);
	free(folder);
	return result;
}

int load_engine(struct loaded *loaded, const struct engine_config *config,
	struct load_progress progress, struct scheduler_sink sink, struct err *err)
{
	double start_ms = now_ms();
	struct stages stages = {.progress = progress};
	struct scheduler_config scheduler = {.out_rows = PLANNER_OUT_ROWS,
		.kv_folder = config->kv_folder,
		.kv_limit_bytes = config->kv_limit_bytes};
	struct backend_config backend = {
		.n_thread = config->n_thread,
		.max_out_rows = PLANNER_OUT_ROWS,
		.progress = progress.report ? report_pack : NULL,
		.progress_arg = &stages,
	};
	const struct backend_ops *ops;
	struct plan plan;

	*loaded = (struct loaded){0};
	if (parse_kv_type(&backend.kv_type, config->kv_type, err) < 0 ||
		open_model(loaded, config, err) < 0 ||
		choose_context(&plan, loaded, config, backend.kv_type, err) < 0 ||
		identify(&scheduler.model, loaded, config, &stages, err) < 0) {
		goto failed;
	}
	scheduler.context_tok = plan.context_tok;
	scheduler.batch_tok = backend.max_batch_rows = planner_batch_tok(loaded->program);
	if (loaded->program) {
		scheduler.program = program_digest(loaded->program);
	}
	ops = loaded->is_fake ? &backend_fake : &backend_cpu;
	if (ops->create(&loaded->backend, loaded->model, loaded->program, &backend, err) < 0 ||
		(!loaded->is_fake && model_check_unchanged(loaded->model, err) < 0)) {
		goto failed;
	}
	describe(loaded);
	if (scheduler_create(&loaded->scheduler, loaded->model, loaded->backend, &scheduler, sink,
		    err) < 0) {
		goto failed;
	}
	loaded->info.context_tok = scheduler.context_tok;
	loaded->info.embed_tok_per_s = scheduler_embed_tok_per_s(loaded->scheduler);
	loaded->info.load_ms = now_ms() - start_ms;
	return 0;
failed:
	load_finish(loaded);
	return -1;
}

void load_finish(struct loaded *loaded)
{
	if (loaded->scheduler) {
		scheduler_destroy(loaded->scheduler);
	}
	if (loaded->backend) {
		loaded->backend->ops->destroy(loaded->backend);
	}
	if (loaded->program) {
		program_destroy(loaded->program);
	}
	if (loaded->model && loaded->is_fake) {
		fake_model_close(loaded->model);
	} else if (loaded->model) {
		model_close(loaded->model);
	}
	*loaded = (struct loaded){0};
}
