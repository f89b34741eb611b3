/*
 * Any bytes as a document to ask about: each entry lies in it and can be asked for, and a question
 * that is made keeps what was ordered.
 */
#include "loaders/document.h"
#include "session/quiz.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

/* The bytes are not terminated: who reads behind them is caught. */
static void find(const char *name, const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1);
	struct quiz_entries entries = {0};
	struct lines lines;

	must(text != NULL);
	memcpy(text, data, size);
	lines_init(&lines, text, size);
	quiz_find(&entries, 3, name, &lines);
	for (size_t i = 0; i < entries.count; i++) {
		const struct quiz_entry *entry = &entries.item[i];

		must(entry->document == 3 && entry->line_first <= entry->line_last);
		must(entry->line_last < lines.count);
		must(entry->kind == QUIZ_SECTION_OTHER || entry->anchor[0]);
		must(i == 0 || entry[-1].line_first <= entry->line_first);
	}
	quiz_entries_finish(&entries);
	lines_finish(&lines);
	free(text);
}

static int count_bytes(
	void *arg, const struct quiz_question *question, int64_t *prompt_tok, struct err *err)
{
	*prompt_tok = 40;
	for (size_t i = 0; i < question->n_source; i++) {
		*prompt_tok += (int64_t)question->source[i].part[0].len;
	}
	return 0;
}

static void make(struct quiz *quiz, enum quiz_family family, int is_absent)
{
	struct quiz_order order = {.family = family,
		.is_absent = is_absent,
		.least_tok = 90,
		.most_tok = 200,
		.settle = 1,
		.count = count_bytes};
	struct quiz_question question;

	if (quiz_make(quiz, &order, &question, NULL) == 1) {
		must(question.prompt_tok >= 90 && question.prompt_tok <= 200);
		must(question.target < question.n_source && question.text[0]);
		must(question.is_absent == is_absent && (question.line_first > 0) != is_absent);
		quiz_picker_is_right(&question, PICK_JOINED);
		quiz_question_finish(&question);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"a.1", "a.md", "a.conf", "a.c", "a.py", "a.go", "a.sh", "changelog"};
	struct quiz *quiz;
	const char *name;

	if (size < 1) {
		return 0;
	}
	name = names[data[0] % (sizeof(names) / sizeof(names[0]))];
	find(name, data + 1, size - 1);
	quiz = quiz_create();
	quiz_add_text(quiz, name, (const char *)data + 1, (size - 1) / 2);
	quiz_add_text(
		quiz, name, (const char *)data + 1 + (size - 1) / 2, size - 1 - (size - 1) / 2);
	for (int family = 0; family < QUIZ_N_FAMILY; family++) {
		make(quiz, (enum quiz_family)family, 0);
		make(quiz, (enum quiz_family)family, 1);
	}
	quiz_destroy(quiz);
	return 0;
}
