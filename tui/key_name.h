/* The names of keys, as people read them in help and write them in the settings file. */
#ifndef TUI_KEY_NAME_H
#define TUI_KEY_NAME_H

#include "tui/keys.h"

#include <stddef.h>

/* "^A", "F5", "PgUp", "M-Enter": malloc'ed. */
char *key_name(const struct key *key);
/* The same back; -1 for what is no name of a key. */
int key_parse(struct key *key, const char *name, size_t len);

#endif
