/* Prompts over excerpts, and the quotes of their answers. */
#include "session/library.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- excerpts as slices ---- */

/* Whether nothing but the ends of parts stands between two slices. */
static int is_next(
	const struct document *document, const struct slice *slice, const struct slice *next)
{
	size_t part = slice->last, at = slice->end;

	while (part < next->first && at == document->part[part].len) {
		part++;
		at = 0;
	}
	return part == next->first && at == next->at;
}

/* The excerpts [from, to), which are of one source, neighbours joined; *n_slice. malloc'ed. */
static struct slice *join(const struct excerpt *excerpt, size_t from, size_t to, size_t *n_slice)
{
	struct slice *slice = mem_alloc((to - from + 1) * sizeof(*slice));
	size_t n = 0;

	for (size_t i = from; i < to; i++) {
		const struct slice *next = &excerpt[i].slice;

		if (n && is_next(excerpt[i].source->document, &slice[n - 1], next)) {
			slice[n - 1].last = next->last;
			slice[n - 1].end = next->end;
		} else {
			slice[n++] = *next;
		}
	}
	*n_slice = n;
	return slice;
}

/* Where the excerpts end that follow each other in the source of excerpt `from`. */
static size_t run_end(const struct library_prompt *what, size_t from)
{
	size_t to = from + 1;

	while (to < what->n_excerpt && what->excerpt[to].source == what->excerpt[from].source) {
		to++;
	}
	return to;
}

static int64_t number_in(const struct library_prompt *what, const struct library_source *source)
{
	return what->alone ? 1 : source->number;
}

/* ---- prompts ---- */

/* Instructions and excerpts. Returns whether there is an excerpt. */
static int add_front(
	const struct session *session, const struct library_prompt *what, struct prompt *out)
{
	enum pack_before before = PACK_BEFORE_OTHER;

	if (what->is_brief && session->no_cite) {
		pack_instructions(out, session->system, 0);
	} else {
		prompt_copy(out, &session->instructions);
	}
	for (size_t from = 0, to; from < what->n_excerpt; from = to) {
		const struct library_source *source = what->excerpt[from].source;
		size_t n_slice;
		struct slice *slice;

		to = run_end(what, from);
		slice = join(what->excerpt, from, to, &n_slice);
		pack_slices(out, before, number_in(what, source), source->document, slice, n_slice);
		free(slice);
		before = PACK_BEFORE_SOURCE;
	}
	return what->n_excerpt > 0;
}

/* The first of the latest turns that turns_tok holds. */
static size_t first_turn(const struct library *library, size_t n_turn, int64_t turns_tok)
{
	size_t first = n_turn;

	while (first > 0 && library && library->n_turn == n_turn &&
		library->turn_tok[first - 1] <= turns_tok) {
		turns_tok -= library->turn_tok[--first];
	}
	return first;
}

int library_prompt(const struct session *session, struct engine *engine,
	const struct library_prompt *what, struct prompt *out, size_t *n_turn, struct err *err)
{
	const struct engine_info *info = engine_info(engine);
	size_t n, first;
	struct turn **turn = session_current(session, &n);
	int is_behind = !info->has_system;

	(void)err;
	first = first_turn(session->library, n, what->turns_tok);
	if (n_turn) {
		*n_turn = n - first;
	}
	prompt_add(out, segment_mark(PROMPT_BEGIN));
	prompt_add(out, segment_mark(info->has_system ? PROMPT_SYSTEM_OPEN : PROMPT_USER_OPEN));
	add_front(session, what, out);
	if (info->has_system) {
		prompt_add(out, segment_mark(PROMPT_SYSTEM_CLOSE));
	}
	for (size_t i = first; i < n; i++, is_behind = 0) {
		context_add_turn(turn[i], is_behind, info, out);
	}
	if (!is_behind) {
		prompt_add(out, segment_mark(PROMPT_USER_OPEN));
	}
	prompt_add(out, context_question(what->question, what->question_len, is_behind));
	prompt_add(out, segment_mark(PROMPT_USER_CLOSE));
	prompt_add(out, segment_mark(what->is_brief && info->can_skip_thinking
					     ? PROMPT_MODEL_OPEN_NO_THINK
					     : context_answer_mark(session, info)));
	free(turn);
	return 0;
}

