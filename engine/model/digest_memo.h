/*
 * What hashing a model's files gave, remembered from run to run: FOLDER/NAME.digest, 0600, of 104
 * bytes, where NAME stands for the files' devices and inodes.
 *
 *   "cmodel1\n"   8 bytes
 *   stamps        SHA-256 over every file's struct file_stamp, in order
 *   digest        what was remembered
 *   check         SHA-256 over all of the above
 *
 * Whoever can write there could as well put wrong KV beside it; what a crash or a failing disk can do
 * to the file is found by its checksum. Nothing about it is an error: there is a memory, or there is none.
 */
#ifndef ENGINE_MODEL_DIGEST_MEMO_H
#define ENGINE_MODEL_DIGEST_MEMO_H

#include "base/file.h"
#include "base/sha256.h"

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_MEMO_BYTES = 8 + 3 * 32 };

/* Whether the folder remembers a digest of just these files, as they are. */
int digest_memo_get(struct sha256_digest *digest, const char *folder,
	const struct file_stamp *stamp, size_t n_stamp);
/* Remembers it, making the folder (0700) where it is missing; an older memory of these files is gone. */
void digest_memo_put(const char *folder, const struct file_stamp *stamp, size_t n_stamp,
	const struct sha256_digest *digest);

/* ---- for tests ---- */

/* The file's bytes, and back: 1 where they are a memory of these stamps. */
void digest_memo_write(uint8_t bytes[DIGEST_MEMO_BYTES], const struct file_stamp *stamp,
	size_t n_stamp, const struct sha256_digest *digest);
int digest_memo_read(struct sha256_digest *digest, const uint8_t *bytes, size_t size,
	const struct file_stamp *stamp, size_t n_stamp);
/* FOLDER/NAME.digest; malloc'ed. */
char *digest_memo_path(const char *folder, const struct file_stamp *stamp, size_t n_stamp);

#endif
