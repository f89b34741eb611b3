/* Themes: what a file says, what it may not say, and what is left of it with fewer colours. */
#include "tui/theme.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { RGB = 0x1000000 };

static int parse(struct theme *theme, const char *text, struct err *err)
{
	return theme_parse(theme, "my.theme", text, strlen(text), err);
}

static void is_style(
	const struct theme *theme, enum element element, int fg, int bg, int attributes)
{
	assert_int_equal(theme->style[element].fg, fg);
	assert_int_equal(theme->style[element].bg, bg);
	assert_int_equal(theme->style[element].attributes, attributes);
}

static void a_line_says_colours_and_attributes_in_any_order(void **state)
{
	struct theme theme = {0};

	assert_int_equal(parse(&theme,
				 "# mine\n\nheading = bold blue\nquoted=black on yellow\r\n"
				 "code = #ff8000 italic on 17 underline\nuser = reverse\n"
				 "model = default on bright-red\ncursor = on #010203",
				 NULL),
		0);
	is_style(&theme, ELEMENT_HEADING, 4, -1, THEME_BOLD);
	is_style(&theme, ELEMENT_QUOTED, 0, 3, 0);
	is_style(&theme, ELEMENT_CODE, RGB | 0xff8000, 17, THEME_ITALIC | THEME_UNDERLINE);
	is_style(&theme, ELEMENT_USER, -1, -1, THEME_REVERSE);
	is_style(&theme, ELEMENT_MODEL, -1, 9, 0);
	is_style(&theme, ELEMENT_CURSOR, -1, RGB | 0x010203, 0);
}

static void what_a_file_leaves_out_is_as_in_the_default(void **state)
{
	struct theme theme = {0}, usual = {0};

	assert_int_equal(theme_load(&usual, "default", NULL, NULL), 0);
	assert_int_equal(parse(&theme, "title = red\n", NULL), 0);
	is_style(&theme, ELEMENT_TITLE, 1, -1, 0);
	assert_memory_equal(
		&theme.style[ELEMENT_ERROR], &usual.style[ELEMENT_ERROR], sizeof(theme.style[0]));
	theme_finish(&usual);
}

