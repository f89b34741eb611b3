/* A history file of any bytes is read as entries of UTF-8, which survive being written again. */
#include "base/recall.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char copy[64];

static void again(void *arg, const char *text, size_t len)
{
	size_t *sum = arg;

	if (len == 0 || strlen(text) != len || !utf8_valid(text, len)) {
		abort();
	}
	*sum = *sum * 31 + len + (unsigned char)text[len / 2];
	if (copy[0] && recall_add(copy, text, len, NULL) < 0) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/tmp/fuzz-recall-XXXXXX";
	size_t before = 0, after = 0;
	int fd = mkstemp(path);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
		abort();
	}
	close(fd);
	snprintf(copy, sizeof(copy), "%s.copy", path);
	if (recall_read(path, again, &before, NULL) < 0) {
		abort();
	}
	fd = access(copy, F_OK);
	unlink(path);
	if (fd == 0) {
		rename(copy, path);
	}
	copy[0] = 0;
	if (recall_read(path, again, &after, NULL) < 0 || before != after) {
		abort();
	}
	unlink(path);
	return 0;
}
