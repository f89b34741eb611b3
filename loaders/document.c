/* Documents: what they own, and its end. */
#include "loaders/document.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

const char *document_kind_name(enum document_kind kind)
{
	static const char *const name[] = {
		[DOCUMENT_TEXT] = "text",
		[DOCUMENT_CODE] = "code",
		[DOCUMENT_PDF] = "pdf",
		[DOCUMENT_TRANSCRIPT] = "transcript",
	};

	return name[kind];
}

struct part *document_add_part(struct document *document)
{
	struct part *part;

	mem_grow(document->part, document->n_part, document->cap_part);
	part = &document->part[document->n_part++];
	*part = (struct part){.place = {.time_ms = -1}};
	return part;
}

void part_finish(struct part *part)
{
	free(part->place.path);
	free(part->place.label);
	free(part->place.speaker);
	free(part->text);
	*part = (struct part){.place = {.time_ms = -1}};
}

void document_finish(struct document *document)
{
	for (size_t i = 0; i < document->n_part; i++) {
		part_finish(&document->part[i]);
	}
	free(document->part);
	for (size_t i = 0; i < document->n_heading; i++) {
		free(document->heading[i].title);
	}
	free(document->heading);
	free(document->name);
	free(document->origin);
	free(document->rev);
	*document = (struct document){0};
}

void document_add_heading(struct document *document, int level, const char *title, size_t title_len,
	size_t part, int64_t line)
{
	mem_grow(document->heading, document->n_heading, document->cap_heading);
	document->heading[document->n_heading++] = (struct heading){
		.title = mem_strndup(title, title_len),
		.level = level,
		.part = part,
		.line = line,
	};
}

char *document_part_path(const struct document *document, const char *root, size_t part)
{
	const char *own = document->part[part].place.path;

	if (document->kind != DOCUMENT_CODE || !own || !root ||
		(document->name && strcmp(own, document->name) == 0)) {
		return mem_strdup(root ? root : own);
	}
	return mem_printf("%s%s%s", root, root[strlen(root) - 1] == '/' ? "" : "/", own);
}
