/* The question as it is typed: what it would cost, and that it is not lost. */
#include "base/mem.h"
#include "tui/app_internal.h"
#include "tui/input.h"
#include "tui/view_chat.h"

#include <stdlib.h>
#include <string.h>

enum { PREVIEW_MS = 40, DRAFT_MS = 1000 };

static int is_command(const char *line)
{
	return line[0] == '/' || line[0] == ':';
}

static void ask_preview(struct app *app)
{
	size_t len = 0;
	const char *text;

	if (input_is_asking(app->input)) {
		return;
	}
	text = input_text(app->input, &len);
	if (!is_command(text)) {
		app->preview_serial = desk_preview(app->desk, text, len);
	}
}

void app_keep_draft(struct app *app)
{
	size_t len = 0;
	const char *text;
	char *draft;

	if (!app->desk || !app->input || input_is_asking(app->input)) {
		return;
	}
	text = input_text(app->input, &len);
	draft = mem_strndup(text, is_command(text) && text[1] != text[0] ? 0 : len);
	if (!app->draft || strcmp(app->draft, draft) != 0) {
		desk_set_draft(app->desk, draft);
		free(app->draft);
		app->draft = draft;
		draft = NULL;
	}
	free(draft);
}

void app_preview_later(struct app *app)
{
	app_after(app, PREVIEW_MS, ask_preview);
}

void app_input_changed(struct app *app)
{
	app_touch(app);
	app_preview_later(app);
	app_after(app, DRAFT_MS, app_keep_draft);
}

void app_ask(struct app *app, const char *question, size_t len)
{
	int64_t order;

	if (app_hold_question(app, question, len)) {
		return;
	}
	order = desk_ask(app->desk, question, len);
	app_edit_asked(app, order);
	view_show_chat(app);
	view_chat_asked(app, order, question, len);
}

void app_take_line(struct app *app, const char *line, size_t len)
{
	size_t blank = 0;

	while (blank < len && (line[blank] == ' ' || line[blank] == '\t' || line[blank] == '\n')) {
		blank++;
	}
	if (blank == len) {
		return;
	}
	if (is_command(line) && line[1] != line[0]) {
		char *command = mem_strndup(line + 1, len - 1);

		app_command(app, command);
		free(command);
	} else {
		size_t from = is_command(line); /* "//x" asks "/x" */

		app_ask(app, line + from, len - from);
	}
	app_input_changed(app);
}
