/* Changes of what a session has read: made ready beside it, told, and then made or let go. */
#include "session/session_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- making ready ---- */

struct session_change *change_create(struct session *session)
{
	struct session_change *change = mem_zero(1, sizeof(*change));

	change->session = session;
	change->revision = session->revision;
	for (size_t i = 0; i < session->n_place; i++) {
		change_add_place(change, session->place[i].turn, session->place[i].block);
	}
	return change;
}

void session_change_discard(struct session_change *change)
{
	if (!change) {
		return;
	}
	for (size_t i = 0; i < change->n_added; i++) {
		block_destroy(change->added[i]);
	}
	for (size_t i = 0; i < change->n_setting; i++) {
		free(change->setting[i].key);
		free(change->setting[i].value);
	}
	for (size_t i = 0; i < change->n_text; i++) {
		free(change->text[i]);
	}
	free(change->added);
	free(change->dropped);
	free(change->place);
	free(change->setting);
	free(change->text);
	free(change);
}

struct view change_view(const struct session_change *change)
{
	return (struct view){
		.session = change->session,
		.added = change->added,
		.n_added = change->n_added,
		.place = change->place,
		.n_place = change->n_place,
	};
}

void change_add_place(struct session_change *change, int64_t turn, int64_t block)
{
	mem_grow(change->place, change->n_place, change->cap_place);
	change->place[change->n_place++] = (struct store_place){turn, block};
}

void change_remove_places(struct session_change *change, int64_t block)
{
	size_t n = 0;

	for (size_t i = 0; i < change->n_place; i++) {
		if (change->place[i].block != block) {
			change->place[n++] = change->place[i];
		}
	}
	change->n_place = n;
}

void change_drop_block(struct session_change *change, int64_t block)
{
	change_remove_places(change, block);
	mem_grow(change->dropped, change->n_dropped, change->cap_dropped);
	change->dropped[change->n_dropped++] = block;
}

void change_say(struct session_change *change, char *text)
{
	mem_grow(change->text, change->n_text, change->cap_text);
	change->text[change->n_text++] = text;
}

struct block *change_add_block(
	struct session_change *change, int64_t number, int is_update, struct document *document)
{
	int64_t id = session_next_block(change->session) + (int64_t)change->n_added;
	struct block *block = block_create(id, number, is_update, document);

	mem_grow(change->added, change->n_added, change->cap_added);
	change->added[change->n_added++] = block;
	return block;
}

/* Before the first turn nothing is in front of it that would have to be computed again. */
static int64_t next_place(const struct session_change *change)
{
	return change->session->n_turn ? STORE_WAITING : STORE_FRONT;
}

static int64_t next_number(const struct session_change *change)
{
	int64_t number = session_next_number(change->session);

	for (size_t i = 0; i < change->n_added; i++) {
		if (change->added[i]->stored.number >= number) {
			number = change->added[i]->stored.number + 1;
		}
	}
	return number;
}

int64_t change_add_source(struct session_change *change, struct document *document)
{
	int64_t number = next_number(change);
	const struct block *block = change_add_block(change, number, 0, document);

	change_add_place(change, next_place(change), block->stored.id);
	change_say(change, mem_printf("%s %s: added", block->id, block->stored.document.name));
	return number;
}

/* " (3 files, 1 of them gone)" of a tree; "" elsewhere; malloc'ed. */
static char *files_text(const struct document *source, const struct document *update)
{
	size_t n_gone = 0;
	struct buf text = BUF_INIT;

	if (source->kind == DOCUMENT_CODE && (source->n_part > 1 || update->n_part > 1)) {
		for (size_t i = 0; i < update->n_part; i++) {
			n_gone += update->part[i].len == 0;
		}
		buf_printf(&text, " (%zu file%s", update->n_part, update->n_part == 1 ? "" : "s");
		if (n_gone) {
			buf_printf(&text, ", %zu of them gone", n_gone);
		}
		buf_addch(&text, ')');
	}
	return buf_take(&text);
}

/* What a repair could not save of a source is there again, or is not missed any more. */
static void forget_lost(struct session_change *change, int64_t number)
{
	char *key = mem_printf(STORE_LOST "%lld", (long long)number);

	if (!session_setting(change->session, key)) {
		free(key);
		return;
	}
	mem_grow(change->setting, change->n_setting, change->cap_setting);
	change->setting[change->n_setting++] = (struct store_setting){.key = key};
}

void change_add_update(struct session_change *change, int64_t number, struct document *document)
{
	const struct block *source = session_source_block(change->session, number);
	const struct block *block = change_add_block(change, number, 1, document);
	char *files;

	change_add_place(change, next_place(change), block->stored.id);
	forget_lost(change, number);
	files = files_text(&source->stored.document, &block->stored.document);
	change_say(change,
		mem_printf("%s %s: updated%s", block->id, source->stored.document.name, files));
	free(files);
}

/* ---- telling ---- */

size_t session_change_count(const struct session_change *change)
{
	return change->n_text;
}

char *session_change_text(const struct session_change *change, size_t index)
{
	return mem_strdup(change->text[index]);
}

/* ---- making ---- */

/* *at is where to begin to look: both lists are mostly in the same order. */
static int is_behind_another(
	const struct standing *now, const struct standing *was, size_t n_was, size_t *at)
{
	for (size_t n = 0; n < n_was; n++) {
		const struct standing *same = &was[*at];

		*at = (*at + 1) % n_was;
		if (same->block == now->block) {
			return same->before != now->before;
		}
	}
	return 0;
}

