/* carrel sessions show: a session as a whole, or one turn of it. */
#include "cli/sessions.h"

#include "base/mem.h"
#include "base/number.h"
#include "cli/output.h"
#include "cli/reading.h"
#include "cli/session_json.h"
#include "session/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { QUESTION_CHARACTERS = 72, DEPTH_MAX = 16 };

/* ---- sources ---- */

/* Where a block stands, as people call it. */
static void place_text(
	const struct store_contents *contents, const struct store_block *block, struct buf *out)
{
	for (size_t i = 0; i < contents->n_place; i++) {
		const struct store_place *place = &contents->place[i];

		if (place->block != block->id) {
			continue;
		}
		if (place->turn == STORE_FRONT) {
			buf_additem(out, "in front");
		} else if (place->turn == STORE_WAITING) {
			buf_additem(out, "for the next question");
		} else {
			char turn[48];

			snprintf(turn, sizeof(turn), "at turn %lld", (long long)place->turn);
			buf_additem(out, turn);
		}
	}
}

/* Of a dropped source, the row that stands for all its texts: the first. */
static int is_repeated(const struct store_contents *contents, const struct store_block *block)
{
	for (size_t i = 0; i < contents->n_block; i++) {
		const struct store_block *other = &contents->block[i];

		if (block->is_dropped && other->id < block->id && other->number == block->number) {
			return 1;
		}
	}
	return 0;
}

/* What a repair could not save of its source; NULL: it is whole. */
static const char *lost_text(const struct store_contents *contents, const struct store_block *block)
{
	char *key = mem_printf(STORE_LOST "%lld", (long long)block->number);
	const char *lost =
		block->is_dropped || block->is_update ? NULL : store_setting(contents, key);

	free(key);
	return lost;
}

/* What a later text of the same source did to it: of a tree only the files that it has. */
static const char *superseded_text(
	const struct store_contents *contents, const struct store_block *block)
{
	for (size_t i = 0; i < contents->n_block; i++) {
		const struct store_block *other = &contents->block[i];

		if (other->id > block->id && other->number == block->number && other->is_update &&
			!other->is_dropped && !block->is_dropped) {
			return block->document.kind == DOCUMENT_CODE ? "in part" : "whole";
		}
	}
	return NULL;
}

static json_t *places_json(const struct store_contents *contents, const struct store_block *block)
{
	json_t *list = json_array();

	for (size_t i = 0; i < contents->n_place; i++) {
		const struct store_place *place = &contents->place[i];

		if (place->block == block->id) {
			json_array_append_new(
				list, place->turn == STORE_FRONT     ? json_string("front")
				      : place->turn == STORE_WAITING ? json_string("next")
								     : json_integer(place->turn));
		}
	}
	return list;
}

static json_t *block_json(const struct store_contents *contents, const struct store_block *block)
{
	json_t *object = json_object();
	char *id = mem_printf("S%lld", (long long)block->number);

	json_object_set_new(object, "id", json_string(id));
	json_object_set_new(object, "kind", json_string(document_kind_name(block->document.kind)));
	json_object_set_new(object, "path", output_json_string(block->document.origin));
	json_object_set_new(object, "name", output_json_string(block->document.name));
	json_object_set_new(
		object, "tokens", block->tokens < 0 ? json_null() : json_integer(block->tokens));
	json_object_set_new(object, "loaded", json_integer(block->loaded_s));
	json_object_set_new(object, "places", places_json(contents, block));
	json_object_set_new(object, "update", json_boolean(block->is_update));
	json_object_set_new(
		object, "superseded", output_json_string(superseded_text(contents, block)));
	json_object_set_new(object, "dropped", json_boolean(block->is_dropped));
	json_object_set_new(object, "state",
		json_string(!block->is_dropped                   ? "kept"
			    : store_is_replaced(contents, block) ? "replaced"
								 : "dropped"));
	json_object_set_new(object, "lost", output_json_string(lost_text(contents, block)));
	free(id);
	return object;
}

