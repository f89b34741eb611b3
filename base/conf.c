#include "base/conf.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
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

char *conf_sessions_dir(void)
{
	char *data = conf_data_dir(), *sessions = data ? mem_printf("%s/sessions", data) : NULL;

	free(data);
	return sessions;
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
		if (mkdir(part, 0700) == 0) {
			/* A folder that may not be read cannot be synced either. */
			failed = file_sync_name(part) < 0 && errno == EIO ? EIO : 0;
		} else if (errno != EEXIST) {
			failed = errno;
		}
		if (slash) {
			*slash = '/';
		}
	}
	free(part);
	return failed ? err_set_errno(err, ERR_FAILURE, failed, path, "cannot be made") : 0;
}

/*
 * Our own reader in place of inih: that one cuts lines of 200 bytes in two, ends a value at " ;",
 * joins indented lines to those above and ends at a NUL, and says nothing of it.
 */
struct reader {
	int (*set)(void *arg, const char *section, const char *name, const char *value,
		struct err *err);
	void *arg;
	const char *section;
};

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The text between blanks: ends it in place and returns where it begins. */
static char *trim(char *text, char *end)
{
	while (text < end && is_blank(*text)) {
		text++;
	}
	while (end > text && is_blank(end[-1])) {
		end--;
	}
	*end = 0;
	return text;
}

/* One line, which ends at *end (a byte that may be overwritten). The error has no place yet. */
static int take_line(struct reader *reader, char *line, char *end, struct err *err)
{
	char *equals;

	if (memchr(line, 0, (size_t)(end - line))) {
		return err_set(
			err, ERR_USAGE, NULL, "settings are text: remove it", "holds a NUL byte");
	}
	line = trim(line, end);
	end = line + strlen(line);
	if (!line[0] || line[0] == '#') {
		return 0;
	}
	if (line[0] == '[' && end[-1] == ']') {
		reader->section = trim(line + 1, end - 1);
		return 0;
	}
	equals = strchr(line, '=');
	if (line[0] == '[' || !equals || equals == line) {
		return err_set(err, ERR_USAGE, NULL, "write name = value",
			"is neither a setting (NAME = VALUE) nor a comment");
	}
	return reader->set(
		reader->arg, reader->section, trim(line, equals), trim(equals + 1, end), err);
}

int conf_read(const char *path,
	int (*set)(void *arg, const char *section, const char *name, const char *value,
		struct err *err),
	void *arg, struct err *err)
{
	return conf_read_on(path, set, NULL, arg, err);
}

int conf_read_on(const char *path,
	int (*set)(void *arg, const char *section, const char *name, const char *value,
		struct err *err),
	void (*mistake)(const struct err *err), void *arg, struct err *err)
{
	static const char byte_order_mark[] = "\xef\xbb\xbf";
	struct reader reader = {.set = set, .arg = arg, .section = ""};
	struct buf text = BUF_INIT;
	struct err found, last = {0};
	long long number = 0;
	int status = 0;

	if (access(path, F_OK) < 0 && errno == ENOENT) {
		return 1;
	}
	if (file_read(&text, path, SETTINGS_MAX_BYTES, err) < 0) {
		buf_finish(&text);
		return -1;
	}
	for (char *line = text.data, *stop = line + text.len;
		line < stop && (status == 0 || mistake);) {
		char *feed = memchr(line, '\n', (size_t)(stop - line));
		char *end = feed ? feed : stop; /* the buffer ends with a NUL of its own */

		if (number++ == 0 && strncmp(line, byte_order_mark, 3) == 0) {
			line += 3;
		}
		if (take_line(&reader, line, end, &found) < 0) {
			if (status < 0) {
				mistake(&last);
			}
			status = -1;
			last = found;
			snprintf(last.where, sizeof(last.where), "%.350s:%lld", path, number);
		}
		line = end + 1;
	}
	buf_finish(&text);
	if (status < 0 && err) {
		*err = last;
	}
	return status;
}
