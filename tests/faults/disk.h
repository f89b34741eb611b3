/*
 * A disk that loses power: fed with the log of what a program did to a folder (faults.h), it writes
 * the folder as it may stand after a power cut at that point. What was synced is there: a file's
 * bytes and length after it was synced, a folder's names after the folder was. Of everything else
 * any part may be there.
 */
#ifndef TESTS_FAULTS_DISK_H
#define TESTS_FAULTS_DISK_H

#include "tests/faults/faults.h"

#include <stddef.h>
#include <stdint.h>

struct disk_log {
	char *bytes;
	size_t len;
	struct disk_item {
		struct faults_record record;
		const char *name, *name2, *data; /* names are terminated */
	} * item;
	size_t n_item;
	char *names;
};
/* Aborts on a log that cannot be read or is not whole. */
void disk_log_read(struct disk_log *log, const char *path);
void disk_log_finish(struct disk_log *log);
/* A test's promise, at the end of a log. */
void disk_log_ack(const char *path, const char *text);

struct disk;
struct disk *disk_create(void); /* an empty folder */
void disk_destroy(struct disk *disk);
/* Returns -1 where the shim could not follow what the program did. */
int disk_apply(struct disk *disk, const struct disk_item *item);

enum disk_loss {
	DISK_KEEP,      /* everything reached the disk */
	DISK_DROP,      /* only what was synced did */
	DISK_DROP_DATA, /* names did, bytes only where synced */
	DISK_DROP_NAMES,
	DISK_TORN, /* by `seed`: each sector, length and name as it was at some moment since the sync */
};
/* Into `folder`, which is emptied first. sector_bytes: 512 or 4096. */
void disk_write(const struct disk *disk, const char *folder, enum disk_loss loss, uint64_t seed,
	size_t sector_bytes);
/* How many changes were not synced yet. */
size_t disk_unsynced(const struct disk *disk);

#endif
