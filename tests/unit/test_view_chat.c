/*
 * The conversation's view without a screen: what it lays out, where it stands while text comes and the
 * width changes, what it finds and copies. The state of the desk is made by hand.
 */
#include "tui/view_chat_internal.h"

#include "base/mem.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { ROWS = 20, COLUMNS = 80 };

/* ---- states by hand: nobody counts who holds them ---- */

const struct desk_state *__wrap_desk_state_ref(const struct desk_state *state);
void __wrap_desk_state_unref(const struct desk_state *state);
const struct desk_turn *__wrap_desk_state_turn(const struct desk_state *state, int64_t id);

const struct desk_state *__wrap_desk_state_ref(const struct desk_state *state)
{
	return state;
}

void __wrap_desk_state_unref(const struct desk_state *state)
{
	(void)state;
}

const struct desk_turn *__wrap_desk_state_turn(const struct desk_state *state, int64_t id)
{
	return id > 0 && (size_t)id <= state->n_turn ? state->turn[id - 1] : NULL;
}

struct fixture {
	struct tui_config config;
	struct app app;
	struct desk_state state[2]; /* now, and what comes next */
	int now;
	struct desk_turn *turn; /* of all states */
	const struct desk_turn **list;
	int64_t *path;
	size_t n;
	struct view *view;
	struct chat *chat;
};

static void fill_state(struct fixture *fixture, struct desk_state *state, size_t n)
{
	*state = (struct desk_state){.session_id = (char *)"id",
		.session_name = (char *)"name",
		.turn = fixture->list,
		.n_turn = n,
		.path = fixture->path,
		.n_path = n,
		.head = (int64_t)n};
}

/* A conversation of `n` turns of which the first `there` are kept; `answer` has %zu for its number. */
static void open_chat(struct fixture *fixture, size_t n, size_t there, const char *answer)
{
	*fixture = (struct fixture){.n = n};
	fixture->turn = mem_zero(n + 1, sizeof(*fixture->turn));
	fixture->list = mem_zero(n + 1, sizeof(*fixture->list));
	fixture->path = mem_zero(n + 1, sizeof(*fixture->path));
	for (size_t i = 0; i < n; i++) {
		struct desk_turn *turn = &fixture->turn[i];
		struct buf text = BUF_INIT;

		turn->id = (int64_t)i + 1;
		turn->question = mem_printf("Question %zu?", i + 1);
		turn->question_len = strlen(turn->question);
		buf_printf(&text, "Answer %zu.\n\n%s", i + 1, answer);
		turn->answer_len = text.len;
		turn->answer = buf_take(&text);
		fixture->list[i] = turn;
		fixture->path[i] = turn->id;
	}
	fill_state(fixture, &fixture->state[0], there);
	fixture->app.config = &fixture->config;
	fixture->app.state = &fixture->state[0];
	fixture->app.keys = keys_create();
	fixture->app.is_typing = 1;
	fixture->view = view_chat.create(&fixture->app, NULL);
	fixture->view->ops = &view_chat;
	fixture->chat = (struct chat *)fixture->view;
}

static void close_chat(struct fixture *fixture)
{
	view_chat.destroy(fixture->view);
	for (size_t i = 0; i < fixture->n; i++) {
		free(fixture->turn[i].question);
		free(fixture->turn[i].answer);
	}
	free(fixture->turn);
	free(fixture->list);
	free(fixture->path);
	keys_destroy(fixture->app.keys);
	free(fixture->app.message);
	for (size_t i = 0; i < fixture->app.n_note; i++) {
		free(fixture->app.note[i].text);
	}
	free(fixture->app.note);
}

static void next_state(struct fixture *fixture, size_t n)
{
	struct desk_state *next = &fixture->state[!fixture->now];

	fill_state(fixture, next, n);
	fixture->app.state = next;
	view_chat.update(fixture->view);
	fixture->now = !fixture->now;
}

static void draw(struct fixture *fixture, int rows, int columns)
{
	view_chat.draw(fixture->view, (struct pane){0, 0, rows, columns}, 1);
}

