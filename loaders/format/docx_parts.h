/* The parts of a DOCX beside its text: what styles, numbers, links and notes are. */
#ifndef LOADERS_FORMAT_DOCX_PARTS_H
#define LOADERS_FORMAT_DOCX_PARTS_H

#include "loaders/format/markup_xml.h"
#include "loaders/format/zip.h"

enum { DOCX_LEVELS = 9 };

/* How a run of text stands; -1: as its style says. */
struct docx_run {
	int script; /* '^', '_' or 0 */
	int is_struck, is_hidden;
};
struct docx_style {
	char *id, *based_on;
	int heading;       /* level from 1; 0: none; -1: as what it is based on */
	int number, level; /* of a list; number -1: as what it is based on */
	struct docx_run run;
};
struct docx_level {
	char *text;  /* "%1.%2." */
	char format; /* '1', 'a', 'A', 'i', 'I', '-' for a bullet, 0 for none */
	int start, is_known;
};
struct docx_list { /* an abstractNum */
	int id;
	struct docx_level level[DOCX_LEVELS];
	int next[DOCX_LEVELS]; /* the next item's number; 0: the start */
};
struct docx_number { /* a num */
	int id, list;
	int start[DOCX_LEVELS]; /* of its first item, where `overrides` has the level's bit */
	unsigned overrides;
};

struct docx_parts {
	struct xml_map links, footnotes, endnotes, comments;
	struct docx_style *style;
	size_t n_style, cap_style;
	struct docx_list *list;
	size_t n_list, cap_list;
	struct docx_number *number;
	size_t n_number, cap_number;
	struct buf running;  /* headers and footers, a line each */
	size_t hidden_bytes; /* of text that nobody is shown, in the notes */
};

int docx_parts_read(struct docx_parts *parts, const struct zip *zip, struct skip *skip);
void docx_parts_finish(struct docx_parts *parts);
/* What a paragraph's style says, through what it is based on. */
int docx_style_heading(const struct docx_parts *parts, const char *id);
int docx_style_number(const struct docx_parts *parts, const char *id, int *level);
#define DOCX_RUN_UNSAID ((struct docx_run){-1, -1, -1})
/* Whether the element was a property of a run. */
int docx_run_property(
	struct docx_run *run, const char *name, const struct xml_attributes *attributes);
/* What the run leaves unsaid, as its style has it. */
void docx_run_resolve(const struct docx_parts *parts, const char *id, struct docx_run *run);
/* The next number of a list at a level: "2.1.", "-", "" (none). Items of it count on. */
void docx_next_marker(struct docx_parts *parts, int number, int level, struct buf *marker);

#endif
