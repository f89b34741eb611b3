/* Settings files and the folders they stand in. */
#include "base/conf.h"

#include "base/buf.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

static int collect(
	void *arg, const char *section, const char *name, const char *value, struct err *err)
{
	if (strcmp(name, "bad") == 0) {
		return err_set(err, ERR_USAGE, NULL, NULL, "no such setting");
	}
	buf_printf(arg, "[%s]%s=%s;", section, name, value);
	return 0;
}

static void settings_are_read_and_mistakes_have_a_line(void **state)
{
	char folder[] = "/tmp/carrel-conf-XXXXXX";
	struct buf seen = BUF_INIT;
	struct err err;
	char *path;
	FILE *out;

	assert_non_null(mkdtemp(folder));
	path = mem_printf("%s/config", folder);
	assert_int_equal(conf_read(path, collect, &seen, &err), 1);
	out = fopen(path, "w");
	fputs("# comment\nmodel = a b.gguf\n[chat]\ntemp = 0.5\n", out);
	fclose(out);
	assert_int_equal(conf_read(path, collect, &seen, &err), 0);
	assert_string_equal(buf_str(&seen), "[]model=a b.gguf;[chat]temp=0.5;");
	out = fopen(path, "a");
	fputs("bad = 1\n", out);
	fclose(out);
	assert_int_equal(conf_read(path, collect, &seen, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.where, "config:5"));
	out = fopen(path, "w");
	fputs("model = x\nnonsense\n", out);
	fclose(out);
	assert_int_equal(conf_read(path, collect, &seen, &err), -1);
	assert_non_null(strstr(err.where, "config:2"));
	unlink(path);
	rmdir(folder);
	free(path);
	buf_finish(&seen);
}

/* The settings of a file that holds these bytes, or the error with its place. */
static int read_bytes(const char *bytes, size_t len, struct buf *seen, struct err *err)
{
	char path[] = "/tmp/carrel-conf-XXXXXX";
	int fd = mkstemp(path), status;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
	buf_clear(seen);
	*err = (struct err){0};
	status = conf_read(path, collect, seen, err);
	unlink(path);
	return status;
}

static void values_are_taken_whole(void **state)
{
	static const struct {
		const char *text, *seen;
	} rows[] = {
		{"system = Answer briefly ; in French", "[]system=Answer briefly ; in French;"},
		{"a = b # c\n", "[]a=b # c;"},
		{"a = x=y:z\n", "[]a=x=y:z;"},
		{"\ta = 1\r\n  b = 2 \t\r\n", "[]a=1;[]b=2;"},
		{"a =\n[ s ]\n b=1", "[]a=;[s]b=1;"},
		{"\xef\xbb\xbf"
		 "a = 1\n",
			"[]a=1;"},
		{"a = \"quoted\"\n # x\n\n", "[]a=\"quoted\";"},
		{"", ""},
	};
	struct buf seen = BUF_INIT;
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(read_bytes(rows[i].text, strlen(rows[i].text), &seen, &err), 0);
		assert_string_equal(buf_str(&seen), rows[i].seen);
	}
	buf_finish(&seen);
}

static void long_lines_stay_whole(void **state)
{
	struct buf text = BUF_INIT, wanted = BUF_INIT, seen = BUF_INIT;
	struct err err;

	buf_addstr(&wanted, "[]system=");
	buf_addstr(&text, "# ");
	for (int i = 0; i < 500; i++) {
		buf_addstr(&text, "x = 1 ");
	}
	buf_addstr(&text, "\nsystem = ");
	for (int i = 0; i < 5000; i++) {
		buf_printf(&text, "%d,", i);
		buf_printf(&wanted, "%d,", i);
	}
	buf_addch(&wanted, ';');
	assert_int_equal(read_bytes(text.data, text.len, &seen, &err), 0);
	assert_string_equal(buf_str(&seen), buf_str(&wanted));
	buf_finish(&text);
	buf_finish(&wanted);
	buf_finish(&seen);
}

static void what_would_be_misread_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		int line;
	} rows[] = {
		{"a = 1\nb = x\0y\n", 14, 2},
		{"\0", 1, 1},
		{"a = 1\n  continued\n", 18, 2},
		{"[chat\n", 6, 1},
		{"\n\n= 1\n", 6, 3},
		{"; begins no comment\n", 20, 1},
	};
	struct buf seen = BUF_INIT;
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char tail[8];

		snprintf(tail, sizeof(tail), ":%d", rows[i].line);
		assert_int_equal(read_bytes(rows[i].text, rows[i].len, &seen, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_string_equal(strrchr(err.where, ':'), tail);
	}
	buf_finish(&seen);
}

static void folders_are_private_under_any_umask(void **state)
{
	char folder[] = "/tmp/carrel-dir-XXXXXX";
	mode_t before = umask(0);
	struct stat st;
	struct err err;
	char *deep;

	assert_non_null(mkdtemp(folder));
	deep = mem_printf("%s/a/b", folder);
	assert_int_equal(conf_make_dir(deep, &err), 0);
	assert_int_equal(conf_make_dir(deep, &err), 0);
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	umask(before);
	rmdir(deep);
	*strrchr(deep, '/') = 0;
	rmdir(deep);
	rmdir(folder);
	free(deep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_read_and_mistakes_have_a_line),
		cmocka_unit_test(values_are_taken_whole),
		cmocka_unit_test(long_lines_stay_whole),
		cmocka_unit_test(what_would_be_misread_is_refused_with_its_line),
		cmocka_unit_test(folders_are_private_under_any_umask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
