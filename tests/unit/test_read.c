/* Reading more than the window: what is asked, what is kept of it, and what is said of how much was read. */
#include "session/session.h"

#include "base/buf.h"
#include "session/session_internal.h"
#include "tests/unit/session_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

#define QUESTION "Which colour is the pump?"
#define FACT     "The pump is green."
#define REFUSAL  "The sources do not say."

enum { WINDOW_TOK = 512, SELECT_TOK = 900, CONTEXT_TOK = 2048, MAX_TOK = 200 };

/* n lines about nothing, of which line `at` (0: none) is another one. malloc'ed. */
static char *text_with(int n, int at, const char *line)
{
	struct buf text = BUF_INIT;

	for (int i = 1; i <= n; i++) {
		if (i == at) {
			buf_printf(&text, "%s\n", line);
		} else {
			buf_printf(&text, "Line %03d is about the weather.\n", i);
		}
	}
	return buf_take(&text);
}

static void add_lines(struct session *session, const char *name, int n, int at, const char *line)
{
	char *text = text_with(n, at, line);

	add_text(session, name, text);
	free(text);
}

/* Wherever the fact stands, the fake quotes it; else it refuses. */
static struct engine *open_scripted(const char *rules)
{
	setenv("CARREL_FAKE_ANSWERS", rules, 1);
	setenv("CARREL_FAKE_ANSWER", REFUSAL, 1);
	return open_fake(CONTEXT_TOK);
}

static const char rule_green[] = FACT "\t" QUESTION "\tIt is green. [S1 a.txt:1 \"" FACT "\"]";

static struct engine *open_green(void)
{
	return open_scripted(rule_green);
}

static void done(struct session *session, struct engine *engine)
{
	session_destroy(session);
	engine_close(engine);
	unsetenv("CARREL_FAKE_ANSWERS");
	unsetenv("CARREL_FAKE_ANSWER");
	unsetenv("CARREL_FAKE_TOKEN_US");
}

/* What was told. */
struct told {
	struct buf text;
	int64_t n_step[SESSION_ANSWERING + 1];
	int64_t swept, total;
	char *found; /* the words of the last find */
	int64_t found_line;
	int64_t stop_after; /* windows; 0: never */
	int stop_answer, stop_now;
	int polls_left;       /* of the sweep, then it stops; 0: it does not */
	int stop_twice;       /* as soon as the first one was told */
	int64_t done_at_stop; /* windows */
	pid_t kill_after_first;
};

static void told_finish(struct told *told)
{
	buf_finish(&told->text);
	free(told->found);
}

static void take_reading(void *arg, const struct session_progress *progress)
{
	struct told *told = arg;

	told->n_step[progress->step]++;
	if (progress->step == SESSION_SWEEPING) {
		assert_true(progress->done >= told->swept && progress->done <= progress->total);
		told->swept = progress->done;
		told->total = progress->total;
		told->stop_now |= told->stop_after && progress->done >= told->stop_after;
		if (told->kill_after_first && progress->done == 1) {
			kill(told->kill_after_first, SIGKILL);
		}
	} else if (progress->step == SESSION_FOUND) {
		assert_true(progress->n_find > 0);
		free(told->found);
		told->found = mem_strdup(progress->find[0].text);
		told->found_line = progress->find[0].line_first;
	} else if (progress->step == SESSION_STOPPED) {
		told->stop_now = told->stop_twice;
		told->stop_twice = 0;
		told->stop_after = 0;
		told->done_at_stop = progress->done;
	} else if (progress->step == SESSION_ANSWERING) {
		told->stop_now = told->stop_answer;
	}
}

static void take_text(void *arg, const char *text, size_t len)
{
	buf_add(&((struct told *)arg)->text, text, len);
}

static int take_stopped(void *arg)
{
	struct told *told = arg;

	told->stop_now |= told->total && told->polls_left && !--told->polls_left;
	return told->stop_now;
}

static int try_over(struct session *session, struct engine *engine, enum session_over over,
	const char *question, struct told *told, struct session_answer *answer, struct err *err)
{
	struct session_watch watch = {
		.text = take_text, .stopped = take_stopped, .reading = take_reading, .arg = told};
	struct session_reading how = {
		.over = over, .window_tok = WINDOW_TOK, .select_tok = SELECT_TOK};

	return session_ask_over(session, engine, &how, question, strlen(question), NULL, MAX_TOK,
		told ? &watch : NULL, answer, err);
}

static struct session_answer ask_over(struct session *session, struct engine *engine,
	enum session_over over, const char *question, struct told *told)
{
	struct session_answer answer;
	struct err err = {0};

	must(try_over(session, engine, over, question, told, &answer, &err), &err);
	return answer;
}

