/* A KV store of small pages in a folder of the test's own. */
#ifndef TESTS_UNIT_KV_DISK_FIXTURE_H
#define TESTS_UNIT_KV_DISK_FIXTURE_H

#include "base/mem.h"
#include "engine/kv/chain.h"
#include "engine/kv/disk.h"
#include "tests/unit/folder_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { STORE_PAGE_BYTES = 10000, STORE_PAGES_MAX = 512 };

static const char store_folder[] = "kv";
static const char owner_a[] = "aaaaaaaaaaaaaaaa", owner_b[] = "bbbbbbbbbbbbbbbb";

static inline struct sha256_digest store_root(void)
{
	return sha256_of("root", 4);
}

static inline struct kv_disk *store_open_limited(int64_t limit_bytes)
{
	struct kv_disk_config config = {
		.folder = store_folder,
		.root = store_root(),
		.about = "model test\n",
		.page_bytes = STORE_PAGE_BYTES,
		.limit_bytes = limit_bytes,
		.n_thread = 2,
	};
	struct kv_disk *disk;
	struct err err;
	char text[512];

	if (kv_disk_open(&disk, &config, &err) < 0) {
		fail_msg("%s", err_format(&err, text, sizeof(text)));
	}
	return disk;
}

static inline struct kv_disk *store_open(void)
{
	return store_open_limited((int64_t)1 << 40);
}

/* A prompt of pages whose every token and byte follows from `seed` and the pages' places. */
struct store_chain {
	int64_t n_page;
	struct sha256_digest name[STORE_PAGES_MAX];
	uint32_t ids[STORE_PAGES_MAX][KV_PAGE_TOK];
};

static inline struct sha256_digest store_parent(const struct store_chain *chain, int64_t i)
{
	return i ? chain->name[i - 1] : store_root();
}

/* Pages first ... of the chain get ids of their own; those before are another chain's. */
static inline void store_chain_fill(
	struct store_chain *chain, int64_t first, int64_t n_page, uint32_t seed)
{
	struct sha256 *hash = sha256_create();

	chain->n_page = n_page;
	for (int64_t i = first; i < n_page; i++) {
		struct sha256_digest parent = store_parent(chain, i);

		for (uint32_t t = 0; t < KV_PAGE_TOK; t++) {
			chain->ids[i][t] = seed * 1000003U + (uint32_t)i * 1009U + t * 7U + 1U;
		}
		chain->name[i] = kv_chain_next(hash, &parent, chain->ids[i], KV_PAGE_TOK);
	}
	sha256_destroy(hash);
}

static inline void store_data(const struct sha256_digest *name, uint8_t *data)
{
	for (int i = 0; i < STORE_PAGE_BYTES; i++) {
		data[i] = (uint8_t)(name->byte[i % 32] + i / 32);
	}
}

static inline void store_write_at(
	struct kv_disk *disk, const struct store_chain *chain, int64_t i, const char *owner)
{
	uint8_t data[STORE_PAGE_BYTES];
	struct kv_disk_page page = {
		.name = chain->name[i],
		.parent = store_parent(chain, i),
		.n_tok = KV_PAGE_TOK,
		.ids = chain->ids[i],
		.data = data,
	};

	store_data(&chain->name[i], data);
	kv_disk_write(disk, &page, owner);
}

static inline void store_write(
	struct kv_disk *disk, const struct store_chain *chain, const char *owner)
{
	for (int64_t i = 0; i < chain->n_page; i++) {
		store_write_at(disk, chain, i, owner);
	}
}

static inline const struct kv_disk_entry *store_find(
	struct kv_disk *disk, const struct store_chain *chain, int64_t i)
{
	struct sha256_digest parent = store_parent(chain, i);

	return kv_disk_find(disk, &chain->name[i], &parent, chain->ids[i]);
}

/* How many pages from the front are found, linked, and hold what they should. */
static inline int64_t store_read(struct kv_disk *disk, const struct store_chain *chain)
{
	const struct kv_disk_entry *entry[STORE_PAGES_MAX];
	uint8_t *data[STORE_PAGES_MAX], expected[STORE_PAGE_BYTES];
	int64_t n = 0, n_linked;

	while (n < chain->n_page && (entry[n] = store_find(disk, chain, n))) {
		n++;
	}
	n_linked = kv_disk_link(disk, entry, n, data);
	for (int64_t i = 0; i < n_linked; i++) {
		store_data(&chain->name[i], expected);
		assert_memory_equal(expected, data[i], STORE_PAGE_BYTES);
		kv_disk_unlink(disk, data[i]);
	}
	return n_linked;
}

/* By a process of their own, and closed in order. */
static inline void store_write_anew(const struct store_chain *chain, const char *owner)
{
	struct kv_disk *disk = store_open();

	store_write(disk, chain, owner);
	kv_disk_close(disk);
}

/* What is found after a restart. */
static inline int64_t store_found(const struct store_chain *chain)
{
	struct kv_disk *disk = store_open();
	int64_t n = store_read(disk, chain);

	kv_disk_close(disk);
	return n;
}

/* FOLDER/ROOT */
static inline void store_path(char out[128])
{
	struct sha256_digest root = store_root();
	char hex[65];

	sha256_hex(&root, hex);
	snprintf(out, 128, "%s/%.32s", store_folder, hex);
}

/* How many files end so; the last one's path. */
static inline int store_files(const char *suffix, char path[400])
{
	char folder[128];
	DIR *dir;
	struct dirent *item;
	int n = 0;

	store_path(folder);
	dir = opendir(folder);
	while (dir && (item = readdir(dir))) {
		size_t len = strlen(item->d_name), at = strlen(suffix);

		if (len >= at && strcmp(item->d_name + len - at, suffix) == 0) {
			if (path) {
				snprintf(path, 400, "%s/%s", folder, item->d_name);
			}
			n++;
		}
	}
	if (dir) {
		closedir(dir);
	}
	return n;
}

static inline void store_flip(const char *path, int64_t at, int bit)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(1, pread(fd, &byte, 1, at));
	byte ^= (uint8_t)(1 << bit);
	assert_int_equal(1, pwrite(fd, &byte, 1, at));
	close(fd);
}

/* Each test has a folder of its own. */
static inline int store_set_up(void **state)
{
	static char folder[32];

	strcpy(folder, "/tmp/carrel-kv-XXXXXX");
	*state = folder;
	return folder_enter(folder);
}

static inline int store_tear_down(void **state)
{
	return folder_leave(*state);
}

#endif
