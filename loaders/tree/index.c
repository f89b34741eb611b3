/* The names in a git index: gitformat-index(5), versions 2, 3 and 4. */
#include "loaders/tree/repository.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct cursor {
	const unsigned char *at, *end;
};

static uint32_t be32(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* git's variable-width number (varint.c): how much of the name before is dropped. */
static int read_number(struct cursor *in, size_t *number)
{
	size_t value = 0;

	for (int i = 0; i < 5 && in->at < in->end; i++) {
		unsigned char c = *in->at++;

		value = (i ? (value + 1) << 7 : 0) | (c & 127);
		if (!(c & 128)) {
			*number = value;
			return 0;
		}
	}
	return -1;
}

/*
 * One entry; its name is appended to `names` with a NUL. The entry before begins at `previous`.
 * An entry is 40 bytes of a file's status, an object id, flags, and the name.
 */
static int read_entry(
	struct cursor *in, struct buf *names, size_t previous, unsigned version, size_t id_len)
{
	const unsigned char *first = in->at, *nul;
	size_t head = 40 + id_len + 2, drop = 0, previous_len, room;

	if ((size_t)(in->end - in->at) < head + 2) {
		return -1;
	}
	if (version >= 3 && (first[40 + id_len] & 0x40)) {
		head += 2;
	}
	in->at += head;
	previous_len = names->len > previous ? names->len - previous - 1 : 0;
	if (version == 4 && (read_number(in, &drop) < 0 || drop > previous_len)) {
		return -1;
	}
	nul = memchr(in->at, '\0', (size_t)(in->end - in->at));
	if (!nul || nul == in->at) {
		return -1;
	}
	room = (size_t)(nul - in->at) + 1 + (version == 4 ? previous_len - drop : 0);
	if (room > 65536 || names->len + room > UINT32_MAX / 2 ||
		buf_try_reserve(names, room) < 0) {
		return -1;
	}
	if (version == 4) {
		buf_add(names, names->data + previous, previous_len - drop);
	}
	buf_add(names, in->at, (size_t)(nul - in->at) + 1);
	in->at = nul + 1;
	if (version < 4) {
		/* One to eight NULs, to a multiple of eight. */
		size_t padded = ((size_t)(nul - first) + 8) / 8 * 8;

		if ((size_t)(in->end - first) < padded) {
			return -1;
		}
		in->at = first + padded;
	}
	return 0;
}

static int read_entries(struct repository *repository, struct cursor in, uint32_t n,
	unsigned version, size_t id_len)
{
	struct buf names = BUF_INIT;
	size_t *offset = malloc((n + (size_t)1) * sizeof(*offset));
	size_t previous = 0;
	uint32_t i = 0;

	for (; offset && i < n; i++) {
		offset[i] = names.len;
		if (read_entry(&in, &names, previous, version, id_len) < 0 ||
			(i > 0 && strcmp(names.data + previous, names.data + offset[i]) > 0)) {
			break;
		}
		previous = offset[i];
	}
	repository->tracked = offset && i == n ? malloc((n + (size_t)1) * sizeof(char *)) : NULL;
	if (!repository->tracked) {
		free(offset);
		buf_finish(&names);
		return -1;
	}
	repository->names = buf_take(&names);
	repository->n_tracked = n;
	for (i = 0; i < n; i++) {
		repository->tracked[i] = repository->names + offset[i];
	}
	free(offset);
	return 0;
}

int repository_parse_index(struct repository *repository, const char *bytes, size_t len)
{
	const unsigned char *head = (const unsigned char *)bytes;
	struct cursor in = {head + 12, head + len};
	uint32_t version, n;

	if (len < 12 || memcmp(head, "DIRC", 4) != 0) {
		return -1;
	}
	version = be32(head + 4);
	n = be32(head + 8);
	/* Each takes at least 62 bytes and a name. */
	if (version < 2 || version > 4 || n > (len - 12) / 64) {
		return -1;
	}
	/* Which hash it is says the configuration, which is not read: names that do not fit tell. */
	if (read_entries(repository, in, n, version, 20) == 0) {
		return 0;
	}
	return read_entries(repository, in, n, version, 32);
}

int repository_tracks(const struct repository *repository, const char *path, size_t len)
{
	size_t low = 0, high = repository->n_tracked;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strncmp(repository->tracked[middle], path, len) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	if (low == repository->n_tracked || strncmp(repository->tracked[low], path, len) != 0) {
		return 0;
	}
	return path[len - 1] == '/' || repository->tracked[low][len] == '\0';
}
