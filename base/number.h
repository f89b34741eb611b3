/* Numbers as people read them. */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdint.h>

enum { NUMBER_SIZE = 32 };

/* 1234567 as "1,234,567"; returns `out`. */
const char *number_grouped(char out[NUMBER_SIZE], int64_t number);
/* 1536 as "1.5 KiB"; returns `out`. */
const char *number_bytes(char out[NUMBER_SIZE], int64_t bytes);
/* 0.42 as "0.4 s", 75 as "1 min 15 s", 7300 as "2 h 2 min"; returns `out`. */
const char *number_seconds(char out[NUMBER_SIZE], double seconds);

#endif
