/*
 * Counting very many texts: in this process where the engine's tokenizer can be had here, which is as
 * fast as its cores are, else by the engine, some requests at a time. Both count the same.
 */
#ifndef SESSION_LIBRARY_COUNT_H
#define SESSION_LIBRARY_COUNT_H

#include "session/session.h"

#include <stddef.h>
#include <stdint.h>

/* What engines are asked about prompts without computing anything. */
enum library_question { LIBRARY_TOKENS, LIBRARY_CACHED };

/*
 * Asks about each of the prompts that `make` makes, and hands each answer to `take`, in any order. No
 * other request may be under way. A stop is ERR_INTERRUPTED.
 */
struct library_asking {
	enum library_question question;
	size_t count;
	void (*make)(void *arg, size_t i, struct prompt *out);
	void (*take)(void *arg, size_t i, const struct engine_event *event);
	void *arg;
};
int library_ask(struct engine *engine, const struct library_asking *asking,
	const struct session_watch *watch, struct err *err);

struct library_counter {
	struct engine *engine;
	const struct session_watch *watch;
	struct tokens *tokens; /* NULL: the engine counts */
	int64_t before_tok;    /* of what stands before a text that the engine counts */
};
/* `by_engine`: not in this process. */
int library_counter_begin(struct library_counter *counter, struct engine *engine, int by_engine,
	const struct session_watch *watch, struct err *err);
void library_counter_end(struct library_counter *counter);
/* A cut_rule's. */
int library_counter_count(void *arg, struct tokens_text *text, size_t n_text, struct err *err);

#endif
