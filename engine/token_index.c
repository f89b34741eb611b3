#include "engine/token_index.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/quote_text.h"
#include "engine/token/tokenizer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	/* In one call of token_index_build(). */
	SLICE_TOK = 16 << 10,
	SLICE_BYTES = 32 << 10,
	START_COST_BYTES = 64,      /* the tokens that fit a place take as long as so many bytes */
	GAP_MAX_BYTES = 1024,       /* without a place where a quote may end */
	START_MAX_BYTES = 256,      /* in which a quote comes to its least weight */
	DEPTH_MAX = 512,            /* bytes of a token that are followed */
	TEXT_MAX_BYTES = INT32_MAX, /* what stands behind is not quoted from */
	SEEN_BITS = 14,             /* of the table of places whose tokens were looked up already */
	SEEN_BYTES = 8,
	SEEN_MIN_PLACES = 64, /* fewer are not worth it */
};

/* Text in which a quote may run: it begins at or behind `begin` and ends at `end` or before. */
struct stretch {
	uint32_t begin, end;
	uint32_t last_begin; /* from here on it would be too short */
};

/* The letters and digits in the START_MAX_BYTES behind a place, for places in ascending order. */
struct weight_window {
	size_t at, end;
	unsigned weight;
};

enum phase { PHASE_TEXT, PHASE_STRETCHES, PHASE_STARTS, PHASE_COMPLETE };

struct token_index {
	const struct tokenizer *tokenizer;
	const struct token_order *order;
	size_t mask_words; /* of 64 tokens */

	enum phase phase;
	size_t at;     /* source, byte or stretch that is next */
	size_t at_tok; /* of that source, in PHASE_TEXT */
	struct token_source *source;
	size_t n_source;
	struct segment_aside *aside; /* of all sources */
	struct buf piece;            /* one source's text */

	struct buf bytes;
	struct quote_mark *mark;
	size_t n_mark, cap_mark;
	struct quote_text text; /* of both, once they are complete */
	struct stretch *stretch;
	size_t n_stretch, cap_stretch;

	/* While the stretches are looked for: the one that is open. */
	size_t begin, last_end, first_mark;
	int has_marklike;

	struct weight_window window; /* while the starts are looked for */
	uint64_t *starts[2];         /* [mask_words]; without a blank, and with one */
	int has_starts[2];
	uint64_t *seen; /* [1 << SEEN_BITS] */
};

struct token_index *token_index_create(const struct tokenizer *tokenizer,
	const struct token_order *order, int64_t n_vocab, const struct token_source *source,
	size_t n_source)
{
	struct token_index *index = mem_zero(1, sizeof(*index));
	size_t n_aside = 0;

	index->tokenizer = tokenizer;
	index->order = order;
	index->mask_words = ((size_t)n_vocab + 63) / 64;
	for (size_t i = 0; i < n_source; i++) {
		n_aside += source[i].n_aside;
	}
	index->source = mem_alloc(n_source * sizeof(*source));
	index->aside = mem_alloc(n_aside * sizeof(*index->aside));
	index->n_source = n_source;
	n_aside = 0;
	for (size_t i = 0; i < n_source; i++) {
		index->source[i] = source[i];
		index->source[i].aside = index->aside + n_aside;
		if (source[i].n_aside) {
			memcpy(index->aside + n_aside, source[i].aside,
				source[i].n_aside * sizeof(*index->aside));
		}
		n_aside += source[i].n_aside;
	}
	return index;
}

void token_index_destroy(struct token_index *index)
{
	if (index) {
		free(index->source);
		free(index->aside);
		buf_finish(&index->piece);
		buf_finish(&index->bytes);
		free(index->mark);
		free(index->stretch);
		free(index->starts[0]);
		free(index->starts[1]);
		free(index->seen);
		free(index);
	}
}

/* ---- the text ---- */

static void add_edge(struct token_index *index)
{
	buf_addch(&index->bytes, QUOTE_TEXT_EDGE);
}

static int is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void add_words(struct token_index *index, const char *words, size_t len)
{
	size_t at = index->bytes.len;

	buf_add(&index->bytes, words, len);
	for (; at < index->bytes.len; at++) {
		char *c = &index->bytes.data[at];

		/* Control characters are no words, and two of them mean something here. */
		if ((unsigned char)*c < ' ' && !is_blank(*c)) {
			*c = QUOTE_TEXT_BARRED;
		}
	}
}

