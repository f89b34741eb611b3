/*
 * States: a small structure for each change, whose lists are shared with the states before and after it
 * as long as they are the same. Turns never change once they are kept, so each is copied once.
 */
#include "session/desk_internal.h"
#include "session/session_internal.h"

#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- parts ---- */

struct turn_ref {
	struct desk_turn turn; /* first: a turn is its own */
	atomic_size_t n_ref;
};

enum part_kind { PART_NAMES, PART_TURNS, PART_PATH, PART_SOURCES, N_PART };
struct part_ref {
	atomic_size_t n_ref;
	enum part_kind kind;
	/* PART_NAMES */
	char *session_id, *session_name, *draft, *device, *over;
	char *info[9];
	/* PART_TURNS */
	const struct desk_turn **turn;
	/* PART_PATH */
	int64_t *path;
	/* PART_SOURCES */
	struct desk_source *source;
	size_t count;
};

struct state_ref {
	struct desk_state state; /* first: a state is its own */
	atomic_size_t n_ref;
	struct part_ref *part[N_PART];
};

struct desk_parts {
	struct part_ref *part[N_PART];
	struct stale { /* of each source that was looked at */
		int64_t number;
		int is_stale;
	} * stale;
	size_t n_stale, cap_stale;
};

static struct part_ref *part_create(enum part_kind kind)
{
	struct part_ref *part = mem_zero(1, sizeof(*part));

	atomic_init(&part->n_ref, 1);
	part->kind = kind;
	return part;
}

static struct part_ref *part_ref(struct part_ref *part)
{
	atomic_fetch_add_explicit(&part->n_ref, 1, memory_order_relaxed);
	return part;
}

static void turn_unref(const struct desk_turn *turn)
{
	struct turn_ref *ref = (struct turn_ref *)turn;

	if (atomic_fetch_sub_explicit(&ref->n_ref, 1, memory_order_acq_rel) == 1) {
		free(ref->turn.question);
		free(ref->turn.answer);
		free(ref->turn.thinking);
		citations_free(ref->turn.citation, ref->turn.n_citation);
		free(ref->turn.model_name);
		free(ref->turn.coverage);
		free(ref);
	}
}

static void source_finish(struct desk_source *source)
{
	for (size_t i = 0; i < source->n_text; i++) {
		desk_text_unref(source->text[i]);
	}
	free(source->id);
	free(source->kind);
	free(source->path);
	free(source->name);
	free(source->text);
}

