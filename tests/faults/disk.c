#include "tests/faults/disk.h"

#include "base/mem.h"
#include "base/rng.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Noreturn static void give_up(const char *what, const char *path)
{
	printf("Bail out! %s: %s (%s)\n", path, what, strerror(errno));
	exit(1);
}

/* ---- the log ---- */

static void read_whole(const char *path, char **bytes, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		give_up("cannot be read", path);
	}
	*len = (size_t)st.st_size;
	*bytes = mem_alloc(*len + 1);
	for (size_t at = 0; at < *len;) {
		ssize_t n = read(fd, *bytes + at, *len - at);

		if (n <= 0) {
			give_up("cannot be read", path);
		}
		at += (size_t)n;
	}
	close(fd);
}

void disk_log_read(struct disk_log *log, const char *path)
{
	size_t cap = 0, n_name = 0;

	*log = (struct disk_log){0};
	read_whole(path, &log->bytes, &log->len);
	log->names = mem_alloc(log->len + 1);
	for (size_t at = 0; at < log->len; log->n_item++) {
		struct disk_item item = {0};
		size_t left = log->len - at;

		errno = 0;
		if (left < sizeof(item.record)) {
			give_up("is cut", path);
		}
		memcpy(&item.record, log->bytes + at, sizeof(item.record));
		at += sizeof(item.record);
		left -= sizeof(item.record);
		if (item.record.name_len > left || item.record.name2_len > left ||
			item.record.data_len >
				left - item.record.name_len - item.record.name2_len) {
			give_up("is cut", path);
		}
		/* A record is longer than the two ends of its names. */
		item.name = log->names + n_name;
		memcpy(log->names + n_name, log->bytes + at, item.record.name_len);
		n_name += item.record.name_len;
		log->names[n_name++] = '\0';
		at += item.record.name_len;
		item.name2 = log->names + n_name;
		memcpy(log->names + n_name, log->bytes + at, item.record.name2_len);
		n_name += item.record.name2_len;
		log->names[n_name++] = '\0';
		at += item.record.name2_len;
		item.data = log->bytes + at;
		at += item.record.data_len;
		mem_grow(log->item, log->n_item, cap);
		log->item[log->n_item] = item;
	}
}

void disk_log_finish(struct disk_log *log)
{
	free(log->bytes);
	free(log->item);
	free(log->names);
	*log = (struct disk_log){0};
}

void disk_log_ack(const char *path, const char *text)
{
	struct faults_record record = {.kind = FAULTS_ACK, .data_len = strlen(text)};
	FILE *file = fopen(path, "ab");

	if (!file || fwrite(&record, sizeof(record), 1, file) != 1 ||
		fwrite(text, 1, record.data_len, file) != record.data_len || fclose(file) != 0) {
		give_up("cannot be written", path);
	}
}

/* ---- files ---- */

struct bytes {
	char *data;
	size_t len, cap;
};

static void bytes_resize(struct bytes *bytes, size_t len)
{
	if (len > bytes->cap) {
		bytes->cap = len + len / 2 + 4096;
		bytes->data = mem_resize(bytes->data, bytes->cap, 1);
	}
	if (len > bytes->len) {
		memset(bytes->data + bytes->len, 0, len - bytes->len);
	}
	bytes->len = len;
}

static void bytes_copy(struct bytes *to, const struct bytes *from)
{
	to->len = 0;
	bytes_resize(to, from->len);
	if (from->len) {
		memcpy(to->data, from->data, from->len);
	}
}

/* One change of a file's bytes, or of its length. */
struct change {
	int is_length;
	int64_t offset;
	const char *data; /* in the log */
	size_t len;
};

struct file {
	uint64_t object;
	int is_folder;
	struct bytes synced;
	struct change *change;
	size_t n_change, cap_change;
};

/* A name appears (object), or goes (0). `to_folder`: it is moved there at the same moment. */
struct naming {
	uint64_t folder, object, to_folder;
	const char *name, *to_name;
	int is_synced;
};

struct disk {
	struct file *file; /* an inode number that is used again is a new file */
	size_t n_file, cap_file;
	struct naming *naming;
	size_t n_naming, cap_naming;
	uint64_t root;
};

struct disk *disk_create(void)
{
	return mem_zero(1, sizeof(struct disk));
}

void disk_destroy(struct disk *disk)
{
	for (size_t i = 0; disk && i < disk->n_file; i++) {
		free(disk->file[i].synced.data);
		free(disk->file[i].change);
	}
	if (disk) {
		free(disk->file);
		free(disk->naming);
	}
	free(disk);
}

