/* What each key does: by default, and as the settings file says. */
#include "tui/keys.h"

#include "tui/key_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static enum action action_of(
	const struct keys *keys, const char *name, enum view_bit view, int is_typing)
{
	struct key key;

	assert_int_equal(key_parse(&key, name, strlen(name)), 0);
	return keys_action(keys, &key, view, is_typing);
}

static void names_of_keys_read_back_as_the_keys(void **state)
{
	static const char *const names[] = {"a", "A", "^A", "^?", "M-a", "M-^A", "F1", "F12", "Up",
		"PgDn", "Home", "Enter", "Tab", "BackTab", "Esc", "Space", "Delete", "C-Left",
		"S-F5", "M-Enter", "\xc3\xa9", "-", "/", "M--"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct key key;
		char *name;

		assert_int_equal(key_parse(&key, names[i], strlen(names[i])), 0);
		name = key_name(&key);
		assert_string_equal(name, strcmp(names[i], "^?") == 0 ? "Backspace" : names[i]);
		free(name);
	}
}

static void what_is_no_key_is_refused(void **state)
{
	static const char *const names[] = {
		"", "ab", "F0", "F13", "F1x", "^1", "X-a", "M-", "up", "\xff", "^ab"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct key key;

		assert_int_equal(key_parse(&key, names[i], strlen(names[i])), -1);
	}
}

/* Of the default keys no two rows that are heard at once have the same. */
static void by_default_no_key_has_two_meanings(void **state)
{
	struct keys *keys = keys_create();

	for (int i = 1; i < ACTION_COUNT; i++) {
		char *names = strdup(key_table[i].keys), *rest = names, *name;

		while ((name = strsep(&rest, " "))) {
			for (int bit = 1; name[0] && bit < VIEW_ALL; bit <<= 1) {
				if (key_table[i].views & bit) {
					assert_int_equal(
						action_of(keys, name, (enum view_bit)bit, 0), i);
				}
			}
		}
		free(names);
	}
	keys_destroy(keys);
}

static void while_typing_only_the_keys_of_always_are_heard(void **state)
{
	struct keys *keys = keys_create();

	assert_int_equal(action_of(keys, "q", VIEW_SOURCES, 0), ACTION_CLOSE);
	assert_int_equal(action_of(keys, "q", VIEW_CHAT, 0), ACTION_NONE);
	assert_int_equal(action_of(keys, "j", VIEW_CHAT, 1), ACTION_NONE);
	assert_int_equal(action_of(keys, "j", VIEW_CHAT, 0), ACTION_DOWN);
	assert_int_equal(action_of(keys, "^C", VIEW_CHAT, 1), ACTION_STOP);
	assert_int_equal(action_of(keys, "F2", VIEW_CHAT, 1), ACTION_SHOW_SOURCES);
	assert_int_equal(action_of(keys, "Esc", VIEW_CHAT, 1), ACTION_BROWSE);
	assert_int_equal(action_of(keys, "Up", VIEW_CHAT, 1), ACTION_NONE);
	keys_destroy(keys);
}

static void a_key_is_bound_instead_of_the_default_and_leaves_who_had_it(void **state)
{
	struct keys *keys = keys_create();

	assert_int_equal(keys_bind(keys, "drop", "D ^X", NULL), 0);
	assert_string_equal(keys_of(keys, ACTION_DROP), "D ^X");
	assert_int_equal(action_of(keys, "d", VIEW_SOURCES, 0), ACTION_NONE);
	assert_int_equal(action_of(keys, "^X", VIEW_SOURCES, 0), ACTION_DROP);
	/* Two that change places do not stand in each other's way. */
	assert_int_equal(keys_bind(keys, "refresh", "P", NULL), 0);
	assert_string_equal(keys_of(keys, ACTION_REPACK), "");
	assert_int_equal(keys_bind(keys, "repack", "R", NULL), 0);
	assert_int_equal(action_of(keys, "P", VIEW_SOURCES, 0), ACTION_REFRESH);
	assert_int_equal(action_of(keys, "R", VIEW_SOURCES, 0), ACTION_REPACK);
	/* Another view's key of the same name is left alone. */
	assert_int_equal(keys_bind(keys, "rename", "f", NULL), 0);
	assert_int_equal(action_of(keys, "f", VIEW_CHAT, 0), ACTION_FORK);
	assert_int_equal(keys_bind(keys, "find", "", NULL), 0);
	assert_string_equal(keys_of(keys, ACTION_FIND), "");
	keys_destroy(keys);
}

static void a_mistake_is_named_and_changes_nothing(void **state)
{
	struct keys *keys = keys_create();
	struct err err = {0};

	assert_int_equal(keys_bind(keys, "no-such", "a", &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.what, "no-such"));
	assert_int_equal(keys_bind(keys, "drop", "D Nope", &err), -1);
	assert_non_null(strstr(err.what, "Nope"));
	assert_string_equal(keys_of(keys, ACTION_DROP), "d");
	assert_int_equal(keys_bind(keys, "drop", "D", NULL), 0);
	assert_int_equal(keys_bind(keys, "preview", "D", &err), -1);
	assert_non_null(strstr(err.what, "preview"));
	assert_non_null(strstr(err.what, "drop"));
	/* A letter that is heard while typing could not be typed any more. */
	assert_int_equal(keys_bind(keys, "stop", "x", &err), -1);
	assert_string_equal(keys_of(keys, ACTION_STOP), "^C");
	keys_destroy(keys);
}

static void the_section_of_a_settings_file_is_read_past_its_mistakes(void **state)
{
	char path[] = "/tmp/test_keys_XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	struct keys *keys = keys_create();
	struct err err = {0};

	fputs("drop = z\n[keys]\nrefresh = F\nnothing = x\nrepack = U\n[other]\nuse = k\n", file);
	fclose(file);
	assert_int_equal(keys_read(keys, path, &err), -1);
	assert_non_null(strstr(err.where, ":4"));
	assert_string_equal(keys_of(keys, ACTION_DROP), "d"); /* not in [keys] */
	assert_string_equal(keys_of(keys, ACTION_REFRESH), "F");
	assert_string_equal(keys_of(keys, ACTION_REPACK), "U");
	unlink(path);
	assert_int_equal(keys_read(keys, path, &err), 0); /* no file is no mistake */
	keys_destroy(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_keys_read_back_as_the_keys),
		cmocka_unit_test(what_is_no_key_is_refused),
		cmocka_unit_test(by_default_no_key_has_two_meanings),
		cmocka_unit_test(while_typing_only_the_keys_of_always_are_heard),
		cmocka_unit_test(a_key_is_bound_instead_of_the_default_and_leaves_who_had_it),
		cmocka_unit_test(a_mistake_is_named_and_changes_nothing),
		cmocka_unit_test(the_section_of_a_settings_file_is_read_past_its_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
