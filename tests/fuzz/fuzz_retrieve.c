/*
 * Chunks of any text, asked any question: what is found is the library's, and is found twice alike. And
 * an index as somebody else may have written it, whose digests are right: nothing worse than a miss.
 * The first byte says how much of the rest is the question; what follows is the text, and what the
 * index is changed by: a place of two bytes, and a byte.
 */
#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "session/retrieve.h"
#include "session/retrieve_index.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHUNK_BYTES = 40, HEAD_BYTES = INDEX_MAGIC_BYTES + 32 };

static char folder[] = "/tmp/carrel-fuzz-retrieve-XXXXXX";

static void clean(void)
{
	retrieve_forget(folder);
	rmdir(folder);
}

/* One text, a chunk for every few bytes of it. */
static void make_library(
	struct library *library, struct library_source *source, struct document *document)
{
	struct part *part = &document->part[0];
	struct cut *cut = &source->cut;

	*source = (struct library_source){.number = 1, .document = document};
	cut->n_chunk = (part->len + CHUNK_BYTES - 1) / CHUNK_BYTES;
	cut->chunk = mem_zero(cut->n_chunk + 1, sizeof(*cut->chunk));
	for (size_t i = 0; i < cut->n_chunk; i++) {
		size_t at = i * CHUNK_BYTES;
		size_t end = at + CHUNK_BYTES < part->len ? at + CHUNK_BYTES : part->len;

		cut->chunk[i] =
			(struct chunk){.slice = {0, at, 0, end, 1}, .tokens = (int64_t)(end - at)};
	}
	*library = (struct library){.source = source, .n_source = 1, .n_chunk = cut->n_chunk};
}

/* Returns how many chunks are found. */
static size_t ask(const struct library *library, const char *question, size_t len)
{
	struct retrieve *retrieve;
	struct ranked *ranked;
	struct excerpt *excerpt;
	size_t count, n_excerpt;

	if (retrieve_open(&retrieve, library, folder, NULL, NULL) < 0 ||
		retrieve_rank(retrieve, question, len, 50, &ranked, &count, NULL) < 0) {
		abort();
	}
	for (size_t i = 0; i < count; i++) {
		if (ranked[i].chunk >= library->n_chunk || !(ranked[i].score > 0)) {
			abort();
		}
	}
	retrieve_pick(library, ranked, count, 200, &excerpt, &n_excerpt);
	free(excerpt);
	free(ranked);
	retrieve_close(retrieve);
	return count;
}

static void change_index(const uint8_t *change, size_t len)
{
	char *path = mem_printf("%s/%s", folder, RETRIEVE_INDEX_FILE);
	struct buf file = BUF_INIT;
	struct sha256_digest body;
	FILE *out;

	if (file_read(&file, path, 1 << 24, NULL) < 0 || file.len < HEAD_BYTES + 32) {
		abort();
	}
	for (size_t i = 0; i + 3 <= len; i += 3) {
		size_t at = (size_t)(change[i] << 8 | change[i + 1]);

		file.data[HEAD_BYTES + 32 + at % (file.len - HEAD_BYTES - 32)] ^=
			(char)change[i + 2];
	}
	body = sha256_of(file.data + HEAD_BYTES + 32, file.len - HEAD_BYTES - 32);
	memcpy(file.data + HEAD_BYTES, &body, sizeof(body));
	out = fopen(path, "wb");
	if (!out || fwrite(file.data, file.len, 1, out) != 1 || fclose(out) != 0) {
		abort();
	}
	buf_finish(&file);
	free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int is_there;
	struct part part = {.place = {.time_ms = -1}};
	struct document document = {
		.kind = DOCUMENT_TEXT, .name = (char *)"t", .part = &part, .n_part = 1};
	struct library library;
	struct library_source source;
	size_t len, count;

	if (!is_there) {
		is_there = mkdtemp(folder) != NULL;
		atexit(clean);
	}
	if (size < 2) {
		return 0;
	}
	len = data[0] < size - 1 ? data[0] : size - 1;
	part.text = mem_strndup((const char *)data + 1 + len, size - 1 - len);
	part.len = size - 1 - len;
	make_library(&library, &source, &document);
	count = ask(&library, (const char *)data + 1, len);
	if (ask(&library, (const char *)data + 1, len) != count) {
		abort();
	}
	change_index(data + 1 + len, size - 1 - len);
	ask(&library, (const char *)data + 1, len);
	retrieve_forget(folder);
	free(source.cut.chunk);
	free(part.text);
	return 0;
}
