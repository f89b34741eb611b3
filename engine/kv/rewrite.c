#include "engine/kv/rewrite.h"

#include "base/crc32c.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the survivors go. */
struct moving {
	struct kv_rewrite *rewrite;
	struct kv_writer writer;
	int is_open;
	uint8_t *page; /* [page_bytes] */
};

static int is_full(int error)
{
	return error == ENOSPC || error == EDQUOT;
}

static int fail(const struct kv_rewrite *rewrite, int error, struct err *err)
{
	if (is_full(error)) {
		return err_set(err, ERR_FAILURE, rewrite->folder->path,
			"make room, or remove all of it with carrel kv rm --all",
			"there is no room on the disk to move pages of computed KV");
	}
	return err_set_errno(err, ERR_FAILURE, error, rewrite->folder->path,
		"pages of computed KV cannot be moved");
}

static int finish_writer(struct moving *moving)
{
	int status = 0, error = 0;

	if (moving->is_open) {
		status = kv_writer_sync(&moving->writer);
		error = errno;
		kv_writer_close(&moving->writer);
		moving->is_open = 0;
	}
	errno = error;
	return status;
}

static int append(struct moving *moving, struct kv_record *record, const uint8_t *data)
{
	const struct kv_stock *stock = moving->rewrite->stock;

	if (moving->is_open &&
		!kv_writer_has_room(&moving->writer, moving->rewrite->segment_bytes) &&
		finish_writer(moving) < 0) {
		return -1;
	}
	if (!moving->is_open) {
		if (kv_writer_create(&moving->writer, stock->fd, &stock->root) < 0) {
			return -1;
		}
		moving->is_open = 1;
	}
	return kv_writer_append(&moving->writer, record, data);
}

/* ---- marks ---- */

struct mark {
	uint32_t page, owner;
	int64_t time_ns;
};

struct marks {
	struct mark *at;
	size_t n, cap;
};

static int compare_marks(const void *a, const void *b)
{
	const struct mark *x = a, *y = b;

	if (x->page != y->page) {
		return x->page < y->page ? -1 : 1;
	}
	if (x->owner != y->owner) {
		return x->owner < y->owner ? -1 : 1;
	}
	return (x->time_ns < y->time_ns) - (x->time_ns > y->time_ns);
}

static void add_mark(struct marks *marks, const struct kv_stock *stock, uint32_t page,
	uint32_t owner, int64_t time_ns)
{
	uint32_t heir = kv_stock_heir(stock, page);

	if (heir == KV_STOCK_NONE) {
		return;
	}
	owner = kv_stock_real_owner(stock, owner, time_ns);
	/* The page says so itself. */
	if (stock->page[heir].time_ns >= time_ns &&
		kv_stock_real_owner(stock, stock->page[heir].owner, stock->page[heir].time_ns) ==
			owner) {
		return;
	}
	mem_grow(marks->at, marks->n, marks->cap);
	marks->at[marks->n++] = (struct mark){heir, owner, time_ns};
}

static int goes(const struct kv_stock *stock, uint32_t page)
{
	return stock->segment[kv_index_at(&stock->index, page)->segment].is_rewritten &&
	       kv_stock_heir(stock, page) != page;
}

/* Those whose record goes, or that stand on a page that goes. */
static void find_marks(const struct kv_stock *stock, struct marks *marks)
{
	for (uint32_t i = 0; i < stock->index.n_entry; i++) {
		const struct kv_stock_page *page = &stock->page[i];

		if (goes(stock, i)) {
			add_mark(marks, stock, i, page->owner, page->time_ns);
		}
	}
	for (size_t i = 0; i < stock->n_note; i++) {
		const struct kv_stock_note *note = &stock->note[i];

		if (note->kind == KV_RECORD_USE && note->page != KV_STOCK_NONE &&
			(stock->segment[note->segment].is_rewritten || goes(stock, note->page))) {
			add_mark(marks, stock, note->page, note->owner, note->time_ns);
		}
	}
	if (marks->n) {
		qsort(marks->at, marks->n, sizeof(*marks->at), compare_marks);
	}
}

