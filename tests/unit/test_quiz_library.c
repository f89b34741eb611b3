/* Questions to a whole library: what is asked, what is not, and the figures of what comes back. */
#include "session/quiz.h"
#include "session/quiz_measure.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- questions ---- */

static const char winch[] = "WINCH(1)\n"
			    "\n"
			    "OPTIONS\n"
			    "       --slow-down   Lift everything at half of the usual speed.\n"
			    "       --hold-on     Stay where you are until the bell is rung.\n"
			    "       --twice       Lift it once more than the ledger says.\n"
			    "       --twice       Lift it once more, without the ledger.\n";
static const char crane[] = "CRANE(1)\n"
			    "\n"
			    "OPTIONS\n"
			    "       --hold-on     Stay where you are until the bell is rung.\n"
			    "       --turn-left   Turn against the sun as far as it goes.\n";

static struct quiz *make_quiz(const char *second_name)
{
	struct quiz *quiz = quiz_create();

	quiz_add_text(quiz, "tools/man/winch.1", winch, strlen(winch));
	quiz_add_text(quiz, second_name, crane, strlen(crane));
	return quiz;
}

/* Every question about options that there is, into `seen` by its anchor. */
static size_t ask_all(struct quiz *quiz, int is_absent, struct quiz_question question[8])
{
	size_t n = 0;

	while (n < 8 && quiz_ask_library(quiz, QUIZ_OPTION, is_absent, 1, n, &question[n])) {
		n++;
	}
	return n;
}

static void a_question_names_the_manual_and_has_one_answer_in_the_library(void **state)
{
	struct quiz *quiz = make_quiz("tools/man/crane.1");
	struct quiz_question question[8];
	size_t n = ask_all(quiz, 0, question);
	int is_slow_asked = 0;

	/* --twice stands twice, what --hold-on does in both. */
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		int is_slow = strcmp(question[i].anchor, "--slow-down") == 0;

		assert_false(question[i].is_absent);
		assert_string_equal(question[i].anchor, is_slow ? "--slow-down" : "--turn-left");
		assert_string_equal(
			question[i].path, is_slow ? "tools/man/winch.1" : "tools/man/crane.1");
		assert_non_null(
			strstr(question[i].text, is_slow ? "In winch(1), " : "In crane(1), "));
		assert_non_null(strstr(question[i].text, question[i].anchor));
		assert_int_equal(question[i].line_first, is_slow ? 4 : 5);
		assert_int_equal(question[i].line_last, is_slow ? 4 : 5);
		is_slow_asked |= is_slow;
		quiz_question_finish(&question[i]);
	}
	assert_true(is_slow_asked);
	quiz_destroy(quiz);
}

static void files_of_one_name_are_told_by_their_folder(void **state)
{
	struct quiz *quiz = make_quiz("docks/winch.1");
	struct quiz_question question[8];
	size_t n = ask_all(quiz, 0, question);

	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		assert_non_null(strstr(question[i].text,
			question[i].line_first == 4 ? "In man/winch.1, " : "In docks/winch.1, "));
		quiz_question_finish(&question[i]);
	}
	quiz_destroy(quiz);
}

static void an_absent_name_is_of_two_that_are_there_and_is_nowhere(void **state)
{
	struct quiz *quiz = make_quiz("tools/man/crane.1");
	struct quiz_question question[8];
	size_t n = ask_all(quiz, 1, question);

	assert_true(n >= 2);
	for (size_t i = 0; i < n; i++) {
		assert_true(question[i].is_absent);
		assert_null(question[i].path);
		assert_null(strstr(winch, question[i].anchor));
		assert_null(strstr(crane, question[i].anchor));
		assert_true(strncmp(question[i].anchor, "--slow-", 7) == 0 ||
			    strncmp(question[i].anchor, "--hold-", 7) == 0 ||
			    strncmp(question[i].anchor, "--turn-", 7) == 0);
		quiz_question_finish(&question[i]);
	}
	quiz_destroy(quiz);
}

static void bm25_picks_a_line_of_the_right_file(void **state)
{
	struct quiz *quiz = make_quiz("tools/man/crane.1");
	struct quiz_question question = {.text = (char *)"What does turn-left do?",
		.path = (char *)"tools/man/crane.1",
		.line_first = 5,
		.line_last = 5};

	assert_true(quiz_library_picker_is_right(quiz, &question, PICK_LINES));
	question.line_first = question.line_last = 4;
	assert_false(quiz_library_picker_is_right(quiz, &question, PICK_LINES));
	question.line_first = question.line_last = 5;
	question.path = (char *)"tools/man/winch.1";
	assert_false(quiz_library_picker_is_right(quiz, &question, PICK_LINES));
	quiz_destroy(quiz);
}

