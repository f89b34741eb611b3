/*
 * What tui/view_chat*.c share. A turn is laid out as parts, each a styled text with its rows; only turns
 * that are looked at are, and those that were not for a while are forgotten. Places are bytes of such
 * a text, not rows, so that they hold while the width changes.
 */
#ifndef TUI_VIEW_CHAT_INTERNAL_H
#define TUI_VIEW_CHAT_INTERNAL_H

#include "tui/markdown.h"
#include "tui/search_text.h"
#include "tui/view.h"

enum chat_part_kind {
	CHAT_QUESTION,
	CHAT_THINKING,
	CHAT_FINDS,
	CHAT_ANSWER,
	CHAT_CITATIONS,
	CHAT_NOTES, /* what was read, how it ended, what it cost; and the empty row behind a turn */
	CHAT_PARTS,
};
struct chat_part {
	struct markdown_stream stream; /* its `styled` is what is shown */
	struct styled_rows rows;
};
struct chat_turn {
	const struct desk_turn *turn; /* of the state; NULL: it is being answered */
	struct chat_part part[CHAT_PARTS];
	uint64_t used; /* the frame that it was in */
	size_t bytes;  /* of its texts */
	int wrapped;   /* the columns that its rows are of; 0: they have to be made anew */
	/* While it is being answered: */
	int64_t order, kept;     /* kept: the turn that it became, once that is told */
	int64_t last_turn;       /* the newest before it */
	int has_begun, is_typed; /* is_typed: what failed can be sent again as it is, or better */
	char *question;
	size_t question_len;
	struct buf thinking, answer, finds; /* what came */
	int64_t thought_tok;
	struct err err; /* why it ended without an answer */
};
struct chat_place {
	size_t turn; /* by the path, then what is being answered */
	int part;
	size_t at; /* byte of the part's text */
};
struct chat_row {
	size_t turn, row; /* of all rows of the turn */
};

struct chat {
	struct view view;
	const struct desk_state *state; /* that everything below is of */
	struct chat_turn **turn;        /* laid out, of those that are kept */
	size_t n_turn, cap_turn, bytes;
	struct chat_turn **live; /* asked and not kept yet, oldest first */
	size_t n_live, cap_live;
	int64_t done_order; /* what still comes of this one and those before is old */
	uint64_t frame;
	int is_raw, shows_thinking;
	int rows, columns, gutter; /* of the pane; columns: of the text */
	int follows;               /* the end is shown, whatever comes */
	struct chat_place top;     /* the first row of the pane, unless it follows */
	int has_cursor;            /* somebody browses */
	struct chat_place cursor;
	int link;                        /* the citation under the cursor; 0: none */
	int left;                        /* columns that code and tables are moved by */
	struct text_needle needle, word; /* word: the longest of it, to leave turns out */
	struct buf words;                /* of the needle */
	int is_incremental;              /* they are still being typed */
	struct chat_place origin;        /* where that began */
	struct chat_place match;
	size_t match_len; /* 0: there is none */
};

/* ---- view_chat_turn.c: what a turn looks like ---- */

/* Its texts anew. */
void chat_turn_build(const struct chat *chat, struct chat_turn *turn);
/* More of an answer or of thoughts came. */
void chat_turn_append(
	const struct chat *chat, struct chat_turn *turn, int part, const char *text, size_t len);
/* What an answer that is being given says about itself. */
void chat_turn_build_notes(const struct chat *chat, struct chat_turn *turn);
void chat_turn_build_thinking(const struct chat *chat, struct chat_turn *turn);
void chat_turn_wrap(struct chat_turn *turn, int columns);
void chat_turn_destroy(struct chat_turn *turn);
/* "src/init.cc:120-131 verified". */
void chat_citation_text(struct buf *out, const struct citation *citation);
/* What an empty session shows. */
void chat_greeting(const struct chat *chat, struct styled *out);

/* ---- view_chat_live.c: what the desk tells ---- */

void chat_update(struct view *view);
void chat_event(struct view *view, const struct desk_event *event);
/* `is_typed`: where it is not answered it goes back to the input line. */
void chat_asked(struct chat *chat, int64_t order, const char *question, size_t len, int is_typed);
void chat_forget_turns(struct chat *chat);
/* Everything is to look another way. */
void chat_rebuild(struct chat *chat);

/* ---- view_chat_rows.c: where things stand ---- */

size_t chat_count(const struct chat *chat); /* turns */
/* With its texts; with its rows too. NULL: there is none of that number. */
struct chat_turn *chat_turn_at(struct chat *chat, size_t index);
struct chat_turn *chat_turn_wrapped(struct chat *chat, size_t index);
size_t chat_turn_rows(const struct chat_turn *turn);
/* The part that a row of the turn is in; *row is then one of the part. */
int chat_part_at(const struct chat_turn *turn, size_t *row);
struct chat_row chat_row_of(struct chat *chat, struct chat_place place);
struct chat_place chat_place_of(struct chat *chat, struct chat_row row);
/* So many rows on or back, as far as there are; returns whether it is as many. */
int chat_row_move(struct chat *chat, struct chat_row *row, long n);
int chat_row_compare(struct chat_row a, struct chat_row b);
struct chat_row chat_last_row(struct chat *chat);
/* The first row of the pane now. */
struct chat_row chat_top(struct chat *chat);
/* Whether the last one is shown. */
int chat_shows_end(struct chat *chat);
void chat_scroll(struct chat *chat, long rows);
/* Move what is shown so that the cursor is. */
void chat_show_cursor(struct chat *chat);
void chat_set_cursor(struct chat *chat, struct chat_row row);
/* Where somebody begins to browse. */
void chat_need_cursor(struct chat *chat);

/* ---- view_chat_draw.c ---- */

void chat_draw(struct view *view, struct pane pane, int is_focused);

/* ---- view_chat_search.c ---- */

int chat_search(struct view *view, const char *words, size_t len, int is_back, int is_final);
/* The matches that a row shows, at most so many; in order and apart. */
size_t chat_marks(const struct chat *chat, const struct styled *styled,
	const struct styled_row *row, int is_current, struct styled_mark *mark, size_t most);

#endif
