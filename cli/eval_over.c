#include "cli/eval_over.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/start.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWER_TOK = 256 }; /* as in eval quote */

/* ---- while a question is read ---- */

struct watched {
	struct session_place *kept; /* what a sweep found; paths are the finds' own */
	size_t n_kept, cap_kept;
	double began_s, index_s; /* began_s: of an index that is being made; 0: none is */
};

static void watched_finish(struct watched *reading)
{
	session_places_free(reading->kept, reading->n_kept);
}

static void keep(struct watched *reading, const struct citation *find)
{
	mem_grow(reading->kept, reading->n_kept, reading->cap_kept);
	reading->kept[reading->n_kept++] = (struct session_place){
		.source = mem_strdup(find->source),
		.path = mem_strdup(find->path),
		.page = find->page,
		.line_first = find->line_first,
		.line_last = find->line_last,
	};
}

static void on_reading(void *arg, const struct session_progress *progress)
{
	struct watched *reading = arg;
	int is_index = progress->step == SESSION_INDEXING || progress->step == SESSION_EMBEDDING;
	double now_s = output_clock_s();

	if (is_index && reading->began_s == 0) {
		reading->began_s = now_s;
	} else if (!is_index && reading->began_s > 0) {
		reading->index_s += now_s - reading->began_s;
		reading->began_s = 0;
	}
	for (size_t i = 0; progress->step == SESSION_FOUND && i < progress->n_find; i++) {
		keep(reading, &progress->find[i]);
	}
}

static int on_stopped(void *arg)
{
	return interrupt_pending();
}

/* ---- one question ---- */

/* Each question is a first one: no conversation stands before it. */
static int ask(struct over_run *run, const struct quiz_question *question, struct watched *reading,
	struct session_answer *answer, struct err *err)
{
	const struct session_watch watch = {
		.stopped = on_stopped, .reading = on_reading, .arg = reading};

