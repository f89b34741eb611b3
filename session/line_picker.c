#include "session/line_picker.h"

#include "session/words.h"

#include <math.h>
#include <string.h>

#define BM25_K1 1.2
#define BM25_B  0.75

enum { TERM_MAX = 64, JOINED_MAX_LINES = 12 };

struct query {
	struct word term[TERM_MAX];
	double weight[TERM_MAX];
	size_t n_term;
};

/* A document: some lines of a text. */
struct unit {
	size_t text, first, end;
};

struct picker {
	const struct lines *text;
	size_t n_text;
	enum line_picker_unit kind;
};

static void read_query(struct query *query, const char *question, size_t len)
{
	struct word word;

	query->n_term = 0;
	for (size_t at = 0; words_next(question, len, &at, &word) && query->n_term < TERM_MAX;) {
		int is_new = !words_is_stop(word);

		for (size_t i = 0; i < query->n_term && is_new; i++) {
			is_new = !words_equal(query->term[i], word);
		}
		if (is_new) {
			query->term[query->n_term++] = word;
		}
	}
}

/* The document that begins at *unit or behind it; returns 0 behind the last. Blank lines are none. */
static int next_unit(const struct picker *picker, struct unit *unit)
{
	const struct lines *lines;
	size_t column;

	while (unit->text < picker->n_text) {
		lines = &picker->text[unit->text];
		if (unit->first >= lines->count) {
			*unit = (struct unit){.text = unit->text + 1};
			continue;
		}
		if (line_is_blank(lines_at(lines, unit->first))) {
			unit->first++;
			continue;
		}
		unit->end = unit->first + 1;
		column = lines_at(lines, unit->first).column;
		while (picker->kind == PICK_JOINED && unit->end < lines->count &&
			unit->end < unit->first + JOINED_MAX_LINES) {
			struct line line = lines_at(lines, unit->end);

			if (line_is_blank(line) || line.column <= column) {
				break;
			}
			unit->end++;
		}
		return 1;
	}
	return 0;
}

/* Words of the document, and how often each term is among them. */
static size_t count_terms(const struct picker *picker, const struct unit *unit,
	const struct query *query, size_t count[TERM_MAX])
{
	const struct lines *lines = &picker->text[unit->text];
	size_t begin = lines->start[unit->first], n_word = 0;
	size_t len = lines->start[unit->end] - begin;
	struct word word;

	memset(count, 0, query->n_term * sizeof(*count));
	for (size_t at = 0; words_next(lines->text + begin, len, &at, &word);) {
		n_word++;
		for (size_t i = 0; i < query->n_term; i++) {
			count[i] += (size_t)words_equal(query->term[i], word);
		}
	}
	return n_word;
}

/* Weighs the terms; returns the mean length of a document. */
static double weigh(const struct picker *picker, struct query *query)
{
	size_t n_unit = 0, n_word = 0, with[TERM_MAX] = {0}, count[TERM_MAX];

	for (struct unit unit = {0}; next_unit(picker, &unit); unit.first++) {
		n_word += count_terms(picker, &unit, query, count);
		n_unit++;
		for (size_t i = 0; i < query->n_term; i++) {
			with[i] += count[i] > 0;
		}
	}
	for (size_t i = 0; i < query->n_term; i++) {
		double has = (double)with[i];

		query->weight[i] = log(1 + ((double)n_unit - has + 0.5) / (has + 0.5));
	}
	return n_unit ? (double)n_word / (double)n_unit : 1;
}

struct line_pick line_picker_pick(const struct lines *text, size_t n_text,
	enum line_picker_unit kind, const char *question, size_t question_len)
{
	struct picker picker = {text, n_text, kind};
	struct line_pick best = {0};
	struct query query;
	double mean_words;

	read_query(&query, question, question_len);
	mean_words = weigh(&picker, &query);
	for (struct unit unit = {0}; next_unit(&picker, &unit); unit.first++) {
		size_t count[TERM_MAX];
		double n_word = (double)count_terms(&picker, &unit, &query, count), score = 0;

		for (size_t i = 0; i < query.n_term; i++) {
			double n = (double)count[i];

			score += query.weight[i] * n * (BM25_K1 + 1) /
				 (n + BM25_K1 * (1 - BM25_B + BM25_B * n_word / mean_words));
		}
		if (score > best.score) {
			best = (struct line_pick){unit.text, unit.first, score};
		}
	}
	return best;
}
