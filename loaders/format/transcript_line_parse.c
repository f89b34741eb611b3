/* What a line of a transcript in plain text begins with. */
#include "loaders/format/transcript_lines.h"

#include <string.h>
#include <strings.h>

enum { HEADER_MAX_BYTES = 96 }; /* of a name with a time behind it */

static struct text_span from(struct text_span text, size_t at)
{
	return (struct text_span){text.at + at, text.len - at};
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int begins_with(struct text_span text, const char *word)
{
	size_t n = strlen(word);

	return text.len >= n && memcmp(text.at, word, n) == 0;
}

static struct text_span without_blanks(struct text_span text)
{
	while (text.len && is_blank(text.at[0])) {
		text = from(text, 1);
	}
	return text;
}

/* Whether a clock has no hours: then it may be one of a day without seconds. */
static int is_short_clock(struct text_span clock)
{
	const char *colon = memchr(clock.at, ':', clock.len);

	return !memchr(colon + 1, ':', clock.len - (size_t)(colon + 1 - clock.at));
}

/* ---- a time first ---- */

/* "[00:01:02]", "(0:01)", "[00:00.000 --> 00:07.000]", "00:01:02"; the bytes that it takes, or 0. */
static size_t parse_stamp(struct text_span line, struct line_parts *parts)
{
	char close = line.at[0] == '[' ? ']' : line.at[0] == '(' ? ')' : 0;
	struct text_span rest = from(line, close ? 1 : 0);
	size_t n = clock_parse(rest, &parts->time_ms);

	parts->is_bracketed = close != 0;
	if (!n) {
		return 0;
	}
	parts->is_short = is_short_clock((struct text_span){rest.at, n});
	rest = without_blanks(from(rest, n));
	if (close && begins_with(rest, "-->")) {
		rest = without_blanks(from(rest, 3));
		n = clock_parse(rest, &parts->end_ms);
		if (!n) {
			return 0;
		}
		rest = without_blanks(from(rest, n));
	}
	if (close) {
		if (rest.len == 0 || rest.at[0] != close) {
			return 0;
		}
		rest = from(rest, 1);
	} else if (rest.len && !is_blank(rest.at[-1])) {
		return 0;
	}
	return line.len - rest.len;
}

/* Zoom's chats: "From Ana to Everyone: text". */
static struct text_span sender(struct text_span name)
{
	static const char to[] = " to ";
	char *end;

