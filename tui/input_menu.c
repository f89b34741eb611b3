/*
 * Completion: Tab puts in what all matches have in common, then shows them. Tab, BackTab and the
 * arrows choose; the line always shows what is chosen, so that Enter, or going on, accepts it. Esc
 * brings back what was typed.
 */
#include "base/mem.h"
#include "tui/cells.h"
#include "tui/input_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MENU_ROWS = 10, KEY_TAB = 9, KEY_ENTER = 13, KEY_ESCAPE = 27, GAP_COLUMNS = 2 };

static void put(struct input *input, const char *text, size_t len)
{
	input_begin_change();
	input_replace(input->menu.matches.at, input->menu.len, text, len);
	input_end_change();
	input->menu.len = len;
}

/* Bytes that all matches begin with, cut between characters. */
static size_t common_bytes(const struct input_matches *matches)
{
	const char *first = matches->match[0].text;
	size_t n = strlen(first);

	for (size_t i = 1; i < matches->n; i++) {
		size_t at = 0;

		while (at < n && first[at] == matches->match[i].text[at]) {
			at++;
		}
		n = at;
	}
	while (n > 0 && ((unsigned char)first[n] & 0xc0) == 0x80) {
		n--;
	}
	return n;
}

void input_menu_close(struct input *input)
{
	input->menu.is_open = 0;
	input->menu.cursor = input->menu.top = 0;
	input_matches_finish(&input->menu.matches);
	buf_finish(&input->menu.typed);
}

void input_menu_open(struct input *input)
{
	struct input_menu *menu = &input->menu;
	size_t len, point, common;
	const char *line;

	input_menu_close(input);
	if (input->is_asking) {
		return;
	}
	line = input_line(&len, &point);
	input_complete(&menu->matches, input->app, line, point);
	if (menu->matches.n == 0) {
		input_menu_close(input);
		return;
	}
	menu->len = point - menu->matches.at;
	buf_add(&menu->typed, line + menu->matches.at, menu->len);
	common = common_bytes(&menu->matches);
	if (common > menu->len) {
		put(input, menu->matches.match[0].text, common);
		buf_clear(&menu->typed);
		buf_add(&menu->typed, menu->matches.match[0].text, common);
	}
	if (menu->matches.n == 1) {
		input_menu_close(input);
		return;
	}
	menu->is_open = 1;
}

/* Choose the one so many further, round the end: 0 is what was typed. */
static void choose(struct input *input, int by)
{
	struct input_menu *menu = &input->menu;
	size_t n = menu->matches.n + 1;

	menu->cursor = (menu->cursor + n + (size_t)(by + (int)n)) % n;
	if (menu->cursor) {
		const char *text = menu->matches.match[menu->cursor - 1].text;

		put(input, text, strlen(text));
	} else {
		put(input, buf_str(&menu->typed), menu->typed.len);
	}
}

/* A page: to the end first, never round it. */
static void choose_page(struct input *input, int by)
{
	struct input_menu *menu = &input->menu;
	int n = (int)menu->matches.n, now = (int)menu->cursor, to = now + by;

	to = to < 1 ? 1 : to > n ? n : to;
	choose(input, to - now);
}

int input_menu_wants(const struct input *input, const struct key *key)
{
	if (!input->menu.is_open) {
		return 0;
	}
	switch (key->special) {
	case KEY_NONE:
		return !key->alt && (key->cp == KEY_TAB || key->cp == KEY_ESCAPE ||
					    (key->cp == KEY_ENTER && input->menu.cursor > 0));
	case KEY_BACK_TAB:
	case KEY_CURSOR_UP:
	case KEY_CURSOR_DOWN:
	case KEY_PAGE_UP:
	case KEY_PAGE_DOWN:
		return 1;
	default:
		return 0;
	}
}

void input_menu_key(struct input *input, const struct key *key)
{
	struct input_menu *menu = &input->menu;

	if (key->special == KEY_BACK_TAB || key->special == KEY_CURSOR_UP) {
		choose(input, -1);
	} else if (key->special == KEY_CURSOR_DOWN || key->cp == KEY_TAB) {
		choose(input, 1);
	} else if (key->special == KEY_PAGE_UP || key->special == KEY_PAGE_DOWN) {
		choose_page(input, key->special == KEY_PAGE_UP ? -MENU_ROWS : MENU_ROWS);
	} else if (key->cp == KEY_ESCAPE) {
		put(input, buf_str(&menu->typed), menu->typed.len);
		input_menu_close(input);
	} else { /* Enter; behind what goes on the next are shown at once */
		int is_more = menu->matches.match[menu->cursor - 1].is_open;

		input_menu_close(input);
		if (is_more) {
			input_menu_open(input);
		}
	}
}

/* ---- what is shown ---- */

int input_menu_rows(const struct input *input, int most)
{
	int rows = input->menu.matches.n > MENU_ROWS ? MENU_ROWS : (int)input->menu.matches.n;

	return !input->menu.is_open || most < 0 ? 0 : rows < most ? rows : most;
}

static const char *shown(const struct input_match *match)
{
	return match->text + match->from;
}

static int widest(const struct input_menu *menu)
{
	int most = 0;

	for (size_t i = 0; i < menu->matches.n; i++) {
		int width = cells_width(
			shown(&menu->matches.match[i]), strlen(shown(&menu->matches.match[i])));

		most = width > most ? width : most;
	}
	return most;
}

static void draw_match(
	struct pane pane, int row, const struct input_match *match, int note_at, int is_chosen)
{
	enum element element = is_chosen ? ELEMENT_MENU_CURSOR : ELEMENT_MENU;

	pane_fill(pane, row, 0, element);
	pane_string(pane_part(pane, row, 1, 1, note_at - 1), 0, 0, element, shown(match));
	if (match->note && note_at + GAP_COLUMNS < pane.columns) {
		pane_string(pane_part(pane, row, note_at + GAP_COLUMNS, 1,
				    pane.columns - note_at - GAP_COLUMNS),
			0, 0, element, match->note);
	}
}

void input_draw_menu(struct input *input, struct pane pane)
{
	struct input_menu *menu = &input->menu;
	size_t rows = pane.rows > 0 ? (size_t)pane.rows : 0, chosen = menu->cursor;
	int note_at = 1 + widest(menu);
	char place[48];

	if (!menu->is_open || rows == 0) {
		return;
	}
	if (chosen && chosen - 1 < menu->top) {
		menu->top = chosen - 1;
	}
	if (chosen > menu->top + rows) {
		menu->top = chosen - rows;
	}
	if (menu->matches.n <= rows) {
		menu->top = 0;
	}
	if (note_at > pane.columns) {
		note_at = pane.columns;
	}
	for (size_t i = 0; i < rows && menu->top + i < menu->matches.n; i++) {
		draw_match(pane, (int)i, &menu->matches.match[menu->top + i], note_at,
			menu->top + i + 1 == chosen);
	}
	if (menu->matches.n > rows) {
		int len = snprintf(place, sizeof(place), " %zu/%zu ", chosen, menu->matches.n);

		if (len + note_at < pane.columns) {
			pane_string(pane, (int)rows - 1, pane.columns - len, ELEMENT_MENU, place);
		}
	}
}
