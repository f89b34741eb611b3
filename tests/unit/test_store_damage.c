/*
 * Damage to a session is found, told, and repaired as far as it can be: flipped bits (SQLite's own
 * check does not look at what rows hold), lost rows, lost pages.
 */
#include "tests/unit/folder_fixture.h"
#include "tests/unit/store_fixture.h"

#include "session/store.h"

#include "base/file.h"
#include "base/rng.h"

#include <sqlite3.h>
#include <sys/stat.h>

#define SESSION "0123456789abcdef"
#define FILE_OF SESSION "/session.db"

static char folder[] = "/tmp/carrel-damage-XXXXXX";
static struct buf good; /* the file */
static char *good_dump;

static int enter(void **state)
{
	struct store *store;

	if (folder_enter(folder) < 0) {
		return -1;
	}
	store = store_new(SESSION);
	fill_store(store);
	good_dump = dump_store(store);
	store_close(store);
	return file_read(&good, FILE_OF, SIZE_MAX, NULL);
}

static int leave(void **state)
{
	buf_finish(&good);
	free(good_dump);
	return folder_leave(folder);
}

static void put(const char *bytes, size_t len)
{
	FILE *file = fopen(FILE_OF, "w");

	assert_non_null(file);
	assert_int_equal(len, fwrite(bytes, 1, len, file));
	assert_int_equal(0, fclose(file));
}

/* ---- what is told ---- */

static void collect(void *arg, const char *sentence)
{
	struct buf *told = arg;

	assert_true(strlen(sentence) > 5);
	buf_printf(told, "%s\n", sentence);
}

/* How much damage there is; *told gets the sentences. */
static int64_t verify(struct buf *told)
{
	struct store_report report = {.damage = collect, .arg = told};
	struct err err = {0};

	if (store_verify(SESSION, &report, &err) < 0) {
		buf_printf(told, "%s\n", err.what);
		assert_true(err.what[0]);
		return 1;
	}
	return report.n_damaged;
}

/* Whether it reads as it did. */
static int reads_well(void)
{
	struct store_contents contents;
	struct store *store;
	struct err err = {0};
	char *dump;
	int is_same;

	if (store_open(&store, SESSION, STORE_READ, &err) < 0) {
		assert_true(err.what[0]);
		return 0;
	}
	if (store_read(store, &contents, &err) < 0) {
		assert_true(err.what[0]);
		store_close(store);
		return 0;
	}
	dump = dump_contents(&contents);
	is_same = strcmp(dump, good_dump) == 0;
	free(dump);
	store_contents_finish(&contents);
	store_close(store);
	return is_same;
}

/* Flip a bit of the file: 1 where it is found, 0 where what is stored is what it was. */
static int flip(size_t at, int bit)
{
	struct buf told = BUF_INIT;
	int is_found;

	good.data[at] ^= (char)(1 << bit);
	put(good.data, good.len);
	is_found = verify(&told) > 0;
	if (!is_found && !reads_well()) {
		fail_msg("bit %d of byte %zu: not found, and what is read is not what was saved",
			bit, at);
	}
	good.data[at] ^= (char)(1 << bit);
	buf_finish(&told);
	return is_found;
}

static void a_flipped_bit_is_found_or_changes_nothing(void **state)
{
	enum { N_FLIP = 1500 };
	int n_found = 0;

	for (int i = 0; i < N_FLIP; i++) {
		uint32_t random[4];

		rng_philox(6, (uint64_t)i, random);
		n_found += flip(random[0] % good.len, (int)(random[1] % 8));
	}
	print_message("# %d of %d flipped bits found; the others change nothing that is stored\n",
		n_found, N_FLIP);
	assert_true(n_found > N_FLIP / 10);
}

