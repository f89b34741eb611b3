/* Numbers as people read them. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdint.h>

enum { NUMBER_SIZE = 32 };

/* 1234567 as "1,234,567"; returns `out`. */
const char *number_grouped(char out[NUMBER_SIZE], int64_t number);
/* 1536 as "1.5 KiB"; returns `out`. */
const char *number_bytes(char out[NUMBER_SIZE], int64_t bytes);

#endif
