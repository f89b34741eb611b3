/*
 * Vectors of chunks: each is made once, a stop or damage costs what it took, and what is near a question
 * is what the vectors say.
 */
#include "base/crc32c.h"
#include "base/f16.h"
#include "base/file.h"
#include "session/search.h"
#include "session/store.h"
#include "session/vectors_internal.h"
#include "tests/unit/folder_fixture.h"
#include "tests/unit/session_fixture.h"

#include <math.h>
#include <sys/stat.h>

enum { TOPICS = 12, FILE_BYTES_MAX = 1 << 20 };

static char folder[] = "/tmp/carrel-vectors-XXXXXX";

/* Paragraphs, each larger than half a chunk: the fake model's tokens are bytes. */
static const char *const topic[TOPICS] = {
	"The ring is built where the channels are counted",
	"Bakers knead flour and yeast before the oven warms",
	"A harbour master writes down which ships anchor",
	"Violins are tuned by fifths and bows are rosined",
	"Glaciers carve valleys and leave moraines of gravel",
	"The parser reads tokens and emits a syntax tree",
	"Bees dance to show where nectar may be gathered",
	"Locksmiths file brass keys against worn pins",
	"Telescopes gather starlight with curved mirrors",
	"Potters fire kilns until their glaze melts",
	"Weavers thread looms with dyed wool and flax",
	"Surveyors chain meadows and mark the boundary stones",
};

static void add_topics(struct session *session, const char *name, int first, int end)
{
	struct buf text = BUF_INIT;

	for (int i = first; i < end; i++) {
		for (int k = 0; k < 6; k++) {
			buf_printf(&text, "%s, as paragraph %d says.\n", topic[i], i);
		}
		buf_addstr(&text, "\n");
	}
	add_text(session, name, buf_str(&text));
	buf_finish(&text);
}

struct fixture {
	struct session *session;
	struct engine *engine;
	const struct library *library;
};

static void cut(struct fixture *fixture)
{
	struct err err;

	must(session_library(fixture->session, fixture->engine, 0, NULL, &fixture->library, &err),
		&err);
}

static struct fixture start(void)
{
	struct fixture fixture = {session_create(&(struct session_config){0}), open_fake(0), NULL};

	vectors_forget(folder);
	add_topics(fixture.session, "topics.txt", 0, TOPICS);
	cut(&fixture);
	assert_true(fixture.library->n_chunk >= TOPICS);
	return fixture;
}

static void stop(struct fixture *fixture)
{
	session_destroy(fixture->session);
	engine_close(fixture->engine);
}

static struct vectors *open_vectors(const struct fixture *fixture, const char *where)
{
	struct vectors *vectors;
	struct err err;

	must(vectors_open(&vectors, fixture->library, where, fixture->engine, &err), &err);
	return vectors;
}

/* What a run of vectors_make() told. */
struct told {
	int64_t first_done, done, total, made_tok;
	int n_told;
	int64_t stop_at; /* done of them; 0: never */
};

static void hear(void *arg, const struct session_progress *progress)
{
	struct told *told = arg;

	assert_int_equal(SESSION_EMBEDDING, progress->step);
	assert_true(progress->done >= told->done && progress->done <= progress->total);
	if (!told->n_told++) {
		told->first_done = progress->done;
	}
	told->done = progress->done;
	told->total = progress->total;
	told->made_tok = progress->computed_tok;
}

static int wants_stop(void *arg)
{
	const struct told *told = arg;

	return told->stop_at && told->done >= told->stop_at;
}

static int make(struct vectors *vectors, struct told *told)
{
	struct session_watch watch = {.reading = hear, .stopped = wants_stop, .arg = told};
	struct err err;
	int status = vectors_make(vectors, &watch, &err);

	assert_true(status == 0 || err.code == ERR_INTERRUPTED);
	return status;
}

static void make_all(struct vectors *vectors)
{
	assert_int_equal(0, make(vectors, &(struct told){0}));
	assert_int_equal(0, vectors_missing(vectors, NULL));
}

