/*
 * The sandbox and what becomes of a load whose workers misbehave: worker_misbehave.c does, in the
 * real sandbox, what these files say.
 */
#include "loaders/load.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder_fixture.h"
#include "sanitized.h"

static char folder[] = "/tmp/carrel-sandbox-XXXXXX";

static int enter_folder(void **state)
{
	char *worker = mem_printf("%s/tests/unit/worker_misbehave", getenv("CARREL_TEST_BUILD"));

	setenv("CARREL_WORKER", worker, 1);
	free(worker);
	/* Whatever a load left running would become a child of ours. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return folder_enter(folder);
}

static int leave_folder(void **state)
{
	return folder_leave(folder);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static void nothing_is_left_running(void)
{
	errno = 0;
	assert_int_equal(-1, waitpid(-1, NULL, WNOHANG));
	assert_int_equal(ECHILD, errno);
}

/* Patient enough for a slow machine where nothing hangs, and not where something does. */
static struct load_result load(const char *word, int patience_ms)
{
	struct load_options options = {.patience_ms = patience_ms};
	const char *path = "document.txt";
	struct load_result result;
	struct err err;

	folder_write(path, word);
	if (load_paths(&result, &path, 1, &options, &err) < 0) {
		fail_msg("%s: %s", word, err.what);
	}
	nothing_is_left_running();
	return result;
}

static void check_dies(const char *word, int patience_ms, const char *reason)
{
	struct load_result result = load(word, patience_ms);

	assert_int_equal(0, result.n_document);
	assert_int_equal(1, result.n_skipped);
	assert_int_equal(1, result.skipped[0].is_unreadable);
	if (!strstr(result.skipped[0].reason, reason)) {
		fail_msg("%s: %s", word, result.skipped[0].reason);
	}
	load_result_finish(&result);
}

/* Either it ends the worker, or it fails and changes nothing. */
static void check_forbidden(const char *name, int must_end)
{
	char *word = mem_printf("call %s", name);
	struct load_result result = load(word, 0);

	if (result.n_skipped) {
		assert_non_null(strstr(result.skipped[0].reason, "forbidden system call"));
	} else {
		assert_int_equal(1, result.n_document);
		if (must_end || result.document[0].part[0].len != 7 ||
			memcmp(result.document[0].part[0].text, "refused", 7) != 0) {
			fail_msg("%s: %.*s", name, (int)result.document[0].part[0].len,
				result.document[0].part[0].text);
		}
	}
	load_result_finish(&result);
	free(word);
}

static void a_forbidden_call_ends_the_reader(void **state)
{
	static const char *const names[] = {"socket", "unix_socket", "execve", "fork", "ptrace",
		"kill_other", "tgkill_other", "open_write", "open_append", "openat2_write",
		"mmap_exec", "mprotect_exec", "unlink", "rename", "mkdir", "symlink", "chmod",
		"ftruncate", "write_input", "memfd", "io_uring", "bpf", "userfaultfd", "unshare",
		"mount", "process_vm_readv", "getppid", "pidfd_open"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		check_forbidden(names[i], 1);
	}
	assert_int_equal(-1, access("/tmp/carrel-sandbox-write", F_OK));
}

/* What libraries ask in passing fails, and they go on. */
static void a_call_in_passing_fails(void **state)
{
	static const char *const names[] = {"tiocsti", "clone3", "prctl", "setrlimit",
		"open_outside", "open_proc", "other_fds"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		check_forbidden(names[i], 0);
	}
}

static void the_reader_answers_where_nothing_is_forbidden(void **state)
{
	struct load_result result = load("text", 0);

	assert_int_equal(1, result.n_document);
	assert_memory_equal("text", result.document[0].part[0].text, 4);
	load_result_finish(&result);
}

static void a_reader_that_hangs_is_ended_in_time(void **state)
{
	int64_t start_ms = now_ms();

	check_dies("hang", 300, "took longer than 1 s");
	assert_true(now_ms() - start_ms < 10000);
}

static void a_reader_that_dies_is_a_reason(void **state)
{
	check_dies("exit", 0, "ended too early (exit status 3)");
	if (IS_SANITIZED) {
		return; /* its run time catches these signals, and limits no memory */
	}
	check_dies("crash", 0, "crashed (signal 11, Segmentation fault)");
	check_dies("abort", 0, "crashed (signal 6, Aborted)");
	check_dies("bloat", 0, "needed more than 1024 MB of memory");
}

static void nonsense_is_no_answer(void **state)
{
	static const char *const names[] = {
		"bytes", "order", "file", "length", "utf8", "path", "heading"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *word = mem_printf("nonsense %s", names[i]);

		check_dies(word, 0, "answered nonsense");
		free(word);
	}
}

static void an_endless_answer_is_cut_off(void **state)
{
	check_dies("nonsense endless", 0, "answered nonsense");
}

static void a_reader_that_works_on_a_busy_machine_is_waited_for(void **state)
{
	struct load_result result = load("busy", 900);

	assert_int_equal(0, result.n_skipped);
	assert_int_equal(1, result.n_document);
	load_result_finish(&result);
}

/* ---- pages ---- */

static struct load_result load_pages(const char *word, size_t bytes, int patience_ms)
{
	struct load_options options = {.n_worker = 2, .patience_ms = patience_ms};
	char *text = mem_zero(1, bytes + 1);
	const char *path = "pages.pdf";
	struct load_result result;
	struct err err;

	memset(text, '\n', bytes);
	memcpy(text, word, strlen(word));
	folder_write(path, text);
	free(text);
	if (load_paths(&result, &path, 1, &options, &err) < 0) {
		fail_msg("%s: %s", word, err.what);
	}
	nothing_is_left_running();
	return result;
}

static void check_pages(
	const char *word, size_t bytes, int patience_ms, size_t n_page, const char *reason)
{
	struct load_result result = load_pages(word, bytes, patience_ms);
	int64_t before = 0;

	assert_int_equal(reason != NULL, result.n_skipped);
	if (reason) {
		assert_string_equal(reason, result.skipped[0].reason);
		assert_int_equal(1, result.skipped[0].is_unreadable);
	}
	assert_int_equal(n_page > 0, result.n_document);
	if (n_page) {
		assert_int_equal(n_page, result.document[0].n_part);
		for (size_t i = 0; i < n_page; i++) {
			assert_true(before < result.document[0].part[i].place.page);
			before = result.document[0].part[i].place.page;
		}
	}
	load_result_finish(&result);
}

static void only_the_page_that_kills_its_reader_is_skipped(void **state)
{
	static const char died[] = "pages 7-8 and 40 could not be read: its reader ended too early "
				   "(exit status 3)";

	check_pages("%PDF-pages some", 64, 0, 37, died);
	/* Shared between two. */
	check_pages("%PDF-pages some", 600000, 0, 37, died);
	check_pages("%PDF-pages bookmarks", 64, 0, 40, NULL);
}

static void a_page_that_takes_forever_is_skipped(void **state)
{
	check_pages("%PDF-pages late", 64, 300, 39,
		"page 2 could not be read: its reader took longer than 1 s");
}

static void a_document_whose_pages_all_kill_is_given_up(void **state)
{
	check_pages("%PDF-pages all", 64, 0, 0,
		"could not be read: its reader ended too early (exit status 3)");
}

static void only_the_file_that_kills_its_reader_is_skipped(void **state)
{
	enum { N_FILE = 40 };
	struct load_options options = {.n_worker = 2};
	const char *path[N_FILE];
	char name[N_FILE][16];
	struct load_result result;
	struct err err;

	for (int i = 0; i < N_FILE; i++) {
		snprintf(name[i], sizeof(name[i]), "%02d.txt", i);
		folder_write(name[i], i == 7 || i == 8 || i == 30 ? "exit" : name[i]);
		path[i] = name[i];
	}
	assert_int_equal(0, load_paths(&result, path, N_FILE, &options, &err));
	assert_int_equal(3, result.n_skipped);
	assert_string_equal("07.txt", result.skipped[0].path);
	assert_string_equal("08.txt", result.skipped[1].path);
	assert_string_equal("30.txt", result.skipped[2].path);
	assert_int_equal(N_FILE - 3, result.n_document);
	for (size_t i = 0, file = 0; i < result.n_document; i++, file++) {
		file += file == 7 ? 2 : file == 30 ? 1 : 0;
		assert_string_equal(name[file], result.document[i].name);
		assert_memory_equal(name[file], result.document[i].part[0].text, 6);
	}
	load_result_finish(&result);
	nothing_is_left_running();
}

static void a_file_does_not_pay_for_those_in_front_of_it(void **state)
{
	static const char *const path[] = {"1.txt", "2.txt", "3.txt"};
	struct load_options options = {.n_worker = 1};
	struct load_result result;
	struct err err;

	if (IS_SANITIZED) {
		skip(); /* its run time limits no memory */
	}
	for (size_t i = 0; i < ARRAY_LEN(path); i++) {
		folder_write(path[i], "keep");
	}
	assert_int_equal(0, load_paths(&result, path, ARRAY_LEN(path), &options, &err));
	assert_int_equal(0, result.n_skipped);
	assert_int_equal(ARRAY_LEN(path), result.n_document);
	load_result_finish(&result);
	nothing_is_left_running();
}

static void a_folder_goes_on_behind_the_file_that_kills_its_reader(void **state)
{
	static const char *const kept[] = {"a", "b", "d", "e"};
	const char *path = "tree";
	struct load_result result;
	struct err err;

	assert_int_equal(0, mkdir(path, 0700));
	assert_int_equal(0, load_paths(&result, &path, 1, NULL, &err));
	assert_int_equal(1, result.n_skipped);
	assert_string_equal("tree/c", result.skipped[0].path);
	assert_int_equal(1, result.skipped[0].is_unreadable);
	assert_int_equal(1, result.n_document);
	assert_int_equal(4, result.document[0].n_part);
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		assert_string_equal(kept[i], result.document[0].part[i].place.path);
	}
	load_result_finish(&result);
	nothing_is_left_running();
}

