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
		cmocka_unit_test(folders_are_private_under_any_umask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
