/*
 * PDFs: text with pages, labels and bookmarks; a different sentence for each way to have no text.
 */
#include "base/file.h"
#include "base/mem.h"
#include "loaders/format/format.h"
#include "loaders/format/pdf_poppler.h"
#include "loaders/load.h"
#include "loaders/loader.h"
#include "loaders/pages.h"
#include "session/cite.h"
#include "tests/unit/folder_fixture.h"
#include "tests/unit/vector_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A PDF as its reader hands it over, and as load.c makes a document of it. */
struct reading {
	struct buf bytes;
	struct document document;
	struct page_notes notes;
	struct skip skip;
	int status; /* READ_END, or READ_FAILED with `skip` */
};

static const struct read_options whole = {.subdir = "", .n_share = 1};

static void read_bytes(
	struct reading *reading, const char *name, const struct read_options *options)
{
	struct input input = {name, buf_str(&reading->bytes), reading->bytes.len, -1, options};
	const struct loader *loader = loader_find(&input);
	struct part part = {.place = {.time_ms = -1}};
	struct reader *reader = NULL;

	assert_ptr_equal(&loader_pdf, loader);
	reading->document.kind = DOCUMENT_PDF;
	reading->status = loader->open(&reader, &input, &reading->skip);
	if (reading->status < 0) {
		return;
	}
	assert_int_equal(DOCUMENT_PDF, reader->kind);
	while ((reading->status = loader->read(reader, &part, &reading->skip)) > 0) {
		if (reading->status == READ_PART) {
			*document_add_part(&reading->document) = part;
			part = (struct part){.place = {.time_ms = -1}};
		} else {
			assert_int_equal(READ_SKIPPED, reading->status);
			assert_true(reading->skip.page > 0);
			page_notes_add(&reading->notes, reading->skip.page, reading->skip.class,
				reading->skip.reason);
			skip_finish(&reading->skip);
		}
	}
	if (reading->status == READ_END) {
		loader->outline(reader, &reading->document);
	}
	loader->close(reader);
}

static struct reading load_bytes(const char *bytes, size_t len, const char *name)
{
	struct reading reading = {0};

	buf_add(&reading.bytes, bytes, len);
	read_bytes(&reading, name, &whole);
	if (reading.status == READ_END) {
		reading.status = pages_finish(&reading.document, 0, &reading.notes, &reading.skip);
	}
	return reading;
}

static struct buf vector(const char *name)
{
	char *file = mem_printf("%s.pdf", name);
	struct buf bytes = vector_file("pdf", file);

	free(file);
	return bytes;
}

static struct reading load_vector(const char *name)
{
	struct buf bytes = vector(name);
	struct reading reading = load_bytes(bytes.data, bytes.len, "some.pdf");

	buf_finish(&bytes);
	return reading;
}

static void reading_finish(struct reading *reading)
{
	buf_finish(&reading->bytes);
	document_finish(&reading->document);
	page_notes_finish(&reading->notes);
	skip_finish(&reading->skip);
}

static void check_page(const struct reading *reading, size_t part, int64_t page, const char *label,
	const char *words)
{
	const struct part *own = &reading->document.part[part];

	assert_true(part < reading->document.n_part);
	assert_int_equal(page, own->place.page);
	if (label) {
		assert_string_equal(label, own->place.label);
	} else {
		assert_null(own->place.label);
	}
	if (!memmem(own->text, own->len, words, strlen(words))) {
		fail_msg("page %d: %.*s", (int)page, (int)own->len, own->text);
	}
}

static void check_note(
	const struct reading *reading, size_t index, enum skip_class class, const char *reason)
{
	assert_true(index < reading->notes.n);
	assert_int_equal(class, reading->notes.note[index].class);
	if (!strstr(reading->notes.note[index].reason, reason)) {
		fail_msg("%s", reading->notes.note[index].reason);
	}
}

/* The file as a whole is refused, for this reason. */
static void check_refused(const char *name, const char *reason)
{
	struct reading reading = load_vector(name);

	assert_int_equal(READ_FAILED, reading.status);
	assert_int_equal(SKIP_UNREADABLE, reading.skip.class);
	if (!strstr(reading.skip.reason, reason)) {
		fail_msg("%s: %s", name, reading.skip.reason);
	}
	reading_finish(&reading);
}

