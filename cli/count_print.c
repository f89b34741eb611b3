#include "cli/count_print.h"

#include "base/mem.h"
#include "base/number.h"
#include "cli/count_tree.h"
#include "cli/inputs.h"
#include "cli/output.h"

#include <stdlib.h>
#include <string.h>

/* What a table may have that nobody asked to be long: its rows, and those of one directory. */
enum { ROWS_FIT = 40, CHILDREN_FIT = 30 };

struct table {
	const struct count_report *report;
	const struct count_tree *tree;
	int depth, is_bounded;
};

/* ---- figures ---- */

static const char *sized(char out[32], int64_t bytes)
{
	static const char *const unit[] = {"B", "kB", "MB", "GB", "TB"};
	double value = (double)bytes;
	size_t i = 0;

	while (value >= 999.5 && i + 1 < ARRAY_LEN(unit)) {
		value /= 1000;
		i++;
	}
	snprintf(out, 32, i && value < 99.95 ? "%.1f %s" : "%.0f %s", value, unit[i]);
	return out;
}

static double percent(int64_t part, int64_t whole)
{
	return whole > 0 ? 100 * (double)part / (double)whole : 0;
}

static void print_row(const struct count_report *report, int64_t tokens, int64_t bytes, int indent,
	const char *name, const char *more)
{
	char tok[32], size[32] = "";

	output_line("%13s %6.1f %% %9s  %*s%s%s", number_grouped(tok, tokens),
		percent(tokens, report->tally.total_tok), bytes < 0 ? "" : sized(size, bytes),
		indent, "", name, more);
}

/* "  (3 of 5 pages, 24 lines of headers and footers)" behind a pdf's name, else nothing. */
static void say_pages(char *out, size_t size, int64_t n_pages, int64_t total_pages,
	const struct running_lines *running)
{
	char lines[96] = "", of[32] = "";

	out[0] = 0;
	if (running->n_lines) {
		snprintf(lines, sizeof(lines), ", %lld lines of headers and footers%s",
			(long long)running->n_lines, running->are_dropped ? " left out" : "");
	}
	if (total_pages > n_pages) {
		snprintf(of, sizeof(of), " of %lld", (long long)total_pages);
	} else {
		total_pages = n_pages;
	}
	if (n_pages) {
		snprintf(out, size, "  (%lld%s page%s%s)", (long long)n_pages, of,
			total_pages == 1 ? "" : "s", lines);
	}
}

/* ---- the tree ---- */

static void print_node(const struct table *table, const struct count_node *node)
{
	char more[160] = "", n[32];
	size_t len = strlen(node->name);

	if (!node->is_file) {
		snprintf(more, sizeof(more), "%s  (%s file%s)",
			len && node->name[len - 1] == '/' ? "" : "/",
			number_grouped(n, node->n_files), node->n_files == 1 ? "" : "s");
	} else {
		say_pages(more, sizeof(more), node->n_pages, node->total_pages, &node->running);
	}
	print_row(
		table->report, node->tokens, node->bytes, 2 * (node->level - 1), node->name, more);
}

static int by_tokens(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return left < right ? 1 : left > right ? -1 : 0;
}

/* What a child must hold to have a row of its own where a directory has too many. */
static int64_t least_shown(const struct table *table, const struct count_node *node)
{
	int64_t *tokens, least;

	if (!table->is_bounded || node->n_child <= CHILDREN_FIT) {
		return 0;
	}
	tokens = mem_alloc(node->n_child * sizeof(*tokens));
	for (size_t i = 0; i < node->n_child; i++) {
		tokens[i] = table->tree->node[node->child[i]].tokens;
	}
	qsort(tokens, node->n_child, sizeof(*tokens), by_tokens);
	least = tokens[CHILDREN_FIT - 1];
	free(tokens);
	return least;
}

static void print_children(const struct table *table, const struct count_node *node)
{
	int64_t least = least_shown(table, node), rest_tok = 0, rest_bytes = 0;
	size_t n_shown = 0, n_rest = 0;
	char more[96];

	for (size_t i = 0; i < node->n_child; i++) {
		const struct count_node *child = &table->tree->node[node->child[i]];

		if (child->tokens < least || (least && n_shown >= CHILDREN_FIT)) {
			rest_tok += child->tokens;
			rest_bytes += child->bytes;
			n_rest++;
			continue;
		}
		n_shown++;
		print_node(table, child);
		if (child->level < table->depth) {
			print_children(table, child);
		}
	}
	if (n_rest) {
		snprintf(more, sizeof(more), "(%zu more, each smaller; --depth %d lists them)",
			n_rest, node->level + 1);
		print_row(table->report, rest_tok, rest_bytes, 2 * node->level, more, "");
	}
}

