/* What windows answered, the best first, and which of it the last pass reads. */
#include "session/library_count.h"
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
	BEST_FEW = 16, /* of those that a stop finds uncounted */
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
			.lines = lines,
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
	size_t n_window = 0, n = 0;
	uint8_t *is_counted;

	for (size_t i = 0; i < finds->count; i++) {
		n_window = finds->item[i].window >= n_window ? finds->item[i].window + 1 : n_window;
	}
	is_counted = mem_zero(n_window + 1, sizeof(*is_counted));
	for (size_t i = 0; i < finds->count; i++) {
		const struct find *find = &finds->item[i];

		if (find->is_kept || !kept_only) {
			n += !is_counted[find->window];
			is_counted[find->window] = 1;
		}
	}
	free(is_counted);
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

struct counting {
	struct reading *reading;
	struct find **find;
};

/* Tags of its source included: as it stands alone. */
static void make_find(void *arg, size_t i, struct prompt *out)
{
	const struct counting *counting = arg;
	const struct reading *reading = counting->reading;
	struct library_prompt what = {.excerpt = &counting->find[i]->excerpt,
		.n_excerpt = 1,
		.question = reading->question,
		.question_len = reading->question_len};

	library_prompt(reading->session, reading->engine, &what, out, NULL, NULL);
}

static void take_find(void *arg, size_t i, const struct engine_event *event)
{
	const struct counting *counting = arg;

	counting->find[i]->tokens = event->total_tok - counting->reading->base_tok;
}

/* Those that are not counted yet, of the first n. */
static int count_finds(struct finds *finds, size_t n, struct reading *reading,
	const struct session_watch *watch, struct err *err)
{
	struct counting counting = {reading, mem_alloc((n + 1) * sizeof(*counting.find))};
	struct library_asking asking = {LIBRARY_TOKENS, 0, make_find, take_find, &counting};
	int status;

	for (size_t i = 0; i < n; i++) {
		if (finds->item[i].tokens < 0) {
			counting.find[asking.count++] = &finds->item[i];
		}
	}
	status = library_ask(reading->engine, &asking, watch, err);
	free(counting.find);
	return status;
}

/* One of a long line or of a long quote: without the lines around it, if that helps. */
static int shrink_finds(struct finds *finds, struct reading *reading, int64_t room_tok,
	const struct session_watch *watch, struct err *err)
{
	for (size_t i = 0; i < finds->count; i++) {
		struct find *find = &finds->item[i];

		if (find->tokens > room_tok) {
			find->excerpt.slice = find->lines;
			find->tokens = -1;
		}
	}
	return count_finds(finds, finds->count, reading, watch, err);
}

/*
 * How much each of them takes. A stop leaves the rest uncounted, which are not read then, but for the
 * best few.
 */
static int measure_finds(
	struct finds *finds, struct reading *reading, int64_t room_tok, struct err *err)
{
	size_t n_best = finds->count < BEST_FEW ? finds->count : BEST_FEW;
	struct err why = {.code = ERR_NONE};
	int status = count_finds(finds, finds->count, reading, reading->watch, &why);

	if (status == 0) {
		status = shrink_finds(finds, reading, room_tok, reading->watch, &why);
	}
	if (status < 0 && why.code == ERR_INTERRUPTED) {
		read_tell_stopped(reading);
		reading->coverage.is_stopped = 1;
		status = count_finds(finds, n_best, reading, NULL, &why);
	}
	if (status < 0 && err) {
		*err = why;
	}
	return status;
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
	struct excerpt *excerpt; /* [n_kept], group by group */
	size_t *member;          /* the find of each */
	size_t *first;           /* [n_group + 1]: where each group begins */
	size_t n_group;
};

static void about_group(void *arg, size_t index, struct library_prompt *what, int *no_store)
{
	struct round *round = arg;

	what->excerpt = round->excerpt + round->first[index];
	what->n_excerpt = round->first[index + 1] - round->first[index];
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
			size_t find = round->member[round->first[index] + which];

			round->finds->item[find].is_kept = 1;
		}
	}
	citations_free(citation, count);
}

/*
 * The group of each find that is kept, *n_group of them at first: the best in different ones, so that
 * they need not beat each other. Where it fits in none there is one more. malloc'ed.
 */