static void print_block(const struct store_contents *contents, const struct store_block *block)
{
	const struct document *document = &block->document;
	const char *superseded = superseded_text(contents, block);
	const char *lost = lost_text(contents, block);
	char tokens[NUMBER_SIZE], id[32];
	struct buf place = BUF_INIT;

	if (store_is_replaced(contents, block) || is_repeated(contents, block)) {
		return;
	}
	snprintf(id, sizeof(id), "S%lld%s", (long long)block->number,
		block->is_update ? " update" : "");
	place_text(contents, block, &place);
	if (block->is_dropped) {
		buf_additem(&place, "dropped");
	}
	output_line("  %-10s %-10s %12s  %s  (%s%s%s%s%s)", id, document_kind_name(document->kind),
		block->tokens < 0 ? "-" : number_grouped(tokens, block->tokens),
		document->origin ? document->origin : document->name, buf_str(&place),
		superseded ? ", superseded " : "", superseded ? superseded : "",
		lost ? ", incomplete since a repair: it lacks " : "", lost ? lost : "");
	buf_finish(&place);
}

/* ---- the tree ---- */

/* The turns as a tree: indexes into contents->turn, SIZE_MAX for none. */
struct tree {
	const struct store_contents *contents;
	size_t *child, *sibling; /* the first child, the next one of the same parent */
	size_t root;
	char *is_current;
};

static size_t index_of(const struct store_contents *contents, int64_t id)
{
	const struct store_turn *turn = export_turn(contents, id);

	return turn ? (size_t)(turn - contents->turn) : SIZE_MAX;
}

static void tree_make(struct tree *tree, const struct store_contents *contents)
{
	size_t n = contents->n_turn, n_path;
	int64_t *path = export_path(contents, contents->head, &n_path);

	*tree = (struct tree){.contents = contents,
		.child = mem_alloc((n + 1) * sizeof(size_t)),
		.sibling = mem_alloc((n + 1) * sizeof(size_t)),
		.root = SIZE_MAX,
		.is_current = mem_zero(n + 1, 1)};
	memset(tree->child, 0xff, (n + 1) * sizeof(size_t)); /* SIZE_MAX */
	for (size_t i = n; i-- > 0;) { /* so that the first child stands first */
		size_t parent = index_of(contents, contents->turn[i].parent);
		size_t *first = parent == SIZE_MAX ? &tree->root : &tree->child[parent];

		tree->sibling[i] = *first;
		*first = i;
	}
	for (size_t i = 0; i < n_path; i++) {
		tree->is_current[index_of(contents, path[i])] = 1;
	}
	free(path);
}

static void tree_finish(struct tree *tree)
{
	free(tree->child);
	free(tree->sibling);
	free(tree->is_current);
}

/* The first line of a text, or of it what a terminal's line has room for. */
static void add_first_line(struct buf *out, const char *text, size_t len)
{
	const char *end = len ? memchr(text, '\n', len) : NULL;
	size_t n = end ? (size_t)(end - text) : len, at = 0;

	for (size_t i = 0; at < n && i < QUESTION_CHARACTERS; i++) {
		at++;
		while (at < n && ((unsigned char)text[at] & 0xc0) == 0x80) {
			at++;
		}
	}
	buf_add(out, text, at);
	buf_addstr(out, at < len ? " ..." : "");
}

static void print_turn_line(const struct tree *tree, size_t index, const char *lead)
{
	const struct store_turn *turn = &tree->contents->turn[index];
	struct buf line = BUF_INIT;

	buf_printf(&line, "%c %s%lld  ", tree->is_current[index] ? '*' : ' ', lead,
		(long long)turn->id);
	add_first_line(&line, turn->question, turn->question_len);
	if (session_coverage_is_partial(&turn->reading.coverage)) {
		buf_addstr(&line, "  (");
		session_coverage_text(&turn->reading.coverage, &line);
		buf_addch(&line, ')');
	}
	output_line("%s", buf_str(&line));
	buf_finish(&line);
}

/* A branch that is still to be drawn. */
struct branch {
	size_t first;
	char *lead; /* what stands before its turns; of its first, the last three characters lead to it */
};
struct branches {
	struct branch *item;
	size_t count, cap;
};

