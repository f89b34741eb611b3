/* What the commands write on standard output: text, escaped on a terminal, and JSON. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "base/err.h"

#include <jansson.h>
#include <stddef.h>

/* Text that carrel did not write: escaped where standard output is a terminal, exact elsewhere. */
void output_text(const char *text, size_t len);
/*
 * The same for a line that is put together, of which a line feed in a name is no end; the last line
 * feed is added.
 */
void output_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether standard output is a terminal that shows bold and dim text, and may (NO_COLOR). */
int output_has_style(void);

/* A JSON string; bytes that are not UTF-8 become U+FFFD. NULL gives null. */
json_t *output_json_string(const char *text);
json_t *output_json_bytes(const char *text, size_t len);
/* A number with three decimals, which is what a clock is good for. */
json_t *output_json_number(double value);
/* Print it, end the line, and drop it. */
void output_json(json_t *value);
/* {"error":{code,what,where,hint}} */
json_t *output_json_error(const struct err *err);

/* Pass on what was written. Returns -1 once standard output cannot be written any more. */
int output_flush(void);
/* Whether who read standard output has left: the command ends as if by SIGPIPE, silently. */
int output_reader_left(void);
/* Flush; a full disk or a closed pipe is an error. */
int output_finish(struct err *err);

/* Seconds of the monotonic clock. */
double output_clock_s(void);

#endif
