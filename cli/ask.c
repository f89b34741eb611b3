/* carrel ask: one answer on standard output. */
#include "cli/commands.h"

#include "base/escape.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/reading.h"
#include "cli/resume.h"
#include "cli/session_json.h"
#include "cli/start.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUESTION_MAX_BYTES = 64 << 20 };

struct ask {
	struct options *options;
	struct inputs inputs;
	struct resume resume;
	struct session *session; /* of `resume` */
	struct engine *engine;
	char *question, *model;
	struct session_answer answer;
	struct start_thinking thinking;
	struct reading reading;
	struct reading_view view;
	size_t unreadable;
	int64_t before_fork; /* the head, where --fork moved it; else -1 */
	double began_s, ready_s, submit_s, first_text_s;
	int ends_with_newline, reader_left;
};

static int read_question_text(struct ask *ask, struct err *err)
{
	const struct options *options = ask->options;
	struct buf text = BUF_INIT;

	if (options->n_argument == 0 && options->fork_turn) {
		return 0; /* the one that was asked there */
	}
	if (options->n_argument == 0) {
		return err_set(err, ERR_USAGE, NULL, "carrel ask \"question\" FILE...",
			"there is no question");
	}
	if (strcmp(options->argument[0], "-") != 0) {
		ask->question = mem_strdup(options->argument[0]);
		return 0;
	}
	for (size_t i = 1; i < options->n_argument; i++) {
		if (strcmp(options->argument[i], "-") == 0) {
			return err_set(err, ERR_USAGE, "-", "give the question as an argument",
				"standard input is either the question or a source, not both");
		}
	}
	if (start_read(&text, "-", QUESTION_MAX_BYTES, err) < 0 ||
		start_refuse_nul(&text, "standard input", ERR_INPUTS, err) < 0) {
		buf_finish(&text);
		return -1;
	}
	while (text.len && text.data[text.len - 1] == '\n') {
		text.data[--text.len] = 0;
	}
	ask->question = buf_take(&text);
	return 0;
}

static int read_question(struct ask *ask, struct err *err)
{
	if (ask->options->fork_turn && !ask->options->session) {
		return err_set(err, ERR_USAGE, "--fork", "-s NAME names the session",
			"takes a turn of a session, and none is named");
	}
	if (read_question_text(ask, err) < 0) {
		return -1;
	}
	return !ask->question || ask->question[strspn(ask->question, " \t\r\n")]
		       ? 0
		       : err_set(err, ERR_USAGE, NULL, "carrel ask \"question\" FILE...",
				 "the question is empty");
}

static void on_prefill(void *arg, int64_t done_tok, int64_t total_tok, int64_t cached_tok)
{
	struct ask *ask = arg;

	if (!reading_is_under_way(&ask->view)) {
		start_show_prefill(ask->submit_s, done_tok, total_tok, cached_tok);
	}
}

static void on_reading(void *arg, const struct session_progress *progress)
{
	struct ask *ask = arg;

	reading_show(&ask->view, progress);
	if (progress->step == SESSION_ANSWERING) {
		ask->submit_s = output_clock_s();
	}
}

static void on_text(void *arg, const char *text, size_t len)
{
	struct ask *ask = arg;

	start_end_thinking(&ask->thinking);
	if (!ask->first_text_s) {
		ask->first_text_s = output_clock_s();
		log_progress_clear();
	}
	if (!ask->options->json && len) {
		output_text(text, len);
		ask->reader_left = output_flush() < 0;
		ask->ends_with_newline = text[len - 1] == '\n';
	}
}

static void on_thinking(void *arg, const char *text, size_t len, int64_t n_tok)
{
	struct ask *ask = arg;

	start_show_thinking(&ask->thinking, text, len, n_tok);
}

/* There is no use in words that nobody can read. */
static int on_stopped(void *arg)
{
	struct ask *ask = arg;

	return interrupt_pending() || ask->reader_left;
}

static json_t *json_timing(const struct ask *ask)
{
	const struct engine_usage *usage = &ask->answer.usage;
	/* Tokens whose characters are not complete yet come without text: then the engine's own
	 * clock says when the first one was there. */
	double first_s = ask->first_text_s ? ask->first_text_s
					   : ask->submit_s + usage->first_token_ms / 1000;
	json_t *object = json_object();

	json_object_set_new(
		object, "ready_ms", output_json_number(1000 * (ask->ready_s - ask->began_s)));
	json_object_set_new(object, "restore_ms", output_json_number(usage->restore_ms));
	json_object_set_new(object, "prefill_ms", output_json_number(usage->prefill_ms));
	json_object_set_new(object, "first_token_ms",
		usage->generated_tok ? output_json_number(1000 * (first_s - ask->ready_s))
				     : json_null());
	json_object_set_new(object, "reading_ms",
		session_coverage_is_partial(&ask->answer.coverage)
			? output_json_number(ask->answer.reading_ms)
			: json_null());
	json_object_set_new(object, "decode_ms", output_json_number(usage->decode_ms));
	json_object_set_new(
		object, "decode_tok_per_s", output_json_number(start_decode_rate(usage)));
	return object;
}

