/*
 * A whole model file on any bytes, as `models info` reads one: metadata, tensor table, tokenizer,
 * template, hyperparameters, program. It can run, or a sentence says why not.
 */
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[64];
	struct model_summary summary;
	struct err err = {0};

	if (fd < 0) {
		fd = memfd_create("model", 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size) {
		abort();
	}
	if (model_summary_read(&summary, path, &err) < 0) {
		if (!err.what[0] || err.code != ERR_ENGINE) {
			abort();
		}
	} else if (summary.can_run ? !!summary.why_not : !summary.why_not || !summary.why_not[0]) {
		abort();
	}
	model_summary_finish(&summary);
	return 0;
}
