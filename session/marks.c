#include "session/marks.h"

#include "loaders/document.h"
#include "session/cite_parse.h"
#include "session/pack.h"

#include <string.h>

/* ---- reading ---- */

/* The length of `N|` at text[at], at the beginning of a line; 0 if there is none. */
static size_t read_line_mark(const char *text, size_t len, size_t at, struct pack_mark *mark)
{
	size_t before = at, i = at;

	while (before > 0 && (text[before - 1] == ' ' || text[before - 1] == '\t')) {
		before--;
	}
	if (before > 0 && text[before - 1] != '\n') {
		return 0;
	}
	mark->line = 0;
	for (; i < len && is_digit(text[i]) && i - at < 15; i++) {
		mark->line = 10 * mark->line + (text[i] - '0');
	}
	return mark->line > 0 && i < len && text[i] == '|' ? i + 1 - at : 0;
}

/* The length of `SPEAKER: ` at text[at], of a cue of that time; 0 if there is none. */
static size_t read_speaker(
	const char *text, size_t len, const struct document *document, struct pack_mark *mark)
{
	struct buf head = BUF_INIT;
	size_t longest = 0;

	for (size_t i = 0; i < document->n_part; i++) {
		const struct part_place *place = &document->part[i].place;

		if (place->time_ms < 0 || place->time_ms / 1000 != mark->seconds ||
			!place->speaker) {
			continue;
		}
		buf_clear(&head);
		pack_attribute(&head, place->speaker, strlen(place->speaker));
		buf_addstr(&head, ": ");
		if (head.len > longest && head.len <= len &&
			memcmp(text, head.data, head.len) == 0) {
			longest = head.len;
			mark->speaker = place->speaker;
		}
	}
	buf_finish(&head);
	return longest;
}

/* The length of a cue's head at text[at], at the beginning of a word; 0 if there is none. */
static size_t read_cue_mark(const char *text, size_t len, size_t at,
	const struct cite_source *source, size_t n_source, struct pack_mark *mark)
{
	size_t i = at + 1, longest = 0;

	if (text[at] != '[' || (at > 0 && !is_blank(text[at - 1])) || i >= len ||
		!is_digit(text[i]) || !parse_clock(text, len, &i, &mark->seconds) || i >= len ||
		text[i] != ']') {
		return 0;
	}
	i++;
	i += i < len && text[i] == ' ';
	mark->line = 0;
	mark->speaker = NULL;
	for (size_t k = 0; k < n_source; k++) {
		if (source[k].document->kind == DOCUMENT_TRANSCRIPT) {
			struct pack_mark own = *mark;
			size_t n = read_speaker(text + i, len - i, source[k].document, &own);

			if (n > longest) {
				longest = n;
				*mark = own;
			}
		}
	}
	return i + longest - at;
}

/* Those who speak without a time, each once. */
struct speakers {
	const char *name[SPEAKERS_MAX]; /* borrowed */
	size_t n;
};

static int has_speaker(const struct speakers *speakers, const char *name)
{
	for (size_t i = 0; i < speakers->n; i++) {
		if (strcmp(speakers->name[i], name) == 0) {
			return 1;
		}
	}
	return 0;
}

static void collect_speakers(
	struct speakers *speakers, const struct cite_source *source, size_t n_source)
{
	speakers->n = 0;
	for (size_t k = 0; k < n_source; k++) {
		const struct document *document = source[k].document;

		if (document->kind != DOCUMENT_TRANSCRIPT) {
			continue;
		}
		for (size_t i = 0; i < document->n_part && speakers->n < SPEAKERS_MAX; i++) {
			const struct part_place *place = &document->part[i].place;

			if (place->time_ms < 0 && place->speaker &&
				!has_speaker(speakers, place->speaker)) {
				speakers->name[speakers->n++] = place->speaker;
			}
		}
	}
}