static void assert_green(const struct session_answer *answer, const char *source, int64_t line)
{
	assert_string_equal("It is green. [S1 a.txt:1 \"" FACT "\"]", answer->text);
	assert_int_equal(1, answer->n_citation);
	assert_int_not_equal(VERDICT_NOT_FOUND, answer->citation[0].verdict);
	assert_string_equal(source, answer->citation[0].source);
	assert_int_equal(line, answer->citation[0].line_first);
}

/* ---- what fits ---- */

static void what_fits_the_window_is_asked_as_ever(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct told told = {0};
	struct session_answer answer;

	add_lines(session, "a.txt", 9, 3, FACT);
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, &told);
	assert_green(&answer, "S1", 3);
	assert_int_equal(SESSION_OVER_FAIL, answer.coverage.over);
	assert_int_equal(1, answer.coverage.n_window);
	assert_int_equal(1, answer.coverage.n_read);
	assert_int_equal(0, told.n_step[SESSION_SWEEPING]);
	session_answer_finish(&answer);
	told_finish(&told);
	done(session, engine);
}

static void without_a_way_what_does_not_fit_is_refused_with_both_numbers(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct session_answer answer;
	struct err err = {0};

	add_lines(session, "a.txt", 300, 150, FACT);
	assert_int_equal(
		-1, try_over(session, engine, SESSION_OVER_FAIL, QUESTION, NULL, &answer, &err));
	assert_int_equal(ERR_CONTEXT, err.code);
	assert_non_null(strstr(err.what, "2,048"));
	done(session, engine);
}

/* ---- sweep ---- */

static void a_sweep_reads_every_window_and_cites_the_source(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct told told = {0};
	struct session_answer answer;
	const struct store_turn *turn;

	add_lines(session, "a.txt", 300, 150, FACT);
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, &told);
	assert_green(&answer, "S1", 150);
	assert_true(answer.coverage.n_window > 15);
	assert_int_equal(answer.coverage.n_window, answer.coverage.n_read);
	assert_int_equal(answer.coverage.n_chunk, answer.coverage.n_chunk_read);
	assert_int_equal(answer.coverage.total_tok, answer.coverage.read_tok);
	assert_int_equal(1, answer.coverage.n_find);
	assert_int_equal(1, answer.coverage.n_find_used);
	assert_false(answer.coverage.is_stopped);
	assert_int_equal(told.total, told.swept);
	assert_int_equal(told.total, answer.coverage.n_window);
	assert_int_equal(1, told.n_step[SESSION_FOUND]);
	assert_string_equal(FACT, told.found);
	assert_int_equal(150, told.found_line);
	assert_string_equal(answer.text, buf_str(&told.text));
	/* The last pass read the lines around it. */
	assert_int_equal(1, answer.n_place);
	assert_true(answer.place[0].line_first < 150 && answer.place[0].line_last > 150);
	/* And the turn is one like any other. */
	assert_int_equal(1, answer.turn);
	turn = session_turn_at(session, 0).stored;
	assert_string_equal(answer.text, turn->text);
	assert_int_equal(1, turn->n_citation);
	assert_int_equal(answer.coverage.n_read, turn->reading.coverage.n_read);
	assert_int_equal(answer.reading.prompt_tok, turn->reading.usage.prompt_tok);
	session_answer_finish(&answer);
	told_finish(&told);
	done(session, engine);
}

static void what_no_window_says_carrel_says_without_a_last_pass(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct told told = {0};
	struct session_answer answer;
	size_t n_ids;

	add_lines(session, "a.txt", 300, 0, NULL);
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, &told);
	assert_string_equal(REFUSAL, answer.text);
	assert_string_equal(REFUSAL, buf_str(&told.text));
	assert_int_equal(0, answer.coverage.n_find);
	assert_int_equal(0, answer.usage.prompt_tok);
	assert_int_equal(0, told.n_step[SESSION_ANSWERING]);
	assert_int_equal(ENGINE_STOP_END, answer.stop);
	/* Its ids are those of the sentence: the next question has it before it. */
	n_ids = session_turn_at(session, 0).stored->n_ids;
	assert_int_equal(strlen(REFUSAL), n_ids);
	for (size_t i = 0; i < n_ids; i++) {
		assert_int_equal(REFUSAL[i], session_turn_at(session, 0).stored->ids[i]);
	}
	session_answer_finish(&answer);
	told_finish(&told);
	done(session, engine);
}

static void a_false_quote_is_no_find(void **state)
{
	/* No brackets: the quote is not held to the sources, and stands in none. */
	struct engine *engine =
		open_scripted("weather\t" QUESTION "\tIt is red: \"The pump is red.\"");
	struct session *session = session_create(&(struct session_config){0});
	struct session_answer answer;

	add_lines(session, "a.txt", 300, 0, NULL);
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, NULL);
	assert_string_equal(REFUSAL, answer.text);
	assert_int_equal(0, answer.coverage.n_find);
	session_answer_finish(&answer);
	done(session, engine);
}

