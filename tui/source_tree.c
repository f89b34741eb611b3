#include "tui/source_tree.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tui/document_find.h"
#include "tui/search_text.h"
#include "tui/view_reader.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_BYTES = 120 }; /* of a page or cue, beside its name */

/* ---- nodes ---- */

static void branch_forget(struct source_branch *branch)
{
	for (size_t i = 0; i < branch->n_node; i++) {
		free(branch->node[i].label);
		free(branch->node[i].path);
	}
	free(branch->node);
	branch->node = NULL;
	branch->n_node = branch->cap_node = 0;
	branch->is_made = 0;
	branch->bytes = -1;
}

static struct source_node *add_node(
	struct source_branch *branch, enum source_node_kind kind, size_t parent, char *label)
{
	struct source_node *node;

	mem_grow(branch->node, branch->n_node, branch->cap_node);
	node = &branch->node[branch->n_node++];
	*node = (struct source_node){
		.kind = kind,
		.label = label,
		.parent = parent,
		.depth = parent == SIZE_MAX ? 1 : branch->node[parent].depth + 1,
	};
	return node;
}

/* What stands below each node: they follow it, so from the last one on. */
static void sum_up(struct source_branch *branch)
{
	for (size_t i = branch->n_node; i > 0; i--) {
		const struct source_node *node = &branch->node[i - 1];
		struct source_node *parent;

		if (node->parent == SIZE_MAX) {
			continue;
		}
		parent = &branch->node[node->parent];
		parent->n_below += node->n_below + 1;
		if (node->kind != SOURCE_NODE_HEADING) {
			parent->bytes += node->bytes;
			parent->n_part += node->n_part;
		}
	}
}

/* ---- files ---- */

struct path_part {
	const char *path;
	size_t part;
};

/* By components: a folder's files stand together, whatever else begins like its name. */
static int compare_paths(const void *a, const void *b)
{
	const struct path_part *left_part = a, *right_part = b;
	const char *left = left_part->path, *right = right_part->path;

	while (*left && *left == *right) {
		left++;
		right++;
	}
	if (*left == *right) {
		return (left_part->part > right_part->part) - (left_part->part < right_part->part);
	}
	if (*left == '/' || *right == '/') {
		return !*left || (*left == '/' && *right) ? -1 : 1;
	}
	return (unsigned char)*left < (unsigned char)*right ? -1 : 1;
}

/* The folder that a path stands in, one level below `parent`, made where it was not the last one. */
static size_t enter_folder(
	struct source_branch *branch, size_t parent, size_t last, const char *path, size_t end)
{
	const char *slash = path + end;
	size_t begin = end;
	struct source_node *node;

	/* `last` is the node before, or what it stands in. */
	for (size_t at = last; at != SIZE_MAX; at = branch->node[at].parent) {
		const struct source_node *there = &branch->node[at];

		if (there->kind == SOURCE_NODE_FOLDER && there->parent == parent &&
			strlen(there->path) == end && memcmp(there->path, path, end) == 0) {
			return at;
		}
	}
	while (begin > 0 && path[begin - 1] != '/') {
		begin--;
	}
	node = add_node(branch, SOURCE_NODE_FOLDER, parent,
		mem_strndup(path + begin, (size_t)(slash - path) - begin));
	node->path = mem_strndup(path, end);
	return branch->n_node - 1;
}

static void add_file(
	struct source_branch *branch, const struct document *document, const struct path_part *file)
{
	size_t parent = SIZE_MAX, last = branch->n_node ? branch->n_node - 1 : SIZE_MAX;
	const char *path = file->path, *slash = path;
	struct source_node *node;

	while ((slash = strchr(slash, '/'))) {
		if (slash > path) {
			parent = enter_folder(branch, parent, last, path, (size_t)(slash - path));
		}
		slash++;
	}
	slash = strrchr(path, '/');
	node = add_node(branch, SOURCE_NODE_PART, parent, mem_strdup(slash ? slash + 1 : path));
	node->path = mem_strdup(path);
	node->part = file->part;
	node->bytes = (int64_t)document->part[file->part].len;
	node->n_part = 1;
}

static void add_files(struct source_branch *branch, const struct document *document)
{
	struct path_part *file = mem_alloc((document->n_part + 1) * sizeof(*file));

	for (size_t i = 0; i < document->n_part; i++) {
		const char *path = document->part[i].place.path;

		file[i] = (struct path_part){path ? path : "", i};
	}
	qsort(file, document->n_part, sizeof(*file), compare_paths);
	for (size_t i = 0; i < document->n_part; i++) {
		add_file(branch, document, &file[i]);
	}
	free(file);
}

/* ---- pages, cues, headings, texts ---- */

