/*
 * Tidying KV on disk up: what was used longest ago goes first, leaves before parents, what is pinned
 * stays; a removed session leaves no byte, and what others use stays.
 */
#include "engine/engine.h"
#include "tests/unit/kv_disk_fixture.h"

#include <sys/wait.h>
#include <unistd.h>

enum { SLOT_BYTES = 12288 + 512 };

static struct store_chain chain, other, branch;
static const struct engine_kv_watch no_watch;

static void collect(int64_t limit_bytes, struct engine_kv_work *work)
{
	struct err err;

	assert_int_equal(0, engine_kv_collect(store_folder, limit_bytes, no_watch, work, &err));
}

static void take_away(const char *owner, struct engine_kv_work *work)
{
	struct err err;

	assert_int_equal(0, engine_kv_remove(store_folder, owner, no_watch, work, &err));
}

/* Whether the bytes stand in any file of the folder. */
static int is_anywhere(const void *bytes, size_t len)
{
	char path[128], file[400];
	int n_file = 0, found = 0;
	struct dirent *item;
	DIR *dir;

	store_path(path);
	dir = opendir(path);
	assert_non_null(dir);
	while ((item = readdir(dir))) {
		static uint8_t content[8 << 20];
		ssize_t n;
		int fd;

		snprintf(file, sizeof(file), "%s/%s", path, item->d_name);
		fd = open(file, O_RDONLY);
		n = read(fd, content, sizeof(content));
		close(fd);
		assert_true(n < (ssize_t)sizeof(content));
		if (n > 0) {
			n_file++;
			found |= memmem(content, (size_t)n, bytes, len) != NULL;
		}
	}
	closedir(dir);
	assert_true(n_file > 0);
	return found;
}

/* Ids, and data, of page i. */
static int page_is_anywhere(const struct store_chain *of, int64_t i)
{
	uint8_t data[STORE_PAGE_BYTES];

	store_data(&of->name[i], data);
	return is_anywhere(of->ids[i], sizeof(of->ids[i])) || is_anywhere(data, sizeof(data));
}

static void what_was_used_longest_ago_goes_first_and_leaves_before_parents(void **state)
{
	struct engine_kv_work work;
	struct kv_disk *disk;

	store_chain_fill(&chain, 0, 20, 1);
	store_chain_fill(&other, 0, 20, 2);
	store_write_anew(&chain, owner_a);
	store_write_anew(&other, owner_b);
	disk = store_open();
	kv_disk_use(disk, &chain.name[9], owner_a);
	kv_disk_close(disk);
	collect(25 * SLOT_BYTES, &work);
	assert_int_equal(40, work.n_page);
	assert_true(work.n_removed_page >= 15);
	/* The older chain's leaves went first, down to what was used again; then the other's. */
	assert_int_equal(10, store_found(&chain));
	assert_true(store_found(&other) >= 10 && store_found(&other) < 20);
	collect(12 * SLOT_BYTES, &work);
	assert_int_equal(10, store_found(&chain));
	assert_true(store_found(&other) < 5);
	collect(5 * SLOT_BYTES, &work);
	assert_true(store_found(&chain) < 5 && store_found(&chain) > 0);
	assert_int_equal(0, store_found(&other));
	collect(1, &work);
	assert_int_equal(0, store_found(&chain));
}

static void the_limit_holds_for_the_folder(void **state)
{
	struct engine_kv_stock stock;
	struct engine_kv_work work;
	struct err err;

	store_chain_fill(&chain, 0, 100, 1);
	store_write_anew(&chain, owner_a);
	for (int64_t limit = 90 * SLOT_BYTES; limit > 0; limit -= 10 * SLOT_BYTES) {
		collect(limit, &work);
		assert_int_equal(0, engine_kv_list(&stock, store_folder, limit, &err));
		assert_true(stock.n_bytes <= limit);
		assert_int_equal(limit, stock.limit_bytes);
		assert_int_equal(1, stock.n_root);
		assert_true(stock.root[0].n_page * SLOT_BYTES >= limit - 3 * SLOT_BYTES);
		engine_kv_stock_finish(&stock);
	}
}