static void tell(
	struct fixture *fixture, enum desk_event_type type, int64_t order, const char *text)
{
	struct desk_event event = {
		.type = type, .order = order, .text = (char *)text, .text_len = strlen(text)};

	view_chat.event(fixture->view, &event);
}

static size_t rows_of(struct fixture *fixture, size_t turn)
{
	return chat_turn_rows(chat_turn_wrapped(fixture->chat, turn));
}

static const char *part_text(struct fixture *fixture, size_t turn, int part)
{
	return buf_str(&chat_turn_at(fixture->chat, turn)->part[part].stream.styled.text);
}

/* ---- what is laid out ---- */

static double clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1000 + (double)now.tv_nsec / 1e6;
}

static const char long_answer[] =
	"Some *words* that fill a paragraph of an answer, with `code` and more words to wrap "
	"it.\n\n"
	"- one item\n- another item, which is longer than the first one of this list was\n\n"
	"```c\nint f(void);\n```\n\nAnd an end that says all of it once more, in other words.\n";

static void only_turns_that_are_seen_are_laid_out(void **state)
{
	struct fixture fixture;
	double begun;

	open_chat(&fixture, 1000, 1000, long_answer);
	begun = clock_ms();
	draw(&fixture, ROWS, COLUMNS);
	print_message("# first draw of 1,000 turns: %.2f ms\n", clock_ms() - begun);
	assert_true(fixture.chat->n_turn <= 4);
	fixture.app.is_typing = 0;
	view_chat.act(fixture.view, ACTION_FIRST);
	draw(&fixture, ROWS, COLUMNS);
	assert_true(fixture.chat->n_turn <= 8);
	begun = clock_ms();
	for (int i = 0; i < 1000; i++) {
		view_chat.act(fixture.view, ACTION_NEXT_TURN);
		draw(&fixture, ROWS, COLUMNS);
	}
	print_message(
		"# through all of it: %.3f ms a turn and frame\n", (clock_ms() - begun) / 1000);
	assert_int_equal(fixture.chat->cursor.turn, 999);
	assert_true(fixture.chat->n_turn <= 70);
	close_chat(&fixture);
}

static void every_row_is_passed_once_up_and_down(void **state)
{
	struct fixture fixture;
	struct chat_row row = {0};
	size_t n = 0, expected = 0, back = 0;

	open_chat(&fixture, 30, 30, long_answer);
	draw(&fixture, ROWS, COLUMNS);
	for (size_t i = 0; i < 30; i++) {
		expected += rows_of(&fixture, i);
	}
	do {
		struct chat_place place = chat_place_of(fixture.chat, row);

		assert_int_equal(chat_row_compare(chat_row_of(fixture.chat, place), row), 0);
		n++;
	} while (chat_row_move(fixture.chat, &row, 1));
	assert_int_equal(n, expected);
	while (chat_row_move(fixture.chat, &row, -1)) {
		back++;
	}
	assert_int_equal(back, expected - 1);
	close_chat(&fixture);
}

/* ---- where it stands ---- */

static void it_follows_its_end_until_somebody_scrolls(void **state)
{
	struct fixture fixture;
	struct chat_row top;

	open_chat(&fixture, 10, 10, long_answer);
	draw(&fixture, ROWS, COLUMNS);
	chat_asked(fixture.chat, 5, "another", 7, 0);
	for (int i = 0; i < 50; i++) {
		tell(&fixture, DESK_TEXT, 5, "more and more\n\n");
		draw(&fixture, ROWS, COLUMNS);
		assert_true(chat_shows_end(fixture.chat));
	}
	view_chat.act(fixture.view, ACTION_PAGE_UP);
	top = chat_top(fixture.chat);
	assert_false(chat_shows_end(fixture.chat));
	assert_true(fixture.app.is_typing);
	for (int i = 0; i < 50; i++) {
		tell(&fixture, DESK_TEXT, 5, "more and more\n\n");
		draw(&fixture, ROWS, COLUMNS);
		assert_int_equal(chat_row_compare(chat_top(fixture.chat), top), 0);
	}
	for (int i = 0; i < 20; i++) {
		view_chat.act(fixture.view, ACTION_PAGE_DOWN);
	}
	assert_true(fixture.chat->follows);
	/* Who browses at the end goes with it. */
	fixture.app.is_typing = 0;
	view_chat.act(fixture.view, ACTION_LAST);
	for (int i = 0; i < 50; i++) {
		tell(&fixture, DESK_TEXT, 5, "more and more\n\n");
		draw(&fixture, ROWS, COLUMNS);
		assert_true(chat_shows_end(fixture.chat));
		assert_true(chat_row_compare(chat_row_of(fixture.chat, fixture.chat->cursor),
				    chat_top(fixture.chat)) >= 0);
	}
	close_chat(&fixture);
}

