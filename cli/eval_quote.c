/* carrel eval quote: does a model find and quote what answers a question about these documents? */
#include "cli/eval_quote.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/eval_over.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/registry.h"
#include "cli/start.h"

#include <stdlib.h>
#include <string.h>

enum {
	ANSWER_TOK = 256, /* a quote and a sentence about it */
	LENGTH_DEFAULT_MAX_TOK = 8192,
	LENGTH_MIN_TOK = 256,
	ABSENT_EVERY = 4,
	DISTRACTORS = 20,
	DISTRACTORS_FROM_TOK = 2048, /* shorter contexts hold as many as they can */
};

struct run {
	struct eval_quote eval;
	struct engine *engine;
	struct quiz *quiz;
	double began_s, work_done, work_total; /* work: tokens of prompts */
};

/* ---- lengths ---- */

static int add_length(struct run *run, int64_t tok)
{
	if (run->eval.n_length == LENGTHS_MAX) {
		return -1;
	}
	run->eval.length[run->eval.n_length++].tok = tok;
	return 0;
}

/* --lengths, or 512, 1024 ... up to the greatest. */
static int read_lengths(struct run *run, int64_t most_tok, struct err *err)
{
	const char *text = run->eval.options->lengths;

	for (int64_t tok = 512; !text && tok <= most_tok; tok *= 2) {
		add_length(run, tok);
	}
	while (text && *text) {
		char *end;
		long long tok = strtoll(text, &end, 10);

		if (end == text || (*end && *end != ',') || tok < LENGTH_MIN_TOK ||
			add_length(run, tok) < 0) {
			return err_set(err, ERR_USAGE, "--lengths",
				"give numbers from 256 on, parted by commas",
				"takes at most %d lengths in tokens, not \"%s\"", LENGTHS_MAX,
				run->eval.options->lengths);
		}
		text = *end ? end + 1 : end;
	}
	return 0;
}

static int64_t longest(const struct run *run)
{
	int64_t tok = 0;

	for (size_t i = 0; i < run->eval.n_length; i++) {
		tok = run->eval.length[i].tok > tok ? run->eval.length[i].tok : tok;
	}
	return tok;
}

/*
 * The engine's context: the longest prompt and room for its answer, as far as the model's window
 * goes. (With a window that is the longest length, the prompts are a little shorter.)
 */
static int open_engine(struct run *run, struct err *err)
{
	struct options own = *run->eval.options;
	struct engine_config config = {.backend = own.device, .kv_type = own.kv_type};
	struct engine_plan plan;
	char *model = NULL;
	int64_t window_tok = 0;

	if (strcmp(own.device, "fake") != 0) {
		if (registry_find(own.model, &model, err) < 0) {
			return -1;
		}
		config.model = model;
		if (engine_plan(&plan, &config, err) < 0) {
			free(model);
			return -1;
		}
		window_tok = plan.context_train_tok;
		free(model);
	}
	if (read_lengths(run, own.context_tok ? own.context_tok : LENGTH_DEFAULT_MAX_TOK, err) <
		0) {
		return -1;
	}
	while (!own.lengths && run->eval.n_length && window_tok && longest(run) > window_tok) {
		run->eval.n_length--;
	}
	if (!run->eval.n_length) {
		return err_set(err, ERR_USAGE, "--context", "give 512 or more",
			"no length fits a context of %lld tokens",
			(long long)(own.context_tok ? own.context_tok : window_tok));
	}
	own.context_tok = longest(run) + ANSWER_TOK;
	if (window_tok && own.context_tok > window_tok && longest(run) <= window_tok) {
		own.context_tok = window_tok;
	}
	return start_engine(&run->engine, &own, START_KV_NONE, err);
}

/* ---- one question ---- */

