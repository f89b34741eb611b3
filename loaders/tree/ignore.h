/*
 * Rules of what to leave out: files in the syntax of gitignore(5), matched as git matches them.
 * tests/unit/test_tree_git.c holds them against git itself.
 *
 * libgit2's own rules differ from git's (negations above folders, stars in the middle: 44 of 200
 * random trees), open their files by path, and follow links; so they are not used.
 */
#ifndef LOADERS_TREE_IGNORE_H
#define LOADERS_TREE_IGNORE_H

#include <stddef.h>
#include <stdint.h>

struct ignore_rule;

/* The rules of one file. */
struct ignore_list {
	char *name;      /* of the file, for messages: "src/.gitignore" */
	size_t base_len; /* of the paths that are matched: the folder that it governs, with a slash */
	struct ignore_rule *rule;
	size_t n_rule, cap_rule;
	int is_catch_all_off; /* rules that match every name do not count */
	int has_catch_all;
	int is_git; /* a .gitignore */
};

/* `name` is copied. */
struct ignore_list *ignore_list_create(
	const char *name, size_t base_len, const char *text, size_t len);
/* One more rule; a line of such a file. */
void ignore_list_add(struct ignore_list *list, const char *line, size_t len, int64_t line_number);
void ignore_list_destroy(struct ignore_list *list); /* NULL-safe */

/*
 * The rule that decides about a path beneath the list's base, NULL where none does. `path` begins
 * at the root, its last component at path + name_at. Parents are the caller's: what lies in a
 * folder that is left out is left out with it.
 */
const struct ignore_rule *ignore_list_match(const struct ignore_list *list, const char *path,
	size_t len, size_t name_at, int is_directory);

int ignore_rule_is_negative(const struct ignore_rule *rule); /* "!": it stays */
int64_t ignore_rule_line(const struct ignore_rule *rule);
const char *ignore_rule_text(const struct ignore_rule *rule); /* as it was written */
const char *ignore_rule_list(const struct ignore_rule *rule); /* the name of its file */

#endif
