/* What the readers of single files share. */
#ifndef LOADERS_FORMAT_FORMAT_H
#define LOADERS_FORMAT_FORMAT_H

#include "loaders/loader.h"

extern const struct loader loader_code, loader_text;

/* Whether the input's name ends in one of the words (without the dot, case folded), NULL at the end. */
int format_has_extension(const struct input *input, const char *const *extension);
/* For formats of text: 0, or -1 where these bytes are none: the reason tells NUL bytes from UTF-16. */
int format_refuse_binary(const struct input *input, struct skip *skip);

#endif