static int move_marks(struct moving *moving)
{
	const struct kv_stock *stock = moving->rewrite->stock;
	struct marks marks = {0};
	int status = 0;

	find_marks(stock, &marks);
	for (size_t i = 0; i < marks.n && status == 0; i++) {
		const struct mark *mark = &marks.at[i];
		struct kv_record record = {
			.kind = KV_RECORD_USE,
			.time_ns = mark->time_ns,
			.name = kv_index_at(&stock->index, mark->page)->page.name,
		};

		if (i && mark[-1].page == mark->page && mark[-1].owner == mark->owner) {
			continue;
		}
		memcpy(record.owner, stock->owner[mark->owner].id, sizeof(record.owner));
		status = append(moving, &record, NULL);
	}
	free(marks.at);
	return status;
}

/* ---- what else is said ---- */

/* Whether a segment that stays speaks of the owner. */
static uint8_t *owners_that_stay(const struct kv_stock *stock)
{
	uint8_t *stays = mem_zero(stock->n_owner, 1);

	for (uint32_t i = 0; i < stock->index.n_entry; i++) {
		uint32_t segment = kv_index_at(&stock->index, i)->segment;

		stays[stock->page[i].owner] |= !stock->segment[segment].is_rewritten;
	}
	for (size_t i = 0; i < stock->n_note; i++) {
		const struct kv_stock_note *note = &stock->note[i];

		stays[note->owner] |=
			note->kind == KV_RECORD_USE && !stock->segment[note->segment].is_rewritten;
	}
	return stays;
}

static int move_forgets(struct moving *moving)
{
	const struct kv_stock *stock = moving->rewrite->stock;
	uint8_t *stays = owners_that_stay(stock), *is_said = mem_zero(stock->n_owner, 1);
	int status = 0;

	for (size_t i = 0; i < stock->n_note; i++) {
		const struct kv_stock_note *note = &stock->note[i];

		is_said[note->owner] |= note->kind == KV_RECORD_FORGET &&
					!stock->segment[note->segment].is_rewritten &&
					note->time_ns >= stock->owner[note->owner].forgotten_ns;
	}
	for (uint32_t i = 1; i < stock->n_owner && status == 0; i++) {
		struct kv_record record = {
			.kind = KV_RECORD_FORGET, .time_ns = stock->owner[i].forgotten_ns};

		if (record.time_ns > INT64_MIN && stays[i] && !is_said[i]) {
			memcpy(record.owner, stock->owner[i].id, sizeof(record.owner));
			status = append(moving, &record, NULL);
		}
	}
	free(stays);
	free(is_said);
	return status;
}

static int move_bads(struct moving *moving)
{
	const struct kv_stock *stock = moving->rewrite->stock;
	int status = 0;

	for (size_t i = 0; i < stock->n_note && status == 0; i++) {
		const struct kv_stock_note *note = &stock->note[i];
		struct kv_record record = {
			.kind = KV_RECORD_BAD,
			.slot = note->slot,
			.time_ns = note->time_ns,
			.name = note->name,
		};

		if (note->kind == KV_RECORD_BAD && note->page != KV_STOCK_NONE &&
			stock->segment[note->segment].is_rewritten &&
			!stock->segment[kv_index_at(&stock->index, note->page)->segment]
				 .is_rewritten) {
			memcpy(record.segment, note->bad_segment, sizeof(record.segment));
			status = append(moving, &record, NULL);
		}
	}
	return status;
}

/* ---- pages ---- */

static int read_page(
	const struct kv_stock *stock, int fd, const struct kv_index_entry *entry, uint8_t *page)
{
	int64_t at = entry->slot * kv_slot_bytes(stock->root.page_bytes), done = 0;

	while (done < stock->root.page_bytes) {
		ssize_t n =
			pread(fd, page + done, (size_t)(stock->root.page_bytes - done), at + done);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return -1;
		}
		done += n;
	}
	return crc32c(0, page, (size_t)done) == entry->data_crc ? 0 : -1;
}

