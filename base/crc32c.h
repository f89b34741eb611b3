/*
 * CRC32C (Castagnoli; RFC 3720, appendix B.4): by the processor's own instruction where it has it,
 * three streams at once, else by a table. Which one is chosen at run time; both give the same.
 */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc`, which is 0 at the beginning: crc32c(crc32c(0, a), b) is that of a and b. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);

/* The table, whatever the processor has; for the tests. */
uint32_t crc32c_table(uint32_t crc, const void *bytes, size_t len);

/* ---- for crc32c.c: crc32c_x86.c, or its twin for other processors ---- */

int crc32c_has_instruction(void);
/* Only where there is one. */
uint32_t crc32c_instruction(uint32_t crc, const void *bytes, size_t len);

#endif