/* Whether the text ends in a hyphen and a line end: then what follows may be a word's rest. */
static int ends_broken(const struct token_index *index)
{
	struct quote_text text = {
		.data = index->bytes.data,
		.len = index->bytes.len,
		.mark = index->mark,
		.n_mark = index->n_mark,
	};

	return quote_text_is_broken(&text, text.len);
}

/* `10|`; a client may call anything a mark. */
static int is_mark(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] >= '0' && text[n] <= '9') {
		n++;
	}
	return n > 0 && n + 1 == len && len <= UINT16_MAX && text[n] == '|';
}

static void add_aside(struct token_index *index, const struct segment_aside *aside)
{
	struct buf *bytes = &index->bytes;
	const char *text = index->piece.data + aside->at;

	switch (aside->kind) {
	case SEGMENT_ASIDE_BARRIER:
		add_edge(index);
		break;
	case SEGMENT_ASIDE_SKIP:
		if (ends_broken(index)) {
			add_edge(index);
		}
		break;
	case SEGMENT_ASIDE_MARK:
		if (bytes->data[bytes->len - 1] != '\n' || !is_mark(text, aside->len)) {
			add_edge(index);
			break;
		}
		mem_grow(index->mark, index->n_mark, index->cap_mark);
		index->mark[index->n_mark++] = (struct quote_mark){
			.at = (uint32_t)bytes->len, .len = (uint16_t)aside->len, .may_copy = 1};
		buf_add(bytes, text, aside->len);
		break;
	}
}

/* Up to *left tokens of the source that is next; returns whether all of it is there. */
static int decode_source(struct token_index *index, const uint32_t *ids, size_t *left)
{
	const struct token_source *source = &index->source[index->at];

	for (; index->at_tok<source->n_tok && * left> 0; index->at_tok++, --*left) {
		tokenizer_decode(
			index->tokenizer, ids[source->first_tok + index->at_tok], 0, &index->piece);
	}
	return index->at_tok == source->n_tok;
}

static void add_source(struct token_index *index)
{
	const struct token_source *source = &index->source[index->at], *before = source - 1;
	size_t at = 0, extra;

	if (index->at == 0 || before->first_tok + before->n_tok != source->first_tok) {
		add_edge(index);
	}
	/* The dummy prefix of SentencePiece is a blank that stands in no source. */
	extra = index->piece.len - source->text_bytes;
	if (extra > 1 || source->text_bytes > TEXT_MAX_BYTES) {
		add_edge(index);
		return;
	}
	if (extra) {
		memmove(index->piece.data, index->piece.data + 1, source->text_bytes);
	}
	for (size_t k = 0; k < source->n_aside; k++) {
		const struct segment_aside *aside = &source->aside[k];

		add_words(index, index->piece.data + at, aside->at - at);
		add_aside(index, aside);
		at = aside->at + aside->len;
	}
	if (at < source->text_bytes) {
		add_words(index, index->piece.data + at, source->text_bytes - at);
	}
}

/* Returns whether the text is complete. */
static int build_text(struct token_index *index, const uint32_t *ids)
{
	size_t left = SLICE_TOK;

	while (index->at < index->n_source && index->bytes.len < TEXT_MAX_BYTES) {
		if (!decode_source(index, ids, &left)) {
			return 0;
		}
		add_source(index);
		buf_clear(&index->piece);
		index->at++;
		index->at_tok = 0;
	}
	add_edge(index);
	index->text = (struct quote_text){
		.data = index->bytes.data,
		.len = index->bytes.len,
		.mark = index->mark,
		.n_mark = index->n_mark,
	};
	buf_finish(&index->piece);
	return 1;
}

/* ---- stretches ---- */

/*
 * Behind the last place that leaves enough letters and digits to be a quote, as far as
 * START_MAX_BYTES from the end: what is farther away has them or may not begin (may_begin()).
 * `begin` where no place does.
 */
