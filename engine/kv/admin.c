/* KV on disk as engine.h shows it to those who run no engine. */
#include "engine/engine.h"

#include "base/mem.h"
#include "engine/kv/collect.h"
#include "engine/kv/folder.h"
#include "engine/kv/stock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ABOUT_MAX_BYTES = 4096 };

/* ---- listing ---- */

/* Its text; "" where it is missing or no text of ours. */
static char *read_about(int fd)
{
	char text[ABOUT_MAX_BYTES + 1];
	int about = openat(fd, "about", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (about >= 0) {
		if (fstat(about, &st) == 0 && S_ISREG(st.st_mode)) {
			n = read(about, text, ABOUT_MAX_BYTES);
		}
		close(about);
	}
	text[n > 0 ? n : 0] = '\0';
	for (ssize_t i = 0; i < n; i++) {
		if ((uint8_t)text[i] < 0x20 && text[i] != '\n') {
			text[0] = '\0';
		}
	}
	return mem_strdup(text);
}

static void list_root(struct engine_kv_root *root, const struct kv_stock *stock)
{
	root->id = mem_strdup(stock->id);
	root->about = read_about(stock->fd);
	for (uint32_t i = 0; i < stock->index.n_entry; i++) {
		const struct kv_stock_page *page = &stock->page[i];
		int64_t made_s = page->time_ns / 1000000000;
		int64_t used_s = page->use_ns / 1000000000;

		root->n_damaged += page->state == KV_STOCK_BAD;
		if (page->state != KV_STOCK_GOOD) {
			continue;
		}
		root->n_page++;
		root->n_tok += kv_index_at(&stock->index, i)->page.n_tok;
		root->made_s = !root->made_s || made_s < root->made_s ? made_s : root->made_s;
		root->used_s = used_s > root->used_s ? used_s : root->used_s;
	}
	for (uint32_t i = 0; i < stock->n_segment; i++) {
		const struct kv_stock_segment *segment = &stock->segment[i];

		root->n_bytes += segment->n_bytes;
		root->n_damaged += kv_stock_damages(segment);
	}
}

/* 1: nobody wants to go on, 0: done; -1. Each root is read when it is its turn. */
static int each_root(const struct kv_folder *folder,
	int (*take)(void *arg, struct kv_stock *stock, struct err *err), void *arg, struct err *err)
{
	size_t n;
	struct kv_root_id *root = kv_folder_roots(folder, &n);
	int status = 0;

	for (size_t i = 0; i < n && status == 0; i++) {
		struct kv_stock stock;

		status = kv_stock_read(&stock, folder, root[i].text, err);
		if (status == 0) {
			status = take(arg, &stock, err);
			kv_stock_finish(&stock);
		} else if (status > 0) {
			status = 0; /* gone meanwhile */
		}
	}
	free(root);
	return status;
}

static int add_root(void *arg, struct kv_stock *stock, struct err *err)
{
	struct engine_kv_stock *list = arg;

	list->root = mem_resize(list->root, list->n_root + 1, sizeof(*list->root));
	memset(&list->root[list->n_root], 0, sizeof(*list->root));
	list_root(&list->root[list->n_root++], stock);
	return 0;
}

/* The figures of the disk on which the folder would be made: of what is there of its path. */
static void ask_disk(struct engine_kv_stock *stock, const char *path)
{
	char *part = mem_strdup(path), *slash;
	struct kv_folder folder;
	int status = 1;

	while (status > 0 && (slash = strrchr(part, '/'))) {
		slash[slash == part] = '\0';
		status = kv_folder_open(&folder, part, NULL);
		if (slash == part) {
			break;
		}
	}
	if (status == 0) {
		stock->limit_bytes =
			kv_folder_limit(&folder, stock->limit_bytes, 0, &stock->free_bytes);
		kv_folder_close(&folder);
	}
	free(part);
}

static int look(struct engine_kv_stock *stock, const char *path, int64_t limit_bytes,
	int with_roots, struct err *err)
{
	struct kv_folder folder;
	int status = kv_folder_open(&folder, path, err);

	memset(stock, 0, sizeof(*stock));
	if (status != 0) {
		stock->limit_bytes = limit_bytes;
		if (status > 0) {
			ask_disk(stock, path);
		}
		return status < 0 ? -1 : 0;
	}
	status = with_roots ? each_root(&folder, add_root, stock, err) : 0;
	stock->n_bytes = kv_folder_bytes(&folder);
	stock->limit_bytes =
		kv_folder_limit(&folder, limit_bytes, stock->n_bytes, &stock->free_bytes);
	kv_folder_close(&folder);
	if (status < 0) {
		engine_kv_stock_finish(stock);
	}
	return status;
}

int engine_kv_list(
	struct engine_kv_stock *stock, const char *path, int64_t limit_bytes, struct err *err)
{
	return look(stock, path, limit_bytes, 1, err);
}

int engine_kv_measure(
	struct engine_kv_stock *stock, const char *path, int64_t limit_bytes, struct err *err)
{
	return look(stock, path, limit_bytes, 0, err);
}

void engine_kv_stock_finish(struct engine_kv_stock *stock)
{
	for (size_t i = 0; i < stock->n_root; i++) {
		free(stock->root[i].id);
		free(stock->root[i].about);
	}
	free(stock->root);
	memset(stock, 0, sizeof(*stock));
}

struct owned {
	const char *const *owner;
	size_t n_owner;
	int64_t *n_bytes;
};

static int is_owner(void *arg, const struct kv_stock *stock, uint32_t owner)
{
	return owner == *(const uint32_t *)arg;
}

static int64_t owned_bytes(struct kv_stock *stock, const char *owner)
{
	uint32_t number = kv_stock_owner(stock, owner);
	int64_t n_page = 0;

	if (number == 0 || number == KV_STOCK_NONE) {
		return 0;
	}
	kv_stock_mark(stock, is_owner, &number);
	for (uint32_t i = 0; i < stock->n_order; i++) {
		const struct kv_stock_page *page = &stock->page[stock->order[i]];

		n_page += page->is_marked && page->state == KV_STOCK_GOOD;
	}
	return n_page * kv_stock_page_bytes(stock);
}

static int add_owned(void *arg, struct kv_stock *stock, struct err *err)
{
	const struct owned *owned = arg;

	for (size_t i = 0; i < owned->n_owner; i++) {
		owned->n_bytes[i] += owned_bytes(stock, owned->owner[i]);
	}
	return 0;
}

void engine_kv_list_owned(
	const char *path, const char *const *owner, size_t n_owner, int64_t *n_bytes)
{
	struct owned owned = {owner, n_owner, n_bytes};
	struct kv_folder folder;

	for (size_t i = 0; i < n_owner; i++) {
		n_bytes[i] = 0;
	}
	if (kv_folder_open(&folder, path, NULL) == 0) {
		each_root(&folder, add_owned, &owned, NULL);
		kv_folder_close(&folder);
	}
}

int64_t engine_kv_owned_bytes(const char *path, const char *owner)
{
	int64_t n_bytes;

	engine_kv_list_owned(path, &owner, 1, &n_bytes);
	return n_bytes;
}

/* ---- verifying ---- */

struct verifying {
	struct engine_kv_watch watch;
	struct engine_kv_work *work;
	int64_t done_bytes, total_bytes;
};

static int tell_progress(struct verifying *verifying, struct err *err)
{
	if (verifying->watch.look && verifying->watch.look(verifying->watch.context,
					     verifying->done_bytes, verifying->total_bytes)) {
		return err_set(err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
	}
	return 0;
}

static int verify_segment(
	struct verifying *verifying, const struct kv_stock *stock, uint32_t number, struct err *err)
{
	const struct kv_stock_segment *segment = &stock->segment[number];
	int fd = kv_segment_open(stock->fd, segment->file.id, ".pages", O_RDONLY), status = 0;

	verifying->work->n_damaged += kv_stock_damages(segment);
	for (uint32_t i = 0; i < stock->index.n_entry && status == 0; i++) {
		const struct kv_index_entry *entry = kv_index_at(&stock->index, i);

		if (entry->segment != number) {
			continue;
		}
		if (fd < 0 || !kv_stock_is_page_good(stock, fd, entry)) {
			verifying->work->n_damaged++;
		}
		verifying->work->n_page++;
		verifying->work->n_bytes += stock->root.page_bytes;
		verifying->done_bytes += kv_stock_page_bytes(stock);
		status = tell_progress(verifying, err);
	}
	if (fd >= 0) {
		close(fd);
	}
	return status;
}

static int verify_root(void *arg, struct kv_stock *stock, struct err *err)
{
	int status = 0;

	for (uint32_t i = 0; i < stock->n_segment && status == 0; i++) {
		status = verify_segment(arg, stock, i, err);
	}
	return status;
}

int engine_kv_verify(const char *path, struct engine_kv_watch watch, struct engine_kv_work *work,
	struct err *err)
{
	struct verifying verifying = {.watch = watch, .work = work};
	struct kv_folder folder;
	int status = kv_folder_open(&folder, path, err);

	memset(work, 0, sizeof(*work));
	if (status != 0) {
		return status < 0 ? -1 : 0;
	}
	verifying.total_bytes = kv_folder_bytes(&folder);
	status = each_root(&folder, verify_root, &verifying, err);
	kv_folder_close(&folder);
	return status;
}

/* ---- removing ---- */

/* The folder, locked. Returns 1 where there is none. */
static int open_locked(struct kv_folder *folder, const char *path,
	const struct engine_kv_watch *watch, struct err *err)
{
	int status = kv_folder_open(folder, path, err);

	if (status == 0 && kv_folder_lock(folder, watch, err) < 0) {
		kv_folder_close(folder);
		status = -1;
	}
	return status;
}

int engine_kv_collect(const char *path, int64_t limit_bytes, struct engine_kv_watch watch,
	struct engine_kv_work *work, struct err *err)
{
	struct kv_folder folder;
	int status;

	memset(work, 0, sizeof(*work));
	status = open_locked(&folder, path, &watch, err);
	if (status == 0) {
		int64_t limit =
			kv_folder_limit(&folder, limit_bytes, kv_folder_bytes(&folder), NULL);

		status = kv_collect(&folder, limit, 1, &watch, work, err);
		kv_folder_close(&folder);
	}
	return status < 0 ? -1 : 0;
}

static int count_all(void *arg, struct kv_stock *stock, struct err *err)
{
	struct engine_kv_work *work = arg;

	work->n_page += stock->index.n_entry;
	for (uint32_t i = 0; i < stock->n_segment; i++) {
		work->n_bytes += stock->segment[i].n_bytes;
	}
	return 0;
}

int engine_kv_remove(const char *path, const char *owner, struct engine_kv_watch watch,
	struct engine_kv_work *work, struct err *err)
{
	struct kv_folder folder;
	int status;

	memset(work, 0, sizeof(*work));
	if (owner && !kv_is_hex(owner, ENGINE_OWNER_CHARS)) {
		return err_set(err, ERR_USAGE, owner, NULL, "this is no session's id");
	}
	status = open_locked(&folder, path, &watch, err);
	if (status != 0) {
		return status < 0 ? -1 : 0;
	}
	if (owner) {
		status = kv_collect_owner(&folder, owner, &watch, work, err);
		if (status == 0) {
			status = kv_folder_pin(&folder, owner, 0, err);
		}
	} else {
		status = each_root(&folder, count_all, work, err);
		work->n_removed_page = work->n_page;
		work->n_removed_bytes = work->n_bytes;
		kv_folder_clear(&folder);
	}
	kv_folder_close(&folder);
	return status < 0 ? -1 : 0;
}

int engine_kv_pin(const char *path, const char *owner, int is_pinned, struct err *err)
{
	struct kv_folder folder;
	int status = kv_folder_open(&folder, path, err);

	if (status > 0 && is_pinned) {
		status = kv_folder_make(path) < 0
				 ? err_set_errno(err, ERR_FAILURE, errno, path,
					   "the folder for computed KV cannot be made")
				 : kv_folder_open(&folder, path, err);
	}
	if (status != 0) {
		return status < 0 ? -1 : 0;
	}
	status = kv_folder_pin(&folder, owner, is_pinned, err);
	kv_folder_close(&folder);
	return status;
}
