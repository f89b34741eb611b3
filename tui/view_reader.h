/* The reader: a source with its places. What its files share; others call reader_open(). */
#ifndef TUI_VIEW_READER_H
#define TUI_VIEW_READER_H

#include "tui/document_find.h"
#include "tui/document_rows.h"
#include "tui/list.h"
#include "tui/search_text.h"
#include "tui/view.h"

#include <stddef.h>
#include <stdint.h>

/* The texts of a source by number: as it was loaded, then its updates; and what they make together. */
enum { READER_NEWEST = -1 };

/*
 * Show a source at a place of one of its texts. Nothing where the session has no such source or text.
 */
void reader_open(struct app *app, int64_t number, int version, struct text_place place);
/*
 * The newest text of a source: of a tree its files with those of updates in their places. Its parts
 * are borrowed from the texts; free(part) ends it.
 */
struct document reader_newest(const struct desk_source *source);

/* A row of the outline: another text, or a place in this one. */
struct reader_stop {
	char *title;
	int depth, version;
	int is_text; /* `version` is opened; else `place` is gone to */
	struct text_place place;
};

struct reader {
	struct view view;
	char *session;  /* whose source it is */
	int64_t number; /* 0: none is open */
	char *wanted;   /* that is to be opened as soon as it is there: "S2 37"; else NULL */
	char *name;     /* of the source, as it was given */
	int version, n_text;
	int is_dropped, is_older; /* what the session says of the source now */
	struct desk_text **text;  /* [n_text], held */
	struct document document; /* parts and headings are the texts' */
	struct document_lines lines;
	struct document_rows rows;
	struct document_row top;
	int height, columns;      /* of the text, as it was drawn last */
	struct text_place bottom; /* behind what was drawn last */
	int shift;                /* columns to the left of what is shown, where lines are cut */
	int wraps, is_raw;
	/* The citation that was opened last. */
	enum document_quote quote; /* NOWHERE: none */
	struct text_range quoted;
	int brings_quote; /* into sight, when the height of what is drawn is known */
	int64_t turn;
	size_t citation; /* of that turn */
	/* Searching. */
	struct text_search search;
	int is_incremental; /* words are being typed */
	struct document_row search_from;
	/* The outline, over the text. */
	int is_outline;
	struct reader_stop *stop;
	size_t n_stop, cap_stop;
	struct list stops;
};

struct reader *reader_find(struct app *app); /* the one on the stack; NULL where there is none */
int reader_has_text(const struct reader *reader);
/* Show a place: where it is on the screen already nothing moves, else a third from the top. */
void reader_show(struct reader *reader, struct text_place place);
struct text_place reader_here(const struct reader *reader); /* of the top row */
int reader_is_shown(struct reader *reader, struct text_place place);
/* Open another text of the source. */
void reader_set_version(struct reader *reader, const struct desk_source *source, int version);
const struct desk_source *reader_source(const struct reader *reader); /* NULL: gone */

/* tui/view_reader_text.c */
/*
 * Open reader->wanted where it is there: "S2", "S2 37" as document_find_place() reads what follows,
 * "" the first source.
 */
void reader_open_wanted(struct reader *reader);
void reader_close_text(struct reader *reader);

/* tui/view_reader_cite.c */
void reader_step_citation(struct reader *reader, int step);

/* tui/view_reader_search.c */
int reader_search(struct view *view, const char *words, size_t len, int is_back, int is_final);
void reader_search_step(struct reader *reader, int is_back);
void reader_tick(struct app *app); /* goes on with what takes longer than a frame */
/* Marks of what was found in a row; returns how many, `most` at most. */
size_t reader_found_marks(const struct reader *reader, struct document_row row,
	struct document_mark *mark, size_t most);

/* tui/view_reader_draw.c */
void reader_draw(struct view *view, struct pane pane, int is_focused);

/* tui/view_reader_outline.c */
void reader_outline_open(struct reader *reader);
void reader_outline_close(struct reader *reader);
int reader_outline_act(struct reader *reader, enum action action);
int reader_outline_search(struct reader *reader, const char *words, size_t len, int is_back);
void reader_outline_draw(struct reader *reader, struct pane pane, int is_focused);

#endif