static void part_unref(struct part_ref *part)
{
	if (!part || atomic_fetch_sub_explicit(&part->n_ref, 1, memory_order_acq_rel) != 1) {
		return;
	}
	for (size_t i = 0; i < part->count && part->kind == PART_TURNS; i++) {
		turn_unref(part->turn[i]);
	}
	for (size_t i = 0; i < part->count && part->kind == PART_SOURCES; i++) {
		source_finish(&part->source[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(part->info); i++) {
		free(part->info[i]);
	}
	free(part->session_id);
	free(part->session_name);
	free(part->draft);
	free(part->device);
	free(part->over);
	free(part->turn);
	free(part->path);
	free(part->source);
	free(part);
}

static void set_part(struct desk *desk, struct part_ref *part)
{
	struct part_ref **place = &desk->parts->part[part->kind];

	part_unref(*place);
	*place = part;
}

/* ---- states ---- */

const struct desk_state *desk_state_ref(const struct desk_state *state)
{
	struct state_ref *ref = (struct state_ref *)state;

	atomic_fetch_add_explicit(&ref->n_ref, 1, memory_order_relaxed);
	return state;
}

void desk_state_unref(const struct desk_state *state)
{
	struct state_ref *ref = (struct state_ref *)state;

	if (ref && atomic_fetch_sub_explicit(&ref->n_ref, 1, memory_order_acq_rel) == 1) {
		for (size_t i = 0; i < N_PART; i++) {
			part_unref(ref->part[i]);
		}
		free(ref);
	}
}

const struct desk_turn *desk_state_turn(const struct desk_state *state, int64_t id)
{
	size_t first = 0, end = state->n_turn;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (state->turn[middle]->id < id) {
			first = middle + 1;
		} else {
			end = middle;
		}
	}
	return first < state->n_turn && state->turn[first]->id == id ? state->turn[first] : NULL;
}

const struct desk_state *desk_state(struct desk *desk)
{
	const struct desk_state *state;

	pthread_mutex_lock(&desk->lock);
	state = desk_state_ref(desk->state);
	pthread_mutex_unlock(&desk->lock);
	return state;
}

static void take_names(struct desk_state *state, const struct part_ref *part)
{
	const char **const text[] = {&state->info.model_name, &state->info.architecture,
		&state->info.storage, &state->info.backend, &state->info.template_name,
		&state->info.tokenizer, &state->info.kv_type, &state->info.license,
		&state->info.adapters};

	state->session_id = part->session_id;
	state->session_name = part->session_name;
	state->draft = part->draft;
	state->device = part->device;
	state->over = part->over;
	for (size_t i = 0; i < ARRAY_LEN(text); i++) {
		*text[i] = part->info[i];
	}
}

/* What a state is made of stays; the state gets references. */
static struct state_ref *make_state(const struct desk *desk)
{
	struct state_ref *ref = mem_zero(1, sizeof(*ref));

	atomic_init(&ref->n_ref, 1);
	ref->state = desk->now;
	for (size_t i = 0; i < N_PART; i++) {
		ref->part[i] = part_ref(desk->parts->part[i]);
	}
	take_names(&ref->state, ref->part[PART_NAMES]);
	ref->state.turn = ref->part[PART_TURNS]->turn;
	ref->state.n_turn = ref->part[PART_TURNS]->count;
	ref->state.path = ref->part[PART_PATH]->path;
	ref->state.n_path = ref->part[PART_PATH]->count;
	ref->state.source = ref->part[PART_SOURCES]->source;
	ref->state.n_source = ref->part[PART_SOURCES]->count;
	return ref;
}

void desk_publish(struct desk *desk)
{
	struct desk_event event = {.type = DESK_STATE};
	const struct desk_state *old;
	struct state_ref *ref;

	desk->now.revision++;
	ref = make_state(desk);
	pthread_mutex_lock(&desk->lock);
	ref->state.n_waiting = desk->now.n_waiting = desk->n_waiting;
	old = desk->state;
	desk->state = &ref->state;
	event.state = desk_state_ref(&ref->state);
	event_list_add(&desk->events, &event); /* never an older one than desk_state() gives */
	pthread_mutex_unlock(&desk->lock);
	desk_state_unref(old);
	desk_event_finish(&event);
}

void desk_state_begin(struct desk *desk)
{
	desk->parts = mem_zero(1, sizeof(*desk->parts));
	desk->now = (struct desk_state){
		.sources_tok = -1, .prompt_tok = -1, .cached_tok = -1, .disk_tok = -1};
	for (size_t i = 0; i < N_PART; i++) {
		desk->parts->part[i] = part_create((enum part_kind)i);
	}
	desk_state_names(desk);
	desk->state = &make_state(desk)->state;
}

void desk_state_end(struct desk *desk)
{
	desk_state_unref(desk->state);
	for (size_t i = 0; i < N_PART; i++) {
		part_unref(desk->parts->part[i]);
	}
	free(desk->parts->stale);
	free(desk->parts);
}

/* ---- what there is ---- */

static char *text_or_empty(const char *text)
{
	return mem_strdup(text ? text : "");
}

void desk_state_names(struct desk *desk)
{
	static const struct engine_info none;
	const struct engine_info *info = desk->engine ? engine_info(desk->engine) : &none;
	const char *const text[] = {info->model_name, info->architecture, info->storage,
		info->backend, info->template_name, info->tokenizer, info->kv_type, info->license,
		info->adapters};
	struct session *session = desk->at.session;
	struct part_ref *part = part_create(PART_NAMES);

	part->session_id = text_or_empty(session ? store_id(session->store) : NULL);
	part->session_name = text_or_empty(desk->at.name);
	part->draft = text_or_empty(session ? session_draft(session) : NULL);
	part->device = text_or_empty(info->backend);
	part->over = text_or_empty(session_over_name(desk->over));
	for (size_t i = 0; i < ARRAY_LEN(text); i++) {
		part->info[i] = text_or_empty(text[i]);
	}
	desk->now.is_kept = session && store_is_kept(session->store);
	desk->now.info = *info;
	set_part(desk, part);
}

static char *coverage_text(const struct session_coverage *coverage)
{
	struct buf text = BUF_INIT;

	if (!session_coverage_is_partial(coverage)) {
		return NULL;
	}
	session_coverage_text(coverage, &text);
	return buf_take(&text);
}

static const struct desk_turn *copy_turn(const struct store_turn *stored)
{
	struct turn_ref *ref = mem_zero(1, sizeof(*ref));

	atomic_init(&ref->n_ref, 1);
	ref->turn = (struct desk_turn){
		.id = stored->id,
		.parent = stored->parent,
		.question = mem_strndup(stored->question, stored->question_len),
		.question_len = stored->question_len,
		.answer = mem_strndup(stored->text, stored->text_len),
		.answer_len = stored->text_len,
		.thinking = mem_strndup(stored->thinking, stored->thinking_len),
		.thinking_len = stored->thinking_len,
		.stop = stored->stop,
		.usage = stored->usage,
		.citation = session_copy_citations(stored->citation, stored->n_citation),
		.n_citation = stored->n_citation,
		.model_name = text_or_empty(stored->model_name),
		.asked_s = stored->asked_s,
		.coverage = coverage_text(&stored->reading.coverage),
	};
	return &ref->turn;
}

void desk_state_path(struct desk *desk)
{
	struct session *session = desk->at.session;
	struct part_ref *part = part_create(PART_PATH);

	if (session) {
		part->path = session_path(session, &part->count);
	}
	desk->now.head = session ? session_head(session) : 0;
	set_part(desk, part);
}

/* Those that the state before has are taken over: a turn that is kept stays as it is. */
void desk_state_turns(struct desk *desk)
{
	struct session *session = desk->at.session;
	const struct part_ref *old = desk->parts->part[PART_TURNS];
	struct part_ref *part = part_create(PART_TURNS);

	part->count = session ? session->n_turn : 0;
	part->turn = mem_alloc((part->count + 1) * sizeof(*part->turn));
	for (size_t i = 0; i < part->count; i++) {
		if (i < old->count && desk->turns_of == session) {
			struct turn_ref *ref = (struct turn_ref *)old->turn[i];

			atomic_fetch_add_explicit(&ref->n_ref, 1, memory_order_relaxed);
			part->turn[i] = old->turn[i];
		} else {
			part->turn[i] = copy_turn(&session->turn[i]->stored);
		}
	}
	desk->turns_of = session;
	set_part(desk, part);
	desk_state_path(desk);
}

/* ---- sources ---- */

void desk_state_set_stale(struct desk *desk, int64_t number, int is_stale)
{
	struct desk_parts *parts = desk->parts;
	size_t i = 0;

	while (i < parts->n_stale && parts->stale[i].number != number) {
		i++;
	}
	if (i == parts->n_stale) {
		mem_grow(parts->stale, parts->n_stale, parts->cap_stale);
		parts->stale[parts->n_stale++].number = number;
	}
	parts->stale[i].is_stale = is_stale;
}

int desk_state_is_stale(const struct desk *desk, int64_t number)
{
	for (size_t i = 0; i < desk->parts->n_stale; i++) {
		if (desk->parts->stale[i].number == number) {
			return desk->parts->stale[i].is_stale;
		}
	}
	return 0;
}

/* Its text, its updates, and what they take; blocks are by id, so the oldest comes first. */
static void add_texts(struct desk_source *source, const struct session *session)
{
	size_t cap = 0;

	for (size_t i = 0; i < session->n_block; i++) {
		const struct block *block = session->block[i];
		int counts;

		if (block->stored.number != source->number || !block->text) {
			continue;
		}
		mem_grow(source->text, source->n_text, cap);
		source->text[source->n_text++] = desk_text_ref(block->text);
		counts = block->is_in_context || !block->stored.is_update;
		if (counts && source->tokens >= 0) {
			source->tokens = block->stored.tokens < 0
						 ? -1
						 : source->tokens + block->stored.tokens;
		}
	}
}

static int64_t overlap(int64_t first, int64_t end, int64_t to)
{
	return to <= first ? 0 : (to < end ? to : end) - first;
}

/* What is computed is a front of the prompt: in memory first, behind that on disk. */
static void add_where(
	struct desk_source *source, const struct desk_costs *costs, int64_t kv_bytes_per_tok)
{
	const struct session_where *where = costs->where;
	const struct session_cost *cost = &costs->all;
	int64_t all_tok = 0, cached_tok = 0, memory_tok = 0, end_tok = 0;

	for (size_t i = 0; i < costs->n_where; i++) {
		int64_t end = where[i].at_tok + where[i].tokens;

		if (where[i].number != source->number || where[i].tokens < 0) {
			continue;
		}
		source->at_tok = source->at_tok < 0 ? where[i].at_tok : source->at_tok;
		end_tok = source->at_tok + where[i].tokens;
		all_tok += where[i].tokens;
		cached_tok += overlap(where[i].at_tok, end, cost->cached_tok);
		memory_tok += overlap(where[i].at_tok, end, cost->cached_tok - cost->disk_tok);
	}
	if (source->at_tok < 0) {
		return;
	}
	source->behind_tok = cost->total_tok - end_tok > 0 ? cost->total_tok - end_tok : 0;
	source->kv_bytes = cached_tok * kv_bytes_per_tok;
	source->kv = cached_tok == 0         ? DESK_KV_ABSENT
		     : cached_tok < all_tok  ? DESK_KV_PARTLY
		     : memory_tok == all_tok ? DESK_KV_MEMORY
					     : DESK_KV_DISK;
}

void desk_state_sources(struct desk *desk)
{
	const struct desk_costs *costs = &desk->costs;
	struct session *session = desk->at.session;
	struct part_ref *part = part_create(PART_SOURCES);

	part->count = session ? session_source_count(session) : 0;
	part->source = mem_zero(part->count + 1, sizeof(*part->source));
	desk->now.sources_tok = 0;
	for (size_t i = 0; i < part->count; i++) {
		struct session_source from = session_source_at(session, i);
		struct desk_source *source = &part->source[i];

		*source = (struct desk_source){
			.number = from.number,
			.id = mem_strdup(from.id),
			.kind = mem_strdup(from.kind),
			.path = text_or_empty(from.path),
			.name = text_or_empty(from.name),
			.at_tok = -1,
			.is_stale = desk_state_is_stale(desk, from.number),
			.is_in_context = from.is_in_context,
		};
		add_texts(source, session);
		if (costs->is_known) {
			add_where(source, costs, desk->now.info.kv_bytes_per_tok);
		}
		if (source->is_in_context && desk->now.sources_tok >= 0) {
			desk->now.sources_tok =
				source->tokens < 0 ? -1 : desk->now.sources_tok + source->tokens;
		}
	}
	set_part(desk, part);
}