static size_t find_last_begin(const struct quote_text *text, size_t begin, size_t end)
{
	unsigned weight = 0;
	size_t at = end;

	while (at > begin && end - at < START_MAX_BYTES && weight < QUOTE_WEIGHT_MIN) {
		weight += quote_text_weight(text, at--);
	}
	/* Into the middle of a character, perhaps, where no quote may begin. */
	return at == begin && weight < QUOTE_WEIGHT_MIN ? begin : at + 1;
}

static void end_stretch(struct token_index *index, size_t next_begin)
{
	if (index->last_end > index->begin) {
		size_t last = find_last_begin(&index->text, index->begin, index->last_end);

		if (last > index->begin) {
			mem_grow(index->stretch, index->n_stretch, index->cap_stretch);
			index->stretch[index->n_stretch++] = (struct stretch){
				.begin = (uint32_t)index->begin,
				.end = (uint32_t)index->last_end,
				.last_begin = (uint32_t)last,
			};
		}
	}
	while (index->first_mark < index->n_mark &&
		index->mark[index->first_mark].at < next_begin) {
		index->mark[index->first_mark++].may_copy = (uint16_t)!index->has_marklike;
	}
	index->has_marklike = 0;
	index->begin = next_begin;
}

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Whether a quote that runs over the `[` at data[at] would hold the beginning of another citation:
 * `[S1`, `[Source 1`, `[see S1`.
 */
static int begins_citation(const struct quote_text *text, size_t at)
{
	static const char *const word[] = {"sources", "source", "src", "see", "from"};

	at = quote_text_skip(text, at + 1, text->len);
	for (size_t i = 0; i < ARRAY_LEN(word); i++) {
		size_t n = strlen(word[i]);

		if (text->len - at > n && strncasecmp(text->data + at, word[i], n) == 0 &&
			(is_blank(text->data[at + n]) || text->data[at + n] == ':')) {
			for (at += n; text->data[at] == ':' || quote_text_space(text, at);) {
				at = text->data[at] == ':' ? at + 1
							   : quote_text_skip(text, at, text->len);
			}
			break;
		}
	}
	return (text->data[at] == 'S' || text->data[at] == 's') && is_digit(text->data[at + 1]);
}

static size_t skip_back(const struct quote_text *text, size_t at)
{
	for (;;) {
		const struct quote_mark *mark =
			text->data[at - 1] == '|' ? quote_text_mark(text, at - 1) : NULL;

		if (mark) {
			at = mark->at;
		} else if (is_blank(text->data[at - 1])) {
			at--;
		} else {
			return at;
		}
	}
}

/* Whether the `]` at data[at] would seem to end a citation: `"]`, `".]`. */
static int ends_citation(const struct quote_text *text, size_t at)
{
	const char *data = text->data;

	at = skip_back(text, at);
	if (data[at - 1] && strchr(".,;)", data[at - 1])) {
		at = skip_back(text, at - 1);
	}
	return data[at - 1] == '"' ||
	       (at > 3 && memcmp(data + at - 3, "\xe2\x80", 2) == 0 &&
		       (data[at - 1] == (char)0x9c || data[at - 1] == (char)0x9d));
}

/*
 * Whether what stands at data[at] could be taken for a mark, or is changed where marks are left
 * out: then a quote that holds it must hold none. `20|`, `[00:`, `\"`, `<\`.
 */
static int is_marklike(const struct quote_text *text, size_t at)
{
	const char *data = text->data;

	switch (data[at]) {
	case '|':
		return is_digit(data[at - 1]) && !quote_text_mark(text, at);
	case '[':
		return is_digit(data[at + 1]);
	case '\\':
		return data[at + 1] == '"' || data[at - 1] == '<';
	default:
		return 0;
	}
}

static int is_barrier(const struct quote_text *text, size_t at)
{
	char c = text->data[at];

	return c == QUOTE_TEXT_EDGE || c == QUOTE_TEXT_BARRED ||
	       (c == '[' && begins_citation(text, at)) || (c == ']' && ends_citation(text, at));
}

