/*
 * Which model KV on disk belongs to: every byte of it, however many threads looked, and remembered only
 * while nothing can have changed.
 */
#include "base/mem.h"
#include "engine/engine.h"
#include "engine/model/digest.h"
#include "engine/model/digest_memo.h"
#include "engine/model/model.h"
#include "tests/unit/folder_fixture.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static char folder[] = "/tmp/carrel-digest-XXXXXX";

#define NAME "model.gguf"
#define MEMO "memory"

static int enter(void **state)
{
	umask(0);
	return folder_enter(folder);
}

static int leave(void **state)
{
	return folder_leave(folder);
}

/* The model made by the build (several chunks of the tree), or one of the small vectors. */
static void copy_model(const char *variable, const char *path)
{
	const char *root = getenv(variable);
	char *from = mem_printf("%s/%s", root ? root : ".", path);
	struct file_map map;
	struct err err;
	FILE *file = fopen(NAME, "wb");

	assert_non_null(file);
	assert_int_equal(0, file_map_open(&map, from, ERR_ENGINE, &err));
	assert_int_equal(map.size_bytes, fwrite(map.data, 1, map.size_bytes, file));
	assert_int_equal(0, fclose(file));
	file_map_close(&map);
	free(from);
}

static void copy_small(void)
{
	copy_model("CARREL_TEST_SOURCE", "tests/vectors/logits/rope-yarn.gguf");
}

static void flip(const char *path, int64_t at, int bit)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(1, pread(fd, &byte, 1, at));
	byte ^= (uint8_t)(1 << bit);
	assert_int_equal(1, pwrite(fd, &byte, 1, at));
	assert_int_equal(0, close(fd));
}

static int n_told;
static double last_told;

static void tell(void *arg, double fraction)
{
	assert_true(fraction >= last_told && fraction <= 1);
	last_told = fraction;
	n_told++;
}

/* Whether the files were read is told by progress: there is none for what is remembered. */
static struct sha256_digest whole(
	const char *path, const char *memory, int32_t n_thread, struct sha256_digest *sampled)
{
	const struct model_digest_config config = {
		.folder = memory, .n_thread = n_thread, .progress = tell};
	struct sha256_digest digest;
	struct model *model;
	struct err err;

	n_told = 0;
	last_told = 0;
	assert_int_equal(0, model_open(&model, path, NULL, &err));
	assert_int_equal(0, model_digest_whole(&digest, model, &config, &err));
	if (sampled) {
		*sampled = model->digest;
	}
	model_close(model);
	return digest;
}

static struct file_stamp stamp_of(const char *path)
{
	struct file_stamp stamp;

	assert_int_equal(0, file_stamp(&stamp, path));
	return stamp;
}

static void every_byte_counts_and_no_thread_does(void **state)
{
	struct sha256_digest first, again, sampled, sampled_again;
	int64_t size, n_flip = 0;

	copy_model("CARREL_TEST_BUILD", "models/reader.gguf");
	size = (int64_t)stamp_of(NAME).size_bytes;
	assert_true(size > 5 << 20);
	first = whole(NAME, NULL, 1, &sampled);
	assert_true(n_told > 0 && last_told == 1);
	assert_false(sha256_equal(&first, &sampled));
	again = whole(NAME, NULL, 3, NULL);
	assert_true(sha256_equal(&first, &again));
	/* From the last byte on, through tensors: samples see few of these. */
	for (int64_t at = size - 1; at > size / 4; at -= size / 7) {
		flip(NAME, at, (int)(at % 8));
		again = whole(NAME, NULL, 2, &sampled_again);
		assert_false(sha256_equal(&first, &again));
		n_flip += sha256_equal(&sampled, &sampled_again);
		flip(NAME, at, (int)(at % 8));
	}
	assert_true(n_flip >= 3);
	again = whole(NAME, NULL, 2, NULL);
	assert_true(sha256_equal(&first, &again));
}

/* A digest that nothing hashes to, as if it were remembered of the file as it is. */
static const struct sha256_digest planted = {{1, 2, 3}};

static struct sha256_digest plant(void)
{
	struct file_stamp stamp = stamp_of(NAME);

	digest_memo_put(MEMO, &stamp, 1, &planted);
	return whole(NAME, MEMO, 1, NULL);
}

static void check_forgotten(const struct sha256_digest *with_plant)
{
	struct sha256_digest digest = whole(NAME, MEMO, 1, NULL);

	assert_true(n_told > 0);
	assert_false(sha256_equal(&digest, with_plant));
}

