/*
 * Source files, known by their name or by `#!`. One file is a document of kind code with a single
 * part; its path is the document's name, so that it is cited as it was given.
 */
#include "loaders/format/format.h"

#include "loaders/code_name.h"

#include <string.h>

static int code_probe(const struct input *input)
{
	if (input->root_fd >= 0) {
		return 0;
	}
	if (code_name(input->path)) {
		return 2;
	}
	return input->len >= 3 && memcmp(input->data, "#!", 2) == 0 &&
	       (input->data[2] == '/' || input->data[2] == ' ');
}

/* A file of its own is a tree of one file; who asked for it knows its name. */
static int code_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	struct whole_reader *whole;

	whole = whole_reader_create(DOCUMENT_CODE);
	if (format_text(&whole->text, &whole->reader.encoding, input, skip) < 0) {
		whole_reader_close(&whole->reader);
		return -1;
	}
	*reader = &whole->reader;
	return 0;
}

const struct loader loader_code = {
	.name = "code",
	.probe = code_probe,
	.open = code_open,
	.read = whole_reader_read,
	.close = whole_reader_close,
};
