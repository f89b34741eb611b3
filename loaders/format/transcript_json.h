/*
 * Transcripts and chats in JSON. A file is walked value by value and only one conversation, message
 * or segment at a time is built by jansson: what it builds is many times what it reads, a file may
 * hold LOAD_MAX_BYTES, and a conversation of more than JSON_PIECE_BYTES is refused by name.
 */
#ifndef LOADERS_FORMAT_TRANSCRIPT_JSON_H
#define LOADERS_FORMAT_TRANSCRIPT_JSON_H

#include "loaders/format/transcript.h"

#include <jansson.h>

enum {
	JSON_PIECE_BYTES = 32 << 20,
	JSON_PIECE_VALUES = 1 << 20, /* an empty object of two bytes takes some 200 */
	JSON_MAX_DEPTH = 64,
};

/* ---- walking ---- */

struct text_span json_skip_space(struct text_span text);
/*
 * The length of the value at the beginning of `text`, at least 1; 0 where it does not end, is nested
 * too deeply, or there is none. What is between its brackets is for jansson to check.
 */
size_t json_value_len(struct text_span text, size_t *n_value);
/* Step into an array or object, then from value to value. Returns 0 behind the last one. */
struct text_span json_enter(struct text_span value);
int json_next_element(struct text_span *rest, struct text_span *value);
int json_next_member(struct text_span *rest, struct text_span *key, struct text_span *value);

/* ---- kinds ---- */

enum json_kind {
	JSON_OTHER,
	JSON_WHISPER,  /* an object with segments: openai-whisper, whisperX, whisper.cpp */
	JSON_SEGMENT,  /* one of these alone: faster-whisper's */
	JSON_CHATGPT,  /* a conversation of an export: a tree of messages */
	JSON_CLAUDE,   /* a conversation of an export: a list of messages */
	JSON_MESSAGES, /* {"messages": [{"role", "content"}]} */
	JSON_SHARED,   /* {"conversations": [{"from", "value"}]} */
	JSON_MESSAGE,  /* {"role", "content"} */
	JSON_SLACK,    /* {"type": "message", "ts", "text"} */
};
/* What an object is by its names; *list is the array of segments of JSON_WHISPER. */
enum json_kind json_kind_of(struct text_span object, struct text_span *list);

/* ---- chats ---- */

struct chat {
	struct transcript *transcript;
	int has_many;      /* conversations stand side by side: each gets a heading */
	size_t first_cue;  /* of the conversation that is open */
	int64_t n_message; /* in it */
	int is_open;
	/* What is left out: messages and parts of them that hold no text; of abandoned branches. */
	int64_t n_part, n_branch;
};
/* Add a conversation or message of a kind from JSON_CHATGPT on. */
void chat_add(struct chat *chat, enum json_kind kind, const json_t *value);
/* Ends the last conversation, says in transcript->left_out what was not read. */
void chat_finish(struct chat *chat);

/* A string's bytes; empty where `value` is none or NULL. */
struct text_span json_text(const json_t *value);

#endif
