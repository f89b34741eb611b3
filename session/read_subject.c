/* Which part of what a question is about stands somewhere. */
#include "session/read_internal.h"

#include <math.h>

/* Words that are related begin alike, which is quickly told. */
static int may_be_related(struct word a, struct word b)
{
	return ((a.text[0] ^ b.text[0]) & ~('a' ^ 'A')) == 0;
}

static size_t find_word(const struct read_subject *subject, struct word word)
{
	size_t i = 0;

	while (i < subject->n && !(may_be_related(subject->word[i], word) &&
					 words_related(subject->word[i], word))) {
		i++;
	}
	return i;
}

/* Which words stand in some bytes, as bits. */
static uint32_t words_in(const struct read_subject *subject, const char *text, size_t len)
{
	uint32_t has = 0;
	struct word word;

	for (size_t at = 0; words_next(text, len, &at, &word);) {
		size_t i = find_word(subject, word);

		has |= i < subject->n ? UINT32_C(1) << i : 0;
	}
	return has;
}

static uint32_t words_in_slice(const struct read_subject *subject, const struct document *document,
	const struct slice *slice)
{
	uint32_t has = 0;

	for (size_t part = slice->first; part <= slice->last; part++) {
		size_t at = part == slice->first ? slice->at : 0;
		size_t end = part == slice->last ? slice->end : document->part[part].len;

		has |= words_in(subject, document->part[part].text + at, end - at);
	}
	return has;
}

/* By the windows that have a word: log(1 + (N - n + 0.5) / (n + 0.5)), as BM25 weighs them. */
static void weigh(struct read_subject *subject, const struct library *library)
{
	size_t n_with[READ_WORDS_MAX] = {0};

	for (size_t i = 0; i < library->n_window; i++) {
		const struct window *window;
		const struct library_source *source = library_window(library, i, &window);
		uint32_t has = words_in_slice(subject, source->document, &window->slice);

		for (size_t k = 0; k < subject->n; k++) {
			n_with[k] += has >> k & 1;
		}
	}
	for (size_t k = 0; k < subject->n; k++) {
		double n = (double)n_with[k], all = (double)library->n_window;

		subject->weight[k] = log(1 + (all - n + 0.5) / (n + 0.5));
		subject->sum += subject->weight[k];
	}
}

struct read_subject read_subject(const struct reading *reading)
{
	struct read_subject subject = {.n = 0};
	struct word word;

	for (size_t at = 0; subject.n < READ_WORDS_MAX &&
			    words_next(reading->question, reading->question_len, &at, &word);) {
		if (!words_is_stop(word) && find_word(&subject, word) == subject.n) {
			subject.word[subject.n++] = word;
		}
	}
	weigh(&subject, reading->library);
	return subject;
}

double read_share(const struct read_subject *subject, const struct document *document,
	const struct slice *slice)
{
	uint32_t has = words_in_slice(subject, document, slice);
	double sum = 0;

	for (size_t k = 0; k < subject->n; k++) {
		sum += has >> k & 1 ? subject->weight[k] : 0;
	}
	return subject->sum > 0 ? sum / subject->sum : 0;
}
