/* The store of a session that nobody will come back to: it takes everything, remembers nothing. */
#include "session/store_impl.h"

#include "base/mem.h"

#include <stdlib.h>

static int read_nothing(struct store *store, struct store_contents *out, struct err *err)
{
	*out = (struct store_contents){.draft = mem_strdup("")};
	return 0;
}

static int take(struct store *store, const struct store_change *change, struct err *err)
{
	return 0;
}

static void close_null(struct store *store)
{
	free(store->folder);
	free(store);
}

struct store *store_null(void)
{
	static const struct store_ops ops = {read_nothing, take, close_null};
	struct store *store = mem_zero(1, sizeof(*store));

	store->ops = &ops;
	store->folder = mem_strdup("");
	return store;
}
