/* carrel tokenize: the ids of a text, one per line. */
#include "cli/commands.h"

#include "cli/output.h"
#include "cli/registry.h"
#include "cli/start.h"
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX_BYTES = 1 << 30 };

static int read_text(const struct options *options, struct buf *text, struct err *err)
{
	const char *path = options->n_argument ? options->argument[0] : "-";

	if (options->n_argument > 1) {
		return err_set(err, ERR_USAGE, options->argument[1],
			"give one, or - for standard input", "tokenize takes one file");
	}
	return start_read(text, path, TEXT_MAX_BYTES, err);
}

static void print_ids(const struct options *options, const uint32_t *ids, size_t count)
{
	if (options->json) {
		json_t *object = json_object(), *list = json_array();

		json_object_set_new(object, "count", json_integer((json_int_t)count));
		for (size_t i = 0; i < count && !options->count_only; i++) {
			json_array_append_new(list, json_integer(ids[i]));
		}
		if (options->count_only) {
			json_decref(list);
		} else {
			json_object_set_new(object, "ids", list);
		}
		output_json(object);
	} else if (options->count_only) {
		printf("%zu\n", count);
	} else {
		for (size_t i = 0; i < count; i++) {
			printf("%u\n", ids[i]);
		}
	}
}

int command_tokenize(struct options *options, struct err *err)
{
	struct buf text = BUF_INIT;
	struct tokens *tokens;
	size_t count;
	uint32_t *ids;
	char *model;
	int status;

	if (registry_find(options->model, &model, err) < 0) {
		return -1;
	}
	status = tokens_open(&tokens, model, err);
	free(model);
	if (status < 0) {
		return -1;
	}
	status = read_text(options, &text, err);
	if (status == 0) {
		ids = tokens_encode(tokens, buf_str(&text), text.len,
			options->special ? TOKENS_SPECIAL : TOKENS_TEXT, 1, &count);
		print_ids(options, ids, count);
		free(ids);
	}
	buf_finish(&text);
	tokens_close(tokens);
	return status;
}
