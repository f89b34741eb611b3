/* Rules for code: definitions of functions, types and macros, and constants with a number. */
#include "session/quiz_rules.h"

#include "base/buf.h"
#include "base/mem.h"
#include "session/words.h"

#include <stdlib.h>
#include <string.h>

enum { SIGNATURE_MAX_LINES = 6 };

static int is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static int is_name(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9');
}

/* The line's text in a buffer: an end that can be looked for. */
static void read_line(struct buf *out, const struct quiz_finder *finder, size_t at)
{
	struct line line = lines_at(finder->lines, at);

	buf_clear(out);
	buf_add(out, line.text + line.indent, line.len - line.indent);
}

static size_t name_length(const char *text)
{
	size_t n = 0;

	while (is_name(text[n])) {
		n++;
	}
	return is_letter(text[0]) ? n : 0;
}

/* Whether `word` and a blank stand at *text, which is moved behind them. */
static int take_word(const char **text, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*text, word, n) != 0 || ((*text)[n] != ' ' && (*text)[n] != '\t')) {
		return 0;
	}
	*text += n + strspn(*text + n, " \t");
	return 1;
}

/* The lines [first, last] as one text. */
static void join_lines(struct buf *out, const struct quiz_finder *finder, size_t first, size_t last)
{
	buf_clear(out);
	for (size_t i = first; i <= last && i < finder->lines->count; i++) {
		struct line line = lines_at(finder->lines, i);

		buf_add(out, line.text + line.indent, line.len - line.indent);
		buf_addch(out, ' ');
	}
}

static void add_lines(struct quiz_finder *finder, enum quiz_kind kind, size_t first, size_t last,
	const char *name, size_t name_len)
{
	struct buf text = BUF_INIT;

	join_lines(&text, finder, first, last);
	quiz_add(finder, kind, first, last, name, name_len, buf_str(&text));
	buf_finish(&text);
}

/* ---- the preprocessor ---- */

/* The length of a number with its suffix, 0 for none. */
static size_t number_length(const char *text)
{
	size_t n = text[0] == '-' ? 1 : 0, begin;

	if (text[n] == '0' && (text[n + 1] == 'x' || text[n + 1] == 'X')) {
		n += 2;
	}
	begin = n;
	while ((text[n] >= '0' && text[n] <= '9') ||
		(begin > 1 && strchr("abcdefABCDEF", text[n]) && text[n])) {
		n++;
	}
	if (n == begin) {
		return 0;
	}
	n += strspn(text + n, "uUlL");
	return is_name(text[n]) ? 0 : n;
}

/* `#define NAME 12`, and `#define NAME(x) ...` */
static int find_define(struct quiz_finder *finder, size_t at, const char *text)
{
	size_t n, number;
	const char *value, *rest;
	char *answer;

	text += 1 + strspn(text + 1, " \t");
	if (!take_word(&text, "define")) {
		return 0;
	}
	n = name_length(text);
	if (n < 3) {
		return 0;
	}
	if (text[n] == '(') {
		size_t last = at;
		struct line line = lines_at(finder->lines, last);

		while (line.len && line.text[line.len - 1] == '\\' &&
			last < at + SIGNATURE_MAX_LINES) {
			line = lines_at(finder->lines, ++last);
		}
		add_lines(finder, QUIZ_IDENTIFIER_MACRO, at, last, text, n);
		return 1;
	}
	value = text + n + strspn(text + n, " \t(");
	number = number_length(value);
	rest = value + number + strspn(value + number, " \t)");
	/* `(1 << 3)` is no number, and what it comes to stands nowhere */
	if (!number || value == text + n || (*rest && *rest != '/')) {
		return 0;
	}
	answer = mem_strndup(value, number);
	quiz_add(finder, QUIZ_CODE_DEFINE, at, at, text, n, answer);
	free(answer);
	return 1;
}

/* ---- C ---- */

/* The name in front of the first `(`; NULL where the line is no beginning of a function. */
static const char *function_name(const char *text, size_t *len)
{
	static const char *const none[] = {"if", "while", "for", "switch", "return", "sizeof",
		"else", "do", "case", "defined", "__attribute__", "typedef"};
	const char *open = strchr(text, '('), *name = open;

	if (!open || !is_letter(text[0]) || memchr(text, '=', (size_t)(open - text))) {
		return NULL;
	}
	while (name > text && name[-1] == ' ') {
		name--;
	}
	*len = 0;
	while (name > text && is_name(name[-1])) {
		name--;
		++*len;
	}
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		if (*len == strlen(none[i]) && strncmp(name, none[i], *len) == 0) {
			return NULL;
		}
	}
	return *len >= 3 && is_letter(*name) ? name : NULL;
}

/* The line on which the body of a signature opens, 0 for none. */
static size_t body_line(const struct quiz_finder *finder, size_t at)
{
	for (size_t i = at; i < finder->lines->count && i < at + SIGNATURE_MAX_LINES; i++) {
		struct line line = lines_at(finder->lines, i);

		if (line_is_blank(line) || memchr(line.text, ';', line.len)) {
			return 0;
		}
		if (line.text[line.len - 1] == '{') {
			return i + 1;
		}
	}
	return 0;
}

