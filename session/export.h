/*
 * A session as one text: to read (Markdown, HTML), or to take along (JSON, session/exchange.h, which
 * session/import.h reads).
 *
 * What came from files and models is shown escaped (base/escape.h) in what is to be read, and exact
 * in JSON. HTML is one file that needs nothing else: no scripts, no links out of it; a citation leads
 * to the lines that it quotes, which stand in the file with some lines around them.
 */
#ifndef SESSION_EXPORT_H
#define SESSION_EXPORT_H

#include "base/buf.h"
#include "session/store.h"

#include <stdio.h>

struct export_session {
	const char *id; /* store_id() */
	const struct store_contents *contents;
	int is_ascii; /* JSON: everything else as \u, for a terminal */
};

/* Failures are those of the stream: ferror(). */
void export_md(FILE *out, const struct export_session *session);
void export_json(FILE *out, const struct export_session *session);
void export_html(FILE *out, const struct export_session *session);

/*
 * Where the words of a citation stand, as people read it: "S1 src/init.c:12-14",
 * "S2 spec.pdf p.37 (21)", "S3 standup.vtt 00:01:02 (Ana)"; "" where they were not found. Not escaped.
 */
void export_citation_place(struct buf *out, const struct citation *citation);
/* "verified", "quote not found"; and "superseded" where it is. */
const char *export_verdict(const struct citation *citation);
/* 2026-11-21 07:04, local time; "-" for none. */
enum { EXPORT_TIME_SIZE = 24 };
const char *export_time(char out[EXPORT_TIME_SIZE], int64_t time_s);
/* The ids from the first turn to `turn`, malloc'ed. */
int64_t *export_path(const struct store_contents *contents, int64_t turn, size_t *count);
/* NULL where there is none of that id. */
const struct store_turn *export_turn(const struct store_contents *contents, int64_t id);

#endif