static void print_json(const struct ask *ask)
{
	static const char *const reasons[] = {
		[ENGINE_STOP_END] = "end",
		[ENGINE_STOP_LENGTH] = "length",
		[ENGINE_STOP_CANCELLED] = "interrupted",
	};
	const struct session_answer *answer = &ask->answer;
	json_t *object = json_object();

	json_object_set_new(object, "answer", output_json_bytes(answer->text, answer->text_len));
	json_object_set_new(
		object, "thinking", output_json_bytes(answer->thinking, answer->thinking_len));
	json_object_set_new(object, "stop_reason", json_string(reasons[answer->stop]));
	json_object_set_new(
		object, "model", output_json_string(engine_info(ask->engine)->model_name));
	json_object_set_new(object, "session", output_json_string(ask->resume.name));
	json_object_set_new(object, "turn",
		ask->resume.name && answer->turn ? json_integer(answer->turn) : json_null());
	json_object_set_new(object, "sources", session_json_sources(ask->session));
	json_object_set_new(object, "skipped", session_json_skipped(ask->session));
	json_object_set_new(
		object, "coverage", reading_json_coverage(&answer->coverage, ask->session));
	json_object_set_new(
		json_object_get(object, "coverage"), "places", reading_json_places(answer));
	json_object_set_new(object, "citations", session_json_citations(answer));
	json_object_set_new(object, "usage", session_json_usage(&answer->usage));
	json_object_set_new(
		object, "reading", reading_json_usage(&answer->coverage, &answer->reading));
	json_object_set_new(object, "timing", json_timing(ask));
	output_json(object);
}

static size_t count_unverified(const struct session_answer *answer)
{
	size_t count = 0;

	for (size_t i = 0; i < answer->n_citation; i++) {
		count += answer->citation[i].verdict != VERDICT_VERIFIED &&
			 answer->citation[i].verdict != VERDICT_MOVED;
	}
	return count;
}

/* The exit status of an answer that was made. */
static int judge(const struct ask *ask)
{
	size_t unverified = count_unverified(&ask->answer);

	if (ask->answer.stop == ENGINE_STOP_CANCELLED || ask->answer.coverage.is_stopped) {
		return ERR_INTERRUPTED;
	}
	if (ask->options->strict && unverified) {
		log_error("%zu of %zu quotes could not be verified (--strict)", unverified,
			ask->answer.n_citation);
		return ERR_QUOTE;
	}
	return ask->unreadable ? ERR_INPUTS : 0;
}

/* An answer that ends in mid-sentence has to say why. */
static void show_cut(const struct ask *ask)
{
	if (ask->answer.is_thinking) {
		start_show_unanswered(&ask->answer, ask->options, engine_info(ask->engine));
	} else if (ask->answer.stop == ENGINE_STOP_LENGTH &&
		   ask->answer.usage.generated_tok >= ask->options->max_tok) {
		log_note("cut at %lld tokens (-n allows more)", (long long)ask->options->max_tok);
	} else if (ask->answer.stop == ENGINE_STOP_LENGTH) {
		log_note("cut at %lld tokens: the context is full",
			(long long)ask->answer.usage.generated_tok);
	} else if (ask->answer.coverage.is_stopped && !ask->answer.text_len &&
		   ask->answer.coverage.n_find) {
		log_note("the answer was stopped before its first word: there is none");
	} else if (ask->answer.coverage.is_stopped && !ask->answer.text_len) {
		log_note("nothing was found until then: there is no answer");
	} else if (ask->answer.stop == ENGINE_STOP_CANCELLED) {
		log_note("stopped after %lld tokens", (long long)ask->answer.usage.generated_tok);
	}
}

/* What else there is to do about a context that is too small. */
static void hint_context(const struct ask *ask, struct err *err)
{
	if (err->code != ERR_CONTEXT) {
		return;
	}
	if (session_turn_count(ask->session)) {
		snprintf(err->hint, sizeof(err->hint),
			"carrel sessions fork %.64s NEW TURN goes on from an earlier turn, and so "
			"does --fork TURN",
			ask->resume.name);
	} else if (ask->reading.how.over == SESSION_OVER_FAIL &&
		   session_source_count(ask->session)) {
		start_hint_over(err, "--over auto");
	}
}

