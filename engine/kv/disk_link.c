/* Linking: pages mapped, read in and checked in one go, by several threads. */
#include "engine/kv/disk_internal.h"

#include "base/crc32c.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	CHUNK_BYTES = 1 << 18, /* populated ahead of being checked: stays in the second cache */
	THREADS_MAX = 16,
	MEASURABLE_BYTES = 1 << 20, /* less takes no time that anybody would see */
	THREAD_BYTES = 1 << 20,     /* a thread is worth it from so much on */
	SAMPLES = 16,               /* pages whose whereabouts stand for all */
};

void disk_segment_unmap(struct disk_segment *segment)
{
	for (int64_t i = 0; i < segment->n_mapping; i++) {
		kv_mapping_close(&segment->mapping[i]);
	}
	free(segment->mapping);
	segment->mapping = NULL;
	segment->n_mapping = segment->cap_mapping = 0;
	if (segment->pages_fd >= 0) {
		close(segment->pages_fd);
	}
	if (segment->reader_fd >= 0) {
		close(segment->reader_fd);
	}
	segment->reader_fd = segment->pages_fd = -1;
}

void disk_segment_lose(struct disk_segment *segment)
{
	for (int64_t i = 0; i < segment->n_mapping; i++) {
		kv_mapping_lose(&segment->mapping[i]);
	}
}

/* ---- mapping ---- */

static int hold_segment(struct kv_disk *disk, struct disk_segment *segment)
{
	struct stat st;

	if (segment->reader_fd >= 0) {
		return 0;
	}
	segment->reader_fd = kv_segment_open(disk->fd, segment->file.id, ".index", O_RDONLY);
	segment->pages_fd = kv_segment_open(disk->fd, segment->file.id, ".pages", O_RDONLY);
	if (segment->reader_fd < 0 || segment->pages_fd < 0 ||
		kv_segment_lock(segment->reader_fd, KV_LOCK_READERS, 0) != 0 ||
		fstat(segment->reader_fd, &st) < 0 || st.st_nlink == 0 ||
		st.st_ino != segment->file.inode || st.st_dev != segment->file.device) {
		disk_segment_unmap(segment);
		return -1;
	}
	return 0;
}

/*
 * Of the two files only the index is left: a segment that nobody else removes so. Not where only this
 * process cannot open it, which has too many files open.
 */
static int lacks_pages(const struct kv_disk *disk, const struct disk_segment *segment)
{
	int index_fd = kv_segment_open(disk->fd, segment->file.id, ".index", O_RDONLY);
	int pages_fd = kv_segment_open(disk->fd, segment->file.id, ".pages", O_RDONLY);
	int result = index_fd >= 0 && pages_fd < 0 &&
		     (errno == ENOENT || errno == ELOOP || errno == EINVAL);

	if (index_fd >= 0) {
		close(index_fd);
	}
	if (pages_fd >= 0) {
		close(pages_fd);
	}
	return result;
}

static struct kv_mapping *mapping_of_slot(struct disk_segment *segment, int64_t slot)
{
	for (int64_t i = 0; i < segment->n_mapping; i++) {
		struct kv_mapping *mapping = &segment->mapping[i];

		if (slot >= mapping->first_slot && slot < mapping->first_slot + mapping->n_slot) {
			return mapping;
		}
	}
	return NULL;
}

/*
 * What the file has grown by since it was mapped is mapped apart. NULL: the file ends before that
 * (is_missing), or it cannot be mapped now.
 */
static struct kv_mapping *map_slot(
	struct kv_disk *disk, struct disk_segment *segment, int64_t slot, int *is_missing)
{
	int64_t slot_bytes = kv_slot_bytes(disk->root.page_bytes), first = 0, n_slot;
	struct kv_mapping *mapping = mapping_of_slot(segment, slot);
	struct stat st;

	*is_missing = 0;
	if (fstat(segment->pages_fd, &st) < 0) {
		return NULL;
	}
	if (slot * slot_bytes + disk->root.page_bytes > st.st_size) {
		*is_missing = 1;
		return NULL;
	}
	if (mapping) {
		return mapping;
	}
	for (int64_t i = 0; i < segment->n_mapping; i++) {
		int64_t end = segment->mapping[i].first_slot + segment->mapping[i].n_slot;

		first = end > first ? end : first;
	}
	n_slot = (st.st_size + slot_bytes - 1) / slot_bytes;
	n_slot = n_slot < KV_SEGMENT_MAX_RECORDS ? n_slot : KV_SEGMENT_MAX_RECORDS;
	mem_grow(segment->mapping, segment->n_mapping, segment->cap_mapping);
	mapping = &segment->mapping[segment->n_mapping];
	if (slot < first || slot >= n_slot ||
		kv_mapping_open(mapping, segment->pages_fd, first, n_slot - first, slot_bytes) <
			0) {
		return NULL;
	}
	segment->n_mapping++;
	return mapping;
}

