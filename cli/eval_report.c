/* What carrel eval quote measured: a table of 80 columns, JSON, and each question. */
#include "cli/eval_quote.h"

#include "base/buf.h"
#include "cli/output.h"

#include <stdio.h>
#include <string.h>

static const char *const mode_names[] = {
	[MODE_CONSTRAINED] = "constrained",
	[MODE_FREE] = "free",
};

struct eval_sums eval_quote_total(const struct eval_length *length)
{
	struct eval_sums total = {0};

	for (int i = 0; i < QUIZ_N_FAMILY; i++) {
		const struct eval_sums *one = &length->family[i];
		int is_first = total.n_present + total.n_absent == 0;

		if (one->n_present + one->n_absent == 0) {
			continue;
		}
		if (is_first || one->least_distractor < total.least_distractor) {
			total.least_distractor = one->least_distractor;
		}
		total.n_present += one->n_present;
		total.n_absent += one->n_absent;
		for (int mode = 0; mode < N_MODE; mode++) {
			total.mode[mode].right += one->mode[mode].right;
			total.mode[mode].refused += one->mode[mode].refused;
			total.mode[mode].refused_absent += one->mode[mode].refused_absent;
			total.mode[mode].n_citation += one->mode[mode].n_citation;
			total.mode[mode].n_found += one->mode[mode].n_found;
			total.mode[mode].failed += one->mode[mode].failed;
		}
		total.picked[PICK_LINES] += one->picked[PICK_LINES];
		total.picked[PICK_JOINED] += one->picked[PICK_JOINED];
		total.n_distractor += one->n_distractor;
		total.n_source += one->n_source;
		total.prompt_tok += one->prompt_tok;
		total.prefill_tok += one->prefill_tok;
		total.prefill_ms += one->prefill_ms;
		total.decode_tok += one->decode_tok;
		total.decode_ms += one->decode_ms;
	}
	return total;
}

static int64_t count_of(const struct eval_sums *sums)
{
	return sums->n_present + sums->n_absent;
}

static double rate(int64_t tok, double ms)
{
	return ms > 0 ? 1000 * (double)tok / ms : 0;
}

/* The better of the two ways to cut lines is the baseline. */
static enum line_picker_unit better_unit(const struct eval_sums *sums)
{
	return sums->picked[PICK_JOINED] > sums->picked[PICK_LINES] ? PICK_JOINED : PICK_LINES;
}

/* ---- the table ---- */

/* " 71.2", or "   - " of nothing. */
static void add_share(struct buf *out, int64_t part, int64_t whole)
{
	if (whole) {
		buf_printf(out, " %5.1f", 100 * (double)part / (double)whole);
	} else {
		buf_addstr(out, "     -");
	}
}

static void print_row(const struct eval_length *length)
{
	struct eval_sums sums = eval_quote_total(length);
	struct buf row = BUF_INIT;

	buf_printf(&row, "%7lld %5lld", (long long)length->tok, (long long)count_of(&sums));
	for (int mode = 0; mode < N_MODE; mode++) {
		add_share(&row, sums.mode[mode].right, sums.n_present);
	}
	add_share(&row, sums.picked[better_unit(&sums)], sums.n_present);
	for (int mode = 0; mode < N_MODE; mode++) {
		add_share(&row, sums.mode[mode].n_found, sums.mode[mode].n_citation);
	}
	for (int mode = 0; mode < N_MODE; mode++) {
		add_share(&row, sums.mode[mode].refused_absent, sums.n_absent);
	}
	buf_printf(&row, " %6.1f %7.0f %6.0f",
		count_of(&sums) ? (double)sums.n_distractor / (double)count_of(&sums) : 0,
		rate(sums.prefill_tok, sums.prefill_ms), rate(sums.decode_tok, sums.decode_ms));
	output_line("%s", buf_str(&row));
	buf_finish(&row);
}

/* Right line by family: the model, and BM25 behind it. */
static void print_families(const struct eval_quote *eval)
{
	struct buf row = BUF_INIT;

	buf_addstr(&row, "right %    ");
	for (size_t i = 0; i < eval->n_length && i < 5; i++) {
		buf_printf(&row, " %13lld", (long long)eval->length[i].tok);
	}
	output_line("%s", buf_str(&row));
	for (int family = 0; family < QUIZ_N_FAMILY; family++) {
		buf_clear(&row);
		buf_printf(&row, "%-11s", quiz_family_name((enum quiz_family)family));
		for (size_t i = 0; i < eval->n_length && i < 5; i++) {
			const struct eval_length *length = &eval->length[i];
			const struct eval_sums *sums = &length->family[family];
			struct eval_sums total = eval_quote_total(length);

			add_share(&row, sums->mode[MODE_CONSTRAINED].right, sums->n_present);
			buf_addstr(&row, " /");
			add_share(&row, sums->picked[better_unit(&total)], sums->n_present);
		}
		output_line("%s", buf_str(&row));
	}
	buf_finish(&row);
}

