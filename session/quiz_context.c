/*
 * The contexts of a quiz: pieces of documents around an entry. A draft is drawn once, and laid out
 * at as many bytes as its prompt may have tokens.
 */
#include "session/quiz.h"

#include "base/buf.h"
#include "base/mem.h"
#include "session/quiz_book.h"
#include "session/quiz_phrases.h"
#include "session/words.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	PIECES_FEW = 4,
	PIECES_MAX = 12, /* where the documents are too small for a few to do */
	PIECE_MIN_BYTES = 240,
	TRIES = 120, /* entries that are looked at for a question */
	REDRAWS = 4, /* contexts for each of them */
	FITS = 8,    /* sizes for each of those */
};

/* Lines [first, end) of a document. */
struct piece {
	size_t document, first, end;
};

struct draft {
	const struct quiz *quiz;
	const struct quiz_entry *pivot;   /* the entry that the context is made around */
	const struct quiz_entry *asked;   /* the pivot, or one that the context must not hold */
	double position, share[2], split; /* of the bytes: before the pivot; its own document's */
	const struct quiz_entry *other[PIECES_MAX];
	double offset[PIECES_MAX];
	size_t n_other, most_pieces;
	struct piece piece[PIECES_MAX + 1]; /* the layout */
	size_t n_piece, target, n_distractor;
};

static const struct quiz_document *document_of(const struct quiz *quiz, size_t index)
{
	return &quiz->document[index];
}

static size_t line_bytes(const struct quiz_document *document, size_t first, size_t end)
{
	return document->lines.start[end] - document->lines.start[first];
}

/* ---- layout ---- */

/* Move *first up, at most `bytes`; returns how many it was. */
static size_t reach_up(const struct quiz_document *document, size_t *first, size_t bytes)
{
	size_t from = *first;

	while (*first && line_bytes(document, *first - 1, from) <= bytes) {
		--*first;
	}
	return line_bytes(document, *first, from);
}

static size_t reach_down(const struct quiz_document *document, size_t *end, size_t bytes)
{
	size_t from = *end;

	while (*end < document->lines.count && line_bytes(document, from, *end + 1) <= bytes) {
		++*end;
	}
	return line_bytes(document, from, *end);
}

/* Lines around an entry of another document; returns their bytes. */
static size_t cut_piece(const struct draft *draft, size_t other, size_t bytes, struct piece *piece)
{
	const struct quiz_entry *entry = draft->other[other];
	const struct quiz_document *document = document_of(draft->quiz, entry->document);
	size_t taken;

	*piece = (struct piece){entry->document, entry->line_first, entry->line_first};
	taken = reach_up(document, &piece->first, (size_t)((double)bytes * draft->offset[other]));
	taken += reach_down(document, &piece->end, bytes - taken);
	taken += reach_up(document, &piece->first, bytes - taken);
	return piece->end > piece->first ? taken : 0;
}

/* Fill one side of the pivot's piece with others. Returns the bytes that are left to fill. */
static size_t fill_side(struct draft *draft, size_t bytes, size_t *next, size_t most)
{
	size_t count = 0;

	while (bytes >= PIECE_MIN_BYTES && *next < draft->n_other && count < most &&
		draft->n_piece < draft->most_pieces) {
		int is_parted = count == 0 && most > 1 && bytes > 6 * PIECE_MIN_BYTES;
		size_t want = is_parted ? (size_t)((double)bytes * draft->split) : bytes;
		size_t taken = cut_piece(draft, (*next)++, want, &draft->piece[draft->n_piece]);

		if (taken >= PIECE_MIN_BYTES / 2) {
			draft->n_piece++;
			count++;
			bytes -= taken;
		}
	}
	return bytes;
}

/* What the pivot's own document gives of `bytes` on one side: its share, or all of a small rest. */
static size_t own_bytes(size_t bytes, double share)
{
	size_t own = (size_t)((double)bytes * share);

	return bytes - own < PIECE_MIN_BYTES ? bytes : own;
}