static struct ranked *rank(struct vectors *vectors, const char *question, size_t *count)
{
	struct ranked *ranked;
	struct err err;

	must(vectors_rank(
		     vectors, question, strlen(question), SIZE_MAX, NULL, &ranked, count, &err),
		&err);
	return ranked;
}

static int chunk_has(const struct fixture *fixture, size_t number, const char *words)
{
	const struct chunk *chunk;
	const struct library_source *source = library_chunk(fixture->library, number, &chunk);
	const struct slice *slice = &chunk->slice;

	return memmem(source->document->part[slice->first].text + slice->at, slice->end - slice->at,
		       words, strlen(words)) != NULL;
}

/* ---- ranking ---- */

static void what_shares_words_comes_first(void **state)
{
	struct fixture fixture = start();
	struct vectors *vectors = open_vectors(&fixture, NULL);
	double seconds;
	size_t count;

	assert_int_equal(fixture.library->n_chunk, vectors_missing(vectors, &seconds));
	assert_true(seconds < 0); /* nothing was measured */
	make_all(vectors);
	for (int i = 0; i < TOPICS; i++) {
		struct ranked *ranked = rank(vectors, topic[i], &count);

		assert_int_equal(fixture.library->n_chunk, count);
		assert_true(chunk_has(&fixture, ranked[0].chunk, topic[i]));
		free(ranked);
	}
	vectors_close(vectors);
	stop(&fixture);
}

/* By the book, in double, from what is stored. */
static double cosine(const struct vectors *vectors, const float *question, size_t chunk)
{
	double dot = 0, a = 0, b = 0;

	for (size_t k = 0; k < vectors->n; k++) {
		double mean = 0, x, y;

		for (size_t i = 0; i < vectors->n_chunk; i++) {
			mean += (double)f16_to(vectors->value[i * vectors->n + k]) /
				(double)vectors->n_chunk;
		}
		x = (double)question[k] - mean;
		y = (double)f16_to(vectors->value[chunk * vectors->n + k]) - mean;
		dot += x * y;
		a += x * x;
		b += y * y;
	}
	return dot / sqrt(a * b);
}

static void scores_are_cosines_without_the_mean(void **state)
{
	static const char question[] = "where do ships anchor";
	struct fixture fixture = start();
	struct vectors *vectors = open_vectors(&fixture, NULL);
	float *asked = mem_zero(vectors->n, sizeof(*asked));
	struct ranked *ranked;
	struct err err;
	size_t count;

	make_all(vectors);
	must(vectors_embed_question(vectors, question, strlen(question), NULL, asked, &err), &err);
	ranked = rank(vectors, question, &count);
	for (size_t i = 0; i < count; i++) {
		assert_true(fabs(ranked[i].score - cosine(vectors, asked, ranked[i].chunk)) < 1e-5);
		assert_true(i == 0 || ranked[i].score <= ranked[i - 1].score);
	}
	free(ranked);
	free(asked);
	vectors_close(vectors);
	stop(&fixture);
}

static void halves_are_what_ieee_says(void **state)
{
	for (uint32_t half = 0; half < 1 << 16; half++) {
		int exponent = (int)(half >> 10 & 31), fraction = (int)(half & 1023);
		double value =
			exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
		float next;

		if (exponent == 31) {
			continue;
		}
		value = half >> 15 ? -value : value;
		assert_true((double)f16_to((uint16_t)half) == value);
		assert_int_equal(half, f16_from((float)value));
		/* Between it and the next one: the nearer, at the middle the even one. */
		if (half >> 15 || (half & 0x7fff) == 0x7bff) {
			continue;
		}
		next = f16_to((uint16_t)(half + 1));
		assert_int_equal(half + (half & 1), f16_from((f16_to((uint16_t)half) + next) / 2));
		assert_int_equal(half, f16_from(0.75f * f16_to((uint16_t)half) + 0.25f * next));
	}
}

