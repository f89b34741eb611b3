#include "cli/output.h"

#include "base/escape.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Why standard output could not be written, the first time. */
static int failed_errno;

static int on_terminal(void)
{
	static int known = -1;

	if (known < 0) {
		known = isatty(STDOUT_FILENO);
	}
	return known;
}

void output_text(const char *text, size_t len)
{
	if (on_terminal()) {
		escape_write(stdout, text, len, ESCAPE_TEXT);
	} else {
		fwrite(text, 1, len, stdout);
	}
}

void output_line(const char *format, ...)
{
	struct buf text = BUF_INIT;
	va_list args;

	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	if (on_terminal()) {
		escape_write(stdout, buf_str(&text), text.len, ESCAPE_LINE);
	} else {
		fwrite(buf_str(&text), 1, text.len, stdout);
	}
	fputc('\n', stdout);
	buf_finish(&text);
}

json_t *output_json_bytes(const char *text, size_t len)
{
	struct buf valid = BUF_INIT;
	json_t *value;

	buf_add_utf8(&valid, text, len);
	value = json_stringn(buf_str(&valid), valid.len);
	buf_finish(&valid);
	return value;
}

int output_has_style(void)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && term && term[0] && strcmp(term, "dumb") != 0 &&
	       !(no_color && no_color[0]);
}

json_t *output_json_string(const char *text)
{
	return text ? output_json_bytes(text, strlen(text)) : json_null();
}

json_t *output_json_number(double value)
{
	return json_real(isfinite(value) ? round(value * 1000) / 1000 : 0);
}

void output_json(json_t *value)
{
	size_t flags = JSON_INDENT(2) | JSON_REAL_PRECISION(12) | JSON_ENCODE_ANY;
	char *text = json_dumps(value, flags | (on_terminal() ? JSON_ENSURE_ASCII : 0));

	if (text) {
		output_text(text, strlen(text));
		fputc('\n', stdout);
	}
	free(text);
	json_decref(value);
}

json_t *output_json_error(const struct err *err)
{
	json_t *inside = json_object(), *outside = json_object();

	json_object_set_new(inside, "code", json_integer(err->code));
	json_object_set_new(inside, "what", output_json_string(err->what));
	json_object_set_new(inside, "where", output_json_string(err->where));
	json_object_set_new(inside, "hint", output_json_string(err->hint));
	json_object_set_new(outside, "error", inside);
	return outside;
}

int output_flush(void)
{
	if ((fflush(stdout) != 0 || ferror(stdout)) && !failed_errno) {
		failed_errno = errno ? errno : EIO;
	}
	return failed_errno ? -1 : 0;
}

int output_reader_left(void)
{
	return failed_errno == EPIPE;
}

int output_finish(struct err *err)
{
	return output_flush() < 0 ? err_set_errno(err, ERR_FAILURE, failed_errno, "standard output",
					    "cannot be written")
				  : 0;
}

double output_clock_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
