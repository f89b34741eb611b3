/* A repository's files: HEAD, packed-refs, info/exclude, and .git where that is a file. */
#include "loaders/tree/repository.h"

#include "base/mem.h"
#include "loaders/tree/beneath.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	REV_DIGITS = 12,
	MAX_REF_BYTES = 4096,
	MAX_RULES_BYTES = 4 << 20,
	MAX_PACKED_BYTES = 64 << 20,
	MAX_INDEX_BYTES = 256 << 20,
};

static size_t hex_length(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len &&
		((text[n] >= '0' && text[n] <= '9') || (text[n] >= 'a' && text[n] <= 'f'))) {
		n++;
	}
	return n;
}

char *repository_parse_id(const char *text, size_t len)
{
	size_t digits = hex_length(text, len);

	if ((digits != 40 && digits != 64) || (digits < len && !strchr("\n\r ", text[digits]))) {
		return NULL;
	}
	return mem_strndup(text, REV_DIGITS);
}

char *repository_parse_packed_refs(const char *text, size_t len, const char *ref)
{
	const char *end = text + len;
	size_t ref_len = strlen(ref);

	while (text < end) {
		const char *feed = memchr(text, '\n', (size_t)(end - text));
		size_t line_len = (size_t)((feed ? feed : end) - text);
		size_t digits = hex_length(text, line_len);

		if (digits > 0 && line_len - digits == ref_len + 1 && text[digits] == ' ' &&
			memcmp(text + digits + 1, ref, ref_len) == 0) {
			return repository_parse_id(text, line_len);
		}
		text += line_len + (feed != NULL);
	}
	return NULL;
}

/* Drop "." and ".." from a path; returns -1 where it leads out of the root. */
static int flatten(struct buf *out, const char *path)
{
	while (*path) {
		size_t len = strcspn(path, "/");

		if (len == 2 && memcmp(path, "..", 2) == 0) {
			if (out->len == 0) {
				return -1;
			}
			for (out->len--; out->len > 0 && out->data[out->len - 1] != '/';) {
				out->len--;
			}
		} else if (len > 0 && !(len == 1 && path[0] == '.')) {
			buf_add(out, path, len);
			buf_addch(out, '/');
		}
		path += len + (path[len] == '/');
	}
	return 0;
}

char *repository_parse_gitdir(const char *path, const char *text, size_t len)
{
	static const char word[] = "gitdir: ";
	struct buf joined = BUF_INIT, flat = BUF_INIT;
	int status = -1;

	len = strnlen(text, len);
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
		len--;
	}
	if (len > strlen(word) && memcmp(text, word, strlen(word)) == 0 && text[8] != '/') {
		buf_addstr(&joined, path);
		buf_add(&joined, text + strlen(word), len - strlen(word));
		status = flatten(&flat, buf_str(&joined));
		if (flat.data) {
			flat.data[flat.len] = '\0';
		}
	}
	buf_finish(&joined);
	if (status < 0) {
		buf_finish(&flat);
		return NULL;
	}
	return buf_take(&flat);
}

static int read_in(struct buf *out, int root_fd, const char *folder, const char *name, size_t max)
{
	char *path = mem_printf("%s%s", folder, name);
	int status = beneath_read(out, root_fd, path, max);

	free(path);
	return status;
}

/* A ref's name is used as a path: openat2() keeps it inside, this keeps it among the refs. */
static int ref_is_sound(const char *ref)
{
	return strncmp(ref, "refs/", 5) == 0 && !strstr(ref, "..") && !strstr(ref, "//");
}

/* The revision that HEAD names; `common` is where refs stand that worktrees share. */
static char *read_rev(int root_fd, const char *dir, const char *common)
{
	struct buf head = BUF_INIT, ref = BUF_INIT, packed = BUF_INIT;
	char *rev = NULL;

	if (read_in(&head, root_fd, dir, "HEAD", MAX_REF_BYTES) == 0 && head.len > 0) {
		if (strncmp(head.data, "ref: ", 5) == 0) {
			char *name = head.data + 5;

			name[strcspn(name, "\r\n")] = '\0';
			if (!ref_is_sound(name)) {
				rev = NULL;
			} else if (read_in(&ref, root_fd, common, name, MAX_REF_BYTES) == 0) {
				rev = repository_parse_id(buf_str(&ref), ref.len);
			} else if (read_in(&packed, root_fd, common, "packed-refs",
					   MAX_PACKED_BYTES) == 0) {
				rev = repository_parse_packed_refs(
					buf_str(&packed), packed.len, name);
			}
		} else {
			rev = repository_parse_id(head.data, head.len);
		}
	}
	buf_finish(&head);
	buf_finish(&ref);
	buf_finish(&packed);
	return rev;
}

