/*
 * KV on disk: what was written is found by whoever opens the folder next, and nothing else is: not
 * what is torn, damaged, of another name, or gone.
 */
#include "engine/engine.h"
#include "tests/unit/kv_disk_fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

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

/* ---- tails ---- */

static void write_tail(struct kv_disk *disk, const struct sha256_digest *parent,
	const uint32_t *ids, int32_t n_tok)
{
	struct sha256 *hash = sha256_create();
	uint8_t data[STORE_PAGE_BYTES];
	struct kv_disk_page page = {
		.name = kv_chain_next(hash, parent, ids, (size_t)n_tok),
		.parent = *parent,
		.n_tok = n_tok,
		.ids = ids,
		.data = data,
	};

	store_data(&page.name, data);
	kv_disk_write(disk, &page, owner_a);
	sha256_destroy(hash);
}

static void the_longest_tail_that_agrees_is_found(void **state)
{
	struct kv_disk *disk = store_open();
	const struct kv_disk_entry *entry;
	struct sha256_digest root = store_root();
	uint32_t ids[KV_PAGE_TOK];
	int32_t n_tok;

	store_chain_fill(&chain, 0, 2, 1);
	store_write_at(disk, &chain, 0, owner_a);
	write_tail(disk, &chain.name[0], chain.ids[1], 10);
	write_tail(disk, &chain.name[0], chain.ids[1], 30);
	write_tail(disk, &chain.name[0], chain.ids[1], 20); /* all of it is there */
	kv_disk_close(disk);
	disk = store_open();
	for (int32_t n = 1; n <= KV_PAGE_TOK; n++) {
		entry = kv_disk_find_partial(disk, &chain.name[0], chain.ids[1], (size_t)n, &n_tok);
		assert_non_null(entry);
		assert_int_equal(n < 30 ? n : 30, n_tok);
		/* What a longer one supersedes is not found. */
		assert_int_equal(30, entry->n_tok);
	}
	memcpy(ids, chain.ids[1], sizeof(ids));
	ids[5] ^= 1;
	assert_non_null(kv_disk_find_partial(disk, &chain.name[0], ids, KV_PAGE_TOK, &n_tok));
	assert_int_equal(5, n_tok);
	ids[0] ^= 1;
	assert_null(kv_disk_find_partial(disk, &chain.name[0], ids, KV_PAGE_TOK, &n_tok));
	assert_int_equal(0, n_tok);
	/* A full page serves what begins as it does. */
	assert_non_null(kv_disk_find_partial(disk, &root, chain.ids[0], 7, &n_tok));
	assert_int_equal(7, n_tok);
	kv_disk_close(disk);
}

/* ---- two pages of one name ---- */

static void write_forged(struct kv_disk *disk, const struct store_chain *of, uint32_t id)
{
	uint8_t data[STORE_PAGE_BYTES];
	uint32_t ids[KV_PAGE_TOK];
	struct kv_disk_page page = {.name = of->name[0],
		.parent = store_root(),
		.n_tok = KV_PAGE_TOK,
		.ids = ids,
		.data = data};

	memcpy(ids, of->ids[0], sizeof(ids));
	ids[9] = id;
	store_data(&of->name[0], data);
	kv_disk_write(disk, &page, owner_a);
}

static void of_two_pages_of_one_name_the_first_keeps_it(void **state)
{
	struct kv_disk *disk = store_open();

	store_chain_fill(&chain, 0, 2, 1);
	store_write(disk, &chain, owner_a);
	write_forged(disk, &chain, 77);
	kv_disk_close(disk);
	disk = store_open();
	assert_int_equal(2, store_read(disk, &chain));
	kv_disk_close(disk);
}

static void of_two_pages_of_one_name_by_two_writers_neither_is_found(void **state)
{
	struct kv_disk *one = store_open(), *two = store_open();

	store_chain_fill(&chain, 0, 2, 1);
	store_write(one, &chain, owner_a);
	write_forged(two, &chain, 77);
	kv_disk_refresh(one);
	assert_null(store_find(one, &chain, 0));
	kv_disk_refresh(two);
	assert_null(store_find(two, &chain, 0));
	kv_disk_close(one);
	kv_disk_close(two);
}

/* ---- damage ---- */

static int64_t size_of(const char *path)
{
	struct stat st;

	assert_int_equal(0, stat(path, &st));
	return st.st_size;
}

