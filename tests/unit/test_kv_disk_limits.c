/*
 * The store where the system gives out: no more open files, no room for a mapping, a sync that fails, a
 * full disk. The calls that fail are ours, in front of the C library's.
 */
#include "engine/engine.h"
#include "tests/unit/kv_disk_fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SLOT_BYTES = 12288 };

static atomic_int syncs_fail, maps_fail, disk_is_full, n_folder_sync;

int fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		atomic_fetch_add(&n_folder_sync, 1);
	}
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	if (atomic_load(&syncs_fail)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

/* Of files: memory is the C library's business. */
void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	if (atomic_load(&maps_fail) && fd >= 0) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	if (atomic_load(&disk_is_full)) {
		errno = ENOSPC;
		return -1;
	}
	return (ssize_t)syscall(SYS_pwrite64, fd, bytes, len, offset);
}

/* Pages that go make room. */
int unlinkat(int folder_fd, const char *name, int flags)
{
	if (strstr(name, ".pages")) {
		atomic_store(&disk_is_full, 0);
	}
	return (int)syscall(SYS_unlinkat, folder_fd, name, flags);
}

static struct store_chain chain, other;

static void without_files_to_open_pages_are_a_miss_now_and_not_damaged(void **state)
{
	struct rlimit before, now;
	struct kv_disk *disk;

	store_chain_fill(&chain, 0, 20, 1);
	store_write_anew(&chain, owner_a);
	disk = store_open();
	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &before));
	/* None, then the index alone, can be opened. */
	for (int n_more = 0; n_more < 2; n_more++) {
		int next = dup(0);

		close(next);
		now = before;
		now.rlim_cur = (rlim_t)(next + n_more);
		assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &now));
		assert_int_equal(0, store_read(disk, &chain));
		assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &before));
	}
	assert_int_equal(20, store_read(disk, &chain));
	assert_int_equal(0, kv_disk_trouble(disk, NULL));
	kv_disk_close(disk);
	assert_int_equal(20, store_found(&chain));
}

static void without_room_for_a_mapping_pages_are_a_miss_now_and_not_damaged(void **state)
{
	struct kv_disk *disk;

	store_chain_fill(&chain, 0, 20, 1);
	store_write_anew(&chain, owner_a);
	disk = store_open();
	atomic_store(&maps_fail, 1);
	assert_int_equal(0, store_read(disk, &chain));
	atomic_store(&maps_fail, 0);
	assert_int_equal(20, store_read(disk, &chain));
	assert_int_equal(0, kv_disk_trouble(disk, NULL));
	kv_disk_close(disk);
	assert_int_equal(20, store_found(&chain));
}

static void a_segment_that_is_large_for_the_limit_is_not_gone_on_with(void **state)
{
	struct kv_disk *disk;
	char path[400];
	struct stat before, after;

	store_chain_fill(&chain, 0, 20, 1);
	store_chain_fill(&other, 0, 12, 2);
	store_write_anew(&chain, owner_a);
	assert_int_equal(1, store_files(".pages", path));
	assert_int_equal(0, stat(path, &before));
	/* A sixteenth of it is five pages. */
	disk = store_open_limited(16 * 5 * SLOT_BYTES);
	store_write(disk, &other, owner_a);
	kv_disk_close(disk);
	assert_int_equal(0, stat(path, &after));
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(1 + 3, store_files(".pages", NULL));
	assert_int_equal(12, store_found(&other));
}

static void wait_until_removed(void)
{
	struct timespec wait = {.tv_nsec = 10000000};

	for (int i = 0; i < 3000 && store_files(".index", NULL) > 0; i++) {
		nanosleep(&wait, NULL);
	}
	assert_int_equal(0, store_files(".index", NULL));
}

/* What the system could not write it may give back as it was before, once it has left memory. */
static void what_could_not_be_synced_is_trusted_no_more(void **state)
{
	struct kv_disk *disk = store_open();
	const struct kv_disk_entry *entry;
	int gave_way = 0;
	struct err err;
	uint8_t *data;

	store_chain_fill(&chain, 0, 3, 1);
	atomic_store(&syncs_fail, 1);
	store_write(disk, &chain, owner_a);
	entry = store_find(disk, &chain, 1);
	assert_int_equal(1, kv_disk_link(disk, &entry, 1, &data));
	assert_false(kv_disk_gave_way(disk));
	wait_until_removed();
	atomic_store(&syncs_fail, 0);
	/* Nothing needs to be written for that, and it stays so once the names are gone. */
	kv_disk_refresh(disk);
	/* The thread behind may not be done with it yet. */
	for (int i = 0; i < 3000 && !gave_way; i++) {
		gave_way = kv_disk_gave_way(disk);
		usleep(1000);
	}
	assert_true(gave_way);
	assert_true(kv_disk_is_lost(disk, data));
	assert_false(kv_disk_gave_way(disk));
	kv_disk_unlink(disk, data);
	assert_int_equal(1, kv_disk_trouble(disk, &err));
	assert_non_null(strstr(err.what, "could not be written"));
	assert_int_equal(0, store_read(disk, &chain));
	store_write(disk, &chain, owner_a);
	assert_int_equal(3, store_read(disk, &chain));
	kv_disk_close(disk);
	assert_int_equal(3, store_found(&chain));
}

