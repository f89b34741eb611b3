/* carrel count: tokens by file and directory, exactly as the model would read them. */
#include "cli/commands.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/count_plan.h"
#include "cli/count_print.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/registry.h"
#include "session/once.h"
#include "session/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- --show ---- */

/* The packed text on its way out: written as it is read, but for JSON, which is one string. */
struct show {
	int is_json;
	struct buf json;
	struct document document; /* at hand; of a tree only the paths of its parts */
	size_t n_source;
	struct load_result left_out;
};

/* Non-zero where nobody reads it. */
static int put_out(struct show *show, struct prompt *block)
{
	for (size_t i = 0; i < block->count; i++) {
		size_t len;
		const char *text = segment_bytes(block->item[i], &len);

		if (show->is_json) {
			buf_add(&show->json, text, len);
		} else {
			output_text(text, len);
		}
	}
	prompt_finish(block);
	return show->is_json ? 0 : output_flush() < 0;
}

static enum pack_before before_shown(const struct show *show)
{
	return show->n_source > 1 ? PACK_BEFORE_SOURCE : PACK_BEFORE_NOTHING;
}

static int show_begin(void *arg, const struct document *document)
{
	struct show *show = arg;
	struct prompt block = {0};

	document_finish(&show->document);
	show->document = (struct document){
		.kind = document->kind,
		.name = mem_strdup(document->name),
		.rev = mem_strdup(document->rev),
	};
	show->n_source++;
	if (document->kind == DOCUMENT_CODE) {
		pack_source_open(
			&block, before_shown(show), (int64_t)show->n_source, &show->document);
	}
	return put_out(show, &block);
}

static int show_part(void *arg, struct part *part)
{
	struct show *show = arg;
	struct part *own = document_add_part(&show->document);
	struct prompt block = {0};

	*own = *part;
	*part = (struct part){.place = {.time_ms = -1}};
	if (show->document.kind == DOCUMENT_CODE) {
		pack_file(&block, own);
		free(own->text);
		own->text = NULL;
		own->len = 0;
	}
	return put_out(show, &block);
}

static int show_end(void *arg, struct document *document)
{
	struct show *show = arg;
	struct prompt block = {0};

	if (show->document.kind == DOCUMENT_CODE) {
		pack_source_close(&block, &show->document);
	} else {
		pack_source(&block, before_shown(show), (int64_t)show->n_source, &show->document);
	}
	document_finish(&show->document);
	return put_out(show, &block);
}

static void show_skipped(void *arg, const struct skipped *skipped)
{
	struct show *show = arg;
	struct load_sink sink = load_result_sink(&show->left_out);

	sink.skipped(sink.arg, skipped);
}

static int load_shown(struct show *show, struct inputs *inputs, struct err *err)
{
	struct load_sink into = {show_begin, show_part, show_end, show_skipped, show}, sink;
	struct once once = {.to = &into};
	int status;

	sink = once_sink(&once);
	if (!show->is_json && isatty(STDOUT_FILENO)) {
		inputs->load.watch.progress = NULL; /* it would be drawn into the text */
	}
	inputs->began_s = output_clock_s();
	status = load_each(inputs->path, inputs->n_path, &inputs->load, &sink, err);
	log_progress_clear();
	once_finish(&once);
	document_finish(&show->document);
	return output_flush() < 0 ? output_finish(err) : status;
}

/* The packed text itself. */
static int show_packed(
	const struct options *options, struct inputs *inputs, size_t *n_source, struct err *err)
{
	struct show show = {.is_json = options->json};
	int status = load_shown(&show, inputs, err);

	if (status == 0) {
		*n_source = show.n_source;
		status = inputs_show_skipped(inputs, show.left_out.skipped, show.left_out.n_skipped,
				 inputs->path, inputs->n_path, 0)
				 ? ERR_INPUTS
				 : 0;
		if (options->json) {
			json_t *text = output_json_bytes(buf_str(&show.json), show.json.len);

			output_json(json_pack("{s:o}", "text", text));
		} else {
			putchar('\n');
		}
	}
	buf_finish(&show.json);
	load_result_finish(&show.left_out);
	return status;
}

/* ---- the count ---- */

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
	if (tally->n_source || options->json) {
		count_print(report); /* of nothing a table says nothing */
	}
	if (options->budget_tok && tally->total_tok > options->budget_tok) {
		char all[NUMBER_SIZE], budget[NUMBER_SIZE];

		log_error("%s tokens are more than the budget of %s",
			number_grouped(all, tally->total_tok),
			number_grouped(budget, options->budget_tok));
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
	if (options->plan && (options->show || options->budget_tok)) {
		return err_set(err, ERR_USAGE, "--plan", "count once with it and once without",
			"prints neither the text nor what fits a budget");
	}
	if ((!options->plan && count_plan_refuse(err) < 0) ||
		inputs_open(inputs, options, 0, err) < 0) {
		return -1;
	}
	if (!inputs->n_path) {
		return err_set(
			err, ERR_USAGE, NULL, "carrel count PATH...", "there is nothing to count");
	}
	if (options->plan) {
		return count_plan(options, inputs, err);
	}
	if (registry_find(options->model, &model, err) < 0) {
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
		log_err(&none);
		return ERR_INPUTS;
	}
	return status;
}

int command_count_tokens(struct options *options, struct err *err)
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
