/* The names of mdoc(7), and what those that stand for text say. */
#ifndef LOADERS_FORMAT_MAN_MDOC_NAMES_H
#define LOADERS_FORMAT_MAN_MDOC_NAMES_H

#include <stddef.h>

/* Whether a word within a line is a macro. */
int mdoc_is_callable(const char *name);

enum mdoc_enclosure { MDOC_NONE, MDOC_WHOLE, MDOC_OPEN, MDOC_CLOSE };
/* Whether the macro encloses its line (Op), or opens or closes what is enclosed (Oo, Oc). */
enum mdoc_enclosure mdoc_enclosure(const char *name, const char **open, const char **close);

/* What a macro like .Ux says; NULL for all others. */
const char *mdoc_fixed_text(const char *name);
/* The same with an argument, as in .St -p1003.1-2008; *taken: how many; NULL where it is unknown. */
const char *mdoc_version_text(const char *name, const char *argument, size_t *taken);

/* "General Commands Manual" for section 1; "" where it is unknown. */
const char *mdoc_volume(const char *section);

#endif