static int count_prompt(
	void *arg, const struct quiz_question *question, int64_t *prompt_tok, struct err *err)
{
	struct run *run = arg;
	struct session *session = quiz_session(question, &(struct session_config){0});
	struct engine_event event = {0};
	struct prompt prompt = {0};
	int64_t request;
	int status = 0;

	session_prompt(
		session, question->text, strlen(question->text), engine_info(run->engine), &prompt);
	request = engine_tokenize(run->engine, &prompt, 1, err);
	prompt_finish(&prompt);
	session_destroy(session);
	do {
		status = request < 0 ? -1 : start_await(run->engine, request, &event, err);
	} while (status == 0 && event.type != ENGINE_TOKENS);
	*prompt_tok = event.total_tok;
	return status;
}

static int on_stopped(void *arg)
{
	return interrupt_pending();
}

/* Ask in one mode, as `ask` does: a session with the sources, its prompt, its check of the quotes. */
static int ask(struct run *run, const struct quiz_question *question, int mode,
	struct session_answer *answer, struct err *err)
{
	struct session_watch watch = {.stopped = on_stopped};
	struct engine_sampling sampling = engine_sampling_default;
	/* What is measured are quotes, not how long a model thinks about them. */
	struct session_config config = {.free_quotes = mode == MODE_FREE, .no_think = 1};
	struct session *session = quiz_session(question, &config);
	int status;

