/* What a session's store takes comes back, byte for byte; what it does not take changes nothing. */
#include "tests/unit/folder_fixture.h"
#include "tests/unit/store_fixture.h"

#include "session/store.h"

#include <sys/stat.h>

static char folder[] = "/tmp/carrel-store-XXXXXX";

static int enter(void **state)
{
	return folder_enter(folder);
}

static int leave(void **state)
{
	return folder_leave(folder);
}

static void what_is_saved_comes_back_byte_for_byte(void **state)
{
	struct store *store = store_new("0123456789abcdef"), *reader;
	char *saved, *again;

	assert_string_equal("0123456789abcdef", store_id(store));
	assert_true(store_is_kept(store));
	fill_store(store);
	saved = dump_store(store);
	assert_non_null(strstr(saved, "part - 0 - -1 - \"a NUL \\x00, a stray byte \\xff\\xfe"));
	reader = store_again("0123456789abcdef", STORE_READ);
	again = dump_store(reader);
	assert_string_equal(saved, again);
	free(again);
	store_close(store);
	again = dump_store(reader);
	assert_string_equal(saved, again);
	free(again);
	store_close(reader);
	store = store_again("0123456789abcdef", STORE_WRITE);
	again = dump_store(store);
	assert_string_equal(saved, again);
	free(again);
	store_close(store);
	free(saved);
}

static void the_null_twin_takes_everything_and_keeps_nothing(void **state)
{
	struct store *store = store_null();
	struct store_contents contents;

	fill_store(store);
	assert_int_equal(0, store_read(store, &contents, NULL));
	assert_int_equal(0, contents.n_turn + contents.n_block + contents.n_setting);
	assert_string_equal("", contents.draft);
	store_contents_finish(&contents);
	assert_false(store_is_kept(store));
	assert_string_equal("", store_id(store));
	assert_string_equal("", store_folder(store));
	store_close(store);
	store_close(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_saved_comes_back_byte_for_byte),
		cmocka_unit_test(the_null_twin_takes_everything_and_keeps_nothing),
	};

	return cmocka_run_group_tests_name("store", tests, enter, leave);
}
