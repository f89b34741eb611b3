/* Sources as a tree: folders, pages, headings and updates; folding, finding, and what stays open. */
#include "tui/source_tree.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "session/desk_text.h"
#include "tui/view_reader.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

enum { SOURCES_MOST = 4, TEXTS_MOST = 4 };
struct session { /* what a state has of it */
	struct desk_state state;
	struct desk_source source[SOURCES_MOST];
	struct desk_text *text[SOURCES_MOST][TEXTS_MOST];
};

static void add_part(struct document *document, const char *path, const char *text)
{
	struct part *part = document_add_part(document);

	part->place.path = mem_strdup(path);
	part->text = mem_strdup(text);
	part->len = strlen(text);
}

/* "path path ...": a tree of files whose text is their path; "-path": one without a line. */
static struct document files(const char *paths)
{
	struct document document = {.kind = DOCUMENT_CODE};
	char *copy = mem_strdup(paths), *save, *path;

	for (path = strtok_r(copy, " ", &save); path; path = strtok_r(NULL, " ", &save)) {
		add_part(&document, path + (*path == '-'), *path == '-' ? "" : path);
	}
	free(copy);
	return document;
}

static void add_text(struct session *session, size_t source, struct document document)
{
	struct desk_source *to = &session->source[source];

	to->text = session->text[source];
	to->text[to->n_text++] = desk_text_create(&document);
}

static void add_source(struct session *session, const char *path, struct document document)
{
	size_t i = session->state.n_source++;

	session->state.source = session->source;
	session->source[i] = (struct desk_source){
		.number = (int64_t)i + 1, .path = (char *)path, .name = (char *)path};
	add_text(session, i, document);
}

static void session_finish(struct session *session)
{
	for (size_t i = 0; i < SOURCES_MOST; i++) {
		for (size_t k = 0; k < session->source[i].n_text; k++) {
			desk_text_unref(session->text[i][k]);
		}
	}
}

/* A line for each row: "- S1 nccl", "  + src 12". */
static char *drawn(const struct source_tree *tree, const struct session *session)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < tree->n_row; i++) {
		struct source_row row = tree->row[i];
		const struct source_node *node = source_tree_node(tree, row);

		buf_printf(&out, "%*s%c ", node ? 2 * node->depth : 0, "",
			!source_tree_may_open(tree, row) ? '.'
			: source_tree_is_open(tree, row) ? '-'
							 : '+');
		if (node) {
			buf_printf(&out, "%s %d", node->label, (int)node->bytes);
		} else {
			buf_addstr(&out, session->source[row.source].path);
		}
		buf_addch(&out, '\n');
	}
	return buf_take(&out);
}

static void check(
	const struct source_tree *tree, const struct session *session, const char *expected)
{
	char *got = drawn(tree, session);

	assert_string_equal(expected, got);
	free(got);
}

static struct source_row row_of(const struct source_tree *tree, size_t source, const char *path)
{
	for (size_t i = 0; i < tree->branch[source].n_node; i++) {
		const char *own = tree->branch[source].node[i].path;

		if (own && strcmp(own, path) == 0) {
			return (struct source_row){source, i};
		}
	}
	return (struct source_row){source, SIZE_MAX};
}

static void open_path(
	struct source_tree *tree, const struct session *session, size_t source, const char *path)
{
	source_tree_open(tree, &session->state, row_of(tree, source, path), 1);
}

static void files_stand_in_their_folders_whatever_their_order(void **state)
{
	struct session session = {0};
	struct source_tree tree = {0};

	add_source(&session, "nccl", files("src/b.c README src-x/y src/a/z.h src/a.c src/a/b/c"));
	source_tree_update(&tree, &session.state);
	check(&tree, &session, "+ nccl\n");
	open_path(&tree, &session, 0, "");
	check(&tree, &session, "- nccl\n  . README 6\n  + src 32\n  + src-x 7\n");
	open_path(&tree, &session, 0, "src");
	open_path(&tree, &session, 0, "src/a");
	check(&tree, &session,
		"- nccl\n  . README 6\n  - src 32\n    - a 18\n      + b 9\n      . z.h 9\n"
		"    . a.c 7\n    . b.c 7\n  + src-x 7\n");
	source_tree_finish(&tree);
	session_finish(&session);
}

