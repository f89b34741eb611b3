/*
 * Questions made from documents, to see whether a model finds and quotes what answers them: the
 * body of `carrel eval quote`.
 *
 * A question is about an entry (session/quiz_rules.h) and brings its own context: one to a few
 * sources, cut from the documents at line boundaries, with the entry at a place that is uniform
 * over the context. Others of the entry's family stand around it, and no second entry of the same
 * name. At most half of the question's content words stand in the lines that answer it. An absent
 * question asks for a name that the whole context does not hold. Everything follows from a seed.
 */
#ifndef SESSION_QUIZ_H
#define SESSION_QUIZ_H

#include "base/err.h"
#include "session/line_picker.h"
#include "session/quiz_rules.h"
#include "session/session.h"

#include <stddef.h>
#include <stdint.h>

struct quiz;

struct quiz *quiz_create(void);
void quiz_destroy(struct quiz *quiz); /* NULL-safe */
/*
 * Add the text files that stand under each path, a directory or a file; hidden files and symbolic
 * links inside of a directory are not looked at. A path that is not there is ERR_INPUTS.
 */
int quiz_load(struct quiz *quiz, const char *const *path, size_t n_path, struct err *err);
/* One document from memory; `name` is its path in the pack. */
void quiz_add_text(struct quiz *quiz, const char *name, const char *text, size_t len);
/* The files and texts of a session's sources, as they were loaded. Pages and cues are left out. */
void quiz_add_session(struct quiz *quiz, const struct session *session);

size_t quiz_document_count(const struct quiz *quiz);
size_t quiz_left_out(const struct quiz *quiz); /* files that are no text, or too large */
/* Entries of a family that can be asked for. */
size_t quiz_entry_count(const struct quiz *quiz, enum quiz_family family);

struct quiz_question {
	char *text;
	enum quiz_kind kind;
	char *anchor, *expected; /* what is asked about; the text that answers */
	int is_absent;
	struct document *source; /* the context: S1 is source[0] */
	size_t n_source;
	size_t target;                 /* the source with the entry; not of an absent question */
	int64_t line_first, line_last; /* of the entry in that source, from 1; 0 where absent */
	int64_t line_heading;          /* a quote may begin here, just above line_first; or 0 */
	size_t n_distractor;           /* others of its family; lines that mention an identifier */
	int64_t prompt_tok;            /* as count() had it */
	double position;               /* of the entry in the context, 0 to 1 */
	char *path; /* of a question to a whole library: the document with the entry; no `source` */
};
/* The path of the source with the entry. */
const char *quiz_target_name(const struct quiz_question *question);
void quiz_question_finish(struct quiz_question *question);

/* What a question has to be. */
struct quiz_order {
	enum quiz_family family;
	int is_absent;
	uint64_t seed, number;       /* the same two make the same question */
	int64_t least_tok, most_tok; /* of the whole prompt */
	size_t distractors;          /* at least so many */
	int settle;                  /* fewer will do where there are no more */
	/* Tokens of the prompt that asks it. */
	int (*count)(void *arg, const struct quiz_question *question, int64_t *prompt_tok,
		struct err *err);
	void *arg;
};
/*
 * Returns 1 with a question, 0 where the documents have none of this kind that was not asked since
 * quiz_restart(), -1 with the error of count().
 */
int quiz_make(struct quiz *quiz, const struct quiz_order *order, struct quiz_question *question,
	struct err *err);
/*
 * A question to all of the documents at once, for a library that is read beyond the window: it names
 * the program or the file that it is about, as a person would ("In wget(1), ..."). What answers stands
 * in that document once and in no other, and no line of it could as well answer. An absent one asks
 * for a name that is put together of two that are there and that no document holds. Its lines are
 * those of the document. Returns 1 with a question, 0 where there is none. Sections are never absent.
 */
int quiz_ask_library(struct quiz *quiz, enum quiz_family family, int is_absent, uint64_t seed,
	uint64_t number, struct quiz_question *question);
/* Names may be asked for again. */
void quiz_restart(struct quiz *quiz);

/* A new session with the question's sources. The caller destroys it. */
struct session *quiz_session(
	const struct quiz_question *question, const struct session_config *config);

struct quiz_grade {
	/*
	 * The first citation whose words were found lies in the entry's lines, or begins at the
	 * heading above them, and has a word of the answer that is not the name asked about. Never
	 * of an absent question.
	 */
	int right;
	int refused; /* the answer is "The sources do not say.", case and space folded, uncited */
	size_t n_citation, n_found; /* citations given; those whose words stand in a source */
};
struct quiz_grade quiz_grade(
	const struct quiz_question *question, const struct session_answer *answer);
/* Whether the line that BM25 picks lies in the entry's lines. */
int quiz_picker_is_right(const struct quiz_question *question, enum line_picker_unit unit);
/* The same of a question to a library: of all its lines. */
int quiz_library_picker_is_right(
	const struct quiz *quiz, const struct quiz_question *question, enum line_picker_unit unit);
/* Whether the path of a citation names the document of a question: it may be that of a folder more. */
int quiz_is_path(const struct quiz_question *question, const char *path);

#endif
