/*
 * CRC32C by SSE4.2's instruction. It takes three cycles and a new one may begin in each, so three
 * parts of a block run side by side and are joined: a register moved over n zero bytes is a linear
 * map of its 32 bits, kept as four tables of 256 (after V. Gopal et al., "Fast CRC computation for
 * iSCSI polynomial using CRC32 instruction", Intel, 2011).
 */
#include "base/crc32c.h"

#include <pthread.h>
#include <string.h>

enum {
	LONG_BYTES = 16384, /* of each of the three parts */
	SHORT_BYTES = 256,
	AHEAD_BYTES = 2048,
};

struct move {
	uint32_t table[4][256];
};

static struct move move_long, move_short;

/* The register after n zero bytes, by the table's own definition of one zero byte. */
static uint32_t over_zeros(uint32_t crc, size_t n)
{
	static const uint8_t zeros[64];

	/* crc32c_table() turns its register over on the way in and out. */
	for (crc = ~crc; n; n -= n < sizeof(zeros) ? n : sizeof(zeros)) {
		crc = crc32c_table(crc, zeros, n < sizeof(zeros) ? n : sizeof(zeros));
	}
	return ~crc;
}

static void make_move(struct move *move, size_t n)
{
	uint32_t of_bit[32];

	for (int bit = 0; bit < 32; bit++) {
		of_bit[bit] = over_zeros((uint32_t)1 << bit, n);
	}
	for (int k = 0; k < 4; k++) {
		for (uint32_t b = 0; b < 256; b++) {
			uint32_t sum = 0;

			for (int bit = 0; bit < 8; bit++) {
				sum ^= b >> bit & 1 ? of_bit[8 * k + bit] : 0;
			}
			move->table[k][b] = sum;
		}
	}
}

static void make_moves(void)
{
	make_move(&move_long, LONG_BYTES);
	make_move(&move_short, SHORT_BYTES);
}

static uint64_t moved(const struct move *move, uint64_t crc)
{
	return move->table[0][crc & 0xff] ^ move->table[1][crc >> 8 & 0xff] ^
	       move->table[2][crc >> 16 & 0xff] ^ move->table[3][crc >> 24 & 0xff];
}

int crc32c_has_instruction(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("sse4.2");
}

static uint64_t load_u64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Three parts of n bytes each, n a multiple of 8. */
__attribute__((target("sse4.2"))) static uint64_t three_parts(
	uint64_t a, const uint8_t *at, size_t n, const struct move *move)
{
	uint64_t b = 0, c = 0;

	for (size_t i = 0; i < n; i += 8) {
		/* Parts this short end before the processor has seen that they are read in order. */
		__builtin_prefetch(at + i + AHEAD_BYTES);
		__builtin_prefetch(at + n + i + AHEAD_BYTES);
		__builtin_prefetch(at + 2 * n + i + AHEAD_BYTES);
		a = __builtin_ia32_crc32di(a, load_u64(at + i));
		b = __builtin_ia32_crc32di(b, load_u64(at + n + i));
		c = __builtin_ia32_crc32di(c, load_u64(at + 2 * n + i));
	}
	return moved(move, moved(move, a) ^ b) ^ c;
}

__attribute__((target("sse4.2"))) uint32_t crc32c_instruction(
	uint32_t crc, const void *bytes, size_t len)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const uint8_t *at = bytes;
	uint64_t a = (uint32_t)~crc;

	pthread_once(&once, make_moves);
	for (; len >= 3 * LONG_BYTES; len -= 3 * LONG_BYTES, at += 3 * LONG_BYTES) {
		a = three_parts(a, at, LONG_BYTES, &move_long);
	}
	for (; len >= 3 * SHORT_BYTES; len -= 3 * SHORT_BYTES, at += 3 * SHORT_BYTES) {
		a = three_parts(a, at, SHORT_BYTES, &move_short);
	}
	for (; len >= 8; len -= 8, at += 8) {
		a = __builtin_ia32_crc32di(a, load_u64(at));
	}
	for (; len; len--, at++) {
		a = __builtin_ia32_crc32qi((uint32_t)a, *at);
	}
	return (uint32_t)~a;
}
