/* Documents with markup, read in-process through the function table: what comes out, or why not. */
#ifndef TESTS_UNIT_DOCUMENT_FIXTURE_H
#define TESTS_UNIT_DOCUMENT_FIXTURE_H

#include "loaders/format/format.h"
#include "loaders/loader.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

struct read_back {
	char *text;   /* NULL where it was refused */
	char *reason; /* then */
	enum skip_class class;
	const char *encoding;
	struct document outline;
	struct buf left_out; /* the reasons, a line each */
};

static inline struct read_back read_back(const char *name, const char *bytes, size_t len)
{
	static const struct read_options options = {.subdir = "", .n_share = 1};
	struct input input = {name, bytes, len, -1, &options};
	const struct loader *loader = loader_find(&input);
	struct read_back back = {0};
	struct reader *reader = NULL;
	struct skip skip = {0};
	struct part part = {.place = {.time_ms = -1}};
	int status;

	if (loader->open(&reader, &input, &skip) < 0) {
		back.reason = skip.reason;
		back.class = skip.class;
		return back;
	}
	assert_int_equal(DOCUMENT_TEXT, reader->kind);
	back.encoding = reader->encoding;
	assert_int_equal(READ_PART, loader->read(reader, &part, &skip));
	assert_int_equal(part.len, strlen(part.text));
	back.text = part.text;
	part = (struct part){.place = {.time_ms = -1}};
	while ((status = loader->read(reader, &part, &skip)) == READ_SKIPPED) {
		buf_printf(&back.left_out, "%s\n", skip.reason);
		skip_finish(&skip);
	}
	assert_int_equal(READ_END, status);
	if (loader->outline) {
		loader->outline(reader, &back.outline);
	}
	loader->close(reader);
	return back;
}

static inline void read_back_finish(struct read_back *back)
{
	free(back->text);
	free(back->reason);
	document_finish(&back->outline);
	buf_finish(&back->left_out);
}

static inline void check_read(const char *name, const char *bytes, size_t len, const char *expected)
{
	struct read_back back = read_back(name, bytes, len);

	if (!back.text) {
		fail_msg("%s: %s", name, back.reason);
	}
	assert_string_equal(expected, back.text);
	read_back_finish(&back);
}

static inline void check_refused(
	const char *name, const char *bytes, size_t len, enum skip_class class, const char *reason)
{
	struct read_back back = read_back(name, bytes, len);

	if (back.text) {
		fail_msg("%s was read: %.200s", name, back.text);
	}
	assert_int_equal(class, back.class);
	if (!strstr(back.reason, reason)) {
		fail_msg("%s: %s", name, back.reason);
	}
	read_back_finish(&back);
}

#endif
