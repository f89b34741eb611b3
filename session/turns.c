/* The tree of turns, and which of them the next question continues. */
#include "session/session_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct turn *turn_adopt(struct store_turn *stored, int is_imported)
{
	struct turn *turn = mem_zero(1, sizeof(*turn));

	turn->stored = *stored;
	*stored = (struct store_turn){0};
	turn->alone = context_question(turn->stored.question, turn->stored.question_len, 0);
	turn->behind = context_question(turn->stored.question, turn->stored.question_len, 1);
	turn->ids = is_imported ? segment_turn(turn->stored.ids, turn->stored.n_ids)
				: segment_ids(turn->stored.ids, turn->stored.n_ids);
	turn->text = segment_text(turn->stored.text, turn->stored.text_len);
	return turn;
}

void turn_destroy(struct turn *turn)
{
	if (turn) {
		store_turn_finish(&turn->stored);
		segment_unref(turn->alone);
		segment_unref(turn->behind);
		segment_unref(turn->ids);
		segment_unref(turn->text);
		free(turn);
	}
}

/* ---- looking ---- */

struct turn *session_turn_by_id(const struct session *session, int64_t id)
{
	size_t first = 0, end = session->n_turn;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (session->turn[middle]->stored.id < id) {
			first = middle + 1;
		} else {
			end = middle;
		}
	}
	return first < session->n_turn && session->turn[first]->stored.id == id
		       ? session->turn[first]
		       : NULL;
}

struct turn **session_current(const struct session *session, size_t *count)
{
	struct turn *turn = session_turn_by_id(session, session->head), **path;
	size_t n = 0;

	for (const struct turn *up = turn; up;
		up = session_turn_by_id(session, up->stored.parent)) {
		n++;
	}
	path = mem_alloc((n + 1) * sizeof(struct turn *));
	*count = n;
	for (; turn; turn = session_turn_by_id(session, turn->stored.parent)) {
		path[--n] = turn;
	}
	return path;
}

int64_t *session_path(const struct session *session, size_t *count)
{
	struct turn **turn = session_current(session, count);
	int64_t *id = mem_alloc((*count + 1) * sizeof(*id));

	for (size_t i = 0; i < *count; i++) {
		id[i] = turn[i]->stored.id;
	}
	free(turn);
	return id;
}

size_t session_turn_count(const struct session *session)
{
	return session->n_turn;
}

struct session_turn session_turn_at(const struct session *session, size_t index)
{
	const struct turn *turn = session->turn[index];

	return (struct session_turn){
		.id = turn->stored.id,
		.parent = turn->stored.parent,
		.n_child = turn->n_child,
		.is_current = turn->is_current,
		.stored = &turn->stored,
	};
}

int64_t session_head(const struct session *session)
{
	return session->head;
}

int64_t session_next_turn(const struct session *session)
{
	return session->n_turn ? session->turn[session->n_turn - 1]->stored.id + 1 : 1;
}

/* ---- going ---- */

struct places {
	struct store_place *item;
	size_t count, cap;
};

static void add_place(struct places *places, int64_t turn, int64_t block)
{
	mem_grow(places->item, places->count, places->cap);
	places->item[places->count++] = (struct store_place){turn, block};
}

static int stands_elsewhere(const struct session *session, int64_t block)
{
	for (size_t i = 0; i < session->n_place; i++) {
		if (session->place[i].block == block && session->place[i].turn != STORE_WAITING) {
			return 1;
		}
	}
	return 0;
}

struct store_place *session_places_asked(const struct session *session, int64_t id, size_t *count)
{
	struct places places = {0};

	for (size_t i = 0; i < session->n_place; i++) {
		const struct store_place *place = &session->place[i];
		int goes = place->turn == STORE_WAITING &&
			   session_block(session, place->block)->is_in_context;

		add_place(&places, goes ? id : place->turn, place->block);
	}
	*count = places.count;
	return places.item;
}

/*
 * The places where the next message begins as that of `beside` does (0: of none). What waits and
 * stands nowhere else goes on waiting; what a fork made wait does not.
 */
static struct places places_going(const struct session *session, int64_t beside)
{
	struct places places = {0};

	for (size_t i = 0; i < session->n_place; i++) {
		if (session->place[i].turn != STORE_WAITING) {
			add_place(&places, session->place[i].turn, session->place[i].block);
		}
	}
	for (size_t i = 0; beside && i < session->n_place; i++) {
		if (session->place[i].turn == beside) {
			add_place(&places, STORE_WAITING, session->place[i].block);
		}
	}
	for (size_t i = 0; i < session->n_place; i++) {
		const struct store_place *place = &session->place[i];

		if (place->turn == STORE_WAITING && !stands_elsewhere(session, place->block)) {
			add_place(&places, STORE_WAITING, place->block);
		}
	}
	return places;
}

static int go(struct session *session, int64_t head, int64_t beside, struct err *err)
{
	struct places places = places_going(session, beside);
	struct store_change change = {
		.head = head,
		.has_head = 1,
		.place = places.item,
		.n_place = places.count,
		.has_places = 1,
	};

	if (store_commit(session->store, &change, err) < 0) {
		free(places.item);
		return -1;
	}
	free(session->place);
	session->place = places.item;
	session->n_place = places.count;
	session->head = head;
	session->revision++;
	session_index(session);
	return 0;
}

static struct turn *need_turn(const struct session *session, int64_t id, struct err *err)
{
	struct turn *turn = session_turn_by_id(session, id);

	if (!turn) {
		err_set(err, ERR_USAGE, NULL, "see the turns with: carrel sessions show",
			"there is no turn %lld", (long long)id);
	}
	return turn;
}

int session_switch(struct session *session, int64_t id, struct err *err)
{
	if (id != 0 && !need_turn(session, id, err)) {
		return -1;
	}
	return go(session, id, 0, err);
}

int session_fork(struct session *session, int64_t id, char **question, struct err *err)
{
	const struct turn *turn = need_turn(session, id, err);

	if (!turn || go(session, turn->stored.parent, id, err) < 0) {
		return -1;
	}
	*question = mem_strndup(turn->stored.question, turn->stored.question_len);
	return 0;
}
