#include "session/cut.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "session/pack.h"

#include <stdlib.h>
#include <string.h>

enum {
	BATCH_BYTES = 4 << 20, /* of text that is counted at once */
	LONG_LINE_PER_TOK = 2, /* bytes for each token of a chunk: longer lines are taken apart */
	PIECES_PER_CHUNK = 4,  /* as bytes go: of one token each */
	PIECE_MIN_BYTES = 8,
};

/* What stands before a place, the worse first. */
enum rank { RANK_CHARACTER, RANK_SPACE, RANK_LINE, RANK_EMPTY, RANK_HEADING, RANK_PART };

/* What is never cut while chunks are sought: a line, or some of a very long one. */
struct atom {
	size_t part, at, end;
	int64_t line, tokens;
	int64_t before_tok; /* of the chunk that is sought, in front of this one */
	enum rank rank;
};

/* A chunk that is made, perhaps too large. */
struct made {
	struct slice slice;
	int64_t tokens; /* -1: not counted yet */
	enum rank rank;
};
struct made_list {
	struct made *item;
	size_t count, cap;
};

struct cutter {
	const struct document *document;
	const struct cut_rule *rule;
	int64_t *tags_tok; /* [n_part + 1]: of what stands around the texts of the parts before */
	size_t *heading;   /* [n_heading]: in the order of their places */
	size_t next_heading;
	struct atom *atom; /* that are in no chunk yet */
	size_t n_atom, cap_atom;
	struct made_list chunk, window;
	struct err *err;
};

void cut_finish(struct cut *cut)
{
	free(cut->chunk);
	free(cut->window);
	*cut = (struct cut){0};
}

int64_t cut_window_tok(int64_t train_tok)
{
	int64_t window_tok = train_tok / 4;

	return window_tok < 1024 ? 1024 : window_tok > 8192 ? 8192 : window_tok;
}

/* ---- counting ---- */

/* Texts on their way to the rule's counter, and what each is a part of. */
struct batch {
	struct tokens_text *text;
	size_t n_text, cap_text;
	size_t *owner;
	size_t cap_owner, bytes;
};

static void batch_add(struct batch *batch, const char *text, size_t len, size_t owner)
{
	size_t n = batch->n_text;

	mem_grow(batch->text, n, batch->cap_text);
	mem_grow(batch->owner, n, batch->cap_owner);
	batch->text[n] = (struct tokens_text){.text = text, .len = len};
	batch->owner[n] = owner;
	batch->n_text++;
	batch->bytes += len;
}

static void batch_finish(struct batch *batch)
{
	free(batch->text);
	free(batch->owner);
}

