/*
 * Plain text and Markdown, one part, kept byte for byte. Also the last resort: what no other
 * loader knows and holds no NUL byte is text.
 */
#include "loaders/format/format.h"

#include <string.h>

static int text_probe(const struct input *input)
{
	return input->root_fd < 0 && (input->len == 0 || !memchr(input->data, 0, input->len));
}

static int text_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	struct whole_reader *whole;

	if (format_refuse_binary(input, skip) < 0) {
		return -1;
	}
	whole = whole_reader_create(DOCUMENT_TEXT);
	buf_add(&whole->text, input->data, input->len);
	*reader = &whole->reader;
	return 0;
}

const struct loader loader_text = {
	.name = "text",
	.probe = text_probe,
	.open = text_open,
	.read = whole_reader_read,
	.close = whole_reader_close,
};
