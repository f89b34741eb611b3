/* The questions of `carrel eval quote`: what the rules find, what a question is, how it is graded. */
#include "session/quiz.h"

#include "base/buf.h"
#include "base/mem.h"
#include "loaders/document.h"
#include "session/line_picker.h"
#include "session/quiz_phrases.h"
#include "session/quiz_rules.h"
#include "session/words.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- rules ---- */

/* What a text must give, paragraphs left out. */
struct expected {
	enum quiz_kind kind;
	size_t first, last;
	const char *anchor, *answer;
};

static void expect(const char *name, const char *text, const struct expected *expected, size_t n)
{
	struct quiz_entries entries = {0};
	struct lines lines;
	size_t at = 0;

	lines_init(&lines, text, strlen(text));
	quiz_find(&entries, 0, name, &lines);
	for (size_t i = 0; i < entries.count; i++) {
		const struct quiz_entry *entry = &entries.item[i];

		if (entry->kind == QUIZ_SECTION_OTHER) {
			continue;
		}
		if (at == n) {
			fail_msg("\"%s\" was not expected", entry->anchor);
		}
		assert_string_equal(expected[at].anchor, entry->anchor);
		assert_int_equal(expected[at].kind, entry->kind);
		assert_int_equal(expected[at].first, entry->line_first);
		assert_int_equal(expected[at].last, entry->line_last);
		assert_string_equal(expected[at].answer, entry->answer);
		at++;
	}
	assert_int_equal(n, at);
	lines_finish(&lines);
	quiz_entries_finish(&entries);
}

#define EXPECT(name, text, ...)                                                                    \
	do {                                                                                       \
		const struct expected list[] = {__VA_ARGS__};                                      \
		expect(name, text, list, ARRAY_LEN(list));                                         \
	} while (0)

static void expect_nothing(const char *name, const char *text)
{
	expect(name, text, NULL, 0);
}

static void options_are_found_with_their_text(void **state)
{
	EXPECT("a.1", "  -q, --quiet  Write nothing but mishaps.\n",
		{QUIZ_OPTION_DOES, 0, 0, "--quiet", "Write nothing but mishaps."});
	EXPECT("a.1",
		"       -o FILE, --output=FILE\n"
		"              Place the result\n"
		"              into FILE.\n"
		"\n"
		"              It is overwritten.\n"
		"\n"
		"       -x     Refuse to share the quay.\n",
		{QUIZ_OPTION_DOES, 0, 4, "--output", "Place the result into FILE."},
		{QUIZ_OPTION_DOES, 6, 6, "-x", "Refuse to share the quay."});
	EXPECT("a.1", "       -B quay  or  --berth=quay\n              Choose where to moor.\n",
		{QUIZ_OPTION_DOES, 0, 1, "--berth", "Choose where to moor."});
	EXPECT("a.md", "- `--dry-run`: weigh everything and lift nothing\n",
		{QUIZ_OPTION_DOES, 0, 0, "--dry-run", "weigh everything and lift nothing"});
	EXPECT("a.md", "| `-n <count>` | how many crates are lifted |\n",
		{QUIZ_OPTION_DOES, 0, 0, "-n", "how many crates are lifted"});
}

static void names_on_lines_of_their_own_share_a_description(void **state)
{
	EXPECT("a.1",
		"       Lift at night.\n"
		"       -b\n"
		"       --background\n"
		"              Go on out of sight.\n",
		{QUIZ_OPTION_DOES, 1, 3, "--background", "Go on out of sight."});
	EXPECT("a.3",
		"       quay_open()\n"
		"       quay_open_name()\n"
		"              Raise the barrier of a quay.\n",
		{QUIZ_TERM_MEANS, 0, 2, "quay_open_name", "Raise the barrier of a quay."});
	EXPECT("a.1",
		"       -a     Count every crate twice.\n"
		"       -b     Count no crate at all.\n",
		{QUIZ_OPTION_DOES, 0, 0, "-a", "Count every crate twice."},
		{QUIZ_OPTION_DOES, 1, 1, "-b", "Count no crate at all."});
}

