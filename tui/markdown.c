#include "tui/markdown.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "session/cite_parse.h"
#include "tui/markdown_render.h"

#include <stdlib.h>
#include <string.h>

enum { PLACE_MAX_BYTES = 200 }; /* words about the place behind a quote */

enum element markdown_verdict_element(const struct citation *citation)
{
	static const enum element element[] = {
		[VERDICT_VERIFIED] = ELEMENT_VERIFIED,
		[VERDICT_MOVED] = ELEMENT_MOVED,
		[VERDICT_AMBIGUOUS] = ELEMENT_AMBIGUOUS,
		[VERDICT_NOT_FOUND] = ELEMENT_NOT_FOUND,
	};

	return citation->superseded ? ELEMENT_SUPERSEDED : element[citation->verdict];
}

/* ---- citations, which are no Markdown ---- */

struct answer {
	const char *text;
	size_t len;
	const struct citation *citation;
	size_t n_citation;
};

/* Where the head of the bracket at `at` ends: at its end, or at a quotation mark; 0 for neither. */
static size_t head_end(const struct answer *answer, size_t at, size_t limit)
{
	while (++at < limit) {
		if (answer->text[at] == ']' || parse_quote_open(answer->text, limit, at)) {
			return at;
		}
		if (answer->text[at] == '[' || (answer->text[at] == '\n' && at + 1 < limit &&
						       answer->text[at + 1] == '\n')) {
			break;
		}
	}
	return 0;
}

/* Behind the words that end at `at`: their closing mark, and the bracket's end where it is near. */
static size_t bracket_end(const struct answer *answer, size_t opened_at, size_t at, size_t limit)
{
	size_t mark = parse_quote_close(answer->text, limit, at, opened_at);

	for (size_t i = at + mark; i < limit && i - at < PLACE_MAX_BYTES; i++) {
		if (answer->text[i] == ']') {
			return i + 1;
		}
		if (answer->text[i] == '[' || answer->text[i] == '\n') {
			break;
		}
	}
	return at + mark;
}

/* The stretch of the answer that `cited` stands for; one that cannot be read stays, behind its number. */
static void find_stretch(const struct answer *answer, struct cited *cited)
{
	size_t at = answer->citation[cited->first].answer_offset, opened_at, end;
	size_t limit = cited->end < answer->n_citation ? answer->citation[cited->end].answer_offset
						       : answer->len;

	cited->text = answer->text + at;
	cited->len = 0;
	opened_at = head_end(answer, at, limit);
	if (!opened_at) {
		return;
	}
	if (answer->text[opened_at] == ']') {
		cited->len = opened_at + 1 - at;
		return;
	}
	end = opened_at + parse_quote_open(answer->text, limit, opened_at);
	for (size_t i = cited->first; i < cited->end; i++) {
		const char *words = answer->citation[i].text;
		const char *found = memmem(answer->text + end, limit - end, words, strlen(words));

		if (!found) {
			return;
		}
		end = (size_t)(found - answer->text) + strlen(words);
	}
	cited->has_words = 1;
	cited->len = bracket_end(answer, opened_at, end, limit) - at;
}

/* The answer with a byte in place of each citation. */
static void take_out_citations(
	struct buf *out, struct cited_list *list, const struct answer *answer)
{
	size_t at = 0;

	for (size_t i = 0; i < answer->n_citation;) {
		size_t offset = answer->citation[i].answer_offset;
		struct cited cited = {.first = i, .end = i + 1};

		while (cited.end < answer->n_citation &&
			answer->citation[cited.end].answer_offset == offset) {
			cited.end++;
		}
		i = cited.end;
		if (offset < at || offset > answer->len) {
			continue;
		}
		find_stretch(answer, &cited);
		buf_add(out, answer->text + at, offset - at);
		cited.at = out->len;
		buf_addch(out, CITED);
		at = offset + cited.len;
		mem_grow(list->item, list->n, list->cap);
		list->item[list->n++] = cited;
	}
	buf_add(out, answer->text + at, answer->len - at);
}

/* ---- pieces ---- */

/* Where the next piece may begin. */
static size_t behind(const char *text, size_t len, const struct markdown_piece *piece)
{
	return piece->end + (piece->end < len && text[piece->end] == '\n');
}

/* Everything from `at` on, as if nothing followed it. */
static void style_rest(struct styled *out, const char *text, size_t len, size_t at,
	struct markdown_state state, const struct cited_list *cited)
{
	while (at < len) {
		struct markdown_piece piece;

		markdown_piece_next(text, len, at, 1, &state, &piece);
		if (piece.kind == MARKDOWN_PLAIN && piece.at == piece.end) {
			break;
		}
		markdown_render(out, text, &piece, &state, cited);
		at = behind(text, len, &piece);
	}
}

void markdown_style(struct styled *out, const char *text, size_t len,
	const struct citation *citation, size_t n_citation)
{
	struct answer answer = {text, len, citation, n_citation};
	struct cited_list list = {.citation = citation};
	struct buf shown = BUF_INIT;

	if (n_citation == 0) {
		style_rest(out, text, len, 0, (struct markdown_state){0}, NULL);
	} else {
		take_out_citations(&shown, &list, &answer);
		style_rest(out, buf_str(&shown), shown.len, 0, (struct markdown_state){0}, &list);
	}
	out->n_settled = out->n_block;
	free(list.item);
	buf_finish(&shown);
}

void markdown_append(struct markdown_stream *stream, const char *text, size_t len)
{
	struct styled *styled = &stream->styled;
	struct markdown_piece piece;
	struct markdown_state state;
	const char *all;
	size_t upto;

	buf_add(&stream->text, text, len);
	all = buf_str(&stream->text);
	upto = stream->text.len - utf8_incomplete_tail(all, stream->text.len);
	styled_cut(styled, stream->settled_text, stream->settled_run, styled->n_settled);
	for (state = stream->state;
		stream->settled < upto &&
		markdown_piece_next(all, upto, stream->settled, 0, &state, &piece);
		stream->state = state) {
		markdown_render(styled, all, &piece, &state, NULL);
		stream->settled = behind(all, upto, &piece);
		stream->settled_text = styled->text.len;
		stream->settled_run = styled->n_run;
		styled->n_settled = styled->n_block;
	}
	style_rest(styled, all, upto, stream->settled, stream->state, NULL);
}

void markdown_stream_finish(struct markdown_stream *stream)
{
	buf_finish(&stream->text);
	styled_finish(&stream->styled);
	*stream = (struct markdown_stream){.settled = 0};
}
