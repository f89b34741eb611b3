/*
 * A session that was exported as JSON, read back. The file may come from anywhere: all of it is
 * checked before anything of it is used, and memory is bounded by its size.
 */
#ifndef SESSION_IMPORT_H
#define SESSION_IMPORT_H

#include "base/err.h"
#include "session/store.h"

#include <stddef.h>

enum { IMPORT_MAX_BYTES = 1 << 30 };

/*
 * What the text says: every id is one of what it names, in the order in which a store keeps them, and
 * turns stand behind those that they continue. `name` is the file's, for messages. Nothing is left in
 * *out after a failure.
 */
int import_read(struct store_contents *out, const char *text, size_t len, const char *name,
	struct err *err);

#endif
