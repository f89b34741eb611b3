#include "session/places.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void session_places_free(struct session_place *place, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(place[i].source);
		free(place[i].path);
	}
	free(place);
}

static int64_t count_line_ends(const char *text, size_t len)
{
	const char *end = text + len;
	int64_t count = 0;

	while (text < end && (text = memchr(text, '\n', (size_t)(end - text)))) {
		text++;
		count++;
	}
	return count;
}

/* Bytes [at, end) of a part, which are some, as lines; `line` is that of `at`. */
static struct session_place make_place(
	const struct library_source *source, size_t part, size_t at, size_t end, int64_t line)
{
	const struct document *document = source->document;

	return (struct session_place){
		.source = mem_printf("S%lld", (long long)source->number),
		.path = document_part_path(
			document, document->origin ? document->origin : document->name, part),
		.page = document->part[part].place.page,
		.line_first = line,
		.line_last = line + count_line_ends(document->part[part].text + at, end - at - 1),
		.time_ms = document->part[part].place.time_ms,
	};
}

struct session_place *places_make(const struct excerpt *excerpt, size_t n_excerpt, size_t *count)
{
	struct session_place *place = NULL;
	size_t cap = 0;

	*count = 0;
	for (size_t i = 0; i < n_excerpt; i++) {
		const struct slice *slice = &excerpt[i].slice;

		for (size_t part = slice->first; part <= slice->last; part++) {
			size_t at = part == slice->first ? slice->at : 0;
			size_t end = part == slice->last
					     ? slice->end
					     : excerpt[i].source->document->part[part].len;

			if (at >= end) {
				continue;
			}
			mem_grow(place, *count, cap);
			place[(*count)++] = make_place(excerpt[i].source, part, at, end,
				part == slice->first ? slice->line : 1);
		}
	}
	return place;
}
