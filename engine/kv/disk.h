/*
 * The prefix cache on disk: computed pages as the kernels read them, in write-once files that every
 * process of the user shares. It is a cache and nothing else: what is missing, damaged or doubtful is
 * a miss, never a wrong answer, and deleting it loses only time.
 *
 *   FOLDER/ROOT/       one for everything that computes alike: the first 32 hex digits of
 *                      kv_chain_root()
 *     about            text, "key value" lines: what ROOT stands for, for `carrel kv ls`
 *     NAME.index       records of fixed size, each with a checksum of its own, appended: a page, a
 *                      tail (a page that is not full), or a use
 *     NAME.pages       the data of the pages, each from a 4,096-byte boundary
 *   FOLDER/digests/   which model files hash to what (engine/model/digest_memo.h)
 *   FOLDER/pinned/ID   (empty) the session ID keeps its pages whatever the budget says
 *
 * A segment (NAME.index and NAME.pages) is appended to by one process at a time, under a lock; it is
 * never truncated, and nothing in it is ever written twice. A record is written behind the data
 * that it speaks of, so a writer may die at any moment. Readers find what others appended by looking
 * again (kv_disk_refresh()). A segment whose pages are mapped is locked, shared; garbage collection
 * removes whole segments that nobody holds, after moving what is worth keeping to another one.
 *
 * A page belongs to the session that computed it (its owner; or to nobody), and to all those that
 * used it since: that is told by records of use, which are also what "least recently used" goes by.
 */
#ifndef ENGINE_KV_DISK_H
#define ENGINE_KV_DISK_H

#include "base/err.h"
#include "base/sha256.h"
#include "kernels/kv.h"

#include <stddef.h>
#include <stdint.h>

struct kv_disk;

struct kv_disk_config {
	const char *folder; /* made, 0700, where it is missing */
	struct sha256_digest root;
	const char *about;  /* text of the file of that name */
	int64_t page_bytes; /* of the layout */
	int64_t limit_bytes; /* of all of FOLDER; 0: a fifth of what is free there, counting FOLDER */
	int32_t n_thread;    /* that check pages; 0: one per core */
};

/*
 * Fails where the folder cannot be used (ERR_ENGINE); the engine then goes on without it. The index
 * is read; what in it is damaged is passed over.
 */
int kv_disk_open(struct kv_disk **out, const struct kv_disk_config *config, struct err *err);
/* Everything written is synced. No page may be linked any more. NULL-safe. */
void kv_disk_close(struct kv_disk *disk);
/* FOLDER/ROOT, for what else is remembered of this root. */
const char *kv_disk_folder(const struct kv_disk *disk);

/*
 * See what other processes appended, or removed, since. Entries that were found before are not valid
 * any more. Cheap where nothing changed.
 */
void kv_disk_refresh(struct kv_disk *disk);
/*
 * Changes whenever a page that was found may not be found any more (removed, collected, damaged);
 * not for pages that come. As long as it stays, who remembers that pages were found need not ask
 * again.
 */
uint64_t kv_disk_generation(const struct kv_disk *disk);

/* One page in the index. */
struct kv_disk_entry {
	struct sha256_digest name, parent; /* parent of the first: the root */
	int32_t n_tok;                     /* KV_PAGE_TOK: full */
	const uint32_t *ids;               /* [n_tok] */
};

/* The full page `name` that continues `parent` with exactly ids [KV_PAGE_TOK]; NULL: a miss. */
const struct kv_disk_entry *kv_disk_find(struct kv_disk *disk, const struct sha256_digest *name,
	const struct sha256_digest *parent, const uint32_t *ids);
/*
 * The page, full or not, that continues `parent` and agrees with the most of ids [n_ids], at least
 * one; *n_tok is how many.
 */
const struct kv_disk_entry *kv_disk_find_partial(struct kv_disk *disk,
	const struct sha256_digest *parent, const uint32_t *ids, size_t n_ids, int32_t *n_tok);

/*
 * Seconds that linking these would take, at the rates measured here (memory and disk apart: what lies
 * in the page cache is asked of the kernel); negative while nothing was measured.
 */
double kv_disk_link_s(
	struct kv_disk *disk, const struct kv_disk_entry *const *entry, int64_t n_entry);
/*
 * Those rates, so that they can be remembered from run to run: bytes per second of pages in the page
 * cache, and of others; 0: not measured.
 */
struct kv_disk_rates {
	double memory_bytes_per_s, disk_bytes_per_s;
};
struct kv_disk_rates kv_disk_rates(const struct kv_disk *disk);
void kv_disk_set_rates(struct kv_disk *disk, struct kv_disk_rates rates);
/* Where the first of them is not known: find out with the latest pages. Takes some milliseconds. */
void kv_disk_measure(struct kv_disk *disk);
/*
 * Map the pages and check each once, by all threads. Returns how many from the front are good;
 * data[i] is their bytes, read-only, used straight from the mapping until kv_disk_unlink(). A page
 * that is bad is found no more, by anybody.
 */
int64_t kv_disk_link(struct kv_disk *disk, const struct kv_disk_entry *const *entry,
	int64_t n_entry, uint8_t **data);
void kv_disk_unlink(struct kv_disk *disk, uint8_t *data);

/*
 * Whether a mapping gave way while it was read (EIO, a truncated file: SIGBUS) since this was last
 * called, or its pages could not be synced and may come back from the disk as they were before. The
 * reader saw zeros, or may have: what was computed meanwhile is to be thrown away, with every linked
 * page for which kv_disk_is_lost(); these are found no more.
 */
int kv_disk_gave_way(struct kv_disk *disk);
int kv_disk_is_lost(const struct kv_disk *disk, const uint8_t *data);

/*
 * Append a computed page, unless it is there already (then its use is noted). `owner` is a session
 * (ENGINE_OWNER_CHARS), or NULL. Failures (no space, an I/O error) are not the caller's business: the
 * page is not kept; kv_disk_trouble() tells once for each kind.
 */
struct kv_disk_page {
	struct sha256_digest name, parent;
	int32_t n_tok;
	const uint32_t *ids;
	const uint8_t *data; /* [page_bytes] */
};
void kv_disk_write(struct kv_disk *disk, const struct kv_disk_page *page, const char *owner);
/* Where it is there already, its use is noted; returns whether it is. `data` is not looked at. */
int kv_disk_use_equal(struct kv_disk *disk, const struct kv_disk_page *page, const char *owner);
/* The owner's prompt ran over the pages up to this one. */
void kv_disk_use(struct kv_disk *disk, const struct sha256_digest *name, const char *owner);
/* A sentence for the user, each once; returns 0 where there is none. */
int kv_disk_trouble(struct kv_disk *disk, struct err *err);

#endif