static void pages_have_their_labels_and_bookmarks_their_pages_and_lines(void **state)
{
	static const struct {
		const char *title;
		int level;
		size_t part;
		int64_t line;
	} expected[] = {{"1 Start", 1, 2, 1}, {"2 Stop", 1, 3, 1}, {"2.1 Drain", 2, 3, 3}};
	struct reading reading = load_vector("manual");

	assert_int_equal(READ_END, reading.status);
	assert_int_equal(0, reading.notes.n);
	assert_int_equal(4, reading.document.n_part);
	check_page(&reading, 0, 1, "i", "Operations manual\nThe ring is built once, when the ");
	check_page(&reading, 1, 2, "ii", "Preface\nThis manual");
	check_page(&reading, 2, 3, "1", "1 Start\nBefore the ");
	check_page(&reading, 3, 4, "2", "2 Stop\nClose the valve.\n2.1 Drain\nOpen the tap.\n");
	/* A bookmark that leads nowhere is none. */
	assert_int_equal(3, reading.document.n_heading);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(expected[i].title, reading.document.heading[i].title);
		assert_int_equal(expected[i].level, reading.document.heading[i].level);
		assert_int_equal(expected[i].part, reading.document.heading[i].part);
		assert_int_equal(expected[i].line, reading.document.heading[i].line);
	}
	reading_finish(&reading);
}

static void check_quote(
	const struct document *document, const char *words, enum verdict verdict, int64_t page)
{
	struct cite_source source = {.number = 1, .document = document};
	char *answer = mem_printf("[S1 p.%d \"%s\"]", (int)page, words);
	struct citation *citation;
	size_t count;

	citation = cite_check(answer, strlen(answer), &source, 1, &count);
	assert_int_equal(1, count);
	if (citation[0].verdict != verdict) {
		fail_msg("%s: %s", words, verdict_name(citation[0].verdict));
	}
	citations_free(citation, count);
	cite_source_finish(&source);
	free(answer);
}

/* Reading order takes columns that are far from each other for columns of text. */
static void rows_of_tables_stay_on_their_lines_where_the_layout_is_asked_for(void **state)
{
	static const struct read_options layout = {.subdir = "", .n_share = 1, .layout = 1};
	static const char *const row[] = {"V-1     DN 50    41 Nm\n", "V-3     DN 100   98 Nm\n",
		"V-4              120 Nm\n"}; /* an empty cell: the next one stays in its column */
	struct reading plain = load_vector("table"), laid_out = {.bytes = vector("table")};

	check_page(&plain, 0, 1, NULL, "V-1\nV-2\nV-3\nV-4\n");
	read_bytes(&laid_out, "table.pdf", &layout);
	assert_int_equal(READ_END, laid_out.status);
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		check_page(&laid_out, 0, 1, NULL, row[i]);
	}
	reading_finish(&plain);
	reading_finish(&laid_out);
}

static void quotes_over_ligatures_and_broken_words_are_verified(void **state)
{
	struct reading reading = load_vector("manual");

	check_page(&reading, 2, 3, "1", "\xef\xac\x81rst"); /* the stored text keeps U+FB01 */
	check_quote(&reading.document, "Before the first start", VERDICT_VERIFIED, 3);
	check_quote(&reading.document, "Before the \xef\xac\x81rst start", VERDICT_VERIFIED, 3);
	check_quote(&reading.document, "open the relief valve and wait for the filter",
		VERDICT_VERIFIED, 3);
	check_quote(&reading.document, "Before the last start", VERDICT_NOT_FOUND, 3);
	reading_finish(&reading);

	reading = load_vector("broken_words");
	check_quote(&reading.document, "the pump has stopped and", VERDICT_VERIFIED, 1);
	reading_finish(&reading);
}

enum { N_PAGES = 37 };

/* Pages that say "Sheet N", and `padding` bytes that mean nothing. */
static struct buf make_sheets(size_t padding)
{
	struct buf bytes = BUF_INIT, kids = BUF_INIT;

