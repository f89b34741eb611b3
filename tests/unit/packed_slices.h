/* Random documents and slices of them, and what must be true of them packed. */
#ifndef TESTS_UNIT_PACKED_SLICES_H
#define TESTS_UNIT_PACKED_SLICES_H

#include "base/buf.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "loaders/document.h"
#include "session/cut.h"
#include "session/pack.h"

#include <stddef.h>
#include <string.h>

/* What the slices hold: their texts in a row, each cue's with the line end behind it. */
static inline void slices_text(
	struct buf *out, const struct document *document, const struct slice *slice, size_t n_slice)
{
	for (size_t i = 0; i < n_slice; i++) {
		for (size_t p = slice[i].first; p <= slice[i].last; p++) {
			size_t at = p == slice[i].first ? slice[i].at : 0;
			size_t end = p == slice[i].last ? slice[i].end : document->part[p].len;

			if (end > at) {
				buf_add(out, document->part[p].text + at, end - at);
			}
			if (document->kind == DOCUMENT_TRANSCRIPT) {
				buf_addch(out, '\n');
			}
		}
	}
}

/* The packed words: without line numbers, heads, tags, points and escapes; and what is left out. */
static inline void packed_words(struct buf *out, struct buf *left_out, const struct prompt *prompt)
{
	for (size_t i = 0; i < prompt->count; i++) {
		size_t len, n_aside, at = 0;
		const char *text = segment_bytes(prompt->item[i], &len);
		const struct segment_aside *aside = segment_asides(prompt->item[i], &n_aside);

		for (size_t k = 0; k < n_aside; k++) {
			buf_add(out, text + at, aside[k].at - at);
			buf_add(left_out, text + aside[k].at, aside[k].len);
			at = aside[k].at + aside[k].len;
		}
		buf_add(out, text + at, len - at);
	}
}

static inline size_t count_in(const struct buf *text, const char *what)
{
	const char *at = text->data, *end = at ? at + text->len : NULL;
	size_t n = 0;

	while (at && (at = memmem(at, (size_t)(end - at), what, strlen(what)))) {
		n++;
		at++;
	}
	return n;
}

#endif
