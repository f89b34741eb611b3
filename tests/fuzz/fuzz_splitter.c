/*
 * Any bytes under every splitter: the pieces are the whole text, none is empty, and a text that
 * begins where a piece ended goes on as if it had not been cut.
 */
#include "base/mem.h"
#include "engine/token/splitter.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PIECES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

static void check(const struct splitter *splitter, const char *text, size_t len)
{
	size_t end[PIECES], one;

	for (size_t at = 0; at < len;) {
		size_t n = splitter->split(text + at, len - at, end, PIECES), from = at;

		must(n > 0 && n <= PIECES);
		for (size_t i = 0; i < n; i++) {
			/* exactly as long as it is, so that the sanitizer sees reads beyond */
			char *rest = mem_strndup(text + at, len - at);

			must(splitter->split(rest, len - at, &one, 1) == 1);
			must(one > 0 && at + one == from + end[i]);
			at += one;
			free(rest);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct splitter *splitter;

	for (size_t i = 0; size <= 4096 && (splitter = splitter_at(i)) != NULL; i++) {
		check(splitter, (const char *)data, size);
	}
	return 0;
}
