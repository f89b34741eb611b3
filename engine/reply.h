/*
 * What a model says in its turn, token by token: its thoughts and its answer, each as text that comes
 * out in whole characters, and the sources that the answer (never the thoughts) may quote.
 */
#ifndef ENGINE_REPLY_H
#define ENGINE_REPLY_H

#include "engine/answer.h"
#include "engine/thinking.h"

#include <stddef.h>
#include <stdint.h>

struct quote;
struct tokenizer;

struct reply {
	const struct tokenizer *tokenizer; /* NULL: nothing has a text */
	struct thinking thinking;
	struct answer thoughts, answer; /* the caller takes what is `ready` and clears it */
	struct quote *quote;            /* owned; NULL: citations are free */
	struct buf piece;
};

/*
 * How the model thinks (NULL: it does not), the mark that opened its turn (enum template_mark; -1: none
 * did), the ids of its turn that the prompt holds already, and what the answer may not say.
 */
void reply_init(struct reply *reply, const struct tokenizer *tokenizer,
	const struct template_thinking *rules, int mark, const uint32_t *turn, size_t n_turn,
	const char *const *stop);
void reply_finish(struct reply *reply);

/* Whether this token, which is not to be added then, ends the turn. */
int reply_ends(struct reply *reply, uint32_t id);
/* Returns 1 where a stop text ended the answer. *is_thinking: the token is none of the answer's. */
int reply_add(struct reply *reply, uint32_t id, int *is_thinking);
/* Nothing will follow: all is ready. */
void reply_flush(struct reply *reply);

/* What decides over the next token; NULL: nothing does, as in thoughts. */
static inline struct quote *reply_quote(const struct reply *reply)
{
	return thinking_goes_on(&reply->thinking) ? NULL : reply->quote;
}

#endif
