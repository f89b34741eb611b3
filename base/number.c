#include "base/number.h"

#include <stddef.h>
#include <stdio.h>

const char *number_grouped(char out[NUMBER_SIZE], int64_t number)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%lld", (long long)number), at = 0;

	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0 && digits[i - 1] != '-') {
			out[at++] = ',';
		}
		out[at++] = digits[i];
	}
	out[at] = 0;
	return out;
}

const char *number_bytes(char out[NUMBER_SIZE], int64_t bytes)
{
	static const char *const unit[] = {"KiB", "MiB", "GiB", "TiB"};
	double size = (double)bytes / 1024;
	int i = 0;

	if (bytes < 1024) {
		snprintf(out, NUMBER_SIZE, "%lld B", (long long)bytes);
		return out;
	}
	for (; i < 3 && size >= 1023.95; i++) {
		size /= 1024;
	}
	snprintf(out, NUMBER_SIZE, "%.1f %s", size, unit[i]);
	return out;
}

const char *number_seconds(char out[NUMBER_SIZE], double seconds)
{
	static const struct {
		double seconds;
		const char *name, *part_name;
		double part;
	} unit[] = {{86400, "d", "h", 3600}, {3600, "h", "min", 60}, {60, "min", "s", 1}};
	int64_t whole = 0, rest;

	if (!(seconds >= 0.05)) { /* so is a NaN */
		snprintf(out, NUMBER_SIZE, "under 0.1 s");
		return out;
	}
	if (seconds < 9.95) {
		snprintf(out, NUMBER_SIZE, "%.1f s", seconds);
		return out;
	}
	seconds = seconds < 1e15 ? seconds : 1e15;
	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++) {
		/* In whole parts, so that nothing is 60 min. */
		whole = (int64_t)(seconds / unit[i].part + 0.5) * (int64_t)unit[i].part;
		if (whole < (int64_t)unit[i].seconds) {
			continue;
		}
		rest = whole % (int64_t)unit[i].seconds / (int64_t)unit[i].part;
		if (rest) {
			snprintf(out, NUMBER_SIZE, "%lld %s %lld %s",
				(long long)(whole / (int64_t)unit[i].seconds), unit[i].name,
				(long long)rest, unit[i].part_name);
		} else {
			snprintf(out, NUMBER_SIZE, "%lld %s",
				(long long)(whole / (int64_t)unit[i].seconds), unit[i].name);
		}
		return out;
	}
	snprintf(out, NUMBER_SIZE, "%lld s", (long long)whole);
	return out;
}
