/* A change of a session's sources on the command line: told, agreed to, made. */
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include "engine/engine.h"
#include "session/session.h"

#include <jansson.h>

struct change_telling {
	struct engine *engine; /* READY; NULL: what it costs is not known */
	/* Asked before it is made; 0: leave it. NULL: nobody is. */
	int (*agrees)(void *arg);
	void *arg;
	json_t *list;             /* gets the text of each item; or NULL */
	struct session_cost cost; /* of the session as the last change left it */
	int has_cost;
};

/*
 * Say what a change does and costs, and make it; ends it either way. Returns 1 where there is nothing to
 * do or it was not agreed to, which is said.
 */
int change_take(struct change_telling *telling, struct session_change *change, struct err *err);
/* Drop the sources of these numbers, all or none, and say so. Returns as change_take() does. */
int change_drop(struct change_telling *telling, struct session *session, const int64_t *number,
	size_t n_number, struct err *err);
/*
 * "41,210 tokens in front of the next question: 38,009 cached (38,000 on disk), 3,201 new, about 12 s"; of
 * more than the window (context_tok) only how many.
 */
void change_tell_cost(const struct session_cost *cost, int64_t context_tok);
/* Whether the next question would not see all of it. */
int change_is_over(const struct session_cost *cost, int64_t context_tok);

#endif
