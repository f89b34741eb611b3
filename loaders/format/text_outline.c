/*
 * Headings are told line by line, each with the number of its line in the file: the text itself is not
 * touched, so nothing here needs to be more than the formats' own rules for headings and for what
 * hides them (fenced code, verbatim text, comments).
 */
#include "loaders/format/text_outline.h"

#include "loaders/format/format.h"

#include "base/mem.h"

#include <string.h>

enum { TITLE_BYTES = 300, MOST_STYLES = 16 };

/* One line without its newline, and what is known so far. */
struct scan {
	struct document *outline;
	const char *line;
	size_t len;
	int64_t number;
	/* the line before; of length 0 where it cannot be a title */
	const char *last;
	size_t last_len;
	/* Markdown, AsciiDoc: the fence that is open: its character and length; LaTeX: verbatim */
	char fence;
	size_t fence_len;
	const char *unclosed_until; /* LaTeX: no heading before this: an open brace was seen */
	/* reStructuredText: an underline's character, or that plus 128 where an overline comes with it */
	unsigned char style[MOST_STYLES];
	int n_style;
	unsigned char overline;
};

static void add(struct scan *scan, int level, const char *title, size_t len, int64_t number)
{
	while (len && strchr(" \t\r", title[0])) {
		title++;
		len--;
	}
	while (len && strchr(" \t\r", title[len - 1])) {
		len--;
	}
	len = len < TITLE_BYTES ? len : TITLE_BYTES;
	while (len == TITLE_BYTES && ((unsigned char)title[len] & 0xc0) == 0x80) {
		len--; /* not within a character */
	}
	if (len) {
		document_add_heading(scan->outline, level, title, len, 0, number);
	}
}

static size_t indent_of(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && line[n] == ' ') {
		n++;
	}
	return n;
}

/* How often the character at `at` is repeated there. */
static size_t run_of(const char *line, size_t len, size_t at)
{
	size_t n = at;

	while (n < len && line[n] == line[at]) {
		n++;
	}
	return n - at;
}

static int is_blank_from(const char *line, size_t len, size_t at)
{
	while (at < len && strchr(" \t\r", line[at])) {
		at++;
	}
	return at == len;
}

/* ---- Markdown ---- */

/* Whether the line opens or closes a fence, or lies within one. */
static int markdown_is_fenced(struct scan *scan, size_t at)
{
	size_t run = at < scan->len ? run_of(scan->line, scan->len, at) : 0;
	char c = (char)(at < scan->len ? scan->line[at] : 0);

	if (scan->fence) {
		if (at < 4 && c == scan->fence && run >= scan->fence_len &&
			is_blank_from(scan->line, scan->len, at + run)) {
			scan->fence = 0;
		}
		return 1;
	}
	if (at < 4 && (c == '`' || c == '~') && run >= 3 &&
		(c == '~' || !memchr(scan->line + at + run, '`', scan->len - at - run))) {
		scan->fence = c;
		scan->fence_len = run;
		return 1;
	}
	return 0;
}

/* A paragraph's line may turn out to be a title. */
static int markdown_is_paragraph(const struct scan *scan, size_t at)
{
	char c = (char)(at < scan->len ? scan->line[at] : 0);

	if (at >= scan->len || at > 3 || strchr(">|#\t\r", c)) {
		return 0;
	}
	return !(strchr("-*+", c) && at + 1 < scan->len && scan->line[at + 1] == ' ');
}

static void markdown_line(struct scan *scan)
{
	size_t at = indent_of(scan->line, scan->len), run, end = scan->len;
	const char *line = scan->line;

	if (scan->number == 1 && scan->len >= 3 && memcmp(line, "---", 3) == 0 &&
		is_blank_from(line, scan->len, 3)) {
		scan->fence = '-'; /* front matter, closed as a fence is */
		scan->fence_len = 3;
		return;
	}
	if (markdown_is_fenced(scan, at)) {
		scan->last_len = 0;
		return;
	}
	run = at < scan->len ? run_of(line, scan->len, at) : 0;
	if (at < 4 && run && run <= 6 && line[at] == '#' &&
		(at + run == scan->len || strchr(" \t\r", line[at + run]))) {
		while (end > at + run && strchr(" \t\r", line[end - 1])) {
			end--;
		}
		for (size_t hashes = end; hashes > at + run && line[hashes - 1] == '#'; hashes--) {
			if (strchr(" \t", line[hashes - 2])) {
				end = hashes - 1;
			}
		}
		add(scan, (int)run, line + at + run, end > at + run ? end - at - run : 0,
			scan->number);
	} else if (at < 4 && run && (line[at] == '=' || line[at] == '-') && scan->last_len &&
		   is_blank_from(line, scan->len, at + run)) {
		add(scan, line[at] == '=' ? 1 : 2, scan->last, scan->last_len, scan->number - 1);
	} else if (markdown_is_paragraph(scan, at)) {
		scan->last = line;
		scan->last_len = scan->len;
		return;
	}
	scan->last_len = 0;
}

