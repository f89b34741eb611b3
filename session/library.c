/* The sources of the context, cut. */
#include "session/library.h"

#include "base/mem.h"
#include "session/library_count.h"
#include "session/newest.h"

#include <stdlib.h>
#include <string.h>

static void source_finish(struct library_source *source)
{
	cut_finish(&source->cut);
	if (source->cite) {
		cite_source_finish(source->cite);
	}
	free(source->cite);
	if (source->own) {
		document_finish(source->own);
	}
	free(source->own);
	free(source->block);
	*source = (struct library_source){0};
}

void library_destroy(struct library *library)
{
	if (library) {
		for (size_t i = 0; i < library->n_source; i++) {
			source_finish(&library->source[i]);
		}
		free(library->source);
		free(library->turn_tok);
		free(library);
	}
}

/* ---- sources ---- */

/* The blocks that source `number` is made of. */
static int64_t *blocks_of(
	const struct standing *standing, size_t n_standing, int64_t number, size_t *count)
{
	int64_t *block = mem_alloc((n_standing + 1) * sizeof(*block));

	*count = 0;
	for (size_t i = 0; i < n_standing; i++) {
		if (standing[i].block->stored.number == number) {
			block[(*count)++] = standing[i].block->stored.id;
		}
	}
	return mem_resize(block, *count + 1, sizeof(*block));
}

/* Cut before, from the same blocks: they never change. Moved out of the library that has it. */
static int take_known(struct library *known, struct library_source *source)
{
	for (size_t i = 0; known && i < known->n_source; i++) {
		struct library_source *one = &known->source[i];

		if (one->number == source->number && one->n_block == source->n_block &&
			memcmp(one->block, source->block,
				source->n_block * sizeof(*source->block)) == 0) {
			free(source->block);
			*source = *one;
			*one = (struct library_source){0};
			return 1;
		}
	}
	return 0;
}

static void set_document(struct library_source *source, const struct standing *standing,
	size_t n_standing, const struct block *block)
{
	if (source->n_block > 1) {
		source->own = mem_alloc(sizeof(*source->own));
		*source->own = newest_document(standing, n_standing, source->number);
	}
	source->document = source->own ? source->own : &block->stored.document;
	source->cite = mem_zero(1, sizeof(*source->cite));
	source->cite->document = source->document;
}

/* What is cut lands in *library, also after a failure: whole sources. */
static int add_sources(struct session *session, const struct cut_rule *rule, struct library *known,
	struct library *library, struct err *err)
{
	struct view view = view_of(session);
	size_t n_standing;
	struct standing *standing = view_standing(&view, &n_standing);
	int status = 0;

	library->source = mem_zero(n_standing + 1, sizeof(*library->source));
	for (size_t i = 0; i < n_standing && status == 0; i++) {
		const struct block *block = standing[i].block;
		struct library_source *source = &library->source[library->n_source];

		if (block->stored.is_update) {
			continue;
		}
		source->number = block->stored.number;
		source->block = blocks_of(standing, n_standing, source->number, &source->n_block);
		library->n_source++;
		if (!take_known(known, source)) {
			set_document(source, standing, n_standing, block);
			status = cut_make(&source->cut, source->document, rule, err);
			if (status < 0) {
				source_finish(source);
				library->n_source--;
			}
		}
	}
	free(standing);
	return status;
}

static void sum_sources(struct library *library)
{
	library->n_window = library->n_chunk = 0;
	library->tokens = library->bytes = 0;
	for (size_t i = 0; i < library->n_source; i++) {
		struct library_source *source = &library->source[i];

		source->window = library->n_window;
		source->chunk = library->n_chunk;
		library->n_window += source->cut.n_window;
		library->n_chunk += source->cut.n_chunk;
		for (size_t k = 0; k < source->cut.n_window; k++) {
			library->tokens += source->cut.window[k].tokens;
		}
		for (size_t k = 0; k < source->document->n_part; k++) {
			library->bytes += (int64_t)source->document->part[k].len;
		}
	}
}

/* ---- the conversation ---- */

struct turn_counting {
	struct turn **turn;
	const struct engine_info *info;
	int64_t *tokens; /* [0]: of nothing but what begins a prompt */
};

static void make_turn(void *arg, size_t i, struct prompt *out)
{
	const struct turn_counting *counting = arg;

	prompt_add(out, segment_mark(PROMPT_BEGIN));
	if (i) {
		context_add_turn(counting->turn[i - 1], 0, counting->info, out);
	}
}