/* As deep as the rows fit a screen; what was asked for is shown whole. */
static void print_tree(const struct count_report *report, const struct count_tree *tree)
{
	struct table table = {.report = report, .tree = tree, .depth = 1};
	size_t rows = 0;

	if (report->options->depth) {
		table.depth = report->options->depth < INT32_MAX ? (int)report->options->depth
								 : INT32_MAX;
	} else {
		/* A single folder is opened: its own line says no more than the total. */
		table.depth += tree->node[0].n_child == 1 && !tree->node[1].is_file;
		while (count_tree_rows(tree, table.depth) > rows &&
			count_tree_rows(tree, table.depth + 1) <= ROWS_FIT) {
			rows = count_tree_rows(tree, table.depth);
			table.depth++;
		}
		table.is_bounded = count_tree_rows(tree, table.depth) > ROWS_FIT;
	}
	print_children(&table, &tree->node[0]);
}

static void print_files(const struct count_report *report, size_t n_shown)
{
	const struct tally *tally = &report->tally;
	int64_t rest_tok = 0, rest_bytes = 0;
	char more[160], n[32];

	for (size_t i = 0; i < n_shown; i++) {
		const struct tally_source *source = &tally->source[tally->file[i].source];

		say_pages(
			more, sizeof(more), source->n_pages, source->total_pages, &source->running);
		print_row(report, tally->file[i].tokens, tally->file[i].bytes, 0,
			tally->file[i].path, more);
	}
	for (size_t i = n_shown; i < tally->n_file; i++) {
		rest_tok += tally->file[i].tokens;
		rest_bytes += tally->file[i].bytes;
	}
	if (n_shown < tally->n_file) {
		snprintf(more, sizeof(more), "(%s more file%s)",
			number_grouped(n, (int64_t)(tally->n_file - n_shown)),
			tally->n_file - n_shown == 1 ? "" : "s");
		print_row(report, rest_tok, rest_bytes, 0, more, "");
	}
}

/* "  (line 12)", "  (p.5)", "  (p.5 (A-2))" where that is printed on the page; malloc'ed. */
static char *heading_place(const struct tally_heading *heading)
{
	if (!heading->page) {
		return mem_printf("  (line %lld)", (long long)heading->line);
	}
	return heading->label
		       ? mem_printf("  (p.%lld (%s))", (long long)heading->page, heading->label)
		       : mem_printf("  (p.%lld)", (long long)heading->page);
}

static void print_outline(const struct count_report *report)
{
	for (size_t i = 0; i < report->tally.n_source; i++) {
		const struct tally_source *source = &report->tally.source[i];

		if (source->n_heading) {
			output_line("\n%s", source->path);
		}
		for (size_t k = 0; k < source->n_heading; k++) {
			const struct tally_heading *heading = &source->heading[k];
			char *place = heading_place(heading);

			print_row(report, heading->tokens, -1, 2 * (heading->level - 1),
				heading->title, place);
			free(place);
		}
	}
}

/* ---- what it comes to ---- */

static int fits_window(const struct count_report *report)
{
	return report->tally.total_tok + report->tally.instructions_tok < report->window_tok;
}

static void print_window(const struct count_report *report)
{
	const struct tally *tally = &report->tally;
	const char *model = report->model ? report->model : "model";
	int64_t all_tok = tally->total_tok + tally->instructions_tok;
	char window[32], all[32], left[32];

	if (tally->total_tok <= COUNT_SCALE_TOK) {
		output_line("%.1f %% of the scale of 5,000,000 tokens",
			percent(tally->total_tok, COUNT_SCALE_TOK));
	} else {
		output_line("%.1f times the scale of 5,000,000 tokens",
			(double)tally->total_tok / COUNT_SCALE_TOK);
	}
	if (!report->window_tok) {
		return;
	}
	number_grouped(window, report->window_tok);
	number_grouped(all, all_tok);
	if (fits_window(report)) {
		output_line("fits the window of %s: %s of %s tokens with the instructions, %s "
			    "left for questions and answers",
			model, all, window, number_grouped(left, report->window_tok - all_tok));
	} else {
		output_line("does not fit the window of %s: %s tokens with the instructions, the "
			    "window holds %s",
			model, all, window);
	}
}