static void add_parts(struct source_branch *branch, const struct document *document)
{
	for (size_t i = 0; i < document->n_part; i++) {
		const struct part *part = &document->part[i];
		size_t end = text_line_end(part->text, part->len, 0);
		struct buf label = BUF_INIT;
		struct source_node *node;

		document_part_name(document, i, &label);
		buf_addstr(&label, "  ");
		buf_add(&label, part->text, utf8_cut(part->text, end, WORDS_BYTES));
		node = add_node(branch, SOURCE_NODE_PART, SIZE_MAX, buf_take(&label));
		node->part = i;
		node->bytes = (int64_t)part->len;
		node->n_part = 1;
	}
}

static void add_headings(struct source_branch *branch, const struct document *document)
{
	size_t parent = SIZE_MAX;

	for (size_t i = 0; i < document->n_heading; i++) {
		const struct heading *heading = &document->heading[i];

		while (parent != SIZE_MAX &&
			document->heading[branch->node[parent].part].level >= heading->level) {
			parent = branch->node[parent].parent;
		}
		add_node(branch, SOURCE_NODE_HEADING, parent, mem_strdup(heading->title))->part = i;
		parent = branch->n_node - 1;
	}
}

static void add_versions(struct source_branch *branch, const struct desk_source *source)
{
	for (size_t i = source->n_text; i > 0 && source->n_text > 1; i--) {
		const struct document *document = desk_text_document(source->text[i - 1]);
		struct source_node *node = add_node(branch, SOURCE_NODE_VERSION, SIZE_MAX,
			i == 1 ? mem_strdup("as it was loaded")
			       : mem_printf("update %zu of %zu", i - 1, source->n_text - 1));

		node->version = (int)i - 1;
		for (size_t k = 0; k < document->n_part; k++) {
			node->bytes += (int64_t)document->part[k].len;
		}
	}
}

static void branch_make(struct source_branch *branch, const struct desk_source *source)
{
	struct document document;

	if (branch->is_made || source->n_text == 0) {
		return;
	}
	document = reader_newest(source);
	branch->is_made = 1;
	branch->bytes = 0;
	for (size_t i = 0; i < document.n_part; i++) {
		branch->bytes += (int64_t)document.part[i].len;
	}
	if (document.kind == DOCUMENT_CODE) {
		add_files(branch, &document);
	} else if (document.kind == DOCUMENT_TEXT) {
		add_headings(branch, &document);
	} else {
		add_parts(branch, &document);
	}
	add_versions(branch, source);
	sum_up(branch);
	free(document.part);
}

/* ---- rows ---- */

static void add_row(struct source_tree *tree, size_t source, size_t node)
{
	mem_grow(tree->row, tree->n_row, tree->cap_row);
	tree->row[tree->n_row++] = (struct source_row){source, node};
}

static void make_rows(struct source_tree *tree)
{
	tree->n_row = 0;
	for (size_t i = 0; i < tree->n_branch; i++) {
		const struct source_branch *branch = &tree->branch[i];

		add_row(tree, i, SIZE_MAX);
		for (size_t k = 0; k < branch->n_node && branch->is_open; k++) {
			add_row(tree, i, k);
			k += branch->node[k].is_open ? 0 : branch->node[k].n_below;
		}
	}
}

/* What was open stays open, by its path. Both are in the order of their paths. */
static void keep_open(struct source_branch *branch, const struct source_branch *before)
{
	size_t k = 0;

	for (size_t i = 0; i < before->n_node; i++) {
		const struct source_node *node = &before->node[i];

		if (!node->is_open || !node->path) {
			continue;
		}
		for (size_t n = 0; n < branch->n_node; n++, k = (k + 1) % branch->n_node) {
			if (branch->node[k].path && branch->node[k].n_below &&
				strcmp(branch->node[k].path, node->path) == 0) {
				branch->node[k].is_open = 1;
				break;
			}
		}
	}
}

static void take_branch(struct source_branch *branch, struct source_branch *before,
	const struct desk_source *source)
{
	branch->is_tagged = before->is_tagged;
	branch->is_open = before->is_open;
	if (before->is_made && before->text == branch->text && before->n_text == branch->n_text) {
		*branch = *before;
		*before = (struct source_branch){.number = before->number};
	} else if (before->is_made && before->is_open) {
		branch_make(branch, source);
		keep_open(branch, before);
	}
}

void source_tree_update(struct source_tree *tree, const struct desk_state *state)
{
	struct source_branch *old = tree->branch;
	size_t n_old = tree->n_branch;

	tree->branch = mem_zero(state->n_source + 1, sizeof(*tree->branch));
	tree->n_branch = state->n_source;
	for (size_t i = 0; i < state->n_source; i++) {
		const struct desk_source *source = &state->source[i];

		tree->branch[i] = (struct source_branch){
			.number = source->number,
			.text = source->n_text ? source->text[source->n_text - 1] : NULL,
			.n_text = source->n_text,
			.bytes = -1,
		};
		for (size_t k = 0; k < n_old; k++) {
			if (old[k].number == source->number) {
				take_branch(&tree->branch[i], &old[k], source);
			}
		}
	}
	for (size_t k = 0; k < n_old; k++) {
		branch_forget(&old[k]);
	}
	free(old);
	make_rows(tree);
}