static void what_is_pinned_stays(void **state)
{
	struct engine_kv_work work;
	struct err err;

	store_chain_fill(&chain, 0, 20, 1);
	store_chain_fill(&other, 0, 20, 2);
	store_write_anew(&chain, NULL);
	store_write_anew(&other, owner_b);
	/* Owner a only used the first eight. */
	struct kv_disk *disk = store_open();
	kv_disk_use(disk, &chain.name[7], owner_a);
	kv_disk_close(disk);
	assert_int_equal(0, engine_kv_pin(store_folder, owner_a, 1, &err));
	collect(1, &work);
	assert_int_equal(8, store_found(&chain));
	assert_int_equal(0, store_found(&other));
	collect(1, &work);
	assert_int_equal(8, store_found(&chain));
	assert_int_equal(8 * SLOT_BYTES, engine_kv_owned_bytes(store_folder, owner_a));
	assert_int_equal(0, engine_kv_pin(store_folder, owner_a, 0, &err));
	collect(1, &work);
	assert_int_equal(0, store_found(&chain));
	assert_int_equal(-1, engine_kv_pin(store_folder, "../../../etc/xx", 1, &err));
}

static void a_removed_session_leaves_no_byte(void **state)
{
	struct engine_kv_work work;

	store_chain_fill(&chain, 0, 20, 1);
	store_chain_fill(&other, 0, 10, 2);
	store_write_anew(&chain, owner_a);
	store_write_anew(&other, owner_b);
	assert_true(page_is_anywhere(&chain, 19));
	take_away(owner_a, &work);
	assert_int_equal(20, work.n_removed_page);
	for (int64_t i = 0; i < 20; i++) {
		assert_false(page_is_anywhere(&chain, i));
	}
	assert_int_equal(0, store_found(&chain));
	assert_int_equal(10, store_found(&other));
	assert_int_equal(0, engine_kv_owned_bytes(store_folder, owner_a));
	assert_int_equal(10 * SLOT_BYTES, engine_kv_owned_bytes(store_folder, owner_b));
}

static void the_bytes_of_many_owners_are_told_at_once(void **state)
{
	const char *const owner[] = {owner_b, "cccccccccccccccc", owner_a};
	int64_t n_bytes[] = {1, 1, 1};

	store_chain_fill(&chain, 0, 20, 1);
	store_chain_fill(&other, 0, 10, 2);
	store_write_anew(&chain, owner_a);
	store_write_anew(&other, owner_b);
	engine_kv_list_owned(store_folder, owner, ARRAY_LEN(owner), n_bytes);
	assert_int_equal(10 * SLOT_BYTES, n_bytes[0]);
	assert_int_equal(0, n_bytes[1]);
	assert_int_equal(20 * SLOT_BYTES, n_bytes[2]);
}

/* The front of `chain` up to page n is shared by `branch`. */
static void fill_branch(int64_t n_shared, int64_t n_page, uint32_t seed)
{
	branch = chain;
	store_chain_fill(&branch, n_shared, n_page, seed);
}

static void what_another_session_continues_stays(void **state)
{
	struct engine_kv_work work;

	store_chain_fill(&chain, 0, 20, 1);
	fill_branch(8, 12, 3);
	store_write_anew(&chain, owner_a);
	store_write_anew(&branch, owner_b);
	take_away(owner_a, &work);
	assert_int_equal(12, store_found(&branch));
	assert_int_equal(8, store_found(&chain));
	for (int64_t i = 8; i < 20; i++) {
		assert_false(page_is_anywhere(&chain, i));
	}
	/* The owner that is no more holds nothing back. */
	take_away(owner_b, &work);
	assert_int_equal(0, store_found(&branch));
	for (int64_t i = 0; i < 12; i++) {
		assert_false(page_is_anywhere(&branch, i));
	}
}

static void what_another_session_only_used_stays(void **state)
{
	struct engine_kv_work work;
	struct kv_disk *disk;

	store_chain_fill(&chain, 0, 20, 1);
	store_write_anew(&chain, owner_a);
	disk = store_open();
	kv_disk_use(disk, &chain.name[4], owner_b);
	kv_disk_close(disk);
	take_away(owner_a, &work);
	assert_int_equal(5, store_found(&chain));
	assert_int_equal(0, engine_kv_owned_bytes(store_folder, owner_a));
	take_away(owner_b, &work);
	assert_int_equal(0, store_found(&chain));
}