/* ---- reStructuredText ---- */

static int rst_level(struct scan *scan, unsigned char style)
{
	for (int i = 0; i < scan->n_style; i++) {
		if (scan->style[i] == style) {
			return i + 1;
		}
	}
	if (scan->n_style < MOST_STYLES) {
		scan->style[scan->n_style++] = style;
	}
	return scan->n_style;
}

/* Columns, about: bytes that begin a character. */
static size_t columns_of(const char *text, size_t len)
{
	size_t n = 0;

	while (len && strchr(" \t\r", text[len - 1])) {
		len--;
	}
	for (size_t i = 0; i < len; i++) {
		n += ((unsigned char)text[i] & 0xc0) != 0x80;
	}
	return n;
}

static void rst_line(struct scan *scan)
{
	static const char marks[] = "=-`:.'\"~^_*+#";
	size_t run = scan->len ? run_of(scan->line, scan->len, 0) : 0;
	int is_rule = run >= 2 && strchr(marks, scan->line[0]) &&
		      is_blank_from(scan->line, scan->len, run);
	unsigned char mark = (unsigned char)(is_rule ? scan->line[0] : 0);

	if (is_rule && scan->last_len && run >= columns_of(scan->last, scan->last_len) &&
		(scan->overline ? scan->overline == mark : scan->last[0] != ' ')) {
		add(scan, rst_level(scan, (unsigned char)(mark | (scan->overline ? 128 : 0))),
			scan->last, scan->last_len, scan->number - 1);
		scan->last_len = 0;
		scan->overline = 0;
	} else if (is_rule && !scan->last_len) {
		scan->overline = mark;
	} else if (is_blank_from(scan->line, scan->len, 0)) {
		scan->last_len = 0;
		scan->overline = 0;
	} else {
		/* Only the line right behind an overline is its title. */
		scan->overline = scan->last_len ? 0 : scan->overline;
		scan->last = scan->line;
		scan->last_len = scan->len;
	}
}

/* ---- LaTeX ---- */

/* The text in balanced braces from `at` on, which may go on over a few lines. */
static int latex_group(struct scan *scan, const char *text, size_t len, size_t at, size_t *end)
{
	size_t most = len - at < 2 * TITLE_BYTES ? len : at + 2 * TITLE_BYTES;
	int depth = 0;

	for (size_t i = at; i < most; i++) {
		if (text[i] == '\\') {
			i++;
		} else if (text[i] == '{') {
			depth++;
		} else if (text[i] == '}' && --depth == 0) {
			*end = i;
			return 1;
		}
	}
	scan->unclosed_until = text + most;
	return 0;
}

/* A heading on this line: \section*[short]{title}. `text` goes on behind the line. */
static void latex_heading(struct scan *scan, const char *text, size_t len)
{
	static const struct {
		const char *name;
		int level;
	} commands[] = {
		{"\\part", 1},
		{"\\chapter", 2},
		{"\\section", 3},
		{"\\subsection", 4},
		{"\\subsubsection", 5},
		{"\\paragraph", 6},
	};

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		size_t name_len = strlen(commands[i].name), at = name_len, end;
		char title[TITLE_BYTES];
		size_t n = 0;

		if (len <= name_len || memcmp(text, commands[i].name, name_len) != 0) {
			continue;
		}
		at += text[at] == '*';
		if (at < len && text[at] == '[') {
			const char *close = memchr(
				text + at, ']', len - at < TITLE_BYTES ? len - at : TITLE_BYTES);

			at = close ? (size_t)(close - text) + 1 : len;
		}
		if (at >= len || text[at] != '{' || !latex_group(scan, text, len, at, &end)) {
			continue;
		}
		for (size_t j = at + 1; j < end && n < sizeof(title); j++) {
			int is_space = strchr(" \t\r\n", text[j]) != NULL;

			if (text[j] && !(is_space && n && title[n - 1] == ' ')) {
				title[n++] = (char)(is_space ? ' ' : text[j]);
			}
		}
		add(scan, commands[i].level, title, n, scan->number);
		return;
	}
}

