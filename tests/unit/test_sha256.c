/* The plain C SHA-256 of builds with nothing but libc gives libcrypto's digests. */
#include "base/rng.h"
#include "base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* base/sha256_plain.c, compiled under these names (meson.build). */
struct sha256 *plain_create(void);
void plain_destroy(struct sha256 *hash);
void plain_reset(struct sha256 *hash);
void plain_add(struct sha256 *hash, const void *bytes, size_t len);
struct sha256_digest plain_finish(struct sha256 *hash);

enum { LEN_MAX = 5000 };

static uint64_t draws;

static size_t pick(size_t below)
{
	return (size_t)(rng_uniform(11, draws++) * (double)below);
}

/* Both hash `len` bytes, the plain one in pieces of random lengths (0 among them). */
static void expect_equal(struct sha256 *plain, const uint8_t *bytes, size_t len)
{
	struct sha256_digest expected = sha256_of(bytes, len), got;

	plain_reset(plain);
	for (size_t at = 0; at < len;) {
		size_t n = pick(pick(2) ? 10 : 300);

		n = n < len - at ? n : len - at;
		plain_add(plain, bytes + at, n);
		at += n;
	}
	got = plain_finish(plain);
	assert_memory_equal(expected.byte, got.byte, sizeof(got.byte));
}

static void the_plain_twin_agrees_at_every_length_and_cut(void **state)
{
	struct sha256 *plain = plain_create();
	uint8_t *bytes = malloc(LEN_MAX);

	for (size_t i = 0; i < LEN_MAX; i++) {
		bytes[i] = (uint8_t)pick(256);
	}
	for (size_t len = 0; len < 300; len++) {
		expect_equal(plain, bytes, len);
	}
	for (int round = 0; round < 500; round++) {
		size_t len = pick(LEN_MAX);

		expect_equal(plain, bytes + pick(LEN_MAX - len), len);
	}
	free(bytes);
	plain_destroy(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plain_twin_agrees_at_every_length_and_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
