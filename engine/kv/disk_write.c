/*
 * Appending. The caller's thread writes into the system's page cache, which costs a copy; a thread
 * behind it asks for the disk, so that nothing that computes ever waits for one.
 */
#include "engine/kv/disk_internal.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SYNC_BYTES = 64 << 20 };
static const int64_t second_ns = 1000000000;

/* ---- what goes wrong ---- */

static void tell(struct kv_disk *disk, enum disk_trouble kind, const struct err *trouble)
{
	struct disk_writer *writer = &disk->writer;

	pthread_mutex_lock(&writer->lock);
	if (writer->state[kind] == UNTOLD_NONE) {
		writer->state[kind] = UNTOLD;
		writer->trouble[kind] = *trouble;
	}
	pthread_mutex_unlock(&writer->lock);
}

void disk_trouble(struct kv_disk *disk, enum disk_trouble kind, int errno_value, const char *what)
{
	static const char *const hint[TROUBLE_COUNT] = {
		[TROUBLE_SPACE] = "make room, or see carrel kv gc; answers are not affected",
		[TROUBLE_WRITE] = "see to the disk; answers are not affected",
		[TROUBLE_SYNC] = "see to the disk; answers are not affected",
		[TROUBLE_LIMIT] =
			"allow more with --kv-limit, or see carrel kv ls; answers are not "
			"affected",
	};
	struct err trouble;

	if (errno_value == ENOSPC || errno_value == EDQUOT || errno_value == EFBIG) {
		kind = TROUBLE_SPACE;
		err_set(&trouble, ERR_ENGINE, disk->path, hint[kind],
			"there is no room to keep computed KV");
	} else if (errno_value) {
		err_set(&trouble, ERR_ENGINE, disk->path, hint[kind], "%s: %s", what,
			strerror(errno_value));
	} else {
		err_set(&trouble, ERR_ENGINE, disk->path, hint[kind], "%s", what);
	}
	tell(disk, kind, &trouble);
}

int kv_disk_trouble(struct kv_disk *disk, struct err *err)
{
	struct disk_writer *writer = &disk->writer;
	int found = 0;

	pthread_mutex_lock(&writer->lock);
	for (int kind = 0; kind < TROUBLE_COUNT && !found; kind++) {
		if (writer->state[kind] == UNTOLD) {
			writer->state[kind] = TOLD;
			if (err) {
				*err = writer->trouble[kind];
			}
			found = 1;
		}
	}
	pthread_mutex_unlock(&writer->lock);
	return found;
}

/* ---- the thread that syncs ---- */

static void destroy_writer(struct kv_writer *writer)
{
	kv_writer_close(writer);
	free(writer);
}

/*
 * What the system could not write it may give back as it was before: no page of the segment can be
 * trusted once it has left memory.
 */
static void sync_writer(struct kv_disk *disk, struct kv_writer *writer)
{
	struct disk_writer *state = &disk->writer;
	struct disk_failed failed;
	int error;

	if (kv_writer_sync(writer) == 0) {
		return;
	}
	error = errno;
	memcpy(failed.segment, writer->segment.id, sizeof(failed.segment));
	pthread_mutex_lock(&state->lock);
	mem_grow(state->failed, state->n_failed, state->cap_failed);
	state->failed[state->n_failed++] = failed;
	pthread_mutex_unlock(&state->lock);
	if (!kv_writer_is_unlinked(writer)) {
		kv_segment_unlink(writer->folder_fd, writer->segment.id);
		disk_trouble(disk, TROUBLE_SYNC, error, "computed KV could not be written to disk");
	}
}

/* One of them that is to be synced, and closed where it is retired; the lock is held. */
static void sync_one(struct kv_disk *disk)
{
	struct disk_writer *state = &disk->writer;
	struct kv_writer *retired = NULL, *writer = state->current;

	if (state->n_retired > 0) {
		retired = writer = state->retired[--state->n_retired];
	} else {
		state->dirty_bytes = 0;
	}
	pthread_mutex_unlock(&state->lock);
	sync_writer(disk, writer);
	if (retired) {
		destroy_writer(retired);
	}
	pthread_mutex_lock(&state->lock);
	pthread_cond_broadcast(&state->wake);
}