/* Returns the bytes of all pieces. */
static size_t lay_out(struct draft *draft, size_t bytes)
{
	const struct quiz_entry *pivot = draft->pivot;
	const struct quiz_document *document = document_of(draft->quiz, pivot->document);
	struct piece own = {pivot->document, pivot->line_first, pivot->line_last + 1};
	size_t span = line_bytes(document, own.first, own.end), next = 0, total = 0;
	size_t room = bytes > span ? bytes - span : 0, most = draft->most_pieces;
	size_t before = (size_t)((double)room * draft->position), after = room - before;

	draft->n_piece = 0;
	before -= reach_up(document, &own.first, own_bytes(before, draft->share[0]));
	after -= reach_down(document, &own.end, own_bytes(after, draft->share[1]));
	before = fill_side(draft, before, &next, after >= PIECE_MIN_BYTES ? most / 2 : most - 1);
	before -= reach_up(document, &own.first, before);
	draft->target = draft->n_piece;
	draft->piece[draft->n_piece++] = own;
	after = fill_side(draft, after, &next, most);
	/* The rest goes where the document still has lines. */
	reach_down(document, &draft->piece[draft->target].end, after);
	for (size_t i = 0; i < draft->n_piece; i++) {
		const struct piece *piece = &draft->piece[i];

		total += line_bytes(
			document_of(draft->quiz, piece->document), piece->first, piece->end);
	}
	return total;
}

/* ---- what a context must and must not hold ---- */

static int in_piece(const struct piece *piece, const struct quiz_entry *entry)
{
	return entry->document == piece->document && entry->line_first >= piece->first &&
	       entry->line_last < piece->end;
}

static const char *piece_text(const struct draft *draft, const struct piece *piece, size_t *len)
{
	const struct quiz_document *document = document_of(draft->quiz, piece->document);

	*len = line_bytes(document, piece->first, piece->end);
	return document->text + document->lines.start[piece->first];
}

/* Words that tell of the section's subject wherever they stand: where one does, it is not absent. */
static const char *const section_hints[QUIZ_N_KIND][8] = {
	[QUIZ_SECTION_AUTHORS] = {"author", "authors", "written", "wrote", "maintainer",
		"copyright", "credits"},
	[QUIZ_SECTION_REPORTING] = {"bug", "bugs", "report", "mailing", "contact", "feedback"},
	[QUIZ_SECTION_LICENCE] = {"license", "licence", "copyright", "gpl", "gnu", "redistribute"},
	[QUIZ_SECTION_FILES] = {"files", "etc", "usr", "var", "path", "directory"},
	[QUIZ_SECTION_RETURN] = {"return", "returns", "returned"},
	[QUIZ_SECTION_BUGS] = {"bug", "bugs", "limitation", "limitations", "caveats", "cannot"},
	[QUIZ_SECTION_EXAMPLES] = {"example", "examples", "e.g"},
	[QUIZ_SECTION_RELATED] = {"see", "reference", "documentation"},
	[QUIZ_SECTION_HISTORY] = {"history", "appeared", "originally", "introduced", "since"},
	[QUIZ_SECTION_INSTALL] = {"install", "installed", "installation", "build", "compile"},
	[QUIZ_SECTION_REQUIRED] = {"require", "requires", "required", "requirements", "depends",
		"needs", "needed"},
};

static int has_word(const char *text, size_t len, const char *word)
{
	return words_has(text, len, (struct word){word, strlen(word)});
}

/* Whether a piece speaks of what is asked, so that the question is not absent. */
static int mentions(const struct draft *draft, const struct piece *piece)
{
	const struct quiz_entry *asked = draft->asked;
	struct word word;
	size_t len, at = 0;
	const char *text = piece_text(draft, piece, &len);

	if (quiz_kind_family(asked->kind) != QUIZ_SECTION) {
		return words_next(asked->anchor, strlen(asked->anchor), &at, &word) &&
		       words_has(text, len, word);
	}
	for (size_t i = 0; i < ARRAY_LEN(section_hints[0]); i++) {
		const char *hint = section_hints[asked->kind][i];

		if (hint && has_word(text, len, hint)) {
			return 1;
		}
	}
	return 0;
}

/* Lines of a piece that mention the identifier outside of its own entry. */
static size_t count_mentions(const struct draft *draft, const struct piece *piece)
{
	const struct quiz_document *document = document_of(draft->quiz, piece->document);
	const struct quiz_entry *asked = draft->asked;
	size_t count = 0;

	for (size_t i = piece->first; i < piece->end; i++) {
		struct line line = lines_at(&document->lines, i);
		int is_own = piece->document == asked->document && i >= asked->line_first &&
			     i <= asked->line_last;

		count += !is_own && has_word(line.text, line.len, asked->anchor);
	}
	return count;
}