	if (!begins_with(name, "From ")) {
		return name;
	}
	name = span_trim(from(name, 5));
	end = memmem(name.at, name.len, to, sizeof(to) - 1);
	if (end) {
		name.len = (size_t)(end - name.at);
	}
	return span_trim(name);
}

static int split_sender(struct text_span line, struct text_span *name, struct text_span *rest)
{
	const char *colon;

	if (speaker_split(line, name, rest)) {
		*name = sender(*name);
		return name->len > 0;
	}
	colon = begins_with(line, "From ") && line.len > 5 ? memchr(line.at, ':', line.len) : NULL;
	if (!colon || !memmem(line.at, (size_t)(colon - line.at), " to ", 4)) {
		return 0;
	}
	*name = sender(span_trim((struct text_span){line.at, (size_t)(colon - line.at)}));
	*rest = span_trim(from(line, (size_t)(colon - line.at) + 1));
	return name->len > 0;
}

static int parse_timed(struct text_span line, struct line_parts *parts)
{
	size_t n = parse_stamp(line, parts);
	struct text_span rest;

	if (!n) {
		return 0;
	}
	rest = span_trim(from(line, n));
	if (begins_with(rest, "- ") && !parts->is_bracketed) {
		rest = span_trim(from(rest, 2));
	}
	parts->kind = LINE_TIMED;
	parts->text = rest;
	if (split_sender(rest, &parts->speaker, &parts->text)) {
		return 1;
	}
	parts->speaker.len = 0;
	parts->text = rest;
	if (rest.len == 0 || speaker_is_name(rest)) {
		parts->kind = LINE_CLOCK;
	}
	return 1;
}

/* ---- a name first ---- */

static struct text_span without_brackets(struct text_span name)
{
	while (name.len && strchr("([,-: \t", name.at[name.len - 1])) {
		name.len--;
	}
	if (name.len > 2 && name.at[0] == '[' && name.at[name.len - 1] == ']') {
		name = (struct text_span){name.at + 1, name.len - 2};
	}
	return span_trim(name);
}

/* What stands behind the clock of a header: its bracket, a colon, words; 0 where it is no header. */
static int parse_header_end(struct text_span line, size_t at, size_t n, struct line_parts *parts)
{
	char open = at ? line.at[at - 1] : 0;
	struct text_span rest = from(line, at + n);

	parts->is_bracketed = open == '(' || open == '[';
	if (parts->is_bracketed) {
		if (rest.len == 0 || rest.at[0] != (open == '(' ? ')' : ']')) {
			return 0;
		}
		rest = from(rest, 1);
	}
	if (rest.len && rest.at[0] == ':') {
		rest = from(rest, 1);
	} else if (!parts->is_bracketed && span_trim(rest).len) {
		return 0;
	}
	parts->text = span_trim(rest);
	return 1;
}

static int parse_header(struct text_span line, struct line_parts *parts)
{
	size_t limit = line.len < HEADER_MAX_BYTES ? line.len : HEADER_MAX_BYTES;

	for (size_t at = 1; at < limit; at++) {
		size_t n;

		if (!is_digit(line.at[at]) || !strchr(" \t([", line.at[at - 1])) {
			continue;
		}
		n = clock_parse(from(line, at), &parts->time_ms);
		if (n && parse_header_end(line, at, n, parts)) {
			parts->is_short = is_short_clock((struct text_span){line.at + at, n});
			parts->speaker = without_brackets((struct text_span){line.at, at});
			parts->kind = LINE_HEADER;
			return speaker_is_name(parts->speaker);
		}
	}
	return 0;
}

/* ---- a date first ---- */

static size_t parse_number(struct text_span text, size_t max_digits, int *value)
{
	size_t n = 0;

	for (*value = 0; n < text.len && n < max_digits && is_digit(text.at[n]); n++) {
		*value = 10 * *value + (text.at[n] - '0');
	}
	return n;
}

/* "12/05/2024", "12.05.24", "2024-05-12"; its length, or 0. */
static size_t parse_date(struct text_span text)
{
	size_t at = 0;
	char separator = 0;

	for (int field = 0; field < 3; field++) {
		int value;
		size_t n = parse_number(from(text, at), 4, &value);

		if (n == 0 || n == 3) {
			return 0;
		}
		at += n;
		if (field == 2) {
			break;
		}
		if (at >= text.len || !strchr("/.-", text.at[at]) ||
			(field && text.at[at] != separator)) {
			return 0;
		}
		separator = text.at[at++];
	}
	return at;
}

static struct text_span without_marks(struct text_span text)
{
	static const char *const mark[] = {
		" ", "\t", "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xaf", "\xc2\xa0"};

