/* Which chunks a question finds: by which words, in which order, and never as syntax. */
#include "session/retrieve.h"

#include "base/buf.h"
#include "session/chunk_text.h"
#include "tests/unit/library_by_hand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* What is asked of a library in memory; *count of them, the best first. */
static struct ranked *ask_len(
	const struct by_hand *hand, const char *question, size_t len, size_t *count)
{
	struct retrieve *retrieve;
	struct ranked *ranked = NULL;
	struct err err;

	if (retrieve_open(&retrieve, &hand->library, NULL, NULL, &err) < 0 ||
		retrieve_rank(retrieve, question, len, 100, &ranked, count, &err) < 0) {
		fail_msg("%s", err.what);
	}
	retrieve_close(retrieve);
	return ranked;
}

static struct ranked *ask(const struct by_hand *hand, const char *question, size_t *count)
{
	return ask_len(hand, question, strlen(question), count);
}

/* The chunk that is found first; -1: none is. */
static int first_of(const struct by_hand *hand, const char *question)
{
	size_t count;
	struct ranked *ranked = ask(hand, question, &count);
	int first = count ? (int)ranked[0].chunk : -1;

	free(ranked);
	return first;
}

static size_t count_of(const struct by_hand *hand, const char *question)
{
	size_t count;

	free(ask(hand, question, &count));
	return count;
}

static struct part *add(struct document *document, const char *path, const char *text)
{
	return by_hand_part(document, path, text, strlen(text));
}

static void identifiers_are_found_whole_and_by_their_parts(void **state)
{
	static const char *const asked[] = {"What is rawDataOffset?", "What is raw_data_offset?",
		"What is raw-data-offset?", "the offset of raw data?", "RAW_DATA_OFFSET"};
	struct by_hand hand = {0};

	by_hand_text(&hand, "t",
		"the offset of something\n"
		"int rawDataOffset = 3;\n"
		"raw food and a data sheet\n"
		"sha256 of HTTPServer\n"
		"nothing here\n");
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		assert_int_equal(1, first_of(&hand, asked[i]));
	}
	assert_int_equal(3, first_of(&hand, "sha"));
	assert_int_equal(3, first_of(&hand, "a server for http"));
	assert_int_equal(-1, first_of(&hand, "serv"));
	by_hand_finish(&hand);
}

static void options_are_not_letters(void **state)
{
	struct by_hand hand = {0};

	by_hand_text(&hand, "t",
		"q is a letter, q and q again\n"
		"-q, --quiet  say less\n"
		"a quiet place, as quiet as can be\n"
		"--no-store  keep nothing\n"
		"the store has no shop\n");
	assert_int_equal(1, first_of(&hand, "What does -q do?"));
	assert_int_equal(1, first_of(&hand, "What does --quiet do?"));
	assert_int_equal(3, first_of(&hand, "What is --no-store?"));
	by_hand_finish(&hand);
}

/* A line that begins with a name explains it; elsewhere it is only mentioned. */
static void what_explains_a_name_comes_before_what_mentions_it(void **state)
{
	struct by_hand hand = {0};

	by_hand_text(&hand, "t",
		"see LESSCHARSET, and LESSCHARSET again\n"
		"with --color, or without --color\n"
		"LESSCHARSET selects a set of characters for the terminal\n"
		"-c, --color selects what is drawn and how it is drawn\n"
		"call open_valve(3) or open_valve(4)\n"
		"int open_valve(int hall)\n");
	assert_int_equal(2, first_of(&hand, "What is LESSCHARSET for?"));
	assert_int_equal(3, first_of(&hand, "Why --color?"));
	assert_int_equal(5, first_of(&hand, "What does open_valve take?"));
	by_hand_finish(&hand);
}

static void prose_is_found_by_its_stems(void **state)
{
	struct by_hand hand = {0};

	by_hand_text(&hand, "t",
		"the engines were connected\n"
		"a connection to the engine\n"
		"something else\n");
	assert_int_equal(2, count_of(&hand, "connecting"));
	assert_int_equal(0, first_of(&hand, "connected"));
	assert_int_equal(1, first_of(&hand, "connection"));
	by_hand_finish(&hand);
}

static void stop_words_alone_find_nothing(void **state)
{
	static const char *const nothing[] = {
		"", " ", "what is it?", "?!", "->", "\"", "\xff\xfe", "\xe2\x80\xae"};
	struct by_hand hand = {0};

	by_hand_text(&hand, "t", "what is it and why is it so\nthe pump\n");
	for (size_t i = 0; i < ARRAY_LEN(nothing); i++) {
		assert_int_equal(0, count_of(&hand, nothing[i]));
	}
	assert_int_equal(1, first_of(&hand, "what is the pump?"));
	by_hand_finish(&hand);
}