static int batch_count(const struct cutter *cutter, struct batch *batch, int64_t *tokens)
{
	const struct cut_rule *rule = cutter->rule;

	if (batch->n_text && rule->count(rule->arg, batch->text, batch->n_text, cutter->err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < batch->n_text; i++) {
		tokens[batch->owner[i]] += (int64_t)batch->text[i].n_tok;
	}
	batch->n_text = batch->bytes = 0;
	return 0;
}

static void batch_add_prompt(struct batch *batch, const struct prompt *prompt, size_t owner)
{
	for (size_t i = 0; i < prompt->count; i++) {
		size_t len;
		const char *text = segment_bytes(prompt->item[i], &len);

		batch_add(batch, text, len, owner);
	}
}

/* Those of the slices that are not counted yet, as they are packed. */
static int count_made(const struct cutter *cutter, struct made *made, size_t n_made)
{
	struct batch batch = {0};
	struct prompt packed = {0};
	int64_t *tokens = mem_zero(n_made + 1, sizeof(*tokens));
	int status = 0;

	for (size_t i = 0; i < n_made && status == 0; i++) {
		if (made[i].tokens < 0) {
			struct prompt prompt = {0};

			pack_slices_content(&prompt, cutter->document, &made[i].slice, 1);
			batch_add_prompt(&batch, &prompt, i);
			prompt_copy(&packed, &prompt);
			prompt_finish(&prompt);
		}
		if (batch.bytes >= BATCH_BYTES || i + 1 == n_made) {
			status = batch_count(cutter, &batch, tokens);
			prompt_finish(&packed);
			packed = (struct prompt){0};
		}
	}
	for (size_t i = 0; i < n_made && status == 0; i++) {
		made[i].tokens = made[i].tokens < 0 ? tokens[i] : made[i].tokens;
	}
	batch_finish(&batch);
	free(tokens);
	return status;
}

/* Of what stands around the texts of parts [from, to). */
static int64_t tags_of(const struct cutter *cutter, size_t from, size_t to)
{
	return from < to ? cutter->tags_tok[to] - cutter->tags_tok[from] : 0;
}

static int64_t tag_of(const struct cutter *cutter, size_t part)
{
	return tags_of(cutter, part, part + 1);
}

static int count_tags(struct cutter *cutter)
{
	size_t n_part = cutter->document->n_part;
	struct made *made = mem_alloc((n_part + 1) * sizeof(*made));
	int status;

	for (size_t i = 0; i < n_part; i++) {
		made[i] = (struct made){.slice = {.first = i, .last = i, .line = 1}, .tokens = -1};
	}
	status = count_made(cutter, made, n_part);
	for (size_t i = 0; i < n_part; i++) {
		cutter->tags_tok[i + 1] = cutter->tags_tok[i] + made[i].tokens;
	}
	free(made);
	return status;
}

/* At most; of the number in front of a line. */
static int64_t number_tok(const struct cutter *cutter, int64_t line)
{
	int64_t digits = 1;

	if (cutter->document->kind != DOCUMENT_TEXT && cutter->document->kind != DOCUMENT_CODE) {
		return 0;
	}
	for (; line >= 10; line /= 10) {
		digits++;
	}
	return digits + 1;
}

/* ---- atoms ---- */

static int by_place(const struct heading *a, const struct heading *b)
{
	if (a->part != b->part) {
		return a->part < b->part ? -1 : 1;
	}
	return a->line < b->line ? -1 : a->line > b->line;
}

static int by_heading(const void *a, const void *b, void *arg)
{
	const struct heading *heading = arg;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	int order = by_place(&heading[x], &heading[y]);

	return order ? order : (x > y) - (x < y);
}

static void sort_headings(struct cutter *cutter)
{
	size_t n = cutter->document->n_heading;

	cutter->heading = mem_alloc((n + 1) * sizeof(*cutter->heading));
	for (size_t i = 0; i < n; i++) {
		cutter->heading[i] = i;
	}
	if (n) {
		qsort_r(cutter->heading, n, sizeof(*cutter->heading), by_heading,
			cutter->document->heading);
	}
}

/* Whether one stands there; places are asked about in their order. */
static int is_heading(struct cutter *cutter, size_t part, int64_t line)
{
	const struct document *document = cutter->document;
	struct heading here = {.part = part, .line = line};
	int order = 1;

	while (cutter->next_heading < document->n_heading) {
		order = by_place(&document->heading[cutter->heading[cutter->next_heading]], &here);
		if (order >= 0) {
			break;
		}
		cutter->next_heading++;
	}
	return cutter->next_heading < document->n_heading && order == 0;
}

static int is_blank(const char *text, size_t at, size_t end)
{
	while (at < end && (text[at] == ' ' || (text[at] >= '\t' && text[at] <= '\r'))) {
		at++;
	}
	return at == end;
}

/* Where a piece of text[at, end) of at most `most` bytes ends: after a space, if one is not too early. */
static size_t piece_end(const char *text, size_t at, size_t end, size_t most, enum rank *rank)
{
	size_t to;

	if (end - at <= most) {
		*rank = RANK_LINE;
		return end;
	}
	*rank = RANK_SPACE;
	for (to = at + most; to > at + most / 2; to--) {
		if (text[to - 1] == ' ' || text[to - 1] == '\t') {
			return to;
		}
	}
	*rank = RANK_CHARACTER;
	to = at + most;
	return to - utf8_incomplete_tail(text + at, most);
}

static void add_atom(struct cutter *cutter, struct atom atom)
{
	mem_grow(cutter->atom, cutter->n_atom, cutter->cap_atom);
	cutter->atom[cutter->n_atom++] = atom;
}

/* A line, whole or in pieces. */
static void add_line(struct cutter *cutter, struct atom line)
{
	const char *text = cutter->document->part[line.part].text;
	size_t chunk_tok = (size_t)cutter->rule->chunk_tok;
	size_t most = chunk_tok / PIECES_PER_CHUNK;

	if (line.end - line.at <= LONG_LINE_PER_TOK * chunk_tok) {
		add_atom(cutter, line);
		return;
	}
	most = most < PIECE_MIN_BYTES ? PIECE_MIN_BYTES : most;
	for (struct atom piece = line; piece.at < line.end; piece.at = piece.end) {
		enum rank next;

		piece.end = piece_end(text, piece.at, line.end, most, &next);
		add_atom(cutter, piece);
		piece.rank = next;
	}
}

static int count_atoms(struct cutter *cutter, size_t from)
{
	struct batch batch = {0};
	int64_t *tokens = mem_zero(cutter->n_atom + 1, sizeof(*tokens));
	int status;

	for (size_t i = from; i < cutter->n_atom; i++) {
		const struct atom *atom = &cutter->atom[i];

		batch_add(&batch, cutter->document->part[atom->part].text + atom->at,
			atom->end - atom->at, i);
	}
	status = batch_count(cutter, &batch, tokens);
	for (size_t i = from; i < cutter->n_atom; i++) {
		struct atom *atom = &cutter->atom[i];
		int is_numbered = atom->line % 10 == 0 && atom->rank >= RANK_LINE;

		atom->tokens = tokens[i] + (is_numbered ? number_tok(cutter, atom->line) : 0);
	}
	batch_finish(&batch);
	free(tokens);
	return status;
}

/* ---- chunks ---- */

/*
 * What a chunk or window may hold that begins with this part: tags that are more than half of what
 * it should hold do not count, so that at least as much text is beside them.
 */
static int64_t limit_of(const struct cutter *cutter, int64_t limit_tok, size_t part)
{
	int64_t over_tok = tag_of(cutter, part) - limit_tok / 2;

	return limit_tok + (over_tok > 0 ? over_tok : 0);
}

/* Of the boundaries before atoms (first, end], the best in the last third; see cut.h. */
static size_t best_boundary(
	const struct cutter *cutter, size_t first, size_t end, int64_t limit_tok)
{
	const struct atom *atom = cutter->atom;
	size_t best = end;

	for (size_t i = end; i > first && 3 * atom[i].before_tok >= 2 * limit_tok; i--) {
		if (atom[i].rank > atom[best].rank) {
			best = i;
		}
	}
	for (size_t i = end; i > first && atom[best].rank < RANK_LINE; i--) {
		if (atom[i].rank >= RANK_LINE) {
			best = i;
		}
	}
	return best;
}

/* Where the chunk ends that begins with atom `first`; 0: what follows must be known first. */
static size_t chunk_end(const struct cutter *cutter, size_t first, int is_all)
{
	struct atom *atom = cutter->atom;
	int64_t limit_tok = limit_of(cutter, cutter->rule->chunk_tok, atom[first].part);
	int64_t tokens = number_tok(cutter, atom[first].line) + tag_of(cutter, atom[first].part);

	for (size_t i = first; i < cutter->n_atom; i++) {
		int is_new_part = i > first && atom[i].part != atom[i - 1].part;

		atom[i].before_tok = tokens;
		if (is_new_part && cutter->document->kind == DOCUMENT_CODE) {
			return i;
		}
		tokens += atom[i].tokens;
		if (is_new_part) {
			tokens += tags_of(cutter, atom[i - 1].part + 1, atom[i].part + 1);
		}
		if (i > first && tokens > limit_tok) {
			return best_boundary(cutter, first, i, limit_tok);
		}
	}
	return is_all ? cutter->n_atom : 0;
}

static void add_made(struct made_list *list, struct made made)
{
	mem_grow(list->item, list->count, list->cap);
	list->item[list->count++] = made;
}

static void take_chunks(struct cutter *cutter, int is_all)
{
	size_t first = 0, end;

	while (first < cutter->n_atom && (end = chunk_end(cutter, first, is_all))) {
		const struct atom *from = &cutter->atom[first], *to = &cutter->atom[end - 1];

		add_made(&cutter->chunk,
			(struct made){
				.slice = {from->part, from->at, to->part, to->end, from->line},
				.tokens = -1,
				.rank = from->rank,
			});
		first = end;
	}
	if (first == 0) {
		return;
	}
	cutter->n_atom -= first;
	memmove(cutter->atom, cutter->atom + first, cutter->n_atom * sizeof(*cutter->atom));
}

/* Atoms are made, counted and taken some at a time: they are more memory than their text. */
static int make_chunks(struct cutter *cutter)
{
	size_t bytes = 0, n_counted = 0;

	for (size_t p = 0; p < cutter->document->n_part; p++) {
		const struct part *part = &cutter->document->part[p];
		struct atom line = {.part = p, .line = 1, .rank = RANK_PART};
		int was_blank = 0;

		for (; line.at < part->len; line.at = line.end, line.line++) {
			const char *newline =
				memchr(part->text + line.at, '\n', part->len - line.at);
			int blank;

			line.end = newline ? (size_t)(newline - part->text) + 1 : part->len;
			blank = is_blank(part->text, line.at, line.end);
			if (line.at) {
				line.rank = was_blank && !blank ? RANK_EMPTY : RANK_LINE;
			}
			if (line.at && is_heading(cutter, p, line.line)) {
				line.rank = RANK_HEADING;
			}
			was_blank = blank;
			add_line(cutter, line);
			bytes += line.end - line.at;
			if (bytes >= BATCH_BYTES) {
				if (count_atoms(cutter, n_counted) < 0) {
					return -1;
				}
				take_chunks(cutter, 0);
				n_counted = cutter->n_atom;
				bytes = 0;
			}
		}
	}
	if (count_atoms(cutter, n_counted) < 0) {
		return -1;
	}
	take_chunks(cutter, 1);
	return 0;
}

/* ---- what turned out too large ---- */

static int is_too_large(const struct cutter *cutter, const struct made *made, int64_t limit_tok)
{
	return made->tokens > limit_of(cutter, limit_tok, made->slice.first);
}

/* Where a slice may be cut in two. */
struct place {
	size_t part, at;
	int64_t line;
	enum rank rank;
	int is_central; /* in its middle third */
	size_t off;     /* bytes from its middle */
};

/* Bytes of a slice's text. */
static size_t slice_bytes(const struct document *document, const struct slice *slice)
{
	size_t bytes = 0;

	for (size_t p = slice->first; p <= slice->last; p++) {
		bytes += (p == slice->last ? slice->end : document->part[p].len) -
			 (p == slice->first ? slice->at : 0);
	}
	return bytes;
}

static enum rank rank_before(const struct part *part, size_t at)
{
	char c = part->text[at - 1];

	if (c == '\n') {
		return RANK_LINE;
	}
	return c == ' ' || c == '\t' ? RANK_SPACE : RANK_CHARACTER;
}

static int is_better(const struct place *a, const struct place *b)
{
	if (a->is_central != b->is_central) {
		return a->is_central;
	}
	return a->is_central ? a->rank > b->rank : a->off < b->off;
}

/* The best boundary in the middle third, else what is nearest to the middle; 0: it is one character. */
static int middle_of(
	const struct document *document, const struct slice *slice, struct place *middle)
{
	size_t bytes = slice_bytes(document, slice), n = 0;
	struct place here = {.part = slice->first, .at = slice->at, .line = slice->line};
	int has_any = 0;

	for (; here.part <= slice->last; here.part++, here.at = 0, here.line = 1) {
		const struct part *part = &document->part[here.part];
		size_t end = here.part == slice->last ? slice->end : part->len;

		while (here.at < end) {
			uint32_t cp;
			size_t step = utf8_decode(part->text + here.at, end - here.at, &cp);

			here.rank = here.at ? rank_before(part, here.at) : RANK_PART;
			here.is_central = 3 * n >= bytes && 3 * n <= 2 * bytes;
			here.off = n > bytes / 2 ? n - bytes / 2 : bytes / 2 - n;
			if (n && (!has_any || is_better(&here, middle))) {
				*middle = here;
				has_any = 1;
			}
			here.line += part->text[here.at] == '\n';
			here.at += step ? step : 1;
			n += step ? step : 1;
		}
	}
	return has_any;
}

/* Ends *made at a place in it, and makes *behind of what follows. */
static void split_made(const struct document *document, const struct place *at, struct made *made,
	struct made *behind)
{
	*behind = (struct made){
		.slice = {at->part, at->at, made->slice.last, made->slice.end, at->line},
		.tokens = -1,
		.rank = at->rank,
	};
	made->slice.last = at->part;
	made->slice.end = at->at;
	made->tokens = -1;
	while (made->slice.end == 0) {
		made->slice.last--;
		made->slice.end = document->part[made->slice.last].len;
	}
}

/* Replace what is too large by its halves, and those by theirs. */
static int halve_chunks(struct cutter *cutter)
{
	int64_t limit_tok = cutter->rule->chunk_tok;
	int any = 1;

	while (any) {
		struct made_list halved = {0};

		if (count_made(cutter, cutter->chunk.item, cutter->chunk.count) < 0) {
			return -1;
		}
		any = 0;
		for (size_t i = 0; i < cutter->chunk.count; i++) {
			struct made made = cutter->chunk.item[i], half;
			struct place middle;

			if (!is_too_large(cutter, &made, limit_tok) ||
				!middle_of(cutter->document, &made.slice, &middle)) {
				add_made(&halved, made);
				continue;
			}
			split_made(cutter->document, &middle, &made, &half);
			add_made(&halved, made);
			add_made(&halved, half);
			any = 1;
		}
		free(cutter->chunk.item);
		cutter->chunk = halved;
	}
	return 0;
}

/* ---- windows ---- */

/* A window while it is made: chunks [chunk, chunk + n_chunk). */
struct run {
	size_t chunk, n_chunk;
	int64_t tokens; /* -1: not counted yet */
};
struct run_list {
	struct run *item;
	size_t count, cap;
};

static void add_run(struct run_list *list, size_t chunk, size_t n_chunk)
{
	mem_grow(list->item, list->count, list->cap);
	list->item[list->count++] = (struct run){chunk, n_chunk, -1};
}

static struct slice run_slice(const struct cutter *cutter, const struct run *run)
{
	struct slice slice = cutter->chunk.item[run->chunk].slice;
	const struct slice *last = &cutter->chunk.item[run->chunk + run->n_chunk - 1].slice;

	slice.last = last->last;
	slice.end = last->end;
	return slice;
}

/*
 * The tokens that chunk `i` adds to the one before it: tags that both have stand there once, and so do
 * parts without text that are between them.
 */
static int64_t added_tok(const struct cutter *cutter, size_t i)
{
	const struct made *made = &cutter->chunk.item[i];
	size_t last = made[-1].slice.last, first = made->slice.first;

	return last == first ? made->tokens - tag_of(cutter, first)
			     : made->tokens + tags_of(cutter, last + 1, first);
}

/* Where the window ends that begins with chunk `first`: the best boundary in its last quarter. */
static size_t window_end(const struct cutter *cutter, size_t first)
{
	const struct made *made = cutter->chunk.item;
	int64_t limit_tok = limit_of(cutter, cutter->rule->window_tok, made[first].slice.first);
	int64_t tokens = made[first].tokens;
	size_t end = first + 1, best;

	for (; end < cutter->chunk.count; end++) {
		if (tokens + added_tok(cutter, end) > limit_tok) {
			break;
		}
		tokens += added_tok(cutter, end);
	}
	if (end == cutter->chunk.count) {
		return end;
	}
	best = end;
	for (size_t i = end; i > first + 1; i--) {
		tokens -= added_tok(cutter, i - 1);
		if (4 * tokens < 3 * limit_tok) {
			break;
		}
		if (made[i - 1].rank > made[best].rank) {
			best = i - 1;
		}
	}
	return best;
}

static int count_runs(const struct cutter *cutter, struct run_list *list)
{
	struct made *made = mem_alloc((list->count + 1) * sizeof(*made));
	int status;

	for (size_t i = 0; i < list->count; i++) {
		made[i] = (struct made){
			.slice = run_slice(cutter, &list->item[i]),
			.tokens = list->item[i].n_chunk == 1
					  ? cutter->chunk.item[list->item[i].chunk].tokens
					  : list->item[i].tokens,
		};
	}
	status = count_made(cutter, made, list->count);
	for (size_t i = 0; i < list->count && status == 0; i++) {
		list->item[i].tokens = made[i].tokens;
	}
	free(made);
	return status;
}

/*
 * Chunks beside each other have hardly ever more tokens than each alone, but they can: then the
 * window is two.
 */
static int make_windows(struct cutter *cutter, struct run_list *list)
{
	int any = 1;

	for (size_t first = 0, end; first < cutter->chunk.count; first = end) {
		end = window_end(cutter, first);
		add_run(list, first, end - first);
	}
	while (any) {
		struct run_list halved = {0};

		if (count_runs(cutter, list) < 0) {
			return -1;
		}
		any = 0;
		for (size_t i = 0; i < list->count; i++) {
			struct run run = list->item[i];
			struct made made = {run_slice(cutter, &run), run.tokens, RANK_PART};

			if (run.n_chunk == 1 ||
				!is_too_large(cutter, &made, cutter->rule->window_tok)) {
				add_run(&halved, run.chunk, run.n_chunk);
				halved.item[halved.count - 1].tokens = run.tokens;
				continue;
			}
			add_run(&halved, run.chunk, run.n_chunk / 2);
			add_run(&halved, run.chunk + run.n_chunk / 2,
				run.n_chunk - run.n_chunk / 2);
			any = 1;
		}
		free(list->item);
		*list = halved;
	}
	return 0;
}

/* ---- the cut ---- */

/* The last heading at or before a slice's beginning, + 1. */
static size_t heading_of(const struct cutter *cutter, const struct slice *slice, size_t *next)
{
	const struct heading *heading = cutter->document->heading;
	struct heading here = {.part = slice->first, .line = slice->line};

	while (*next < cutter->document->n_heading &&
		by_place(&heading[cutter->heading[*next]], &here) <= 0) {
		++*next;
	}
	return *next ? cutter->heading[*next - 1] + 1 : 0;
}

static void take_cut(const struct cutter *cutter, const struct run_list *run, struct cut *cut)
{
	size_t next_heading = 0;

	cut->n_chunk = cutter->chunk.count;
	cut->chunk = mem_zero(cut->n_chunk + 1, sizeof(*cut->chunk));
	cut->n_window = run->count;
	cut->window = mem_zero(cut->n_window + 1, sizeof(*cut->window));
	for (size_t i = 0; i < cut->n_chunk; i++) {
		const struct made *made = &cutter->chunk.item[i];

		cut->chunk[i] = (struct chunk){
			.slice = made->slice,
			.tokens = made->tokens,
			.heading = heading_of(cutter, &made->slice, &next_heading),
		};
	}
	for (size_t i = 0; i < cut->n_window; i++) {
		cut->window[i] = (struct window){
			.slice = run_slice(cutter, &run->item[i]),
			.tokens = run->item[i].tokens,
			.chunk = run->item[i].chunk,
			.n_chunk = run->item[i].n_chunk,
		};
		for (size_t k = 0; k < run->item[i].n_chunk; k++) {
			cut->chunk[run->item[i].chunk + k].window = i;
		}
	}
}

int cut_make(struct cut *cut, const struct document *document, const struct cut_rule *rule,
	struct err *err)
{
	struct cut_rule own = *rule;
	struct cutter cutter = {.document = document, .rule = &own, .err = err};
	struct run_list run = {0};
	int status;

	*cut = (struct cut){0};
	own.window_tok = own.window_tok < 1 ? 1 : own.window_tok;
	own.chunk_tok = own.chunk_tok < 1 ? 1 : own.chunk_tok;
	own.chunk_tok = own.chunk_tok > own.window_tok ? own.window_tok : own.chunk_tok;
	cutter.tags_tok = mem_zero(document->n_part + 1, sizeof(*cutter.tags_tok));
	sort_headings(&cutter);
	status = count_tags(&cutter);
	if (status == 0) {
		status = make_chunks(&cutter);
	}
	if (status == 0) {
		status = halve_chunks(&cutter);
	}
	if (status == 0) {
		status = make_windows(&cutter, &run);
	}
	if (status == 0) {
		take_cut(&cutter, &run, cut);
	}
	free(run.item);
	free(cutter.chunk.item);
	free(cutter.atom);
	free(cutter.heading);
	free(cutter.tags_tok);
	return status;
}
