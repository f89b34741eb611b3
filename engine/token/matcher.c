#include "engine/token/matcher.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void matcher_add(struct matcher *matcher, const char *text, size_t len, uint32_t value)
{
	unsigned pair = (unsigned)(uint8_t)text[0] << 8;

	mem_grow(matcher->string, matcher->count, matcher->cap);
	matcher->string[matcher->count++] = (struct match_string){text, len, value};
	for (unsigned second = 0; second < 256; second++) {
		if (len == 1 || (uint8_t)text[1] == second) {
			matcher->begin[(pair | second) >> 6] |= (uint64_t)1 << (second & 63);
		}
	}
}

static int compare(const void *left, const void *right)
{
	const struct match_string *a = left, *b = right;
	int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

void matcher_ready(struct matcher *matcher)
{
	if (matcher->count) {
		qsort(matcher->string, matcher->count, sizeof(*matcher->string), compare);
	}
}

void matcher_finish(struct matcher *matcher)
{
	free(matcher->string);
	*matcher = (struct matcher){0};
}

/* The first string in [low, high) whose byte at `depth` is at least `byte`. */
static size_t lower_bound(
	const struct matcher *matcher, size_t low, size_t high, size_t depth, unsigned byte)
{
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if ((uint8_t)matcher->string[middle].text[depth] < byte) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

const struct match_string *matcher_next(
	const struct matcher *matcher, struct match_walk *walk, const char *text, size_t len)
{
	if (!walk->started) {
		*walk = (struct match_walk){.high = matcher->count, .started = 1};
	}
	while (walk->depth < len && walk->low < walk->high) {
		unsigned byte = (uint8_t)text[walk->depth];

		walk->low = lower_bound(matcher, walk->low, walk->high, walk->depth, byte);
		walk->high = lower_bound(matcher, walk->low, walk->high, walk->depth, byte + 1);
		walk->depth++;
		/* The shortest stand first in a range, and no string stands twice. */
		if (walk->low < walk->high && matcher->string[walk->low].len == walk->depth) {
			return &matcher->string[walk->low++];
		}
	}
	return NULL;
}

const struct match_string *matcher_longest(
	const struct matcher *matcher, const char *text, size_t len)
{
	struct match_walk walk = {0};
	const struct match_string *match, *longest = NULL;

	while ((match = matcher_next(matcher, &walk, text, len)) != NULL) {
		longest = match;
	}
	return longest;
}

size_t matcher_find(const struct matcher *matcher, const char *text, size_t len, size_t from,
	const struct match_string **found)
{
	for (size_t at = from; at < len; at++) {
		if (matcher_may_begin(matcher, text + at, len - at)) {
			*found = matcher_longest(matcher, text + at, len - at);
			if (*found) {
				return at;
			}
		}
	}
	return len;
}
