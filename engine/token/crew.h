/*
 * Several threads that encode texts: many at once, and the parts of long ones at once.
 *
 * The ids are those of tokenizer_encode_text() of each text, whatever the splitter, the vocabulary
 * and the places where a text is divided. What follows a place where a piece ends depends on nothing
 * in front of it (encoder_encode_between()); so parts are encoded as if a piece began at each, and
 * then joined from the left: the true end of what is done is looked up among the places where the
 * next part's first pieces end; from the first place that both have, all of that part is true. Until
 * there is one, single pieces are encoded anew; where there is none, the whole part is.
 */
#ifndef ENGINE_TOKEN_CREW_H
#define ENGINE_TOKEN_CREW_H

#include "engine/token/tokenizer.h"

struct tokenizer_crew;

/* Texts of fewer bytes altogether are not worth more threads than the caller's. */
#define CREW_WORTH_BYTES ((size_t)256 << 10)

/* n_thread 0: one per processor that this process may use. Threads live while they encode. */
struct tokenizer_crew *tokenizer_crew_create(const struct tokenizer *tokenizer, int32_t n_thread);
void tokenizer_crew_destroy(struct tokenizer_crew *crew); /* NULL-safe */

struct crew_text {
	const char *text;
	size_t len;
	int first;      /* as tokenizer_encode_text() has it */
	struct ids ids; /* appended to; the caller's */
};

/*
 * One call at a time. `part_bytes` 0: as long as is good, and divided where words begin; else parts
 * of about so many bytes divided anywhere, which tests use.
 */
void tokenizer_crew_encode(
	struct tokenizer_crew *crew, struct crew_text *text, size_t n_text, size_t part_bytes);
/* Into how many parts the last call divided its texts, for tests. */
size_t tokenizer_crew_parts(const struct tokenizer_crew *crew);

#endif
