/*
 * What never happens to a session, whoever else is there: two that write, files that others may read,
 * a newer format that is touched, text that stays behind, a change that is there by half.
 */
#include "tests/unit/folder_fixture.h"
#include "tests/unit/store_fixture.h"

#include "session/search.h"
#include "session/store.h"
#include "session/store_db.h"

#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define SESSION "0123456789abcdef"
#define FILE_OF SESSION "/session.db"

static char folder[] = "/tmp/carrel-safety-XXXXXX";

static int enter(void **state)
{
	return folder_enter(folder);
}

static int leave(void **state)
{
	return folder_leave(folder);
}

static int clean(void **state)
{
	return system("rm -rf " SESSION);
}

static void make_session(void)
{
	struct store *store = store_new(SESSION);

	fill_store(store);
	store_close(store);
}

static void add_turn(struct store *store, int64_t id, int64_t parent)
{
	struct store_turn turn = make_turn(id, parent);
	struct store_change change = {.turn = &turn, .head = id, .has_head = 1};

	commit(store, &change);
	store_turn_finish(&turn);
}

/* ---- two at a time ---- */

static void the_second_is_told_who_has_it(void **state)
{
	struct store *store, *other;
	struct store_figures figures;
	struct err err = {0};
	char expected[128];

	make_session();
	store = store_again(SESSION, STORE_WRITE);
	assert_int_equal(-1, store_open(&other, SESSION, STORE_WRITE, &err));
	snprintf(expected, sizeof(expected),
		"session \"review\" is in use by another carrel (pid %d)", (int)getpid());
	assert_string_equal(expected, err.what);
	assert_int_equal(0, store_figures(&figures, SESSION, NULL));
	assert_true(figures.is_in_use);
	store_figures_finish(&figures);
	store_close(store);
	assert_int_equal(0, store_figures(&figures, SESSION, NULL));
	assert_false(figures.is_in_use);
	store_figures_finish(&figures);
	store_close(store_again(SESSION, STORE_WRITE));
}

/* One of the two: in each round, take the session, say whether it was had, and let go when told. */
static void play(int from, int to, int n_round)
{
	for (int i = 0; i < n_round; i++) {
		struct store *store = NULL;
		struct err err = {0};
		char byte;

		if (read(from, &byte, 1) != 1) {
			_exit(1);
		}
		byte = store_open(&store, SESSION, STORE_WRITE, &err) == 0           ? 'y'
		       : strstr(err.what, "session \"review\" is in use by another") ? 'n'
										     : '?';
		if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1) {
			_exit(1);
		}
		store_close(store);
		if (write(to, "d", 1) != 1) {
			_exit(1);
		}
	}
	_exit(0);
}

static void of_two_processes_one_has_it_1000_times(void **state)
{
	enum { N_ROUND = 1000 };
	int to[2][2], from[2][2], n_first = 0;
	pid_t pid[2];

	make_session();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(0, pipe(to[i]) | pipe(from[i]));
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] == 0) {
			play(to[i][0], from[i][1], N_ROUND);
		}
	}
	for (int round = 0; round < N_ROUND; round++) {
		char said[2], done;

		for (int i = 0; i < 2; i++) {
			assert_int_equal(1, write(to[(i + round) % 2][1], "g", 1));
		}
		for (int i = 0; i < 2; i++) {
			assert_int_equal(1, read(from[i][0], &said[i], 1));
		}
		if (said[0] + said[1] != 'y' + 'n') {
			fail_msg("round %d: %c and %c", round, said[0], said[1]);
		}
		n_first += said[0] == 'y';
		for (int i = 0; i < 2; i++) {
			assert_int_equal(1, write(to[i][1], "l", 1));
			assert_int_equal(1, read(from[i][0], &done, 1));
		}
	}
	for (int i = 0; i < 2; i++) {
		int status;

		assert_int_equal(pid[i], waitpid(pid[i], &status, 0));
		assert_int_equal(0, status);
	}
	print_message("# the first had it in %d of %d rounds\n", n_first, N_ROUND);
}

