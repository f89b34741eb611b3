/* carrel eval quote --over: what was measured, as a table of 80 columns, JSON, and each question. */
#include "cli/eval_over.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/output.h"
#include "cli/session_json.h"

#include <stdlib.h>
#include <string.h>

/* ---- sums ---- */

static void add_sums(struct over_sums *to, const struct over_sums *one)
{
	to->n_present += one->n_present;
	to->n_absent += one->n_absent;
	to->n_failed += one->n_failed;
	to->right += one->right;
	to->refused += one->refused;
	to->refused_absent += one->refused_absent;
	to->n_cited += one->n_cited;
	to->n_found += one->n_found;
	to->measure.n_sentence += one->measure.n_sentence;
	to->measure.n_backed += one->measure.n_backed;
	to->measure.n_needed += one->measure.n_needed;
	to->measure.n_recalled += one->measure.n_recalled;
	to->measure.n_quote += one->measure.n_quote;
	to->measure.n_quote_needed += one->measure.n_quote_needed;
	to->picked[PICK_LINES] += one->picked[PICK_LINES];
	to->picked[PICK_JOINED] += one->picked[PICK_JOINED];
	to->n_read += one->n_read;
	to->n_chunk_read += one->n_chunk_read;
	to->read_tok += one->read_tok;
	to->computed_tok += one->computed_tok;
}

/* Of the questions of a kind and of a family; NULL: of any. */
static struct over_sums sum(const struct over_run *run, const char *kind, const char *family)
{
	struct over_sums total = {0};

