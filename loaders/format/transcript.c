/* What all transcripts share: their reader, times and lines. */
#include "loaders/format/transcript.h"

#include "base/mem.h"
#include "loaders/format/encoding.h"
#include "loaders/format/format.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- spans ---- */

static int is_white(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct text_span span_trim(struct text_span span)
{
	while (span.len && is_white(span.at[0])) {
		span.at++;
		span.len--;
	}
	while (span.len && is_white(span.at[span.len - 1])) {
		span.len--;
	}
	return span;
}

int span_equal(struct text_span a, struct text_span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

int span_next_line(struct text_span *rest, struct text_span *line)
{
	size_t end = 0;

	if (rest->len == 0) {
		return 0;
	}
	while (end < rest->len && rest->at[end] != '\n' && rest->at[end] != '\r') {
		end++;
	}
	*line = (struct text_span){rest->at, end};
	if (end + 1 < rest->len && rest->at[end] == '\r' && rest->at[end + 1] == '\n') {
		end++;
	}
	end += end < rest->len;
	rest->at += end;
	rest->len -= end;
	return 1;
}

/* ---- times ---- */

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits at text[*at], at most `max` of them; returns how many. */
static size_t parse_digits(struct text_span text, size_t *at, size_t max, int64_t *value)
{
	size_t begin = *at;

	for (*value = 0; *at < text.len && *at - begin < max && is_digit(text.at[*at]); ++*at) {
		*value = 10 * *value + (text.at[*at] - '0');
	}
	return *at - begin;
}

static int64_t parse_fraction(struct text_span text, size_t *at)
{
	int64_t ms = 0, weight = 100;

	if (*at + 1 >= text.len || (text.at[*at] != '.' && text.at[*at] != ',') ||
		!is_digit(text.at[*at + 1])) {
		return 0;
	}
	for (++*at; *at < text.len && is_digit(text.at[*at]); ++*at) {
		ms += weight * (text.at[*at] - '0');
		weight /= 10;
	}
	return ms;
}

size_t clock_parse(struct text_span text, int64_t *time_ms)
{
	int negative = text.len && text.at[0] == '-', n_field = 1;
	size_t at = (size_t)negative;
	int64_t field, seconds;

	if (!parse_digits(text, &at, 9, &seconds)) {
		return 0;
	}
	while (n_field < 3 && at + 1 < text.len && text.at[at] == ':' &&
		is_digit(text.at[at + 1])) {
		at++;
		if (parse_digits(text, &at, 2, &field) != 2 || field > 59) {
			return 0;
		}
		seconds = 60 * seconds + field;
		n_field++;
	}
	if (n_field == 1) {
		return 0;
	}
	*time_ms = 1000 * seconds + parse_fraction(text, &at);
	if (at < text.len && (is_digit(text.at[at]) || text.at[at] == ':')) {
		return 0;
	}
	if (negative) {
		*time_ms = -1;
	}
	return at;
}

int64_t clock_from_seconds(double seconds)
{
	/* A trillion seconds: what milliseconds hold many times over. NaN compares false. */
	return seconds >= 0 && seconds < 1e12 ? (int64_t)llround(1000 * seconds) : -1;
}

/* ---- cues ---- */

static size_t keep_words(struct transcript *transcript, struct text_span text)
{
	size_t at = transcript->words.len;

	buf_add(&transcript->words, text.at, text.len);
	/* JSON can say NUL; text has none. */
	for (char *nul = transcript->words.data + at;
		text.len &&
		(nul = memchr(nul, 0,
			 transcript->words.len - (size_t)(nul - transcript->words.data)));) {
		*nul = ' ';
	}
	return at;
}

void transcript_add_cue(struct transcript *transcript, int64_t time_ms, struct text_span speaker,
	struct text_span text, int64_t number)
{
	struct cue *cue;

	speaker = span_trim(speaker);
	text = span_trim(text);
	if (text.len == 0) {
		return;
	}
	mem_grow(transcript->cue, transcript->n_cue, transcript->cap_cue);
	cue = &transcript->cue[transcript->n_cue++];
	cue->time_ms = time_ms < 0 ? -1 : time_ms;
	cue->number = number;
	cue->heading = transcript->outline.n_heading;
	cue->speaker_len = speaker.len;
	cue->speaker_at = keep_words(transcript, speaker);
	cue->text_len = text.len;
	cue->text_at = keep_words(transcript, text);
}

void transcript_extend_cue(struct transcript *transcript, struct text_span text)
{
	keep_words(transcript, text);
	transcript->cue[transcript->n_cue - 1].text_len += text.len;
}

void transcript_add_title(struct transcript *transcript, struct text_span title, int64_t time_ms)
{
	static const struct text_span nobody = {"", 0};
	struct buf text = BUF_INIT;

	title = span_trim(title);
	if (title.len) {
		document_add_heading(
			&transcript->outline, 1, title.at, title.len, transcript->n_cue, 1);
		/* Without a time nothing else tells it from one more line of what was said before. */
		buf_addstr(&text, time_ms < 0 ? "# " : "");
		buf_add(&text, title.at, title.len);
		transcript_add_cue(
			transcript, time_ms, nobody, (struct text_span){text.data, text.len}, 0);
		buf_finish(&text);
	}
}

/* ---- the reader ---- */

static const char bom[] = "\xef\xbb\xbf";

static struct text_span without_bom(struct text_span text)
{
	if (text.len >= 3 && memcmp(text.at, bom, 3) == 0) {
		text.at += 3;
		text.len -= 3;
	}
	return text;
}

int transcript_peek(struct buf *text, const struct input *input)
{
	struct input head = *input;

	if (input->root_fd >= 0) {
		return 0;
	}
	if (head.len > TRANSCRIPT_PROBE_BYTES) {
		head.len = TRANSCRIPT_PROBE_BYTES;
	}
	if (!encoding_to_utf8(text, &head)) {
		return 0;
	}
	if (text->len >= 3 && memcmp(text->data, bom, 3) == 0) {
		memmove(text->data, text->data + 3, text->len - 2);
		text->len -= 3;
	}
	return 1;
}

int transcript_open(struct reader **reader, const struct input *input, struct skip *skip,
	int (*parse)(struct transcript *transcript, const struct input *input,
		struct text_span text, struct skip *skip))
{
	struct transcript *transcript = mem_zero(1, sizeof(*transcript));
	struct buf text = BUF_INIT;
	int status;

	transcript->reader.kind = DOCUMENT_TRANSCRIPT;
	transcript->reader.n_bytes = -1;
	transcript->unit = "line";
	status = format_text(&text, &transcript->reader.encoding, input, skip);
	if (status == 0) {
		status = parse(transcript, input,
			without_bom((struct text_span){buf_str(&text), text.len}), skip);
	}
	buf_finish(&text);
	if (status == 0 && transcript->n_cue == 0) {
		status = skip_set(skip, SKIP_RULE, "is a transcript without any words");
	}
	if (status < 0) {
		transcript_close(&transcript->reader);
		return -1;
	}
	transcript->reader.n_part = (int64_t)transcript->n_cue;
	*reader = &transcript->reader;
	return 0;
}

void transcript_outline(struct reader *reader, struct document *document)
{
	const struct transcript *transcript = (struct transcript *)reader;

	for (size_t i = 0; i < transcript->outline.n_heading; i++) {
		const struct heading *heading = &transcript->outline.heading[i];

		document_add_heading(document, heading->level, heading->title,
			strlen(heading->title), heading->part, heading->line);
	}
}

/* The conversation, where there are several, or the day, and a place for what has no time. */
static char *cue_label(const struct transcript *transcript, const struct cue *cue)
{
	struct buf label = BUF_INIT;

	if ((transcript->n_conversation > 1 || transcript->has_days) && cue->heading) {
		buf_additem(&label, transcript->outline.heading[cue->heading - 1].title);
	}
	if (cue->time_ms < 0 && cue->number > 0) {
		buf_printf(&label, "%s%s %lld", label.len ? ", " : "", transcript->unit,
			(long long)cue->number);
	}
	return label.len ? buf_take(&label) : NULL;
}

/* A name has no NUL bytes: it is a string. */
static char *cue_speaker(const struct transcript *transcript, const struct cue *cue)
{
	return cue->speaker_len
		       ? mem_strndup(transcript->words.data + cue->speaker_at, cue->speaker_len)
		       : NULL;
}

int transcript_read(struct reader *reader, struct part *part, struct skip *skip)
{
	struct transcript *transcript = (struct transcript *)reader;
	const struct cue *cue;

	if (transcript->next >= transcript->n_cue) {
		if (transcript->left_out.len) {
			skip_set(skip, SKIP_RULE, "%s", transcript->left_out.data);
			buf_clear(&transcript->left_out);
			return READ_SKIPPED;
		}
		return READ_END;
	}
	cue = &transcript->cue[transcript->next++];
	part->place.time_ms = cue->time_ms;
	part->place.speaker = cue_speaker(transcript, cue);
	part->place.label = cue_label(transcript, cue);
	part->text = mem_strndup(transcript->words.data + cue->text_at, cue->text_len);
	part->len = cue->text_len;
	return READ_PART;
}

void transcript_close(struct reader *reader)
{
	struct transcript *transcript = (struct transcript *)reader;

	if (transcript) {
		buf_finish(&transcript->words);
		buf_finish(&transcript->left_out);
		free(transcript->cue);
		document_finish(&transcript->outline);
		free(transcript);
	}
}
