#include "base/conf.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SETTINGS_MAX_BYTES = 1 << 20 };

/* A relative path in the variable is ignored, as the specification asks. */
static char *place(const char *variable, const char *below_home)
{
	const char *value = getenv(variable);
	const char *home = getenv("HOME");

	if (value && value[0] == '/') {
		return mem_printf("%s/carrel", value);
	}
	return home && home[0] == '/' ? mem_printf("%s/%s/carrel", home, below_home) : NULL;
}

char *conf_config_dir(void)
{
	return place("XDG_CONFIG_HOME", ".config");
}

char *conf_data_dir(void)
{
	return place("XDG_DATA_HOME", ".local/share");
}

char *conf_state_dir(void)
{
	return place("XDG_STATE_HOME", ".local/state");
}

char *conf_cache_dir(void)
{
	return place("XDG_CACHE_HOME", ".cache");
}

int conf_make_dir(const char *path, struct err *err)
{
	char *part = mem_strdup(path);
	int failed = 0;

	for (char *slash = part; slash && !failed;) {
		slash = strchr(slash + 1, '/');
		if (slash) {
			*slash = 0;
		}
		/* The owner's bits stay under any umask that leaves him his own folders. */
		if (mkdir(part, 0700) < 0 && errno != EEXIST) {
			failed = errno;
		}
		if (slash) {
			*slash = '/';
		}
	}
	free(part);
	return failed ? err_set_errno(err, ERR_FAILURE, failed, path, "cannot be made") : 0;
}

struct reader {
	int (*set)(void *arg, const char *section, const char *name, const char *value,
		struct err *err);
	void *arg;
	struct err *err;
	int failed;
};

/* inih goes on after an error and reports the line of the first one. */
static int take(void *arg, const char *section, const char *name, const char *value)
{
	struct reader *reader = arg;

	if (reader->failed) {
		return 1;
	}
	if (reader->set(reader->arg, section, name, value ? value : "", reader->err) < 0) {
		reader->failed = 1;
		return 0;
	}
	return 1;
}

int conf_read(const char *path,
	int (*set)(void *arg, const char *section, const char *name, const char *value,
		struct err *err),
	void *arg, struct err *err)
{
	struct err own;
	struct reader reader = {.set = set, .arg = arg, .err = err ? err : &own};
	struct buf text = BUF_INIT;
	int line;

	if (access(path, F_OK) < 0 && errno == ENOENT) {
		return 1;
	}
	if (file_read(&text, path, SETTINGS_MAX_BYTES, err) < 0) {
		buf_finish(&text);
		return -1;
	}
	line = ini_parse_string(buf_str(&text), take, &reader);
	buf_finish(&text);
	if (reader.failed) {
		snprintf(reader.err->where, sizeof(reader.err->where), "%.350s:%d", path, line);
		return -1;
	}
	if (line > 0) {
		char where[384];

		snprintf(where, sizeof(where), "%.350s:%d", path, line);
		return err_set(err, ERR_USAGE, where, "write name = value",
			"is neither a setting, a [section], nor a comment");
	}
	return line < 0 ? err_set(err, ERR_FAILURE, path, NULL, "could not be parsed") : 0;
}
