/* The operations of catalogue_story.h from FIRST to LAST; "ack K" when K is there to stay. */
#include "tests/faults/catalogue_story.h"
#include "tests/faults/disk.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	const char *log = getenv("FAULTS_LOG");
	struct err err = {0};

	if (argc != 3) {
		return 2;
	}
	for (int64_t k = atoll(argv[1]); k <= atoll(argv[2]); k++) {
		char text[32];

		if (catalogue_story_do(k, &err) < 0) {
			printf("failed %lld: %s\n", (long long)k, err.what);
			return 1;
		}
		snprintf(text, sizeof(text), "%lld", (long long)k);
		if (log) {
			disk_log_ack(log, text);
		}
		printf("ack %s\n", text);
		fflush(stdout);
	}
	return 0;
}