/* ---- keeping ---- */

static void a_vector_is_made_once(void **state)
{
	struct fixture fixture = start();
	struct vectors *vectors = open_vectors(&fixture, folder);
	struct told told = {0};
	struct stat stat_;
	size_t n_before = fixture.library->n_chunk;
	double seconds;

	assert_int_equal(0, make(vectors, &told));
	assert_int_equal(0, told.first_done);
	assert_int_equal(n_before, told.done);
	vectors_close(vectors);
	assert_int_equal(0, stat(VECTORS_FILE, &stat_));
	assert_int_equal(0600, stat_.st_mode & 07777);

	vectors = open_vectors(&fixture, folder);
	assert_int_equal(0, vectors_missing(vectors, &seconds));
	assert_true(seconds == 0);
	told = (struct told){0};
	assert_int_equal(0, make(vectors, &told));
	assert_int_equal(0, told.n_told); /* there was nothing to do */
	vectors_close(vectors);

	/* The same text again needs nothing, a new one itself. */
	add_topics(fixture.session, "again.txt", 0, TOPICS);
	add_text(
		fixture.session, "new.txt", "Candles are dipped in tallow until they are thick.\n");
	cut(&fixture);
	vectors = open_vectors(&fixture, folder);
	assert_int_equal(1, vectors_missing(vectors, &seconds));
	assert_true(seconds > 0);
	told = (struct told){0};
	assert_int_equal(0, make(vectors, &told));
	assert_int_equal(2 * n_before, told.first_done);
	assert_int_equal(2 * n_before + 1, told.done);
	assert_in_range(told.made_tok, 50, 60);
	vectors_close(vectors);
	stop(&fixture);
}

static void a_run_that_was_stopped_goes_on(void **state)
{
	struct fixture fixture = start();
	int64_t left = (int64_t)fixture.library->n_chunk, n_run = 0;

	while (left) {
		struct vectors *vectors = open_vectors(&fixture, folder);
		struct told told = {.stop_at = (int64_t)fixture.library->n_chunk - left + 3};
		int status;

		assert_int_equal(left, vectors_missing(vectors, NULL));
		status = make(vectors, &told);
		assert_true(status == 0 || told.done > told.first_done);
		left = (int64_t)vectors_missing(vectors, NULL);
		assert_int_equal(told.total - told.done, left);
		assert_int_equal(status == 0, left == 0);
		vectors_close(vectors);
		n_run++;
	}
	assert_true(n_run > 1);
	stop(&fixture);
}

static void a_few_vectors_rank_what_they_are_of(void **state)
{
	struct fixture fixture = start();
	struct vectors *vectors = open_vectors(&fixture, NULL);
	struct ranked *ranked = rank(vectors, topic[0], &(size_t){0});
	struct told told = {.stop_at = 4};
	size_t count;

	assert_null(ranked); /* there are none */
	assert_int_equal(-1, make(vectors, &told));
	ranked = rank(vectors, topic[0], &count);
	assert_int_equal(told.done, count);
	assert_true(chunk_has(&fixture, ranked[0].chunk, topic[0]));
	free(ranked);
	vectors_close(vectors);
	stop(&fixture);
}

/* ---- damage ---- */

static void read_whole(struct buf *out)
{
	struct err err;

	must(file_read(out, VECTORS_FILE, FILE_BYTES_MAX, &err), &err);
}

static void write_bytes(const char *bytes, size_t len)
{
	FILE *file = fopen(VECTORS_FILE, "w");

	assert_non_null(file);
	assert_int_equal(len, fwrite(bytes, 1, len, file));
	assert_int_equal(0, fclose(file));
}