/* Source 2 is called S1 in its window, where the fake refuses, and S2 in the last pass. */
static void where_every_window_refuses_the_lines_with_the_questions_words_are_read(void **state)
{
	struct engine *engine =
		open_scripted("id=\"S2\"\t" FACT "\tWhich\tIt is green. [S2 b.txt:1 \"" FACT "\"]");
	struct session *session = session_create(&(struct session_config){0});
	struct told told = {0};
	struct session_answer answer;

	add_lines(session, "a.txt", 150, 0, NULL);
	add_lines(session, "b.txt", 150, 70, FACT);
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, "Which green pump?", &told);
	assert_int_equal(1, answer.coverage.n_find);
	assert_int_equal(1, answer.coverage.n_find_used);
	assert_int_equal(1, answer.n_citation);
	assert_string_equal("S2", answer.citation[0].source);
	assert_int_equal(70, answer.citation[0].line_first);
	assert_int_equal(1, told.n_step[SESSION_FOUND]);
	assert_int_equal(70, told.found_line);
	/* No window was read twice for it. */
	assert_int_equal(answer.coverage.n_window, told.swept);
	session_answer_finish(&answer);
	told_finish(&told);
	done(session, engine);
}

static void lines_with_few_of_the_questions_words_are_no_find(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct session_answer answer;

	add_lines(session, "a.txt", 300, 150, "The pump is here.");
	answer = ask_over(session, engine, SESSION_OVER_SWEEP,
		"Which colour has the handle of the pump?", NULL);
	assert_string_equal(REFUSAL, answer.text);
	assert_int_equal(0, answer.coverage.n_find);
	session_answer_finish(&answer);
	done(session, engine);
}

static void windows_are_asked_for_quotes_where_the_answer_is_not(void **state)
{
	struct engine *engine = open_scripted(FACT "\tCite each quote\t[S1 a.txt:1 \"" FACT
						   "\"]\n" FACT "\t" QUESTION "\tGreen.");
	struct session *session = session_create(&(struct session_config){.no_cite = 1});
	struct session_answer answer;

	add_lines(session, "a.txt", 300, 150, FACT);
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, NULL);
	assert_int_equal(1, answer.coverage.n_find);
	assert_string_equal("Green.", answer.text);
	session_answer_finish(&answer);
	answer = ask_over(session, engine, SESSION_OVER_AUTO, QUESTION, NULL);
	assert_int_equal(SESSION_OVER_SELECT, answer.coverage.over);
	assert_string_equal("Green.", answer.text);
	session_answer_finish(&answer);
	done(session, engine);
}

static void numbers_beyond_nine_and_their_lines_are_right(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct session_answer answer;

	for (int i = 1; i <= 12; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%d.txt", i);
		add_lines(session, name, 20 + i, i == 11 ? 8 : 0, FACT);
	}
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, NULL);
	assert_green(&answer, "S11", 8);
	assert_string_equal("n11.txt", answer.citation[0].path);
	session_answer_finish(&answer);
	done(session, engine);
}

static void what_an_update_replaced_is_not_read(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct session_answer answer;
	char *text = text_with(300, 200, "The pump is gone.");

	add_lines(session, "a.txt", 300, 150, FACT);
	update_text(session, 0, text);
	free(text);
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, NULL);
	assert_string_equal(REFUSAL, answer.text);
	session_answer_finish(&answer);
	text = text_with(300, 40, FACT);
	update_text(session, 0, text);
	free(text);
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, NULL);
	assert_green(&answer, "S1", 40);
	assert_false(answer.citation[0].superseded);
	session_answer_finish(&answer);
	done(session, engine);
}

static void a_follow_up_has_the_conversation_in_every_window(void **state)
{
	struct engine *engine = open_scripted(
		"It is green.\tthe valve is blue\tAnd the valve?\tBlue. [S1 a.txt:1 \"the valve is "
		"blue\"]\n" FACT "\t" QUESTION "\tIt is green. [S1 a.txt:1 \"" FACT "\"]");
	struct session *session = session_create(&(struct session_config){0});
	struct session_answer answer;

	add_lines(session, "a.txt", 150, 75, FACT);
	add_lines(session, "b.txt", 150, 30, "There the valve is blue, they say.");
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, NULL);
	assert_int_equal(0, answer.coverage.n_turn);
	session_answer_finish(&answer);
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, "And the valve?", NULL);
	assert_int_equal(1, answer.n_citation);
	assert_string_equal("S2", answer.citation[0].source);
	assert_int_equal(30, answer.citation[0].line_first);
	assert_int_equal(1, answer.coverage.n_turn);
	assert_int_equal(1, answer.coverage.n_turn_read);
	session_answer_finish(&answer);
	done(session, engine);
}