struct disk_segment *disk_segment_of(
	const struct kv_disk *disk, const uint8_t *data, struct kv_mapping **mapping)
{
	for (uint32_t i = 0; i < disk->n_segment; i++) {
		struct disk_segment *segment = disk->segment[i];

		for (int64_t m = 0; m < segment->n_mapping; m++) {
			struct kv_mapping *at = &segment->mapping[m];

			if (data >= at->base && data < at->base + at->n_slot * at->slot_bytes) {
				*mapping = at;
				return segment;
			}
		}
	}
	return NULL;
}

static void let_go(struct disk_segment *segment)
{
	if (--segment->n_linked == 0) {
		disk_segment_unmap(segment);
	}
}

/* ---- checking ---- */

struct checking {
	const struct kv_disk *disk;
	struct kv_index_entry *const *entry;
	uint8_t *const *data;
	int64_t n_entry;
	atomic_llong next, first_bad;
};

/* A page the kernel cannot give is bad; where it cannot be asked, reading the page will tell. */
static int populate(uint8_t *at, size_t n_bytes)
{
#ifdef MADV_POPULATE_READ
	while (madvise(at, n_bytes, MADV_POPULATE_READ) < 0) {
		if (errno == EINVAL) {
			break;
		}
		if (errno != EAGAIN && errno != EINTR) {
			return -1;
		}
	}
#else
	madvise(at, n_bytes, MADV_WILLNEED);
#endif
	return 0;
}

static int is_good(const struct kv_index_entry *entry, uint8_t *data, int64_t page_bytes)
{
	int64_t slot_bytes = kv_slot_bytes(page_bytes);
	uint32_t crc = 0;

	for (int64_t at = 0; at < page_bytes; at += CHUNK_BYTES) {
		int64_t n = page_bytes - at < CHUNK_BYTES ? page_bytes - at : CHUNK_BYTES;
		int64_t room = slot_bytes - at < CHUNK_BYTES ? slot_bytes - at : CHUNK_BYTES;

		if (populate(data + at, (size_t)room) < 0) {
			return 0;
		}
		crc = crc32c(crc, data + at, (size_t)n);
	}
	return crc == entry->data_crc;
}

static void *check_pages(void *arg)
{
	struct checking *checking = arg;

	for (;;) {
		long long i = atomic_fetch_add(&checking->next, 1);
		long long bad = atomic_load(&checking->first_bad);

		if (i >= checking->n_entry || i > bad) {
			return NULL;
		}
		if (!is_good(checking->entry[i], checking->data[i],
			    checking->disk->root.page_bytes)) {
			while (i < bad &&
				!atomic_compare_exchange_weak(&checking->first_bad, &bad, i)) {
			}
		}
	}
}

/* Returns how many from the front are good. */
static int64_t check(const struct kv_disk *disk, struct kv_index_entry *const *entry,
	uint8_t *const *data, int64_t n_entry)
{
	struct checking checking = {.disk = disk, .entry = entry, .data = data, .n_entry = n_entry};
	pthread_t thread[THREADS_MAX];
	int n_thread = 0, n_wanted = disk->n_thread < THREADS_MAX ? disk->n_thread : THREADS_MAX;

	atomic_init(&checking.next, 0);
	atomic_init(&checking.first_bad, n_entry);
	while (n_thread + 1 < n_wanted && n_thread + 1 < n_entry &&
		n_entry * disk->root.page_bytes > (n_thread + 2) * (int64_t)THREAD_BYTES &&
		pthread_create(&thread[n_thread], NULL, check_pages, &checking) == 0) {
		n_thread++;
	}
	check_pages(&checking);
	while (n_thread > 0) {
		pthread_join(thread[--n_thread], NULL);
	}
	return atomic_load(&checking.first_bad);
}

/* Maps what it can; returns how many. */
static int64_t stage(
	struct kv_disk *disk, struct kv_index_entry *const *entry, int64_t n_entry, uint8_t **data)
{
	int64_t n = 0;