static void every_flipped_bit_of_stored_text_is_found(void **state)
{
	static const char *const planted[] = {"secret-3", "question 4?", "the ring", "half a",
		"/models/tiny", "a1b2c3d", "Beginning", "src/ring.c"};
	int n_found = 0, n = 0;

	for (size_t i = 0; i < sizeof(planted) / sizeof(planted[0]); i++) {
		const char *at = memmem(good.data, good.len, planted[i], strlen(planted[i]));

		assert_non_null(at);
		for (size_t byte = 0; byte < strlen(planted[i]); byte++) {
			for (int bit = 0; bit < 8; bit++, n++) {
				n_found += flip((size_t)(at - good.data) + byte, bit);
			}
		}
	}
	print_message("# %d of %d flipped bits of stored text found\n", n_found, n);
	assert_int_equal(n, n_found);
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

static void a_lost_or_moved_row_is_found_and_named(void **state)
{
	static const struct {
		const char *sql, *told;
	} loss[] = {
		{"DELETE FROM turn WHERE id=6", "the turns are not all there"},
		{"DELETE FROM turn WHERE id=2", "turn 3 continues turn 2, which is not there"},
		{"DELETE FROM citation WHERE id=(4<<32)", "citation"},
		{"DELETE FROM coverage WHERE id=3", "the coverage of turn 3 are not all there"},
		{"UPDATE coverage SET n_read=1 WHERE id=3", "how turn 3 was read"},
		{"UPDATE coverage SET id=4 WHERE id=3", "coverage of turn 3 are not all there"},
		{"DELETE FROM block WHERE id=5", "the blocks are not all there"},
		{"DELETE FROM part WHERE id=(2<<32)+4", "S2 source-2: it lacks some of its files"},
		{"DELETE FROM part WHERE id=(2<<32)", "S2 source-2: it lacks some of its files"},
		{"DELETE FROM heading WHERE id=(3<<32)+1",
			"the headings of block 3 are not all there"},
		{"DELETE FROM place WHERE id=2", "the places of the sources are not all there"},
		{"DELETE FROM setting WHERE id=1", "the settings are not all there"},
		{"DELETE FROM state", "its first row"},
		{"UPDATE turn SET id=9 WHERE id=6", "turn 9"},
		{"UPDATE part SET text=(SELECT text FROM part WHERE id=(1<<32)+1), "
		 "checksum=(SELECT checksum FROM part WHERE id=(1<<32)+1) WHERE id=1<<32",
			"S1 source-1: a piece of its text"},
		{"UPDATE turn SET text=question, question=text WHERE id=1", "turn 1"},
		{"INSERT INTO place VALUES(9,zeroblob(16),-1,1)", "place 9"},
	};

	for (size_t i = 0; i < sizeof(loss) / sizeof(loss[0]); i++) {
		struct buf told = BUF_INIT;

		put(good.data, good.len);
		run_sql(loss[i].sql);
		assert_true(verify(&told) > 0);
		if (!strstr(buf_str(&told), loss[i].told)) {
			fail_msg("%s: %s", loss[i].sql, buf_str(&told));
		}
		assert_false(reads_well());
		buf_finish(&told);
	}
}

/* ---- repair ---- */

/* What was lost, and that nothing is damaged any more; the dump of what there is. */
static char *repair(struct buf *told)
{
	struct store_report report = {.damage = collect, .arg = told};
	struct buf after = BUF_INIT;
	struct err err = {0};
	struct store *store;
	char *dump;

	if (store_repair(SESSION, &report, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	if (verify(&after) > 0) {
		fail_msg("after the repair: %s", buf_str(&after));
	}
	buf_finish(&after);
	store = store_again(SESSION, STORE_WRITE);
	dump = dump_store(store);
	store_close(store);
	return dump;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')); text++) {
		n++;
	}
	return n;
}

/* Every line of `dump` but at most `most` is one that was saved. */
static void check_lines(const char *dump, size_t most)
{
	size_t n_other = 0;

	for (const char *line = dump; *line;) {
		const char *end = strchr(line, '\n');
		char *own = mem_strndup(line, (size_t)(end - line) + 1);

		n_other += !strstr(good_dump, own);
		free(own);
		line = end + 1;
	}
	if (n_other > most) {
		fail_msg("%zu lines that nobody saved:\n%s", n_other, dump);
	}
}

static void a_repair_loses_only_what_is_damaged(void **state)
{
	struct buf told = BUF_INIT;
	char *dump, *kept;

	put(good.data, good.len);
	run_sql("UPDATE part SET text=X'00' WHERE id=(3<<32)+1;"
		"UPDATE turn SET text=X'41' WHERE id=2;"
		"DELETE FROM turn WHERE id=4");
	dump = repair(&told);
	assert_non_null(strstr(buf_str(&told), "S3 source-3: page 2\n"));
	assert_non_null(strstr(buf_str(&told), "turn 2, \"question 2?\""));
	assert_non_null(strstr(dump, "lost.3"));
	assert_non_null(strstr(buf_str(&told), "turn 5 continues turn 4, which is not there"));
	/* One turn and its citations, one part; turn 2 as it reads now, turn 5 behind turn 3, and the
	   heading of the part behind the lost one; and what S3 lacks is noted. */
	assert_int_equal(count_lines(good_dump) - 3, count_lines(dump));
	check_lines(dump, 5);
	kept = mem_printf("%s.damaged-1", FILE_OF);
	assert_int_equal(0, access(kept, F_OK));
	free(kept);
	free(dump);
	buf_finish(&told);
}

static void a_session_without_its_first_page_is_repaired(void **state)
{
	static const char zeros[4096];
	struct buf told = BUF_INIT, bytes = BUF_INIT;
	char *dump;

	buf_add(&bytes, good.data, good.len);
	memcpy(bytes.data, zeros, sizeof(zeros));
	put(bytes.data, bytes.len);
	dump = repair(&told);
	assert_string_equal(good_dump, dump);
	free(dump);
	buf_finish(&bytes);
	buf_finish(&told);
}

/* The end of the file is gone: what stands in front of it is saved, or that nothing could be is said. */
static void a_session_without_its_end_is_saved_as_far_as_it_goes(void **state)
{
	int n_saved = 0;

	for (size_t len = good.len; len > 4096; len -= 4096) {
		struct store_report report = {.damage = collect};
		struct buf told = BUF_INIT;
		struct err err = {0};

		report.arg = &told;
		put(good.data, len - 2048);
		if (store_repair(SESSION, &report, &err) == 0) {
			buf_clear(&told);
			assert_int_equal(0, verify(&told));
			n_saved++;
		} else {
			assert_non_null(strstr(err.what, "nothing of it could be saved"));
			assert_null(strstr(err.where, ".copy"));
		}
		buf_finish(&told);
	}
	assert_true(n_saved > 1);
}

/* What is told of the pages is one line, whatever SQLite says; and rows are counted as verify does. */
static void a_repair_counts_the_rows_that_there_are(void **state)
{
	struct buf told = BUF_INIT;
	struct store_report repaired = {.damage = collect, .arg = &told};
	struct store_report after = {.damage = collect, .arg = &told};
	struct err err = {0};

	put(good.data, good.len);
	run_sql("UPDATE part SET text=X'00' WHERE id=(3<<32)+1;DELETE FROM turn WHERE id=4");
	assert_int_equal(0, store_repair(SESSION, &repaired, &err));
	assert_int_equal(0, store_verify(SESSION, &after, &err));
	assert_int_equal(0, after.n_damaged);
	assert_int_equal(after.n_row, repaired.n_row);
	buf_finish(&told);
}

/* PRAGMA user_version, a big-endian number at byte 60: "2" would be a newer format, and is none. */
static void a_flipped_bit_of_the_format_is_damage_and_is_repaired(void **state)
{
	enum { VERSION_AT = 60 };

	for (int bit = 0; bit < 32; bit++) {
		struct buf told = BUF_INIT;
		char *dump;

		if (!flip((size_t)(VERSION_AT + bit / 8), bit % 8)) {
			fail_msg("bit %d is not found", bit);
		}
		good.data[VERSION_AT + bit / 8] ^= (char)(1 << bit % 8);
		put(good.data, good.len);
		good.data[VERSION_AT + bit / 8] ^= (char)(1 << bit % 8);
		dump = repair(&told);
		assert_string_equal(good_dump, dump);
		free(dump);
		buf_finish(&told);
	}
}

static void any_lost_page_is_repaired_around(void **state)
{
	size_t n_page = good.len / 4096, n_line = 0;

	for (size_t page = 0; page < n_page; page++) {
		struct buf told = BUF_INIT, bytes = BUF_INIT;
		char *dump;

		buf_add(&bytes, good.data, good.len);
		memset(bytes.data + page * 4096, 0xa5, 4096);
		put(bytes.data, bytes.len);
		dump = repair(&told);
		check_lines(dump, 40);
		n_line += count_lines(dump);
		free(dump);
		buf_finish(&bytes);
		buf_finish(&told);
	}
	print_message("# %zu pages lost one by one: %zu of %zu rows saved\n", n_page, n_line,
		n_page * count_lines(good_dump));
}

/* Killed when the new file was whole, and before it had the session's name. */
static void a_repair_that_was_cut_short_is_ended(void **state)
{
	static const char *const cut[] = {"cp " SESSION "/good " FILE_OF ".repaired; cp " SESSION
					  "/good " FILE_OF "-wal",
		"cp " SESSION "/good " FILE_OF ".repaired; rm -f " FILE_OF "-wal"};

	put(good.data, good.len);
	assert_int_equal(0, system("cp " FILE_OF " " SESSION "/good"));
	for (size_t i = 0; i < 2 * sizeof(cut) / sizeof(cut[0]); i++) {
		struct buf told = BUF_INIT;

		put(good.data, good.len);
		run_sql("UPDATE turn SET text=X'41' WHERE id=2");
		assert_false(reads_well());
		assert_int_equal(0, system(cut[i / 2]));
		if (i % 2) {
			char *dump = repair(&told);

			assert_string_equal(good_dump, dump);
			free(dump);
		} else {
			store_close(store_again(SESSION, STORE_WRITE));
		}
		assert_true(reads_well());
		assert_int_equal(0, told.len);
		assert_int_equal(-1, access(FILE_OF ".repaired", F_OK));
		buf_finish(&told);
	}
	assert_int_equal(0, unlink(SESSION "/good"));
}

static void a_session_in_order_is_not_repaired(void **state)
{
	struct store_report report = {.damage = collect};
	struct buf told = BUF_INIT;
	struct store *store;
	struct err err = {0};

	report.arg = &told;
	put(good.data, good.len);
	assert_int_equal(0, store_repair(SESSION, &report, NULL));
	assert_int_equal(0, report.n_damaged);
	assert_true(report.n_row > 40);
	assert_true(reads_well());
	store = store_again(SESSION, STORE_WRITE);
	assert_int_equal(-1, store_repair(SESSION, &report, &err));
	assert_non_null(strstr(err.what, "session \"review\" is in use"));
	store_close(store);
	buf_finish(&told);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flipped_bit_is_found_or_changes_nothing),
		cmocka_unit_test(every_flipped_bit_of_stored_text_is_found),
		cmocka_unit_test(a_lost_or_moved_row_is_found_and_named),
		cmocka_unit_test(a_repair_loses_only_what_is_damaged),
		cmocka_unit_test(a_session_without_its_first_page_is_repaired),
		cmocka_unit_test(a_session_without_its_end_is_saved_as_far_as_it_goes),
		cmocka_unit_test(a_repair_counts_the_rows_that_there_are),
		cmocka_unit_test(a_flipped_bit_of_the_format_is_damage_and_is_repaired),
		cmocka_unit_test(any_lost_page_is_repaired_around),
		cmocka_unit_test(a_repair_that_was_cut_short_is_ended),
		cmocka_unit_test(a_session_in_order_is_not_repaired),
	};

	return cmocka_run_group_tests_name("store_damage", tests, enter, leave);
}
