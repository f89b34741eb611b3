/* Readers whose text is made at once. */
#include "loaders/loader.h"

#include "base/mem.h"

#include <stdlib.h>

struct whole_reader *whole_reader_create(enum document_kind kind)
{
	struct whole_reader *whole = mem_zero(1, sizeof(*whole));

	whole->reader.kind = kind;
	whole->reader.n_part = 1;
	whole->reader.n_bytes = -1;
	return whole;
}

void whole_reader_outline(struct reader *reader, struct document *document)
{
	struct whole_reader *whole = (struct whole_reader *)reader;

	for (size_t i = 0; i < whole->outline.n_heading; i++) {
		mem_grow(document->heading, document->n_heading, document->cap_heading);
		document->heading[document->n_heading++] = whole->outline.heading[i];
	}
	whole->outline.n_heading = 0;
}

int whole_reader_read(struct reader *reader, struct part *part, struct skip *skip)
{
	struct whole_reader *whole = (struct whole_reader *)reader;

	if (whole->is_read) {
		return READ_END;
	}
	whole->is_read = 1;
	part->len = whole->text.len;
	part->text = buf_take(&whole->text);
	return READ_PART;
}

void whole_reader_close(struct reader *reader)
{
	struct whole_reader *whole = (struct whole_reader *)reader;

	if (whole) {
		buf_finish(&whole->text);
		document_finish(&whole->outline);
		free(whole->reader.rev);
		free(whole);
	}
}