static void a_mistake_is_named_with_its_line_and_changes_nothing(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} mistake[] = {
		{"title = red\nheadline = blue\n", "my.theme:2", "headline"},
		{"title = rad\n", "my.theme:1", "rad"},
		{"title red\n", "my.theme:1", "="},
		{"title = red green\n", "my.theme:1", "green"},
		{"title = red on\n", "my.theme:1", "on"},
		{"title = red on blue on green\n", "my.theme:1", "on"},
		{"title = 256\n", "my.theme:1", "256"},
		{"title = #12345g\n", "my.theme:1", "#12345g"},
		{"title = #123\n", "my.theme:1", "#123"},
		{"\n\n\ntitle more = red\n", "my.theme:4", "more"},
		{"= red\n", "my.theme:1", "nothing"},
	};
	struct theme theme = {0};

	assert_int_equal(parse(&theme, "title = 99\n", NULL), 0);
	for (size_t i = 0; i < sizeof(mistake) / sizeof(mistake[0]); i++) {
		struct err err = {0};

		assert_int_equal(parse(&theme, mistake[i].text, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_string_equal(err.where, mistake[i].where);
		assert_non_null(strstr(err.what, mistake[i].what));
		is_style(&theme, ELEMENT_TITLE, 99, -1, 0);
	}
}

static const char *themes_folder(void)
{
	static char folder[4096];
	const char *source = getenv("CARREL_TEST_SOURCE");

	assert_non_null(source);
	snprintf(folder, sizeof(folder), "%s/themes", source);
	return folder;
}

static void every_theme_that_comes_with_carrel_is_read_and_says_every_element(void **state)
{
	static const char *const expected[] = {
		"dark", "default", "high-contrast", "light", "monochrome"};
	size_t n = 0;
	char *name;

	while ((name = theme_name(themes_folder(), n))) {
		struct theme theme = {0};
		struct err err = {0};
		char path[4200], text[16384];
		FILE *file;

		assert_string_equal(name, expected[n]);
		assert_int_equal(theme_load(&theme, name, themes_folder(), &err), 0);
		assert_string_equal(theme.name, name);
		snprintf(path, sizeof(path), "%s/%s.theme", themes_folder(), name);
		file = fopen(path, "r");
		assert_non_null(file);
		text[0] = '\n';
		text[1 + fread(text + 1, 1, sizeof(text) - 2, file)] = '\0';
		fclose(file);
		for (int i = 0; i < ELEMENT_COUNT; i++) {
			char line[64];

			snprintf(line, sizeof(line), "\n%s ", element_name((enum element)i));
			assert_non_null(strstr(text, line));
		}
		theme_finish(&theme);
		free(name);
		n++;
	}
	assert_int_equal(n, 5);
}

static void the_default_uses_only_what_the_terminal_itself_has(void **state)
{
	struct theme theme = {0};

	assert_int_equal(theme_load(&theme, "default", NULL, NULL), 0);
	for (int i = 0; i < ELEMENT_COUNT; i++) {
		assert_true(theme.style[i].fg < 16 && theme.style[i].bg < 16);
	}
	is_style(&theme, ELEMENT_TEXT, -1, -1, 0);
	theme_finish(&theme);
}

static void a_theme_of_the_user_goes_before_one_of_the_same_name(void **state)
{
	char folder[] = "/tmp/test_theme_XXXXXX", path[128];
	struct theme theme = {0};
	struct err err = {0};
	FILE *file;

	assert_non_null(mkdtemp(folder));
	setenv("XDG_CONFIG_HOME", folder, 1);
	snprintf(path, sizeof(path), "%s/carrel", folder);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/carrel/themes", folder);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/carrel/themes/dark.theme", folder);
	file = fopen(path, "w");
	fputs("title = 77\n", file);
	fclose(file);
	assert_int_equal(theme_load(&theme, "dark", themes_folder(), &err), 0);
	is_style(&theme, ELEMENT_TITLE, 77, -1, 0);
	/* By its path, too; and a mistake in it names the file. */
	assert_int_equal(theme_load(&theme, path, NULL, &err), 0);
	file = fopen(path, "w");
	fputs("\ntitel = 77\n", file);
	fclose(file);
	assert_int_equal(theme_load(&theme, "dark", themes_folder(), &err), -1);
	assert_non_null(strstr(err.where, "dark.theme:2"));
	is_style(&theme, ELEMENT_TITLE, 77, -1, 0);
	assert_int_equal(theme_load(&theme, "no-such", themes_folder(), &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	theme_finish(&theme);
	unlink(path);
	for (const char *part = "/carrel/themes"; part;
		part = part[0] == '/' && part[7] ? "/carrel" : NULL) {
		snprintf(path, sizeof(path), "%s%s", folder, part);
		rmdir(path);
	}
	rmdir(folder);
	unsetenv("XDG_CONFIG_HOME");
}

static void fits(struct theme_style style, int n_color, int fg, int bg, int attributes)
{
	struct theme_style fit = theme_style_fit(style, n_color);

	assert_int_equal(fit.fg, fg);
	assert_int_equal(fit.bg, bg);
	assert_int_equal(fit.attributes, attributes);
}

static void with_fewer_colours_the_nearest_is_taken(void **state)
{
	fits((struct theme_style){RGB | 0xff0000, -1, 0}, 1 << 24, 0xff0000, -1, 0);
	fits((struct theme_style){RGB | 0xff0000, -1, 0}, 256, 196, -1, 0);
	fits((struct theme_style){RGB | 0x1c1c1c, RGB | 0xffffff, 0}, 256, 234, 231, 0);
	fits((struct theme_style){RGB | 0xff0000, -1, 0}, 16, 9, -1, 0);
	fits((struct theme_style){RGB | 0xf00000, -1, 0}, 8, 1, -1, 0);
	fits((struct theme_style){196, 21, 0}, 16, 9, 4, 0);
	fits((struct theme_style){9, 12, 0}, 8, 1, 4, THEME_BOLD);
	/* A direct terminal has the first eight by number, and none of the others. */
	fits((struct theme_style){3, 9, 0}, 1 << 24, 3, 0xff0000, 0);
	fits((struct theme_style){-1, -1, THEME_DIM}, 8, -1, -1, THEME_DIM);
}

static void without_colours_attributes_stay_and_a_background_is_reversed(void **state)
{
	fits((struct theme_style){1, -1, THEME_BOLD}, 0, -1, -1, THEME_BOLD);
	fits((struct theme_style){0, 3, 0}, 0, -1, -1, THEME_REVERSE);
	fits((struct theme_style){-1, -1, THEME_REVERSE}, 0, -1, -1, THEME_REVERSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_says_colours_and_attributes_in_any_order),
		cmocka_unit_test(what_a_file_leaves_out_is_as_in_the_default),
		cmocka_unit_test(a_mistake_is_named_with_its_line_and_changes_nothing),
		cmocka_unit_test(every_theme_that_comes_with_carrel_is_read_and_says_every_element),
		cmocka_unit_test(the_default_uses_only_what_the_terminal_itself_has),
		cmocka_unit_test(a_theme_of_the_user_goes_before_one_of_the_same_name),
		cmocka_unit_test(with_fewer_colours_the_nearest_is_taken),
		cmocka_unit_test(without_colours_attributes_stay_and_a_background_is_reversed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
