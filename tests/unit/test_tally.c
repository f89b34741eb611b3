/* Counting while loading: the same figures as the pack's own segments, for any tree. */
#include "base/mem.h"
#include "base/rng.h"
#include "engine/engine.h"
#include "session/pack.h"
#include "session/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t rolled;

static size_t roll(size_t n)
{
	return (size_t)(rng_uniform(11, rolled++) * (double)n);
}

static struct tokens *open_tokens(void)
{
	const char *build = getenv("CARREL_TEST_BUILD");
	char *model = mem_printf("%s/models/random.gguf", build ? build : ".");
	struct tokens *tokens;
	struct err err;

	if (tokens_open(&tokens, model, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	free(model);
	return tokens;
}

/* Words, tags of the pack, long lines, texts beyond one segment, with and without a last line feed. */
static void write_file(const char *path, size_t n_word)
{
	static const char *const words[] = {"int ", "pump", "</file>\n", "\n", "<page n=\"1\">",
		"\n\n", "\t", "\xc3\xa9", "1234567", "<source", "}", " the station ", "\xff"};
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs("begin ", file);
	for (size_t i = 0; i < n_word; i++) {
		fputs(words[roll(ARRAY_LEN(words))], file);
	}
	assert_int_equal(0, fclose(file));
}

static int64_t count_segments(
	struct tokens *tokens, const struct prompt *block, size_t from, size_t to)
{
	int64_t total = 0;

	for (size_t i = from; i < to; i++) {
		struct tokens_text text = {0};

		text.text = segment_bytes(block->item[i], &text.len);
		tokens_count(tokens, &text, 1);
		total += (int64_t)text.n_tok;
	}
	return total;
}

/* One document as the pack has it: its own files and what stands around them. */
static void compare_source(struct tokens *tokens, const struct tally *tally, size_t index,
	const struct document *document, size_t *file, int64_t *packing_tok)
{
	struct prompt block = {0};
	size_t from = 0, bytes = 0;

	pack_source(&block, index ? PACK_BEFORE_SOURCE : PACK_BEFORE_OTHER, (int64_t)index + 1,
		document);
	assert_int_equal(
		count_segments(tokens, &block, 0, block.count), tally->source[index].tokens);
	assert_string_equal(document->name, tally->source[index].name);
	assert_int_equal(document->kind, tally->source[index].kind);
	if (document->kind != DOCUMENT_CODE) {
		for (size_t i = 0; i < document->n_part; i++) {
			bytes += document->part[i].len;
		}
		assert_int_equal(bytes, tally->file[*file].bytes);
		assert_int_equal(tally->source[index].tokens, tally->file[*file].tokens);
		++*file;
	} else {
		*packing_tok += count_segments(tokens, &block, 0, 1);
		from = 1;
		for (size_t i = 1; i < block.count; i++) {
			if (pack_ends_file(block.item[i])) {
				assert_int_equal(count_segments(tokens, &block, from, i + 1),
					tally->file[*file].tokens);
				++*file;
				from = i + 1;
			}
		}
		*packing_tok += count_segments(tokens, &block, from, block.count);
	}
	prompt_finish(&block);
}

static void compare(struct tokens *tokens, const char *const *path, size_t n_path)
{
	static const struct load_options options;
	struct load_result loaded;
	struct tally tally = {0};
	int64_t packing_tok = 0, total_tok = 0, total_bytes = 0;
	size_t file = 0;
	struct err err;

	assert_int_equal(0, load_paths(&loaded, path, n_path, &options, &err));
	assert_int_equal(0, tally_load(&tally, tokens, path, n_path, &options, 1, &err));
	assert_int_equal(loaded.n_document, tally.n_source);
	assert_int_equal(loaded.n_skipped, tally.n_skipped);
	for (size_t i = 0; i < loaded.n_document; i++) {
		compare_source(tokens, &tally, i, &loaded.document[i], &file, &packing_tok);
		total_tok += tally.source[i].tokens;
	}
	assert_int_equal(file, tally.n_file);
	assert_int_equal(packing_tok, tally.packing_tok);
	assert_int_equal(total_tok, tally.total_tok);
	for (size_t i = 0; i < tally.n_file; i++) {
		total_tok -= tally.file[i].tokens;
		total_bytes += tally.file[i].bytes;
	}
	assert_int_equal(packing_tok, total_tok);
	assert_int_equal(total_bytes, tally.total_bytes);
	load_result_finish(&loaded);
	tally_finish(&tally);
}

static void remove_all(char **path, size_t n_path, const char *folder)
{
	for (size_t i = n_path; i-- > 0;) {
		if (remove(path[i]) != 0) {
			fail_msg("%s stays", path[i]);
		}
		free(path[i]);
	}
	assert_int_equal(0, rmdir(folder));
}

static void a_count_is_what_the_segments_of_the_pack_cost(void **state)
{
	static const char *const endings[] = {"c", "txt", "py", "log"};
	struct tokens *tokens = open_tokens();

	for (int round = 0; round < 6; round++) {
		char folder[] = "/tmp/carrel-tally-XXXXXX";
		char *path[24];
		size_t n_path = 0;

		assert_non_null(mkdtemp(folder));
		while (n_path < 6) {
			path[n_path] = mem_printf("%s/f%zu.%s", folder, n_path, endings[roll(4)]);
			write_file(path[n_path++], roll(4) ? 20 + roll(200) : 12000);
		}
		compare(tokens, (const char *const *)path, n_path);
		compare(tokens, (const char *[]){folder}, 1);
		remove_all(path, n_path, folder);
	}
	tokens_close(tokens);
}

/* ---- headings ---- */

static void add_part(struct document *document, int64_t page, const char *text)
{
	struct part *part = document_add_part(document);

	part->place.page = page;
	part->text = mem_strdup(text);
	part->len = strlen(text);
}

static void count_document(struct tally *tally, struct tokens *tokens, struct document *document)
{
	static const struct load_options options;
	struct tally_counter *counter = tally_begin(tally, tokens, &options, 1);
	struct load_sink sink = tally_sink(counter);

	assert_int_equal(0, sink.begin(sink.arg, document));
	for (size_t i = 0; i < document->n_part; i++) {
		assert_int_equal(0, sink.part(sink.arg, &document->part[i]));
	}
	assert_int_equal(0, sink.end(sink.arg, document));
	assert_int_equal(0, tally_end(counter, 0, NULL));
}

/* Tokens of a text with the byte-level vocabulary of the random model: sections are far apart in size. */
static void a_section_costs_what_stands_between_its_headings(void **state)
{
	struct tokens *tokens = open_tokens();
	struct document document = {.kind = DOCUMENT_PDF, .name = mem_strdup("a.pdf")};
	struct tally tally = {0};
	struct tally_heading *heading;
	char *words = mem_alloc(40001);

	for (size_t i = 0; i < 40000; i++) {
		words[i] = i % 50 == 49 ? '\n' : (char)('a' + roll(26));
	}
	words[40000] = 0;
	add_part(&document, 1, "front matter\n");
	add_part(&document, 2, "one\ntwo\nthree\n");
	add_part(&document, 3, words);
	add_part(&document, 4, "end without a line feed");
	document_add_heading(&document, 1, "first", 5, 1, 1);
	document_add_heading(&document, 2, "inner", 5, 1, 3);
	document_add_heading(&document, 2, "long", 4, 2, 1);
	document_add_heading(&document, 1, "middle", 6, 2, 401);
	document_add_heading(&document, 1, "last", 4, 3, 1);
	document_add_heading(&document, 1, "astray", 6, 99, 99);
	count_document(&tally, tokens, &document);
	document_finish(&document);

	assert_int_equal(1, tally.n_source);
	assert_int_equal(4, tally.source[0].n_pages);
	assert_int_equal(6, tally.source[0].n_heading);
	heading = tally.source[0].heading;
	assert_string_equal("inner", heading[1].title);
	assert_int_equal(2, heading[1].page);
	assert_int_equal(3, heading[1].line);
	/* A chapter holds its sections and its own words. */
	assert_true(heading[0].tokens > heading[1].tokens + heading[2].tokens);
	assert_true(heading[1].tokens > 0 && heading[1].tokens < 20);
	/* Half of the long page each, by bytes. */
	assert_true(heading[2].tokens > 3 * heading[3].tokens / 4);
	assert_true(heading[3].tokens > 3 * heading[2].tokens / 4);
	assert_true(heading[4].tokens > 0 && heading[4].tokens < 60);
	assert_int_equal(0, heading[5].tokens);
	/* All of the text but what stands in front of the first. */
	assert_true(
		heading[0].tokens + heading[3].tokens + heading[4].tokens < tally.source[0].tokens);
	assert_true(heading[0].tokens + heading[3].tokens + heading[4].tokens >
		    tally.source[0].tokens - 120);
	tally_finish(&tally);
	free(words);
	tokens_close(tokens);
}

/* ---- stops ---- */

static int stop_at_once(void *arg)
{
	return 1;
}

static void a_count_that_is_stopped_says_so_and_leaves_nothing(void **state)
{
	struct load_options options = {.watch = {.stopped = stop_at_once}};
	struct tokens *tokens = open_tokens();
	char path[] = "/tmp/carrel-tally-XXXXXX";
	int fd = mkstemp(path);
	struct tally tally = {0};
	struct err err;

	assert_true(fd >= 0);
	close(fd);
	write_file(path, 100000);
	assert_int_equal(
		-1, tally_load(&tally, tokens, (const char *[]){path}, 1, &options, 0, &err));
	assert_int_equal(ERR_INTERRUPTED, err.code);
	assert_int_equal(0, tally.n_file);
	assert_int_equal(0, tally.total_tok);
	unlink(path);
	tokens_close(tokens);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_count_is_what_the_segments_of_the_pack_cost),
		cmocka_unit_test(a_section_costs_what_stands_between_its_headings),
		cmocka_unit_test(a_count_that_is_stopped_says_so_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