void eval_quote_print(const struct eval_quote *eval)
{
	const struct engine_info *info = eval->info;

	output_line("%s, %s, %lld threads; %lld documents, seed %lld, one question in four absent",
		info->model_name, info->storage, (long long)info->n_thread,
		(long long)eval->n_document, (long long)eval->options->seed);
	output_line("%s", "");
	output_line("                 right %%          verbatim %%  refused %%  others   tok/s");
	output_line(
		"context     n quote  free  BM25 quote  free quote  free  beside prefill decode");
	for (size_t i = 0; i < eval->n_length; i++) {
		struct eval_sums sums = eval_quote_total(&eval->length[i]);

		if (count_of(&sums)) {
			print_row(&eval->length[i]);
		}
	}
	output_line("%s", "");
	print_families(eval);
	output_line("(quoting held to the sources / BM25)");
}

/* ---- JSON ---- */

static json_t *json_share(int64_t part, int64_t whole)
{
	return whole ? output_json_number(100 * (double)part / (double)whole) : json_null();
}

static json_t *json_mode(const struct eval_sums *sums, int mode)
{
	json_t *object = json_object();

	json_object_set_new(object, "right", json_integer(sums->mode[mode].right));
	json_object_set_new(
		object, "right_percent", json_share(sums->mode[mode].right, sums->n_present));
	json_object_set_new(object, "refused_present", json_integer(sums->mode[mode].refused));
	json_object_set_new(object, "refused", json_integer(sums->mode[mode].refused_absent));
	json_object_set_new(object, "refused_percent",
		json_share(sums->mode[mode].refused_absent, sums->n_absent));
	json_object_set_new(object, "citations", json_integer(sums->mode[mode].n_citation));
	json_object_set_new(object, "verbatim", json_integer(sums->mode[mode].n_found));
	json_object_set_new(object, "verbatim_percent",
		json_share(sums->mode[mode].n_found, sums->mode[mode].n_citation));
	json_object_set_new(object, "failed", json_integer(sums->mode[mode].failed));
	return object;
}

static json_t *json_sums(const struct eval_sums *sums)
{
	double n = count_of(sums) ? (double)count_of(sums) : 1;
	json_t *object = json_object(), *picker = json_object();

	json_object_set_new(object, "n", json_integer(count_of(sums)));
	json_object_set_new(object, "n_present", json_integer(sums->n_present));
	json_object_set_new(object, "n_absent", json_integer(sums->n_absent));
	for (int mode = 0; mode < N_MODE; mode++) {
		json_object_set_new(object, mode_names[mode], json_mode(sums, mode));
	}
	json_object_set_new(picker, "right_line", json_integer(sums->picked[PICK_LINES]));
	json_object_set_new(picker, "right_joined", json_integer(sums->picked[PICK_JOINED]));
	json_object_set_new(picker, "right_percent",
		json_share(sums->picked[better_unit(sums)], sums->n_present));
	json_object_set_new(object, "bm25", picker);
	json_object_set_new(
		object, "mean_distractors", output_json_number((double)sums->n_distractor / n));
	json_object_set_new(object, "least_distractors", json_integer(sums->least_distractor));
	json_object_set_new(object, "mean_sources", output_json_number((double)sums->n_source / n));
	json_object_set_new(
		object, "mean_prompt_tokens", output_json_number((double)sums->prompt_tok / n));
	json_object_set_new(object, "prefill_tok_per_s",
		output_json_number(rate(sums->prefill_tok, sums->prefill_ms)));
	json_object_set_new(object, "decode_tok_per_s",
		output_json_number(rate(sums->decode_tok, sums->decode_ms)));
	return object;
}

static json_t *json_length(const struct eval_length *length)
{
	struct eval_sums total = eval_quote_total(length);
	json_t *object = json_sums(&total), *families = json_object();

	json_object_set_new(object, "context_tokens", json_integer(length->tok));
	json_object_set_new(object, "missing", json_integer(length->n_missing));
	for (int family = 0; family < QUIZ_N_FAMILY; family++) {
		json_object_set_new(families, quiz_family_name((enum quiz_family)family),
			json_sums(&length->family[family]));
	}
	json_object_set_new(object, "families", families);
	return object;
}

void eval_quote_print_json(const struct eval_quote *eval)
{
	json_t *object = json_object(), *lengths = json_array();

	json_object_set_new(object, "model", output_json_string(eval->info->model_name));
	json_object_set_new(object, "storage", output_json_string(eval->info->storage));
	json_object_set_new(object, "threads", json_integer(eval->info->n_thread));
	json_object_set_new(object, "documents", json_integer(eval->n_document));
	json_object_set_new(object, "left_out", json_integer(eval->n_left_out));
	json_object_set_new(object, "seed", json_integer(eval->options->seed));
	json_object_set_new(
		object, "questions_per_length", json_integer(eval->options->n_question));
	json_object_set_new(object, "interrupted", json_boolean(eval->is_interrupted));
	for (size_t i = 0; i < eval->n_length; i++) {
		json_array_append_new(lengths, json_length(&eval->length[i]));
	}
	json_object_set_new(object, "lengths", lengths);
	if (eval->questions) {
		json_object_set(object, "questions", eval->questions);
	}
	output_json(object);
}