static void a_reader_sees_one_moment_while_another_writes(void **state)
{
	struct store *store, *reader;
	char *before, *dump;

	make_session();
	store = store_again(SESSION, STORE_WRITE);
	reader = store_again(SESSION, STORE_READ);
	before = dump_store(reader);
	for (int64_t id = 7; id < 60; id++) {
		add_turn(store, id, id - 1);
		dump = dump_store(reader);
		assert_true(strlen(dump) > strlen(before));
		free(before);
		before = dump;
	}
	store_close(store);
	dump = dump_store(reader);
	assert_string_equal(before, dump);
	store_close(reader);
	free(before);
	free(dump);
}

static void fail_on(void *arg, const char *sentence)
{
	fail_msg("%s", sentence);
}

static void ignore(void *arg, const char *sentence)
{
}

/* Without an end: it is killed. */
static void keep_writing(void)
{
	struct store *store = store_again(SESSION, STORE_WRITE);

	for (int64_t id = 7;; id++) {
		add_turn(store, id, id - 1);
	}
}

static void a_reader_is_never_told_of_damage_that_is_only_a_change(void **state)
{
	enum { N_READ = 300 };
	struct store_report report = {.damage = fail_on};
	struct store *reader;
	int64_t n_turn = 0, n_step = 0;
	pid_t pid;

	make_session();
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		keep_writing();
		_exit(1);
	}
	reader = store_again(SESSION, STORE_READ);
	for (int i = 0; i < N_READ; i++) {
		struct store_contents contents;
		struct err err = {0};

		if (store_read(reader, &contents, &err) < 0) {
			fail_msg("read %d: %s", i, err.what);
		}
		assert_true((int64_t)contents.n_turn >= n_turn);
		n_step += (int64_t)contents.n_turn > n_turn;
		n_turn = (int64_t)contents.n_turn;
		store_contents_finish(&contents);
	}
	assert_int_equal(0, store_verify(SESSION, &report, NULL));
	store_close(reader);
	assert_int_equal(0, kill(pid, SIGKILL));
	assert_int_equal(pid, waitpid(pid, NULL, 0));
	assert_true(n_step > 5);
}

/* ---- files ---- */

static void check_modes(const char *where)
{
	DIR *dir = opendir(where);
	struct dirent *entry;
	struct stat st;
	int n = 0;

	assert_non_null(dir);
	assert_int_equal(0, stat(where, &st));
	assert_int_equal(0700, st.st_mode & 07777);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.') {
			continue;
		}
		assert_int_equal(0, fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW));
		if ((st.st_mode & 07777) != 0600) {
			fail_msg("%s: mode %o", entry->d_name, st.st_mode & 07777);
		}
		n++;
	}
	closedir(dir);
	assert_true(n >= 2);
}

static void only_its_owner_reads_it_under_any_umask(void **state)
{
	static const mode_t masks[] = {0, 022, 077, 0177};
	struct store_report report = {0};

	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		mode_t before = umask(masks[i]);
		struct store *store = store_new(SESSION);

		fill_store(store);
		check_modes(SESSION); /* with the log beside it */
		assert_int_equal(0, access(FILE_OF "-wal", F_OK));
		store_close(store);
		check_modes(SESSION);
		assert_int_equal(-1, access(FILE_OF "-wal", F_OK));
		assert_int_equal(0, store_repair(SESSION, &report, NULL));
		check_modes(SESSION);
		umask(before);
		assert_int_equal(0, clean(NULL));
	}
}