/* All turns of one parent, the last one first, so that the first is taken first. */
static void push_children(
	struct branches *branches, const struct tree *tree, size_t first, const char *lead)
{
	size_t from = branches->count;
	int is_deep = strlen(lead) >= 3 * DEPTH_MAX;

	for (size_t i = first; i != SIZE_MAX; i = tree->sibling[i]) {
		int is_last = tree->sibling[i] == SIZE_MAX;

		mem_grow(branches->item, branches->count, branches->cap);
		branches->item[branches->count++] = (struct branch){
			i, is_deep ? mem_strdup(lead)
				   : mem_printf("%s%s", lead, is_last ? "`- " : "|- ")};
	}
	for (size_t to = branches->count; to > from + 1; from++) {
		struct branch held = branches->item[from];

		branches->item[from] = branches->item[--to];
		branches->item[to] = held;
	}
}

/* A turn and those that continue it, as long as each has one. */
static void print_branch(struct branches *branches, const struct tree *tree, struct branch branch)
{
	size_t at = branch.first, len = strlen(branch.lead);

	print_turn_line(tree, at, branch.lead);
	if (len >= 3 && branch.lead[len - 1] == ' ' && branch.lead[len - 2] == '-') {
		branch.lead[len - 3] = branch.lead[len - 3] == '`' ? ' ' : '|';
		branch.lead[len - 2] = ' ';
	}
	for (at = tree->child[at]; at != SIZE_MAX && tree->sibling[at] == SIZE_MAX;
		at = tree->child[at]) {
		print_turn_line(tree, at, branch.lead);
	}
	push_children(branches, tree, at, branch.lead);
}

static void print_tree(const struct tree *tree)
{
	struct branches branches = {0};

	if (tree->root != SIZE_MAX && tree->sibling[tree->root] == SIZE_MAX) {
		print_branch(&branches, tree, (struct branch){tree->root, (char[1]){0}});
	} else {
		push_children(&branches, tree, tree->root, "");
	}
	while (branches.count) {
		struct branch branch = branches.item[--branches.count];

		print_branch(&branches, tree, branch);
		free(branch.lead);
	}
	free(branches.item);
}

/* ---- one turn ---- */

static json_t *turn_json(const struct store_turn *turn, int is_current, int is_whole)
{
	const struct session_answer answer = {
		.citation = turn->citation, .n_citation = turn->n_citation};
	json_t *object = json_object();

	json_object_set_new(object, "turn", json_integer(turn->id));
	json_object_set_new(
		object, "parent", turn->parent ? json_integer(turn->parent) : json_null());
	json_object_set_new(object, "current", json_boolean(is_current));
	json_object_set_new(object, "asked", json_integer(turn->asked_s));
	json_object_set_new(object, "model", output_json_string(turn->model_name));
	json_object_set_new(
		object, "question", output_json_bytes(turn->question, turn->question_len));
	json_object_set_new(object, "stop_reason",
		json_string(turn->stop == ENGINE_STOP_END      ? "end"
			    : turn->stop == ENGINE_STOP_LENGTH ? "length"
							       : "interrupted"));
	json_object_set_new(object, "usage", session_json_usage(&turn->usage));
	json_object_set_new(
		object, "coverage", reading_json_coverage(&turn->reading.coverage, NULL));
	/* Which they were is not kept. */
	json_object_set_new(json_object_get(object, "coverage"), "places", json_null());
	json_object_set_new(object, "reading",
		reading_json_usage(&turn->reading.coverage, &turn->reading.usage));
	if (is_whole) {
		json_object_set_new(
			object, "answer", output_json_bytes(turn->text, turn->text_len));
		json_object_set_new(
			object, "thinking", output_json_bytes(turn->thinking, turn->thinking_len));
		json_object_set_new(object, "citations", session_json_citations(&answer));
	}
	return object;
}

static void print_text(const char *text, size_t len)
{
	output_text(text, len);
	if (len && text[len - 1] != '\n') {
		output_text("\n", 1);
	}
}