static void take_turn(void *arg, size_t i, const struct engine_event *event)
{
	struct turn_counting *counting = arg;

	counting->tokens[i] = event->total_tok;
}

/* Here, so that making a prompt asks the engine nothing while it answers others. */
static int count_turns(struct session *session, struct engine *engine,
	const struct session_watch *watch, struct library *library, struct err *err)
{
	size_t n;
	struct turn_counting counting = {
		.turn = session_current(session, &n),
		.info = engine_info(engine),
	};
	struct library_asking asking = {LIBRARY_TOKENS, n + 1, make_turn, take_turn, &counting};
	int status;

	counting.tokens = mem_zero(n + 1, sizeof(*counting.tokens));
	status = n ? library_ask(engine, &asking, watch, err) : 0;
	library->turn_tok = mem_zero(n + 1, sizeof(*library->turn_tok));
	library->n_turn = n;
	for (size_t i = 0; i < n; i++) {
		library->turn_tok[i] = counting.tokens[i + 1] - counting.tokens[0];
	}
	free(counting.tokens);
	free(counting.turn);
	return status;
}

/* ---- the library ---- */

static int is_of(const struct library *library, const char *digest, int64_t window_tok)
{
	return library && library->window_tok == window_tok &&
	       strcmp(library->tokenizer_digest, digest) == 0;
}

/* After a stop: what was cut by then and what is still in *known, for the next time, of no revision. */
static void keep_cuts(struct session *session, struct library *known, struct library *library)
{
	size_t n_known = known ? known->n_source : 0;

	library->source = mem_resize(
		library->source, library->n_source + n_known + 1, sizeof(*library->source));
	for (size_t i = 0; i < n_known; i++) {
		if (known->source[i].n_block) {
			library->source[library->n_source++] = known->source[i];
			known->source[i] = (struct library_source){0};
		}
	}
	library->revision = UINT64_MAX;
	library->n_turn = 0;
	library_destroy(session->library);
	session->library = library;
}

static int make_library(struct session *session, struct engine *engine,
	const struct session_watch *watch, struct library *known, struct library *library,
	struct err *err)
{
	struct library_counter counter;
	struct cut_rule rule = {
		.chunk_tok = CUT_CHUNK_TOK,
		.window_tok = library->window_tok,
		.count = library_counter_count,
		.arg = &counter,
	};
	int status = library_counter_begin(&counter, engine, 0, watch, err);

	if (status == 0) {
		status = add_sources(session, &rule, known, library, err);
	}
	library_counter_end(&counter);
	return status < 0 ? -1 : count_turns(session, engine, watch, library, err);
}

int session_library(struct session *session, struct engine *engine, int64_t window_tok,
	const struct session_watch *watch, const struct library **out, struct err *err)
{
	const struct engine_info *info = engine_info(engine);
	struct library *known, *library;
	int status;

	if (engine_wait_ready(engine, err) < 0) {
		return -1;
	}
	window_tok = window_tok > 0 ? window_tok : cut_window_tok(info->context_train_tok);
	known = is_of(session->library, info->tokenizer_digest, window_tok) ? session->library
									    : NULL;
	if (known && known->revision == session->revision) {
		*out = known;
		return 0;
	}
	library = mem_zero(1, sizeof(*library));
	library->window_tok = window_tok;
	library->revision = session->revision;
	memcpy(library->tokenizer_digest, info->tokenizer_digest,
		sizeof(library->tokenizer_digest));
	status = make_library(session, engine, watch, known, library, err);
	if (status < 0) {
		keep_cuts(session, known, library);
		return -1;
	}
	sum_sources(library);
	library_destroy(session->library);
	session->library = library;
	*out = library;
	return 0;
}

const struct library_source *library_window(
	const struct library *library, size_t number, const struct window **window)
{
	size_t low = 0, high = library->n_source;

	while (high - low > 1) { /* sources without any begin where the next one does */
		size_t mid = low + (high - low) / 2;

		if (library->source[mid].window <= number) {
			low = mid;
		} else {
			high = mid;
		}
	}
	*window = &library->source[low].cut.window[number - library->source[low].window];
	return &library->source[low];
}

const struct library_source *library_chunk(
	const struct library *library, size_t number, const struct chunk **chunk)
{
	size_t low = 0, high = library->n_source;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (library->source[mid].chunk <= number) {
			low = mid;
		} else {
			high = mid;
		}
	}
	*chunk = &library->source[low].cut.chunk[number - library->source[low].chunk];
	return &library->source[low];
}