static void paths_are_the_same_file_from_a_slash_on(void **state)
{
	const struct quiz_question question = {.path = (char *)"man/winch.1"};

	assert_true(quiz_is_path(&question, "man/winch.1"));
	assert_true(quiz_is_path(&question, "/srv/tools/man/winch.1"));
	assert_false(quiz_is_path(&question, "woman/winch.1"));
	assert_false(quiz_is_path(&question, "winch.1"));
	assert_false(quiz_is_path(&question, NULL));
}

/* ---- figures ---- */

/* An answer with its quotes, whose places and verdicts a test says. */
struct quote {
	const char *text, *path;
	int64_t line_first, line_last;
	enum verdict verdict;
};

static void measure(struct quiz_measure *sums, const struct quiz_question *question,
	const char *text, const struct quote *quote, size_t n_quote, struct session_place *place,
	size_t n_place, const struct session_place *kept, size_t n_kept)
{
	struct citation citation[8] = {{0}};
	struct session_answer answer = {
		.text = (char *)text,
		.text_len = strlen(text),
		.citation = citation,
		.n_citation = n_quote,
		.coverage.over = SESSION_OVER_SELECT,
		.place = place,
		.n_place = n_place,
	};
	const char *at = text;

	for (size_t i = 0; i < n_quote; i++) {
		at = strstr(at, "[S1");
		citation[i] = (struct citation){
			.text = (char *)quote[i].text,
			.source = (char *)"S1",
			.path = (char *)quote[i].path,
			.line_first = quote[i].line_first,
			.line_last = quote[i].line_last,
			.verdict = quote[i].verdict,
			.answer_offset = (size_t)(at - text),
		};
		at++;
	}
	*sums = (struct quiz_measure){0};
	quiz_measure_add(sums, question, &answer, kept, n_kept);
}

static const struct quiz_question present = {.text = (char *)"?",
	.anchor = (char *)"--slow",
	.expected = (char *)"Lift at half speed.",
	.path = (char *)"man/winch.1",
	.line_first = 4,
	.line_last = 6};

static void check_sentences(const char *text, const struct quote *quote, size_t n_quote,
	int64_t n_sentence, int64_t n_backed)
{
	struct quiz_measure sums;

	measure(&sums, &present, text, quote, n_quote, NULL, 0, NULL, 0);
	assert_int_equal(sums.n_sentence, n_sentence);
	assert_int_equal(sums.n_backed, n_backed);
}

static void faithfulness_counts_the_sentences_that_a_verified_quote_backs(void **state)
{
	const struct quote good = {"half. ]speed", "man/winch.1", 4, 4, VERDICT_VERIFIED};
	const struct quote moved = {"half. ]speed", "man/winch.1", 4, 4, VERDICT_MOVED};
	const struct quote twice = {"half. ]speed", "man/winch.1", 4, 4, VERDICT_AMBIGUOUS};
	const struct quote bad = {"half. ]speed", NULL, 0, 0, VERDICT_NOT_FOUND};
	const struct quote both[] = {good, bad};

	/* A quote alone is one sentence; what stands in its words ends none. */
	check_sentences("[S1 a:4 \"half. ]speed\"]", &good, 1, 1, 1);
	check_sentences("[S1 a:4 \"half. ]speed\"]\n", &moved, 1, 1, 1);
	check_sentences("[S1 a:4 \"half. ]speed\"]", &twice, 1, 1, 0);
	check_sentences("[S1 a:4 \"half. ]speed\"]", &bad, 1, 1, 0);
	/* Inside of a sentence, it is part of it. */
	check_sentences("It lifts [S1 a:4 \"half. ]speed\"] slowly.", &good, 1, 1, 1);
	check_sentences("It lifts slowly [S1 a:4 \"half. ]speed\"].", &good, 1, 1, 1);
	/* Alone between sentences of its line it backs both, and nothing further away. */
	check_sentences(
		"It does. [S1 a:4 \"half. ]speed\"] So it is slow. Very slow.", &good, 1, 4, 3);
	check_sentences("It does.\n[S1 a:4 \"half. ]speed\"]\nSo it is slow.", &good, 1, 3, 1);
	check_sentences(
		"It does. [S1 a:4 \"half. ]speed\"] So it is slow. Very slow.", &bad, 1, 4, 0);
	/* Two quotes, the second found nowhere, each in a line of its own. */
	check_sentences("[S1 a:4 \"half. ]speed\"]\n[S1 b:9 \"half. ]speed\"]\n", both, 2, 2, 1);
	/* Nothing is quoted; a number has no end in it. */
	check_sentences("It takes 1.5 hours. It really does!", NULL, 0, 2, 0);
	/* A refusal says nothing. */
	check_sentences("The sources do not say.", NULL, 0, 0, 0);
}

