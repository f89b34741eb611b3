/* What is left out, and why: said by readers, handed on by what loads. */
#include "loaders/loader.h"

#include <stdarg.h>
#include <stdlib.h>

int skip_set(struct skip *skip, enum skip_class class, const char *reason, ...)
{
	struct buf text = BUF_INIT;
	va_list args;

	va_start(args, reason);
	buf_vprintf(&text, reason, args);
	va_end(args);
	free(skip->reason);
	skip->class = class;
	skip->reason = buf_take(&text);
	return -1;
}

void skip_finish(struct skip *skip)
{
	free(skip->path);
	free(skip->reason);
	*skip = (struct skip){0};
}
