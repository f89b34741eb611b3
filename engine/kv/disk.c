#include "engine/kv/disk_internal.h"

#include "base/mem.h"
#include "engine/kv/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAKE_TRIES = 10 };

/* ---- the folder ---- */

/* Written whole under another name first: a reader never sees half of it. */
static void write_about(const struct kv_disk *disk)
{
	char *name = mem_printf("about.%ld", (long)getpid());
	size_t len = strlen(disk->about);
	int fd =
		openat(disk->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0) {
		int is_whole = fchmod(fd, 0600) == 0 && write(fd, disk->about, len) == (ssize_t)len;

		close(fd);
		if (!is_whole || renameat(disk->fd, name, disk->fd, "about") < 0) {
			unlinkat(disk->fd, name, 0);
		}
	}
	free(name);
}

int disk_open_folder(struct kv_disk *disk, struct err *err)
{
	int fd = -1;

	/* Whoever empties the folder meanwhile may take it away before it is open. */
	for (int try = 0; fd < 0 && try < MAKE_TRIES && (try == 0 || errno == ENOENT); try++) {
		if (kv_folder_make(disk->path) == 0) {
			fd = open(disk->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		}
	}
	if (fd < 0) {
		return err_set_errno(err, ERR_ENGINE, errno, disk->path,
			"the folder for computed KV cannot be used");
	}
	if (faccessat(fd, ".", W_OK | X_OK, 0) < 0) {
		int error = errno;

		close(fd);
		return err_set_errno(err, ERR_ENGINE, error, disk->path,
			"the folder for computed KV cannot be written to");
	}
	if (disk->fd >= 0) {
		close(disk->fd);
	}
	disk->fd = fd;
	disk->is_seen = 0;
	if (disk->about && faccessat(fd, "about", F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
		write_about(disk);
	}
	return 0;
}

int kv_disk_open(struct kv_disk **out, const struct kv_disk_config *config, struct err *err)
{
	struct kv_disk *disk = mem_zero(1, sizeof(*disk));
	char hex[65];

	*out = NULL;
	sha256_hex(&config->root, hex);
	disk->fd = -1;
	disk->folder = mem_strdup(config->folder);
	disk->path = mem_printf("%s/%.32s", config->folder, hex);
	disk->about = mem_strdup(config->about);
	disk->root = (struct kv_root){.root = config->root, .page_bytes = config->page_bytes};
	disk->limit_bytes = config->limit_bytes;
	disk->n_thread =
		config->n_thread > 0 ? config->n_thread : (int32_t)sysconf(_SC_NPROCESSORS_ONLN);
	kv_index_init(&disk->index);
	disk_writer_init(&disk->writer);
	if (disk_open_folder(disk, err) < 0) {
		kv_disk_close(disk);
		return -1;
	}
	kv_disk_refresh(disk);
	disk_budget_open(disk);
	*out = disk;
	return 0;
}

void kv_disk_close(struct kv_disk *disk)
{
	if (!disk) {
		return;
	}
	disk_writer_finish(disk);
	for (uint32_t i = 0; i < disk->n_segment; i++) {
		disk_segment_unmap(disk->segment[i]);
		free(disk->segment[i]);
	}
	free(disk->segment);
	free(disk->bad);
	kv_index_finish(&disk->index);
	if (disk->fd >= 0) {
		close(disk->fd);
	}
	free(disk->folder);
	free(disk->path);
	free(disk->about);
	free(disk);
}

const char *kv_disk_folder(const struct kv_disk *disk)
{
	return disk->path;
}

/* ---- reading ---- */

uint32_t disk_segment_number(struct kv_disk *disk, const char *id)
{
	struct disk_segment *segment;

	for (uint32_t i = 0; i < disk->n_segment; i++) {
		if (!disk->segment[i]->is_gone && strcmp(disk->segment[i]->file.id, id) == 0) {
			return i;
		}
	}
	segment = mem_zero(1, sizeof(*segment));
	strcpy(segment->file.id, id);
	segment->reader_fd = segment->pages_fd = -1;
	mem_grow(disk->segment, disk->n_segment, disk->cap_segment);
	disk->segment[disk->n_segment] = segment;
	return disk->n_segment++;
}

struct reading {
	struct kv_disk *disk;
	uint32_t segment;
};

static void take_record(void *arg, const struct kv_record *record)
{
	struct reading *reading = arg;
	struct kv_disk *disk = reading->disk;

	if (record->kind == KV_RECORD_PAGE) {
		kv_index_add(&disk->index, record, reading->segment);
	} else if (record->kind == KV_RECORD_BAD) {
		struct disk_bad bad = {.slot = record->slot, .name = record->name};

		memcpy(bad.segment, record->segment, sizeof(bad.segment));
		mem_grow(disk->bad, disk->n_bad, disk->cap_bad);
		disk->bad[disk->n_bad++] = bad;
	}
}

void disk_read_segment(struct kv_disk *disk, uint32_t number)
{
	struct reading reading = {.disk = disk, .segment = number};

	disk->has_read |= kv_segment_read(&disk->segment[number]->file, disk->fd, &disk->root,
				  take_record, &reading) > 0;
}

/* A page that was found damaged in a segment that was read before or after the finding. */
static void apply_bad(struct kv_disk *disk)
{
	for (size_t i = 0; disk->has_read && i < disk->n_bad; i++) {
		const struct disk_bad *bad = &disk->bad[i];

		for (struct kv_index_entry *entry = kv_index_named(&disk->index, &bad->name, NULL);
			entry; entry = kv_index_named(&disk->index, &bad->name, entry)) {
			if (entry->slot == bad->slot &&
				strcmp(disk->segment[entry->segment]->file.id, bad->segment) == 0) {
				kv_index_kill(&disk->index, entry);
			}
		}
	}
	disk->has_read = 0;
}

static void forget_gone(struct kv_disk *disk)
{
	uint8_t *is_gone = mem_zero(disk->n_segment ? disk->n_segment : 1, 1);
	uint32_t n_gone = 0;

	for (uint32_t i = 0; i < disk->n_segment; i++) {
		is_gone[i] = disk->segment[i]->is_gone != 0;
		n_gone += is_gone[i];
		disk->segment[i]->is_forgotten = disk->segment[i]->is_gone;
	}
	if (n_gone) {
		kv_index_drop(&disk->index, is_gone);
	}
	free(is_gone);
}

/* Which segments there are; those that were and are not are gone. */
static void list_segments(struct kv_disk *disk)
{
	int fd = openat(disk->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	uint32_t n_before = disk->n_segment;
	struct dirent *item;
	char id[KV_SEGMENT_ID_CHARS + 1];
	uint8_t *is_there;

	if (!folder) {
		if (fd >= 0) {
			close(fd);
		}
		return;
	}
	is_there = mem_zero(n_before + 1, 1);
	while ((item = readdir(folder))) {
		if (kv_segment_is_index(item->d_name, id)) {
			uint32_t number = disk_segment_number(disk, id);

			if (number < n_before) {
				is_there[number] = 1;
			}
		}
	}
	closedir(folder);
	for (uint32_t i = 0; i < n_before; i++) {
		disk->segment[i]->is_gone |= !is_there[i];
	}
	free(is_there);
}

/* Changes of the same tick of the clock leave the same time behind. */
static int may_have_changed(const struct kv_disk *disk, const struct stat *now)
{
	int64_t changed_ns = (int64_t)now->st_mtim.tv_sec * 1000000000 + now->st_mtim.tv_nsec;

	return !disk->is_seen || now->st_mtim.tv_sec != disk->seen.st_mtim.tv_sec ||
	       now->st_mtim.tv_nsec != disk->seen.st_mtim.tv_nsec ||
	       kv_now_ns() - changed_ns < 1000000000;
}

static int has_grown(const struct kv_disk *disk, const struct disk_segment *segment)
{
	char name[KV_SEGMENT_ID_CHARS + 8] = "";
	struct stat st;

	strcat(strcpy(name, segment->file.id), ".index");
	return fstatat(disk->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (segment->file.n_record == 0 || st.st_size != segment->file.size_bytes);
}

void kv_disk_refresh(struct kv_disk *disk)
{
	struct stat at_path, here;
	uint32_t n_before = disk->n_segment;
	int has_gone = 0;

	if (fstat(disk->fd, &here) < 0 || stat(disk->path, &at_path) < 0 ||
		here.st_ino != at_path.st_ino || here.st_dev != at_path.st_dev) {
		/* The folder was removed: begin again. */
		if (disk_open_folder(disk, NULL) < 0 || fstat(disk->fd, &here) < 0) {
			return;
		}
	}
	if (may_have_changed(disk, &here)) {
		list_segments(disk);
		disk->seen = here;
		disk->is_seen = 1;
	}
	for (uint32_t i = 0; i < disk->n_segment; i++) {
		struct disk_segment *segment = disk->segment[i];

		if (segment->is_gone) {
			has_gone |= !segment->is_forgotten;
		} else if (i >= n_before || has_grown(disk, segment)) {
			disk_read_segment(disk, i);
		}
	}
	if (has_gone) {
		forget_gone(disk);
	}
	apply_bad(disk);
}

uint64_t kv_disk_generation(const struct kv_disk *disk)
{
	return disk->index.generation;
}

/* ---- looking up ---- */

/*
 * Two different pages of one name, which only a broken hash or two writers of one make: what
 * continues them is not known, so neither is found.
 */
static int is_ambiguous(const struct kv_disk *disk, const struct kv_index_entry *entry)
{
	const struct kv_index_entry *other = entry;

	while ((other = kv_index_named(&disk->index, &entry->page.name, other))) {
		if (!sha256_equal(&other->page.parent, &entry->page.parent) ||
			other->page.n_tok != entry->page.n_tok ||
			memcmp(other->ids, entry->ids,
				(size_t)entry->page.n_tok * sizeof(uint32_t)) != 0) {
			return 1;
		}
	}
	return 0;
}

const struct kv_disk_entry *kv_disk_find(struct kv_disk *disk, const struct sha256_digest *name,
	const struct sha256_digest *parent, const uint32_t *ids)
{
	const struct kv_index_entry *entry = kv_index_named(&disk->index, name, NULL);

	if (!entry || entry->page.n_tok != KV_PAGE_TOK ||
		!sha256_equal(&entry->page.parent, parent) ||
		memcmp(entry->ids, ids, sizeof(entry->ids)) != 0 || is_ambiguous(disk, entry)) {
		return NULL;
	}
	return &entry->page;
}

static int32_t common_tokens(const struct kv_index_entry *entry, const uint32_t *ids, size_t n_ids)
{
	int32_t n = 0;

	while (n < entry->page.n_tok && (size_t)n < n_ids && entry->ids[n] == ids[n]) {
		n++;
	}
	return n;
}

const struct kv_disk_entry *kv_disk_find_partial(struct kv_disk *disk,
	const struct sha256_digest *parent, const uint32_t *ids, size_t n_ids, int32_t *n_tok)
{
	struct kv_index_entry *entry = NULL, *best = NULL;

	*n_tok = 0;
	while ((entry = kv_index_child(&disk->index, parent, entry))) {
		int32_t n = common_tokens(entry, ids, n_ids);

		/* A tail that a longer page begins with has nothing to offer. */
		if (n > *n_tok || (n && n == *n_tok && entry->page.n_tok > best->page.n_tok)) {
			*n_tok = n;
			best = entry;
		}
	}
	return best ? &best->page : NULL;
}
