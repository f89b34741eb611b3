/*
 * The Test Anything Protocol for tests that must build with nothing but libc (op tests); everything else
 * uses cmocka, whose results the runner reads in the same form. A test is named after what it proves.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdarg.h>
#include <stdio.h>

static int tap_count, tap_failures;

/* One result; returns `pass`, so that a test can stop early. */
__attribute__((format(printf, 2, 3))) static inline int tap_ok(int pass, const char *name, ...)
{
	va_list args;

	printf("%s %d - ", pass ? "ok" : "not ok", ++tap_count);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	tap_failures += !pass;
	return pass;
}

static inline void tap_skip(const char *name, const char *reason)
{
	printf("ok %d - %s # SKIP %s\n", ++tap_count, name, reason);
}

/* Figures and failures' details. */
__attribute__((format(printf, 1, 2))) static inline void tap_note(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

/* The larger of two differences, where NaN (the test shall fail) is larger than everything. */
static inline double tap_worse(double worst, double difference)
{
	return worst != worst || difference <= worst ? worst : difference;
}

/* The plan; main returns this. */
static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failures ? 1 : 0;
}

#endif