static void a_second_question_computes_no_source_again(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct session_answer answer;
	int64_t first_tok, n_window;

	add_lines(session, "a.txt", 300, 150, FACT);
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, NULL);
	first_tok = answer.reading.prefill_tok;
	assert_true(first_tok > answer.coverage.total_tok);
	session_answer_finish(&answer);
	session_switch(session, 0, NULL);
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, "What of the sea?", NULL);
	n_window = answer.coverage.n_window;
	/* A question of 16 bytes and its template, and the rest of a page. */
	assert_true(answer.reading.prefill_tok < n_window * 150);
	assert_true(answer.reading.cached_tok > answer.coverage.total_tok);
	session_answer_finish(&answer);
	done(session, engine);
}

static void many_finds_are_asked_about_in_groups(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct session_answer answer;
	struct buf text = BUF_INIT;

	for (int i = 1; i <= 600; i++) {
		buf_addstr(&text, i % 30 == 7 ? FACT "\n" : "Here it is about the weather.\n");
	}
	add_text(session, "a.txt", buf_str(&text));
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, NULL);
	assert_true(answer.coverage.n_find > 10);
	assert_true(answer.coverage.n_find_used < answer.coverage.n_find);
	assert_true(answer.coverage.n_find_used > 0);
	assert_int_equal(1, answer.n_citation);
	assert_int_not_equal(VERDICT_NOT_FOUND, answer.citation[0].verdict);
	buf_finish(&text);
	session_answer_finish(&answer);
	done(session, engine);
}

/* Ten lines about nothing, one in which the fact and much else stands, more about nothing. */
static char *text_with_long_line(size_t len)
{
	char *before = text_with(10, 0, NULL);
	struct buf text = BUF_INIT;

	buf_printf(&text, "%s" FACT, before);
	for (size_t i = 0; i < len; i++) {
		buf_addch(&text, i % 8 ? 'z' : ' ');
	}
	buf_addch(&text, '\n');
	free(before);
	return buf_take(&text);
}

static int try_narrow(struct session *session, struct engine *engine, struct told *told,
	struct session_answer *answer, struct err *err)
{
	const struct session_watch watch = {
		.stopped = take_stopped, .reading = take_reading, .arg = told};
	const struct session_reading how = {
		.over = SESSION_OVER_SWEEP, .window_tok = WINDOW_TOK, .select_tok = 1};

	return session_ask_over(session, engine, &how, QUESTION, strlen(QUESTION), NULL, MAX_TOK,
		&watch, answer, err);
}

static void a_find_that_is_too_large_is_read_without_the_lines_around_it(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct told told = {0};
	struct session_answer answer;
	struct err err;

	add_lines(session, "a.txt", 300, 150, FACT);
	must(try_narrow(session, engine, &told, &answer, &err), &err);
	assert_green(&answer, "S1", 150);
	assert_int_equal(1, answer.n_place);
	assert_int_equal(150, answer.place[0].line_first);
	assert_int_equal(150, answer.place[0].line_last);
	session_answer_finish(&answer);
	told_finish(&told);
	done(session, engine);
}

static void a_find_that_fits_by_no_means_does_not_shut_out_the_others(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	char *text = text_with_long_line(340);
	int64_t n_window = 0;

	add_text(session, "a.txt", text);
	add_lines(session, "b.txt", 300, 150, FACT);
	free(text);
	session->under_way = 1;
	for (int is_stopped = 0; is_stopped < 2; is_stopped++) {
		struct told told = {.stop_after = is_stopped ? n_window - 1 : 0};
		struct session_answer answer;
		struct err err;

		must(try_narrow(session, engine, &told, &answer, &err), &err);
		must(session_switch(session, 0, NULL), NULL);
		n_window = answer.coverage.n_window;
		assert_int_equal(is_stopped, answer.coverage.is_stopped);
		assert_int_equal(2, answer.coverage.n_find);
		assert_int_equal(1, answer.coverage.n_find_used);
		assert_int_equal(1, answer.n_place);
		assert_string_equal("S2", answer.place[0].source);
		assert_int_equal(150, answer.place[0].line_first);
		session_answer_finish(&answer);
		told_finish(&told);
	}
	done(session, engine);
}

static void where_nothing_that_was_found_fits_it_is_not_said_that_nothing_was(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	char *text = text_with_long_line(340);
	struct told told = {0};
	struct session_answer answer;
	struct err err;

	add_text(session, "a.txt", text);
	add_lines(session, "b.txt", 300, 0, NULL);
	free(text);
	assert_int_equal(-1, try_narrow(session, engine, &told, &answer, &err));
	assert_int_equal(ERR_CONTEXT, err.code);
	assert_non_null(strstr(err.what, "384"));
	told_finish(&told);
	done(session, engine);
}

