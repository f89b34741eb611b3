/* Whether an answer is right. */
#include "session/quiz.h"

#include "base/mem.h"
#include "loaders/document.h"
#include "session/refusal.h"
#include "session/words.h"

#include <stdlib.h>
#include <string.h>

/* Whether some words have one of the expected answer that is not in the anchor. */
static int has_answer_word(const struct quiz_question *question, const char *words, int stop_too)
{
	const char *expected = question->expected;
	struct word word;
	int has_any = 0;

	for (size_t at = 0; words_next(expected, strlen(expected), &at, &word);) {
		if ((!stop_too && words_is_stop(word)) ||
			words_has(question->anchor, strlen(question->anchor), word)) {
			continue;
		}
		has_any = 1;
		if (words_has(words, strlen(words), word)) {
			return 1;
		}
	}
	/* A value may be a word that elsewhere says nothing: `no`. */
	return !has_any && !stop_too && has_answer_word(question, words, 1);
}

int quiz_is_path(const struct quiz_question *question, const char *path)
{
	size_t len = path ? strlen(path) : 0, own = question->path ? strlen(question->path) : 0;

	return own && len >= own && strcmp(path + len - own, question->path) == 0 &&
	       (len == own || path[len - own - 1] == '/');
}

/* Whether it is of the document with the entry. */
static int is_of_target(const struct quiz_question *question, const struct citation *citation)
{
	if (question->path) {
		return quiz_is_path(question, citation->path);
	}
	return citation->source && citation->source[0] == 'S' &&
	       strtoull(citation->source + 1, NULL, 10) == question->target + 1;
}

static int is_right(const struct quiz_question *question, const struct citation *citation)
{
	int64_t first = question->line_heading ? question->line_heading : question->line_first;

	return is_of_target(question, citation) && citation->line_first >= first &&
	       citation->line_last >= question->line_first &&
	       citation->line_last <= question->line_last &&
	       has_answer_word(question, citation->text, 0);
}

struct quiz_grade quiz_grade(
	const struct quiz_question *question, const struct session_answer *answer)
{
	struct quiz_grade grade = {.n_citation = answer->n_citation};

	for (size_t i = 0; i < answer->n_citation; i++) {
		const struct citation *citation = &answer->citation[i];

		if (citation->verdict == VERDICT_NOT_FOUND) {
			continue;
		}
		if (grade.n_found++ == 0 && !question->is_absent) {
			grade.right = is_right(question, citation);
		}
	}
	grade.refused = !answer->n_citation && refusal_is(answer->text, answer->text_len);
	return grade;
}

int quiz_picker_is_right(const struct quiz_question *question, enum line_picker_unit unit)
{
	struct lines *text = mem_zero(question->n_source, sizeof(*text));
	struct line_pick pick;

	for (size_t i = 0; i < question->n_source; i++) {
		const struct part *part = &question->source[i].part[0];

		lines_init(&text[i], part->text, part->len);
	}
	pick = line_picker_pick(
		text, question->n_source, unit, question->text, strlen(question->text));
	for (size_t i = 0; i < question->n_source; i++) {
		lines_finish(&text[i]);
	}
	free(text);
	return !question->is_absent && pick.score > 0 && pick.text == question->target &&
	       (int64_t)pick.line + 1 >= question->line_first &&
	       (int64_t)pick.line + 1 <= question->line_last;
}