static void what_only_looks_like_an_option_is_none(void **state)
{
	expect_nothing("a.1", "       --quiet is used by scripts that are not watched\n");
	expect_nothing("a.1", "       -4.966e-03  the slope of the regression line\n");
	expect_nothing("a.1", "       -----------  a line of dashes between two parts\n");
	expect_nothing("a.1", "       -q\n       -v\n");
	expect_nothing("a.1", "       -q  $a = $b->c;\n");
	expect_nothing("a.c", "/*\n  -q, --quiet  Write nothing but mishaps.\n */\n");
}

static void settings_are_found_where_files_hold_settings(void **state)
{
	EXPECT("a.conf", "# of the quay\nberths = 14\n#depth_metres=9.5\n[tides]\n",
		{QUIZ_SETTING_VALUE, 1, 1, "berths", "14"},
		{QUIZ_SETTING_VALUE, 2, 2, "depth_metres", "9.5"});
	EXPECT("a.yaml", "  horn_pitch: 440 # Hz\n",
		{QUIZ_SETTING_VALUE, 0, 0, "horn_pitch", "440 # Hz"});
	expect_nothing("a.txt", "height = 14\nThe rest is prose.\n");
	expect_nothing("a.py", "height = 14\n");
	expect_nothing("tool", "#!/bin/sh\na_pid=1\nb_pid=2\nc_pid=3\nd_pid=4\ne_pid=5\n");
	expect_nothing("a.yaml", "# see\nhttps://winch.example/manual\n");
	EXPECT("a.5", "       Description=\n           A short title for the unit.\n",
		{QUIZ_SETTING_MEANS, 0, 1, "Description", "A short title for the unit."});
	EXPECT("a.1", "ENVIRONMENT\n       PAGER  The program that shows long texts.\n",
		{QUIZ_SETTING_MEANS, 1, 1, "PAGER", "The program that shows long texts."});
}

static void codes_are_found_with_their_meaning(void **state)
{
	EXPECT("a.1",
		"EXIT STATUS\n"
		"       0      Every crate is in its hold.\n"
		"\n"
		"       3\n"
		"              The hold was full.\n",
		{QUIZ_CODE_EXIT, 1, 1, "0", "Every crate is in its hold."},
		{QUIZ_CODE_EXIT, 3, 4, "3", "The hold was full."});
	expect_nothing("a.1", "NUMBERS\n       3      The hold was full.\n");
	EXPECT("a.2",
		"ERRORS\n       EACCES Permission was refused.\n       [EIO]  The disk broke.\n",
		{QUIZ_CODE_ERROR, 1, 1, "EACCES", "Permission was refused."},
		{QUIZ_CODE_ERROR, 2, 2, "EIO", "The disk broke."});
	EXPECT("a.7", "       SIGHUP      The line was hung up.\n",
		{QUIZ_CODE_SIGNAL, 0, 0, "SIGHUP", "The line was hung up."});
	EXPECT("a.h", "#define MAST_LIMIT 120 /* metres */\n#define NAME \"x\"\n#define LOW (-3)\n",
		{QUIZ_CODE_DEFINE, 0, 0, "MAST_LIMIT", "120"},
		{QUIZ_CODE_DEFINE, 2, 2, "LOW", "-3"});
	expect_nothing("a.h", "#define HAS_JIB (1 << 3)\n#define SUM 1 + 2\n");
}

