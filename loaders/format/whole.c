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

struct skip *whole_reader_leave_out(struct whole_reader *whole)
{
	struct skip *skip;

	mem_grow(whole->left_out, whole->n_left_out, whole->cap_left_out);
	skip = &whole->left_out[whole->n_left_out++];
	*skip = (struct skip){0};
	return skip;
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
		if (whole->n_told == whole->n_left_out) {
			return READ_END;
		}
		*skip = whole->left_out[whole->n_told];
		whole->left_out[whole->n_told++] = (struct skip){0};
		return READ_SKIPPED;
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
		for (size_t i = 0; i < whole->n_left_out; i++) {
			skip_finish(&whole->left_out[i]);
		}
		free(whole->left_out);
		free(whole->reader.rev);
		free(whole);
	}
}