static void damage_costs_what_it_hit(void **state)
{
	struct fixture fixture = start();
	struct vectors *vectors = open_vectors(&fixture, folder);
	struct buf whole = BUF_INIT, again = BUF_INIT;
	size_t n_chunk = fixture.library->n_chunk, row_bytes;

	make_all(vectors);
	row_bytes = 36 + 2 * vectors->n;
	vectors_close(vectors);
	read_whole(&whole);
	assert_int_equal(88 + n_chunk * row_bytes, whole.len);
	for (size_t at = 0; at < whole.len; at += at < 100 ? 1 : 37) {
		whole.data[at] = (char)(whole.data[at] ^ 1 << at % 8);
		write_bytes(whole.data, whole.len);
		vectors = open_vectors(&fixture, folder);
		assert_int_equal(at < 88 ? n_chunk : 1, vectors_missing(vectors, NULL));
		vectors_close(vectors);
		whole.data[at] = (char)(whole.data[at] ^ 1 << at % 8);
	}
	for (size_t len = 0; len < whole.len; len += 29) {
		write_bytes(whole.data, len);
		vectors = open_vectors(&fixture, folder);
		assert_int_equal(n_chunk - (len < 88 ? 0 : (len - 88) / row_bytes),
			vectors_missing(vectors, NULL));
		if (len % 5 == 0) {
			make_all(vectors);
			buf_clear(&again);
			read_whole(&again);
			assert_int_equal(whole.len, again.len);
		}
		vectors_close(vectors);
	}
	buf_finish(&whole);
	buf_finish(&again);
	stop(&fixture);
}

static void what_is_made_again_is_the_same(void **state)
{
	struct fixture fixture = start();
	struct vectors *vectors = open_vectors(&fixture, folder);
	size_t n_chunk = fixture.library->n_chunk, value_bytes;
	uint16_t *value;
	struct buf whole = BUF_INIT;

	make_all(vectors);
	value_bytes = n_chunk * vectors->n * sizeof(*value);
	value = mem_alloc(value_bytes);
	memcpy(value, vectors->value, value_bytes);
	vectors_close(vectors);
	read_whole(&whole);
	for (size_t at = 100; at < whole.len; at += 331) {
		whole.data[at] = (char)~whole.data[at];
	}
	write_bytes(whole.data, whole.len);
	for (int i = 0; i < 2; i++) { /* made, and as it is kept beside the damage */
		vectors = open_vectors(&fixture, folder);
		assert_true(i || vectors_missing(vectors, NULL) > 1);
		make_all(vectors);
		assert_memory_equal(value, vectors->value, value_bytes);
		vectors_close(vectors);
	}
	free(value);
	buf_finish(&whole);
	stop(&fixture);
}

static void another_models_vectors_are_not_used(void **state)
{
	struct fixture fixture = start();
	struct vectors *vectors = open_vectors(&fixture, folder);
	struct vectors_model other = vectors->model;
	struct vectors_writer writer;
	int64_t n_row;

	make_all(vectors);
	vectors_close(vectors);
	other.digest[0] = other.digest[0] == 'a' ? 'b' : 'a';
	vectors_writer_open(&writer, folder, VECTORS_FILE, &other);
	assert_int_equal(0, vectors_writer_close(&writer));
	vectors = open_vectors(&fixture, folder);
	assert_int_equal(fixture.library->n_chunk, vectors_missing(vectors, NULL));
	make_all(vectors);
	assert_int_equal(1, vectors_file_read(folder, &other, NULL, NULL, &n_row));
	vectors_close(vectors);
	stop(&fixture);
}

static void two_do_not_write_one_file(void **state)
{
	struct fixture fixture = start();
	struct vectors *vectors = open_vectors(&fixture, folder);
	struct vectors_writer first, second;
	struct stat stat_;

	vectors_writer_open(&first, folder, VECTORS_FILE, &vectors->model);
	vectors_writer_open(&second, folder, VECTORS_FILE, &vectors->model);
	assert_true(first.fd >= 0 && second.fd < 0);
	make_all(vectors); /* is not kept, and does no harm */
	assert_int_equal(-1, vectors_writer_close(&second));
	assert_int_equal(0, vectors_writer_close(&first));
	assert_int_equal(0, stat(VECTORS_FILE, &stat_));
	assert_int_equal(88, stat_.st_size);
	vectors_close(vectors);
	stop(&fixture);
}