static void a_torn_last_record_is_passed_over_and_its_slot_not_used_again(void **state)
{
	char index[400], pages[400];

	store_chain_fill(&chain, 0, 12, 1);
	for (int cut = 1; cut < 512; cut += 73) {
		struct engine_kv_work work;
		struct err err;
		int64_t pages_bytes;

		assert_int_equal(0, engine_kv_remove(store_folder, NULL,
					    (struct engine_kv_watch){0}, &work, &err));
		chain.n_page = 10;
		store_write_anew(&chain, owner_a);
		assert_int_equal(1, store_files(".index", index));
		assert_int_equal(1, store_files(".pages", pages));
		pages_bytes = size_of(pages);
		assert_int_equal(0, truncate(index, size_of(index) - cut));
		assert_int_equal(9, store_found(&chain));
		chain.n_page = 12;
		store_write_anew(&chain, owner_a);
		assert_int_equal(12, store_found(&chain));
		/* Nothing that was there was written over. */
		assert_true(size_of(pages) >= pages_bytes);
		assert_int_equal(0,
			engine_kv_verify(store_folder, (struct engine_kv_watch){0}, &work, &err));
		assert_int_equal(0, work.n_damaged);
	}
}

static void data_without_a_record_is_left_alone(void **state)
{
	char pages[400];
	int fd;

	store_chain_fill(&chain, 0, 4, 1);
	store_chain_fill(&other, 0, 4, 2);
	store_write_anew(&chain, owner_a);
	assert_int_equal(1, store_files(".pages", pages));
	fd = open(pages, O_WRONLY | O_APPEND);
	assert_int_equal(5000, write(fd, other.ids, 5000));
	close(fd);
	store_write_anew(&other, owner_a);
	assert_int_equal(4, store_found(&chain));
	assert_int_equal(4, store_found(&other));
}

static void a_damaged_page_is_found_no_more_by_anybody(void **state)
{
	struct kv_disk *one, *two;
	char pages[400];
	struct err err;

	store_chain_fill(&chain, 0, 10, 1);
	store_write_anew(&chain, owner_a);
	assert_int_equal(1, store_files(".pages", pages));
	store_flip(pages, 4 * 12288 + 4711, 3);
	one = store_open();
	two = store_open();
	assert_non_null(store_find(two, &chain, 4));
	assert_int_equal(4, store_read(one, &chain));
	assert_null(store_find(one, &chain, 4));
	assert_int_equal(1, kv_disk_trouble(one, &err));
	assert_non_null(strstr(err.what, "damaged"));
	assert_int_equal(0, kv_disk_trouble(one, &err));
	kv_disk_refresh(two);
	assert_null(store_find(two, &chain, 4));
	/* What is computed again is kept again, and what continues it is found again. */
	store_write_at(one, &chain, 4, owner_a);
	assert_int_equal(10, store_read(one, &chain));
	kv_disk_refresh(two);
	assert_int_equal(10, store_read(two, &chain));
	kv_disk_close(one);
	kv_disk_close(two);
	assert_int_equal(10, store_found(&chain));
}

static void every_flipped_bit_of_the_index_is_a_miss_or_no_matter(void **state)
{
	char index[400];
	int64_t n;

	store_chain_fill(&chain, 0, 5, 1);
	store_write_anew(&chain, owner_a);
	assert_int_equal(1, store_files(".index", index));
	for (int64_t bit = 0; bit < 8 * 512 * 6; bit += 37) {
		store_flip(index, bit / 8, (int)(bit % 8));
		n = store_found(&chain);
		assert_int_equal(bit < 8 * 512 ? 0 : bit / (8 * 512) - 1, n);
		store_flip(index, bit / 8, (int)(bit % 8));
	}
	assert_int_equal(5, store_found(&chain));
}

static void a_page_in_another_ones_place_is_a_miss(void **state)
{
	static uint8_t page[2][STORE_PAGE_BYTES];
	char pages[400];
	int fd;

	store_chain_fill(&chain, 0, 5, 1);
	store_write_anew(&chain, owner_a);
	assert_int_equal(1, store_files(".pages", pages));
	fd = open(pages, O_RDWR);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			STORE_PAGE_BYTES, pread(fd, page[i], STORE_PAGE_BYTES, (2 + i) * 12288));
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(STORE_PAGE_BYTES,
			pwrite(fd, page[1 - i], STORE_PAGE_BYTES, (2 + i) * 12288));
	}
	close(fd);
	assert_int_equal(2, store_found(&chain));
}

