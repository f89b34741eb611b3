/*
 * KV on disk: what keeping a page costs, how fast pages come back from the page cache and from the
 * disk beside what the disk itself gives, and how long finding takes among five million tokens.
 *
 * usage: bench_kv_disk [FOLDER [PAGES]]: FOLDER is made, and what is in it of ours is removed; without
 * one it works in a folder of its own in /var/tmp.
 */
#include "base/crc32c.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "engine/kv/chain.h"
#include "engine/kv/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	PAGE_BYTES = 1114112, /* 64 tokens of the 1B shape in q8 */
	PAGES = 256,          /* 16,384 tokens */
	INDEX_PAGES = 78125,  /* 5,000,000 tokens */
	INDEX_PAGE_BYTES = 64,
	RUNS = 15,
};

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Of all threads: what others do to the machine matters less to it. */
static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *value, int n)
{
	qsort(value, (size_t)n, sizeof(*value), compare_doubles);
	return value[n / 2];
}

/* What this process has in memory of its own, in KB. */
static int64_t resident_kb(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long long kb = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "RssAnon: %lld", &kb) == 1) {
			break;
		}
	}
	if (file) {
		fclose(file);
	}
	return kb;
}

struct chain {
	int64_t n_page;
	struct sha256_digest root;
	struct sha256_digest *name;
	uint32_t *ids; /* [n_page][KV_PAGE_TOK] */
	struct sha256 *hash;
};

static void make_chain(struct chain *chain, int64_t n_page, const char *root)
{
	*chain = (struct chain){.n_page = n_page, .root = sha256_of(root, strlen(root))};
	chain->name = mem_alloc((size_t)n_page * sizeof(*chain->name));
	chain->ids = mem_alloc((size_t)n_page * KV_PAGE_TOK * sizeof(uint32_t));
	chain->hash = sha256_create();
	for (int64_t i = 0; i < n_page * KV_PAGE_TOK; i++) {
		chain->ids[i] = (uint32_t)(i * 2654435761U >> 12) % 128000;
	}
	for (int64_t i = 0; i < n_page; i++) {
		chain->name[i] = kv_chain_next(chain->hash, i ? &chain->name[i - 1] : &chain->root,
			chain->ids + i * KV_PAGE_TOK, KV_PAGE_TOK);
	}
}

static struct kv_disk *open_store(const char *folder, const struct chain *chain, int64_t page_bytes)
{
	struct kv_disk_config config = {
		.folder = folder,
		.root = chain->root,
		.about = "model bench\n",
		.page_bytes = page_bytes,
		.limit_bytes = (int64_t)1 << 42,
		.n_thread = 2,
	};
	struct kv_disk *disk;
	struct err err;
	char text[512];

	if (kv_disk_open(&disk, &config, &err) < 0) {
		fprintf(stderr, "%s\n", err_format(&err, text, sizeof(text)));
		exit(1);
	}
	return disk;
}

static void write_page(struct kv_disk *disk, const struct chain *chain, int64_t i, uint8_t *data)
{
	struct kv_disk_page page = {
		.name = chain->name[i],
		.parent = i ? chain->name[i - 1] : chain->root,
		.n_tok = KV_PAGE_TOK,
		.ids = chain->ids + i * KV_PAGE_TOK,
		.data = data,
	};

	memcpy(data, &i, sizeof(i));
	kv_disk_write(disk, &page, "0123456789abcdef");
}

/* As a prompt is looked up: each name is hashed, each page looked for. */
static int64_t find_prefix(struct kv_disk *disk, const struct chain *chain, int64_t n_page,
	const struct kv_disk_entry **entry)
{
	struct sha256_digest at = chain->root;
	int64_t n = 0;

	for (; n < n_page; n++) {
		const uint32_t *ids = chain->ids + n * KV_PAGE_TOK;
		struct sha256_digest name = kv_chain_next(chain->hash, &at, ids, KV_PAGE_TOK);

		entry[n] = kv_disk_find(disk, &name, &at, ids);
		if (!entry[n]) {
			break;
		}
		at = name;
	}
	return n;
}

