/*
 * Writes pages FIRST to LAST of kv_story.h to FOLDER; "ack LAST" when they are there to stay. With
 * "look" instead of LAST: looks for the pages up to FIRST, and ends with 4 where one is wrong.
 */
#include "tests/faults/disk.h"
#include "tests/faults/kv_story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int look(struct kv_disk *disk, int64_t last)
{
	int64_t n_hit = 0;
	struct err err = {0};

	for (int64_t page = 0; page <= last; page++) {
		int hit = kv_story_look(disk, page, &err);

		if (hit < 0) {
			printf("wrong: %s\n", err.what);
			return 4;
		}
		n_hit += hit;
	}
	printf("hits %lld\n", (long long)n_hit);
	return 0;
}

int main(int argc, char **argv)
{
	const char *log = getenv("FAULTS_LOG");
	struct kv_disk *disk;
	struct err err = {0};
	int status = 0;

	if (argc != 4) {
		return 2;
	}
	if (kv_story_open(&disk, argv[1], &err) < 0) {
		printf("failed: %s\n", err.what);
		return 1;
	}
	if (!strcmp(argv[3], "look")) {
		status = look(disk, atoll(argv[2]));
		kv_disk_close(disk);
		return status;
	}
	for (int64_t page = atoll(argv[2]); page <= atoll(argv[3]); page++) {
		kv_story_write(disk, page);
	}
	while (kv_disk_trouble(disk, &err)) {
		printf("trouble: %s\n", err.what);
	}
	kv_disk_close(disk);
	if (log) {
		disk_log_ack(log, argv[3]);
	}
	printf("ack %s\n", argv[3]);
	return 0;
}