/* Names refer to files by index + 1: inode numbers come again. */
static struct file *add_file(struct disk *disk, uint64_t object, int is_folder)
{
	mem_grow(disk->file, disk->n_file, disk->cap_file);
	disk->file[disk->n_file] = (struct file){.object = object, .is_folder = is_folder};
	return &disk->file[disk->n_file++];
}

static struct file *find_file(struct disk *disk, uint64_t object)
{
	for (size_t i = disk->n_file; i > 0; i--) {
		if (disk->file[i - 1].object == object) {
			return &disk->file[i - 1];
		}
	}
	return add_file(disk, object, 0);
}

static uint64_t number_of(const struct disk *disk, const struct file *file)
{
	return (uint64_t)(file - disk->file) + 1;
}

static uint64_t folder_number(struct disk *disk, uint64_t object)
{
	struct file *file = find_file(disk, object);

	file->is_folder = 1;
	return number_of(disk, file);
}

static void add_naming(struct disk *disk, const struct naming *naming)
{
	mem_grow(disk->naming, disk->n_naming, disk->cap_naming);
	disk->naming[disk->n_naming++] = *naming;
}

static void add_change(struct file *file, const struct change *change)
{
	mem_grow(file->change, file->n_change, file->cap_change);
	file->change[file->n_change++] = *change;
}

static void apply_change(struct bytes *bytes, const struct change *change)
{
	size_t end = (size_t)change->offset + change->len;

	if (change->is_length) {
		bytes_resize(bytes, (size_t)change->offset);
		return;
	}
	if (end > bytes->len) {
		bytes_resize(bytes, end);
	}
	if (change->len) {
		memcpy(bytes->data + change->offset, change->data, change->len);
	}
}

static void sync_object(struct disk *disk, uint64_t object)
{
	struct file *file = find_file(disk, object);
	uint64_t number = number_of(disk, file);

	for (size_t i = 0; i < file->n_change; i++) {
		apply_change(&file->synced, &file->change[i]);
	}
	file->n_change = 0;
	for (size_t i = 0; i < disk->n_naming; i++) {
		if (disk->naming[i].folder == number || disk->naming[i].to_folder == number) {
			disk->naming[i].is_synced = 1;
		}
	}
}

int disk_apply(struct disk *disk, const struct disk_item *item)
{
	const struct faults_record *record = &item->record;
	struct change change = {
		.offset = record->offset, .data = item->data, .len = record->data_len};
	struct naming naming = {.name = item->name};
	uint64_t object;

	switch (record->kind) {
	case FAULTS_ROOT:
		disk->root = folder_number(disk, record->object);
		return 0;
	case FAULTS_CREATE:
	case FAULTS_MKDIR:
	case FAULTS_LINK:
		naming.folder = folder_number(disk, record->folder);
		naming.object = number_of(disk,
			record->kind == FAULTS_LINK
				? find_file(disk, record->object)
				: add_file(disk, record->object, record->kind == FAULTS_MKDIR));
		add_naming(disk, &naming);
		return 0;
	case FAULTS_UNLINK:
		naming.folder = folder_number(disk, record->folder);
		add_naming(disk, &naming);
		return 0;
	case FAULTS_RENAME:
		naming.folder = folder_number(disk, record->folder);
		naming.to_folder = folder_number(disk, record->folder2);
		naming.to_name = item->name2;
		add_naming(disk, &naming);
		return 0;
	case FAULTS_WRITE:
	case FAULTS_TRUNCATE:
		object = record->object;
		change.is_length = record->kind == FAULTS_TRUNCATE;
		add_change(find_file(disk, object), &change);
		return 0;
	case FAULTS_SYNC:
		sync_object(disk, record->object);
		return 0;
	case FAULTS_ACK:
		return 0;
	default:
		return -1;
	}
}

size_t disk_unsynced(const struct disk *disk)
{
	size_t n = 0;

	for (size_t i = 0; i < disk->n_file; i++) {
		n += disk->file[i].n_change;
	}
	for (size_t i = 0; i < disk->n_naming; i++) {
		n += !disk->naming[i].is_synced;
	}
	return n;
}

/* ---- after the cut ---- */

/* A number that depends on nothing but these. */
static uint64_t draw(uint64_t seed, uint64_t file, uint64_t what)
{
	uint32_t out[4];

	rng_philox(seed, file << 40 ^ what, out);
	return (uint64_t)out[0] << 32 | out[1];
}

/* Each sector as it was after some of the changes; the length as it was after some of them. */
static void tear(
	struct bytes *out, const struct file *file, uint64_t number, uint64_t seed, size_t sector)
{
	size_t n_length = draw(seed, number, ~0u) % (file->n_change + 1), length = out->len;

