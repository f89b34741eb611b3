#include "session/chunk_text.h"

#include <string.h>

enum {
	PATHS_MAX = 64,   /* of a chunk */
	HEADINGS_MAX = 6, /* above each other */
};

static void add_line(struct buf *out, const char *text, size_t len)
{
	buf_add(out, text, len);
	buf_addch(out, '\n');
}

void chunk_text_name(struct buf *out, const struct document *document, const struct slice *slice)
{
	if (document->name) {
		add_line(out, document->name, strlen(document->name));
	}
	for (size_t i = slice->first; i <= slice->last && i - slice->first < PATHS_MAX; i++) {
		const char *path = document->part[i].place.path;

		if (path && (!document->name || strcmp(path, document->name) != 0)) {
			add_line(out, path, strlen(path));
		}
	}
}

void chunk_text_heading(struct buf *out, const struct document *document, const struct chunk *chunk)
{
	int level = 0;

	for (size_t i = chunk->heading, n = 0; i > 0 && n < HEADINGS_MAX; i--) {
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
