/*
 * Full-text search in a session: passages of its sources and turns that hold all the words.
 *
 * WORDS. Each piece between spaces is a phrase: its words (runs of letters and digits; of Chinese and
 * Japanese, which have no spaces, each character) have to follow each other. What stands between
 * double quotes is one piece. An asterisk at the end of a piece stands for any end of its last word.
 * Case and accents make no difference. Nothing else has a meaning.
 *
 * PASSAGES. A page, a file or a text in pieces of some 4 KB that end with a line; cues, as many as
 * make 4 KB; the question or the answer of a turn. A phrase may run from one piece into the next.
 *
 * The sources' index is kept in the session's folder, in a file that is bound to the exact text by its
 * digest, and made again where it is missing, damaged or of another text: it can be slow to be there,
 * never wrong. It is not in session.db, so that loading does not wait for it, damage in it hurts nothing
 * and a dropped source leaves no word behind (search_forget()). Turns are few, and are indexed in
 * memory each time.
 */
#ifndef SESSION_SEARCH_H
#define SESSION_SEARCH_H

#include "base/err.h"
#include "session/store.h"

#include <stddef.h>
#include <stdint.h>

struct search;

/* ERR_USAGE where there is no word in it. */
int search_create(struct search **out, const char *words, struct err *err);
void search_destroy(struct search *search); /* NULL-safe */

struct search_mark { /* bytes [at, at + len) of a text */
	size_t at, len;
};
struct search_hit {
	int64_t turn;  /* 0: in a source */
	int is_answer; /* of a turn: not in its question */
	size_t block;  /* of the contents, of a source */
	size_t part;   /* where the first of the words stands */
	int64_t line;  /* there, from 1 */
	char *text;    /* the lines around it, as they are stored */
	size_t text_len;
	struct search_mark *mark; /* the words in it, in their order, apart from each other */
	size_t n_mark;
};
struct search_result {
	struct search_hit *hit; /* of turns, then of sources, each the best first */
	size_t n_hit, cap_hit;
	int64_t n_found; /* passages with all the words, shown or not */
};
/*
 * At most `most` of turns and as many of sources. `folder` is the session's, where its index is; NULL:
 * it is made in memory.
 */
int search_session(struct search *search, const struct store_contents *contents, const char *folder,
	size_t most, struct search_result *out, struct err *err);
void search_result_finish(struct search_result *result);

/* Remove the index of the session in `folder`: before and after text is removed from it. */
void search_forget(const char *folder);
/* The same, where text was removed since the contents were read: to be called after a search. */
void search_forget_dropped(const char *folder, const struct store_contents *contents);

#endif