static void a_link_is_not_followed(void **state)
{
	struct store *store;
	struct err err = {0};

	make_session();
	assert_int_equal(0, rename(FILE_OF, "elsewhere.db"));
	assert_int_equal(0, symlink("../elsewhere.db", FILE_OF));
	assert_int_equal(-1, store_open(&store, SESSION, STORE_READ, &err));
	assert_int_equal(-1, store_open(&store, SESSION, STORE_WRITE, &err));
	assert_string_equal("is not a regular file, as a session's is", err.what);
	assert_int_equal(0, unlink(FILE_OF));
	assert_int_equal(0, rename("elsewhere.db", FILE_OF));
	assert_int_equal(0, symlink(SESSION, "fedcba9876543210"));
	assert_int_equal(-1, store_open(&store, "fedcba9876543210", STORE_WRITE, &err));
	assert_int_equal(0, unlink("fedcba9876543210"));
	store_close(store_again(SESSION, STORE_WRITE));
}

static void run_sql(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(SQLITE_OK, sqlite3_open(FILE_OF, &db));
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	}
	sqlite3_close(db);
}

static void check_same_file(const struct buf *bytes, const struct stat *before)
{
	struct buf now = BUF_INIT;
	struct stat st;

	assert_int_equal(0, stat(FILE_OF, &st));
	assert_int_equal(before->st_mtim.tv_sec, st.st_mtim.tv_sec);
	assert_int_equal(before->st_mtim.tv_nsec, st.st_mtim.tv_nsec);
	assert_int_equal(0, file_read(&now, FILE_OF, SIZE_MAX, NULL));
	assert_int_equal(bytes->len, now.len);
	assert_memory_equal(bytes->data, now.data, now.len);
	buf_finish(&now);
}

static void a_newer_format_is_refused_without_a_write(void **state)
{
	struct store_report report = {0};
	struct buf bytes = BUF_INIT;
	struct store_figures figures;
	struct store *store;
	struct stat before;
	struct err err = {0};

	make_session();
	run_sql("CREATE TABLE of_then(id INTEGER PRIMARY KEY) STRICT; PRAGMA user_version=77");
	assert_int_equal(0, stat(FILE_OF, &before));
	assert_int_equal(0, file_read(&bytes, FILE_OF, SIZE_MAX, NULL));
	assert_int_equal(-1, store_open(&store, SESSION, STORE_WRITE, &err));
	assert_string_equal(
		"was written by a newer carrel (format 77, this one knows 2)", err.what);
	assert_int_equal(-1, store_open(&store, SESSION, STORE_READ, &err));
	assert_int_equal(-1, store_figures(&figures, SESSION, &err));
	assert_int_equal(-1, store_verify(SESSION, &report, &err));
	assert_int_equal(-1, store_repair(SESSION, &report, &err));
	check_same_file(&bytes, &before);
	assert_int_equal(-1, access(FILE_OF "-wal", F_OK));
	assert_int_equal(-1, access(FILE_OF "-shm", F_OK));
	buf_finish(&bytes);
}

static void a_reader_writes_nothing(void **state)
{
	struct store_report report = {0};
	struct buf bytes = BUF_INIT;
	struct store *store;
	struct stat before;
	char *dump;

	make_session();
	assert_int_equal(0, stat(FILE_OF, &before));
	assert_int_equal(0, file_read(&bytes, FILE_OF, SIZE_MAX, NULL));
	store = store_again(SESSION, STORE_READ);
	dump = dump_store(store);
	free(dump);
	store_close(store);
	assert_int_equal(0, store_verify(SESSION, &report, NULL));
	check_same_file(&bytes, &before);
	assert_int_equal(-1, access(FILE_OF "-wal", F_OK));
	assert_int_equal(-1, access(FILE_OF "-shm", F_OK));
	buf_finish(&bytes);
}

