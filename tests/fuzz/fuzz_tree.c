/*
 * What a folder brings besides its texts: rules of any kind against any path, and the files of a git
 * repository. The first byte says which; names found in an index are tracked, revisions are digits.
 */
#include "base/mem.h"
#include "loaders/secret.h"
#include "loaders/tree/ignore.h"
#include "loaders/tree/repository.h"
#include "loaders/tree/rules.h"
#include "loaders/tree/user.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

/* Rules, a NUL, a path. A rule that is the path itself, its signs escaped, matches it. */
static void check_rules(const char *text, size_t len)
{
	const char *nul = memchr(text, '\0', len);
	char *path =
		nul ? mem_strndup(nul + 1, (size_t)(text + len - nul) - 1) : mem_strdup("a/b.c");
	size_t path_len = strlen(path);
	const char *slash = strrchr(path, '/');
	size_t name_at = slash ? (size_t)(slash - path) + 1 : 0;
	struct ignore_list *list =
		ignore_list_create(".gitignore", 0, text, nul ? (size_t)(nul - text) : len);
	struct buf literal = BUF_INIT;

	ignore_list_match(list, path, path_len, name_at, 0);
	ignore_list_match(list, path, path_len, name_at, 1);
	if (path_len > 0 && path_len < 4096 && name_at < path_len && !strstr(path, "//") &&
		!strchr(path, '\n') && path[0] != '/') {
		buf_addch(&literal, '/');
		for (size_t i = 0; i < path_len; i++) {
			if (strchr("*?[\\ ", path[i])) {
				buf_addch(&literal, '\\');
			}
			buf_addch(&literal, path[i]);
		}
		ignore_list_add(list, literal.data, literal.len, 1);
		must(ignore_list_match(list, path, path_len, name_at, 0) != NULL);
	}
	buf_finish(&literal);
	ignore_list_destroy(list);
	free(path);
}

/* A path's first line, then a text. */
static void check_text(const char *text, size_t len)
{
	const char *feed = memchr(text, '\n', len);
	char *path = feed ? mem_strndup(text, (size_t)(feed - text)) : mem_strdup("a.c");
	const char *body = feed ? feed + 1 : text;
	size_t body_len = len - (size_t)(body - text);
	/* Exactly as long as it is, so that a read past the end is seen. */
	char *copy = mem_alloc(body_len + 1);

	memcpy(copy, body, body_len);
	copy[body_len] = '\0';
	secret_of_name(path);
	secret_of_text(path, copy, body_len);
	rule_of_name(path);
	rule_of_text(path, copy, body_len);
	rule_is_document(path, copy, body_len);
	free(copy);
	free(path);
}

static void check_index(const char *bytes, size_t len)
{
	struct repository *repository = mem_zero(1, sizeof(*repository));

	if (repository_parse_index(repository, bytes, len) == 0) {
		for (size_t i = 0; i < repository->n_tracked; i++) {
			const char *name = repository->tracked[i];

			must(repository_tracks(repository, name, strlen(name)));
		}
	}
	repository_close(repository);
}

static void check_rev(char *rev)
{
	must(!rev || (strlen(rev) == 12 && strspn(rev, "0123456789abcdef") == 12));
	free(rev);
}

static void ignore_setting(void *arg, const char *section, const char *name, const char *value)
{
	must(strlen(section) + strlen(name) + strlen(value) <= *(size_t *)arg);
}

static void check_files(const char *text, size_t len)
{
	char *copy = mem_strndup(text, len);
	char *folder = repository_parse_gitdir("a/b/", text, len);

	check_rev(repository_parse_id(text, len));
	check_rev(repository_parse_packed_refs(text, len, "refs/heads/main"));
	must(!folder ||
		(folder[0] != '/' && strncmp(folder, "../", 3) != 0 && !strstr(folder, "/../")));
	user_config_parse(copy, ignore_setting, &len);
	free(folder);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const check[])(const char *text, size_t len) = {
		check_rules, check_text, check_index, check_files};

	if (size > 0 && size < 1 << 16) {
		check[data[0] % ARRAY_LEN(check)]((const char *)data + 1, size - 1);
	}
	return 0;
}
