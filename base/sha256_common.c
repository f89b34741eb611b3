/* What both builds of SHA-256 (libcrypto's and the plain one) share. */
#include "base/sha256.h"

#include <string.h>

void sha256_add_field(struct sha256 *hash, const char *tag, const void *bytes, size_t len)
{
	uint64_t tag_len = strlen(tag), value_len = len;
	uint8_t length[16];

	for (int i = 0; i < 8; i++) {
		length[i] = (uint8_t)(tag_len >> 8 * i);
		length[8 + i] = (uint8_t)(value_len >> 8 * i);
	}
	sha256_add(hash, length, sizeof(length));
	sha256_add(hash, tag, tag_len);
	sha256_add(hash, bytes, len);
}

struct sha256_digest sha256_of(const void *bytes, size_t len)
{
	struct sha256 *hash = sha256_create();
	struct sha256_digest digest;

	sha256_add(hash, bytes, len);
	digest = sha256_finish(hash);
	sha256_destroy(hash);
	return digest;
}

int sha256_equal(const struct sha256_digest *a, const struct sha256_digest *b)
{
	return memcmp(a->byte, b->byte, sizeof(a->byte)) == 0;
}

void sha256_hex(const struct sha256_digest *digest, char out[65])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 32; i++) {
		out[2 * i] = digits[digest->byte[i] >> 4];
		out[2 * i + 1] = digits[digest->byte[i] & 15];
	}
	out[64] = 0;
}