static int has_rival(const struct draft *draft, const struct piece *piece)
{
	const struct quiz_document *document = document_of(draft->quiz, piece->document);
	const struct quiz_entry *asked = draft->asked;

	for (size_t i = piece->first; i < piece->end; i++) {
		int is_own = piece->document == asked->document && i >= asked->line_first &&
			     i <= asked->line_last;

		if (!is_own && quiz_rivals(asked, lines_at(&document->lines, i))) {
			return 1;
		}
	}
	return 0;
}

/* Kinds of section whose subject is told outside of sections too: of another document, it rivals. */
static int is_told_anywhere(enum quiz_kind kind)
{
	return kind == QUIZ_SECTION_AUTHORS || kind == QUIZ_SECTION_LICENCE ||
	       kind == QUIZ_SECTION_HISTORY;
}

/* Whether something in a piece could answer a question that is there to be answered. */
static int is_ambiguous(const struct draft *draft, const struct piece *piece)
{
	if (quiz_kind_family(draft->asked->kind) == QUIZ_SECTION) {
		return piece->document != draft->asked->document &&
		       is_told_anywhere(draft->asked->kind) && mentions(draft, piece);
	}
	return has_rival(draft, piece);
}

/* Whether the question has one answer in this layout, or none if it is absent; counts distractors. */
static int check_layout(struct draft *draft)
{
	enum quiz_family family = quiz_kind_family(draft->asked->kind);
	int is_absent = draft->asked != draft->pivot;

	draft->n_distractor = 0;
	for (size_t i = 0; i < draft->n_piece; i++) {
		const struct piece *piece = &draft->piece[i];
		const struct quiz_document *document = document_of(draft->quiz, piece->document);

		if (is_absent ? mentions(draft, piece) : is_ambiguous(draft, piece)) {
			return 0;
		}
		for (size_t k = 0; k < document->n_entry; k++) {
			const struct quiz_entry *entry =
				&draft->quiz->entries.item[document->first_entry + k];
			int is_here =
				entry->line_first >= piece->first && entry->line_first < piece->end;

			if (entry == draft->asked || !is_here) {
				continue;
			}
			if (entry->kind != QUIZ_SECTION_OTHER &&
				quiz_same_name(entry, draft->asked)) {
				return 0;
			}
			draft->n_distractor +=
				quiz_kind_family(entry->kind) == family && in_piece(piece, entry);
		}
		if (family == QUIZ_IDENTIFIER && !is_absent) {
			draft->n_distractor += count_mentions(draft, piece);
		}
	}
	return 1;
}

/* ---- drawing ---- */

static int is_taken(const struct draft *draft, size_t document)
{
	if (draft->pivot->document == document) {
		return 1;
	}
	for (size_t i = 0; i < draft->n_other; i++) {
		if (draft->other[i]->document == document) {
			return 1;
		}
	}
	return 0;
}

/* Entries of the family that stand within a screen of lines around one. */
static size_t density(const struct quiz *quiz, const struct quiz_entry *entry)
{
	enum { AROUND_LINES = 40, AROUND_ENTRIES = 40 };
	size_t at = (size_t)(entry - quiz->entries.item), count = 0;
	size_t first = at > AROUND_ENTRIES ? at - AROUND_ENTRIES : 0;

	for (size_t i = first; i < quiz->entries.count && i <= at + AROUND_ENTRIES; i++) {
		const struct quiz_entry *near = &quiz->entries.item[i];

		count += near->document == entry->document &&
			 near->line_first + AROUND_LINES > entry->line_first &&
			 near->line_first < entry->line_first + AROUND_LINES &&
			 quiz_kind_family(near->kind) == quiz_kind_family(entry->kind);
	}
	return count;
}

/* Of a few entries that are drawn, the one with most of its family around it. */
static const struct quiz_entry *draw_dense(
	const struct quiz *quiz, enum quiz_family family, struct quiz_dice *dice)
{
	const struct quiz_entry *best = NULL;
	size_t most = 0;

	for (int i = 0; i < 3; i++) {
		const struct quiz_entry *entry = quiz_draw(quiz, family, dice);
		size_t count = density(quiz, entry);

		if (count > most) {
			best = entry;
			most = count;
		}
	}
	return best;
}

