/* Which loader a file belongs to. */
#include "loaders/loader.h"

#include "base/mem.h"

#include <string.h>

/* In order of preference where two are equally sure. */
static const struct loader *const loaders[] = {&loader_code, &loader_text};

const struct loader *loader_find(const char *path, const char *head, size_t head_len)
{
	const struct loader *best = &loader_text;
	int best_score = 0;

	for (size_t i = 0; i < ARRAY_LEN(loaders); i++) {
		int score = loaders[i]->probe(path, head, head_len);

		if (score > best_score) {
			best = loaders[i];
			best_score = score;
		}
	}
	return best;
}

static int begins_with(const struct buf *bytes, const char *magic, size_t len)
{
	return bytes->len >= len && memcmp(bytes->data, magic, len) == 0;
}

int loader_refuse_binary(const struct buf *bytes, char **reason)
{
	if (begins_with(bytes, "%PDF-", 5)) {
		*reason = mem_strdup("is a PDF, which this carrel cannot read: convert it to text "
				     "(pdftotext) first");
		return LOADER_DAMAGED;
	}
	if (begins_with(bytes, "\xff\xfe", 2) || begins_with(bytes, "\xfe\xff", 2)) {
		*reason = mem_strdup("is UTF-16 text: convert it to UTF-8 (iconv) first");
		return LOADER_DAMAGED;
	}
	if (bytes->len && memchr(bytes->data, 0, bytes->len)) {
		*reason = mem_strdup("is binary: it holds NUL bytes");
		return LOADER_SKIP;
	}
	return LOADER_OK;
}
