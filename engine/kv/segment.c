#include "engine/kv/segment.h"

#include "base/crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { READ_RECORDS = 128, NAME_SIZE = KV_SEGMENT_ID_CHARS + 8 };

int64_t kv_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int kv_segment_lock(int index_fd, enum kv_lock lock, int is_exclusive)
{
	struct flock range = {
		.l_type = is_exclusive ? F_WRLCK : F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = lock,
		.l_len = 1,
	};

	if (fcntl(index_fd, F_OFD_SETLK, &range) == 0) {
		return 0;
	}
	return errno == EAGAIN || errno == EACCES ? 1 : -1;
}

/* ---- files ---- */

int kv_segment_is_index(const char *name, char id[KV_SEGMENT_ID_CHARS + 1])
{
	if (strlen(name) != KV_SEGMENT_ID_CHARS + 6 ||
		strcmp(name + KV_SEGMENT_ID_CHARS, ".index") != 0) {
		return 0;
	}
	memcpy(id, name, KV_SEGMENT_ID_CHARS);
	id[KV_SEGMENT_ID_CHARS] = '\0';
	return kv_is_hex(id, KV_SEGMENT_ID_CHARS);
}

int kv_segment_open(int folder_fd, const char *id, const char *suffix, int flags)
{
	char name[NAME_SIZE];
	struct stat st;
	int fd;

	snprintf(name, sizeof(name), "%s%s", id, suffix);
	fd = openat(folder_fd, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
	if (fd < 0) {
		return -1;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	if (flags & O_CREAT && fchmod(fd, 0600) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void kv_segment_unlink(int folder_fd, const char *id)
{
	char name[NAME_SIZE];

	/* Pages without an index are found by nobody. */
	snprintf(name, sizeof(name), "%s.index", id);
	unlinkat(folder_fd, name, 0);
	snprintf(name, sizeof(name), "%s.pages", id);
	unlinkat(folder_fd, name, 0);
}

/* All of it, at a place; -1: errno. Short writes are what a full disk looks like. */
static int write_at(int fd, const uint8_t *bytes, size_t len, int64_t at)
{
	while (len) {
		ssize_t n = pwrite(fd, bytes, len, at);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			errno = n < 0 ? errno : ENOSPC;
			return -1;
		}
		bytes += n;
		len -= (size_t)n;
		at += n;
	}
	return 0;
}

/* As much as there is; -1 on an error. */
static ssize_t read_at(int fd, uint8_t *bytes, size_t len, int64_t at)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, bytes + done, len - done, at + (int64_t)done);

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n < 0) {
			return -1;
		}
		if (n == 0) {
			break;
		}
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* ---- reading the index ---- */

static int read_head(struct kv_segment *segment, const uint8_t *bytes, struct kv_root *root)
{
	struct kv_record_head head;

	if (kv_record_read_head(bytes, &head, &segment->key) < 0 ||
		strcmp(head.segment, segment->id) != 0) {
		return -1;
	}
	if (root->page_bytes == 0) {
		root->root = head.root;
		root->page_bytes = head.page_bytes;
	}
	return head.page_bytes == root->page_bytes && sha256_equal(&head.root, &root->root) ? 0
											    : -1;
}

/* The records at the end that are none: they may still be written, so they are looked at again. */
struct doubtful {
	int64_t n, n_damaged;
};

static int64_t take_records(struct kv_segment *segment, const uint8_t *bytes, int64_t n,
	void (*take)(void *arg, const struct kv_record *record), void *arg,
	struct doubtful *doubtful)
{
	struct kv_record record;
	int64_t n_taken = 0;

	for (int64_t i = 0; i < n; i++) {
		int status = kv_record_read(bytes + i * KV_RECORD_BYTES, &record, segment->key);

		if (status != 0) {
			doubtful->n++;
			doubtful->n_damaged += status < 0;
			continue;
		}
		segment->n_damaged += doubtful->n_damaged;
		*doubtful = (struct doubtful){0};
		n_taken++;
		if (take) {
			take(arg, &record);
		}
	}
	return n_taken;
}

static int64_t read_records(struct kv_segment *segment, int fd, struct kv_root *root,
	void (*take)(void *arg, const struct kv_record *record), void *arg)
{
	uint8_t bytes[READ_RECORDS * KV_RECORD_BYTES];
	struct doubtful doubtful = {0};
	int64_t n_taken = 0;

	while (segment->n_record < KV_SEGMENT_MAX_RECORDS) {
		ssize_t got = read_at(
			fd, bytes, sizeof(bytes), segment->n_record * (int64_t)KV_RECORD_BYTES);
		int64_t n = got < 0 ? 0 : got / KV_RECORD_BYTES, first = 0;

		if (n == 0) {
			break;
		}
		if (segment->n_record == 0) {
			if (read_head(segment, bytes, root) < 0) {
				return -1;
			}
			first = 1;
		}
		n_taken += take_records(
			segment, bytes + first * KV_RECORD_BYTES, n - first, take, arg, &doubtful);
		segment->n_record += n;
	}
	segment->n_record -= doubtful.n;
	segment->n_doubtful = doubtful.n_damaged;
	return n_taken;
}

int64_t kv_segment_read(struct kv_segment *segment, int folder_fd, struct kv_root *root,
	void (*take)(void *arg, const struct kv_record *record), void *arg)
{
	int fd = kv_segment_open(folder_fd, segment->id, ".index", O_RDONLY);
	struct stat st;
	int64_t n;

	if (fd < 0) {
		return -1;
	}
	if (fstat(fd, &st) < 0) {
		close(fd);
		return -1;
	}
	segment->size_bytes = st.st_size;
	segment->device = st.st_dev;
	segment->inode = st.st_ino;
	n = read_records(segment, fd, root, take, arg);
	close(fd);
	return segment->n_record > 0 ? n : -1;
}

/* ---- writing ---- */

static int new_id(char id[KV_SEGMENT_ID_CHARS + 1])
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
		return -1;
	}
	snprintf(id, KV_SEGMENT_ID_CHARS + 1, "%016llx", (unsigned long long)number);
	return 0;
}

