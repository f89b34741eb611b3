/* Rules for sections: headings of manual pages, Markdown and underlined ones, and what they mean. */
#include "session/quiz_rules.h"

#include "base/buf.h"
#include "base/mem.h"
#include "session/words.h"

#include <string.h>
#include <strings.h>

enum { HEADING_MAX_BYTES = 72, HEADING_MAX_WORDS = 4 };

static int is_underline(struct line line)
{
	if (line.indent || line.len < 3 || !line.text[0] || !strchr("=-~^", line.text[0])) {
		return 0;
	}
	for (size_t i = 1; i < line.len; i++) {
		if (line.text[i] != line.text[0]) {
			return 0;
		}
	}
	return 1;
}

/* NAME, EXIT STATUS: capitals at the left margin, text below them that is indented or parted. */
static int is_capital_heading(const struct lines *lines, size_t at, struct line line)
{
	size_t n_letter = 0;

	for (size_t i = 0; i < line.len; i++) {
		if (line.text[i] >= 'A' && line.text[i] <= 'Z') {
			n_letter++;
		} else if (!line.text[i] || !strchr(" ,/&-'", line.text[i])) {
			return 0;
		}
	}
	return n_letter >= 4 && (at == 0 || line_is_blank(lines_at(lines, at - 1))) &&
	       (lines_at(lines, at + 1).column > 0 || line_is_blank(lines_at(lines, at + 1)));
}

/* `# Title`; where that may be a comment of another language, alone between blank lines. */
static int is_marked_heading(const struct quiz_finder *finder, size_t at, struct line line)
{
	size_t depth = 0;

	while (depth < line.len && line.text[depth] == '#') {
		depth++;
	}
	if (!depth || depth > 6 || depth == line.len || line.text[depth] != ' ') {
		return 0;
	}
	return finder->is_markdown ||
	       (line.text[line.len - 1] != '.' &&
		       (at == 0 || line_is_blank(lines_at(finder->lines, at - 1))) &&
		       line_is_blank(lines_at(finder->lines, at + 1)));
}

int quiz_is_heading(const struct quiz_finder *finder, size_t at)
{
	const struct lines *lines = finder->lines;
	struct line line = lines_at(lines, at), below = lines_at(lines, at + 1);

	if (line.indent || !line.len || line.len > HEADING_MAX_BYTES) {
		return 0;
	}
	return is_marked_heading(finder, at, line) ||
	       (is_underline(below) && below.len + 3 > line.len && !is_underline(line)) ||
	       is_capital_heading(lines, at, line);
}

/* What headings mean. The first row with a word of the heading decides. */
static const struct meaning {
	enum quiz_kind kind;
	const char *words[8];
} meanings[] = {
	{QUIZ_SECTION_REPORTING, {"reporting", "feedback", "contact", "support", "reports"}},
	{QUIZ_SECTION_AUTHORS,
		{"author", "authors", "credits", "maintainer", "maintainers", "contributors"}},
	{QUIZ_SECTION_LICENCE,
		{"license", "licence", "copyright", "copying", "licensing", "legal"}},
	{QUIZ_SECTION_FILES, {"files"}},
	{QUIZ_SECTION_RETURN, {"return", "returns"}},
	{QUIZ_SECTION_BUGS,
		{"bugs", "limitations", "caveats", "restrictions", "issues", "problems"}},
	{QUIZ_SECTION_EXAMPLES, {"example", "examples"}},
	{QUIZ_SECTION_RELATED, {"see", "references"}},
	{QUIZ_SECTION_HISTORY, {"history"}},
	{QUIZ_SECTION_INSTALL, {"install", "installation", "installing", "building"}},
	{QUIZ_SECTION_REQUIRED,
		{"requirements", "dependencies", "prerequisites", "requires", "required"}},
};

static enum quiz_kind meaning_of(struct line heading)
{
	size_t n_word = 0;
	struct word word;

	for (size_t at = 0; words_next(heading.text, heading.len, &at, &word);) {
		n_word++;
	}
	if (n_word > HEADING_MAX_WORDS) {
		return QUIZ_SECTION_OTHER;
	}
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
		for (size_t k = 0; k < ARRAY_LEN(meanings[i].words) && meanings[i].words[k]; k++) {
			const char *known = meanings[i].words[k];

			if (words_has(heading.text, heading.len,
				    (struct word){known, strlen(known)})) {
				return meanings[i].kind;
			}
		}
	}
	return QUIZ_SECTION_OTHER;
}

/* The foot of a printed page: `October 2026              JQ(1)`. */
static int is_page_foot(struct line line)
{
	size_t n_blank = 0, widest = 0;

	for (size_t i = line.indent; i < line.len; i++) {
		n_blank = line.text[i] == ' ' ? n_blank + 1 : 0;
		widest = n_blank > widest ? n_blank : widest;
	}
	return widest >= 10 && line.text[line.len - 1] == ')';
}

/*
 * The section under the heading at `at`: its text, up to the next heading; where it is indented, to
 * what no longer is.
 */
static void add_section(struct quiz_finder *finder, size_t at, struct line heading)
{
	enum quiz_kind kind = meaning_of(heading);
	size_t last = at;
	int is_indented = 0;
	struct buf text = BUF_INIT;

	for (size_t i = at + 1; i < finder->lines->count && i < at + QUIZ_SPAN_MAX_LINES; i++) {
		struct line line = lines_at(finder->lines, i);

		if (line_is_blank(line) || is_underline(line)) {
			continue;
		}
		is_indented |= last == at && line.column;
		if (quiz_is_heading(finder, i) || (is_indented && !line.column) ||
			is_page_foot(line)) {
			break;
		}
		last = i;
		buf_add(&text, line.text + line.indent, line.len - line.indent);
		buf_addch(&text, ' ');
	}
	/* BUGS of which none is told, but where to send them. */
	if (kind == QUIZ_SECTION_BUGS &&
		(strchr(buf_str(&text), '@') || strstr(buf_str(&text), "eport"))) {
		kind = QUIZ_SECTION_REPORTING;
	}
	if (kind != QUIZ_SECTION_OTHER && words_count_content(buf_str(&text), text.len) >= 2) {
		quiz_add(finder, kind, at, last, heading.text, heading.len, buf_str(&text));
	}
	buf_finish(&text);
}

void quiz_find_sections(struct quiz_finder *finder)
{
	const struct lines *lines = finder->lines;

	for (size_t i = 0; i < lines->count; i++) {
		struct line line = lines_at(lines, i);

		if (line_is_blank(line) || is_underline(line)) {
			continue;
		}
		if (quiz_is_heading(finder, i)) {
			add_section(finder, i, line);
		} else if (i && line_is_blank(lines_at(lines, i - 1))) {
			/* a paragraph: where an answer could as well stand */
			quiz_add(finder, QUIZ_SECTION_OTHER, i, i, "", 0, "");
		}
	}
}
