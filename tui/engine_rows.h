/* What there is to say about the engine, as rows of a label and a text; tui/view_engine.c shows them. */
#ifndef TUI_ENGINE_ROWS_H
#define TUI_ENGINE_ROWS_H

#include "base/buf.h"
#include "session/desk.h"
#include "tui/element.h"

#include <stddef.h>

struct engine_row {
	const char *label; /* constant; "": the row before goes on */
	char *text;        /* NULL: a heading */
	enum element element;
	double *value; /* a history, oldest first, drawn as a sparkline behind the text; or NULL */
	size_t n_value;
};
struct engine_rows { /* zero-initialise */
	struct engine_row *row;
	size_t n_row, cap_row;
};
/* `progress` is what is under way: its rate is the newest of its history. */
void engine_rows_make(struct engine_rows *rows, const struct desk_state *state,
	const struct desk_event *progress);
void engine_rows_add(struct engine_rows *rows, enum element element, const char *label,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Texts that take more than so many columns go on in rows of their own. */
void engine_rows_wrap(struct engine_rows *rows, int columns);
void engine_rows_finish(struct engine_rows *rows);

#endif
