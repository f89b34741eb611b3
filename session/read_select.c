/* Which passages a question is about. */
#include "session/read_internal.h"

#include "base/mem.h"
#include "session/retrieve.h"
#include "session/vectors.h"

#include <stdlib.h>

enum {
	RANKED_MOST = 256,   /* of each list */
	VECTORS_ASKED_S = 60 /* vectors that take longer are made only when they are asked for */
};

const char *read_folder(const struct session *session)
{
	return store_is_kept(session->store) ? store_folder(session->store) : NULL;
}

/* The question does not depend on the folder: where it cannot be written, memory will do. */
static int open_words(struct reading *reading, struct retrieve **words, struct err *err)
{
	const char *folder = read_folder(reading->session);
	struct err why = {.code = ERR_NONE};
	int status = retrieve_open(words, reading->library, folder, reading->watch, &why);

	if (status < 0 && folder && why.code != ERR_INTERRUPTED) {
		status = retrieve_open(words, reading->library, NULL, reading->watch, &why);
	}
	if (status < 0 && err) {
		*err = why;
	}
	return status;
}

/* Vectors of the chunks, those that are missing made where that is asked for or soon done. */
static int open_vectors(struct reading *reading, int all, struct vectors **vectors, struct err *err)
{
	double seconds;
	int status = vectors_open(vectors, reading->library, read_folder(reading->session),
		reading->how->embedder, err);

	if (status == 0 && vectors_missing(*vectors, &seconds) > 0 &&
		(all || (seconds >= 0 && seconds < VECTORS_ASKED_S))) {
		status = vectors_make(*vectors, reading->watch, err);
		if (status < 0) {
			vectors_close(*vectors);
			*vectors = NULL;
		}
	}
	return status;
}

static int rank_words(
	struct reading *reading, struct ranked **ranked, size_t *count, struct err *err)
{
	struct retrieve *words;
	int status = open_words(reading, &words, err);

	if (status < 0) {
		return -1;
	}
	status = retrieve_rank(
		words, reading->question, reading->question_len, RANKED_MOST, ranked, count, err);
	retrieve_close(words);
	return status;
}

static int rank_vectors(
	struct reading *reading, struct ranked **ranked, size_t *count, struct err *err)
{
	struct vectors *vectors;
	int status = open_vectors(reading, 0, &vectors, err);

	if (status < 0) {
		return -1;
	}
	status = vectors_rank(vectors, reading->question, reading->question_len, RANKED_MOST,
		reading->watch, ranked, count, err);
	vectors_close(vectors);
	return status;
}

static int rank(struct reading *reading, struct ranked **ranked, size_t *count, struct err *err)
{
	struct ranked *list[2] = {NULL, NULL};
	struct ranking ranking[2] = {{.weight = 1}, {.weight = 1}};
	size_t n = 1;
	int status = rank_words(reading, &list[0], &ranking[0].count, err);

	if (status == 0 && reading->how->embedder) {
		status = rank_vectors(reading, &list[1], &ranking[1].count, err);
		n = 2;
	}
	if (status == 0) {
		ranking[0].item = list[0];
		ranking[1].item = list[1];
		retrieve_merge(ranking, n, ranked, count);
	}
	free(list[0]);
	free(list[1]);
	return status;
}

int read_select(
	struct reading *reading, struct excerpt **excerpt, size_t *n_excerpt, struct err *err)
{
	struct ranked *ranked;
	size_t count;

	if (rank(reading, &ranked, &count, err) < 0) {
		return -1;
	}
	retrieve_pick(
		reading->library, ranked, count, read_excerpts_tok(reading), excerpt, n_excerpt);
	free(ranked);
	return 0;
}

int session_make_index(struct session *session, struct engine *engine,
	const struct session_reading *how, const struct session_watch *watch, struct err *err)
{
	struct reading reading = {.session = session, .engine = engine, .how = how, .watch = watch};
	struct retrieve *words;
	struct vectors *vectors;

	if (session_library(session, engine, how->window_tok, watch, &reading.library, err) < 0 ||
		open_words(&reading, &words, err) < 0) {
		return -1;
	}
	retrieve_close(words);
	if (how->embedder) {
		if (open_vectors(&reading, 1, &vectors, err) < 0) {
			return -1;
		}
		vectors_close(vectors);
	}
	return 0;
}
