/* Where the words of a citation stand. */
#include "tui/document_find.h"

#include "base/mem.h"
#include "session/fold.h"
#include "session/marks.h"
#include "session/pack.h"

#include <stdlib.h>
#include <string.h>

enum {
	QUOTE_PARTS = 8,     /* pages or cues that a quote may run over */
	QUOTE_BYTES = 65536, /* of a longer one its beginning is looked for */
};

/* Lines of a document, and what follows as far as a quote may run, as a document of its own. */
struct excerpt {
	struct document document; /* texts are borrowed */
	struct part part[QUOTE_PARTS];
	size_t part_first, at_first; /* where the text of part[0] begins */
};

/* ---- where to look ---- */

static int is_place_of(
	const struct document *document, size_t part, const struct citation *citation)
{
	const struct part_place *place = &document->part[part].place;
	int is_it = 0;
	char *path;

	switch (document->kind) {
	case DOCUMENT_TEXT:
		return 1;
	case DOCUMENT_PDF:
		return place->page == citation->page;
	case DOCUMENT_TRANSCRIPT:
		return place->time_ms == citation->time_ms &&
		       (!place->label || !citation->label ||
			       strcmp(place->label, citation->label) == 0) &&
		       (!place->speaker || !citation->speaker ||
			       strcmp(place->speaker, citation->speaker) == 0);
	case DOCUMENT_CODE:
		path = document_part_path(
			document, document->origin ? document->origin : document->name, part);
		is_it = path && citation->path && strcmp(path, citation->path) == 0;
		free(path);
		break;
	}
	return is_it;
}

/* The lines that the citation names in a part; all of it where it names none. */
static struct text_range lines_of(
	struct document_lines *lines, size_t part_index, const struct citation *citation)
{
	const struct part *part = &lines->document->part[part_index];
	struct text_range range = {{part_index, 0}, {part_index, part->len}};
	size_t work = SIZE_MAX;

	if (citation->line_first > 0) {
		document_lines_find(
			lines, part_index, citation->line_first, &range.first.at, &work);
		document_lines_find(lines, part_index, citation->line_last, &range.last.at, &work);
		range.last.at = text_line_end(part->text, part->len, range.last.at);
	}
	return range;
}

static void excerpt_init(
	struct excerpt *excerpt, const struct document *document, const struct text_range *range)
{
	const struct part *first = &document->part[range->first.part];
	size_t n = 1;

	excerpt->part_first = range->first.part;
	excerpt->at_first = range->first.at;
	excerpt->part[0] = *first;
	excerpt->part[0].text += range->first.at;
	excerpt->part[0].len = range->last.at - range->first.at;
	/* Only what is quoted to the end of its part can go on in the next. */
	if (document->kind != DOCUMENT_CODE && first->len - range->last.at <= 1) {
		for (; n < QUOTE_PARTS && range->first.part + n < document->n_part; n++) {
			excerpt->part[n] = document->part[range->first.part + n];
		}
	}
	excerpt->document = (struct document){
		.kind = document->kind,
		.name = document->name,
		.part = excerpt->part,
		.n_part = n,
	};
}

static struct text_place place_in(const struct excerpt *excerpt, struct fold_place place)
{
	return (struct text_place){
		excerpt->part_first + place.part, place.at + (place.part ? 0 : excerpt->at_first)};
}

/* ---- the words ---- */

static int find_form(const struct excerpt *excerpt, const struct cite_index *index,
	const char *words, size_t len, struct text_range *out)
{
	struct fold_needle needle;
	struct fold_search search;
	struct fold_hit hit;
	int found;

	fold_needle_init(&needle, words, len);
	fold_search_init(&search, index, &needle);
	found = needle.len > 0 && fold_search_next(&search, &hit);
	if (found) {
		const struct part *last = &excerpt->part[hit.last.part];
		struct fold_token token;

		out->first = place_in(excerpt, hit.first);
		hit.last.at += fold_next(last->text, last->len, hit.last.at, &token);
		out->last = place_in(excerpt, hit.last);
	}
	fold_needle_finish(&needle);
	return found;
}

/* As the pack's escape has it, then without its numbers of lines and heads of cues. */
static int find_words(const struct document *document, const struct text_range *range,
	const struct citation *citation, struct text_range *out)
{
	size_t len = strlen(citation->text);
	struct buf plain = BUF_INIT, bare = BUF_INIT;
	struct cite_source source = {.number = 1};
	struct pack_marks *marks = mem_zero(1, sizeof(*marks));
	struct cite_index *index;
	struct excerpt excerpt;
	int found;

	excerpt_init(&excerpt, document, range);
	source.document = &excerpt.document;
	index = cite_index_create(&excerpt.document);
	pack_unescape(&plain, citation->text, len < QUOTE_BYTES ? len : QUOTE_BYTES);
	found = find_form(&excerpt, index, buf_str(&plain), plain.len, out);
	if (!found) {
		marks_drop(marks, buf_str(&plain), plain.len, &source, 1, &bare);
		found = marks->n && find_form(&excerpt, index, buf_str(&bare), bare.len, out);
	}
	cite_index_destroy(index);
	free(marks);
	buf_finish(&plain);
	buf_finish(&bare);
	return found;
}

enum document_quote document_find_quote(
	struct document_lines *lines, const struct citation *citation, struct text_range *out)
{
	const struct document *document = lines->document;
	enum document_quote best = DOCUMENT_QUOTE_NOWHERE;
	struct text_range lines_range = {0};

	for (size_t i = 0; i < document->n_part; i++) {
		struct text_range range;

		if (!is_place_of(document, i, citation)) {
			continue;
		}
		range = lines_of(lines, i, citation);
		if (find_words(document, &range, citation, out)) {
			return DOCUMENT_QUOTE_WORDS;
		}
		if (best == DOCUMENT_QUOTE_NOWHERE) {
			best = DOCUMENT_QUOTE_LINES;
			lines_range = range;
		}
	}
	*out = lines_range;
	return best;
}
