/* What a terminal obeys or a reader cannot see is shown, and nothing else changes. */
#include "base/escape.h"

#include "base/rng.h"
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void shows(const char *in, const char *expected, enum escape_mode mode)
{
	struct buf out = BUF_INIT;

	escape_add(&out, in, strlen(in), mode);
	assert_string_equal(buf_str(&out), expected);
	buf_finish(&out);
}

static void controls_are_shown(void **state)
{
	shows("\033]0;title\007\033[2J", "^[]0;title^G^[[2J", ESCAPE_LINE);
	shows("a\r\nb\tc\x7f", "a^M^Jb^Ic^?", ESCAPE_LINE);
	shows("a\r\nb\tc", "a^M\nb\tc", ESCAPE_TEXT);
	shows("\xc2\x9b"
	      "31m",
		"<U+009B>31m", ESCAPE_TEXT);
}

static void invisible_and_bidirectional_characters_are_shown(void **state)
{
	shows("a\xe2\x80\xae"
	      "b\xe2\x80\x8b"
	      "c\xef\xbb\xbf",
		"a<U+202E>b<U+200B>c<U+FEFF>", ESCAPE_TEXT);
	shows("\xf3\xa0\x81\x81\xf3\xa0\x84\x80", "<U+E0041><U+E0100>", ESCAPE_TEXT);
	shows("\xe2\x81\xa6\xe2\x80\xa8\xc2\xad", "<U+2066><U+2028><U+00AD>", ESCAPE_LINE);
}

static void stray_bytes_are_shown(void **state)
{
	shows("a\x9b\xff", "a<9B><FF>", ESCAPE_TEXT);
	shows("\xe2\x80", "<E2><80>", ESCAPE_TEXT);
	shows("\xed\xa0\x80", "<ED><A0><80>", ESCAPE_TEXT);
}

static void visible_text_is_left_alone(void **state)
{
	shows("na\xc3\xafve \xe6\xbc\xa2\xe5\xad\x97 \xf0\x9f\x99\x82 ~",
		"na\xc3\xafve \xe6\xbc\xa2"
		"\xe5\xad\x97 "
		"\xf0\x9f\x99\x82 ~",
		ESCAPE_LINE);
}

/* Promise 15 as a property: whatever goes in, only visible UTF-8 comes out. */
static void nothing_dangerous_survives_random_bytes(void **state)
{
	for (uint64_t round = 0; round < 2000; round++) {
		struct buf out = BUF_INIT;
		char in[64];

		for (size_t i = 0; i < sizeof(in); i += 16) {
			rng_philox(1, round * 4 + i / 16, (uint32_t *)(void *)(in + i));
		}
		for (size_t i = 0; i < sizeof(in) && round % 2; i++) {
			/* half of the rounds near the dangerous lead bytes */
			in[i] = "\xe2\x80\x81\xae\xa6\xc2\x9b\033\xf3\xa0"[(uint8_t)in[i] % 10];
		}
		escape_add(&out, in, sizeof(in), ESCAPE_LINE);
		for (size_t i = 0; i < out.len;) {
			uint32_t cp = 0;
			size_t n = utf8_decode(out.data + i, out.len - i, &cp);

			assert_int_not_equal(n, 0);
			assert_false(escape_needed(cp));
			i += n;
		}
		buf_finish(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(controls_are_shown),
		cmocka_unit_test(invisible_and_bidirectional_characters_are_shown),
		cmocka_unit_test(stray_bytes_are_shown),
		cmocka_unit_test(visible_text_is_left_alone),
		cmocka_unit_test(nothing_dangerous_survives_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
