/* The input's rows: a prompt, the text beside it, and the cursor. */
#include "base/mem.h"
#include "tui/cells.h"
#include "tui/input_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PART_OF_SCREEN = 3, NARROW_COLUMNS = 12 };

/* Keys go to a view, and the row has to look like it. */
static int is_browsing(const struct input *input)
{
	return !input->app->is_typing && !input->is_asking;
}

/* " > ", " : " while browsing, "rename to: ", "(reverse-i-search)`x': "; malloc'ed. */
static char *prompt_text(const struct input *input)
{
	const char *message = input_message();

	if (message) {
		return mem_printf(" %s", message);
	}
	return input->is_asking     ? mem_printf(" %s", input->label)
	       : is_browsing(input) ? mem_strdup(" : ")
				    : mem_strdup(" > ");
}

/* At most two thirds of the columns; " > " alone can be done without. */
static int fit_prompt(const struct input *input, const char *prompt, int columns)
{
	int width = cells_width(prompt, strlen(prompt)), most = columns * 2 / 3;

	if (!input_message() && !input->is_asking && columns < NARROW_COLUMNS) {
		return 0;
	}
	return width < most ? width : most;
}

int input_prompt_columns(const struct input *input, int columns)
{
	char *prompt = prompt_text(input);
	int width = fit_prompt(input, prompt, columns);

	free(prompt);
	return width;
}

void input_lay_out(struct input *input, int columns)
{
	size_t len;
	const char *line = input_line(&len, NULL);

	input_layout_make(&input->layout, line, len, columns);
}

static void lay_out_beside(struct input *input, int columns)
{
	int text = columns - input_prompt_columns(input, columns);

	input_lay_out(input, text > 0 ? text : 1);
}

int input_rows(const struct input *input, int columns, int screen_rows)
{
	size_t most = screen_rows / PART_OF_SCREEN > 1 ? (size_t)screen_rows / PART_OF_SCREEN : 1;

	/* What was measured is kept for drawing it. */
	lay_out_beside((struct input *)input, columns);
	return (int)(input->layout.n_row < most ? input->layout.n_row : most);
}

/* Of a prompt that is too long its end tells more: what is searched for. */
static void draw_prompt(const struct input *input, struct pane pane)
{
	char *prompt = prompt_text(input);
	int width = fit_prompt(input, prompt, pane.columns), over;
	const char *at = prompt;
	struct cell cell;

	over = cells_width(prompt, strlen(prompt)) - width;
	while (over > 0 && *at) {
		cell_read(&cell, at, strlen(at), 0, 0);
		over -= cell.width;
		at += cell.len;
	}
	pane_string(pane_part(pane, 0, 0, 1, width), 0, 0,
		is_browsing(input) ? ELEMENT_DIM : ELEMENT_PROMPT, at);
	free(prompt);
}

static void draw_browsing(const struct input *input, struct pane text)
{
	const char *keys = keys_of(input->app->keys, ACTION_TYPE);
	char *said = keys[0] ? mem_printf("browsing: %.*s types", (int)strcspn(keys, " "), keys)
			     : mem_strdup("browsing");

	pane_string(text, 0, 0, ELEMENT_DIM, said);
	free(said);
}

static void scroll_to(struct input *input, size_t row, size_t rows)
{
	if (row < input->top) {
		input->top = row;
	}
	if (row >= input->top + rows) {
		input->top = row - rows + 1;
	}
	if (input->top + rows > input->layout.n_row) {
		input->top = input->layout.n_row > rows ? input->layout.n_row - rows : 0;
	}
}

void input_draw(struct input *input, struct pane pane)
{
	const struct input_layout *layout = &input->layout;
	size_t len, point, row;
	struct pane text;
	int left, column;

	if (pane.rows <= 0 || pane.columns <= 0) {
		return;
	}
	lay_out_beside(input, pane.columns);
	left = input_prompt_columns(input, pane.columns);
	input_line(&len, &point);
	input_layout_place(layout, point, &row, &column);
	scroll_to(input, row, (size_t)pane.rows);
	pane_clear(pane, ELEMENT_INPUT);
	text = pane_part(pane, 0, left, pane.rows, pane.columns - left);
	for (size_t i = 0; i < (size_t)pane.rows && input->top + i < layout->n_row; i++) {
		const struct input_row *at = &layout->row[input->top + i];

		pane_text(text, (int)i, 0, is_browsing(input) ? ELEMENT_DIM : ELEMENT_INPUT,
			buf_str(&layout->text) + at->at, at->end - at->at);
	}
	if (is_browsing(input) && !len) {
		draw_browsing(input, text);
	}
	if (input->top == 0) {
		draw_prompt(input, pane);
	}
	if (input->app->is_typing || input->is_asking) {
		pane_cursor(text, (int)(row - input->top), column);
	}
}
