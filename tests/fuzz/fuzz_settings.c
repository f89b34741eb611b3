/* A settings file of any bytes is read, or refused with a place: never a crash. */
#include "base/conf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take(
	void *arg, const char *section, const char *name, const char *value, struct err *err)
{
	size_t *sum = arg;

	*sum += strlen(section) + strlen(name) + strlen(value);
	return name[0] == 'x' ? err_set(err, ERR_USAGE, NULL, NULL, "no setting") : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("settings", MFD_CLOEXEC);
	size_t sum = 0;
	struct err err = {0};
	char path[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
		abort();
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (conf_read(path, take, &sum, &err) < 0 && (!err.what[0] || !err.where[0])) {
		abort();
	}
	close(fd);
	return 0;
}