	for (; n < n_entry; n++) {
		struct disk_segment *segment = disk->segment[entry[n]->segment];
		struct kv_mapping *mapping;
		int is_missing;

		if (entry[n]->is_dead || segment->is_gone) {
			break;
		}
		if (hold_segment(disk, segment) < 0) {
			if (lacks_pages(disk, segment)) {
				disk_note_bad(disk, entry[n]);
			}
			break;
		}
		segment->n_linked++;
		mapping = map_slot(disk, segment, entry[n]->slot, &is_missing);
		if (!mapping) {
			let_go(segment);
			if (is_missing) {
				disk_note_bad(disk, entry[n]);
			}
			break;
		}
		mapping->n_linked++;
		data[n] = mapping->base +
			  (entry[n]->slot - mapping->first_slot) * mapping->slot_bytes;
	}
	return n;
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Whether the data's first, middle and last memory pages are in memory: 0 ... 3. */
static int residence(const uint8_t *data, int64_t page_bytes)
{
	int64_t last = (page_bytes - 1) / KV_SLOT_ALIGN_BYTES;
	int n = 0;

	for (int64_t i = 0; i < 3; i++) {
		unsigned char is_in = 0;

		if (mincore((void *)(data + last * i / 2 * KV_SLOT_ALIGN_BYTES),
			    KV_SLOT_ALIGN_BYTES, &is_in) == 0) {
			n += is_in & 1;
		}
	}
	return n;
}

/* How much of these pages is in memory: 0 ... 1. */
static double resident_share(const struct kv_disk *disk, uint8_t *const *data, int64_t n_page)
{
	int64_t step = (n_page + SAMPLES - 1) / SAMPLES, n_sample = 0, n = 0;

	for (int64_t i = 0; i < n_page; i += step) {
		n += residence(data[i], disk->root.page_bytes);
		n_sample++;
	}
	return n_sample ? (double)n / (3 * (double)n_sample) : 0;
}

static void note_rate(double *rate, double bytes, double s)
{
	if (s > 0) {
		*rate = *rate > 0 ? 0.5 * *rate + 0.5 * bytes / s : bytes / s;
	}
}

/*
 * Where one page is bad, those behind it may be, too (a file that was cut off): to be computed and
 * written again, all of them are to be known, now and not one at each start.
 */
static void look_for_bad(struct kv_disk *disk, struct kv_index_entry *const *entry, int64_t n_entry)
{
	for (int64_t i = 0; i < n_entry; i++) {
		uint8_t *data;

		if (stage(disk, &entry[i], 1, &data) == 1) {
			if (!is_good(entry[i], data, disk->root.page_bytes)) {
				disk_note_bad(disk, entry[i]);
			}
			kv_disk_unlink(disk, data);
		}
	}
}

int64_t kv_disk_link(struct kv_disk *disk, const struct kv_disk_entry *const *entry,
	int64_t n_entry, uint8_t **data)
{
	/* kv_disk_entry is the first member of what the index holds. */
	struct kv_index_entry *const *indexed = (struct kv_index_entry *const *)entry;
	int64_t n_staged = stage(disk, indexed, n_entry, data), n_good;
	double resident = resident_share(disk, data, n_staged), begin = seconds_now();

	n_good = check(disk, indexed, data, n_staged);
	if (n_good == n_staged && n_good * disk->root.page_bytes >= MEASURABLE_BYTES) {
		double bytes = (double)n_good * (double)disk->root.page_bytes;

		if (resident >= 1) {
			note_rate(&disk->memory_bytes_per_s, bytes, seconds_now() - begin);
		} else if (resident <= 0.1) {
			note_rate(&disk->disk_bytes_per_s, bytes, seconds_now() - begin);
		} else if (disk->disk_bytes_per_s <= 0 && disk->memory_bytes_per_s > 0) {
			/* Better than not to know: what the others took beyond their share. */
			double in_memory = bytes * resident;

			note_rate(&disk->disk_bytes_per_s, bytes - in_memory,
				seconds_now() - begin - in_memory / disk->memory_bytes_per_s);
		}
	}
	if (n_good < n_staged) {
		disk_note_bad(disk, indexed[n_good]);
	}
	for (int64_t i = n_good; i < n_staged; i++) {
		kv_disk_unlink(disk, data[i]);
	}
	if (n_good < n_entry) {
		look_for_bad(disk, indexed + n_good, n_entry - n_good);
	}
	return n_good;
}

void kv_disk_unlink(struct kv_disk *disk, uint8_t *data)
{
	struct kv_mapping *mapping;
	struct disk_segment *segment = disk_segment_of(disk, data, &mapping);

	if (!segment) {
		return;
	}
	mapping->n_linked--;
	let_go(segment);
}

/* ---- the time it would take ---- */

double kv_disk_link_s(
	struct kv_disk *disk, const struct kv_disk_entry *const *entry, int64_t n_entry)
{
	struct kv_index_entry *const *indexed = (struct kv_index_entry *const *)entry;
	int64_t step = (n_entry + SAMPLES - 1) / SAMPLES, n_sample = 0, n_staged = 0;
	double bytes = (double)n_entry * (double)disk->root.page_bytes, in_memory;
	uint8_t *data[SAMPLES] = {NULL};

