/* Which passages a question is about. */
#include "session/read_internal.h"

#include "base/mem.h"
#include "session/retrieve.h"

#include <stdlib.h>

enum { RANKED_MOST = 256 };

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

int read_select(
	struct reading *reading, struct excerpt **excerpt, size_t *n_excerpt, struct err *err)
{
	struct ranked *ranked;
	size_t count;

	if (rank_words(reading, &ranked, &count, err) < 0) {
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

	if (session_library(session, engine, how->window_tok, watch, &reading.library, err) < 0 ||
		open_words(&reading, &words, err) < 0) {
		return -1;
	}
	retrieve_close(words);
	return 0;
}
