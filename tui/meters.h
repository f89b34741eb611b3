/*
 * The lines of figures around the views: name, model and device; sources and window on their scales;
 * what is under way with its rate, ETA and how to stop it; what the next question costs; key hints.
 * All from app->state, app->progress and app->preview.
 */
#ifndef TUI_METERS_H
#define TUI_METERS_H

#include "tui/app.h"
#include "tui/pane.h"

/* Rows of the head on a screen of that size: 2, or 1 below 80x24, 0 below 12 rows. */
int meters_head_rows(int rows, int columns);
void meters_draw_head(struct app *app, struct pane pane);
/*
 * What is under way; else a plan or a message; else what the last answer took. One row; of a message
 * that is longer METERS_MESSAGE_ROWS at most, and what is under way below it.
 */
enum { METERS_MESSAGE_ROWS = 3 };
int meters_message_rows(const struct app *app, int columns);
void meters_draw_progress(struct app *app, struct pane pane);
/* The cost of the next question, right of the input's first row; columns it needs. */
int meters_cost_columns(struct app *app);
void meters_draw_cost(struct app *app, struct pane pane);
/* "F1 Help  F2 Sources ..." from the key table, as many as fit. */
void meters_draw_hints(struct app *app, struct pane pane);

#endif
