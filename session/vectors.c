#include "session/vectors_internal.h"

#include "base/f16.h"
#include "base/mem.h"
#include "session/chunk_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what there is ---- */

void vectors_chunk_text(const struct vectors *vectors, size_t number, struct buf *out)
{
	const struct chunk *chunk;
	const struct library_source *source = library_chunk(vectors->library, number, &chunk);

	chunk_text_heading(out, source->document, chunk);
	chunk_text_body(out, source->document, &chunk->slice);
}

static int by_key(const void *a, const void *b, void *arg)
{
	const struct sha256_digest *key = arg;
	size_t one = *(const size_t *)a, other = *(const size_t *)b;
	int order = memcmp(&key[one], &key[other], sizeof(*key));

	return order ? order : (one > other) - (one < other);
}

static void make_keys(struct vectors *vectors)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < vectors->n_chunk; i++) {
		buf_clear(&text);
		vectors_chunk_text(vectors, i, &text);
		vectors->key[i] = sha256_of(buf_str(&text), text.len);
		vectors->order[i] = i;
	}
	buf_finish(&text);
	qsort_r(vectors->order, vectors->n_chunk, sizeof(*vectors->order), by_key, vectors->key);
}

size_t vectors_find(const struct vectors *vectors, const struct sha256_digest *key)
{
	size_t low = 0, high = vectors->n_chunk;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (memcmp(&vectors->key[vectors->order[mid]], key, sizeof(*key)) < 0) {
			low = mid + 1;
		} else {
			high = mid;
		}
	}
	return low;
}

static int64_t chunk_tok(const struct vectors *vectors, size_t number)
{
	const struct chunk *chunk;

	library_chunk(vectors->library, number, &chunk);
	return chunk->tokens;
}

void vectors_take(struct vectors *vectors, const struct sha256_digest *key, const uint16_t *value)
{
	for (size_t at = vectors_find(vectors, key); at < vectors->n_chunk; at++) {
		size_t chunk = vectors->order[at];

		if (!sha256_equal(&vectors->key[chunk], key)) {
			break;
		}
		memcpy(vectors->value + chunk * vectors->n, value, vectors->n * sizeof(*value));
		if (!vectors->has[chunk]) {
			vectors->has[chunk] = 1;
			vectors->n_missing--;
			vectors->missing_tok -= chunk_tok(vectors, chunk);
		}
	}
	vectors->n_ranked = 0;
}

static void take_row(void *arg, const struct sha256_digest *key, const uint16_t *value)
{
	vectors_take(arg, key, value);
}

static int allocate(struct vectors *vectors, struct err *err)
{
	size_t n_chunk = vectors->n_chunk ? vectors->n_chunk : 1;

	vectors->key = calloc(n_chunk, sizeof(*vectors->key));
	vectors->order = calloc(n_chunk, sizeof(*vectors->order));
	vectors->has = calloc(n_chunk, sizeof(*vectors->has));
	vectors->value = calloc(n_chunk, vectors->n * sizeof(*vectors->value));
	vectors->mean = calloc(vectors->n, sizeof(*vectors->mean));
	vectors->length = calloc(n_chunk, sizeof(*vectors->length));
	return vectors->key && vectors->order && vectors->has && vectors->value && vectors->mean &&
			       vectors->length
		       ? 0
		       : err_set(err, ERR_FAILURE, NULL, "load less, or select by words alone",
				 "there is no memory for %zu vectors of %zu numbers",
				 vectors->n_chunk, vectors->n);
}

static int64_t chunks_tok(const struct library *library)
{
	int64_t sum = 0;

	for (size_t i = 0; i < library->n_source; i++) {
		for (size_t k = 0; k < library->source[i].cut.n_chunk; k++) {
			sum += library->source[i].cut.chunk[k].tokens;
		}
	}
	return sum;
}

int vectors_open(struct vectors **out, const struct library *library, const char *folder,
	struct engine *embedder, struct err *err)
{
	const struct engine_info *info = engine_info(embedder);
	struct vectors *vectors;

	*out = NULL;
	if (engine_wait_ready(embedder, err) < 0) {
		return -1;
	}
	if (!info->can_embed || info->n_embedding < 1 || info->n_embedding > VECTORS_MAX_N) {
		return err_set(err, ERR_ENGINE, info->model_name, "use another model with --embed",
			"makes no vectors");
	}
	vectors = mem_zero(1, sizeof(*vectors));
	vectors->library = library;
	vectors->embedder = embedder;
	vectors->folder = mem_strdup(folder);
	vectors->n = vectors->model.n = (size_t)info->n_embedding;
	memcpy(vectors->model.digest, info->model_digest, sizeof(vectors->model.digest));
	vectors->n_chunk = vectors->n_missing = library->n_chunk;
	vectors->missing_tok = chunks_tok(library);
	if (allocate(vectors, err) < 0) {
		vectors_close(vectors);
		return -1;
	}
	make_keys(vectors);
	if (folder) {
		vectors_file_read(folder, &vectors->model, take_row, vectors, &vectors->n_row);
	}
	*out = vectors;
	return 0;
}

