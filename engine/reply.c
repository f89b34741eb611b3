#include "engine/reply.h"

#include "engine/quote.h"
#include "engine/token/tokenizer.h"

/* A token's text, marks and all; returns whether it is one that text never becomes. */
static int spell(struct reply *reply, uint32_t id)
{
	buf_clear(&reply->piece);
	if (!reply->tokenizer) {
		return 0;
	}
	tokenizer_decode(reply->tokenizer, id, 1, &reply->piece);
	return tokenizer_is_forbidden(reply->tokenizer, id);
}

static int think(struct reply *reply, uint32_t id)
{
	int is_special = spell(reply, id);

	return thinking_add(&reply->thinking, buf_str(&reply->piece), reply->piece.len, is_special);
}

void reply_init(struct reply *reply, const struct tokenizer *tokenizer,
	const struct template_thinking *rules, int mark, const uint32_t *turn, size_t n_turn,
	const char *const *stop)
{
	*reply = (struct reply){.tokenizer = tokenizer};
	thinking_init(&reply->thinking, mark < 0 ? NULL : rules, (enum template_mark)mark);
	for (size_t i = 0; i < n_turn && reply->thinking.rules; i++) {
		think(reply, turn[i]);
	}
	/* That was said before. */
	reply->thinking.n_tok = 0;
	buf_clear(&reply->thinking.thoughts);
	buf_clear(&reply->thinking.answer);
	answer_init(&reply->thoughts, NULL);
	answer_init(&reply->answer, stop);
}

void reply_finish(struct reply *reply)
{
	thinking_finish(&reply->thinking);
	answer_finish(&reply->thoughts);
	answer_finish(&reply->answer);
	quote_destroy(reply->quote);
	buf_finish(&reply->piece);
	*reply = (struct reply){.tokenizer = NULL};
}

/* Pass on what came out of the thinking. Returns 1 where a stop text ended the answer. */
static int take_text(struct reply *reply)
{
	struct buf *thoughts = &reply->thinking.thoughts, *answer = &reply->thinking.answer;
	int stopped = 0;

	if (thoughts->len) {
		answer_add(&reply->thoughts, thoughts->data, thoughts->len);
		buf_clear(thoughts);
	}
	if (answer->len) {
		if (reply->quote) {
			quote_add(reply->quote, answer->data, answer->len);
		}
		stopped = answer_add(&reply->answer, answer->data, answer->len);
		buf_clear(answer);
	}
	return stopped;
}

int reply_ends(struct reply *reply, uint32_t id)
{
	int is_special;

	if (!reply->tokenizer) {
		return 0;
	}
	is_special = spell(reply, id);
	return tokenizer_is_end(reply->tokenizer, id) ||
	       thinking_ends(
		       &reply->thinking, buf_str(&reply->piece), reply->piece.len, is_special);
}

int reply_add(struct reply *reply, uint32_t id, int *is_thinking)
{
	*is_thinking = think(reply, id);
	return take_text(reply);
}

void reply_flush(struct reply *reply)
{
	thinking_flush(&reply->thinking);
	take_text(reply);
	answer_flush(&reply->thoughts);
	answer_flush(&reply->answer);
}