/* How the context will be: where the entry stands, and what stands beside it. */
static void draw_context(struct draft *draft, struct quiz_dice *dice, size_t redraw)
{
	enum quiz_family family = quiz_kind_family(draft->asked->kind);

	draft->most_pieces = redraw + 1 < REDRAWS ? PIECES_FEW : PIECES_MAX;
	draft->position = quiz_roll_part(dice);
	for (int i = 0; i < 2; i++) {
		/* In a third of the contexts the document goes on as far as it can. */
		draft->share[i] = quiz_roll(dice, 3) == 0 ? 1 : 0.25 + 0.75 * quiz_roll_part(dice);
	}
	draft->split = 0.3 + 0.4 * quiz_roll_part(dice);
	draft->n_other = 0;
	for (size_t i = 0; i < 4 * PIECES_MAX && draft->n_other < PIECES_MAX; i++) {
		const struct quiz_entry *other = draw_dense(draft->quiz, family, dice);
		double offset = quiz_roll_part(dice);

		if (!is_taken(draft, other->document)) {
			draft->offset[draft->n_other] = offset;
			draft->other[draft->n_other++] = other;
		}
	}
}

/* A phrasing that shares little with the lines that answer; returns 0 where there is none. */
static int write_question(const struct draft *draft, struct quiz_dice *dice, struct buf *out)
{
	const struct quiz_entry *asked = draft->asked;
	const struct quiz_document *document = document_of(draft->quiz, asked->document);
	size_t count = quiz_phrase_count(asked->kind), begin = quiz_roll(dice, count);
	int in_words = quiz_roll(dice, 2) == 0;
	const char *lines = document->text + document->lines.start[asked->line_first];
	size_t lines_len = line_bytes(document, asked->line_first, asked->line_last + 1);

	for (size_t i = 0; i < count; i++) {
		buf_clear(out);
		quiz_phrase(out, asked->kind, (begin + i) % count, asked->anchor, in_words);
		if (quiz_overlap_is_fair(quiz_overlap(out->data, out->len, lines, lines_len))) {
			return 1;
		}
	}
	return 0;
}

/* ---- questions ---- */

const char *quiz_target_name(const struct quiz_question *question)
{
	return question->path ? question->path : question->source[question->target].name;
}

void quiz_question_finish(struct quiz_question *question)
{
	for (size_t i = 0; i < question->n_source; i++) {
		document_finish(&question->source[i]);
	}
	free(question->source);
	free(question->text);
	free(question->anchor);
	free(question->expected);
	free(question->path);
	*question = (struct quiz_question){0};
}

static struct document make_document(
	enum document_kind kind, const char *name, const char *text, size_t len)
{
	struct document document = {
		.kind = kind, .name = mem_strdup(name), .origin = mem_strdup(name)};
	struct part *part = document_add_part(&document);

	part->place.path = kind == DOCUMENT_CODE ? mem_strdup(name) : NULL;
	part->text = mem_alloc(len + 1);
	memcpy(part->text, text, len);
	part->text[len] = 0;
	part->len = len;
	return document;
}

static void fill_question(
	const struct draft *draft, const struct buf *text, struct quiz_question *out)
{
	const struct quiz_entry *asked = draft->asked;
	size_t before = 0, total = 0;

	*out = (struct quiz_question){
		.text = mem_strndup(buf_str(text), text->len),
		.kind = asked->kind,
		.anchor = mem_strdup(asked->anchor),
		.expected = mem_strdup(asked->answer),
		.is_absent = asked != draft->pivot,
		.source = mem_zero(draft->n_piece, sizeof(*out->source)),
		.n_source = draft->n_piece,
		.target = draft->target,
		.n_distractor = draft->n_distractor,
	};
	for (size_t i = 0; i < draft->n_piece; i++) {
		const struct piece *piece = &draft->piece[i];
		const struct quiz_document *document = document_of(draft->quiz, piece->document);
		size_t len;
		const char *start = piece_text(draft, piece, &len);

		out->source[i] = make_document(document->kind, document->name, start, len);
		if (i == draft->target) {
			before = total +
				 line_bytes(document, piece->first, draft->pivot->line_first);
		}
		total += len;
	}
	if (!out->is_absent) {
		size_t first = draft->piece[draft->target].first;

		out->line_first = (int64_t)(asked->line_first - first) + 1;
		out->line_last = (int64_t)(asked->line_last - first) + 1;
		out->line_heading =
			first < asked->line_first && quiz_has_heading(draft->quiz, asked)
				? out->line_first - 1
				: 0;
		out->position = (double)before / (double)(total ? total : 1);
	}
}

