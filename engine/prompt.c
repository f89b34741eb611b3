#include "engine/prompt.h"

#include "base/buf.h"
#include "base/mem.h"
#include "engine/embedding.h"
#include "engine/idmap.h"
#include "engine/token/crew.h"
#include "engine/token/template.h"
#include "engine/token/tokenizer.h"
#include "engine/token_index.h"
#include "engine/turn.h"
#include "engine/wire.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)PROMPT_BEGIN == (int)MARK_BEGIN &&
		       (int)PROMPT_SYSTEM_OPEN == (int)MARK_SYSTEM_OPEN &&
		       (int)PROMPT_SYSTEM_CLOSE == (int)MARK_SYSTEM_CLOSE &&
		       (int)PROMPT_USER_OPEN == (int)MARK_USER_OPEN &&
		       (int)PROMPT_USER_CLOSE == (int)MARK_USER_CLOSE &&
		       (int)PROMPT_MODEL_OPEN == (int)MARK_MODEL_OPEN &&
		       (int)PROMPT_MODEL_CLOSE == (int)MARK_MODEL_CLOSE &&
		       (int)PROMPT_MODEL_OPEN_NO_THINK == (int)MARK_MODEL_OPEN_NO_THINK,
	"the public marks are the template's");

struct stored {
	enum segment_kind kind;
	enum prompt_mark mark;
	uint64_t total_bytes;
	int is_source;
	struct segment_aside *aside; /* [n_aside] */
	size_t n_aside;
	struct buf data;       /* text or ids */
	struct ids encoded[2]; /* of a text: [1] where it is `first`; empty until asked for */
	int is_queued[2];      /* for several threads to encode */
};

/* A segment's place in the present prompt. */
struct place {
	uint64_t number;
	size_t end_tok; /* its ids end here */
	int mark;       /* the last mark up to and with this segment; -1: none */
	int previous;   /* and up to it */
	int is_mark;
	int first; /* whether a text here begins a prompt */
};

struct prompt_store {
	const struct tokenizer *tokenizer;
	const struct chat_template *chat_template;
	struct tokenizer_encoder *encoder;
	struct tokenizer_crew *crew; /* for long prompts; made when there is one */
	int32_t n_thread;            /* of the crew */
	struct idmap segment;        /* number -> struct stored */
	struct place *place;
	size_t n_place, cap_place;
	size_t n_placed; /* of so many the ids are in `ids` */
	struct ids ids;
	size_t same_tok; /* see prompt_store_same() */
};

struct prompt_store *prompt_store_create(const struct tokenizer *tokenizer,
	const struct chat_template *chat_template, int32_t n_thread)
{
	struct prompt_store *store = mem_zero(1, sizeof(*store));

	store->tokenizer = tokenizer;
	store->chat_template = chat_template;
	store->n_thread = n_thread;
	store->encoder = tokenizer_encoder_create(tokenizer);
	return store;
}

static void stored_free(struct stored *stored)
{
	if (stored) {
		buf_finish(&stored->data);
		free(stored->aside);
		ids_finish(&stored->encoded[0]);
		ids_finish(&stored->encoded[1]);
		free(stored);
	}
}

void prompt_store_destroy(struct prompt_store *store)
{
	if (!store) {
		return;
	}
	for (size_t i = 0; i < store->segment.cap; i++) {
		stored_free(store->segment.slot[i].value);
	}
	idmap_finish(&store->segment);
	ids_finish(&store->ids);
	free(store->place);
	tokenizer_encoder_destroy(store->encoder);
	tokenizer_crew_destroy(store->crew);
	free(store);
}

static int no_memory(struct err *err, const char *of, uint64_t count, const char *what)
{
	return err_set(err, ERR_ENGINE, NULL, "load less, or close other programs",
		"the engine has no memory for %s %llu %s", of, (unsigned long long)count, what);
}

/* Room for `more` ids. */
static int reserve_ids(struct ids *ids, size_t more)
{
	size_t cap = ids->cap ? ids->cap : 1024;
	uint32_t *id;

	if (ids->cap - ids->count >= more) {
		return 0;
	}
	while (cap - ids->count < more) {
		cap *= 2;
	}
	id = reallocarray(ids->id, cap, sizeof(*id));
	if (!id) {
		return -1;
	}
	ids->id = id;
	ids->cap = cap;
	return 0;
}

/* ---- segments ---- */

int prompt_store_begin_segment(
	struct prompt_store *store, const struct wire_segment *segment, struct err *err)
{
	struct stored *stored;

