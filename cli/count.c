/* carrel count: tokens by file, exactly as the model would read them. */
#include "cli/commands.h"

#include "base/log.h"
#include "cli/interrupt.h"
#include "cli/library.h"
#include "cli/output.h"
#include "cli/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct count {
	const struct options *options;
	struct tokens *tokens;
	struct session *session;
	struct session_tally tally;
};

static int larger_first(const void *a, const void *b)
{
	const struct session_file *left = a, *right = b;

	if (left->tokens != right->tokens) {
		return left->tokens < right->tokens ? 1 : -1;
	}
	return strcmp(left->path, right->path);
}

static int is_over(const struct count *count)
{
	return count->options->budget_tok && count->tally.total_tok > count->options->budget_tok;
}

static void print_rows(const struct count *count, size_t n_shown)
{
	if (count->options->json) {
		json_t *object = json_object(), *files = json_array();

		for (size_t i = 0; i < n_shown; i++) {
			json_t *item = json_object();

			json_object_set_new(
				item, "path", output_json_string(count->tally.file[i].path));
			json_object_set_new(
				item, "tokens", json_integer(count->tally.file[i].tokens));
			json_object_set_new(
				item, "bytes", json_integer(count->tally.file[i].bytes));
			json_array_append_new(files, item);
		}
		json_object_set_new(object, "files", files);
		json_object_set_new(
			object, "packing_tokens", json_integer(count->tally.packing_tok));
		json_object_set_new(object, "total_tokens", json_integer(count->tally.total_tok));
		json_object_set_new(object, "total_bytes", json_integer(count->tally.total_bytes));
		json_object_set_new(
			object, "n_files", json_integer((json_int_t)count->tally.n_file));
		if (count->options->budget_tok) {
			json_object_set_new(
				object, "budget", json_integer(count->options->budget_tok));
			json_object_set_new(object, "over", json_boolean(is_over(count)));
		}
		json_object_set_new(object, "skipped", start_json_skipped(count->session));
		output_json(object);
		return;
	}
	for (size_t i = 0; i < n_shown; i++) {
		output_line("%12lld  %s", (long long)count->tally.file[i].tokens,
			count->tally.file[i].path);
	}
	if (n_shown < count->tally.n_file) {
		size_t n_more = count->tally.n_file - n_shown;

		output_line("%12s  (%zu more file%s)", "...", n_more, n_more == 1 ? "" : "s");
	}
	if (count->tally.packing_tok) {
		output_line("%12lld  (tags around files)", (long long)count->tally.packing_tok);
	}
	output_line("%12lld  total, %zu file%s, %lld bytes", (long long)count->tally.total_tok,
		count->tally.n_file, count->tally.n_file == 1 ? "" : "s",
		(long long)count->tally.total_bytes);
}

/* --show: the packed text itself. */
static void print_packed(const struct count *count)
{
	struct buf text = BUF_INIT;

	session_sources_text(count->session, &text);
	if (count->options->json) {
		json_t *object = json_object();

		json_object_set_new(object, "text", output_json_bytes(buf_str(&text), text.len));
		output_json(object);
	} else {
		output_text(buf_str(&text), text.len);
		putchar('\n');
	}
	buf_finish(&text);
}

static int count_all(struct count *count, struct err *err)
{
	const struct options *options = count->options;
	size_t n_shown;

	for (size_t i = 0; i < session_source_count(count->session); i++) {
		if (interrupt_pending()) {
			return err_set(err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
		}
		log_progress("counting %zu/%zu", i + 1, session_source_count(count->session));
		session_tally_source(count->session, i, count->tokens, &count->tally);
	}
	log_progress_clear();
	n_shown = count->tally.n_file;
	if (options->top_n && options->top_n < (int64_t)count->tally.n_file) {
		n_shown = (size_t)options->top_n;
	}
	if (options->top_n) {
		qsort(count->tally.file, count->tally.n_file, sizeof(*count->tally.file),
			larger_first);
	}
	print_rows(count, n_shown);
	if (is_over(count)) {
		log_error("%lld tokens are more than the budget of %lld",
			(long long)count->tally.total_tok, (long long)options->budget_tok);
		return ERR_CONTEXT;
	}
	return 0;
}

static int run(struct count *count, struct err *err)
{
	const struct options *options = count->options;
	struct err none;
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
	count->session = session_create(&(struct session_config){.no_cite = 0});
	if (status < 0 || start_load(count->session, options->argument, options->n_argument, 1,
				  &unreadable, err) < 0) {
		return -1;
	}
	status = 0;
	if (options->show) {
		print_packed(count);
	} else {
		status = count_all(count, err);
	}
	if (start_need_sources(count->session, options->n_argument, &none) < 0) {
		log_err(&none); /* the count of nothing was printed all the same */
		return ERR_INPUTS;
	}
	return status == 0 && unreadable ? ERR_INPUTS : status;
}

int command_count_tokens(const struct options *options, struct err *err)
{
	struct count count = {.options = options};
	int status;

	interrupt_install();
	status = run(&count, err);
	session_tally_finish(&count.tally);
	session_destroy(count.session);
	tokens_close(count.tokens);
	return status;
}
