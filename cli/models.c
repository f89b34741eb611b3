/* carrel models: ls, info, add, rm; models_convert.c has convert. */
#include "cli/commands.h"

#include "base/log.h"
#include "cli/adapters.h"
#include "cli/models_convert.h"
#include "cli/output.h"
#include "cli/registry.h"
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *summary_json(const struct model_summary *summary, const char *path)
{
	json_t *object = json_object();

	json_object_set_new(object, "path", output_json_string(path));
	json_object_set_new(object, "gguf_version", json_integer(summary->gguf_version));
	json_object_set_new(object, "name", output_json_string(summary->name));
	json_object_set_new(object, "architecture", output_json_string(summary->architecture));
	json_object_set_new(object, "storage", output_json_string(summary->storage));
	json_object_set_new(object, "license", output_json_string(summary->license));
	json_object_set_new(object, "template", output_json_string(summary->template_name));
	json_object_set_new(object, "thinks", json_boolean(summary->thinks));
	json_object_set_new(object, "no_think", json_boolean(summary->can_skip_thinking));
	json_object_set_new(object, "tokenizer", output_json_string(summary->tokenizer));
	json_object_set_new(object, "parameters", json_integer(summary->n_params));
	json_object_set_new(object, "weight_bytes", json_integer(summary->weight_bytes));
	json_object_set_new(object, "file_bytes", json_integer(summary->file_bytes));
	json_object_set_new(object, "context_tokens", json_integer(summary->context_train_tok));
	json_object_set_new(object, "layers", json_integer(summary->n_layer));
	json_object_set_new(object, "width", json_integer(summary->n_embd));
	json_object_set_new(object, "vocabulary", json_integer(summary->n_vocab));
	json_object_set_new(object, "kv_bytes_per_token", json_integer(summary->kv_bytes_per_tok));
	json_object_set_new(object, "only_embeds", json_boolean(summary->only_embeds));
	json_object_set_new(object, "can_run", json_boolean(summary->can_run));
	json_object_set_new(object, "why_not", output_json_string(summary->why_not));
	return object;
}

/* What the model would take of this machine; null where it cannot be run at all. */
static json_t *plan_json(const struct engine_plan *plan)
{
	json_t *object;

	if (!plan) {
		return json_null();
	}
	object = json_object();
	json_object_set_new(object, "weight_bytes", json_integer(plan->weight_bytes));
	json_object_set_new(object, "packed_bytes", json_integer(plan->packed_bytes));
	json_object_set_new(object, "scratch_bytes", json_integer(plan->scratch_bytes));
	json_object_set_new(object, "kv_bytes", json_integer(plan->kv_bytes));
	json_object_set_new(object, "needed_bytes", json_integer(plan->needed_bytes));
	json_object_set_new(object, "available_bytes", json_integer(plan->available_bytes));
	json_object_set_new(object, "context_tokens", json_integer(plan->context_tok));
	json_object_set_new(object, "fits", json_boolean(plan->fits));
	return object;
}

static void print_plan(const struct engine_plan *plan)
{
	const double mib = 1048576;

	output_line("memory        %.1f MiB: %.1f weights, %.1f scratch, %.1f KV of %lld tokens",
		(double)plan->needed_bytes / mib, (double)plan->packed_bytes / mib,
		(double)plan->scratch_bytes / mib, (double)plan->kv_bytes / mib,
		(long long)plan->context_tok);
	output_line("              of %.1f MiB that are free: %s",
		(double)plan->available_bytes / mib, plan->fits ? "it fits" : plan->why_not.what);
}

static const char *or_dash(const char *text)
{
	return text && text[0] ? text : "-";
}

static const char *thinking_text(const struct model_summary *summary)
{
	return !summary->thinks             ? ""
	       : summary->can_skip_thinking ? " (thinks; --no-think)"
					    : " (thinks)";
}