static int move_page(struct moving *moving, int pages_fd, uint32_t number)
{
	const struct kv_stock *stock = moving->rewrite->stock;
	const struct kv_index_entry *entry = kv_index_at(&stock->index, number);
	struct kv_stock_page *page = &stock->page[number];
	struct kv_record record = {
		.kind = KV_RECORD_PAGE,
		.n_tok = entry->page.n_tok,
		.time_ns = page->time_ns,
		.name = entry->page.name,
		.parent = entry->page.parent,
	};

	if (pages_fd < 0 || read_page(stock, pages_fd, entry, moving->page) < 0) {
		page->is_lost = 1;
		moving->rewrite->work->n_damaged++;
		return 0;
	}
	memcpy(record.ids, entry->ids, sizeof(record.ids));
	memcpy(record.owner,
		stock->owner[kv_stock_real_owner(stock, page->owner, page->time_ns)].id,
		sizeof(record.owner));
	return append(moving, &record, moving->page);
}

static int tell_progress(struct kv_rewrite *rewrite, struct err *err)
{
	const struct engine_kv_watch *watch = rewrite->watch;

	if (watch && watch->look &&
		watch->look(watch->context, rewrite->done_bytes, rewrite->total_bytes)) {
		return err_set(err, ERR_INTERRUPTED, rewrite->folder->path, NULL, "interrupted");
	}
	return 0;
}

static int stays(const struct kv_stock *stock, uint32_t page)
{
	return stock->page[page].state == KV_STOCK_GOOD && !stock->page[page].is_dropped;
}

/* -1: an error; the watch's alone where is_told. */
static int move_pages(struct moving *moving, uint32_t segment, int *is_told, struct err *err)
{
	struct kv_rewrite *rewrite = moving->rewrite;
	const struct kv_stock *stock = rewrite->stock;
	int fd = kv_segment_open(stock->fd, stock->segment[segment].file.id, ".pages", O_RDONLY);
	int status = 0;

	for (uint32_t i = 0; i < stock->index.n_entry && status == 0; i++) {
		if (kv_index_at(&stock->index, i)->segment != segment) {
			continue;
		}
		rewrite->done_bytes += kv_stock_page_bytes(stock);
		if (!stays(stock, i)) {
			continue;
		}
		*is_told = tell_progress(rewrite, err) < 0;
		status = *is_told ? -1 : move_page(moving, fd, i);
	}
	if (fd >= 0) {
		int error = errno;

		close(fd);
		errno = error;
	}
	return status;
}

/* ---- segments ---- */

static void count_removed(struct kv_rewrite *rewrite, uint32_t number)
{
	struct kv_stock *stock = rewrite->stock;

	for (uint32_t i = 0; i < stock->index.n_entry; i++) {
		if (kv_index_at(&stock->index, i)->segment == number && !stays(stock, i)) {
			rewrite->work->n_removed_page++;
			rewrite->work->n_removed_bytes += kv_stock_page_bytes(stock);
		}
	}
}

/*
 * Nobody appends to it any more, and nobody did since it was read. Its descriptor, -1 where that
 * cannot be had.
 */
static int seize(const struct kv_rewrite *rewrite, const struct kv_stock_segment *segment)
{
	int fd = kv_segment_open(rewrite->stock->fd, segment->file.id, ".index", O_RDWR);
	struct stat st;

	if (fd >= 0 && (kv_segment_lock(fd, KV_LOCK_WRITER, 1) != 0 ||
			       kv_segment_lock(fd, KV_LOCK_READERS, 1) != 0 || fstat(fd, &st) < 0 ||
			       st.st_size != segment->file.size_bytes)) {
		close(fd);
		return -1;
	}
	if (fd >= 0) {
		/* Readers may come while its pages are moved. */
		struct flock range = {.l_type = F_UNLCK,
			.l_whence = SEEK_SET,
			.l_start = KV_LOCK_READERS,
			.l_len = 1};

		fcntl(fd, F_OFD_SETLK, &range);
	}
	return fd;
}

