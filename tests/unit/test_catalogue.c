/* Names lead to sessions, whatever happens to the file that says so. */
#include "tests/unit/folder_fixture.h"

#include "session/catalogue.h"
#include "session/store.h"

#include "base/conf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char folder[] = "/tmp/carrel-catalogue-XXXXXX";

static int enter(void **state)
{
	return folder_enter(folder) == 0 && setenv("XDG_DATA_HOME", folder, 1) == 0 ? 0 : -1;
}

static int leave(void **state)
{
	return folder_leave(folder);
}

/* Make a session and close it; its folder's name, its id. */
static void make(const char *name, const char *directory, char id[17])
{
	struct store *store;
	struct err err = {0};

	if (catalogue_create(&store, name, directory, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	snprintf(id, 17, "%s", store_id(store));
	store_close(store);
}

static void check_last(const char *directory, const char *id)
{
	char *found;

	assert_int_equal(0, catalogue_last(directory, &found, NULL));
	assert_string_equal(id, found ? strrchr(found, '/') + 1 : "none");
	free(found);
}

static void check_found(const char *name, const char *id)
{
	struct err err = {0};
	char *found;

	if (catalogue_find(name, 0, &found, &err) < 0) {
		fail_msg("%s", err.what);
	}
	assert_string_equal(id, strrchr(found, '/') + 1);
	free(found);
}

static void a_name_leads_to_its_session(void **state)
{
	char first[17], second[17], digits[8], *found;
	struct store *store;
	struct err err = {0};
	int is_new;

	make("first", "/here", first);
	make("second one", "/here", second);
	check_found("first", first);
	check_found("second one", second);
	check_found(second, second);
	snprintf(digits, sizeof(digits), "%.6s", first);
	check_found(digits, first);
	check_last("/here", second);
	check_last("/there", "none");
	assert_int_equal(1, catalogue_find("frist", 1, &found, &err));
	assert_int_equal(-1, catalogue_find("frist", 0, &found, &err));
	assert_int_equal(ERR_USAGE, err.code);
	assert_string_equal("there is no session \"frist\"", err.what);
	assert_string_equal("did you mean first", err.hint);
	assert_int_equal(-1, catalogue_create(&store, "first", NULL, &err));
	assert_int_equal(ERR_USAGE, err.code);
	assert_int_equal(0, catalogue_open(&store, "first", "/there", &is_new, &err));
	assert_false(is_new);
	check_last("/there", first);
	check_last("/here", second);
	assert_int_equal(-1, catalogue_remove("first", &err));
	assert_non_null(strstr(err.what, "session \"first\" is in use by another carrel (pid "));
	store_close(store);
	assert_int_equal(0, catalogue_rename("first", "third", &err));
	check_found("third", first);
	assert_int_equal(0, catalogue_remove("third", &err));
	assert_int_equal(1, catalogue_find("third", 1, &found, &err));
	check_last("/there", "none");
}

/* "2024", or "face": four digits of an old session's id are a new session's name. */
static void a_new_name_that_begins_an_id_makes_a_new_session(void **state)
{
	char old[17], digits[5], *found;
	struct store *store;
	int is_new;

	make("old", NULL, old);
	snprintf(digits, sizeof(digits), "%.4s", old);
	check_found(digits, old);
	assert_int_equal(0, catalogue_open(&store, digits, "/here", &is_new, NULL));
	assert_true(is_new);
	assert_string_not_equal(old, store_id(store));
	check_found(digits, store_id(store));
	store_close(store);
	assert_int_equal(0, catalogue_open(&store, old, "/here", &is_new, NULL));
	assert_false(is_new);
	assert_string_equal(old, store_id(store));
	store_close(store);
	assert_int_equal(0, catalogue_remove(digits, NULL));
	assert_int_equal(0, catalogue_find("old", 0, &found, NULL));
	free(found);
}

/* ---- the file ---- */

#define FOLDER_OF_SESSIONS "carrel/sessions"
#define FILE_OF            FOLDER_OF_SESSIONS "/catalogue"

static int n_sessions(void)
{
	struct catalogue catalogue;
	int n;

	assert_int_equal(0, catalogue_read(&catalogue, NULL));
	n = (int)catalogue.n_session;
	catalogue_finish(&catalogue);
	return n;
}

static int clean(void **state)
{
	return system("rm -rf carrel");
}

static void without_its_file_it_is_made_from_the_sessions(void **state)
{
	char first[17], second[17], *found;

	make("first", "/here", first);
	make("second", "/there", second);
	assert_int_equal(0, unlink(FILE_OF));
	check_found("first", first);
	check_found("second", second);
	check_last("/here", first);
	check_last("/there", second);
	assert_int_equal(0, access(FILE_OF, F_OK));
	/* A session that was copied here, and one that is gone. */
	assert_int_equal(
		0, system("cp -a carrel/sessions/* . && rm -rf carrel/sessions/[0-9a-f]*"));
	assert_int_equal(0, n_sessions());
	assert_int_equal(1, catalogue_find("first", 1, &found, NULL));
	assert_int_equal(0, system("mv [0-9a-f]???????????* carrel/sessions/"));
	check_found("first", first);
	check_last("/there", second);
}

static void whatever_happens_to_its_file_names_lead_to_their_sessions(void **state)
{
	char first[17], second[17];
	struct buf text = BUF_INIT;

	make("first", "/here", first);
	make("second, of two", "/with a\nline end and 100 %", second);
	assert_int_equal(0, file_read(&text, FILE_OF, SIZE_MAX, NULL));
	for (size_t i = 0; i <= text.len; i++) {
		FILE *file = fopen(FILE_OF, "w");

		assert_non_null(file);
		if (i % 2) {
			fwrite(text.data, 1, i, file); /* torn */
		} else if (i < text.len) {
			text.data[i] ^= 1 << (i / 2 % 8);
			fwrite(text.data, 1, text.len, file);
			text.data[i] ^= 1 << (i / 2 % 8);
		}
		fclose(file);
		check_found("first", first);
		check_found("second, of two", second);
		check_last("/here", first);
		check_last("/with a\nline end and 100 %", second);
	}
	buf_finish(&text);
}

static void what_a_killed_process_left_is_removed(void **state)
{
	char first[17], second[17];
	struct stat st;

	make("first", "/here", first);
	assert_int_equal(0, system("mkdir -p carrel/sessions/.gone-0123456789abcdef/deeper "
				   "carrel/sessions/.new-0123456789abcdef && "
				   "touch carrel/sessions/.gone-0123456789abcdef/deeper/text "
				   "carrel/sessions/.new-0123456789abcdef/session.db"));
	assert_int_equal(1, n_sessions());
	make("second", "/here", second);
	assert_int_equal(2, n_sessions());
	assert_int_equal(-1, stat("carrel/sessions/.gone-0123456789abcdef", &st));
	assert_int_equal(-1, stat("carrel/sessions/.new-0123456789abcdef", &st));
}

static void a_removed_session_leaves_nothing(void **state)
{
	char first[17];

	make("planted", "/here/planted-directory", first);
	assert_int_equal(0, system("grep -rqa planted-directory carrel"));
	assert_int_equal(0, catalogue_remove("planted", NULL));
	assert_int_not_equal(0, system("grep -rqa planted carrel"));
	assert_int_equal(0, n_sessions());
}

static void of_two_that_create_a_name_one_does_100_times(void **state)
{
	int n_first = 0;

	for (int round = 0; round < 100; round++) {
		int go[2], made[2] = {0};
		char name[32];
		pid_t pid[2];

		snprintf(name, sizeof(name), "round %d", round);
		assert_int_equal(0, pipe(go));
		for (int i = 0; i < 2; i++) {
			pid[i] = fork();
			assert_true(pid[i] >= 0);
			if (pid[i] == 0) {
				struct store *store = NULL;
				struct err err = {0};
				char byte;
				int status;

				close(go[1]);
				status = (int)read(go[0], &byte, 1); /* until it is closed */
				status = catalogue_create(&store, name, NULL, &err);
				store_close(store);
				_exit(status == 0 ? 10 : err.code == ERR_USAGE ? 20 : 30);
			}
		}
		close(go[0]);
		close(go[1]);
		for (int i = 0; i < 2; i++) {
			int status;

			assert_int_equal(pid[i], waitpid(pid[i], &status, 0));
			made[i] = WEXITSTATUS(status);
		}
		assert_int_equal(30, made[0] + made[1]);
		assert_true(made[0] == 10 || made[0] == 20);
		n_first += made[0] == 10;
	}
	assert_int_equal(100, n_sessions());
	print_message("# the first made it in %d of 100 rounds\n", n_first);
}

static void names_are_checked(void **state)
{
	static const char *const good[] = {"a", "1234", "two words", "\xc3\xa9t\xc3\xa9", "a.b-c_d",
		"0123456789012345678901234567890123456789012345678901234567890123"};
	static const char *const bad[] = {"", "-a", ".a", "a/b", "..", "a\nb", "a\x1b", "\xff",
		"a\xc2\x9b", " ", "   ", " a", "a ",
		"a\xe2\x80\xae"
		"b",
		"a\xe2\x80\x8b",
		"\xef\xbb\xbf"
		"a",
		"01234567890123456789012345678901234567890123456789012345678901234"};
	struct store *store;
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_int_equal(0, catalogue_check_name(good[i], NULL));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(-1, catalogue_check_name(bad[i], &err));
		assert_int_equal(ERR_USAGE, err.code);
		assert_int_equal(-1, catalogue_create(&store, bad[i], NULL, &err));
	}
}

static void a_slip_of_the_fingers_is_answered_with_the_name(void **state)
{
	static const struct {
		const char *typed, *hint;
	} slip[] = {
		{"reviwe", "did you mean review"},
		{"Review", "did you mean review"},
		{"reveiw 2", "did you mean review 2"},
		{"revew", "did you mean review"},
		{"contract", "carrel sessions ls lists them"},
		{"rview", "did you mean review"},
	};
	char id[17];

	make("review", NULL, id);
	make("review 2", NULL, id);
	make("notes of Tuesday", NULL, id);
	for (size_t i = 0; i < ARRAY_LEN(slip); i++) {
		struct err err = {0};
		char *found;

		assert_int_equal(-1, catalogue_find(slip[i].typed, 0, &found, &err));
		assert_int_equal(0, strncmp(slip[i].hint, err.hint, strlen(slip[i].hint)));
	}
}

static void only_its_owner_reads_it_under_any_umask(void **state)
{
	mode_t before = umask(0);
	struct stat st;
	char id[17];

	make("first", "/here", id);
	umask(before);
	assert_int_equal(0, stat("carrel", &st));
	assert_int_equal(0700, st.st_mode & 07777);
	assert_int_equal(0, stat(FOLDER_OF_SESSIONS, &st));
	assert_int_equal(0700, st.st_mode & 07777);
	assert_int_equal(0, stat(FILE_OF, &st));
	assert_int_equal(0600, st.st_mode & 07777);
	assert_int_equal(0, stat(FOLDER_OF_SESSIONS "/.lock", &st));
	assert_int_equal(0600, st.st_mode & 07777);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_name_leads_to_its_session, clean),
		cmocka_unit_test_teardown(a_new_name_that_begins_an_id_makes_a_new_session, clean),
		cmocka_unit_test_teardown(without_its_file_it_is_made_from_the_sessions, clean),
		cmocka_unit_test_teardown(
			whatever_happens_to_its_file_names_lead_to_their_sessions, clean),
		cmocka_unit_test_teardown(what_a_killed_process_left_is_removed, clean),
		cmocka_unit_test_teardown(a_removed_session_leaves_nothing, clean),
		cmocka_unit_test_teardown(of_two_that_create_a_name_one_does_100_times, clean),
		cmocka_unit_test_teardown(names_are_checked, clean),
		cmocka_unit_test_teardown(a_slip_of_the_fingers_is_answered_with_the_name, clean),
		cmocka_unit_test_teardown(only_its_owner_reads_it_under_any_umask, clean),
	};

	return cmocka_run_group_tests_name("catalogue", tests, enter, leave);
}
