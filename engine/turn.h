/*
 * A model's turn that a file says was said: ids that nobody here sampled. They make no prompt of their
 * own: of tokens that text never becomes, and of the template's markers, only those may stand in it that
 * part thoughts from answer.
 */
#ifndef ENGINE_TURN_H
#define ENGINE_TURN_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct chat_template;
struct tokenizer;

/*
 * chat_template may be NULL. Appends the text of a turn's ids, marks and all. Returns 1 where the ids may stand as they are; else
 * the turn stands there as that text.
 */
int turn_read(const struct tokenizer *tokenizer, const struct chat_template *chat_template,
	const uint32_t *id, size_t count, struct buf *text);

#endif