static void what_a_cut_off_file_lost_is_a_miss(void **state)
{
	char pages[400];

	store_chain_fill(&chain, 0, 8, 1);
	for (int64_t cut = 0; cut <= 8; cut++) {
		struct engine_kv_work work;
		struct err err;

		assert_int_equal(0, engine_kv_remove(store_folder, NULL,
					    (struct engine_kv_watch){0}, &work, &err));
		store_write_anew(&chain, owner_a);
		assert_int_equal(1, store_files(".pages", pages));
		assert_int_equal(0, truncate(pages, cut * 12288 + 5));
		assert_int_equal(cut, store_found(&chain));
		/* What a record speaks of is not written again: the rest is not mistaken for it. */
		store_write_anew(&chain, owner_a);
		assert_int_equal(8, store_found(&chain));
	}
}

/* ---- while pages are mapped ---- */

static int64_t link_all(struct kv_disk *disk, uint8_t **data)
{
	const struct kv_disk_entry *entry[STORE_PAGES_MAX];

	for (int64_t i = 0; i < chain.n_page; i++) {
		entry[i] = store_find(disk, &chain, i);
		assert_non_null(entry[i]);
	}
	return kv_disk_link(disk, entry, chain.n_page, data);
}

static void a_mapping_that_gives_way_reads_as_zeros_and_is_told(void **state)
{
	uint8_t *data[8], expected[STORE_PAGE_BYTES];
	struct kv_disk *disk;
	char pages[400];
	int64_t sum = 0;

	store_chain_fill(&chain, 0, 8, 1);
	store_write_anew(&chain, owner_a);
	disk = store_open();
	assert_int_equal(8, link_all(disk, data));
	assert_int_equal(0, kv_disk_gave_way(disk));
	assert_int_equal(1, store_files(".pages", pages));
	assert_int_equal(0, truncate(pages, 5 * 12288));
	for (int64_t i = 0; i < STORE_PAGE_BYTES; i++) {
		sum += data[6][i];
	}
	assert_int_equal(0, sum);
	assert_int_equal(1, kv_disk_gave_way(disk));
	assert_int_equal(0, kv_disk_gave_way(disk));
	for (int64_t i = 0; i < 8; i++) {
		assert_int_equal(i == 6, kv_disk_is_lost(disk, data[i]));
		if (i < 5) {
			store_data(&chain.name[i], expected);
			assert_memory_equal(expected, data[i], STORE_PAGE_BYTES);
		}
		kv_disk_unlink(disk, data[i]);
	}
	assert_int_equal(0, kv_disk_is_lost(disk, expected));
	assert_null(store_find(disk, &chain, 6));
	assert_int_equal(5, store_read(disk, &chain));
	/* Computed again, they are found again; the last is known to be bad once it is linked. */
	store_write(disk, &chain, owner_a);
	assert_int_equal(7, store_read(disk, &chain));
	store_write(disk, &chain, owner_a);
	assert_int_equal(8, store_read(disk, &chain));
	kv_disk_close(disk);
	assert_int_equal(8, store_found(&chain));
}

static void unlinked_pages_stay_readable_while_they_are_linked(void **state)
{
	uint8_t *data[8], expected[STORE_PAGE_BYTES];
	struct kv_disk *disk;
	char path[400];

	store_chain_fill(&chain, 0, 8, 1);
	store_write_anew(&chain, owner_a);
	disk = store_open();
	assert_int_equal(8, link_all(disk, data));
	assert_int_equal(1, store_files(".pages", path));
	unlink(path);
	assert_int_equal(1, store_files(".index", path));
	unlink(path);
	kv_disk_refresh(disk);
	assert_null(store_find(disk, &chain, 0));
	for (int64_t i = 0; i < 8; i++) {
		store_data(&chain.name[i], expected);
		assert_memory_equal(expected, data[i], STORE_PAGE_BYTES);
	}
	assert_int_equal(0, kv_disk_gave_way(disk));
	/* The writer begins a new one. */
	store_write(disk, &chain, owner_a);
	assert_int_equal(8, store_read(disk, &chain));
	for (int64_t i = 0; i < 8; i++) {
		kv_disk_unlink(disk, data[i]);
	}
	kv_disk_close(disk);
	assert_int_equal(8, store_found(&chain));
}

