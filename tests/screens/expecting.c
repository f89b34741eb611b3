/* The verbs that expect something. Each waits until it holds. */
#include "tests/screens/trial.h"

#include "base/base64.h"
#include "base/mem.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { STABLE_MS = 120 };

/* Where it stands in the row, and how long it is; ~ begins a regular expression. */
static const char *find(const char *row, const char *pattern, size_t *len)
{
	regmatch_t match;
	regex_t regex;
	const char *found;

	if (pattern[0] != '~') {
		*len = strlen(pattern);
		return strstr(row, pattern);
	}
	*len = 0;
	if (regcomp(&regex, pattern + 1, REG_EXTENDED) != 0) {
		return NULL;
	}
	found = regexec(&regex, row, 1, &match, 0) == 0 ? row + match.rm_so : NULL;
	if (found) {
		*len = (size_t)(match.rm_eo - match.rm_so);
	}
	regfree(&regex);
	return found;
}

/* An expression that is none is found nowhere, which `gone` would take for success. */
static int is_pattern(const char *pattern, struct buf *why)
{
	regex_t regex;

	if (pattern[0] == '~') {
		if (regcomp(&regex, pattern + 1, REG_EXTENDED) != 0) {
			buf_clear(why);
			buf_printf(why, "is no regular expression: %s", pattern + 1);
			return 0;
		}
		regfree(&regex);
	}
	return 1;
}

/* The first row from `from` that has it; -1. */
static int find_row(struct trial *trial, const char *pattern, int from)
{
	struct buf text = BUF_INIT;
	int rows, columns, found = -1;
	size_t len;

	terminal_size(trial->terminal, &rows, &columns);
	for (int row = from; row < rows && found < 0; row++) {
		terminal_row(trial->terminal, row, &text, NULL);
		if (find(buf_str(&text), pattern, &len)) {
			found = row;
		}
	}
	buf_finish(&text);
	return found;
}

static int is_seen(struct trial *trial, const struct step *step, struct buf *why)
{
	buf_printf(why, "is not on the screen: %s", step->argument);
	return find_row(trial, step->argument, 0) >= 0;
}

static int is_gone(struct trial *trial, const struct step *step, struct buf *why)
{
	buf_printf(why, "is on the screen: %s", step->argument);
	return is_pattern(step->argument, why) && find_row(trial, step->argument, 0) < 0;
}

static int play_see(struct trial *trial, const struct step *step)
{
	return trial_wait(trial, step, is_seen);
}

static int play_gone(struct trial *trial, const struct step *step)
{
	return trial_wait(trial, step, is_gone);
}

/* N PATTERN: row N from 1, from the bottom where it is negative. "" is an empty row. */
static int row_holds(struct trial *trial, const struct step *step, struct buf *why)
{
	struct buf text = BUF_INIT;
	int rows, columns, row, at = 0, holds;
	size_t len;

	terminal_size(trial->terminal, &rows, &columns);
	if (sscanf(step->argument, "%d %n", &row, &at) < 1) {
		buf_printf(why, "which row? %s", step->argument);
		return 0;
	}
	row = row < 0 ? rows + row : row - 1;
	if (row < 0 || row >= rows) {
		buf_printf(why, "there is no such row: %s", step->argument);
		return 0;
	}
	terminal_row(trial->terminal, row, &text, NULL);
	holds = step->argument[at] ? find(buf_str(&text), step->argument + at, &len) != NULL
				   : text.len == 0;
	buf_printf(why, "row %d is: %s", row + 1, buf_str(&text));
	buf_finish(&text);
	return holds;
}

static int play_row(struct trial *trial, const struct step *step)
{
	return trial_wait(trial, step, row_holds);
}

static int row_is(struct trial *trial, int row, const char *pattern)
{
	struct buf text = BUF_INIT;
	size_t len;
	int is;

	terminal_row(trial->terminal, row, &text, NULL);
	if (pattern[0] == '|') {
		is = strcmp(buf_str(&text), pattern + 1) == 0;
	} else {
		is = find(buf_str(&text), pattern, &len) == buf_str(&text) && len == text.len;
	}
	buf_finish(&text);
	return is;
}

