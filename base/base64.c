#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_add(struct buf *out, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;

	buf_reserve(out, (len / 3 + 1) * 4);
	for (; len >= 3; from += 3, len -= 3) {
		uint32_t group = (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
		char four[4] = {digits[group >> 18], digits[group >> 12 & 63],
			digits[group >> 6 & 63], digits[group & 63]};

		buf_add(out, four, 4);
	}
	if (len) {
		uint32_t group = (uint32_t)from[0] << 16 | (len == 2 ? (uint32_t)from[1] << 8 : 0);
		char four[4] = {digits[group >> 18], digits[group >> 12 & 63],
			len == 2 ? digits[group >> 6 & 63] : '=', '='};

		buf_add(out, four, 4);
	}
}

static int value_of(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The bytes of four characters; 0 where they are none. Padding is only in the last four. */
static size_t decode_group(const char *four, int is_last, uint8_t out[3])
{
	size_t n_pad = is_last && four[3] == '=' ? 1 + (four[2] == '=') : 0;
	uint32_t group = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - n_pad ? value_of(four[i]) : 0;

		if (value < 0) {
			return 0;
		}
		group = group << 6 | (uint32_t)value;
	}
	if ((n_pad == 1 && group & 0xff) || (n_pad == 2 && group & 0xffff)) {
		return 0;
	}
	out[0] = (uint8_t)(group >> 16);
	out[1] = (uint8_t)(group >> 8);
	out[2] = (uint8_t)group;
	return 3 - n_pad;
}

int base64_decode(struct buf *out, const char *text, size_t len)
{
	size_t len_before = out->len;

	if (len % 4 || buf_try_reserve(out, len / 4 * 3) < 0) {
		return -1;
	}
	for (size_t i = 0; i < len; i += 4) {
		uint8_t three[3];
		size_t n = decode_group(text + i, i + 4 == len, three);

		if (!n) {
			out->len = len_before;
			out->data[out->len] = 0;
			return -1;
		}
		buf_add(out, three, n);
	}
	return 0;
}
