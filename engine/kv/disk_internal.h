/* What the files of kv/disk.h share. */
#ifndef ENGINE_KV_DISK_INTERNAL_H
#define ENGINE_KV_DISK_INTERNAL_H

#include "engine/kv/disk.h"
#include "engine/kv/index.h"
#include "engine/kv/mapping.h"
#include "engine/kv/segment.h"

#include <pthread.h>
#include <sys/stat.h>

/* A segment as this process knows it. It stays while pages of it are linked, gone or not. */
struct disk_segment {
	struct kv_segment file;
	int is_gone;             /* its files are not in the folder any more ... */
	int is_forgotten;        /* ... and its pages not in the index */
	int reader_fd, pages_fd; /* the index, locked for readers; -1 while nothing is mapped */
	struct kv_mapping *mapping;
	int64_t n_mapping, cap_mapping;
	int64_t n_linked;
};

/* Which pages others found damaged. */
struct disk_bad {
	char segment[KV_SEGMENT_ID_CHARS + 1];
	int64_t slot;
	struct sha256_digest name;
};

/* What goes wrong, each told once. */
enum disk_trouble {
	TROUBLE_NONE,
	TROUBLE_SPACE,
	TROUBLE_WRITE,
	TROUBLE_SYNC,
	TROUBLE_DAMAGE,
	TROUBLE_LIMIT,
	TROUBLE_COUNT,
};

enum { WRITERS_RETIRED_MAX = 64 };

/* What appends, and the thread that syncs behind it (disk_write.c). */
struct disk_writer {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	int has_thread, stop;
	struct kv_writer *current;                      /* only the caller's thread appends to it */
	struct kv_writer *retired[WRITERS_RETIRED_MAX]; /* to be synced and closed */
	int n_retired;
	int64_t dirty_bytes, dirty_since_ns;
	/* Segments that could not be synced, until disk_writer_drop_failed(). */
	struct disk_failed {
		char segment[KV_SEGMENT_ID_CHARS + 1];
	} * failed;
	size_t n_failed, cap_failed;
	struct disk_budget {
		int64_t used_bytes, limit_bytes; /* of the whole folder */
		int64_t segment_bytes;           /* so that no segment is a large part of it */
		int64_t look_ns;                 /* when it may be looked at again */
		int wants_collecting, is_over;
		int has_many; /* small segments, to be put together */
	} budget;
	int64_t pause_until_ns;
	int64_t last_use_ns;
	struct sha256_digest last_use;
	char last_owner[ENGINE_OWNER_CHARS + 1];
	struct err trouble[TROUBLE_COUNT];
	enum { UNTOLD_NONE, UNTOLD, TOLD } state[TROUBLE_COUNT];
};

struct kv_disk {
	char *folder, *path, *about;
	int fd; /* of path */
	struct stat seen;
	int is_seen;
	struct kv_root root;
	int64_t limit_bytes;
	int32_t n_thread;
	struct kv_index index;
	struct disk_segment **segment;
	uint32_t n_segment, cap_segment;
	struct disk_bad *bad;
	size_t n_bad, cap_bad;
	int has_read; /* records, since `bad` was applied to the index */
	struct disk_writer writer;
	double memory_bytes_per_s, disk_bytes_per_s; /* 0: not measured */
};

/* disk.c */
int disk_open_folder(struct kv_disk *disk, struct err *err);
uint32_t disk_segment_number(struct kv_disk *disk, const char *id);
void disk_read_segment(struct kv_disk *disk, uint32_t number);
struct disk_segment *disk_segment_of(
	const struct kv_disk *disk, const uint8_t *data, struct kv_mapping **mapping);

/* disk_write.c */
void disk_writer_init(struct disk_writer *writer);
void disk_writer_finish(struct kv_disk *disk);
/* There is something to do for the thread behind. */
void disk_writer_wake(struct kv_disk *disk);
/* What could not be synced is written to no more, and what is mapped of it has given way. */
void disk_writer_drop_failed(struct kv_disk *disk);
/* Found no more, by anybody. */
void disk_note_bad(struct kv_disk *disk, struct kv_index_entry *entry);
void disk_trouble(struct kv_disk *disk, enum disk_trouble kind, int errno_value, const char *what);

/* disk_budget.c; the writer's lock is held but for the first */
void disk_budget_open(struct kv_disk *disk);
void disk_budget_add(struct disk_budget *budget, int64_t n_bytes);
/* Whether a page more is within it. */
int disk_budget_allows(struct disk_budget *budget);
/* On the thread behind: make room. */
void disk_budget_collect(struct kv_disk *disk);

/* disk_link.c */
void disk_segment_unmap(struct disk_segment *segment);
/* What is mapped of it can be trusted no more. */
void disk_segment_lose(struct disk_segment *segment);

#endif
