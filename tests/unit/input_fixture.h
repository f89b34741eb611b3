/*
 * The input line, driven with the bytes that a terminal sends and without a terminal: what the app
 * does around it and the panes that it draws into are this file's.
 */
#ifndef TESTS_UNIT_INPUT_FIXTURE_H
#define TESTS_UNIT_INPUT_FIXTURE_H

#include "base/buf.h"
#include "base/mem.h"
#include "tui/cells.h"
#include "tui/input.h"
#include "tui/keyboard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 24, COLUMNS = 80, GRID_ROWS = 64, GRID_COLUMNS = 200 };

/* ---- the app around it ---- */

static struct app app;
static struct tui_config config;
static struct desk_state state;
static struct input *input;
static struct keyboard *keyboard;
static char folder[64], history[96];
static struct buf sent, said, source;
static char source_name[32];
static int (*program)(const char *path);

void app_touch(struct app *to)
{
	to->is_dirty = 1;
}

void app_say(struct app *to, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_clear(&said);
	buf_vprintf(&said, format, args);
	va_end(args);
}

void app_complain(struct app *to, const struct err *err)
{
	app_say(to, "%s", err->what);
}

void app_take_line(struct app *to, const char *line, size_t len)
{
	assert_int_equal(strlen(line), len);
	buf_printf(&sent, "[%s]", line);
}

void app_await_change(struct app *to, int64_t order)
{
	to->change.order = order;
}

int app_run_program(struct app *to, char *const *argv, struct err *err)
{
	size_t n = 0;

	while (argv[n]) {
		n++;
	}
	assert_string_equal(argv[0], "/bin/sh");
	return program(argv[n - 1]) < 0 ? err_set(err, ERR_FAILURE, NULL, NULL, "it failed") : 0;
}

int64_t desk_plan_text(struct desk *desk, const char *name, const char *text, size_t len)
{
	snprintf(source_name, sizeof(source_name), "%s", name);
	buf_clear(&source);
	buf_add(&source, text, len);
	return 1;
}

/* ---- the screen that it draws on ---- */

static char grid[GRID_ROWS][GRID_COLUMNS][CELLS_CLUSTER_BYTES + 1];
static enum element grid_element[GRID_ROWS][GRID_COLUMNS];
static int cursor_row, cursor_column;

struct pane pane_part(struct pane pane, int top, int left, int rows, int columns)
{
	struct pane part = {pane.top + top, pane.left + left, rows, columns};

	part.rows = top + rows > pane.rows ? pane.rows - top : rows;
	part.columns = left + columns > pane.columns ? pane.columns - left : columns;
	return part;
}

void pane_fill(struct pane pane, int row, int column, enum element element)
{
	for (int i = column; i < pane.columns; i++) {
		strcpy(grid[pane.top + row][pane.left + i], " ");
		grid_element[pane.top + row][pane.left + i] = element;
	}
}

void pane_clear(struct pane pane, enum element element)
{
	for (int i = 0; i < pane.rows; i++) {
		pane_fill(pane, i, 0, element);
	}
}

int pane_text(
	struct pane pane, int row, int column, enum element element, const char *text, size_t len)
{
	struct cell cell;

	for (size_t at = 0; at < len && text[at] != '\n'; at += cell.len) {
		cell_read(&cell, text, len, at, column);
		if (column + cell.width > pane.columns) {
			break;
		}
		strcpy(grid[pane.top + row][pane.left + column], cell.shown);
		for (int i = 1; i < cell.width; i++) {
			grid[pane.top + row][pane.left + column + i][0] = 0;
		}
		for (int i = 0; i < cell.width; i++) {
			grid_element[pane.top + row][pane.left + column + i] = element;
		}
		column += cell.width;
	}
	return column;
}

int pane_string(struct pane pane, int row, int column, enum element element, const char *text)
{
	return pane_text(pane, row, column, element, text, strlen(text));
}

void pane_cursor(struct pane pane, int row, int column)
{
	assert_in_range(row, 0, pane.rows - 1);
	assert_in_range(column, 0, pane.columns - 1);
	cursor_row = pane.top + row;
	cursor_column = pane.left + column;
}

/* ---- keys, as the app gives them to it ---- */

static void press(const char *bytes, size_t len, int is_late)
{
	struct key key;
	int wait_ms;

	keyboard_feed(keyboard, bytes, len);
	while (keyboard_next(keyboard, is_late, &key, &wait_ms)) {
		if (key.special == KEY_UNKNOWN) {
			continue;
		}
		if (key.special == KEY_NONE && key.cp == 3 && !input_wants(input, &key)) {
			input_clear(input);
		} else {
			input_key(input, &key);
		}
	}
}

static void type(const char *bytes)
{
	press(bytes, strlen(bytes), 1);
}

static int wants(const char *bytes)
{
	struct key key;
	int wait_ms;

	keyboard_feed(keyboard, bytes, strlen(bytes));
	assert_int_equal(keyboard_next(keyboard, 1, &key, &wait_ms), 1);
	return input_wants(input, &key);
}

static void assert_line(const char *text)
{
	size_t len;
	const char *line = input_text(input, &len);

	assert_string_equal(line, text);
	assert_int_equal(len, strlen(text));
}

static void assert_sent(const char *text)
{
	assert_string_equal(buf_str(&sent), text);
	buf_clear(&sent);
}

/* ---- drawing ---- */

static int drawn_rows;

static void draw(int columns, int rows)
{
	drawn_rows = input_rows(input, columns, rows);
	cursor_row = cursor_column = -1;
	memset(grid, 0, sizeof(grid));
	input_draw(input, (struct pane){0, 0, drawn_rows, columns});
}

static void assert_row(int row, const char *text)
{
	struct buf shown = BUF_INIT;

	for (int i = 0; i < GRID_COLUMNS; i++) {
		buf_addstr(&shown, grid[row][i]);
	}
	while (shown.len && shown.data[shown.len - 1] == ' ') {
		shown.data[--shown.len] = 0;
	}
	assert_string_equal(buf_str(&shown), text);
	buf_finish(&shown);
}

static void assert_cursor(int row, int column)
{
	assert_int_equal(cursor_row, row);
	assert_int_equal(cursor_column, column);
}

/* ---- before and after ---- */

static char *name_of(void *arg, size_t n)
{
	const char *const *names = arg;

	return names[n] ? mem_strdup(names[n]) : NULL;
}

static const char *const names[] = {"anna", "annual report", "bert", NULL};

static void make_input(void)
{
	input = input_create(&app, history);
	app.input = input;
}

static int setup(void **unused)
{
	buf_clear(&sent);
	buf_clear(&said);
	buf_clear(&source);
	source_name[0] = 0;
	unlink(history);
	config = (struct tui_config){.history = history,
		.session_name = name_of,
		.model_name = name_of,
		.setting_name = name_of,
		.arg = (void *)names};
	state = (struct desk_state){0};
	app = (struct app){.config = &config, .state = &state, .is_typing = 1};
	keyboard = keyboard_create();
	make_input();
	return 0;
}

static int teardown(void **unused)
{
	input_destroy(input);
	keyboard_destroy(keyboard);
	return 0;
}

#endif