	if (session_switch(run->session, 0, err) < 0 ||
		session_ask_over(run->session, run->engine, &run->reading.how, question->text,
			strlen(question->text), &engine_sampling_default, ANSWER_TOK, &watch,
			answer, err) < 0) {
		return -1;
	}
	if (interrupt_pending() || answer->stop == ENGINE_STOP_CANCELLED) {
		session_answer_finish(answer);
		return err_set(err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
	}
	return 0;
}

static void add_answer(struct over_run *run, size_t index, const struct watched *reading,
	const struct session_answer *answer)
{
	const struct quiz_question *question = &run->questions.item[index].quiz;
	const struct session_coverage *coverage = &answer->coverage;
	struct over_sums *sums = &run->sums[index];
	struct over_cost *cost = &run->cost[index];
	struct quiz_grade grade = quiz_grade(question, answer);

	sums->right = grade.right;
	*(question->is_absent ? &sums->refused_absent : &sums->refused) = grade.refused;
	sums->n_cited = (int64_t)grade.n_citation;
	sums->n_found = (int64_t)grade.n_found;
	quiz_measure_add(&sums->measure, question, answer, reading->kept, reading->n_kept);
	sums->n_read = coverage->n_read;
	sums->n_chunk_read = coverage->n_chunk_read;
	sums->read_tok = coverage->read_tok;
	cost->index_s = reading->index_s;
	cost->prompt_tok = answer->usage.prompt_tok + answer->reading.prompt_tok;
	cost->computed_tok = answer->usage.prefill_tok + answer->reading.prefill_tok;
	cost->generated_tok = answer->usage.generated_tok + answer->reading.generated_tok;
	sums->computed_tok = cost->computed_tok;
	run->coverage = *coverage;
}

/*
 * An answer that does not fit is a wrong one, and so is none where no passage has a word of the
 * question; every other failure ends the measurement.
 */
static int ask_one(struct over_run *run, size_t index, struct err *err)
{
	const struct quiz_question *question = &run->questions.item[index].quiz;
	struct over_sums *sums = &run->sums[index];
	struct watched reading = {0};
	struct session_answer answer = {0};
	double began_s = output_clock_s();
	int status = ask(run, question, &reading, &answer, err);

	run->cost[index].seconds = output_clock_s() - began_s;
	if (status < 0 && (err->code == ERR_CONTEXT || err->code == ERR_USAGE)) {
		log_err(err);
		sums->n_failed = 1;
		status = 0;
	} else if (status == 0) {
		add_answer(run, index, &reading, &answer);
	}
	if (status == 0) {
		*(question->is_absent ? &sums->n_absent : &sums->n_present) = 1;
		for (int unit = PICK_LINES; unit <= PICK_JOINED; unit++) {
			sums->picked[unit] = quiz_library_picker_is_right(
				run->quiz, question, (enum line_picker_unit)unit);
		}
		if (run->options->show_questions) {
			over_show(run, index, sums->n_failed ? NULL : &answer);
		}
		run->n_done++;
	}
	session_answer_finish(&answer);
	watched_finish(&reading);
	return status;
}

static int ask_all(struct over_run *run, struct err *err)
{
	double began_s = output_clock_s();
	size_t count = run->questions.count;
	int64_t right = 0;
	int status = 0;

	run->sums = mem_zero(count + 1, sizeof(*run->sums));
	run->cost = mem_zero(count + 1, sizeof(*run->cost));
	for (size_t i = 0; i < count && status == 0; i++) {
		status = ask_one(run, i, err);
		right += run->sums[i].right;
		log_progress("%zu/%zu  right %lld  %.1f s  ETA %.0f s", i + 1, count,
			(long long)right, run->cost[i].seconds,
			(output_clock_s() - began_s) * (double)(count - i - 1) / (double)(i + 1));
	}
	log_progress_clear();
	return status;
}

/* ---- the command ---- */

static int load(struct over_run *run, struct err *err)
{
	const struct options *options = run->options;

	/* What is measured are quotes, not how long a model thinks about them. */
	run->session = session_create(&(struct session_config){.no_think = 1});
	run->quiz = quiz_create();
	if (session_load(run->session, options->argument + 1, options->n_argument - 1, NULL, 1,
		    err) < 0) {
		return -1;
	}
	quiz_add_session(run->quiz, run->session);
	run->n_left_out = (int64_t)quiz_left_out(run->quiz);
	if (!quiz_document_count(run->quiz)) {
		return err_set(err, ERR_INPUTS, NULL, "name folders with text files",
			"there is no text to ask about");
	}
	if (options->questions_file) {
		return eval_questions_read(&run->questions, options->questions_file, err);
	}
	eval_questions_make(
		&run->questions, run->quiz, options->n_question, (uint64_t)options->seed);
	if (run->questions.n_missing) {
		log_note("%lld of %lld questions could not be made from these documents",
			(long long)run->questions.n_missing, (long long)options->n_question);
	}
	return run->questions.count
		       ? 0
		       : err_set(err, ERR_INPUTS, NULL,
				 "name folders with manuals, documentation, settings or code",
				 "nothing to ask about was found in %zu documents",
				 quiz_document_count(run->quiz));
}

static int measure(struct over_run *run, struct err *err)
{
	const struct options *options = run->options;
	int status = start_engine(&run->engine, options, START_KV_DISK, err);

	if (status == 0 &&
		(reading_begin(&run->reading, err) < 0 || start_wait(run->engine, err) < 0 ||
			reading_ready(&run->reading, run->engine, err) < 0)) {
		status = -1;
	}
	if (status == 0) {
		status = ask_all(run, err);
		run->is_interrupted = status < 0 && err->code == ERR_INTERRUPTED;
	}
	/* Where the engine failed, JSON is the error alone. */
	if (status == 0 || run->is_interrupted) {
		if (options->json) {
			over_print_json(run);
		} else {
			over_print(run);
		}
	}
	if (run->is_interrupted) {
		log_note("interrupted: the figures are of the questions asked so far");
		return ERR_INTERRUPTED;
	}
	return status;
}

int eval_over(struct engine **engine, const struct options *options, struct err *err)
{
	struct over_run run = {.options = options};
	int status;

	if (options->json && options->show_questions) {
		run.shown = json_array();
	}
	reading_open(&run.reading, options, start_over(options, SESSION_OVER_FAIL));
	status = load(&run, err);
	if (status == 0 && options->make_questions) {
		eval_questions_print(&run.questions);
	} else if (status == 0) {
		status = measure(&run, err);
	}
	*engine = run.engine;
	reading_close(&run.reading);
	json_decref(run.shown);
	free(run.sums);
	free(run.cost);
	eval_questions_finish(&run.questions);
	quiz_destroy(run.quiz);
	session_destroy(run.session);
	return status;
}
