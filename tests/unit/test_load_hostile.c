/* What changes, or lies, while it is loaded: by the real worker, in the real sandbox. */
#include "loaders/load.h"

#include "base/mem.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder_fixture.h"

#define PLANTED "planted-outside-of-the-folder"

static char folder[] = "/tmp/carrel-load-hostile-XXXXXX";

static int enter_folder(void **state)
{
	return folder_enter(folder);
}

static int leave_folder(void **state)
{
	return folder_leave(folder);
}

static struct load_result load(const char *path)
{
	struct load_result result;
	struct err err;

	if (load_paths(&result, &path, 1, NULL, &err) < 0) {
		fail_msg("%s: %s", path, err.what);
	}
	return result;
}

static void nothing_planted(const struct load_result *result)
{
	for (size_t i = 0; i < result->n_document; i++) {
		const struct document *document = &result->document[i];

		for (size_t j = 0; j < document->n_part; j++) {
			assert_null(memmem(document->part[j].text, document->part[j].len, PLANTED,
				strlen(PLANTED)));
		}
	}
}

/* ---- a thread beside the load ---- */

static atomic_int is_over;

static void *swap(void *arg)
{
	while (!atomic_load(&is_over)) {
		renameat2(AT_FDCWD, "race/sub", AT_FDCWD, "swap", RENAME_EXCHANGE);
	}
	return NULL;
}

static void *grow(void *arg)
{
	int fd = open("grows.txt", O_WRONLY | O_APPEND | O_CLOEXEC);

	for (int i = 0; i < 200000 && !atomic_load(&is_over); i++) {
		if (write(fd, "one more line\n", 14) < 0) {
			break;
		}
	}
	close(fd);
	return NULL;
}

static void *shrink(void *arg)
{
	while (!atomic_load(&is_over)) {
		if (truncate("shrinks.txt", 0) < 0 || truncate("shrinks.txt", 8 << 20) < 0) {
			break;
		}
	}
	return NULL;
}

static void while_running(void *(*beside)(void *), void (*then)(void))
{
	pthread_t thread;

	atomic_store(&is_over, 0);
	assert_int_equal(0, pthread_create(&thread, NULL, beside, NULL));
	then();
	atomic_store(&is_over, 1);
	pthread_join(thread, NULL);
}

/* ---- what a folder may lead to ---- */

static size_t n_inside;

static void load_race(void)
{
	for (int i = 0; i < 30; i++) {
		struct load_result result = load("race");

		nothing_planted(&result);
		for (size_t j = 0; j < result.n_document; j++) {
			n_inside += result.document[j].n_part;
		}
		load_result_finish(&result);
	}
}

static void a_folder_that_becomes_a_link_leads_nowhere(void **state)
{
	static const char cue[] = "1\n00:00:01,000 --> 00:00:02,000\n";
	char *outside = mem_printf("%s/outside", folder),
	     *planted = mem_printf("%s%s\n", cue, PLANTED);
	char *inside = mem_printf("%s%s\n", cue, "kept inside");

	assert_int_equal(0, mkdir("outside", 0700));
	folder_write("outside/talk.srt", planted);
	folder_write("outside/code.c", PLANTED "\n");
	assert_int_equal(0, mkdir("race", 0700));
	assert_int_equal(0, mkdir("race/sub", 0700));
	folder_write("race/sub/talk.srt", inside);
	folder_write("race/sub/code.c", "int inside;\n");
	folder_write("race/always.c", "int always;\n");
	assert_int_equal(0, symlink(outside, "swap"));
	while_running(swap, load_race);
	assert_true(n_inside >= 30);
	free(outside);
	free(planted);
	free(inside);
}

static void links_out_of_a_folder_are_not_followed(void **state)
{
	struct load_result result;

	folder_write("outside.txt", PLANTED "\n");
	assert_int_equal(0, mkdir("links", 0700));
	assert_int_equal(0, symlink("../outside.txt", "links/file.txt"));
	assert_int_equal(0, symlink("/proc/self/environ", "links/magic.txt"));
	assert_int_equal(0, symlink("..", "links/up"));
	assert_int_equal(0, symlink("links/loop", "links/loop"));
	assert_int_equal(0, mkfifo("links/fifo.c", 0600));
	folder_write("links/kept.c", "int kept;\n");
	result = load("links");
	nothing_planted(&result);
	assert_int_equal(1, result.n_document);
	assert_int_equal(1, result.document[0].n_part);
	assert_string_equal("kept.c", result.document[0].part[0].place.path);
	load_result_finish(&result);
}

static void documents_of_a_folder_stand_behind_it_in_order(void **state)
{
	static const char cue[] = "1\n00:00:01,000 --> 00:00:02,000\nHello.\n";
	const char *const path[] = {"talks", "after.txt"};
	struct load_result result;
	struct err err;

	assert_int_equal(0, mkdir("talks", 0700));
	folder_write("talks/b.srt", cue);
	folder_write("talks/a.srt", cue);
	folder_write("talks/x.c", "int x;\n");
	folder_write("after.txt", "after\n");
	assert_int_equal(0, load_paths(&result, path, 2, NULL, &err));
	assert_int_equal(4, result.n_document);
	assert_string_equal("talks", result.document[0].name);
	assert_string_equal("talks/a.srt", result.document[1].name);
	assert_string_equal("talks/b.srt", result.document[2].name);
	assert_int_equal(DOCUMENT_TRANSCRIPT, result.document[2].kind);
	assert_string_equal("after.txt", result.document[3].name);
	load_result_finish(&result);
}

/* ---- files that change ---- */

static void load_growing(void)
{
	for (int i = 0; i < 20; i++) {
		struct load_result result = load("grows.txt");

		assert_int_equal(1, result.n_document);
		assert_memory_equal("first line\n", result.document[0].part[0].text, 11);
		load_result_finish(&result);
	}
}

static void a_file_that_grows_is_read_once(void **state)
{
	folder_write("grows.txt", "first line\n");
	while_running(grow, load_growing);
}

static void load_shrinking(void)
{
	for (int i = 0; i < 30; i++) {
		struct load_result result = load("shrinks.txt");

		assert_int_equal(1, result.n_document + result.n_skipped);
		load_result_finish(&result);
	}
}

static void a_file_that_shrinks_kills_nobody(void **state)
{
	folder_write("shrinks.txt", "x");
	while_running(shrink, load_shrinking);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_that_becomes_a_link_leads_nowhere),
		cmocka_unit_test(links_out_of_a_folder_are_not_followed),
		cmocka_unit_test(documents_of_a_folder_stand_behind_it_in_order),
		cmocka_unit_test(a_file_that_grows_is_read_once),
		cmocka_unit_test(a_file_that_shrinks_kills_nobody),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