/* A fork: it computed nothing and asked nothing yet. */
static void what_is_shared_stays_until_both_are_removed(void **state)
{
	struct engine_kv_work work;
	struct err err;

	store_chain_fill(&chain, 0, 10, 1);
	other = chain;
	store_chain_fill(&other, 6, 12, 2);
	store_write_anew(&chain, owner_a);
	store_write_anew(&other, owner_a);
	assert_int_equal(0, engine_kv_owned_bytes(store_folder, owner_b));
	assert_int_equal(0, engine_kv_share(store_folder, owner_a, owner_b, 0, &err));
	assert_int_equal((int64_t)16 * SLOT_BYTES, engine_kv_owned_bytes(store_folder, owner_b));
	assert_int_equal(0, engine_kv_pin(store_folder, owner_b, 1, &err));
	take_away(owner_a, &work);
	assert_int_equal(0, work.n_removed_page);
	assert_int_equal((int64_t)16 * SLOT_BYTES, work.n_shared_bytes);
	collect(1, &work);
	assert_int_equal(0, work.n_removed_page);
	assert_int_equal(10, store_found(&chain));
	assert_int_equal(12, store_found(&other));
	take_away(owner_b, &work);
	assert_int_equal(16, work.n_removed_page);
	assert_int_equal(0, work.n_shared_bytes);
}

static void what_is_younger_than_the_fork_is_not_shared(void **state)
{
	struct err err;

	store_chain_fill(&chain, 0, 10, 1);
	store_write_anew(&chain, owner_a);
	assert_int_equal(0, engine_kv_share(store_folder, owner_a, owner_b, 1, &err));
	assert_int_equal(0, engine_kv_owned_bytes(store_folder, owner_b));
	assert_int_equal(0, engine_kv_share("nowhere", owner_a, owner_b, 0, &err));
	assert_int_equal(-1, engine_kv_share(store_folder, owner_a, "../x", 0, &err));
}

static void what_nobody_owns_goes_with_what_it_continues(void **state)
{
	struct engine_kv_work work;

	store_chain_fill(&chain, 0, 10, 1);
	fill_branch(6, 12, 3);
	store_chain_fill(&other, 0, 5, 2);
	store_write_anew(&chain, owner_a);
	store_write_anew(&branch, NULL);
	store_write_anew(&other, NULL);
	take_away(owner_a, &work);
	assert_int_equal(0, store_found(&branch));
	assert_int_equal(5, store_found(&other));
	for (int64_t i = 0; i < 12; i++) {
		assert_false(page_is_anywhere(&branch, i));
	}
}

/* A use that stood on an evicted page says as much of what that page continued. */
static void who_used_a_page_is_known_after_its_leaves_went(void **state)
{
	struct engine_kv_work work;
	struct kv_disk *disk;

	store_chain_fill(&chain, 0, 20, 1);
	store_write_anew(&chain, NULL);
	disk = store_open();
	kv_disk_use(disk, &chain.name[19], owner_a);
	kv_disk_close(disk);
	collect(10 * SLOT_BYTES, &work);
	assert_true(store_found(&chain) > 5);
	assert_int_equal(
		store_found(&chain) * SLOT_BYTES, engine_kv_owned_bytes(store_folder, owner_a));
	take_away(owner_a, &work);
	assert_int_equal(0, store_found(&chain));
}

static void everything_can_be_removed(void **state)
{
	struct engine_kv_work work;
	struct err err;
	struct kv_disk *disk;
	struct dirent *item;
	DIR *dir;

	store_chain_fill(&chain, 0, 20, 1);
	disk = store_open();
	store_write(disk, &chain, owner_a);
	assert_int_equal(0, engine_kv_pin(store_folder, owner_a, 1, &err));
	take_away(NULL, &work);
	assert_int_equal(20, work.n_removed_page);
	dir = opendir(store_folder);
	while ((item = readdir(dir))) {
		assert_int_equal('.', item->d_name[0]);
	}
	closedir(dir);
	/* Who had it open goes on. */
	kv_disk_refresh(disk);
	assert_int_equal(0, store_read(disk, &chain));
	store_write(disk, &chain, owner_a);
	assert_int_equal(20, store_read(disk, &chain));
	kv_disk_close(disk);
	assert_int_equal(20, store_found(&chain));
}