static void a_writer_whose_segment_is_removed_begins_a_new_one(void **state)
{
	struct kv_disk *disk = store_open();
	char path[400];

	store_chain_fill(&chain, 0, 8, 1);
	store_chain_fill(&other, 0, 8, 2);
	store_write(disk, &chain, owner_a);
	assert_int_equal(1, store_files(".index", path));
	unlink(path);
	store_write(disk, &other, owner_a);
	kv_disk_close(disk);
	assert_int_equal(0, store_found(&chain));
	assert_int_equal(8, store_found(&other));
}

/* Reads what no longer is behind a mapping that is not the store's. */
static void read_a_hole(void)
{
	int fd = open("hole", O_RDWR | O_CREAT, 0600);

	if (fd >= 0 && ftruncate(fd, 4096) == 0) {
		volatile uint8_t *at = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

		if (ftruncate(fd, 0) == 0) {
			(void)at[0];
		}
	}
}

static void end_with_42(int number)
{
	_exit(42);
}

static void a_sigbus_elsewhere_goes_to_who_handled_it_before(void **state)
{
	store_chain_fill(&chain, 0, 1, 1);
	store_write_anew(&chain, owner_a);
	for (int has_handler = 0; has_handler < 2; has_handler++) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			struct rlimit none = {0, 0};
			struct kv_disk *disk;
			uint8_t *data[1];

			setrlimit(RLIMIT_CORE, &none);
			signal(SIGBUS, has_handler ? end_with_42 : SIG_DFL);
			disk = store_open();
			if (link_all(disk, data) == 1) {
				read_a_hole();
			}
			_exit(0);
		}
		assert_int_equal(child, waitpid(child, &status, 0));
		assert_true(has_handler ? WIFEXITED(status) && WEXITSTATUS(status) == 42
					: WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	}
}

/* ---- several processes ---- */

static void what_a_killed_writer_wrote_is_found(void **state)
{
	store_chain_fill(&chain, 0, 60, 1);
	for (int round = 0; round < 40; round++) {
		struct engine_kv_work work;
		struct kv_disk *disk;
		int64_t n_said = 0, n, i;
		struct err err;
		int end[2];
		pid_t child;

		assert_int_equal(0, pipe(end));
		child = fork();
		if (child == 0) {
			/* Each round in a chain of its own, in the segments of those before. */
			store_chain_fill(&other, 0, 60, 100 + (uint32_t)round);
			disk = store_open();
			for (i = 0; i < other.n_page; i++) {
				store_write_at(disk, &other, i, owner_a);
				if (write(end[1], &i, sizeof(i)) != sizeof(i)) {
					break;
				}
			}
			pause();
		}
		close(end[1]);
		while (n_said <= round && read(end[0], &i, sizeof(i)) == sizeof(i)) {
			n_said = i + 1;
		}
		usleep((useconds_t)(round * 37 % 400));
		kill(child, SIGKILL);
		assert_int_equal(child, waitpid(child, NULL, 0));
		while (read(end[0], &i, sizeof(i)) == sizeof(i)) {
			n_said = i + 1;
		}
		close(end[0]);
		store_chain_fill(&other, 0, 60, 100 + (uint32_t)round);
		disk = store_open();
		n = store_read(disk, &other);
		kv_disk_close(disk);
		assert_true(n >= n_said);
		assert_int_equal(0,
			engine_kv_verify(store_folder, (struct engine_kv_watch){0}, &work, &err));
		assert_int_equal(0, work.n_damaged);
	}
	assert_int_equal(1, store_files(".index", NULL));
}

