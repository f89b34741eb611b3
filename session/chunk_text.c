#include "session/chunk_text.h"

#include <string.h>

enum {
	HEADINGS_MAX = 6,     /* above each other */
	HEADINGS_BACK = 1024, /* are looked through: a flat outline has nothing above any of them */
};

static void add_line(struct buf *out, const char *text, size_t len)
{
	buf_add(out, text, len);
	buf_addch(out, '\n');
}

void chunk_text_heading(struct buf *out, const struct document *document, const struct chunk *chunk)
{
	size_t end = chunk->heading > HEADINGS_BACK ? chunk->heading - HEADINGS_BACK : 0;
	int level = 0;

	for (size_t i = chunk->heading, n = 0; i > end && n < HEADINGS_MAX && level != 1; i--) {
		const struct heading *heading = &document->heading[i - 1];

		if (!level || heading->level < level) {
			add_line(out, heading->title, strlen(heading->title));
			level = heading->level;
			n++;
		}
	}
}

void chunk_text_body(struct buf *out, const struct document *document, const struct slice *slice)
{
	for (size_t i = slice->first; i <= slice->last; i++) {
		const struct part *part = &document->part[i];
		size_t from = i == slice->first ? slice->at : 0;
		size_t to = i == slice->last ? slice->end : part->len;

		if (part->place.speaker) {
			buf_addstr(out, part->place.speaker);
			buf_addstr(out, ": ");
		}
		add_line(out, part->text + from, to - from);
	}
}
