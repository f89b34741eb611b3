/*
 * Any bytes as a page: nothing crashes or runs away, the text is UTF-8 of one part, and each heading
 * stands in the line that the outline names.
 */
#include "loaders/format/format.h"
#include "tests/fuzz/check_markup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_markup(&loader_html, "a.html", (const char *)data, size);
	return 0;
}