static int answer_question(struct ask *ask, struct err *err)
{
	struct session_watch watch = {.prefill = on_prefill,
		.text = on_text,
		.stopped = on_stopped,
		.arg = ask,
		.thinking = on_thinking,
		.reading = on_reading};
	struct engine_sampling sampling;
	int status;

	start_sampling(ask->options, &sampling);
	ask->submit_s = output_clock_s();
	ask->view = (struct reading_view){.is_terse = ask->options->json};
	status = session_ask_over(ask->session, ask->engine, &ask->reading.how, ask->question,
		strlen(ask->question), &sampling, ask->options->max_tok, &watch, &ask->answer, err);
	start_end_thinking(&ask->thinking);
	log_progress_clear();
	if (!ask->options->json && ask->first_text_s && !ask->ends_with_newline) {
		putchar('\n');
	}
	start_tell_trouble(ask->engine);
	if (status == 0 && ask->resume.name && ask->answer.turn) {
		log_info("saved as turn %lld", (long long)ask->answer.turn);
	}
	if (status < 0) {
		hint_context(ask, err);
	}
	if (status < 0 || ask->reader_left) {
		return status < 0 ? -1 : output_finish(err);
	}
	if (ask->options->json || ask->resume.name) {
		/* The sources' own counts; without them the answer is still an answer. */
		session_count(ask->session, ask->engine, &watch, NULL, NULL);
	}
	if (ask->options->json) {
		print_json(ask);
	} else {
		fflush(stdout);
		show_cut(ask);
		reading_tell(&ask->reading, &ask->answer, "--over sweep");
		start_show_citations(&ask->answer);
		start_show_usage(&ask->answer);
	}
	return output_finish(err) < 0 ? -1 : judge(ask);
}

static int finish_shown(const struct ask *ask, struct err *err)
{
	return output_finish(err) < 0 ? -1 : ask->unreadable ? ERR_INPUTS : 0;
}

static void on_choosing(void *arg, const struct session_progress *progress)
{
	reading_show(&((struct ask *)arg)->view, progress);
}

/* What the model would read: of the passages that are selected where not all of it fits. */
static int make_prompt(struct ask *ask, struct prompt *prompt, struct err *err)
{
	struct session_watch watch = {.stopped = on_stopped, .reading = on_choosing, .arg = ask};
	int status = session_prompt_over(ask->session, ask->engine, &ask->reading.how,
		ask->question, strlen(ask->question), ask->options->max_tok, &watch, prompt, err);

	log_progress_clear();
	return status;
}

/* The text of it; what is read whole needs no model to be shown. */
static int make_context(struct ask *ask, struct buf *text, struct err *err)
{
	struct prompt prompt = {0};
	int status = 0;

	if (ask->reading.how.over == SESSION_OVER_FAIL) {
		session_context_text(ask->session, ask->question, strlen(ask->question), text);
	} else {
		status = make_prompt(ask, &prompt, err);
		session_prompt_text(&prompt, text);
	}
	prompt_finish(&prompt);
	return status;
}

/* --show-context: the text that the model would read, marks of its template left out. */
static int show_context(struct ask *ask, struct err *err)
{
	struct buf text = BUF_INIT;

	if (make_context(ask, &text, err) < 0) {
		buf_finish(&text);
		return -1;
	}
	if (ask->options->json) {
		json_t *object = json_object();

		json_object_set_new(object, "context", output_json_bytes(buf_str(&text), text.len));
		output_json(object);
	} else {
		output_text(buf_str(&text), text.len);
		if (text.len && text.data[text.len - 1] != '\n') {
			putchar('\n');
		}
	}
	buf_finish(&text);
	return finish_shown(ask, err);
}

/* Some of the tokens, a line or an object of `list` each. */
static void show_rendered(const struct engine_event *event, json_t *list)
{
	const char *text = event->text;

	for (size_t i = 0; i < event->n_ids; i++) {
		size_t len = event->text_bytes[i];

		if (list) {
			json_t *token = json_object();

			json_object_set_new(token, "id", json_integer(event->ids[i]));
			json_object_set_new(token, "text", output_json_bytes(text, len));
			json_array_append_new(list, token);
		} else {
			printf("%u\t", event->ids[i]);
			escape_write(stdout, text, len, ESCAPE_LINE);
			putchar('\n');
		}
		text += len;
	}
}

/* --show-tokens: the whole prompt as the model would read it. */
static int show_tokens(struct ask *ask, struct err *err)
{
	json_t *list = ask->options->json ? json_array() : NULL;
	struct prompt prompt = {0};
	struct engine_event event = {0};
	int64_t request;
	int status = 0;

	if (make_prompt(ask, &prompt, err) < 0) {
		prompt_finish(&prompt);
		return -1;
	}
	request = engine_render(ask->engine, &prompt, err);
	prompt_finish(&prompt);
	do {
		status = request < 0 ? -1 : start_await(ask->engine, request, &event, err);
		if (status == 0 && event.type == ENGINE_RENDERED) {
			show_rendered(&event, list);
		}
	} while (
		status == 0 && (event.type != ENGINE_RENDERED || event.done_tok < event.total_tok));
	if (status < 0) {
		json_decref(list);
		return -1;
	}
	if (list) {
		json_t *object = json_object();

		json_object_set_new(object, "tokens", list);
		output_json(object);
	}
	return finish_shown(ask, err);
}

