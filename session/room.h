/*
 * A load that keeps no more than fits: what is read is counted as it comes, and once it is more
 * than the window holds, its text is counted on and kept no longer. So a refusal has exact numbers,
 * and its memory does not grow with what was named.
 */
#ifndef SESSION_ROOM_H
#define SESSION_ROOM_H

#include "loaders/load.h"
#include "session/session.h"
#include "session/tally.h"

#include <stdint.h>

/* Zero-initialise, set the first four, and load into room_sink(); ask room_end(). */
struct room {
	struct load_result *kept;
	const struct session_window *window; /* NULL: there is none */
	const struct load_options *options;
	const struct prompt *front; /* what stands there, where the window does not say */

	int64_t bound_tok; /* what was read cannot be more; counted from when that does not fit */
	int64_t used_tok, total_tok;
	struct tokens *tokens;
	struct tally tally;
	struct tally_counter *counter; /* NULL: nothing needs to be counted yet, or can be */
	int is_open, is_over, is_uncounted;
};
struct load_sink room_sink(struct room *room);
/*
 * After the load, with its status: room->is_over says whether it was too much, and total_tok how
 * much it would be with what is there. Frees what the count took.
 */
int room_end(struct room *room, int status, struct err *err);

/* The tokens of a prompt's texts; `is_first`: nothing stands before them. */
int64_t room_count(struct tokens *tokens, const struct prompt *prompt, int is_first);

/* An error where there is no memory for what was loaded. */
int room_check_memory(const struct load_result *loaded, struct err *err);

#endif
