/* The ground floor: text never cut inside a character, hashes that match the standard's vectors. */
#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void an_error_is_cut_between_characters(void **state)
{
	struct err err;
	char long_text[1000];
	char out[64];

	for (size_t i = 0; i + 2 < sizeof(long_text); i += 2) {
		memcpy(long_text + i, "\xc3\xa4", 2);
	}
	long_text[998] = 0;
	assert_int_equal(-1, err_set(&err, ERR_ENGINE, long_text, NULL, "x%s", long_text));
	assert_true(utf8_valid(err.what, strlen(err.what)));
	assert_true(utf8_valid(err.where, strlen(err.where)));
	err_set(&err, ERR_ENGINE, "a.gguf", "try another", "is broken");
	assert_string_equal("a.gguf: is broken (try another)", err_format(&err, out, sizeof(out)));
}

static void utf8_refuses_overlong_surrogates_and_beyond(void **state)
{
	static const char *const bad[] = {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
		"\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80", "\xff"};
	uint32_t cp;
	char out[4];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(0, utf8_decode(bad[i], strlen(bad[i]), &cp));
	}
	for (uint32_t c = 1; c < 0x110000; c++) {
		if (c >= 0xd800 && c < 0xe000) {
			continue;
		}
		size_t n = utf8_encode(c, out);

		assert_int_equal(n, utf8_decode(out, n, &cp));
		assert_int_equal(c, cp);
		for (size_t cut = 1; cut < n; cut++) {
			assert_int_equal(cut, utf8_incomplete_tail(out, cut));
		}
		assert_int_equal(0, utf8_incomplete_tail(out, n));
	}
	assert_int_equal(1, utf8_cut("a\xe4\xb8\xad", 4, 3));
	assert_int_equal(4, utf8_cut("a\xe4\xb8\xad", 4, 4));
	assert_int_equal(2, utf8_cut("abc", 3, 2));
}

static void sha256_matches_fips_vectors(void **state)
{
	struct sha256 *hash = sha256_create();
	struct sha256_digest digest;
	char hex[65], block[1000];

	digest = sha256_of("abc", 3);
	sha256_hex(&digest, hex);
	assert_string_equal(
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hex);
	memset(block, 'a', sizeof(block));
	for (int i = 0; i < 1000; i++) {
		sha256_add(hash, block, sizeof(block));
	}
	digest = sha256_finish(hash);
	sha256_hex(&digest, hex);
	assert_string_equal(
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", hex);
	sha256_destroy(hash);
}

/* The known answers that Random123 publishes for philox4x32-10. */
static void philox_matches_its_known_answers(void **state)
{
	uint32_t r[4];

	rng_philox(0, 0, r);
	assert_int_equal(0x6627e8d5, r[0]);
	assert_int_equal(0xe169c58d, r[1]);
	assert_int_equal(0xbc57ac4c, r[2]);
	assert_int_equal(0x9b00dbd8, r[3]);
}

static void a_buffer_is_always_terminated(void **state)
{
	struct buf buf = BUF_INIT;
	char *text;

	assert_string_equal("", buf_str(&buf));
	for (int i = 0; i < 1000; i++) {
		buf_printf(&buf, "%d,", i);
		assert_int_equal(0, buf.data[buf.len]);
	}
	assert_int_equal(-1, buf_try_reserve(&buf, SIZE_MAX));
	assert_int_equal(-1, buf_try_reserve(&buf, SIZE_MAX / 2));
	assert_int_equal(-1, buf_try_reserve(&buf, SIZE_MAX - buf.len));
	assert_int_equal(0, buf_try_reserve(&buf, 100));
	text = buf_take(&buf);
	assert_int_equal(0, memcmp(text, "0,1,2,", 6));
	free(text);
}

/* The vectors of RFC 4648, section 10, and bytes that are no text. */
static void base64_matches_its_vectors_and_refuses_what_it_never_writes(void **state)
{
	static const struct {
		const char *bytes, *coded;
	} vector[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
		{"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
		{"\xff\xfe\xfb", "//77"}};
	static const char *const wrong[] = {"Zg",
		"Zg=", "Zg= ", "Zh==", "Zm9=", "=Zg=", "Z===", "====", "Zg==Zg==", "Zm-v", "Zm9v\n",
		"Zg==="};
	struct buf coded = BUF_INIT, bytes = BUF_INIT;

	for (size_t i = 0; i < sizeof(vector) / sizeof(vector[0]); i++) {
		buf_clear(&coded);
		buf_clear(&bytes);
		base64_add(&coded, vector[i].bytes, strlen(vector[i].bytes));
		assert_string_equal(vector[i].coded, buf_str(&coded));
		assert_int_equal(0, base64_decode(&bytes, buf_str(&coded), coded.len));
		assert_string_equal(vector[i].bytes, buf_str(&bytes));
	}
	buf_clear(&bytes);
	buf_addstr(&bytes, "kept");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(-1, base64_decode(&bytes, wrong[i], strlen(wrong[i])));
		assert_string_equal("kept", buf_str(&bytes));
	}
	buf_finish(&coded);
	buf_finish(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_is_cut_between_characters),
		cmocka_unit_test(utf8_refuses_overlong_surrogates_and_beyond),
		cmocka_unit_test(sha256_matches_fips_vectors),
		cmocka_unit_test(philox_matches_its_known_answers),
		cmocka_unit_test(a_buffer_is_always_terminated),
		cmocka_unit_test(base64_matches_its_vectors_and_refuses_what_it_never_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
