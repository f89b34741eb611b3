#include "session/quiz_measure.h"

#include <ctype.h>
#include <string.h>

static int is_verified(const struct citation *citation)
{
	return citation->verdict == VERDICT_VERIFIED || citation->verdict == VERDICT_MOVED;
}

/* ---- sentences ---- */

/* Where the bracket of a citation ends that begins at `at`: its words may hold brackets. */
static size_t bracket_end(const struct session_answer *answer, size_t at)
{
	const char *text = answer->text, *end;
	size_t from = at;

	for (size_t i = 0; i < answer->n_citation; i++) {
		const struct citation *citation = &answer->citation[i];
		size_t len = strlen(citation->text);
		const char *words =
			citation->answer_offset == at && len
				? memmem(text + from, answer->text_len - from, citation->text, len)
				: NULL;

		/* Words that stand before the bracket are not in it. */
		if (words && !memchr(text + from, ']', (size_t)(words - text) - from)) {
			from = (size_t)(words - text) + len;
		}
	}
	end = memchr(text + from, ']', answer->text_len - from);
	return end ? (size_t)(end - text) + 1 : answer->text_len;
}

/* Whether a citation begins at `at`, and whether one that begins there is verified. */
static int begins_citation(const struct session_answer *answer, size_t at, int *is_backed)
{
	int begins = 0;

	for (size_t i = 0; i < answer->n_citation; i++) {
		if (answer->citation[i].answer_offset == at && answer->text[at] == '[') {
			begins = 1;
			*is_backed |= is_verified(&answer->citation[i]);
		}
	}
	return begins;
}

struct sentence {
	int has_words, has_quote; /* outside of brackets; a bracket */
	int is_backed;
	int ends_line;
};

/* The sentence from *at on, which moves behind it; returns 0 at the end. */
static int next_sentence(const struct session_answer *answer, size_t *at, struct sentence *out)
{
	const char *text = answer->text;
	size_t len = answer->text_len;

	*out = (struct sentence){0};
	while (*at < len && !out->ends_line) {
		unsigned char c = (unsigned char)text[*at];
		int is_end = c == '.' || c == '!' || c == '?';

		if (begins_citation(answer, *at, &out->is_backed)) {
			out->has_quote = 1;
			*at = bracket_end(answer, *at);
			/* Alone, with text behind it in its line: a sentence of its own. */
			if (!out->has_words && *at < len && text[*at] == ' ') {
				return 1;
			}
			continue;
		}
		++*at;
		out->ends_line = c == '\n';
		out->has_words |= isalnum(c) || c >= 0x80;
		if (is_end &&
			(*at == len || isspace((unsigned char)text[*at]) || text[*at] == '[') &&
			(out->has_words || out->has_quote)) {
			out->ends_line = *at == len || text[*at] == '\n';
			return 1;
		}
	}
	return out->has_words || out->has_quote || *at < len;
}

static void count_sentences(struct quiz_measure *sums, const struct session_answer *answer)
{
	struct sentence before = {.ends_line = 1}, here;
	int is_counted = 1; /* what is before, as backed */

	for (size_t at = 0; next_sentence(answer, &at, &here);) {
		int is_alone = here.has_quote && !here.has_words;
		int is_same_line = !before.ends_line;

		if (!here.has_quote && !here.has_words) {
			before.ends_line |= here.ends_line;
			continue;
		}
		sums->n_sentence++;
		if (is_alone && here.is_backed && is_same_line && !is_counted) {
			sums->n_backed++;
		}
		is_counted = here.is_backed || (is_same_line && before.is_backed &&
						       before.has_quote && !before.has_words);
		sums->n_backed += is_counted;
		before = here;
	}
}

/* ---- places ---- */

static int64_t first_line(const struct quiz_question *question)
{
	return question->line_heading ? question->line_heading : question->line_first;
}

static int is_needed(const struct quiz_question *question, const char *path, int64_t line_first,
	int64_t line_last)
{
	return quiz_is_path(question, path) && line_last >= first_line(question) &&
	       line_first <= question->line_last;
}

/* Whether each line of the entry was read. */
static int is_recalled(const struct quiz_question *question, const struct session_answer *answer)
{
	if (!answer->n_place) {
		return answer->coverage.over == SESSION_OVER_FAIL;
	}
	for (int64_t line = question->line_first; line <= question->line_last; line++) {
		int is_read = 0;

		for (size_t i = 0; i < answer->n_place && !is_read; i++) {
			const struct session_place *place = &answer->place[i];

			is_read = quiz_is_path(question, place->path) &&
				  place->line_first <= line && place->line_last >= line;
		}
		if (!is_read) {
			return 0;
		}
	}
	return 1;
}

void quiz_measure_add(struct quiz_measure *sums, const struct quiz_question *question,
	const struct session_answer *answer, const struct session_place *kept, size_t n_kept)
{
	if (!quiz_grade(question, answer).refused) {
		count_sentences(sums, answer);
	}
	if (question->is_absent) {
		return;
	}
	sums->n_needed++;
	sums->n_recalled += is_recalled(question, answer);
	for (size_t i = 0; i < answer->n_citation; i++) {
		const struct citation *citation = &answer->citation[i];

		sums->n_quote++;
		sums->n_quote_needed += citation->verdict != VERDICT_NOT_FOUND &&
					is_needed(question, citation->path, citation->line_first,
						citation->line_last);
	}
	for (size_t i = 0; i < n_kept; i++) {
		sums->n_quote++;
		sums->n_quote_needed +=
			is_needed(question, kept[i].path, kept[i].line_first, kept[i].line_last);
	}
}