	if (!segment->number || idmap_get(&store->segment, segment->number)) {
		return err_set(err, ERR_ENGINE, NULL, NULL, "segment %llu was sent twice",
			(unsigned long long)segment->number);
	}
	stored = mem_zero(1, sizeof(*stored));
	stored->kind = segment->kind;
	stored->mark = segment->mark;
	stored->total_bytes = segment->total_bytes;
	stored->is_source = segment->is_source;
	stored->n_aside = segment->n_aside;
	if (segment->n_aside) {
		stored->aside = calloc(segment->n_aside, sizeof(*stored->aside));
		if (!stored->aside) {
			stored_free(stored);
			return no_memory(err, "a text with", segment->n_aside, "asides");
		}
		memcpy(stored->aside, segment->aside, segment->n_aside * sizeof(*stored->aside));
	}
	stored->data.data = malloc(stored->total_bytes + 1); /* all that will come */
	if (!stored->data.data) {
		stored_free(stored);
		return no_memory(err, "a text of", segment->total_bytes, "bytes");
	}
	stored->data.cap = stored->total_bytes + 1;
	buf_add(&stored->data, segment->data, segment->len);
	idmap_put(&store->segment, segment->number, stored);
	return 0;
}

int prompt_store_add_bytes(
	struct prompt_store *store, const struct wire_segment *segment, struct err *err)
{
	struct stored *stored = idmap_get(&store->segment, segment->number);

	if (!stored || segment->len > stored->total_bytes - stored->data.len) {
		return err_set(err, ERR_ENGINE, NULL, NULL,
			"%zu bytes arrived that segment %llu does not have", segment->len,
			(unsigned long long)segment->number);
	}
	buf_add(&stored->data, segment->data, segment->len);
	return 0;
}

void prompt_store_release(struct prompt_store *store, const uint64_t *number, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		stored_free(idmap_remove(&store->segment, number[i]));
	}
}

size_t prompt_store_segment_count(const struct prompt_store *store)
{
	return store->segment.count;
}

/* ---- the present prompt ---- */

static int reserve_place(struct prompt_store *store)
{
	size_t cap = store->cap_place ? 2 * store->cap_place : 64;
	struct place *place;

	if (store->n_place < store->cap_place) {
		return 0;
	}
	place = reallocarray(store->place, cap, sizeof(*place));
	if (!place) {
		return -1;
	}
	store->place = place;
	store->cap_place = cap;
	return 0;
}

int prompt_store_set(struct prompt_store *store, uint64_t keep, const uint64_t *number,
	size_t count, struct err *err)
{
	if (keep > store->n_place) {
		return err_set(err, ERR_ENGINE, NULL, NULL,
			"a prompt continues one of %llu segments, and there are %zu",
			(unsigned long long)keep, store->n_place);
	}
	store->n_place = (size_t)keep;
	if (store->n_placed > keep) {
		store->n_placed = (size_t)keep;
		store->ids.count = keep ? store->place[keep - 1].end_tok : 0;
		if (store->same_tok > store->ids.count) {
			store->same_tok = store->ids.count;
		}
	}
	for (size_t i = 0; i < count; i++) {
		struct stored *stored = idmap_get(&store->segment, number[i]);

		if (!stored || stored->data.len != stored->total_bytes) {
			return err_set(err, ERR_ENGINE, NULL, NULL,
				"a prompt holds segment %llu, which was not sent",
				(unsigned long long)number[i]);
		}
		if (reserve_place(store) < 0) {
			return no_memory(err, "a prompt of", count, "segments");
		}
		store->place[store->n_place++] = (struct place){.number = number[i]};
	}
	return 0;
}

static int add_ids(struct ids *to, const uint32_t *id, size_t count, struct err *err)
{
	if (reserve_ids(to, count) < 0) {
		return no_memory(err, "a prompt of", to->count + count, "tokens");
	}
	if (count) {
		memcpy(to->id + to->count, id, count * sizeof(*id));
	}
	to->count += count;
	return 0;
}

static int add_mark(
	struct prompt_store *store, enum prompt_mark mark, int previous, struct err *err)
{
	uint32_t bos = tokenizer_bos(store->tokenizer);

	if (store->chat_template) {
		template_write(store->chat_template, store->encoder, (enum template_mark)mark,
			previous, &store->ids);
		return 0;
	}
	if (mark != PROMPT_BEGIN) {
		return err_set(err, ERR_ENGINE, NULL,
			"name the one that it was trained with: `carrel ask --help` lists those "
			"of --template",
			"the model has no chat template that carrel knows");
	}
	if (tokenizer_add_bos(store->tokenizer) && bos != UINT32_MAX) {
		ids_add(&store->ids, bos);
	}
	return 0;
}

