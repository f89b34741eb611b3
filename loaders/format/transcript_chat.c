/*
 * Chats in JSON: exports of ChatGPT, Claude and Slack, and lists of messages as models are trained on.
 * Their times are of the clock on the wall: a cue's is that since the beginning of its conversation,
 * and the heading says in UTC when that was.
 */
#include "loaders/format/transcript_json.h"

#include "base/mem.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONTENT_MAX_DEPTH = 4 };

/* ---- times ---- */

static const double EPOCH_MS_MIN = 1e11; /* a larger number counts milliseconds, not seconds */
static const double EPOCH_MAX_S = 2e11;  /* the year 8307 */

static int64_t epoch_ms(double seconds)
{
	if (seconds >= EPOCH_MS_MIN) {
		seconds /= 1000;
	}
	return seconds > 0 && seconds < EPOCH_MAX_S ? (int64_t)llround(1000 * seconds) : -1;
}

/* "2024-05-01T09:12:33.123Z", "+02:00" or nothing for the zone: then it is UTC. */
static int64_t iso_ms(const char *text)
{
	struct tm tm = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	double fraction = 0;
	int64_t seconds;
	int sign, hours, minutes;

	if (!rest) {
		rest = strptime(text, "%Y-%m-%d %H:%M:%S", &tm);
	}
	if (!rest) {
		return -1;
	}
	if (*rest == '.') {
		char *end;

		fraction = strtod(rest, &end);
		rest = end;
	}
	seconds = (int64_t)timegm(&tm);
	sign = *rest == '-' ? -1 : *rest == '+';
	if (sign && sscanf(rest + 1, "%2d:%2d", &hours, &minutes) == 2) {
		seconds -= sign * (3600 * hours + 60 * minutes);
	}
	return seconds > 0 ? epoch_ms((double)seconds + fraction) : -1;
}

/* When, in milliseconds of the epoch, by the first of these names that says so; -1 where none does. */
static int64_t moment_of(const json_t *object)
{
	static const char *const name[] = {"create_time", "created_at", "timestamp", "ts"};

	for (size_t i = 0; i < ARRAY_LEN(name); i++) {
		const json_t *value = json_object_get(object, name[i]);
		int64_t moment = -1;

		if (json_is_number(value)) {
			moment = epoch_ms(json_number_value(value));
		} else if (json_is_string(value) && strchr(json_string_value(value), '-')) {
			moment = iso_ms(json_string_value(value));
		} else if (json_is_string(value)) {
			moment = epoch_ms(strtod(json_string_value(value), NULL));
		}
		if (moment >= 0) {
			return moment;
		}
	}
	return -1;
}

/* ---- conversations ---- */

/* Times count from the earliest one. */
static void end_conversation(struct chat *chat)
{
	struct transcript *transcript = chat->transcript;
	int64_t first_ms = INT64_MAX;

	for (size_t i = chat->first_cue; i < transcript->n_cue && chat->n_message; i++) {
		int64_t time_ms = transcript->cue[i].time_ms;

		first_ms = time_ms >= 0 && time_ms < first_ms ? time_ms : first_ms;
	}
	for (size_t i = chat->first_cue; i < transcript->n_cue && chat->n_message; i++) {
		if (transcript->cue[i].time_ms >= 0) {
			transcript->cue[i].time_ms -= first_ms;
		}
	}
	chat->is_open = 0;
}

static void begin_conversation(struct chat *chat, struct text_span title, int64_t moment)
{
	struct buf text = BUF_INIT;
	char date[64];
	time_t seconds = (time_t)(moment / 1000);
	struct tm tm;

	end_conversation(chat);
	chat->transcript->n_conversation++;
	title = span_trim(title);
	buf_add(&text, title.at, title.len);
	if (moment >= 0 && gmtime_r(&seconds, &tm) &&
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &tm)) {
		buf_printf(&text, text.len ? " (%s)" : "%s", date);
	}
	if (text.len == 0 && chat->has_many) {
		buf_printf(&text, "conversation %zu", chat->transcript->n_conversation);
	}
	for (size_t i = 0; i < text.len; i++) {
		if (strchr("\r\n\t", text.data[i])) {
			text.data[i] = ' ';
		}
	}
	transcript_add_title(chat->transcript, (struct text_span){buf_str(&text), text.len}, -1);
	buf_finish(&text);
	chat->first_cue = chat->transcript->n_cue;
	chat->n_message = 0;
	chat->is_open = 1;
}

static void add_message(
	struct chat *chat, int64_t moment, struct text_span speaker, const struct buf *text)
{
	transcript_add_cue(chat->transcript, moment, speaker,
		(struct text_span){buf_str(text), text->len}, ++chat->n_message);
}

/* ---- what a message says ---- */

static void add_paragraph(struct buf *text, struct text_span words)
{
	if (words.len && text->len) {
		buf_addstr(text, "\n\n");
	}
	buf_add(text, words.at, words.len);
}

