/*
 * Every session that is there, with its figures, and what is found in all of them: read from their
 * folders, without a lock, whoever has them open. Runs in an errand (tui/errand.h).
 */
#ifndef TUI_SESSION_LIST_H
#define TUI_SESSION_LIST_H

#include "base/buf.h"
#include "base/err.h"
#include "tui/errand.h"

#include <stddef.h>
#include <stdint.h>

struct session_row {
	char *id, *name, *folder, *directory; /* name "" where it has none */
	int64_t used_s, n_turn, n_source, source_tok, kv_bytes,
		n_bytes; /* source_tok -1: unknown */
	int is_pinned, is_in_use;
	char *trouble; /* why it cannot be read; else NULL */
};
struct session_list {            /* zero-initialise */
	struct session_row *row; /* used last first; those that cannot be read last */
	size_t n_row;
};
int session_list_read(
	struct session_list *list, const char *kv_folder, struct errand *errand, struct err *err);
void session_list_finish(struct session_list *list);
/* Its name, or its id while it has none. */
const char *session_row_name(const struct session_row *row);
/* "3 min", "2 h", "5 days". */
void session_row_age(struct buf *out, int64_t time_s, int64_t now_s);

struct session_hit {
	char *id, *name;
	char *place;    /* "S2 src/init.cc:120" (within a folder), "#4 answer" */
	int64_t source; /* its number; 0: in a turn */
	char *at;       /* in the source, as the reader is asked for it: "p37", "init.cc:120" */
	int64_t turn;
	char *text; /* the line that has the first of the words */
};
struct session_hits { /* zero-initialise */
	struct session_hit *hit;
	size_t n_hit, cap_hit;
	int64_t n_found; /* passages, shown or not */
	size_t n_unread; /* sessions that could not be */
};
enum { SESSION_HITS_EACH = 20 }; /* of turns, and as many of sources, of a session */
/* In all of them (one that cannot be read is counted), or in the one of that id. */
int session_hits_search(struct session_hits *hits, const char *words, const char *session,
	struct errand *errand, struct err *err);
void session_hits_finish(struct session_hits *hits);

/* A copy of a session under another name, which shares its KV. */
int session_copy(const char *folder, const char *name, const char *kv_folder, struct err *err);

#endif
