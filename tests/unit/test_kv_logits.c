/*
 * Every logit after a restart is the one before it: for each KV type, on each instruction-set path, with
 * one thread and two, resumed from disk at every token; and when the names of pages collide.
 */
#include "base/rng.h"
#include "engine/kv/cache.h"
#include "engine/kv/chain.h"
#include "engine/kv/disk.h"
#include "engine/kv/sequence.h"
#include "tests/unit/engine_fixture.h"
#include "tests/unit/folder_fixture.h"

#include <string.h>

/* Three page boundaries, and a tail. */
enum { N_TOK = 200, MAX_ROWS = 256, N_ROW = 2 };

static char folder[] = "/tmp/carrel-kv-logits-XXXXXX";

typedef struct sha256_digest name_fn(
	struct sha256 *hash, const struct sha256_digest *parent, const uint32_t *ids, size_t n_ids);

/* What a process has, but for the process. */
struct place {
	struct fixture fixture;
	struct kv_disk *disk;
	struct kv_cache *cache;
	name_fn *name;
	size_t row_bytes;
};

static int enter(void **state)
{
	return folder_enter(folder);
}

static int leave(void **state)
{
	return folder_leave(folder);
}

static void stop(struct place *place)
{
	kv_cache_destroy(place->cache);
	kv_disk_close(place->disk);
	place->cache = NULL;
	place->disk = NULL;
}

static void restart(struct place *place)
{
	struct kv_disk_config disk = {.folder = "kv",
		.root = {{1}},
		.about = "",
		.page_bytes = backend_cpu.kv_layout(place->fixture.backend)->page_bytes,
		.limit_bytes = (int64_t)1 << 30,
		.n_thread = 1};
	struct kv_cache_config cache = {.root = {{1}}, .max_pages = 1000, .name = place->name};
	struct err err;

	stop(place);
	fixture_check(kv_disk_open(&place->disk, &disk, &err), &err);
	cache.disk = place->disk;
	place->cache = kv_cache_create(place->fixture.backend, &cache);
}

static void begin(struct place *place, enum cpu_isa isa, enum kv_type kv, int32_t n_thread)
{
	stop(place);
	fixture_backend(&place->fixture, isa, kv, n_thread, MAX_ROWS);
	assert_int_equal(0, system("rm -rf kv"));
	restart(place);
}

static void open_place(struct place *place)
{
	*place = (struct place){0};
	fixture_open(&place->fixture, "llama-f32.gguf");
	place->row_bytes = (size_t)place->fixture.model->n_vocab * sizeof(float);
}

static void close_place(struct place *place)
{
	stop(place);
	fixture_close(&place->fixture);
}

static void fill(uint32_t *ids, size_t n_ids, uint64_t seed)
{
	for (size_t i = 0; i < n_ids; i++) {
		ids[i] = (uint32_t)(rng_uniform(seed, i) * 700);
	}
}

/* The next n_row of the sequence; what they give is copied to `rows` [n_row] where that is not NULL. */
static void run(struct place *place, struct kv_sequence *sequence, const uint32_t *ids,
	int64_t n_row, float *rows)
{
	const float *logits;
	struct err err;

	fixture_check(kv_sequence_reserve(sequence, sequence->n_tok + n_row, &err), &err);
	logits = fixture_run(
		&place->fixture, ids + sequence->n_tok, n_row, sequence->n_tok, sequence->data);
	if (rows) {
		memcpy(rows, logits, (size_t)n_row * place->row_bytes);
	}
	kv_sequence_commit(sequence, ids + sequence->n_tok, n_row);
}

/* All of ids, from nothing; kept, or only looked at. */
static float *compute(struct place *place, const uint32_t *ids, int64_t n_ids, int reuse)
{
	float *rows = mem_alloc((size_t)n_ids * place->row_bytes);
	struct kv_sequence sequence;

	kv_sequence_init(&sequence, place->cache, reuse);
	run(place, &sequence, ids, n_ids, rows);
	kv_sequence_finish(&sequence);
	return rows;
}

/* Takes up what is cached of the first `split`, which is returned, and computes up to N_ROW behind. */
static int64_t resume(struct place *place, const uint32_t *ids, int64_t n_ids, int64_t split,
	const float *want, int64_t *disk_tok)
{
	float *rows = mem_alloc((size_t)n_ids * place->row_bytes);
	struct kv_sequence sequence;
	int64_t found, end = split + N_ROW < n_ids ? split + N_ROW : n_ids;

	kv_sequence_init(&sequence, place->cache, 1);
	kv_sequence_match(&sequence, ids, split);
	found = sequence.n_tok;
	*disk_tok = sequence.disk_tok;
	run(place, &sequence, ids, end - found, rows);
	if (memcmp(rows, want + (size_t)found * place->row_bytes / sizeof(float),
		    (size_t)(end - found) * place->row_bytes) != 0) {
		fail_msg("resumed at %lld of %lld, other logits", (long long)found,
			(long long)split);
	}
	kv_sequence_finish(&sequence);
	free(rows);
	return found;
}

