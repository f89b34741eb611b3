#include "session/cite.h"

#include "base/mem.h"
#include "loaders/document.h"
#include "session/cite_parse.h"
#include "session/cut.h"
#include "session/fold.h"
#include "session/marks.h"
#include "session/pack.h"

#include <stdlib.h>
#include <string.h>

enum {
	HEAD_MAX_BYTES = 16384,  /* between a source's number and its quote: a long path, encoded */
	BEFORE_MAX_BYTES = 3200, /* of a quote that stands before its bracket */
	QUOTE_MAX_BYTES = 65536, /* a longer one is read up to here */
	ENDS_TRIED = 4,          /* how many closing marks with a bracket behind them */
	PIECES_MAX = 32,         /* quotes in one bracket */
	WORDS_MIN_WEIGHT = 3,
};

const char *verdict_name(enum verdict verdict)
{
	static const char *const name[] = {
		[VERDICT_VERIFIED] = "verified",
		[VERDICT_MOVED] = "moved",
		[VERDICT_AMBIGUOUS] = "ambiguous",
		[VERDICT_NOT_FOUND] = "not_found",
	};

	return name[verdict];
}

void cite_source_finish(struct cite_source *source)
{
	cite_index_destroy(source->index);
	source->index = NULL;
}

static void citation_finish(struct citation *citation)
{
	free(citation->text);
	free(citation->source);
	free(citation->path);
	free(citation->label);
	free(citation->speaker);
}

void citations_free(struct citation *citation, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		citation_finish(&citation[i]);
	}
	free(citation);
}

/* ---- searching ---- */

/* What a citation claims: a source's number, and what its head says about the place. */
struct claim {
	int64_t number; /* 0 where there is none */
	struct span head;
};

struct checker {
	const char *answer;
	size_t len;
	struct cite_source *source;
	size_t n_source;
	struct citation *citation;
	size_t n_citation, cap_citation;
};

/* The words of a quote, in the forms in which they may have been copied out of the pack. */
struct form {
	struct fold_needle needle;
	struct pack_marks *marks; /* that were left out; NULL for none */
};

struct forms {
	struct form form[4];
	size_t n;
	struct pack_marks marks;
};

struct found {
	struct cite_source *source; /* NULL: nowhere */
	struct fold_hit hit;
	size_t n; /* places with words as good as these, counted up to 2 */
};

static const struct cite_index *index_of(struct cite_source *source)
{
	if (!source->index) {
		source->index = cite_index_create(source->document);
	}
	return source->index;
}

static int in_range(const struct fold_hit *hit, const struct place_range *range)
{
	return fold_place_compare(hit->last, range->first) >= 0 &&
	       fold_place_compare(hit->first, range->end) < 0;
}

static int has_file(const struct document *document, const char *path)
{
	for (size_t i = 0; i < document->n_part && path; i++) {
		const char *own = document->part[i].place.path;

		if (own && strcmp(own, path) == 0) {
			return 1;
		}
	}
	return 0;
}

/* Whether an update replaced the text of this part. */
static int is_superseded(
	const struct checker *checker, const struct cite_source *source, size_t part)
{
	const struct cite_source *end = checker->source + checker->n_source;

	for (const struct cite_source *later = source + 1; later < end; later++) {
		if (later->number == source->number &&
			(source->document->kind != DOCUMENT_CODE ||
				has_file(later->document,
					source->document->part[part].place.path))) {
			return 1;
		}
	}
	return 0;
}

/* Stretches of a source that are searched one by one: its slices, or all of it. */
static size_t stretches_of(const struct cite_source *source)
{
	return source->slice ? source->n_slice : 1;
}

static struct place_range stretch_at(const struct cite_source *source, size_t i)
{
	const struct slice *slice = source->slice;

	return slice ? (struct place_range){{slice[i].first, slice[i].at},
			       {slice[i].last, slice[i].end}}
		     : (struct place_range){{0, 0}, {source->document->n_part, 0}};
}