static void accents_and_case_make_no_difference(void **state)
{
	struct by_hand hand = {0};

	by_hand_text(&hand, "t", "hall\nM\xc3\xbcller's Caf\xc3\xa9\n");
	assert_int_equal(1, first_of(&hand, "CAFE"));
	assert_int_equal(1, first_of(&hand, "mueller muller"));
	by_hand_finish(&hand);
}

static void chinese_and_japanese_are_found_by_their_characters(void **state)
{
	struct by_hand hand = {0};

	by_hand_text(
		&hand, "t", "\xe4\xba\xac\xe9\x83\xbd\n\xe4\xbc\x9a\xe8\xad\xb0\xe5\xae\xa4\n");
	assert_int_equal(1, first_of(&hand, "\xe5\xae\xa4\xef\xbc\x9f"));
	assert_int_equal(0, first_of(&hand, "\xe4\xba\xac"));
	by_hand_finish(&hand);
}

/* FTS5 would read these as its operators, columns and strings. */
static void no_character_of_a_question_is_syntax(void **state)
{
	static const char *const odd[] = {"pump AND", "NOT pump", "pump OR", "text:pump",
		"heading : pump", "(pump", "pump)", "\"pump", "pump\"\"", "^pump", "pump + hall",
		"NEAR(pump, 3)", "{pump}", "-pump", "pump *", "'pump", "pump;--", "pump\\",
		"\377pump", "pump\xe2\x80\xae", "[S1 pump]"};
	struct by_hand hand = {0};

	by_hand_text(&hand, "t", "the pump\nno such thing in here\n");
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		if (first_of(&hand, odd[i]) != 0) {
			fail_msg("%s", odd[i]);
		}
	}
	assert_int_equal(0, first_of(&hand, "pump \" OR \"here"));
	by_hand_finish(&hand);
}

static void a_null_byte_ends_no_question(void **state)
{
	struct by_hand hand = {0};
	size_t count;
	struct ranked *ranked;

	by_hand_text(&hand, "t", "the pump\nthe valve\n");
	ranked = ask_len(&hand, "pump\0valve", 10, &count);
	assert_int_equal(2, count);
	free(ranked);
	by_hand_finish(&hand);
}

static void a_file_that_is_named_comes_first(void **state)
{
	struct by_hand hand = {0};
	struct document *tree = by_hand_document(&hand, DOCUMENT_CODE, "tools");

	add(tree, "man/gzip.1", "the option --force\n");
	add(tree, "man/wget.1", "the option --force, as gzip(1) has it\n");
	add(tree, "src/ring_buffer.c", "the option --force\n");
	by_hand_cut(&hand, 0, 10);
	assert_int_equal(0, first_of(&hand, "In gzip(1), what does --force do?"));
	assert_int_equal(1, first_of(&hand, "In wget(1), what does --force do?"));
	assert_int_equal(2, first_of(&hand, "In ring_buffer.c, what does --force do?"));
	assert_int_equal(2, first_of(&hand, "What is in the ring buffer?"));
	by_hand_finish(&hand);
}

/* What a section is called is not what one asks for. */
static void a_section_is_found_by_what_it_is_about(void **state)
{
	static const char text[] = "NAME\nvalve\n\n\n"
				   "REPORTING BUGS\nwrite to the hall\n\n\n"
				   "AUTHORS\nAnna and Berta\n\n\n"
				   "SEE ALSO\npump\n";
	struct by_hand hand = {0};
	struct document *tree = by_hand_document(&hand, DOCUMENT_CODE, "tools");

	by_hand_part(tree, "man/valve.1", text, sizeof(text) - 1);
	by_hand_cut(&hand, 0, 4);
	assert_int_equal(1, first_of(&hand, "I found a defect: whom do I tell?"));
	assert_int_equal(2, first_of(&hand, "Who wrote it?"));
	assert_int_equal(3, first_of(&hand, "Where can I learn further?"));
	by_hand_finish(&hand);
}

/* A changelog has one section for each release, and nothing above them. */
static void the_headings_of_a_flat_outline_take_time_by_their_number(void **state)
{
	enum { N = 300000, MOST_S = 4 };
	struct heading *heading = calloc(N, sizeof(*heading));
	struct document document = {.heading = heading, .n_heading = N};
	struct buf out = BUF_INIT;
	clock_t begun = clock();

	for (size_t i = 0; i < N; i++) {
		heading[i] = (struct heading){.title = (char *)"2.1", .level = 2};
	}
	for (size_t i = 0; i < N && (clock() - begun) / CLOCKS_PER_SEC < MOST_S; i++) {
		buf_clear(&out);
		chunk_text_heading(&out, &document, &(struct chunk){.heading = i + 1});
		assert_string_equal(buf_str(&out), "2.1\n");
	}
	assert_true((clock() - begun) / CLOCKS_PER_SEC < MOST_S);
	heading[0].level = 1;
	buf_clear(&out);
	chunk_text_heading(&out, &document, &(struct chunk){.heading = 3});
	assert_string_equal(buf_str(&out), "2.1\n2.1\n");
	buf_finish(&out);
	free(heading);
}

