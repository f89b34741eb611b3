/* Any bytes as a packed file: text comes out, or a reason; never more than the limits allow. */
#include "loaders/format/format.h"
#include "tests/unit/format_read.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct format_read read =
		format_read_by(&loader_packed, "a.txt.gz", (const char *)data, size);

	if (read.status != READ_END && !(read.status == READ_FAILED && read.skip.reason)) {
		abort();
	}
	if (read.status == READ_END && read.document.part[0].len > LOAD_MAX_BYTES) {
		abort();
	}
	format_read_finish(&read);
	return 0;
}
