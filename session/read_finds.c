/* What windows answered, the best first, and which of it the last pass reads. */
#include "session/read_internal.h"

#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * A find that scores less, in parts of what the best one does, is not read. A model that was trained on
 * short texts quotes something of one window in ten that has nothing, and is led astray by it.
 */
#define NEAR_BEST       0.6
#define NEAR_BEST_SHORT 0.9

enum {
	AROUND_BYTES = 700, /* of an excerpt, if its quote is not longer: some 200 tokens */
	ROUNDS_MAX = 8,
	SHORT_TRAIN_TOK = 16384,
};

void finds_finish(struct finds *finds)
{
	for (size_t i = 0; i < finds->count; i++) {
		citations_free(finds->item[i].citation, 1);
	}
	free(finds->item);
	*finds = (struct finds){0};
}

size_t finds_add(struct finds *finds, const struct excerpt *in, size_t window, double confidence,
	const struct citation *citation, size_t n_citation)
{
	size_t before = finds->count;

	for (size_t i = 0; i < n_citation; i++) {
		struct slice lines;

		if (citation[i].verdict == VERDICT_NOT_FOUND ||
			excerpt_cited(in, 1, &citation[i], &lines)) {
			continue;
		}
		mem_grow(finds->item, finds->count, finds->cap);
		finds->item[finds->count++] = (struct find){
			.window = window,
			.citation = session_copy_citations(&citation[i], 1),
			.excerpt = {in->source,
				excerpt_widen(in->source->document, lines, AROUND_BYTES)},
			.confidence = confidence,
			.tokens = -1,
		};
	}
	return finds->count - before;
}

static int by_window(const void *a, const void *b)
{
	const struct find *x = a, *y = b;

	if (x->window != y->window) {
		return x->window < y->window ? -1 : 1;
	}
	return x->citation->answer_offset < y->citation->answer_offset
		       ? -1
		       : x->citation->answer_offset > y->citation->answer_offset;
}

size_t finds_count_windows(const struct finds *finds, int kept_only)
{
	size_t *window = mem_alloc((finds->count + 1) * sizeof(*window)), n = 0;

	for (size_t i = 0; i < finds->count; i++) {
		size_t k = 0;

		if (kept_only && !finds->item[i].is_kept) {
			continue;
		}
		while (k < n && window[k] != finds->item[i].window) {
			k++;
		}
		if (k == n) {
			window[n++] = finds->item[i].window;
		}
	}
	free(window);
	return n;
}

/* ---- ranking ---- */

static int by_score(const void *a, const void *b)
{
	const struct find *x = a, *y = b;

	if (x->score != y->score) {
		return x->score > y->score ? -1 : 1;
	}
	return by_window(a, b);
}

void finds_rank(struct finds *finds, const struct reading *reading)
{
	struct read_subject subject = read_subject(reading);

	for (size_t i = 0; i < finds->count; i++) {
		struct find *find = &finds->item[i];

		find->score =
			read_share(&subject, find->excerpt.source->document, &find->excerpt.slice) +
			exp(find->confidence);
	}
	qsort(finds->item, finds->count, sizeof(*finds->item), by_score);
}

/* ---- which are read ---- */

static int count_excerpts(struct reading *reading, const struct excerpt *excerpt, size_t n_excerpt,
	int64_t *tokens, struct err *err)
{
	struct library_prompt what = {.excerpt = excerpt,
		.n_excerpt = n_excerpt,
		.question = reading->question,
		.question_len = reading->question_len};
	struct prompt prompt = {0};
	int status;

	status = library_prompt(reading->session, reading->engine, &what, &prompt, NULL, err);
	if (status == 0) {
		status = session_count_prompt(reading->engine, &prompt, NULL, tokens, err);
	}
	*tokens -= reading->base_tok;
	prompt_finish(&prompt);
	return status;
}

/* Tags of its source included: as it stands alone. */
static int count_finds(struct finds *finds, struct reading *reading, struct err *err)
{
	for (size_t i = 0; i < finds->count; i++) {
		struct find *find = &finds->item[i];

		if (find->tokens < 0 &&
			count_excerpts(reading, &find->excerpt, 1, &find->tokens, err) < 0) {
			return -1;
		}
	}
	return 0;
}

static int64_t kept_tok(const struct finds *finds)
{
	int64_t tokens = 0;

	for (size_t i = 0; i < finds->count; i++) {
		tokens += finds->item[i].is_kept ? finds->item[i].tokens : 0;
	}
	return tokens;
}

/* A round of the tournament: those that are kept, dealt out in their order. */
struct round {
	struct reading *reading;
	struct finds *finds;
	struct excerpt *excerpt; /* [n_group][stride] */
	size_t *member;          /* the find of each */
	size_t *n_member;        /* [n_group] */
	size_t n_group, stride;
};