/* Give back what was reserved and not needed. */
static void trim(struct ids *encoded)
{
	size_t count = encoded->count ? encoded->count : 1;
	uint32_t *id = reallocarray(encoded->id, count, sizeof(*id));

	if (id) {
		encoded->id = id;
		encoded->cap = count;
	}
}

/*
 * Room for the most ids that a text can have is taken first (where memory is short that is an error of
 * this prompt, while the tokenizer never fails) and given back afterwards; what is not written to costs
 * nothing.
 */
static int encode(struct prompt_store *store, const struct stored *stored, int first,
	struct ids *encoded, struct err *err)
{
	if (reserve_ids(encoded, tokenizer_most_ids(store->tokenizer, stored->data.len)) < 0) {
		return no_memory(err, "the tokens of a text of", stored->data.len, "bytes");
	}
	tokenizer_encode_text(store->encoder, stored->data.data, stored->data.len, first, encoded);
	trim(encoded);
	return 0;
}

static int add_text(struct prompt_store *store, struct stored *stored, int first, struct err *err)
{
	struct ids *encoded = &stored->encoded[first];

	if (!encoded->count && stored->data.len && encode(store, stored, first, encoded, err) < 0) {
		return -1;
	}
	return add_ids(&store->ids, encoded->id, encoded->count, err);
}

/* From now on it is ids or, where they may not stand in a prompt, the text that they spell. */
static void read_turn(struct prompt_store *store, struct stored *stored)
{
	struct buf text = BUF_INIT;

	stored->kind = SEGMENT_IDS;
	if (turn_read(store->tokenizer, store->chat_template,
		    (const uint32_t *)(const void *)stored->data.data,
		    stored->data.len / sizeof(uint32_t), &text)) {
		buf_finish(&text);
		return;
	}
	buf_finish(&stored->data);
	stored->data = text;
	stored->total_bytes = text.len;
	stored->kind = SEGMENT_TEXT;
}

/* What stands in front of a place, which decides how it is written. */
static int note_place(struct prompt_store *store, size_t i, struct err *err)
{
	struct place *place = &store->place[i];
	const struct place *before = i ? place - 1 : NULL;
	struct stored *stored = idmap_get(&store->segment, place->number);
	int earlier = i > 1 ? place[-2].mark : -1; /* the mark before that in front */

	if (!stored) {
		return err_set(
			err, ERR_ENGINE, NULL, NULL, "a prompt holds a segment that was released");
	}
	place->previous = before ? before->mark : -1;
	place->first = !before || (before->is_mark && store->chat_template &&
					  template_text_first(store->chat_template,
						  (enum template_mark)place->previous, earlier));
	place->is_mark = stored->kind == SEGMENT_MARK;
	place->mark = place->is_mark ? (int)stored->mark : place->previous;
	if (stored->kind == SEGMENT_TURN) {
		read_turn(store, stored);
	}
	return 0;
}

/* Append the ids of the first segment that has none yet. */
static int add_place(struct prompt_store *store, struct err *err)
{
	struct place *place = &store->place[store->n_placed];
	struct stored *stored = idmap_get(&store->segment, place->number);
	int result = -1;

	switch (stored->kind) {
	case SEGMENT_TEXT:
		result = add_text(store, stored, place->first, err);
		break;
	case SEGMENT_TURN: /* note_place() */
	case SEGMENT_IDS:
		result = add_ids(&store->ids, (const uint32_t *)(const void *)stored->data.data,
			stored->data.len / sizeof(uint32_t), err);
		break;
	case SEGMENT_MARK:
		result = add_mark(store, stored->mark, place->previous, err);
		break;
	}
	if (result < 0) {
		return -1;
	}
	place->end_tok = store->ids.count;
	store->n_placed++;
	return 0;
}

/* The text at place i, if it has no ids yet. */
static struct stored *text_without_ids(const struct prompt_store *store, size_t i)
{
	struct stored *stored = idmap_get(&store->segment, store->place[i].number);
	int is_needed = stored->kind == SEGMENT_TEXT && stored->data.len &&
			!stored->encoded[store->place[i].first].count;

	return is_needed ? stored : NULL;
}

/* Whether the ids of so much text, in lists that double as they grow, find room. */
static int has_room(const struct prompt_store *store, size_t total_bytes)
{
	void *room = reallocarray(
		NULL, tokenizer_most_ids(store->tokenizer, total_bytes), 2 * sizeof(uint32_t));

	free(room);
	return room != NULL;
}

/*
 * Where there is much to encode, several threads do it ahead of add_place(). Nothing is lost where
 * there is no memory for that: add_place() encodes what has no ids, and says so.
 */