static int64_t sync_due_ns(const struct disk_writer *state)
{
	return state->dirty_since_ns + second_ns;
}

static void *sync_behind(void *arg)
{
	struct kv_disk *disk = arg;
	struct disk_writer *state = &disk->writer;

	pthread_mutex_lock(&state->lock);
	for (;;) {
		int64_t now = kv_now_ns();

		if (state->n_retired > 0 ||
			(state->dirty_bytes > 0 &&
				(state->stop || state->dirty_bytes >= SYNC_BYTES ||
					now >= sync_due_ns(state) ||
					now < state->dirty_since_ns))) {
			sync_one(disk);
		} else if (state->stop) {
			break;
		} else if (state->budget.wants_collecting) {
			disk_budget_collect(disk);
		} else if (state->dirty_bytes > 0) {
			int64_t due = sync_due_ns(state);
			struct timespec until = {
				.tv_sec = due / second_ns, .tv_nsec = due % second_ns};

			pthread_cond_timedwait(&state->wake, &state->lock, &until);
		} else {
			pthread_cond_wait(&state->wake, &state->lock);
		}
	}
	pthread_mutex_unlock(&state->lock);
	return NULL;
}

/* The lock is held. */
static void wake(struct kv_disk *disk)
{
	struct disk_writer *state = &disk->writer;

	if (!state->has_thread) {
		state->has_thread = pthread_create(&state->thread, NULL, sync_behind, disk) == 0;
	}
	pthread_cond_broadcast(&state->wake);
}

void disk_writer_wake(struct kv_disk *disk)
{
	pthread_mutex_lock(&disk->writer.lock);
	wake(disk);
	pthread_mutex_unlock(&disk->writer.lock);
}

static int is_within_budget(struct kv_disk *disk)
{
	int is_within;

	pthread_mutex_lock(&disk->writer.lock);
	is_within = disk_budget_allows(&disk->writer.budget);
	if (disk->writer.budget.wants_collecting) {
		wake(disk);
	}
	pthread_mutex_unlock(&disk->writer.lock);
	if (!is_within) {
		disk_trouble(disk, TROUBLE_LIMIT, 0,
			"computed KV fills its part of the disk: no more is kept for now");
	}
	return is_within;
}

static void need_sync(struct kv_disk *disk, int64_t n_bytes)
{
	struct disk_writer *state = &disk->writer;

	pthread_mutex_lock(&state->lock);
	if (state->dirty_bytes == 0) {
		state->dirty_since_ns = kv_now_ns();
	}
	if (!state->has_thread) {
		state->has_thread = pthread_create(&state->thread, NULL, sync_behind, disk) == 0;
	}
	if (state->dirty_bytes == 0 || state->dirty_bytes + n_bytes >= SYNC_BYTES) {
		pthread_cond_broadcast(&state->wake);
	}
	state->dirty_bytes += n_bytes;
	disk_budget_add(&state->budget, n_bytes);
	if (state->budget.wants_collecting) {
		pthread_cond_broadcast(&state->wake);
	}
	pthread_mutex_unlock(&state->lock);
}

void disk_writer_init(struct disk_writer *writer)
{
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->wake, NULL);
}

/* Not the current writer any more; the thread syncs and closes it. */
static void retire(struct kv_disk *disk)
{
	struct disk_writer *state = &disk->writer;
	struct kv_writer *writer = state->current;

	if (!writer) {
		return;
	}
	pthread_mutex_lock(&state->lock);
	/* The thread alone closes what it may be syncing. */
	while (state->has_thread && state->n_retired == WRITERS_RETIRED_MAX) {
		pthread_cond_wait(&state->wake, &state->lock);
	}
	state->current = NULL;
	state->dirty_bytes = 0;
	if (state->has_thread) {
		state->retired[state->n_retired++] = writer;
		pthread_cond_broadcast(&state->wake);
		writer = NULL;
	}
	pthread_mutex_unlock(&state->lock);
	if (writer) {
		sync_writer(disk, writer);
		destroy_writer(writer);
	}
}

