/* What the folder may take of the disk, kept by the thread that syncs. */
#include "engine/kv/collect.h"
#include "engine/kv/disk_internal.h"

static const int64_t pause_ns = 10000000000;

enum { SEGMENTS_MANY = 32 };

static void measure(struct disk_budget *budget, const struct kv_folder *folder, int64_t asked_bytes,
	int64_t slot_bytes)
{
	budget->used_bytes = kv_folder_bytes(folder);
	budget->limit_bytes = kv_folder_limit(folder, asked_bytes, budget->used_bytes, NULL);
	budget->segment_bytes = kv_folder_segment_bytes(budget->limit_bytes, slot_bytes);
}

void disk_budget_open(struct kv_disk *disk)
{
	struct disk_budget *budget = &disk->writer.budget;
	struct kv_folder folder;

	budget->segment_bytes = KV_SEGMENT_MAX_BYTES;
	budget->limit_bytes = INT64_MAX;
	if (kv_folder_open(&folder, disk->folder, NULL) == 0) {
		measure(budget, &folder, disk->limit_bytes, kv_slot_bytes(disk->root.page_bytes));
		kv_folder_close(&folder);
	}
	budget->has_many = disk->n_segment > SEGMENTS_MANY &&
			   budget->used_bytes / disk->n_segment <
				   budget->segment_bytes / KV_FOLDER_SEGMENTS_MIN;
	if (budget->has_many || budget->used_bytes > budget->limit_bytes) {
		budget->wants_collecting = 1;
		disk_writer_wake(disk);
	}
}

void disk_budget_add(struct disk_budget *budget, int64_t n_bytes)
{
	budget->used_bytes += n_bytes;
	if (budget->used_bytes > budget->limit_bytes && kv_now_ns() >= budget->look_ns) {
		budget->wants_collecting = 1;
	}
}

int disk_budget_allows(struct disk_budget *budget)
{
	if (budget->used_bytes <= budget->limit_bytes) {
		return 1;
	}
	/* Until it was looked for, there may be room; but not without end. */
	if (kv_now_ns() >= budget->look_ns) {
		budget->wants_collecting = 1;
	}
	return !budget->is_over &&
	       budget->used_bytes <=
		       budget->limit_bytes + budget->limit_bytes / KV_FOLDER_SEGMENTS_MIN;
}

static int look(void *context, int64_t done_bytes, int64_t total_bytes)
{
	struct disk_writer *writer = context;
	int stop;

	pthread_mutex_lock(&writer->lock);
	stop = writer->stop;
	pthread_mutex_unlock(&writer->lock);
	return stop;
}

void disk_budget_collect(struct kv_disk *disk)
{
	struct disk_writer *writer = &disk->writer;
	const struct engine_kv_watch watch = {look, writer};
	struct engine_kv_work work = {0};
	struct disk_budget now = writer->budget;
	struct kv_folder folder;

	pthread_mutex_unlock(&writer->lock);
	if (kv_folder_open(&folder, disk->folder, NULL) == 0) {
		int64_t slot_bytes = kv_slot_bytes(disk->root.page_bytes);

		measure(&now, &folder, disk->limit_bytes, slot_bytes);
		/* Some room at once, so that it is not to be made again with the next page. */
		if ((now.has_many || now.used_bytes > now.limit_bytes) &&
			kv_folder_lock(&folder, NULL, NULL) == 0) {
			kv_collect(&folder,
				now.limit_bytes - now.limit_bytes / KV_FOLDER_SEGMENTS_MIN, 0,
				&watch, &work, NULL);
			measure(&now, &folder, disk->limit_bytes, slot_bytes);
		}
		kv_folder_close(&folder);
	}
	pthread_mutex_lock(&writer->lock);
	writer->budget.used_bytes = now.used_bytes;
	writer->budget.limit_bytes = now.limit_bytes;
	writer->budget.segment_bytes = now.segment_bytes;
	writer->budget.is_over = now.used_bytes > now.limit_bytes;
	writer->budget.look_ns = writer->budget.is_over ? kv_now_ns() + pause_ns : 0;
	writer->budget.wants_collecting = writer->budget.has_many = 0;
}
