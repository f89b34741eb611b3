/* Which passages a question is about. */
#include "session/read_internal.h"

#include "base/mem.h"
#include "base/number.h"
#include "session/plan.h"
#include "session/retrieve.h"
#include "session/vectors.h"

#include <stdlib.h>
#include <string.h>

enum {
	RANKED_MOST = 256,   /* of each list */
	VECTORS_ASKED_S = 60 /* vectors that take longer are made only when they are asked for */
};
/*
 * What a rank by meaning counts, where one by words counts 1: little from a model that was not made for
 * it. (tests/bench/bench_select: the built-in model's are no better than chance, and with 0.1 they cost
 * the best 5 nothing.)
 */
#define WEIGHT_ENCODER 1.0
#define WEIGHT_DECODER 0.1

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

/* A watch that stops when the time is over, too: how fast vectors are made may not be known yet. */
struct limit {
	const struct session_watch *watch;
	double until_ms;
	int is_over;
};

static int limit_stopped(void *arg)
{
	struct limit *limit = arg;

	limit->is_over |= read_now_ms() > limit->until_ms;
	return limit->is_over || session_is_stopped(limit->watch);
}

static void limit_reading(void *arg, const struct session_progress *progress)
{
	const struct session_watch *watch = ((struct limit *)arg)->watch;

	if (watch && watch->reading) {
		watch->reading(watch->arg, progress);
	}
}

static int make_some(struct vectors *vectors, const struct session_watch *watch, struct err *err)
{
	struct limit limit = {.watch = watch, .until_ms = read_now_ms() + VECTORS_ASKED_S * 1e3};
	const struct session_watch limited = {
		.reading = limit_reading, .stopped = limit_stopped, .arg = &limit};

	return vectors_make(vectors, &limited, err) < 0 && !limit.is_over ? -1 : 0;
}

/* Vectors of the chunks, those that are missing made where that is asked for or soon done. */
static int open_vectors(struct reading *reading, int all, struct vectors **vectors, struct err *err)
{
	double seconds;
	int status = vectors_open(vectors, reading->library, read_folder(reading->session),
		reading->how->embedder, err);

	if (status == 0 && vectors_missing(*vectors, &seconds) > 0 &&
		(all || seconds < VECTORS_ASKED_S)) {
		status = all ? vectors_make(*vectors, reading->watch, err)
			     : make_some(*vectors, reading->watch, err);
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

/* None where not every chunk has its vector: those that have one would win. */
static int rank_vectors(
	struct reading *reading, struct ranked **ranked, size_t *count, struct err *err)
{
	struct vectors *vectors;
	int status = open_vectors(reading, 0, &vectors, err);

	if (status < 0) {
		return -1;
	}
	if (!vectors_missing(vectors, NULL)) {
		status = vectors_rank(vectors, reading->question, reading->question_len,
			RANKED_MOST, reading->watch, ranked, count, err);
	}
	vectors_close(vectors);
	return status;
}

static int rank(struct reading *reading, struct ranked **ranked, size_t *count, struct err *err)
{
	struct ranked *list[2] = {NULL, NULL};
	struct ranking ranking[2] = {{.weight = 1}};
	size_t n = 1;
	int status = rank_words(reading, &list[0], &ranking[0].count, err);

	if (status == 0 && reading->how->embedder) {
		status = rank_vectors(reading, &list[1], &ranking[1].count, err);
		ranking[1].weight = engine_info(reading->how->embedder)->only_embeds
					    ? WEIGHT_ENCODER
					    : WEIGHT_DECODER;
		n = ranking[1].count ? 2 : 1;
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

static int count_packed(struct reading *reading, const struct excerpt *excerpt, size_t n_excerpt,
	int64_t *tokens, struct err *err)
{
	struct library_prompt what = {.excerpt = excerpt,
		.n_excerpt = n_excerpt,
		.question = reading->question,
		.question_len = reading->question_len};
	struct prompt prompt = {0};
	int status;

	library_prompt(reading->session, reading->engine, &what, &prompt, NULL, NULL);
	status = session_count_prompt(reading->engine, &prompt, reading->watch, tokens, err);
	*tokens -= status < 0 ? 0 : reading->base_tok;
	prompt_finish(&prompt);
	return status;
}

static int too_little_room(const struct reading *reading, int64_t packed_tok, struct err *err)
{
	char needs[NUMBER_SIZE], has[NUMBER_SIZE];

	return err_set(err, ERR_CONTEXT, NULL, "a larger -c, or a shorter question",
		"the best passage takes %s tokens, and beside the question there is room for %s",
		number_grouped(needs, packed_tok), number_grouped(has, read_room_tok(reading)));
}

/*
 * Tags of many small sources can be more than their text: then fewer of them are read; the best passage
 * alone may take all the room there is.
 */
static int pick(struct reading *reading, const struct ranked *ranked, size_t n_ranked,
	struct excerpt **excerpt, size_t *n_excerpt, struct err *err)
{
	int64_t budget_tok = read_excerpts_tok(reading), packed_tok = 0;
	int64_t most_tok = read_packed_tok(reading), least_tok = 0;

	if (n_ranked) {
		const struct chunk *best;

		library_chunk(reading->library, ranked[0].chunk, &best);
		least_tok = best->tokens;
		budget_tok = budget_tok > least_tok ? budget_tok : least_tok;
	}
	for (;;) {
		retrieve_pick(reading->library, ranked, n_ranked, budget_tok, excerpt, n_excerpt);
		if (count_packed(reading, *excerpt, *n_excerpt, &packed_tok, err) < 0) {
			free(*excerpt);
			*excerpt = NULL;
			return -1;
		}
		if (packed_tok <= most_tok || !*n_excerpt) {
			return 0;
		}
		free(*excerpt);
		*excerpt = NULL;
		if (budget_tok <= least_tok && most_tok == read_room_tok(reading)) {
			return too_little_room(reading, packed_tok, err);
		}
		budget_tok = budget_tok * most_tok / packed_tok; /* which is less */
		if (budget_tok <= least_tok) {
			budget_tok = least_tok;
			most_tok = read_room_tok(reading);
		}
	}
}

int read_select(
	struct reading *reading, struct excerpt **excerpt, size_t *n_excerpt, struct err *err)
{
	struct ranked *ranked;
	size_t count;
	int status;

	if (rank(reading, &ranked, &count, err) < 0) {
		return -1;
	}
	status = pick(reading, ranked, count, excerpt, n_excerpt, err);
	free(ranked);
	return status;
}

/* As the questions will read it: the same windows, or chunks would be cut again. */
int session_make_index(struct session *session, struct engine *engine,
	const struct session_reading *how, const struct session_watch *watch, struct err *err)
{
	struct reading reading = {
		.session = session,
		.engine = engine,
		.how = how,
		.question = PLAN_QUESTION,
		.question_len = strlen(PLAN_QUESTION),
		.watch = watch,
	};
	struct retrieve *words;
	struct vectors *vectors;

	if (engine_wait_ready(engine, err) < 0 || read_open(&reading, err) < 0 ||
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
