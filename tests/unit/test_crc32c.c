#include "base/crc32c.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 3720, appendix B.4, and the check value of "123456789". */
static void known_vectors_hold(void **state)
{
	uint8_t zeros[32] = {0}, ones[32], up[32], down[32];

	memset(ones, 0xff, sizeof(ones));
	for (uint8_t i = 0; i < 32; i++) {
		up[i] = i;
		down[i] = (uint8_t)(31 - i);
	}
	for (int by_table = 0; by_table < 2; by_table++) {
		uint32_t (*crc)(uint32_t, const void *, size_t) = by_table ? crc32c_table : crc32c;

		assert_int_equal(0, crc(0, "", 0));
		assert_int_equal(0xe3069283, crc(0, "123456789", 9));
		assert_int_equal(0x8a9136aa, crc(0, zeros, 32));
		assert_int_equal(0x62a8ab43, crc(0, ones, 32));
		assert_int_equal(0x46dd794e, crc(0, up, 32));
		assert_int_equal(0x113fdb5c, crc(0, down, 32));
	}
}

static void instruction_and_table_agree_at_every_length_and_place(void **state)
{
	static uint8_t bytes[170000];

	for (size_t i = 0; i < sizeof(bytes); i++) {
		uint32_t word[4];

		rng_philox(1, i, word);
		bytes[i] = (uint8_t)word[0];
	}
	for (size_t len = 0; len < 3000; len++) {
		size_t at = len % 9;

		assert_int_equal(crc32c_table(7, bytes + at, len), crc32c(7, bytes + at, len));
	}
	for (size_t len = 3000; len < sizeof(bytes) - 9; len += 997) {
		assert_int_equal(crc32c_table(0, bytes + 3, len), crc32c(0, bytes + 3, len));
	}
}

static void a_sum_goes_on_from_where_it_stopped(void **state)
{
	static uint8_t bytes[40000];

	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(i * 31 + i / 256);
	}
	for (size_t at = 0; at < sizeof(bytes); at += 811) {
		assert_int_equal(crc32c(0, bytes, sizeof(bytes)),
			crc32c(crc32c(0, bytes, at), bytes + at, sizeof(bytes) - at));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_vectors_hold),
		cmocka_unit_test(instruction_and_table_agree_at_every_length_and_place),
		cmocka_unit_test(a_sum_goes_on_from_where_it_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
