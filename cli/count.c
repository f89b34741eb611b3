/* carrel count: tokens by file and directory, exactly as the model would read them. */
#include "cli/commands.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/interrupt.h"
#include "cli/library.h"
#include "cli/output.h"
#include "cli/start.h"
#include "loaders/loader.h"
#include "session/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
	char *path; /* shown */
	int64_t tokens, bytes;
};

struct count {
	const struct options *options;
	struct tokens *tokens;
	struct load_result loaded;
	struct row *row;
	size_t n_row, cap_row;
	int64_t total_tok, packing_tok, total_bytes;
};

static int64_t segment_tokens(struct tokens *tokens, const struct segment *segment)
{
	size_t len, n_ids;
	const char *text = segment_bytes(segment, &len);
	/* Sources stand behind the instructions: none of their segments is the first. */
	uint32_t *ids = tokens_encode(tokens, text, len, TOKENS_TEXT, 0, &n_ids);

	free(ids);
	return (int64_t)n_ids;
}

static int ends_with(const struct segment *segment, const char *tail)
{
	size_t len, tail_len = strlen(tail);
	const char *text = segment_bytes(segment, &len);

	return len >= tail_len && memcmp(text + len - tail_len, tail, tail_len) == 0;
}

static void add_row(struct count *count, char *path, int64_t tokens, size_t bytes)
{
	mem_grow(count->row, count->n_row, count->cap_row);
	count->row[count->n_row++] = (struct row){path, tokens, (int64_t)bytes};
	count->total_bytes += (int64_t)bytes;
}

/* A file given by name is a tree of its own, whose only file has the same name. */
static char *part_path(const struct document *document, size_t part)
{
	const char *path = document->part[part].place.path;

	return strcmp(path, document->name) == 0 ? mem_strdup(path)
						 : mem_printf("%s/%s", document->name, path);
}

/*
 * One row for a document, or one for each file of a tree: a file of a tree always ends a segment,
 * and no body can contain "</file>" (session/pack.h). The tags around the files are packing.
 */
static void count_document(struct count *count, const struct document *document, size_t number)
{
	struct prompt prompt = {0};
	int64_t tokens = 0;
	size_t part = 0, bytes = 0;

	/* The first one stands behind the instructions. */
	pack_source(&prompt, number == 1 ? PACK_BEFORE_OTHER : PACK_BEFORE_SOURCE, (int64_t)number,
		document);
	for (size_t i = 0; i < prompt.count; i++) {
		int64_t here = segment_tokens(count->tokens, prompt.item[i]);

		count->total_tok += here;
		if (document->kind == DOCUMENT_CODE && i == 0) {
			count->packing_tok += here;
			continue;
		}
		tokens += here;
		if (document->kind == DOCUMENT_CODE && part < document->n_part &&
			ends_with(prompt.item[i], "</file>\n")) {
			add_row(count, part_path(document, part), tokens, document->part[part].len);
			tokens = 0;
			part++;
		}
	}
	prompt_finish(&prompt);
	if (document->kind == DOCUMENT_CODE) {
		count->packing_tok += tokens;
		return;
	}
	for (size_t i = 0; i < document->n_part; i++) {
		bytes += document->part[i].len;
	}
	add_row(count, mem_strdup(document->name), tokens, bytes);
}

static int larger_first(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	if (left->tokens != right->tokens) {
		return left->tokens < right->tokens ? 1 : -1;
	}
	return strcmp(left->path, right->path);
}

static json_t *skipped_json(const struct load_result *loaded)
{
	json_t *list = json_array();

	for (size_t i = 0; i < loaded->n_skipped; i++) {
		json_t *item = json_object();

		json_object_set_new(item, "path", output_json_string(loaded->skipped[i].path));
		json_object_set_new(item, "reason", output_json_string(loaded->skipped[i].reason));
		json_array_append_new(list, item);
	}
	return list;
}

