/* A quote as it is searched. */
#include "session/fold.h"

#include "base/mem.h"
#include "session/fold_text.h"

#include <stdlib.h>
#include <string.h>

static int is_tail(char c)
{
	return c == '.' || c == ',' || c == ' ';
}

static size_t weigh(const char *bytes, size_t len)
{
	size_t weight = 0;

	for (size_t i = 0; i < len;) {
		uint32_t cp;

		i += fold_decode(bytes, len, i, &cp);
		weight += fold_is_word(cp) && cp < 0x110000 ? 1 + (cp >= 0x80) : 0;
	}
	return weight;
}

/* Forget the first n bytes. */
static void drop_front(struct fold_needle *needle, size_t n)
{
	needle->len -= n;
	memmove(needle->bytes, needle->bytes + n, needle->len);
	memmove(needle->hyphen, needle->hyphen + n, needle->len);
	memmove(needle->origin, needle->origin + n, needle->len * sizeof(*needle->origin));
}

void fold_needle_init(struct fold_needle *needle, const char *text, size_t len)
{
	enum fold_hyphen pending = FOLD_NO_HYPHEN;
	struct fold_token token;
	size_t skip = 0;

	*needle = (struct fold_needle){0};
	needle->bytes = mem_alloc(2 * len + 4); /* U+FB03 makes three bytes of three */
	needle->hyphen = mem_zero(2 * len + 4, 1);
	needle->origin = mem_zero(2 * len + 4, sizeof(*needle->origin));
	for (size_t at = 0; at < len;) {
		size_t origin = at;

		at += fold_next(text, len, at, &token);
		pending = token.hyphen ? token.hyphen : pending;
		if (token.n_byte == 0 || (token.byte[0] == ' ' && needle->len &&
						 needle->bytes[needle->len - 1] == ' ')) {
			continue;
		}
		needle->hyphen[needle->len] = (uint8_t)pending;
		memcpy(needle->bytes + needle->len, token.byte, token.n_byte);
		for (size_t i = 0; i < token.n_byte; i++) {
			needle->origin[needle->len++] = origin;
		}
		pending = FOLD_NO_HYPHEN;
	}
	while (skip < needle->len && needle->bytes[skip] == ' ') {
		skip++;
	}
	if (needle->len - skip > 3 && memcmp(needle->bytes + skip, "...", 3) == 0) {
		skip += 3;
		skip += needle->bytes[skip] == ' ';
	}
	drop_front(needle, skip);
	while (needle->len && needle->bytes[needle->len - 1] == ' ') {
		needle->len--;
	}
	while (needle->len && is_tail(needle->bytes[needle->len - 1])) {
		needle->len--;
		needle->n_tail++;
	}
	needle->lower = mem_alloc(needle->len);
	for (size_t i = 0; i < needle->len; i++) {
		needle->lower[i] = fold_lower(needle->bytes[i]);
	}
	needle->weight = weigh(needle->bytes, needle->len);
}

void fold_needle_finish(struct fold_needle *needle)
{
	free(needle->bytes);
	free(needle->lower);
	free(needle->hyphen);
	free(needle->origin);
	*needle = (struct fold_needle){0};
}
