/* Excerpts of a library as the lines that they are. */
#ifndef SESSION_PLACES_H
#define SESSION_PLACES_H

#include "session/library.h"

#include <stddef.h>

/* One for each part that an excerpt has something of, in their order; malloc'ed, session_places_free(). */
struct session_place *places_make(const struct excerpt *excerpt, size_t n_excerpt, size_t *count);

#endif
