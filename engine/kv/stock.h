/*
 * Everything that is on disk for one root, read for tidying up: the tree of pages, who computed and
 * used them, and when.
 */
#ifndef ENGINE_KV_STOCK_H
#define ENGINE_KV_STOCK_H

#include "engine/kv/folder.h"
#include "engine/kv/index.h"
#include "engine/kv/segment.h"

#include <stdint.h>

#define KV_STOCK_NONE UINT32_MAX

enum kv_stock_state {
	KV_STOCK_GOOD,
	KV_STOCK_BAD,         /* said to be damaged, or a second page of one name */
	KV_STOCK_TWIN,        /* of a page that is there already */
	KV_STOCK_SUPERSEDED,  /* a tail that a longer page begins with */
	KV_STOCK_UNREACHABLE, /* what it continues is missing */
};

struct kv_stock_page {
	int64_t time_ns;  /* written */
	int64_t use_ns;   /* it, or what continues it, was last used */
	uint32_t owner;   /* number; 0: nobody */
	uint32_t parent;  /* page, or KV_STOCK_NONE */
	uint32_t instead; /* of a twin and of what is superseded: the other page */
	uint32_t depth;
	enum kv_stock_state state;
	uint8_t is_marked;  /* kv_stock_mark() */
	uint8_t is_dropped; /* the caller's decision */
	uint8_t is_lost;    /* its data turned out to be damaged when it was to be moved */
};

/* A record that is no page. */
struct kv_stock_note {
	enum kv_record_kind kind;
	struct sha256_digest name;
	uint32_t page; /* USE: it, where it is there; BAD: the damaged one */
	uint32_t owner;
	uint32_t segment; /* that the record stands in */
	int64_t time_ns, slot;
	char bad_segment[KV_SEGMENT_ID_CHARS + 1];
};

struct kv_stock_owner {
	char id[ENGINE_OWNER_CHARS + 1];
	int64_t forgotten_ns; /* what it did up to then is nobody's; INT64_MIN: it was not forgotten */
	uint32_t next;        /* in the hash table */
};

struct kv_stock_segment {
	struct kv_segment file;
	int64_t index_bytes, pages_bytes; /* the sizes of the files; -1: there is none */
	int64_t n_bytes;                  /* of both files, on the disk */
	int64_t n_page;                   /* records of pages */
	int is_unreadable;                /* its head is none of this root's */
	int is_unborn;                    /* who made it died before its head was written */
	int is_held;                      /* by who appends or has pages mapped */
	int is_rewritten;                 /* the caller's decision */
	int64_t n_stay, n_go;             /* pages, by that decision */
};

struct kv_stock {
	int fd;
	char id[KV_ROOT_ID_CHARS + 1];
	struct kv_root root; /* page_bytes 0: no segment said so */
	struct kv_index index;
	struct kv_stock_page *page; /* [index.n_entry], of the same numbers */
	uint32_t cap_page;
	uint32_t *order; /* [n_order]: the reachable ones, parents before what continues them */
	uint32_t n_order;
	struct kv_stock_note *note;
	size_t n_note, cap_note;
	struct kv_stock_owner *owner; /* [0] is nobody */
	uint32_t n_owner, cap_owner;
	uint32_t owner_bucket[1024];
	struct kv_stock_segment *segment;
	uint32_t n_segment, cap_segment;
};

/* Returns 0, 1 where there is no such root, or -1. */
int kv_stock_read(struct kv_stock *stock, const struct kv_folder *folder, const char *root_id,
	struct err *err);
void kv_stock_finish(struct kv_stock *stock);

/* The number of an owner; KV_STOCK_NONE: it has nothing here. */
uint32_t kv_stock_owner(const struct kv_stock *stock, const char *id);
/* Of something that the owner did then: nobody, where it was forgotten since. */
uint32_t kv_stock_real_owner(const struct kv_stock *stock, uint32_t owner, int64_t time_ns);
/* All that it did up to now is nobody's. */
void kv_stock_forget(struct kv_stock *stock, uint32_t owner);
/* What the mark of a page that goes is put on instead: KV_STOCK_NONE where nothing of it stays. */
uint32_t kv_stock_heir(const struct kv_stock *stock, uint32_t page);
/* Set is_marked on all pages that an owner for whom `is_meant` computed or used; clears the others. */
void kv_stock_mark(struct kv_stock *stock,
	int (*is_meant)(void *arg, const struct kv_stock *stock, uint32_t owner), void *arg);

/* Whether the data of a page are what was written. */
int kv_stock_is_page_good(
	const struct kv_stock *stock, int pages_fd, const struct kv_index_entry *entry);
/*
 * Read every page: those that are damaged are KV_STOCK_BAD then, and what continues them unreachable.
 * -1: go_on returned 0.
 */
int kv_stock_check(
	struct kv_stock *stock, int (*go_on)(void *arg, int64_t checked_bytes), void *arg);

/* Records and files of a segment that do not hold together, apart from pages. */
int64_t kv_stock_damages(const struct kv_stock_segment *segment);
/* Pages whose index is gone: who removed the segment died in between. The folder is locked. */
void kv_stock_sweep(const struct kv_stock *stock);
/* What one page takes. */
int64_t kv_stock_page_bytes(const struct kv_stock *stock);

#endif