/* A string, or a list of parts: strings, objects with a text or content; what has none is counted. */
static void add_content(struct chat *chat, struct buf *text, const json_t *content, int depth)
{
	const json_t *own;

	if (json_is_string(content)) {
		add_paragraph(text, json_text(content));
	} else if (json_is_array(content) && depth < CONTENT_MAX_DEPTH) {
		for (size_t i = 0; i < json_array_size(content); i++) {
			add_content(chat, text, json_array_get(content, i), depth + 1);
		}
	} else if (json_is_object(content) && depth < CONTENT_MAX_DEPTH) {
		own = json_object_get(content, "text");
		own = json_is_string(own) ? own : json_object_get(content, "content");
		chat->n_part += own == NULL;
		add_content(chat, text, own, depth + 1);
	} else if (content && !json_is_null(content)) {
		chat->n_part++;
	}
}

/* ---- ChatGPT ---- */

static const json_t *author_of(const json_t *message)
{
	return json_object_get(message, "author");
}

static int is_hidden(const json_t *message)
{
	const json_t *metadata = json_object_get(message, "metadata");

	return json_is_true(json_object_get(metadata, "is_visually_hidden_from_conversation"));
}

/* Kinds of content whose text stands under another name than `parts`. */
static void add_chatgpt_content(struct chat *chat, struct buf *text, const json_t *message)
{
	const json_t *content = json_object_get(message, "content");
	const json_t *parts = json_object_get(content, "parts");

	if (json_is_array(parts)) {
		add_content(chat, text, parts, 0);
	} else if (json_is_object(content)) {
		const json_t *own = json_object_get(content, "text");

		own = json_is_string(own) ? own : json_object_get(content, "result");
		chat->n_part += own == NULL;
		add_content(chat, text, own, 0);
	}
}

static void add_chatgpt_message(struct chat *chat, const json_t *message)
{
	const json_t *author = author_of(message);
	struct text_span speaker = json_text(json_object_get(author, "name"));
	struct buf text = BUF_INIT;

	if (!json_is_object(message) || is_hidden(message)) {
		return;
	}
	add_chatgpt_content(chat, &text, message);
	if (speaker.len == 0) {
		speaker = json_text(json_object_get(author, "role"));
	}
	if (text.len) {
		add_message(chat, moment_of(message), speaker, &text);
	}
	buf_finish(&text);
}

/* The leaf that was written last, where the export does not say which one is shown. */
static const char *last_leaf(const json_t *mapping)
{
	const char *id, *last = NULL;
	int64_t last_ms = INT64_MIN;
	json_t *node;

	json_object_foreach((json_t *)mapping, id, node)
	{
		int64_t moment = moment_of(json_object_get(node, "message"));

		if (json_array_size(json_object_get(node, "children")) == 0 && moment >= last_ms) {
			last = id;
			last_ms = moment;
		}
	}
	return last;
}

static size_t count_messages(const json_t *mapping)
{
	const char *id;
	json_t *node;
	size_t n = 0;

	json_object_foreach((json_t *)mapping, id, node)
	{
		n += json_is_object(json_object_get(node, "message"));
	}
	return n;
}

/* From the node that is shown last up to the root; a cycle is as long as the tree at most. */
static void add_chatgpt(struct chat *chat, const json_t *conversation)
{
	const json_t *mapping = json_object_get(conversation, "mapping");
	const char *id = json_string_value(json_object_get(conversation, "current_node"));
	size_t n = 0, n_said = 0, max = json_object_size(mapping);
	const json_t **path = mem_alloc((max + 1) * sizeof(*path));

	if (!id || !json_object_get(mapping, id)) {
		id = last_leaf(mapping);
	}
	while (id && n < max) {
		const json_t *node = json_object_get(mapping, id);

		path[n++] = json_object_get(node, "message");
		n_said += json_is_object(path[n - 1]);
		id = json_string_value(json_object_get(node, "parent"));
	}
	begin_conversation(
		chat, json_text(json_object_get(conversation, "title")), moment_of(conversation));
	while (n > 0) {
		add_chatgpt_message(chat, path[--n]);
	}
	chat->n_branch += (int64_t)(count_messages(mapping) - n_said);
	free(path);
}

/* ---- Claude ---- */

static void add_claude_message(struct chat *chat, const json_t *message)
{
	const json_t *content = json_object_get(message, "content"), *item;
	const json_t *attachments = json_object_get(message, "attachments");
	struct buf text = BUF_INIT;
	size_t i;

	add_content(chat, &text, content, 0);
	if (text.len == 0) {
		add_content(chat, &text, json_object_get(message, "text"), 0);
	}
	json_array_foreach((json_t *)attachments, i, item)
	{
		add_paragraph(&text, json_text(json_object_get(item, "file_name")));
		add_paragraph(&text, json_text(json_object_get(item, "extracted_content")));
	}
	chat->n_part += (int64_t)json_array_size(json_object_get(message, "files"));
	add_message(chat, moment_of(message), json_text(json_object_get(message, "sender")), &text);
	buf_finish(&text);
}