static int is_closing(struct line line)
{
	return line.len && line.text[0] == '}';
}

static int find_c(struct quiz_finder *finder, size_t at, const char *text)
{
	static const char *const types[] = {"struct", "union", "enum", "class"};
	struct line above = at ? lines_at(finder->lines, at - 1) : (struct line){.text = ""};
	const char *rest = text, *name;
	size_t n, body, first = at, last = at;

	if (lines_at(finder->lines, at).column) {
		return 0;
	}
	(void)take_word(&rest, "typedef");
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		const char *type = rest;

		if (!take_word(&type, types[i])) {
			continue;
		}
		n = name_length(type);
		if (n < 3 || (strcmp(type + n, " {") != 0 && type[n]) || !body_line(finder, at)) {
			continue;
		}
		while (last + 1 < at + QUIZ_SPAN_MAX_LINES && last + 1 < finder->lines->count &&
			!is_closing(lines_at(finder->lines, last))) {
			last++;
		}
		add_lines(finder, QUIZ_IDENTIFIER_TYPE, at, last, type, n);
		return 1;
	}
	name = function_name(text, &n);
	body = name ? body_line(finder, at) : 0;
	if (!body) {
		return 0;
	}
	/* GNU style: the type stands on the line before */
	if (name == text && above.len && !above.column && is_letter(above.text[0]) &&
		!memchr(above.text, ';', above.len) && !memchr(above.text, ':', above.len)) {
		first--;
	}
	add_lines(finder, QUIZ_IDENTIFIER_FUNCTION, first, body - 1, name, n);
	return 1;
}

/* ---- languages with a keyword in front of the name ---- */

static int find_keyword(struct quiz_finder *finder, size_t at, const char *text)
{
	static const char *const modifiers[] = {
		"async", "export", "default", "pub", "static", "public", "private", "local"};
	static const char *const functions[] = {"def", "func", "fn", "function", "sub"};
	static const char *const types[] = {"class", "type", "trait", "interface", "struct"};
	int kind = -1;
	size_t n, last = at;

	for (size_t i = 0; i < ARRAY_LEN(modifiers); i++) {
		(void)take_word(&text, modifiers[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(functions) && kind < 0; i++) {
		kind = take_word(&text, functions[i]) ? QUIZ_IDENTIFIER_FUNCTION
		       : take_word(&text, types[i])   ? QUIZ_IDENTIFIER_TYPE
						      : -1;
	}
	if (kind < 0) {
		return 0;
	}
	if (*text == '(') { /* a method of Go: (receiver) name */
		text += strcspn(text, ")");
		text += *text ? 1 + strspn(text + 1, " ") : 0;
	}
	n = name_length(text);
	/* `Outer::Inner` would be found under half of its name */
	if (n < 3 || (text[n] == ':' && text[n + 1] == ':') ||
		(kind == QUIZ_IDENTIFIER_TYPE && !strpbrk(text + n, "{:(")) ||
		(kind == QUIZ_IDENTIFIER_FUNCTION && !strpbrk(text + n, "({"))) {
		return 0;
	}
	/* What follows may be read too: further arguments, a docstring, the first member. */
	while (last + 1 < finder->lines->count && last < at + 3 &&
		!line_is_blank(lines_at(finder->lines, last + 1)) &&
		lines_at(finder->lines, last + 1).column > lines_at(finder->lines, at).column) {
		last++;
	}
	add_lines(finder, (enum quiz_kind)kind, at, last, text, n);
	return 1;
}

/* `name() {` */
static int find_shell(struct quiz_finder *finder, size_t at, const char *text)
{
	size_t n = 0, last = at + 1;

	while (is_name(text[n]) || (n && (text[n] == '-' || text[n] == '.'))) {
		n++;
	}
	if (n < 3 || strncmp(text + n + strspn(text + n, " "), "()", 2) != 0 ||
		last + 2 >= finder->lines->count) {
		return 0;
	}
	add_lines(finder, QUIZ_IDENTIFIER_FUNCTION, at, last + 1, text, n);
	return 1;
}

static int has_suffix(const struct quiz_finder *finder, const char *const *list)
{
	for (; *list; list++) {
		if (strcmp(finder->suffix, *list) == 0) {
			return 1;
		}
	}
	return 0;
}

int quiz_find_definition(struct quiz_finder *finder, size_t at)
{
	static const char *const braces[] = {"c", "h", "cc", "cpp", "cxx", "hh", "hpp", NULL};
	static const char *const shells[] = {"sh", "bash", NULL};
	struct buf line = BUF_INIT;
	int found = 0;

	if (!finder->is_code) {
		return 0;
	}
	read_line(&line, finder, at);
	if (line.len && has_suffix(finder, braces)) {
		found = line.data[0] == '#' ? find_define(finder, at, line.data)
					    : find_c(finder, at, line.data);
	} else if (line.len) {
		found = find_keyword(finder, at, line.data) ||
			(has_suffix(finder, shells) && find_shell(finder, at, line.data));
	}
	buf_finish(&line);
	return found;
}