	buf_addstr(&bytes, "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
			   "3 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n");
	for (int page = 1; page <= N_PAGES; page++) {
		char text[64];

		snprintf(text, sizeof(text), "BT /F 12 Tf 72 720 Td (Sheet %d) Tj ET", page);
		buf_printf(&kids, "%d 0 R ", 100 + page);
		buf_printf(&bytes,
			"%d 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents %d 0 R"
			"/Resources<</Font<</F 3 0 R>>>>>>endobj\n"
			"%d 0 obj<</Length %zu>>stream\n%s\nendstream endobj\n",
			100 + page, 200 + page, 200 + page, strlen(text), text);
	}
	buf_printf(&bytes, "2 0 obj<</Type/Pages/Kids[%s]/Count %d>>endobj\n", kids.data, N_PAGES);
	for (size_t i = 0; i < padding; i += 64) {
		buf_printf(&bytes, "%%%062d\n", 0);
	}
	buf_addstr(&bytes, "trailer<</Root 1 0 R>>\n");
	buf_finish(&kids);
	return bytes;
}

static void each_reader_of_several_reads_its_runs_of_pages(void **state)
{
	enum { N_SHARE = 3 };
	struct buf bytes = make_sheets(0);
	int read[N_PAGES + 1] = {0};

	for (unsigned share = 0; share < N_SHARE; share++) {
		struct read_options options = {
			.subdir = "", .share_index = share, .n_share = N_SHARE};
		struct reading reading = {0};

		buf_add(&reading.bytes, bytes.data, bytes.len);
		read_bytes(&reading, "a.pdf", &options);
		assert_int_equal(READ_END, reading.status);
		for (size_t i = 0; i < reading.document.n_part; i++) {
			int64_t page = reading.document.part[i].place.page;
			char words[32];

			assert_int_equal(share, (page - 1) / PAGE_RUN % N_SHARE);
			snprintf(words, sizeof(words), "Sheet %d\n", (int)page);
			check_page(&reading, i, page, NULL, words);
			read[page]++;
		}
		reading_finish(&reading);
	}
	for (int page = 1; page <= N_PAGES; page++) {
		assert_int_equal(1, read[page]);
	}
	buf_finish(&bytes);
}

static void a_reader_begins_where_another_one_ended(void **state)
{
	static const int64_t first[] = {0, 1, 2, N_PAGES, N_PAGES + 1, INT64_C(1) << 31};
	struct buf bytes = make_sheets(0);

	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		struct read_options options = {.subdir = "", .n_share = 1, .first_page = first[i]};
		int64_t skipped = first[i] > N_PAGES ? N_PAGES : first[i] ? first[i] - 1 : 0;
		struct reading reading = {0};

		buf_add(&reading.bytes, bytes.data, bytes.len);
		read_bytes(&reading, "a.pdf", &options);
		assert_int_equal(READ_END, reading.status);
		assert_int_equal(N_PAGES - skipped, reading.document.n_part);
		if (reading.document.n_part) {
			assert_int_equal(skipped + 1, reading.document.part[0].place.page);
		}
		reading_finish(&reading);
	}
	buf_finish(&bytes);
}

/* ---- through the sandbox ---- */

static void write_file(const char *path, const char *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(len, fwrite(bytes, 1, len, file));
	assert_int_equal(0, fclose(file));
}

