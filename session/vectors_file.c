#include "session/vectors_file.h"

#include "base/crc32c.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLUSH_BYTES    ((size_t)16 << 10)
#define FILE_MAX_BYTES ((int64_t)8 << 30) /* a longer one was not made by us */

struct head {
	char magic[16];
	uint8_t digest[64]; /* hexadecimal */
	uint32_t n, crc;
};
_Static_assert(sizeof(struct head) == 88, "the head has no holes");
_Static_assert(sizeof(VECTORS_FILE_MAGIC) - 1 == 16, "a magic of its size");

static struct head head_of(const struct vectors_model *model)
{
	struct head head = {.n = (uint32_t)model->n};

	memcpy(head.magic, VECTORS_FILE_MAGIC, sizeof(head.magic));
	memcpy(head.digest, model->digest, sizeof(head.digest));
	head.crc = crc32c(0, &head, offsetof(struct head, crc));
	return head;
}

static size_t row_bytes(const struct vectors_model *model)
{
	return sizeof(struct sha256_digest) + model->n * sizeof(uint16_t) + sizeof(uint32_t);
}

static char *path_in(const char *folder, const char *file)
{
	return mem_printf("%s/%s", folder, file);
}

/* ---- reading ---- */

/* Infinities and what is no number have all bits of the exponent. */
static int are_finite(const uint16_t *value, size_t n)
{
	int are = 1;

	for (size_t i = 0; i < n; i++) {
		are &= (value[i] & 0x7c00) != 0x7c00;
	}
	return are;
}

static void take_row(
	const uint8_t *bytes, const struct vectors_model *model, vectors_row *row, void *arg)
{
	const size_t body = row_bytes(model) - sizeof(uint32_t);
	const uint16_t *value =
		(const uint16_t *)(const void *)(bytes + sizeof(struct sha256_digest));
	struct sha256_digest key;
	uint32_t crc;

	memcpy(&crc, bytes + body, sizeof(crc));
	if (crc == crc32c(0, bytes, body) && are_finite(value, model->n)) {
		memcpy(&key, bytes, sizeof(key));
		row(arg, &key, value);
	}
}

int vectors_file_scan(
	FILE *file, const struct vectors_model *model, vectors_row *row, void *arg, int64_t *n_row)
{
	const struct head wanted = head_of(model);
	struct head head;
	uint8_t *bytes;

	*n_row = 0;
	if (fread(&head, sizeof(head), 1, file) != 1 || memcmp(&head, &wanted, sizeof(head)) != 0) {
		return 1;
	}
	bytes = mem_alloc(row_bytes(model));
	while (fread(bytes, row_bytes(model), 1, file) == 1) {
		take_row(bytes, model, row, arg);
		++*n_row;
	}
	free(bytes);
	return 0;
}

/* A regular file of no mad size, or -1. */
static int open_file(const char *folder, const char *file, int flags)
{
	char *path = path_in(folder, file);
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat stat;

	free(path);
	if (fd >= 0 &&
		(fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode) || stat.st_size > FILE_MAX_BYTES)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int vectors_file_read(const char *folder, const struct vectors_model *model, vectors_row *row,
	void *arg, int64_t *n_row)
{
	int fd = open_file(folder, VECTORS_FILE, O_RDONLY), result;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "rb");

	*n_row = 0;
	if (!file) {
		if (fd >= 0) {
			close(fd);
		}
		return 1;
	}
	result = vectors_file_scan(file, model, row, arg, n_row);
	fclose(file);
	return result;
}

/* ---- writing ---- */

/* Where the next row goes; -1 where there is no file of this model. */
static off_t end_of_rows(int fd, const struct vectors_model *model)
{
	const struct head wanted = head_of(model);
	struct head head;
	struct stat stat;
	off_t row = (off_t)row_bytes(model), first = (off_t)sizeof(head);

	if (fstat(fd, &stat) < 0 || pread(fd, &head, sizeof(head), 0) != (ssize_t)sizeof(head) ||
		memcmp(&head, &wanted, sizeof(head)) != 0) {
		return -1;
	}
	return first + (stat.st_size - first) / row * row;
}

static void give_up(struct vectors_writer *writer)
{
	if (writer->fd >= 0) {
		close(writer->fd);
	}
	writer->fd = -1;
}

void vectors_writer_open(struct vectors_writer *writer, const char *folder, const char *file,
	const struct vectors_model *model)
{
	const struct head head = head_of(model);
	off_t end;

	*writer = (struct vectors_writer){.model = *model};
	writer->fd = open_file(folder, file, O_RDWR | O_CREAT);
	if (writer->fd < 0 || flock(writer->fd, LOCK_EX | LOCK_NB) < 0) {
		give_up(writer);
		return;
	}
	end = end_of_rows(writer->fd, model);
	if (end < 0) {
		buf_add(&writer->waiting, &head, sizeof(head));
		end = 0;
	}
	if (ftruncate(writer->fd, end) < 0 || lseek(writer->fd, end, SEEK_SET) < 0) {
		give_up(writer);
	}
}

void vectors_writer_flush(struct vectors_writer *writer)
{
	for (size_t at = 0; at < writer->waiting.len && writer->fd >= 0;) {
		ssize_t n = write(writer->fd, writer->waiting.data + at, writer->waiting.len - at);

		if (n < 0 && errno != EINTR) {
			give_up(writer);
		}
		at += n > 0 ? (size_t)n : 0;
	}
	buf_clear(&writer->waiting);
}

void vectors_writer_add(
	struct vectors_writer *writer, const struct sha256_digest *key, const uint16_t *value)
{
	struct buf *waiting = &writer->waiting;
	size_t begun = waiting->len;
	uint32_t crc;

	if (writer->fd < 0) {
		return;
	}
	buf_add(waiting, key, sizeof(*key));
	buf_add(waiting, value, writer->model.n * sizeof(*value));
	crc = crc32c(0, waiting->data + begun, waiting->len - begun);
	buf_add(waiting, &crc, sizeof(crc));
	if (waiting->len >= FLUSH_BYTES) {
		vectors_writer_flush(writer);
	}
}

int vectors_writer_close(struct vectors_writer *writer)
{
	int result;

	vectors_writer_flush(writer);
	result = writer->fd < 0 ? -1 : 0;
	give_up(writer);
	buf_finish(&writer->waiting);
	return result;
}

void vectors_file_replace(const char *folder)
{
	char *path = path_in(folder, VECTORS_FILE), *new_path = path_in(folder, VECTORS_FILE_NEW);

	if (rename(new_path, path) < 0) {
		unlink(new_path);
	}
	free(path);
	free(new_path);
}

void vectors_forget(const char *folder)
{
	static const char *const file[] = {VECTORS_FILE, VECTORS_FILE_NEW};

	for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++) {
		char *path = path_in(folder, file[i]);

		unlink(path);
		free(path);
	}
}
