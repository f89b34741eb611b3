/*
 * A growing run of bytes, always followed by a NUL that is not counted. Zero-initialise or use
 * BUF_INIT. The owner frees it with buf_finish(); buf_take() hands the memory to the caller
 * (free()).
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *data; /* NULL while nothing was ever added */
	size_t len;
	size_t cap;
};

#define BUF_INIT ((struct buf){0})

void buf_finish(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory */
void buf_reserve(struct buf *buf, size_t more_bytes);
/* The same for what may be large: returns -1, the buffer unchanged, where memory runs out. */
int buf_try_reserve(struct buf *buf, size_t more_bytes);
void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_addstr(struct buf *buf, const char *text);
void buf_addch(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list args);
/* UTF-8: each byte that belongs to no character becomes U+FFFD. */
void buf_add_utf8(struct buf *buf, const char *bytes, size_t len);
/* One more item of "a, b, c". */
void buf_additem(struct buf *list, const char *item);
const char *buf_str(const struct buf *buf); /* "" when empty; never NULL */
char *buf_take(struct buf *buf);            /* never NULL; the buffer is empty afterwards */

#endif
