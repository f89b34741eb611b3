/*
 * Transcripts and chats as plain text: what each line begins with, and whether a text is one at all.
 * Nothing but its lines says so, hence most of them have to; see lines_judge().
 */
#ifndef LOADERS_FORMAT_TRANSCRIPT_LINES_H
#define LOADERS_FORMAT_TRANSCRIPT_LINES_H

#include "loaders/format/transcript.h"

enum line_kind {
	LINE_WORDS,  /* what was said before goes on */
	LINE_CLOCK,  /* a time alone, or with a name only that may be the speaker: "00:01:02 Ana" */
	LINE_TIMED,  /* "[00:01:02] text", "[00:01:02] Ana: text", "[00:01 --> 00:05] text" */
	LINE_HEADER, /* "Ana (00:01:02):", "Ana  0:01", with or without text behind */
	LINE_TURN,   /* "Ana: text" */
	LINE_MESSAGE, /* WhatsApp: "[12/05/2024, 21:03:11] Ana: text", "12/05/24, 9:03 pm - Ana: text" */
};

struct line_parts {
	enum line_kind kind;
	int64_t time_ms, end_ms; /* -1: none */
	struct text_span speaker, text;
	struct text_span date; /* of a message, as it is written */
	int is_bracketed;      /* its time is */
	int is_short;          /* its time has no hours */
};
struct line_parts line_parse(struct text_span line);

enum { LINES_SPEAKERS_MAX = 64 };
/* What a text is by its lines. */
struct lines_verdict {
	enum { LINES_TEXT, LINES_TIMED, LINES_TURNS, LINES_MESSAGES } form;
	int clock_names_speaker; /* of "00:01:02 Ana" with the words below, Ana speaks */
	struct text_span speaker[LINES_SPEAKERS_MAX]; /* who stands before a colon, twice or more */
	size_t n_speaker;
};
/*
 * By the beginning of a text: a transcript with times, one without, an exported chat, or none.
 *
 * With times: three lines at least that have one, most lines where the words stand behind the time,
 * one of six where they stand below; times that do not fall but for restarts, and that begin in the
 * first hour, as those of recordings do and those of logs do not (in the first five minutes where
 * they have no hours: 9:30 also stands in timetables), unless every one names a speaker.
 * Without: six turns at least, of two speakers or more who speak three times on average, half of
 * the lines, and most of them sentences: `Package: foo` is none.
 */
struct lines_verdict lines_judge(struct text_span text);

#endif
