/* What commands tell of a session under --json. */
#ifndef CLI_SESSION_JSON_H
#define CLI_SESSION_JSON_H

#include "session/session.h"

#include <jansson.h>

json_t *session_json_sources(const struct session *session);
json_t *session_json_skipped(const struct session *session);
json_t *session_json_citations(const struct session_answer *answer);
json_t *session_json_usage(const struct engine_usage *usage);
json_t *session_json_cost(const struct session_cost *cost);

#endif