static void a_link_or_a_fifo_in_its_place_is_left_alone(void **state)
{
	struct fixture fixture = start();
	struct vectors *vectors;
	struct stat stat_;

	folder_write("mine.txt", "mine");
	assert_int_equal(0, symlink("mine.txt", VECTORS_FILE));
	vectors = open_vectors(&fixture, folder);
	make_all(vectors);
	vectors_close(vectors);
	assert_int_equal(0, stat("mine.txt", &stat_));
	assert_int_equal(4, stat_.st_size);
	vectors_forget(folder);
	assert_int_equal(0, mkfifo(VECTORS_FILE, 0600));
	vectors = open_vectors(&fixture, folder);
	make_all(vectors);
	vectors_close(vectors);
	stop(&fixture);
}

/* ---- what goes ---- */

static void rows_of_what_is_gone_do_not_pile_up(void **state)
{
	struct fixture fixture = start();
	struct vectors *vectors = open_vectors(&fixture, folder);
	struct vectors_writer writer;
	uint16_t *value = mem_zero(vectors->n, sizeof(*value));
	struct stat stat_;

	vectors_writer_open(&writer, folder, VECTORS_FILE, &vectors->model);
	for (int i = 0; i < 500; i++) {
		struct sha256_digest key = sha256_of(&i, sizeof(i));

		vectors_writer_add(&writer, &key, value);
	}
	assert_int_equal(0, vectors_writer_close(&writer));
	vectors_close(vectors);
	vectors = open_vectors(&fixture, folder);
	make_all(vectors);
	assert_int_equal(0, stat(VECTORS_FILE, &stat_));
	assert_int_equal(88 + fixture.library->n_chunk * (36 + 2 * vectors->n), stat_.st_size);
	vectors_close(vectors);
	vectors = open_vectors(&fixture, folder);
	assert_int_equal(0, vectors_missing(vectors, NULL));
	vectors_close(vectors);
	free(value);
	stop(&fixture);
}

static void a_dropped_source_takes_its_vectors_along(void **state)
{
	struct fixture fixture = {NULL, open_fake(0), NULL};
	char *where = mem_printf("%s/session", folder),
	     *file = mem_printf("%s/" VECTORS_FILE, where);
	struct session_change *change;
	struct vectors *vectors;
	struct store *store;
	struct stat stat_;
	struct err err;

	must(store_create(&store, where, &err), &err);
	must(session_open(&fixture.session, store, &(struct session_config){0}, &err), &err);
	add_topics(fixture.session, "one.txt", 0, 6);
	add_topics(fixture.session, "two.txt", 6, TOPICS);
	cut(&fixture);
	vectors = open_vectors(&fixture, where);
	make_all(vectors);
	vectors_close(vectors);
	assert_int_equal(0, stat(file, &stat_));
	must(session_plan_drop(fixture.session, &change, &(int64_t){1}, 1, &err), &err);
	must(session_change_commit(change, &err), &err);
	assert_int_equal(-1, stat(file, &stat_));
	free(where);
	free(file);
	stop(&fixture);
}

/* ---- for questions ---- */

struct steps {
	int n_embedding, n_selected;
};

static void count_steps(void *arg, const struct session_progress *progress)
{
	struct steps *steps = arg;

	steps->n_embedding += progress->step == SESSION_EMBEDDING;
	steps->n_selected += progress->step == SESSION_SELECTED;
}

static struct steps ask_selected(struct session *session, struct engine *engine)
{
	static const char question[] = "Who anchors in the harbours?";
	const struct session_reading how = {.over = SESSION_OVER_SELECT, .embedder = engine};
	struct steps steps = {0};
	const struct session_watch watch = {.reading = count_steps, .arg = &steps};
	struct session_answer answer;
	struct err err;

	must(session_ask_over(session, engine, &how, question, strlen(question), NULL, 20, &watch,
		     &answer, &err),
		&err);
	session_answer_finish(&answer);
	return steps;
}