static void what_an_engine_holds_is_gone_from_disk_and_stays_readable(void **state)
{
	const struct kv_disk_entry *entry[20];
	uint8_t *data[20], expected[STORE_PAGE_BYTES];
	struct engine_kv_work work;
	struct kv_disk *disk = store_open();

	store_chain_fill(&chain, 0, 20, 1);
	store_write(disk, &chain, owner_a);
	for (int64_t i = 0; i < 20; i++) {
		entry[i] = store_find(disk, &chain, i);
	}
	assert_int_equal(20, kv_disk_link(disk, entry, 20, data));
	/* Nobody's budget takes what is in use. */
	collect(1, &work);
	assert_int_equal(20, store_found(&chain));
	assert_int_equal(0, work.n_removed_page);
	take_away(owner_a, &work);
	assert_int_equal(0, store_found(&chain));
	for (int64_t i = 0; i < 20; i++) {
		store_data(&chain.name[i], expected);
		assert_memory_equal(expected, data[i], STORE_PAGE_BYTES);
		kv_disk_unlink(disk, data[i]);
	}
	kv_disk_refresh(disk);
	assert_null(store_find(disk, &chain, 0));
	assert_int_equal(0, kv_disk_gave_way(disk));
	kv_disk_close(disk);
}

static void small_segments_are_put_together(void **state)
{
	struct kv_disk *disk[12];
	struct engine_kv_work work;

	store_chain_fill(&chain, 0, 12, 1);
	for (int64_t i = 0; i < 12; i++) {
		disk[i] = store_open();
		store_write_at(disk[i], &chain, i, owner_a);
	}
	for (int64_t i = 0; i < 12; i++) {
		kv_disk_close(disk[i]);
	}
	assert_int_equal(12, store_files(".index", NULL));
	collect((int64_t)1 << 40, &work);
	assert_int_equal(1, store_files(".index", NULL));
	assert_int_equal(12, store_found(&chain));
}

static void verify_finds_every_flipped_bit_of_a_page(void **state)
{
	struct engine_kv_work work;
	char path[400];
	struct err err;

	store_chain_fill(&chain, 0, 6, 1);
	store_write_anew(&chain, owner_a);
	assert_int_equal(0, engine_kv_verify(store_folder, no_watch, &work, &err));
	assert_int_equal(6, work.n_page);
	assert_int_equal(0, work.n_damaged);
	assert_int_equal(1, store_files(".pages", path));
	for (int64_t bit = 0; bit < 8 * STORE_PAGE_BYTES; bit += 1009) {
		store_flip(path, 3 * 12288 + bit / 8, (int)(bit % 8));
		assert_int_equal(0, engine_kv_verify(store_folder, no_watch, &work, &err));
		assert_int_equal(1, work.n_damaged);
		store_flip(path, 3 * 12288 + bit / 8, (int)(bit % 8));
	}
	assert_int_equal(1, store_files(".index", path));
	for (int64_t bit = 0; bit < 8 * 7 * 512; bit += 41) {
		store_flip(path, bit / 8, (int)(bit % 8));
		assert_int_equal(0, engine_kv_verify(store_folder, no_watch, &work, &err));
		assert_true(work.n_damaged > 0);
		store_flip(path, bit / 8, (int)(bit % 8));
	}
}

static void what_is_damaged_is_collected(void **state)
{
	struct engine_kv_work work;
	struct kv_disk *disk;
	char path[400];

	store_chain_fill(&chain, 0, 6, 1);
	store_write_anew(&chain, owner_a);
	assert_int_equal(1, store_files(".pages", path));
	store_flip(path, 3 * 12288 + 77, 2);
	assert_int_equal(3, store_found(&chain));
	collect((int64_t)1 << 40, &work);
	assert_true(work.n_damaged > 0);
	/* What continued it cannot be reached. */
	assert_int_equal(3, work.n_removed_page);
	disk = store_open();
	store_write(disk, &chain, owner_a);
	kv_disk_close(disk);
	assert_int_equal(6, store_found(&chain));
}

/* Nobody read the page since: nobody could say so. */
static void damage_that_nobody_met_is_collected(void **state)
{
	struct engine_kv_work work;
	struct err err;
	char path[400];

	store_chain_fill(&chain, 0, 60, 1);
	store_write_anew(&chain, owner_a);
	assert_int_equal(1, store_files(".pages", path));
	store_flip(path, 57 * 12288 + 77, 2);
	assert_int_equal(0, engine_kv_verify(store_folder, no_watch, &work, &err));
	assert_int_equal(1, work.n_damaged);
	collect((int64_t)1 << 40, &work);
	assert_int_equal(1, work.n_damaged);
	assert_int_equal(3, work.n_removed_page);
	assert_int_equal(0, engine_kv_verify(store_folder, no_watch, &work, &err));
	assert_int_equal(0, work.n_damaged);
	assert_int_equal(57, work.n_page);
	assert_int_equal(57, store_found(&chain));
}

