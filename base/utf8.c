#include "base/utf8.h"

#include <string.h>

/* The length that a lead byte announces, 0 for a byte that cannot lead. */
static size_t lead_length(uint8_t b)
{
	if (b < 0x80) {
		return 1;
	}
	if (b >= 0xc2 && b <= 0xdf) {
		return 2;
	}
	if (b >= 0xe0 && b <= 0xef) {
		return 3;
	}
	if (b >= 0xf0 && b <= 0xf4) {
		return 4;
	}
	return 0;
}

/* Whether `b` may stand second after `lead` (the ranges that exclude overlong forms and
 * surrogates). */
static int second_allowed(uint8_t lead, uint8_t b)
{
	switch (lead) {
	case 0xe0:
		return b >= 0xa0 && b <= 0xbf;
	case 0xed:
		return b >= 0x80 && b <= 0x9f;
	case 0xf0:
		return b >= 0x90 && b <= 0xbf;
	case 0xf4:
		return b >= 0x80 && b <= 0x8f;
	default:
		return b >= 0x80 && b <= 0xbf;
	}
}

size_t utf8_decode(const char *bytes, size_t len, uint32_t *cp)
{
	const uint8_t *b = (const uint8_t *)bytes;
	size_t n = lead_length(b[0]);
	uint32_t value;

	if (n == 1) {
		*cp = b[0];
		return 1;
	}
	if (n == 0 || n > len || !second_allowed(b[0], b[1])) {
		return 0;
	}
	value = ((uint32_t)b[0] & (0xffu >> (n + 1))) << 6 | (b[1] & 0x3f);
	for (size_t i = 2; i < n; i++) {
		if ((b[i] & 0xc0) != 0x80) {
			return 0;
		}
		value = value << 6 | (b[i] & 0x3f);
	}
	*cp = value;
	return n;
}

size_t utf8_encode(uint32_t cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

size_t utf8_incomplete_tail(const char *bytes, size_t len)
{
	const uint8_t *b = (const uint8_t *)bytes;

	for (size_t tail = 1; tail <= 3 && tail <= len; tail++) {
		uint8_t lead = b[len - tail];

		if ((lead & 0xc0) == 0x80) {
			continue;
		}
		if (lead_length(lead) > tail &&
			(tail == 1 || second_allowed(lead, b[len - tail + 1]))) {
			return tail;
		}
		return 0;
	}
	return 0;
}

size_t utf8_cut(const char *bytes, size_t len, size_t most)
{
	return len <= most ? len : most - utf8_incomplete_tail(bytes, most);
}

int utf8_valid(const char *bytes, size_t len)
{
	uint32_t cp;

	for (size_t i = 0; i < len;) {
		uint64_t eight;
		size_t n;

		/* Most text is ASCII. */
		if (len - i >= sizeof(eight)) {
			memcpy(&eight, bytes + i, sizeof(eight));
			if (!(eight & 0x8080808080808080U)) {
				i += sizeof(eight);
				continue;
			}
		}
		n = utf8_decode(bytes + i, len - i, &cp);
		if (!n) {
			return 0;
		}
		i += n;
	}
	return 1;
}
