/* JSON by its brackets alone, and what an object is by its names. */
#include "loaders/format/transcript_json.h"

#include <string.h>

static struct text_span from(struct text_span text, size_t at)
{
	return (struct text_span){text.at + at, text.len - at};
}

struct text_span json_skip_space(struct text_span text)
{
	size_t at = 0;

	while (at < text.len && strchr(" \t\r\n", text.at[at]) && text.at[at]) {
		at++;
	}
	return from(text, at);
}

/* Behind the string whose opening mark stands at text[at]; 0 where it does not end. */
static size_t string_end(struct text_span text, size_t at)
{
	for (at++; at < text.len; at++) {
		if (text.at[at] == '"') {
			return at + 1;
		}
		at += text.at[at] == '\\';
	}
	return 0;
}

static size_t scalar_end(struct text_span text)
{
	size_t at = 0;

	while (at < text.len && !strchr(" \t\r\n,]}[{\":", text.at[at])) {
		at++;
	}
	return at;
}

size_t json_value_len(struct text_span text, size_t *n_value)
{
	size_t at = 0, depth = 0;

	*n_value = 1;
	if (text.len == 0) {
		return 0;
	}
	if (text.at[0] == '"') {
		return string_end(text, 0);
	}
	if (text.at[0] != '{' && text.at[0] != '[') {
		return scalar_end(text);
	}
	while (at < text.len) {
		switch (text.at[at]) {
		case '"':
			at = string_end(text, at);
			if (!at) {
				return 0;
			}
			continue;
		case '{':
		case '[':
			++*n_value;
			if (++depth > JSON_MAX_DEPTH) {
				return 0;
			}
			break;
		case '}':
		case ']':
			if (--depth == 0) {
				return at + 1;
			}
			break;
		case ',':
		case ':':
			++*n_value;
			break;
		default:
			break;
		}
		at++;
	}
	return 0;
}

struct text_span json_enter(struct text_span value)
{
	return value.len ? from(value, 1) : value;
}

int json_next_element(struct text_span *rest, struct text_span *value)
{
	size_t n, n_value;

	*rest = json_skip_space(*rest);
	if (rest->len && rest->at[0] == ',') {
		*rest = json_skip_space(from(*rest, 1));
	}
	n = json_value_len(*rest, &n_value);
	*value = (struct text_span){rest->at, n};
	*rest = from(*rest, n);
	return n > 0;
}

int json_next_member(struct text_span *rest, struct text_span *key, struct text_span *value)
{
	if (!json_next_element(rest, key) || key->at[0] != '"') {
		return 0;
	}
	*key = (struct text_span){key->at + 1, key->len - 2};
	*rest = json_skip_space(*rest);
	if (rest->len == 0 || rest->at[0] != ':') {
		return 0;
	}
	*rest = from(*rest, 1);
	return json_next_element(rest, value);
}

/* ---- kinds ---- */

enum { N_NAME = 16 };
static const char *const known_name[N_NAME] = {"segments", "transcription", "mapping",
	"chat_messages", "messages", "conversations", "role", "content", "type", "ts", "text",
	"start", "end", "offsets", "from", "value"};
enum name {
	SEGMENTS,
	TRANSCRIPTION,
	MAPPING,
	CHAT_MESSAGES,
	MESSAGES,
	CONVERSATIONS,
	ROLE,
	CONTENT,
	TYPE,
	TS,
	TEXT,
	START,
	END,
	OFFSETS,
	FROM,
	VALUE,
};

/* The first character of each known member's value, and where it is: 0 where there is none. */
struct names {
	char begins[N_NAME];
	struct text_span value[N_NAME];
};

static void find_names(struct text_span object, struct names *names)
{
	struct text_span rest, key, value;

	*names = (struct names){{0}, {{NULL, 0}}};
	if (object.len == 0 || object.at[0] != '{') {
		return;
	}
	rest = json_enter(object);
	while (json_next_member(&rest, &key, &value)) {
		for (int i = 0; i < N_NAME; i++) {
			if (key.len == strlen(known_name[i]) &&
				memcmp(key.at, known_name[i], key.len) == 0) {
				names->begins[i] = value.at[0];
				names->value[i] = value;
			}
		}
	}
}

static void find_names_of_first(struct text_span list, struct names *names)
{
	struct text_span rest = json_enter(list), element;

	*names = (struct names){{0}, {{NULL, 0}}};
	if (json_next_element(&rest, &element)) {
		find_names(element, names);
	}
}

static int is_segment(const struct names *names)
{
	return names->begins[TEXT] == '"' &&
	       (names->begins[OFFSETS] == '{' || (names->begins[START] && names->begins[END]));
}

/* A tree's node: {"id", "message", "parent", "children"}. */
static int is_tree(struct text_span mapping)
{
	struct text_span rest = json_enter(mapping), key, node;

	if (!json_next_member(&rest, &key, &node) || node.at[0] != '{') {
		return 0;
	}
	rest = json_enter(node);
	while (json_next_member(&rest, &key, &node)) {
		if (key.len == 8 && memcmp(key.at, "children", 8) == 0 && node.at[0] == '[') {
			return 1;
		}
	}
	return 0;
}

static int is_message_type(struct text_span type)
{
	return type.len == 9 && memcmp(type.at, "\"message\"", 9) == 0;
}

enum json_kind json_kind_of(struct text_span object, struct text_span *list)
{
	static const enum name list_name[] = {SEGMENTS, TRANSCRIPTION};
	struct names names, inner;

	find_names(object, &names);
	for (int i = 0; i < 2; i++) {
		*list = names.value[list_name[i]];
		if (names.begins[list_name[i]] == '[') {
			find_names_of_first(*list, &inner);
			if (is_segment(&inner)) {
				return JSON_WHISPER;
			}
		}
	}
	if (names.begins[MAPPING] == '{' && is_tree(names.value[MAPPING])) {
		return JSON_CHATGPT;
	}
	if (names.begins[CHAT_MESSAGES] == '[') {
		return JSON_CLAUDE;
	}
	if (names.begins[MESSAGES] == '[') {
		find_names_of_first(names.value[MESSAGES], &inner);
		if (inner.begins[ROLE] == '"' && inner.begins[CONTENT]) {
			return JSON_MESSAGES;
		}
	}
	if (names.begins[CONVERSATIONS] == '[') {
		find_names_of_first(names.value[CONVERSATIONS], &inner);
		if (inner.begins[FROM] == '"' && inner.begins[VALUE]) {
			return JSON_SHARED;
		}
	}
	if (names.begins[ROLE] == '"' && names.begins[CONTENT]) {
		return JSON_MESSAGE;
	}
	if (names.begins[TS] == '"' && names.begins[TEXT] == '"' &&
		is_message_type(names.value[TYPE])) {
		return JSON_SLACK;
	}
	return is_segment(&names) ? JSON_SEGMENT : JSON_OTHER;
}
