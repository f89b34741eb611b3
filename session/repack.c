/*
 * Everything that the context holds in front again, each source once and with its newest text.
 *
 * The front is that of all branches. So what stands in front now stands at no turn any more, on this
 * branch or another; of the other branches' updates those go that are older than the text in front,
 * and those stay that are newer. Sources that only another branch has stay where they are.
 */
#include "session/newest.h"

#include "base/mem.h"

#include <stdlib.h>

static int by_number(const void *a, const void *b)
{
	const struct standing *x = a, *y = b;
	int64_t n = x->block->stored.number, m = y->block->stored.number;

	return n != m ? (n > m) - (n < m)
		      : (x->block->stored.id > y->block->stored.id) -
				(x->block->stored.id < y->block->stored.id);
}

/* Its blocks become one, and every older text goes. */
static void merge(struct session_change *change, const struct standing *standing, size_t n_standing,
	const struct block *source, int64_t newest)
{
	const struct session *session = change->session;
	int64_t number = source->stored.number;
	struct document document = newest_document(standing, n_standing, number);
	const struct block *merged;

	for (size_t i = 0; i < session->n_block; i++) {
		const struct store_block *stored = &session->block[i]->stored;

		if (stored->number == number && stored->id <= newest && !stored->is_dropped) {
			change_drop_block(change, stored->id);
		}
	}
	merged = change_add_block(change, number, 0, &document);
	change_add_place(change, STORE_FRONT, merged->stored.id);
	change_say(change, mem_printf("%s %s: in front, with its newest text", merged->id,
				   merged->stored.document.name));
}

static void move(struct session_change *change, const struct standing *standing)
{
	const struct block *block = standing->block;

	change_remove_places(change, block->stored.id);
	change_add_place(change, STORE_FRONT, block->stored.id);
	if (standing->turn != STORE_FRONT) {
		change_say(change,
			mem_printf("%s %s: in front", block->id, block->stored.document.name));
	}
}

int session_plan_repack(struct session *session, struct session_change **out, struct err *err)
{
	struct session_change *change = change_create(session);
	struct view view = view_of(session);
	size_t count, end;
	struct standing *standing = view_standing(&view, &count);
	struct standing *sorted = mem_alloc((count + 1) * sizeof(*sorted));

	for (size_t i = 0; i < count; i++) {
		sorted[i] = standing[i];
	}
	if (count) {
		qsort(sorted, count, sizeof(*sorted), by_number);
	}
	for (size_t i = 0; i < count; i = end) {
		int64_t newest = 0;

		for (end = i; end < count &&
			      sorted[end].block->stored.number == sorted[i].block->stored.number;
			end++) {
			newest = sorted[end].block->stored.id;
		}
		if (end - i == 1) {
			move(change, &sorted[i]);
		} else {
			merge(change, standing, count, sorted[i].block, newest);
		}
	}
	free(standing);
	free(sorted);
	*out = change;
	return 0;
}
