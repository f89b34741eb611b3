#include "tui/input.h"

#include "base/mem.h"
#include "tui/input_internal.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_INTERRUPT = 3, KEY_ESCAPE = 27, KEY_SUSPEND = 26, SCREEN_COLUMNS = 80 };

struct input *input_create(struct app *app, const char *history)
{
	struct input *input = mem_zero(1, sizeof(*input));

	input->app = app;
	input->history = mem_strdup(history);
	input->layout.columns = SCREEN_COLUMNS;
	input_readline_open(input);
	return input;
}

static void forget_prompt(struct input *input)
{
	free(input->label);
	free(input->told);
	free(input->kept_text);
	input->label = input->told = input->kept_text = NULL;
}

void input_destroy(struct input *input)
{
	if (!input) {
		return;
	}
	input_readline_close(input);
	input_menu_close(input);
	input_layout_finish(&input->layout);
	buf_finish(&input->sequence);
	buf_finish(&input->paste.text);
	buf_finish(&input->paste.rest);
	forget_prompt(input);
	free(input->accepted);
	free(input->history);
	free(input);
}

/* ---- the text ---- */

const char *input_text(const struct input *input, size_t *len)
{
	return input_line(len, NULL);
}

int input_is_empty(const struct input *input)
{
	size_t len;

	input_line(&len, NULL);
	return len == 0;
}

/* What it is in the middle of, left behind: the text may then be another one. */
static void settle(struct input *input)
{
	input_paste_end(input);
	if (input_is_amid() || input->is_quoting) {
		input_leave(input);
	}
	input_menu_close(input);
}

void input_set(struct input *input, const char *text)
{
	settle(input);
	input_set_line(text, strlen(text));
	input_changed(input);
}

void input_insert(struct input *input, const char *text, size_t len)
{
	size_t line_len, point;

	settle(input);
	input_line(&line_len, &point);
	input_begin_change();
	input_replace(point, 0, text, len);
	input_end_change();
	input_changed(input);
}

void input_changed(struct input *input)
{
	size_t len;
	const char *text = input_line(&len, NULL);

	app_touch(input->app);
	if (!input->is_asking || (input->told && strcmp(input->told, text) == 0)) {
		return;
	}
	free(input->told);
	input->told = mem_strndup(text, len);
	if (input->ask.changed) {
		input->ask.changed(input->app, input->told, len);
	}
}

/* ---- prompts ---- */

/* The line that was being typed is back before anybody hears of it: they may ask again. */
static void end_prompt(struct input *input, const char *answer)
{
	void (*done)(struct app * app, const char *text, size_t len) = input->ask.done;

	if (answer) {
		input_remember(input, answer);
	}
	input->is_asking = 0;
	input_set_line("", 0);
	input_swap_history();
	input_set_line(input->kept_text, input->kept_point);
	forget_prompt(input);
	app_touch(input->app);
	if (done) {
		done(input->app, answer, answer ? strlen(answer) : 0);
	}
}

void input_ask(struct input *input, const struct input_prompt *prompt)
{
	size_t len;
	const char *line;

	settle(input);
	if (input->is_asking) {
		end_prompt(input, NULL);
	}
	line = input_line(&len, &input->kept_point);
	input->kept_text = mem_strndup(line, len);
	input_set_line("", 0);
	input_swap_history();
	input->ask = *prompt;
	input->label = mem_strdup(prompt->label ? prompt->label : "");
	input->told = mem_strdup(prompt->text ? prompt->text : "");
	input->is_asking = 1;
	input->top = 0;
	input_set_line(input->told, strlen(input->told));
	app_touch(input->app);
}

int input_is_asking(const struct input *input)
{
	return input->is_asking;
}

/* ---- keys ---- */

static int is_plain(const struct key *key, uint32_t cp)
{
	return key->special == KEY_NONE && !key->alt && key->cp == cp;
}

int input_is_waiting(const struct input *input)
{
	return input_is_amid() || input->is_quoting || input->menu.is_open;
}

int input_wants(const struct input *input, const struct key *key)
{
	if (input->is_quoting) {
		return key->special == KEY_NONE;
	}
	if (input_menu_wants(input, key)) {
		return 1;
	}
	if (input_is_amid()) {
		return key->special == KEY_NONE && key->cp != KEY_INTERRUPT &&
		       key->cp != KEY_SUSPEND;
	}
	return is_plain(key, KEY_ESCAPE) && (input->is_asking || input_is_inserting_vi());
}

void input_resume(struct input *input)
{
	input_insert_vi();
	app_touch(input->app);
}

int input_clear(struct input *input)
{
	if (input_is_amid() || input->is_quoting || input->menu.is_open || input->paste.is_on) {
		settle(input);
	} else if (input->is_asking) {
		end_prompt(input, NULL);
	} else if (input_is_empty(input)) {
		return 0;
	} else {
		input_kill_line();
	}
	input_changed(input);
	return 1;
}

/* What readline's functions asked for, now that it has returned. */
static void act(struct input *input)
{
	if (input->is_eof) {
		input->is_eof = 0;
		if (input->is_asking) {
			end_prompt(input, NULL);
		} else {
			input->app->wants_quit = 1;
		}
	}
	if (input->wants_editor) {
		input->wants_editor = 0;
		input_edit(input);
	}
	if (input->wants_menu) {
		input->wants_menu = 0;
		input_menu_open(input);
	}
	if (input->accepted) {
		char *line = input->accepted;

		input->accepted = NULL;
		if (input->is_asking) {
			end_prompt(input, line);
		} else {
			input_remember(input, line);
			input->top = 0;
			app_take_line(input->app, line, strlen(line));
		}
		free(line);
	}
}

void input_key(struct input *input, const struct key *key)
{
	if (key->special == KEY_PASTE) {
		input_menu_close(input);
		input_paste_key(input, key);
		input_changed(input);
		return;
	}
	input_paste_end(input); /* its own end never came */
	if (!input->is_quoting && is_plain(key, KEY_INTERRUPT)) {
		input_clear(input);
		return;
	}
	if (input_menu_wants(input, key) && !input->is_quoting) {
		input_menu_key(input, key);
		input_changed(input);
		return;
	}
	input_menu_close(input);
	if (input->is_asking && is_plain(key, KEY_ESCAPE) && !input_is_amid() &&
		!input->is_quoting) {
		end_prompt(input, NULL);
		return;
	}
	input_feed_key(input, key);
	act(input);
	input_changed(input);
}
