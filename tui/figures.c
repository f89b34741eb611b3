#include "tui/figures.h"

#include "base/mem.h"
#include "tui/cells.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct figure *add(struct figures *figures, int rank, int gap, enum element element)
{
	struct figure *figure;

	if (figures->n_figure == FIGURES_MAX) {
		free(figures->figure[--figures->n_figure].text);
	}
	figure = &figures->figure[figures->n_figure++];
	*figure = (struct figure){.element = element, .rank = rank, .gap = gap};
	return figure;
}

struct figure *figures_add(
	struct figures *figures, int rank, int gap, enum element element, const char *format, ...)
{
	struct figure *figure = add(figures, rank, gap, element);
	struct buf text = BUF_INIT;
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	figure->text = buf_take(&text);
	return figure;
}

struct figure *figures_add_bar(struct figures *figures, int rank, int64_t total)
{
	struct figure *figure = add(figures, rank, 1, ELEMENT_METER);

	figure->bar.total = total;
	figure->columns = FIGURE_BAR_LEAST + 2;
	return figure;
}

void figures_add_part(struct figure *bar, int64_t amount, char shown, enum element element)
{
	if (bar->bar.n_part < FIGURE_PARTS && amount > 0) {
		bar->bar.part[bar->bar.n_part++] = (struct figure_part){amount, shown, element};
	}
}

void figures_finish(struct figures *figures)
{
	for (size_t i = 0; i < figures->n_figure; i++) {
		free(figures->figure[i].text);
	}
	*figures = (struct figures){0};
}

/* ---- fitting ---- */

static int width_of(const struct figure *figure)
{
	return figure->text ? cells_width(figure->text, strlen(figure->text)) : figure->columns;
}

int figures_columns(const struct figures *figures)
{
	int columns = 0;

	for (size_t i = 0; i < figures->n_figure; i++) {
		columns += (i ? figures->figure[i].gap : 0) + width_of(&figures->figure[i]);
	}
	return columns;
}

/* The rank of those that fall away next; 0: all that is left stays. */
static int highest_rank(const struct figures *figures)
{
	int highest = 0;

	for (size_t i = 0; i < figures->n_figure; i++) {
		int rank = figures->figure[i].rank;

		highest = rank > highest ? rank : highest;
	}
	return highest;
}

static void take_away(struct figures *figures, int rank)
{
	size_t n = 0;
	int is_right = 0;

	for (size_t i = 0; i < figures->n_figure; i++) {
		struct figure figure = figures->figure[i];

		is_right |= figure.is_right;
		if (figure.rank == rank) {
			free(figure.text);
			continue;
		}
		figure.is_right = is_right;
		is_right = 0;
		figures->figure[n++] = figure;
	}
	figures->n_figure = n;
}

/* Cut the text so that it takes so many columns less, its last one a mark. */
static void shrink(struct figure *figure, int less)
{
	int columns = width_of(figure) - less - 1;
	size_t len = columns > 0 ? cells_fit(figure->text, strlen(figure->text), columns) : 0;
	char *cut = mem_printf("%.*s%s", (int)len, figure->text, less > 0 ? ">" : "");

	free(figure->text);
	figure->text = cut;
}

/* What is left over, to the bars. */
static void spread(struct figures *figures, int spare)
{
	int n_bar = 0;

	for (size_t i = 0; i < figures->n_figure; i++) {
		n_bar += !figures->figure[i].text;
	}
	for (size_t i = 0; i < figures->n_figure && spare > 0; i++) {
		struct figure *figure = &figures->figure[i];
		int room = FIGURE_BAR_MOST - figure->columns, more;

		if (!figure->text) {
			more = spare / n_bar--;
			more = more < room ? more : room;
			figure->columns += more > 0 ? more : 0;
			spare -= more > 0 ? more : 0;
		}
	}
}

void figures_fit(struct figures *figures, int columns)
{
	int over;

	while (figures_columns(figures) > columns) {
		int rank = highest_rank(figures);

		if (!rank) {
			break;
		}
		take_away(figures, rank);
	}
	over = figures_columns(figures) - columns;
	for (size_t i = 0; i < figures->n_figure && over > 0; i++) {
		if (figures->figure[i].shrinks && figures->figure[i].text) {
			shrink(&figures->figure[i], over);
			over = figures_columns(figures) - columns;
		}
	}
	spread(figures, -over);
}

/* ---- bars ---- */

/* Columns that an amount of the bar's total fills; what is there at all is seen. */
static int filled(const struct figure_bar *bar, double amount, int columns)
{
	double share = bar->total > 0 ? amount / (double)bar->total : 0;
	int n = share < 1 ? (int)(share * columns + 0.5) : columns;

	return amount > 0 && n == 0 ? 1 : n;
}

struct figure_part figures_bar_at(const struct figure *figure, int column)
{
	const struct figure_bar *bar = &figure->bar;
	int columns = figure->columns - 2;
	double sum = 0;

	for (size_t i = 0; i < bar->n_part; i++) {
		sum += (double)bar->part[i].amount;
		if (column < filled(bar, sum, columns)) {
			return bar->part[i];
		}
	}
	if (bar->reserve > 0 && column >= columns - filled(bar, (double)bar->reserve, columns)) {
		return (struct figure_part){bar->reserve, '~', ELEMENT_DIM};
	}
	return (struct figure_part){0, '.', ELEMENT_METER};
}

/* ---- lines ---- */

/* Where a field begins, behind one that ended at `end`. */
static int begin_of(const struct figures *figures, size_t index, int end, int columns)
{
	const struct figure *figure = &figures->figure[index];
	int rest = 0, at = index ? end + figure->gap : 0;

	if (!figure->is_right) {
		return at;
	}
	for (size_t i = index; i < figures->n_figure; i++) {
		rest += (i > index ? figures->figure[i].gap : 0) + width_of(&figures->figure[i]);
	}
	return columns - rest > at ? columns - rest : at;
}

void figures_text(struct figures *figures, int columns, struct buf *out)
{
	int at = 0;

	figures_fit(figures, columns);
	for (size_t i = 0; i < figures->n_figure; i++) {
		const struct figure *figure = &figures->figure[i];
		int begin = begin_of(figures, i, at, columns);

		buf_printf(out, "%*s", begin - at, "");
		buf_addstr(out, figure->text ? figure->text : "[");
		for (int c = 0; !figure->text && c < figure->columns - 2; c++) {
			buf_addch(out, figures_bar_at(figure, c).shown);
		}
		buf_addstr(out, figure->text ? "" : "]");
		at = begin + width_of(figure);
	}
}

static int draw_bar(struct pane pane, int row, int column, const struct figure *bar)
{
	column = pane_string(pane, row, column, ELEMENT_METER, "[");
	for (int c = 0; c < bar->columns - 2; c++) {
		struct figure_part part = figures_bar_at(bar, c);

		column = pane_text(pane, row, column, part.element, &part.shown, 1);
	}
	return pane_string(pane, row, column, ELEMENT_METER, "]");
}

void figures_draw(struct figures *figures, struct pane pane, int row, enum element background)
{
	int at = 0;

	pane_fill(pane, row, 0, background);
	figures_fit(figures, pane.columns);
	for (size_t i = 0; i < figures->n_figure; i++) {
		const struct figure *figure = &figures->figure[i];
		int begin = begin_of(figures, i, at, pane.columns);

		at = figure->text ? pane_string(pane, row, begin, figure->element, figure->text)
				  : draw_bar(pane, row, begin, figure);
	}
}
