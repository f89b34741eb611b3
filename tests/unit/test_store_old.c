/*
 * Old sessions always open: tests/vectors/sessions holds one of each version of the schema (and one
 * whose writer was killed), as the carrel of that time left it, beside what is in it as text.
 * usage: test_store_old            the tests
 *        test_store_old FOLDER     make the vectors of this version there
 */
#include "tests/unit/folder_fixture.h"
#include "tests/unit/store_fixture.h"

#include "session/store.h"

#include "base/file.h"
#include "base/sha256.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define SESSION "0123456789abcdef"

static char folder[] = "/tmp/carrel-old-XXXXXX";

static int enter(void **state)
{
	return folder_enter(folder);
}

static int leave(void **state)
{
	return folder_leave(folder);
}

/* ---- making them ---- */

/* A reader in its way keeps what is written in the log; SQLite ends it with the process. */
static void hold_log(void)
{
	sqlite3 *sql;

	sqlite3_open(SESSION "/session.db", &sql);
	sqlite3_exec(sql, "BEGIN; SELECT * FROM state", NULL, NULL, NULL);
}

static int make(const char *where)
{
	struct store *store;
	char *dump;
	pid_t pid;

	if (chdir(where) < 0 || mkdir("v2", 0755) < 0 || mkdir("v2-killed", 0755) < 0) {
		return 1;
	}
	store = store_new(SESSION);
	fill_store(store);
	dump = dump_store(store);
	store_close(store);
	folder_write("v2/dump", dump);
	folder_write("v2-killed/dump", dump);
	if (system("mv " SESSION "/session.db v2; rm -r " SESSION) != 0) {
		return 1;
	}
	pid = fork();
	if (pid == 0) {
		store = store_new(SESSION);
		hold_log();
		fill_store(store);
		_exit(0); /* what it said is in the log */
	}
	waitpid(pid, NULL, 0);
	free(dump);
	return system("mv " SESSION "/session.db " SESSION "/session.db-wal v2-killed; "
		      "rm -r " SESSION);
}

/* ---- opening them ---- */

static void copy_session(const char *version)
{
	char command[1024];

	assert_non_null(getenv("CARREL_TEST_SOURCE"));
	snprintf(command, sizeof(command),
		"rm -rf %s && mkdir -m 700 %s && cp '%s/tests/vectors/sessions/%s/'* %s", SESSION,
		SESSION, getenv("CARREL_TEST_SOURCE"), version, SESSION);
	assert_int_equal(0, system(command));
}

/* The files that say what is in it: their bytes, and when they were written. */
static char *state_of_files(void)
{
	static const char *const name[] = {SESSION "/session.db", SESSION "/session.db-wal"};
	struct buf out = BUF_INIT, bytes = BUF_INIT;

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		struct sha256_digest digest;
		struct stat st;
		char hex[65];

		if (stat(name[i], &st) < 0) {
			continue;
		}
		buf_clear(&bytes);
		assert_int_equal(0, file_read(&bytes, name[i], SIZE_MAX, NULL));
		digest = sha256_of(bytes.data, bytes.len);
		sha256_hex(&digest, hex);
		buf_printf(&out, "%s %s %lld.%09ld\n", name[i], hex, (long long)st.st_mtim.tv_sec,
			st.st_mtim.tv_nsec);
	}
	buf_finish(&bytes);
	return buf_take(&out);
}

static void fail_on(void *arg, const char *sentence)
{
	fail_msg("%s", sentence);
}

static void check_version(const char *version)
{
	struct store_report report = {.damage = fail_on};
	struct buf expected = BUF_INIT;
	struct store *store;
	char *before, *after, *dump;

	copy_session(version);
	assert_int_equal(0, file_read(&expected, SESSION "/dump", SIZE_MAX, NULL));
	before = state_of_files();
	store = store_again(SESSION, STORE_READ);
	dump = dump_store(store);
	store_close(store);
	assert_string_equal(buf_str(&expected), dump);
	free(dump);
	assert_int_equal(0, store_verify(SESSION, &report, NULL));
	after = state_of_files();
	assert_string_equal(before, after);
	/* Brought up to date, it says the same, and goes on. */
	for (int i = 0; i < 2; i++) {
		store = store_again(SESSION, STORE_WRITE);
		dump = dump_store(store);
		store_close(store);
		assert_string_equal(buf_str(&expected), dump);
		free(dump);
	}
	store = store_again(SESSION, STORE_WRITE);
	commit(store, &(struct store_change){.draft = "it goes on"});
	store_close(store);
	assert_int_equal(0, store_verify(SESSION, &report, NULL));
	assert_true(report.n_row > 40);
	free(before);
	free(after);
	buf_finish(&expected);
}

static void a_session_of_version_1_opens(void **state)
{
	check_version("v1");
}

static void a_session_of_version_1_whose_writer_was_killed_opens(void **state)
{
	check_version("v1-killed");
}

static void a_session_of_version_2_opens(void **state)
{
	check_version("v2");
}

static void a_session_of_version_2_whose_writer_was_killed_opens(void **state)
{
	check_version("v2-killed");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_of_version_1_opens),
		cmocka_unit_test(a_session_of_version_1_whose_writer_was_killed_opens),
		cmocka_unit_test(a_session_of_version_2_opens),
		cmocka_unit_test(a_session_of_version_2_whose_writer_was_killed_opens),
	};

	if (argc == 2) {
		return make(argv[1]);
	}
	return cmocka_run_group_tests_name("store_old", tests, enter, leave);
}
