/*
 * What a program says on standard error: one line per message, "carrel: ...", escaped (see
 * base/escape.h), and a progress line that is only ever drawn on a terminal.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level {
	LOG_ERROR,
	LOG_NOTE, /* what a user should know: the default */
	LOG_INFO, /* -v */
};

/* The name in front of each message, and the least important level that is shown. */
void log_setup(const char *program, enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "carrel: where: what (hint)". */
void log_err(const struct err *err);

/*
 * From now on messages go to `sink` instead of standard error, as they are (not escaped, no line end),
 * and progress goes nowhere; NULL ends that. It is called on whichever thread says something, one at a
 * time, and says nothing itself. Once this has returned the former one is not called any more.
 */
void log_set_sink(void (*sink)(void *arg, enum log_level level, const char *text), void *arg);

/*
 * Draw over the progress line; nothing where standard error is not a terminal or under -q. What
 * takes longer is a line every few seconds where nothing may be redrawn (log_append_only(), and a
 * terminal called dumb).
 */
void log_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Take the progress line away. Messages do that themselves. */
void log_progress_clear(void);
/* For screen readers: from now on only ever append. */
void log_append_only(void);

#endif