static void definitions_are_found_in_code(void **state)
{
	EXPECT("a.c", "static int jib_turn(struct jib *jib)\n{\n}\nint jib_turn(void);\n",
		{QUIZ_IDENTIFIER_FUNCTION, 0, 1, "jib_turn",
			"static int jib_turn(struct jib *jib) { "});
	EXPECT("a.c", "static void\nrun_all (int n)\n{\n",
		{QUIZ_IDENTIFIER_FUNCTION, 0, 2, "run_all", "static void run_all (int n) { "});
	EXPECT("a.h", "struct jib {\n\tdouble angle;\n};\n#define IS_SLACK(r) ((r)->t < 3)\n",
		{QUIZ_IDENTIFIER_TYPE, 0, 2, "jib", "struct jib { double angle; }; "},
		{QUIZ_IDENTIFIER_MACRO, 3, 3, "IS_SLACK", "#define IS_SLACK(r) ((r)->t < 3) "});
	EXPECT("a.py",
		"class Ledger:\n    \"\"\"Lifts.\"\"\"\n    def enter_lift(self, crate):\n        "
		"pass\n",
		{QUIZ_IDENTIFIER_TYPE, 0, 3, "Ledger",
			"class Ledger: \"\"\"Lifts.\"\"\" def enter_lift(self, crate): pass "},
		{QUIZ_IDENTIFIER_FUNCTION, 2, 3, "enter_lift",
			"def enter_lift(self, crate): pass "});
	EXPECT("a.go", "func (b *Boat) Moor(quay string) error {\n",
		{QUIZ_IDENTIFIER_FUNCTION, 0, 0, "Moor",
			"func (b *Boat) Moor(quay string) error { "});
	EXPECT("a.sh", "cast_off() {\n\techo off\n\treturn 0\n}\n",
		{QUIZ_IDENTIFIER_FUNCTION, 0, 2, "cast_off", "cast_off() { echo off return 0 "});
	expect_nothing("a.rb", "class Harbour::Crane < Machine\n  attr_reader :jib\nend\n");
	expect_nothing("a.c", "\tjib_turn(jib);\n\tif (x) {\nint x = jib_turn(jib);\n");
}

static void terms_are_found_with_their_definition(void **state)
{
	EXPECT("a.1", "NAME\n       winch - lift crates onto a ship\n",
		{QUIZ_TERM_MEANS, 1, 1, "winch", "lift crates onto a ship"});
	EXPECT("a.md", "- **bollard**: a short iron post on a quay\n",
		{QUIZ_TERM_MEANS, 0, 0, "bollard", "a short iron post on a quay"});
	EXPECT("a.txt", "  fairway\n      The channel that is kept deep.\n",
		{QUIZ_TERM_MEANS, 0, 1, "fairway", "The channel that is kept deep."});
	expect_nothing("a.txt", "The winch is old: nobody remembers who built its drum.\n");
	expect_nothing("a.1", "   DIFFERENCES\n       This winch lifts more than the old one.\n");
	expect_nothing("a.3pm", "  hoist\n      my $crane = $quay->hoist large crates;\n");
	expect_nothing("a.txt", "  Flow:\n      The way that the crates take.\n");
	expect_nothing("changelog", "  * winch.c: lift crates onto the right ship again\n");
}

static void sections_are_found_by_what_their_heading_means(void **state)
{
	EXPECT("a.1",
		"AUTHORS\n       Ottilie Brandvold built it.\n\nNOTES\n       Nothing else.\n",
		{QUIZ_SECTION_AUTHORS, 0, 1, "AUTHORS", "Ottilie Brandvold built it. "});
	EXPECT("a.md", "## Known issues\n\nCrates without corners slip.\n",
		{QUIZ_SECTION_BUGS, 0, 2, "## Known issues", "Crates without corners slip. "});
	EXPECT("a.md", "Licensing\n=========\nIt may be copied freely.\n",
		{QUIZ_SECTION_LICENCE, 0, 2, "Licensing", "It may be copied freely. "});
	EXPECT("a.1", "BUGS\n       Write to <winch@harbour.example>.\n",
		{QUIZ_SECTION_REPORTING, 0, 1, "BUGS", "Write to <winch@harbour.example>. "});
	EXPECT("a.1",
		"AUTHORS\n       Ottilie Brandvold built it.\n\n"
		"Debian              May 1, 1911              Debian\n",
		{QUIZ_SECTION_AUTHORS, 0, 1, "AUTHORS", "Ottilie Brandvold built it. "});
	EXPECT("a.1",
		"AUTHOR\n       Ottilie Brandvold built it.\n\n"
		"                    May 1911                   WINCH(1)\n",
		{QUIZ_SECTION_AUTHORS, 0, 1, "AUTHOR", "Ottilie Brandvold built it. "});
	EXPECT("README", "# Installation\n\nHoist it aboard and bolt it down.\n",
		{QUIZ_SECTION_INSTALL, 0, 2, "# Installation",
			"Hoist it aboard and bolt it down. "});
	expect_nothing(
		"winchrc", "\n# Files of the log\nlogdir /var/log/winch is the usual place\n");
	expect_nothing("a.md", "## Building with the old quay crane\n\nIt was slow work.\n");
	expect_nothing("a.md", "## A word of thanks\n\nIt was a long winter in Bergen.\n");
}

