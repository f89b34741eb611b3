/* A transcript as one text: a row for each cue, `ms|speaker|words`, and the headings behind it. */
#ifndef TESTS_UNIT_TRANSCRIPT_FIXTURE_H
#define TESTS_UNIT_TRANSCRIPT_FIXTURE_H

#include "base/buf.h"
#include "loaders/loader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct read_options fixture_options = {.subdir = "", .n_share = 1};

static inline struct input input_of(const char *path, const char *data, size_t len)
{
	return (struct input){path, data, len, -1, &fixture_options};
}

static inline const char *loader_name(const char *path, const char *data)
{
	struct input input = input_of(path, data, strlen(data));

	return loader_find(&input)->name;
}

/* All of it by the loader that is found; the caller owns the document. */
static inline void read_document(
	struct document *document, const char *path, const char *data, size_t len, struct buf *said)
{
	struct input input = input_of(path, data, len);
	const struct loader *loader = loader_find(&input);
	struct reader *reader = NULL;
	struct skip skip = {0};
	struct part part = {.place = {.time_ms = -1}};
	int status;

	*document = (struct document){0};
	if (loader->open(&reader, &input, &skip) < 0) {
		buf_printf(said, "%s\n", skip.reason);
		skip_finish(&skip);
		return;
	}
	document->kind = reader->kind;
	while ((status = loader->read(reader, &part, &skip)) > 0) {
		if (status == READ_SKIPPED) {
			buf_printf(said, "%s\n", skip.reason);
			skip_finish(&skip);
			continue;
		}
		*document_add_part(document) = part;
		part = (struct part){.place = {.time_ms = -1}};
	}
	assert_int_equal(READ_END, status);
	if (loader->outline) {
		loader->outline(reader, document);
	}
	loader->close(reader);
}

static inline void dump_document(struct buf *out, const struct document *document)
{
	for (size_t i = 0; i < document->n_part; i++) {
		const struct part *part = &document->part[i];

		buf_printf(out, "%lld|%s|", (long long)part->place.time_ms,
			part->place.speaker ? part->place.speaker : "");
		buf_add(out, part->text, part->len);
		if (part->place.label) {
			buf_printf(out, "|%s", part->place.label);
		}
		buf_addch(out, '\n');
	}
	for (size_t i = 0; i < document->n_heading; i++) {
		buf_printf(out, "# %s -> %zu\n", document->heading[i].title,
			document->heading[i].part);
	}
}

/* `want` is the dump; what the reader left out stands at its end. */
static inline void check_transcript(const char *path, const char *data, const char *want)
{
	struct buf got = BUF_INIT, said = BUF_INIT;
	struct document document;

	read_document(&document, path, data, strlen(data), &said);
	if (document.n_part && document.kind != DOCUMENT_TRANSCRIPT) {
		fail_msg("is no transcript:\n%s", data);
	}
	dump_document(&got, &document);
	buf_add(&got, said.data, said.len);
	if (strcmp(buf_str(&got), want) != 0) {
		fail_msg("%s\nbecomes\n%s\nnot\n%s", data, buf_str(&got), want);
	}
	document_finish(&document);
	buf_finish(&got);
	buf_finish(&said);
}

#endif
