/* What Whisper and its kin write, and the way to the chats (transcript_chat.c). */
#include "loaders/format/transcript_json.h"

#include "loaders/format/format.h"

#include <string.h>
#include <time.h>

struct json_reader {
	struct transcript *transcript;
	struct captions captions;
	struct chat chat;
	struct text_span all;
	int64_t n_other; /* values of no kind that is known */
};

struct text_span json_text(const json_t *value)
{
	return json_is_string(value)
		       ? (struct text_span){json_string_value(value), json_string_length(value)}
		       : (struct text_span){"", 0};
}

static int is_too_large(struct text_span value, size_t n_value)
{
	return value.len > JSON_PIECE_BYTES || n_value > JSON_PIECE_VALUES;
}

static long long place_of(const struct json_reader *reader, struct text_span value)
{
	return (long long)(value.at - reader->all.at);
}

/* Build one value; NULL with *skip why not. */
static json_t *build(const struct json_reader *reader, struct text_span value, struct skip *skip)
{
	json_error_t error;
	size_t n_value;
	json_t *built;

	json_value_len(value, &n_value);
	if (is_too_large(value, n_value)) {
		skip_set(skip, SKIP_UNREADABLE,
			"holds a conversation of more than %d MB or %d values (at byte %lld): "
			"split it",
			JSON_PIECE_BYTES >> 20, JSON_PIECE_VALUES, place_of(reader, value));
		return NULL;
	}
	built = json_loadb(value.at, value.len, JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
	if (!built) {
		skip_set(skip, SKIP_UNREADABLE, "is damaged: %s (at byte %lld)", error.text,
			place_of(reader, value) + error.position);
	}
	return built;
}

/* ---- Whisper ---- */

static int64_t seconds_of(const json_t *value)
{
	return json_is_number(value) ? clock_from_seconds(json_number_value(value)) : -1;
}

static void segment_times(const json_t *segment, int64_t *time_ms, int64_t *end_ms)
{
	const json_t *offsets = json_object_get(segment, "offsets");

	if (json_is_object(offsets)) {
		double from = json_number_value(json_object_get(offsets, "from"));
		double to = json_number_value(json_object_get(offsets, "to"));

		*time_ms = clock_from_seconds(from / 1000);
		*end_ms = clock_from_seconds(to / 1000);
	} else {
		*time_ms = seconds_of(json_object_get(segment, "start"));
		*end_ms = seconds_of(json_object_get(segment, "end"));
	}
}

static struct text_span speaker_of(const json_t *item)
{
	return json_text(json_object_get(item, "speaker"));
}

/* Whether the words are said by more than one. */
static int has_several_speakers(const json_t *words)
{
	struct text_span first = speaker_of(json_array_get(words, 0));

	for (size_t i = 1; i < json_array_size(words); i++) {
		struct text_span speaker = speaker_of(json_array_get(words, i));

		if (speaker.len && first.len && !span_equal(speaker, first)) {
			return 1;
		}
		first = first.len ? first : speaker;
	}
	return 0;
}

/* Words of several speakers: a caption for each run of one. A word without one is the last one's. */
static void add_words(
	struct captions *captions, const json_t *words, int64_t time_ms, int64_t end_ms)
{
	struct text_span speaker = {"", 0};
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < json_array_size(words); i++) {
		const json_t *item = json_array_get(words, i);
		struct text_span own = speaker_of(item), word;
		int64_t start_ms = seconds_of(json_object_get(item, "start"));

		if (own.len && !span_equal(own, speaker)) {
			captions_add(captions, time_ms, start_ms, speaker,
				(struct text_span){buf_str(&text), text.len});
			buf_clear(&text);
			speaker = own;
			time_ms = i && start_ms >= 0 ? start_ms : time_ms;
		}
		word = json_text(json_object_get(item, "word"));
		buf_addstr(&text, text.len && word.len && word.at[0] != ' ' ? " " : "");
		buf_add(&text, word.at, word.len);
	}
	captions_add(
		captions, time_ms, end_ms, speaker, (struct text_span){buf_str(&text), text.len});
	buf_finish(&text);
}

static void add_segment(struct json_reader *reader, const json_t *segment)
{
	const json_t *words = json_object_get(segment, "words");
	int64_t time_ms, end_ms;

	segment_times(segment, &time_ms, &end_ms);
	reader->captions.line++;
	if (json_is_array(words) && has_several_speakers(words)) {
		add_words(&reader->captions, words, time_ms, end_ms);
	} else {
		struct text_span speaker = speaker_of(segment);

		if (!speaker.len && json_is_array(words)) {
			speaker = speaker_of(json_array_get(words, 0));
		}
		captions_add(&reader->captions, time_ms, end_ms, speaker,
			json_text(json_object_get(segment, "text")));
	}
}