/* ---- interruptions ---- */

static int stop_at_once(void *arg)
{
	return ++*(int *)arg > 3;
}

static void an_interruption_leaves_nothing_running(void **state)
{
	static const char *const words[] = {"hang", "spin", "half"};
	const char *const path[] = {"document.txt", "document.txt", "document.txt"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		int n_asked = 0;
		struct load_options options = {
			.n_worker = 3, .watch = {.stopped = stop_at_once, .arg = &n_asked}};
		int64_t start_ms = now_ms();
		struct load_result result;
		struct err err;

		folder_write(path[0], words[i]);
		assert_int_equal(-1, load_paths(&result, path, 3, &options, &err));
		assert_int_equal(ERR_INTERRUPTED, err.code);
		assert_int_equal(0, result.n_document);
		assert_true(now_ms() - start_ms < 5000);
		nothing_is_left_running();
	}
}

static void a_pipe_that_nobody_writes_to_is_interrupted(void **state)
{
	int n_asked = 0, fd;
	struct load_options options = {.watch = {.stopped = stop_at_once, .arg = &n_asked}};
	const char *path = "fifo";
	struct load_result result;
	struct err err;

	assert_int_equal(0, mkfifo(path, 0600));
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(-1, load_paths(&result, &path, 1, &options, &err));
	assert_int_equal(ERR_INTERRUPTED, err.code);
	close(fd);
	nothing_is_left_running();
}

