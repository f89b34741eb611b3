/*
 * KV on disk that was damaged, cut off, exchanged or taken away, before an engine starts and while it
 * reads: an answer is always what it is with an empty cache, and what was lost is computed once.
 */
#include "base/file.h"
#include "tests/unit/folder_fixture.h"
#include "tests/unit/kv_ask.h"

#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Three pages, and a tail. */
enum { N_PROMPT = 220, N_ANSWER = 4, N_MORE = 40, CONTEXT = 512, PAGE_ALIGN = 4096 };

static char folder[] = "/tmp/carrel-kv-damage-XXXXXX";
static uint32_t ids[N_PROMPT + N_MORE];
static struct kv_answer afresh, afresh_more; /* to N_PROMPT of them, and to all */
static struct kv_setup setup = {.folder = "kv", .context_tok = CONTEXT};
static int64_t page_bytes;

static void run(const char *command)
{
	if (system(command) != 0) {
		fail_msg("%s", command);
	}
}

static int enter(void **state)
{
	struct engine *engine;

	kv_set_engine();
	setup.model = kv_vector("logits/llama-f32.gguf");
	kv_fill_ids(ids, N_PROMPT + N_MORE, 1);
	if (folder_enter(folder) < 0) {
		return -1;
	}
	kv_ask_afresh(&afresh, &setup, ids, N_PROMPT, N_ANSWER);
	kv_ask_afresh(&afresh_more, &setup, ids, N_PROMPT + N_MORE, N_ANSWER);
	engine = kv_open(&setup);
	page_bytes = 64 * engine_info(engine)->kv_bytes_per_tok;
	kv_ask_open(&(struct kv_answer){0}, engine, ids, N_PROMPT, N_ANSWER, 0);
	engine_close(engine);
	run("cp -a kv good");
	return 0;
}

static int leave(void **state)
{
	free((char *)(uintptr_t)setup.model);
	return folder_leave(folder);
}

static void restore(void)
{
	run("rm -rf kv && cp -a good kv");
}

/* The one file of a kind, such as a segment's pages; malloc'ed. */
static char *find_file(const char *pattern)
{
	glob_t found;
	char *path;

	assert_int_equal(0, glob(pattern, 0, NULL, &found));
	assert_int_equal(1, found.gl_pathc);
	path = mem_strdup(found.gl_pathv[0]);
	globfree(&found);
	return path;
}

static int64_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(0, stat(path, &st));
	return st.st_size;
}

/*
 * How many tokens were still there. Behind it everything is there again; but for a tail that was
 * damaged together with what it continues, which is found out only when that is there.
 */
static int64_t expect_right_answers(void)
{
	struct kv_answer answer;
	int64_t found;

	kv_ask(&answer, &setup, ids, N_PROMPT, N_ANSWER);
	assert_true(kv_same(&afresh, &answer));
	found = answer.usage.disk_tok;
	assert_in_range(found, 0, N_PROMPT - 1);
	kv_ask(&answer, &setup, ids, N_PROMPT, N_ANSWER);
	assert_true(kv_same(&afresh, &answer));
	assert_in_range(answer.usage.disk_tok, N_PROMPT / 64 * 64, N_PROMPT - 1);
	kv_ask(&answer, &setup, ids, N_PROMPT, N_ANSWER);
	assert_true(kv_same(&afresh, &answer));
	assert_int_equal(N_PROMPT - 1, answer.usage.disk_tok);
	return found;
}

static void flip(const char *path, int64_t at)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(1, pread(fd, &byte, 1, at));
	byte ^= (uint8_t)(1 << at % 8);
	assert_int_equal(1, pwrite(fd, &byte, 1, at));
	assert_int_equal(0, close(fd));
}

/* One bit at a time; returns how many of them cost something. */
static int flip_many(const char *pattern, int64_t n_flip)
{
	int n_found_less = 0;

	for (int64_t i = 0; i < n_flip; i++) {
		char *path;
		int64_t size;

		restore();
		path = find_file(pattern);
		size = size_of(path);
		flip(path, (size - 1) * i / (n_flip - 1));
		n_found_less += expect_right_answers() < N_PROMPT - 1;
		free(path);
	}
	return n_found_less;
}

static void a_flipped_bit_costs_time_only(void **state)
{
	int n_page, n_index;

	restore();
	assert_int_equal(N_PROMPT - 1, expect_right_answers());
	n_page = flip_many("kv/*/*.pages", 17);
	n_index = flip_many("kv/*/*.index", 17);
	/* Most of both is of use, and what is damaged is never used. */
	assert_true(n_page > 8);
	assert_true(n_index > 4);
	assert_int_equal(0, flip_many("kv/*/about", 3));
}

static void a_segment_that_is_cut_off_costs_time_only(void **state)
{
	static const char *const patterns[] = {"kv/*/*.pages", "kv/*/*.index"};
	int64_t least = N_PROMPT, most = 0;

	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		for (int64_t eighths = 0; eighths < 8; eighths++) {
			char *path;
			int64_t size, found;

			restore();
			path = find_file(patterns[i]);
			size = size_of(path);
			/* at no boundary of anything */
			assert_int_equal(0, truncate(path, size * eighths / 8 + (eighths ? 5 : 0)));
			found = expect_right_answers();
			least = found < least ? found : least;
			most = found > most ? found : most;
			free(path);
		}
	}
	assert_int_equal(0, least);
	assert_true(most >= 64 && most < N_PROMPT - 1);
}