/* The second source's has one more of the question's words, and so is the better one. */
static void finds_are_read_in_the_order_of_the_sources(void **state)
{
	static const char question[] =
		"Which colour have pump, valve, motor, wheel, hatch, tank, hose and pipe?";
	struct engine *engine;
	struct session *session = session_create(&(struct session_config){0});
	struct session_reading how = {.over = SESSION_OVER_SWEEP, .window_tok = WINDOW_TOK};
	struct session_answer answer;
	struct err err;

	setenv("CARREL_FAKE_ANSWERS",
		"pipe are green\tWhich colour\tGreen. [S1 a.txt:1 \"pipe are green\"]", 1);
	setenv("CARREL_FAKE_ANSWER", REFUSAL, 1);
	engine = open_fake(4 * CONTEXT_TOK);
	add_lines(session, "a.txt", 200, 100,
		"The pump, valve, motor, wheel, hatch, tank, hose and pipe are green.");
	add_lines(session, "b.txt", 200, 20,
		"In colour the pump, valve, motor, wheel, hatch, tank, hose and pipe are green.");
	must(session_ask_over(session, engine, &how, question, strlen(question), NULL, MAX_TOK,
		     NULL, &answer, &err),
		&err);
	assert_int_equal(2, answer.n_place);
	assert_string_equal("S1", answer.place[0].source);
	assert_string_equal("S2", answer.place[1].source);
	session_answer_finish(&answer);
	done(session, engine);
}

/* ---- how many at one time ---- */

static struct session_answer sweep_random(size_t under_way, int32_t n_thread)
{
	const char *build = getenv("CARREL_TEST_BUILD");
	char *path = mem_printf("%s/models/random.gguf", build ? build : ".");
	struct engine *engine = open_engine(&(struct engine_config){
		.model = path, .backend = "cpu", .n_thread = n_thread, .context_tok = 1024});
	struct session *session = session_create(&(struct session_config){0});
	struct session_reading how = {.over = SESSION_OVER_SWEEP, .window_tok = 256};
	struct session_answer answer;
	struct err err = {0};

	add_lines(session, "a.txt", 200, 150, FACT);
	session->under_way = under_way;
	must(session_ask_over(session, engine, &how, QUESTION, strlen(QUESTION), NULL, 20, NULL,
		     &answer, &err),
		&err);
	session_destroy(session);
	engine_close(engine);
	free(path);
	return answer;
}

static void the_answer_does_not_depend_on_how_many_are_asked_at_once(void **state)
{
	struct session_answer one = sweep_random(1, 1);

	assert_true(one.coverage.n_window > 4);
	for (int32_t n_thread = 1; n_thread <= 2; n_thread++) {
		struct session_answer many = sweep_random(0, n_thread);

		assert_string_equal(one.text, many.text);
		assert_int_equal(one.n_citation, many.n_citation);
		assert_int_equal(one.coverage.n_find, many.coverage.n_find);
		assert_int_equal(one.reading.generated_tok, many.reading.generated_tok);
		session_answer_finish(&many);
	}
	session_answer_finish(&one);
}

/* ---- stops and deaths ---- */

static void a_stop_answers_from_what_was_read_so_far(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct session_answer answer;

	add_lines(session, "a.txt", 300, 5, FACT);
	session->under_way = 1;
	for (int64_t n = 1; n < 5; n++) {
		struct told told = {.stop_after = n};

		answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, &told);
		assert_green(&answer, "S1", 5);
		assert_true(answer.coverage.is_stopped);
		assert_true(answer.coverage.n_read >= n && answer.coverage.n_read < n + 3);
		assert_true(answer.coverage.read_tok < answer.coverage.total_tok);
		assert_int_equal(1, told.n_step[SESSION_STOPPED]);
		session_answer_finish(&answer);
		told_finish(&told);
	}
	done(session, engine);
}

