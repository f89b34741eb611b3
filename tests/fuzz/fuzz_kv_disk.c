/*
 * A segment as another process, a crash or somebody else left it: read, looked up, linked, verified,
 * collected, and one session of it removed. The first byte says which checksums are made right, so
 * that what stands behind them is reached; the rest is the index.
 */
#include "base/crc32c.h"
#include "engine/engine.h"
#include "engine/kv/disk.h"
#include "engine/kv/record.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE_BYTES = 5000, SLOTS = 4, RECORDS_MAX = 40 };

static char folder[64], path[128];
static struct sha256_digest root;

static void clean(void)
{
	struct engine_kv_watch none = {0};
	struct engine_kv_work work;

	engine_kv_remove(folder, NULL, none, &work, NULL);
	rmdir(folder);
}

static void prepare(void)
{
	char hex[65];

	snprintf(folder, sizeof(folder), "%s/carrel-fuzz-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(folder)) {
		abort();
	}
	root = sha256_of("root", 4);
	sha256_hex(&root, hex);
	snprintf(path, sizeof(path), "%s/%.32s", folder, hex);
	atexit(clean);
}

static void write_file(const char *name, const void *bytes, size_t len)
{
	char file[256];
	int fd;

	snprintf(file, sizeof(file), "%s/0123456789abcdef.%s", path, name);
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, bytes, len) != (ssize_t)len) {
		abort();
	}
	close(fd);
}

static void put_u32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++) {
		at[i] = (uint8_t)(value >> 8 * i);
	}
}

/* The index, with a head of its own in front where the input has none. */
static void write_segment(const uint8_t *data, size_t size, int flags)
{
	static uint8_t index[(1 + RECORDS_MAX) * KV_RECORD_BYTES], pages[SLOTS * 8192];
	struct kv_record_head head = {
		.root = root, .page_bytes = PAGE_BYTES, .segment = "0123456789abcdef"};
	uint32_t key = kv_record_write_head(index, &head);
	size_t at = flags & 2 ? 0 : KV_RECORD_BYTES;

	memcpy(index + at, data, size);
	for (size_t i = KV_RECORD_BYTES; flags & 1 && i + KV_RECORD_BYTES <= at + size;
		i += KV_RECORD_BYTES) {
		/* Pages that say so are good ones. */
		if (flags & 4) {
			put_u32(index + i + 12, crc32c(0, pages, PAGE_BYTES));
		}
		put_u32(index + i, crc32c(key, index + i + 4, KV_RECORD_BYTES - 4));
	}
	write_file("index", index, at + size);
	write_file("pages", pages, flags & 8 ? 7000 : sizeof(pages));
}

/* What is found is what was asked for; what is linked is there. */
static void look_up(struct kv_disk *disk, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + KV_RECORD_BYTES <= size; i += KV_RECORD_BYTES) {
		struct sha256_digest name, parent;
		const struct kv_disk_entry *entry;
		uint32_t ids[KV_PAGE_TOK];
		int32_t n_tok;
		uint8_t *page;

		memcpy(name.byte, data + i + 32, 32);
		memcpy(parent.byte, data + i + 64, 32);
		memcpy(ids, data + i + 128, sizeof(ids));
		entry = kv_disk_find(disk, &name, &parent, ids);
		if (entry && (memcmp(entry->ids, ids, sizeof(ids)) != 0 ||
				     !sha256_equal(&entry->parent, &parent))) {
			abort();
		}
		if (entry && kv_disk_link(disk, &entry, 1, &page) == 1) {
			for (int at = 0; at < PAGE_BYTES; at++) {
				if (page[at]) {
					abort();
				}
			}
			kv_disk_unlink(disk, page);
		}
		entry = kv_disk_find_partial(disk, &parent, ids, KV_PAGE_TOK, &n_tok);
		if (entry && (n_tok < 1 || n_tok > entry->n_tok ||
				     memcmp(entry->ids, ids, (size_t)n_tok * 4) != 0)) {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct engine_kv_watch none = {0};
	struct kv_disk_config config = {.folder = folder,
		.about = "",
		.page_bytes = PAGE_BYTES,
		.limit_bytes = 1 << 30,
		.n_thread = 1};
	struct engine_kv_stock stock;
	struct engine_kv_work work;
	struct kv_disk *disk;
	struct err err;

	if (!folder[0]) {
		prepare();
	}
	if (size < 1 || size - 1 > RECORDS_MAX * KV_RECORD_BYTES) {
		return 0;
	}
	mkdir(path, 0700);
	write_segment(data + 1, size - 1, data[0]);
	config.root = root;
	if (engine_kv_list(&stock, folder, 0, &err) < 0 ||
		engine_kv_verify(folder, none, &work, &err) < 0) {
		abort();
	}
	engine_kv_stock_finish(&stock);
	if (kv_disk_open(&disk, &config, &err) < 0) {
		abort();
	}
	look_up(disk, data + 1, size - 1);
	kv_disk_close(disk);
	if (engine_kv_collect(folder, 20000, none, &work, &err) < 0 ||
		engine_kv_remove(folder, "aaaaaaaaaaaaaaaa", none, &work, &err) < 0 ||
		engine_kv_remove(folder, NULL, none, &work, &err) < 0) {
		abort();
	}
	return 0;
}
