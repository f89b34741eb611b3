/* Any bytes as a message and as a mailbox. */
#include "loaders/format/format.h"
#include "tests/fuzz/check_markup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_markup(&loader_mail, "a.eml", (const char *)data, size);
	return 0;
}