/* Seconds to find and link, and to let go again. */
static double restore(struct kv_disk *disk, const struct chain *chain, int64_t n_page)
{
	const struct kv_disk_entry **entry = mem_alloc((size_t)n_page * sizeof(*entry));
	uint8_t **data = mem_alloc((size_t)n_page * sizeof(*data));
	double begin = seconds_now(), end;
	int64_t n = find_prefix(disk, chain, n_page, entry);
	int64_t n_good = kv_disk_link(disk, entry, n, data);

	end = seconds_now();
	if (n_good != n_page) {
		fprintf(stderr, "%lld of %lld pages came back\n", (long long)n_good,
			(long long)n_page);
		exit(1);
	}
	for (int64_t i = 0; i < n_good; i++) {
		kv_disk_unlink(disk, data[i]);
	}
	free(entry);
	free(data);
	return end - begin;
}

/* ---- the disk itself ---- */

static void each_pages_file(const char *folder, void (*take)(int fd, void *arg), void *arg)
{
	DIR *dir = opendir(folder);
	struct dirent *item;

	while (dir && (item = readdir(dir))) {
		if (strstr(item->d_name, ".pages")) {
			int fd = openat(dirfd(dir), item->d_name, O_RDONLY | O_CLOEXEC);

			take(fd, arg);
			close(fd);
		}
	}
	if (dir) {
		closedir(dir);
	}
}

