/*
 * Which chunks of a library a question is about, by their words: BM25 over FTS5, of each chunk and the
 * headings above it. Words are folded as session/fts5_words.h does; identifiers are indexed whole and
 * by their parts (`rawDataOffset`, `raw_data_offset`: raw, data, offset), words of prose beside their
 * Porter stem, and what a line begins with or defines as explained there (session/retrieve_words.h). A
 * question is its words, any of which may be missing; stop words (session/words.h) count for nothing.
 * A file that it names (`gzip(1)`, `init.c`) comes before others, and a section that it is about by
 * what such sections are called (`who wrote it`: AUTHORS).
 *
 * The index is kept in the session's folder, bound to the exact chunks by a digest, and made again
 * where it is missing, damaged or of other ones: it can be slow to be there, never wrong.
 * search_forget() removes it, too. Chunks of a source are indexed by the source's own digest, so that a
 * library that grows is indexed where it grew. On two cores 5.4 million tokens take a second of CPU and
 * 13 MB, and a question some 20 ms.
 */
#ifndef SESSION_RETRIEVE_H
#define SESSION_RETRIEVE_H

#include "base/err.h"
#include "session/library.h"

#include <stddef.h>
#include <stdint.h>

struct retrieve;

struct ranked {       /* the best first */
	size_t chunk; /* its number in the library */
	double score; /* greater is better; comparable within one list only */
};

/* `folder` NULL: in memory. watch->reading tells how far. */
int retrieve_open(struct retrieve **out, const struct library *library, const char *folder,
	const struct session_watch *watch, struct err *err);
void retrieve_close(struct retrieve *retrieve); /* NULL-safe */
/* At most `most`; *out is malloc'ed. */
int retrieve_rank(struct retrieve *retrieve, const char *question, size_t len, size_t most,
	struct ranked **out, size_t *count, struct err *err);

/*
 * Lists by reciprocal rank (Cormack, Clarke and Buettcher, SIGIR 2009): the sum of weight / (60 + rank). *out is malloc'ed.
 */
struct ranking {
	const struct ranked *item;
	size_t count;
	double weight;
};
void retrieve_merge(
	const struct ranking *ranking, size_t n_ranking, struct ranked **out, size_t *count);

/*
 * What is read of the best chunks: as many as budget_tok holds, each with its neighbours where they
 * fit (a chunk that the best ones lie around is read, too) and the heading above it; in the order of
 * the sources. *out is malloc'ed.
 */
void retrieve_pick(const struct library *library, const struct ranked *ranked, size_t n_ranked,
	int64_t budget_tok, struct excerpt **out, size_t *count);

#endif