static void what_a_crash_left_is_no_damage_and_is_swept_up(void **state)
{
	struct engine_kv_work work;
	char folder[128], pages[200], index[200];
	struct err err;
	FILE *file;

	store_chain_fill(&chain, 0, 6, 1);
	store_write_anew(&chain, owner_b);
	store_path(folder);
	/* Somebody died while he removed one segment, somebody while he made another. */
	snprintf(pages, sizeof(pages), "%s/0123456789abcdef.pages", folder);
	file = fopen(pages, "w");
	assert_int_equal(6, fwrite("secret", 1, 6, file));
	fclose(file);
	snprintf(index, sizeof(index), "%s/fedcba9876543210.index", folder);
	fclose(fopen(index, "w"));
	assert_int_equal(0, engine_kv_verify(store_folder, no_watch, &work, &err));
	assert_int_equal(0, work.n_damaged);
	take_away(owner_a, &work);
	assert_int_equal(-1, access(pages, F_OK));
	collect((int64_t)1 << 40, &work);
	assert_int_equal(-1, access(index, F_OK));
	assert_int_equal(0, work.n_damaged);
	assert_int_equal(6, store_found(&chain));
}

static void a_folder_that_is_not_there_is_an_empty_one(void **state)
{
	struct engine_kv_stock stock;
	struct engine_kv_work work;
	struct err err;

	assert_int_equal(0, engine_kv_list(&stock, "nowhere", 0, &err));
	assert_int_equal(0, stock.n_root);
	engine_kv_stock_finish(&stock);
	assert_int_equal(0, engine_kv_verify("nowhere", no_watch, &work, &err));
	assert_int_equal(0, engine_kv_collect("nowhere", 0, no_watch, &work, &err));
	assert_int_equal(0, engine_kv_remove("nowhere", NULL, no_watch, &work, &err));
	assert_int_equal(0, engine_kv_remove("nowhere", owner_a, no_watch, &work, &err));
	assert_int_equal(0, engine_kv_pin("nowhere", owner_a, 0, &err));
	assert_int_equal(0, engine_kv_owned_bytes("nowhere", owner_a));
	assert_int_equal(-1, access("nowhere", F_OK));
}

/* `kv rm -s` takes a session's KV, and the session goes on: what it computes then is its own again. */
static void what_a_session_computes_after_a_removal_is_its_own(void **state)
{
	struct engine_kv_work work;

	for (int round = 0; round < 3; round++) {
		struct kv_disk *disk = store_open();

		/* What both share was computed by the one that goes, in a segment that stays. */
		store_chain_fill(&chain, 0, 10, 1);
		store_write(disk, &chain, owner_b);
		store_chain_fill(&other, 0, 10, 1);
		store_chain_fill(&other, 10, 20, 11);
		store_write_anew(&other, owner_a);
		store_chain_fill(&chain, 10, 30, 10);
		store_write_anew(&chain, owner_b);
		kv_disk_close(disk);
		take_away(owner_b, &work);
		assert_int_equal(20, store_found(&other));
		store_write_anew(&chain, owner_b);
		assert_int_equal(30 * SLOT_BYTES, engine_kv_owned_bytes(store_folder, owner_b));
		take_away(owner_b, &work);
		for (int64_t i = 10; i < 30; i++) {
			assert_false(page_is_anywhere(&chain, i));
		}
		assert_int_equal(20, store_found(&other));
		assert_int_equal(0, engine_kv_owned_bytes(store_folder, owner_b));
		collect(0, &work);
	}
}

static int end_at_once(void *context, int64_t done_bytes, int64_t total_bytes)
{
	return ++*(int *)context > 3;
}

static void an_interrupted_collection_loses_nothing_that_was_to_stay(void **state)
{
	int n_look = 0;
	struct engine_kv_watch watch = {end_at_once, &n_look};
	struct engine_kv_work work;
	struct err err;

	store_chain_fill(&chain, 0, 20, 1);
	store_write_anew(&chain, owner_a);
	assert_int_equal(-1, engine_kv_collect(store_folder, 15 * SLOT_BYTES, watch, &work, &err));
	assert_int_equal(ERR_INTERRUPTED, err.code);
	assert_int_equal(20, store_found(&chain));
	collect(15 * SLOT_BYTES, &work);
	assert_true(store_found(&chain) >= 12);
}