/* A system message ends it, or else the first question does, whose own segment is its last one. */
size_t library_prompt_front(const struct prompt *prompt)
{
	for (size_t i = 0; i < prompt->count; i++) {
		if (segment_kind(prompt->item[i]) != SEGMENT_MARK) {
			continue;
		}
		if (segment_get_mark(prompt->item[i]) == PROMPT_SYSTEM_CLOSE) {
			return i + 1;
		}
		if (segment_get_mark(prompt->item[i]) == PROMPT_USER_CLOSE) {
			return i - 1;
		}
	}
	return prompt->count;
}

/* ---- quotes ---- */

static int by_place(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;

	if (x->first != y->first) {
		return x->first < y->first ? -1 : 1;
	}
	return x->at < y->at ? -1 : x->at > y->at;
}

static int ends_before(const struct slice *a, const struct slice *b)
{
	return a->last < b->last || (a->last == b->last && a->end < b->end);
}

/* In their order and apart: what two excerpts have stands in one place. */
static size_t tidy(const struct document *document, struct slice *slice, size_t n_slice)
{
	size_t n = 0;

	qsort(slice, n_slice, sizeof(*slice), by_place);
	for (size_t i = 0; i < n_slice; i++) {
		struct slice *last = n ? &slice[n - 1] : NULL;
		int overlaps =
			last && (slice[i].first < last->last ||
					(slice[i].first == last->last && slice[i].at < last->end));

		if (!overlaps && !(last && is_next(document, last, &slice[i]))) {
			slice[n++] = slice[i];
		} else if (ends_before(last, &slice[i])) {
			last->last = slice[i].last;
			last->end = slice[i].end;
		}
	}
	return n;
}

/* The excerpts of one source, from the first one, at `from`, on. */
static struct cite_source citable(const struct library_prompt *what, size_t from)
{
	const struct library_source *source = what->excerpt[from].source;
	struct slice *slice = mem_alloc((what->n_excerpt + 1) * sizeof(*slice));
	size_t n = 0;

	for (size_t i = from; i < what->n_excerpt; i++) {
		if (what->excerpt[i].source == source) {
			slice[n++] = what->excerpt[i].slice;
		}
	}
	return (struct cite_source){
		.number = number_in(what, source),
		.document = source->document,
		.index = source->cite->index,
		.slice = slice,
		.n_slice = tidy(source->document, slice, n),
	};
}

struct citation *library_cite(
	const struct library_prompt *what, const char *answer, size_t len, size_t *count)
{
	struct cite_source *cite = mem_zero(what->n_excerpt + 1, sizeof(*cite));
	const struct library_source **source = mem_zero(what->n_excerpt + 1, sizeof(*source));
	struct citation *citation;
	size_t n = 0;

	for (size_t i = 0; i < what->n_excerpt; i++) {
		size_t k = 0;

		while (k < n && source[k] != what->excerpt[i].source) {
			k++;
		}
		if (k == n) {
			source[n] = what->excerpt[i].source;
			cite[n++] = citable(what, i);
		}
	}
	citation = cite_check(answer, len, cite, n, count);
	for (size_t i = 0; i < *count && what->alone && n; i++) {
		if (citation[i].source) {
			free(citation[i].source);
			citation[i].source = mem_printf("S%lld", (long long)source[0]->number);
		}
	}
	for (size_t i = 0; i < n; i++) {
		source[i]->cite->index = cite[i].index;
		free((struct slice *)cite[i].slice);
	}
	free(source);
	free(cite);
	return citation;
}
