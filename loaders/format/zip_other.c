/*
 * Office files, RTF and PostScript, which are not read: each is refused with what to do. OLE
 * containers are the files of Office before 2007, and the wrapping of newer ones that are encrypted.
 */
#include "loaders/format/format.h"
#include "loaders/format/zip.h"

#include "base/mem.h"

#include <string.h>

static const struct other {
	const char *entry, *mimetype, *reason;
} others[] = {
	{"xl/workbook.", "application/vnd.oasis.opendocument.spreadsheet",
		"is a spreadsheet: save its sheets as CSV"},
	{"ppt/presentation.xml", "application/vnd.oasis.opendocument.presentation",
		"is a presentation: save it as PDF"},
	{NULL, "application/vnd.oasis.opendocument.graphics", "is a drawing: save it as PDF"},
};

static const struct other *other_of(const struct input *input)
{
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (zip_has_mimetype(input, others[i].mimetype) ||
			(others[i].entry && zip_lists(input, others[i].entry))) {
			return &others[i];
		}
	}
	return NULL;
}

static int is_ole(const struct input *input)
{
	return input->len >= 512 && memcmp(input->data, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8) == 0;
}

/* Names in an OLE container are UTF-16. */
static int ole_lists(const struct input *input, const char *name)
{
	struct buf wide = BUF_INIT;
	int found;

	for (; *name; name++) {
		buf_addch(&wide, *name);
		buf_addch(&wide, 0);
	}
	found = memmem(input->data, input->len, wide.data, wide.len) != NULL;
	buf_finish(&wide);
	return found;
}

/* Text that is no text to read: the program of a page. */
static const char *source_reason(const struct input *input)
{
	static const struct {
		const char *begin, *reason;
	} sources[] = {
		{"{\\rtf", "is RTF: save it as DOCX, ODT or PDF"},
		{"%!PS", "is PostScript: convert it to PDF (ps2pdf FILE)"},
	};

	for (size_t i = 0; input->root_fd < 0 && i < ARRAY_LEN(sources); i++) {
		size_t len = strlen(sources[i].begin);

		if (input->len >= len && memcmp(input->data, sources[i].begin, len) == 0) {
			return sources[i].reason;
		}
	}
	return NULL;
}

static int other_probe(const struct input *input)
{
	if (is_ole(input) || source_reason(input)) {
		return 3;
	}
	return zip_probe(input) && other_of(input) ? 3 : 0;
}

static int other_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	if (source_reason(input)) {
		return skip_set(skip, SKIP_UNREADABLE, "%s", source_reason(input));
	}
	if (!is_ole(input)) {
		return skip_set(skip, SKIP_UNREADABLE, "%s", other_of(input)->reason);
	}
	if (ole_lists(input, "EncryptedPackage")) {
		return skip_set(
			skip, SKIP_UNREADABLE, "is encrypted: give a copy without a password");
	}
	return skip_set(skip, SKIP_UNREADABLE,
		"is a file of an old Office (.doc, .xls, .ppt, .msg): save it in a newer format "
		"(.docx), or as PDF");
}

const struct loader loader_office_other = {
	.name = "office",
	.has_library = 1,
	.probe = other_probe,
	.open = other_open,
	.read = whole_reader_read,
	.close = whole_reader_close,
};