static void tables_that_are_not_ours_are_refused(void **state)
{
	static const char *const sql[] = {
		"CREATE TRIGGER t AFTER INSERT ON turn BEGIN DELETE FROM block; END",
		"CREATE VIEW v AS SELECT * FROM turn",
		"CREATE TABLE other(a)",
		"DROP TABLE place",
		"DROP TABLE place; CREATE VIEW place AS SELECT 1 AS id",
		"CREATE INDEX i ON turn(parent)",
		"PRAGMA application_id=1",
		"PRAGMA user_version=0",
		"PRAGMA user_version=1",
	};

	for (size_t i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		struct store *store;
		struct err err = {0};

		make_session();
		run_sql(sql[i]);
		assert_int_equal(-1, store_open(&store, SESSION, STORE_WRITE, &err));
		assert_non_null(strstr(err.hint, "repair"));
		assert_int_equal(0, clean(NULL));
	}
}

/* ---- what is dropped ---- */

/* In which of the folder's files the text stands, by name. */
static int stands_in(const char *text)
{
	char command[128];

	snprintf(command, sizeof(command), "grep -raqF '%s' " SESSION, text);
	return system(command) == 0;
}

static void of_a_dropped_source_no_byte_stays(void **state)
{
	struct store_place place[] = {{STORE_FRONT, 1}, {3, 3}, {3, 4}};
	int64_t dropped[] = {2, 5};
	struct store_change change = {
		.dropped = dropped, .n_dropped = 2, .place = place, .n_place = 3, .has_places = 1};
	struct store *store, *reader;
	struct store_contents contents;

	make_session();
	store = store_again(SESSION, STORE_WRITE);
	for (int64_t id = 7; id < 40; id++) {
		add_turn(store, id, id - 1);
	}
	assert_true(stands_in("secret-2") && stands_in("secret-5") && stands_in("secret-1"));
	commit(store, &change);
	assert_false(stands_in("secret-2") || stands_in("secret-5"));
	assert_true(stands_in("secret-1"));
	reader = store_again(SESSION, STORE_READ);
	assert_int_equal(0, store_read(reader, &contents, NULL));
	assert_int_equal(5, contents.n_block);
	assert_true(contents.block[1].is_dropped && contents.block[4].is_dropped);
	assert_int_equal(0, contents.block[1].document.n_part);
	assert_string_equal("source-2", contents.block[1].document.name);
	store_contents_finish(&contents);
	store_close(reader);
	store_close(store);
	assert_false(stands_in("secret-2") || stands_in("secret-5"));
}

/* Of the words of a source that was dropped while a search was under way. */
static void an_index_of_what_was_dropped_meanwhile_goes(void **state)
{
	int64_t dropped = 2;
	struct store_place place[] = {{STORE_FRONT, 1}};
	struct store_change change = {
		.dropped = &dropped, .n_dropped = 1, .place = place, .n_place = 1, .has_places = 1};
	struct store_contents contents;
	struct store_block block;
	struct store *store;

	make_session();
	store = store_again(SESSION, STORE_WRITE);
	assert_int_equal(0, store_read(store, &contents, NULL));
	folder_write(SESSION "/search.index", "secret-2");
	search_forget_dropped(SESSION, &contents);
	assert_int_equal(0, access(SESSION "/search.index", F_OK));
	/* As many sources as before. */
	block = contents.block[0];
	block.id = contents.block[contents.n_block - 1].id + 1;
	block.number = block.id;
	change.block = &block;
	change.n_block = 1;
	commit(store, &change);
	folder_write(SESSION "/search.index", "secret-2");
	search_forget_dropped(SESSION, &contents);
	assert_int_equal(-1, access(SESSION "/search.index", F_OK));
	store_contents_finish(&contents);
	store_close(store);
}

/* What a repair keeps beside the session holds the text, too. */
static void of_a_dropped_source_no_byte_stays_in_what_a_repair_kept(void **state)
{
	struct store_report report = {.damage = ignore};
	int64_t dropped = 2;
	struct store_change change = {.dropped = &dropped, .n_dropped = 1};
	struct store_place place[] = {{STORE_FRONT, 1}};
	struct store *store;

	make_session();
	run_sql("UPDATE turn SET text=X'41' WHERE id=2");
	assert_int_equal(0, store_repair(SESSION, &report, NULL));
	assert_int_equal(0, access(FILE_OF ".damaged-1", F_OK));
	store = store_again(SESSION, STORE_WRITE);
	change.place = place;
	change.n_place = 1;
	change.has_places = 1;
	commit(store, &change);
	assert_false(stands_in("secret-2"));
	assert_true(stands_in("secret-1"));
	assert_int_equal(-1, access(FILE_OF ".damaged-1", F_OK));
	store_close(store);
}

