#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void (*restore_before_exit)(void);

void mem_at_exhaustion(void (*restore)(void))
{
	restore_before_exit = restore;
}

_Noreturn void mem_exhausted(void)
{
	static const char text[] = "carrel: out of memory\n";

	if (restore_before_exit) {
		restore_before_exit();
	}
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
		_exit(1);
	}
	_exit(1);
}

void *mem_alloc(size_t bytes)
{
	void *p = malloc(bytes ? bytes : 1);

	if (!p) {
		mem_exhausted();
	}
	return p;
}

void *mem_zero(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p) {
		mem_exhausted();
	}
	return p;
}

void *mem_resize(void *old, size_t count, size_t size)
{
	void *p;

	if (!count || !size) {
		count = size = 1;
	}
	p = reallocarray(old, count, size);
	if (!p) {
		mem_exhausted();
	}
	return p;
}

char *mem_strndup(const char *text, size_t len)
{
	char *copy = mem_alloc(len + 1);

	memcpy(copy, text, len);
	copy[len] = 0;
	return copy;
}

char *mem_strdup(const char *text)
{
	return text ? mem_strndup(text, strlen(text)) : NULL;
}

char *mem_printf(const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	if (len < 0) {
		mem_exhausted();
	}
	return text;
}
