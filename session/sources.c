/* Blocks: sources and updates, as they are stored and as they are packed. */
#include "session/session_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- a block ---- */

static void set_id(struct block *block)
{
	struct buf id = BUF_INIT;

	buf_printf(&id, "S%lld", (long long)block->stored.number);
	memcpy(block->id, id.data, id.len + 1);
	buf_finish(&id);
}

/* Takes the document over. */
static void share_document(struct block *block, struct document *document)
{
	block->text = desk_text_create(document);
	block->stored.document = *desk_text_document(block->text);
}

struct block *block_create(int64_t id, int64_t number, int is_update, struct document *document)
{
	struct block *block = mem_zero(1, sizeof(*block));

	block->stored = (struct store_block){
		.id = id,
		.number = number,
		.is_update = is_update,
		.tokens = -1,
		.loaded_s = time(NULL),
	};
	share_document(block, document);
	set_id(block);
	return block;
}

struct block *block_adopt(struct store_block *stored)
{
	struct block *block = mem_zero(1, sizeof(*block));

	block->stored = *stored;
	*stored = (struct store_block){0};
	if (!block->stored.is_dropped) {
		struct document document = block->stored.document;

		share_document(block, &document);
	}
	set_id(block);
	return block;
}

static void forget_packed(struct block *block)
{
	struct cite_source cite = {.index = block->index};

	for (size_t i = 0; i < ARRAY_LEN(block->packed); i++) {
		prompt_finish(&block->packed[i]);
	}
	cite_source_finish(&cite);
	block->index = NULL;
}

static void forget_document(struct block *block)
{
	if (block->text) {
		desk_text_unref(block->text);
		block->text = NULL;
		block->stored.document = (struct document){0};
	}
	document_finish(&block->stored.document);
}

void block_destroy(struct block *block)
{
	if (block) {
		forget_packed(block);
		forget_document(block);
		free(block);
	}
}

void block_drop(struct block *block)
{
	const struct document *document = &block->stored.document;
	struct document left = {.kind = document->kind,
		.name = mem_strdup(document->name),
		.origin = mem_strdup(document->origin)};

	forget_packed(block);
	forget_document(block);
	block->stored.document = left;
	block->stored.is_dropped = 1;
}

/* Of a block that is packed for another place already: only its opening tag differs. */
static void pack_again(struct prompt *out, const struct prompt *packed, const struct block *block,
	enum pack_before before)
{
	const struct document *document = &block->stored.document;
	struct prompt opening = {0};
	size_t n = 1;

	if (block->stored.is_update) {
		struct document empty = {.kind = document->kind, .rev = document->rev};

		pack_update(&opening, before, block->stored.number, &empty);
	} else {
		pack_source_open(&opening, before, block->stored.number, document);
	}
	prompt_add(out, segment_ref(opening.item[0]));
	for (; n < packed->count; n++) {
		prompt_add(out, segment_ref(packed->item[n]));
	}
	prompt_finish(&opening);
}

const struct prompt *block_packed(struct block *block, enum pack_before before)
{
	struct prompt *own = &block->packed[before];

	for (size_t i = 0; i < ARRAY_LEN(block->packed) && !own->count; i++) {
		if (block->packed[i].count) {
			pack_again(own, &block->packed[i], block, before);
		}
	}
	if (!own->count) {
		(block->stored.is_update ? pack_update : pack_source)(
			own, before, block->stored.number, &block->stored.document);
	}
	return own;
}

/* ---- the blocks of a session ---- */

struct block *session_block(const struct session *session, int64_t id)
{
	size_t first = 0, end = session->n_block;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (session->block[middle]->stored.id < id) {
			first = middle + 1;
		} else {
			end = middle;
		}
	}
	return first < session->n_block && session->block[first]->stored.id == id
		       ? session->block[first]
		       : NULL;
}

struct block *session_source_block(const struct session *session, int64_t number)
{
	size_t first = 0, end = session->n_source;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (session->source[middle]->stored.number < number) {
			first = middle + 1;
		} else {
			end = middle;
		}
	}
	return first < session->n_source && session->source[first]->stored.number == number
		       ? session->source[first]
		       : NULL;
}