static void latex_line(struct scan *scan, const char *end)
{
	static const char *const verbatim[] = {"verbatim}", "lstlisting}", "comment}", "minted}"};
	size_t at = indent_of(scan->line, scan->len);

	for (size_t i = 0; i < ARRAY_LEN(verbatim); i++) {
		size_t n = strlen(verbatim[i]);

		if (scan->len - at >= 7 + n && memcmp(scan->line + at, "\\begin{", 7) == 0 &&
			memcmp(scan->line + at + 7, verbatim[i], n) == 0) {
			scan->fence = (char)(i + 1);
		}
		if (scan->fence == (char)(i + 1) && scan->len - at >= 5 + n &&
			memcmp(scan->line + at, "\\end{", 5) == 0 &&
			memcmp(scan->line + at + 5, verbatim[i], n) == 0) {
			scan->fence = 0;
		}
	}
	if (!scan->fence && at < scan->len && scan->line[at] == '\\' &&
		(!scan->unclosed_until || scan->line >= scan->unclosed_until)) {
		latex_heading(scan, scan->line + at, (size_t)(end - scan->line) - at);
	}
}

/* The highest level that is used becomes 1: an article has no chapters. */
static void raise_levels(struct document *outline)
{
	int highest = 0;

	for (size_t i = 0; i < outline->n_heading; i++) {
		int level = outline->heading[i].level;

		highest = !highest || level < highest ? level : highest;
	}
	for (size_t i = 0; i < outline->n_heading; i++) {
		outline->heading[i].level -= highest - 1;
	}
}

/* ---- Org and AsciiDoc ---- */

static void org_line(struct scan *scan)
{
	size_t run = scan->len && scan->line[0] == '*' ? run_of(scan->line, scan->len, 0) : 0;
	size_t end = scan->len, at;

	if (!run || run >= scan->len || scan->line[run] != ' ') {
		return;
	}
	while (end > run && strchr(" \t\r", scan->line[end - 1])) {
		end--;
	}
	if (scan->line[end - 1] == ':') { /* the tags at its end: ":work:urgent:" */
		for (at = end; at > run && scan->line[at - 1] != ' '; at--) {
		}
		end = scan->line[at] == ':' && end - at > 2 ? at : end;
	}
	add(scan, run < 9 ? (int)run : 9, scan->line + run, end - run, scan->number);
}

static void asciidoc_line(struct scan *scan)
{
	size_t run = scan->len ? run_of(scan->line, scan->len, 0) : 0;
	char c = (char)(scan->len ? scan->line[0] : 0);

	if (run >= 4 && strchr("-.+/=", c) && is_blank_from(scan->line, scan->len, run)) {
		/* A block; one of examples (====) may hold headings of its own, which are no sections. */
		if (!scan->fence || (scan->fence == c && scan->fence_len == run)) {
			scan->fence = (char)(scan->fence ? 0 : c);
			scan->fence_len = run;
		}
	} else if (!scan->fence && run && run <= 6 && (c == '=' || c == '#') && run < scan->len &&
		   scan->line[run] == ' ') {
		add(scan, (int)run, scan->line + run, scan->len - run, scan->number);
	}
}

/* ---- all ---- */

enum markup { MARKUP_NONE, MARKUP_MARKDOWN, MARKUP_RST, MARKUP_LATEX, MARKUP_ORG, MARKUP_ASCIIDOC };

static enum markup markup_of(const struct input *input)
{
	static const char *const markdown[] = {
		"md", "markdown", "mdown", "mkd", "mdx", "rmd", "qmd", NULL};
	static const char *const rst[] = {"rst", "rest", NULL};
	static const char *const latex[] = {"tex", "latex", "ltx", NULL};
	static const char *const org[] = {"org", NULL};
	static const char *const asciidoc[] = {"adoc", "asciidoc", "asc", NULL};

	return format_has_extension(input, markdown)   ? MARKUP_MARKDOWN
	       : format_has_extension(input, rst)      ? MARKUP_RST
	       : format_has_extension(input, latex)    ? MARKUP_LATEX
	       : format_has_extension(input, org)      ? MARKUP_ORG
	       : format_has_extension(input, asciidoc) ? MARKUP_ASCIIDOC
						       : MARKUP_NONE;
}

void text_outline(struct document *outline, const struct input *input, const struct buf *text)
{
	enum markup markup = markup_of(input);
	const char *at = buf_str(text), *end = at + text->len;
	struct scan scan = {.outline = outline};

	if (markup == MARKUP_NONE) {
		return;
	}
	if (text->len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) {
		at += 3; /* a byte order mark */
	}
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		scan.line = at;
		scan.len = (size_t)((newline ? newline : end) - at);
		scan.len -= scan.len && at[scan.len - 1] == '\r';
		scan.number++;
		switch (markup) {
		case MARKUP_MARKDOWN:
			markdown_line(&scan);
			break;
		case MARKUP_RST:
			rst_line(&scan);
			break;
		case MARKUP_LATEX:
			latex_line(&scan, end);
			break;
		case MARKUP_ORG:
			org_line(&scan);
			break;
		default:
			asciidoc_line(&scan);
			break;
		}
		at = newline ? newline + 1 : end;
	}
	if (markup == MARKUP_LATEX) {
		raise_levels(outline);
	}
}