/* The next place in the stretch. */
static int next_hit(struct fold_search *search, const struct cite_source *source,
	const struct place_range *stretch, const struct form *form, struct fold_hit *hit)
{
	while (fold_search_next(search, hit)) {
		if (fold_place_compare(hit->first, stretch->first) >= 0 &&
			fold_place_compare(hit->last, stretch->end) < 0 &&
			(!form->marks || marks_agree(form->marks, source->document, search, hit))) {
			return 1;
		}
	}
	return 0;
}

/* The best of the places that a stretch has in the range; 1: none can be better. */
static int search_range(struct checker *checker, struct cite_source *source, int superseded,
	const struct place_range *range, const struct place_range *stretch, const struct form *form,
	struct found *found)
{
	struct fold_search search;
	struct fold_hit hit;

	fold_search_init(&search, index_of(source), &form->needle);
	fold_search_limit(&search,
		fold_place_compare(range->first, stretch->first) > 0 ? range->first
								     : stretch->first,
		fold_place_compare(range->end, stretch->end) < 0 ? range->end : stretch->end);
	while (next_hit(&search, source, stretch, form, &hit)) {
		if (!in_range(&hit, range) ||
			is_superseded(checker, source, hit.first.part) != superseded) {
			continue;
		}
		if (!found->source || hit.grade > found->hit.grade) {
			*found = (struct found){.source = source, .hit = hit, .n = 1};
		}
		if (hit.grade == FOLD_SAME) {
			return 1;
		}
	}
	return 0;
}

/* Whether the words stand in the range; the best of the places there. */
static int search_ranges(struct checker *checker, struct cite_source *source, int superseded,
	const struct place_range *range, const struct form *form, struct found *found)
{
	for (size_t i = 0; i < stretches_of(source); i++) {
		struct place_range stretch = stretch_at(source, i);

		if (fold_place_compare(stretch.first, range->end) < 0 &&
			fold_place_compare(range->first, stretch.end) < 0 &&
			search_range(checker, source, superseded, range, &stretch, form, found)) {
			break;
		}
	}
	return found->source != NULL;
}

static int search_claim(struct checker *checker, const struct claim *claim, int superseded,
	const struct form *form, struct found *found)
{
	for (size_t i = 0; i < checker->n_source; i++) {
		struct cite_source *source = &checker->source[i];
		struct place_range range[PLACES_MAX];
		size_t n;

		if (source->number != claim->number) {
			continue;
		}
		n = parse_place(source->document, index_of(source),
			checker->answer + claim->head.at, claim->head.end - claim->head.at, range);
		for (size_t k = 0; k < n; k++) {
			if (search_ranges(checker, source, superseded, &range[k], form, found)) {
				return 1;
			}
		}
	}
	return 0;
}

/* Everywhere in a stretch: the first of the best places, and whether there are more. */
static void search_all(struct checker *checker, struct cite_source *source, int superseded,
	const struct place_range *stretch, const struct form *form, struct found *found)
{
	struct fold_search search;
	struct fold_hit hit;

	fold_search_init(&search, index_of(source), &form->needle);
	if (source->slice) {
		fold_search_limit(&search, stretch->first, stretch->end);
	}
	while (next_hit(&search, source, stretch, form, &hit)) {
		if (is_superseded(checker, source, hit.first.part) != superseded) {
			continue;
		}
		if (!found->source || hit.grade > found->hit.grade) {
			*found = (struct found){.source = source, .hit = hit, .n = 1};
		} else if (hit.grade == found->hit.grade && ++found->n >= 2 &&
			   hit.grade == FOLD_SAME) {
			return;
		}
	}
}

static void search_everywhere(
	struct checker *checker, int superseded, const struct form *form, struct found *found)
{
	for (size_t i = 0; i < checker->n_source; i++) {
		struct cite_source *source = &checker->source[i];

		for (size_t k = 0; k < stretches_of(source); k++) {
			struct place_range stretch = stretch_at(source, k);

			if (found->n >= 2 && found->hit.grade == FOLD_SAME) {
				return;
			}
			search_all(checker, source, superseded, &stretch, form, found);
		}
	}
}