static void check_splits(struct place *place, const uint32_t *ids, const float *want, int64_t step)
{
	for (int64_t split = 1; split < N_TOK; split += step) {
		int64_t disk_tok;

		restart(place);
		assert_int_equal(split, resume(place, ids, N_TOK, split, want, &disk_tok));
		assert_int_equal(split, disk_tok);
	}
}

static void every_logit_is_the_same_after_a_restart(void **state)
{
	static const enum kv_type types[] = {KV_Q8, KV_F16, KV_F32};
	uint32_t ids[N_TOK];
	struct place place;

	open_place(&place);
	fill(ids, N_TOK, 7);
	for (int isa = 0; isa < CPU_ISA_COUNT; isa++) {
		for (size_t i = 0; i < ARRAY_LEN(types) && cpu_isa_supported((enum cpu_isa)isa);
			i++) {
			float *want;

			begin(&place, (enum cpu_isa)isa, types[i], 1);
			want = compute(&place, ids, N_TOK, 0);
			free(compute(&place, ids, N_TOK, 1));
			/* A step that meets every place within a page. */
			check_splits(
				&place, ids, want, (enum cpu_isa)isa == cpu_isa_best() ? 1 : 19);
			stop(&place);
			fixture_backend(&place.fixture, (enum cpu_isa)isa, types[i], 2, MAX_ROWS);
			check_splits(&place, ids, want, 23);
			free(want);
		}
	}
	close_place(&place);
}

static struct sha256_digest same_name(
	struct sha256 *hash, const struct sha256_digest *parent, const uint32_t *ids, size_t n_ids)
{
	return (struct sha256_digest){{9}};
}

/* Pages that continue the same one collide; so do, then, those that continue these. */
static struct sha256_digest name_of_place(
	struct sha256 *hash, const struct sha256_digest *parent, const uint32_t *ids, size_t n_ids)
{
	static const uint32_t zero[KV_PAGE_TOK];

	return kv_chain_next(hash, parent, zero, KV_PAGE_TOK);
}

/*
 * Two texts that part in their second page and are the same again behind it, under names that do not
 * tell them apart: each is asked for by the process that computed the other, and after restarts.
 */
static void check_collision(struct place *place, name_fn *name)
{
	uint32_t a[N_TOK], b[N_TOK];
	float *want_a, *want_b;
	int64_t disk_tok;

	fill(a, N_TOK, 3);
	memcpy(b, a, sizeof(b));
	fill(b + KV_PAGE_TOK, KV_PAGE_TOK, 4);
	begin(place, cpu_isa_best(), KV_Q8, 2);
	want_a = compute(place, a, N_TOK, 0);
	want_b = compute(place, b, N_TOK, 0);
	assert_memory_not_equal(want_a + (N_TOK - 1) * place->row_bytes / sizeof(float),
		want_b + (N_TOK - 1) * place->row_bytes / sizeof(float), place->row_bytes);
	place->name = name;
	for (int first = 0; first < 2; first++) {
		const uint32_t *ids[2] = {first ? b : a, first ? a : b};
		const float *want[2] = {first ? want_b : want_a, first ? want_a : want_b};

		begin(place, cpu_isa_best(), KV_Q8, 2);
		free(compute(place, ids[0], N_TOK, 1));
		for (int round = 0; round < 4; round++) {
			if (round % 2) {
				restart(place);
			}
			for (int i = 0; i < 2; i++) {
				int which = round < 2 ? 1 - i : i;

				resume(place, ids[which], N_TOK, N_TOK - 1, want[which], &disk_tok);
				resume(place, ids[which], N_TOK, 150, want[which], &disk_tok);
			}
		}
	}
	place->name = NULL;
	free(want_a);
	free(want_b);
}

static void names_that_collide_cost_time_only(void **state)
{
	struct place place;

	open_place(&place);
	check_collision(&place, same_name);
	check_collision(&place, name_of_place);
	close_place(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_logit_is_the_same_after_a_restart),
		cmocka_unit_test(names_that_collide_cost_time_only),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