/*
 * Blocks that come to stand behind something else: what parts them from it is another token or
 * two, so they have to be counted again. As rows for the store, which are borrowed.
 */
static struct store_block *find_uncounted(const struct session_change *change, size_t *count)
{
	struct view before = view_of(change->session), after = change_view(change);
	size_t n_was, n_now, at = 0, n = 0;
	struct standing *was = view_standing(&before, &n_was);
	struct standing *now = view_standing(&after, &n_now);
	struct store_block *row = mem_alloc((n_now + 1) * sizeof(*row));

	for (size_t i = 0; i < n_now; i++) {
		if (now[i].block->stored.tokens >= 0 &&
			is_behind_another(&now[i], was, n_was, &at)) {
			row[n] = now[i].block->stored;
			row[n++].tokens = -1;
		}
	}
	free(was);
	free(now);
	*count = n;
	return row;
}

static int commit_to_store(
	const struct session_change *change, struct store_block *row, size_t n_row, struct err *err)
{
	struct store_change stored = {
		.block = row,
		.n_block = n_row,
		.dropped = change->dropped,
		.n_dropped = change->n_dropped,
		.place = change->place,
		.n_place = change->n_place,
		.has_places = 1,
		.setting = change->setting,
		.n_setting = change->n_setting,
	};

	return store_commit(change->session->store, &stored, err);
}

/* Both have the same blocks in the end. */
static void take_over(struct session_change *change, const struct store_block *row, size_t n_row)
{
	struct session *session = change->session;

	for (size_t i = 0; i < n_row; i++) {
		struct block *block = session_block(session, row[i].id);

		if (block) {
			block->stored.tokens = row[i].tokens;
		}
	}
	for (size_t i = 0; i < change->n_added; i++) {
		mem_grow(session->block, session->n_block, session->cap_block);
		session->block[session->n_block++] = change->added[i];
	}
	for (size_t i = 0; i < change->n_dropped; i++) {
		block_drop(session_block(session, change->dropped[i]));
	}
	for (size_t i = 0; i < change->n_setting; i++) {
		session_keep_setting(session, change->setting[i].key, change->setting[i].value);
	}
	free(session->place);
	session->place = change->place;
	session->n_place = change->n_place;
	change->n_added = 0;
	change->place = NULL;
	session->revision++;
	session_index(session);
}

int session_change_commit(struct session_change *change, struct err *err)
{
	struct store_block *row;
	size_t n_row;
	int status = 0;

	if (change->revision != change->session->revision) {
		session_change_discard(change);
		return err_set(err, ERR_FAILURE, NULL, "ask for it again",
			"the session has changed since this was planned");
	}
	row = find_uncounted(change, &n_row);
	row = mem_resize(row, n_row + change->n_added + 1, sizeof(*row));
	for (size_t i = 0; i < change->n_added; i++) {
		row[n_row + i] = change->added[i]->stored;
	}
	if (change->n_text) {
		status = commit_to_store(change, row, n_row + change->n_added, err);
		if (status == 0) {
			take_over(change, row, n_row);
		}
	}
	free(row);
	session_change_discard(change);
	return status;
}

/* ---- dropping ---- */

static void drop_source(struct session_change *change, const struct block *source)
{
	const struct session *session = change->session;
	int64_t number = source->stored.number;

	for (size_t i = 0; i < session->n_block; i++) {
		const struct store_block *stored = &session->block[i]->stored;

		if (stored->number == number && !stored->is_dropped) {
			change_drop_block(change, stored->id);
		}
	}
	change_forget_options(change, number);
	forget_lost(change, number);
	change_say(change, mem_printf("without %s %s", source->id, source->stored.document.name));
}

int session_plan_drop(struct session *session, struct session_change **out, const int64_t *number,
	size_t n_number, struct err *err)
{
	struct session_change *change = change_create(session);

	for (size_t i = 0; i < n_number; i++) {
		const struct block *source = session_source_block(session, number[i]);

		if (!source) {
			session_change_discard(change);
			return err_set(err, ERR_USAGE, NULL, NULL, "there is no source S%lld",
				(long long)number[i]);
		}
		drop_source(change, source);
	}
	*out = change;
	return 0;
}

/* ---- taking over what was loaded elsewhere ---- */

void session_plan_document(
	struct session *session, struct session_change **out, struct document *document)
{
	*out = change_create(session);
	change_add_source(*out, document);
}

size_t session_add_sources(struct session *session, struct load_result *loaded)
{
	struct session_change *change = change_create(session);
	size_t count = loaded->n_document;

	for (size_t i = 0; i < count; i++) {
		change_add_source(change, &loaded->document[i]);
	}
	loaded->n_document = 0;
	return session_change_commit(change, NULL) < 0 ? 0 : count;
}

int session_update_source(
	struct session *session, size_t index, struct document *document, struct err *err)
{
	struct session_change *change;
	const struct block *source;

	if (index >= session->n_source) {
		return err_set(err, ERR_USAGE, NULL, NULL, "there is no source S%zu", index + 1);
	}
	source = session->source[index];
	if (document->kind != source->stored.document.kind) {
		return err_set(err, ERR_INPUTS, document->origin, "load it as a new source",
			"%s was of kind %s, and is now of kind %s", source->id,
			document_kind_name(source->stored.document.kind),
			document_kind_name(document->kind));
	}
	change = change_create(session);
	change_add_update(change, source->stored.number, document);
	return session_change_commit(change, err);
}
