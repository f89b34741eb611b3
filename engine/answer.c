#include "engine/answer.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

void answer_init(struct answer *answer, const char *const *stop)
{
	size_t cap = 0;

	*answer = (struct answer){0};
	for (; stop && *stop; stop++) {
		if (**stop) {
			mem_grow(answer->stop, answer->n_stop, cap);
			answer->stop[answer->n_stop++] = mem_strdup(*stop);
		}
	}
}

void answer_finish(struct answer *answer)
{
	for (size_t i = 0; i < answer->n_stop; i++) {
		free(answer->stop[i]);
	}
	free(answer->stop);
	buf_finish(&answer->held);
	buf_finish(&answer->ready);
	*answer = (struct answer){0};
}

/* Move the first len bytes of what is held to what is ready. */
static void release(struct answer *answer, size_t len)
{
	struct buf *held = &answer->held;

	if (len) {
		buf_add_utf8(&answer->ready, held->data, len);
		memmove(held->data, held->data + len, held->len - len + 1);
		held->len -= len;
	}
}

/* Where the first stop text begins; SIZE_MAX if there is none. */
static size_t find_stop(const struct answer *answer)
{
	size_t first = SIZE_MAX;

	for (size_t i = 0; i < answer->n_stop; i++) {
		const char *hit = memmem(answer->held.data, answer->held.len, answer->stop[i],
			strlen(answer->stop[i]));

		if (hit && (size_t)(hit - answer->held.data) < first) {
			first = (size_t)(hit - answer->held.data);
		}
	}
	return first;
}

/* How many bytes at the end might be the beginning of a stop text. */
static size_t stop_tail(const struct answer *answer)
{
	const struct buf *held = &answer->held;
	size_t longest = 0;

	for (size_t i = 0; i < answer->n_stop; i++) {
		size_t n = strlen(answer->stop[i]) - 1;

		n = n < held->len ? n : held->len;
		while (n > longest && memcmp(held->data + held->len - n, answer->stop[i], n) != 0) {
			n--;
		}
		longest = n > longest ? n : longest;
	}
	return longest;
}

int answer_add(struct answer *answer, const char *bytes, size_t len)
{
	size_t stop, free_bytes;

	buf_add(&answer->held, bytes, len);
	if (!answer->held.len) {
		return 0;
	}
	stop = find_stop(answer);
	if (stop != SIZE_MAX) {
		release(answer, stop);
		buf_clear(&answer->held);
		return 1;
	}
	free_bytes = answer->held.len - stop_tail(answer);
	free_bytes -= utf8_incomplete_tail(answer->held.data, free_bytes);
	release(answer, free_bytes);
	return 0;
}

void answer_flush(struct answer *answer)
{
	release(answer, answer->held.len);
}