/* All windows are under way: when it stops none has ended, and those that have begun to answer do. */
static void windows_that_are_answering_at_a_stop_are_finished(void **state)
{
	for (int twice = 0; twice < 2; twice++) {
		struct engine *engine;
		struct session *session = session_create(&(struct session_config){0});
		struct told told = {.polls_left = 12, .stop_twice = twice};
		struct session_answer answer;

		setenv("CARREL_FAKE_PREFILL_US", "20", 1);
		setenv("CARREL_FAKE_TOKEN_US", twice ? "3000" : "0", 1);
		engine = open_green();
		unsetenv("CARREL_FAKE_PREFILL_US");
		add_lines(session, "a.txt", 300, 5, FACT);
		answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, &told);
		assert_true(answer.coverage.is_stopped);
		assert_int_equal(0, told.done_at_stop);
		assert_int_equal(twice ? 2 : 1, told.n_step[SESSION_STOPPED]);
		if (twice) {
			assert_int_equal(0, answer.coverage.n_read);
			assert_string_equal("", answer.text);
		} else {
			assert_in_range(answer.coverage.n_read, 1, answer.coverage.n_window - 1);
			assert_int_equal(told.swept, answer.coverage.n_read);
			assert_green(&answer, "S1", 5);
		}
		session_answer_finish(&answer);
		told_finish(&told);
		done(session, engine);
	}
}

static void a_stop_before_anything_was_found_says_nothing(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct told told = {.stop_after = 2};
	struct session_answer answer;

	add_lines(session, "a.txt", 300, 290, FACT);
	session->under_way = 1;
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, &told);
	assert_string_equal("", answer.text);
	assert_int_equal(ENGINE_STOP_CANCELLED, answer.stop);
	assert_true(answer.coverage.is_stopped);
	assert_int_equal(0, answer.turn);
	assert_int_equal(0, session_turn_count(session));
	assert_string_equal(QUESTION, session_draft(session));
	session_answer_finish(&answer);
	told_finish(&told);
	done(session, engine);
}

static void a_second_stop_ends_the_last_pass(void **state)
{
	struct engine *engine;
	struct session *session = session_create(&(struct session_config){0});
	struct told told = {.stop_after = 3, .stop_answer = 1};
	struct session_answer answer;

	setenv("CARREL_FAKE_TOKEN_US", "500", 1);
	engine = open_green();
	add_lines(session, "a.txt", 300, 5, FACT);
	session->under_way = 1;
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, &told);
	assert_int_equal(ENGINE_STOP_CANCELLED, answer.stop);
	assert_true(strlen(answer.text) < strlen("It is green. [S1 a.txt:1 \"" FACT "\"]"));
	session_answer_finish(&answer);
	told_finish(&told);
	done(session, engine);
}

static void an_engine_that_dies_in_mid_sweep_leaves_it_unasked(void **state)
{
	const char *build = getenv("CARREL_TEST_BUILD");
	char *program = mem_printf("%s/engine/carrel-engine", build ? build : ".");
	struct engine_config config = {
		.model = "fake", .backend = "fake", .program = program, .context_tok = CONTEXT_TOK};
	struct session *session = session_create(&(struct session_config){0});
	struct told told = {0}, again = {0};
	struct session_answer answer;
	struct engine *engine;
	struct err err = {0};

	setenv("CARREL_FAKE_ANSWERS", rule_green, 1);
	setenv("CARREL_FAKE_ANSWER", REFUSAL, 1);
	setenv("CARREL_FAKE_TOKEN_US", "300", 1);
	assert_int_equal(0, engine_open(&engine, &config, NULL));
	assert_int_equal(0, engine_wait_ready(engine, NULL));
	told.kill_after_first = engine_info(engine)->process_id;
	add_lines(session, "a.txt", 300, 150, FACT);
	assert_int_equal(
		-1, try_over(session, engine, SESSION_OVER_SWEEP, QUESTION, &told, &answer, &err));
	assert_int_equal(ERR_ENGINE, err.code);
	assert_int_equal(0, session_turn_count(session));
	assert_null(answer.text);
	/* The next process answers. */
	answer = ask_over(session, engine, SESSION_OVER_SWEEP, QUESTION, &again);
	assert_green(&answer, "S1", 150);
	session_answer_finish(&answer);
	told_finish(&told);
	told_finish(&again);
	free(program);
	done(session, engine);
}

/* ---- select and auto ---- */

static void select_reads_what_the_question_is_about(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct told told = {0};
	struct session_answer answer;

	add_lines(session, "a.txt", 300, 150, FACT);
	answer = ask_over(session, engine, SESSION_OVER_SELECT, QUESTION, &told);
	assert_green(&answer, "S1", 150);
	assert_int_equal(SESSION_OVER_SELECT, answer.coverage.over);
	assert_int_equal(1, told.n_step[SESSION_SELECTED]);
	assert_int_equal(0, told.n_step[SESSION_SWEEPING]);
	assert_true(answer.coverage.n_read > 0 && answer.coverage.n_read < 5);
	assert_true(answer.coverage.n_chunk_read < answer.coverage.n_chunk);
	assert_true(answer.coverage.read_tok <= SELECT_TOK + WINDOW_TOK);
	assert_int_equal(0, answer.coverage.n_find);
	session_answer_finish(&answer);
	told_finish(&told);
	done(session, engine);
}

