/* Numbers as people read them. */
#include "base/number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void digits_are_grouped(void **state)
{
	char out[NUMBER_SIZE];

	assert_string_equal("0", number_grouped(out, 0));
	assert_string_equal("-1,234,567", number_grouped(out, -1234567));
	assert_string_equal("-9,223,372,036,854,775,808", number_grouped(out, INT64_MIN));
}

static void bytes_have_a_unit(void **state)
{
	char out[NUMBER_SIZE];

	assert_string_equal("1023 B", number_bytes(out, 1023));
	assert_string_equal("1.5 KiB", number_bytes(out, 1536));
	assert_string_equal("1.0 MiB", number_bytes(out, 1048575));
}

static void seconds_are_told_in_two_units_at_most(void **state)
{
	static const struct {
		double seconds;
		const char *text;
	} cases[] = {
		{0, "under 0.1 s"},
		{0.049, "under 0.1 s"},
		{0.05, "0.1 s"},
		{9.94, "9.9 s"},
		{9.96, "10 s"},
		{59.4, "59 s"},
		{59.6, "1 min"}, /* never 60 s */
		{75, "1 min 15 s"},
		{3599.7, "1 h"},
		{7300, "2 h 2 min"},
		{86399, "1 d"},
		{200000, "2 d 8 h"},
	};
	char out[NUMBER_SIZE];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(cases[i].text, number_seconds(out, cases[i].seconds));
	}
	assert_string_equal("under 0.1 s", number_seconds(out, NAN));
	number_seconds(out, INFINITY);
	number_seconds(out, 1e300);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_are_grouped),
		cmocka_unit_test(bytes_have_a_unit),
		cmocka_unit_test(seconds_are_told_in_two_units_at_most),
	};

	return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