static int rows_match(struct trial *trial, int row, int rows, char *const *pattern, size_t n)
{
	if (!n) {
		return row == rows;
	}
	if (pattern[0][0] == '*') {
		for (int next = row; next <= rows; next++) {
			if (rows_match(trial, next, rows, pattern + 1, n - 1)) {
				return 1;
			}
		}
		return 0;
	}
	return row < rows && row_is(trial, row, pattern[0]) &&
	       rows_match(trial, row + 1, rows, pattern + 1, n - 1);
}

static int screen_is(struct trial *trial, const struct step *step, struct buf *why)
{
	int rows, columns;

	terminal_size(trial->terminal, &rows, &columns);
	buf_addstr(why, "the screen is another one");
	return rows_match(trial, 0, rows, step->row, step->n_row);
}

static int play_screen(struct trial *trial, const struct step *step)
{
	return trial_wait(trial, step, screen_is);
}

/* "ROW COLUMN", "hidden", or "behind TEXT". */
static int cursor_is(struct trial *trial, const struct step *step, struct buf *why)
{
	int row, column, wanted_row, wanted_column, *columns = NULL, holds = 0;
	int is_shown = terminal_cursor(trial->terminal, &row, &column);
	struct buf text = BUF_INIT;

	buf_printf(
		why, "the cursor is %s %d %d", is_shown ? "at" : "hidden at", row + 1, column + 1);
	if (strcmp(step->argument, "hidden") == 0) {
		return !is_shown;
	}
	if (strncmp(step->argument, "behind ", 7) == 0) {
		const char *found;
		size_t len;

		terminal_row(trial->terminal, row, &text, &columns);
		found = find(buf_str(&text), step->argument + 7, &len);
		if (found) {
			size_t end = (size_t)(found - text.data) + len;
			int behind = end ? columns[end - 1] + 1 : 0;
			VTermScreenCell cell = {.width = 1};

			terminal_cell(trial->terminal, row, behind - 1, &cell);
			holds = is_shown && column == behind - 1 + cell.width;
		}
		buf_finish(&text);
		free(columns);
		return holds;
	}
	return sscanf(step->argument, "%d %d", &wanted_row, &wanted_column) == 2 && is_shown &&
	       row == wanted_row - 1 && column == wanted_column - 1;
}

static int play_cursor(struct trial *trial, const struct step *step)
{
	return trial_wait(trial, step, cursor_is);
}

static int color_is(const VTermColor *color, const char *wanted, int is_default)
{
	unsigned rgb;

	if (strcmp(wanted, "default") == 0) {
		return is_default;
	}
	if (is_default) {
		return 0;
	}
	if (sscanf(wanted, "#%x", &rgb) == 1) {
		return VTERM_COLOR_IS_RGB(color) &&
		       rgb == ((unsigned)color->rgb.red << 16 | (unsigned)color->rgb.green << 8 |
				      color->rgb.blue);
	}
	return VTERM_COLOR_IS_INDEXED(color) && color->indexed.idx == atoi(wanted);
}

/* Whether the cell has it: "bold", "no-bold", "fg=4", "bg=default", "plain", "styled". */
static int cell_has(const VTermScreenCell *cell, const char *what)
{
	int is_fg_default = VTERM_COLOR_IS_DEFAULT_FG(&cell->fg) != 0;
	int is_bg_default = VTERM_COLOR_IS_DEFAULT_BG(&cell->bg) != 0;
	int is_plain = !cell->attrs.bold && !cell->attrs.italic && !cell->attrs.underline &&
		       !cell->attrs.reverse && is_fg_default && is_bg_default;
	const struct {
		const char *name;
		int is;
	} known[] = {{"bold", cell->attrs.bold}, {"italic", cell->attrs.italic},
		{"underline", cell->attrs.underline}, {"reverse", cell->attrs.reverse},
		{"plain", is_plain}, {"styled", !is_plain},
		{"coloured", !is_fg_default || !is_bg_default}};

	if (strncmp(what, "fg=", 3) == 0) {
		return color_is(&cell->fg, what + 3, is_fg_default);
	}
	if (strncmp(what, "bg=", 3) == 0) {
		return color_is(&cell->bg, what + 3, is_bg_default);
	}
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(what, known[i].name) == 0) {
			return known[i].is != 0;
		}
		if (strncmp(what, "no-", 3) == 0 && strcmp(what + 3, known[i].name) == 0) {
			return !known[i].is;
		}
	}
	return 0;
}

