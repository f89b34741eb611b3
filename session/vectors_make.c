/* Making vectors: texts go to the engine some at a time, and come back as they are done. */
#include "session/vectors_internal.h"

#include "base/f16.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	UNDER_WAY = 32,  /* texts: what one batch is made of, and what the next one will be */
	PIECE_BYTES = 16 /* a text is not cut finer than that */
};

/*
 * A text under way. What is longer than the model reads at once is read piece by piece; its vector is
 * the sum of theirs, each as heavy as its bytes.
 */
struct making {
	size_t chunk;
	int is_question;
	struct buf text;
	size_t at, len;  /* the piece that is asked for */
	int64_t request; /* 0: nothing is under way */
	float *sum;      /* [n] */
};

static int submit(struct vectors *vectors, struct making *making, struct err *err)
{
	struct prompt prompt = {0};
	struct engine_request request = {.prompt = &prompt,
		.sampling = engine_sampling_default,
		.priority = making->is_question ? 0 : -1,
		.want_embedding = 1,
		.is_question = making->is_question};

	prompt_add(&prompt, segment_mark(PROMPT_BEGIN));
	prompt_add(&prompt, segment_text(making->text.data + making->at, making->len));
	making->request = engine_submit(vectors->embedder, &request, err);
	prompt_finish(&prompt);
	return making->request < 0 ? -1 : 0;
}

/* *making has its text. */
static int begin(struct vectors *vectors, struct making *making, struct err *err)
{
	if (!making->text.len) {
		buf_addch(&making->text, '\n'); /* something has to be read */
	}
	making->sum = mem_resize(making->sum, vectors->n, sizeof(*making->sum));
	memset(making->sum, 0, vectors->n * sizeof(*making->sum));
	making->at = 0;
	making->len = making->text.len;
	return submit(vectors, making, err);
}

static void finish(struct making *making)
{
	buf_finish(&making->text);
	free(making->sum);
}

/* The first half of a piece that is too long, cut between two characters. */
static int halve(struct vectors *vectors, struct making *making, struct err *err)
{
	size_t half = making->len / 2;
	size_t tail = utf8_incomplete_tail(making->text.data + making->at, half);

	making->len = half > tail ? half - tail : half;
	return submit(vectors, making, err);
}

/* Of an event of this text. Returns 1 when its vector is there. */
static int hear(struct vectors *vectors, struct making *making, const struct engine_event *event,
	struct err *err)
{
	size_t left;

	switch (event->type) {
	case ENGINE_EMBEDDING:
		for (size_t i = 0; i < vectors->n; i++) {
			making->sum[i] += (float)making->len * event->embedding[i];
		}
		return 0;
	case ENGINE_FAILED:
		making->request = 0;
		if (event->err.code == ERR_CONTEXT && making->len > PIECE_BYTES) {
			return halve(vectors, making, err);
		}
		if (err) {
			*err = event->err;
		}
		return -1;
	case ENGINE_DONE:
		making->request = 0;
		making->at += making->len;
		left = making->text.len - making->at;
		making->len = left < making->len ? left : making->len;
		return left ? submit(vectors, making, err) : 1;
	default:
		return 0;
	}
}

static void normalise(float *vector, size_t n)
{
	double square = 0;

	for (size_t i = 0; i < n; i++) {
		square += (double)vector[i] * (double)vector[i];
	}
	for (size_t i = 0; i < n && square > 0; i++) {
		vector[i] = (float)((double)vector[i] / sqrt(square));
	}
}

/* ---- one ---- */

int vectors_embed_question(struct vectors *vectors, const char *question, size_t len,
	const struct session_watch *watch, float *out, struct err *err)
{
	struct making making = {.is_question = 1};
	struct engine_event event;
	int status;

	buf_add(&making.text, question, len);
	status = begin(vectors, &making, err);
	while (status == 0) {
		if (session_is_stopped(watch)) {
			engine_cancel(vectors->embedder, making.request);
			status = session_interrupted(err);
		} else if (session_next(vectors->embedder, watch, &event) &&
			   event.request == making.request) {
			status = hear(vectors, &making, &event, err);
		}
	}
	if (status > 0) {
		memcpy(out, making.sum, vectors->n * sizeof(*out));
		normalise(out, vectors->n);
	}
	finish(&making);
	return status > 0 ? 0 : -1;
}

/* ---- many ---- */

struct work {
	struct vectors *vectors;
	const struct session_watch *watch;
	struct vectors_writer writer;
	struct making making[UNDER_WAY];
	size_t next; /* the first chunk that was not looked at */
	size_t n_under_way;
	size_t n_missing; /* when it began */
	uint16_t *value;  /* [n] */
	int64_t n_tok;    /* of what is made */
};

