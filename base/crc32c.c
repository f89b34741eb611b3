#include "base/crc32c.h"

#include <pthread.h>
#include <string.h>

/* Reflected: bit 31 of the register is the coefficient of x^0. */
static const uint32_t polynomial = 0x82f63b78;

/* table[k][b]: what byte b does to the register when k more bytes follow it ("slicing by 8"). */
static uint32_t table[8][256];
static int has_instruction;

static void make_table(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b;

		for (int bit = 0; bit < 8; bit++) {
			crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
		}
		table[0][b] = crc;
	}
	for (int k = 1; k < 8; k++) {
		for (int b = 0; b < 256; b++) {
			uint32_t crc = table[k - 1][b];

			table[k][b] = crc >> 8 ^ table[0][crc & 0xff];
		}
	}
	has_instruction = crc32c_has_instruction();
}

static void make_once(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_table);
}

static uint32_t load_u32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static uint32_t by_table(uint32_t crc, const uint8_t *at, size_t len)
{
	crc = ~crc;
	for (; len >= 8; len -= 8, at += 8) {
		uint32_t low = crc ^ load_u32(at), high = load_u32(at + 4);

		crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^
		      table[5][low >> 16 & 0xff] ^ table[4][low >> 24] ^ table[3][high & 0xff] ^
		      table[2][high >> 8 & 0xff] ^ table[1][high >> 16 & 0xff] ^
		      table[0][high >> 24];
	}
	for (; len; len--, at++) {
		crc = crc >> 8 ^ table[0][(crc ^ *at) & 0xff];
	}
	return ~crc;
}

uint32_t crc32c_table(uint32_t crc, const void *bytes, size_t len)
{
	make_once();
	return by_table(crc, bytes, len);
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
	make_once();
	return has_instruction ? crc32c_instruction(crc, bytes, len) : by_table(crc, bytes, len);
}
