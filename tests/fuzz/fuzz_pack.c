/*
 * Any bytes as a document of any kind: the escape and the attributes come back exactly, no body
 * holds a tag, and what is packed is whole.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "engine/engine.h"
#include "loaders/document.h"
#include "session/pack.h"

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

static void round_trip(const char *text, size_t len)
{
	struct buf encoded = BUF_INIT, back = BUF_INIT;

	pack_escape(&encoded, text, len);
	must(!memmem(buf_str(&encoded), encoded.len, "<source", 7) &&
		!memmem(buf_str(&encoded), encoded.len, "</file", 6));
	pack_unescape(&back, buf_str(&encoded), encoded.len);
	must(back.len == len && (!len || memcmp(back.data, text, len) == 0));
	buf_clear(&encoded);
	buf_clear(&back);
	pack_attribute(&encoded, text, len);
	must(!strpbrk(buf_str(&encoded), "\"<\n"));
	pack_attribute_decode(&back, buf_str(&encoded), encoded.len);
	must(back.len == len && (!len || memcmp(back.data, text, len) == 0));
	buf_finish(&encoded);
	buf_finish(&back);
}

static size_t count(const char *text, size_t len, const char *what)
{
	size_t n = 0;

	for (const char *at = text;
		(at = memmem(at, len - (size_t)(at - text), what, strlen(what))); at++) {
		n++;
	}
	return n;
}

/* The first byte says the kind, the others are names and the text of three parts. */
static void pack_document(const char *text, size_t len, enum document_kind kind)
{
	struct document document = {.kind = kind, .name = mem_strndup(text, len < 9 ? len : 9)};
	struct prompt prompt = {0};
	struct buf all = BUF_INIT;

	for (size_t i = 0; i < (kind == DOCUMENT_TEXT ? 1 : 3); i++) {
		struct part *part = document_add_part(&document);
		size_t from = len * i / 3;

		part->place.path = mem_strndup(text, len / 2);
		part->place.label = mem_strndup(text + from, len - from);
		part->place.speaker = mem_strndup(text, len < 5 ? len : 5);
		part->text = mem_strndup(text + from, len - from);
		part->len = len - from;
	}
	pack_source(&prompt, PACK_BEFORE_NOTHING, 1, &document);
	for (size_t i = 0; i < prompt.count; i++) {
		size_t n;
		const char *bytes = segment_bytes(prompt.item[i], &n);

		must(n > 0);
		buf_add(&all, bytes, n);
	}
	must(count(all.data, all.len, "<source") == 1);
	must(count(all.data, all.len, "</source>") == 1);
	must(count(all.data, all.len, "<file") == (kind == DOCUMENT_CODE ? 3 : 0));
	must(count(all.data, all.len, "</page>") == (kind == DOCUMENT_PDF ? 3 : 0));
	prompt_finish(&prompt);
	buf_finish(&all);
	document_finish(&document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	round_trip(text, size);
	if (size > 1) {
		pack_document(text + 1, size - 1, (enum document_kind)(data[0] % 4));
	}
	return 0;
}