/* The length of `SPEAKER: ` at text[at], of a cue without a time; 0 if there is none. */
static size_t read_untimed_mark(const char *text, size_t len, size_t at,
	const struct speakers *speakers, struct pack_mark *mark)
{
	struct buf head = BUF_INIT;
	size_t longest = 0;

	if (at > 0 && !is_blank(text[at - 1])) {
		return 0;
	}
	for (size_t i = 0; i < speakers->n; i++) {
		const char *name = speakers->name[i];

		if (text[at] != name[0] && text[at] != '%') {
			continue;
		}
		buf_clear(&head);
		pack_attribute(&head, name, strlen(name));
		buf_addstr(&head, ": ");
		if (head.len > longest && head.len <= len - at &&
			memcmp(text + at, head.data, head.len) == 0) {
			longest = head.len;
			*mark = (struct pack_mark){.seconds = -1, .speaker = name};
		}
	}
	buf_finish(&head);
	return longest;
}

void marks_drop(struct pack_marks *marks, const char *text, size_t len,
	const struct cite_source *source, size_t n_source, struct buf *out)
{
	struct speakers speakers;

	collect_speakers(&speakers, source, n_source);
	marks->n = 0;
	for (size_t at = 0; at < len;) {
		struct pack_mark *mark = &marks->mark[marks->n];
		size_t n = 0;

		if (marks->n < MARKS_MAX && (is_digit(text[at]) || text[at] == '[')) {
			n = read_line_mark(text, len, at, mark);
			n = n ? n : read_cue_mark(text, len, at, source, n_source, mark);
		}
		if (marks->n < MARKS_MAX && n == 0 && speakers.n) {
			n = read_untimed_mark(text, len, at, &speakers, mark);
		}
		if (n == 0) {
			buf_addch(out, text[at++]);
			continue;
		}
		buf_addch(out, ' ');
		mark->part = NULL;
		mark->at = out->len;
		marks->n++;
		at += n;
	}
}

/* ---- checking ---- */

static int is_white(const char *text, size_t len, size_t from, size_t to)
{
	struct fold_token token;

	while (from < to) {
		from += fold_next(text, len, from, &token);
		if (token.hyphen || (token.n_byte && token.byte[0] != ' ')) {
			return 0;
		}
	}
	return 1;
}

/* Where the mark's line begins; past the end where there are fewer lines. */
static size_t line_begin(struct pack_mark *mark, const struct part *part)
{
	size_t at = 0;

	if (mark->part == part) {
		return mark->line_at;
	}
	for (int64_t line = 1; line < mark->line && at < part->len; line++) {
		const char *newline = memchr(part->text + at, '\n', part->len - at);

		at = newline ? (size_t)(newline - part->text) + 1 : part->len + 1;
	}
	mark->part = part;
	mark->line_at = at;
	return at;
}

static int mark_agrees(
	struct pack_mark *mark, const struct document *document, struct fold_place place)
{
	const struct part *part = &document->part[place.part];
	size_t begin;

	if (mark->line) {
		if (document->kind != DOCUMENT_TEXT && document->kind != DOCUMENT_CODE) {
			return 0;
		}
		begin = line_begin(mark, part);
		return begin <= place.at && is_white(part->text, part->len, begin, place.at);
	}
	return document->kind == DOCUMENT_TRANSCRIPT &&
	       (part->place.time_ms < 0 ? -1 : part->place.time_ms / 1000) == mark->seconds &&
	       (!mark->speaker ||
		       (part->place.speaker && strcmp(part->place.speaker, mark->speaker) == 0)) &&
	       is_white(part->text, part->len, 0, place.at);
}

int marks_agree(struct pack_marks *marks, const struct document *document,
	const struct fold_search *search, const struct fold_hit *hit)
{
	struct fold_place place[MARKS_MAX];
	size_t offset[MARKS_MAX] = {0}, n = 0;

	for (size_t j = 0; j < search->needle->len && n < marks->n; j++) {
		while (n < marks->n && search->needle->origin[j] >= marks->mark[n].at) {
			offset[n++] = j;
		}
	}
	if (n < marks->n || fold_hit_places(search, hit, offset, n, place) < n) {
		return 0; /* nothing stands behind the last one */
	}
	for (size_t i = 0; i < n; i++) {
		if (!mark_agrees(&marks->mark[i], document, place[i])) {
			return 0;
		}
	}
	return 1;
}
