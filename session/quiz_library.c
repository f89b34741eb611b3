/*
 * Questions to all documents of a quiz at once. Where a million tokens are asked, a name alone says
 * too little: each program has its own --quiet. So a question says where, as a person does.
 */
#include "session/quiz.h"

#include "base/buf.h"
#include "base/mem.h"
#include "session/quiz_book.h"
#include "session/quiz_phrases.h"
#include "session/session_internal.h"
#include "session/words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	TRIES = 400,           /* entries that are looked at for a question */
	ANSWER_MIN_BYTES = 24, /* a shorter answer may stand in several documents */
	NAME_MIN_BYTES = 5,    /* of one that is put together */
};

void quiz_add_session(struct quiz *quiz, const struct session *session)
{
	for (size_t i = 0; i < session->n_source; i++) {
		const struct document *document = &session->source[i]->stored.document;
		int is_text = document->kind == DOCUMENT_CODE ||
			      (document->kind == DOCUMENT_TEXT && document->n_part == 1);

		quiz->n_left_out += !is_text;
		for (size_t k = 0; is_text && k < document->n_part; k++) {
			const struct part *part = &document->part[k];
			const char *path = part->place.path;

			quiz_add_text(quiz, path ? path : document->name, part->text, part->len);
		}
	}
}

/* ---- what a document is called ---- */

/* The last `n` components of a path. */
static const char *path_end(const char *path, int n)
{
	const char *at = path + strlen(path);

	while (at > path && (at[-1] != '/' || --n > 0)) {
		at--;
	}
	return at;
}

static int is_one_path(const struct quiz *quiz, size_t document, const char *end)
{
	size_t len = strlen(end);

	for (size_t i = 0; i < quiz->n_document; i++) {
		const char *name = quiz->document[i].name;
		size_t n = strlen(name);

		if (i != document && n >= len && strcmp(name + n - len, end) == 0 &&
			(n == len || name[n - len - 1] == '/')) {
			return 0;
		}
	}
	return 1;
}

/* "man/wget.1" is wget(1). */
static int is_manual(const char *name)
{
	const char *point = strrchr(name, '.');

	return point && point > name && point[1] >= '1' && point[1] <= '8' &&
	       strlen(point + 1) <= 3 && (!point[2] || islower((unsigned char)point[2]));
}

/* What a person calls the document, where that is one only; returns 0 where it is not. */
static int call_document(const struct quiz *quiz, size_t document, struct buf *out)
{
	const char *path = quiz->document[document].name;

	for (int n = 1; n <= 2; n++) {
		const char *end = path_end(path, n);

		if (!is_one_path(quiz, document, end)) {
			continue;
		}
		if (n == 1 && is_manual(end)) {
			const char *point = strrchr(end, '.');

			buf_printf(out, "%.*s(%s)", (int)(point - end), end, point + 1);
		} else {
			buf_addstr(out, end);
		}
		return 1;
	}
	return 0;
}

/* "In wget(1), what happens ...": the phrase's first letter is small, but in "I". */
static void add_question(
	struct buf *out, const struct buf *where, enum quiz_family family, const char *phrase)
{
	if (family == QUIZ_SECTION) {
		buf_printf(out, "About %s: %s", buf_str(where), phrase);
		return;
	}
	buf_printf(out, "In %s, ", buf_str(where));
	buf_addch(out, phrase[0] == 'I' && !islower((unsigned char)phrase[1])
			       ? 'I'
			       : (char)tolower((unsigned char)phrase[0]));
	buf_addstr(out, phrase + 1);
}

/* ---- what stands where ---- */

static char *fold(const char *text, size_t len)
{
	char *out = mem_alloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c && !isspace(c)) {
			out[n++] = c < 0x80 ? (char)tolower(c) : (char)c;
		} else if (n && out[n - 1] != ' ') {
			out[n++] = ' ';
		}
	}
	out[n] = 0;
	return out;
}

static const char *folded(struct quiz *quiz, size_t document)
{
	if (!quiz->folded) {
		quiz->folded = mem_zero(quiz->n_document, sizeof(*quiz->folded));
	}
	if (!quiz->folded[document]) {
		const struct quiz_document *from = &quiz->document[document];

		quiz->folded[document] = fold(from->text, from->lines.len);
	}
	return quiz->folded[document];
}

/* In how many documents a text stands, white space and case folded. */
static size_t count_documents(struct quiz *quiz, const char *text)
{
	char *wanted = fold(text, strlen(text));
	size_t count = 0;

	for (size_t i = 0; i < quiz->n_document; i++) {
		count += strstr(folded(quiz, i), wanted) != NULL;
	}
	free(wanted);
	return count;
}

/* Whether it answers alone: in its document by name, in the library by what it says. */
static int is_alone(struct quiz *quiz, const struct quiz_entry *asked)
{
	const struct quiz_document *document = &quiz->document[asked->document];
	int is_section = quiz_kind_family(asked->kind) == QUIZ_SECTION;

	for (size_t i = 0; i < document->n_entry; i++) {
		const struct quiz_entry *entry = &quiz->entries.item[document->first_entry + i];

		if (entry != asked && entry->kind != QUIZ_SECTION_OTHER &&
			quiz_same_name(entry, asked)) {
			return 0;
		}
	}
	for (size_t i = 0; !is_section && i < document->lines.count; i++) {
		if ((i < asked->line_first || i > asked->line_last) &&
			quiz_rivals(asked, lines_at(&document->lines, i))) {
			return 0;
		}
	}
	return strlen(asked->answer) < ANSWER_MIN_BYTES ||
	       count_documents(quiz, asked->answer) <= 1;
}