static void encode_ahead(struct prompt_store *store)
{
	size_t n = 0, cap = 0, cap_owner = 0, total_bytes = 0;
	struct crew_text *text = NULL;
	struct stored **owner = NULL;

	for (size_t i = store->n_placed; i < store->n_place; i++) {
		struct stored *stored = text_without_ids(store, i);
		int first = store->place[i].first;

		/* A segment that stands there twice is encoded once. */
		if (stored && !stored->is_queued[first]) {
			mem_grow(text, n, cap);
			mem_grow(owner, n, cap_owner);
			text[n] = (struct crew_text){
				.text = stored->data.data, .len = stored->data.len, .first = first};
			stored->is_queued[first] = 1;
			owner[n++] = stored;
			total_bytes += stored->data.len;
		}
	}
	if (total_bytes >= CREW_WORTH_BYTES && has_room(store, total_bytes)) {
		if (!store->crew) {
			store->crew = tokenizer_crew_create(store->tokenizer, store->n_thread);
		}
		tokenizer_crew_encode(store->crew, text, n, 0);
	}
	for (size_t i = 0; i < n; i++) {
		owner[i]->is_queued[text[i].first] = 0;
		if (text[i].ids.count) {
			ids_finish(&owner[i]->encoded[text[i].first]);
			owner[i]->encoded[text[i].first] = text[i].ids;
			trim(&owner[i]->encoded[text[i].first]);
		}
	}
	free(text);
	free(owner);
}

int prompt_store_ids(
	struct prompt_store *store, const uint32_t **ids, size_t *count, struct err *err)
{
	for (size_t i = store->n_placed; i < store->n_place; i++) {
		if (note_place(store, i, err) < 0) {
			return -1;
		}
	}
	encode_ahead(store);
	while (store->n_placed < store->n_place) {
		if (add_place(store, err) < 0) {
			return -1;
		}
	}
	*ids = store->ids.id;
	*count = store->ids.count;
	return 0;
}

size_t prompt_store_same(struct prompt_store *store)
{
	size_t same_tok = store->same_tok;

	store->same_tok = store->ids.count;
	return same_tok;
}

void prompt_store_sources(
	const struct prompt_store *store, struct token_source **source, size_t *count)
{
	size_t cap = *count, first_tok = 0;

	for (size_t i = 0; i < store->n_placed; i++) {
		const struct place *place = &store->place[i];
		const struct stored *stored = idmap_get(&store->segment, place->number);

		/*
		 * One that was released meanwhile is quoted no more. Its number may be another
		 * segment's by now, perhaps not all here yet: the asides lie in its total.
		 */
		if (stored && stored->is_source) {
			mem_grow(*source, *count, cap);
			(*source)[(*count)++] = (struct token_source){
				.first_tok = first_tok,
				.n_tok = place->end_tok - first_tok,
				.text_bytes = stored->total_bytes,
				.aside = stored->aside,
				.n_aside = stored->n_aside,
			};
		}
		first_tok = place->end_tok;
	}
}

void prompt_store_texts(const struct prompt_store *store, struct embedding_run **run, size_t *count)
{
	int64_t first_tok = 0;
	size_t cap = 0;

	*run = NULL;
	*count = 0;
	for (size_t i = 0; i < store->n_placed; i++) {
		const struct place *place = &store->place[i];
		int64_t end_tok = (int64_t)place->end_tok;

		if (!place->is_mark && end_tok > first_tok) {
			mem_grow(*run, *count, cap);
			(*run)[(*count)++] = (struct embedding_run){first_tok, end_tok - first_tok};
		}
		first_tok = end_tok;
	}
}

size_t prompt_store_end(const struct prompt_store *store, uint64_t n_segment)
{
	size_t n = n_segment < store->n_placed ? (size_t)n_segment : store->n_placed;

	return n ? store->place[n - 1].end_tok : 0;
}

int prompt_store_turn(const struct prompt_store *store, size_t *from_tok)
{
	size_t at = store->n_placed;

	while (at > 0 && !store->place[at - 1].is_mark) {
		at--;
	}
	*from_tok = at ? store->place[at - 1].end_tok : 0;
	return at ? store->place[at - 1].mark : -1;
}

static int is_model_open(int mark)
{
	return mark == PROMPT_MODEL_OPEN || mark == PROMPT_MODEL_OPEN_NO_THINK;
}

void prompt_store_closing(struct prompt_store *store, struct ids *out)
{
	if (store->chat_template && store->n_placed &&
		is_model_open(store->place[store->n_placed - 1].mark)) {
		template_write(store->chat_template, store->encoder, MARK_MODEL_CLOSE,
			store->place[store->n_placed - 1].mark, out);
	}
}
