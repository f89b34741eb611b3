/*
 * Markdown and wrapping: a text that comes piece by piece is styled as one that came whole, runs and
 * blocks are in order and inside the text, rows tile it at any width, and what is made of it is bounded.
 * The first bytes say where the text is parted and how wide the screen is; "[S" and a digit begin
 * citations.
 */
#include "tui/cells.h"
#include "tui/markdown.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

enum { CITATIONS_MOST = 16, GROWTH = 96 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds) {
		abort();
	}
}

static void check_order(const struct styled *styled)
{
	size_t at = 0;

	for (size_t i = 0; i < styled->n_run; i++) {
		must(styled->run[i].at >= at && styled->run[i].len > 0);
		at = styled->run[i].at + styled->run[i].len;
		must(at <= styled->text.len && styled->run[i].element < ELEMENT_COUNT);
	}
	at = 0;
	for (size_t i = 0; i < styled->n_block; i++) {
		must(styled->block[i].at == at);
		at += styled->block[i].len;
		must(at < styled->text.len && styled->text.data[at] == '\n');
		at++;
	}
	must(at == styled->text.len);
}

static void check_rows(const struct styled *styled, int columns)
{
	struct styled_rows rows = {.n_row = 0};
	size_t at = 0;

	styled_wrap(&rows, styled, columns);
	for (size_t i = 0; i < rows.n_row; i++) {
		must(rows.row[i].at == at ||
			(rows.row[i].at == at + 1 && styled->text.data[at] == '\n'));
		at = rows.row[i].at + rows.row[i].len;
	}
	must(styled->n_block == 0 || at + 1 == styled->text.len);
	styled_rows_finish(&rows);
}

static void check_same(const struct styled *a, const struct styled *b)
{
	must(a->text.len == b->text.len && a->n_run == b->n_run && a->n_block == b->n_block);
	must(!a->text.len || memcmp(a->text.data, b->text.data, a->text.len) == 0);
	for (size_t i = 0; i < a->n_run; i++) {
		must(a->run[i].at == b->run[i].at && a->run[i].len == b->run[i].len &&
			a->run[i].element == b->run[i].element && a->run[i].link == b->run[i].link);
	}
	for (size_t i = 0; i < a->n_block; i++) {
		must(a->block[i].at == b->block[i].at && a->block[i].len == b->block[i].len &&
			a->block[i].indent == b->block[i].indent &&
			a->block[i].code == b->block[i].code &&
			a->block[i].n_quote == b->block[i].n_quote);
	}
}

/* Piece by piece, while the screen draws, with rows that are kept. */
static void check_stream(
	const struct styled *whole, const char *text, size_t len, size_t step, int columns)
{
	struct markdown_stream stream = {.settled = 0};
	struct styled_rows rows = {.n_row = 0}, anew = {.n_row = 0};

	for (size_t at = 0; at < len; at += step) {
		markdown_append(&stream, text + at, len - at < step ? len - at : step);
		styled_wrap(&rows, &stream.styled, columns);
	}
	/* Bytes of a character that never came are held back. */
	if (stream.text.len == 0 || (unsigned char)text[len - 1] < 0x80) {
		check_same(&stream.styled, whole);
		styled_wrap(&anew, whole, columns);
		must(rows.n_row == anew.n_row);
		for (size_t i = 0; i < rows.n_row; i++) {
			must(rows.row[i].at == anew.row[i].at &&
				rows.row[i].len == anew.row[i].len);
		}
	}
	check_order(&stream.styled);
	styled_rows_finish(&rows);
	styled_rows_finish(&anew);
	markdown_stream_finish(&stream);
}

/* Citations wherever one seems to begin, with words that stand behind it, or not. */
static void check_cited(const char *text, size_t len, int columns)
{
	struct citation citation[CITATIONS_MOST] = {{.text = NULL}};
	struct styled styled = {.n_run = 0};
	size_t n = 0;

	for (size_t at = 0; at + 3 < len && n < CITATIONS_MOST; at++) {
		if (text[at] == '[' && text[at + 1] == 'S') {
			const char *quote = memchr(text + at, '"', len - at);
			size_t words = quote ? (size_t)(quote - text) + 1 : len;
			size_t most = len - words, n_words = (size_t)text[at + 2] & 7;

			citation[n++] = (struct citation){
				.text = strndup(text + words, n_words < most ? n_words : most),
				.verdict = (enum verdict)(at & 3),
				.superseded = at & 4,
				.answer_offset = at};
			n += n < CITATIONS_MOST && (at & 8);
			if (n && !citation[n - 1].text) {
				citation[n - 1] = citation[n - 2];
				citation[n - 1].text = strdup("x");
			}
		}
	}
	markdown_style(&styled, text, len, citation, n);
	check_order(&styled);
	check_rows(&styled, columns);
	styled_finish(&styled);
	for (size_t i = 0; i < n; i++) {
		free(citation[i].text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct styled whole = {.n_run = 0};
	const char *text = (const char *)data + 2;
	int columns;

	if (size < 2) {
		return 0;
	}
	setlocale(LC_CTYPE, "C.UTF-8");
	size -= 2;
	columns = data[1] + 1;
	markdown_style(&whole, text, size, NULL, 0);
	check_order(&whole);
	check_rows(&whole, columns);
	must(whole.text.len <= GROWTH * (size + 4));
	if (size <= 4096) {
		check_stream(&whole, text, size, (size_t)data[0] % 17 + 1, columns);
	}
	check_cited(text, size, columns);
	styled_finish(&whole);
	return 0;
}