/* The session, and where in it the question stands. */
static int open_session(struct ask *ask, struct err *err)
{
	const struct options *options = ask->options;
	char *question = NULL;
	int status;

	status = options->fork_turn ? resume_existing(&ask->resume, ask->options, err)
				    : resume_open(&ask->resume, ask->options, err);
	ask->session = ask->resume.session;
	if (status < 0 || !options->fork_turn) {
		return status;
	}
	ask->before_fork = session_head(ask->session);
	if (session_fork(ask->session, options->fork_turn, &question, err) < 0) {
		return -1;
	}
	if (ask->question) {
		free(question);
	} else {
		ask->question = question;
	}
	return 0;
}

static int load_sources(struct ask *ask, struct err *err)
{
	const struct options *options = ask->options;
	int is_shown = options->show_context || options->show_tokens;

	/* What is only shown, or read in parts, may be of any size. */
	if (ask->inputs.n_path && !is_shown && ask->reading.how.over == SESSION_OVER_FAIL &&
		start_set_window(ask->session, ask->engine, &ask->model, options, err) < 0) {
		return -1;
	}
	if (inputs_load(&ask->inputs, ask->session, ask->inputs.path, ask->inputs.n_path,
		    options->partial, &ask->unreadable, err) < 0) {
		if (ask->unreadable && err->code == ERR_INPUTS && !err->hint[0]) {
			snprintf(err->hint, sizeof(err->hint), "ask --partial answers without it");
		}
		if (err->code == ERR_CONTEXT) {
			start_hint_over(err, "--over auto");
		}
		return -1;
	}
	return inputs_need_sources(ask->inputs.n_path, session_source_count(ask->session), err);
}

/* Somebody who forgot a file, or the - for standard input, would not see it in the answer. */
static void note_no_sources(void)
{
	struct pollfd input = {STDIN_FILENO, POLLIN, 0};
	struct stat st;
	int has_input =
		fstat(STDIN_FILENO, &st) == 0 &&
		((S_ISFIFO(st.st_mode) && poll(&input, 1, 0) > 0 && input.revents & POLLIN) ||
			(S_ISREG(st.st_mode) && st.st_size > 0));

	log_note("no sources were given; answering without any%s",
		has_input ? " (standard input is read only where - names it)" : "");
}

static int run(struct ask *ask, struct err *err)
{
	const struct options *options = ask->options;

	if (read_question(ask, err) < 0 || inputs_open(&ask->inputs, options, 1, err) < 0 ||
		open_session(ask, err) < 0) {
		return -1;
	}
	reading_open(&ask->reading, options, start_over(options, SESSION_OVER_FAIL));
	if (options->show_context && ask->reading.how.over == SESSION_OVER_FAIL) {
		return load_sources(ask, err) < 0 ? -1 : show_context(ask, err);
	}
	/* The engine loads its weights while the sources are read. */
	if (start_engine(&ask->engine, options, START_KV_DISK, err) < 0 ||
		(ask->reading.how.over != SESSION_OVER_FAIL &&
			reading_begin(&ask->reading, err) < 0) ||
		load_sources(ask, err) < 0 || start_wait(ask->engine, err) < 0 ||
		start_check_no_think(options, engine_info(ask->engine), err) < 0) {
		return -1;
	}
	ask->ready_s = output_clock_s();
	if (ask->reading.how.over != SESSION_OVER_FAIL &&
		reading_ready(&ask->reading, ask->engine, err) < 0) {
		return -1;
	}
	if (options->show_context || options->show_tokens) {
		return options->show_context ? show_context(ask, err) : show_tokens(ask, err);
	}
	if (session_check_sources(ask->session, engine_info(ask->engine), err) < 0) {
		return -1;
	}
	if (!session_source_count(ask->session)) {
		note_no_sources();
	}
	return answer_question(ask, err);
}

int command_ask(struct options *options, struct err *err)
{
	struct ask ask = {
		.options = options,
		.before_fork = -1,
		.began_s = output_clock_s(),
	};
	int status;

	interrupt_install();
	interrupt_install_term();
	status = run(&ask, err);
	if (ask.before_fork >= 0 && !ask.answer.turn) {
		/* Nothing was asked there. */
		session_switch(ask.session, ask.before_fork, NULL);
	}
	session_answer_finish(&ask.answer);
	reading_close(&ask.reading);
	engine_close(ask.engine);
	resume_close(&ask.resume, status < 0);
	inputs_close(&ask.inputs);
	free(ask.question);
	free(ask.model);
	return status;
}
