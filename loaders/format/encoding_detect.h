/* Which encoding a text is in. */
#ifndef LOADERS_FORMAT_ENCODING_DETECT_H
#define LOADERS_FORMAT_ENCODING_DETECT_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The encoding's name (static), NULL where the bytes are no text. *mark_bytes is the length of a
 * byte order mark to leave out.
 */
const char *encoding_detect(const char *bytes, size_t len, size_t *mark_bytes);

/* Of encoding.c: our static name for what others call so; NULL where it is not known. */
const char *encoding_name(const char *alias);

/*
 * Of encoding.c: the bytes converted from that encoding into `text` (replaced), and how many
 * sequences were invalid in it; -1 where it is not known.
 */
int64_t encoding_invalid(const char *bytes, size_t len, const char *name, struct buf *text);

#endif
