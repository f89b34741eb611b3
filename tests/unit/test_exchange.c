/* Exports and imports: everything comes back, nothing escapes its place, hostile files are refused. */
#include "session/copy.h"
#include "session/export.h"
#include "session/import.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "session/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a session with one of everything ---- */

static const char odd[] =
	"a\0b\xff\xfe <script>alert(1)</script> \x1b[31m \xe2\x80\xae rtl `tick`\n";

static struct document *document_of(
	struct store_block *block, enum document_kind kind, const char *name)
{
	block->document = (struct document){
		.kind = kind, .name = mem_strdup(name), .origin = mem_strdup(name)};
	return &block->document;
}

static struct part *add_part(struct document *document, const char *text, size_t len)
{
	struct part *part = document_add_part(document);

	part->text = mem_alloc(len + 1);
	memcpy(part->text, text, len);
	part->text[len] = 0;
	part->len = len;
	return part;
}

static void fill_blocks(struct store_contents *contents)
{
	struct store_block *block;
	struct document *document;

	contents->n_block = 5;
	contents->block = block = mem_zero(contents->n_block, sizeof(*block));
	for (size_t i = 0; i < contents->n_block; i++) {
		block[i].id = (int64_t)i + 1;
		block[i].number = i < 4 ? (int64_t)i + 1 : 1;
		block[i].tokens = (int64_t)i * 100 - 1;
		block[i].loaded_s = 1700000000 + (int64_t)i;
	}
	document = document_of(&block[0], DOCUMENT_TEXT,
		"n\xff"
		"ame \"1\" <b>.txt");
	add_part(document, odd, sizeof(odd) - 1);
	document_add_heading(document, 1, "Title", 5, 0, 1);
	document = document_of(&block[1], DOCUMENT_CODE, "tree");
	document->rev = mem_strdup("abc123");
	add_part(document, "int x;\nint y;\n", 14)->place.path = mem_strdup("src/a.c");
	add_part(document, "", 0)->place.path = mem_strdup("empty.c");
	document = document_of(&block[2], DOCUMENT_PDF, "spec.pdf");
	document->n_pages = 2;
	document->running = (struct running_lines){1, 2, 1};
	add_part(document, "page one", 8)->place.page = 1;
	add_part(document, "page two", 8)->place.page = 2;
	document->part[1].place.label = mem_strdup("ii");
	block[3].is_dropped = 1;
	document_of(&block[3], DOCUMENT_TRANSCRIPT, "talk.vtt");
	block[4].is_update = 1;
	document = document_of(&block[4], DOCUMENT_TEXT,
		"n\xff"
		"ame \"1\" <b>.txt");
	add_part(document, "new text\nsecond line\n", 21);
}

static struct citation make_citation(const char *text, const char *source, const char *path,
	int64_t line_first, enum verdict verdict)
{
	return (struct citation){.text = mem_strdup(text),
		.source = mem_strdup(source),
		.path = mem_strdup(path),
		.time_ms = -1,
		.line_first = line_first,
		.line_last = line_first,
		.verdict = verdict,
		.answer_offset = 3};
}

