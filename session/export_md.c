/*
 * An export as Markdown: a transcript to read, of the current branch first. What came from elsewhere is
 * shown as it is: what could not be seen or would be obeyed is escaped first (base/escape.h), then what
 * Markdown would take as markup or as HTML. An answer is a quotation, too: a model repeats what stands
 * in documents.
 */
#include "session/export.h"

#include "base/escape.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

/* ---- text ---- */

static int is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* "&lt;" and "&#60;", which would be shown as what they stand for. */
static int is_entity(const char *text)
{
	size_t n = 1 + (text[1] == '#');

	while (is_alnum(text[n])) {
		n++;
	}
	return n > 1 && text[n] == ';';
}

/* Whether the character at `i` would be markup wherever in a line it stands. */
static int is_markup(const char *line, size_t i)
{
	char before = i ? line[i - 1] : ' ';

	switch (line[i]) {
	case '#': /* a heading, or the end of one; not the # of C# */
		return before == ' ' || before == '#';
	case '_': /* emphasis begins and ends at words, never in them */
		return !is_alnum(before) || !is_alnum(line[i + 1]);
	default:
		return strchr("\\`*[~$|", line[i]) != NULL;
	}
}

/* How many bytes at the beginning of a line may stand there before the mark of a block: "12" of "12." */
static size_t block_mark(const char *line)
{
	size_t digits = strspn(line, "0123456789");

	return digits ? strchr(".)", line[digits]) && line[digits] ? digits : SIZE_MAX
		      : (line[0] && strchr("-+=>", line[0]) ? 0 : SIZE_MAX);
}

/* A line that is shown as it is: nothing in it is markup, and no indentation makes it code. */
static void add_literal(struct buf *out, const char *line)
{
	size_t mark;

	for (; *line == ' ' || *line == '\t'; line++) {
		buf_addstr(out, *line == ' ' ? "&nbsp;" : "&nbsp;&nbsp;&nbsp;&nbsp;");
	}
	mark = block_mark(line);
	for (size_t i = 0; line[i]; i++) {
		if (line[i] == '<') {
			buf_addstr(out, "&lt;");
		} else if (line[i] == '&' && is_entity(line + i)) {
			buf_addstr(out, "&amp;");
		} else {
			buf_addstr(out, i == mark || is_markup(line, i) ? "\\" : "");
			buf_addch(out, line[i]);
		}
	}
}

/* One line of text that carrel did not write. */
static void put_line(FILE *out, const char *text)
{
	struct buf shown = BUF_INIT, literal = BUF_INIT;

	escape_add(&shown, text ? text : "", text ? strlen(text) : 0, ESCAPE_LINE);
	add_literal(&literal, buf_str(&shown));
	fputs(buf_str(&literal), out);
	buf_finish(&shown);
	buf_finish(&literal);
}

static int is_blank(const char *line)
{
	return strchr("\n", line[strspn(line, " \t")]) != NULL;
}

/*
 * Lines of it, each behind `prefix`; a backslash at the end of one keeps it apart from the next of its
 * paragraph. What is shown holds no NUL.
 */
static void put_lines(FILE *out, const char *prefix, const char *text, size_t len)
{
	struct buf shown = BUF_INIT, literal = BUF_INIT;
	char *lines, *next;

	escape_add(&shown, text, len, ESCAPE_TEXT);
	lines = buf_take(&shown);
	for (char *line = lines; *line; line = next) {
		next = line + strcspn(line, "\n");
		if (*next) {
			*next++ = '\0';
		}
		buf_clear(&literal);
		if (!is_blank(line)) {
			add_literal(&literal, line);
			buf_addstr(&literal, is_blank(next) ? "" : "\\");
		}
		fprintf(out, "%s%s\n", prefix, buf_str(&literal));
	}
	free(lines);
	buf_finish(&literal);
}

/* In a code span whose marks are longer than any in it: nothing in it is markup. */
static void put_code(FILE *out, const char *text)
{
	size_t longest = 0;

	for (const char *at = text; *at;) {
		size_t n = strspn(at, "`");

		longest = n > longest ? n : longest;
		at += n ? n : strcspn(at, "`");
	}
	for (size_t i = 0; i <= longest; i++) {
		fputc('`', out);
	}
	fputs(longest ? " " : "", out);
	escape_write(out, text, strlen(text), ESCAPE_LINE);
	fputs(longest ? " " : "", out);
	for (size_t i = 0; i <= longest; i++) {
		fputc('`', out);
	}
}