/* ---- each question ---- */

static const char *judgement(const struct quiz_question *question, const struct eval_answer *answer)
{
	if (!answer->answer) {
		return "failed";
	}
	if (answer->grade.refused) {
		return question->is_absent ? "refused" : "refused, wrongly";
	}
	return answer->grade.right ? "right" : "wrong";
}

static json_t *json_answer(const struct quiz_question *question, const struct eval_answer *shown)
{
	json_t *object = json_object(), *list = json_array();

	json_object_set_new(object, "judgement", json_string(judgement(question, shown)));
	json_object_set_new(object, "answer",
		shown->answer ? output_json_bytes(shown->answer->text, shown->answer->text_len)
			      : json_null());
	for (size_t i = 0; shown->answer && i < shown->answer->n_citation; i++) {
		const struct citation *citation = &shown->answer->citation[i];
		json_t *item = json_object();

		json_object_set_new(item, "text", output_json_string(citation->text));
		json_object_set_new(item, "source", output_json_string(citation->source));
		json_object_set_new(item, "line_first", json_integer(citation->line_first));
		json_object_set_new(item, "line_last", json_integer(citation->line_last));
		json_object_set_new(
			item, "verdict", output_json_string(verdict_name(citation->verdict)));
		json_array_append_new(list, item);
	}
	json_object_set_new(object, "citations", list);
	return object;
}

static json_t *json_question(int64_t length_tok, const struct quiz_question *question,
	const struct eval_answer answer[N_MODE])
{
	json_t *object = json_object();
	const char *family = quiz_family_name(quiz_kind_family(question->kind));
	char source[24];

	snprintf(source, sizeof(source), "S%zu", question->target + 1);
	json_object_set_new(object, "context_tokens", json_integer(length_tok));
	json_object_set_new(object, "prompt_tokens", json_integer(question->prompt_tok));
	json_object_set_new(object, "family", json_string(family));
	json_object_set_new(object, "absent", json_boolean(question->is_absent));
	json_object_set_new(object, "question", output_json_string(question->text));
	json_object_set_new(object, "asked", output_json_string(question->anchor));
	json_object_set_new(object, "expected",
		question->is_absent ? json_null() : output_json_string(question->expected));
	json_object_set_new(
		object, "source", question->is_absent ? json_null() : json_string(source));
	json_object_set_new(object, "line_first", json_integer(question->line_first));
	json_object_set_new(object, "line_last", json_integer(question->line_last));
	json_object_set_new(object, "position", output_json_number(question->position));
	json_object_set_new(
		object, "distractors", json_integer((json_int_t)question->n_distractor));
	json_object_set_new(
		object, "bm25_line", json_boolean(quiz_picker_is_right(question, PICK_LINES)));
	json_object_set_new(
		object, "bm25_joined", json_boolean(quiz_picker_is_right(question, PICK_JOINED)));
	for (int mode = 0; mode < N_MODE; mode++) {
		json_object_set_new(object, mode_names[mode], json_answer(question, &answer[mode]));
	}
	return object;
}

static void print_answer(
	const struct quiz_question *question, const struct eval_answer *shown, const char *mode)
{
	output_line("  %-11s  %s: %s", mode, judgement(question, shown),
		shown->answer ? shown->answer->text : "");
	for (size_t i = 0; shown->answer && i < shown->answer->n_citation; i++) {
		const struct citation *citation = &shown->answer->citation[i];

		output_line("               [%zu] %s %s:%lld-%lld", i + 1,
			verdict_name(citation->verdict),
			citation->source ? citation->source : "nowhere",
			(long long)citation->line_first, (long long)citation->line_last);
	}
}

void eval_quote_show(const struct eval_quote *eval, int64_t length_tok,
	const struct quiz_question *question, const struct eval_answer answer[N_MODE])
{
	if (eval->questions) {
		json_array_append_new(eval->questions, json_question(length_tok, question, answer));
		return;
	}
	output_line("%lld %s: %s", (long long)length_tok,
		quiz_family_name(quiz_kind_family(question->kind)), question->text);
	if (question->is_absent) {
		output_line("  expected     The sources do not say.");
	} else {
		output_line("  expected     S%zu %s:%lld-%lld \"%s\"", question->target + 1,
			quiz_target_name(question), (long long)question->line_first,
			(long long)question->line_last, question->expected);
		output_line("  BM25         %s by line, %s joined",
			quiz_picker_is_right(question, PICK_LINES) ? "right" : "wrong",
			quiz_picker_is_right(question, PICK_JOINED) ? "right" : "wrong");
	}
	for (int mode = 0; mode < N_MODE; mode++) {
		print_answer(question, &answer[mode], mode_names[mode]);
	}
	output_flush();
}