static void fill_turns(struct store_contents *contents)
{
	struct store_turn *turn;

	contents->n_turn = 4;
	contents->turn = turn = mem_zero(contents->n_turn, sizeof(*turn));
	for (size_t i = 0; i < contents->n_turn; i++) {
		turn[i].id = (int64_t)i + 1;
		turn[i].parent = i == 3 ? 1 : (int64_t)i;
		turn[i].question = mem_alloc(sizeof(odd));
		memcpy(turn[i].question, odd, sizeof(odd));
		turn[i].question_len = sizeof(odd) - 1;
		turn[i].open = i % 2 ? PROMPT_MODEL_OPEN_NO_THINK : PROMPT_MODEL_OPEN;
		turn[i].n_ids = 3;
		turn[i].ids = mem_zero(3, sizeof(uint32_t));
		turn[i].ids[0] = UINT32_MAX;
		turn[i].ids[2] = (uint32_t)i;
		memset(turn[i].tokenizer_digest, 'a', 64);
		turn[i].text = mem_strdup("An answer [1].\n");
		turn[i].text_len = 15;
		turn[i].thinking = mem_strdup(i ? "hm\xc0" : "");
		turn[i].thinking_len = i ? 3 : 0;
		turn[i].stop = (enum engine_stop)(i % 3);
		turn[i].usage = (struct engine_usage){.prompt_tok = 1000000000000,
			.restore_ms = 0.1,
			.prefill_ms = 1.0 / 3,
			.decode_ms = 12345.678901234567};
		turn[i].model_name = mem_strdup("mo\x1b"
						"del");
		turn[i].asked_s = 1700000100 + (int64_t)i;
	}
	turn[0].n_citation = 3;
	turn[0].citation = mem_zero(3, sizeof(struct citation));
	turn[0].citation[0] = make_citation("int y;", "S2", "tree/src/a.c", 2, VERDICT_VERIFIED);
	turn[0].citation[1] = make_citation("no \x9b such", NULL, NULL, 0, VERDICT_NOT_FOUND);
	turn[0].citation[2] = make_citation("page two", "S3", "spec.pdf", 1, VERDICT_MOVED);
	turn[0].citation[2].page = 2;
	turn[0].citation[2].label = mem_strdup("ii");
}

static struct store_contents make_contents(void)
{
	static const struct store_place place[] = {
		{STORE_FRONT, 1}, {STORE_FRONT, 2}, {2, 3}, {4, 3}, {STORE_WAITING, 5}};
	struct store_contents contents = {.head = 3, .made_s = 1700000000, .used_s = 1700000500};

	contents.draft = mem_strdup("half a quest\xe2\x80");
	contents.n_setting = 4;
	contents.setting = mem_zero(4, sizeof(*contents.setting));
	contents.setting[0] =
		(struct store_setting){mem_strdup(STORE_DIRECTORY), mem_strdup("/some/where")};
	contents.setting[1] = (struct store_setting){mem_strdup(STORE_IMPORTED), NULL};
	contents.setting[2] = (struct store_setting){mem_strdup(STORE_NAME), mem_strdup("origin")};
	contents.setting[3] =
		(struct store_setting){mem_strdup("option.model"), mem_strdup("/m/x\xfe.gguf")};
	contents.n_place = ARRAY_LEN(place);
	contents.place = mem_alloc(sizeof(place));
	memcpy(contents.place, place, sizeof(place));
	fill_blocks(&contents);
	fill_turns(&contents);
	contents.setting[1].value =
		mem_printf("%lld", (long long)contents.turn[contents.n_turn - 1].id);
	return contents;
}

static char *export_text(void (*write)(FILE *out, const struct export_session *session),
	const struct store_contents *contents, size_t *len)
{
	struct export_session session = {.id = "0123456789abcdef", .contents = contents};
	static char *text;
	FILE *out = open_memstream(&text, len);

	write(out, &session);
	assert_int_equal(0, fclose(out));
	return text;
}

static struct store_contents import_text(const char *text, size_t len)
{
	struct store_contents contents;
	struct err err;

