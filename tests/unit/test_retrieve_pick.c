/* How ranked lists become one, and what is read of the best. */
#include "session/retrieve.h"

#include "base/buf.h"
#include "tests/unit/library_by_hand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- merging ---- */

static void ranks_are_added_up_and_scores_are_not_compared(void **state)
{
	static const struct ranked words[] = {{7, 1000}, {3, 999}, {5, 1}},
				   vectors[] = {{3, 0.9}, {9, 0.8}};
	const struct ranking lists[] = {{words, 3, 1}, {vectors, 2, 1}};
	struct ranked *merged;
	size_t count;

	retrieve_merge(lists, 2, &merged, &count);
	assert_int_equal(4, count);
	assert_int_equal(3, merged[0].chunk);
	assert_true(merged[0].score == 1.0 / 62 + 1.0 / 61);
	assert_int_equal(7, merged[1].chunk);
	assert_int_equal(9, merged[2].chunk);
	assert_int_equal(5, merged[3].chunk);
	free(merged);
}

static void weights_decide_and_equals_keep_the_order_of_the_sources(void **state)
{
	static const struct ranked one[] = {{7, 1}}, other[] = {{3, 1}};
	struct ranking lists[] = {{one, 1, 1}, {other, 1, 1}};
	struct ranked *merged;
	size_t count;

	retrieve_merge(lists, 2, &merged, &count);
	assert_int_equal(3, merged[0].chunk);
	free(merged);
	lists[0].weight = 2;
	retrieve_merge(lists, 2, &merged, &count);
	assert_int_equal(7, merged[0].chunk);
	free(merged);
	retrieve_merge(lists, 0, &merged, &count);
	assert_int_equal(0, count);
	free(merged);
	retrieve_merge(&(struct ranking){NULL, 0, 1}, 1, &merged, &count);
	assert_int_equal(0, count);
	free(merged);
}

/* ---- picking ---- */

/* Three texts of 20 lines of 5 tokens, a chunk for each line. */
static void make(struct by_hand *hand)
{
	for (int i = 0; i < 3; i++) {
		struct buf text = BUF_INIT;
		char name[] = {'t', (char)('0' + i), 0};

		for (int k = 0; k < 20; k++) {
			buf_printf(&text, "line %d of text %d\n", k, i);
		}
		by_hand_text(hand, name, buf_str(&text));
		buf_finish(&text);
	}
}

/* The lines of the excerpts, "1:4-6 2:0-0", of text and line from 0; they are in order and apart. */
static char *pick(const struct by_hand *hand, const struct ranked *ranked, size_t n_ranked,
	int64_t budget_tok)
{
	struct excerpt *excerpt;
	struct buf out = BUF_INIT;
	size_t count;
	int64_t tokens = 0;

	retrieve_pick(&hand->library, ranked, n_ranked, budget_tok, &excerpt, &count);
	for (size_t i = 0; i < count; i++) {
		const struct slice *slice = &excerpt[i].slice;
		const struct excerpt *before = i ? &excerpt[i - 1] : NULL;
		const char *text = excerpt[i].source->document->part[slice->first].text;
		int64_t n_line = 0;

		for (size_t at = slice->at; at < slice->end; at++) {
			n_line += text[at] == '\n';
		}
		assert_true(n_line > 0);
		assert_true(
			!before || before->source < excerpt[i].source ||
			(before->source == excerpt[i].source && before->slice.end <= slice->at));
		tokens += by_hand_tokens(text + slice->at, slice->end - slice->at);
		buf_printf(&out, "%s%zu:%d-%d", i ? " " : "",
			(size_t)(excerpt[i].source - hand->source), (int)slice->line - 1,
			(int)(slice->line + n_line) - 2);
	}
	assert_true(tokens <= budget_tok || !count);
	free(excerpt);
	return buf_take(&out);
}

static void assert_picks(const struct by_hand *hand, const char *expected,
	const struct ranked *ranked, size_t n_ranked, int64_t budget_tok)
{
	char *picked = pick(hand, ranked, n_ranked, budget_tok);

	assert_string_equal(expected, picked);
	free(picked);
}

static void the_budget_is_kept_to_the_token(void **state)
{
	static const struct ranked best[] = {{45, 9}, {5, 8}, {25, 7}, {10, 6}, {50, 5}};
	struct by_hand hand = {0};

	make(&hand);
	assert_picks(&hand, "", best, 5, 0);
	assert_picks(&hand, "", best, 5, 4);
	assert_picks(&hand, "2:5-5", best, 5, 5);
	assert_picks(&hand, "2:5-5", best, 5, 9);
	assert_picks(&hand, "2:5-6", best, 5, 10);
	assert_picks(&hand, "2:4-6", best, 5, 15);
	assert_picks(&hand, "0:5-5 2:4-6", best, 5, 20);
	by_hand_finish(&hand);
}

static void excerpts_stand_in_the_order_of_the_sources_with_their_neighbours(void **state)
{
	static const struct ranked best[] = {{45, 9}, {5, 8}, {25, 7}, {10, 6}, {50, 5}};
	struct by_hand hand = {0};

	make(&hand);
	assert_picks(&hand, "0:4-6 0:10-10 1:4-6 2:4-6 2:10-10", best, 5, 1000);
	by_hand_finish(&hand);
}

static void no_line_is_read_twice_and_what_lies_between_is_read(void **state)
{
	static const struct ranked best[] = {{5, 9}, {6, 8}, {7, 7}, {10, 6}, {12, 5}, {6, 4}};
	struct by_hand hand = {0};

	make(&hand);
	assert_picks(&hand, "0:4-12", best, 6, 45);
	assert_picks(&hand, "0:4-10 0:12-12", best, 6, 40);
	by_hand_finish(&hand);
}

static void neighbours_are_of_the_same_source(void **state)
{
	static const struct ranked best[] = {{19, 9}, {40, 8}, {0, 7}};
	struct by_hand hand = {0};

	make(&hand);
	assert_picks(&hand, "0:0-1 0:18-19 2:0-1", best, 3, 1000);
	by_hand_finish(&hand);
}

static void a_chunk_of_no_library_is_left_out(void **state)
{
	static const struct ranked best[] = {{60, 9}, {SIZE_MAX, 8}, {30, 7}};
	struct by_hand hand = {0};

	make(&hand);
	assert_picks(&hand, "1:9-11", best, 3, 1000);
	assert_picks(&hand, "", best, 0, 1000);
	by_hand_finish(&hand);
}

static void the_heading_above_is_read_where_there_is_room(void **state)
{
	static const struct ranked best[] = {{10, 9}};
	struct by_hand hand = {0};

	make(&hand);
	document_add_heading(&hand.document[0], 1, "line 2 of text 0", 16, 0, 3);
	by_hand_cut(&hand, 0, 1);
	assert_picks(&hand, "0:2-2 0:9-11", best, 1, 1000);
	assert_picks(&hand, "0:9-11", best, 1, 20); /* a byte may be a token */
	by_hand_finish(&hand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranks_are_added_up_and_scores_are_not_compared),
		cmocka_unit_test(weights_decide_and_equals_keep_the_order_of_the_sources),
		cmocka_unit_test(the_budget_is_kept_to_the_token),
		cmocka_unit_test(excerpts_stand_in_the_order_of_the_sources_with_their_neighbours),
		cmocka_unit_test(no_line_is_read_twice_and_what_lies_between_is_read),
		cmocka_unit_test(neighbours_are_of_the_same_source),
		cmocka_unit_test(a_chunk_of_no_library_is_left_out),
		cmocka_unit_test(the_heading_above_is_read_where_there_is_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