/* Killed between the change and the cleaning: whoever opens it next does that. */
static void a_drop_that_was_cut_short_is_ended(void **state)
{
	struct store *store;
	int64_t dropped = 1;
	struct store_change change = {.dropped = &dropped, .n_dropped = 1};
	pid_t pid;
	int status;

	make_session();
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct rlimit limit = {60000, RLIM_INFINITY};

		/* The log of the change fits, that of the cleaning does not. */
		store = store_again(SESSION, STORE_WRITE);
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		_exit(store_commit(store, &change, NULL) == 0 ? 0 : 1);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(0, status);
	store = store_again(SESSION, STORE_WRITE);
	store_close(store);
	assert_false(stands_in("secret-1"));
}

/* ---- a change that fails ---- */

static void a_full_disk_loses_nothing(void **state)
{
	struct rlimit limit, before;
	struct store *store;
	struct err err = {0};
	char *saved, *dump;

	make_session();
	store = store_again(SESSION, STORE_WRITE);
	saved = dump_store(store);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before));
	for (rlim_t size = 0; size < 24000; size += 1000) {
		struct store_turn turn = make_turn(7, 6);
		struct store_change change = {.turn = &turn, .head = 7, .has_head = 1};
		int status;

		limit = before;
		limit.rlim_cur = size;
		assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &limit));
		status = store_commit(store, &change, &err);
		assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before));
		store_turn_finish(&turn);
		if (status == 0) {
			break;
		}
		assert_string_equal("cannot be saved: the disk is full", err.what);
		assert_string_equal("free some space, then try again", err.hint);
		dump = dump_store(store);
		assert_string_equal(saved, dump);
		free(dump);
		assert_true(size < 23000);
	}
	/* There is space again. */
	add_turn(store, 8, 7);
	store_close(store);
	store = store_again(SESSION, STORE_READ);
	dump = dump_store(store);
	assert_non_null(strstr(dump, "turn 8 after 7"));
	store_close(store);
	free(dump);
	free(saved);
}

static void what_could_not_be_read_again_is_not_taken(void **state)
{
	static const struct {
		int64_t id, parent;
	} wrong_turn[] = {{6, 5}, {0, 0}, {-1, 0}, {9, 9}, {9, 8}, {3, 2}, {INT64_C(1) << 40, 1}};
	struct store_place place = {STORE_FRONT, 9}, other = {9, 1};
	struct store_change change = {.place = &place, .n_place = 1, .has_places = 1};
	struct store *store;
	char *saved, *dump;
	int64_t none = 77;

	make_session();
	store = store_again(SESSION, STORE_WRITE);
	saved = dump_store(store);
	for (size_t i = 0; i < sizeof(wrong_turn) / sizeof(wrong_turn[0]); i++) {
		struct store_turn turn = make_turn(wrong_turn[i].id, wrong_turn[i].parent);
		struct store_change next = {.turn = &turn, .draft = "lost"};

		assert_int_equal(-1, store_commit(store, &next, NULL));
		store_turn_finish(&turn);
	}
	assert_int_equal(-1, store_commit(store, &change, NULL));
	change.place = &other;
	assert_int_equal(-1, store_commit(store, &change, NULL));
	change = (struct store_change){.head = 77, .has_head = 1};
	assert_int_equal(-1, store_commit(store, &change, NULL));
	change = (struct store_change){.dropped = &none, .n_dropped = 1};
	assert_int_equal(-1, store_commit(store, &change, NULL));
	dump = dump_store(store);
	assert_string_equal(saved, dump);
	store_close(store);
	free(saved);
	free(dump);
}