void source_tree_finish(struct source_tree *tree)
{
	for (size_t i = 0; i < tree->n_branch; i++) {
		branch_forget(&tree->branch[i]);
	}
	free(tree->branch);
	free(tree->row);
	*tree = (struct source_tree){0};
}

const struct source_node *source_tree_node(const struct source_tree *tree, struct source_row row)
{
	return row.node == SIZE_MAX ? NULL : &tree->branch[row.source].node[row.node];
}

int source_tree_is_open(const struct source_tree *tree, struct source_row row)
{
	const struct source_node *node = source_tree_node(tree, row);

	return node ? node->is_open : tree->branch[row.source].is_open;
}

int source_tree_may_open(const struct source_tree *tree, struct source_row row)
{
	const struct source_node *node = source_tree_node(tree, row);
	const struct source_branch *branch = &tree->branch[row.source];

	return node ? node->n_below > 0 : !branch->is_made || branch->n_node > 0;
}

int source_tree_open(struct source_tree *tree, const struct desk_state *state,
	struct source_row row, int is_open)
{
	struct source_branch *branch = &tree->branch[row.source];
	int *place;

	if (row.node == SIZE_MAX) {
		branch_make(branch, &state->source[row.source]);
		place = &branch->is_open;
		is_open = is_open && branch->n_node > 0;
	} else {
		place = &branch->node[row.node].is_open;
		is_open = is_open && branch->node[row.node].n_below > 0;
	}
	if (*place == is_open) {
		return 0;
	}
	*place = is_open;
	make_rows(tree);
	return 1;
}

struct source_row source_tree_parent(const struct source_tree *tree, struct source_row row)
{
	const struct source_node *node = source_tree_node(tree, row);

	return (struct source_row){row.source, node ? node->parent : SIZE_MAX};
}

static int compare_rows(struct source_row a, struct source_row b)
{
	/* A source stands in front of its nodes: SIZE_MAX + 1 is 0. */
	if (a.source != b.source) {
		return a.source < b.source ? -1 : 1;
	}
	return a.node + 1 < b.node + 1 ? -1 : a.node + 1 > b.node + 1;
}

size_t source_tree_index(const struct source_tree *tree, struct source_row row)
{
	size_t low = 0, high = tree->n_row;

	while (low < high) { /* the last one at or before it: itself, or what it is folded into */
		size_t mid = low + (high - low) / 2;

		if (compare_rows(tree->row[mid], row) <= 0) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low ? low - 1 : 0;
}

/* ---- searching ---- */

static int has_words(const struct source_tree *tree, const struct desk_state *state,
	struct source_row row, const struct text_needle *needle)
{
	const struct source_node *node = source_tree_node(tree, row);
	const char *text = node ? node->label : state->source[row.source].path;
	size_t len = strlen(text), found_len;

	return text_needle_find(needle, text, len, 0, len, &found_len) != SIZE_MAX;
}

/* The next one in the order of a tree that is all unfolded, going round. */
static struct source_row step(const struct source_tree *tree, struct source_row row, int is_back)
{
	size_t n = tree->n_branch, n_node = tree->branch[row.source].n_node;

	if (!is_back) {
		if (row.node + 1 < n_node) {
			row.node++;
			return row;
		}
		return (struct source_row){(row.source + 1) % n, SIZE_MAX};
	}
	if (row.node != SIZE_MAX) {
		row.node--; /* below 0 it is SIZE_MAX */
		return row;
	}
	row.source = (row.source + n - 1) % n;
	row.node = tree->branch[row.source].n_node - 1;
	return row;
}

static void unfold_to(struct source_tree *tree, struct source_row row)
{
	struct source_branch *branch = &tree->branch[row.source];

	if (row.node != SIZE_MAX) {
		branch->is_open = 1;
		for (size_t at = branch->node[row.node].parent; at != SIZE_MAX;
			at = branch->node[at].parent) {
			branch->node[at].is_open = 1;
		}
	}
	make_rows(tree);
}

int source_tree_find(struct source_tree *tree, const struct desk_state *state,
	struct source_row from, int is_inclusive, const char *words, size_t len, int is_back,
	struct source_row *found)
{
	struct source_row row = from;
	struct text_needle needle;
	int is_found = 0;

	if (tree->n_branch == 0 || len == 0) {
		return 0;
	}
	for (size_t i = 0; i < tree->n_branch; i++) {
		branch_make(&tree->branch[i], &state->source[i]);
	}
	text_needle_init(&needle, words, len);
	if (is_inclusive) {
		is_found = has_words(tree, state, row, &needle);
	}
	while (!is_found) {
		row = step(tree, row, is_back);
		is_found = has_words(tree, state, row, &needle);
		if (compare_rows(row, from) == 0) {
			break;
		}
	}
	text_needle_finish(&needle);
	if (is_found) {
		unfold_to(tree, row);
		*found = row;
	}
	return is_found;
}
