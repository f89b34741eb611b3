/*
 * What a reader calls the pieces of a session that do not hold together, and which of them a repair
 * could not save; private to session/.
 */
#ifndef SESSION_STORE_LOST_H
#define SESSION_STORE_LOST_H

#include "session/store.h"

/* "mem.h", "page 12", "what is said at 0:01:05", "a piece of its text"; malloc'ed. */
char *lost_part_name(const struct store_block *block, const struct part *part);
/* What a source is made of: "some of its files"; where nobody knows which. */
const char *lost_parts_name(const struct store_block *block);
/* "S1 code: WHAT"; malloc'ed. */
char *lost_sentence(const struct store_block *block, const char *what);
/* Note in the settings that the block's source lacks it. */
void lost_add(struct store_contents *contents, const struct store_block *block, const char *what);
/* "turn 3, "How ..."": its number and the beginning of its question; malloc'ed. */
char *lost_turn_name(const struct store_turn *turn);
/* Where a lost row may have said where a source stands, it stands in front. */
void lost_place_rest(struct store_contents *contents);

#endif
