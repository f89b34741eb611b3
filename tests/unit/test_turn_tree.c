/* tui/turn_tree.h: forks as columns, whatever shape the tree of turns has. */
#include "base/mem.h"
#include "tui/turn_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 4096 };

/* A state of turns with these parents: parent[i] is that of turn i + 1. */
struct conversation {
	struct desk_state state;
	struct desk_turn turn[MOST];
	const struct desk_turn *by_id[MOST];
	int64_t path[MOST];
};

static struct conversation *make(const int64_t *parent, size_t n, int64_t head)
{
	struct conversation *made = mem_zero(1, sizeof(*made));
	size_t n_path = 0;

	for (size_t i = 0; i < n; i++) {
		made->turn[i] = (struct desk_turn){.id = (int64_t)i + 1, .parent = parent[i]};
		made->by_id[i] = &made->turn[i];
	}
	for (int64_t id = head; id; id = parent[id - 1]) {
		n_path++;
	}
	made->state = (struct desk_state){.turn = made->by_id,
		.n_turn = n,
		.path = made->path,
		.n_path = n_path,
		.head = head};
	for (int64_t id = head; id; id = parent[id - 1]) {
		made->path[--n_path] = id;
	}
	return made;
}

static char *drawn(const struct conversation *conversation, int has_utf8)
{
	struct turn_tree tree = {0};
	struct buf out = BUF_INIT;

	turn_tree_make(&tree, &conversation->state);
	for (size_t i = 0; i < tree.n_row; i++) {
		turn_tree_lanes(&out, &tree.row[i], has_utf8);
		buf_printf(&out, "%lld\n", (long long)tree.row[i].turn->id);
	}
	turn_tree_finish(&tree);
	return buf_take(&out);
}

#define assert_drawn(head, text, ...)                                                              \
	do {                                                                                       \
		int64_t parent_[] = {__VA_ARGS__};                                                 \
		struct conversation *conversation_ =                                               \
			make(parent_, sizeof(parent_) / sizeof(parent_[0]), head);                 \
		char *drawn_ = drawn(conversation_, 0);                                            \
		assert_string_equal(drawn_, text);                                                 \
		free(drawn_);                                                                      \
		free(conversation_);                                                               \
	} while (0)

static void test_a_chain_stays_in_its_column(void **state)
{
	(void)state;
	assert_drawn(3, "* 1\n* 2\n@ 3\n", 0, 1, 2);
}

static void test_a_fork_begins_a_column_and_the_way_to_the_head_keeps_its_own(void **state)
{
	(void)state;
	assert_drawn(4, "* 1\n|-o 2\n| o 3\n@ 4\n", 0, 1, 2, 1);
	assert_drawn(3, "* 1\n|-o 4\n* 2\n@ 3\n", 0, 1, 2, 1);
}

static void test_several_forks_stand_in_the_order_of_their_making(void **state)
{
	(void)state;
	assert_drawn(5, "* 1\n|-o 2\n|-o 3\n|-o 4\n@ 5\n", 0, 1, 1, 1, 1);
}

static void test_a_fork_of_a_fork_is_one_column_further(void **state)
{
	(void)state;
	/* 1 - 2 - 3, 4 beside 3, 5 beside 2 and the head. */
	assert_drawn(5, "* 1\n|-o 2\n| |-o 3\n| o 4\n@ 5\n", 0, 1, 2, 2, 1);
}

static void test_beyond_the_head_the_newest_way_goes_on(void **state)
{
	(void)state;
	assert_drawn(1, "@ 1\n|-o 2\no 3\no 4\n", 0, 1, 1, 3);
}

static void test_several_first_turns_are_trees_of_their_own(void **state)
{
	(void)state;
	assert_drawn(1, "o 2\no 3\n@ 1\n", 0, 0, 2);
}

static void test_no_turns_are_no_rows(void **state)
{
	struct desk_state empty = {0};
	struct turn_tree tree = {0};

	(void)state;
	turn_tree_make(&tree, &empty);
	assert_int_equal(tree.n_row, 0);
	assert_int_equal(turn_tree_find(&tree, 1), 0);
	turn_tree_finish(&tree);
}