void disk_writer_drop_failed(struct kv_disk *disk)
{
	struct disk_writer *state = &disk->writer;
	struct disk_failed *failed;
	size_t n;

	pthread_mutex_lock(&state->lock);
	failed = state->failed;
	n = state->n_failed;
	state->failed = NULL;
	state->n_failed = state->cap_failed = 0;
	pthread_mutex_unlock(&state->lock);
	for (size_t i = 0; i < n; i++) {
		/* One that is gone from the folder may still be mapped. */
		for (uint32_t s = 0; s < disk->n_segment; s++) {
			if (strcmp(disk->segment[s]->file.id, failed[i].segment) == 0) {
				disk_segment_lose(disk->segment[s]);
			}
		}
		if (state->current && strcmp(state->current->segment.id, failed[i].segment) == 0) {
			retire(disk);
		}
	}
	free(failed);
}

void disk_writer_finish(struct kv_disk *disk)
{
	struct disk_writer *state = &disk->writer;

	retire(disk);
	if (state->has_thread) {
		pthread_mutex_lock(&state->lock);
		state->stop = 1;
		pthread_cond_broadcast(&state->wake);
		pthread_mutex_unlock(&state->lock);
		pthread_join(state->thread, NULL);
	}
	free(state->failed);
	pthread_cond_destroy(&state->wake);
	pthread_mutex_destroy(&state->lock);
}

/* ---- which segment is written to ---- */

/* One that is there and that nobody writes to, so that many short runs do not leave many segments. */
static struct kv_writer *reopen_one(struct kv_disk *disk, int64_t segment_bytes)
{
	struct kv_writer *writer = mem_zero(1, sizeof(*writer));

	for (uint32_t i = 0; i < disk->n_segment; i++) {
		if (!disk->segment[i]->is_gone &&
			kv_writer_reopen(writer, disk->fd, &disk->root, disk->segment[i]->file.id,
				segment_bytes) == 0) {
			/* What others appended since it was read. */
			disk_read_segment(disk, i);
			return writer;
		}
	}
	free(writer);
	return NULL;
}

static struct kv_writer *create_one(struct kv_disk *disk)
{
	struct kv_writer *writer = mem_zero(1, sizeof(*writer));
	int status = kv_writer_create(writer, disk->fd, &disk->root);

	/* The folder was removed, or the segment by who tidies up, before it was locked. */
	if (status < 0 &&
		(errno == EAGAIN || (errno == ENOENT && disk_open_folder(disk, NULL) == 0))) {
		status = kv_writer_create(writer, disk->fd, &disk->root);
	}
	if (status < 0) {
		int error = errno;

		free(writer);
		disk_trouble(disk, TROUBLE_WRITE, error, "computed KV cannot be kept");
		errno = error;
		return NULL;
	}
	disk_read_segment(disk, disk_segment_number(disk, writer->segment.id));
	return writer;
}

/* NULL: nothing can be written now. */
static struct kv_writer *writer_of(struct kv_disk *disk)
{
	struct disk_writer *state = &disk->writer;
	int64_t segment_bytes;

	disk_writer_drop_failed(disk);
	pthread_mutex_lock(&state->lock);
	segment_bytes = state->budget.segment_bytes;
	pthread_mutex_unlock(&state->lock);
	if (state->current && (kv_writer_is_unlinked(state->current) ||
				      !kv_writer_has_room(state->current, segment_bytes))) {
		retire(disk);
	}
	if (!state->current && kv_now_ns() >= state->pause_until_ns) {
		struct kv_writer *writer = reopen_one(disk, segment_bytes);

		if (!writer) {
			writer = create_one(disk);
		}
		if (!writer) {
			state->pause_until_ns = kv_now_ns() + 30 * second_ns;
		}
		pthread_mutex_lock(&state->lock);
		state->current = writer;
		pthread_mutex_unlock(&state->lock);
	}
	return state->current;
}

/* Returns the number of the segment, or -1. */
static int64_t append(struct kv_disk *disk, struct kv_record *record, const uint8_t *data)
{
	struct kv_writer *writer = writer_of(disk);
	uint32_t number;

	if (!writer) {
		return -1;
	}
	record->time_ns = kv_now_ns();
	if (kv_writer_append(writer, record, data) < 0) {
		disk_trouble(disk, TROUBLE_WRITE, errno, "computed KV cannot be kept");
		disk->writer.pause_until_ns = kv_now_ns() + 30 * second_ns;
		retire(disk);
		return -1;
	}
	need_sync(disk, KV_RECORD_BYTES + (data ? kv_slot_bytes(disk->root.page_bytes) : 0));
	number = disk_segment_number(disk, writer->segment.id);
	disk->segment[number]->file.n_record = writer->segment.n_record;
	disk->segment[number]->file.size_bytes = writer->segment.size_bytes;
	return number;
}