/* Whether any text here was replaced: else the second round has nothing to look at. */
static int has_updates(const struct checker *checker)
{
	for (size_t i = 1; i < checker->n_source; i++) {
		for (size_t k = 0; k < i; k++) {
			if (checker->source[i].number == checker->source[k].number) {
				return 1;
			}
		}
	}
	return 0;
}

/* What now stands in a source goes before what an update replaced. */
static enum verdict search_words(struct checker *checker, const struct claim *claim,
	const struct forms *forms, struct found *found)
{
	*found = (struct found){.source = NULL};
	for (int superseded = 0; superseded <= has_updates(checker); superseded++) {
		for (size_t i = 0; i < forms->n; i++) {
			if (search_claim(checker, claim, superseded, &forms->form[i], found)) {
				return VERDICT_VERIFIED;
			}
		}
		for (size_t i = 0; i < forms->n; i++) {
			search_everywhere(checker, superseded, &forms->form[i], found);
			if (found->source) {
				return found->n > 1 ? VERDICT_AMBIGUOUS : VERDICT_MOVED;
			}
		}
	}
	return VERDICT_NOT_FOUND;
}

/* ---- the words in their forms ---- */

static void drop_backslash_quotes(struct buf *out, const char *text, size_t len)
{
	for (size_t at = 0; at < len; at++) {
		if (text[at] != '\\' || at + 1 >= len || text[at + 1] != '"') {
			buf_addch(out, text[at]);
		}
	}
}

/* Another form of the words, unless it folds to one that is there. */
static void add_form(struct forms *forms, const char *text, size_t len, struct pack_marks *marks)
{
	struct form *form = &forms->form[forms->n];

	fold_needle_init(&form->needle, text, len);
	form->marks = marks;
	for (size_t i = 0; i < forms->n; i++) {
		const struct fold_needle *other = &forms->form[i].needle;

		if (other->len == form->needle.len &&
			memcmp(other->bytes, form->needle.bytes, other->len) == 0) {
			fold_needle_finish(&form->needle);
			return;
		}
	}
	if (form->needle.weight < WORDS_MIN_WEIGHT) {
		fold_needle_finish(&form->needle);
		return;
	}
	forms->n++;
}

static void forms_init(
	struct forms *forms, const struct checker *checker, const char *text, size_t len)
{
	struct buf plain = BUF_INIT, unquoted = BUF_INIT, bare = BUF_INIT;

	forms->n = 0;
	pack_unescape(&plain, text, len);
	add_form(forms, buf_str(&plain), plain.len, NULL);
	drop_backslash_quotes(&unquoted, buf_str(&plain), plain.len);
	add_form(forms, buf_str(&unquoted), unquoted.len, NULL);
	add_form(forms, text, len, NULL);
	marks_drop(&forms->marks, buf_str(&unquoted), unquoted.len, checker->source,
		checker->n_source, &bare);
	if (forms->marks.n) {
		add_form(forms, buf_str(&bare), bare.len, &forms->marks);
	}
	buf_finish(&plain);
	buf_finish(&unquoted);
	buf_finish(&bare);
}

static void forms_finish(struct forms *forms)
{
	for (size_t i = 0; i < forms->n; i++) {
		fold_needle_finish(&forms->form[i].needle);
	}
}

/* ---- one citation ---- */

static void fill_place(struct citation *citation, const struct found *found)
{
	const struct document *document = found->source->document;
	const struct fold_hit *hit = &found->hit;
	const struct part *part = &document->part[hit->first.part];

	citation->source = mem_printf("S%lld", (long long)found->source->number);
	/* A file as it can be opened. */
	citation->path = document_part_path(
		document, document->origin ? document->origin : document->name, hit->first.part);
	citation->page = part->place.page;
	citation->label = mem_strdup(part->place.label);
	if (document->kind == DOCUMENT_TRANSCRIPT) {
		citation->time_ms = part->place.time_ms;
		citation->speaker = mem_strdup(part->place.speaker);
		return;
	}
	citation->line_first = cite_index_line(found->source->index, hit->first);
	citation->line_last = cite_index_line(found->source->index,
		hit->last.part == hit->first.part
			? hit->last
			: (struct fold_place){hit->first.part, part->len - 1});
}

