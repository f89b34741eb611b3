/*
 * Any bytes as a document of any kind, cut: every byte of it is in one chunk and one window, none is
 * larger than it should be, and what is packed of them is their words, in whole tags.
 */
#include "base/mem.h"
#include "session/cut.h"
#include "session/pack.h"
#include "tests/unit/packed_slices.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

/* Letters in a row are a token, every other byte is one. */
static int count_words(void *arg, struct tokens_text *text, size_t n_text, struct err *err)
{
	(void)arg;
	(void)err;
	for (size_t i = 0; i < n_text; i++) {
		text[i].n_tok = 0;
		for (size_t k = 0; k < text[i].len; k++) {
			int before = k && text[i].text[k - 1] >= 'a' && text[i].text[k - 1] <= 'z';
			int is = text[i].text[k] >= 'a' && text[i].text[k] <= 'z';

			text[i].n_tok += !(before && is);
		}
	}
	return 0;
}

struct position {
	size_t part, at;
	int64_t line;
};

static void skip_empty(const struct document *document, struct position *at)
{
	while (at->part < document->n_part && at->at == document->part[at->part].len) {
		*at = (struct position){.part = at->part + 1, .line = 1};
	}
}

static void walk(const struct document *document, struct position *at, const struct slice *slice)
{
	skip_empty(document, at);
	must(slice->first == at->part && slice->at == at->at && slice->line == at->line);
	must(slice->last < document->n_part && slice->end <= document->part[slice->last].len);
	must(slice->first < slice->last || slice->at < slice->end);
	while (at->part < slice->last || at->at < slice->end) {
		if (at->at == document->part[at->part].len) {
			*at = (struct position){.part = at->part + 1, .line = 1};
		} else {
			at->line += document->part[at->part].text[at->at++] == '\n';
		}
	}
}

static void check_packed(const struct document *document, const struct slice *slice, size_t n_slice)
{
	struct prompt prompt = {0};
	struct buf want = BUF_INIT, words = BUF_INIT, left_out = BUF_INIT, all = BUF_INIT;

	pack_slices_content(&prompt, document, slice, n_slice);
	slices_text(&want, document, slice, n_slice);
	packed_words(&words, &left_out, &prompt);
	must(want.len == words.len && (!want.len || !memcmp(want.data, words.data, want.len)));
	for (size_t i = 0; i < prompt.count; i++) {
		size_t len;
		const char *text = segment_bytes(prompt.item[i], &len);

		buf_add(&all, text, len);
	}
	must(count_in(&all, "<source") == 0 && count_in(&all, "</source") == 0);
	must(count_in(&all, "<file") == count_in(&left_out, "<file path="));
	must(count_in(&all, "</file") == count_in(&left_out, "<file path="));
	must(count_in(&all, "<page") == count_in(&left_out, "<page n="));
	must(count_in(&all, "</page") == count_in(&left_out, "<page n="));
	prompt_finish(&prompt);
	buf_finish(&want);
	buf_finish(&words);
	buf_finish(&left_out);
	buf_finish(&all);
}

static void check_cut(const struct document *document, const struct cut *cut, int64_t chunk_tok)
{
	struct position chunks = {.line = 1}, windows = {.line = 1};
	struct slice *even = mem_alloc((cut->n_chunk + 1) * sizeof(*even));

	for (size_t i = 0; i < cut->n_chunk; i++) {
		walk(document, &chunks, &cut->chunk[i].slice);
		must(cut->chunk[i].window < cut->n_window);
		even[i / 2] = cut->chunk[i].slice; /* every second one, or the one behind it */
		must(document->kind == DOCUMENT_CODE || chunk_tok < 64 ||
			cut->chunk[i].tokens <= chunk_tok);
	}
	for (size_t i = 0; i < cut->n_window; i++) {
		walk(document, &windows, &cut->window[i].slice);
		check_packed(document, &cut->window[i].slice, 1);
	}
	skip_empty(document, &chunks);
	skip_empty(document, &windows);
	must(chunks.part == document->n_part && windows.part == document->n_part);
	check_packed(document, even, cut->n_chunk / 2);
	free(even);
}

/* Three bytes say the kind and the sizes; a byte 1 ends a part, what follows a 2 is its path. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct document document = {.name = mem_strdup("d")};
	struct cut_rule rule = {.count = count_words};
	struct cut cut;
	size_t at = 3;

	if (size < 4) {
		document_finish(&document);
		return 0;
	}
	document.kind = (enum document_kind)(data[0] % 4);
	rule.chunk_tok = 1 + data[1];
	rule.window_tok = rule.chunk_tok + 4 * data[2];
	while (at < size) {
		const uint8_t *end = memchr(data + at, 1, size - at);
		size_t len = end && document.kind ? (size_t)(end - data) - at : size - at;
		struct part *part = document_add_part(&document);

		part->text = len ? mem_alloc(len) : NULL;
		if (len) {
			memcpy(part->text, data + at, len);
		}
		part->len = len;
		part->place.path = mem_strdup("f");
		document_add_heading(
			&document, 1, "h", 1, document.n_part - 1, 1 + data[1 + len % 2] % 9);
		at += len + 1;
	}
	must(cut_make(&cut, &document, &rule, NULL) == 0);
	check_cut(&document, &cut, rule.chunk_tok);
	cut_finish(&cut);
	document_finish(&document);
	return 0;
}