static void several_processes_write_and_read_at_once(void **state)
{
	pid_t child[4];
	int status;

	for (int c = 0; c < 4; c++) {
		child[c] = fork();
		if (child[c] == 0) {
			struct kv_disk *disk = store_open();

			/* Two of them the same. */
			store_chain_fill(&chain, 0, 100, (uint32_t)c / 2);
			for (int64_t i = 0; i < chain.n_page; i++) {
				store_write_at(disk, &chain, i, c % 2 ? owner_a : owner_b);
				if (i % 16 == 15) {
					kv_disk_refresh(disk);
					chain.n_page = i + 1;
					if (store_read(disk, &chain) != i + 1) {
						_exit(1);
					}
					chain.n_page = 100;
				}
			}
			kv_disk_close(disk);
			_exit(0);
		}
	}
	for (int c = 0; c < 4; c++) {
		assert_int_equal(child[c], waitpid(child[c], &status, 0));
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	for (uint32_t seed = 0; seed < 2; seed++) {
		store_chain_fill(&chain, 0, 100, seed);
		assert_int_equal(100, store_found(&chain));
	}
}

/* ---- hostile folders ---- */

static void files_and_folders_are_the_users_alone_under_any_umask(void **state)
{
	static const mode_t umasks[] = {0, 022, 0777};

	store_chain_fill(&chain, 0, 2, 1);
	for (size_t i = 0; i < ARRAY_LEN(umasks); i++) {
		struct engine_kv_work work;
		struct err err;
		mode_t before = umask(umasks[i]);
		struct stat st;
		char path[400];

		store_write_anew(&chain, owner_a);
		assert_int_equal(0, engine_kv_pin(store_folder, owner_a, 1, &err));
		assert_int_equal(0, engine_kv_collect(store_folder, 1 << 30,
					    (struct engine_kv_watch){0}, &work, &err));
		umask(before);
		assert_int_equal(0, stat(store_folder, &st));
		assert_int_equal(0700, st.st_mode & 07777);
		store_path(path);
		assert_int_equal(0, stat(path, &st));
		assert_int_equal(0700, st.st_mode & 07777);
		assert_int_equal(0, system("test -z \"$(find kv -type f ! -perm 600)\""));
		assert_int_equal(0, system("test -z \"$(find kv -type d ! -perm 700)\""));
		assert_int_equal(0, system("rm -rf kv"));
	}
}

static void links_and_what_is_no_file_are_passed_over(void **state)
{
	char index[400], pages[400], to[500], folder[128];

	store_chain_fill(&chain, 0, 3, 1);
	store_write_anew(&chain, owner_a);
	store_path(folder);
	assert_int_equal(1, store_files(".index", index));
	assert_int_equal(1, store_files(".pages", pages));
	snprintf(to, sizeof(to), "%s/1111111111111111.index", folder);
	assert_int_equal(0, mkfifo(to, 0600));
	snprintf(to, sizeof(to), "%s/2222222222222222.index", folder);
	assert_int_equal(0, mkdir(to, 0700));
	snprintf(to, sizeof(to), "%s/3333333333333333.index", folder);
	assert_int_equal(0, symlink("/dev/zero", to));
	snprintf(to, sizeof(to), "%s/4444444444444444.index", folder);
	assert_int_equal(0, close(open(to, O_CREAT | O_WRONLY, 0600)));
	assert_int_equal(0, truncate(to, (int64_t)1 << 40));
	assert_int_equal(3, store_found(&chain));
	/* Pages behind a link are none. */
	assert_int_equal(0, rename(pages, "elsewhere"));
	assert_int_equal(0, symlink("../../elsewhere", pages));
	assert_int_equal(0, store_found(&chain));
}

static void pages_of_another_size_are_not_found(void **state)
{
	struct kv_disk_config config = {.folder = store_folder,
		.root = store_root(),
		.about = "",
		.page_bytes = STORE_PAGE_BYTES + 1,
		.limit_bytes = 1 << 30};
	struct kv_disk *disk;
	struct err err;

	store_chain_fill(&chain, 0, 3, 1);
	store_write_anew(&chain, owner_a);
	assert_int_equal(0, kv_disk_open(&disk, &config, &err));
	assert_null(store_find(disk, &chain, 0));
	kv_disk_close(disk);
}

static void a_folder_that_cannot_be_used_is_an_error(void **state)
{
	struct kv_disk_config config = {
		.folder = "file/kv", .root = store_root(), .about = "", .page_bytes = 64};
	struct kv_disk *disk;
	struct err err;

	folder_write("file", "x");
	assert_int_equal(-1, kv_disk_open(&disk, &config, &err));
	assert_int_equal(ERR_ENGINE, err.code);
	assert_null(disk);
}

static void without_room_the_page_is_not_kept_and_that_is_told_once(void **state)
{
	struct rlimit before, now;
	struct kv_disk *disk = store_open();
	struct err err;

	store_chain_fill(&chain, 0, 20, 1);
	store_chain_fill(&other, 0, 20, 2);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(0, getrlimit(RLIMIT_FSIZE, &before));
	now = before;
	now.rlim_cur = 10 * 12288 + 100;
	assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &now));
	store_write(disk, &chain, owner_a);
	assert_int_equal(1, kv_disk_trouble(disk, &err));
	assert_non_null(strstr(err.what, "room"));
	store_write(disk, &other, owner_a);
	assert_int_equal(0, kv_disk_trouble(disk, &err));
	assert_int_equal(10, store_read(disk, &chain));
	kv_disk_close(disk);
	assert_int_equal(0, setrlimit(RLIMIT_FSIZE, &before));
	assert_int_equal(10, store_found(&chain));
	store_write_anew(&chain, owner_a);
	assert_int_equal(20, store_found(&chain));
}