static struct citation check_words(
	struct checker *checker, const struct claim *claim, struct span words, size_t offset)
{
	const char *text = checker->answer + words.at;
	size_t len = words.end - words.at;
	struct citation citation = {
		.text = mem_strndup(text, len),
		.time_ms = -1,
		.verdict = VERDICT_NOT_FOUND,
		.answer_offset = offset,
	};
	struct forms forms;
	struct found found;

	forms_init(&forms, checker, text, len < QUOTE_MAX_BYTES ? len : QUOTE_MAX_BYTES);
	citation.verdict = search_words(checker, claim, &forms, &found);
	if (citation.verdict != VERDICT_NOT_FOUND) {
		fill_place(&citation, &found);
		citation.superseded = is_superseded(checker, found.source, found.hit.first.part);
	}
	forms_finish(&forms);
	return citation;
}

static void add_citation(struct checker *checker, struct citation citation)
{
	mem_grow(checker->citation, checker->n_citation, checker->cap_citation);
	checker->citation[checker->n_citation++] = citation;
}

/* ---- one bracket ---- */

static size_t skip_blank(const struct checker *checker, size_t at)
{
	while (at < checker->len && is_blank(checker->answer[at])) {
		at++;
	}
	return at;
}

/* Where a source's number ends that is said at `at`, with `Source` before it or not; 0 for none. */
static size_t number_at(const struct checker *checker, size_t at, int64_t *number)
{
	size_t after;

	at += parse_source_word(checker->answer, checker->len, at);
	return parse_source_number(checker->answer, checker->len, at, number, &after) ? after : 0;
}

/* Where the number ends of the citation that begins at `at`; 0 where none does. */
static size_t begins_citation(const struct checker *checker, size_t at)
{
	int64_t number;

	return checker->answer[at] == '[' ? number_at(checker, skip_blank(checker, at + 1), &number)
					  : 0;
}

/*
 * The head from `at` on: up to a quotation mark, a closing bracket, or another source, which starts
 * it anew. Returns 0, and in claim->head what was read, where neither mark nor bracket comes before
 * the paragraph ends or another citation begins.
 */
static int read_head(const struct checker *checker, size_t at, size_t end, struct claim *claim)
{
	size_t limit = end - at > HEAD_MAX_BYTES ? at + HEAD_MAX_BYTES : end;
	size_t after;

	claim->head = (struct span){.at = at, .end = at};
	for (; at < limit; at++) {
		claim->head.end = at;
		if (checker->answer[at] == ']' || parse_quote_open(checker->answer, end, at)) {
			return 1;
		}
		if (begins_citation(checker, at) ||
			(end - at > 1 && memcmp(checker->answer + at, "\n\n", 2) == 0)) {
			return 0;
		}
		if (parse_source_number(checker->answer, end, at, &claim->number, &after)) {
			claim->head.at = at = after;
			at--;
		}
	}
	claim->head.end = limit;
	return 0;
}

static int is_separator(char c)
{
	return c == ',' || c == ';' || c == '/' || c == '&' || c == '|';
}

/*
 * Whether a quote closes at `at` because another one begins behind it: then *claim is the next
 * one's and *next where its words begin.
 */
static int next_quote(
	const struct checker *checker, size_t at, size_t end, struct claim *claim, size_t *next)
{
	struct claim ahead = *claim;
	int64_t number;
	size_t mark;

	at = skip_blank(checker, at);
	if (at < end && is_separator(checker->answer[at])) {
		at = skip_blank(checker, at + 1);
	} else if (end - at > 4 && memcmp(checker->answer + at, "and ", 4) == 0) {
		at = skip_blank(checker, at + 4);
	}
	if (at >= end) {
		return 0;
	}
	if (!parse_quote_open(checker->answer, end, at)) {
		if (!read_head(checker, at, end, &ahead) ||
			checker->answer[ahead.head.end] == ']' ||
			(!number_at(checker, at, &number) &&
				!parse_is_place(checker->answer + at, ahead.head.end - at))) {
			return 0;
		}
		at = ahead.head.end;
	}
	mark = parse_quote_open(checker->answer, end, at);
	if (!mark) {
		return 0;
	}
	*claim = ahead;
	*next = at + mark;
	return 1;
}