static void what_is_read_stays_while_the_width_changes(void **state)
{
	struct fixture fixture;
	struct chat_place cursor;

	open_chat(&fixture, 40, 40, long_answer);
	fixture.app.is_typing = 0;
	draw(&fixture, ROWS, COLUMNS);
	for (int i = 0; i < 100; i++) {
		view_chat.act(fixture.view, ACTION_UP);
	}
	cursor = fixture.chat->cursor;
	for (int columns = 1; columns <= 200; columns++) {
		draw(&fixture, columns % 60 + 1, columns);
		assert_int_equal(fixture.chat->cursor.turn, cursor.turn);
		assert_int_equal(fixture.chat->cursor.at, cursor.at);
		assert_int_equal(chat_row_of(fixture.chat, fixture.chat->cursor).turn, cursor.turn);
	}
	draw(&fixture, 0, 0);
	draw(&fixture, 1, 1);
	close_chat(&fixture);
}

/* ---- what the desk tells ---- */

static void an_answer_is_streamed_and_then_kept(void **state)
{
	struct fixture fixture;
	struct desk_event ended = {.type = DESK_ENDED, .order = 9, .turn = 3};

	open_chat(&fixture, 3, 2, "text");
	draw(&fixture, ROWS, COLUMNS);
	chat_asked(fixture.chat, 9, "third?", 6, 0);
	assert_int_equal(chat_count(fixture.chat), 3);
	assert_string_equal(part_text(&fixture, 2, CHAT_NOTES), "waiting\n\n");
	tell(&fixture, DESK_THOUGHT, 9, "let me see");
	tell(&fixture, DESK_TEXT, 9, "It *is");
	tell(&fixture, DESK_TEXT, 9, "* so");
	assert_string_equal(part_text(&fixture, 2, CHAT_ANSWER), "It is so\n");
	assert_string_equal(part_text(&fixture, 2, CHAT_THINKING), "thought; t unfolds\n");
	view_chat.act(fixture.view, ACTION_THINKING);
	assert_string_equal(
		part_text(&fixture, 2, CHAT_THINKING), "thought; t folds\nlet me see\n");
	/* The state may overtake what was told before it. */
	next_state(&fixture, 3);
	assert_int_equal(chat_count(fixture.chat), 3);
	assert_int_equal(fixture.chat->n_live, 0);
	tell(&fixture, DESK_TEXT, 9, " late");
	view_chat.event(fixture.view, &ended);
	assert_int_equal(chat_count(fixture.chat), 3);
	assert_string_equal(part_text(&fixture, 2, CHAT_ANSWER), "Answer 3.\n\ntext\n");
	close_chat(&fixture);
}

/* Token by token with a frame for each, the second half costs what the first did. */
static void a_frame_costs_the_same_however_long_the_answer_is(void **state)
{
	struct fixture fixture;
	double begun, half = 0, first, second;
	size_t n = 0, most = (100 << 10) / 4;
	char token[5];

	open_chat(&fixture, 1, 0, "text");
	draw(&fixture, ROWS, COLUMNS);
	chat_asked(fixture.chat, 9, "long?", 5, 0);
	begun = clock_ms();
	for (; n < most; n++) {
		size_t at = n * 4 % (sizeof(long_answer) - 5);

		if (n == most / 2) {
			half = clock_ms();
		}
		snprintf(token, sizeof(token), "%s", long_answer + at);
		tell(&fixture, DESK_TEXT, 9, token);
		draw(&fixture, ROWS, COLUMNS);
	}
	first = half - begun;
	second = clock_ms() - half;
	print_message("# 100 KB in frames of a token: %.1f us each, then %.1f us\n",
		2000 * first / (double)most, 2000 * second / (double)most);
	assert_true(chat_shows_end(fixture.chat));
	assert_true(second < 3 * first + 50);
	close_chat(&fixture);
}

