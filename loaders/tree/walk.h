/*
 * The files of a folder in the order of their paths' bytes, with what is left out by name. Nothing
 * but folders and rules are read yet, so that it is known how much there is.
 */
#ifndef LOADERS_TREE_WALK_H
#define LOADERS_TREE_WALK_H

#include "loaders/loader.h"
#include "loaders/tree/ignore.h"
#include "loaders/tree/repository.h"

#include <stddef.h>
#include <stdint.h>

enum {
	WALK_MAX_NAMES = 1000000,         /* names looked at, in all folders */
	WALK_MAX_PATHS_BYTES = 256 << 20, /* of the paths that are remembered */
	WALK_MAX_DEPTH = 200,
};

struct walk_entry {
	const char *path; /* from the folder that is read; a folder's ends in a slash */
	int64_t size_bytes;
	/* Why it is left out: a rule, or a sentence that may say "%s" or "%d" of `detail`. */
	const struct ignore_rule *rule;
	const char *reason; /* static; NULL with `rule` and for a file that is to be read */
	const char *detail; /* in the walk's memory, or static */
	enum skip_class class;
	unsigned is_kept : 1; /* .carrelignore says that it stays: no rule about its name counts */
	unsigned is_source : 1; /* it lies in a git repository; else see collection.h */
};

struct walk {
	struct walk_entry *entry;
	size_t n_entry, cap_entry;
	int64_t n_files, n_bytes; /* to be read */
	int64_t n_not_included;   /* files that no --include names */
	char *rev;
	const char
		*ignored_all; /* the rules set aside because they left nothing: their file's name */

	/* private */
	int root_fd;
	const char *shown; /* the folder as it was named */
	size_t subdir_len; /* with its slash */
	const struct read_options *options;
	struct ignore_list **list; /* of every .gitignore and .carrelignore */
	size_t n_list, cap_list;
	struct ignore_list *include, *exclude;
	struct repository *repositories;
	struct walk_chunk *chunk; /* memory of the paths */
	size_t n_names, path_bytes;
	struct skip *skip;
	int is_catch_all_off;
};

/*
 * Walk input->root_fd, or options->subdir in it. Returns 0, or -1 with *skip why nothing of it
 * counts. walk_finish() in both cases.
 */
int walk_folder(struct walk *walk, const struct input *input, struct skip *skip);
void walk_finish(struct walk *walk);

/* Why an entry is left out: fills *skip. */
void walk_explain(const struct walk_entry *entry, struct skip *skip);

/*
 * The rules of everybody's repositories (core.excludesFile), read once by tree_prepare() while files
 * outside of the folder can be reached; NULL: none.
 */
const struct ignore_list *user_rules(void);

#endif