struct piece {
	struct claim claim;
	struct span words;
};

/* The quotes in [at, end), which begins behind one opening mark and ends before the last closing
 * one. */
static size_t split_quotes(const struct checker *checker, struct claim claim, size_t opened_at,
	size_t at, size_t end, struct piece piece[PIECES_MAX])
{
	size_t begin = at, n = 0;

	while (at < end && n + 1 < PIECES_MAX) {
		size_t mark = parse_quote_close(checker->answer, end, at, opened_at), next;
		struct claim ahead = claim;

		if (mark && next_quote(checker, at + mark, end, &ahead, &next)) {
			piece[n++] = (struct piece){.claim = claim, .words = {begin, at}};
			claim = ahead;
			begin = at = next;
		} else {
			at += mark ? mark : 1;
		}
	}
	piece[n++] = (struct piece){.claim = claim, .words = {begin, end}};
	return n;
}

/*
 * Check the words as one quote; where that is nowhere, as several. Returns how many were found, and
 * in *n_checked of how many.
 */
static size_t check_quotes(struct checker *checker, const struct claim *claim, size_t opened_at,
	struct span words, size_t offset, size_t *n_checked)
{
	struct citation one = check_words(checker, claim, words, offset);
	struct piece piece[PIECES_MAX];
	size_t any = one.verdict != VERDICT_NOT_FOUND, n = 0;

	*n_checked = 1;
	if (!any) {
		n = split_quotes(checker, *claim, opened_at, words.at, words.end, piece);
		*n_checked = n;
	}
	if (n < 2) {
		add_citation(checker, one);
		return any;
	}
	citation_finish(&one);
	for (size_t i = 0; i < n; i++) {
		one = check_words(checker, &piece[i].claim, piece[i].words, offset);
		any += one.verdict != VERDICT_NOT_FOUND;
		add_citation(checker, one);
	}
	return any;
}

static void forget_citations(struct checker *checker, size_t from)
{
	while (checker->n_citation > from) {
		citation_finish(&checker->citation[--checker->n_citation]);
	}
}

/* Where the quote may end: closing marks with the bracket's end behind them. */
struct quote_end {
	size_t words_end, bracket_end;
};

static size_t find_ends(const struct checker *checker, size_t opened_at, size_t begin,
	struct quote_end end[ENDS_TRIED])
{
	size_t limit =
		checker->len - begin > QUOTE_MAX_BYTES ? begin + QUOTE_MAX_BYTES : checker->len;
	size_t n = 0;

	for (size_t at = begin; at < limit && n < ENDS_TRIED && !begins_citation(checker, at);) {
		size_t mark = parse_quote_close(checker->answer, checker->len, at, opened_at);
		size_t next = skip_blank(checker, at + mark);

		if (mark && next < checker->len && strchr(".,;)", checker->answer[next])) {
			next = skip_blank(checker, next + 1);
		}
		if (mark && (next >= checker->len || checker->answer[next] == ']')) {
			end[n].words_end = at;
			end[n++].bracket_end = next < checker->len ? next + 1 : next;
		}
		at += mark ? mark : 1;
	}
	return n;
}

/*
 * A quote that nothing closes before a bracket: it ends at its own closing mark, with words about
 * the place behind it, or at the bracket, or where its paragraph or the answer ends.
 */
