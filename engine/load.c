#include "engine/load.h"

#include "engine/backend/backend.h"
#include "engine/backend/fake_model.h"
#include "engine/model/gguf.h"
#include "engine/model/model.h"
#include "engine/program.h"
#include "engine/token/template.h"
#include "engine/token/tokenizer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Most tokens of one step: what a cancel waits for at worst, and what products are blocked for. */
#define BATCH_TOK 512
#define OUT_ROWS  64
/* Of the memory that is free once the weights are loaded, what a default context may take. */
#define MEMORY_SHARE    0.8
#define CONTEXT_MIN_TOK 512

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

/* Memory that can be had without swapping; 0 if unknown. */
static int64_t available_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	long long kib = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "MemAvailable: %lld kB", &kib) == 1) {
			break;
		}
	}
	if (file) {
		fclose(file);
	}
	return kib * 1024;
}

/* The window that was asked for, or the model's own as far as the memory goes. */
static int choose_context(int64_t *context_tok, const struct loaded *loaded,
	const struct engine_config *config, struct err *err)
{
	int64_t per_tok = loaded->info.kv_bytes_per_tok, memory = available_bytes();
	int64_t fits = INT64_MAX;

	if (memory && per_tok) {
		fits = (int64_t)((double)memory * MEMORY_SHARE / (double)per_tok);
		fits -= fits % KV_PAGE_TOK;
	}
	*context_tok = config->context_tok ? config->context_tok : loaded->model->n_ctx_train;
	if (*context_tok <= fits) {
		return 0;
	}
	if (!config->context_tok && fits >= CONTEXT_MIN_TOK) {
		*context_tok = fits;
		return 0;
	}
	return err_set(err, ERR_ENGINE, NULL, "ask for a smaller context, or for --kv-type q8",
		"a context of %lld tokens needs %.1f GB for its KV cache, and %.1f GB of memory "
		"are free",
		(long long)*context_tok, (double)*context_tok * (double)per_tok / 1e9,
		(double)memory / 1e9);
}

static void describe(struct loaded *loaded)
{
	const struct model *model = loaded->model;
	const struct kv_layout *layout = loaded->backend->ops->kv_layout(loaded->backend);
	struct engine_info *info = &loaded->info;

	info->model_name = model->name;
	info->architecture = model->architecture;
	info->storage = model->storage;
	info->license = model->license;
	info->backend = loaded->backend->ops->describe(loaded->backend);
	info->template_name = model->chat_template ? model->chat_template->name : "";
	info->tokenizer = tokenizer_describe(model->tokenizer);
	info->kv_type = kv_type_name(layout->type);
	info->n_params = model->n_params;
	info->weight_bytes = model->weight_bytes;
	info->n_layer = model->n_layer;
	info->n_vocab = model->n_vocab;
	info->context_train_tok = model->n_ctx_train;
	info->kv_bytes_per_tok = layout->page_bytes / KV_PAGE_TOK;
	info->has_template = model->chat_template != NULL;
	info->has_system = model->chat_template && model->chat_template->has_system;
	if (!loaded->is_fake) {
		/* An absent key leaves it 0. */
		gguf_get_bool(model->gguf, "carrel.random", &info->random_weights, NULL);
	}
	sha256_hex(tokenizer_digest(model->tokenizer), info->tokenizer_digest);
	sha256_hex(&model->digest, info->model_digest);
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
	if (loaded->is_fake) {
		return fake_model_open(&loaded->model, err);
	}
	if (!config->model) {
		return err_set(
			err, ERR_USAGE, NULL, "name a model file with -m", "no model is given");
	}
	if (model_open(&loaded->model, config->model, config->template_name, err) < 0) {
		return -1;
	}
	return program_create(&loaded->program, loaded->model, err);
}

int load_engine(struct loaded *loaded, const struct engine_config *config,
	struct load_progress progress, struct scheduler_sink sink, struct err *err)
{
	double start_ms = now_ms();
	struct scheduler_config scheduler = {.batch_tok = BATCH_TOK};
	struct backend_config backend = {
		.n_thread = config->n_thread,
		.max_batch_rows = BATCH_TOK,
		.max_out_rows = OUT_ROWS,
		.progress = progress.report,
		.progress_arg = progress.arg,
	};
	const struct backend_ops *ops;

	*loaded = (struct loaded){0};
	if (parse_kv_type(&backend.kv_type, config->kv_type, err) < 0 ||
		open_model(loaded, config, err) < 0) {
		goto failed;
	}
	ops = loaded->is_fake ? &backend_fake : &backend_cpu;
	if (ops->create(&loaded->backend, loaded->model, loaded->program, &backend, err) < 0) {
		goto failed;
	}
	describe(loaded);
	if (choose_context(&scheduler.context_tok, loaded, config, err) < 0 ||
		scheduler_create(&loaded->scheduler, loaded->model, loaded->backend, &scheduler,
			sink, err) < 0) {
		goto failed;
	}
	loaded->info.context_tok = scheduler.context_tok;
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
