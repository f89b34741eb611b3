/* What one session uses, another one does: its uses are recorded again, under the other's name. */
#include "base/mem.h"
#include "engine/engine.h"
#include "engine/kv/stock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int is_owner(void *arg, const struct kv_stock *stock, uint32_t owner)
{
	return owner == *(const uint32_t *)arg;
}

/* One that nobody writes to, so that many forks do not leave many segments. -1: errno. */
static int open_writer(struct kv_writer *writer, const struct kv_stock *stock)
{
	for (uint32_t i = 0; i < stock->n_segment; i++) {
		if (!stock->segment[i].is_unreadable && !stock->segment[i].is_unborn &&
			kv_writer_reopen(writer, stock->fd, &stock->root, stock->segment[i].file.id,
				KV_SEGMENT_MAX_BYTES) == 0) {
			return 0;
		}
	}
	return kv_writer_create(writer, stock->fd, &stock->root);
}

/* A record, unless the segment is full: then one in a new segment. -1: errno. */
static int append(struct kv_writer *writer, const struct kv_stock *stock, struct kv_record *record)
{
	if (!kv_writer_has_room(writer, KV_SEGMENT_MAX_BYTES)) {
		int status = kv_writer_sync(writer), error = errno;

		kv_writer_close(writer);
		errno = error;
		if (status < 0 || kv_writer_create(writer, stock->fd, &stock->root) < 0) {
			return -1;
		}
	}
	return kv_writer_append(writer, record, NULL);
}

/* [index.n_entry]: the last pages of the chains that are marked; a use covers what they continue. */
static uint8_t *find_ends(const struct kv_stock *stock, int64_t until_ns, int64_t *n)
{
	uint8_t *is_end = mem_zero((size_t)stock->index.n_entry + 1, 1);
	uint8_t *has_more = mem_zero((size_t)stock->index.n_entry + 1, 1);

	*n = 0;
	for (uint32_t i = stock->n_order; i > 0; i--) {
		uint32_t number = stock->order[i - 1];
		const struct kv_stock_page *page = &stock->page[number];
		int is_meant =
			has_more[number] || (page->state == KV_STOCK_GOOD && page->is_marked &&
						    page->time_ns < until_ns);

		is_end[number] = is_meant && !has_more[number];
		*n += is_end[number];
		if (is_meant && page->parent != KV_STOCK_NONE) {
			has_more[page->parent] = 1;
		}
	}
	free(has_more);
	return is_end;
}

/* -1: errno. */
static int share_root(struct kv_stock *stock, const char *from, const char *to, int64_t until_ns)
{
	uint32_t number = kv_stock_owner(stock, from);
	struct kv_writer writer;
	uint8_t *is_end;
	int64_t n_end;
	int status = 0, error;

	if (number == 0 || number == KV_STOCK_NONE) {
		return 0;
	}
	kv_stock_mark(stock, is_owner, &number);
	is_end = find_ends(stock, until_ns, &n_end);
	if (n_end == 0 || open_writer(&writer, stock) < 0) {
		free(is_end);
		return n_end ? -1 : 0;
	}
	for (uint32_t i = 0; i < stock->index.n_entry && status == 0; i++) {
		/* It was used when it was: what is least recently used stays so. */
		struct kv_record record = {.kind = KV_RECORD_USE, .time_ns = stock->page[i].use_ns};

		if (is_end[i]) {
			record.name = kv_index_at(&stock->index, i)->page.name;
			memcpy(record.owner, to, ENGINE_OWNER_CHARS);
			status = append(&writer, stock, &record);
		}
	}
	if (status == 0) {
		status = kv_writer_sync(&writer);
	}
	error = errno;
	kv_writer_close(&writer);
	free(is_end);
	errno = error;
	return status;
}

static int share_all(struct kv_folder *folder, const char *from, const char *to, int64_t until_ns,
	struct err *err)
{
	size_t n;
	struct kv_root_id *root = kv_folder_roots(folder, &n);
	int status = 0;

	for (size_t i = 0; i < n && status >= 0; i++) {
		struct kv_stock stock;

		status = kv_stock_read(&stock, folder, root[i].text, err);
		if (status == 0) {
			status = share_root(&stock, from, to, until_ns);
			if (status < 0) {
				err_set_errno(err, ERR_FAILURE, errno, folder->path,
					"what the new session uses of the computed KV cannot be "
					"recorded");
			}
			kv_stock_finish(&stock);
		}
	}
	free(root);
	return status < 0 ? -1 : 0;
}

int engine_kv_share(
	const char *path, const char *from, const char *to, int64_t until_s, struct err *err)
{
	const struct engine_kv_watch wait = {0};
	int64_t until_ns =
		until_s > 0 && until_s < INT64_MAX / 1000000000 ? until_s * 1000000000 : INT64_MAX;
	struct kv_folder folder;
	int status;

	if (!kv_is_hex(from, ENGINE_OWNER_CHARS) || !kv_is_hex(to, ENGINE_OWNER_CHARS)) {
		return err_set(err, ERR_USAGE, from, NULL, "this is no session's id");
	}
	status = kv_folder_open(&folder, path, err);
	if (status != 0) {
		return status < 0 ? -1 : 0;
	}
	/* So that nobody removes meanwhile what only the old owner used. */
	status = kv_folder_lock(&folder, &wait, err);
	if (status == 0) {
		status = share_all(&folder, from, to, until_ns, err);
	}
	kv_folder_close(&folder);
	return status;
}