static void print_rows(const struct count *count, size_t n_shown)
{
	if (count->options->json) {
		json_t *object = json_object(), *files = json_array();

		for (size_t i = 0; i < n_shown; i++) {
			json_t *item = json_object();

			json_object_set_new(item, "path", output_json_string(count->row[i].path));
			json_object_set_new(item, "tokens", json_integer(count->row[i].tokens));
			json_object_set_new(item, "bytes", json_integer(count->row[i].bytes));
			json_array_append_new(files, item);
		}
		json_object_set_new(object, "files", files);
		json_object_set_new(object, "packing_tokens", json_integer(count->packing_tok));
		json_object_set_new(object, "total_tokens", json_integer(count->total_tok));
		json_object_set_new(object, "total_bytes", json_integer(count->total_bytes));
		json_object_set_new(object, "n_files", json_integer((json_int_t)count->n_row));
		json_object_set_new(object, "skipped", skipped_json(&count->loaded));
		output_json(object);
		return;
	}
	for (size_t i = 0; i < n_shown; i++) {
		output_line("%12lld  %s", (long long)count->row[i].tokens, count->row[i].path);
	}
	if (n_shown < count->n_row) {
		output_line("%12s  (%zu more files)", "...", count->n_row - n_shown);
	}
	if (count->packing_tok) {
		output_line("%12lld  (tags around files)", (long long)count->packing_tok);
	}
	output_line("%12lld  total, %zu file%s, %lld bytes", (long long)count->total_tok,
		count->n_row, count->n_row == 1 ? "" : "s", (long long)count->total_bytes);
}

/* --show: the packed text itself. */
static void print_packed(const struct count *count)
{
	for (size_t i = 0; i < count->loaded.n_document; i++) {
		struct prompt prompt = {0};

		pack_source(&prompt, i ? PACK_BEFORE_SOURCE : PACK_BEFORE_NOTHING, (int64_t)i + 1,
			&count->loaded.document[i]);
		for (size_t k = 0; k < prompt.count; k++) {
			size_t len;
			const char *text = segment_bytes(prompt.item[k], &len);

			output_text(text, len);
		}
		prompt_finish(&prompt);
	}
	putchar('\n');
}

static int count_all(struct count *count, struct err *err)
{
	const struct options *options = count->options;
	size_t n_shown;

	for (size_t i = 0; i < count->loaded.n_document; i++) {
		if (interrupt_pending()) {
			return err_set(err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
		}
		log_progress("counting %zu/%zu", i + 1, count->loaded.n_document);
		count_document(count, &count->loaded.document[i], i + 1);
	}
	log_progress_clear();
	n_shown = count->n_row;
	if (options->top_n && options->top_n < (int64_t)count->n_row) {
		n_shown = (size_t)options->top_n;
	}
	if (options->top_n) {
		qsort(count->row, count->n_row, sizeof(*count->row), larger_first);
	}
	print_rows(count, n_shown);
	if (options->budget_tok && count->total_tok > options->budget_tok) {
		log_error("%lld tokens are more than the budget of %lld",
			(long long)count->total_tok, (long long)options->budget_tok);
		return ERR_CONTEXT;
	}
	return 0;
}

static int run(struct count *count, struct err *err)
{
	const struct options *options = count->options;
	size_t unreadable;
	char *model;
	int status;

	if (!options->n_argument) {
		return err_set(
			err, ERR_USAGE, NULL, "carrel count PATH...", "there is nothing to count");
	}
	if (library_find(options->model, &model, err) < 0) {
		return -1;
	}
	status = tokens_open(&count->tokens, model, err);
	free(model);
	if (status < 0 || start_load(&count->loaded, options->argument, options->n_argument, 1,
				  &unreadable, err) < 0) {
		return -1;
	}
	status = 0;
	if (options->show) {
		print_packed(count);
	} else {
		status = count_all(count, err);
	}
	return status == 0 && unreadable ? ERR_INPUTS : status;
}

int command_count_tokens(const struct options *options, struct err *err)
{
	struct count count = {.options = options};
	int status;

	interrupt_install();
	status = run(&count, err);
	for (size_t i = 0; i < count.n_row; i++) {
		free(count.row[i].path);
	}
	free(count.row);
	load_result_finish(&count.loaded);
	tokens_close(count.tokens);
	return status;
}