/* ---- records ---- */

static void set_owner(struct kv_record *record, const char *owner)
{
	if (owner && kv_is_hex(owner, ENGINE_OWNER_CHARS)) {
		memcpy(record->owner, owner, sizeof(record->owner));
	}
}

void disk_note_bad(struct kv_disk *disk, struct kv_index_entry *entry)
{
	struct kv_record record = {
		.kind = KV_RECORD_BAD, .slot = entry->slot, .name = entry->page.name};

	memcpy(record.segment, disk->segment[entry->segment]->file.id, sizeof(record.segment));
	kv_index_kill(&disk->index, entry);
	append(disk, &record, NULL);
	disk_trouble(disk, TROUBLE_DAMAGE, 0,
		"computed KV on disk is damaged; what is missing is computed again");
}

static const struct kv_index_entry *written(
	const struct kv_disk *disk, const struct kv_disk_page *page, int *is_refused)
{
	const struct kv_index_entry *entry = NULL;

	*is_refused = 0;
	while ((entry = kv_index_named(&disk->index, &page->name, entry))) {
		if (entry->page.n_tok == page->n_tok &&
			sha256_equal(&entry->page.parent, &page->parent) &&
			memcmp(entry->ids, page->ids, (size_t)page->n_tok * sizeof(uint32_t)) ==
				0) {
			return entry;
		}
		/* Two pages of one name: the first keeps it. */
		*is_refused = 1;
	}
	if (page->n_tok < KV_PAGE_TOK) {
		while ((entry = kv_index_child(&disk->index, &page->parent, entry))) {
			if (entry->page.n_tok > page->n_tok &&
				memcmp(entry->ids, page->ids,
					(size_t)page->n_tok * sizeof(uint32_t)) == 0) {
				return entry;
			}
		}
	}
	return NULL;
}

int kv_disk_use_equal(struct kv_disk *disk, const struct kv_disk_page *page, const char *owner)
{
	int is_refused;
	const struct kv_index_entry *entry = written(disk, page, &is_refused);

	if (entry) {
		kv_disk_use(disk, &entry->page.name, owner);
	}
	return entry != NULL;
}

void kv_disk_write(struct kv_disk *disk, const struct kv_disk_page *page, const char *owner)
{
	struct kv_record record = {
		.kind = KV_RECORD_PAGE,
		.n_tok = page->n_tok,
		.name = page->name,
		.parent = page->parent,
	};
	int is_refused;
	int64_t number;

	if (kv_disk_use_equal(disk, page, owner)) {
		return;
	}
	written(disk, page, &is_refused);
	if (is_refused || page->n_tok < 1 || page->n_tok > KV_PAGE_TOK || !is_within_budget(disk)) {
		return;
	}
	memcpy(record.ids, page->ids, (size_t)page->n_tok * sizeof(uint32_t));
	set_owner(&record, owner);
	number = append(disk, &record, page->data);
	if (number >= 0) {
		kv_index_add(&disk->index, &record, (uint32_t)number);
	}
}

void kv_disk_use(struct kv_disk *disk, const struct sha256_digest *name, const char *owner)
{
	struct disk_writer *state = &disk->writer;
	struct kv_record record = {.kind = KV_RECORD_USE, .name = *name};
	int64_t now = kv_now_ns();

	set_owner(&record, owner);
	/* The same again within a minute says nothing new. */
	if (sha256_equal(&state->last_use, name) && strcmp(state->last_owner, record.owner) == 0 &&
		now >= state->last_use_ns && now - state->last_use_ns < 60 * second_ns) {
		return;
	}
	if (!kv_index_named(&disk->index, name, NULL)) {
		return;
	}
	if (append(disk, &record, NULL) >= 0) {
		state->last_use = *name;
		memcpy(state->last_owner, record.owner, sizeof(state->last_owner));
		state->last_use_ns = now;
	}
}