static void print_turn(const struct store_turn *turn, int is_verbose)
{
	char time[EXPORT_TIME_SIZE], digits[2][NUMBER_SIZE], took[NUMBER_SIZE];

	output_line("turn %lld%s, %s, %s", (long long)turn->id,
		turn->stop == ENGINE_STOP_END      ? ""
		: turn->stop == ENGINE_STOP_LENGTH ? " (cut at the most tokens of an answer)"
						   : " (interrupted)",
		export_time(time, turn->asked_s), turn->model_name ? turn->model_name : "-");
	output_line("%s tokens of prompt, %s of them computed",
		number_grouped(digits[0], turn->usage.prompt_tok),
		number_grouped(digits[1], turn->usage.prefill_tok));
	if (session_coverage_is_partial(&turn->reading.coverage)) {
		struct buf read = BUF_INIT;

		session_coverage_text(&turn->reading.coverage, &read);
		output_line("%s; %s tokens of prompt, %s of them computed, in %s", buf_str(&read),
			number_grouped(digits[0], turn->reading.usage.prompt_tok),
			number_grouped(digits[1], turn->reading.usage.prefill_tok),
			number_seconds(took, turn->reading.reading_ms / 1000));
		buf_finish(&read);
	}
	printf("\n");
	print_text(turn->question, turn->question_len);
	printf("\n");
	if (is_verbose && turn->thinking_len) {
		print_text(turn->thinking, turn->thinking_len);
		printf("\n");
	}
	print_text(turn->text, turn->text_len);
	for (size_t i = 0; i < turn->n_citation; i++) {
		const struct citation *citation = &turn->citation[i];
		struct buf place = BUF_INIT;

		export_citation_place(&place, citation);
		printf("%s", i ? "" : "\n");
		output_line("[%zu] %s%s\"%s\": %s", i + 1, buf_str(&place), place.len ? " " : "",
			citation->text, export_verdict(citation));
		buf_finish(&place);
	}
}

static int show_turn(
	const struct sessions_read *read, const struct options *options, struct err *err)
{
	const struct store_contents *contents = &read->contents;
	const char *text = options->argument[2];
	char *end;
	long long id = strtoll(text, &end, 10);
	const struct store_turn *turn = *end || end == text ? NULL : export_turn(contents, id);
	struct tree tree;

	if (!turn) {
		return err_set(err, ERR_USAGE, text, "carrel sessions show NAME lists them",
			"is no turn of the session");
	}
	tree_make(&tree, contents);
	if (options->json) {
		output_json(turn_json(turn, tree.is_current[turn - contents->turn], 1));
	} else {
		print_turn(turn, options->verbose);
	}
	tree_finish(&tree);
	return 0;
}

/* ---- all of it ---- */

static void add_usage(struct engine_usage *sum, const struct engine_usage *usage)
{
	sum->prompt_tok += usage->prompt_tok;
	sum->cached_tok += usage->cached_tok;
	sum->disk_tok += usage->disk_tok;
	sum->prefill_tok += usage->prefill_tok;
	sum->generated_tok += usage->generated_tok;
	sum->thinking_tok += usage->thinking_tok;
	sum->prefill_ms += usage->prefill_ms;
	sum->restore_ms += usage->restore_ms;
	sum->decode_ms += usage->decode_ms;
}

/* What the turns cost together, with what was read before them. */
static struct engine_usage sum_usage(const struct store_contents *contents)
{
	struct engine_usage sum = {0};

	for (size_t i = 0; i < contents->n_turn; i++) {
		add_usage(&sum, &contents->turn[i].usage);
		add_usage(&sum, &contents->turn[i].reading.usage);
	}
	return sum;
}