	if (import_read(&contents, text, len, "file.json", &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	return contents;
}

/* ---- what comes back ---- */

static void everything_comes_back(void **state)
{
	struct store_contents contents = make_contents(), back;
	size_t len, again_len;
	char *text = export_text(export_json, &contents, &len), *again;

	back = import_text(text, len);
	assert_int_equal(contents.n_setting - 1, back.n_setting); /* not the directory */
	assert_int_equal(contents.n_block, back.n_block);
	assert_int_equal(contents.n_turn, back.n_turn);
	assert_int_equal(contents.n_place, back.n_place);
	assert_int_equal(0, memcmp(contents.place, back.place, sizeof(*back.place) * back.n_place));
	assert_int_equal(sizeof(odd) - 1, back.block[0].document.part[0].len);
	assert_memory_equal(odd, back.block[0].document.part[0].text, sizeof(odd) - 1);
	assert_string_equal(contents.block[0].document.name, back.block[0].document.name);
	assert_memory_equal(contents.turn[3].ids, back.turn[3].ids, 3 * sizeof(uint32_t));
	assert_int_equal(PROMPT_MODEL_OPEN_NO_THINK, back.turn[1].open);
	assert_string_equal(contents.draft, back.draft);
	again = export_text(export_json, &back, &again_len);
	assert_int_equal(len, again_len);
	assert_memory_equal(text, again, len);
	free(text);
	free(again);
	store_contents_finish(&contents);
	store_contents_finish(&back);
}

static void every_imported_turn_is_known_as_one(void **state)
{
	struct store_contents contents = make_contents(), back;
	char *last = contents.setting[1].value, *text;
	size_t len;

	/* Whatever the file says of it, or if it says nothing. */
	contents.setting[1].value = mem_strdup("0");
	text = export_text(export_json, &contents, &len);
	back = import_text(text, len);
	assert_string_equal(last, store_setting(&back, STORE_IMPORTED));
	store_contents_finish(&back);
	free(text);
	free(contents.setting[1].value);
	free(contents.setting[1].key);
	memmove(&contents.setting[1], &contents.setting[2], 2 * sizeof(*contents.setting));
	contents.n_setting--;
	text = export_text(export_json, &contents, &len);
	back = import_text(text, len);
	assert_string_equal(last, store_setting(&back, STORE_IMPORTED));
	store_contents_finish(&back);
	store_contents_finish(&contents);
	free(text);
	free(last);
}

/* Without what has to differ: the first line's id and dates. */
static const char *behind_dates(const char *text)
{
	const char *head = strstr(text, "\"head\"");

	assert_non_null(head);
	return head;
}

static void an_import_is_the_session_that_was_exported(void **state)
{
	char home[] = "/tmp/carrel-exchange-XXXXXX";
	struct store_contents contents = make_contents(), back, stored;
	struct store *store;
	struct err err = {0};
	size_t len, again_len;
	char *text, *again, *command;

	assert_non_null(mkdtemp(home));
	setenv("XDG_DATA_HOME", home, 1);
	free(contents.setting[2].value);
	contents.setting[2].value = mem_strdup("new");
	text = export_text(export_json, &contents, &len);
	back = import_text(text, len);
	if (copy_create(&store, &back, "new", "/here", &err) < 0 ||
		store_read(store, &stored, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	assert_string_equal("/here", store_setting(&stored, STORE_DIRECTORY));
	again = export_text(export_json, &stored, &again_len);
	assert_string_equal(behind_dates(text), behind_dates(again));
	assert_int_equal(-1, copy_create(&store, &back, "new", "/here", &err));
	assert_int_equal(ERR_USAGE, err.code);
	store_close(store);
	command = mem_printf("rm -r %s", home);
	assert_int_equal(0, system(command));
	free(command);
	free(text);
	free(again);
	store_contents_finish(&contents);
	store_contents_finish(&back);
	store_contents_finish(&stored);
}

static void the_sources_of_a_fork_lead_to_the_same_files(void **state)
{
	char home[] = "/tmp/carrel-exchange-XXXXXX";
	struct store_contents contents = make_contents(), stored;
	char *command, *file;

	assert_non_null(mkdtemp(home));
	setenv("XDG_DATA_HOME", home, 1);
	file = mem_printf("%s/notes.txt", home);
	command = mem_printf("touch %s", file);
	assert_int_equal(0, system(command));
	for (size_t i = 0; i < contents.n_setting; i++) {
		if (strcmp(contents.setting[i].key, STORE_DIRECTORY) == 0) {
			free(contents.setting[i].value);
			contents.setting[i].value = mem_strdup(home);
		}
	}
	assert_string_equal(home, store_setting(&contents, STORE_DIRECTORY));
	for (size_t i = 0; i < 2; i++) {
		free(contents.block[i].document.origin);
		contents.block[i].document.origin = mem_strdup(i ? "stdin" : "notes.txt");
	}
	for (int is_elsewhere = 0; is_elsewhere < 2; is_elsewhere++) {
		struct err err = {0};
		struct store *store;

		if (copy_create(&store, &contents, is_elsewhere ? "there" : "here",
			    is_elsewhere ? "/there" : home, &err) < 0 ||
			store_read(store, &stored, &err) < 0) {
			fail_msg("%s: %s", err.where, err.what);
		}
		assert_string_equal(
			is_elsewhere ? file : "notes.txt", stored.block[0].document.origin);
		assert_string_equal("stdin", stored.block[1].document.origin);
		store_contents_finish(&stored);
		store_close(store);
	}
	free(command);
	command = mem_printf("rm -r %s", home);
	assert_int_equal(0, system(command));
	free(command);
	free(file);
	store_contents_finish(&contents);
}

static void a_fork_keeps_what_stands_before_the_turn(void **state)
{
	struct store_contents contents = make_contents();
	struct err err;

	assert_int_equal(-1, copy_cut(&contents, 9, &err));
	assert_int_equal(0, copy_cut(&contents, 4, &err)); /* 1, 4; not 2, 3 */
	assert_int_equal(2, contents.n_turn);
	assert_int_equal(1, contents.turn[0].id);
	assert_int_equal(4, contents.turn[1].id);
	assert_int_equal(4, contents.head);
	assert_int_equal(3, contents.n_place); /* of 2 blocks in front and one at turn 4 */
	assert_int_equal(4, contents.n_block); /* the dropped one stays, the waiting one does not */
	store_contents_finish(&contents);
	contents = make_contents();
	assert_int_equal(0, copy_cut(&contents, 0, &err));
	assert_int_equal(3, contents.n_turn);
	assert_int_equal(4, contents.n_place);
	assert_int_equal(5, contents.n_block);
	store_contents_finish(&contents);
}

/* ---- what is refused ---- */

/* `from` becomes `to` in the export, once. */
static int import_changed(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	struct store_contents contents;
	struct buf changed = BUF_INIT;
	struct err err;
	int status;

	if (!at) {
		fail_msg("the export does not hold %s", from);
	}
	buf_add(&changed, text, (size_t)(at - text));
	buf_addstr(&changed, to);
	buf_addstr(&changed, at + strlen(from));
	status = import_read(&contents, changed.data, changed.len, "f", &err);
	if (status == 0) {
		store_contents_finish(&contents);
	} else {
		assert_true(err.what[0] != 0);
	}
	buf_finish(&changed);
	return status;
}

static void what_is_no_whole_session_is_refused(void **state)
{
	static const struct {
		const char *from, *to;
	} change[] = {
		{"\"carrel session\"", "\"another\""},
		{"\"version\":1", "\"version\":2"},
		{"\"version\":1", "\"version\":0"},
		{"\"version\":1", "\"version\":1,\"more\":1"},
		{"\"version\":1", "\"version\":1,\"version\":1"},
		{"\"head\":3", "\"head\":7"},
		{"\"head\":3", "\"head\":-1"},
		{"\"head\":3", "\"head\":3.5"},
		{"\"head\":3", "\"head\":99999999999999999999"},
		{"\"draft_base64\"", "\"draft\":\"x\",\"draft_base64\""},
		{"\"settings\": [", "\"settings\": [{},"},
		{"\"option.model\"", "\"pinned\""},
		{"\"option.model\"", "\"directory\""},
		{"\"option.model\"", "\"a b\""},
		{"\"option.model\"", "\"name\""},
		{"\"id\":2,\"number\":2", "\"id\":1,\"number\":2"},
		{"\"id\":2,\"number\":2", "\"id\":2,\"number\":3"},
		{"\"id\":2,\"number\":2", "\"id\":99999999999,\"number\":2"},
		{"\"number\":2", "\"number\":\"2\""},
		{"\"kind\":\"code\"", "\"kind\":\"tree\""},
		{"\"kind\":\"pdf\"", "\"kind\":\"text\""},
		{"\"path\":\"src/a.c\"", "\"path\":null"},
		{"\"path\":\"src/a.c\"", "\"path\":\"a\\u0000b\""},
		{"\"is_dropped\":true", "\"is_dropped\":1"},
		{"\"is_dropped\":false", "\"is_dropped\":true"},
		{"\"part\":0", "\"part\":1"},
		{"\"part\":0", "\"part\":-1"},
		{"\"text_base64\":\"", "\"text_base64\":\"!"},
		{"\"parent\":1", "\"parent\":2"},
		{"\"parent\":1", "\"parent\":9"},
		{"\"open\":\"model\"", "\"open\":\"\""},
		{"\"open\":\"model\"", "\"open\":\"user\""},
		{"[4294967295,", "[4294967296,"},
		{"[4294967295,", "[-1,"},
		{"[4294967295,", "[\"a\","},
		{"aaaa\"", "aaaA\""},
		{"aaaa\"", "aaa\""},
		{"\"restore_ms\":0.1", "\"restore_ms\":-0.1"},
		{"\"stop\":\"end\"", "\"stop\":0"},
		{"\"answer_offset\":3", "\"answer_offset\":16"},
		{"\"line_first\":2", "\"line_first\":3"},
		{"\"block\":5", "\"block\":4"},
		{"\"block\":5", "\"block\":6"},
		{"\"turn\":4", "\"turn\":5"},
		{"\"turn\":-1", "\"turn\":-2"},
		{"\"turns\": [", "\"turns\": {"},
		{"]}", "]"},
	};
	struct store_contents contents = make_contents();
	size_t len;
	char *text = export_text(export_json, &contents, &len);

	assert_int_equal(0, import_changed(text, "\"head\":3", "\"head\":0"));
	for (size_t i = 0; i < ARRAY_LEN(change); i++) {
		if (import_changed(text, change[i].from, change[i].to) == 0) {
			fail_msg("%s as %s was taken", change[i].from, change[i].to);
		}
	}
	free(text);
	store_contents_finish(&contents);
}

static void an_export_cut_anywhere_is_refused(void **state)
{
	struct store_contents contents = make_contents(), back;
	size_t len;
	char *text = export_text(export_json, &contents, &len);
	struct err err;

	for (size_t i = 0; i + 2 < len; i += 3) {
		assert_int_equal(-1, import_read(&back, text, i, "f", &err));
		assert_int_equal(0, back.n_block + back.n_turn);
	}
	free(text);
	store_contents_finish(&contents);
}

/* ---- what is to be read ---- */

static void check_shown(const char *text, size_t len)
{
	assert_true(utf8_valid(text, len));
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		assert_true(c >= 0x20 || c == '\n' || c == '\t');
	}
	assert_null(strstr(text, "\xe2\x80\xae"));
	assert_null(strstr(text, "\xc2\x9b"));
	assert_true(strstr(text, "&lt;U+202E>") || strstr(text, "&lt;U+202E&gt;"));
}

static void markdown_shows_what_a_terminal_would_obey(void **state)
{
	struct store_contents contents = make_contents();
	size_t len;
	char *text = export_text(export_md, &contents, &len);

	check_shown(text, len);
	assert_non_null(strstr(text, "# origin"));
	assert_non_null(strstr(text, "verified: `S2 tree/src/a.c:2` `int y;`"));
	assert_non_null(strstr(text, "moved: `S3 spec.pdf p.2 (ii)` `page two`"));
	assert_non_null(strstr(text, "quote not found `no <9B> such`"));
	assert_non_null(strstr(text, "## Other branches\n\n### Turn 4"));
	free(text);
	store_contents_finish(&contents);
}

/* One turn that says `text`, as Markdown. */
static char *markdown_of(const char *text)
{
	struct store_contents contents = {.head = 1, .n_turn = 1};
	char *exported;
	size_t len;

	contents.turn = mem_zero(1, sizeof(*contents.turn));
	contents.turn[0].id = 1;
	contents.turn[0].question = mem_strdup("what?");
	contents.turn[0].question_len = 5;
	contents.turn[0].text = mem_strdup(text);
	contents.turn[0].text_len = strlen(text);
	contents.turn[0].model_name = mem_strdup(text);
	exported = export_text(export_md, &contents, &len);
	store_contents_finish(&contents);
	return exported;
}

static void markdown_takes_nothing_in_a_text_as_markup(void **state)
{
	static const char *const shown[][2] = {
		{"<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"},
		{"a < b && c", "a &lt; b && c"},
		{"&lt; &#60; R&D AT&T;", "&amp;lt; &amp;#60; R&D AT&amp;T;"},
		{"![x](http://y/z) [l]: u", "!\\[x](http://y/z) \\[l]: u"},
		{"# Turn 9", "\\# Turn 9"},
		{"### C# #1", "\\#\\#\\# C# \\#1"},
		{"one\n===\ntwo\n---", "one\\\n\\===\\\ntwo\\\n\\---"},
		{"```sh\nrm *\n```", "\\`\\`\\`sh\\\nrm \\*\\\n\\`\\`\\`"},
		{"~~~\n\nx", "\\~\\~\\~\n\nx"},
		{"    code\n\tmore",
			"&nbsp;&nbsp;&nbsp;&nbsp;code\\\n&nbsp;&nbsp;&nbsp;&nbsp;more"},
		{"- a\n+ b\n12. c\n3) d\n1.5", "\\- a\\\n\\+ b\\\n12\\. c\\\n3\\) d\\\n1\\.5"},
		{"> said", "\\> said"},
		{"_a_ snake_case **b** x|y $z$", "\\_a\\_ snake_case \\*\\*b\\*\\* x\\|y \\$z\\$"},
		{"back\\slash\\", "back\\\\slash\\\\"},
		{"one\n \t\ntwo\n\n", "one\n\ntwo\n\n"},
		{"see\x1b[2J\xe2\x80\xaegnp", "see^\\[\\[2J&lt;U+202E>gnp"},
	};

	for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
		char *text = markdown_of(shown[i][0]);
		char *answer = mem_printf("> what?\n\n%s\n", shown[i][1]);
		const char *sub = strstr(text, "<sub>");

		if (!strstr(text, answer)) {
			fail_msg("%s is not in %s", answer, text);
		}
		/* Nor in a line of the exporter's own. */
		assert_non_null(sub);
		assert_true(strchr(sub + 1, '<') == strstr(sub, "</sub>"));
		free(answer);
		free(text);
	}
}

/* Every tag is one that the exporter writes; nothing leads out of the file. */
static void html_is_one_file_whose_links_lead_somewhere(void **state)
{
	struct store_contents contents = make_contents();
	size_t len, n_link = 0;
	char *text = export_text(export_html, &contents, &len);

	check_shown(text, len);
	assert_null(strstr(text, "<script"));
	assert_null(strstr(text, "http:"));
	assert_null(strstr(text, "https:"));
	assert_null(strstr(text, "src="));
	assert_null(strstr(text, "<b>"));
	for (const char *at = text; (at = strstr(at, "href=\"")); n_link++) {
		size_t n;
		char *target;

		at += 6;
		assert_int_equal('#', *at);
		n = strcspn(at, "\"");
		target = mem_printf(" id=\"%.*s\"", (int)n - 1, at + 1);
		assert_non_null(strstr(text, target));
		assert_null(strstr(strstr(text, target) + 1, target));
		free(target);
	}
	assert_int_equal(5, n_link); /* two citations, three turns with a parent */
	assert_non_null(strstr(text, "<mark>int y;</mark>"));
	assert_non_null(strstr(text, "<mark>page two</mark>"));
	free(text);
	store_contents_finish(&contents);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_comes_back),
		cmocka_unit_test(every_imported_turn_is_known_as_one),
		cmocka_unit_test(an_import_is_the_session_that_was_exported),
		cmocka_unit_test(the_sources_of_a_fork_lead_to_the_same_files),
		cmocka_unit_test(a_fork_keeps_what_stands_before_the_turn),
		cmocka_unit_test(what_is_no_whole_session_is_refused),
		cmocka_unit_test(an_export_cut_anywhere_is_refused),
		cmocka_unit_test(markdown_shows_what_a_terminal_would_obey),
		cmocka_unit_test(markdown_takes_nothing_in_a_text_as_markup),
		cmocka_unit_test(html_is_one_file_whose_links_lead_somewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
