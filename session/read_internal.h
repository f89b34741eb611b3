/*
 * Reading more than the window, from inside. read.c: its course, and the last pass; read_many.c: many
 * questions at one time; read_sweep.c: a question asked of every window; read_finds.c: what that
 * found, and which of it the last pass reads; read_lines.c: what it overlooked; read_subject.c: the
 * question's words; read_excerpts.c: the lines around it; read_select.c:
 * which passages to read instead.
 */
#ifndef SESSION_READ_INTERNAL_H
#define SESSION_READ_INTERNAL_H

#include "session/library.h"
#include "session/session_internal.h"
#include "session/words.h"

#include <stddef.h>
#include <stdint.h>

/* One question on its way. */
struct reading {
	struct session *session;
	struct engine *engine;
	const struct session_reading *how;
	const struct library *library;
	const char *question;
	size_t question_len;
	struct engine_sampling sampling; /* of the last pass */
	int64_t max_tok;
	const struct session_watch *watch;
	int64_t base_tok; /* of a prompt without excerpts and without the conversation */
	struct session_coverage coverage;
	struct engine_usage usage; /* sums over everything before the last pass */
	double begun_ms;
};

double read_now_ms(void);
void read_tell(const struct reading *reading, const struct session_progress *progress);
/* That a stop ends it, so far as it was read. */
void read_tell_stopped(const struct reading *reading);
void read_add_usage(struct engine_usage *sum, const struct engine_usage *usage);
/*
 * The library and what a prompt takes without excerpts. Windows are as the model has them, or smaller
 * where its context was made smaller than that.
 */
int read_open(struct reading *reading, struct err *err);
/* Whether everything is in the window, with the question; 0 or 1, or -1. */
int read_fits(const struct reading *reading, struct err *err);
/* How much text the last pass and select read; of the conversation, a window's prompt and theirs. */
int64_t read_room_tok(const struct reading *reading); /* of both, and the conversation */
int64_t read_excerpts_tok(const struct reading *reading);
/* The same as it is packed: with the tags of its sources. */
int64_t read_packed_tok(const struct reading *reading);
int64_t read_window_turns_tok(const struct reading *reading);
int64_t read_turns_tok(const struct reading *reading);

/* ---- read_many.c ---- */

/* What came of one of many questions. */
struct read_answer {
	struct buf text;
	double confidence; /* the mean log probability of its tokens */
	struct engine_usage usage;
};
/*
 * Short questions about excerpts, so many of them at one time as the engine makes batches of: what
 * each is about must last until it is done, in any order. Where watch->stopped says so, *is_stopped is
 * set and SESSION_STOPPED told: no more are asked, those whose prompt is not computed are dropped; where
 * it says so again, those that are being answered, too. A failure of one is that of all.
 */
struct read_many {
	size_t n;
	void (*about)(void *arg, size_t index, struct library_prompt *what, int *no_store);
	void (*done)(void *arg, size_t index, const struct library_prompt *what,
		const struct read_answer *answer);
	void *arg;
	int keeps_fronts; /* what they are about will be asked about again: its KV is kept */
};
int read_many(
	struct reading *reading, const struct read_many *many, int *is_stopped, struct err *err);

/* ---- read_subject.c ---- */

enum { READ_WORDS_MAX = 32 };

/* The words of the question that say what it is about, and how rare they are in the library. */
struct read_subject {
	struct word word[READ_WORDS_MAX];
	double weight[READ_WORDS_MAX];
	double sum;
	size_t n;
};
struct read_subject read_subject(const struct reading *reading);
/* Which part of them stands in a slice, by their weight: 0 to 1. */
double read_share(const struct read_subject *subject, const struct document *document,
	const struct slice *slice);

/* ---- read_excerpts.c, read_finds.c ---- */

/* A quote of a window. */
struct find {
	size_t window;
	struct citation *citation; /* one, owned */
	struct slice lines;        /* its own */
	struct excerpt excerpt;    /* these and those around them */
	double confidence;         /* of the answer that it stands in */
	double score;              /* greater is better */
	int64_t tokens;            /* of the excerpt; -1: not counted */
	int is_kept;
};
struct finds {
	struct find *item;
	size_t count, cap;
};
void finds_finish(struct finds *finds);
/* Of the citations of a window's answer those that were found; returns how many. */
size_t finds_add(struct finds *finds, const struct excerpt *in, size_t window, double confidence,
	const struct citation *citation, size_t n_citation);
/* The excerpt in which a citation was found, and its whole lines there; n_excerpt: in none. */
size_t excerpt_cited(const struct excerpt *excerpt, size_t n_excerpt,
	const struct citation *citation, struct slice *lines);
/* The lines of a slice and those around them, about `bytes` in all, not beyond the file. */
struct slice excerpt_widen(const struct document *document, struct slice slice, size_t bytes);
/* In the order of the sources, those that overlap made one; returns how many are left. */
size_t excerpts_tidy(struct excerpt *excerpt, size_t n_excerpt);
/*
 * A small model overlooks half of what it is asked for. Where the words of the question stand in a
 * window that was read and none of its quotes has them, the line that has most of them is a find, too:
 * the best few in all. Reads no token. was_read[n_window].
 */
void finds_add_lines(struct finds *finds, const struct reading *reading, const uint8_t *was_read);
/* Windows that have one; of those that are kept only. */
size_t finds_count_windows(const struct finds *finds, int kept_only);
/*
 * The best first, by the question's words around them and by the model's confidence. Equal ones in the
 * order of the sources.
 */
void finds_rank(struct finds *finds, const struct reading *reading);
/*
 * Mark those that the last pass reads: all where they fit, else those that are quoted again where
 * they are asked about in groups. *excerpt is malloc'ed, in the order of the sources, no two of them
 * overlap. A stop ends the groups: then the best that fit are read. One that fits by no means, not
 * with its own lines alone, is left out; where that is all of them, none is left.
 */
int finds_choose(struct finds *finds, struct reading *reading, struct excerpt **excerpt,
	size_t *n_excerpt, struct err *err);

/* ---- read_sweep.c ---- */

/* The first of the windows whose KV the disk does not keep; how many there are where it keeps all. */
size_t read_first_unstored(const struct reading *reading);
/* Asks every window; coverage and usage are the reading's. */
int read_sweep(struct reading *reading, struct finds *finds, struct err *err);

/* ---- read_select.c ---- */

/* The passages to read; malloc'ed, in the order of the sources. */
int read_select(
	struct reading *reading, struct excerpt **excerpt, size_t *n_excerpt, struct err *err);

/* Where the session keeps its indices; NULL: nowhere. */
const char *read_folder(const struct session *session);

#endif