static void a_question_makes_what_it_needs_and_keeps_it(void **state)
{
	struct fixture fixture = {NULL, open_fake(3000), NULL};
	char *where = mem_printf("%s/0123456789abcdef", folder);
	const struct session_reading how = {.embedder = fixture.engine};
	struct steps steps;
	struct store *store;
	struct err err;

	must(store_create(&store, where, &err), &err);
	must(session_open(&fixture.session, store, &(struct session_config){0}, &err), &err);
	add_topics(fixture.session, "topics.txt", 0, TOPICS);
	steps = ask_selected(fixture.session, fixture.engine);
	assert_true(steps.n_embedding > TOPICS && steps.n_selected > 0);
	steps = ask_selected(fixture.session, fixture.engine);
	assert_true(steps.n_embedding == 0 && steps.n_selected > 0);
	/* And so does a load that indexes. */
	add_topics(fixture.session, "more.txt", 0, 1);
	add_text(
		fixture.session, "new.txt", "Candles are dipped in tallow until they are thick.\n");
	must(session_make_index(fixture.session, fixture.engine, &how, NULL, &err), &err);
	steps = ask_selected(fixture.session, fixture.engine);
	assert_true(steps.n_embedding == 0 && steps.n_selected > 0);
	free(where);
	stop(&fixture);
}

/* ---- what models cannot ---- */

static void what_is_longer_than_the_model_reads_is_read_in_pieces(void **state)
{
	struct fixture fixture = start();
	struct engine *narrow = open_fake(100), *wide = fixture.engine;
	struct vectors *vectors;
	size_t count;

	fixture.engine = narrow; /* chunks have 384 */
	vectors = open_vectors(&fixture, NULL);
	make_all(vectors);
	for (int i = 0; i < TOPICS; i++) {
		struct ranked *ranked = rank(vectors, topic[i], &count);

		assert_true(chunk_has(&fixture, ranked[0].chunk, topic[i]));
		free(ranked);
	}
	vectors_close(vectors);
	engine_close(narrow);
	fixture.engine = wide;
	stop(&fixture);
}

static void an_empty_library_has_none(void **state)
{
	struct fixture fixture = {session_create(&(struct session_config){0}), open_fake(0), NULL};
	struct vectors *vectors;
	double seconds;
	size_t count;

	cut(&fixture);
	vectors = open_vectors(&fixture, folder);
	assert_int_equal(0, vectors_missing(vectors, &seconds));
	assert_true(seconds == 0);
	make_all(vectors);
	assert_null(rank(vectors, "anything", &count));
	assert_int_equal(0, count);
	vectors_close(vectors);
	stop(&fixture);
}

static int set_up(void **state)
{
	return folder_enter(folder);
}

static int tear_down(void **state)
{
	return folder_leave(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_shares_words_comes_first),
		cmocka_unit_test(scores_are_cosines_without_the_mean),
		cmocka_unit_test(halves_are_what_ieee_says),
		cmocka_unit_test(a_vector_is_made_once),
		cmocka_unit_test(a_run_that_was_stopped_goes_on),
		cmocka_unit_test(a_few_vectors_rank_what_they_are_of),
		cmocka_unit_test(damage_costs_what_it_hit),
		cmocka_unit_test(what_is_made_again_is_the_same),
		cmocka_unit_test(another_models_vectors_are_not_used),
		cmocka_unit_test(two_do_not_write_one_file),
		cmocka_unit_test(a_link_or_a_fifo_in_its_place_is_left_alone),
		cmocka_unit_test(rows_of_what_is_gone_do_not_pile_up),
		cmocka_unit_test(a_dropped_source_takes_its_vectors_along),
		cmocka_unit_test(a_question_makes_what_it_needs_and_keeps_it),
		cmocka_unit_test(what_is_longer_than_the_model_reads_is_read_in_pieces),
		cmocka_unit_test(an_empty_library_has_none),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
