#include "cli/adapters.h"

#include "base/mem.h"
#include "cli/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What stands behind a colon as a scale: plain decimals, nothing else that strtod() would read. */
static int is_scale(const char *text, double *scale)
{
	char *end;

	*scale = strtod(text, &end);
	return *text && !*end && strspn(text, "0123456789+-.eE") == strlen(text) &&
	       isfinite(*scale);
}

int adapters_read(struct engine_config *config, const struct options *options, struct err *err)
{
	if (options->adapters.count > ENGINE_ADAPTERS_MAX) {
		return err_set(err, ERR_USAGE, "--adapter", NULL, "takes at most %d values",
			ENGINE_ADAPTERS_MAX);
	}
	for (size_t i = 0; i < options->adapters.count; i++) {
		const char *text = options->adapters.item[i], *colon = strrchr(text, ':');
		struct engine_adapter *adapter = &config->adapter[config->n_adapter++];
		size_t len = strlen(text);

		adapter->scale = 1;
		if (colon && is_scale(colon + 1, &adapter->scale)) {
			len = (size_t)(colon - text);
		} else {
			adapter->scale = 1;
		}
		adapter->path = mem_strndup(text, len);
		if (!len) {
			adapters_finish(config);
			return err_set(err, ERR_USAGE, "--adapter", "--adapter PATH:SCALE",
				"\"%.100s\" names no file", text);
		}
	}
	return 0;
}

void adapters_finish(struct engine_config *config)
{
	for (size_t i = 0; i < config->n_adapter; i++) {
		free((char *)config->adapter[i].path);
	}
	config->n_adapter = 0;
}

/* "a, b" as a list. */
static json_t *list_json(const char *items)
{
	json_t *list = json_array();

	while (*items) {
		size_t len = strcspn(items, ",");
		char *item = mem_strndup(items, len);

		json_array_append_new(list, output_json_string(item));
		free(item);
		items += len;
		items += strspn(items, ", ");
	}
	return list;
}

static void print_json(const struct adapter_summary *summary, const char *path)
{
	json_t *object = json_object();

	json_object_set_new(object, "path", output_json_string(path));
	json_object_set_new(object, "adapter", json_string("lora"));
	json_object_set_new(object, "name", output_json_string(summary->name));
	json_object_set_new(object, "architecture", output_json_string(summary->architecture));
	json_object_set_new(object, "base", output_json_string(summary->base));
	json_object_set_new(object, "rank_min", json_integer(summary->rank_min));
	json_object_set_new(object, "rank_max", json_integer(summary->rank_max));
	json_object_set_new(object, "alpha", json_real(summary->alpha));
	json_object_set_new(object, "rank_stabilised", json_boolean(summary->is_rank_stabilised));
	json_object_set_new(object, "targets", list_json(summary->targets));
	json_object_set_new(object, "tensors", json_integer(summary->n_target));
	json_object_set_new(object, "parameters", json_integer(summary->n_params));
	json_object_set_new(object, "file_bytes", json_integer(summary->file_bytes));
	json_object_set_new(object, "digest", json_string(summary->digest));
	output_json(object);
}

int adapters_info(const char *path, int is_json, struct err *err)
{
	struct adapter_summary summary;

	if (adapter_summary_read(&summary, path, err) < 0) {
		return -1;
	}
	if (is_json) {
		print_json(&summary, path);
		adapter_summary_finish(&summary);
		return 0;
	}
	output_line("%s          %s", summary.is_folder ? "path" : "file", path);
	output_line("kind          LoRA adapter, %s", summary.is_folder ? "PEFT" : "GGUF");
	output_line("name          %s", summary.name);
	output_line("made for      %s%s%s", summary.base[0] ? summary.base : "-",
		summary.architecture[0] ? ", architecture " : "", summary.architecture);
	if (summary.rank_min == summary.rank_max) {
		output_line("rank          %lld", (long long)summary.rank_max);
	} else {
		output_line("rank          %lld to %lld", (long long)summary.rank_min,
			(long long)summary.rank_max);
	}
	output_line("alpha         %g%s", summary.alpha,
		summary.is_rank_stabilised ? ", over the root of the rank" : "");
	output_line(
		"changes       %s (%lld tensors)", summary.targets, (long long)summary.n_target);
	output_line("parameters    %.2f million, %.1f MiB", (double)summary.n_params / 1e6,
		(double)summary.file_bytes / 1048576);
	output_line("runs here     with the model it was made for: -m BASE --adapter %s", path);
	adapter_summary_finish(&summary);
	return 0;
}