/* A tree that is mostly paths: all chunks together have more tokens than their windows. */
static void no_more_is_read_than_there_is(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct session_reading how = {.over = SESSION_OVER_SELECT,
		.window_tok = 2 * WINDOW_TOK,
		.select_tok = CONTEXT_TOK};
	const char *question = "Which line is about the weather?";
	struct load_result loaded = {0};
	struct document *tree;
	struct session_answer answer;
	struct err err;

	mem_grow(loaded.document, loaded.n_document, loaded.cap_document);
	tree = &loaded.document[loaded.n_document++];
	*tree = (struct document){.kind = DOCUMENT_CODE, .name = mem_strdup("tree")};
	for (int i = 0; i < 12; i++) {
		struct part *part = document_add_part(tree);

		part->place.path = mem_printf("%060d/%d", 0, i);
		part->text = i ? NULL : text_with(34, 0, NULL);
		part->len = i ? 0 : strlen(part->text);
	}
	assert_int_equal(1, session_add_sources(session, &loaded));
	load_result_finish(&loaded);
	must(session_ask_over(session, engine, &how, question, strlen(question), NULL, MAX_TOK,
		     NULL, &answer, &err),
		&err);
	assert_int_equal(SESSION_OVER_SELECT, answer.coverage.over);
	assert_true(answer.coverage.n_chunk > answer.coverage.n_window);
	assert_int_equal(answer.coverage.n_chunk, answer.coverage.n_chunk_read);
	assert_int_equal(answer.coverage.total_tok, answer.coverage.read_tok);
	session_answer_finish(&answer);
	done(session, engine);
}

static void an_index_is_of_the_windows_that_are_read(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct session_reading how = {.over = SESSION_OVER_SELECT};
	const struct library *library;
	struct session_plan plan;
	struct err err;

	add_lines(session, "a.txt", 300, 150, FACT);
	must(session_make_index(session, engine, &how, NULL, &err), &err);
	library = session->library;
	must(session_plan_reading(session, engine, &how, NULL, &plan, &err), &err);
	assert_ptr_equal(library, session->library);
	assert_true(plan.window_tok + SELECT_TOK / 4 < CONTEXT_TOK);
	done(session, engine);
}

/* Their tags are more than their text. */
static void select_of_many_small_sources_fits(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct session_reading how = {.over = SESSION_OVER_SELECT, .select_tok = CONTEXT_TOK};
	struct session_answer answer;
	struct err err;

	for (int i = 0; i < 40; i++) {
		char *name = mem_printf("%0100d", i);

		add_text(session, name, FACT);
		free(name);
	}
	must(session_ask_over(session, engine, &how, QUESTION, strlen(QUESTION), NULL, MAX_TOK,
		     NULL, &answer, &err),
		&err);
	assert_int_equal(SESSION_OVER_SELECT, answer.coverage.over);
	assert_in_range(answer.coverage.n_chunk_read, 3, 20);
	assert_in_range(answer.usage.prompt_tok, CONTEXT_TOK / 2, CONTEXT_TOK - MAX_TOK);
	session_answer_finish(&answer);
	done(session, engine);
}

/* It leaves less than an answer may have. */
static void a_long_question_leaves_room_to_read(void **state)
{
	static const enum session_over over[] = {SESSION_OVER_SWEEP, SESSION_OVER_SELECT};
	struct engine *engine;
	struct session *session = session_create(&(struct session_config){0});
	struct buf question = BUF_INIT;

	setenv("CARREL_FAKE_ANSWERS", rule_green, 1);
	setenv("CARREL_FAKE_ANSWER", REFUSAL, 1);
	engine = open_fake(4 * CONTEXT_TOK);
	buf_addstr(&question, QUESTION);
	while (question.len < 6000) {
		buf_addstr(&question, " Please?");
	}
	add_lines(session, "a.txt", 300, 50, FACT);
	for (size_t i = 0; i < ARRAY_LEN(over); i++) {
		struct session_reading how = {.over = over[i]};
		struct session_answer answer;
		struct err err;

		must(session_ask_over(session, engine, &how, buf_str(&question), question.len, NULL,
			     4096, NULL, &answer, &err),
			&err);
		assert_int_equal(1, answer.n_citation);
		assert_int_equal(50, answer.citation[0].line_first);
		session_answer_finish(&answer);
	}
	buf_finish(&question);
	done(session, engine);
}

static void auto_keeps_what_select_quotes(void **state)
{
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});
	struct told told = {0};
	struct session_answer answer;

	add_lines(session, "a.txt", 300, 150, FACT);
	answer = ask_over(session, engine, SESSION_OVER_AUTO, QUESTION, &told);
	assert_green(&answer, "S1", 150);
	assert_int_equal(SESSION_OVER_SELECT, answer.coverage.over);
	assert_int_equal(0, told.n_step[SESSION_SWEEPING]);
	assert_string_equal(answer.text, buf_str(&told.text));
	session_answer_finish(&answer);
	told_finish(&told);
	done(session, engine);
}

