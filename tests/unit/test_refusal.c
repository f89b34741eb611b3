/* Which answers say nothing but that the sources do not say. */
#include "session/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In memory that ends where the text does. */
static int is_refusal(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);
	int is;

	assert_non_null(copy);
	memcpy(copy, text, len);
	is = refusal_is(copy, len);
	free(copy);
	return is;
}

static void a_refusal_is_one_however_it_is_spaced_and_spelled(void **state)
{
	static const char *const text[] = {REFUSAL_TEXT, "The sources do not say",
		"\n the SOURCES do  not\n\tsay . \r\n", "the sources do not say..."};

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		assert_true(is_refusal(text[i], strlen(text[i])));
	}
}

static void what_says_more_or_less_is_an_answer(void **state)
{
	static const char *const text[] = {"", ".", " \n", "The sources do not", "The sources",
		"The sources do not say much.", "The sources do not say. [S1 a.txt:1 \"x\"]",
		"The sources do not sa y.", "Thesources do not say.", "\"The sources do not say.\"",
		"the sources do not say\v"};
	static const char with_nul[] = "The sources do not say\0the sources do not say";

	(void)state;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		assert_false(is_refusal(text[i], strlen(text[i])));
	}
	for (size_t len = strlen(with_nul) + 1; len < sizeof(with_nul); len++) {
		assert_false(is_refusal(with_nul, len));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_is_one_however_it_is_spaced_and_spelled),
		cmocka_unit_test(what_says_more_or_less_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
