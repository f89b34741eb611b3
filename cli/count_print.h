/* What `carrel count` prints, as a table and as JSON. */
#ifndef CLI_COUNT_PRINT_H
#define CLI_COUNT_PRINT_H

#include "cli/options.h"
#include "session/tally.h"

/* What carrel is made for: the scale that its screens show. */
enum { COUNT_SCALE_TOK = 5000000 };

struct count_report {
	const struct options *options;
	struct tally tally;
	char *model;        /* its name; NULL where there is only a tokenizer */
	int64_t window_tok; /* 0: not known */
};

void count_print(struct count_report *report);

#endif