/* ---- words and phrasings ---- */

static void an_identifier_is_one_word(void **state)
{
	static const char text[] = "Pass --no-cite, a/b.c or jib_turn(x).";
	static const char *const words[] = {"Pass", "no-cite", "a/b.c", "or", "jib_turn", "x"};
	struct word word;
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		assert_true(words_next(text, strlen(text), &at, &word));
		assert_int_equal(strlen(words[i]), word.len);
		assert_memory_equal(words[i], word.text, word.len);
	}
	assert_false(words_next(text, strlen(text), &at, &word));
}

static struct quiz_overlap overlap(const char *question, const char *lines)
{
	return quiz_overlap(question, strlen(question), lines, strlen(lines));
}

static void at_most_half_of_the_content_words_may_stand_in_the_answer(void **state)
{
	struct quiz_overlap one = overlap("What does --quiet do?", "-q, --quiet  no words");
	struct quiz_overlap half = overlap("What happens under --quiet?", "--quiet  no words");
	struct quiz_overlap ending = overlap("Which words are printed?", "It prints a word.");

	assert_int_equal(1, one.n_content);
	assert_int_equal(1, one.n_shared);
	assert_false(quiz_overlap_is_fair(one));
	assert_int_equal(2, half.n_content);
	assert_int_equal(1, half.n_shared);
	assert_true(quiz_overlap_is_fair(half));
	assert_int_equal(2, ending.n_content);
	assert_int_equal(2, ending.n_shared); /* in another form */
	assert_false(quiz_overlap_is_fair(ending));
	assert_false(quiz_overlap_is_fair((struct quiz_overlap){0}));
}

static void numbers_are_spelled_out(void **state)
{
	static const struct {
		int number;
		const char *words;
	} rows[] = {{0, "zero"}, {12, "twelve"}, {20, "twenty"}, {43, "forty-three"},
		{100, "one hundred"}, {126, "one hundred and twenty-six"}};
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_clear(&out);
		quiz_number_words(&out, rows[i].number);
		assert_string_equal(rows[i].words, buf_str(&out));
	}
	buf_clear(&out);
	quiz_phrase(&out, QUIZ_CODE_EXIT, 0, "3", 1);
	assert_string_equal("What does exit status three mean?", buf_str(&out));
	buf_finish(&out);
}

static void every_kind_has_five_phrasings_and_no_two_are_the_same(void **state)
{
	for (int kind = 0; kind < QUIZ_SECTION_OTHER; kind++) {
		size_t count = quiz_phrase_count((enum quiz_kind)kind);

		assert_in_range(count, 5, 8);
		for (size_t i = 1; i < count; i++) {
			struct buf a = BUF_INIT, b = BUF_INIT;

			quiz_phrase(&a, (enum quiz_kind)kind, i - 1, "x", 0);
			quiz_phrase(&b, (enum quiz_kind)kind, i, "x", 0);
			assert_string_not_equal(buf_str(&a), buf_str(&b));
			buf_finish(&a);
			buf_finish(&b);
		}
	}
}

/* ---- BM25 ---- */

static void assert_near(double expected, double value)
{
	if (fabs(expected - value) > 1e-6) {
		fail_msg("%.9f is not %.9f", value, expected);
	}
}

