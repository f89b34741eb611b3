/*
 * Any bytes under any name of a text: what is UTF-8 stays byte for byte (but for the line ends of a
 * text that has only carriage returns), the rest becomes valid UTF-8 or is refused with a reason;
 * headings lie within the text.
 */
#include "base/utf8.h"
#include "tests/unit/format_read.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

static int is_kept(const struct part *part, const char *bytes, size_t len)
{
	int has_newline = memchr(bytes, '\n', len) != NULL;

	for (size_t i = 0; i < len && part->len == len; i++) {
		char kept = bytes[i] == '\r' && !has_newline ? '\n' : bytes[i];

		if (part->text[i] != kept) {
			return 0;
		}
	}
	return part->len == len;
}

/* The first byte chooses the name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"a.txt", "a.md", "a.rst", "a.tex", "a.org", "a.adoc", "a.c", "README"};
	struct format_read read;
	const char *bytes = (const char *)data + 1;
	int64_t n_line = 1;

	if (size < 2) {
		return 0;
	}
	read = format_read(names[data[0] % ARRAY_LEN(names)], bytes, size - 1);
	must(read.status == READ_END || (read.status == READ_FAILED && read.skip.reason));
	if (read.status == READ_END &&
		(strcmp(read.loader, "text") == 0 || strcmp(read.loader, "code") == 0)) {
		const struct part *part = &read.document.part[0];

		must(read.document.n_part == 1);
		if (read.encoding) {
			must(utf8_valid(part->text, part->len));
		} else {
			must(is_kept(part, bytes, size - 1));
		}
		for (size_t i = 0; i < part->len; i++) {
			n_line += part->text[i] == '\n';
		}
		for (size_t i = 0; i < read.document.n_heading; i++) {
			const struct heading *heading = &read.document.heading[i];

			must(heading->title[0] && heading->level >= 1);
			must(heading->line >= 1 && heading->line <= n_line);
			must(i == 0 || heading->line >= heading[-1].line);
		}
	}
	format_read_finish(&read);
	return 0;
}