static void a_digest_is_remembered_of_the_file_as_it_is_and_no_other(void **state)
{
	const struct timespec early[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
	struct sha256_digest remembered, digest;
	struct stat st;

	copy_small();
	digest = whole(NAME, NULL, 1, NULL);
	remembered = plant();
	assert_int_equal(0, n_told);
	assert_false(sha256_equal(&digest, &remembered));
	/* Another time of change, the same bytes. */
	assert_int_equal(0, utimensat(AT_FDCWD, NAME, early, 0));
	check_forgotten(&remembered);
	/* Other bytes under the old mtime: only ctime tells. */
	remembered = plant();
	assert_int_equal(0, stat(NAME, &st));
	flip(NAME, st.st_size - 100, 1);
	assert_int_equal(0, utimensat(AT_FDCWD, NAME, early, 0));
	check_forgotten(&remembered);
	/* Another file under its name. */
	flip(NAME, st.st_size - 100, 1);
	remembered = plant();
	assert_int_equal(0, rename(NAME, "other"));
	copy_small();
	assert_int_equal(0, utimensat(AT_FDCWD, NAME, early, 0));
	check_forgotten(&remembered);
	digest = whole("other", MEMO, 1, NULL);
	assert_true(n_told > 0); /* renaming changes ctime */
	assert_int_equal(0, unlink("other"));
}

static void settle(const char *path)
{
	struct timespec now, pause = {.tv_nsec = 50000000};
	struct file_stamp stamp = stamp_of(path);

	for (clock_gettime(CLOCK_REALTIME, &now); !file_stamp_is_settled(&stamp, &now);
		clock_gettime(CLOCK_REALTIME, &now)) {
		nanosleep(&pause, NULL);
	}
}

static void a_file_that_may_still_change_unseen_is_not_remembered(void **state)
{
	const struct timespec early[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
	struct file_stamp stamp;
	struct stat st;
	char *path;

	assert_int_equal(0, system("rm -rf " MEMO));
	copy_small();
	assert_int_equal(0, utimensat(AT_FDCWD, NAME, early, 0)); /* which does not make it old */
	stamp = stamp_of(NAME);
	path = digest_memo_path(MEMO, &stamp, 1);
	whole(NAME, MEMO, 1, NULL);
	assert_int_equal(-1, stat(path, &st));
	settle(NAME);
	whole(NAME, MEMO, 1, NULL);
	assert_true(n_told > 0);
	assert_int_equal(0, stat(path, &st));
	assert_int_equal(0600, st.st_mode & 07777);
	assert_int_equal(DIGEST_MEMO_BYTES, st.st_size);
	assert_int_equal(0, stat(MEMO, &st));
	assert_int_equal(0700, st.st_mode & 07777);
	whole(NAME, MEMO, 1, NULL);
	assert_int_equal(0, n_told);
	free(path);
}

static void two_seconds_are_counted_to_the_nanosecond(void **state)
{
	struct file_stamp stamp = {.mtime_s = 98, .mtime_ns = 500, .ctime_s = 98, .ctime_ns = 500};

	assert_true(file_stamp_is_settled(&stamp, &(struct timespec){100, 500}));
	assert_false(file_stamp_is_settled(&stamp, &(struct timespec){100, 499}));
	assert_true(file_stamp_is_settled(&stamp, &(struct timespec){101, 0}));
	assert_false(file_stamp_is_settled(&stamp, &(struct timespec){99, 999}));
	stamp.mtime_s = 0;
	assert_false(file_stamp_is_settled(&stamp, &(struct timespec){100, 499}));
	stamp.ctime_s = 0;
	assert_true(file_stamp_is_settled(&stamp, &(struct timespec){100, 499}));
	stamp.mtime_s = 200; /* from a clock that was ahead */
	assert_false(file_stamp_is_settled(&stamp, &(struct timespec){100, 499}));
}

static void a_damaged_memory_is_none(void **state)
{
	uint8_t bytes[DIGEST_MEMO_BYTES + 1] = {0};
	struct sha256_digest digest, remembered;
	struct file_stamp stamp, other;
	uint64_t *field = &other.device;
	char *path;

	copy_small();
	stamp = stamp_of(NAME);
	digest_memo_write(bytes, &stamp, 1, &planted);
	assert_int_equal(1, digest_memo_read(&digest, bytes, DIGEST_MEMO_BYTES, &stamp, 1));
	assert_true(sha256_equal(&digest, &planted));
	for (int bit = 0; bit < 8 * DIGEST_MEMO_BYTES; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(0, digest_memo_read(&digest, bytes, DIGEST_MEMO_BYTES, &stamp, 1));
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t size = 0; size <= DIGEST_MEMO_BYTES + 1; size++) {
		assert_int_equal(size == DIGEST_MEMO_BYTES,
			digest_memo_read(&digest, bytes, size, &stamp, 1));
	}
	for (size_t i = 0; i < sizeof(stamp) / sizeof(*field); i++) {
		other = stamp;
		field[i]++;
		assert_int_equal(0, digest_memo_read(&digest, bytes, DIGEST_MEMO_BYTES, &other, 1));
	}
	/* In the place of one: nothing that could be read, nor waited for. */
	remembered = plant();
	path = digest_memo_path(MEMO, &stamp, 1);
	assert_int_equal(0, truncate(path, DIGEST_MEMO_BYTES - 1));
	check_forgotten(&remembered);
	unlink(path);
	assert_int_equal(0, mkfifo(path, 0600));
	check_forgotten(&remembered);
	unlink(path);
	assert_int_equal(0, mkdir(path, 0700));
	check_forgotten(&remembered);
	assert_int_equal(0, rmdir(path));
	assert_int_equal(0, symlink("nowhere", path));
	check_forgotten(&remembered);
	free(path);
}

static void what_is_remembered_goes_with_the_folder_of_kv(void **state)
{
	struct engine_kv_watch watch = {0};
	struct file_stamp stamp;
	struct engine_kv_work work;
	struct err err;

	copy_small();
	stamp = stamp_of(NAME);
	digest_memo_put("kv/digests", &stamp, 1, &planted);
	assert_int_equal(0, access("kv/digests", F_OK));
	assert_int_equal(0, engine_kv_remove("kv", NULL, watch, &work, &err));
	assert_int_equal(-1, access("kv/digests", F_OK));
}

/* Nothing is lost but time. */
static void a_folder_that_cannot_be_made_is_no_error(void **state)
{
	copy_small();
	folder_write("file", "");
	settle(NAME);
	whole(NAME, "file/memory", 1, NULL);
	whole(NAME, "/proc/memory", 1, NULL);
	assert_true(n_told > 0);
}

static void a_model_that_is_written_to_while_it_is_read_is_refused(void **state)
{
	const struct model_digest_config config = {.n_thread = 1};
	struct sha256_digest digest;
	struct model *model;
	struct err err;

	copy_small();
	assert_int_equal(0, model_open(&model, NAME, NULL, &err));
	assert_int_equal(0, model_check_unchanged(model, &err));
	assert_int_equal(0, link(NAME, "link"));
	assert_int_equal(0, chmod(NAME, 0640));
	assert_int_equal(0, model_check_unchanged(model, &err));
	flip(NAME, 5000, 0);
	assert_int_equal(-1, model_check_unchanged(model, &err));
	assert_string_equal("was written to while it was being read", err.what);
	assert_int_equal(-1, model_digest_whole(&digest, model, &config, &err));
	model_close(model);
	unlink("old");
	/* Another file in its place leaves the one that is open as it is. */
	flip(NAME, 5000, 0);
	assert_int_equal(0, model_open(&model, NAME, NULL, &err));
	assert_int_equal(0, rename(NAME, "old"));
	assert_int_equal(0, model_check_unchanged(model, &err));
	copy_small();
	assert_int_equal(0, model_check_unchanged(model, &err));
	model_close(model);
	unlink("link");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_counts_and_no_thread_does),
		cmocka_unit_test(a_digest_is_remembered_of_the_file_as_it_is_and_no_other),
		cmocka_unit_test(a_file_that_may_still_change_unseen_is_not_remembered),
		cmocka_unit_test(two_seconds_are_counted_to_the_nanosecond),
		cmocka_unit_test(a_damaged_memory_is_none),
		cmocka_unit_test(what_is_remembered_goes_with_the_folder_of_kv),
		cmocka_unit_test(a_folder_that_cannot_be_made_is_no_error),
		cmocka_unit_test(a_model_that_is_written_to_while_it_is_read_is_refused),
	};

	return cmocka_run_group_tests(tests, enter, leave);
}