/* ---- all of it ---- */

static int add_value(struct json_reader *reader, struct text_span value, struct skip *skip);

static int add_segments(struct json_reader *reader, struct text_span list, struct skip *skip)
{
	struct text_span rest = json_enter(list), element;

	while (json_next_element(&rest, &element)) {
		json_t *segment = build(reader, element, skip);

		if (!segment) {
			return -1;
		}
		add_segment(reader, segment);
		json_decref(segment);
	}
	return 0;
}

static int add_value(struct json_reader *reader, struct text_span value, struct skip *skip)
{
	struct text_span list;
	enum json_kind kind = json_kind_of(value, &list);
	json_t *built;

	if (kind == JSON_OTHER) {
		reader->n_other++;
		return 0;
	}
	if (kind == JSON_WHISPER) {
		return add_segments(reader, list, skip);
	}
	built = build(reader, value, skip);
	if (!built) {
		return -1;
	}
	if (kind == JSON_SEGMENT) {
		add_segment(reader, built);
	} else {
		chat_add(&reader->chat, kind, built);
	}
	json_decref(built);
	return 0;
}

/* The values of an array, or those that follow each other, line by line or not. */
static int add_values(struct json_reader *reader, struct text_span text, struct skip *skip)
{
	struct text_span rest = json_skip_space(text), value;
	int is_array = rest.len && rest.at[0] == '[';

	rest = is_array ? json_enter(rest) : rest;
	while (json_next_element(&rest, &value)) {
		struct text_span behind = json_skip_space(rest);

		reader->chat.has_many |= behind.len && behind.at[0] != ']';
		if (add_value(reader, value, skip) < 0) {
			return -1;
		}
	}
	rest = json_skip_space(rest);
	if (rest.len && rest.at[0] == ']' && is_array) {
		rest = json_skip_space(json_enter(rest));
		is_array = 0;
	}
	if (rest.len || is_array) {
		return skip_set(skip, SKIP_UNREADABLE,
			"is damaged: its JSON does not go on at byte %lld", place_of(reader, rest));
	}
	return 0;
}

static int parse_json(struct transcript *transcript, const struct input *input,
	struct text_span text, struct skip *skip)
{
	struct json_reader reader = {.transcript = transcript, .all = text};
	int status;

	transcript->unit = "message";
	reader.chat.transcript = transcript;
	status = add_values(&reader, text, skip);
	if (status == 0) {
		if (reader.captions.n) {
			transcript->unit = "segment";
		}
		chat_finish(&reader.chat);
		captions_move(&reader.captions, transcript);
		if (reader.n_other) {
			buf_printf(&transcript->left_out,
				reader.n_other == 1
					? "%sholds %lld value that is neither message nor segment"
					: "%sholds %lld values that are neither messages nor "
					  "segments",
				transcript->left_out.len ? "; " : "", (long long)reader.n_other);
		}
	}
	captions_finish(&reader.captions);
	return status;
}

/* By the first object: it is what the others are. */
static int json_probe(const struct input *input)
{
	static const char *const extension[] = {"json", "jsonl", "ndjson", NULL};
	struct text_span text = {input->data, input->len}, list, value;

	if (input->root_fd >= 0 ||
		(!format_has_extension(input, extension) && strcmp(input->path, "-") != 0)) {
		return 0;
	}
	if (text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0) {
		text = (struct text_span){text.at + 3, text.len - 3};
	}
	text = json_skip_space(text);
	if (text.len && text.at[0] == '[') {
		text = json_enter(text);
	}
	text = json_skip_space(text);
	return text.len && text.at[0] == '{' && json_next_element(&text, &value) &&
			       json_kind_of(value, &list) != JSON_OTHER
		       ? 3
		       : 0;
}

static int json_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	return transcript_open(reader, input, skip, parse_json);
}

void transcript_prepare(void)
{
	/* They read /dev/urandom and /etc/localtime, which are not there later. */
	json_object_seed(0);
	tzset();
}

const struct loader loader_transcript_json = {
	.name = "transcript",
	.probe = json_probe,
	.open = json_open,
	.outline = transcript_outline,
	.read = transcript_read,
	.close = transcript_close,
};