static void print_encoder(const struct model_summary *summary)
{
	output_line("answers       no: it makes vectors of texts; name it with --embed");
	output_line("vectors       %lld elements, from %s of the states",
		(long long)summary->n_embd, summary->embed_pooling);
	if (summary->embed_question[0] || summary->embed_passage[0]) {
		output_line("reads         \"%sQUESTION\", \"%sPASSAGE\"", summary->embed_question,
			summary->embed_passage);
	}
}

static void print_summary(const struct model_summary *summary, const char *path)
{
	if (summary->gguf_version) {
		output_line("file          %s, GGUF version %u", path, summary->gguf_version);
	} else {
		output_line("directory     %s", path);
	}
	output_line("name          %s", or_dash(summary->name));
	output_line("architecture  %s", or_dash(summary->architecture));
	output_line("parameters    %.1f million", (double)summary->n_params / 1e6);
	output_line("storage       %s, %.1f MiB of weights", or_dash(summary->storage),
		(double)summary->weight_bytes / 1048576);
	if (summary->n_layer) {
		output_line("layers        %lld, width %lld", (long long)summary->n_layer,
			(long long)summary->n_embd);
	}
	if (summary->context_train_tok) {
		output_line("context       %lld tokens in training",
			(long long)summary->context_train_tok);
	}
	if (summary->kv_bytes_per_tok) {
		output_line("KV            %lld bytes per token (q8)",
			(long long)summary->kv_bytes_per_tok);
	}
	if (summary->tokenizer && summary->tokenizer[0]) {
		output_line("tokenizer     %s", summary->tokenizer);
		if (!summary->only_embeds) {
			output_line("              its normalizer, if it has one, is not applied "
				    "to documents");
		}
	}
	if (summary->only_embeds) {
		print_encoder(summary);
	} else if (summary->can_run || (summary->template_name && summary->template_name[0])) {
		output_line("template      %s%s",
			summary->template_name && summary->template_name[0]
				? summary->template_name
				: "not recognised (use --template)",
			thinking_text(summary));
	}
	output_line("license       %s", or_dash(summary->license));
	output_line("runs here     %s%s%s", summary->can_run ? "yes" : "no",
		summary->can_run ? "" : ": ", summary->can_run ? "" : or_dash(summary->why_not));
}

static int models_info(const struct options *options, struct err *err)
{
	struct model_summary summary;
	struct engine_plan plan;
	char *path;
	int status;

	if (options->n_argument > 2) {
		return err_set(err, ERR_USAGE, options->argument[2], "carrel models info NAME",
			"models info takes one model");
	}
	if (registry_find(options->n_argument == 2 ? options->argument[1] : NULL, &path, err) < 0) {
		return -1;
	}
	if (adapter_is_at(path)) {
		status = adapters_info(path, options->json, err);
		free(path);
		return status;
	}
	status = model_summary_read(&summary, path, err);
	if (status == 0) {
		struct engine_config config = {.model = path};
		int has_plan = engine_plan(&plan, &config, NULL) == 0;

		if (options->json) {
			json_t *object = summary_json(&summary, path);

			json_object_set_new(object, "plan", plan_json(has_plan ? &plan : NULL));
			output_json(object);
		} else {
			print_summary(&summary, path);
			if (has_plan) {
				print_plan(&plan);
			}
		}
		model_summary_finish(&summary);
	}
	free(path);
	return status;
}

static int length_before(const char *text, const char *rest)
{
	const char *end = strstr(text, rest);

	return (int)(end && end > text ? (size_t)(end - text) : strlen(text));
}