static void what_reads_ends_with_who_asked(void **state)
{
	const char *path = "document.txt";
	int64_t start_ms = now_ms();
	pid_t child;

	folder_write(path, "hang");
	child = fork();
	if (child == 0) {
		struct load_result result;

		_exit(load_paths(&result, &path, 1, NULL, NULL) ? 1 : 0);
	}
	usleep(300000);
	assert_int_equal(0, kill(child, SIGKILL));
	/* The child, then the helper and the worker that became ours. */
	while (waitpid(-1, NULL, 0) > 0) {
	}
	assert_int_equal(ECHILD, errno);
	assert_true(now_ms() - start_ms < 10000);
}

static void a_worker_that_is_not_there_is_named(void **state)
{
	char *worker = mem_strdup(getenv("CARREL_WORKER"));
	const char *path = "document.txt";
	struct load_result result;
	struct err err;

	folder_write(path, "text");
	setenv("CARREL_WORKER", "/nowhere/carrel-worker", 1);
	assert_int_equal(-1, load_paths(&result, &path, 1, NULL, &err));
	assert_string_equal("/nowhere/carrel-worker", err.where);
	setenv("CARREL_WORKER", "/bin/true", 1);
	assert_int_equal(-1, load_paths(&result, &path, 1, NULL, &err));
	assert_non_null(strstr(err.what, "ended unexpectedly"));
	setenv("CARREL_WORKER", worker, 1);
	free(worker);
	nothing_is_left_running();
}

