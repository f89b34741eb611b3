/* carrel count: tokens by file and directory, exactly as the model would read them. */
#include "cli/commands.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/count_print.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/library.h"
#include "cli/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --show: the packed text itself. */
static int show_packed(
	const struct options *options, struct inputs *inputs, size_t *n_source, struct err *err)
{
	struct session *session = session_create(&(struct session_config){.no_cite = 0});
	struct buf text = BUF_INIT;
	size_t unreadable;
	int status =
		inputs_load(inputs, session, inputs->path, inputs->n_path, 1, &unreadable, err);

	if (status < 0) {
		session_destroy(session);
		return -1;
	}
	*n_source = session_source_count(session);
	session_sources_text(session, &text);
	if (options->json) {
		json_t *object = json_object();

		json_object_set_new(object, "text", output_json_bytes(buf_str(&text), text.len));
		output_json(object);
	} else {
		output_text(buf_str(&text), text.len);
		putchar('\n');
	}
	buf_finish(&text);
	session_destroy(session);
	return unreadable ? ERR_INPUTS : 0;
}

/* The window of the model, from its metadata alone; 0 where a tokenizer is no model. */
static void find_window(struct count_report *report, const char *model)
{
	const struct options *options = report->options;
	struct engine_config config = {.model = model, .context_tok = options->context_tok};
	struct model_summary summary;
	struct engine_plan plan;

	report->window_tok = options->context_tok;
	if (model_summary_read(&summary, model, NULL) < 0) {
		return;
	}
	report->model = mem_strdup(summary.name);
	if (!report->window_tok) {
		report->window_tok = engine_plan(&plan, &config, NULL) == 0
					     ? plan.context_tok
					     : summary.context_train_tok;
	}
	model_summary_finish(&summary);
}

static int64_t counted(const void *arg)
{
	const struct tally *tally = arg;

	return tally->total_tok;
}

static int count_all(struct count_report *report, struct inputs *inputs, struct tokens *tokens,
	size_t *n_source, struct err *err)
{
	struct tally *tally = &report->tally;
	const struct options *options = report->options;
	size_t unreadable;

	inputs->count_tok = counted;
	inputs->count_arg = tally;
	inputs->began_s = output_clock_s();
	if (tally_load(tally, tokens, inputs->path, inputs->n_path, &inputs->load, options->outline,
		    err) < 0) {
		log_progress_clear();
		return -1;
	}
	log_progress_clear();
	*n_source = tally->n_source;
	unreadable = inputs_show_skipped(
		inputs, tally->skipped, tally->n_skipped, inputs->path, inputs->n_path, 0);
	count_print(report);
	if (options->budget_tok && tally->total_tok > options->budget_tok) {
		log_error("%lld tokens are more than the budget of %lld",
			(long long)tally->total_tok, (long long)options->budget_tok);
		return ERR_CONTEXT;
	}
	return unreadable ? ERR_INPUTS : 0;
}

static int run(struct count_report *report, struct inputs *inputs, struct err *err)
{
	const struct options *options = report->options;
	struct tokens *tokens = NULL;
	struct err none;
	size_t n_source = 0;
	char *model;
	int status;

	if (options->show && options->budget_tok) {
		return err_set(err, ERR_USAGE, "--budget", "count without --show",
			"nothing is counted where --show prints the text");
	}
	if (inputs_open(inputs, options, 0, err) < 0) {
		return -1;
	}
	if (!inputs->n_path) {
		return err_set(
			err, ERR_USAGE, NULL, "carrel count PATH...", "there is nothing to count");
	}
	if (library_find(options->model, &model, err) < 0) {
		return -1;
	}
	status = tokens_open(&tokens, model, err);
	if (status == 0) {
		find_window(report, model);
		status = options->show ? show_packed(options, inputs, &n_source, err)
				       : count_all(report, inputs, tokens, &n_source, err);
	}
	free(model);
	tokens_close(tokens);
	if (status >= 0 && inputs_need_sources(inputs->n_path, n_source, &none) < 0) {
		log_err(&none); /* the count of nothing was printed all the same */
		return ERR_INPUTS;
	}
	return status;
}

int command_count_tokens(const struct options *options, struct err *err)
{
	struct count_report report = {.options = options};
	struct inputs inputs = {0};
	int status;

	interrupt_install();
	status = run(&report, &inputs, err);
	tally_finish(&report.tally);
	free(report.model);
	inputs_close(&inputs);
	return status;
}