/*
 * Where the git folder lies: .git itself, or what a file of that name says. Returns 0 with *dir, NULL
 * where that is out of reach; -1 where there is no repository.
 */
static int find_dir(int root_fd, const char *path, char **dir)
{
	char *git = mem_printf("%s.git", path);
	struct buf text = BUF_INIT;
	int status = -1;

	*dir = mem_printf("%s/", git);
	if (read_in(&text, root_fd, *dir, "HEAD", MAX_REF_BYTES) == 0) {
		status = 0;
	} else {
		free(*dir);
		*dir = NULL;
		if (beneath_read(&text, root_fd, git, MAX_REF_BYTES) == 0 &&
			strncmp(buf_str(&text), "gitdir: ", 8) == 0) {
			*dir = repository_parse_gitdir(path, text.data, text.len);
			status = 0;
		}
	}
	buf_finish(&text);
	free(git);
	return status;
}

/* A linked worktree shares all but HEAD and the index. */
static char *find_common(int root_fd, const char *dir)
{
	struct buf text = BUF_INIT, line = BUF_INIT;
	char *common = NULL;

	if (read_in(&text, root_fd, dir, "commondir", MAX_REF_BYTES) == 0) {
		buf_addstr(&line, "gitdir: ");
		buf_addstr(&line, buf_str(&text));
		common = repository_parse_gitdir(dir, line.data, line.len);
	}
	buf_finish(&text);
	buf_finish(&line);
	return common ? common : mem_strdup(dir);
}

struct repository *repository_open(int root_fd, const char *path)
{
	struct repository *repository;
	struct buf bytes = BUF_INIT;
	char *dir, *common;

	if (find_dir(root_fd, path, &dir) < 0) {
		return NULL;
	}
	repository = mem_zero(1, sizeof(*repository));
	if (!dir) {
		return repository;
	}
	common = find_common(root_fd, dir);
	repository->rev = read_rev(root_fd, dir, common);
	if (read_in(&bytes, root_fd, common, "info/exclude", MAX_RULES_BYTES) == 0) {
		char *name = mem_printf("%sinfo/exclude", common);

		repository->exclude =
			ignore_list_create(name, strlen(path), buf_str(&bytes), bytes.len);
		free(name);
	}
	buf_clear(&bytes);
	if (read_in(&bytes, root_fd, dir, "index", MAX_INDEX_BYTES) == 0) {
		repository_parse_index(repository, buf_str(&bytes), bytes.len);
	}
	buf_finish(&bytes);
	free(dir);
	free(common);
	return repository;
}

void repository_close(struct repository *repository)
{
	if (repository) {
		free(repository->rev);
		free(repository->tracked);
		free(repository->names);
		ignore_list_destroy(repository->exclude);
		free(repository);
	}
}

int repository_is_bare(int root_fd, const char *path)
{
	static const char *const folder[] = {"objects", "refs"};
	struct buf head = BUF_INIT;
	int is_bare = read_in(&head, root_fd, path, "HEAD", MAX_REF_BYTES) == 0 &&
		      (strncmp(buf_str(&head), "ref: ", 5) == 0 ||
			      hex_length(buf_str(&head), head.len) >= 40);

	for (size_t i = 0; i < ARRAY_LEN(folder) && is_bare; i++) {
		char *name = mem_printf("%s%s", path, folder[i]);
		int fd = beneath_open_folder(root_fd, name);

		is_bare = fd >= 0;
		if (fd >= 0) {
			close(fd);
		}
		free(name);
	}
	buf_finish(&head);
	return is_bare;
}