	for (size_t i = 0; i < run->n_done; i++) {
		const struct eval_question *question = &run->questions.item[i];

		if ((!kind || strcmp(kind, question->kind) == 0) &&
			(!family || strcmp(family, question->family) == 0)) {
			add_sums(&total, &run->sums[i]);
		}
	}
	return total;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The middle of the seconds of every question but the first, and the greatest. */
static double warm_s(const struct over_run *run, double *most_s)
{
	size_t n = run->n_done > 1 ? run->n_done - 1 : 0;
	double *seconds = mem_zero(n + 1, sizeof(*seconds)), middle;

	for (size_t i = 0; i < n; i++) {
		seconds[i] = run->cost[i + 1].seconds;
	}
	qsort(seconds, n, sizeof(*seconds), by_value);
	middle = n ? (seconds[(n - 1) / 2] + seconds[n / 2]) / 2 : 0;
	*most_s = n ? seconds[n - 1] : 0;
	free(seconds);
	return middle;
}

static int64_t warm_tok(const struct over_run *run)
{
	int64_t sum_tok = 0;

	for (size_t i = 1; i < run->n_done; i++) {
		sum_tok += run->cost[i].computed_tok;
	}
	return run->n_done > 1 ? sum_tok / (int64_t)(run->n_done - 1) : 0;
}

/* Whether a question before `index` has the same kind (or family). */
static int is_first(const struct over_run *run, size_t index, int of_family)
{
	for (size_t i = 0; i < index; i++) {
		const struct eval_question *a = &run->questions.item[i];
		const struct eval_question *b = &run->questions.item[index];

		if (strcmp(of_family ? a->family : a->kind, of_family ? b->family : b->kind) == 0) {
			return 0;
		}
	}
	return 1;
}

/* The better of the two ways to cut lines is the baseline. */
static int64_t picked(const struct over_sums *sums)
{
	return sums->picked[PICK_JOINED] > sums->picked[PICK_LINES] ? sums->picked[PICK_JOINED]
								    : sums->picked[PICK_LINES];
}

/* ---- the table ---- */

/* " 71.2", or "   - " of nothing. */
static void add_share(struct buf *out, int64_t part, int64_t whole)
{
	if (whole) {
		buf_printf(out, " %7.1f", 100 * (double)part / (double)whole);
	} else {
		buf_addstr(out, "       -");
	}
}

static void print_row(const char *name, const struct over_sums *sums)
{
	struct buf row = BUF_INIT;
	int64_t n = sums->n_present + sums->n_absent;

	buf_printf(&row, "%-11.11s %4lld", name, (long long)n);
	add_share(&row, sums->right, sums->n_present);
	add_share(&row, picked(sums), sums->n_present);
	add_share(&row, sums->refused_absent, sums->n_absent);
	add_share(&row, sums->n_found, sums->n_cited);
	add_share(&row, sums->measure.n_backed, sums->measure.n_sentence);
	add_share(&row, sums->measure.n_recalled, sums->measure.n_needed);
	add_share(&row, sums->measure.n_quote_needed, sums->measure.n_quote);
	output_line("%s", buf_str(&row));
	buf_finish(&row);
}

void over_print(const struct over_run *run)
{
	const struct engine_info *info = engine_info(run->engine);
	char tokens[NUMBER_SIZE], windows[NUMBER_SIZE];
	struct over_sums total = sum(run, NULL, NULL);
	double most_s, middle_s = warm_s(run, &most_s);

	output_line("%s, %s, %lld threads; %zu documents, %s tokens, %s windows; --over %s",
		info->model_name, info->storage, (long long)info->n_thread,
		quiz_document_count(run->quiz), number_grouped(tokens, run->coverage.total_tok),
		number_grouped(windows, run->coverage.n_window), run->options->over);
	output_line("%s", "");
	output_line(
		"%%               n   right    BM25 refused verbatim faithful recall precision");
	for (size_t i = 0; i < run->n_done; i++) {
		if (is_first(run, i, 0)) {
			struct over_sums sums = sum(run, run->questions.item[i].kind, NULL);

			print_row(run->questions.item[i].kind, &sums);
		}
	}
	print_row("all", &total);
	if (!run->n_done) {
		return;
	}
	output_line("%s", "");
	output_line("first question  %8.2f s (%.2f s of it made indices), %s tokens computed",
		run->cost[0].seconds, run->cost[0].index_s,
		number_grouped(tokens, run->cost[0].computed_tok));
	output_line("every other one %8.2f s (median; the slowest %.2f s), %s tokens (mean)",
		middle_s, most_s, number_grouped(tokens, warm_tok(run)));
}

/* ---- JSON ---- */

static json_t *json_share(int64_t part, int64_t whole)
{
	return whole ? output_json_number(100 * (double)part / (double)whole) : json_null();
}

static json_t *json_sums(const struct over_sums *sums)
{
	int64_t n = sums->n_present + sums->n_absent;
	json_t *object = json_object();

	json_object_set_new(object, "n", json_integer(n));
	json_object_set_new(object, "n_present", json_integer(sums->n_present));
	json_object_set_new(object, "n_absent", json_integer(sums->n_absent));
	json_object_set_new(object, "failed", json_integer(sums->n_failed));
	json_object_set_new(object, "right", json_integer(sums->right));
	json_object_set_new(object, "right_percent", json_share(sums->right, sums->n_present));
	json_object_set_new(object, "refused_present", json_integer(sums->refused));
	json_object_set_new(object, "refused", json_integer(sums->refused_absent));
	json_object_set_new(
		object, "refused_percent", json_share(sums->refused_absent, sums->n_absent));
	json_object_set_new(object, "citations", json_integer(sums->n_cited));
	json_object_set_new(object, "verbatim", json_integer(sums->n_found));
	json_object_set_new(object, "verbatim_percent", json_share(sums->n_found, sums->n_cited));
	json_object_set_new(object, "bm25_right", json_integer(picked(sums)));
	json_object_set_new(
		object, "bm25_right_percent", json_share(picked(sums), sums->n_present));
	json_object_set_new(object, "faithfulness_percent",
		json_share(sums->measure.n_backed, sums->measure.n_sentence));
	json_object_set_new(object, "context_recall_percent",
		json_share(sums->measure.n_recalled, sums->measure.n_needed));
	json_object_set_new(object, "context_precision_percent",
		json_share(sums->measure.n_quote_needed, sums->measure.n_quote));
	json_object_set_new(object, "mean_windows_read", json_share(sums->n_read, 100 * n));
	json_object_set_new(object, "mean_chunks_read", json_share(sums->n_chunk_read, 100 * n));
	json_object_set_new(object, "mean_tokens_read", json_share(sums->read_tok, 100 * n));
	json_object_set_new(
		object, "mean_tokens_computed", json_share(sums->computed_tok, 100 * n));
	return object;
}

/* {name: sums} of each kind, or family, that there is. */
static json_t *json_groups(const struct over_run *run, int of_family)
{
	json_t *object = json_object();

	for (size_t i = 0; i < run->n_done; i++) {
		const struct eval_question *question = &run->questions.item[i];

		if (is_first(run, i, of_family)) {
			struct over_sums sums = sum(run, of_family ? NULL : question->kind,
				of_family ? question->family : NULL);

			json_object_set_new(object, of_family ? question->family : question->kind,
				json_sums(&sums));
		}
	}
	return object;
}

static json_t *json_library(const struct over_run *run)
{
	json_t *object = json_object();

	json_object_set_new(
		object, "documents", json_integer((json_int_t)quiz_document_count(run->quiz)));
	json_object_set_new(object, "left_out", json_integer(run->n_left_out));
	json_object_set_new(object, "tokens", json_integer(run->coverage.total_tok));
	json_object_set_new(object, "windows", json_integer(run->coverage.n_window));
	json_object_set_new(object, "chunks", json_integer(run->coverage.n_chunk));
	return object;
}

static json_t *json_cost(const struct over_run *run)
{
	double most_s, middle_s = warm_s(run, &most_s);
	json_t *object = json_object();

	json_object_set_new(object, "first_s", output_json_number(run->cost[0].seconds));
	json_object_set_new(object, "first_index_s", output_json_number(run->cost[0].index_s));
	json_object_set_new(
		object, "first_computed_tokens", json_integer(run->cost[0].computed_tok));
	json_object_set_new(object, "other_median_s", output_json_number(middle_s));
	json_object_set_new(object, "other_most_s", output_json_number(most_s));
	json_object_set_new(object, "other_computed_tokens", json_integer(warm_tok(run)));
	return object;
}

void over_print_json(const struct over_run *run)
{
	const struct engine_info *info = engine_info(run->engine);
	struct over_sums total = sum(run, NULL, NULL);
	json_t *object = json_object();

	json_object_set_new(object, "model", output_json_string(info->model_name));
	json_object_set_new(object, "storage", output_json_string(info->storage));
	json_object_set_new(object, "threads", json_integer(info->n_thread));
	json_object_set_new(object, "over", output_json_string(run->options->over));
	json_object_set_new(object, "seed", json_integer(run->options->seed));
	json_object_set_new(object, "interrupted", json_boolean(run->is_interrupted));
	json_object_set_new(object, "library", json_library(run));
	json_object_set_new(object, "all", json_sums(&total));
	json_object_set_new(object, "kinds", json_groups(run, 0));
	json_object_set_new(object, "families", json_groups(run, 1));
	json_object_set_new(object, "cost", json_cost(run));
	if (run->shown) {
		json_object_set(object, "questions", run->shown);
	}
	output_json(object);
}

/* ---- each question ---- */

static const char *judgement(const struct over_run *run, size_t index)
{
	const struct over_sums *sums = &run->sums[index];

	if (sums->n_failed) {
		return "failed";
	}
	if (sums->refused_absent) {
		return "refused";
	}
	return sums->refused ? "refused, wrongly" : sums->right ? "right" : "wrong";
}

static json_t *json_question(
	const struct over_run *run, size_t index, const struct session_answer *answer)
{
	const struct eval_question *item = &run->questions.item[index];
	const struct over_cost *cost = &run->cost[index];
	json_t *object = json_object();

	json_object_set_new(object, "kind", output_json_string(item->kind));
	json_object_set_new(object, "family", output_json_string(item->family));
	json_object_set_new(object, "question", output_json_string(item->quiz.text));
	json_object_set_new(object, "path", output_json_string(item->quiz.path));
	json_object_set_new(object, "line_first", json_integer(item->quiz.line_first));
	json_object_set_new(object, "line_last", json_integer(item->quiz.line_last));
	json_object_set_new(object, "expected", output_json_string(item->quiz.expected));
	json_object_set_new(object, "judgement", json_string(judgement(run, index)));
	json_object_set_new(object, "recalled", json_boolean(run->sums[index].measure.n_recalled));
	json_object_set_new(object, "bm25", json_boolean(picked(&run->sums[index])));
	json_object_set_new(object, "answer",
		answer ? output_json_bytes(answer->text, answer->text_len) : json_null());
	json_object_set_new(
		object, "citations", answer ? session_json_citations(answer) : json_array());
	json_object_set_new(object, "seconds", output_json_number(cost->seconds));
	json_object_set_new(object, "computed_tokens", json_integer(cost->computed_tok));
	json_object_set_new(object, "finds", json_integer(answer ? answer->coverage.n_find : 0));
	json_object_set_new(
		object, "finds_used", json_integer(answer ? answer->coverage.n_find_used : 0));
	json_object_set_new(object, "read_as",
		json_string(session_over_name(answer ? answer->coverage.over : SESSION_OVER_FAIL)));
	return object;
}

void over_show(const struct over_run *run, size_t index, const struct session_answer *answer)
{
	const struct eval_question *item = &run->questions.item[index];

	if (run->shown) {
		json_array_append_new(run->shown, json_question(run, index, answer));
		return;
	}
	output_line("%s %s: %s", item->kind, item->family, item->quiz.text);
	if (item->quiz.is_absent) {
		output_line("  expected     The sources do not say.");
	} else {
		output_line("  expected     %s:%lld-%lld \"%s\"%s", item->quiz.path,
			(long long)item->quiz.line_first, (long long)item->quiz.line_last,
			item->quiz.expected,
			run->sums[index].measure.n_recalled ? "" : ", which was not read");
	}
	output_line("  %-11s  %s", judgement(run, index), answer ? answer->text : "");
	for (size_t i = 0; answer && i < answer->n_citation; i++) {
		const struct citation *citation = &answer->citation[i];

		output_line("               [%zu] %s %s:%lld-%lld", i + 1,
			verdict_name(citation->verdict),
			citation->path ? citation->path : "nowhere",
			(long long)citation->line_first, (long long)citation->line_last);
	}
	output_flush();
}
