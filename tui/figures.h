/*
 * A line of figures that fits any width: fields in the order in which they stand, each with a rank.
 * Where the line is too long the fields of the highest rank fall away first, all at once, then those that may are
 * cut; what is left over goes to the bars. What remains too long is cut where it is drawn.
 */
#ifndef TUI_FIGURES_H
#define TUI_FIGURES_H

#include "base/buf.h"
#include "tui/element.h"
#include "tui/pane.h"

#include <stddef.h>
#include <stdint.h>

enum { FIGURES_MAX = 40, FIGURE_PARTS = 6, FIGURE_BAR_LEAST = 6, FIGURE_BAR_MOST = 42 };

struct figure_part { /* of a bar, from its left */
	int64_t amount;
	char shown; /* one column of it */
	enum element element;
};
struct figure_bar {
	int64_t total;
	struct figure_part part[FIGURE_PARTS];
	size_t n_part;
	int64_t reserve; /* at the right end */
};
struct figure {
	char *text; /* NULL: a bar */
	enum element element;
	int rank;     /* 0 stays */
	int gap;      /* columns in front of it, unless it is the first */
	int is_right; /* it and what follows stand at the right end of the line */
	int shrinks;  /* its text may be cut */
	int columns;  /* of a bar: as figures_fit() says */
	struct figure_bar bar;
};
struct figures { /* zero-initialise */
	struct figure figure[FIGURES_MAX];
	size_t n_figure;
};

/* Each adds one field; the text is made of the format. */
struct figure *figures_add(struct figures *figures, int rank, int gap, enum element element,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
struct figure *figures_add_bar(struct figures *figures, int rank, int64_t total);
void figures_add_part(struct figure *bar, int64_t amount, char shown, enum element element);
void figures_finish(struct figures *figures);

/* Columns that all of it takes, its bars at their least. */
int figures_columns(const struct figures *figures);
/* Make it fit, which takes fields away. */
void figures_fit(struct figures *figures, int columns);
/* What a column of a bar shows: 0 is the first between its brackets. */
struct figure_part figures_bar_at(const struct figure *figure, int column);
/* The line as text, without elements. */
void figures_text(struct figures *figures, int columns, struct buf *out);
/* Fit it into a row of the pane and draw it there. */
void figures_draw(struct figures *figures, struct pane pane, int row, enum element background);

#endif
