/*
 * Entries of a document, found by rules: something with a name, and the lines that say what it is.
 * `carrel eval quote` asks about them (session/quiz.h). The rules know forms of text and nothing of
 * any model; each is conservative, since an entry that is none makes a question that has no answer.
 */
#ifndef SESSION_QUIZ_RULES_H
#define SESSION_QUIZ_RULES_H

#include "session/lines.h"

#include <stddef.h>

enum quiz_family {
	QUIZ_OPTION,     /* what an option does */
	QUIZ_SETTING,    /* the value of a key, or what a setting or a variable means */
	QUIZ_CODE,       /* what an exit status, an error or a signal means; a constant's number */
	QUIZ_IDENTIFIER, /* the definition of a function, a type, a macro */
	QUIZ_TERM,       /* what a term means */
	QUIZ_SECTION,    /* what a section says, by what its heading means */
	QUIZ_N_FAMILY,
};

/* What the phrasing of a question depends on; each belongs to one family. */
enum quiz_kind {
	QUIZ_OPTION_DOES,
	QUIZ_SETTING_VALUE,
	QUIZ_SETTING_MEANS,
	QUIZ_CODE_EXIT,
	QUIZ_CODE_ERROR,
	QUIZ_CODE_SIGNAL,
	QUIZ_CODE_DEFINE,
	QUIZ_IDENTIFIER_FUNCTION,
	QUIZ_IDENTIFIER_TYPE,
	QUIZ_IDENTIFIER_MACRO,
	QUIZ_TERM_MEANS,
	/* Sections; the entry's name is its heading. */
	QUIZ_SECTION_AUTHORS,
	QUIZ_SECTION_REPORTING,
	QUIZ_SECTION_LICENCE,
	QUIZ_SECTION_FILES,
	QUIZ_SECTION_RETURN,
	QUIZ_SECTION_BUGS,
	QUIZ_SECTION_EXAMPLES,
	QUIZ_SECTION_RELATED,
	QUIZ_SECTION_HISTORY,
	QUIZ_SECTION_INSTALL,
	QUIZ_SECTION_REQUIRED,
	QUIZ_SECTION_OTHER, /* a paragraph: never asked for, it only stands beside */
	QUIZ_N_KIND,
};

const char *quiz_family_name(enum quiz_family family);
enum quiz_family quiz_kind_family(enum quiz_kind kind);

enum { QUIZ_SPAN_MAX_LINES = 12 };

struct quiz_entry {
	enum quiz_kind kind;
	size_t document;
	size_t line_first, line_last; /* from 0, both included: where a quote may stand */
	char *anchor;                 /* what is asked about */
	char *answer;                 /* the text that answers, what goes on joined by spaces */
};

struct quiz_entries {
	struct quiz_entry *item;
	size_t count, cap;
};
void quiz_entries_finish(struct quiz_entries *entries);

/* Append what stands in a document, in the order of its lines. Its name tells what it is written in. */
void quiz_find(
	struct quiz_entries *out, size_t document, const char *name, const struct lines *lines);

/* ---- for the files of rules ---- */

struct quiz_finder {
	struct quiz_entries *out;
	const struct lines *lines;
	size_t document;
	const char *suffix; /* behind the last point of the name, or "" */
	int is_code, is_config, is_log, has_assignments; /* a log of changes defines nothing */
	int is_markdown;
	struct line heading; /* above the line at hand; empty where there is none */
};

/* One entry more. */
void quiz_add(struct quiz_finder *finder, enum quiz_kind kind, size_t first, size_t last,
	const char *anchor, size_t anchor_len, const char *answer);
/* Definitions of code that begin at a line. Returns whether there was one. */
int quiz_find_definition(struct quiz_finder *finder, size_t at);
/* Sections and paragraphs of the whole document. */
void quiz_find_sections(struct quiz_finder *finder);
/* Whether a line is a heading. */
int quiz_is_heading(const struct quiz_finder *finder, size_t at);

#endif
