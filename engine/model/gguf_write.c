#include "engine/model/gguf_write.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALIGNMENT 32
/* Files beside `path` that are tried: others write there, or were killed. */
#define MAX_TEMPORARY 100

struct gguf_writer {
	FILE *file;
	char *path, *temporary;
	struct buf pairs, table;
	uint64_t n_pair;

	int64_t *size_bytes; /* [n_tensor] */
	size_t n_tensor, cap_tensor;
	uint64_t next_offset; /* in the data section, while tensors are added */

	size_t current;        /* tensor, while data is written */
	int64_t current_bytes; /* of it written */
};

static void add_u32(struct buf *buf, uint32_t value)
{
	uint8_t bytes[4] = {(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
		(uint8_t)(value >> 24)};

	buf_add(buf, bytes, sizeof(bytes));
}

static void add_u64(struct buf *buf, uint64_t value)
{
	add_u32(buf, (uint32_t)value);
	add_u32(buf, (uint32_t)(value >> 32));
}

static void add_string(struct buf *buf, const char *text, size_t len)
{
	add_u64(buf, len);
	buf_add(buf, text, len);
}

static size_t value_bytes(enum gguf_value_type type)
{
	switch (type) {
	case GGUF_UINT8:
	case GGUF_INT8:
	case GGUF_BOOL:
		return 1;
	case GGUF_UINT16:
	case GGUF_INT16:
		return 2;
	case GGUF_UINT32:
	case GGUF_INT32:
	case GGUF_FLOAT32:
		return 4;
	default:
		return 8;
	}
}

/* Never one that is there, nor where a link leads. */
static FILE *open_temporary(struct gguf_writer *writer)
{
	int fd = -1;

	for (int i = 1; i <= MAX_TEMPORARY && fd < 0; i++) {
		free(writer->temporary);
		writer->temporary = i == 1 ? mem_printf("%s.part", writer->path)
					   : mem_printf("%s.%d.part", writer->path, i);
		fd = open(writer->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd < 0 && errno != EEXIST) {
			break;
		}
	}
	return fd < 0 ? NULL : fdopen(fd, "wb");
}

int gguf_writer_create(struct gguf_writer **out, const char *path, struct err *err)
{
	struct gguf_writer *writer = mem_zero(1, sizeof(*writer));

	*out = NULL;
	writer->path = mem_strdup(path);
	writer->file = open_temporary(writer);
	if (!writer->file) {
		err_set_errno(err, ERR_FAILURE, errno, writer->temporary, "cannot be written");
		gguf_writer_destroy(writer);
		return -1;
	}
	*out = writer;
	return 0;
}

void gguf_writer_create_memory(struct gguf_writer **out)
{
	*out = mem_zero(1, sizeof(**out));
}

void gguf_writer_destroy(struct gguf_writer *writer)
{
	if (!writer) {
		return;
	}
	if (writer->file) {
		fclose(writer->file);
		unlink(writer->temporary);
	}
	buf_finish(&writer->pairs);
	buf_finish(&writer->table);
	free(writer->path);
	free(writer->temporary);
	free(writer->size_bytes);
	free(writer);
}

static void add_key(struct gguf_writer *writer, const char *key, enum gguf_value_type type)
{
	add_string(&writer->pairs, key, strlen(key));
	add_u32(&writer->pairs, type);
	writer->n_pair++;
}

void gguf_writer_add_int(
	struct gguf_writer *writer, const char *key, enum gguf_value_type type, int64_t value)
{
	add_key(writer, key, type);
	for (size_t i = 0; i < value_bytes(type); i++) {
		uint8_t byte = (uint8_t)((uint64_t)value >> 8 * i);

		buf_add(&writer->pairs, &byte, 1);
	}
}

void gguf_writer_add_float(struct gguf_writer *writer, const char *key, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	add_key(writer, key, GGUF_FLOAT32);
	add_u32(&writer->pairs, bits);
}

void gguf_writer_add_string(struct gguf_writer *writer, const char *key, const char *text)
{
	add_key(writer, key, GGUF_STRING);
	add_string(&writer->pairs, text, strlen(text));
}

void gguf_writer_add_array(struct gguf_writer *writer, const char *key, enum gguf_value_type type,
	const void *elements, uint64_t count)
{
	add_key(writer, key, GGUF_ARRAY);
	add_u32(&writer->pairs, type);
	add_u64(&writer->pairs, count);
	buf_add(&writer->pairs, elements, count * value_bytes(type));
}

void gguf_writer_add_strings(struct gguf_writer *writer, const char *key,
	const struct gguf_string *strings, uint64_t count)
{
	add_key(writer, key, GGUF_ARRAY);
	add_u32(&writer->pairs, GGUF_STRING);
	add_u64(&writer->pairs, count);
	for (uint64_t i = 0; i < count; i++) {
		add_string(&writer->pairs, strings[i].text, strings[i].len);
	}
}

void gguf_writer_add_pair(struct gguf_writer *writer, const uint8_t *pair, size_t size_bytes)
{
	buf_add(&writer->pairs, pair, size_bytes);
	writer->n_pair++;
}

void gguf_writer_add_tensor(struct gguf_writer *writer, const char *name, enum dtype dtype,
	int64_t n_row, int64_t row_elems)
{
	int64_t size = n_row * dtype_row_bytes(dtype, row_elems);

	add_string(&writer->table, name, strlen(name));
	add_u32(&writer->table, n_row == 1 ? 1 : 2);
	add_u64(&writer->table, (uint64_t)row_elems);
	if (n_row != 1) {
		add_u64(&writer->table, (uint64_t)n_row);
	}
	add_u32(&writer->table, dtype_info(dtype)->gguf_type);
	add_u64(&writer->table, writer->next_offset);
	writer->next_offset += ((uint64_t)size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	mem_grow(writer->size_bytes, writer->n_tensor, writer->cap_tensor);
	writer->size_bytes[writer->n_tensor++] = size;
}

static int write_bytes(struct gguf_writer *writer, const void *bytes, size_t size, struct err *err)
{
	if (size && fwrite(bytes, 1, size, writer->file) != size) {
		return err_set_errno(
			err, ERR_FAILURE, errno, writer->temporary, "cannot be written");
	}
	return 0;
}

static int pad(struct gguf_writer *writer, uint64_t size, struct err *err)
{
	static const uint8_t zero[ALIGNMENT];

	return write_bytes(writer, zero, (size_t)((ALIGNMENT - size % ALIGNMENT) % ALIGNMENT), err);
}

void gguf_writer_header(const struct gguf_writer *writer, struct buf *out)
{
	buf_add(out, "GGUF", 4);
	add_u32(out, 3);
	add_u64(out, writer->n_tensor);
	add_u64(out, writer->n_pair);
	buf_add(out, writer->pairs.data, writer->pairs.len);
	buf_add(out, writer->table.data, writer->table.len);
}

int gguf_writer_begin(struct gguf_writer *writer, struct err *err)
{
	struct buf head = BUF_INIT;
	int result;

	gguf_writer_header(writer, &head);
	result = write_bytes(writer, head.data, head.len, err);
	if (result == 0) {
		result = pad(writer, head.len, err);
	}
	buf_finish(&head);
	return result;
}

int gguf_writer_data(struct gguf_writer *writer, const void *bytes, size_t size, struct err *err)
{
	if (writer->current >= writer->n_tensor ||
		(uint64_t)size >
			(uint64_t)(writer->size_bytes[writer->current] - writer->current_bytes)) {
		return err_set(err, ERR_FAILURE, writer->path, NULL,
			"%zu bytes are more than tensor %zu of the file being written has room for",
			size, writer->current);
	}
	if (write_bytes(writer, bytes, size, err) < 0) {
		return -1;
	}
	writer->current_bytes += (int64_t)size;
	if (writer->current_bytes < writer->size_bytes[writer->current]) {
		return 0;
	}
	writer->current++;
	writer->current_bytes = 0;
	return pad(writer, (uint64_t)writer->size_bytes[writer->current - 1], err);
}

/* So that the name is there after a power cut, too. */
static int sync_folder(const char *path)
{
	char *folder = mem_strdup(path), *slash = strrchr(folder, '/');
	int fd, result;

	if (slash) {
		slash[slash == folder] = 0;
	}
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd < 0) {
		return errno == EACCES ? 0 : -1; /* one may write where one may not list */
	}
	result = fsync(fd);
	close(fd);
	return result < 0 && errno != EINVAL ? -1 : 0; /* EINVAL: not on this file system */
}

static int give_name(const struct gguf_writer *writer, int may_replace)
{
	if (!may_replace) {
		if (renameat2(AT_FDCWD, writer->temporary, AT_FDCWD, writer->path,
			    RENAME_NOREPLACE) == 0) {
			return 0;
		}
		if (errno != EINVAL && errno != ENOSYS) {
			return -1;
		}
		/* a file system that cannot: as near as one comes */
		if (access(writer->path, F_OK) == 0) {
			errno = EEXIST;
			return -1;
		}
	}
	return rename(writer->temporary, writer->path);
}

static int finish(struct gguf_writer *writer, int may_replace, struct err *err)
{
	FILE *file = writer->file;

	if (writer->current != writer->n_tensor) {
		return err_set(err, ERR_FAILURE, writer->path, NULL,
			"the data of tensor %zu of the file being written is missing",
			writer->current);
	}
	if (fflush(file) != 0 || fdatasync(fileno(file)) < 0) {
		return err_set_errno(
			err, ERR_FAILURE, errno, writer->temporary, "cannot be written");
	}
	writer->file = NULL;
	if (fclose(file) != 0 || give_name(writer, may_replace) < 0) {
		int saved = errno;

		unlink(writer->temporary);
		return err_set_errno(err, ERR_FAILURE, saved, writer->path, "cannot be written");
	}
	return sync_folder(writer->path) < 0
		       ? err_set_errno(err, ERR_FAILURE, errno, writer->path, "cannot be written")
		       : 0;
}

int gguf_writer_finish(struct gguf_writer *writer, struct err *err)
{
	return finish(writer, 1, err);
}

int gguf_writer_finish_new(struct gguf_writer *writer, struct err *err)
{
	return finish(writer, 0, err);
}