static void an_end_without_an_answer_says_why(void **state)
{
	struct fixture fixture;
	struct desk_event ended = {.type = DESK_ENDED, .order = 4};

	open_chat(&fixture, 2, 1, "text");
	draw(&fixture, ROWS, COLUMNS);
	chat_asked(fixture.chat, 4, "second?", 7, 0);
	tell(&fixture, DESK_TEXT, 4, "begun");
	err_set(&ended.err, ERR_ENGINE, NULL, "ask again", "the engine was killed");
	view_chat.event(fixture.view, &ended);
	assert_int_equal(chat_count(fixture.chat), 2);
	assert_string_equal(
		part_text(&fixture, 1, CHAT_NOTES), "the engine was killed; ask again\n\n");
	assert_string_equal(part_text(&fixture, 1, CHAT_ANSWER), "begun\n");
	chat_asked(fixture.chat, 6, "second, again?", 14, 0);
	assert_int_equal(chat_count(fixture.chat), 2);
	close_chat(&fixture);
}

static void questions_wait_behind_each_other(void **state)
{
	struct fixture fixture;
	struct desk_event ended = {.type = DESK_ENDED, .order = 1, .turn = 1};

	open_chat(&fixture, 2, 0, "text");
	draw(&fixture, ROWS, COLUMNS);
	chat_asked(fixture.chat, 1, "a", 1, 0);
	chat_asked(fixture.chat, 2, "b", 1, 0);
	tell(&fixture, DESK_TEXT, 1, "x");
	view_chat.event(fixture.view, &ended);
	next_state(&fixture, 1);
	assert_int_equal(chat_count(fixture.chat), 2);
	assert_int_equal(fixture.chat->n_live, 1);
	assert_int_equal(fixture.chat->live[0]->order, 2);
	close_chat(&fixture);
}

static void a_question_that_failed_goes_when_a_later_one_is_kept(void **state)
{
	struct fixture fixture;
	struct desk_event stopped = {.type = DESK_ENDED, .order = 1};
	struct desk_event ended = {.type = DESK_ENDED, .order = 2, .turn = 1};

	open_chat(&fixture, 2, 0, "text");
	draw(&fixture, ROWS, COLUMNS);
	chat_asked(fixture.chat, 1, "a", 1, 0);
	chat_asked(fixture.chat, 2, "b", 1, 0);
	chat_asked(fixture.chat, 3, "c", 1, 0);
	tell(&fixture, DESK_TEXT, 1, "begun");
	err_set(&stopped.err, ERR_INTERRUPTED, NULL, NULL, "stopped");
	view_chat.event(fixture.view, &stopped);
	assert_int_equal(fixture.chat->n_live, 3); /* why is shown */
	tell(&fixture, DESK_TEXT, 2, "x");
	assert_int_equal(fixture.chat->n_live, 3);
	view_chat.event(fixture.view, &ended);
	next_state(&fixture, 1);
	assert_int_equal(fixture.chat->n_live, 1);
	assert_int_equal(fixture.chat->live[0]->order, 3);
	close_chat(&fixture);
}

static void another_session_is_another_conversation(void **state)
{
	struct fixture fixture;

	open_chat(&fixture, 3, 3, "text");
	draw(&fixture, ROWS, COLUMNS);
	chat_asked(fixture.chat, 1, "a", 1, 0);
	tell(&fixture, DESK_TEXT, 1, "text");
	chat_asked(fixture.chat, 2, "of the other one", 16, 0);
	fill_state(&fixture, &fixture.state[1], 0);
	fixture.state[1].session_id = (char *)"other";
	fixture.app.state = &fixture.state[1];
	view_chat.update(fixture.view);
	assert_int_equal(chat_count(fixture.chat), 1);
	assert_string_equal(part_text(&fixture, 0, CHAT_QUESTION), "of the other one\n");
	draw(&fixture, ROWS, COLUMNS);
	close_chat(&fixture);
}

