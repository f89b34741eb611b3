/* Names lead to sessions, whatever happens to the file that says so. */
#include "tests/unit/folder_fixture.h"

#include "session/catalogue.h"
#include "session/store.h"

#include "base/conf.h"
#include "base/err.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_leads_to_its_session),
	};

	return cmocka_run_group_tests_name("catalogue", tests, enter, leave);
}