/* ---- the budget ---- */

static int64_t folder_bytes(void)
{
	struct engine_kv_stock stock;
	int64_t n_bytes;

	assert_int_equal(0, engine_kv_list(&stock, store_folder, 0, NULL));
	n_bytes = stock.n_bytes;
	engine_kv_stock_finish(&stock);
	return n_bytes;
}

static void the_budget_holds_while_writing(void **state)
{
	int64_t limit = 60 * 12800;

	for (uint32_t seed = 0; seed < 20; seed++) {
		struct kv_disk *disk = store_open_limited(limit);

		store_chain_fill(&chain, 0, 20, seed);
		store_write(disk, &chain, owner_a);
		kv_disk_close(disk);
		assert_true(folder_bytes() <= limit + limit / 8);
	}
	/* What is over when it is opened is brought down behind. */
	struct kv_disk *disk = store_open_limited(limit / 2);
	for (int i = 0; i < 3000 && folder_bytes() > limit / 2; i++) {
		usleep(10000);
	}
	kv_disk_close(disk);
	assert_true(folder_bytes() <= limit / 2);
}

static void times_are_told_once_they_were_measured(void **state)
{
	const struct kv_disk_entry *entry[STORE_PAGES_MAX];
	struct kv_disk *disk = store_open();

	store_chain_fill(&chain, 0, 200, 1);
	store_write(disk, &chain, owner_a);
	for (int64_t i = 0; i < 200; i++) {
		entry[i] = store_find(disk, &chain, i);
	}
	assert_true(kv_disk_link_s(disk, entry, 200) < 0);
	assert_true(kv_disk_link_s(disk, entry, 0) == 0);
	assert_int_equal(200, store_read(disk, &chain));
	assert_true(kv_disk_link_s(disk, entry, 200) > 0);
	assert_true(kv_disk_link_s(disk, entry, 200) < 10);
	kv_disk_close(disk);
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, store_set_up, store_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(what_was_written_is_found_after_a_restart),
		ROW(a_hit_needs_equal_ids_and_parent),
		ROW(a_second_process_sees_what_the_first_appends),
		ROW(short_runs_share_a_segment),
		ROW(the_longest_tail_that_agrees_is_found),
		ROW(of_two_pages_of_one_name_the_first_keeps_it),
		ROW(of_two_pages_of_one_name_by_two_writers_neither_is_found),
		ROW(a_torn_last_record_is_passed_over_and_its_slot_not_used_again),
		ROW(data_without_a_record_is_left_alone),
		ROW(a_damaged_page_is_found_no_more_by_anybody),
		ROW(every_flipped_bit_of_the_index_is_a_miss_or_no_matter),
		ROW(a_page_in_another_ones_place_is_a_miss),
		ROW(what_a_cut_off_file_lost_is_a_miss),
		ROW(a_mapping_that_gives_way_reads_as_zeros_and_is_told),
		ROW(unlinked_pages_stay_readable_while_they_are_linked),
		ROW(a_writer_whose_segment_is_removed_begins_a_new_one),
		ROW(a_sigbus_elsewhere_goes_to_who_handled_it_before),
		ROW(what_a_killed_writer_wrote_is_found),
		ROW(several_processes_write_and_read_at_once),
		ROW(files_and_folders_are_the_users_alone_under_any_umask),
		ROW(links_and_what_is_no_file_are_passed_over),
		ROW(pages_of_another_size_are_not_found),
		ROW(a_folder_that_cannot_be_used_is_an_error),
		ROW(without_room_the_page_is_not_kept_and_that_is_told_once),
		ROW(the_budget_holds_while_writing),
		ROW(times_are_told_once_they_were_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
