#include "cli/count_tree.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static size_t add_node(struct count_tree *tree, size_t parent, const char *name, size_t name_len,
	const char *path, size_t path_len)
{
	size_t index = tree->n_node;
	struct count_node *above;

	mem_grow(tree->node, tree->n_node, tree->cap_node);
	tree->node[tree->n_node++] = (struct count_node){
		.name = mem_strndup(name, name_len),
		.path = mem_strndup(path, path_len),
		.parent = parent,
	};
	if (index) {
		above = &tree->node[parent];
		tree->node[index].level = above->level + 1;
		mem_grow(above->child, above->n_child, above->cap_child);
		above->child[above->n_child++] = index;
	}
	return index;
}

/* The directory of this name; files come sorted, so it is mostly the last one. */
static size_t find_directory(
	const struct count_tree *tree, size_t parent, const char *name, size_t len)
{
	const struct count_node *above = &tree->node[parent];

	for (size_t i = above->n_child; i-- > 0;) {
		const struct count_node *child = &tree->node[above->child[i]];

		if (!child->is_file && strncmp(child->name, name, len) == 0 && !child->name[len]) {
			return above->child[i];
		}
	}
	return 0;
}

static size_t need_directory(
	struct count_tree *tree, size_t parent, const char *path, size_t from, size_t to)
{
	size_t found = find_directory(tree, parent, path + from, to - from);

	return found ? found : add_node(tree, parent, path + from, to - from, path, to);
}

/* How long `root` is in front of what stands in it; 0 where the path does not. */
static size_t root_len(const char *root, const char *path)
{
	size_t len = strlen(root);

	while (len > 1 && root[len - 1] == '/') {
		len--;
	}
	return len && strncmp(root, path, len) == 0 && (path[len] == '/' || root[len - 1] == '/') &&
			       path[len + 1]
		       ? len
		       : 0;
}

/* A file beneath the directory whose path has `len` bytes (0: named by itself). */
static void add_file(struct count_tree *tree, const struct tally_file *file, size_t len,
	const struct tally_source *source, int by_directory)
{
	const char *path = file->path;
	size_t parent = 0, from = 0, node;

	if (!len && by_directory && path[0] == '/') {
		len = 1;
	}
	if (len) {
		parent = need_directory(tree, 0, path, 0, len);
		from = len + strspn(path + len, "/");
	}
	for (const char *slash; (len || by_directory) && (slash = strchr(path + from, '/'));) {
		size_t to = (size_t)(slash - path);

		parent = need_directory(tree, parent, path, from, to);
		from = to + strspn(slash, "/");
	}
	node = add_node(tree, parent, path + from, strlen(path + from), path, strlen(path));
	tree->node[node].is_file = 1;
	tree->node[node].n_pages = source->n_pages;
	tree->node[node].total_pages = source->total_pages;
	tree->node[node].running = source->running;
	for (size_t at = node;; at = tree->node[at].parent) {
		tree->node[at].tokens += file->tokens;
		tree->node[at].bytes += file->bytes;
		tree->node[at].n_files++;
		if (!at) {
			break;
		}
	}
}

/* How many files stand in no folder that was named. */
static size_t count_named(const struct tally *tally)
{
	size_t count = 0;

	for (size_t i = 0; i < tally->n_file; i++) {
		const struct tally_source *source = &tally->source[tally->file[i].source];

		count += source->kind != DOCUMENT_CODE ||
			 !root_len(source->path, tally->file[i].path);
	}
	return count;
}

void count_tree_build(struct count_tree *tree, const struct tally *tally)
{
	const char *root = "";
	int by_directory = count_named(tally) > COUNT_TREE_NAMED_FIT;

	*tree = (struct count_tree){0};
	add_node(tree, 0, "", 0, "", 0);
	for (size_t i = 0; i < tally->n_file; i++) {
		const struct tally_file *file = &tally->file[i];
		const struct tally_source *source = &tally->source[file->source];

		/* Documents that stand in a folder come behind it as sources of their own. */
		if (source->kind == DOCUMENT_CODE && root_len(source->path, file->path)) {
			root = source->path;
		}
		add_file(tree, file, root_len(root, file->path), source, by_directory);
	}
}

void count_tree_finish(struct count_tree *tree)
{
	for (size_t i = 0; i < tree->n_node; i++) {
		free(tree->node[i].name);
		free(tree->node[i].path);
		free(tree->node[i].child);
	}
	free(tree->node);
	*tree = (struct count_tree){0};
}

static int larger_first(const void *a, const void *b, void *arg)
{
	const struct count_tree *tree = arg;
	const struct count_node *left = &tree->node[*(const size_t *)a];
	const struct count_node *right = &tree->node[*(const size_t *)b];

	if (left->tokens != right->tokens) {
		return left->tokens < right->tokens ? 1 : -1;
	}
	return strcmp(left->path, right->path);
}

void count_tree_sort(struct count_tree *tree)
{
	for (size_t i = 0; i < tree->n_node; i++) {
		struct count_node *node = &tree->node[i];

		if (node->n_child) {
			qsort_r(node->child, node->n_child, sizeof(*node->child), larger_first,
				tree);
		}
	}
}

size_t count_tree_rows(const struct count_tree *tree, int level)
{
	size_t count = 0;

	for (size_t i = 1; i < tree->n_node; i++) {
		count += tree->node[i].level <= level;
	}
	return count;
}

/* Take what fits of the directories of a level. */
static void take_level(struct count_tree *tree, int level, int64_t budget_tok, size_t *taken,
	size_t *count, int64_t *sum_tok)
{
	size_t *candidate = mem_alloc(tree->n_node * sizeof(*candidate)), n = 0;

	for (size_t i = 1; i < tree->n_node; i++) {
		struct count_node *node = &tree->node[i];

		/* A parent stands in front of its children. */
		node->is_taken = node->is_taken || tree->node[node->parent].is_taken;
		if (node->level == level && !node->is_file && !node->is_taken && node->tokens) {
			candidate[n++] = i;
		}
	}
	qsort_r(candidate, n, sizeof(*candidate), larger_first, tree);
	for (size_t i = 0; i < n; i++) {
		struct count_node *node = &tree->node[candidate[i]];

		if (node->tokens <= budget_tok - *sum_tok) {
			node->is_taken = 1;
			*sum_tok += node->tokens;
			taken[(*count)++] = candidate[i];
		}
	}
	free(candidate);
}

size_t *count_tree_within(
	struct count_tree *tree, int64_t budget_tok, size_t *count, int64_t *sum_tok)
{
	size_t *taken = mem_alloc(tree->n_node * sizeof(*taken));
	int deepest = 0;

	*count = 0;
	*sum_tok = 0;
	for (size_t i = 0; i < tree->n_node; i++) {
		deepest = tree->node[i].level > deepest ? tree->node[i].level : deepest;
		tree->node[i].is_taken = 0;
	}
	for (int level = 1; level <= deepest && *sum_tok < budget_tok - budget_tok / 10; level++) {
		take_level(tree, level, budget_tok, taken, count, sum_tok);
	}
	return taken;
}