static int build_stretches(struct token_index *index)
{
	const struct quote_text *text = &index->text;
	size_t until = index->at + SLICE_BYTES;

	until = until < text->len ? until : text->len;
	while (index->at < until) {
		size_t at = index->at, n = 1;
		uint32_t cp;

		if ((text->data[at] & 0x80) &&
			!(n = utf8_decode(text->data + at, text->len - at, &cp))) {
			index->bytes.data[at] = QUOTE_TEXT_BARRED;
			n = 1;
		}
		if (is_barrier(text, at)) {
			end_stretch(index, at + n);
		} else {
			index->has_marklike |= is_marklike(text, at);
			if (quote_text_may_end(text, at + n)) {
				index->last_end = at + n;
			}
		}
		index->at += n;
		if (index->at - (index->last_end > index->begin ? index->last_end : index->begin) >
			GAP_MAX_BYTES) {
			end_stretch(index, index->at);
		}
	}
	return index->at == text->len;
}

/* ---- which tokens fit ---- */

static void allow(uint64_t *mask, uint32_t id)
{
	mask[id / 64] |= UINT64_C(1) << id % 64;
}

/* The tokens that end here. */
static void allow_whole(
	const struct token_order *order, const struct token_range *range, uint64_t *mask)
{
	for (uint32_t rank = range->low;
		rank < range->high && token_order_len(order, rank) == range->depth; rank++) {
		allow(mask, order->id[rank]);
	}
}

/*
 * Every token that goes on from the `]` of a citation, but for one that would open the next quote:
 * what that may hold is not looked at here.
 */
static void allow_behind(const struct token_order *order, struct token_range range, uint64_t *mask)
{
	if (!token_order_next(order, &range, ']')) {
		return;
	}
	for (uint32_t rank = range.low; rank < range.high; rank++) {
		const char *rest = order->text + order->start[rank] + range.depth;
		size_t len = token_order_len(order, rank) - range.depth;
		const char *bracket = memchr(rest, '[', len);

		if (!bracket || !memchr(bracket, '"', len - (size_t)(bracket - rest))) {
			allow(mask, order->id[rank]);
		}
	}
}

void token_index_allow_end(const struct token_index *index, uint64_t *mask)
{
	allow_behind(index->order, token_order_all(index->order), mask);
}

static void allow_close(const struct token_index *index, const struct token_place *place,
	struct token_range range, uint64_t *mask)
{
	if (place->weight >= QUOTE_WEIGHT_MIN && range.low < range.high &&
		token_order_next(index->order, &range, '"') && token_index_may_end(index, place)) {
		allow_whole(index->order, &range, mask);
		allow_behind(index->order, range, mask);
	}
}

/* The tokens of the range that say what stands at the place. Returns how far it looked. */
static uint32_t allow_range(const struct token_index *index, const struct token_place *place,
	struct token_range range, uint64_t *mask)
{
	struct token_step step[TOKEN_STEPS_MAX];
	uint32_t furthest = place->at;
	unsigned n;

	if (range.depth >= DEPTH_MAX) {
		return UINT32_MAX;
	}
	if (range.depth) {
		allow_whole(index->order, &range, mask);
	}
	allow_close(index, place, range, mask);
	n = token_index_steps(index, place, step);
	for (unsigned i = 0; i < n; i++) {
		struct token_range next = range;

		if (token_order_next(index->order, &next, step[i].byte)) {
			uint32_t at = allow_range(index, &step[i].place, next, mask);

			furthest = at > furthest ? at : furthest;
		}
	}
	return furthest;
}

/*
 * Words come again and again. Whether what stands at a place was looked up before, and no token
 * reached beyond these bytes, is kept in a table that forgets. Where a quote has to end soon, that
 * decides too.
 */
static uint64_t *seen_slot(
	const struct token_index *index, const struct token_place *place, uint64_t *bytes)
{
	if (place->end - place->at < SEEN_BYTES) {
		return NULL;
	}
	memcpy(bytes, index->text.data + place->at, SEEN_BYTES);
	return &index->seen[(*bytes * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - SEEN_BITS)];
}

static void set_seen(
	uint64_t *slot, uint64_t bytes, const struct token_place *place, uint32_t furthest)
{
	/* A byte more was compared, and one behind it decides whether a quote may end. */
	if (slot && furthest - place->at <= SEEN_BYTES - 2) {
		*slot = bytes;
	}
}

