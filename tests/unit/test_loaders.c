/* Loading files: exact bytes, no blocking, and a reason for everything that is left out. */
#include "loaders/load.h"

#include "base/mem.h"
#include "tests/unit/folder_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum left_out { BY_RULE = 0, UNREADABLE = 1 };

static char folder[] = "/tmp/carrel-loaders-XXXXXX";

static int enter_folder(void **state)
{
	return folder_enter(folder);
}

static int leave_folder(void **state)
{
	return folder_leave(folder);
}

static void write_file(const char *path, const char *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(len, fwrite(bytes, 1, len, file));
	assert_int_equal(0, fclose(file));
}

static struct load_result load_one(const char *path)
{
	struct load_result result;
	struct err err;

	if (load_paths(&result, &path, 1, NULL, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	return result;
}

static void check_skipped(const char *path, enum left_out class, const char *reason)
{
	struct load_result result = load_one(path);

	assert_int_equal(0, result.n_document);
	assert_int_equal(1, result.n_skipped);
	assert_string_equal(path, result.skipped[0].path);
	assert_int_equal(class, result.skipped[0].is_unreadable);
	if (!strstr(result.skipped[0].reason, reason)) {
		fail_msg("%s: %s", path, result.skipped[0].reason);
	}
	load_result_finish(&result);
}

static void check_loaded(
	const char *path, enum document_kind kind, const char *name, const char *bytes, size_t len)
{
	struct load_result result = load_one(path);
	struct document *document = result.document;

	assert_int_equal(0, result.n_skipped);
	assert_int_equal(1, result.n_document);
	assert_int_equal(kind, document->kind);
	assert_string_equal(name, document->name);
	assert_string_equal(path, document->origin);
	assert_int_equal(1, document->n_part);
	assert_int_equal(len, document->part[0].len);
	assert_memory_equal(bytes, document->part[0].text, len);
	if (kind == DOCUMENT_CODE) {
		assert_string_equal(name, document->part[0].place.path);
	} else {
		assert_null(document->part[0].place.path);
	}
	load_result_finish(&result);
}

static void bytes_are_kept_exactly(void **state)
{
	static const char bytes[] = "\xef\xbb\xbfone\r\ntwo\xff\xc3\n\x1b[31m\xe2\x80\xae";
	size_t large_len = 3000000;
	char *large = mem_alloc(large_len);

	memset(large, 'x', large_len);
	write_file("exact.txt", bytes, sizeof(bytes) - 1);
	check_loaded("exact.txt", DOCUMENT_TEXT, "exact.txt", bytes, sizeof(bytes) - 1);
	write_file("large.md", large, large_len);
	check_loaded("large.md", DOCUMENT_TEXT, "large.md", large, large_len);
	free(large);
}

static void a_source_file_is_code_by_name_or_first_line(void **state)
{
	write_file("a.c", "x\n", 2);
	check_loaded("a.c", DOCUMENT_CODE, "a.c", "x\n", 2);
	write_file("A.PY", "x\n", 2);
	check_loaded("A.PY", DOCUMENT_CODE, "A.PY", "x\n", 2);
	write_file("Makefile", "x\n", 2);
	check_loaded("./Makefile", DOCUMENT_CODE, "Makefile", "x\n", 2);
	write_file("tool", "#!/bin/sh\n", 10);
	check_loaded("tool", DOCUMENT_CODE, "tool", "#!/bin/sh\n", 10);
	write_file("README.md", "# x\n", 4);
	check_loaded("README.md", DOCUMENT_TEXT, "README.md", "# x\n", 4);
	write_file("c", "x", 1);
	check_loaded("c", DOCUMENT_TEXT, "c", "x", 1);
	write_file(".c", "x", 1);
	check_loaded(".c", DOCUMENT_TEXT, ".c", "x", 1);
	write_file("data.json", "{}", 2);
	check_loaded("data.json", DOCUMENT_TEXT, "data.json", "{}", 2);
}

static void no_absolute_path_is_shown_to_the_model(void **state)
{
	char path[4096];

	assert_int_equal(0, mkdir("sub", 0700));
	write_file("sub/n.txt", "x\n", 2);
	check_loaded("sub/n.txt", DOCUMENT_TEXT, "sub/n.txt", "x\n", 2);
	snprintf(path, sizeof(path), "%s/sub/n.txt", folder);
	check_loaded(path, DOCUMENT_TEXT, "n.txt", "x\n", 2);
}

static void a_link_that_is_named_is_followed(void **state)
{
	write_file("target.txt", "x\n", 2);
	assert_int_equal(0, symlink("target.txt", "link.txt"));
	check_loaded("link.txt", DOCUMENT_TEXT, "link.txt", "x\n", 2);
	assert_int_equal(0, symlink("nowhere", "dangling.txt"));
	check_skipped("dangling.txt", UNREADABLE, "does not exist");
	assert_int_equal(0, symlink("loop.txt", "loop.txt"));
	check_skipped("loop.txt", UNREADABLE, "symbolic links");
}

/* The test's own time limit proves that none of these waits. */
static void special_files_are_skipped_without_waiting(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	check_skipped("/dev/zero", BY_RULE, "is a device");
	assert_int_equal(0, bind(fd, (struct sockaddr *)&address, sizeof(address)));
	check_skipped("socket", BY_RULE, "is a socket");
	close(fd);
}

static void what_is_no_text_is_named(void **state)
{
	write_file("empty.txt", "", 0);
	check_skipped("empty.txt", BY_RULE, "is empty");
	write_file("binary.txt", "ab\0cd", 5);
	check_skipped("binary.txt", BY_RULE, "is binary");
	write_file("binary.c", "ab\0cd", 5);
	check_skipped("binary.c", BY_RULE, "is binary");
	write_file("utf16.txt",
		"\xff\xfe"
		"a\0b\0",
		6);
	check_loaded("utf16.txt", DOCUMENT_TEXT, "utf16.txt", "ab", 2);
	write_file("a.pdf", "%PDF-1.7\n%\xe2\xe3", 12);
	check_skipped("a.pdf", UNREADABLE, "a PDF"); /* with and without a reader of them */
}

static void a_nul_byte_far_into_a_file_is_found(void **state)
{
	size_t len = 100000;
	char *bytes = mem_alloc(len);

	memset(bytes, 'x', len);
	bytes[len - 1] = 0;
	write_file("late.txt", bytes, len);
	check_skipped("late.txt", BY_RULE, "is binary");
	free(bytes);
}

static void what_cannot_be_read_is_named(void **state)
{
	check_skipped("missing.txt", UNREADABLE, "does not exist");
	write_file("file", "x", 1);
	check_skipped("file/below", UNREADABLE, "Not a directory");
}

/* Root reads everything, so it becomes somebody else for a moment. */
static void a_forbidden_file_is_named(void **state)
{
	uid_t own = geteuid();

	write_file("secret.txt", "x", 1);
	assert_int_equal(0, chmod("secret.txt", 0));
	assert_int_equal(0, chmod(".", 0755));
	if (own == 0 && seteuid(65534) < 0) {
		print_message("root cannot become another user here: nothing is forbidden to it\n");
		skip();
	}
	check_skipped("secret.txt", UNREADABLE, "Permission denied");
	assert_int_equal(0, seteuid(own));
}

static void a_read_that_fails_is_a_reason_said_once(void **state)
{
	struct load_result result = load_one("/proc/self/mem");

	assert_int_equal(1, result.n_skipped);
	assert_string_equal("Input/output error", result.skipped[0].reason);
	load_result_finish(&result);
}

/* Whether addresses are reserved without end, as sanitizers do: then no limit can be set. */
static int has_endless_addresses(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long long pages = 0;

	assert_non_null(file);
	assert_int_equal(1, fscanf(file, "%llu", &pages));
	fclose(file);
	return pages > 1ULL << 28;
}

/* In a process of its own, whose memory ends soon. */
static void a_file_that_does_not_fit_into_memory_is_named(void **state)
{
	int fd = open("large.txt", O_CREAT | O_WRONLY, 0600), status;
	pid_t child;

	assert_int_equal(0, ftruncate(fd, LOAD_MAX_BYTES));
	close(fd);
	if (has_endless_addresses()) {
		print_message("a sanitizer reserves more addresses than the limit would leave\n");
		skip();
	}
	child = fork();
	if (child == 0) {
		struct rlimit limit = {.rlim_cur = 128 << 20, .rlim_max = 128 << 20};
		const char *path = "large.txt";
		struct load_result result;
		struct err err;

		if (setrlimit(RLIMIT_AS, &limit) < 0 ||
			load_paths(&result, &path, 1, NULL, &err) < 0 || result.n_skipped != 1) {
			_exit(2);
		}
		_exit(strcmp(result.skipped[0].reason, "does not fit into memory") == 0 ? 0 : 3);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

static void a_huge_sparse_file_costs_nothing(void **state)
{
	int fd = open("huge.txt", O_CREAT | O_WRONLY, 0600);

	assert_int_equal(0, ftruncate(fd, 1000LL << 30));
	close(fd);
	check_skipped("huge.txt", UNREADABLE, "more than the limit");
}

static void a_folder_is_one_document_of_its_files(void **state)
{
	const char *const path[] = {"dir", "kept.txt"};
	struct load_result result;
	struct err err;

	write_file("kept.txt", "x\n", 2);
	assert_int_equal(0, mkdir("dir", 0700));
	assert_int_equal(0, load_paths(&result, path, 2, NULL, &err));
	assert_int_equal(1, result.n_document);
	assert_int_equal(1, result.n_skipped);
	assert_string_equal("dir", result.skipped[0].path);
	assert_int_equal(BY_RULE, result.skipped[0].is_unreadable);
	load_result_finish(&result);

	assert_int_equal(0, mkdir("dir/below", 0700));
	write_file("dir/below/b.c", "int b;\n", 7);
	write_file("dir/a.md", "# a\n", 4);
	write_file("dir/.env", "KEY=1\n", 6);
	assert_int_equal(0, load_paths(&result, path, 2, NULL, &err));
	assert_int_equal(2, result.n_document);
	assert_int_equal(DOCUMENT_CODE, result.document[0].kind);
	assert_string_equal("dir", result.document[0].name);
	assert_int_equal(2, result.document[0].n_part);
	assert_string_equal("a.md", result.document[0].part[0].place.path);
	assert_string_equal("below/b.c", result.document[0].part[1].place.path);
	assert_int_equal(1, result.n_skipped);
	assert_string_equal("dir/.env", result.skipped[0].path);
	assert_int_equal(BY_RULE, result.skipped[0].is_unreadable);
	load_result_finish(&result);
}

/* The same rules for what is named. */
static void a_named_file_that_holds_secrets_is_skipped(void **state)
{
	struct load_options options = {.include_secrets = 1};
	const char *const path[] = {".env"};
	struct load_result result;
	struct err err;

	write_file(".env", "KEY=1\n", 6);
	check_skipped(".env", BY_RULE, "may hold secrets");
	assert_int_equal(0, load_paths(&result, path, 1, &options, &err));
	assert_int_equal(1, result.n_document);
	load_result_finish(&result);
}

/* A named one as well as the anonymous one that a shell passes as /dev/fd/N. */
static void a_pipe_that_is_named_is_read(void **state)
{
	char path[64];
	int fd, end[2];

	assert_int_equal(0, mkfifo("fifo", 0600));
	fd = open("fifo", O_RDWR | O_CLOEXEC);
	assert_int_equal(2, write(fd, "x\n", 2));
	if (fork() == 0) {
		usleep(200000); /* the last writer leaves while the bytes are read */
		_exit(0);
	}
	close(fd);
	check_loaded("fifo", DOCUMENT_TEXT, "fifo", "x\n", 2);
	assert_int_equal(0, pipe(end));
	assert_int_equal(2, write(end[1], "y\n", 2));
	close(end[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", end[0]);
	check_loaded(path, DOCUMENT_TEXT, strrchr(path, '/') + 1, "y\n", 2);
	close(end[0]);
}

static void files_keep_their_order_around_skipped_ones(void **state)
{
	const char *const path[] = {"b.txt", "none.txt", "a.txt"};
	struct load_result result;
	struct err err;

	write_file("a.txt", "a", 1);
	write_file("b.txt", "b", 1);
	assert_int_equal(0, load_paths(&result, path, 3, NULL, &err));
	assert_int_equal(2, result.n_document);
	assert_string_equal("b.txt", result.document[0].name);
	assert_string_equal("a.txt", result.document[1].name);
	assert_int_equal(1, result.n_skipped);
	load_result_finish(&result);
	load_result_finish(&result); /* and ends twice without harm */
}

static void standard_input_is_a_source(void **state)
{
	int saved = dup(STDIN_FILENO), end[2];
	struct load_result result;

	assert_int_equal(0, pipe(end));
	assert_int_equal(6, write(end[1], "#!/x\ny", 6));
	close(end[1]);
	assert_int_equal(STDIN_FILENO, dup2(end[0], STDIN_FILENO));
	close(end[0]);
	result = load_one("-");
	dup2(saved, STDIN_FILENO);
	close(saved);
	assert_int_equal(1, result.n_document);
	assert_string_equal("stdin", result.document[0].name);
	assert_string_equal("-", result.document[0].origin);
	assert_int_equal(6, result.document[0].part[0].len);
	load_result_finish(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_kept_exactly),
		cmocka_unit_test(a_source_file_is_code_by_name_or_first_line),
		cmocka_unit_test(no_absolute_path_is_shown_to_the_model),
		cmocka_unit_test(a_link_that_is_named_is_followed),
		cmocka_unit_test(special_files_are_skipped_without_waiting),
		cmocka_unit_test(what_is_no_text_is_named),
		cmocka_unit_test(a_nul_byte_far_into_a_file_is_found),
		cmocka_unit_test(what_cannot_be_read_is_named),
		cmocka_unit_test(a_forbidden_file_is_named),
		cmocka_unit_test(a_read_that_fails_is_a_reason_said_once),
		cmocka_unit_test(a_file_that_does_not_fit_into_memory_is_named),
		cmocka_unit_test(a_huge_sparse_file_costs_nothing),
		cmocka_unit_test(a_folder_is_one_document_of_its_files),
		cmocka_unit_test(a_named_file_that_holds_secrets_is_skipped),
		cmocka_unit_test(a_pipe_that_is_named_is_read),
		cmocka_unit_test(files_keep_their_order_around_skipped_ones),
		cmocka_unit_test(standard_input_is_a_source),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
