/*
 * An engine process in distress: one that has no memory left says so and is replaced, one that hangs up
 * and does not end keeps nobody waiting.
 */
#include "engine/engine.h"
#include "tests/unit/engine_ask.h"
#include "tests/unit/sanitized.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct engine *open_engine(const struct engine_config *config)
{
	struct engine *engine;
	struct err err = {0};

	if (engine_open(&engine, config, &err) < 0 || engine_wait_ready(engine, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	return engine;
}

/* No child of ours is left, alive or as a zombie. */
static void assert_no_children(void)
{
	assert_int_equal(-1, waitpid(-1, NULL, WNOHANG));
	assert_int_equal(ECHILD, errno);
}

static int64_t address_space_bytes(int32_t pid)
{
	char path[64];
	long pages = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(1, fscanf(file, "%ld", &pages));
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

/* Let the engine have so many bytes more than it has, then hand it 64 MB to read. */
static void starve(int64_t more_bytes)
{
	enum { BIG = 64 << 20 };
	struct engine *engine = open_engine(&(struct engine_config){.backend = "fake"});
	int32_t pid = engine_info(engine)->process_id;
	rlim_t bytes = (rlim_t)(address_space_bytes(pid) + more_bytes);
	struct rlimit limit = {bytes, bytes};
	char *text = malloc(BIG);
	struct reply reply;

	memset(text, 'x', BIG);
	text[BIG - 1] = 0;
	assert_int_equal(0, prlimit(pid, RLIMIT_AS, &limit, NULL));
	reply = ask(engine, text, 10);
	assert_int_equal(ENGINE_FAILED, reply.last.type);
	assert_int_equal(ERR_ENGINE, reply.last.err.code);
	print_message("# %s\n", reply.last.err.what);
	if (!strstr(reply.last.err.what, "memory") || !reply.last.err.hint[0]) {
		fail_msg("%s (%s)", reply.last.err.what, reply.last.err.hint);
	}
	reply_finish(&reply);
	reply = ask(engine, "And now?", 10);
	assert_int_equal(ENGINE_DONE, reply.last.type);
	reply_finish(&reply);
	free(text);
	engine_close(engine);
}

static void an_engine_without_memory_says_so_and_answers_the_next(void **state)
{
	if (IS_SANITIZED) {
		skip(); /* its shadow memory is beyond any limit */
	}
	starve(0);                  /* not even a message fits */
	starve((int64_t)20 << 20);  /* the text does not */
	starve((int64_t)100 << 20); /* its tokens do not */
}

/* An engine that hangs up and then does not end. */
static void a_process_that_will_not_end_blocks_nobody(void **state)
{
	char script[] = "/tmp/carrel-stuck-XXXXXX";
	static const char text[] = "#!/bin/sh\nexec 3>&- 4>&-\ntrap '' TERM\nsleep 60\n";
	int file = mkstemp(script);
	struct engine_config config = {.program = script, .backend = "fake"};
	double start = now_s(), longest = 0;
	struct engine_event event = {.type = ENGINE_READY};
	struct engine *engine;
	struct err err;

	assert_int_equal(sizeof(text) - 1, write(file, text, sizeof(text) - 1));
	assert_int_equal(0, fchmod(file, 0700));
	close(file);
	assert_int_equal(0, engine_open(&engine, &config, NULL));
	usleep(100000);
	while (event.type != ENGINE_FAILED && now_s() - start < 10) {
		struct pollfd poll_fd = {.fd = engine_fd(engine), .events = POLLIN};
		double before;

		assert_int_equal(1, poll(&poll_fd, 1, 5000)); /* there is always more to come */
		before = now_s();
		engine_next(engine, 0, &event);
		before = now_s() - before;
		longest = before > longest ? before : longest;
	}
	assert_int_equal(ENGINE_FAILED, event.type);
	assert_non_null(strstr(event.err.what, "died (signal 9"));
	print_message("# it took %.1f s to end; nobody waited more than %.1f ms\n", now_s() - start,
		longest * 1e3);
	assert_true(longest < 0.5);
	/* The same while a request comes in. */
	assert_int_equal(1, submit_chat(engine, "hello", 5, &err) > 0);
	usleep(100000);
	start = now_s();
	assert_int_equal(0, engine_next(engine, 0, &event) && event.type == ENGINE_DONE);
	assert_int_equal(-1, submit_chat(engine, "hello", 5, &err));
	assert_int_equal(ERR_ENGINE, err.code);
	assert_true(now_s() - start < 1);
	engine_close(engine);
	unlink(script);
	assert_no_children();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_engine_without_memory_says_so_and_answers_the_next),
		cmocka_unit_test(a_process_that_will_not_end_blocks_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