static void about_group(void *arg, size_t index, struct library_prompt *what, int *no_store)
{
	struct round *round = arg;

	what->excerpt = round->excerpt + index * round->stride;
	what->n_excerpt = round->n_member[index];
	*no_store = 1; /* nobody asks the same again */
}

static void take_group(void *arg, size_t index, const struct library_prompt *what,
	const struct read_answer *answer)
{
	struct round *round = arg;
	size_t count;
	struct citation *citation = library_cite(what, answer->text.data, answer->text.len, &count);

	for (size_t i = 0; i < count; i++) {
		struct slice lines;
		size_t which = citation[i].verdict == VERDICT_NOT_FOUND
				       ? what->n_excerpt
				       : excerpt_cited(what->excerpt, what->n_excerpt, &citation[i],
						 &lines);

		if (which < what->n_excerpt) {
			size_t find = round->member[index * round->stride + which];

			round->finds->item[find].is_kept = 1;
		}
	}
	citations_free(citation, count);
}

/* The best in different groups, so that they need not beat each other. */
static void deal(struct round *round)
{
	size_t next = 0;

	for (size_t i = 0; i < round->finds->count; i++) {
		struct find *find = &round->finds->item[i];
		size_t group = next % round->n_group, at;

		if (!find->is_kept) {
			continue;
		}
		next++;
		find->is_kept = 0;
		at = group * round->stride + round->n_member[group]++;
		round->excerpt[at] = find->excerpt;
		round->member[at] = i;
	}
}

static int play(struct round *round, size_t n_kept, int *is_stopped, struct err *err)
{
	struct read_many many = {
		.n = round->n_group, .about = about_group, .done = take_group, .arg = round};
	int status;

	round->stride = (n_kept + round->n_group - 1) / round->n_group;
	round->excerpt = mem_zero(round->n_group * round->stride, sizeof(*round->excerpt));
	round->member = mem_zero(round->n_group * round->stride, sizeof(*round->member));
	round->n_member = mem_zero(round->n_group, sizeof(*round->n_member));
	deal(round);
	status = read_many(round->reading, &many, is_stopped, err);
	free(round->excerpt);
	free(round->member);
	free(round->n_member);
	return status;
}

/* As many of the best as fit; the first whatever it is. */
static void keep_best(struct finds *finds, int64_t room_tok)
{
	for (size_t i = 0; i < finds->count; i++) {
		struct find *find = &finds->item[i];

		room_tok -= find->tokens;
		find->is_kept = i == 0 || room_tok >= 0;
	}
}

static double near_best(const struct reading *reading)
{
	int64_t train_tok = engine_info(reading->engine)->context_train_tok;

	return train_tok > 0 && train_tok <= SHORT_TRAIN_TOK ? NEAR_BEST_SHORT : NEAR_BEST;
}

/*
 * Of those that come near the best of them, groups ask until what is left fits. A round that ends with
 * nothing, or changes nothing, was the last.
 */
static int play_all(struct finds *finds, struct reading *reading, int64_t room_tok, struct err *err)
{
	int is_stopped = reading->coverage.is_stopped, was_stopped = is_stopped;
	double least = finds->count ? near_best(reading) * finds->item[0].score : 0;
	int64_t tokens;

	for (size_t i = 0; i < finds->count; i++) {
		finds->item[i].is_kept = finds->item[i].score >= least;
	}
	for (int n = 0; !is_stopped && (tokens = kept_tok(finds)) > room_tok; n++) {
		size_t n_kept = 0;
		struct round round = {.reading = reading, .finds = finds};

		for (size_t i = 0; i < finds->count; i++) {
			n_kept += finds->item[i].is_kept != 0;
		}
		round.n_group = (size_t)((tokens + room_tok - 1) / room_tok);
		if (n == ROUNDS_MAX || n_kept < 2) {
			break;
		}
		if (play(&round, n_kept, &is_stopped, err) < 0) {
			return -1;
		}
		if (kept_tok(finds) == tokens) {
			break;
		}
	}
	tokens = kept_tok(finds);
	if (is_stopped || tokens == 0 || tokens > room_tok) {
		keep_best(finds, room_tok);
	}
	reading->coverage.is_stopped |= is_stopped;
	if (is_stopped && !was_stopped) {
		read_tell(
			reading, &(struct session_progress){.step = SESSION_STOPPED, .eta_s = -1});
	}
	return 0;
}

int finds_choose(struct finds *finds, struct reading *reading, struct excerpt **excerpt,
	size_t *n_excerpt, struct err *err)
{
	size_t n = 0;

	if (count_finds(finds, reading, err) < 0 ||
		play_all(finds, reading, read_excerpts_tok(reading), err) < 0) {
		return -1;
	}
	*excerpt = mem_alloc((finds->count + 1) * sizeof(**excerpt));
	for (size_t i = 0; i < finds->count; i++) {
		if (finds->item[i].is_kept) {
			(*excerpt)[n++] = finds->item[i].excerpt;
		}
	}
	*n_excerpt = excerpts_tidy(*excerpt, n);
	return 0;
}