static json_t *session_json(const struct sessions_read *read)
{
	const struct store_contents *contents = &read->contents;
	struct engine_usage usage = sum_usage(contents);
	json_t *object = json_object(), *settings = json_object(), *sources = json_array(),
	       *turns = json_array();
	struct tree tree;

	for (size_t i = 0; i < contents->n_setting; i++) {
		json_object_set_new(settings, contents->setting[i].key,
			output_json_string(contents->setting[i].value));
	}
	for (size_t i = 0; i < contents->n_block; i++) {
		json_array_append_new(sources, block_json(contents, &contents->block[i]));
	}
	tree_make(&tree, contents);
	for (size_t i = 0; i < contents->n_turn; i++) {
		json_array_append_new(turns, turn_json(&contents->turn[i], tree.is_current[i], 0));
	}
	tree_finish(&tree);
	json_object_set_new(object, "id", json_string(read->id));
	json_object_set_new(object, "name", output_json_string(sessions_read_name(read)));
	json_object_set_new(object, "made", json_integer(contents->made_s));
	json_object_set_new(object, "used", json_integer(contents->used_s));
	json_object_set_new(object, "kv_bytes", json_integer(sessions_kv_bytes(read->id)));
	json_object_set_new(object, "settings", settings);
	json_object_set_new(object, "sources", sources);
	json_object_set_new(object, "turns", turns);
	json_object_set_new(
		object, "turn", contents->head ? json_integer(contents->head) : json_null());
	json_object_set_new(object, "draft", output_json_string(contents->draft));
	json_object_set_new(object, "usage", session_json_usage(&usage));
	return object;
}

/* What somebody chose, as opposed to what the session notes for itself. */
static int is_users(const char *key)
{
	return strncmp(key, "option.", 7) == 0 || strcmp(key, STORE_DIRECTORY) == 0 ||
	       strcmp(key, STORE_PINNED) == 0;
}

static void print_head(const struct sessions_read *read)
{
	const struct store_contents *contents = &read->contents;
	char made[EXPORT_TIME_SIZE], used[EXPORT_TIME_SIZE], bytes[NUMBER_SIZE];

	output_line("%s (%s), begun %s, last used %s", sessions_read_name(read), read->id,
		export_time(made, contents->made_s), export_time(used, contents->used_s));
	output_line("%s of KV on disk", number_bytes(bytes, sessions_kv_bytes(read->id)));
	for (size_t i = 0; i < contents->n_setting; i++) {
		if (is_users(contents->setting[i].key)) {
			output_line(
				"%s = %s", contents->setting[i].key, contents->setting[i].value);
		}
	}
}

/* Many windows are read at one time, so that their times are no sum: what passed is. */
static double sum_ms(const struct store_contents *contents)
{
	double ms = 0;

	for (size_t i = 0; i < contents->n_turn; i++) {
		const struct store_turn *turn = &contents->turn[i];

		ms += turn->usage.prefill_ms + turn->usage.decode_ms + turn->reading.reading_ms;
	}
	return ms;
}

static void print_usage(const struct store_contents *contents)
{
	struct engine_usage usage = sum_usage(contents);
	char digits[3][NUMBER_SIZE];

	printf("\n");
	output_line("computed %s tokens of prompt and generated %s in %.1f s; %s were computed "
		    "before",
		number_grouped(digits[0], usage.prefill_tok),
		number_grouped(digits[1], usage.generated_tok), sum_ms(contents) / 1000,
		number_grouped(digits[2], usage.cached_tok));
}

static void print_session(const struct sessions_read *read)
{
	const struct store_contents *contents = &read->contents;
	struct tree tree;

	print_head(read);
	printf("\n%s\n", contents->n_block ? "sources" : "no sources");
	for (size_t i = 0; i < contents->n_block; i++) {
		print_block(contents, &contents->block[i]);
	}
	printf("\n%s\n", contents->n_turn ? "turns (* the current branch)" : "no turns");
	tree_make(&tree, contents);
	print_tree(&tree);
	tree_finish(&tree);
	if (contents->n_turn) {
		print_usage(contents);
	}
}

int sessions_show(struct options *options, struct err *err)
{
	struct sessions_read read;
	int status = 0;

	if (sessions_check_arguments(options, 1, 2, "carrel sessions show NAME [TURN]", err) < 0 ||
		sessions_read_open(&read, options->argument[1], err) < 0) {
		return -1;
	}
	if (options->n_argument > 2) {
		status = show_turn(&read, options, err);
	} else if (options->json) {
		output_json(session_json(&read));
	} else {
		print_session(&read);
	}
	sessions_read_finish(&read);
	return status;
}