static void fail_open(struct kv_writer *writer, int folder_fd, int unlink_too)
{
	int saved = errno;

	if (unlink_too) {
		kv_segment_unlink(folder_fd, writer->segment.id);
	}
	kv_writer_close(writer);
	errno = saved;
}

int kv_writer_create(struct kv_writer *writer, int folder_fd, const struct kv_root *root)
{
	struct kv_record_head head = {.root = root->root, .page_bytes = root->page_bytes};
	uint8_t bytes[KV_RECORD_BYTES];
	int is_locked;

	memset(writer, 0, sizeof(*writer));
	writer->index_fd = writer->pages_fd = writer->folder_fd = -1;
	writer->root = *root;
	if (new_id(writer->segment.id) < 0) {
		return -1;
	}
	memcpy(head.segment, writer->segment.id, sizeof(head.segment));
	writer->segment.key = kv_record_write_head(bytes, &head);
	writer->index_fd =
		kv_segment_open(folder_fd, writer->segment.id, ".index", O_RDWR | O_CREAT | O_EXCL);
	if (writer->index_fd < 0) {
		return -1;
	}
	is_locked = kv_segment_lock(writer->index_fd, KV_LOCK_WRITER, 1);
	if (is_locked > 0) {
		errno = EAGAIN;
	}
	writer->pages_fd = is_locked != 0 ? -1
					  : kv_segment_open(folder_fd, writer->segment.id, ".pages",
						    O_RDWR | O_CREAT | O_EXCL);
	if (writer->pages_fd < 0 || write_at(writer->index_fd, bytes, sizeof(bytes), 0) < 0 ||
		(writer->folder_fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0)) < 0) {
		fail_open(writer, folder_fd, 1);
		return -1;
	}
	writer->segment.n_record = 1;
	return 0;
}

/* The slots that records speak of are never written again, though their data may be lost. */
static void see_slot(void *arg, const struct kv_record *record)
{
	struct kv_writer *writer = arg;

	if (record->kind == KV_RECORD_PAGE && record->slot >= writer->n_slot) {
		writer->n_slot = record->slot + 1;
	}
}