static void tell_style(struct buf *out, const VTermScreenCell *cell)
{
	buf_printf(out, "%s%s%s%s", cell->attrs.bold ? "bold," : "",
		cell->attrs.italic ? "italic," : "", cell->attrs.underline ? "underline," : "",
		cell->attrs.reverse ? "reverse," : "");
	buf_printf(out, VTERM_COLOR_IS_DEFAULT_FG(&cell->fg) ? "fg=default" : "fg=%d",
		cell->fg.indexed.idx);
	buf_printf(out, VTERM_COLOR_IS_DEFAULT_BG(&cell->bg) ? ",bg=default" : ",bg=%d",
		cell->bg.indexed.idx);
}

/* Whether all cells of the text that was found in this row have all of `wanted` (bold,fg=4). */
static int row_has_style(
	struct trial *trial, int row, const char *pattern, const char *wanted, struct buf *why)
{
	struct buf text = BUF_INIT;
	int *columns = NULL, holds = 0;
	const char *found;
	size_t len;

	terminal_row(trial->terminal, row, &text, &columns);
	found = find(buf_str(&text), pattern, &len);
	for (size_t i = 0; found && i < len; i++) {
		char *list = mem_strdup(wanted), *rest = list, *word;
		VTermScreenCell cell = {.width = 1};

		holds = 1;
		terminal_cell(
			trial->terminal, row, columns[(size_t)(found - text.data) + i], &cell);
		while ((word = strsep(&rest, ",")) && holds) {
			holds = cell_has(&cell, word);
		}
		free(list);
		if (!holds) {
			buf_printf(why, "row %d, character %zu of it is ", row + 1, i + 1);
			tell_style(why, &cell);
			break;
		}
	}
	buf_finish(&text);
	free(columns);
	return holds;
}

/* STYLE TEXT: somewhere on the screen the text stands in that style. */
static int has_style(struct trial *trial, const struct step *step, struct buf *why)
{
	size_t len = strcspn(step->argument, " ");
	const char *pattern = step->argument + len + strspn(step->argument + len, " ");
	char *wanted = mem_strndup(step->argument, len);
	int holds = 0, row = find_row(trial, pattern, 0);

	if (row < 0) {
		buf_printf(why, "is not on the screen: %s", pattern);
	}
	while (row >= 0 && !holds) {
		buf_clear(why);
		holds = row_has_style(trial, row, pattern, wanted, why);
		row = find_row(trial, pattern, row + 1);
	}
	free(wanted);
	return holds;
}

static int play_style(struct trial *trial, const struct step *step)
{
	return trial_wait(trial, step, has_style);
}

static int is_stable(struct trial *trial, const struct step *step, struct buf *why)
{
	int ms = atoi(step->argument);

	buf_printf(why, "the screen does not come to rest");
	return terminal_quiet_ms(trial->terminal) >= (ms ? ms : STABLE_MS);
}

static int play_stable(struct trial *trial, const struct step *step)
{
	return trial_wait(trial, step, is_stable);
}

