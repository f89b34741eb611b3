#include "base/log.h"

#include "base/escape.h"
#include "base/utf8.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

/* How often progress is a line where it cannot be redrawn. */
enum { PROGRESS_LINE_MS = 5000 };

static const char *log_program = "carrel";
static enum log_level log_most = LOG_NOTE;
static int append_only;
static int progress_drawn;
static int64_t progress_since_ms; /* the last line of progress, or its beginning */

static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*log_sink)(void *arg, enum log_level level, const char *text);
static void *sink_arg;

void log_set_sink(void (*sink)(void *arg, enum log_level level, const char *text), void *arg)
{
	pthread_mutex_lock(&sink_lock);
	log_sink = sink;
	sink_arg = arg;
	pthread_mutex_unlock(&sink_lock);
}

static int has_sink(void)
{
	int has;

	pthread_mutex_lock(&sink_lock);
	has = log_sink != NULL;
	pthread_mutex_unlock(&sink_lock);
	return has;
}

void log_setup(const char *program, enum log_level level)
{
	log_program = program;
	log_most = level;
}

/* Columns of the terminal that shows it; 0 where it is none, or does not say. */
static size_t terminal_columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col < 2 ? 0 : size.ws_col;
}

/* How many columns a character takes. */
static size_t columns_of(uint32_t cp)
{
	return cp < 0x1100 ? 1 : 2; /* from there on many are two columns wide */
}

/* The last spaces that stand within the columns become ends of lines: a terminal breaks words. */
static void fold(struct buf *line, size_t n_column)
{
	size_t column = 0, at = 0, space = 0, since_space = 0;

	while (n_column && at < line->len) {
		uint32_t cp = 0;
		size_t n = utf8_decode(line->data + at, line->len - at, &cp);

		column += columns_of(cp);
		since_space += columns_of(cp);
		if (column > n_column && space && cp != ' ') {
			line->data[space] = '\n';
			column = since_space;
			space = 0;
		}
		if (cp == ' ') {
			space = at;
			since_space = 0;
		}
		at += n ? n : 1;
	}
}

static void write_line(const struct buf *text)
{
	struct buf line = BUF_INIT;

	buf_printf(&line, "%s: ", log_program);
	escape_add(&line, buf_str(text), text->len, ESCAPE_LINE);
	fold(&line, terminal_columns());
	buf_addch(&line, '\n');
	fwrite(line.data, 1, line.len, stderr);
	fflush(stderr);
	buf_finish(&line);
}

static void say(enum log_level level, const char *format, va_list args)
{
	struct buf text = BUF_INIT;

	buf_vprintf(&text, format, args);
	pthread_mutex_lock(&sink_lock);
	if (log_sink) {
		log_sink(sink_arg, level, buf_str(&text));
	} else {
		log_progress_clear();
		write_line(&text);
	}
	pthread_mutex_unlock(&sink_lock);
	buf_finish(&text);
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(LOG_ERROR, format, args);
	va_end(args);
}

void log_note(const char *format, ...)
{
	va_list args;

	if (log_most < LOG_NOTE) {
		return;
	}
	va_start(args, format);
	say(LOG_NOTE, format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	if (log_most < LOG_INFO) {
		return;
	}
	va_start(args, format);
	say(LOG_INFO, format, args);
	va_end(args);
}

void log_err(const struct err *err)
{
	char text[1024];

	log_error("%s", err_format(err, text, sizeof(text)));
}

void log_append_only(void)
{
	append_only = 1;
}

static int redraws(void)
{
	const char *term = getenv("TERM");

	return !append_only && term && term[0] && strcmp(term, "dumb") != 0;
}

static int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Whether it is time for a line of progress; what is soon over gets none. */
static int line_is_due(void)
{
	int64_t now_ms = clock_ms();

	if (!progress_since_ms) {
		progress_since_ms = now_ms;
	}
	if (now_ms - progress_since_ms < PROGRESS_LINE_MS) {
		return 0;
	}
	progress_since_ms = now_ms;
	return 1;
}

/* Cut to one row of the terminal: what wraps could not be drawn over. */
static void cut_to_row(struct buf *line)
{
	size_t columns = 0, at = 0, most = terminal_columns();

	if (!most) {
		return;
	}
	while (at < line->len && columns + 2 < most) {
		uint32_t cp = 0;
		size_t n = utf8_decode(line->data + at, line->len - at, &cp);

		at += n ? n : 1;
		columns += columns_of(cp);
	}
	line->len = at;
}

void log_progress(const char *format, ...)
{
	struct buf text = BUF_INIT, line = BUF_INIT;
	va_list args;

	if (log_most < LOG_NOTE || has_sink() || !isatty(STDERR_FILENO) ||
		(!redraws() && !line_is_due())) {
		return;
	}
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	if (!redraws()) {
		write_line(&text);
		buf_finish(&text);
		return;
	}
	escape_add(&line, buf_str(&text), text.len, ESCAPE_LINE);
	cut_to_row(&line);
	fputc('\r', stderr);
	fwrite(line.data, 1, line.len, stderr);
	fputs("\033[K", stderr);
	fflush(stderr);
	buf_finish(&text);
	buf_finish(&line);
	progress_drawn = 1;
}

void log_progress_clear(void)
{
	progress_since_ms = 0;
	if (progress_drawn) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
		progress_drawn = 0;
	}
}