/* Writes and reads pages, some of them shared, over and over; ends with 1 where one is wrong. */
static void live(int number)
{
	for (int round = 0; round < 12; round++) {
		struct kv_disk *disk = store_open_limited(200 * SLOT_BYTES);
		const struct kv_disk_entry *entry;
		uint8_t *data, expected[STORE_PAGE_BYTES];

		store_chain_fill(&chain, 0, 10, 1);
		store_chain_fill(&chain, 10, 30, (uint32_t)(10 + number + 3 * (round % 2)));
		for (int64_t i = 0; i < chain.n_page; i++) {
			store_write_at(disk, &chain, i, number ? owner_a : owner_b);
		}
		kv_disk_refresh(disk);
		entry = store_find(disk, &chain, 5);
		if (entry && kv_disk_link(disk, &entry, 1, &data) == 1) {
			store_read(disk, &chain);
			/* However the folder is tidied up, what is linked stays. */
			store_data(&chain.name[5], expected);
			if (memcmp(expected, data, sizeof(expected)) != 0) {
				_exit(1);
			}
			kv_disk_unlink(disk, data);
		}
		kv_disk_close(disk);
	}
	_exit(0);
}

/* Collecting, removing a session, and now and then everything. */
static void tidy_up(void)
{
	for (int round = 0; round < 40; round++) {
		struct engine_kv_work work;
		struct err err;
		int status =
			round % 3 == 0 ? engine_kv_collect(store_folder, 60 * SLOT_BYTES, no_watch,
						 &work, &err)
			: round % 10
				? engine_kv_remove(store_folder, owner_b, no_watch, &work, &err)
				: engine_kv_remove(store_folder, NULL, no_watch, &work, &err);

		if (status < 0) {
			_exit(2);
		}
	}
	_exit(0);
}

static void tidying_up_beside_running_engines_breaks_nothing(void **state)
{
	struct engine_kv_work work;
	struct err err;
	pid_t child[4];
	int status;

	for (int c = 0; c < 4; c++) {
		child[c] = fork();
		if (child[c] == 0 && c < 3) {
			live(c);
		} else if (child[c] == 0) {
			tidy_up();
		}
	}
	for (int c = 0; c < 4; c++) {
		assert_int_equal(child[c], waitpid(child[c], &status, 0));
		assert_true(WIFEXITED(status));
		assert_int_equal(0, WEXITSTATUS(status));
	}
	assert_int_equal(0, engine_kv_verify(store_folder, no_watch, &work, &err));
	assert_int_equal(0, work.n_damaged);
	store_chain_fill(&chain, 0, 30, 10);
	store_write_anew(&chain, owner_b);
	assert_int_equal(30, store_found(&chain));
	take_away(owner_a, &work);
	take_away(owner_b, &work);
	for (int64_t i = 10; i < 30; i++) {
		assert_false(page_is_anywhere(&chain, i));
	}
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(what_was_used_longest_ago_goes_first_and_leaves_before_parents),
		ROW(the_limit_holds_for_the_folder),
		ROW(what_is_pinned_stays),
		ROW(a_removed_session_leaves_no_byte),
		ROW(the_bytes_of_many_owners_are_told_at_once),
		ROW(what_another_session_continues_stays),
		ROW(what_another_session_only_used_stays),
		ROW(what_is_shared_stays_until_both_are_removed),
		ROW(what_is_younger_than_the_fork_is_not_shared),
		ROW(what_nobody_owns_goes_with_what_it_continues),
		ROW(who_used_a_page_is_known_after_its_leaves_went),
		ROW(everything_can_be_removed),
		ROW(what_an_engine_holds_is_gone_from_disk_and_stays_readable),
		ROW(small_segments_are_put_together),
		ROW(verify_finds_every_flipped_bit_of_a_page),
		ROW(what_is_damaged_is_collected),
		ROW(damage_that_nobody_met_is_collected),
		ROW(what_a_crash_left_is_no_damage_and_is_swept_up),
		ROW(a_folder_that_is_not_there_is_an_empty_one),
		ROW(what_a_session_computes_after_a_removal_is_its_own),
		ROW(an_interrupted_collection_loses_nothing_that_was_to_stay),
		ROW(tidying_up_beside_running_engines_breaks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