static void folding_hides_what_stands_below_and_the_cursor_goes_to_it(void **state)
{
	struct session session = {0};
	struct source_tree tree = {0};
	struct source_row inner;

	add_source(&session, "nccl", files("a/b/c d"));
	add_source(&session, "other", files("e"));
	source_tree_update(&tree, &session.state);
	open_path(&tree, &session, 0, "");
	open_path(&tree, &session, 0, "a");
	open_path(&tree, &session, 0, "a/b");
	inner = row_of(&tree, 0, "a/b/c");
	assert_int_equal(3, source_tree_index(&tree, inner));
	assert_int_equal(1, source_tree_open(&tree, &session.state, row_of(&tree, 0, "a"), 0));
	assert_int_equal(0, source_tree_open(&tree, &session.state, row_of(&tree, 0, "a"), 0));
	check(&tree, &session, "- nccl\n  + a 5\n  . d 1\n+ other\n");
	assert_int_equal(1, source_tree_index(&tree, inner));
	assert_int_equal(
		1, source_tree_open(&tree, &session.state, (struct source_row){0, SIZE_MAX}, 0));
	check(&tree, &session, "+ nccl\n+ other\n");
	assert_int_equal(0, source_tree_index(&tree, inner));
	assert_int_equal(1, source_tree_index(&tree, (struct source_row){1, SIZE_MAX}));
	source_tree_finish(&tree);
	session_finish(&session);
}

static void headings_are_nested_and_pages_are_named(void **state)
{
	struct document text = {.kind = DOCUMENT_TEXT}, pdf = {.kind = DOCUMENT_PDF};
	struct session session = {0};
	struct source_tree tree = {0};

	add_part(&text, NULL, "1\n2\n3\n4\n");
	document_add_heading(&text, 1, "One", 3, 0, 1);
	document_add_heading(&text, 3, "Deep", 4, 0, 2);
	document_add_heading(&text, 2, "Less", 4, 0, 3);
	document_add_heading(&text, 1, "Two", 3, 0, 4);
	add_part(&pdf, NULL, "Title\nmore");
	pdf.part[0].place.page = 4;
	pdf.part[0].place.label = mem_strdup("iv");
	add_source(&session, "a.md", text);
	add_source(&session, "b.pdf", pdf);
	source_tree_update(&tree, &session.state);
	source_tree_open(&tree, &session.state, (struct source_row){0, SIZE_MAX}, 1);
	source_tree_open(&tree, &session.state, (struct source_row){0, 0}, 1);
	source_tree_open(&tree, &session.state, (struct source_row){1, SIZE_MAX}, 1);
	check(&tree, &session,
		"- a.md\n  - One 0\n    . Deep 0\n    . Less 0\n  . Two 0\n"
		"- b.pdf\n  . page 4 (iv)  Title 10\n");
	source_tree_finish(&tree);
	session_finish(&session);
}

static void a_source_without_anything_below_does_not_unfold(void **state)
{
	struct document text = {.kind = DOCUMENT_TEXT};
	struct session session = {0};
	struct source_tree tree = {0};

	add_part(&text, NULL, "plain");
	add_source(&session, "a.txt", text);
	source_tree_update(&tree, &session.state);
	assert_int_equal(
		0, source_tree_open(&tree, &session.state, (struct source_row){0, SIZE_MAX}, 1));
	check(&tree, &session, ". a.txt\n");
	source_tree_finish(&tree);
	session_finish(&session);
}

static void an_update_replaces_its_files_and_what_was_open_stays_open(void **state)
{
	struct session session = {0};
	struct source_tree tree = {0};

	add_source(&session, "nccl", files("src/a.c src/b.c lib/c.c"));
	source_tree_update(&tree, &session.state);
	tree.branch[0].is_tagged = 1;
	open_path(&tree, &session, 0, "");
	open_path(&tree, &session, 0, "src");
	add_text(&session, 0, files("src/b.c -src/a.c src/new.c"));
	source_tree_update(&tree, &session.state);
	assert_int_equal(1, tree.branch[0].is_tagged);
	check(&tree, &session,
		"- nccl\n  + lib 7\n  - src 16\n    . b.c 7\n    . new.c 9\n"
		"  . update 1 of 1 16\n  . as it was loaded 21\n");
	source_tree_finish(&tree);
	session_finish(&session);
}

static void the_newest_text_has_each_file_once_where_it_stood_first(void **state)
{
	struct session session = {0};
	struct document newest;
	struct buf got = BUF_INIT;

	add_source(&session, "nccl", files("z a m"));
	add_text(&session, 0, files("b a -m"));
	add_text(&session, 0, files("m"));
	newest = reader_newest(&session.source[0]);
	for (size_t i = 0; i < newest.n_part; i++) {
		buf_printf(&got, "%s ", newest.part[i].place.path);
	}
	assert_string_equal("z a m b ", buf_str(&got));
	assert_ptr_equal(newest.part[1].text, desk_text_document(session.text[0][1])->part[1].text);
	buf_finish(&got);
	free(newest.part);
	session_finish(&session);
}

