/*
 * Tells an answer from the thoughts before it, as tokens come in: what the template says about how its
 * models think (engine/token/template.h) is followed through the text of one turn. Text goes in by
 * tokens; what is no mark comes out as thoughts or as answer, at once except for what may yet turn out
 * to be a mark. In the answer itself nothing is held back, and nothing is a mark any more.
 */
#ifndef ENGINE_THINKING_H
#define ENGINE_THINKING_H

#include "base/buf.h"
#include "engine/token/template.h"

#include <stddef.h>
#include <stdint.h>

enum thinking_state {
	THINKING_UNKNOWN, /* the turn has just begun */
	THINKING_INSIDE,
	THINKING_HEADER, /* in the name of a channel */
	THINKING_BEHIND, /* what comes next that is not white space is the answer, or a channel */
	THINKING_ANSWER,
};

struct thinking {
	const struct template_thinking *rules; /* NULL: everything is answer */
	enum thinking_state state;
	int at_start;       /* white space at the beginning of thoughts or answer is dropped */
	struct buf held;    /* may be a mark */
	struct buf special; /* [held.len] 1 where the byte is a control token's */
	/* What came out; the caller clears them. */
	struct buf thoughts, answer;
	int64_t n_tok, n_unknown_tok; /* tokens of the thoughts, and those that may be */
};

/* `mark` is the one that opened the turn; rules may be NULL. */
void thinking_init(
	struct thinking *thinking, const struct template_thinking *rules, enum template_mark mark);
void thinking_finish(struct thinking *thinking);

/* Whether this token, which is not to be added then, ends the answer. */
int thinking_ends(const struct thinking *thinking, const char *text, size_t len, int is_special);
/* A token's text, special or not. Returns whether the token belongs to the thoughts. */
int thinking_add(struct thinking *thinking, const char *text, size_t len, int is_special);
/* Nothing will follow. */
void thinking_flush(struct thinking *thinking);

/* Whether the model thinks now, so that what it says is not the answer. */
static inline int thinking_goes_on(const struct thinking *thinking)
{
	return thinking->state != THINKING_ANSWER && thinking->state != THINKING_UNKNOWN;
}

#endif
