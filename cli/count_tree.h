/* The files of a count as the tree that they stand in, each directory with what it holds. */
#ifndef CLI_COUNT_TREE_H
#define CLI_COUNT_TREE_H

#include "session/tally.h"

#include <stddef.h>
#include <stdint.h>

struct count_node {
	char *name; /* as it is shown beneath its parent: one component; at the top a path as given */
	char *path;
	size_t parent;
	size_t *child; /* in the order of their coming */
	size_t n_child, cap_child;
	int64_t tokens, bytes, n_files;
	int64_t n_pages, total_pages; /* of a pdf: see session/tally.h */
	struct running_lines running;
	int level; /* from 1 at the top */
	int is_file;
	int is_taken; /* by count_tree_within(): it, or a directory above it */
};

struct count_tree {
	struct count_node *node; /* node[0] is above everything that was given */
	size_t n_node, cap_node;
};

/* Files that are named one by one stand at the top as they were given; more than these by directory. */
enum { COUNT_TREE_NAMED_FIT = 40 };
void count_tree_build(struct count_tree *tree, const struct tally *tally);
void count_tree_finish(struct count_tree *tree);
/* The largest first, in each directory. */
void count_tree_sort(struct count_tree *tree);
/* How many rows the tree has down to a level. */
size_t count_tree_rows(const struct count_tree *tree, int level);

/*
 * Whole directories that together hold at most `budget_tok` tokens: the largest that fits first, of
 * the highest level that has any, then of the next one down while more than a tenth of the budget is
 * left. Returns the nodes in the order in which they were taken (the caller frees) and their sum.
 */
size_t *count_tree_within(
	struct count_tree *tree, int64_t budget_tok, size_t *count, int64_t *sum_tok);

#endif