	for (size_t i = 0; i < sizeof(mark) / sizeof(mark[0]);) {
		if (text.len && begins_with(text, mark[i])) {
			text = from(text, strlen(mark[i]));
			i = 0;
		} else {
			i++;
		}
	}
	return text;
}

/* "am", "PM", "p.m."; 12 for the afternoon, 0 for the morning, -1 for neither. *n: its length. */
static int parse_half(struct text_span text, size_t *n)
{
	static const char *const half[] = {"am", "pm", "a.m.", "p.m."};

	for (int i = 0; i < 4; i++) {
		*n = strlen(half[i]);
		if (text.len >= *n && strncasecmp(text.at, half[i], *n) == 0) {
			return i % 2 ? 12 : 0;
		}
	}
	*n = 0;
	return -1;
}

/* "21:03", "21:03:11", "9:03 pm": the time of day. */
static size_t parse_time_of_day(struct text_span text, int64_t *time_ms)
{
	struct text_span rest = text, behind;
	int field[3] = {0};
	size_t n;
	int half;

	for (int i = 0; i < 3; i++) {
		n = parse_number(rest, 2, &field[i]);
		if (n == 0 || (i && n != 2) || field[i] > (i ? 59 : 24)) {
			return 0;
		}
		rest = from(rest, n);
		if (rest.len == 0 || rest.at[0] != ':' || i == 2) {
			if (i == 0) {
				return 0;
			}
			break;
		}
		rest = from(rest, 1);
	}
	behind = without_marks(rest);
	half = parse_half(behind, &n);
	if (half >= 0) {
		field[0] = field[0] % 12 + half;
		rest = from(behind, n);
	}
	*time_ms = 1000 * (3600 * (int64_t)field[0] + 60 * field[1] + field[2]);
	return text.len - rest.len;
}

static int parse_message(struct text_span line, struct line_parts *parts)
{
	struct text_span rest = without_marks(line);
	int has_bracket = rest.len && rest.at[0] == '[';
	const char *colon;
	size_t n;

	rest = from(rest, has_bracket ? 1 : 0);
	n = parse_date(rest);
	if (!n) {
		return 0;
	}
	parts->date = (struct text_span){rest.at, n};
	rest = from(rest, n);
	rest = without_marks(from(rest, rest.len && rest.at[0] == ',' ? 1 : 0));
	n = parse_time_of_day(rest, &parts->time_ms);
	if (!n) {
		return 0;
	}
	rest = from(rest, n);
	if (has_bracket ? !begins_with(rest, "] ") : !begins_with(rest, " - ")) {
		return 0;
	}
	rest = span_trim(without_marks(from(rest, has_bracket ? 2 : 3)));
	parts->kind = LINE_MESSAGE;
	parts->text = rest;
	colon = memmem(rest.at, rest.len < 120 ? rest.len : 120, ": ", 2);
	if (!colon && rest.len && rest.at[rest.len - 1] == ':' && rest.len < 120) {
		colon = rest.at + rest.len - 1;
	}
	if (colon && colon > rest.at) {
		parts->speaker = (struct text_span){rest.at, (size_t)(colon - rest.at)};
		parts->text = span_trim(without_marks(from(rest, (size_t)(colon - rest.at) + 1)));
	}
	return 1;
}

static struct line_parts parse_plain(struct text_span line)
{
	static const struct line_parts none = {.time_ms = -1, .end_ms = -1};
	struct line_parts parts = none;

	line = span_trim(line);
	if (line.len == 0) {
		return parts;
	}
	if (parse_message(line, &parts)) {
		return parts;
	}
	parts = none;
	if (parse_timed(line, &parts)) {
		return parts;
	}
	parts = none;
	if (parse_header(line, &parts)) {
		return parts;
	}
	parts = none;
	parts.kind = speaker_split(line, &parts.speaker, &parts.text) ? LINE_TURN : LINE_WORDS;
	if (parts.kind == LINE_WORDS) {
		parts.text = line;
		parts.speaker.len = 0;
	}
	return parts;
}

/* "**Ana (00:01:02):** words", as it is written for Markdown: the bold part is the head, or none is. */
static int parse_bold(struct text_span line, struct line_parts *parts)
{
	struct text_span inner, rest;
	const char *end;

	if (!begins_with(line, "**") || line.len < 5) {
		return 0;
	}
	inner = from(line, 2);
	inner.len = inner.len < HEADER_MAX_BYTES ? inner.len : HEADER_MAX_BYTES;
	end = memmem(inner.at, inner.len, "**", 2);
	if (!end) {
		return 0;
	}
	inner.len = (size_t)(end - inner.at);
	rest = span_trim(from(line, inner.len + 4));
	*parts = parse_plain(inner);
	if (parts->kind == LINE_WORDS || parts->kind == LINE_MESSAGE || parts->text.len) {
		return 0;
	}
	parts->kind = parts->kind == LINE_CLOCK && rest.len ? LINE_TIMED : parts->kind;
	parts->text = rest;
	return 1;
}

struct line_parts line_parse(struct text_span line)
{
	struct line_parts parts;

	return parse_bold(span_trim(line), &parts) ? parts : parse_plain(line);
}
