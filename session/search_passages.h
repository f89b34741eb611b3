/* What is searched, cut into passages; private to session/search*.c. */
#ifndef SESSION_SEARCH_PASSAGES_H
#define SESSION_SEARCH_PASSAGES_H

#include "base/buf.h"
#include "base/sha256.h"
#include "session/store.h"

#include <stddef.h>
#include <stdint.h>

enum {
	PASSAGE_BYTES = 4096,
	PASSAGE_MORE_BYTES = 256, /* of what follows: a phrase may run over the end */
};

struct passage {
	size_t turn; /* index + 1; 0: of a source */
	int is_answer;
	size_t block;        /* index */
	size_t part, n_part; /* several cues, else one */
	size_t at, len;      /* of the text: of the part, or of the cues with line feeds between */
};
struct passages {
	const struct store_contents *contents;
	struct passage *item;
	size_t count, cap;
};
void passages_of_turns(struct passages *passages, const struct store_contents *contents);
void passages_of_sources(struct passages *passages, const struct store_contents *contents);
void passages_finish(struct passages *passages);

/*
 * The text of one and some of what follows it, `*len` bytes: borrowed from the contents, or made in
 * `made`.
 */
const char *passage_text(
	const struct passages *passages, size_t index, struct buf *made, size_t *len);
/* Which part the byte at `at` of that text belongs to, and where it stands there. */
size_t passage_part(const struct passages *passages, size_t index, size_t at, size_t *part_at);

/* Of every byte that passages_of_sources() cuts, and how it does. */
struct sha256_digest passages_digest(const struct store_contents *contents);

#endif
