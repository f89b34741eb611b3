/* The sandbox part by part: filters as kernels need them whose Landlock knows less than this one's. */
#include "loaders/worker/sandbox.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
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
#include <unistd.h>

#include <cmocka.h>

#include "folder_fixture.h"

static char path[] = "/tmp/carrel-seccomp-XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	return fd >= 0 && write(fd, "kept\n", 5) == 5 ? close(fd) : -1;
}

static int remove_file(void **state)
{
	return unlink(path);
}

static int open_by_openat2(uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC};

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static int truncate_by_openat2(void)
{
	return open_by_openat2(O_RDONLY | O_TRUNC);
}

static int read_by_openat2(void)
{
	return open_by_openat2(O_RDONLY);
}

static int truncate_by_openat(void)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_TRUNC);
}

static int read_by_openat(void)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY);
}

enum { ALLOWED = 0, FORBIDDEN = -1 };

/* What becomes of a call behind a filter: ALLOWED, FORBIDDEN, or the errno it fails with. */
static int behind(enum sandbox_recipe recipe, int abi, int (*call)(void))
{
	struct sandbox_filter filter;
	int status;
	pid_t child;

	assert_int_equal(0, seccomp_build(&filter, recipe, abi));
	child = fork();
	if (child == 0) {
		trap_install();
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || seccomp_install(&filter) < 0) {
			_exit(200);
		}
		_exit(call() < 0 ? errno : ALLOWED);
	}
	free(filter.instruction);
	assert_int_equal(child, waitpid(child, &status, 0));
	if (WIFEXITED(status) && WEXITSTATUS(status) != 128 + SIGSYS) {
		assert_int_not_equal(200, WEXITSTATUS(status));
		return WEXITSTATUS(status);
	}
	return FORBIDDEN;
}

static void nothing_is_truncated_whatever_landlock_knows(void **state)
{
	for (int abi = 0; abi < LANDLOCK_ABI_TRUNCATE; abi++) {
		struct stat st;

		assert_int_equal(ENOSYS, behind(SANDBOX_TREES, abi, truncate_by_openat2));
		assert_int_equal(FORBIDDEN, behind(SANDBOX_TREES, abi, truncate_by_openat));
		assert_int_equal(FORBIDDEN, behind(SANDBOX_DOCUMENTS, abi, truncate_by_openat2));
		assert_int_equal(FORBIDDEN, behind(SANDBOX_DOCUMENTS, abi, truncate_by_openat));
		assert_int_equal(0, stat(path, &st));
		assert_int_equal(5, st.st_size);
	}
}

static void folders_are_walked_by_openat_or_openat2(void **state)
{
	assert_int_equal(ALLOWED, behind(SANDBOX_TREES, 2, read_by_openat));
	assert_int_equal(ALLOWED, behind(SANDBOX_TREES, 3, read_by_openat));
	assert_int_equal(ALLOWED, behind(SANDBOX_TREES, 3, read_by_openat2));
}

static void without_landlock_documents_open_nothing(void **state)
{
	assert_int_equal(EACCES, behind(SANDBOX_DOCUMENTS, 0, read_by_openat));
	assert_int_equal(ALLOWED, behind(SANDBOX_DOCUMENTS, 1, read_by_openat));
}

/* ---- landlock ---- */

static char root[] = "/tmp/carrel-landlock-XXXXXX";

static int make_root(void **state)
{
	static const char *const folders[] = {".git", ".git/info", "sub", "sub/deep"};
	static const char *const files[] = {".gitignore", "other.c", ".git/HEAD", ".git/config",
		".git/info/exclude", "sub/.carrelignore", "sub/other.c", "sub/deep/file.c"};

	if (folder_enter(root) < 0) {
		return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		if (mkdir(folders[i], 0700) < 0) {
			return -1;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (close(open(files[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0) {
			return -1;
		}
	}
	return 0;
}

static int remove_root(void **state)
{
	return folder_leave(root);
}

/* What opening a file says where only `subdir` is read: 0 or errno. */
static int open_from(const char *subdir, const char *name)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			landlock_restrict(landlock_abi(), SANDBOX_TREES, fd, subdir) < 0) {
			_exit(200);
		}
		_exit(open(name, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0);
	}
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void of_the_folders_above_only_the_rules_are_in_sight(void **state)
{
	static const char *const seen[] = {".gitignore", ".git/HEAD", ".git/info/exclude",
		"sub/.carrelignore", "sub/deep/file.c", "sub/deep"};
	static const char *const hidden[] = {"other.c", ".git/config", "sub/other.c", ".", "sub",
		"/etc/passwd", "/proc/self/environ"};

	if (!landlock_abi()) {
		skip();
	}
	for (size_t i = 0; i < ARRAY_LEN(seen); i++) {
		assert_int_equal(0, open_from("sub/deep", seen[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
		assert_int_equal(EACCES, open_from("sub/deep", hidden[i]));
	}
	assert_int_equal(0, open_from("", "other.c"));
	assert_int_equal(EACCES, open_from("", "/etc/passwd"));
	assert_int_equal(EACCES, open_from("gone", "other.c"));
}

/* ---- trap ---- */

/* What a forbidden call leaves in the log: its name in a build for debugging, else nothing. */
static void a_trap_says_what_it_caught(void **state)
{
	struct sandbox_limits limits = {.memory_bytes = UINT64_C(1) << 30, .cpu_s = 30};
	struct sandbox_filter filter;
	char log[] = "/tmp/carrel-trap-XXXXXX", told[128] = "";
	pid_t parent = getpid(), child;
	int fd = mkstemp(log);

	assert_true(fd >= 0);
	assert_int_equal(0, seccomp_build(&filter, SANDBOX_DOCUMENTS, 1));
	child = fork();
	if (child == 0) {
		if (dup2(fd, STDERR_FILENO) < 0 || sandbox_limit(&limits, parent) < 0) {
			_exit(1);
		}
		trap_install();
		if (seccomp_install(&filter) == 0) {
			syscall(SYS_getppid);
		}
		_exit(1);
	}
	free(filter.instruction);
	assert_int_equal(child, waitpid(child, NULL, 0));
	assert_true(pread(fd, told, sizeof(told) - 1, 0) >= 0);
	assert_int_equal(trap_max_file_bytes() > 0, strstr(told, "forbidden system call ") != NULL);
	assert_int_equal(trap_max_file_bytes() == 0, told[0] == 0);
	close(fd);
	unlink(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_truncated_whatever_landlock_knows),
		cmocka_unit_test(folders_are_walked_by_openat_or_openat2),
		cmocka_unit_test(without_landlock_documents_open_nothing),
		cmocka_unit_test(a_trap_says_what_it_caught),
		cmocka_unit_test_setup_teardown(
			of_the_folders_above_only_the_rules_are_in_sight, make_root, remove_root),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