static void context_recall_wants_every_line_that_answers(void **state)
{
	struct session_place half[] = {{(char *)"S1", (char *)"/x/man/winch.1", 0, 1, 5, -1}};
	struct session_place whole[] = {{(char *)"S1", (char *)"/x/man/winch.1", 0, 6, 9, -1},
		{(char *)"S1", (char *)"/x/man/winch.1", 0, 2, 5, -1}};
	struct session_place other[] = {{(char *)"S1", (char *)"/x/man/crane.1", 0, 1, 90, -1}};
	struct quiz_question absent = {
		.text = (char *)"?", .anchor = (char *)"--x", .is_absent = 1};
	struct quiz_measure sums;

	measure(&sums, &present, "No.", NULL, 0, half, 1, NULL, 0);
	assert_int_equal(sums.n_needed, 1);
	assert_int_equal(sums.n_recalled, 0);
	measure(&sums, &present, "No.", NULL, 0, whole, 2, NULL, 0);
	assert_int_equal(sums.n_recalled, 1);
	measure(&sums, &present, "No.", NULL, 0, other, 1, NULL, 0);
	assert_int_equal(sums.n_recalled, 0);
	measure(&sums, &present, "No.", NULL, 0, NULL, 0, NULL, 0);
	assert_int_equal(sums.n_recalled, 0);
	measure(&sums, &absent, "No.", NULL, 0, other, 1, NULL, 0);
	assert_int_equal(sums.n_needed, 0);
	{
		struct session_answer all = {.text = (char *)"No.", .text_len = 3};

		sums = (struct quiz_measure){0};
		quiz_measure_add(&sums, &present, &all, NULL, 0);
		assert_int_equal(sums.n_recalled, 1);
	}
}

static void context_precision_counts_what_was_given_and_kept(void **state)
{
	const struct quote quote[] = {
		{"half speed", "/x/man/winch.1", 3, 4, VERDICT_VERIFIED},
		{"no crane", "/x/man/crane.1", 4, 4, VERDICT_MOVED},
		{"nowhere at all", NULL, 0, 0, VERDICT_NOT_FOUND},
	};
	const struct session_place kept[] = {
		{(char *)"S1", (char *)"/x/man/winch.1", 0, 6, 6, -1},
		{(char *)"S1", (char *)"/x/man/winch.1", 0, 7, 7, -1},
	};
	struct quiz_measure sums;

	measure(&sums, &present, "[S1 a] [S1 b] [S1 c]", quote, 3, NULL, 0, kept, 2);
	assert_int_equal(sums.n_quote, 5);
	assert_int_equal(sums.n_quote_needed, 2);
}

static void right_is_a_quote_in_the_lines_of_the_file(void **state)
{
	struct citation citation = {.text = (char *)"half speed",
		.source = (char *)"S1",
		.path = (char *)"/x/man/winch.1",
		.line_first = 4,
		.line_last = 4,
		.verdict = VERDICT_MOVED};
	struct session_answer answer = {
		.text = (char *)"[S1 a]", .text_len = 6, .citation = &citation, .n_citation = 1};

	assert_true(quiz_grade(&present, &answer).right);
	citation.line_first = citation.line_last = 7;
	assert_false(quiz_grade(&present, &answer).right);
	citation.line_first = citation.line_last = 5;
	citation.text = (char *)"slow";
	assert_false(quiz_grade(&present, &answer).right);
	citation.text = (char *)"speed";
	citation.path = (char *)"/x/man/crane.1";
	assert_false(quiz_grade(&present, &answer).right);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_names_the_manual_and_has_one_answer_in_the_library),
		cmocka_unit_test(files_of_one_name_are_told_by_their_folder),
		cmocka_unit_test(an_absent_name_is_of_two_that_are_there_and_is_nowhere),
		cmocka_unit_test(bm25_picks_a_line_of_the_right_file),
		cmocka_unit_test(paths_are_the_same_file_from_a_slash_on),
		cmocka_unit_test(faithfulness_counts_the_sentences_that_a_verified_quote_backs),
		cmocka_unit_test(context_recall_wants_every_line_that_answers),
		cmocka_unit_test(context_precision_counts_what_was_given_and_kept),
		cmocka_unit_test(right_is_a_quote_in_the_lines_of_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