static void put_source(
	FILE *out, const struct store_contents *contents, const struct store_block *block)
{
	char number[NUMBER_SIZE], time[EXPORT_TIME_SIZE];
	const struct document *document = &block->document;

	fprintf(out, "- S%lld%s ", (long long)block->number, block->is_update ? " (new text)" : "");
	put_code(out, document->origin ? document->origin : document->name);
	fprintf(out, ": %s", document_kind_name(document->kind));
	if (document->rev) {
		fputs(" at ", out);
		put_line(out, document->rev);
	}
	if (block->tokens >= 0) {
		fprintf(out, ", %s tokens", number_grouped(number, block->tokens));
	}
	fprintf(out, ", loaded %s%s\n", export_time(time, block->loaded_s),
		store_is_replaced(contents, block) ? ", replaced since"
		: block->is_dropped                ? ", dropped since"
						   : "");
}

static void put_citation(FILE *out, size_t number, const struct citation *citation)
{
	struct buf place = BUF_INIT;

	export_citation_place(&place, citation);
	fprintf(out, "%zu. %s", number, export_verdict(citation));
	if (place.len) {
		fputs(": ", out);
		put_code(out, buf_str(&place));
	}
	if (citation->text[0]) {
		fputs(" ", out);
		put_code(out, citation->text);
	}
	fputc('\n', out);
	buf_finish(&place);
}

static void put_turn(FILE *out, const struct store_turn *turn)
{
	char time[EXPORT_TIME_SIZE];

	fprintf(out, "\n### Turn %lld\n\n", (long long)turn->id);
	put_lines(out, "> ", turn->question, turn->question_len);
	fputc('\n', out);
	put_lines(out, "", turn->text, turn->text_len);
	if (turn->stop != ENGINE_STOP_END) {
		fprintf(out, "\n*(%s)*\n",
			turn->stop == ENGINE_STOP_LENGTH ? "cut at the most tokens of an answer"
							 : "interrupted");
	}
	if (turn->n_citation) {
		fputs("\nQuotes:\n\n", out);
	}
	for (size_t i = 0; i < turn->n_citation; i++) {
		put_citation(out, i + 1, &turn->citation[i]);
	}
	fputs("\n<sub>", out);
	put_line(out, turn->model_name);
	fprintf(out, ", %s", export_time(time, turn->asked_s));
	if (session_coverage_is_partial(&turn->reading.coverage)) {
		struct buf read = BUF_INIT;

		session_coverage_text(&turn->reading.coverage, &read);
		fprintf(out, ", %s", buf_str(&read));
		buf_finish(&read);
	}
	if (turn->parent) {
		fprintf(out, ", after turn %lld", (long long)turn->parent);
	}
	fputs("</sub>\n", out);
}

void export_md(FILE *out, const struct export_session *session)
{
	const struct store_contents *contents = session->contents;
	const char *name = store_setting(contents, STORE_NAME);
	char time[EXPORT_TIME_SIZE];
	size_t n_path, at = 0;
	int64_t *path = export_path(contents, contents->head, &n_path);

	fputs("# ", out);
	put_line(out, name && name[0] ? name : session->id);
	fprintf(out, "\n\nA carrel session, begun %s", export_time(time, contents->made_s));
	fprintf(out, ", last used %s.\n\n## Sources\n\n", export_time(time, contents->used_s));
	for (size_t i = 0; i < contents->n_block; i++) {
		put_source(out, contents, &contents->block[i]);
	}
	fputs(contents->n_block ? "\n## Conversation\n" : "none\n\n## Conversation\n", out);
	for (size_t i = 0; i < n_path; i++) {
		put_turn(out, export_turn(contents, path[i]));
	}
	if (n_path < contents->n_turn) {
		fputs("\n## Other branches\n", out);
	}
	for (size_t i = 0; i < contents->n_turn; i++) {
		if (at < n_path && path[at] == contents->turn[i].id) {
			at++;
			continue;
		}
		put_turn(out, &contents->turn[i]);
	}
	free(path);
}