	status = session_ask(session, run->engine, question->text, strlen(question->text),
		&sampling, ANSWER_TOK, &watch, answer, err);
	session_destroy(session);
	if (status == 0 && answer->stop == ENGINE_STOP_CANCELLED) {
		session_answer_finish(answer);
		return err_set(err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
	}
	return status;
}

static void add_question(struct eval_sums *sums, const struct quiz_question *question)
{
	int64_t n_distractor = (int64_t)question->n_distractor;
	int is_first = sums->n_present + sums->n_absent == 0;

	if (question->is_absent) {
		sums->n_absent++;
	} else {
		sums->n_present++;
		sums->picked[PICK_LINES] += quiz_picker_is_right(question, PICK_LINES);
		sums->picked[PICK_JOINED] += quiz_picker_is_right(question, PICK_JOINED);
	}
	sums->n_distractor += n_distractor;
	if (is_first || n_distractor < sums->least_distractor) {
		sums->least_distractor = n_distractor;
	}
	sums->n_source += (int64_t)question->n_source;
	sums->prompt_tok += question->prompt_tok;
}

static void add_answer(struct eval_sums *sums, const struct quiz_question *question, int mode,
	const struct eval_answer *answer)
{
	const struct quiz_grade *grade = &answer->grade;

	sums->mode[mode].failed += answer->answer == NULL;
	sums->mode[mode].right += grade->right;
	if (question->is_absent) {
		sums->mode[mode].refused_absent += grade->refused;
	} else {
		sums->mode[mode].refused += grade->refused;
	}
	sums->mode[mode].n_citation += (int64_t)grade->n_citation;
	sums->mode[mode].n_found += (int64_t)grade->n_found;
	if (mode == MODE_CONSTRAINED && answer->answer) {
		const struct engine_usage *usage = &answer->answer->usage;

		sums->prefill_tok += usage->prefill_tok;
		sums->prefill_ms += usage->prefill_ms;
		sums->decode_tok += usage->generated_tok > 1 ? usage->generated_tok - 1 : 0;
		sums->decode_ms += usage->decode_ms;
	}
}

/*
 * Both modes of a question. An answer that does not come is a wrong one; but an engine that cannot
 * answer at all, and Ctrl-C, end the measurement, and this question does not count.
 */
static int ask_both(struct run *run, struct eval_length *length,
	const struct quiz_question *question, struct err *err)
{
	struct eval_sums *sums = &length->family[quiz_kind_family(question->kind)];
	struct session_answer answer[N_MODE] = {0};
	struct eval_answer shown[N_MODE] = {0};
	int status = 0;

	for (int mode = 0; mode < N_MODE && status == 0; mode++) {
		struct err why;

		if (ask(run, question, mode, &answer[mode], &why) == 0) {
			shown[mode].answer = &answer[mode];
			shown[mode].grade = quiz_grade(question, &answer[mode]);
		} else if (why.code == ERR_CONTEXT) {
			log_err(&why);
		} else {
			*err = why;
			status = -1;
		}
	}
	if (status == 0) {
		add_question(sums, question);
		for (int mode = 0; mode < N_MODE; mode++) {
			add_answer(sums, question, mode, &shown[mode]);
		}
		if (run->eval.options->show_questions) {
			eval_quote_show(&run->eval, length->tok, question, shown);
		}
	}
	for (int mode = 0; mode < N_MODE; mode++) {
		session_answer_finish(&answer[mode]);
	}
	return status;
}

/* ---- all questions ---- */

static void show_progress(struct run *run, const struct eval_length *length, int64_t done)
{
	struct eval_sums total = eval_quote_total(length);
	double elapsed_s = output_clock_s() - run->began_s;

	log_progress("%lld tokens: %lld/%lld  right %lld/%lld  refused %lld/%lld  ETA %.0f s",
		(long long)length->tok, (long long)done, (long long)run->eval.options->n_question,
		(long long)total.mode[MODE_CONSTRAINED].right, (long long)total.n_present,
		(long long)total.mode[MODE_CONSTRAINED].refused_absent, (long long)total.n_absent,
		run->work_done > 0 ? elapsed_s * (run->work_total - run->work_done) / run->work_done
				   : 0);
}

static int64_t count_asked(const struct eval_sums *sums, int is_absent)
{
	return is_absent ? sums->n_absent : sums->n_present;
}

/*
 * A question of the family that was asked for least, or of the next that has one with as many
 * distractors as the length wants; with fewer only where no family has. *given_up are families that
 * had none twice: looking again takes long. Returns as quiz_make() does.
 */
static int make_question(struct run *run, const struct eval_length *length,
	struct quiz_order *order, int given_up[QUIZ_N_FAMILY], struct quiz_question *question,
	struct err *err)
{
	for (; order->settle <= 1; order->settle++) {
		int is_tried[QUIZ_N_FAMILY] = {0};

		for (int i = 0; i < QUIZ_N_FAMILY; i++) {
			int64_t least = INT64_MAX;
			int status;

			for (int k = 0; k < QUIZ_N_FAMILY; k++) {
				int64_t count = count_asked(&length->family[k], order->is_absent);

				if (!is_tried[k] && count < least) {
					least = count;
					order->family = (enum quiz_family)k;
				}
			}
			is_tried[order->family] = 1;
			if (given_up[order->family] > 1 && !order->settle) {
				continue;
			}
			status = quiz_make(run->quiz, order, question, err);
			if (status) {
				return status;
			}
			given_up[order->family]++;
		}
	}
	return 0;
}

static int run_length(struct run *run, struct eval_length *length, struct err *err)
{
	int64_t room_tok = engine_info(run->engine)->context_tok - ANSWER_TOK;
	int given_up[2][QUIZ_N_FAMILY] = {{0}};
	struct quiz_order order = {
		.seed = (uint64_t)run->eval.options->seed,
		.least_tok = (9 * length->tok + 9) / 10,
		.most_tok = length->tok < room_tok ? length->tok : room_tok,
		.distractors = DISTRACTORS,
		.count = count_prompt,
		.arg = run,
	};

	if (order.most_tok < order.least_tok) {
		return err_set(err, ERR_CONTEXT, "--lengths", "give smaller lengths",
			"a prompt of %lld tokens and its answer do not fit the context of %lld",
			(long long)length->tok, (long long)engine_info(run->engine)->context_tok);
	}
	quiz_restart(run->quiz);
	for (int64_t i = 0; i < run->eval.options->n_question; i++) {
		struct quiz_question question = {0};
		int status;

		order.number = (uint64_t)i;
		order.is_absent = i % ABSENT_EVERY == ABSENT_EVERY - 1;
		order.settle = length->tok < DISTRACTORS_FROM_TOK;
		status = make_question(
			run, length, &order, given_up[order.is_absent], &question, err);
		length->n_missing += status == 0;
		if (status > 0) {
			status = ask_both(run, length, &question, err);
		}
		quiz_question_finish(&question);
		if (status < 0) {
			return -1;
		}
		run->work_done += (double)length->tok;
		show_progress(run, length, i + 1);
	}
	return 0;
}

static int run_all(struct run *run, struct err *err)
{
	int status = 0;

	run->began_s = output_clock_s();
	for (size_t i = 0; i < run->eval.n_length; i++) {
		run->work_total +=
			(double)(run->eval.length[i].tok * run->eval.options->n_question);
	}
	for (size_t i = 0; i < run->eval.n_length && status == 0; i++) {
		status = run_length(run, &run->eval.length[i], err);
	}
	log_progress_clear();
	return status;
}

static int load(struct run *run, struct err *err)
{
	const struct options *options = run->eval.options;
	size_t n_entry = 0;

	run->quiz = quiz_create();
	if (quiz_load(run->quiz, options->argument + 1, options->n_argument - 1, err) < 0) {
		return -1;
	}
	run->eval.n_document = (int64_t)quiz_document_count(run->quiz);
	run->eval.n_left_out = (int64_t)quiz_left_out(run->quiz);
	for (int i = 0; i < QUIZ_N_FAMILY; i++) {
		size_t count = quiz_entry_count(run->quiz, (enum quiz_family)i);

		log_info("%zu entries of family %s", count, quiz_family_name((enum quiz_family)i));
		n_entry += count;
	}
	if (!n_entry) {
		return err_set(err, ERR_INPUTS, NULL,
			"name folders with manuals, documentation, settings or code",
			"nothing to ask about was found in %lld documents",
			(long long)run->eval.n_document);
	}
	return 0;
}

/* What was measured is shown, also where something ended it early. */
static void report(struct run *run)
{
	struct eval_quote *eval = &run->eval;

	eval->info = engine_info(run->engine);
	for (size_t i = 0; i < eval->n_length; i++) {
		if (eval->length[i].n_missing) {
			log_note("%lld tokens: %lld of %lld questions could not be made from these "
				 "documents",
				(long long)eval->length[i].tok,
				(long long)eval->length[i].n_missing,
				(long long)eval->options->n_question);
		}
	}
	if (eval->options->json) {
		eval_quote_print_json(eval);
	} else {
		eval_quote_print(eval);
	}
}

int eval_quote(struct engine **engine, const struct options *options, struct err *err)
{
	static const char *const of_over[] = {"--window", "--select", "--embed"};
	struct run run = {.eval = {.options = options}};
	int status = -1;

	if (options->n_argument < 2) {
		return err_set(err, ERR_USAGE, NULL, "carrel eval quote DIR...",
			"there are no documents to ask about");
	}
	if (options->n_question < 1) {
		return err_set(err, ERR_USAGE, "--questions", NULL, "takes 1 or more");
	}
	if (start_is_flag("over") || options->questions_file || options->make_questions) {
		return eval_over(engine, options, err);
	}
	for (size_t i = 0; i < ARRAY_LEN(of_over); i++) {
		if (start_is_flag(of_over[i] + 2)) {
			return err_set(err, ERR_USAGE, of_over[i],
				"carrel eval quote --over MODE DIR...",
				"is of questions to a whole library");
		}
	}
	if (options->json && options->show_questions) {
		run.eval.questions = json_array();
	}
	if (open_engine(&run, err) == 0) {
		status = load(&run, err);
	}
	*engine = run.engine;
	if (status == 0) {
		status = start_wait(run.engine, err);
	}
	if (status == 0) {
		status = run_all(&run, err);
		run.eval.is_interrupted = status < 0 && err->code == ERR_INTERRUPTED;
		/* Where the engine failed, JSON is the error alone. */
		if (status == 0 || run.eval.is_interrupted || !options->json) {
			report(&run);
		}
	}
	if (run.eval.is_interrupted) {
		log_note("interrupted: the figures are of the questions asked so far");
		status = ERR_INTERRUPTED;
	}
	json_decref(run.eval.questions);
	quiz_destroy(run.quiz);
	return status;
}
