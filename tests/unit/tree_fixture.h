/* Folders made for a test, and what the reader says of them as text. */
#ifndef TESTS_UNIT_TREE_FIXTURE_H
#define TESTS_UNIT_TREE_FIXTURE_H

#include "base/buf.h"
#include "base/mem.h"
#include "loaders/tree/tree.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree_fixture {
	char root[64];
	const char *path; /* as which the folder is named; NULL: "." */
	struct read_options options;
	struct buf said; /* a line for each file: what tree_list() wrote */
	struct skip skip;
	char rev[80];
	int64_t n_part, n_bytes;
};

static inline int tree_make(struct tree_fixture *fixture)
{
	*fixture = (struct tree_fixture){.options = {.subdir = "", .n_share = 1}};
	snprintf(fixture->root, sizeof(fixture->root), "/tmp/carrel-tree-XXXXXX");
	return mkdtemp(fixture->root) ? 0 : -1;
}

static inline int tree_remove_one(
	const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (type == FTW_DNR) {
		chmod(path, 0700);
	}
	return remove(path);
}

static inline void tree_remove(struct tree_fixture *fixture)
{
	nftw(fixture->root, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
	buf_finish(&fixture->said);
	skip_finish(&fixture->skip);
}

/* Folders above it are made, too; a path that ends in a slash is a folder. */
static inline void tree_write_bytes(
	struct tree_fixture *fixture, const char *path, const char *bytes, size_t len)
{
	char *whole = mem_printf("%s/%s", fixture->root, path);
	FILE *file;

	for (char *slash = whole + strlen(fixture->root) + 1; (slash = strchr(slash, '/'));
		slash++) {
		*slash = '\0';
		mkdir(whole, 0755);
		*slash = '/';
	}
	file = whole[strlen(whole) - 1] == '/' ? NULL : fopen(whole, "w");
	if (file) {
		fwrite(bytes, 1, len, file);
		fclose(file);
	}
	free(whole);
}

static inline void tree_write(struct tree_fixture *fixture, const char *path, const char *text)
{
	tree_write_bytes(fixture, path, text, strlen(text));
}

/* "+ path" for a part, "* path" for a document, "- path: reason", "! path: reason" if unreadable. */
static inline const char *tree_list(struct tree_fixture *fixture)
{
	struct input input = {
		.path = fixture->path ? fixture->path : ".", .options = &fixture->options};
	struct part part = {.place = {.time_ms = -1}};
	struct reader *reader = NULL;
	int status;

	buf_clear(&fixture->said);
	skip_finish(&fixture->skip);
	input.root_fd = open(fixture->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (loader_tree.open(&reader, &input, &fixture->skip) < 0) {
		close(input.root_fd);
		buf_printf(&fixture->said, "%s: %s\n", fixture->skip.class == SKIP_RULE ? "-" : "!",
			fixture->skip.reason);
		return buf_str(&fixture->said);
	}
	snprintf(fixture->rev, sizeof(fixture->rev), "%s", reader->rev ? reader->rev : "none");
	fixture->n_part = reader->n_part;
	fixture->n_bytes = reader->n_bytes;
	while ((status = loader_tree.read(reader, &part, &fixture->skip)) > 0) {
		if (status == READ_SKIPPED) {
			buf_printf(&fixture->said, "%s %s: %s\n",
				fixture->skip.class == SKIP_RULE ? "-" : "!",
				fixture->skip.path ? fixture->skip.path : "", fixture->skip.reason);
			skip_finish(&fixture->skip);
		} else {
			buf_printf(&fixture->said, "%s %s\n", status == READ_PART ? "+" : "*",
				part.place.path);
			part_finish(&part);
			part = (struct part){.place = {.time_ms = -1}};
		}
	}
	if (status == READ_FAILED) {
		buf_printf(&fixture->said, "%s: %s\n", fixture->skip.class == SKIP_RULE ? "-" : "!",
			fixture->skip.reason);
	}
	loader_tree.close(reader);
	close(input.root_fd);
	return buf_str(&fixture->said);
}

#endif