/* Three lines of 2, 4 and 4 words, two with the word: idf = ln(1 + 1.5 / 2.5) = 0.4700036. */
static void bm25_scores_as_by_hand(void **state)
{
	static const char text[] = "red cat\n\nblue dog runs fast\ncat eats cat food\n";
	struct lines lines;
	struct line_pick pick;

	lines_init(&lines, text, strlen(text));
	pick = line_picker_pick(&lines, 1, PICK_LINES, "Where is the CAT?", 17);
	assert_int_equal(3, pick.line);
	/* 0.4700036 * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 4 / (10 / 3))) */
	assert_near(0.470003629 * 4.4 / 3.38, pick.score);
	pick = line_picker_pick(&lines, 1, PICK_LINES, "Where is it?", 12);
	assert_near(0, pick.score);
	lines_finish(&lines);
}

static void joined_lines_are_scored_with_what_hangs_below_them(void **state)
{
	static const char text[] = "--one\n    counts the crates\n--two\n    weighs the crates\n";
	struct lines lines[2];
	struct line_pick pick;

	lines_init(&lines[0], "nothing here\n", 13);
	lines_init(&lines[1], text, strlen(text));
	pick = line_picker_pick(lines, 2, PICK_JOINED, "What weighs a crate with --two?", 31);
	assert_int_equal(1, pick.text);
	assert_int_equal(2, pick.line);
	pick = line_picker_pick(lines, 2, PICK_LINES, "Which one weighs?", 17);
	assert_int_equal(3, pick.line);
	lines_finish(&lines[0]);
	lines_finish(&lines[1]);
}

/* ---- questions ---- */

/* A tokenizer of three bytes a token, and the instructions. */
static int count_bytes(
	void *arg, const struct quiz_question *question, int64_t *prompt_tok, struct err *err)
{
	*prompt_tok = 90;
	for (size_t i = 0; i < question->n_source; i++) {
		*prompt_tok += 20 + (int64_t)question->source[i].part[0].len / 3;
	}
	return 0;
}

static struct quiz *load_harbour(void)
{
	const char *root = getenv("CARREL_TEST_SOURCE");
	char *path = mem_printf("%s/tests/vectors/quiz", root ? root : ".");
	struct quiz *quiz = quiz_create();
	struct err err;