	for (size_t i = 0; i < n_length; i++) {
		const struct change *change = &file->change[i];
		size_t end = (size_t)change->offset + change->len;

		length = change->is_length ? (size_t)change->offset : end > length ? end : length;
	}
	for (size_t i = 0; i < file->n_change; i++) {
		const struct change *change = &file->change[i];
		size_t at = (size_t)change->offset, end = at + change->len;

		if (change->is_length && out->len > at) {
			end = out->len; /* what is cut off reads as zeros if the length stays */
		} else if (end > out->len) {
			bytes_resize(out, end);
		}
		while (at < end) {
			size_t next = (at / sector + 1) * sector;

			next = next < end ? next : end;
			if (i < draw(seed, number, at / sector) % (file->n_change + 1)) {
				if (change->is_length) {
					memset(out->data + at, 0, next - at);
				} else {
					memcpy(out->data + at,
						change->data + (at - (size_t)change->offset),
						next - at);
				}
			}
			at = next;
		}
	}
	bytes_resize(out, length);
}

struct entry {
	uint64_t folder, object;
	const char *name;
};

struct tree {
	struct entry *entry;
	size_t n, cap;
};

static struct entry *find_entry(const struct tree *tree, uint64_t folder, const char *name)
{
	for (size_t i = 0; i < tree->n; i++) {
		if (tree->entry[i].folder == folder && !strcmp(tree->entry[i].name, name)) {
			return &tree->entry[i];
		}
	}
	return NULL;
}

static void set_entry(struct tree *tree, uint64_t folder, const char *name, uint64_t object)
{
	struct entry *entry = find_entry(tree, folder, name);

	if (entry) {
		entry->object = object;
		return;
	}
	mem_grow(tree->entry, tree->n, tree->cap);
	tree->entry[tree->n++] = (struct entry){folder, object, name};
}

static void name_all(const struct disk *disk, struct tree *tree, enum disk_loss loss, uint64_t seed)
{
	size_t last = disk->n_naming; /* names reach the disk in their order */

	if (loss == DISK_TORN) {
		last = draw(seed, 0, 1) % (disk->n_naming + 1);
	}
	for (size_t i = 0; i < disk->n_naming; i++) {
		const struct naming *naming = &disk->naming[i];
		uint64_t object = naming->object;

		if (!naming->is_synced && loss != DISK_KEEP && loss != DISK_DROP_DATA &&
			(loss != DISK_TORN || i >= last)) {
			continue;
		}
		if (naming->to_folder) {
			struct entry *entry = find_entry(tree, naming->folder, naming->name);

			if (!entry || !entry->object) {
				continue;
			}
			object = entry->object;
			entry->object = 0;
			set_entry(tree, naming->to_folder, naming->to_name, object);
		} else {
			set_entry(tree, naming->folder, naming->name, object);
		}
	}
}

static void write_file(const struct file *file, uint64_t number, const char *path,
	enum disk_loss loss, uint64_t seed, size_t sector)
{
	struct bytes bytes = {0};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	bytes_copy(&bytes, &file->synced);
	if (loss == DISK_TORN) {
		tear(&bytes, file, number, seed, sector);
	} else if (loss == DISK_KEEP || loss == DISK_DROP_NAMES) {
		for (size_t i = 0; i < file->n_change; i++) {
			apply_change(&bytes, &file->change[i]);
		}
	}
	if (fd < 0 || (bytes.len && write(fd, bytes.data, bytes.len) != (ssize_t)bytes.len)) {
		give_up("cannot be written", path);
	}
	close(fd);
	free(bytes.data);
}

struct writing {
	const struct disk *disk;
	const struct tree *tree;
	enum disk_loss loss;
	uint64_t seed;
	size_t sector;
};

static void write_folder(const struct writing *writing, uint64_t folder, const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		give_up("cannot be made", path);
	}
	for (size_t i = 0; i < writing->tree->n; i++) {
		const struct entry *entry = &writing->tree->entry[i];
		const struct file *file;
		char *below;

		if (entry->folder != folder || !entry->object) {
			continue;
		}
		file = &writing->disk->file[entry->object - 1];
		below = mem_printf("%s/%s", path, entry->name);
		if (file->is_folder) {
			write_folder(writing, entry->object, below);
		} else {
			write_file(file, entry->object, below, writing->loss, writing->seed,
				writing->sector);
		}
		free(below);
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return ftw->level ? remove(path) : 0;
}

void disk_write(const struct disk *disk, const char *folder, enum disk_loss loss, uint64_t seed,
	size_t sector_bytes)
{
	struct tree tree = {0};

	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	name_all(disk, &tree, loss, seed);
	write_folder(&(struct writing){disk, &tree, loss, seed, sector_bytes}, disk->root, folder);
	free(tree.entry);
}
