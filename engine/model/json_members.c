#include "engine/model/json_members.h"

/* Deeper than any file that is read this way, and no strain on a parser that recurses. */
#define MAX_DEPTH 32

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && is_space(*at)) {
		at++;
	}
	return at;
}

/* Behind the string that begins at `at`; NULL if it does not end. */
static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end; at++) {
		if (*at == '"') {
			return at + 1;
		}
		if (*at == '\\' && ++at == end) {
			break;
		}
	}
	return NULL;
}

/* Behind the array or object that begins at `at`; NULL if it does not end. */
static const char *skip_nested(const char *at, const char *end)
{
	int depth = 0;

	while (at < end) {
		if (*at == '"') {
			at = skip_string(at, end);
			if (!at) {
				return NULL;
			}
			continue;
		}
		if (*at == '{' || *at == '[') {
			if (++depth > MAX_DEPTH) {
				return NULL;
			}
		} else if ((*at == '}' || *at == ']') && --depth == 0) {
			return at + 1;
		}
		at++;
	}
	return NULL;
}

static const char *skip_value(const char *at, const char *end)
{
	if (at < end && *at == '"') {
		return skip_string(at, end);
	}
	if (at < end && (*at == '{' || *at == '[')) {
		return skip_nested(at, end);
	}
	while (at < end && *at != ',' && *at != '}' && !is_space(*at)) {
		at++;
	}
	return at;
}

int json_members_begin(struct json_members *members, const char *text, size_t len)
{
	const char *at = skip_space(text, text + len);

	*members = (struct json_members){at, text + len, 0};
	if (at == members->end || *at != '{') {
		return -1;
	}
	members->at++;
	return 0;
}

int json_members_next(struct json_members *members, struct json_span *key, struct json_span *value)
{
	const char *at = skip_space(members->at, members->end), *end = members->end;

	if (at < end && *at == '}') {
		members->at = at + 1;
		return 0;
	}
	if (members->n_seen) {
		if (at == end || *at != ',') {
			return -1;
		}
		at = skip_space(at + 1, end);
	}
	if (at == end || *at != '"') {
		return -1;
	}
	key->text = at;
	at = skip_string(at, end);
	if (!at) {
		return -1;
	}
	key->len = (size_t)(at - key->text);
	at = skip_space(at, end);
	if (at == end || *at != ':') {
		return -1;
	}
	value->text = skip_space(at + 1, end);
	at = skip_value(value->text, end);
	if (!at || at == value->text) {
		return -1;
	}
	value->len = (size_t)(at - value->text);
	members->at = at;
	members->n_seen = 1;
	return 1;
}

int json_members_at_end(const struct json_members *members)
{
	return skip_space(members->at, members->end) == members->end;
}