static void allow_many(const struct token_index *index, const struct token_place *place,
	size_t n_place, uint64_t *mask)
{
	struct token_range all = token_order_all(index->order);

	memset(index->seen, 0, sizeof(*index->seen) << SEEN_BITS);
	for (size_t i = 0; i < n_place; i++) {
		uint64_t bytes = 0, *slot = seen_slot(index, &place[i], &bytes);

		/* What a quote weighs decides whether it may end: mostly all weigh the same. */
		slot = place[i].weight == place[0].weight ? slot : NULL;
		if (!slot || *slot != bytes) {
			set_seen(slot, bytes, &place[i], allow_range(index, &place[i], all, mask));
		}
	}
}

void token_index_allow(const struct token_index *index, const struct token_place *place,
	size_t n_place, enum token_way way, uint64_t *mask)
{
	struct token_range all = token_order_all(index->order);

	if (way == TOKEN_GO_ON && n_place >= SEEN_MIN_PLACES) {
		allow_many(index, place, n_place, mask);
		return;
	}
	for (size_t i = 0; i < n_place; i++) {
		if (way == TOKEN_CLOSE_ONLY) {
			allow_close(index, &place[i], all, mask);
		} else {
			allow_range(index, &place[i], all, mask);
		}
	}
}

/* ---- the tokens a quote may begin with ---- */

/* Returns whether they had to be looked up. */
static int add_start(struct token_index *index, uint32_t at, uint32_t end)
{
	struct token_place place = {.at = at, .end = end};
	struct token_range range = token_order_all(index->order), blank = range;
	uint64_t bytes = 0, *slot = seen_slot(index, &place, &bytes);
	uint32_t furthest, further = at;

	if (slot && *slot == bytes) {
		return 0;
	}
	furthest = allow_range(index, &place, range, index->starts[0]);
	if (token_order_next(index->order, &blank, ' ')) {
		allow_whole(index->order, &blank, index->starts[1]);
		further = allow_range(index, &place, blank, index->starts[1]);
	}
	set_seen(slot, bytes, &place, furthest > further ? furthest : further);
	return 1;
}

static void move_window(struct weight_window *window, const struct quote_text *text, size_t at)
{
	size_t end = at + START_MAX_BYTES < text->len ? at + START_MAX_BYTES : text->len - 1;

	if (at > window->end) {
		*window = (struct weight_window){.at = at, .end = at};
	}
	while (window->end < end) {
		window->weight += quote_text_weight(text, ++window->end);
	}
	while (window->at < at) {
		window->weight -= quote_text_weight(text, ++window->at);
	}
}

/* Whether a quote may begin here, and is soon one that proves something. */
static int may_begin(struct weight_window *window, const struct quote_text *text, size_t at)
{
	move_window(window, text, at);
	return window->weight >= QUOTE_WEIGHT_MIN && quote_text_may_begin(text, at);
}

static int has_any(const uint64_t *mask, size_t words)
{
	for (size_t i = 0; i < words; i++) {
		if (mask[i]) {
			return 1;
		}
	}
	return 0;
}

static int build_starts(struct token_index *index)
{
	long left = SLICE_BYTES;

	if (!index->starts[0]) {
		index->starts[0] = mem_zero(index->mask_words, sizeof(**index->starts));
		index->starts[1] = mem_zero(index->mask_words, sizeof(**index->starts));
		index->seen = mem_zero((size_t)1 << SEEN_BITS, sizeof(*index->seen));
		index->begin = 0; /* of the stretch under way: the byte that is next */
	}
	for (; index->at < index->n_stretch; index->at++, index->begin = 0) {
		const struct stretch *stretch = &index->stretch[index->at];
		size_t at = index->begin > stretch->begin ? index->begin : stretch->begin;

		for (; at < stretch->last_begin; at++) {
			if (left-- <= 0) {
				index->begin = at;
				return 0;
			}
			if (may_begin(&index->window, &index->text, at) &&
				add_start(index, (uint32_t)at, stretch->end)) {
				left -= START_COST_BYTES;
			}
		}
	}
	for (size_t i = 0; i < index->mask_words; i++) {
		index->starts[1][i] |= index->starts[0][i];
	}
	index->has_starts[0] = has_any(index->starts[0], index->mask_words);
	index->has_starts[1] = has_any(index->starts[1], index->mask_words);
	return 1;
}