static void names_are_found_where_they_are_folded_away(void **state)
{
	struct session session = {0};
	struct source_tree tree = {0};
	struct source_row found = {0, SIZE_MAX};

	add_source(&session, "nccl", files("src/ring/init.c src/zinit.h"));
	add_source(&session, "init-manual", files("x"));
	source_tree_update(&tree, &session.state);
	assert_int_equal(
		1, source_tree_find(&tree, &session.state, found, 1, "INIT", 0, 0, &found) == 0);
	assert_int_equal(
		1, source_tree_find(&tree, &session.state, found, 1, "init", 4, 0, &found));
	assert_string_equal("src/ring/init.c", source_tree_node(&tree, found)->path);
	check(&tree, &session,
		"- nccl\n  - src 26\n    - ring 15\n      . init.c 15\n    . zinit.h 11\n+ "
		"init-manual\n");
	assert_int_equal(
		1, source_tree_find(&tree, &session.state, found, 0, "init", 4, 0, &found));
	assert_string_equal("src/zinit.h", source_tree_node(&tree, found)->path);
	assert_int_equal(
		1, source_tree_find(&tree, &session.state, found, 0, "init", 4, 0, &found));
	assert_null(source_tree_node(&tree, found));
	assert_int_equal(1, found.source);
	assert_int_equal(
		1, source_tree_find(&tree, &session.state, found, 0, "init", 4, 1, &found));
	assert_string_equal("src/zinit.h", source_tree_node(&tree, found)->path);
	assert_int_equal(
		0, source_tree_find(&tree, &session.state, found, 0, "nowhere", 7, 0, &found));
	source_tree_finish(&tree);
	session_finish(&session);
}

/* Every file is found below the folders of its path, whatever the paths are. */
static void random_trees_hold_their_files(void **state)
{
	static const char *const name[] = {"a", "b", "a.c", "a-b", "ab", "Z", "\xc3\xa4", "a b"};
	uint64_t counter = 0;

	for (int round = 0; round < 200; round++) {
		struct session session = {0};
		struct source_tree tree = {0};
		struct document document = {.kind = DOCUMENT_CODE};
		int64_t bytes = 0;
		size_t n_file = 0;
		uint32_t word[4];

		rng_philox(7, counter++, word);
		for (size_t n = 1 + word[0] % 40; n > 0; n--) {
			struct buf path = BUF_INIT;

			rng_philox(7, counter++, word);
			for (uint32_t depth = word[0] % 4 + 1; depth > 0; depth--) {
				rng_philox(7, counter++, word);
				buf_printf(&path, "%s%s", path.len ? "/" : "",
					name[word[0] % ARRAY_LEN(name)]);
			}
			add_part(&document, buf_str(&path), buf_str(&path));
			bytes += (int64_t)path.len;
			buf_finish(&path);
		}
		n_file = document.n_part;
		add_source(&session, "t", document);
		source_tree_update(&tree, &session.state);
		open_path(&tree, &session, 0, "");
		for (size_t i = 0; i < tree.branch[0].n_node; i++) {
			const struct source_node *node = &tree.branch[0].node[i];
			const struct source_node *in = node->parent == SIZE_MAX
							       ? NULL
							       : &tree.branch[0].node[node->parent];

			if (node->kind == SOURCE_NODE_PART) {
				n_file--;
				bytes -= node->bytes;
			}
			if (in) {
				assert_int_equal(SOURCE_NODE_FOLDER, in->kind);
				assert_int_equal('/', node->path[strlen(in->path)]);
				assert_memory_equal(in->path, node->path, strlen(in->path));
				assert_true(node->parent + in->n_below >= i);
			} else {
				assert_null(strchr(node->path, '/'));
			}
			for (size_t k = 0; k < i && node->kind == SOURCE_NODE_FOLDER; k++) {
				const struct source_node *other = &tree.branch[0].node[k];

				assert_true(other->kind != SOURCE_NODE_FOLDER ||
					    strcmp(other->path, node->path) != 0);
			}
		}
		assert_int_equal(0, n_file);
		assert_int_equal(0, bytes);
		source_tree_finish(&tree);
		session_finish(&session);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_stand_in_their_folders_whatever_their_order),
		cmocka_unit_test(folding_hides_what_stands_below_and_the_cursor_goes_to_it),
		cmocka_unit_test(headings_are_nested_and_pages_are_named),
		cmocka_unit_test(a_source_without_anything_below_does_not_unfold),
		cmocka_unit_test(an_update_replaces_its_files_and_what_was_open_stays_open),
		cmocka_unit_test(the_newest_text_has_each_file_once_where_it_stood_first),
		cmocka_unit_test(names_are_found_where_they_are_folded_away),
		cmocka_unit_test(random_trees_hold_their_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
