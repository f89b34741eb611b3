#include "base/number.h"

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