static void tell(const struct work *work)
{
	const struct vectors *vectors = work->vectors;
	struct session_progress progress = {.step = SESSION_EMBEDDING,
		.done = (int64_t)(vectors->n_chunk - vectors->n_missing),
		.total = (int64_t)vectors->n_chunk,
		.computed_tok = work->n_tok};

	if (work->watch && work->watch->reading) {
		vectors_missing(vectors, &progress.eta_s);
		work->watch->reading(work->watch->arg, &progress);
	}
}

/* Of chunks with the same text only the first is made. */
static int is_first(const struct vectors *vectors, size_t chunk)
{
	return vectors->order[vectors_find(vectors, &vectors->key[chunk])] == chunk;
}

/* Keep as many texts under way as the engine takes together. */
static int fill(struct work *work, struct err *err)
{
	struct vectors *vectors = work->vectors;

	for (size_t i = 0; i < UNDER_WAY; i++) {
		struct making *making = &work->making[i];

		while (!making->request && work->next < vectors->n_chunk) {
			size_t chunk = work->next++;

			if (vectors->has[chunk] || !is_first(vectors, chunk)) {
				continue;
			}
			buf_clear(&making->text);
			vectors_chunk_text(vectors, chunk, &making->text);
			making->chunk = chunk;
			if (begin(vectors, making, err) < 0) {
				return -1;
			}
			work->n_under_way++;
		}
	}
	return 0;
}

static void keep(struct work *work, const struct making *making)
{
	struct vectors *vectors = work->vectors;
	const struct sha256_digest *key = &vectors->key[making->chunk];

	normalise(making->sum, vectors->n);
	for (size_t i = 0; i < vectors->n; i++) {
		work->value[i] = f16_from(making->sum[i]);
	}
	vectors_writer_add(&work->writer, key, work->value);
	vectors_take(vectors, key, work->value);
	work->n_under_way--;
	tell(work);
}

static int hear_one(struct work *work, const struct engine_event *event, struct err *err)
{
	for (size_t i = 0; i < UNDER_WAY; i++) {
		struct making *making = &work->making[i];

		if (making->request && making->request == event->request) {
			int status = hear(work->vectors, making, event, err);

			if (event->type == ENGINE_DONE) {
				work->n_tok += event->usage.prefill_tok;
			}
			if (status > 0) {
				keep(work, making);
			}
			return status < 0 ? -1 : 0;
		}
	}
	return 0;
}

static int make_all(struct work *work, struct err *err)
{
	struct engine_event event;

	while (work->vectors->n_missing) {
		if (session_is_stopped(work->watch)) {
			return session_interrupted(err);
		}
		if (fill(work, err) < 0) {
			return -1;
		}
		if (session_next(work->vectors->embedder, work->watch, &event) &&
			hear_one(work, &event, err) < 0) {
			return -1;
		}
	}
	return 0;
}

static void write_kept(struct vectors_writer *writer, const struct vectors *vectors)
{
	for (size_t i = 0; i < vectors->n_chunk; i++) {
		if (vectors->has[i] && is_first(vectors, i)) {
			vectors_writer_add(
				writer, &vectors->key[i], vectors->value + i * vectors->n);
		}
	}
}

/* A file that holds more of other chunks, or of damage, than of these is written anew. */
static void tidy(const struct vectors *vectors)
{
	struct vectors_writer writer;
	int64_t n_used = (int64_t)(vectors->n_chunk - vectors->n_missing);

	if (!vectors->folder || vectors->n_row <= 2 * n_used + 64) {
		return;
	}
	vectors_writer_open(&writer, vectors->folder, VECTORS_FILE_NEW, &vectors->model);
	write_kept(&writer, vectors);
	if (vectors_writer_close(&writer) == 0) {
		vectors_file_replace(vectors->folder);
	}
}

int vectors_make(struct vectors *vectors, const struct session_watch *watch, struct err *err)
{
	struct work *work;
	int status;

	if (!vectors->n_missing) {
		return 0;
	}
	work = mem_zero(1, sizeof(*work));
	work->vectors = vectors;
	work->watch = watch;
	work->writer.fd = -1;
	work->value = mem_zero(vectors->n, sizeof(*work->value));
	if (vectors->folder) {
		tidy(vectors);
		vectors_writer_open(&work->writer, vectors->folder, VECTORS_FILE, &vectors->model);
	}
	tell(work);
	status = make_all(work, err);
	for (size_t i = 0; i < UNDER_WAY; i++) {
		if (work->making[i].request) {
			engine_cancel(vectors->embedder, work->making[i].request);
		}
		finish(&work->making[i]);
	}
	vectors_writer_close(&work->writer);
	free(work->value);
	free(work);
	return status;
}
