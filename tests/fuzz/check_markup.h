/* What the fuzz targets of documents with markup ask of every text. */
#ifndef TESTS_FUZZ_CHECK_MARKUP_H
#define TESTS_FUZZ_CHECK_MARKUP_H

#include "base/utf8.h"
#include "loaders/loader.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void must(int condition)
{
	if (!condition) {
		abort();
	}
}

/* The heading stands in its line, behind quotes, markers and "#". */
static inline void check_heading(const struct part *part, const struct heading *heading)
{
	const char *at = part->text, *end = at + part->len;
	size_t len = strlen(heading->title);

	for (int64_t line = 1; line < heading->line; line++) {
		at = memchr(at, '\n', (size_t)(end - at));
		must(at != NULL);
		at++;
	}
	end = memchr(at, '\n', (size_t)(end - at));
	must(end && len && heading->level >= 1);
	must(memmem(at, (size_t)(end - at), heading->title, len) != NULL);
}

static inline void check_markup(
	const struct loader *loader, const char *name, const char *bytes, size_t len)
{
	static const struct read_options options = {.subdir = "", .n_share = 1};
	struct input input = {name, bytes, len, -1, &options};
	struct part part = {.place = {.time_ms = -1}};
	struct document outline = {0};
	struct reader *reader = NULL;
	struct skip skip = {0};
	int status;

	loader->probe(&input);
	if (loader->open(&reader, &input, &skip) < 0) {
		must(skip.reason && skip.reason[0]);
		skip_finish(&skip);
		return;
	}
	must(loader->read(reader, &part, &skip) == READ_PART);
	must(utf8_valid(part.text, part.len) && !memchr(part.text, 0, part.len));
	must(part.len < (64 << 20));
	if (loader->outline) {
		loader->outline(reader, &outline);
	}
	for (size_t i = 0; i < outline.n_heading; i++) {
		check_heading(&part, &outline.heading[i]);
	}
	part_finish(&part);
	while ((status = loader->read(reader, &part, &skip)) == READ_SKIPPED) {
		must(skip.reason && skip.reason[0]);
		skip_finish(&skip);
	}
	must(status == READ_END);
	document_finish(&outline);
	loader->close(reader);
}

#endif