static void test_turns_whose_parents_make_no_sense_are_shown_once_each(void **state)
{
	/* Itself, a younger one, one that is not there. */
	int64_t parent[] = {1, 3, 2, 99, -5};
	struct conversation *conversation = make(parent, 5, 0);
	struct turn_tree tree = {0};
	int seen[6] = {0};

	(void)state;
	turn_tree_make(&tree, &conversation->state);
	assert_int_equal(tree.n_row, 5);
	for (size_t i = 0; i < tree.n_row; i++) {
		assert_int_equal(seen[tree.row[i].turn->id]++, 0);
	}
	turn_tree_finish(&tree);
	free(conversation);
}

/* Any tree: each turn once, behind its parent, and nothing deeper than one column beyond it. */
static void test_random_trees_have_each_turn_once_behind_its_parent(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 200; round++) {
		int64_t parent[MOST];
		size_t n = 1 + (size_t)round * 7;
		int depth[MOST + 1] = {0}, seen[MOST + 1] = {0};
		struct conversation *conversation;
		struct turn_tree tree = {0};

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245 + 12345;
			parent[i] = round % 2 ? (int64_t)((seed >> 8) % (i + 1))
					      : (int64_t)(i - (i && (seed >> 8) % 4 == 0));
		}
		conversation = make(parent, n, (int64_t)n);
		turn_tree_make(&tree, &conversation->state);
		assert_int_equal(tree.n_row, n);
		for (size_t i = 0; i < n; i++) {
			const struct turn_row *row = &tree.row[i];
			int64_t id = row->turn->id, before = row->turn->parent;

			assert_false(seen[id]);
			assert_true(before == 0 || seen[before]);
			assert_true(row->depth == depth[before] || row->depth == depth[before] + 1);
			seen[id] = 1;
			depth[id] = row->depth;
		}
		assert_int_equal(tree.row[turn_tree_find(&tree, (int64_t)n)].is_head, 1);
		turn_tree_finish(&tree);
		free(conversation);
	}
}

/* Each turn forks: as many columns as turns, of which only some are drawn. */
static void test_the_deepest_tree_draws_a_bounded_row(void **state)
{
	int64_t parent[MOST];
	struct conversation *conversation;
	struct turn_tree tree = {0};
	struct buf lanes = BUF_INIT;
	int deepest = 0;

	(void)state;
	/* A ladder: each rung has a child that goes on and an older one that ends the tree there. */
	for (size_t i = 0; i < MOST; i++) {
		parent[i] = i < 2 ? 0 : (int64_t)(i - 2 - i % 2 + 1);
	}
	conversation = make(parent, MOST, 2);
	turn_tree_make(&tree, &conversation->state);
	assert_int_equal(tree.n_row, MOST);
	for (size_t i = 0; i < MOST; i++) {
		buf_clear(&lanes);
		turn_tree_lanes(&lanes, &tree.row[i], 0);
		assert_true(lanes.len <= 2 * TURN_TREE_DEPTH + 2);
		deepest = tree.row[i].depth > deepest ? tree.row[i].depth : deepest;
	}
	assert_true(deepest > TURN_TREE_DEPTH);
	buf_finish(&lanes);
	turn_tree_finish(&tree);
	free(conversation);
}

static void test_lanes_are_lines_where_the_terminal_has_them(void **state)
{
	int64_t parent[] = {0, 1, 1};
	struct conversation *conversation = make(parent, 3, 3);
	char *text = drawn(conversation, 1);

	(void)state;
	assert_string_equal(text, "● 1\n├─○ 2\n◉ 3\n");
	free(text);
	free(conversation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_chain_stays_in_its_column),
		cmocka_unit_test(test_a_fork_begins_a_column_and_the_way_to_the_head_keeps_its_own),
		cmocka_unit_test(test_several_forks_stand_in_the_order_of_their_making),
		cmocka_unit_test(test_a_fork_of_a_fork_is_one_column_further),
		cmocka_unit_test(test_beyond_the_head_the_newest_way_goes_on),
		cmocka_unit_test(test_several_first_turns_are_trees_of_their_own),
		cmocka_unit_test(test_no_turns_are_no_rows),
		cmocka_unit_test(test_turns_whose_parents_make_no_sense_are_shown_once_each),
		cmocka_unit_test(test_random_trees_have_each_turn_once_behind_its_parent),
		cmocka_unit_test(test_the_deepest_tree_draws_a_bounded_row),
		cmocka_unit_test(test_lanes_are_lines_where_the_terminal_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