/* ---- steps of the schema ---- */

static int fill_failing(struct db *db, struct err *err)
{
	return err_set(err, ERR_FAILURE, NULL, NULL, "it failed");
}

static int fill_good(struct db *db, struct err *err)
{
	return db_run(
		db, "INSERT INTO word SELECT id, question FROM turn", "cannot be filled", err);
}

static void a_step_of_the_schema_is_taken_whole_or_not_at_all(void **state)
{
	static const char *const words[] = {
		"CREATE TABLE word(id INTEGER PRIMARY KEY, text BLOB) STRICT", NULL};
	static const char *const wrong[] = {
		"CREATE TABLE half(id INTEGER PRIMARY KEY) STRICT", "CREATE TABLE turn(a)", NULL};
	struct schema_step step[5] = {schema_steps[0], schema_steps[1], {words, fill_good},
		{wrong, NULL}, {words, fill_failing}};
	struct err err = {0};
	int64_t n;
	struct db db;
	char *path;

	make_session();
	path = realpath(SESSION, NULL);
	assert_int_equal(0, db_open(&db, path, DB_FILE, DB_WRITE, &err));
	assert_int_equal(2, db.version);
	step[2].fill = fill_failing;
	assert_int_equal(-1, schema_upgrade(&db, step, 3, &err));
	assert_string_equal("it failed", err.what);
	assert_int_equal(0, db_number(&db, &n, "PRAGMA user_version", NULL));
	assert_int_equal(2, n);
	assert_int_equal(0, db_number(&db, &n, "SELECT count(*) FROM sqlite_schema", NULL));
	assert_int_equal(9, n);
	step[2].fill = fill_good;
	assert_int_equal(-1, schema_upgrade(&db, step, 4, &err)); /* the fourth is wrong */
	assert_int_equal(0, db_number(&db, &n, "PRAGMA user_version", NULL));
	assert_int_equal(3, n);
	assert_int_equal(3, db.version);
	assert_int_equal(0, db_number(&db, &n, "SELECT count(*) FROM word", NULL));
	assert_int_equal(6, n);
	assert_int_equal(0, db_number(&db, &n, "SELECT count(*) FROM sqlite_schema", NULL));
	assert_int_equal(10, n);
	db_close(&db);
	free(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_second_is_told_who_has_it, clean),
		cmocka_unit_test_teardown(of_two_processes_one_has_it_1000_times, clean),
		cmocka_unit_test_teardown(a_reader_sees_one_moment_while_another_writes, clean),
		cmocka_unit_test_teardown(
			a_reader_is_never_told_of_damage_that_is_only_a_change, clean),
		cmocka_unit_test_teardown(only_its_owner_reads_it_under_any_umask, clean),
		cmocka_unit_test_teardown(a_link_is_not_followed, clean),
		cmocka_unit_test_teardown(a_newer_format_is_refused_without_a_write, clean),
		cmocka_unit_test_teardown(a_reader_writes_nothing, clean),
		cmocka_unit_test_teardown(tables_that_are_not_ours_are_refused, clean),
		cmocka_unit_test_teardown(of_a_dropped_source_no_byte_stays, clean),
		cmocka_unit_test_teardown(
			of_a_dropped_source_no_byte_stays_in_what_a_repair_kept, clean),
		cmocka_unit_test_teardown(an_index_of_what_was_dropped_meanwhile_goes, clean),
		cmocka_unit_test_teardown(a_drop_that_was_cut_short_is_ended, clean),
		cmocka_unit_test_teardown(a_full_disk_loses_nothing, clean),
		cmocka_unit_test_teardown(what_could_not_be_read_again_is_not_taken, clean),
		cmocka_unit_test_teardown(a_step_of_the_schema_is_taken_whole_or_not_at_all, clean),
	};

	return cmocka_run_group_tests_name("store_safety", tests, enter, leave);
}
