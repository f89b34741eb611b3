/*
 * Loaders turn what people have into text with locations. Each is one function table in one file of
 * loaders/format/ (a file) or loaders/tree/ (a folder); type.c decides which one an input belongs to.
 *
 * All of this runs in carrel-worker, where every byte of the input, its name included, is hostile
 * and nothing but the input can be reached; load.h is what the other side sees.
 *
 * A reader hands over one part after the other, and what it leaves out with the reason: nothing is
 * lost silently. Its memory is bounded by the input's size and LOAD_MAX_BYTES, its time by their
 * product with a small constant.
 */
#ifndef LOADERS_LOADER_H
#define LOADERS_LOADER_H

#include "base/buf.h"
#include "loaders/document.h"

#include <stddef.h>
#include <stdint.h>

/* What is to be read, whole and in memory; a folder is only open. */
struct input {
	const char
		*path; /* as it was named, without ".gz" and the like; for its type, and messages */
	const char *data;
	size_t len;
	int root_fd;                        /* of a folder; -1 elsewhere */
	const struct read_options *options; /* never NULL */
};

struct read_options {
	/* folders: patterns as in .gitignore; with `include`, only files that match one of them */
	const char *const *include, *const *exclude;
	size_t n_include, n_exclude;
	int include_secrets;
	/*
	 * folders: where this one lies beneath root_fd, which is that of the repository whose rules
	 * hold ("" where it is the root itself); no slash at the end.
	 */
	const char *subdir;
	const char *resume_after; /* folders: begin after this path; NULL: at the beginning */
	/* folders: called with the path of each file before it is looked at; may be NULL */
	void (*reading)(void *arg, const char *path);
	void *reading_arg;
	/* pdf: this reader's share of the pages: those where (page - 1) / PAGE_RUN % n == index */
	unsigned share_index, n_share; /* n_share >= 1 */
	/* pdf: lines as they stand on the page, tables' rows whole; else in reading order */
	int layout;
	int64_t first_page; /* pdf: those in front of it are not read; 0: all are */
};
enum { PAGE_RUN = 8 };

enum skip_class {
	SKIP_RULE, /* left out by a rule (ignored, binary, generated, secret, special file), or
			    nothing there to read (an empty page) */
	SKIP_UNREADABLE, /* damaged, encrypted, unreadable: exit status 6 */
};
/* Something that was not read, and why. */
struct skip {
	enum skip_class class;
	char *path;   /* of a folder's file, relative to it; NULL: the input itself */
	int64_t page; /* of a pdf; 0: the whole of it */
	char *reason; /* completes "PATH " or "page N ": "is encrypted: ..."; may quote the file */
};
/* Fill *skip and return -1, for `return skip_set(...)`. */
int skip_set(struct skip *skip, enum skip_class class, const char *reason, ...)
	__attribute__((format(printf, 3, 4)));
void skip_finish(struct skip *skip);

struct loader;
/* What every reader begins with; open() fills it but for `loader`. */
struct reader {
	const struct loader *loader;
	enum document_kind kind;
	char *rev;            /* of a folder: the revision checked out; owned; NULL: unknown */
	const char *encoding; /* what the text was in, where that is not UTF-8; static; NULL */
	int64_t n_part;       /* parts of the whole document, where that is known; else -1 */
	int64_t n_bytes;      /* bytes that will be read, where that is known; else -1 */
};

enum {
	READ_FAILED = -1, /* *skip says why nothing of the input counts */
	READ_END = 0,
	READ_PART = 1,    /* *part is filled; the caller owns it */
	READ_SKIPPED = 2, /* *skip names a file or a page that was left out; go on */
	/* part->place.path is a document of its own (a pdf in a folder): the caller sees to it */
	READ_DOCUMENT = 3,
};

/* The function table of one format. */
struct loader {
	const char *name;
	/* Parsed by somebody else's library: its worker reads no other file behind it. */
	int has_library;
	/* How sure: 0 no, 1 by content, 2 by name and content, 3 by content that nothing else has. */
	int (*probe)(const struct input *input);
	/* 0, or -1 with *skip why not. The input outlives the reader. */
	int (*open)(struct reader **reader, const struct input *input, struct skip *skip);
	/*
	 * Add the headings to `document`, whose parts may not have been read yet; called once, after
	 * the last part. Of a pdf a heading's part is its page, from 0 (see pages.h). NULL: the format
	 * has none.
	 */
	void (*outline)(struct reader *reader, struct document *document);
	/* One of READ_*. *part comes empty (part_finish()), *skip zeroed. */
	int (*read)(struct reader *reader, struct part *part, struct skip *skip);
	void (*close)(struct reader *reader); /* frees it; NULL-safe */
};

/* The loader that is surest of an input; never NULL: what nobody knows is text. */
const struct loader *loader_find(const struct input *input);

/* ---- for formats whose text is made at once ---- */

/* A reader of one part. */
struct whole_reader {
	struct reader reader;
	struct buf text;
	struct document outline; /* headings only */
	int is_read;
	struct skip *left_out; /* said behind the text: what of the input is not in it */
	size_t n_left_out, cap_left_out, n_told;
};
struct whole_reader *whole_reader_create(enum document_kind kind);
/* One more of `left_out`, for skip_set(); valid until the next. */
struct skip *whole_reader_leave_out(struct whole_reader *whole);
void whole_reader_outline(struct reader *reader, struct document *document);
int whole_reader_read(struct reader *reader, struct part *part, struct skip *skip);
void whole_reader_close(struct reader *reader);

#endif
