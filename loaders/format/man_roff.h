/*
 * The part of roff that manual pages are written in: requests, definitions, conditions, escapes. A
 * macro package (man or mdoc) is a function that is asked about every macro the page did not define.
 */
#ifndef LOADERS_FORMAT_MAN_ROFF_H
#define LOADERS_FORMAT_MAN_ROFF_H

#include "loaders/format/man_layout.h"

#include <stdint.h>

enum { MAN_MAX_ARGS = 128, MAN_BUCKETS = 256 };

/* A macro, string or number register that the page defined. */
struct man_definition {
	struct man_definition *next;
	char *name;
	struct buf text;
	int64_t number, step; /* of registers; \n+x adds the step first */
};
struct man_table {
	struct man_definition *bucket[MAN_BUCKETS];
	size_t n;
};

struct man_args {
	char *arg[MAN_MAX_ARGS]; /* as written: escapes are not expanded */
	size_t n;
};

struct man_mdoc;
struct man {
	struct man_layout layout;
	struct man_table macros, strings, registers;
	size_t budget_bytes; /* that definitions may still expand to: bounds time */
	int is_cut;          /* something was not expanded: it would not end */
	int depth;
	struct man_args *call; /* of the macro being expanded; NULL outside */
	int n_condition;       /* that are open on this line, one in another */
	int else_runs;         /* what the last .ie left for its .el */
	int center_lines;
	char translation[256]; /* of .tr, where is_translating */
	int is_translating;
	char control; /* what requests begin with: a full stop, or what .cc says */

	/* man(7) */
	int is_tag_next; /* .TP: the next line is the tag */
	int body_indent; /* of the paragraph's text */
	int base_indent; /* of paragraphs; .RS moves it */
	int indents[32], n_indent;
	char *link;
	char *title[5]; /* .TH and .Dt: name, section, date, source, manual */

	struct man_mdoc *mdoc; /* NULL: man(7) */
};

/* Where lines come from. */
struct man_source {
	const char *at, *end;
};
/* The next line without its newline, continuation lines joined; 0 at the end. */
int man_next_line(struct man_source *source, struct buf *line);

/* Words between spaces; "of several words", where "" is a quotation mark. */
void man_args_split(struct man_args *args, const char *line, size_t len);
void man_args_finish(struct man_args *args);
/* Arguments as one text: of .B with spaces, of .BR without. */
void man_args_join(struct buf *text, const struct man_args *args, const char *between);
int man_is_font_pair(const char *name);

void man_run(struct man *man, struct man_source *source);
/* One line of input, a request or text. */
void man_line(struct man *man, struct man_source *source, const char *line, size_t len);
/* Replace `out` by the text with its escapes expanded; returns whether it ends with \c. */
int man_expand(struct man *man, struct buf *out, const char *text, size_t len);
/* The value of an expression, in basic units (of columns where no unit is named); *len: its bytes. */
int64_t man_number(const char *text, size_t *len, int columns);
/* Whether the condition at the beginning of `text` holds; *taken: its length. */
int man_condition(struct man *man, const char *text, size_t len, size_t *taken);
/* A number with a unit, in columns. */
int man_indent_of(struct man *man, const char *text, int otherwise);

const struct man_definition *man_find(const struct man_table *table, const char *name, size_t len);
/* NULL where there are too many. */
struct man_definition *man_define(struct man_table *table, const char *name, size_t len);
void man_table_finish(struct man_table *table);

/* A special character's UTF-8; NULL where it is unknown. */
const char *man_character(const char *name, size_t len);

/* The packages: whether they know the macro. */
int man_macro(struct man *man, struct man_source *source, const char *name, struct man_args *args);
int man_mdoc_macro(
	struct man *man, struct man_source *source, const char *name, struct man_args *args);
struct man_mdoc *man_mdoc_create(void);
void man_mdoc_destroy(struct man_mdoc *mdoc);
/* The page ends: what still waits is put. */
void man_mdoc_end(struct man *man);

/* What stands between .TS and .TE, as lines of columns. */
void man_tbl(struct man *man, struct man_source *source);

#endif