static int command_holds(struct trial *trial, const struct step *step, struct buf *why)
{
	int status = trial_shell(trial, step->argument);

	buf_printf(why, "does not hold: %s", step->argument);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int play_check(struct trial *trial, const struct step *step)
{
	return trial_wait(trial, step, command_holds);
}

static int has_stopped(struct trial *trial, const struct step *step, struct buf *why)
{
	buf_addstr(why, "the program is not stopped");
	return terminal_state(trial->terminal) == TERMINAL_STOPPED;
}

/* And the shell has the terminal back. */
static int play_suspended(struct trial *trial, const struct step *step)
{
	if (trial_wait(trial, step, has_stopped) < 0) {
		return -1;
	}
	return terminal_is_restored(trial->terminal, &trial->why) ? 0 : -1;
}

static int has_ended(struct trial *trial, const struct step *step, struct buf *why)
{
	buf_addstr(why, "the program does not end");
	return terminal_state(trial->terminal) == TERMINAL_ENDED;
}

/* One of "0|129". */
static int is_wanted(int status, const char *wanted)
{
	for (; *wanted; wanted += strcspn(wanted, "|"), wanted += *wanted == '|') {
		if (status == atoi(wanted)) {
			return 1;
		}
	}
	return 0;
}

static int expect_exit(struct trial *trial, const struct step *step, const char *wanted)
{
	int status;

	if (trial_wait(trial, step, has_ended) < 0) {
		return -1;
	}
	status = terminal_status(trial->terminal);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (!is_wanted(status, wanted)) {
		buf_printf(&trial->why, "the exit status is %d", status);
		return -1;
	}
	return trial->was_killed || terminal_is_restored(trial->terminal, &trial->why) ? 0 : -1;
}

/* STATUS, 128 + N for signal N; the terminal is as it was, unless nobody could restore it. */
static int play_exit(struct trial *trial, const struct step *step)
{
	return expect_exit(trial, step, step->argument);
}

/* F10, and status 0. */
static int play_quit(struct trial *trial, const struct step *step)
{
	struct buf key = BUF_INIT;
	int status;

	if (!trial->terminal) {
		buf_addstr(&trial->why, "nothing was run yet");
		return -1;
	}
	script_key(&key, "F10");
	status = terminal_send(trial->terminal, key.data, key.len, trial->limit_ms);
	buf_finish(&key);
	return status < 0 ? -1 : expect_exit(trial, step, "0");
}

/* At most so many bytes were written since `mark`. */
static int play_written(struct trial *trial, const struct step *step)
{
	size_t written = trial->terminal ? terminal_bytes(trial->terminal)->len - trial->mark : 0;

	if (written > (size_t)atol(step->argument)) {
		buf_printf(&trial->why, "%zu bytes were written", written);
		return -1;
	}
	return 0;
}

/* What the last OSC 52 put on the clipboard. */
static int is_copied(struct trial *trial, const struct step *step, struct buf *why)
{
	static const char head[] = "\033]52;c;";
	const struct buf *bytes = terminal_bytes(trial->terminal);
	struct buf copied = BUF_INIT, wanted = BUF_INIT;
	const char *last = NULL;
	int holds;

	for (size_t at = 0; at + sizeof(head) < bytes->len; at++) {
		if (memcmp(bytes->data + at, head, sizeof(head) - 1) == 0) {
			last = bytes->data + at + sizeof(head) - 1;
		}
	}
	if (last) {
		base64_decode(&copied, last, strcspn(last, "\a\033"));
	}
	script_unescape(&wanted, step->argument);
	buf_printf(why, "the clipboard has: %s", buf_str(&copied));
	holds = strstr(buf_str(&copied), buf_str(&wanted)) != NULL;
	buf_finish(&copied);
	buf_finish(&wanted);
	return holds;
}

static int play_copied(struct trial *trial, const struct step *step)
{
	return trial_wait(trial, step, is_copied);
}

const struct verb verbs_expecting[] = {
	{"see", play_see},
	{"gone", play_gone},
	{"row", play_row},
	{"screen", play_screen},
	{"cursor", play_cursor},
	{"style", play_style},
	{"stable", play_stable},
	{"check", play_check},
	{"suspended", play_suspended},
	{"exit", play_exit},
	{"quit", play_quit},
	{"written", play_written},
	{"copied", play_copied},
	{NULL, NULL},
};
