#include "tui/markdown_pieces.h"

#include "base/utf8.h"

#include <string.h>

enum { NAME_MAX_BYTES = 1000 }; /* of a link, as CommonMark has it */

/* ---- one line ---- */

static int is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct line {
	size_t at, end;  /* without its line feed */
	size_t text;     /* where it begins behind its spaces */
	size_t indent;   /* columns of those; a tab is four */
	int is_complete; /* nothing that follows belongs to it */
};

static struct line line_at(const char *text, size_t len, size_t at, int is_whole)
{
	const char *feed = memchr(text + at, '\n', len - at);
	struct line line = {.at = at,
		.end = feed ? (size_t)(feed - text) : len,
		.is_complete = feed || is_whole};

	line.text = at;
	while (line.text < line.end && is_space(text[line.text])) {
		line.indent += text[line.text] == '\t' ? 4 - line.indent % 4 : 1;
		line.text++;
	}
	return line;
}

static int is_blank_line(const struct line *line)
{
	return line->text == line->end;
}

/* How many of the line's marks could open or close a block of code; 0: not one. */
static size_t fence_marks(const char *text, const struct line *line)
{
	size_t n = 0;

	if (line->indent > 3 || is_blank_line(line) ||
		(text[line->text] != '`' && text[line->text] != '~')) {
		return 0;
	}
	while (line->text + n < line->end && text[line->text + n] == text[line->text]) {
		n++;
	}
	return n >= 3 ? n : 0;
}

static int opens_fence(const char *text, const struct line *line, struct markdown_state *state)
{
	size_t n = fence_marks(text, line), behind = line->text + n;

	if (!n || (text[line->text] == '`' && memchr(text + behind, '`', line->end - behind))) {
		return 0;
	}
	state->fence = text[line->text];
	state->fence_len = n;
	state->fence_indent = line->indent;
	return 1;
}

static int closes_fence(
	const char *text, const struct line *line, const struct markdown_state *state)
{
	size_t n = fence_marks(text, line), at = line->text + n;

	while (at < line->end && is_space(text[at])) {
		at++;
	}
	return n >= state->fence_len && text[line->text] == state->fence && at == line->end;
}

enum item_kind { ITEM_NONE, ITEM_BULLET, ITEM_ORDERED, ITEM_UNKNOWN };
struct item {
	enum item_kind kind; /* UNKNOWN where more of the line is to come */
	char mark;           /* -, +, * or, of an ordered one, . or ) */
	int interrupts;      /* it begins a list in the middle of a paragraph, too */
};

/* The item of a list that begins at the line's text. */
static struct item item_at(const char *text, const struct line *line)
{
	const struct item none = {ITEM_NONE, 0, 0}, unknown = {ITEM_UNKNOWN, 0, 0};
	size_t at = line->text, digits = 0;
	struct item item = {.kind = ITEM_BULLET};

	while (at < line->end && is_digit(text[at]) && digits < 10) {
		at++;
		digits++;
	}
	if (digits > 9) {
		return none;
	}
	if (at < line->end && !memchr(digits ? ".)" : "-+*", text[at], digits ? 2 : 3)) {
		return none;
	}
	if (at + 1 >= line->end && !line->is_complete) {
		return unknown;
	}
	if (at == line->end || (at + 1 < line->end && !is_space(text[at + 1]))) {
		return none;
	}
	item.kind = digits ? ITEM_ORDERED : ITEM_BULLET;
	item.mark = text[at++];
	while (at < line->end && is_space(text[at])) {
		at++;
	}
	if (at == line->end && !line->is_complete) {
		return unknown;
	}
	item.interrupts = at < line->end && (!digits || (digits == 1 && text[line->text] == '1'));
	return item;
}

/* Whether a link is defined there, "[name]: address", which md4c would leave out. */
static int is_definition(const char *text, const struct line *line)
{
	const char *close;
	size_t n;

	if (line->indent > 3 || is_blank_line(line) || text[line->text] != '[') {
		return 0;
	}
	n = line->end - line->text < NAME_MAX_BYTES ? line->end - line->text : NAME_MAX_BYTES;
	close = memchr(text + line->text, ']', n);
	return close && close + 1 < text + line->end && close[1] == ':';
}

/* ---- pieces ---- */

enum boundary { BOUNDARY_NO, BOUNDARY_YES, BOUNDARY_UNKNOWN };