static void print_within(const struct count_report *report, struct count_tree *tree)
{
	int64_t budget_tok = report->options->budget_tok, sum_tok;
	char budget[32], sum[32];
	size_t count, *taken;

	if (!budget_tok || report->tally.total_tok <= budget_tok) {
		return;
	}
	taken = count_tree_within(tree, budget_tok, &count, &sum_tok);
	number_grouped(budget, budget_tok);
	if (!count) {
		output_line("\nno directory fits the budget of %s tokens", budget);
	} else {
		output_line("\n%zu director%s with %s tokens fit%s the budget of %s:", count,
			count == 1 ? "y" : "ies", number_grouped(sum, sum_tok),
			count == 1 ? "s" : "", budget);
	}
	for (size_t i = 0; i < count; i++) {
		const struct count_node *node = &tree->node[taken[i]];

		print_row(report, node->tokens, node->bytes, 0, node->path, "");
	}
	free(taken);
}

static void print_total(const struct count_report *report)
{
	const struct tally *tally = &report->tally;
	char tok[32], files[32], size[32];

	if (tally->packing_tok) {
		output_line("%13s %6.1f %% %9s  (tags around files)",
			number_grouped(tok, tally->packing_tok),
			percent(tally->packing_tok, tally->total_tok), "");
	}
	output_line("%13s          %9s  total, %s file%s", number_grouped(tok, tally->total_tok),
		sized(size, tally->total_bytes), number_grouped(files, (int64_t)tally->n_file),
		tally->n_file == 1 ? "" : "s");
}

/* ---- JSON ---- */

static void set_number(json_t *object, const char *name, int64_t value)
{
	json_object_set_new(object, name, json_integer(value));
}

static json_t *json_file(const char *path, int64_t tokens, int64_t bytes)
{
	json_t *item = json_object();

	json_object_set_new(item, "path", output_json_string(path));
	set_number(item, "tokens", tokens);
	set_number(item, "bytes", bytes);
	return item;
}

static json_t *json_headings(const struct tally_source *source)
{
	json_t *list = json_array();

	for (size_t i = 0; i < source->n_heading; i++) {
		const struct tally_heading *heading = &source->heading[i];
		json_t *item = json_object();

		json_object_set_new(item, "title", output_json_string(heading->title));
		set_number(item, "level", heading->level);
		json_object_set_new(
			item, "page", heading->page ? json_integer(heading->page) : json_null());
		json_object_set_new(item, "label", output_json_string(heading->label));
		set_number(item, "line", heading->line);
		set_number(item, "tokens", heading->tokens);
		json_array_append_new(list, item);
	}
	return list;
}

/* Headers and footers that repeat; null where there are no pages. */
static json_t *json_running(const struct tally_source *source)
{
	const struct running_lines *running = &source->running;

	if (!source->n_pages) {
		return json_null();
	}
	return json_pack("{s:I, s:I, s:b}", "lines", (json_int_t)running->n_lines, "pages",
		(json_int_t)running->n_pages, "left_out", running->are_dropped);
}

static json_t *json_sources(const struct count_report *report)
{
	json_t *list = json_array();

	for (size_t i = 0; i < report->tally.n_source; i++) {
		const struct tally_source *source = &report->tally.source[i];
		json_t *item = json_file(source->path, source->tokens, source->bytes);

		json_object_set_new(
			item, "kind", output_json_string(document_kind_name(source->kind)));
		json_object_set_new(item, "pages",
			source->n_pages ? json_integer(source->n_pages) : json_null());
		json_object_set_new(item, "running_lines", json_running(source));
		if (report->options->outline) {
			json_object_set_new(item, "headings", json_headings(source));
		}
		json_array_append_new(list, item);
	}
	return list;
}

static void add_json_directory(json_t *list, const struct count_node *node)
{
	json_t *item = json_file(node->path, node->tokens, node->bytes);

	set_number(item, "files", node->n_files);
	json_array_append_new(list, item);
}