static void a_segment_that_is_gone_costs_time_only(void **state)
{
	restore();
	run("rm kv/*/*.pages");
	assert_int_equal(0, expect_right_answers());
	restore();
	run("rm kv/*/*.index");
	assert_int_equal(0, expect_right_answers());
	restore();
	run("rm kv/*/about");
	assert_int_equal(N_PROMPT - 1, expect_right_answers());
	restore();
	run("rm -r kv");
	assert_int_equal(0, expect_right_answers());
}

/* Each of them whole, only not where it belongs. */
static void a_page_in_anothers_place_is_not_used(void **state)
{
	int64_t stride = (page_bytes + PAGE_ALIGN - 1) / PAGE_ALIGN * PAGE_ALIGN;
	uint8_t *first = mem_alloc((size_t)page_bytes), *second = mem_alloc((size_t)page_bytes);
	char *path;
	int fd;

	restore();
	path = find_file("kv/*/*.pages");
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(page_bytes, pread(fd, first, (size_t)page_bytes, stride));
	assert_int_equal(page_bytes, pread(fd, second, (size_t)page_bytes, 2 * stride));
	assert_memory_not_equal(first, second, (size_t)page_bytes);
	assert_int_equal(page_bytes, pwrite(fd, second, (size_t)page_bytes, stride));
	assert_int_equal(page_bytes, pwrite(fd, first, (size_t)page_bytes, 2 * stride));
	assert_int_equal(0, close(fd));
	assert_in_range(expect_right_answers(), 0, 64);
	free(path);
	free(first);
	free(second);
}

/* Files of other kinds in the places of ours. */
static void what_is_no_segment_is_not_read(void **state)
{
	restore();
	run("for f in kv/*/*.index; do cat kv/*/*.pages >junk && cp junk $f; done");
	assert_int_equal(0, expect_right_answers());
	restore();
	run("for f in kv/*/*.pages kv/*/*.index; do rm $f && mkfifo $f; done");
	assert_int_equal(0, expect_right_answers());
	restore();
	run("for f in kv/*/*.pages kv/*/*.index; do rm $f && ln -s /dev/zero $f; done");
	assert_int_equal(0, expect_right_answers());
	restore();
	run("for f in kv/*/*.pages kv/*/*.index; do rm $f && mkdir $f; done");
	assert_int_equal(0, expect_right_answers());
}

/* Pages that are linked are read by the next question, too. */
static void a_segment_that_is_cut_off_while_it_is_mapped_costs_time_only(void **state)
{
	static const int64_t left[] = {0, PAGE_ALIGN, 2 * PAGE_ALIGN + 100};

	for (size_t i = 0; i < ARRAY_LEN(left); i++) {
		struct kv_answer answer;
		struct engine *engine;
		char *path;

		restore();
		path = find_file("kv/*/*.pages");
		engine = kv_open(&setup);
		kv_ask_open(&answer, engine, ids, N_PROMPT, N_ANSWER, 0);
		assert_int_equal(N_PROMPT - 1, answer.usage.disk_tok);
		assert_int_equal(0, truncate(path, left[i]));
		kv_ask_open(&answer, engine, ids, N_PROMPT + N_MORE, N_ANSWER, 0);
		assert_true(kv_same(&afresh_more, &answer));
		kv_ask_open(&answer, engine, ids, N_PROMPT, N_ANSWER, 0);
		assert_true(kv_same(&afresh, &answer));
		engine_close(engine);
		expect_right_answers();
		free(path);
	}
}

static void a_segment_that_is_unlinked_while_it_is_mapped_stays_of_use(void **state)
{
	struct kv_answer answer;
	struct engine *engine;

	restore();
	engine = kv_open(&setup);
	kv_ask_open(&answer, engine, ids, N_PROMPT, N_ANSWER, 0);
	assert_int_equal(N_PROMPT - 1, answer.usage.disk_tok);
	run("rm -r kv");
	kv_ask_open(&answer, engine, ids, N_PROMPT + N_MORE, N_ANSWER, 0);
	assert_true(kv_same(&afresh_more, &answer));
	assert_true(answer.usage.cached_tok >= N_PROMPT - 1);
	engine_close(engine);
	expect_right_answers();
}

/* What was appended while an engine ran is damaged before it looks again. */
static void what_another_appends_badly_is_not_used(void **state)
{
	struct kv_answer answer, theirs_afresh;
	uint32_t theirs[N_PROMPT];
	struct engine *engine;

	kv_fill_ids(theirs, N_PROMPT, 77);
	kv_ask_afresh(&theirs_afresh, &setup, theirs, N_PROMPT, N_ANSWER);
	restore();
	engine = kv_open(&setup);
	kv_ask_open(&answer, engine, ids, N_PROMPT, N_ANSWER, 0);
	kv_ask(&answer, &setup, theirs, N_PROMPT, N_ANSWER);
	assert_true(kv_same(&theirs_afresh, &answer));
	run("for f in kv/*/*.pages; do "
	    "dd if=/dev/zero of=$f conv=notrunc bs=4096 seek=1 count=1 2>/dev/null; done");
	kv_ask_open(&answer, engine, theirs, N_PROMPT, N_ANSWER, 0);
	assert_true(kv_same(&theirs_afresh, &answer));
	engine_close(engine);
	expect_right_answers();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flipped_bit_costs_time_only),
		cmocka_unit_test(a_segment_that_is_cut_off_costs_time_only),
		cmocka_unit_test(a_segment_that_is_gone_costs_time_only),
		cmocka_unit_test(a_page_in_anothers_place_is_not_used),
		cmocka_unit_test(what_is_no_segment_is_not_read),
		cmocka_unit_test(a_segment_that_is_cut_off_while_it_is_mapped_costs_time_only),
		cmocka_unit_test(a_segment_that_is_unlinked_while_it_is_mapped_stays_of_use),
		cmocka_unit_test(what_another_appends_badly_is_not_used),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
