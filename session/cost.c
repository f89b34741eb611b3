/* What a prompt takes: how many tokens, what they would cost. */
#include "session/session_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { POLL_MS = 100 }; /* how long a stop may go unnoticed while nothing happens */

int session_is_stopped(const struct session_watch *watch)
{
	return watch && watch->stopped && watch->stopped(watch->arg);
}

int session_next(
	struct engine *engine, const struct session_watch *watch, struct engine_event *event)
{
	if (!engine_next(engine, POLL_MS, event)) {
		return 0;
	}
	if (watch && watch->heard) {
		watch->heard(watch->arg, engine, event);
	}
	return 1;
}

int session_interrupted(struct err *err)
{
	return err_set(err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
}

/* ---- counting ---- */

/* Wait for the answer to a question about tokens. A stop is ERR_INTERRUPTED. */
int session_await(struct engine *engine, int64_t request, const struct session_watch *watch,
	struct engine_event *event, struct err *err)
{
	for (;;) {
		if (session_is_stopped(watch)) {
			engine_cancel(engine, request);
			return session_interrupted(err);
		}
		if (!session_next(engine, watch, event) || event->request != request) {
			continue;
		}
		if (event->type == ENGINE_FAILED) {
			if (err) {
				*err = event->err;
			}
			return -1;
		}
		if (event->type == ENGINE_TOKENS || event->type == ENGINE_CACHED) {
			return 0;
		}
	}
}

int session_count_prompt(struct engine *engine, const struct prompt *prompt,
	const struct session_watch *watch, int64_t *total_tok, struct err *err)
{
	int64_t request = engine_tokenize(engine, prompt, 1, err);
	struct engine_event event;

	if (request < 0 || session_await(engine, request, watch, &event, err) < 0) {
		return -1;
	}
	*total_tok = event.total_tok;
	return 0;
}

/*
 * A source is counted behind the instructions, as it stands in a prompt: alone it would be the
 * first text, which some tokenizers prefix. Without a block, the instructions are counted.
 */
static int count_block(const struct session *session, struct engine *engine,
	const struct prompt *block, const struct session_watch *watch, int64_t *tokens,
	struct err *err)
{
	struct prompt prompt = {0};
	int status;

	prompt_add(&prompt, segment_mark(PROMPT_BEGIN));
	prompt_add(&prompt, segment_ref(session->instructions.item[0]));
	if (block) {
		prompt_copy(&prompt, block);
	}
	status = session_count_prompt(engine, &prompt, watch, tokens, err);
	prompt_finish(&prompt);
	return status;
}

/* What stands before each block, also of those that stand on other branches. */
static enum pack_before *find_before(const struct session *session)
{
	enum pack_before *before = mem_alloc((session->n_block + 1) * sizeof(*before));
	struct view view = view_of(session);
	size_t count;
	struct standing *standing = view_standing(&view, &count);

	for (size_t i = 0; i < session->n_block; i++) {
		before[i] = PACK_BEFORE_SOURCE;
	}
	for (size_t i = 0, k = 0; i < count; i++) { /* mostly in the same order */
		while (session->block[k] != standing[i].block) {
			k = (k + 1) % session->n_block;
		}
		before[k] = standing[i].before;
	}
	free(standing);
	return before;
}

/* Counts of another tokenizer are none. Returns whether there may be such in the store. */
static int forget_counts(struct session *session, const char *tokenizer_digest)
{
	const char *of = session_setting(session, STORE_TOKENIZER);

	if (!of || strcmp(of, tokenizer_digest) == 0) {
		return 0;
	}
	for (size_t i = 0; i < session->n_block; i++) {
		session->block[i]->stored.tokens = -1;
	}
	return 1;
}

/*
 * Counts are kept so that they need not be made again; nothing is lost where they cannot be, and
 * what the reader does next will say why.
 */
static void keep_counts(
	struct session *session, const struct store_block *row, size_t n_row, const char *digest)
{
	struct store_setting setting = {(char *)STORE_TOKENIZER, (char *)digest};
	struct store_change change = {
		.block = row, .n_block = n_row, .setting = &setting, .n_setting = 1};

	session_keep_setting(session, STORE_TOKENIZER, digest);
	store_commit(session->store, &change, NULL);
}

/* All that are not counted yet; of them, those that are now are marked. */
static int count_uncounted(struct session *session, struct engine *engine,
	const struct session_watch *watch, char *is_new, struct err *err)
{
	enum pack_before *before = find_before(session);
	int64_t front_tok = -1, tokens;
	int status = 0;

	for (size_t i = 0; i < session->n_block && status == 0; i++) {
		struct block *block = session->block[i];

		if (block->stored.tokens >= 0 || block->stored.is_dropped) {
			continue;
		}
		if (front_tok < 0) {
			status = count_block(session, engine, NULL, watch, &front_tok, err);
		}
		if (status == 0) {
			status = count_block(session, engine, block_packed(block, before[i]), watch,
				&tokens, err);
		}
		if (status == 0) {
			block->stored.tokens = tokens - front_tok;
			is_new[i] = 1;
		}
	}
	free(before);
	return status;
}

static int count_blocks(struct session *session, struct engine *engine,
	const struct session_watch *watch, struct err *err)
{
	const char *digest = engine_info(engine)->tokenizer_digest;
	struct store_block *row = mem_alloc((session->n_block + 1) * sizeof(*row));
	char *is_new = mem_zero(session->n_block + 1, 1);
	int are_all_new = forget_counts(session, digest), any = 0;
	int status = count_uncounted(session, engine, watch, is_new, err);
	size_t n_row = 0;

	for (size_t i = 0; i < session->n_block; i++) {
		any |= is_new[i];
		if (!session->block[i]->stored.is_dropped && (is_new[i] || are_all_new)) {
			row[n_row++] = session->block[i]->stored;
		}
	}
	if (any) {
		keep_counts(session, row, n_row, digest);
	}
	free(is_new);
	free(row);
	return status;
}

int session_count(struct session *session, struct engine *engine, const struct session_watch *watch,
	int64_t *total_tok, struct err *err)
{
	struct view view = view_of(session);
	struct prompt prompt = {0};
	int status;

	if (engine_wait_ready(engine, err) < 0 || count_blocks(session, engine, watch, err) < 0) {
		return -1;
	}
	if (!total_tok) {
		return 0;
	}
	view_prompt(&view, engine_info(engine), &prompt);
	status = session_count_prompt(engine, &prompt, watch, total_tok, err);
	prompt_finish(&prompt);
	return status;
}

/* ---- cost ---- */

static int view_cost(const struct view *view, struct engine *engine,
	const struct session_watch *watch, struct session_cost *cost, struct err *err)
{
	struct prompt prompt = {0};
	struct engine_event event;
	int64_t request;

	if (engine_wait_ready(engine, err) < 0) {
		return -1;
	}
	view_prompt(view, engine_info(engine), &prompt);
	request = engine_cached(engine, &prompt, err);
	prompt_finish(&prompt);
	if (request < 0 || session_await(engine, request, watch, &event, err) < 0) {
		return -1;
	}
	*cost = (struct session_cost){
		.total_tok = event.total_tok,
		.cached_tok = event.cached_tok,
		.disk_tok = event.disk_tok,
		.seconds = event.predicted_s,
	};
	return 0;
}

int session_cost(struct session *session, struct engine *engine, const struct session_watch *watch,
	struct session_cost *cost, struct err *err)
{
	struct view view = view_of(session);

	return view_cost(&view, engine, watch, cost, err);
}

int session_change_cost(const struct session_change *change, struct engine *engine,
	const struct session_watch *watch, struct session_cost *cost, struct err *err)
{
	struct view view = change_view(change);

	return view_cost(&view, engine, watch, cost, err);
}