/* The words of the question lead elsewhere; what answers has none of them. */
static void auto_sweeps_where_select_refuses_and_shows_only_the_last_answer(void **state)
{
	struct engine *engine = open_scripted("It shines like grass.\t" QUESTION
					      "\tGreen. [S2 b.txt:1 \"It shines like grass.\"]");
	struct session *session = session_create(&(struct session_config){0});
	struct told told = {0};
	struct session_answer answer;

	add_lines(session, "a.txt", 150, 30, "Nobody knows which colour the pump has.");
	add_lines(session, "b.txt", 150, 100, "It shines like grass.");
	answer = ask_over(session, engine, SESSION_OVER_AUTO, QUESTION, &told);
	assert_int_equal(SESSION_OVER_SWEEP, answer.coverage.over);
	assert_int_equal(1, told.n_step[SESSION_SELECTED]);
	assert_int_equal(1, answer.n_citation);
	assert_string_equal("S2", answer.citation[0].source);
	assert_int_equal(100, answer.citation[0].line_first);
	assert_string_equal(answer.text, buf_str(&told.text));
	session_answer_finish(&answer);
	told_finish(&told);
	done(session, engine);
}

static void absent_everywhere_every_mode_refuses(void **state)
{
	static const enum session_over over[] = {
		SESSION_OVER_SWEEP, SESSION_OVER_SELECT, SESSION_OVER_AUTO};
	struct engine *engine = open_green();
	struct session *session = session_create(&(struct session_config){0});

	add_lines(session, "a.txt", 300, 0, NULL);
	for (size_t i = 0; i < ARRAY_LEN(over); i++) {
		struct told told = {0};
		struct session_answer answer =
			ask_over(session, engine, over[i], "Which colour is the weather?", &told);

		assert_string_equal(REFUSAL, answer.text);
		assert_string_equal(REFUSAL, buf_str(&told.text));
		assert_int_equal(0, answer.n_citation);
		session_answer_finish(&answer);
		told_finish(&told);
	}
	done(session, engine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_the_window_is_asked_as_ever),
		cmocka_unit_test(without_a_way_what_does_not_fit_is_refused_with_both_numbers),
		cmocka_unit_test(a_sweep_reads_every_window_and_cites_the_source),
		cmocka_unit_test(what_no_window_says_carrel_says_without_a_last_pass),
		cmocka_unit_test(a_false_quote_is_no_find),
		cmocka_unit_test(
			where_every_window_refuses_the_lines_with_the_questions_words_are_read),
		cmocka_unit_test(lines_with_few_of_the_questions_words_are_no_find),
		cmocka_unit_test(windows_are_asked_for_quotes_where_the_answer_is_not),
		cmocka_unit_test(numbers_beyond_nine_and_their_lines_are_right),
		cmocka_unit_test(what_an_update_replaced_is_not_read),
		cmocka_unit_test(a_follow_up_has_the_conversation_in_every_window),
		cmocka_unit_test(a_second_question_computes_no_source_again),
		cmocka_unit_test(many_finds_are_asked_about_in_groups),
		cmocka_unit_test(a_find_that_is_too_large_is_read_without_the_lines_around_it),
		cmocka_unit_test(a_find_that_fits_by_no_means_does_not_shut_out_the_others),
		cmocka_unit_test(where_nothing_that_was_found_fits_it_is_not_said_that_nothing_was),
		cmocka_unit_test(finds_are_read_in_the_order_of_the_sources),
		cmocka_unit_test(the_answer_does_not_depend_on_how_many_are_asked_at_once),
		cmocka_unit_test(a_stop_answers_from_what_was_read_so_far),
		cmocka_unit_test(windows_that_are_answering_at_a_stop_are_finished),
		cmocka_unit_test(a_stop_before_anything_was_found_says_nothing),
		cmocka_unit_test(a_second_stop_ends_the_last_pass),
		cmocka_unit_test(an_engine_that_dies_in_mid_sweep_leaves_it_unasked),
		cmocka_unit_test(select_reads_what_the_question_is_about),
		cmocka_unit_test(no_more_is_read_than_there_is),
		cmocka_unit_test(an_index_is_of_the_windows_that_are_read),
		cmocka_unit_test(select_of_many_small_sources_fits),
		cmocka_unit_test(a_long_question_leaves_room_to_read),
		cmocka_unit_test(auto_keeps_what_select_quotes),
		cmocka_unit_test(auto_sweeps_where_select_refuses_and_shows_only_the_last_answer),
		cmocka_unit_test(absent_everywhere_every_mode_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
