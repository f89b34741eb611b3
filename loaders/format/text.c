/*
 * Plain text and markup that is read as it is (Markdown, reStructuredText, LaTeX...), one part, kept
 * byte for byte but for the line ends of format_text(). Also the last resort: what no other loader
 * knows and is no binary is text.
 */
#include "loaders/format/format.h"

#include "loaders/format/text_outline.h"

#include <string.h>

static int text_probe(const struct input *input)
{
	return input->root_fd < 0 && (input->len == 0 || !memchr(input->data, 0, input->len));
}

static int text_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	struct whole_reader *whole;

	whole = whole_reader_create(DOCUMENT_TEXT);
	if (format_text(&whole->text, &whole->reader.encoding, input, skip) < 0) {
		whole_reader_close(&whole->reader);
		return -1;
	}
	text_outline(&whole->outline, input, &whole->text);
	*reader = &whole->reader;
	return 0;
}

const struct loader loader_text = {
	.name = "text",
	.probe = text_probe,
	.open = text_open,
	.outline = whole_reader_outline,
	.read = whole_reader_read,
	.close = whole_reader_close,
};
