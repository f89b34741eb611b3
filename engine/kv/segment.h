/*
 * One segment on disk: ID.index and ID.pages in the folder of a root. Every file is opened without
 * following links and must be a regular one.
 *
 * Locks are OFD byte ranges of the index (fcntl(2)): KV_LOCK_WRITER, exclusive, for who appends;
 * KV_LOCK_READERS, shared, for who has pages mapped. Who removes the segment takes both, exclusive.
 */
#ifndef ENGINE_KV_SEGMENT_H
#define ENGINE_KV_SEGMENT_H

#include "engine/kv/record.h"

#include <stdint.h>
#include <sys/types.h>

/* What every segment of a root has in common. */
struct kv_root {
	struct sha256_digest root;
	int64_t page_bytes;
};

enum kv_lock { KV_LOCK_WRITER, KV_LOCK_READERS };
/* Never waits. Returns 0, 1 where another holds it, or -1 (errno): it cannot be locked at all. */
int kv_segment_lock(int index_fd, enum kv_lock lock, int is_exclusive);

/* ---- reading the index ---- */

/* How far a segment's index was read. */
struct kv_segment {
	char id[KV_SEGMENT_ID_CHARS + 1];
	uint32_t key;       /* what checksums begin with; valid once n_record > 0 */
	int64_t n_record;   /* seen, the head included */
	int64_t size_bytes; /* of the index when it was last looked at */
	int64_t n_damaged;  /* records that were passed over */
	int64_t n_doubtful; /* that are none yet, behind the last that is one */
	dev_t device;
	ino_t inode;
};

/*
 * Give what is new in the index to `take` (which may be NULL), with the number of each record.
 * `root`: what the head must say; page_bytes 0: whatever it says, which is then filled in. Returns
 * how many records were taken; -1 where there is no such segment, or it is none of this root's.
 */
int64_t kv_segment_read(struct kv_segment *segment, int folder_fd, struct kv_root *root,
	void (*take)(void *arg, const struct kv_record *record), void *arg);

/* Whether the name is that of an index; its id. */
int kv_segment_is_index(const char *name, char id[KV_SEGMENT_ID_CHARS + 1]);
/* Open .index or .pages; -1 with errno where it is no regular file. */
int kv_segment_open(int folder_fd, const char *id, const char *suffix, int flags);
/* Both files; whoever has them open keeps them. */
void kv_segment_unlink(int folder_fd, const char *id);

/* ---- writing ---- */

struct kv_writer {
	struct kv_segment segment;
	struct kv_root root;
	int index_fd, pages_fd;
	int folder_fd;  /* its own, of the folder that its names are in */
	int is_named;   /* the names were synced, by this writer */
	int64_t n_slot; /* the next page's */
};

/* The most that is written into the pages of one segment. */
enum { KV_SEGMENT_MAX_BYTES = 1 << 30 };

/* A new segment, locked. -1: errno. */
int kv_writer_create(struct kv_writer *writer, int folder_fd, const struct kv_root *root);
/*
 * Go on in a segment that is there. Returns 0; 1 where another writes to it, it is full (max_bytes)
 * or it does not end as it should; or -1 (errno).
 */
int kv_writer_reopen(struct kv_writer *writer, int folder_fd, const struct kv_root *root,
	const char *id, int64_t max_bytes);
/* Whether its files are gone from the folder. */
int kv_writer_is_unlinked(const struct kv_writer *writer);
int kv_writer_has_room(const struct kv_writer *writer, int64_t max_bytes);
/*
 * Append a record; of a page, first its data (n_tok, name, parent, ids, owner, time_ns are set, slot and
 * data_crc are filled in). -1: errno; what was written before it stays as it is.
 */
int kv_writer_append(struct kv_writer *writer, struct kv_record *record, const uint8_t *data);
/* -1: errno. */
int kv_writer_sync(struct kv_writer *writer);
/* The lock goes with it. */
void kv_writer_close(struct kv_writer *writer);

int64_t kv_now_ns(void); /* since 1970 */

#endif
