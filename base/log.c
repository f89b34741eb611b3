#include "base/log.h"

#include "base/escape.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *log_program = "carrel";
static enum log_level log_most = LOG_NOTE;
static int progress_drawn;

void log_setup(const char *program, enum log_level level)
{
	log_program = program;
	log_most = level;
}

static void say(const char *format, va_list args)
{
	struct buf text = BUF_INIT, line = BUF_INIT;

	log_progress_clear();
	buf_vprintf(&text, format, args);
	buf_printf(&line, "%s: ", log_program);
	escape_add(&line, buf_str(&text), text.len, ESCAPE_LINE);
	buf_addch(&line, '\n');
	fwrite(line.data, 1, line.len, stderr);
	fflush(stderr);
	buf_finish(&text);
	buf_finish(&line);
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void log_note(const char *format, ...)
{
	va_list args;

	if (log_most < LOG_NOTE) {
		return;
	}
	va_start(args, format);
	say(format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	if (log_most < LOG_INFO) {
		return;
	}
	va_start(args, format);
	say(format, args);
	va_end(args);
}

void log_err(const struct err *err)
{
	char text[1024];

	log_error("%s", err_format(err, text, sizeof(text)));
}

int log_progress_shown(void)
{
	return log_most >= LOG_NOTE && isatty(STDERR_FILENO);
}

void log_progress(const char *format, ...)
{
	struct buf text = BUF_INIT;
	va_list args;

	if (!log_progress_shown()) {
		return;
	}
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	fputc('\r', stderr);
	escape_write(stderr, buf_str(&text), text.len, ESCAPE_LINE);
	fputs("\033[K", stderr);
	fflush(stderr);
	buf_finish(&text);
	progress_drawn = 1;
}

void log_progress_clear(void)
{
	if (progress_drawn) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
		progress_drawn = 0;
	}
}
