/*
 * SHA-256 (FIPS 180-4), by libcrypto where carrel is built with it (the CPU's own instructions),
 * else by a plain C twin. Incremental use: init, add..., finish.
 */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256_digest {
	uint8_t byte[32];
};

struct sha256; /* a hash in progress */

struct sha256 *sha256_create(void);
void sha256_destroy(struct sha256 *hash);
void sha256_reset(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t len);
/* A length-tagged field: tag, length, bytes; so that fields never run into each other. */
void sha256_add_field(struct sha256 *hash, const char *tag, const void *bytes, size_t len);
/* Ends the hash; reset before the next one. */
struct sha256_digest sha256_finish(struct sha256 *hash);

struct sha256_digest sha256_of(const void *bytes, size_t len);
int sha256_equal(const struct sha256_digest *a, const struct sha256_digest *b);
/* 64 lower-case hexadecimal digits and a NUL. */
void sha256_hex(const struct sha256_digest *digest, char out[65]);

#endif