static size_t *deal(const struct finds *finds, int64_t room_tok, size_t *n_group)
{
	size_t *group = mem_zero(finds->count + 1, sizeof(*group)), next = 0;
	int64_t *has_tok = mem_zero(finds->count + *n_group, sizeof(*has_tok));

	for (size_t i = 0; i < finds->count; i++) {
		const struct find *find = &finds->item[i];
		size_t n_full = 0;

		if (!find->is_kept) {
			continue;
		}
		while (n_full < *n_group && has_tok[next] + find->tokens > room_tok) {
			next = (next + 1) % *n_group;
			n_full++;
		}
		group[i] = n_full < *n_group ? next : (*n_group)++;
		has_tok[group[i]] += find->tokens;
		next = (group[i] + 1) % *n_group;
	}
	free(has_tok);
	return group;
}

/* Nobody is kept until a group's answer says so. */
static void fill_groups(struct round *round, const size_t *group)
{
	size_t *at = mem_zero(round->n_group + 1, sizeof(*at));

	for (size_t i = 0; i < round->finds->count; i++) {
		round->first[group[i] + 1] += round->finds->item[i].is_kept != 0;
	}
	for (size_t i = 0; i < round->n_group; i++) {
		round->first[i + 1] += round->first[i];
		at[i] = round->first[i];
	}
	for (size_t i = 0; i < round->finds->count; i++) {
		struct find *find = &round->finds->item[i];

		if (find->is_kept) {
			round->excerpt[at[group[i]]] = find->excerpt;
			round->member[at[group[i]]++] = i;
			find->is_kept = 0;
		}
	}
	free(at);
}

static int play(struct round *round, int64_t room_tok, int *is_stopped, struct err *err)
{
	size_t n = round->finds->count + 1;
	size_t *group = deal(round->finds, room_tok, &round->n_group);
	struct read_many many = {
		.n = round->n_group, .about = about_group, .done = take_group, .arg = round};
	int status;

	round->excerpt = mem_zero(n, sizeof(*round->excerpt));
	round->member = mem_zero(n, sizeof(*round->member));
	round->first = mem_zero(round->n_group + 1, sizeof(*round->first));
	fill_groups(round, group);
	free(group);
	status = read_many(round->reading, &many, is_stopped, err);
	free(round->excerpt);
	free(round->member);
	free(round->first);
	return status;
}

static int can_be_read(const struct find *find, int64_t room_tok)
{
	return find->tokens >= 0 && find->tokens <= room_tok;
}

/* As many of the best as fit. */
static void keep_best(struct finds *finds, int64_t room_tok)
{
	for (size_t i = 0; i < finds->count; i++) {
		struct find *find = &finds->item[i];

		find->is_kept = can_be_read(find, room_tok);
		room_tok -= find->is_kept ? find->tokens : 0;
	}
}

static double near_best(const struct reading *reading)
{
	int64_t train_tok = engine_info(reading->engine)->context_train_tok;

	return train_tok > 0 && train_tok <= SHORT_TRAIN_TOK ? NEAR_BEST_SHORT : NEAR_BEST;
}

/* By the best of those that can be read. */
static double least_score(
	const struct finds *finds, const struct reading *reading, int64_t room_tok)
{
	size_t best = 0;

	while (best < finds->count && !can_be_read(&finds->item[best], room_tok)) {
		best++;
	}
	return best < finds->count ? near_best(reading) * finds->item[best].score : 0;
}

/*
 * Of those that come near the best of them, groups ask until what is left fits. A round that ends with
 * nothing, or changes nothing, was the last.
 */
static int play_all(struct finds *finds, struct reading *reading, int64_t room_tok, struct err *err)
{
	int is_stopped = reading->coverage.is_stopped;
	double least = least_score(finds, reading, room_tok);
	int64_t tokens;

	for (size_t i = 0; i < finds->count; i++) {
		const struct find *find = &finds->item[i];

		finds->item[i].is_kept = find->score >= least && can_be_read(find, room_tok);
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
		if (play(&round, room_tok, &is_stopped, err) < 0) {
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
	return 0;
}

int finds_choose(struct finds *finds, struct reading *reading, struct excerpt **excerpt,
	size_t *n_excerpt, struct err *err)
{
	int64_t room_tok = read_excerpts_tok(reading);
	size_t n = 0;

	if (measure_finds(finds, reading, room_tok, err) < 0 ||
		play_all(finds, reading, room_tok, err) < 0) {
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