/* Parents in front of what they hold, down to --depth. */
static void add_json_directories(
	json_t *list, const struct count_tree *tree, const struct count_node *node, int64_t depth)
{
	for (size_t i = 0; i < node->n_child; i++) {
		const struct count_node *child = &tree->node[node->child[i]];

		if (!child->is_file && (!depth || child->level <= depth)) {
			add_json_directory(list, child);
			add_json_directories(list, tree, child, depth);
		}
	}
}

static void add_json_budget(
	const struct count_report *report, struct count_tree *tree, json_t *object)
{
	int64_t budget_tok = report->options->budget_tok, sum_tok;
	int is_over = report->tally.total_tok > budget_tok;
	json_t *within = json_object(), *list = json_array();
	size_t count = 0, *taken = NULL;

	set_number(object, "budget", budget_tok);
	json_object_set_new(object, "over", json_boolean(is_over));
	if (!is_over) {
		json_decref(within);
		json_decref(list);
		json_object_set_new(object, "within", json_null());
		return;
	}
	taken = count_tree_within(tree, budget_tok, &count, &sum_tok);
	for (size_t i = 0; i < count; i++) {
		add_json_directory(list, &tree->node[taken[i]]);
	}
	free(taken);
	set_number(within, "tokens", sum_tok);
	json_object_set_new(within, "directories", list);
	json_object_set_new(object, "within", within);
}

static void print_json(const struct count_report *report, struct count_tree *tree, size_t n_shown)
{
	const struct tally *tally = &report->tally;
	json_t *object = json_object(), *files = json_array(), *directories = json_array();
	json_t *window = json_object(), *scale = json_object();

	for (size_t i = 0; i < n_shown; i++) {
		const struct tally_file *file = &tally->file[i];

		json_array_append_new(files, json_file(file->path, file->tokens, file->bytes));
	}
	add_json_directories(directories, tree, &tree->node[0], report->options->depth);
	json_object_set_new(object, "files", files);
	json_object_set_new(object, "directories", directories);
	json_object_set_new(object, "sources", json_sources(report));
	set_number(object, "packing_tokens", tally->packing_tok);
	set_number(object, "total_tokens", tally->total_tok);
	set_number(object, "total_bytes", tally->total_bytes);
	set_number(object, "n_files", (int64_t)tally->n_file);
	set_number(object, "instructions_tokens", tally->instructions_tok);
	json_object_set_new(window, "tokens",
		report->window_tok ? json_integer(report->window_tok) : json_null());
	json_object_set_new(window, "fits",
		report->window_tok ? json_boolean(fits_window(report)) : json_null());
	json_object_set_new(object, "window", window);
	set_number(scale, "limit", COUNT_SCALE_TOK);
	json_object_set_new(scale, "share", json_real((double)tally->total_tok / COUNT_SCALE_TOK));
	json_object_set_new(object, "scale", scale);
	if (report->options->budget_tok) {
		add_json_budget(report, tree, object);
	}
	json_object_set_new(
		object, "skipped", inputs_json_skipped(tally->skipped, tally->n_skipped));
	output_json(object);
}

/* ---- the whole ---- */

static int larger_first(const void *a, const void *b)
{
	const struct tally_file *left = a, *right = b;

	if (left->tokens != right->tokens) {
		return left->tokens < right->tokens ? 1 : -1;
	}
	return strcmp(left->path, right->path);
}

void count_print(struct count_report *report)
{
	const struct options *options = report->options;
	struct tally *tally = &report->tally;
	size_t n_shown = tally->n_file;
	struct count_tree tree;

	count_tree_build(&tree, tally);
	if (options->sort) {
		count_tree_sort(&tree);
	}
	if (options->top_n && options->top_n < (int64_t)n_shown) {
		n_shown = (size_t)options->top_n;
	}
	if (options->top_n || options->sort) {
		qsort(tally->file, tally->n_file, sizeof(*tally->file), larger_first);
	}
	if (options->json) {
		print_json(report, &tree, n_shown);
		count_tree_finish(&tree);
		return;
	}
	output_line("%13s   share      bytes", "tokens");
	if (options->top_n) {
		print_files(report, n_shown);
	} else {
		print_tree(report, &tree);
	}
	print_total(report);
	if (options->outline) {
		print_outline(report);
	}
	print_within(report, &tree);
	output_line("%s", "");
	print_window(report);
	count_tree_finish(&tree);
}
