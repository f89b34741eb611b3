/* What an implementation of session/store.h brings; store.c passes the calls on. */
#ifndef SESSION_STORE_IMPL_H
#define SESSION_STORE_IMPL_H

#include "session/store.h"

struct store_ops {
	int (*read)(struct store *store, struct store_contents *out, struct err *err);
	int (*commit)(struct store *store, const struct store_change *change, struct err *err);
	void (*close)(struct store *store); /* frees it */
};

struct store {
	const struct store_ops *ops;
	char id[17];
	char *folder;
};

/* store_create() whose session already has what *first says when it appears; NULL: nothing. */
int store_create_with(
	struct store **out, const char *folder, const struct store_change *first, struct err *err);

#endif
