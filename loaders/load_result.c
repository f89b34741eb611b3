/* A load into memory. */
#include "loaders/load.h"

#include "base/mem.h"

#include <stdlib.h>

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

static int take_begin(void *arg, const struct document *document)
{
	struct load_result *result = arg;

	mem_grow(result->document, result->n_document, result->cap_document);
	result->document[result->n_document++] = (struct document){
		.kind = document->kind,
		.name = mem_strdup(document->name),
		.origin = mem_strdup(document->origin),
		.rev = mem_strdup(document->rev),
	};
	return 0;
}

static int take_part(void *arg, struct part *part)
{
	struct load_result *result = arg;

	*document_add_part(&result->document[result->n_document - 1]) = *part;
	*part = (struct part){.place = {.time_ms = -1}};
	return 0;
}

static int take_end(void *arg, struct document *document)
{
	struct load_result *result = arg;
	struct document *own = &result->document[result->n_document - 1];

	own->heading = document->heading;
	own->n_heading = document->n_heading;
	own->cap_heading = document->cap_heading;
	own->running = document->running;
	own->n_pages = document->n_pages;
	document->heading = NULL;
	document->n_heading = document->cap_heading = 0;
	return 0;
}

static void take_skipped(void *arg, const struct skipped *skipped)
{
	struct load_result *result = arg;

	mem_grow(result->skipped, result->n_skipped, result->cap_skipped);
	result->skipped[result->n_skipped++] = (struct skipped){
		mem_strdup(skipped->path), mem_strdup(skipped->reason), skipped->is_unreadable};
}

struct load_sink load_result_sink(struct load_result *result)
{
	return (struct load_sink){take_begin, take_part, take_end, take_skipped, result};
}

int load_paths(struct load_result *result, const char *const *path, size_t n_path,
	const struct load_options *options, struct err *err)
{
	static const struct load_options defaults;
	struct load_sink sink = load_result_sink(result);
	int status;

	*result = (struct load_result){0};
	status = load_each(path, n_path, options ? options : &defaults, &sink, err);
	if (status < 0) {
		load_result_finish(result);
	}
	return status;
}
