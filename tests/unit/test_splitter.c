/*
 * The splitters against the pre-tokenizers of Hugging Face `tokenizers`
 * (tests/vectors/splitter_compare.py), and what holds for all of them.
 */
#include "tests/unit/tokenizer_fixture.h"

#include "engine/token/splitter.h"

#include <math.h>
#include <time.h>

#define BATCH 64

/* Cut all of it, a few pieces at a time as the encoder does; returns how many. */
static size_t split_all(const struct splitter *splitter, const char *text, size_t len, size_t *out)
{
	size_t end[BATCH], count = 0;

	for (size_t at = 0; at < len;) {
		size_t n = splitter->split(text + at, len - at, end, BATCH);

		assert_in_range(n, 1, BATCH);
		for (size_t i = 0; i < n; i++) {
			if (out) {
				out[count + i] = at + end[i];
			}
		}
		count += n;
		at += end[n - 1];
	}
	return count;
}

/* ---- vectors: "name text-in-hexadecimal length,length,..." ---- */

static void check_line(char *line, size_t number)
{
	char *name = strsep(&line, " "), *hex = strsep(&line, " ");
	const struct splitter *splitter = splitter_by_name(name);
	size_t len = strlen(hex) / 2, end[128], n, want = 0;
	char *text = mem_alloc(len);

	for (size_t i = 0; i < len; i++) {
		text[i] = (char)(fixture_hex(hex[2 * i]) * 16 + fixture_hex(hex[2 * i + 1]));
	}
	assert_non_null(splitter);
	assert_true(len < ARRAY_LEN(end));
	n = split_all(splitter, text, len, end);
	for (size_t i = 0; i < n; i++) {
		want += strtoul(line, &line, 10);
		if (want != end[i]) {
			fail_msg("line %zu (%s): piece %zu ends at %zu, want %zu", number, name, i,
				end[i], want);
		}
		line += *line == ',';
	}
	assert_int_equal(0, *line);
	assert_int_equal(len, want);
	free(text);
}

static void pieces_are_those_of_the_reference(void **state)
{
	struct buf vectors = fixture_read("tests/vectors/splitter/pieces.vec");
	char *rest = vectors.data, *line;
	const struct splitter *splitter;
	size_t number = 0;

	for (size_t i = 0; (splitter = splitter_at(i)) != NULL; i++) {
		char *name = mem_printf("\n%s ", splitter->name);

		/* none without its lines; the file's first line is the first one's */
		assert_true(i == 0 || strstr(vectors.data, name));
		free(name);
	}
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line) {
			check_line(line, ++number);
		}
	}
	assert_true(number >= 5000);
	buf_finish(&vectors);
}

/* ---- any text ---- */

static void bytes_that_are_not_utf8_are_characters_of_no_class(void **state)
{
	static const char text[] = "ab\xff\xfe"
				   "1 \xe2\x96";
	static const struct {
		const char *name;
		size_t end[6];
	} want[] = {
		{"llama3", {2, 4, 5, 8}},
		{"gpt2", {2, 4, 5, 8}},
		{"o200k", {2, 4, 5, 8}},
		{"smollm", {2, 4, 5, 8}},
		{"falcon", {2, 4, 5, 8}},
		{"bloom", {5, 8}},
		{"deepseek-v3", {2, 4, 5, 6, 8}},
		{"deepseek-coder", {2, 4, 5, 8}},
	};

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		const struct splitter *splitter = splitter_by_name(want[i].name);
		size_t end[ARRAY_LEN(text)], n = split_all(splitter, text, sizeof(text) - 1, end);

		for (size_t k = 0; k < n; k++) {
			if (end[k] != want[i].end[k]) {
				fail_msg("%s: piece %zu ends at %zu, want %zu", want[i].name, k,
					end[k], want[i].end[k]);
			}
		}
		assert_int_equal(sizeof(text) - 1, end[n - 1]);
	}
}

static double split_s(const struct splitter *splitter, const char *text, size_t len, int rounds)
{
	double best = 1e9;

	for (int round = 0; round < rounds; round++) {
		struct timespec from, to;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		split_all(splitter, text, len, NULL);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		best = fmin(best, (double)(to.tv_sec - from.tv_sec) +
					  (double)(to.tv_nsec - from.tv_nsec) * 1e-9);
	}
	return best;
}

/* Runs of every class, and the periods that make one rule or another look ahead. */
static const char *const units[] = {"a", "A", "aB", "\xe4\xb8\xad",
	"\xe4\xb8\xad"
	"A",
	"\xc7\x85", "\xcc\x81",
	"\xcc\x81"
	"A",
	"1", "\xc2\xb2", "1\xc2\xb2", "\xd9\xa0", " ", "\n", " \n", "\r\n", "\t ", "\xe3\x80\x80",
	" \xe2\x80\x83", "\xd8\xa8 ", "\xd8\xa8 \xe2\x80\x83", "!", "!\xe3\x80\x80",
	"\xef\xbc\x81\xe3\x80\x80", "'", "'s", "\xe2\x80\x8b", "\xff", ".", ". ", " .", "/\n",
	"\xe3\x83\xbb", "\xe3\x82\x99", "\xf0\x9f\x9a\x80", "\xe2\xba\x80", "a1 ",
	"the quick brown fox "};

