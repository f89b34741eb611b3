#include "engine/model/digest_memo.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[] = "cmodel1\n";
enum { MAGIC_BYTES = sizeof(magic) - 1, CHECKED_BYTES = DIGEST_MEMO_BYTES - 32 };

static void add_u64(struct sha256 *hash, uint64_t value)
{
	uint8_t bytes[8];

	for (int i = 0; i < 8; i++) {
		bytes[i] = (uint8_t)(value >> 8 * i);
	}
	sha256_add(hash, bytes, sizeof(bytes));
}

static struct sha256_digest hash_stamps(const struct file_stamp *stamp, size_t n_stamp)
{
	struct sha256 *hash = sha256_create();
	struct sha256_digest digest;

	for (size_t i = 0; i < n_stamp; i++) {
		add_u64(hash, stamp[i].device);
		add_u64(hash, stamp[i].inode);
		add_u64(hash, stamp[i].size_bytes);
		add_u64(hash, (uint64_t)stamp[i].mtime_s);
		add_u64(hash, (uint64_t)stamp[i].mtime_ns);
		add_u64(hash, (uint64_t)stamp[i].ctime_s);
		add_u64(hash, (uint64_t)stamp[i].ctime_ns);
	}
	digest = sha256_finish(hash);
	sha256_destroy(hash);
	return digest;
}

char *digest_memo_path(const char *folder, const struct file_stamp *stamp, size_t n_stamp)
{
	struct sha256 *hash = sha256_create();
	struct sha256_digest name;
	char hex[65];

	for (size_t i = 0; i < n_stamp; i++) {
		add_u64(hash, stamp[i].device);
		add_u64(hash, stamp[i].inode);
	}
	name = sha256_finish(hash);
	sha256_destroy(hash);
	sha256_hex(&name, hex);
	return mem_printf("%s/%.32s.digest", folder, hex);
}

void digest_memo_write(uint8_t bytes[DIGEST_MEMO_BYTES], const struct file_stamp *stamp,
	size_t n_stamp, const struct sha256_digest *digest)
{
	struct sha256_digest stamps = hash_stamps(stamp, n_stamp), check;

	memcpy(bytes, magic, MAGIC_BYTES);
	memcpy(bytes + MAGIC_BYTES, stamps.byte, 32);
	memcpy(bytes + MAGIC_BYTES + 32, digest->byte, 32);
	check = sha256_of(bytes, CHECKED_BYTES);
	memcpy(bytes + CHECKED_BYTES, check.byte, 32);
}

int digest_memo_read(struct sha256_digest *digest, const uint8_t *bytes, size_t size,
	const struct file_stamp *stamp, size_t n_stamp)
{
	struct sha256_digest stamps, check;

	if (size != DIGEST_MEMO_BYTES || memcmp(bytes, magic, MAGIC_BYTES) != 0) {
		return 0;
	}
	stamps = hash_stamps(stamp, n_stamp);
	check = sha256_of(bytes, CHECKED_BYTES);
	if (memcmp(bytes + CHECKED_BYTES, check.byte, 32) != 0 ||
		memcmp(bytes + MAGIC_BYTES, stamps.byte, 32) != 0) {
		return 0;
	}
	memcpy(digest->byte, bytes + MAGIC_BYTES + 32, 32);
	return 1;
}

int digest_memo_get(struct sha256_digest *digest, const char *folder,
	const struct file_stamp *stamp, size_t n_stamp)
{
	char *path = digest_memo_path(folder, stamp, n_stamp);
	struct buf bytes = BUF_INIT;
	int found =
		file_read(&bytes, path, DIGEST_MEMO_BYTES, NULL) == 0 &&
		digest_memo_read(digest, (const uint8_t *)bytes.data, bytes.len, stamp, n_stamp);

	buf_finish(&bytes);
	free(path);
	return found;
}

/* The folder and what it stands in; whether it could be made is told by writing to it. */
static void make_folders(const char *folder)
{
	char *part = mem_strdup(folder);

	for (char *slash = part; *slash; slash++) {
		if (*slash == '/' && slash > part) {
			*slash = 0;
			(void)mkdir(part, 0700);
			*slash = '/';
		}
	}
	(void)mkdir(part, 0700);
	free(part);
}

/*
 * Whole or not at all, also where two processes do so at once: a file of one's own takes the name.
 * Not synced: after a power cut it is not there, or fails its check, and the files are hashed again.
 */
void digest_memo_put(const char *folder, const struct file_stamp *stamp, size_t n_stamp,
	const struct sha256_digest *digest)
{
	char *path = digest_memo_path(folder, stamp, n_stamp);
	char *own = mem_printf("%s.XXXXXX", path);
	uint8_t bytes[DIGEST_MEMO_BYTES];
	int fd, is_whole;

	digest_memo_write(bytes, stamp, n_stamp, digest);
	make_folders(folder);
	fd = mkostemp(own, O_CLOEXEC); /* 0600 */
	if (fd >= 0) {
		is_whole = write(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes);
		is_whole &= close(fd) == 0;
		if (!is_whole || rename(own, path) < 0) {
			(void)unlink(own);
		}
	}
	free(own);
	free(path);
}
