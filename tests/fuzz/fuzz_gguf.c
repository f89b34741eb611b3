/* The GGUF reader on any bytes: refuses with a sentence, or everything it hands out is safe to read. */
#include "tests/gguf_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err;

	walk_gguf(data, size, &err);
	return 0;
}