/* A file that cannot be read stays in the list, with the reason. */
static void list_one(const struct registry_model *model, json_t *list)
{
	struct model_summary summary;
	struct err err;
	int status = model_summary_read(&summary, model->path, &err);

	if (list) {
		json_t *object = status == 0 ? summary_json(&summary, model->path) : json_object();

		json_object_set_new(object, "model", output_json_string(model->name));
		if (status < 0) {
			json_object_set_new(object, "path", output_json_string(model->path));
			json_object_update_missing_new(object, output_json_error(&err));
		}
		json_array_append_new(list, object);
	} else if (status == 0) {
		const char *family = or_dash(summary.architecture);
		const char *storage = or_dash(summary.storage);

		/* of a directory the columns hold "Qwen3" of "Qwen3ForCausalLM", and the type */
		output_line("%-24s %-10.*s %8.1fM %-8.*s %8.1f MiB  %s", model->name,
			length_before(family, "For"), family, (double)summary.n_params / 1e6,
			length_before(storage, " "), storage, (double)summary.file_bytes / 1048576,
			model->path);
	} else {
		char text[1024];

		output_line("%-24s %s", model->name, err_format(&err, text, sizeof(text)));
	}
	if (status == 0) {
		model_summary_finish(&summary);
	}
}

static int models_ls(const struct options *options, struct err *err)
{
	json_t *list = options->json ? json_array() : NULL;
	struct registry registry;
	int has_built_in = 0;

	if (options->n_argument > 1) {
		json_decref(list);
		return err_set(err, ERR_USAGE, options->argument[1],
			"carrel models info NAME describes one", "models ls takes no arguments");
	}
	registry_read(&registry);
	if (!list && registry.n_model && isatty(STDOUT_FILENO)) {
		output_line("%-24s %-10s %9s %-8s %12s  %s", "NAME", "FAMILY", "PARAMS", "STORAGE",
			"SIZE", "FILE");
	}
	for (size_t i = 0; i < registry.n_model; i++) {
		has_built_in |= !registry.model[i].is_own;
		list_one(&registry.model[i], list);
	}
	if (list) {
		output_json(list);
	}
	if (!has_built_in) {
		log_note("the built-in model is missing (install carrel again)");
	}
	registry_finish(&registry);
	return 0;
}

static int models_add(const struct options *options, struct err *err)
{
	struct model_summary summary;
	char *name;
	int status;

	if (options->n_argument != 2) {
		return err_set(err, ERR_USAGE, NULL, "carrel models add PATH",
			"models add takes the path of one model, a file or a directory");
	}
	if (adapter_is_at(options->argument[1])) {
		return err_set(err, ERR_ENGINE, options->argument[1],
			"use it with -m BASE --adapter PATH", "is a LoRA adapter, not a model");
	}
	/* Only what can be opened is worth a name. */
	if (model_summary_read(&summary, options->argument[1], err) < 0) {
		return -1;
	}
	status = registry_add(options->argument[1], options->model_name, &name, err);
	if (status == 0 && options->json) {
		json_t *object = summary_json(&summary, options->argument[1]);

		json_object_set_new(object, "model", output_json_string(name));
		output_json(object);
	} else if (status == 0) {
		output_line("%s", name);
	}
	if (status == 0 && !summary.can_run) {
		log_note("%s: %s", name, or_dash(summary.why_not));
	}
	free(name);
	model_summary_finish(&summary);
	return status;
}

static int models_rm(const struct options *options, struct err *err)
{
	if (options->n_argument != 2) {
		return err_set(err, ERR_USAGE, NULL, "carrel models rm NAME",
			"models rm takes the name of one model");
	}
	if (registry_remove(options->argument[1], err) < 0) {
		return -1;
	}
	if (options->json) {
		json_t *object = json_object();

		json_object_set_new(object, "model", output_json_string(options->argument[1]));
		output_json(object);
	}
	return 0;
}

int command_models(struct options *options, struct err *err)
{
	static const struct {
		const char *name;
		int (*run)(const struct options *options, struct err *err);
	} table[] = {{"add", models_add}, {"convert", models_convert}, {"info", models_info},
		{"ls", models_ls}, {"rm", models_rm}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]) && options->n_argument; i++) {
		if (strcmp(table[i].name, options->argument[0]) == 0) {
			return table[i].run(options, err);
		}
	}
	return err_set(err, ERR_USAGE, NULL, "see `carrel models --help`",
		"say which of ls, info, add, convert and rm");
}