static void check_linear(const struct splitter *splitter, const char *head, const char *unit)
{
	const size_t small = 64 << 10, large = 1 << 20;
	struct buf text = BUF_INIT;
	double a, b;

	buf_addstr(&text, head);
	while (text.len < large) {
		buf_addstr(&text, unit);
	}
	a = split_s(splitter, text.data, small, 3);
	b = split_s(splitter, text.data, text.len, 1);
	/* 16 times the length; quadratic would be 256. */
	if (b > 64 * a && b > 0.05) {
		fail_msg("%s, \"%s\" and a run of \"%s\": %.4f s for 64 KiB, %.4f s for 1 MiB",
			splitter->name, head, unit, a, b);
	}
	buf_finish(&text);
}

static void a_megabyte_of_one_class_costs_no_more_than_its_length(void **state)
{
	static const char *const heads[] = {"", "\xd8\xa8", " "};
	const struct splitter *splitter;

	for (size_t i = 0; (splitter = splitter_at(i)) != NULL; i++) {
		for (size_t k = 0; k < ARRAY_LEN(units); k++) {
			check_linear(splitter, heads[k % ARRAY_LEN(heads)], units[k]);
		}
	}
}

/* ---- names ---- */

static void every_gguf_name_leads_to_its_splitter(void **state)
{
	static const char *const known[][2] = {{"llama3", "llama3"}, {"llama-bpe", "llama3"},
		{"gpt-2", "gpt2"}, {"qwen2", "qwen2"}, {"qwen35", "qwen35"}, {"gpt-4o", "o200k"},
		{"llama4", "o200k"}, {"smollm", "smollm"}, {"tekken", "tekken"},
		{"deepseek-llm", "deepseek-llm"}, {"deepseek-coder", "deepseek-coder"},
		{"deepseek-v3", "deepseek-v3"}, {"deepseek-r1-qwen", "qwen2"}, {"falcon", "falcon"},
		{"falcon3", "falcon3"}, {"starcoder", "smollm"}, {"refact", "smollm"},
		{"mpt", "gpt2"}, {"olmo", "gpt2"}, {"dbrx", "llama3"}, {"command-r", "smollm"},
		{"phi-2", "gpt2"}, {"chatglm-bpe", "llama3"}, {"glm4", "llama3"},
		{"bloom", "bloom"}, {"poro-chat", "bloom"}, {"viking", "viking"},
		{"exaone", "smollm"}, {"codeshell", "smollm"}, {"kimi-k2", "kimi-k2"},
		{"gigachat", "o200k"}};
	const struct splitter_gguf *name;

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		name = splitter_gguf_find(known[i][0], strlen(known[i][0]));
		assert_non_null(name);
		assert_string_equal(known[i][1], name->splitter);
	}
	for (size_t i = 0; (name = splitter_gguf_at(i)) != NULL; i++) {
		assert_non_null(splitter_by_name(name->splitter));
		assert_ptr_equal(name, splitter_gguf_find(name->name, strlen(name->name)));
		/* what takes pieces whole also begins with a token, and nothing else does */
		assert_int_equal(name->ignore_merges, name->add_bos);
	}
	assert_null(splitter_gguf_find("llama", 5));
	assert_null(splitter_gguf_find("default", 7));
	assert_null(splitter_gguf_find("", 0));
	assert_int_equal(1, splitter_gguf_find("tekken", 6)->ignore_merges);
	assert_int_equal(0, splitter_gguf_find("dbrx", 4)->ignore_merges);
}

static void every_spelling_leads_to_its_splitter(void **state)
{
	const struct splitter *splitter;

	for (size_t i = 0; (splitter = splitter_at(i)) != NULL; i++) {
		assert_non_null(splitter->steps[0]);
		for (size_t k = 0; k < SPLITTER_SPELLINGS && splitter->steps[k]; k++) {
			assert_ptr_equal(splitter, splitter_by_steps(splitter->steps[k]));
		}
		assert_ptr_equal(splitter, splitter_by_name(splitter->name));
		assert_non_null(splitter_gguf_of(splitter, 0));
	}
	assert_null(splitter_by_steps(""));
	assert_null(splitter_by_steps("digits"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_those_of_the_reference),
		cmocka_unit_test(bytes_that_are_not_utf8_are_characters_of_no_class),
		cmocka_unit_test(a_megabyte_of_one_class_costs_no_more_than_its_length),
		cmocka_unit_test(every_gguf_name_leads_to_its_splitter),
		cmocka_unit_test(every_spelling_leads_to_its_splitter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
