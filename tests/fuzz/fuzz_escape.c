/* Whatever bytes come in, only visible UTF-8 goes to a terminal. */
#include "base/escape.h"
#include "base/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int mode = ESCAPE_LINE; mode <= ESCAPE_TEXT; mode++) {
		struct buf out = BUF_INIT;

		escape_add(&out, (const char *)data, size, (enum escape_mode)mode);
		for (size_t i = 0; i < out.len;) {
			uint32_t cp = 0;
			size_t n = utf8_decode(out.data + i, out.len - i, &cp);
			int kept = mode == ESCAPE_TEXT && (cp == '\n' || cp == '\t');

			if (!n || (escape_needed(cp) && !kept)) {
				abort();
			}
			i += n;
		}
		buf_finish(&out);
	}
	return 0;
}