int kv_writer_reopen(struct kv_writer *writer, int folder_fd, const struct kv_root *root,
	const char *id, int64_t max_bytes)
{
	int64_t slot_bytes = kv_slot_bytes(root->page_bytes), n_slot;
	struct stat index_st, pages_st;
	int is_locked;

	memset(writer, 0, sizeof(*writer));
	writer->root = *root;
	memcpy(writer->segment.id, id, sizeof(writer->segment.id));
	writer->pages_fd = writer->folder_fd = -1;
	writer->index_fd = kv_segment_open(folder_fd, id, ".index", O_RDWR);
	if (writer->index_fd < 0) {
		return -1;
	}
	is_locked = kv_segment_lock(writer->index_fd, KV_LOCK_WRITER, 1);
	if (is_locked != 0) {
		fail_open(writer, folder_fd, 0);
		return is_locked;
	}
	writer->pages_fd = kv_segment_open(folder_fd, id, ".pages", O_RDWR);
	writer->folder_fd = fcntl(folder_fd, F_DUPFD_CLOEXEC, 0);
	if (writer->pages_fd < 0 || writer->folder_fd < 0 ||
		fstat(writer->pages_fd, &pages_st) < 0 || fstat(writer->index_fd, &index_st) < 0) {
		fail_open(writer, folder_fd, 0);
		return -1;
	}
	/* It was removed before it could be locked, or its last record is torn. */
	if (index_st.st_nlink == 0 || pages_st.st_nlink == 0 ||
		index_st.st_size % KV_RECORD_BYTES != 0 ||
		(pages_st.st_size > 0 && pages_st.st_size + slot_bytes > max_bytes) ||
		read_records(&writer->segment, writer->index_fd, &writer->root, see_slot, writer) <
			0) {
		fail_open(writer, folder_fd, 0);
		return 1;
	}
	writer->segment.size_bytes = index_st.st_size;
	writer->segment.n_record = index_st.st_size / KV_RECORD_BYTES;
	n_slot = (pages_st.st_size + slot_bytes - 1) / slot_bytes;
	writer->n_slot = n_slot > writer->n_slot ? n_slot : writer->n_slot;
	if (!kv_writer_has_room(writer, max_bytes)) {
		fail_open(writer, folder_fd, 0);
		return 1;
	}
	return 0;
}

int kv_writer_is_unlinked(const struct kv_writer *writer)
{
	struct stat index_st, pages_st;

	return fstat(writer->index_fd, &index_st) < 0 || fstat(writer->pages_fd, &pages_st) < 0 ||
	       index_st.st_nlink == 0 || pages_st.st_nlink == 0;
}

int kv_writer_has_room(const struct kv_writer *writer, int64_t max_bytes)
{
	int64_t slot_bytes = kv_slot_bytes(writer->root.page_bytes);

	return writer->segment.n_record > 0 && writer->segment.n_record < KV_SEGMENT_MAX_RECORDS &&
	       writer->n_slot < KV_SEGMENT_MAX_RECORDS &&
	       (writer->n_slot == 0 || (writer->n_slot + 1) * slot_bytes <= max_bytes);
}

int kv_writer_append(struct kv_writer *writer, struct kv_record *record, const uint8_t *data)
{
	uint8_t bytes[KV_RECORD_BYTES];

	if (record->kind == KV_RECORD_PAGE) {
		int64_t slot = writer->n_slot;

		/* Whatever comes of it, the slot is not used again. */
		writer->n_slot++;
		record->slot = slot;
		record->data_crc = crc32c(0, data, (size_t)writer->root.page_bytes);
		if (write_at(writer->pages_fd, data, (size_t)writer->root.page_bytes,
			    slot * kv_slot_bytes(writer->root.page_bytes)) < 0) {
			return -1;
		}
	}
	kv_record_write(bytes, record, writer->segment.key);
	if (write_at(writer->index_fd, bytes, sizeof(bytes),
		    writer->segment.n_record * (int64_t)KV_RECORD_BYTES) < 0) {
		return -1;
	}
	writer->segment.n_record++;
	writer->segment.size_bytes = writer->segment.n_record * (int64_t)KV_RECORD_BYTES;
	return 0;
}

int kv_writer_sync(struct kv_writer *writer)
{
	/* Without its names it is a miss after a power cut; whoever made it may have died before. */
	if (!writer->is_named) {
		(void)fsync(writer->folder_fd);
		writer->is_named = 1;
	}
	/* The data first: a record that is there speaks of data that are. */
	return fdatasync(writer->pages_fd) < 0 || fdatasync(writer->index_fd) < 0 ? -1 : 0;
}

void kv_writer_close(struct kv_writer *writer)
{
	if (writer->pages_fd >= 0) {
		close(writer->pages_fd);
	}
	if (writer->index_fd >= 0) {
		close(writer->index_fd);
	}
	if (writer->folder_fd >= 0) {
		close(writer->folder_fd);
	}
	writer->index_fd = writer->pages_fd = writer->folder_fd = -1;
}