static int rewrite_segment(struct moving *moving, uint32_t number, struct err *err)
{
	struct kv_rewrite *rewrite = moving->rewrite;
	struct kv_stock *stock = rewrite->stock;
	int fd = seize(rewrite, &stock->segment[number]), is_told = 0, status = 0, error;

	if (fd < 0 && !rewrite->by_force) {
		stock->segment[number].is_held = 1;
		return 0;
	}
	if (stock->segment[number].n_stay > 0) {
		status = move_pages(moving, number, &is_told, err);
		error = errno;
		/* What is moved is safe before its first place is given up. */
		if (status == 0 && moving->is_open && kv_writer_sync(&moving->writer) < 0) {
			status = -1;
			error = errno;
		}
		if (status < 0 && !is_told) {
			fail(rewrite, error, err);
		}
	}
	if (status == 0 || (rewrite->by_force && !is_told)) {
		count_removed(rewrite, number);
		kv_segment_unlink(stock->fd, stock->segment[number].file.id);
		status = 0;
	}
	if (fd >= 0) {
		close(fd);
	}
	return status;
}

/* Those that leave most go first: they make the room that the others need. */
static uint32_t next_segment(const struct kv_stock *stock, const uint8_t *is_done)
{
	uint32_t best = KV_STOCK_NONE;

	for (uint32_t i = 0; i < stock->n_segment; i++) {
		if (stock->segment[i].is_rewritten && !is_done[i] &&
			(best == KV_STOCK_NONE ||
				stock->segment[i].n_stay < stock->segment[best].n_stay)) {
			best = i;
		}
	}
	return best;
}

static void count_pages(struct kv_rewrite *rewrite)
{
	struct kv_stock *stock = rewrite->stock;

	for (uint32_t i = 0; i < stock->index.n_entry; i++) {
		uint32_t segment = kv_index_at(&stock->index, i)->segment;

		if (stays(stock, i)) {
			stock->segment[segment].n_stay++;
		} else {
			stock->segment[segment].n_go++;
		}
	}
}

/* What is known of pages beside their data, so that it stays when its segment goes. -1: errno. */
static int move_notes(struct moving *moving)
{
	if (moving->rewrite->stock->root.page_bytes == 0) {
		return 0;
	}
	return move_marks(moving) < 0 || move_forgets(moving) < 0 || move_bads(moving) < 0 ||
			       (moving->is_open && kv_writer_sync(&moving->writer) < 0)
		       ? -1
		       : 0;
}

/*
 * On a full disk nothing can be written before something goes: the segments none of whose pages stay.
 * Should this process die before their notes are written, it is forgotten who used what they stood on.
 * Returns how many went.
 */
static int remove_empty(struct moving *moving, uint8_t *is_done, struct err *err)
{
	const struct kv_stock *stock = moving->rewrite->stock;
	int n = 0;

	for (uint32_t i = 0; i < stock->n_segment; i++) {
		if (stock->segment[i].is_rewritten && stock->segment[i].n_stay == 0 &&
			rewrite_segment(moving, i, err) == 0 && !stock->segment[i].is_held) {
			is_done[i] = 1;
			n++;
		}
	}
	return n;
}

static int settle_notes(struct moving *moving, uint8_t *is_done, struct err *err)
{
	int error;

	if (move_notes(moving) == 0 || moving->rewrite->by_force) {
		return 0;
	}
	error = errno;
	if (is_full(error) && remove_empty(moving, is_done, err) > 0) {
		if (move_notes(moving) == 0) {
			return 0;
		}
		error = errno;
	}
	return fail(moving->rewrite, error, err);
}

int kv_rewrite(struct kv_rewrite *rewrite, struct err *err)
{
	struct kv_stock *stock = rewrite->stock;
	struct moving moving = {.rewrite = rewrite};
	uint8_t *is_done = mem_zero((size_t)stock->n_segment + 1, 1);
	uint32_t segment;
	int status;

	for (uint32_t i = 0; i < stock->n_segment; i++) {
		stock->segment[i].n_stay = stock->segment[i].n_go = 0;
	}
	count_pages(rewrite);
	moving.page = malloc((size_t)stock->root.page_bytes + 1);
	if (!moving.page) {
		free(is_done);
		return fail(rewrite, ENOMEM, err);
	}
	status = settle_notes(&moving, is_done, err);
	while (status == 0 && (segment = next_segment(stock, is_done)) != KV_STOCK_NONE) {
		is_done[segment] = 1;
		status = rewrite_segment(&moving, segment, err);
	}
	finish_writer(&moving);
	free(moving.page);
	free(is_done);
	return status;
}
