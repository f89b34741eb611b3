/*
 * The members of a JSON object one after the other, in the text, without building the object: the
 * headers of model files have as many members as there are tensors, and a document built of them
 * would take many times the file's bytes. Only what stands between members is checked here; keys
 * and values are spans of text for a parser.
 */
#ifndef ENGINE_MODEL_JSON_MEMBERS_H
#define ENGINE_MODEL_JSON_MEMBERS_H

#include <stddef.h>

struct json_span {
	const char *text;
	size_t len;
};

struct json_members {
	const char *at, *end;
	int n_seen; /* 0: none yet, 1: some */
};

/* Begins with the object's `{`; spaces may stand in front. -1 if there is none. */
int json_members_begin(struct json_members *members, const char *text, size_t len);
/*
 * 1 and the next key (with its quotes) and value; 0 behind the object's `}`, where members->at
 * stands then; -1 where the text is not JSON or nests deeper than anything we read.
 */
int json_members_next(struct json_members *members, struct json_span *key, struct json_span *value);
/* Whether nothing but white space follows the object. */
int json_members_at_end(const struct json_members *members);

#endif
