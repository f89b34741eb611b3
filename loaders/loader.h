/*
 * Loaders turn what people have into text with locations. Each is one function table in one file;
 * type.c decides which one a file belongs to, load.c reads what is given on the command line.
 *
 * A document is a list of parts in reading order, each with its place (a file of a tree, a page, a
 * cue). Text is kept exactly as it was read (bytes that are not UTF-8 included); nothing is lost
 * silently: what is not loaded is listed in `skipped` with the reason.
 */
#ifndef LOADERS_LOADER_H
#define LOADERS_LOADER_H

#include "base/buf.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum document_kind { DOCUMENT_TEXT, DOCUMENT_CODE, DOCUMENT_PDF, DOCUMENT_TRANSCRIPT };

const char *document_kind_name(enum document_kind kind); /* "text", "code", "pdf", "transcript" */

/* Where a part stands; the fields that its kind of document has. */
struct part_place {
	char *path;      /* code: relative to the root */
	int64_t page;    /* pdf: physical page, from 1; 0 elsewhere */
	char *label;     /* pdf: printed label; NULL if none */
	int64_t time_ms; /* transcript; -1 elsewhere */
	char *speaker;   /* transcript; NULL if unknown */
};

struct part {
	struct part_place place;
	char *text; /* not terminated; owned */
	size_t len;
};

struct document {
	enum document_kind kind;
	char *name;   /* as the pack shows it: the argument as given; of an absolute path, which
			 would change from machine to machine, its last component */
	char *origin; /* the path it was read from */
	char *rev;    /* code: version control revision; NULL if unknown */
	struct part *part;
	size_t n_part, cap_part;
};

void document_finish(struct document *document);
/*
 * A part's path behind `root`, malloc'ed; the root itself where that is the only file: a file given
 * by name is a tree of its own, whose only file has the same name. `root` may be NULL.
 */
char *document_part_path(const struct document *document, const char *root, size_t part);

/* Something that was not loaded. */
enum skip_class {
	SKIP_RULE,       /* left out by a rule (ignored, binary, generated, secret, special file) */
	SKIP_UNREADABLE, /* damaged, encrypted, unreadable: exit status 6 */
};
struct skipped {
	char *path;
	char *reason;
	enum skip_class class;
};

struct load_result {
	struct document *document;
	size_t n_document, cap_document;
	struct skipped *skipped;
	size_t n_skipped, cap_skipped;
};
void load_result_finish(struct load_result *result);

/*
 * Load every path ("-" is standard input, shown as "stdin") in the given order, one document each.
 * Never partial: a failure that is not a skip (an interruption) leaves *result empty. A directory
 * is skipped as unreadable until trees can be loaded.
 *
 * Only regular files and pipes are read. A pipe that is named here is waited for as standard input
 * is: the user chose it (`<(git diff)`). Devices and sockets are skipped by rule without waiting,
 * as are binary and empty files; what is missing, forbidden or larger than LOAD_MAX_BYTES is
 * skipped as unreadable. A symbolic link that is named here is followed: the user chose it.
 */
enum { LOAD_MAX_BYTES = 256 << 20 };
int load_paths(struct load_result *result, const char *const *path, size_t n_path, struct err *err);

/* The function table of one format. */
struct loader {
	const char *name;
	/* How sure: 0 no, 1 by content, 2 by name and content. `head` is the file's first bytes. */
	int (*probe)(const char *path, const char *head, size_t head_len);
	/*
	 * Set the kind and append the parts of the file's bytes, which may be taken over. Returns
	 * LOADER_SKIP or LOADER_DAMAGED with *reason set (malloc'ed) to skip it as SKIP_RULE or
	 * SKIP_UNREADABLE.
	 */
	int (*read)(struct document *document, const char *path, struct buf *bytes, char **reason,
		struct err *err);
};
enum { LOADER_OK = 0, LOADER_SKIP = 1, LOADER_DAMAGED = 2 };

extern const struct loader loader_code, loader_text;

/* The loader that is surest of these bytes; never NULL: what nobody knows is text. */
const struct loader *loader_find(const char *path, const char *head, size_t head_len);

/*
 * For loaders of text: LOADER_OK, or why these bytes are none. UTF-16, PDF and files with NUL
 * bytes are told apart in the reason.
 */
int loader_refuse_binary(const struct buf *bytes, char **reason);

/* A new part at the end, its place zeroed but for time_ms = -1. */
struct part *document_add_part(struct document *document);

#endif
