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
