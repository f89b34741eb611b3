/* What the two halves of mdoc(7) share: words within lines (man_mdoc.c) and blocks of lines. */
#ifndef LOADERS_FORMAT_MAN_MDOC_H
#define LOADERS_FORMAT_MAN_MDOC_H

#include "loaders/format/man_roff.h"

enum { MAN_MOST_LISTS = 16, MAN_MOST_FIELDS = 32 };

enum list_kind {
	LIST_TAG,
	LIST_BULLET,
	LIST_DASH,
	LIST_ENUM,
	LIST_ITEM,
	LIST_INSET,
	LIST_COLUMN,
	LIST_OHANG
};

struct list {
	enum list_kind kind;
	int indent, width, is_compact, n;
};

struct man_mdoc {
	struct list list[MAN_MOST_LISTS];
	int n_list;
	int display[MAN_MOST_LISTS], n_display; /* the indents outside */
	char *name;                             /* what .Nm says without an argument */
	int is_synopsis;
	int glue;                    /* the next word has no space before it */
	int no_spaces;               /* .Sm off */
	int is_tag_open;             /* .It Xo: the tag goes on to .Xc */
	int is_function, n_argument; /* between .Fo and .Fc */
	int is_reference;            /* between .Rs and .Re: its fields, in the order written */
	struct man_mdoc_field {
		char name; /* of %A */
		char *text;
	} field[MAN_MOST_FIELDS];
	size_t n_field;
	int depth;
};

struct man_words {
	char *const *word;
	size_t n;
};

struct man_words man_words_from(struct man_words words, size_t i);

/* One word with what stands around it. */
void man_mdoc_put(struct man *man, const char *before, const char *word, const char *after);
/* Words, some of them macros. */
void man_mdoc_run(struct man *man, struct man_words words);
/* A line that begins with a macro of a block or of a whole line; 0 where `name` is none of them. */
int man_mdoc_block(struct man *man, const char *name, struct man_words words);
void man_mdoc_fields_finish(struct man_mdoc *mdoc);
/* The tag that .It Xo began is complete. */
void man_mdoc_tag_end(struct man *man);

#endif
