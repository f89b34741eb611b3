/*
 * Errors for people: one sentence that says what went wrong, where, and what to do.
 *
 * Convention of every function here that takes a `struct err *` (it is always the last parameter):
 * it returns 0 on success, a negative value on failure with *err filled in (forward it unchanged,
 * the text is written once, where the failure is found), and, where the header says so, a positive
 * value for an outcome that the caller must handle. `err` may be NULL where the caller does not
 * care.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* The values are the exit statuses of the command line; see carrel(1). */
enum err_code {
	ERR_NONE = 0,
	ERR_FAILURE = 1,
	ERR_USAGE = 2,
	ERR_CONTEXT = 3, /* the input does not fit the model's context */
	ERR_ENGINE = 4,  /* the model file or the engine */
	ERR_QUOTE = 5,   /* an unverified quote under --strict */
	ERR_INPUTS = 6,  /* some inputs could not be read */
	ERR_INTERRUPTED = 130,
};

struct err {
	enum err_code code;
	char what[384];  /* the sentence, without the place; no final full stop */
	char where[384]; /* file, file:offset, setting, option; empty where there is no place */
	char hint[192];  /* what to do, imperative; may be empty */
};

/*
 * Fill *err (if not NULL) and return -1, so that an origin reads `return err_set(...)`. `where` and
 * `hint` may be NULL. Text that does not fit is cut at a character boundary; a control character in
 * the sentence or the hint, which can only be quoted from a file, becomes a question mark.
 */
int err_set(struct err *err, enum err_code code, const char *where, const char *hint,
	const char *what, ...) __attribute__((format(printf, 5, 6)));

/* The same, appending ": " and strerror(errno_value) to the sentence. */
int err_set_errno(struct err *err, enum err_code code, int errno_value, const char *where,
	const char *what, ...) __attribute__((format(printf, 5, 6)));

/* "where: what (hint)" into out, always terminated; returns out. */
char *err_format(const struct err *err, char *out, unsigned long size);

#endif
