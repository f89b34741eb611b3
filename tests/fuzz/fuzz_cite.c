/*
 * Any answer over any source: nothing crashes, every citation that is found stands where it says,
 * and lies within its part.
 */
#include "base/mem.h"
#include "loaders/document.h"
#include "session/cite.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

static int64_t line_count(const struct part *part)
{
	int64_t lines = 1;

	for (size_t i = 0; i < part->len; i++) {
		lines += part->text[i] == '\n';
	}
	return lines;
}

static void check(
	const struct citation *citation, const struct document *document, const char *answer)
{
	int64_t lines = 0;

	must(answer[citation->answer_offset] == '[');
	must(citation->text != NULL);
	if (citation->verdict == VERDICT_NOT_FOUND) {
		must(!citation->source && !citation->path && !citation->line_first);
		return;
	}
	must(citation->source && citation->path);
	if (document->kind == DOCUMENT_TRANSCRIPT) {
		must(citation->time_ms >= -1 && !citation->line_first);
		return;
	}
	for (size_t i = 0; i < document->n_part; i++) {
		int64_t n = line_count(&document->part[i]);

		lines = n > lines ? n : lines;
	}
	must(citation->line_first >= 1 && citation->line_first <= citation->line_last);
	must(citation->line_last <= lines);
}

/* A byte for the kind, the text of the parts up to a NUL, the answer behind it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct document document = {.name = mem_strdup("a.txt"), .origin = mem_strdup("a.txt")};
	struct cite_source source = {.number = 1, .document = &document};
	const char *text = (const char *)data + 1, *nul;
	struct citation *citation;
	size_t count, len;
	char *answer;

	nul = size > 1 ? memchr(text, 0, size - 1) : NULL;
	if (!nul) {
		document_finish(&document);
		return 0;
	}
	document.kind = (enum document_kind)(data[0] % 4);
	for (size_t i = 0; i < (document.kind == DOCUMENT_TEXT ? 1 : 3); i++) {
		struct part *part = document_add_part(&document);
		size_t from = (size_t)(nul - text) * i / 3;

		part->len = (size_t)(nul - text) - from;
		part->text = mem_strndup(text + from, part->len);
		part->place.path = mem_printf("src/a%zu.c", i);
		part->place.page = (int64_t)i + 1;
		part->place.label = mem_strdup(i ? "1" : "i");
		part->place.time_ms = i == 1 && part->len % 2 ? -1 : (int64_t)i * 61000;
		part->place.speaker = mem_strdup(i ? "Ana" : NULL);
	}
	/* An own copy, so that reading past its end is noticed. */
	len = size - 1 - (size_t)(nul + 1 - text);
	answer = malloc(len ? len : 1);
	must(answer != NULL);
	memcpy(answer, nul + 1, len);
	citation = cite_check(answer, len, &source, 1, &count);
	for (size_t i = 0; i < count; i++) {
		check(&citation[i], &document, answer);
	}
	citations_free(citation, count);
	cite_source_finish(&source);
	document_finish(&document);
	free(answer);
	return 0;
}