/* ---- browsing ---- */

static const char cited_answer[] =
	"It says [S1 a.txt:2 \"some words\"] so.\n\n```\nint  a;\n\nint b;\n"
	"```\n\nAnd [S1 \"nothing\"].";

static void add_citations(struct fixture *fixture, struct citation citation[2], size_t turn)
{
	const char *answer = fixture->turn[turn].answer;

	citation[0] = (struct citation){.text = (char *)"some words",
		.source = (char *)"S1",
		.path = (char *)"a.txt",
		.line_first = 2,
		.line_last = 2,
		.time_ms = -1,
		.answer_offset = (size_t)(strstr(answer, "[S1 a") - answer)};
	citation[1] = (struct citation){.text = (char *)"nothing",
		.time_ms = -1,
		.verdict = VERDICT_NOT_FOUND,
		.answer_offset = (size_t)(strstr(answer, "[S1 \"n") - answer)};
	fixture->turn[turn].citation = citation;
	fixture->turn[turn].n_citation = 2;
}

static void assert_copies(struct fixture *fixture, const char *expected)
{
	struct buf text = BUF_INIT;

	assert_true(view_chat.copy(fixture->view, &text));
	assert_string_equal(buf_str(&text), expected);
	buf_finish(&text);
}

static void citations_are_gone_through_and_copied(void **state)
{
	struct fixture fixture;
	struct citation citation[2][2];

	open_chat(&fixture, 2, 2, cited_answer);
	add_citations(&fixture, citation[0], 0);
	add_citations(&fixture, citation[1], 1);
	fixture.app.is_typing = 0;
	draw(&fixture, ROWS, COLUMNS);
	view_chat.act(fixture.view, ACTION_FIRST);
	for (int i = 1; i <= 4; i++) {
		view_chat.act(fixture.view, ACTION_NEXT_CITATION);
		draw(&fixture, ROWS, COLUMNS);
		assert_int_equal(fixture.chat->link, (i - 1) % 2 + 1);
		assert_int_equal(fixture.chat->cursor.turn, (i - 1) / 2);
	}
	assert_copies(&fixture, "\"nothing\" quote not found");
	view_chat.act(fixture.view, ACTION_NEXT_CITATION); /* there is none */
	assert_int_equal(fixture.chat->link, 2);
	for (int i = 3; i >= 1; i--) {
		view_chat.act(fixture.view, ACTION_PREVIOUS_CITATION);
		assert_int_equal(fixture.chat->link, (i - 1) % 2 + 1);
	}
	assert_copies(&fixture, "\"some words\" a.txt:2 verified");
	assert_string_equal(part_text(&fixture, 0, CHAT_CITATIONS),
		"[1] a.txt:2 verified\n[2] quote not found\n");
	close_chat(&fixture);
}

static void copying_takes_what_the_cursor_is_on(void **state)
{
	struct fixture fixture;
	struct citation citation[2];

	open_chat(&fixture, 1, 1, cited_answer);
	add_citations(&fixture, citation, 0);
	draw(&fixture, ROWS, COLUMNS);
	assert_copies(&fixture, fixture.turn[0].answer); /* while typing: the last answer */
	fixture.app.is_typing = 0;
	view_chat.act(fixture.view, ACTION_FIRST);
	assert_copies(&fixture, "Question 1?");
	view_chat.act(fixture.view, ACTION_DOWN);
	assert_copies(&fixture, fixture.turn[0].answer);
	for (int i = 0; i < 4; i++) {
		view_chat.act(fixture.view, ACTION_DOWN);
	}
	assert_copies(&fixture, "int  a;\n\nint b;\n");
	close_chat(&fixture);
}

/* ---- searching ---- */