/* ---- questions ---- */

/* A phrasing that shares little with the lines that answer (NULL: none does). */
static int write_phrase(const struct quiz *quiz, const struct quiz_entry *asked, const char *name,
	struct quiz_dice *dice, struct buf *out)
{
	const struct quiz_document *document = &quiz->document[asked->document];
	const size_t *start = document->lines.start;
	const char *lines = document->text + start[asked->line_first];
	size_t lines_len = start[asked->line_last + 1] - start[asked->line_first];
	size_t count = quiz_phrase_count(asked->kind), begin = quiz_roll(dice, count);
	int in_words = quiz_roll(dice, 2) == 0;

	for (size_t i = 0; i < count; i++) {
		buf_clear(out);
		quiz_phrase(out, asked->kind, (begin + i) % count, name, in_words);
		if (quiz_overlap_is_fair(quiz_overlap(out->data, out->len, lines, lines_len))) {
			return 1;
		}
	}
	return 0;
}

/* Where the last part of a name begins: behind a mark, or where small letters end. 0: it has one. */
static size_t last_part(const char *name)
{
	size_t at = strlen(name);

	while (at > 1) {
		unsigned char before = (unsigned char)name[at - 1], here = (unsigned char)name[at];

		if (here && (before == '-' || before == '_' || before == '.') &&
			name[at - 2] != before) {
			return at;
		}
		if (isupper(here) && islower(before)) {
			return at;
		}
		at--;
	}
	return 0;
}

/* The beginning of one name and the end of another, which is nowhere; malloc'ed, or NULL. */
static char *put_together(struct quiz *quiz, const char *first, const char *second)
{
	size_t head = last_part(first), tail = last_part(second);
	char *name;

	if (!head || !tail ||
		isalnum((unsigned char)first[head - 1]) !=
			isalnum((unsigned char)second[tail - 1])) {
		return NULL;
	}
	name = mem_printf("%.*s%s", (int)head, first, second + tail);
	if (strlen(name) < NAME_MIN_BYTES || count_documents(quiz, name)) {
		free(name);
		return NULL;
	}
	return name;
}

static void fill(const struct quiz *quiz, const struct quiz_entry *asked, const char *name,
	const struct buf *text, struct quiz_question *out)
{
	*out = (struct quiz_question){
		.text = mem_strndup(buf_str(text), text->len),
		.kind = asked->kind,
		.anchor = mem_strdup(name ? name : asked->anchor),
		.is_absent = name != NULL,
	};
	if (!name) {
		out->path = mem_strdup(quiz->document[asked->document].name);
		out->expected = mem_strdup(asked->answer);
		out->line_first = (int64_t)asked->line_first + 1;
		out->line_last = (int64_t)asked->line_last + 1;
		out->line_heading = quiz_has_heading(quiz, asked) ? out->line_first - 1 : 0;
	}
}

/* Ask about an entry; `name`, where it is not NULL, in place of its own. Returns whether it can be. */
static int ask_about(struct quiz *quiz, const struct quiz_entry *asked, const char *name,
	struct quiz_dice *dice, struct quiz_question *out)
{
	struct buf where = BUF_INIT, phrase = BUF_INIT, text = BUF_INIT;
	int is_made = call_document(quiz, asked->document, &where) &&
		      write_phrase(quiz, asked, name ? name : asked->anchor, dice, &phrase) &&
		      (name || is_alone(quiz, asked));

	if (is_made) {
		add_question(&text, &where, quiz_kind_family(asked->kind), buf_str(&phrase));
		fill(quiz, asked, name, &text, out);
	}
	buf_finish(&where);
	buf_finish(&phrase);
	buf_finish(&text);
	return is_made;
}

int quiz_ask_library(struct quiz *quiz, enum quiz_family family, int is_absent, uint64_t seed,
	uint64_t number, struct quiz_question *question)
{
	struct quiz_dice dice = {seed, number << 20};
	int is_made = 0;

	quiz_index(quiz);
	for (int i = 0; i < TRIES && !is_made && !(is_absent && family == QUIZ_SECTION); i++) {
		const struct quiz_entry *asked = quiz_draw(quiz, family, &dice), *other;
		char *name = NULL;

		if (!asked) {
			return 0;
		}
		if (quiz->is_used[asked - quiz->entries.item]) {
			continue;
		}
		if (is_absent) {
			other = quiz_draw(quiz, family, &dice);
			name = asked->kind == other->kind
				       ? put_together(quiz, asked->anchor, other->anchor)
				       : NULL;
		}
		if (!is_absent || name) {
			is_made = ask_about(quiz, asked, name, &dice, question);
		}
		quiz->is_used[asked - quiz->entries.item] |= is_made;
		free(name);
	}
	return is_made;
}

int quiz_library_picker_is_right(
	const struct quiz *quiz, const struct quiz_question *question, enum line_picker_unit unit)
{
	struct lines *text = mem_zero(quiz->n_document, sizeof(*text));
	struct line_pick pick;

	for (size_t i = 0; i < quiz->n_document; i++) {
		text[i] = quiz->document[i].lines;
	}
	pick = line_picker_pick(
		text, quiz->n_document, unit, question->text, strlen(question->text));
	free(text);
	return !question->is_absent && pick.score > 0 &&
	       quiz_is_path(question, quiz->document[pick.text].name) &&
	       (int64_t)pick.line + 1 >= question->line_first &&
	       (int64_t)pick.line + 1 <= question->line_last;
}
