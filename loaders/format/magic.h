/* What a file that is no text is, in words for its reader. */
#ifndef LOADERS_FORMAT_MAGIC_H
#define LOADERS_FORMAT_MAGIC_H

#include "loaders/loader.h"

/* Load libmagic's database: the sandbox lets nothing be opened later. */
void magic_prepare(void);

/* Why it is not read and what to do, malloc'ed: "is a picture (PNG): carrel reads text". */
char *magic_reason(const struct input *input);

#endif
