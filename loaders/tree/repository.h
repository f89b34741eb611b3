/*
 * What a reader of files needs of a git repository: its revision, what is tracked, and its own
 * rules. Its configuration is not read: it belongs to whoever made the repository.
 */
#ifndef LOADERS_TREE_REPOSITORY_H
#define LOADERS_TREE_REPOSITORY_H

#include "loaders/tree/ignore.h"

#include "base/buf.h"

#include <stddef.h>

struct repository {
	char *rev;                   /* the commit checked out, 12 digits; NULL: unknown */
	struct ignore_list *exclude; /* info/exclude; NULL: none */
	/* What is tracked, sorted; NULL: unknown or nothing. Names begin at the repository. */
	char **tracked;
	size_t n_tracked;
	char *names; /* where they stand */
	struct repository *next;
};

/*
 * The repository whose files lie at `path` beneath root_fd ("" or ending in a slash); NULL where
 * there is none. What of it lies outside of root_fd, as that of a linked worktree does, is unknown.
 */
struct repository *repository_open(int root_fd, const char *path);
void repository_close(struct repository *repository); /* NULL-safe */

/* Whether a file is tracked, or, with a slash at the end, anything in a folder. */
int repository_tracks(const struct repository *repository, const char *path, size_t len);

/* Whether the folder at `path` ("" or ending in a slash) is the inside of a repository. */
int repository_is_bare(int root_fd, const char *path);

/* ---- the readers of git's files ---- */

/* The id in `text` (40 or 64 hexadecimal digits, and a line's end), shortened; NULL: none. */
char *repository_parse_id(const char *text, size_t len);
/* The id of `ref` in a packed-refs file, shortened; NULL: none. */
char *repository_parse_packed_refs(const char *text, size_t len, const char *ref);
/* The names in an index (versions 2 to 4). Returns 0, or -1 where it is none that can be read. */
int repository_parse_index(struct repository *repository, const char *bytes, size_t len);
/*
 * The folder that "gitdir: ..." in a file at `path` names, from the root, with a slash at the end,
 * malloc'ed; NULL where it does not lie beneath the root.
 */
char *repository_parse_gitdir(const char *path, const char *text, size_t len);

#endif
