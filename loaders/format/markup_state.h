/* What markup.c, markup_inline.c and markup_table.c share: the state of the writer. */
#ifndef LOADERS_FORMAT_MARKUP_STATE_H
#define LOADERS_FORMAT_MARKUP_STATE_H

#include "loaders/format/markup.h"

enum {
	MARKUP_MAX_INDENT = 16,  /* levels that are still written as indentation */
	MARKUP_MAX_COLUMNS = 64, /* columns whose row spans are followed */
	MARKUP_MAX_SPAN = 16,    /* columns that one cell may span */
};

enum markup_scope_kind {
	SCOPE_HEADING,
	SCOPE_PRE,
	SCOPE_QUOTE,
	SCOPE_INDENT,
	SCOPE_LIST,
	SCOPE_ITEM,
	SCOPE_TABLE,
	SCOPE_ROW,
	SCOPE_CELL,
	SCOPE_NOTE,
	SCOPE_KINDS,
};

/* One thing that was begun and not yet ended. */
struct markup_scope {
	unsigned char kind;
	unsigned char flat;      /* inside a note or a data cell: blocks are spaces */
	unsigned char is_layout; /* a row or cell whose text are blocks */
	unsigned char has_item;  /* a list that already has one */
	unsigned char n_indent;  /* what it added to `prefix`: bytes */
	size_t first_at;         /* where `first` ended before it, plus 1; 0: it is not in there */
};

/* A run of text on its way, with its white space collapsed. */
struct markup_flow {
	struct buf text;
	uint32_t last;                    /* the last character written, 0 at the beginning */
	unsigned char space, has_newline; /* white space came that is not written yet */
	unsigned char script;             /* of the last character: '^', '_' or 0 */
	size_t struck_end;                /* where struck text ended, 0: nowhere */
};

struct markup_table {
	struct buf cells; /* of the current row, each ended by a newline */
	size_t n_cell, n_header;
	unsigned rows_left[MARKUP_MAX_COLUMNS]; /* of a cell above that still spans */
	struct markup_cell cell;                /* the one that is open */
	int has_rows;                           /* a row was written */
};

struct markup {
	struct markup_flow body, cell, note;
	struct markup_flow *flow; /* where text goes: one of the three */
	struct document outline;
	int64_t n_newline; /* in the body */

	struct markup_scope *scope;
	size_t n_scope, cap_scope;
	size_t open[SCOPE_KINDS]; /* how many of each kind are open */

	char prefix[MARKUP_MAX_INDENT * 8 + 1]; /* of each line, by quotes and lists */
	size_t prefix_len;
	unsigned n_indented; /* scopes that added to `prefix` */
	size_t blank_len;    /* of the prefix: what the lines around a blank line share */
	struct buf first;    /* in place of `prefix` on the first line of an item; empty: not */

	int breaks; /* newlines that stand before the next text: 0, 1, 2 (a blank line) */
	int has_br; /* one of them is a line break in a paragraph */

	int heading_level; /* 0 outside of one */
	int heading_open;  /* its "#" are written */
	size_t heading_at;
	int64_t heading_line;

	int pre_open; /* its first fence is written */
	size_t pre_newlines;

	unsigned char script;       /* of the text that comes: '^', '_' or 0 */
	int is_struck, struck_open; /* the text that comes; its first "~~" is written */

	struct buf link; /* the target; empty where none is to be shown */
	struct markup_flow *link_flow;
	size_t link_at;

	struct buf notes; /* whole, each ended by a newline, for behind the block */
	struct markup_flow *note_return;
	struct markup_table table;
};

struct markup_scope *markup_scope_push(struct markup *markup, enum markup_scope_kind kind);
/* Ends everything in it as well; 0 where none is open. */
int markup_scope_end(struct markup *markup, enum markup_scope_kind kind);
/* Newlines and prefix, so that text of the body can follow. */
void markup_begin_text(struct markup *markup);
void markup_breaks(struct markup *markup, int breaks);
/* A line of its own in the body. */
void markup_whole_line(struct markup *markup, const char *text, size_t len);
void markup_flow_clear(struct markup_flow *flow);
void markup_collapse_text(struct markup *markup, const char *text, size_t len);

/* Before the next character: "^" or "_", where its number would else join the one before it. */
void markup_script_mark(struct markup *markup, struct markup_flow *flow, uint32_t next);
void markup_struck_rejoin(struct markup *markup, struct markup_flow *flow);
void markup_struck_open(struct markup *markup, struct markup_flow *flow);

void markup_table_finish_scope(struct markup *markup, const struct markup_scope *scope);
/* A block begins in a data cell, or text between cells: the row is the layout of a page. */
void markup_table_to_layout(struct markup *markup);

#endif
