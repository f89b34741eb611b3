/* Documents and load results: what they own, and its end. */
#include "loaders/loader.h"

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

static void part_finish(struct part *part)
{
	free(part->place.path);
	free(part->place.label);
	free(part->place.speaker);
	free(part->text);
}

void document_finish(struct document *document)
{
	for (size_t i = 0; i < document->n_part; i++) {
		part_finish(&document->part[i]);
	}
	free(document->part);
	free(document->name);
	free(document->origin);
	free(document->rev);
	*document = (struct document){0};
}

void load_result_finish(struct load_result *result)
{
	for (size_t i = 0; i < result->n_document; i++) {
		document_finish(&result->document[i]);
	}
	free(result->document);
	for (size_t i = 0; i < result->n_skipped; i++) {
		free(result->skipped[i].path);
		free(result->skipped[i].reason);
	}
	free(result->skipped);
	*result = (struct load_result){0};
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
