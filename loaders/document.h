/*
 * Documents: text with locations. A document is a list of parts in reading order, each with its
 * place (a file of a tree, a page, a cue; plain text is one part), and its headings.
 */
#ifndef LOADERS_DOCUMENT_H
#define LOADERS_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of one file, and of the text that is made of it (what a packed format may grow to). */
enum { LOAD_MAX_BYTES = 256 << 20 };

enum document_kind { DOCUMENT_TEXT, DOCUMENT_CODE, DOCUMENT_PDF, DOCUMENT_TRANSCRIPT };

const char *document_kind_name(enum document_kind kind); /* "text", "code", "pdf", "transcript" */

/* Where a part stands; the fields that its kind of document has. */
struct part_place {
	char *path;   /* code: relative to the root */
	int64_t page; /* pdf: physical page, from 1; 0 elsewhere */
	/*
	 * pdf: printed label. transcript: the conversation it belongs to, where there are several,
	 * or the day, where times are of the day; and of a cue without a time what to call its
	 * place: "line 12", "message 3". NULL if none.
	 */
	char *label;
	int64_t time_ms; /* transcript, from its beginning; -1 elsewhere, and where no time is known */
	char *speaker; /* transcript; NULL if unknown */
};

struct part {
	struct part_place place;
	char *text; /* not terminated; owned. As it was read: bytes that are not UTF-8 included */
	size_t len;
};

/* One entry of the outline: a chapter, a section of a manual page. */
struct heading {
	char *title;
	int level;    /* from 1 */
	size_t part;  /* where it leads */
	int64_t line; /* in that part, from 1 */
};

/* Headers and footers that repeat from page to page. */
struct running_lines {
	int64_t n_lines, n_pages; /* how many lines, and the pages that have them */
	int are_dropped;          /* left out of the parts' text */
};

struct document {
	enum document_kind kind;
	char *name;   /* as the pack shows it: the argument as given; of an absolute path, which
			 would change from machine to machine, its last component */
	char *origin; /* the path it was read from */
	char *rev;    /* code: version control revision; NULL if unknown */
	struct part *part;
	size_t n_part, cap_part;
	struct heading *heading; /* in reading order */
	size_t n_heading, cap_heading;
	int64_t n_pages;              /* pdf: of the file, those without text included */
	struct running_lines running; /* pdf */
};

void document_finish(struct document *document);
/* What a part owns, and its end: everything zero but for time_ms = -1. */
void part_finish(struct part *part);
/* A new part at the end, its place zeroed but for time_ms = -1. */
struct part *document_add_part(struct document *document);
/* A new heading at the end; `title` is copied. */
void document_add_heading(struct document *document, int level, const char *title, size_t title_len,
	size_t part, int64_t line);
/*
 * A part's path behind `root`, malloc'ed; the root itself where that is the only file: a file given
 * by name is a tree of its own, whose only file has the same name. `root` may be NULL.
 */
char *document_part_path(const struct document *document, const char *root, size_t part);

#endif