/* ---- kernels that offer less ---- */

enum { NO_SECCOMP = 1, NO_LANDLOCK = 2 };

/* From here on this process, and what it starts, lives on such a kernel. */
static int take_away(int what)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 444 /* landlock_create_ruleset */, 0, 1),
		BPF_STMT(BPF_RET | BPF_K,
			what & NO_LANDLOCK ? SECCOMP_RET_ERRNO | ENOSYS : SECCOMP_RET_ALLOW),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K,
			what & NO_SECCOMP ? SECCOMP_RET_ERRNO | EINVAL : SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {ARRAY_LEN(filter), filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0
		       ? -1
		       : 0;
}

/* What comes of a load there, in one line. */
static void check_without(int what, const char *path, int is_unsafe, const char *expected)
{
	char told[512] = "";
	int end[2];

	assert_int_equal(0, pipe(end));
	if (fork() == 0) {
		struct load_options options = {.unsafe = is_unsafe};
		struct load_result result;
		struct err err;

		if (take_away(what) < 0) {
			dprintf(end[1], "no filter: %s", strerror(errno));
		} else if (load_paths(&result, &path, 1, &options, &err) < 0) {
			dprintf(end[1], "%s (%s)", err.what, err.hint);
		} else if (result.n_skipped && !result.n_document) {
			dprintf(end[1], "%s", result.skipped[0].reason);
		} else {
			dprintf(end[1], "%zu loaded: %.7s", result.n_document,
				result.document[0].part[0].text);
		}
		_exit(0);
	}
	close(end[1]);
	assert_true(read(end[0], told, sizeof(told) - 1) > 0);
	close(end[0]);
	assert_true(wait(NULL) > 0);
	if (!strstr(told, expected)) {
		fail_msg("%s: %s", expected, told);
	}
	nothing_is_left_running();
}

static void without_seccomp_nothing_is_read_unless_asked(void **state)
{
	folder_write("document.txt", "text");
	check_without(NO_SECCOMP, "document.txt", 0,
		"the kernel offers no seccomp (give --unsafe-loaders");
	check_without(NO_SECCOMP, "document.txt", 1, "1 loaded: text");
	check_without(NO_SECCOMP | NO_LANDLOCK, "document.txt", 1, "1 loaded: text");
}

static void without_landlock_documents_open_nothing_and_folders_are_refused(void **state)
{
	folder_write("document.txt", "call open_outside");
	check_without(NO_LANDLOCK, "document.txt", 0, "1 loaded: refused");
	check_without(NO_LANDLOCK, "document.txt", 1, "1 loaded: refused");
	assert_true(mkdir("locked", 0700) == 0);
	check_without(NO_LANDLOCK, "locked", 0, "the kernel offers no Landlock");
	check_without(NO_LANDLOCK, "locked", 1, "1 loaded: a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reader_answers_where_nothing_is_forbidden),
		cmocka_unit_test(a_forbidden_call_ends_the_reader),
		cmocka_unit_test(a_call_in_passing_fails),
		cmocka_unit_test(a_reader_that_hangs_is_ended_in_time),
		cmocka_unit_test(a_reader_that_dies_is_a_reason),
		cmocka_unit_test(nonsense_is_no_answer),
		cmocka_unit_test(an_endless_answer_is_cut_off),
		cmocka_unit_test(a_reader_that_works_on_a_busy_machine_is_waited_for),
		cmocka_unit_test(only_the_page_that_kills_its_reader_is_skipped),
		cmocka_unit_test(a_page_that_takes_forever_is_skipped),
		cmocka_unit_test(a_document_whose_pages_all_kill_is_given_up),
		cmocka_unit_test(only_the_file_that_kills_its_reader_is_skipped),
		cmocka_unit_test(a_file_does_not_pay_for_those_in_front_of_it),
		cmocka_unit_test(a_folder_goes_on_behind_the_file_that_kills_its_reader),
		cmocka_unit_test(an_interruption_leaves_nothing_running),
		cmocka_unit_test(a_pipe_that_nobody_writes_to_is_interrupted),
		cmocka_unit_test(what_reads_ends_with_who_asked),
		cmocka_unit_test(a_worker_that_is_not_there_is_named),
		cmocka_unit_test(without_seccomp_nothing_is_read_unless_asked),
		cmocka_unit_test(without_landlock_documents_open_nothing_and_folders_are_refused),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