struct session *quiz_session(
	const struct quiz_question *question, const struct session_config *config)
{
	struct session *session = session_create(config);
	struct load_result loaded = {0};

	for (size_t i = 0; i < question->n_source; i++) {
		const struct document *source = &question->source[i];

		mem_grow(loaded.document, loaded.n_document, loaded.cap_document);
		loaded.document[loaded.n_document++] = make_document(
			source->kind, source->name, source->part[0].text, source->part[0].len);
	}
	session_add_sources(session, &loaded);
	load_result_finish(&loaded);
	return session;
}

/*
 * Size the layout until its prompt has as many tokens as were ordered. Returns 1 with the question,
 * 0 where no size will do, -1 with an error.
 */
static int fit(struct quiz *quiz, const struct quiz_order *order, struct draft *draft,
	const struct buf *text, struct quiz_question *out, struct err *err)
{
	double aim = 0.35 * (double)order->least_tok + 0.65 * (double)order->most_tok;
	double bytes = aim * quiz->bytes_per_tok;

	for (int i = 0; i < FITS; i++) {
		size_t laid = lay_out(draft, (size_t)bytes);

		if (!check_layout(draft) ||
			(!order->settle && draft->n_distractor < order->distractors)) {
			return 0;
		}
		fill_question(draft, text, out);
		if (order->count(order->arg, out, &out->prompt_tok, err) < 0) {
			quiz_question_finish(out);
			return -1;
		}
		if (out->prompt_tok >= order->least_tok && out->prompt_tok <= order->most_tok) {
			quiz->bytes_per_tok = (double)laid / (double)out->prompt_tok;
			quiz->is_measured = 1;
			return 1;
		}
		bytes = out->prompt_tok > order->most_tok ? (double)laid : bytes;
		bytes *= aim / (double)out->prompt_tok;
		quiz_question_finish(out);
		if (laid < (size_t)(0.5 * bytes)) {
			return 0; /* the documents have no more */
		}
	}
	return 0;
}

/*
 * Contexts for the entry of the draft: the first that has the distractors, or of all the one that
 * has most of them where fewer will do. Returns whether there is one.
 */
static int find_context(
	const struct quiz_order *order, struct draft *draft, double bytes, struct quiz_dice *dice)
{
	struct draft best = {0};

	for (size_t redraw = 0; redraw < REDRAWS; redraw++) {
		size_t laid;

		draw_context(draft, dice, redraw);
		laid = lay_out(draft, (size_t)bytes);
		/* Before a prompt was counted the bytes are a guess, and the documents may do. */
		if ((draft->quiz->is_measured && (double)laid < 0.9 * bytes) ||
			!check_layout(draft)) {
			continue;
		}
		if (draft->n_distractor >= order->distractors) {
			return 1;
		}
		if (!best.quiz || draft->n_distractor > best.n_distractor) {
			best = *draft;
		}
	}
	if (order->settle && best.quiz) {
		*draft = best;
		return 1;
	}
	return 0;
}

/* One entry and what can be asked of it. Returns as fit() does. */
static int try_entry(struct quiz *quiz, const struct quiz_order *order, struct draft *draft,
	struct quiz_dice *dice, struct quiz_question *out, struct err *err)
{
	double bytes = (double)order->least_tok * quiz->bytes_per_tok;
	struct buf text = BUF_INIT;
	int status = 0;

	if (write_question(draft, dice, &text) && find_context(order, draft, bytes, dice)) {
		status = fit(quiz, order, draft, &text, out, err);
	}
	buf_finish(&text);
	return status;
}

int quiz_make(struct quiz *quiz, const struct quiz_order *order, struct quiz_question *question,
	struct err *err)
{
	struct quiz_dice dice = {order->seed, order->number << 20};
	int status = 0;

	quiz_index(quiz);
	for (int i = 0; i < TRIES && status == 0; i++) {
		const struct quiz_entry *pivot = quiz_draw(quiz, order->family, &dice);
		struct draft draft = {.quiz = quiz, .pivot = pivot, .asked = pivot};
		unsigned char *is_used;

		if (!pivot) {
			return 0;
		}
		if (order->is_absent) {
			draft.asked = quiz_draw(quiz, order->family, &dice);
		}
		is_used = &quiz->is_used[draft.asked - quiz->entries.item];
		if (*is_used || (order->is_absent && quiz_same_name(draft.asked, pivot))) {
			continue;
		}
		status = try_entry(quiz, order, &draft, &dice, question, err);
		*is_used |= status > 0;
	}
	return status;
}
