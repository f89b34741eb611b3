/* What the readers of single files share. */
#ifndef LOADERS_FORMAT_FORMAT_H
#define LOADERS_FORMAT_FORMAT_H

#include "loaders/loader.h"

extern const struct loader loader_code, loader_text;

/*
 * Open what libraries will want to open later, when nothing can be opened any more (prepare.c).
 * Called once, in a process of one thread, before any reader runs; forked workers inherit it.
 */
void formats_prepare(void);

/* Whether the input's name ends in one of the words (without the dot, case folded), NULL at the end. */
int format_has_extension(const struct input *input, const char *const *extension);
/* For formats of text: 0, or -1 where these bytes are none: the reason tells NUL bytes from UTF-16. */
int format_refuse_binary(const struct input *input, struct skip *skip);

#endif
