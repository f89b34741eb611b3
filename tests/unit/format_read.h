/* For tests of formats: an input through the function table, in this process. */
#ifndef TESTS_UNIT_FORMAT_READ_H
#define TESTS_UNIT_FORMAT_READ_H

#include "base/mem.h"
#include "loaders/loader.h"

#include <stdlib.h>
#include <string.h>

/* What came of one input: parts and headings, or why not. */
struct format_read {
	const char *loader;
	const char *encoding;
	struct document document;
	struct skip skip; /* where status < 0 */
	int status;
};

/*
 * By that loader; NULL: by the one that is surest. The input lies in memory of exactly its size, so
 * that reading past its end is noticed.
 */
static inline struct format_read format_read_by(
	const struct loader *loader, const char *path, const char *bytes, size_t len)
{
	static const struct read_options options = {.subdir = "", .n_share = 1};
	struct format_read out = {0};
	char *copy = malloc(len ? len : 1);
	struct input input = {path, copy, len, -1, &options};
	struct reader *reader = NULL;
	struct skip skip = {0};
	struct part part = {.place = {.time_ms = -1}};

	if (!copy) {
		abort();
	}
	memcpy(copy, bytes, len);
	loader = loader ? loader : loader_find(&input);
	out.loader = loader->name;
	out.status = loader->open(&reader, &input, &out.skip);
	if (out.status == 0) {
		reader->loader = loader;
		out.document.kind = reader->kind;
		out.encoding = reader->encoding;
		while ((out.status = loader->read(reader, &part, &skip)) > 0) {
			if (out.status == READ_PART) {
				*document_add_part(&out.document) = part;
				part = (struct part){.place = {.time_ms = -1}};
			}
			skip_finish(&skip);
		}
		out.skip = skip;
		if (out.status == READ_END && loader->outline) {
			loader->outline(reader, &out.document);
		}
		loader->close(reader);
	}
	free(copy);
	return out;
}

static inline struct format_read format_read(const char *path, const char *bytes, size_t len)
{
	return format_read_by(NULL, path, bytes, len);
}

static inline void format_read_finish(struct format_read *read)
{
	document_finish(&read->document);
	skip_finish(&read->skip);
}

#endif
