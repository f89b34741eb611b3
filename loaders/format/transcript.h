/*
 * Transcripts: what was said, when, and by whom. Subtitles (SubRip, WebVTT), what speech recognisers
 * write (Whisper's JSON and the text that meetings are exported as) and chats all become cues in the
 * order of the file: time and speaker as they are given, never invented.
 *
 * CUES AND PARTS. A subtitle is some three seconds long and its head in the pack costs as much as
 * its words, so one speaker's successive captions are one part: until a sentence ends behind its
 * fifth second, or the next caption would begin behind its tenth (transcript_captions.c). What a
 * quote is said to be at is thus at most ten seconds early. An hour of SubRip of 969 captions costs
 * the built-in model 34,100 tokens as it is, 17,000 by its captions, 12,400 so; with a part for all
 * that is said in 30 seconds 11,100. Turns of chats are never merged.
 *
 * TEXT. In captions a line break is layout: their lines are joined by a space (not between CJK
 * characters). In chats it is text: it is kept.
 */
#ifndef LOADERS_FORMAT_TRANSCRIPT_H
#define LOADERS_FORMAT_TRANSCRIPT_H

#include "base/buf.h"
#include "loaders/loader.h"

#include <stddef.h>
#include <stdint.h>

/* A stretch of a text that somebody else owns. */
struct text_span {
	const char *at;
	size_t len;
};
/* Without white space at its ends. */
struct text_span span_trim(struct text_span span);
int span_equal(struct text_span a, struct text_span b);
/* Take the first line of *rest: without its end, which is LF, CRLF or CR. Returns 0 at the end. */
int span_next_line(struct text_span *rest, struct text_span *line);

/* ---- the reader ---- */

struct cue {
	int64_t time_ms;                                   /* -1 where none is known */
	size_t text_at, text_len, speaker_at, speaker_len; /* in words; no speaker: length 0 */
	int64_t number; /* of the line or message, for its label; 0: none */
	size_t heading; /* how many headings stand before its end */
};

struct transcript {
	struct reader reader;
	struct buf words;
	struct cue *cue;
	size_t n_cue, cap_cue;
	struct document outline; /* headings only; their parts are cues */
	const char *unit;        /* what cue.number counts: "line", "message" */
	size_t n_conversation;
	int has_days;        /* the headings are days: a time of day is none without its day */
	struct buf left_out; /* said of the input once, at the end: what was not read of it */
	size_t next;
};

/*
 * Open a reader whose cues `parse` adds, from the text in UTF-8 without a byte order mark. `parse`
 * returns 0, or -1 with *skip why.
 */
int transcript_open(struct reader **reader, const struct input *input, struct skip *skip,
	int (*parse)(struct transcript *transcript, const struct input *input,
		struct text_span text, struct skip *skip));
void transcript_outline(struct reader *reader, struct document *document);
int transcript_read(struct reader *reader, struct part *part, struct skip *skip);
void transcript_close(struct reader *reader);

/* Texts and speakers are trimmed; a cue without words is none. */
void transcript_add_cue(struct transcript *transcript, int64_t time_ms, struct text_span speaker,
	struct text_span text, int64_t number);
/* More words for the last cue, which must be the last thing that was added. */
void transcript_extend_cue(struct transcript *transcript, struct text_span text);
/* A heading that stands in the text, too: behind "# " where it has no time. */
void transcript_add_title(struct transcript *transcript, struct text_span title, int64_t time_ms);

/* The beginning of the input in UTF-8 for a probe: at most so many bytes, without a BOM. */
enum { TRANSCRIPT_PROBE_BYTES = 1 << 18 };
int transcript_peek(struct buf *text, const struct input *input);

/* ---- times ---- */

/*
 * A clock at the beginning of `text`: [h:]mm:ss with a fraction behind `.` or `,` or without.
 * Returns its length and stores it, -1 for a negative one, in *time_ms; 0 where there is none.
 */
size_t clock_parse(struct text_span text, int64_t *time_ms);
/* Seconds as JSON has them; -1 for what is no time. */
int64_t clock_from_seconds(double seconds);

/* ---- captions: pieces of a recording, shorter than sentences ---- */

struct caption {
	int64_t time_ms, end_ms;                           /* -1: unknown */
	size_t text_at, text_len, speaker_at, speaker_len; /* in text */
	int64_t number;
};

struct captions {
	struct buf text; /* lines end with '\n' */
	struct caption *item;
	size_t n, cap;
	int has_inline_times; /* as captions have that scroll word by word */
	int names_speakers;   /* lines that begin with "Ana: " do: look for them */
	int64_t line;         /* of the file, where the next one begins */
};
void captions_finish(struct captions *captions);
void captions_add(struct captions *captions, int64_t time_ms, int64_t end_ms,
	struct text_span speaker, struct text_span text);
/* Words that scroll through several captions once, speakers apart, the rest merged. */
void captions_move(struct captions *captions, struct transcript *transcript);

/*
 * A caption's text without its markup: `voice` is called for each stretch of one speaker. WebVTT's
 * rules (every tag, entities) or SubRip's (the known tags, {\an8}).
 */
enum caption_markup { MARKUP_SRT, MARKUP_VTT };
void markup_strip(struct captions *captions, enum caption_markup markup, int64_t time_ms,
	int64_t end_ms, struct text_span raw);

/* ---- speakers ---- */

/*
 * Whether these words are a name such as stands before a colon: "Ana", "Dr. Ana van Dyk",
 * "SPEAKER_01", "Ana (Acme)"; not "Note" nor "http".
 */
int speaker_is_name(struct text_span name);
/* The name before ": " at the beginning of a line, and what follows; returns 0 where there is none. */
int speaker_split(struct text_span line, struct text_span *name, struct text_span *rest);

#endif
