/*
 * Pages of KV on disk in the tests of faults: what page p is, its parent, its ids and its bytes,
 * follows from p alone. Every tenth page is a tail (not full).
 */
#ifndef TESTS_FAULTS_KV_STORY_H
#define TESTS_FAULTS_KV_STORY_H

#include "engine/kv/disk.h"

#include <stdint.h>

enum { KV_STORY_PAGE_BYTES = 9000 };

int kv_story_open(struct kv_disk **disk, const char *folder, struct err *err);
void kv_story_write(struct kv_disk *disk, int64_t page);
/* 1: a hit, and the bytes are the page's; 0: a miss; -1: wrong, with a sentence. */
int kv_story_look(struct kv_disk *disk, int64_t page, struct err *err);

#endif
