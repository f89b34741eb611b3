#include "base/err.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void cut_at_character(char *text)
{
	size_t len = strlen(text);

	text[len - utf8_incomplete_tail(text, len)] = 0;
}

/* Whatever is quoted in it, a sentence is one line. */
static void make_one_line(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f) {
			*text = '?';
		}
	}
}

static void fill(struct err *err, enum err_code code, const char *where, const char *hint,
	const char *what, va_list args)
{
	err->code = code;
	what = what ? what : ""; /* nobody passes NULL, but gcc's sanitizers warn that one might */
	vsnprintf(err->what, sizeof(err->what), what, args);
	cut_at_character(err->what);
	make_one_line(err->what);
	snprintf(err->where, sizeof(err->where), "%s", where ? where : "");
	cut_at_character(err->where);
	snprintf(err->hint, sizeof(err->hint), "%s", hint ? hint : "");
	cut_at_character(err->hint);
	make_one_line(err->hint);
}

int err_set(struct err *err, enum err_code code, const char *where, const char *hint,
	const char *what, ...)
{
	va_list args;

	if (!err) {
		return -1;
	}
	va_start(args, what);
	fill(err, code, where, hint, what, args);
	va_end(args);
	return -1;
}

int err_set_errno(struct err *err, enum err_code code, int errno_value, const char *where,
	const char *what, ...)
{
	va_list args;
	size_t len;

	if (!err) {
		return -1;
	}
	va_start(args, what);
	fill(err, code, where, NULL, what, args);
	va_end(args);
	len = strlen(err->what);
	snprintf(err->what + len, sizeof(err->what) - len, ": %s", strerror(errno_value));
	return -1;
}

char *err_format(const struct err *err, char *out, unsigned long size)
{
	snprintf(out, size, "%s%s%s%s%s%s", err->where, err->where[0] ? ": " : "", err->what,
		err->hint[0] ? " (" : "", err->hint, err->hint[0] ? ")" : "");
	cut_at_character(out);
	return out;
}