static void add_claude(struct chat *chat, const json_t *conversation)
{
	const json_t *messages = json_object_get(conversation, "chat_messages"), *message;
	size_t i;

	begin_conversation(
		chat, json_text(json_object_get(conversation, "name")), moment_of(conversation));
	json_array_foreach((json_t *)messages, i, message)
	{
		add_claude_message(chat, message);
	}
}

/* ---- lists of messages ---- */

static void add_role_message(struct chat *chat, const json_t *message)
{
	struct text_span speaker = json_text(json_object_get(message, "name"));
	struct buf text = BUF_INIT;

	if (speaker.len == 0) {
		speaker = json_text(json_object_get(message, "role"));
	}
	add_content(chat, &text, json_object_get(message, "content"), 0);
	chat->n_part += (int64_t)json_array_size(json_object_get(message, "tool_calls"));
	add_message(chat, moment_of(message), speaker, &text);
	buf_finish(&text);
}

static void add_shared_message(struct chat *chat, const json_t *message)
{
	struct buf text = BUF_INIT;

	add_content(chat, &text, json_object_get(message, "value"), 0);
	add_message(chat, -1, json_text(json_object_get(message, "from")), &text);
	buf_finish(&text);
}

static void add_list(struct chat *chat, const json_t *object, const char *name,
	void (*add)(struct chat *chat, const json_t *message))
{
	const json_t *message;
	size_t i;

	begin_conversation(chat, json_text(json_object_get(object, "title")), moment_of(object));
	json_array_foreach((json_t *)json_object_get(object, name), i, message)
	{
		add(chat, message);
	}
}

/* ---- Slack ---- */

static void add_slack_text(struct buf *out, struct text_span text)
{
	static const char *const entity[][2] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}};

	for (size_t at = 0; at < text.len;) {
		size_t n = 0;

		for (size_t i = 0; i < ARRAY_LEN(entity) && !n; i++) {
			n = strlen(entity[i][0]);
			n = text.len - at >= n && memcmp(text.at + at, entity[i][0], n) == 0 ? n
											     : 0;
			buf_addstr(out, n ? entity[i][1] : "");
		}
		if (n == 0) {
			buf_addch(out, text.at[at]);
			n = 1;
		}
		at += n;
	}
}

static struct text_span slack_speaker(const json_t *message)
{
	static const char *const name[] = {"real_name", "display_name", "name"};
	const json_t *profile = json_object_get(message, "user_profile");
	struct text_span speaker = {"", 0};

	for (size_t i = 0; i < ARRAY_LEN(name) && !speaker.len; i++) {
		speaker = json_text(json_object_get(profile, name[i]));
	}
	if (!speaker.len) {
		speaker = json_text(json_object_get(message, "username"));
	}
	return speaker.len ? speaker : json_text(json_object_get(message, "user"));
}

static void add_slack(struct chat *chat, const json_t *message)
{
	struct buf text = BUF_INIT;

	if (!chat->is_open) {
		begin_conversation(chat, (struct text_span){"", 0}, moment_of(message));
	}
	add_slack_text(&text, json_text(json_object_get(message, "text")));
	chat->n_part += (int64_t)json_array_size(json_object_get(message, "files"));
	add_message(chat, moment_of(message), slack_speaker(message), &text);
	buf_finish(&text);
}

/* ---- all ---- */

void chat_add(struct chat *chat, enum json_kind kind, const json_t *value)
{
	switch (kind) {
	case JSON_CHATGPT:
		add_chatgpt(chat, value);
		break;
	case JSON_CLAUDE:
		add_claude(chat, value);
		break;
	case JSON_MESSAGES:
		add_list(chat, value, "messages", add_role_message);
		break;
	case JSON_SHARED:
		add_list(chat, value, "conversations", add_shared_message);
		break;
	case JSON_SLACK:
		add_slack(chat, value);
		break;
	default:
		add_role_message(chat, value);
		break;
	}
}

void chat_finish(struct chat *chat)
{
	struct buf *said = &chat->transcript->left_out;

	end_conversation(chat);
	if (chat->n_part) {
		buf_printf(said,
			chat->n_part == 1
				? "holds %lld picture, file or call, which is left out"
				: "holds %lld pictures, files and calls, which are left out",
			(long long)chat->n_part);
	}
	if (chat->n_branch) {
		buf_printf(said,
			chat->n_branch == 1
				? "%sholds %lld message that was edited or answered anew, which is "
				  "left out"
				: "%sholds %lld messages that were edited or answered anew, which "
				  "are left out",
			said->len ? "; " : "", (long long)chat->n_branch);
	}
}