int token_index_build(struct token_index *index, const uint32_t *ids)
{
	int is_done = 0;

	switch (index->phase) {
	case PHASE_TEXT:
		is_done = build_text(index, ids);
		break;
	case PHASE_STRETCHES:
		is_done = build_stretches(index);
		break;
	case PHASE_STARTS:
		is_done = build_starts(index);
		break;
	case PHASE_COMPLETE:
		break;
	}
	if (is_done) {
		index->phase = (enum phase)(index->phase + 1);
		index->at = 0;
	}
	return index->phase == PHASE_COMPLETE;
}

const uint64_t *token_index_starts(const struct token_index *index, int after_blank)
{
	return index->has_starts[!after_blank] ? index->starts[!after_blank] : NULL;
}

/* ---- places ---- */

void token_index_find(const struct token_index *index, const char *bytes, size_t len,
	struct token_place **place, size_t *count, size_t *cap)
{
	const char *data = index->text.data;
	struct weight_window window = {0};

	for (size_t i = 0; i < index->n_stretch && *count < TOKEN_PLACES_MAX; i++) {
		const struct stretch *stretch = &index->stretch[i];
		size_t at = stretch->begin;
		const char *found;

		while (at < stretch->last_begin && *count < TOKEN_PLACES_MAX &&
			(found = memmem(data + at, stretch->end - at, bytes, len))) {
			at = (size_t)(found - data);
			if (at < stretch->last_begin && may_begin(&window, &index->text, at)) {
				mem_grow(*place, *count, *cap);
				(*place)[(*count)++] = (struct token_place){
					.at = (uint32_t)at, .end = stretch->end};
			}
			at++;
		}
	}
}

static struct token_step step_over(
	const struct token_index *index, const struct token_place *place, size_t at)
{
	struct token_step step = {
		.byte = (uint8_t)index->text.data[at],
		.place = {.at = (uint32_t)at + 1, .end = place->end, .weight = place->weight},
	};

	if (step.place.weight < QUOTE_WEIGHT_MIN) {
		unsigned weight = step.place.weight + quote_text_weight(&index->text, at + 1);

		step.place.weight =
			(uint8_t)(weight < QUOTE_WEIGHT_MIN ? weight : QUOTE_WEIGHT_MIN);
	}
	return step;
}

/* Whether white space, or a mark behind it, ends at data[at]. */
static int is_space_before(const struct quote_text *text, size_t at)
{
	if (text->data[at - 1] == '|') {
		return quote_text_mark(text, at - 1) != NULL;
	}
	for (size_t n = 1; n <= 3 && n < at; n++) {
		if (quote_text_space(text, at - n) == n) {
			return 1;
		}
	}
	return 0;
}

unsigned token_index_steps(const struct token_index *index, const struct token_place *place,
	struct token_step step[TOKEN_STEPS_MAX])
{
	const struct quote_text *text = &index->text;
	const struct quote_mark *mark = NULL;
	size_t at = place->at, behind;
	unsigned n = 0;
	int is_space;

	if (at >= place->end) {
		return 0;
	}
	is_space = quote_text_space(text, at) > 0;
	if (text->data[at - 1] == '\n' && is_digit(text->data[at])) {
		mark = quote_text_mark(text, at);
	}
	if (!mark || mark->may_copy) {
		step[n++] = step_over(index, place, at);
	}
	if (!is_space && !mark) {
		return n;
	}
	behind = quote_text_skip(text, at, place->end);
	/* One blank for all the white space that is left; nothing where some was said, or none parts. */
	if (is_space && text->data[at] != ' ' && behind <= place->end) {
		step[n++] = (struct token_step){.byte = ' ',
			.place = {.at = (uint32_t)behind,
				.end = place->end,
				.weight = place->weight}};
	}
	if (behind < place->end &&
		(mark || is_space_before(text, at) || !quote_text_is_gap(text, at, behind))) {
		step[n++] = step_over(index, place, behind);
	}
	return n;
}

int token_index_may_end(const struct token_index *index, const struct token_place *place)
{
	return quote_text_may_end(&index->text, place->at);
}