static void drop_cached(int fd, void *arg)
{
	fdatasync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void read_all(int fd, void *arg)
{
	size_t size = 8 << 20;
	int64_t *n_bytes = arg;
	uint8_t *buffer;
	ssize_t n;

	/* Past the page cache, where the system lets us. */
	fcntl(fd, F_SETFL, O_DIRECT);
	if (posix_memalign((void **)&buffer, 4096, size) != 0) {
		exit(1);
	}
	while ((n = read(fd, buffer, size)) > 0) {
		*n_bytes += n;
	}
	free(buffer);
}

/* ---- what is measured ---- */

static void bench_crc(void)
{
	size_t n = 256 << 20;
	uint8_t *bytes = mem_alloc(n);
	double cache_s[RUNS], memory_s[RUNS];
	uint32_t crc = 0;

	memset(bytes, 7, n);
	for (int run = 0; run < RUNS; run++) {
		double begin = seconds_now();

		for (int i = 0; i < 1024; i++) {
			crc = crc32c(crc, bytes, 1 << 18);
		}
		cache_s[run] = seconds_now() - begin;
		begin = seconds_now();
		crc = crc32c(crc, bytes, n);
		memory_s[run] = seconds_now() - begin;
	}
	printf("crc32c, one thread: %.1f GB/s from the cache, %.1f GB/s from memory (%08x)\n",
		(double)n / median(cache_s, RUNS) * 1e-9, (double)n / median(memory_s, RUNS) * 1e-9,
		crc);
	free(bytes);
}

static void bench_write(const char *folder, const struct chain *chain)
{
	struct kv_disk *disk = open_store(folder, chain, PAGE_BYTES);
	uint8_t *data = mem_alloc(PAGE_BYTES);
	double *each_s = mem_alloc((size_t)chain->n_page * sizeof(double)), begin;

	memset(data, 1, PAGE_BYTES);
	for (int64_t i = 0; i < chain->n_page; i++) {
		begin = seconds_now();
		write_page(disk, chain, i, data);
		each_s[i] = seconds_now() - begin;
	}
	begin = seconds_now();
	kv_disk_close(disk);
	qsort(each_s, (size_t)chain->n_page, sizeof(double), compare_doubles);
	printf("kv_disk_write of %d bytes: median %.3f ms, worst %.3f ms; closing (syncs) %.0f "
	       "ms\n",
		PAGE_BYTES, 1e3 * each_s[chain->n_page / 2], 1e3 * each_s[chain->n_page - 1],
		1e3 * (seconds_now() - begin));
	free(each_s);
	free(data);
}

static void bench_restore(const char *folder, const struct chain *chain)
{
	struct kv_disk *disk = open_store(folder, chain, PAGE_BYTES);
	double s[RUNS], cpu_s[RUNS], cold_s[RUNS], read_s[RUNS];
	char path[4096];

	snprintf(path, sizeof(path), "%s", kv_disk_folder(disk));
	restore(disk, chain, chain->n_page);
	for (int64_t n = chain->n_page / 4; n <= chain->n_page; n *= 2) {
		for (int run = 0; run < RUNS; run++) {
			cpu_s[run] = cpu_seconds();
			s[run] = restore(disk, chain, n);
			cpu_s[run] = cpu_seconds() - cpu_s[run];
		}
		qsort(s, RUNS, sizeof(*s), compare_doubles);
		printf("restore of %lld tokens (%.0f MB) from the page cache: median %.1f ms, best "
		       "%.1f ms; %.1f ms of processor\n",
			(long long)n * KV_PAGE_TOK, (double)n * PAGE_BYTES * 1e-6,
			1e3 * s[RUNS / 2], 1e3 * s[0], 1e3 * median(cpu_s, RUNS));
	}
	for (int run = 0; run < 5; run++) {
		int64_t n_bytes = 0;
		double begin;

		each_pages_file(path, drop_cached, NULL);
		begin = seconds_now();
		each_pages_file(path, read_all, &n_bytes);
		read_s[run] = (seconds_now() - begin) / (double)n_bytes;
		each_pages_file(path, drop_cached, NULL);
		cold_s[run] =
			restore(disk, chain, chain->n_page) / ((double)chain->n_page * PAGE_BYTES);
	}
	double read_rate = 1e-6 / median(read_s, 5), cold_rate = 1e-6 / median(cold_s, 5);
	printf("from the disk: %.0f MB/s; read() in order: %.0f MB/s; %.0f %% of it\n", cold_rate,
		read_rate, 100 * cold_rate / read_rate);
	kv_disk_close(disk);
}

static void bench_index(const char *folder)
{
	struct chain chain;
	uint8_t data[INDEX_PAGE_BYTES] = {0};
	const struct kv_disk_entry **entry = mem_alloc(INDEX_PAGES * sizeof(*entry));
	struct kv_disk *disk;
	double s[RUNS], cpu_s[RUNS], open_s, begin;
	int64_t before_kb;

	make_chain(&chain, INDEX_PAGES, "bench index");
	disk = open_store(folder, &chain, INDEX_PAGE_BYTES);
	for (int64_t i = 0; i < chain.n_page; i++) {
		write_page(disk, &chain, i, data);
	}
	kv_disk_close(disk);
	before_kb = resident_kb();
	begin = seconds_now();
	disk = open_store(folder, &chain, INDEX_PAGE_BYTES);
	open_s = seconds_now() - begin;
	printf("index of %d tokens (%d pages): opened in %.0f ms, %.1f MB resident\n",
		INDEX_PAGES * KV_PAGE_TOK, INDEX_PAGES, 1e3 * open_s,
		(double)(resident_kb() - before_kb) / 1024);
	for (int run = 0; run < RUNS; run++) {
		cpu_s[run] = cpu_seconds();
		begin = seconds_now();
		if (find_prefix(disk, &chain, chain.n_page, entry) != chain.n_page) {
			fprintf(stderr, "the prefix was not found\n");
			exit(1);
		}
		s[run] = seconds_now() - begin;
		cpu_s[run] = cpu_seconds() - cpu_s[run];
	}
	qsort(s, RUNS, sizeof(*s), compare_doubles);
	printf("longest cached prefix of %d tokens: median %.1f ms, best %.1f ms; "
	       "%.1f ms of processor\n",
		INDEX_PAGES * KV_PAGE_TOK, 1e3 * s[RUNS / 2], 1e3 * s[0],
		1e3 * median(cpu_s, RUNS));
	begin = seconds_now();
	for (int run = 0; run < RUNS; run++) {
		kv_disk_refresh(disk);
	}
	printf("refresh where nothing changed: %.3f ms\n", 1e3 * (seconds_now() - begin) / RUNS);
	kv_disk_close(disk);
	begin = seconds_now();
	if (engine_kv_owned_bytes(folder, "0123456789abcdef") <= 0) {
		fprintf(stderr, "what a session owns was not found\n");
		exit(1);
	}
	printf("what a session owns of it, told in %.0f ms\n", 1e3 * (seconds_now() - begin));
	free(entry);
}

int main(int argc, char **argv)
{
	struct engine_kv_watch no_watch = {0};
	struct engine_kv_work work;
	struct chain chain;
	struct err err;
	char own[] = "/var/tmp/carrel-bench-XXXXXX";
	const char *folder = argc > 1 ? argv[1] : NULL;

	if (!folder && !(folder = mkdtemp(own))) {
		fprintf(stderr, "bench_kv_disk: no folder can be made in /var/tmp\n");
		return 1;
	}
	make_chain(&chain, argc > 2 ? atoll(argv[2]) : PAGES, "bench pages");
	engine_kv_remove(folder, NULL, no_watch, &work, &err);
	bench_crc();
	bench_write(folder, &chain);
	bench_restore(folder, &chain);
	bench_index(folder);
	engine_kv_remove(folder, NULL, no_watch, &work, &err);
	rmdir(folder);
	return 0;
}
