/* The folder that holds all KV on disk: its roots, its size, who is pinned, and who tidies it up. */
#ifndef ENGINE_KV_FOLDER_H
#define ENGINE_KV_FOLDER_H

#include "base/err.h"
#include "engine/engine.h"

#include <stddef.h>
#include <stdint.h>

enum {
	KV_ROOT_ID_CHARS = 32,
	KV_FOLDER_SEGMENTS_MIN = 16, /* of a full one: what goes, goes by segments */
};

struct kv_folder {
	char *path;
	int fd, lock_fd;
};

/* Returns 0, 1 where there is no such folder, or -1. */
int kv_folder_open(struct kv_folder *folder, const char *path, struct err *err);
void kv_folder_close(struct kv_folder *folder);

/*
 * One process at a time moves pages and removes segments; the lock ends with the folder. Returns 0; 1
 * where another has it and `watch` is NULL, else it waits; or -1.
 */
int kv_folder_lock(struct kv_folder *folder, const struct engine_kv_watch *watch, struct err *err);

struct kv_root_id {
	char text[KV_ROOT_ID_CHARS + 1];
};
struct kv_owner_id {
	char text[ENGINE_OWNER_CHARS + 1];
};
/* Sorted; malloc'ed. What has no name of ours is none of ours. */
struct kv_root_id *kv_folder_roots(const struct kv_folder *folder, size_t *n);
struct kv_owner_id *kv_folder_pinned(const struct kv_folder *folder, size_t *n);
int kv_folder_pin(struct kv_folder *folder, const char *owner, int is_pinned, struct err *err);

/* What all of it takes on the disk. */
int64_t kv_folder_bytes(const struct kv_folder *folder);
/* limit_bytes, or a fifth of what would be free without the folder. */
int64_t kv_folder_limit(const struct kv_folder *folder, int64_t limit_bytes, int64_t used_bytes,
	int64_t *free_bytes);

/* The most that one segment holds, so that none is a large part of the limit. */
int64_t kv_folder_segment_bytes(int64_t limit_bytes, int64_t slot_bytes);

/* Every file of ours, whoever holds it. */
void kv_folder_clear(struct kv_folder *folder);
/* A root without a segment: what is left of it. */
void kv_folder_remove_root(struct kv_folder *folder, const char *root_id);

/* A folder and those above it; those that are made are 0700 under any umask. -1: errno. */
int kv_folder_make(const char *path);
/* FOLDER/ID, opened without following a link; -1: errno. */
int kv_folder_open_root(const struct kv_folder *folder, const char *root_id);

/* Each name in an open folder but . and ..; `take` returns non-zero to end. */
void kv_folder_each(int fd, int (*take)(void *arg, const char *name), void *arg);

#endif