	if (n_entry == 0) {
		return 0;
	}
	/* All of them before any is let go: a segment is opened and mapped once. */
	for (int64_t i = 0; i < n_entry; i += step) {
		n_staged += stage(disk, &indexed[i], 1, &data[n_staged]);
		n_sample++;
	}
	in_memory = resident_share(disk, data, n_staged) * (double)n_staged / (double)n_sample;
	while (n_staged > 0) {
		kv_disk_unlink(disk, data[--n_staged]);
	}
	if ((in_memory > 0 && disk->memory_bytes_per_s <= 0) ||
		(in_memory < 1 && disk->disk_bytes_per_s <= 0)) {
		return bytes < MEASURABLE_BYTES ? 0 : -1;
	}
	return (in_memory > 0 ? bytes * in_memory / disk->memory_bytes_per_s : 0) +
	       (in_memory < 1 ? bytes * (1 - in_memory) / disk->disk_bytes_per_s : 0);
}

struct kv_disk_rates kv_disk_rates(const struct kv_disk *disk)
{
	return (struct kv_disk_rates){disk->memory_bytes_per_s, disk->disk_bytes_per_s};
}

void kv_disk_set_rates(struct kv_disk *disk, struct kv_disk_rates rates)
{
	disk->memory_bytes_per_s = rates.memory_bytes_per_s;
	disk->disk_bytes_per_s = rates.disk_bytes_per_s;
}

/* Enough that threads help, as they do with what is worth a forecast. */
enum { MEASURE_BYTES = 32 << 20, MEASURE_PAGES = 1024 };

void kv_disk_measure(struct kv_disk *disk)
{
	const struct kv_disk_entry *entry[MEASURE_PAGES];
	uint8_t *data[MEASURE_PAGES];
	int64_t n = 0, n_good;

	if (disk->memory_bytes_per_s > 0) {
		return;
	}
	kv_disk_refresh(disk); /* what was written just now */
	for (uint32_t i = disk->index.n_entry;
		i > 0 && n < MEASURE_PAGES && n * disk->root.page_bytes < MEASURE_BYTES; i--) {
		const struct kv_index_entry *latest = kv_index_at(&disk->index, i - 1);

		if (!latest->is_dead) {
			entry[n++] = &latest->page;
		}
	}
	n_good = kv_disk_link(disk, entry, n, data);
	for (int64_t i = 0; i < n_good; i++) {
		kv_disk_unlink(disk, data[i]);
	}
}

/* ---- mappings that gave way ---- */

static void note_lost(struct kv_disk *disk)
{
	for (uint32_t i = 0; i < disk->index.n_entry; i++) {
		struct kv_index_entry *entry = kv_index_at(&disk->index, i);
		struct disk_segment *segment = disk->segment[entry->segment];
		struct kv_mapping *mapping = mapping_of_slot(segment, entry->slot);

		if (!entry->is_dead && mapping && kv_mapping_is_lost(mapping, entry->slot)) {
			disk_note_bad(disk, entry);
		}
	}
}

int kv_disk_gave_way(struct kv_disk *disk)
{
	int gave_way = 0;

	disk_writer_drop_failed(disk);
	for (uint32_t i = 0; i < disk->n_segment; i++) {
		for (int64_t m = 0; m < disk->segment[i]->n_mapping; m++) {
			struct kv_mapping *mapping = &disk->segment[i]->mapping[m];
			uint32_t n_fault = kv_mapping_faults(mapping);

			gave_way |= n_fault != mapping->n_fault_seen;
			mapping->n_fault_seen = n_fault;
		}
	}
	if (gave_way) {
		note_lost(disk);
	}
	return gave_way;
}

int kv_disk_is_lost(const struct kv_disk *disk, const uint8_t *data)
{
	struct kv_mapping *mapping;

	return disk_segment_of(disk, data, &mapping) &&
	       kv_mapping_is_lost(
		       mapping, mapping->first_slot + (data - mapping->base) / mapping->slot_bytes);
}
