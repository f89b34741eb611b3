/* In place of pdf.c where carrel is built without poppler: says what to do. */
#include "loaders/format/format.h"

#include <string.h>

static int none_probe(const struct input *input)
{
	return input->root_fd < 0 && input->len >= 5 && memcmp(input->data, "%PDF-", 5) == 0 ? 3
											     : 0;
}

static int none_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	return skip_set(skip, SKIP_UNREADABLE,
		"is a PDF, and this carrel was built without poppler: build it with "
		"libpoppler-cpp-dev "
		"and libpoppler-glib-dev (-Dpdf=enabled), or convert the file (pdftotext)");
}

void pdf_prepare(void)
{
}

/* Nothing is ever opened. */
const struct loader loader_pdf = {
	.name = "pdf",
	.probe = none_probe,
	.open = none_open,
};
