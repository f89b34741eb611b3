#include "session/command_words.h"

#include "base/mem.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- paths ---- */

char *command_path(const char *typed)
{
	size_t len = strcspn(typed, "/");
	char *who = mem_strndup(typed, len), *path;
	glob_t home = {0};

	/* glob() knows homes, and is given no pattern here. */
	if (typed[0] == '~' && !strpbrk(who, "*?[\\") && glob(who, GLOB_TILDE, NULL, &home) == 0) {
		path = mem_printf("%s%s", home.gl_pathv[0], typed + len);
	} else {
		path = mem_strdup(typed);
	}
	globfree(&home);
	free(who);
	return path;
}

static char **one_path(char *path, size_t *count)
{
	char **list = mem_alloc(sizeof(*list));

	list[0] = path;
	*count = 1;
	return list;
}

/* Words that are all there: several paths. NULL where one of them is not, or there is only one. */
static char **split_paths(const char *typed, int has_tilde, size_t *count)
{
	char **list = NULL;
	size_t n = 0;
	int is_there = 1;

	for (typed += strspn(typed, " "); *typed && is_there; n++) {
		size_t len = strcspn(typed, " ");
		char *word = mem_strndup(typed, len);

		list = mem_resize(list, n + 1, sizeof(*list));
		list[n] = has_tilde ? command_path(word) : mem_strdup(word);
		is_there = access(list[n], F_OK) == 0;
		free(word);
		typed += len + strspn(typed + len, " ");
	}
	if (!is_there || n < 2) {
		command_paths_free(list, n);
		return NULL;
	}
	*count = n;
	return list;
}

char **command_paths(const char *typed, int has_tilde, size_t *count)
{
	size_t len = strlen(typed);
	glob_t found = {0};
	char **list, *path;

	if (len > 1 && (typed[0] == '"' || typed[0] == '\'') && typed[len - 1] == typed[0] &&
		access(typed, F_OK) < 0) {
		return one_path(mem_strndup(typed + 1, len - 2), count);
	}
	path = has_tilde ? command_path(typed) : mem_strdup(typed);
	if (access(path, F_OK) == 0 || glob(path, 0, NULL, &found) != 0) {
		globfree(&found);
		list = access(path, F_OK) == 0 ? NULL : split_paths(typed, has_tilde, count);
		if (!list) {
			return one_path(path, count);
		}
		free(path);
		return list;
	}
	*count = found.gl_pathc;
	list = mem_alloc(*count * sizeof(*list));
	for (size_t i = 0; i < *count; i++) {
		list[i] = mem_strdup(found.gl_pathv[i]);
	}
	globfree(&found);
	free(path);
	return list;
}

void command_paths_free(char **path, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(path[i]);
	}
	free(path);
}

/* ---- sources and turns ---- */

static int is_among(const int64_t *number, size_t count, int64_t value)
{
	for (size_t i = 0; i < count; i++) {
		if (number[i] == value) {
			return 1;
		}
	}
	return 0;
}

int command_add_sources(int64_t **number, size_t *count, const char *typed, struct err *err)
{
	const char *at = typed;

	do {
		char *end;
		long long value;

		at += *at == 'S' || *at == 's';
		errno = 0;
		value = strtoll(at, &end, 10);
		if (errno || end == at || value < 1 || !strchr(", ", *end)) {
			return err_set(err, ERR_USAGE, typed, "name it S2, or several S2,S3",
				"is not the number of a source");
		}
		if (!is_among(*number, *count, value)) {
			*number = mem_resize(*number, *count + 1, sizeof(**number));
			(*number)[(*count)++] = value;
		}
		at = end + strspn(end, ", ");
	} while (*at);
	return 0;
}

int command_turn(int64_t *turn, const char *command, const char *typed, struct err *err)
{
	const char *digits = typed + (typed[0] == '#');
	long long id;
	char *end;

	errno = 0;
	id = strtoll(digits, &end, 10);
	if (errno || end == digits || end[strspn(end, " ")] || id < 1) {
		return err_set(
			err, ERR_USAGE, command, "/turns lists them", "needs the number of a turn");
	}
	*turn = id;
	return 0;
}
