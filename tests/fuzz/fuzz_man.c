/*
 * Any bytes as a manual page: nothing crashes or runs away, and each heading stands in the line that
 * the outline names.
 */
#include "loaders/format/format.h"
#include "tests/unit/format_read.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

static const char *line_of(const struct part *part, int64_t number)
{
	const char *at = part->text, *end = at + part->len;

	while (at && --number > 0) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	return at && at < end ? at : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct format_read read = format_read_by(&loader_man, "a.1", (const char *)data, size);

	must(read.status == READ_END || (read.status == READ_FAILED && read.skip.reason));
	if (read.status == READ_END) {
		const struct part *part = &read.document.part[0];

		must(part->len < (64 << 20));
		for (size_t i = 0; i < read.document.n_heading; i++) {
			const struct heading *heading = &read.document.heading[i];
			const char *line = line_of(part, heading->line);

			must(line != NULL);
			line += strspn(line, " ");
			must(strncmp(line, heading->title, strcspn(heading->title, " \n")) == 0);
		}
	}
	format_read_finish(&read);
	return 0;
}