static void all_turns_are_searched_and_none_kept_for_it(void **state)
{
	struct fixture fixture;
	double begun;

	open_chat(&fixture, 1000, 1000, long_answer);
	draw(&fixture, ROWS, COLUMNS);
	/* As it is typed, each time from where it began. */
	for (size_t len = 1; len <= 12; len++) {
		assert_true(view_chat.search(fixture.view, "Question 17?", len, 0, 0));
		draw(&fixture, ROWS, COLUMNS);
	}
	assert_int_equal(fixture.chat->match.turn, 16);
	assert_true(view_chat.search(fixture.view, "Question 17?", 12, 0, 1));
	assert_int_equal(fixture.chat->match.turn, 16);
	assert_true(fixture.chat->n_turn <= 70);
	/* Words with markup between them; the next one, and the one before. */
	assert_true(view_chat.search(fixture.view, "some words that", 15, 0, 1));
	assert_int_equal(fixture.chat->match.turn, 16);
	assert_true(view_chat.search(fixture.view, "some words that", 15, 0, 1));
	assert_int_equal(fixture.chat->match.turn, 17);
	assert_true(view_chat.search(fixture.view, "some words that", 15, 1, 1));
	assert_true(view_chat.search(fixture.view, "some words that", 15, 1, 1));
	assert_int_equal(fixture.chat->match.turn, 15);
	/* Round the end. */
	assert_true(view_chat.search(fixture.view, "Answer 3.", 9, 0, 1));
	assert_int_equal(fixture.chat->match.turn, 2);
	begun = clock_ms();
	assert_false(view_chat.search(fixture.view, "nowhere", 7, 0, 1));
	print_message("# 1,000 turns without a match: %.2f ms\n", clock_ms() - begun);
	begun = clock_ms();
	assert_false(view_chat.search(fixture.view, "words nowhere", 13, 0, 1));
	assert_false(view_chat.search(fixture.view, ";-;", 3, 0, 1));
	print_message("# where each has to be looked at: %.2f ms\n", (clock_ms() - begun) / 2);
	assert_true(fixture.chat->n_turn <= 70);
	close_chat(&fixture);
}

static void matches_are_marked_over_rows(void **state)
{
	struct fixture fixture;
	struct styled_mark mark[8];
	const struct chat_part *part;

	open_chat(&fixture, 1, 1, "aa bb aa");
	draw(&fixture, ROWS, COLUMNS);
	assert_true(view_chat.search(fixture.view, "AA", 2, 0, 0) == 0); /* capitals are meant */
	assert_true(view_chat.search(fixture.view, "aa", 2, 0, 0));
	part = &chat_turn_wrapped(fixture.chat, 0)->part[CHAT_ANSWER];
	assert_int_equal(chat_marks(fixture.chat, &part->stream.styled,
				 &part->rows.row[part->rows.n_row - 1], 1, mark, 8),
		2);
	assert_int_equal(mark[0].element, ELEMENT_FOUND_CURRENT);
	assert_int_equal(mark[1].element, ELEMENT_FOUND);
	view_chat.search(fixture.view, "", 0, 0, 1);
	assert_int_equal(chat_marks(fixture.chat, &part->stream.styled,
				 &part->rows.row[part->rows.n_row - 1], 1, mark, 8),
		0);
	close_chat(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_turns_that_are_seen_are_laid_out),
		cmocka_unit_test(every_row_is_passed_once_up_and_down),
		cmocka_unit_test(it_follows_its_end_until_somebody_scrolls),
		cmocka_unit_test(what_is_read_stays_while_the_width_changes),
		cmocka_unit_test(an_answer_is_streamed_and_then_kept),
		cmocka_unit_test(a_frame_costs_the_same_however_long_the_answer_is),
		cmocka_unit_test(an_end_without_an_answer_says_why),
		cmocka_unit_test(questions_wait_behind_each_other),
		cmocka_unit_test(a_question_that_failed_goes_when_a_later_one_is_kept),
		cmocka_unit_test(another_session_is_another_conversation),
		cmocka_unit_test(citations_are_gone_through_and_copied),
		cmocka_unit_test(copying_takes_what_the_cursor_is_on),
		cmocka_unit_test(all_turns_are_searched_and_none_kept_for_it),
		cmocka_unit_test(matches_are_marked_over_rows),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
