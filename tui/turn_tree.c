#include "tui/turn_tree.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Turns as they hang together: indices into state->turn, -1 for none. */
struct links {
	const struct desk_state *state;
	ptrdiff_t *child;   /* the oldest */
	ptrdiff_t *sibling; /* the next younger one */
	ptrdiff_t root;
	char *is_current;
};
struct waiting { /* a turn whose column is still to be drawn */
	ptrdiff_t turn;
	int depth, begins;
};
struct stack {
	struct waiting *item;
	size_t n, cap;
};

static ptrdiff_t index_of(const struct desk_state *state, int64_t id)
{
	size_t low = 0, high = state->n_turn;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (state->turn[middle]->id < id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low < state->n_turn && state->turn[low]->id == id ? (ptrdiff_t)low : -1;
}

/* From the youngest, so that each list begins with the oldest. A turn whose parent is no older one is
   a first one: no row is lost, and there is no ring. */
static void link_turns(struct links *links)
{
	const struct desk_state *state = links->state;

	links->root = -1;
	for (size_t i = 0; i < state->n_turn; i++) {
		links->child[i] = -1;
	}
	for (ptrdiff_t i = (ptrdiff_t)state->n_turn - 1; i >= 0; i--) {
		ptrdiff_t parent = index_of(state, state->turn[i]->parent);
		ptrdiff_t *first = parent >= 0 && parent < i ? &links->child[parent] : &links->root;

		links->sibling[i] = *first;
		*first = i;
	}
	for (size_t i = 0; i < state->n_path; i++) {
		ptrdiff_t at = index_of(state, state->path[i]);

		if (at >= 0) {
			links->is_current[at] = 1;
		}
	}
}

/* Of turns beside each other the one that goes on in their parent's column. */
static ptrdiff_t find_heir(const struct links *links, ptrdiff_t first)
{
	ptrdiff_t heir = first;

	for (ptrdiff_t i = first; i >= 0; i = links->sibling[i]) {
		if (links->is_current[i]) {
			return i;
		}
		heir = i;
	}
	return heir;
}

static void push(struct stack *stack, ptrdiff_t turn, int depth, int begins)
{
	mem_grow(stack->item, stack->n, stack->cap);
	stack->item[stack->n++] = (struct waiting){turn, depth, begins};
}

/* The others come first, the oldest of them at once, and so on top of the stack. */
static void push_children(
	struct stack *stack, const struct links *links, ptrdiff_t first, int depth, int is_root)
{
	ptrdiff_t heir = find_heir(links, first);
	size_t begin;

	if (heir < 0) {
		return;
	}
	push(stack, heir, depth, is_root);
	begin = stack->n;
	for (ptrdiff_t i = first; i >= 0; i = links->sibling[i]) {
		if (i != heir) {
			push(stack, i, is_root ? 0 : depth + 1, 1);
		}
	}
	for (size_t low = begin, high = stack->n; low + 1 < high; low++) {
		struct waiting item = stack->item[--high];

		stack->item[high] = stack->item[low];
		stack->item[low] = item;
	}
}

void turn_tree_make(struct turn_tree *tree, const struct desk_state *state)
{
	size_t n = state->n_turn;
	struct links links = {.state = state,
		.child = mem_zero(n + 1, sizeof(*links.child)),
		.sibling = mem_zero(n + 1, sizeof(*links.sibling)),
		.is_current = mem_zero(n + 1, 1)};
	struct stack stack = {0};

	turn_tree_finish(tree);
	tree->row = mem_zero(n + 1, sizeof(*tree->row));
	link_turns(&links);
	push_children(&stack, &links, links.root, 0, 1);
	while (stack.n) {
		struct waiting next = stack.item[--stack.n];
		const struct desk_turn *turn = state->turn[next.turn];

		tree->row[tree->n_row++] = (struct turn_row){.turn = turn,
			.depth = next.depth,
			.begins = next.begins,
			.is_current = links.is_current[next.turn],
			.is_head = turn->id == state->head};
		push_children(&stack, &links, links.child[next.turn], next.depth, 0);
	}
	free(stack.item);
	free(links.child);
	free(links.sibling);
	free(links.is_current);
}

void turn_tree_finish(struct turn_tree *tree)
{
	free(tree->row);
	*tree = (struct turn_tree){0};
}

size_t turn_tree_find(const struct turn_tree *tree, int64_t id)
{
	size_t i = 0;

	while (i < tree->n_row && tree->row[i].turn->id != id) {
		i++;
	}
	return i;
}

void turn_tree_lanes(struct buf *out, const struct turn_row *row, int has_utf8)
{
	int depth = row->depth < TURN_TREE_DEPTH ? row->depth : TURN_TREE_DEPTH;

	for (int i = 0; i < depth; i++) {
		int is_fork = row->begins && i == depth - 1;

		if (has_utf8) {
			buf_addstr(out, is_fork ? "├─" : "│ ");
		} else {
			buf_addstr(out, is_fork ? "|-" : "| ");
		}
	}
	if (has_utf8) {
		buf_addstr(out, row->is_head ? "◉ " : row->is_current ? "● " : "○ ");
	} else {
		buf_addstr(out, row->is_head ? "@ " : row->is_current ? "* " : "o ");
	}
}
