/* What could be taken for an entry: another of its name, or a line that no rule has made one of. */
#include "base/mem.h"
#include "session/quiz_book.h"
#include "session/words.h"

#include <string.h>
#include <strings.h>

int quiz_same_name(const struct quiz_entry *a, const struct quiz_entry *b)
{
	if (quiz_kind_family(a->kind) == QUIZ_SECTION) {
		return a->kind == b->kind;
	}
	return strcasecmp(a->anchor, b->anchor) == 0;
}

/* What a name may go on with. */
static int is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

/* Whether `name` stands at text[at] and ends there. */
static int is_name_at(struct line line, size_t at, const char *name)
{
	size_t len = strlen(name);

	return at + len <= line.len && strncasecmp(line.text + at, name, len) == 0 &&
	       (at + len == line.len || !is_name_byte(line.text[at + len]));
}

/* `-q, --quiet  ...`: whether the option is among the names that the line begins with. */
static int option_heads(struct line line, size_t at, const char *name)
{
	if (at == line.len || line.text[at] != '-') {
		return 0;
	}
	for (size_t i = at; i < line.len; i++) {
		int is_gap = line.text[i] == '\t' ||
			     (i + 1 < line.len && line.text[i] == ' ' && line.text[i + 1] == ' ');

		if (is_gap) {
			return 0;
		}
		if (is_name_at(line, i, name) && (i == at || !is_name_byte(line.text[i - 1]))) {
			return 1;
		}
	}
	return 0;
}

/* `name is ...`, anywhere in the line. */
static int is_told(struct line line, const char *name)
{
	static const char *const verbs[] = {" is ", " are ", " means "};
	size_t len = strlen(name);

	for (size_t i = line.indent; i + len < line.len; i++) {
		if (!is_name_at(line, i, name)) {
			continue;
		}
		for (size_t k = 0; k < ARRAY_LEN(verbs); k++) {
			size_t n = strlen(verbs[k]);

			if (i + len + n <= line.len &&
				strncmp(line.text + i + len, verbs[k], n) == 0) {
				return 1;
			}
		}
	}
	return 0;
}

int quiz_rivals(const struct quiz_entry *asked, struct line line)
{
	enum quiz_family family = quiz_kind_family(asked->kind);
	const char *around = asked->kind == QUIZ_SETTING_VALUE ? "*|` #;" : "*|`[<+ ";
	size_t at = line.indent;

	if (family == QUIZ_IDENTIFIER) {
		struct word word = {asked->anchor, strlen(asked->anchor)};

		return !line.indent && line.len && line.text[0] != '#' &&
		       memchr(line.text, '(', line.len) && !memchr(line.text, '=', line.len) &&
		       words_has(line.text, line.len, word);
	}
	while (at < line.len && strchr(around, line.text[at]) && line.text[at]) {
		at++;
	}
	return family == QUIZ_OPTION
		       ? option_heads(line, at, asked->anchor)
		       : is_name_at(line, at, asked->anchor) ||
				 (family == QUIZ_TERM && is_told(line, asked->anchor));
}

int quiz_has_heading(const struct quiz *quiz, const struct quiz_entry *asked)
{
	const struct quiz_document *document = &quiz->document[asked->document];
	size_t at = asked->line_first - 1;
	struct line line;

	if (!asked->line_first) {
		return 0;
	}
	line = lines_at(&document->lines, at);
	for (size_t i = 0; i < document->n_entry; i++) {
		const struct quiz_entry *entry = &quiz->entries.item[document->first_entry + i];

		if (quiz_kind_family(entry->kind) != QUIZ_SECTION && entry->line_first <= at &&
			entry->line_last >= at) {
			return 0;
		}
	}
	return !line_is_blank(line) &&
	       line.column <= lines_at(&document->lines, asked->line_first).column;
}