static int by_number(const void *a, const void *b)
{
	const struct block *const *x = a, *const *y = b;

	return ((*x)->stored.number > (*y)->stored.number) -
	       ((*x)->stored.number < (*y)->stored.number);
}

static void index_turns(struct session *session)
{
	for (size_t i = 0; i < session->n_turn; i++) {
		session->turn[i]->n_child = 0;
		session->turn[i]->is_current = 0;
	}
	for (size_t i = 0; i < session->n_turn; i++) {
		struct turn *parent = session_turn_by_id(session, session->turn[i]->stored.parent);

		if (parent) {
			parent->n_child++;
		}
	}
	for (struct turn *turn = session_turn_by_id(session, session->head); turn;
		turn = session_turn_by_id(session, turn->stored.parent)) {
		turn->is_current = 1;
	}
}

static void index_standing(struct session *session)
{
	struct view view = view_of(session);
	size_t count;
	struct standing *standing = view_standing(&view, &count);

	for (size_t i = 0; i < session->n_block; i++) {
		session->block[i]->is_in_context = 0;
		session->block[i]->n_update = 0;
	}
	for (size_t i = 0; i < count; i++) {
		struct block *block = standing[i].block;
		struct block *source = session_source_block(session, block->stored.number);

		block->is_in_context = 1;
		if (block->stored.is_update && source) {
			source->n_update++;
		}
	}
	free(standing);
}

void session_index(struct session *session)
{
	session->source = mem_resize(session->source, session->n_block + 1, sizeof(struct block *));
	session->n_source = 0;
	for (size_t i = 0; i < session->n_block; i++) {
		const struct store_block *stored = &session->block[i]->stored;

		if (!stored->is_update && !stored->is_dropped) {
			session->source[session->n_source++] = session->block[i];
		}
	}
	if (session->n_source) {
		qsort(session->source, session->n_source, sizeof(struct block *), by_number);
	}
	index_turns(session);
	index_standing(session);
}

int64_t session_next_number(const struct session *session)
{
	int64_t number = 0;

	for (size_t i = 0; i < session->n_block; i++) {
		if (session->block[i]->stored.number > number) {
			number = session->block[i]->stored.number;
		}
	}
	return number + 1;
}

int64_t session_next_block(const struct session *session)
{
	return session->n_block ? session->block[session->n_block - 1]->stored.id + 1 : 1;
}

size_t session_source_count(const struct session *session)
{
	return session->n_source;
}

struct session_source session_source_at(const struct session *session, size_t index)
{
	const struct block *block = session->source[index];
	return (struct session_source){
		.number = block->stored.number,
		.id = block->id,
		.kind = document_kind_name(block->stored.document.kind),
		.path = block->stored.document.origin,
		.name = block->stored.document.name,
		.tokens = block->stored.tokens,
		.is_in_context = block->is_in_context,
		.n_update = block->n_update,
	};
}

/* ---- what was left out ---- */

void session_skip(struct session *session, char *path, char *reason, int is_unreadable)
{
	mem_grow(session->skipped, session->n_skipped, session->cap_skipped);
	session->skipped[session->n_skipped++] = (struct skipped){path, reason, is_unreadable};
}

const struct skipped *session_skipped(const struct session *session, size_t *count)
{
	*count = session->n_skipped;
	return session->skipped;
}

void session_forget_skipped(struct session *session, size_t count)
{
	while (session->n_skipped > count) {
		struct skipped *skipped = &session->skipped[--session->n_skipped];

		free(skipped->path);
		free(skipped->reason);
	}
}

/* Reasons that say so themselves are not repeated. */
char *session_unreadable_text(const struct skipped *skipped)
{
	static const char *const said[] = {"cannot be read", "could not be read"};

	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		if (strstr(skipped->reason, said[i])) { /* "page 2 could not be read" */
			return mem_strdup(skipped->reason);
		}
	}
	return mem_printf("cannot be read: %s", skipped->reason);
}
