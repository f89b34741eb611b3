/*
 * KV on disk: what was written is found by whoever opens the folder next, and nothing else is: not
 * what is torn, damaged, of another name, or gone.
 */
#include "tests/unit/kv_disk_fixture.h"

static struct store_chain chain, other;

static void what_was_written_is_found_after_a_restart(void **state)
{
	struct kv_disk *disk = store_open();

	store_chain_fill(&chain, 0, 20, 1);
	store_write(disk, &chain, owner_a);
	assert_int_equal(20, store_read(disk, &chain));
	kv_disk_close(disk);
	disk = store_open();
	assert_int_equal(20, store_read(disk, &chain));
	assert_int_equal(0, kv_disk_trouble(disk, NULL));
	kv_disk_close(disk);
}

static void a_hit_needs_equal_ids_and_parent(void **state)
{
	struct kv_disk *disk = store_open();
	struct sha256_digest root = store_root();

	store_chain_fill(&chain, 0, 2, 1);
	store_chain_fill(&other, 0, 2, 2);
	store_write(disk, &chain, owner_a);
	assert_non_null(kv_disk_find(disk, &chain.name[0], &root, chain.ids[0]));
	assert_null(kv_disk_find(disk, &chain.name[0], &root, other.ids[0]));
	assert_null(kv_disk_find(disk, &chain.name[0], &chain.name[1], chain.ids[0]));
	assert_null(kv_disk_find(disk, &other.name[0], &root, chain.ids[0]));
	kv_disk_close(disk);
}

static void a_second_process_sees_what_the_first_appends(void **state)
{
	struct kv_disk *one = store_open(), *two = store_open();

	store_chain_fill(&chain, 0, 10, 1);
	store_write(one, &chain, owner_a);
	assert_int_equal(0, store_read(two, &chain));
	kv_disk_refresh(two);
	assert_int_equal(10, store_read(two, &chain));
	store_chain_fill(&chain, 10, 15, 1);
	for (int64_t i = 10; i < 15; i++) {
		store_write_at(one, &chain, i, NULL);
	}
	kv_disk_refresh(two);
	assert_int_equal(15, store_read(two, &chain));
	/* Each writes to a segment of its own. */
	store_chain_fill(&other, 0, 5, 2);
	store_write(two, &other, owner_b);
	assert_int_equal(2, store_files(".index", NULL));
	kv_disk_refresh(one);
	assert_int_equal(5, store_read(one, &other));
	kv_disk_close(one);
	kv_disk_close(two);
}

static void short_runs_share_a_segment(void **state)
{
	store_chain_fill(&chain, 0, 100, 1);
	for (int64_t i = 0; i < 100; i++) {
		struct kv_disk *disk = store_open();

		store_write_at(disk, &chain, i, NULL);
		kv_disk_close(disk);
	}
	assert_int_equal(1, store_files(".index", NULL));
}

static int set_up(void **state)
{
	static char folder[32];

	strcpy(folder, "/tmp/carrel-kv-XXXXXX");
	*state = folder;
	return folder_enter(folder);
}

static int tear_down(void **state)
{
	return folder_leave(*state);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(what_was_written_is_found_after_a_restart),
		ROW(a_hit_needs_equal_ids_and_parent),
		ROW(a_second_process_sees_what_the_first_appends),
		ROW(short_runs_share_a_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
