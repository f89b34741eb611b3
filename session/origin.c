#include "session/origin.h"

#include "base/mem.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int origin_lasts(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

/* The session's directory where that is not where we are; NULL where it is, or is not known. */
static const char *other_directory(const struct session *session)
{
	const char *directory = session_setting(session, STORE_DIRECTORY);
	char *here = getcwd(NULL, 0);
	int is_here = !directory || !directory[0] || !here || strcmp(directory, here) == 0;

	free(here);
	return is_here ? NULL : directory;
}

char *origin_keep(const struct session *session, const char *path)
{
	char *here, *whole;

	if (path[0] == '/' || !other_directory(session) || !origin_lasts(path)) {
		return mem_strdup(path);
	}
	here = getcwd(NULL, 0);
	whole = mem_printf("%s/%s", here ? here : ".", path);
	free(here);
	return whole;
}

char *origin_path(const struct session *session, const char *origin)
{
	const char *directory = origin[0] == '/' ? NULL : other_directory(session);

	return directory ? mem_printf("%s/%s", directory, origin) : mem_strdup(origin);
}

char *origin_key(const char *path)
{
	char *real = origin_lasts(path) ? realpath(path, NULL) : NULL;

	return real ? real : mem_strdup(path);
}

/* ---- options ---- */

/* A line each: +PATTERN, -PATTERN, or the name of what is on. */
static const char option_secrets[] = "secrets", option_headers[] = "headers",
		  option_layout[] = "layout";

static void add_patterns(struct buf *out, char sign, const char *const *pattern, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		buf_printf(out, "%c%s\n", sign, pattern[i]);
	}
}

char *origin_options_text(const struct load_options *options)
{
	struct buf text = BUF_INIT;

	add_patterns(&text, '+', options->include, options->n_include);
	add_patterns(&text, '-', options->exclude, options->n_exclude);
	if (options->include_secrets) {
		buf_printf(&text, "%s\n", option_secrets);
	}
	if (options->drop_headers) {
		buf_printf(&text, "%s\n", option_headers);
	}
	if (options->layout) {
		buf_printf(&text, "%s\n", option_layout);
	}
	return buf_take(&text);
}

struct load_options origin_options(
	const struct load_options *base, const char *text, struct origin_patterns *patterns)
{
	struct load_options options = *base;
	size_t n_line = 0, n_include = 0, n_exclude = 0;
	char *rest = NULL;

	for (const char *at = text; *at; at++) {
		n_line += *at == '\n';
	}
	patterns->text = mem_strdup(text);
	patterns->pattern = mem_zero(2 * n_line + 1, sizeof(*patterns->pattern));
	options.include = patterns->pattern;
	options.exclude = patterns->pattern + n_line;
	options.include_secrets = options.drop_headers = options.layout = 0;
	for (char *line = strtok_r(patterns->text, "\n", &rest); line;
		line = strtok_r(NULL, "\n", &rest)) {
		if (line[0] == '+') {
			patterns->pattern[n_include++] = line + 1;
		} else if (line[0] == '-') {
			patterns->pattern[n_line + n_exclude++] = line + 1;
		}
		options.include_secrets |= strcmp(line, option_secrets) == 0;
		options.drop_headers |= strcmp(line, option_headers) == 0;
		options.layout |= strcmp(line, option_layout) == 0;
	}
	options.n_include = n_include;
	options.n_exclude = n_exclude;
	return options;
}

void origin_patterns_finish(struct origin_patterns *patterns)
{
	free(patterns->text);
	free(patterns->pattern);
	*patterns = (struct origin_patterns){0};
}

char *origin_options_key(int64_t number)
{
	return mem_printf("load.%lld", (long long)number);
}
