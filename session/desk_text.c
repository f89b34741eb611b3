#include "session/desk_text.h"

#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>

struct desk_text {
	atomic_size_t n_ref;
	struct document document;
};

struct desk_text *desk_text_create(struct document *document)
{
	struct desk_text *text = mem_zero(1, sizeof(*text));

	atomic_init(&text->n_ref, 1);
	text->document = *document;
	*document = (struct document){0};
	return text;
}

const struct document *desk_text_document(const struct desk_text *text)
{
	return &text->document;
}

struct desk_text *desk_text_ref(struct desk_text *text)
{
	atomic_fetch_add_explicit(&text->n_ref, 1, memory_order_relaxed);
	return text;
}

void desk_text_unref(struct desk_text *text)
{
	if (text && atomic_fetch_sub_explicit(&text->n_ref, 1, memory_order_acq_rel) == 1) {
		document_finish(&text->document);
		free(text);
	}
}
