/* The twin of crc32c_x86.c for processors whose instruction is not used. */
#include "base/crc32c.h"

int crc32c_has_instruction(void)
{
	return 0;
}

uint32_t crc32c_instruction(uint32_t crc, const void *bytes, size_t len)
{
	return crc32c_table(crc, bytes, len);
}
