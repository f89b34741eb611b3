/* The reader of a folder: what the walk found is opened, looked at, and handed over. */
#include "loaders/tree/tree.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "loaders/format/encoding.h"
#include "loaders/secret.h"
#include "loaders/tree/beneath.h"
#include "loaders/tree/collection.h"
#include "loaders/tree/rules.h"
#include "loaders/tree/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tree_reader {
	struct reader reader;
	const struct input *input;
	struct walk walk;
	size_t next;
	int is_begun;  /* what is said of the whole folder has been said */
	int has_found; /* something to read, here or by a reader before this one */
};

static int tree_probe(const struct input *input)
{
	return input->root_fd >= 0 ? 3 : 0;
}

static void tree_close(struct reader *reader)
{
	struct tree_reader *tree = (struct tree_reader *)reader;

	if (tree) {
		walk_finish(&tree->walk);
		free(tree->reader.rev);
		free(tree);
	}
}

/* Leave out what was read by a reader before this one. */
static void resume(struct tree_reader *tree, const char *after)
{
	struct walk *walk = &tree->walk;

	while (tree->next < walk->n_entry && strcmp(walk->entry[tree->next].path, after) <= 0) {
		tree->next++;
	}
	tree->is_begun = tree->has_found = 1;
}

static int tree_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	struct tree_reader *tree = mem_zero(1, sizeof(*tree));

	tree->input = input;
	tree->reader.kind = DOCUMENT_CODE;
	if (walk_folder(&tree->walk, input, skip) < 0) {
		tree_close(&tree->reader);
		return -1;
	}
	tree->reader.rev = mem_strdup(tree->walk.rev);
	tree->reader.n_part = tree->walk.n_files;
	tree->reader.n_bytes = tree->walk.n_bytes;
	if (input->options->resume_after) {
		resume(tree, input->options->resume_after);
	}
	*reader = &tree->reader;
	return 0;
}

/* ---- one file ---- */

static int leave_out(struct skip *skip, enum skip_class class, const struct walk_entry *entry,
	const char *reason)
{
	skip->path = mem_strdup(entry->path);
	skip_set(skip, class, "%s", reason);
	return READ_SKIPPED;
}

/* UTF-8, as it is: nothing to detect, nothing to convert. */
static int is_plain(const char *text, size_t len)
{
	return !memchr(text, '\0', len) && utf8_valid(text, len);
}

/* Whether the beginning of a long file is that of no text, so that the rest need not be read. */
static int is_binary_head(
	const struct tree_reader *tree, const char *path, const char *text, size_t len)
{
	struct input input = {path, text, len, -1, tree->input->options};
	struct buf converted = BUF_INIT;
	int is_binary = memchr(text, '\0', len) && !encoding_to_utf8(&converted, &input);

	buf_finish(&converted);
	return is_binary;
}

/* Compressed data and pictures that are too short to hold a NUL. */
static int has_binary_magic(const char *text, size_t len)
{
	static const char *const magic[] = {"\x1f\x8b", "PK\3\4", "\x89PNG", "\xff\xd8\xff", "GIF8",
		"BZh",
		"\xfd"
		"7zXZ",
		"\x28\xb5\x2f\xfd",
		"\x7f"
		"ELF",
		"Rar!", "7z\xbc\xaf", "OggS", "fLaC", "ID3", "wOFF", "wOF2", "\xca\xfe\xba\xbe"};

	for (size_t i = 0; i < ARRAY_LEN(magic); i++) {
		size_t magic_len = strlen(magic[i]);

		if (len >= magic_len && memcmp(text, magic[i], magic_len) == 0) {
			return 1;
		}
	}
	return 0;
}

/* The text as UTF-8 in place; returns -1 where it is none. */
static int to_utf8(const struct tree_reader *tree, const char *path, struct buf *text)
{
	struct input input = {path, text->data, text->len, -1, tree->input->options};
	struct buf converted = BUF_INIT;

	if (is_plain(text->data, text->len)) {
		return 0;
	}
	if (has_binary_magic(text->data, text->len) || !encoding_to_utf8(&converted, &input)) {
		buf_finish(&converted);
		return -1;
	}
	buf_finish(text);
	*text = converted;
	return 0;
}

static const char is_binary[] = "is binary";

/* What the text itself says. */
static int judge_text(const struct tree_reader *tree, const struct walk_entry *entry,
	struct buf *text, struct skip *skip)
{
	struct input input = {entry->path, text->data, text->len, -1, tree->input->options};
	const char *reason = NULL;

	if (!entry->is_source && collection_has_text(&input)) {
		return READ_DOCUMENT;
	}
	if (to_utf8(tree, entry->path, text) < 0) {
		return leave_out(skip, SKIP_RULE, entry, is_binary);
	}
	if (!tree->input->options->include_secrets) {
		reason = secret_of_text(entry->path, text->data, text->len);
	}
	if (!reason && !entry->is_kept) {
		reason = rule_of_text(entry->path, text->data, text->len);
	}
	return reason ? leave_out(skip, SKIP_RULE, entry, reason) : READ_PART;
}