static struct quote_end find_loose_end(
	const struct checker *checker, size_t opened_at, size_t begin, struct claim *claim)
{
	struct quote_end end = {.words_end = 0};
	size_t at = begin, mark = 0;

	for (; at < checker->len && checker->answer[at] != ']' && checker->answer[at] != '\n' &&
		!begins_citation(checker, at);
		at++) {
		if (!mark) {
			mark = parse_quote_close(checker->answer, checker->len, at, opened_at);
			end.words_end = at;
		}
	}
	if (!mark) {
		end.words_end = at;
	} else if (skip_blank(checker, claim->head.at) >= claim->head.end) {
		claim->head = (struct span){.at = end.words_end + mark, .end = at};
	}
	end.bracket_end = at < checker->len && checker->answer[at] == ']' ? at + 1 : at;
	return end;
}

static size_t check_bracket_quotes(struct checker *checker, struct claim *claim, size_t bracket)
{
	size_t opened_at = claim->head.end, first = checker->n_citation;
	size_t begin = opened_at + parse_quote_open(checker->answer, checker->len, opened_at);
	struct quote_end end[ENDS_TRIED];
	size_t n = find_ends(checker, opened_at, begin, end);

	if (n == 0) {
		end[n++] = find_loose_end(checker, opened_at, begin, claim);
	}
	/*
	 * A mark with a bracket behind it may belong to the words: the longest reading goes first.
	 * But one of which all is found goes before one of which only some is.
	 */
	for (int all = n > 1; all >= 0; all--) {
		for (size_t i = n; i-- > 0;) {
			struct span words = {.at = begin, .end = end[i].words_end};
			size_t n_checked, n_found = check_quotes(checker, claim, opened_at, words,
						  bracket, &n_checked);

			if (n_found >= (all ? n_checked : 1) || (!all && i == 0)) {
				return end[i].bracket_end;
			}
			forget_citations(checker, first);
		}
	}
	return end[0].bracket_end;
}

/* The quote that ends right before a bracket without one: `"words" [S1 a.txt:3]`. */
static struct span words_before(const struct checker *checker, size_t bracket)
{
	size_t end = bracket, at, mark;

	while (end > 0 &&
		(is_blank(checker->answer[end - 1]) || strchr(".,;:(", checker->answer[end - 1])) &&
		bracket - end < 8) {
		end--;
	}
	mark = parse_quote_end(checker->answer, end);
	if (!mark) {
		return (struct span){.at = bracket, .end = bracket};
	}
	end -= mark;
	for (at = end; at > 0 && end - at < BEFORE_MAX_BYTES && checker->answer[at - 1] != ']';
		at--) {
		mark = parse_quote_open(checker->answer, end, at - 1);
		if (mark && parse_quote_close(checker->answer, checker->len, end, at - 1)) {
			return (struct span){.at = at - 1 + mark, .end = end};
		}
	}
	return (struct span){.at = bracket, .end = bracket};
}

/* Returns where to go on. */
static size_t check_bracket(struct checker *checker, size_t bracket)
{
	struct claim claim = {.number = 0};
	struct span words = {.at = bracket, .end = bracket};
	size_t after = number_at(checker, skip_blank(checker, bracket + 1), &claim.number);

	if (!after) {
		return bracket + 1;
	}
	if (!read_head(checker, after, checker->len, &claim)) {
		/* A citation all the same, of no words: it must not pass for none. */
		add_citation(checker, check_words(checker, &claim, words, bracket));
		return claim.head.end;
	}
	if (checker->answer[claim.head.end] != ']') {
		return check_bracket_quotes(checker, &claim, bracket);
	}
	words = words_before(checker, bracket);
	add_citation(checker, check_words(checker, &claim, words, bracket));
	return claim.head.end + 1;
}

struct citation *cite_check(
	const char *answer, size_t len, struct cite_source *source, size_t n_source, size_t *count)
{
	struct checker checker = {
		.answer = answer, .len = len, .source = source, .n_source = n_source};

	for (size_t at = 0; at < len;) {
		const char *bracket = memchr(answer + at, '[', len - at);

		if (!bracket) {
			break;
		}
		at = check_bracket(&checker, (size_t)(bracket - answer));
	}
	*count = checker.n_citation;
	return checker.citation ? checker.citation : mem_alloc(0);
}
