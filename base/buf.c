#include "base/buf.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_finish(struct buf *buf)
{
	free(buf->data);
	*buf = BUF_INIT;
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	if (buf->data) {
		buf->data[0] = 0;
	}
}

int buf_try_reserve(struct buf *buf, size_t more_bytes)
{
	size_t cap = buf->cap ? buf->cap : 64, need;
	char *data;

	/* No object is larger than half of the addresses. */
	if (more_bytes >= PTRDIFF_MAX / 2 - buf->len) {
		return -1;
	}
	need = buf->len + more_bytes + 1;
	if (need <= buf->cap) {
		return 0;
	}
	while (cap < need) {
		cap *= 2;
	}
	data = realloc(buf->data, cap);
	if (!data) {
		cap = need; /* with nothing to spare, then */
		data = realloc(buf->data, cap);
	}
	if (!data) {
		return -1;
	}
	buf->data = data;
	buf->cap = cap;
	buf->data[buf->len] = 0;
	return 0;
}

void buf_reserve(struct buf *buf, size_t more_bytes)
{
	if (buf_try_reserve(buf, more_bytes) < 0) {
		mem_exhausted();
	}
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
	buf_reserve(buf, len);
	if (len) {
		memcpy(buf->data + buf->len, bytes, len);
	}
	buf->len += len;
	buf->data[buf->len] = 0;
}

void buf_addstr(struct buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void buf_add_utf8(struct buf *buf, const char *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		uint32_t cp;
		size_t n = utf8_decode(bytes + at, len - at, &cp);

		if (n) {
			buf_add(buf, bytes + at, n);
		} else {
			buf_addstr(buf, "\xef\xbf\xbd");
		}
		at += n ? n : 1;
	}
}

void buf_addch(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

void buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	va_list again;
	int len;

	format = format ? format
			: ""; /* nobody passes NULL, but gcc's sanitizers warn that one might */
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len <= 0) {
		return;
	}
	buf_reserve(buf, (size_t)len);
	vsnprintf(buf->data + buf->len, (size_t)len + 1, format, args);
	buf->len += (size_t)len;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	buf_vprintf(buf, format, args);
	va_end(args);
}

void buf_additem(struct buf *list, const char *item)
{
	if (list->len) {
		buf_addstr(list, ", ");
	}
	buf_addstr(list, item);
}

const char *buf_str(const struct buf *buf)
{
	return buf->data ? buf->data : "";
}

char *buf_take(struct buf *buf)
{
	char *data;

	buf_reserve(buf, 0);
	data = buf->data;
	data[buf->len] = 0;
	*buf = BUF_INIT;
	return data;
}