static void what_fails_to_sync_at_the_end_is_found_by_nobody(void **state)
{
	store_chain_fill(&chain, 0, 3, 1);
	atomic_store(&syncs_fail, 1);
	store_write_anew(&chain, owner_a);
	atomic_store(&syncs_fail, 0);
	assert_int_equal(0, store_files(".index", NULL));
	assert_int_equal(0, store_found(&chain));
}

/* Whoever made it may have been killed before it came to that. */
static void who_goes_on_in_a_segment_syncs_its_names_too(void **state)
{
	store_chain_fill(&chain, 0, 3, 1);
	store_chain_fill(&other, 0, 3, 2);
	store_write_anew(&chain, owner_a);
	atomic_store(&n_folder_sync, 0);
	store_write_anew(&other, owner_a);
	assert_int_equal(1, store_files(".index", NULL));
	assert_int_equal(1, atomic_load(&n_folder_sync));
}

/* Two chains in two segments, the first of which is older. */
static void write_two(void)
{
	struct kv_disk *disk = store_open(), *at_once = store_open();

	store_chain_fill(&chain, 0, 10, 1);
	store_chain_fill(&other, 0, 10, 2);
	store_write(disk, &chain, owner_a);
	store_write(at_once, &other, owner_b);
	/* It stands in the segment that goes, and speaks of one that stays. */
	kv_disk_refresh(disk);
	kv_disk_use(disk, &other.name[9], owner_a);
	kv_disk_close(disk);
	kv_disk_close(at_once);
	assert_int_equal(2, store_files(".pages", NULL));
}

static void room_is_made_on_a_full_disk(void **state)
{
	struct engine_kv_watch no_watch = {0};
	struct engine_kv_work work;
	struct err err;
	int64_t n_stay;

	write_two();
	atomic_store(&disk_is_full, 1);
	assert_int_equal(0, engine_kv_collect(store_folder, 8 * SLOT_BYTES, no_watch, &work, &err));
	assert_int_equal(0, store_found(&chain));
	n_stay = store_found(&other);
	assert_true(n_stay > 0 && n_stay < 10);
	/* Who used what stays is still known. */
	assert_true(engine_kv_owned_bytes(store_folder, owner_b) >= n_stay * SLOT_BYTES);
	assert_int_equal(engine_kv_owned_bytes(store_folder, owner_b),
		engine_kv_owned_bytes(store_folder, owner_a));
}

static void where_no_room_can_be_made_that_is_said(void **state)
{
	struct engine_kv_watch no_watch = {0};
	struct engine_kv_work work;
	struct err err;

	write_two();
	atomic_store(&disk_is_full, 1);
	/* Both segments have pages that stay. */
	assert_int_equal(0, engine_kv_pin(store_folder, owner_a, 1, &err));
	assert_int_equal(0, engine_kv_pin(store_folder, owner_b, 1, &err));
	store_chain_fill(&chain, 10, 30, 3);
	atomic_store(&disk_is_full, 0);
	store_write_anew(&chain, NULL);
	atomic_store(&disk_is_full, 1);
	assert_int_equal(
		-1, engine_kv_collect(store_folder, 24 * SLOT_BYTES, no_watch, &work, &err));
	assert_non_null(strstr(err.what, "no room"));
	assert_non_null(strstr(err.hint, "kv rm --all"));
	atomic_store(&disk_is_full, 0);
	assert_int_equal(30, store_found(&chain));
	assert_int_equal(10, store_found(&other));
}

/* All of it is pinned: nothing can go, so nothing more is kept, and that is told. */
static void where_all_is_in_use_no_more_is_kept(void **state)
{
	int64_t limit = 16 * SLOT_BYTES;
	struct kv_disk *disk;
	struct err err = {0};
	int is_told = 0;

	store_chain_fill(&chain, 0, 20, 1);
	store_chain_fill(&other, 0, 20, 2);
	store_write_anew(&chain, owner_a);
	assert_int_equal(0, engine_kv_pin(store_folder, owner_a, 1, &err));
	disk = store_open_limited(limit);
	/* What finds it full is the thread behind. */
	for (int i = 0; i < 300 && !is_told; i++) {
		store_write(disk, &other, owner_b);
		is_told = kv_disk_trouble(disk, &err);
		usleep(10000);
	}
	assert_true(is_told);
	assert_non_null(strstr(err.what, "fills its part"));
	assert_non_null(strstr(err.hint, "--kv-limit"));
	kv_disk_close(disk);
	assert_int_equal(20, store_found(&chain));
	assert_true(store_found(&other) < 20);
}

static int tear_down(void **state)
{
	atomic_store(&syncs_fail, 0);
	atomic_store(&maps_fail, 0);
	atomic_store(&disk_is_full, 0);
	return store_tear_down(state);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, store_set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(without_files_to_open_pages_are_a_miss_now_and_not_damaged),
		ROW(without_room_for_a_mapping_pages_are_a_miss_now_and_not_damaged),
		ROW(a_segment_that_is_large_for_the_limit_is_not_gone_on_with),
		ROW(what_could_not_be_synced_is_trusted_no_more),
		ROW(what_fails_to_sync_at_the_end_is_found_by_nobody),
		ROW(who_goes_on_in_a_segment_syncs_its_names_too),
		ROW(room_is_made_on_a_full_disk),
		ROW(where_no_room_can_be_made_that_is_said),
		ROW(where_all_is_in_use_no_more_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
