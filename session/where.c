/* Where the blocks stand in the prompt of the next question, in tokens. */
#include "session/session_internal.h"

#include "base/mem.h"

#include <stdlib.h>

struct walk {
	struct session *session;
	struct engine *engine;
	const struct session_watch *watch;
	struct prompt prompt; /* up to the next question */
	size_t at;            /* in it */
};

/* Whether a segment begins the block, wherever that was packed for. */
static int begins(const struct block *block, const struct segment *segment)
{
	for (size_t i = 0; i < ARRAY_LEN(block->packed); i++) {
		if (block->packed[i].count && block->packed[i].item[0] == segment) {
			return 1;
		}
	}
	return 0;
}

/* Tokens before item `end` of the prompt. */
static int count_before(const struct walk *walk, size_t end, int64_t *tokens, struct err *err)
{
	struct prompt front = {.item = walk->prompt.item, .count = end};

	return session_count_prompt(walk->engine, &front, walk->watch, tokens, err);
}

/*
 * Texts that follow each other add up: only the first of each message, and what stands behind one
 * that is not counted, is asked for.
 */
static int find(struct walk *walk, const struct standing *standing, size_t count,
	struct session_where *where, struct err *err)
{
	int64_t next_tok = 0;
	size_t next = SIZE_MAX;

	for (size_t i = 0; i < count; i++) {
		const struct block *block = standing[i].block;
		size_t at = walk->at;

		while (at < walk->prompt.count && !begins(block, walk->prompt.item[at])) {
			at++;
		}
		if (at == walk->prompt.count) {
			return err_set(
				err, ERR_FAILURE, NULL, NULL, "%s is not in its prompt", block->id);
		}
		if (at != next && count_before(walk, at, &next_tok, err) < 0) {
			return -1;
		}
		where[i] = (struct session_where){.number = block->stored.number,
			.at_tok = next_tok,
			.tokens = block->stored.tokens};
		walk->at = at + block->packed[standing[i].before].count;
		next = block->stored.tokens < 0 ? SIZE_MAX : walk->at;
		next_tok += block->stored.tokens;
	}
	return 0;
}

int session_find_sources(struct session *session, struct engine *engine,
	const struct session_watch *watch, struct session_where **where, size_t *count,
	struct err *err)
{
	struct walk walk = {.session = session, .engine = engine, .watch = watch};
	struct view view = view_of(session);
	struct standing *standing;
	int status;

	if (engine_wait_ready(engine, err) < 0) {
		return -1;
	}
	standing = view_standing(&view, count);
	view_prompt(&view, engine_info(engine), &walk.prompt);
	for (size_t i = 0; i < *count; i++) {
		block_packed(standing[i].block, standing[i].before);
	}
	*where = mem_zero(*count + 1, sizeof(**where));
	status = find(&walk, standing, *count, *where, err);
	if (status < 0) {
		free(*where);
		*where = NULL;
		*count = 0;
	}
	prompt_finish(&walk.prompt);
	free(standing);
	return status;
}
