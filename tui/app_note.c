/* What is said: in the message line, and in the log that the log view shows. */
#include "base/mem.h"
#include "tui/app_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The log holds so many; the oldest go in one stroke, so that keeping each costs the same. */
enum { NOTES_MOST = 4096, NOTES_KEPT = 3072, STDERR_LINE_BYTES = 4096 };

static double wall_clock_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void forget_oldest(struct app *app)
{
	size_t n = app->n_note - NOTES_KEPT;

	for (size_t i = 0; i < n; i++) {
		free(app->note[i].text);
	}
	memmove(app->note, app->note + n, NOTES_KEPT * sizeof(app->note[0]));
	app->n_note = NOTES_KEPT;
}

/* Takes `text`. */
static void keep(struct app *app, char *text, int is_error)
{
	if (app->n_note >= NOTES_MOST) {
		forget_oldest(app);
	}
	mem_grow(app->note, app->n_note, app->cap_note);
	app->note[app->n_note++] =
		(struct app_note){.at_s = wall_clock_s(), .is_error = is_error, .text = text};
}

static void say(struct app *app, char *text, int is_error)
{
	/* What went wrong while the program started is read before the first key, whatever went well since. */
	if (is_error || app->n_key || !app->message || !app->message_is_error) {
		free(app->message);
		app->message = mem_strdup(text);
		app->message_is_error = is_error;
	}
	keep(app, text, is_error);
	app_touch(app);
}

void app_say(struct app *app, const char *format, ...)
{
	struct buf text = BUF_INIT;
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	say(app, buf_take(&text), 0);
}

void app_say_more(struct app *app, const char *text)
{
	char *before = app->message;

	app->message = before ? mem_printf("%s; %s", before, text) : mem_strdup(text);
	free(before);
	app_touch(app);
}

void app_log(struct app *app, int is_error, const char *format, ...)
{
	struct buf text = BUF_INIT;
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	keep(app, buf_take(&text), is_error);
	app_touch(app);
}

void app_complain(struct app *app, const struct err *err)
{
	char text[1024];

	say(app, mem_strdup(err_format(err, text, sizeof(text))), 1);
}

void app_note_bytes(struct app *app, const char *bytes, size_t len)
{
	struct buf *line = &app->stderr_line;

	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != '\n' && line->len < STDERR_LINE_BYTES) {
			buf_addch(line, bytes[i]);
		} else if (bytes[i] == '\n' && line->len) {
			keep(app, buf_take(line), 0);
			app_touch(app);
		}
	}
}

void app_note_finish(struct app *app)
{
	for (size_t i = 0; i < app->n_note; i++) {
		free(app->note[i].text);
	}
	free(app->note);
	free(app->message);
	buf_finish(&app->stderr_line);
}