static struct load_result load_files(
	const char *const *path, size_t n_path, const struct load_options *options)
{
	struct load_result result;
	struct err err;

	if (load_paths(&result, path, n_path, options, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	return result;
}

/* What is told of a load only grows, and never beyond what there is. */
static void check_progress(void *arg, const struct load_progress *progress)
{
	struct load_progress *last = arg;

	assert_true(progress->n_bytes >= last->n_bytes);
	assert_true(progress->n_bytes <= progress->total_bytes);
	assert_true(progress->n_pages >= last->n_pages);
	assert_true(progress->total_pages < 0 || progress->n_pages <= progress->total_pages);
	assert_true(progress->total_pages <= N_PAGES);
	*last = *progress;
}

static void pages_that_workers_share_come_in_order_and_a_file_of_another_kind_once(void **state)
{
	struct load_progress last = {.total_bytes = 0};
	const struct load_options options = {
		.n_worker = 3, .drop_headers = 1, .watch = {check_progress, NULL, &last}};
	static const char *const path[] = {"sheets.pdf", "text.pdf"};
	struct buf bytes = make_sheets(600000), text = BUF_INIT;
	struct load_result result;

	while (text.len < 600000) {
		buf_printf(&text, "Line %zu of a text whose name is that of a PDF.\n", text.len);
	}
	write_file(path[0], bytes.data, bytes.len);
	write_file(path[1], text.data, text.len);
	result = load_files(path, 2, &options);
	assert_int_equal(0, result.n_skipped);
	assert_int_equal(2, result.n_document);
	assert_int_equal(DOCUMENT_PDF, result.document[0].kind);
	assert_int_equal(N_PAGES, result.document[0].n_part);
	for (int page = 1; page <= N_PAGES; page++) {
		assert_int_equal(page, result.document[0].part[page - 1].place.page);
	}
	/* "Sheet 1", "Sheet 2"...: all there is of a page, and a running line. */
	assert_int_equal(N_PAGES, result.document[0].running.n_lines);
	assert_int_equal(N_PAGES, result.document[0].running.n_pages);
	assert_int_equal(1, result.document[0].running.are_dropped);
	assert_int_equal(0, result.document[0].part[0].len);
	assert_true(last.total_bytes >= (int64_t)(bytes.len + text.len));
	assert_int_equal(DOCUMENT_TEXT, result.document[1].kind);
	assert_int_equal(1, result.document[1].n_part);
	assert_int_equal(text.len, result.document[1].part[0].len);
	load_result_finish(&result);
	buf_finish(&bytes);
	buf_finish(&text);
}

/* 10^11 lines of text in 3 KB: its reader is ended, and the rest is read. */
static void a_bomb_ends_and_the_load_goes_on(void **state)
{
	static const struct load_options options = {.n_worker = 2, .patience_ms = 1500};
	static const char *const path[] = {"cycle.pdf", "bomb.pdf", "manual.pdf"};
	struct buf cycle = vector("form_cycle"), bomb = vector("form_bomb");
	struct buf manual = vector("manual");
	struct load_result result;

	write_file(path[0], cycle.data, cycle.len);
	write_file(path[1], bomb.data, bomb.len);
	write_file(path[2], manual.data, manual.len);
	result = load_files(path, 3, &options);
	assert_int_equal(2, result.n_document);
	assert_int_equal(4, result.document[1].n_part);
	assert_int_equal(3, result.document[1].n_heading);
	assert_int_equal(3, result.document[1].heading[2].part);
	assert_int_equal(1, result.n_skipped);
	assert_string_equal("bomb.pdf", result.skipped[0].path);
	assert_int_equal(1, result.skipped[0].is_unreadable);
	if (!strstr(result.skipped[0].reason, "took longer than")) {
		fail_msg("%s", result.skipped[0].reason);
	}
	load_result_finish(&result);
	buf_finish(&cycle);
	buf_finish(&bomb);
	buf_finish(&manual);
}

/* What poppler takes from outside, maps and converters, is there in the sandbox, too. */
static void the_sandbox_changes_no_text(void **state)
{
	static const char *const name[] = {"cjk", "right_to_left", "manual", "mixed", "surrogate"};

	for (size_t i = 0; i < ARRAY_LEN(name); i++) {
		struct reading reading = load_vector(name[i]);
		struct buf bytes = vector(name[i]);
		const char *path = "some.pdf";
		struct load_result result;

		write_file(path, bytes.data, bytes.len);
		result = load_files(&path, 1, NULL);
		assert_int_equal(1, result.n_document);
		assert_int_equal(reading.notes.n, result.n_skipped);
		assert_int_equal(reading.document.n_part, result.document[0].n_part);
		for (size_t j = 0; j < reading.document.n_part; j++) {
			struct part *here = &reading.document.part[j];
			struct part *there = &result.document[0].part[j];

			assert_int_equal(here->len, there->len);
			assert_memory_equal(here->text, there->text, here->len);
		}
		load_result_finish(&result);
		reading_finish(&reading);
		buf_finish(&bytes);
	}
}

static char folder[] = "/tmp/carrel-pdf-XXXXXX";

static int enter_folder(void **state)
{
	return folder_enter(folder);
}

static int leave_folder(void **state)
{
	return folder_leave(folder);
}

static void pages_without_text_are_named_among_pages_with_text(void **state)
{
	struct reading reading = load_vector("mixed");

	assert_int_equal(READ_END, reading.status);
	assert_int_equal(4, reading.document.n_part);
	check_page(&reading, 0, 1, NULL, "Text of sheet 1\n");
	check_page(&reading, 1, 4, NULL, "Text of sheet 4\n");
	check_page(&reading, 3, 8, NULL, "Text of sheet 8\n");
	assert_int_equal(2, reading.notes.n);
	check_note(&reading, 0, SKIP_RULE, "pages 2-3 and 6 have nothing but pictures (scanned?)");
	check_note(&reading, 1, SKIP_RULE, "page 5 is empty");
	reading_finish(&reading);
}

static void what_has_no_text_at_all_is_refused_each_with_its_own_reason(void **state)
{
	check_refused("locked", "is encrypted: it needs a password");
	check_refused(
		"truncated", "is damaged: it cannot be opened as a PDF; poppler says: Couldn't");
	check_refused("no_pages", "has no pages");
	check_refused(
		"many_claimed", "has no pages, or a damaged list of them; poppler says: Page");
	check_refused("blank", "has no text: all 2 pages are empty");
	check_refused(
		"scanned", "has no text: all 4 pages have nothing but pictures (scanned?): text");
	check_refused(
		"private_use", "its only page has letters that its fonts map to no characters");
	check_refused("unmapped", "its only page has letters that its fonts map to no characters");
}

static void damaged_pages_are_named_and_the_others_are_read(void **state)
{
	struct reading reading = load_vector("broken_stream");

	assert_int_equal(READ_END, reading.status);
	assert_int_equal(2, reading.document.n_part);
	check_note(&reading, 0, SKIP_UNREADABLE, "page 2 is damaged");
	reading_finish(&reading);

	reading = load_vector("missing_page");
	assert_int_equal(READ_END, reading.status);
	assert_int_equal(2, reading.document.n_part);
	check_note(&reading, 0, SKIP_UNREADABLE, "is damaged: no text could be read");
	reading_finish(&reading);
}

static void an_empty_user_password_opens_a_file(void **state)
{
	struct reading reading = load_vector("unlocked");

	assert_int_equal(READ_END, reading.status);
	check_page(&reading, 0, 1, NULL, "A secret that a password keeps\n");
	reading_finish(&reading);
}

static void japanese_and_hebrew_come_in_the_order_of_reading(void **state)
{
	struct reading reading = load_vector("cjk");

	assert_int_equal(0, reading.notes.n);
	check_page(&reading, 0, 1, NULL, "吾輩は猫である。\n名前はまだ無い。\n");
	reading_finish(&reading);
	reading = load_vector("right_to_left");
	check_page(&reading, 0, 1, NULL, "שלום עולם");
	reading_finish(&reading);
}

static void characters_that_are_none_do_not_cost_the_page(void **state)
{
	struct reading reading = load_vector("nul");

	check_page(&reading, 0, 1, NULL, "and the words behind it stay.\n");
	reading_finish(&reading);
	reading = load_vector("surrogate");
	check_page(&reading, 0, 1, NULL, "Before the odd one \xef\xbf\xbd here\nand the words");
	reading_finish(&reading);
}

/* In a process of its own, because poppler reads where its maps lie once. */
static void without_poppler_data_the_missing_maps_are_named(void **state)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct buf bytes = vector("cjk");
		struct reading reading = {0};
		const char *reason;

		pdf_poppler_prepare("/nowhere/at/all");
		reading.bytes = bytes;
		read_bytes(&reading, "a.pdf", &whole);
		reason = reading.notes.n ? reading.notes.note[0].reason : "(nothing was said)";
		if (!strstr(reason, "character maps") || !strstr(reason, "poppler-data")) {
			fprintf(stderr, "# %s\n", reason);
			_exit(1);
		}
		_exit(0);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_int_equal(0, status);
}

static void loops_and_depths_end(void **state)
{
	static const char *const name[] = {
		"tree_deep", "xref_loop", "form_cycle", "inflating", "outline_cycle"};
	static const char *const words[] = {"At the bottom", "Round and round", "Again",
		"Behind much space", "A page whose bookmarks go round"};
	struct reading reading;

	for (size_t i = 0; i < ARRAY_LEN(name); i++) {
		reading = load_vector(name[i]);
		assert_int_equal(READ_END, reading.status);
		assert_int_equal(1, reading.document.n_part);
		check_page(&reading, 0, 1, NULL, words[i]);
		reading_finish(&reading);
	}
	reading = load_vector("tree_cycle");
	assert_int_equal(READ_END, reading.status);
	check_page(&reading, 0, 1, NULL, "The only page");
	check_note(&reading, 0, SKIP_UNREADABLE, "pages 2-3 are damaged");
	reading_finish(&reading);
}

static void every_shorter_copy_of_a_file_is_read_or_refused(void **state)
{
	struct buf bytes = vector("manual");

	for (size_t len = 5; len < bytes.len; len += 61) {
		struct reading reading = load_bytes(bytes.data, len, "cut.pdf");

		if (reading.status == READ_FAILED) {
			assert_int_equal(SKIP_UNREADABLE, reading.skip.class);
			assert_true(strlen(reading.skip.reason) > 10);
		} else {
			assert_true(reading.document.n_part > 0);
		}
		reading_finish(&reading);
	}
	buf_finish(&bytes);
}

static int probe(const char *path, const char *data, size_t len)
{
	struct input input = {path, data, len, -1, &whole};

	return loader_find(&input) == &loader_pdf;
}

static void a_pdf_is_known_by_its_content_and_by_name_only_where_nothing_else_can_be(void **state)
{
	static const char page[] = "<html>%PDF- is how they begin";

	assert_true(probe("report", "%PDF-1.7\n", 9));
	assert_true(probe("report.txt", "%PDF-1.7\n", 9));
	assert_true(probe("report.pdf", "junk\n%PDF-1.7\n", 14));
	assert_true(probe("report.pdf", "\0\0\0\0", 4));
	assert_false(probe("notes.txt", page, sizeof(page) - 1));
	assert_false(probe("report.pdf", "<html>Please log in</html>", 26));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* First: it needs a poppler that has not looked for its maps yet. */
		cmocka_unit_test(without_poppler_data_the_missing_maps_are_named),
		cmocka_unit_test(pages_have_their_labels_and_bookmarks_their_pages_and_lines),
		cmocka_unit_test(rows_of_tables_stay_on_their_lines_where_the_layout_is_asked_for),
		cmocka_unit_test(quotes_over_ligatures_and_broken_words_are_verified),
		cmocka_unit_test(each_reader_of_several_reads_its_runs_of_pages),
		cmocka_unit_test(a_reader_begins_where_another_one_ended),
		cmocka_unit_test(
			pages_that_workers_share_come_in_order_and_a_file_of_another_kind_once),
		cmocka_unit_test(a_bomb_ends_and_the_load_goes_on),
		cmocka_unit_test(the_sandbox_changes_no_text),
		cmocka_unit_test(pages_without_text_are_named_among_pages_with_text),
		cmocka_unit_test(what_has_no_text_at_all_is_refused_each_with_its_own_reason),
		cmocka_unit_test(damaged_pages_are_named_and_the_others_are_read),
		cmocka_unit_test(an_empty_user_password_opens_a_file),
		cmocka_unit_test(japanese_and_hebrew_come_in_the_order_of_reading),
		cmocka_unit_test(characters_that_are_none_do_not_cost_the_page),
		cmocka_unit_test(loops_and_depths_end),
		cmocka_unit_test(every_shorter_copy_of_a_file_is_read_or_refused),
		cmocka_unit_test(
			a_pdf_is_known_by_its_content_and_by_name_only_where_nothing_else_can_be),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
