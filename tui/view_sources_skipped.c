/* What loads left out and why. The session knows; the desk copies it for us between two orders. */
#include "tui/view_sources.h"

#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>

/* Shared by the view and the order: the order fills it before it ends, then the view reads it. */
struct skipped_list {
	atomic_int n_ref;
	struct buf *text;
	size_t n_text;
	int is_there;
};

static int copy_skipped(void *arg, struct session *session, struct engine *engine, struct err *err)
{
	struct skipped_list *list = arg;
	size_t count;
	const struct skipped *skipped = session_skipped(session, &count);

	list->text = mem_zero(count + 1, sizeof(*list->text));
	for (size_t i = 0; i < count; i++) {
		buf_printf(&list->text[i], "%s: %s", skipped[i].path, skipped[i].reason);
	}
	list->n_text = count;
	list->is_there = 1;
	return 0;
}

static void unref(void *arg)
{
	struct skipped_list *list = arg;

	if (atomic_fetch_sub(&list->n_ref, 1) == 1) {
		for (size_t i = 0; i < list->n_text; i++) {
			buf_finish(&list->text[i]);
		}
		free(list->text);
		free(list);
	}
}

void sources_skipped_ask(struct sources_view *sources)
{
	sources_skipped_forget(sources);
	sources->skipped = mem_zero(1, sizeof(*sources->skipped));
	atomic_init(&sources->skipped->n_ref, 2);
	sources->skipped_order =
		desk_call(sources->view.app->desk, copy_skipped, unref, sources->skipped);
}

void sources_skipped_forget(struct sources_view *sources)
{
	if (sources->skipped) {
		unref(sources->skipped);
	}
	sources->skipped = NULL;
	sources->skipped_order = 0;
	sources->is_skipped_open = 0;
}

long sources_skipped_count(const struct sources_view *sources)
{
	/* While the order may be at it, the list is not ours to read. */
	return sources->skipped && !sources->skipped_order && sources->skipped->is_there
		       ? (long)sources->skipped->n_text
		       : -1;
}

void sources_skipped_text(const struct sources_view *sources, size_t index, struct buf *out)
{
	if ((long)index < sources_skipped_count(sources)) {
		buf_addstr(out, buf_str(&sources->skipped->text[index]));
	}
}