/* Whether another piece begins with the line, which is not empty. */
static enum boundary begins_piece(
	const char *text, const struct line *line, int is_apart, const struct markdown_piece *piece)
{
	struct markdown_state fence = {0};
	struct item item;

	if (is_apart && line->indent == 0) {
		return BOUNDARY_YES;
	}
	if (line->indent <= (piece->is_item ? 0 : 3) &&
		(text[line->text] == '`' || text[line->text] == '~')) {
		return !line->is_complete                ? BOUNDARY_UNKNOWN
		       : opens_fence(text, line, &fence) ? BOUNDARY_YES
							 : BOUNDARY_NO;
	}
	if (piece->kind == MARKDOWN_DEFINITION) {
		return BOUNDARY_YES;
	}
	if (line->indent > 0) {
		return BOUNDARY_NO;
	}
	item = item_at(text, line);
	return item.kind == ITEM_NONE      ? BOUNDARY_NO
	       : item.kind == ITEM_UNKNOWN ? BOUNDARY_UNKNOWN
	       : piece->is_item            ? BOUNDARY_YES
	       : item.interrupts           ? BOUNDARY_YES
					   : BOUNDARY_NO;
}

/* Cut what is too long: behind a space where there is one near, else behind a character. */
static size_t forced_end(const char *text, size_t at, size_t end)
{
	size_t limit = at + MARKDOWN_PIECE_BYTES, cut = limit;

	if (end - at <= MARKDOWN_PIECE_BYTES) {
		return end;
	}
	limit -= utf8_incomplete_tail(text + at, MARKDOWN_PIECE_BYTES);
	for (cut = limit; cut > limit - MARKDOWN_PIECE_BYTES / 8; cut--) {
		if (text[cut - 1] == ' ' || text[cut - 1] == '\n') {
			return cut;
		}
	}
	return limit;
}

/* The end of a piece that md4c parses. Returns whether it is decided. */
static int find_end(const char *text, size_t len, int is_whole, struct markdown_piece *piece)
{
	struct line line = line_at(text, len, piece->at, is_whole);
	int is_apart = 0;

	piece->end = line.end;
	while (line.end < len && line.end - piece->at <= MARKDOWN_PIECE_BYTES) {
		line = line_at(text, len, line.end + 1, is_whole);
		if (is_blank_line(&line)) {
			is_apart = 1;
			continue;
		}
		switch (begins_piece(text, &line, is_apart, piece)) {
		case BOUNDARY_YES:
			return 1;
		case BOUNDARY_UNKNOWN:
			piece->end = len;
			return 0;
		default:
			piece->end = line.end;
			is_apart = 0;
		}
	}
	if (piece->end - piece->at > MARKDOWN_PIECE_BYTES) {
		piece->end = forced_end(text, piece->at, piece->end);
		return 1;
	}
	/* An empty line may become another one while it is not complete. */
	return line.end - piece->at > MARKDOWN_PIECE_BYTES && line.is_complete;
}

static int take_code_line(
	const char *text, size_t len, struct markdown_state *state, struct markdown_piece *piece)
{
	struct line line = line_at(text, len, piece->at, 0);

	piece->kind = MARKDOWN_CODE;
	piece->end = line.end;
	if (closes_fence(text, &line, state)) {
		piece->kind = MARKDOWN_FENCE_END;
		state->fence = 0;
	}
	return line.is_complete;
}

int markdown_piece_next(const char *text, size_t len, size_t at, int is_whole,
	struct markdown_state *state, struct markdown_piece *piece)
{
	struct line line;

	*piece = (struct markdown_piece){.at = at, .end = at, .before = *state};
	if (state->fence) {
		return take_code_line(text, len, state, piece) || is_whole;
	}
	for (line = line_at(text, len, at, is_whole); is_blank_line(&line);
		line = line_at(text, len, line.end + 1, is_whole)) {
		if (line.end == len) {
			piece->at = piece->end = len;
			return 0;
		}
		piece->is_apart = 1;
	}
	piece->at = line.at;
	if (opens_fence(text, &line, state)) {
		piece->kind = MARKDOWN_FENCE_BEGIN;
		piece->end = line.end;
		state->code++;
		state->list_mark = 0;
		return line.is_complete;
	}
	if (is_definition(text, &line)) {
		piece->kind = MARKDOWN_DEFINITION;
	} else if (line.indent == 0) {
		struct item item = item_at(text, &line);

		piece->is_item = item.kind == ITEM_BULLET || item.kind == ITEM_ORDERED;
		piece->ordered_mark = (char)(item.kind == ITEM_ORDERED ? item.mark : 0);
	}
	return find_end(text, len, is_whole, piece);
}