static void a_chunk_is_found_by_the_headings_that_it_stands_under(void **state)
{
	struct by_hand hand = {0};
	struct document *document = by_hand_document(&hand, DOCUMENT_TEXT, "t");

	add(document, NULL, "Halls\nNorth\nwarm\ndry\nSouth\nwarm\n");
	document_add_heading(document, 1, "Halls", 5, 0, 1);
	document_add_heading(document, 2, "North", 5, 0, 2);
	document_add_heading(document, 2, "South", 5, 0, 5);
	by_hand_cut(&hand, 0, 1);
	assert_int_equal(5, first_of(&hand, "Is it warm in the south?"));
	assert_int_equal(2, first_of(&hand, "Is it warm in the north?"));
	by_hand_finish(&hand);
}

static void equals_stand_in_the_order_of_the_sources(void **state)
{
	struct by_hand hand = {0};
	size_t count;
	struct ranked *ranked;

	for (int i = 0; i < 3; i++) {
		char name[] = {'t', (char)('0' + i), 0};

		by_hand_text(&hand, name, "pump\nvalve\npump\n");
	}
	ranked = ask(&hand, "pump", &count);
	assert_int_equal(6, count);
	for (size_t i = 1; i < count; i++) {
		assert_true(ranked[i - 1].chunk < ranked[i].chunk);
		assert_true(ranked[i - 1].score == ranked[i].score);
	}
	free(ranked);
	by_hand_finish(&hand);
}

/* Word after word, as long as somebody likes to paste: its beginning and its end count. */
static void a_giant_question_is_answered(void **state)
{
	struct by_hand hand = {0};
	struct buf question = BUF_INIT;
	size_t count;
	struct ranked *ranked;

	by_hand_text(&hand, "t", "the pump\nthe valve\nthe hall\n");
	buf_addstr(&question, "pump ");
	for (int i = 0; question.len < 4 << 20; i++) {
		buf_printf(&question, "word%d ", i % 100000 + 9);
	}
	buf_addstr(&question, "hall?");
	ranked = ask_len(&hand, question.data, question.len, &count);
	assert_int_equal(2, count);
	assert_int_equal(0, ranked[0].chunk);
	assert_int_equal(2, ranked[1].chunk);
	free(ranked);
	buf_finish(&question);
	by_hand_finish(&hand);
}

static void an_empty_library_has_nothing(void **state)
{
	struct by_hand hand = {0};

	assert_int_equal(0, count_of(&hand, "pump"));
	by_hand_text(&hand, "t", "");
	assert_int_equal(0, count_of(&hand, "pump"));
	by_hand_finish(&hand);
}

static void text_that_is_not_utf8_is_found(void **state)
{
	static const char text[] = "caf\xe9 latin\n\xff\xfe\0null pump\xc3\n-\xff_\xfe.\n";
	struct by_hand hand = {0};

	by_hand_part(by_hand_document(&hand, DOCUMENT_TEXT, "t\xff"), NULL, text, sizeof(text) - 1);
	by_hand_cut(&hand, 0, 1);
	assert_int_equal(0, first_of(&hand, "latin"));
	assert_int_equal(1, first_of(&hand, "pump"));
	by_hand_finish(&hand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identifiers_are_found_whole_and_by_their_parts),
		cmocka_unit_test(options_are_not_letters),
		cmocka_unit_test(what_explains_a_name_comes_before_what_mentions_it),
		cmocka_unit_test(prose_is_found_by_its_stems),
		cmocka_unit_test(stop_words_alone_find_nothing),
		cmocka_unit_test(accents_and_case_make_no_difference),
		cmocka_unit_test(chinese_and_japanese_are_found_by_their_characters),
		cmocka_unit_test(no_character_of_a_question_is_syntax),
		cmocka_unit_test(a_null_byte_ends_no_question),
		cmocka_unit_test(a_file_that_is_named_comes_first),
		cmocka_unit_test(a_section_is_found_by_what_it_is_about),
		cmocka_unit_test(a_chunk_is_found_by_the_headings_that_it_stands_under),
		cmocka_unit_test(the_headings_of_a_flat_outline_take_time_by_their_number),
		cmocka_unit_test(equals_stand_in_the_order_of_the_sources),
		cmocka_unit_test(a_giant_question_is_answered),
		cmocka_unit_test(an_empty_library_has_nothing),
		cmocka_unit_test(text_that_is_not_utf8_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