void vectors_close(struct vectors *vectors)
{
	if (vectors) {
		free(vectors->key);
		free(vectors->order);
		free(vectors->has);
		free(vectors->value);
		free(vectors->mean);
		free(vectors->length);
		free(vectors->folder);
		free(vectors);
	}
}

size_t vectors_missing(const struct vectors *vectors, double *seconds)
{
	double rate = engine_info(vectors->embedder)->embed_tok_per_s;

	if (seconds) {
		*seconds = !vectors->n_missing ? 0
			   : rate > 0          ? (double)vectors->missing_tok / rate
					       : -1;
	}
	return vectors->n_missing;
}

/* ---- ranking ---- */

/* What all chunks have in common says nothing about one of them: it is taken off each. */
static void find_mean(struct vectors *vectors)
{
	const size_t n = vectors->n;
	double *sum = mem_zero(n, sizeof(*sum));
	size_t count = vectors->n_chunk - vectors->n_missing;

	for (size_t i = 0; i < vectors->n_chunk; i++) {
		const uint16_t *value = vectors->value + i * n;

		for (size_t k = 0; k < n && vectors->has[i]; k++) {
			sum[k] += (double)f16_to(value[k]);
		}
	}
	for (size_t k = 0; k < n; k++) {
		vectors->mean[k] = count ? (float)(sum[k] / (double)count) : 0;
	}
	free(sum);
}

/* Sums that a compiler may keep side by side: float addition is not associative, and so it must not. */
enum { LANES = 16 };

static float sum_lanes(const float lane[LANES])
{
	float sum = 0;

	for (int i = 0; i < LANES; i++) {
		sum += lane[i];
	}
	return sum;
}

/* The length of what is left of a vector without the mean. */
static float centred_length(const uint16_t *value, const float *mean, size_t n)
{
	float lane[LANES] = {0};
	size_t k = 0;

	for (; k + LANES <= n; k += LANES) {
		for (size_t i = 0; i < LANES; i++) {
			float rest = f16_to(value[k + i]) - mean[k + i];

			lane[i] += rest * rest;
		}
	}
	for (; k < n; k++) {
		float rest = f16_to(value[k]) - mean[k];

		lane[k % LANES] += rest * rest;
	}
	return sqrtf(sum_lanes(lane));
}

static float product(const uint16_t *value, const float *mean, const float *question, size_t n)
{
	float lane[LANES] = {0};
	size_t k = 0;

	for (; k + LANES <= n; k += LANES) {
		for (size_t i = 0; i < LANES; i++) {
			lane[i] += (f16_to(value[k + i]) - mean[k + i]) * question[k + i];
		}
	}
	for (; k < n; k++) {
		lane[k % LANES] += (f16_to(value[k]) - mean[k]) * question[k];
	}
	return sum_lanes(lane);
}

static void prepare(struct vectors *vectors)
{
	size_t count = vectors->n_chunk - vectors->n_missing;

	if (vectors->n_ranked == count) {
		return;
	}
	find_mean(vectors);
	for (size_t i = 0; i < vectors->n_chunk; i++) {
		vectors->length[i] = vectors->has[i]
					     ? centred_length(vectors->value + i * vectors->n,
						       vectors->mean, vectors->n)
					     : 0;
	}
	vectors->n_ranked = count;
}

static int by_score(const void *a, const void *b)
{
	const struct ranked *one = a, *other = b;

	if (one->score != other->score) {
		return one->score < other->score ? 1 : -1;
	}
	return (one->chunk > other->chunk) - (one->chunk < other->chunk);
}

/* Takes the mean off the question, too; what is left has the length 1. */
static void centre_question(const struct vectors *vectors, float *question)
{
	double square = 0;

	for (size_t k = 0; k < vectors->n; k++) {
		question[k] -= vectors->mean[k];
		square += (double)question[k] * (double)question[k];
	}
	for (size_t k = 0; k < vectors->n && square > 0; k++) {
		question[k] = (float)((double)question[k] / sqrt(square));
	}
}

int vectors_rank(struct vectors *vectors, const char *question, size_t len, size_t most,
	const struct session_watch *watch, struct ranked **out, size_t *count, struct err *err)
{
	float *asked = mem_zero(vectors->n, sizeof(*asked));
	struct ranked *ranked;
	size_t n = 0;

	*out = NULL;
	*count = 0;
	if (vectors->n_missing == vectors->n_chunk) {
		free(asked);
		return 0;
	}
	if (vectors_embed_question(vectors, question, len, watch, asked, err) < 0) {
		free(asked);
		return -1;
	}
	prepare(vectors);
	centre_question(vectors, asked);
	ranked = mem_alloc((vectors->n_chunk + 1) * sizeof(*ranked));
	for (size_t i = 0; i < vectors->n_chunk; i++) {
		const uint16_t *value = vectors->value + i * vectors->n;

		if (vectors->has[i]) {
			float cosine = vectors->length[i] > 0
					       ? product(value, vectors->mean, asked, vectors->n) /
							 vectors->length[i]
					       : 0;

			ranked[n++] = (struct ranked){i, (double)cosine};
		}
	}
	qsort(ranked, n, sizeof(*ranked), by_score);
	free(asked);
	*out = ranked;
	*count = n < most ? n : most;
	return 0;
}