	if (quiz_load(quiz, (const char *const *)&path, 1, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	free(path);
	return quiz;
}

static struct quiz_order order_of(enum quiz_family family, int is_absent, uint64_t number)
{
	return (struct quiz_order){.family = family,
		.is_absent = is_absent,
		.seed = 7,
		.number = number,
		.least_tok = 900,
		.most_tok = 1000,
		.distractors = 20,
		.settle = 1,
		.count = count_bytes};
}

static int stands_in_context(const struct quiz_question *question, struct word word)
{
	for (size_t i = 0; i < question->n_source; i++) {
		const struct part *part = &question->source[i].part[0];

		if (words_has(part->text, part->len, word)) {
			return 1;
		}
	}
	return 0;
}

/* The lines of the entry in the context. */
static struct word span_of(const struct quiz_question *question)
{
	const struct part *part = &question->source[question->target].part[0];
	struct lines lines;
	struct word span;

	lines_init(&lines, part->text, part->len);
	assert_in_range(question->line_first, 1, question->line_last);
	assert_in_range(question->line_last, question->line_first, lines.count);
	span.text = part->text + lines.start[question->line_first - 1];
	span.len = lines.start[question->line_last] - lines.start[question->line_first - 1];
	lines_finish(&lines);
	return span;
}

static void check_present(const struct quiz_question *question)
{
	struct word span = span_of(question), word;
	size_t len = strlen(question->expected), n_content = 0;

	assert_true(quiz_overlap_is_fair(
		quiz_overlap(question->text, strlen(question->text), span.text, span.len)));
	for (size_t at = 0; words_next(question->expected, len, &at, &word);) {
		assert_true(words_has(span.text, span.len, word));
		n_content++;
	}
	assert_true(n_content > 0);
}

static void check_absent(const struct quiz_question *question)
{
	struct word word;
	size_t at = 0;

	assert_int_equal(0, question->line_first);
	if (quiz_kind_family(question->kind) != QUIZ_SECTION) {
		assert_true(words_next(question->anchor, strlen(question->anchor), &at, &word));
		assert_false(stands_in_context(question, word));
	}
}

static void questions_are_what_was_ordered(void **state)
{
	struct quiz *quiz = load_harbour();
	int n_made[2] = {0}, n_early = 0, n_late = 0;

	assert_int_equal(5, quiz_document_count(quiz));
	for (uint64_t number = 0; number < 72; number++) {
		int family = (int)(number % QUIZ_N_FAMILY), is_absent = number % 4 == 3;
		struct quiz_order order = order_of((enum quiz_family)family, is_absent, number);
		struct quiz_question question;

		if (quiz_make(quiz, &order, &question, NULL) != 1) {
			continue; /* each name is asked for once */
		}
		assert_int_equal(family, quiz_kind_family(question.kind));
		assert_int_equal(is_absent, question.is_absent);
		assert_in_range(question.prompt_tok, 900, 1000);
		if (is_absent) {
			check_absent(&question);
		} else {
			check_present(&question);
			n_early += question.position < 0.3;
			n_late += question.position > 0.6;
		}
		n_made[is_absent]++;
		quiz_question_finish(&question);
	}
	assert_true(n_made[0] >= 40);
	assert_true(n_made[1] >= 12);
	assert_true(n_early >= 5);
	assert_true(n_late >= 5);
	quiz_destroy(quiz);
}

static void twenty_distractors_are_there_where_they_are_asked_for(void **state)
{
	struct quiz *quiz = load_harbour();
	struct quiz_question question;
	struct quiz_order order = order_of(QUIZ_OPTION, 0, 0);

	order.settle = 0;
	order.distractors = 15;
	assert_int_equal(1, quiz_make(quiz, &order, &question, NULL));
	assert_true(question.n_distractor >= 15);
	quiz_question_finish(&question);
	order.distractors = 1000;
	assert_int_equal(0, quiz_make(quiz, &order, &question, NULL));
	quiz_destroy(quiz);
}

/* Whether the text, as a document by itself, gives a question of the family about the name. */
static int can_ask(const char *name, const char *text, enum quiz_family family, const char *anchor)
{
	int found = 0;

	for (uint64_t number = 0; number < 8 && !found; number++) {
		struct quiz *quiz = quiz_create();
		struct quiz_order order = order_of(family, 0, number);
		struct quiz_question question = {0};

		quiz_add_text(quiz, name, text, strlen(text));
		order.least_tok = 108 + (int64_t)strlen(text) / 3; /* all of it */
		order.most_tok = order.least_tok + 10;
		found = quiz_make(quiz, &order, &question, NULL) == 1 &&
			strcmp(question.anchor, anchor) == 0;
		quiz_question_finish(&question);
		quiz_destroy(quiz);
	}
	return found;
}

#define PAGE                                                                                       \
	"       --quiet\n"                                                                         \
	"              Write nothing but mishaps.\n\n"                                             \
	"       Some prose that stands between the two of them, so that the page is long "         \
	"enough.\n"

static void what_two_lines_could_answer_is_not_asked(void **state)
{
	assert_true(can_ask("a.1", PAGE, QUIZ_OPTION, "--quiet"));
	assert_true(can_ask("a.1", PAGE "       -v  see --quiet\n", QUIZ_OPTION, "--quiet"));
	assert_false(can_ask("a.1", PAGE "       -s, --quiet, --silent  Hush the whole harbour.\n",
		QUIZ_OPTION, "--quiet"));
	assert_true(can_ask("a.c",
		"static int jib_turn(int angle)\n{\n\treturn angle;\n}\n\n\tjib_turn(3);\n",
		QUIZ_IDENTIFIER, "jib_turn"));
	assert_false(can_ask("a.c",
		"static int jib_turn(int angle);\n\n"
		"static int jib_turn(int angle)\n{\n\treturn angle;\n}\n",
		QUIZ_IDENTIFIER, "jib_turn"));
	assert_true(can_ask(
		"a.1", "NAME\n       winch - lift crates onto a ship\n", QUIZ_TERM, "winch"));
	assert_false(can_ask("a.1",
		"NAME\n       winch - lift crates onto a ship\n\n"
		"DESCRIPTION\n       The winch is a machine that lifts.\n",
		QUIZ_TERM, "winch"));
}

static void the_same_seed_makes_the_same_question(void **state)
{
	struct quiz_question question[2];

	for (int i = 0; i < 2; i++) {
		struct quiz *quiz = load_harbour();
		struct quiz_order order = order_of(QUIZ_TERM, 0, 5);

		assert_int_equal(1, quiz_make(quiz, &order, &question[i], NULL));
		quiz_destroy(quiz);
	}
	assert_string_equal(question[0].text, question[1].text);
	assert_int_equal(question[0].n_source, question[1].n_source);
	assert_int_equal(question[0].line_first, question[1].line_first);
	for (size_t i = 0; i < question[0].n_source; i++) {
		assert_string_equal(
			question[0].source[i].part[0].text, question[1].source[i].part[0].text);
	}
	quiz_question_finish(&question[0]);
	quiz_question_finish(&question[1]);
}

/* ---- grades ---- */

static struct quiz_grade grade_text(const struct quiz_question *question, const char *text)
{
	struct cite_source *cite = mem_zero(question->n_source, sizeof(*cite));
	struct session_answer answer = {.text = mem_strdup(text), .text_len = strlen(text)};
	struct quiz_grade grade;

	for (size_t i = 0; i < question->n_source; i++) {
		cite[i] = (struct cite_source){
			.number = (int64_t)i + 1, .document = &question->source[i]};
	}
	answer.citation =
		cite_check(text, answer.text_len, cite, question->n_source, &answer.n_citation);
	grade = quiz_grade(question, &answer);
	session_answer_finish(&answer);
	for (size_t i = 0; i < question->n_source; i++) {
		cite_source_finish(&cite[i]);
	}
	free(cite);
	return grade;
}

static const char harbour[] = "       -k, --keep-going\n"
			      "              Carry on after one was dropped.\n"
			      "\n"
			      "       -q, --quiet\n"
			      "              Write nothing but mishaps.\n";

/* A question about --quiet, lines 4 and 5. */
static struct quiz_question quiet_question(void)
{
	struct quiz_question question = {
		.text = mem_strdup("What happens when I pass --quiet to it?"),
		.kind = QUIZ_OPTION_DOES,
		.anchor = mem_strdup("--quiet"),
		.expected = mem_strdup("Write nothing but mishaps."),
		.source = mem_zero(1, sizeof(struct document)),
		.n_source = 1,
		.line_first = 4,
		.line_last = 5,
	};
	struct part *part;

	question.source[0] = (struct document){
		.kind = DOCUMENT_TEXT, .name = mem_strdup("a.1"), .origin = mem_strdup("a.1")};
	part = document_add_part(&question.source[0]);
	part->text = mem_strdup(harbour);
	part->len = strlen(harbour);
	return question;
}

static void an_answer_is_right_by_its_first_found_quote(void **state)
{
	struct quiz_question question = quiet_question();
	static const struct {
		const char *answer;
		int right;
		size_t n_citation, n_found;
	} rows[] = {
		{"[S1 a.1:1 \"Write nothing but mishaps.\"]", 1, 1, 1},
		{"[S1 a.1:1 \"--quiet\n              Write nothing but\"]", 1, 1, 1},
		{"[S1 a.1:5 \"Carry on after one was dropped.\"]", 0, 1, 1},
		{"[S1 a.1:4 \"-q, --quiet\"]", 0, 1, 1},
		{"[S1 a.1:2 \"one was dropped.\n\n       -q, --quiet\n              Write\"]", 0, 1,
			1},
		{"[S1 a.1:5 \"Write no words at all\"] [S1 a.1:5 \"nothing but mishaps\"]", 1, 2,
			1},
		{"[S1 a.1:2 \"after one was dropped\"] [S1 a.1:5 \"nothing but mishaps\"]", 0, 2,
			2},
		{"[S1 a.1:5 \"Write no words at all\"]", 0, 1, 0},
		{"It writes nothing but mishaps.", 0, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct quiz_grade grade = grade_text(&question, rows[i].answer);

		print_message("# %s\n", rows[i].answer);
		assert_int_equal(rows[i].right, grade.right);
		assert_int_equal(rows[i].n_citation, grade.n_citation);
		assert_int_equal(rows[i].n_found, grade.n_found);
		assert_int_equal(0, grade.refused);
	}
	assert_true(quiz_picker_is_right(&question, PICK_LINES));
	quiz_question_finish(&question);
}

static void a_quote_may_begin_at_the_heading_and_not_in_another_entry(void **state)
{
	static const char early[] =
		"[S1 a.1:1 \"was dropped.\n\n       -q, --quiet\n              Write nothing\"]";
	struct quiz_question question = quiet_question();

	assert_false(grade_text(&question, early).right);
	question.line_first = question.line_last = 5;
	question.line_heading = 4;
	assert_true(grade_text(
		&question, "[S1 a.1:1 \"-q, --quiet\n              Write nothing but mishaps.\"]")
			    .right);
	assert_false(grade_text(&question, early).right);
	/* of the heading alone, although it has a word of this answer */
	free(question.expected);
	question.expected = mem_strdup("Be quiet and write nothing.");
	free(question.anchor);
	question.anchor = mem_strdup("-q");
	assert_false(grade_text(&question, "[S1 a.1:1 \"-q, --quiet\"]").right);
	quiz_question_finish(&question);
}

static void only_the_sentence_without_a_quote_is_a_refusal(void **state)
{
	struct quiz_question question = quiet_question();

	assert_true(grade_text(&question, "The sources do not say.").refused);
	assert_true(grade_text(&question, " the  SOURCES do\nnot say ").refused);
	assert_false(grade_text(&question, "The sources do not say so.").refused);
	assert_false(grade_text(&question, "The sources do not").refused);
	assert_false(grade_text(&question, "").refused);
	assert_false(grade_text(&question, "The sources do not say. [S1 a.1:5 \"nothing but\"]")
			     .refused);
	question.is_absent = 1;
	assert_false(grade_text(&question, "[S1 a.1:5 \"nothing but mishaps\"]").right);
	assert_false(quiz_picker_is_right(&question, PICK_LINES));
	quiz_question_finish(&question);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_found_with_their_text),
		cmocka_unit_test(names_on_lines_of_their_own_share_a_description),
		cmocka_unit_test(what_only_looks_like_an_option_is_none),
		cmocka_unit_test(settings_are_found_where_files_hold_settings),
		cmocka_unit_test(codes_are_found_with_their_meaning),
		cmocka_unit_test(definitions_are_found_in_code),
		cmocka_unit_test(terms_are_found_with_their_definition),
		cmocka_unit_test(sections_are_found_by_what_their_heading_means),
		cmocka_unit_test(an_identifier_is_one_word),
		cmocka_unit_test(at_most_half_of_the_content_words_may_stand_in_the_answer),
		cmocka_unit_test(numbers_are_spelled_out),
		cmocka_unit_test(every_kind_has_five_phrasings_and_no_two_are_the_same),
		cmocka_unit_test(bm25_scores_as_by_hand),
		cmocka_unit_test(joined_lines_are_scored_with_what_hangs_below_them),
		cmocka_unit_test(questions_are_what_was_ordered),
		cmocka_unit_test(twenty_distractors_are_there_where_they_are_asked_for),
		cmocka_unit_test(what_two_lines_could_answer_is_not_asked),
		cmocka_unit_test(the_same_seed_makes_the_same_question),
		cmocka_unit_test(an_answer_is_right_by_its_first_found_quote),
		cmocka_unit_test(a_quote_may_begin_at_the_heading_and_not_in_another_entry),
		cmocka_unit_test(only_the_sentence_without_a_quote_is_a_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