/* Read the file behind `fd` into `text`. */
static int read_text(const struct tree_reader *tree, const struct walk_entry *entry, int fd,
	size_t size, struct buf *text, struct skip *skip)
{
	enum { HEAD = 16384 };
	size_t first = size < HEAD ? size : HEAD;
	ssize_t n;

	if (size > LOAD_MAX_BYTES) {
		return leave_out(skip, SKIP_RULE, entry, "is larger than 256 MiB");
	}
	if (buf_try_reserve(text, size + 1) < 0) {
		return leave_out(skip, SKIP_UNREADABLE, entry, "does not fit the memory");
	}
	n = beneath_read_fd(fd, text->data, first);
	if (n > 0 && (rule_is_document(entry->path, text->data, (size_t)n) ||
			     (!entry->is_source &&
				     collection_has_binary(entry->path, text->data, (size_t)n)))) {
		return READ_DOCUMENT;
	}
	if (n == (ssize_t)first && size > first) {
		ssize_t rest;

		if (is_binary_head(tree, entry->path, text->data, first)) {
			return leave_out(skip, SKIP_RULE, entry, is_binary);
		}
		/* What is added to the file meanwhile is not read. */
		rest = beneath_read_fd(fd, text->data + first, size - first);
		n = rest < 0 ? rest : n + rest;
	}
	if (n < 0) {
		return leave_out(skip, SKIP_UNREADABLE, entry, strerror(errno));
	}
	if (n == 0) {
		return leave_out(skip, SKIP_RULE, entry, "is empty");
	}
	text->len = (size_t)n;
	text->data[n] = '\0';
	return judge_text(tree, entry, text, skip);
}

static int read_entry(struct tree_reader *tree, const struct walk_entry *entry, struct part *part,
	struct skip *skip)
{
	const char *subdir = tree->input->options->subdir;
	char *path = mem_printf("%s%s%s", subdir, subdir[0] ? "/" : "", entry->path);
	struct buf text = BUF_INIT;
	off_t size_bytes = 0;
	int fd = beneath_open_file(tree->input->root_fd, path, &size_bytes), status;

	free(path);
	if (fd < 0) {
		/* What the walk saw as a file may be something else by now. */
		const char *reason = errno == EINVAL || errno == ELOOP || errno == ENXIO
					     ? "is not a regular file any more"
					     : strerror(errno);

		return leave_out(skip, SKIP_UNREADABLE, entry, reason);
	}
	status = read_text(tree, entry, fd, (size_t)size_bytes, &text, skip);
	close(fd);
	if (status == READ_PART) {
		part->len = text.len;
		part->text = buf_take(&text);
	}
	if (status != READ_SKIPPED) {
		part->place.path = mem_strdup(entry->path);
	}
	buf_finish(&text);
	return status;
}

/* What is said of the folder as a whole, one after the other; READ_END where nothing is left. */
static int read_notes(struct tree_reader *tree, struct skip *skip)
{
	struct walk *walk = &tree->walk;

	if (walk->n_not_included > 0) {
		skip_set(skip, SKIP_RULE, "has %lld more file%s, which no --include names",
			(long long)walk->n_not_included, walk->n_not_included == 1 ? "" : "s");
		walk->n_not_included = 0;
		return READ_SKIPPED;
	}
	if (walk->ignored_all) {
		skip->path = mem_strdup(walk->ignored_all);
		skip_set(skip, SKIP_RULE,
			"ignores every file here: that rule is not followed, since nothing would "
			"be read");
		walk->ignored_all = NULL;
		return READ_SKIPPED;
	}
	tree->is_begun = 1;
	return READ_END;
}

static int tree_read(struct reader *reader, struct part *part, struct skip *skip)
{
	struct tree_reader *tree = (struct tree_reader *)reader;
	const struct walk_entry *entry;
	int status;

	if (!tree->is_begun && read_notes(tree, skip) == READ_SKIPPED) {
		return READ_SKIPPED;
	}
	if (tree->next == tree->walk.n_entry) {
		return tree->has_found
			       ? READ_END
			       : skip_set(skip, SKIP_RULE, "holds no file that can be read");
	}
	entry = &tree->walk.entry[tree->next++];
	if (entry->rule || entry->reason) {
		walk_explain(entry, skip);
		return READ_SKIPPED;
	}
	if (tree->input->options->reading) {
		tree->input->options->reading(tree->input->options->reading_arg, entry->path);
	}
	status = read_entry(tree, entry, part, skip);
	tree->has_found |= status != READ_SKIPPED;
	return status;
}

const struct loader loader_tree = {
	.name = "tree",
	.probe = tree_probe,
	.open = tree_open,
	.read = tree_read,
	.close = tree_close,
};
