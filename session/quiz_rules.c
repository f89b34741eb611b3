#include "session/quiz_rules.h"

#include "base/buf.h"
#include "base/mem.h"
#include "session/words.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TEXT_MAX_BYTES = 800 };

const char *quiz_family_name(enum quiz_family family)
{
	static const char *const name[] = {
		"option", "setting", "code", "identifier", "term", "section"};

	return name[family];
}

enum quiz_family quiz_kind_family(enum quiz_kind kind)
{
	static const enum quiz_kind last[] = {QUIZ_OPTION_DOES, QUIZ_SETTING_MEANS,
		QUIZ_CODE_DEFINE, QUIZ_IDENTIFIER_MACRO, QUIZ_TERM_MEANS, QUIZ_SECTION_OTHER};
	size_t family = 0;

	while (kind > last[family]) {
		family++;
	}
	return (enum quiz_family)family;
}

void quiz_entries_finish(struct quiz_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		free(entries->item[i].anchor);
		free(entries->item[i].answer);
	}
	free(entries->item);
	*entries = (struct quiz_entries){0};
}

void quiz_add(struct quiz_finder *finder, enum quiz_kind kind, size_t first, size_t last,
	const char *anchor, size_t anchor_len, const char *answer)
{
	struct quiz_entries *out = finder->out;

	mem_grow(out->item, out->count, out->cap);
	out->item[out->count++] = (struct quiz_entry){
		.kind = kind,
		.document = finder->document,
		.line_first = first,
		.line_last = last < finder->lines->count ? last : finder->lines->count - 1,
		.anchor = mem_strndup(anchor, anchor_len),
		.answer = mem_strdup(answer),
	};
}

/* ---- pieces of lines ---- */

static int is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int is_number(char c)
{
	return c >= '0' && c <= '9';
}

static int is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static int is_name(char c)
{
	return is_letter(c) || is_number(c) || c == '_';
}

/* Whether all of it satisfies `is`; nothing does not. */
static int all(const char *text, size_t len, int (*is)(char))
{
	for (size_t i = 0; i < len; i++) {
		if (!is(text[i])) {
			return 0;
		}
	}
	return len > 0;
}

static int is_constant(char c)
{
	return is_upper(c) || is_number(c) || c == '_';
}

/* The line without the markup that a name may wear: bullets, backticks, `**`, the table's first `|`. */
static void clean(struct buf *out, struct line line, int *is_list)
{
	const char *text = line.text + line.indent;
	size_t len = line.len - line.indent, at = 0;

	buf_clear(out);
	*is_list = 0;
	if (len > 2 && strchr("*-+|", text[0]) && text[1] == ' ') {
		for (at = 2; at < len && text[at] == ' ';) {
			at++;
		}
		*is_list = text[0] == '|' ? 2 : 1;
	}
	for (; at < len; at++) {
		if (text[at] == '*' && at + 1 < len && text[at + 1] == '*') {
			at++;
		} else if (text[at] != '`') {
			buf_addch(out, text[at]);
		}
	}
	while (out->len && strchr(" \t|", out->data[out->len - 1])) {
		out->data[--out->len] = 0;
	}
}

/* What parts a name from its description; returns where that begins, `len` for nothing, 0 for no. */
static size_t behind_name(const char *text, size_t at, size_t len, int is_list)
{
	static const char *const marks[] = {
		" | ", ": ", " -- ", " \xe2\x80\x93 ", " \xe2\x80\x94 ", " - "};

	if (at >= len || (text[at] == ':' && at + 1 == len)) {
		return len;
	}
	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		size_t n = strlen(marks[i]);

		if (at + n < len && strncmp(text + at, marks[i], n) == 0 &&
			(i != 0 || is_list == 2)) {
			return at + n + strspn(text + at + n, " \t");
		}
	}
	if (text[at] == '\t' || (text[at] == ' ' && at + 1 < len && strchr(" \t", text[at + 1]))) {
		return at + strspn(text + at, " \t");
	}
	return 0;
}

static void add_joined(struct buf *out, const char *text, size_t len)
{
	if (out->len) {
		buf_addch(out, ' ');
	}
	buf_add(out, text, len);
}

/* Words rather than code or figures: four of five bytes are letters and spaces, two words carry it. */
static int is_prose(const struct buf *text)
{
	size_t most = text->len < 100 ? text->len : 100, count = 0, n_small = 0;

	for (size_t i = 0; i < most; i++) {
		n_small += text->data[i] >= 'a' && text->data[i] <= 'z';
		count += is_letter(text->data[i]) || text->data[i] == ' ' ||
			 (unsigned char)text->data[i] >= 0x80;
	}
	return n_small && 5 * count >= 4 * most && words_count_content(text->data, text->len) >= 2;
}

/*
 * What is said of the name on line `at`: `rest` of its own line, and the lines that follow and are
 * indented more deeply. The span ends at *last, the text with the first paragraph. Returns whether
 * that is a description.
 */
static int describe(struct quiz_finder *finder, size_t at, const char *rest, size_t rest_len,
	struct buf *text, size_t *last)
{
	size_t column = lines_at(finder->lines, at).column;
	int is_over = 0;

	buf_clear(text);
	*last = at;
	if (rest_len) {
		buf_add(text, rest, rest_len);
	}
	for (size_t i = at + 1; i < finder->lines->count && i < at + QUIZ_SPAN_MAX_LINES; i++) {
		struct line line = lines_at(finder->lines, i);

		if (line_is_blank(line)) {
			is_over |= text->len > 0;
			if (!text->len && i > at + 1) {
				break;
			}
			continue;
		}
		if (line.column <= column) {
			break;
		}
		*last = i;
		if (!is_over && text->len < TEXT_MAX_BYTES) {
			add_joined(text, line.text + line.indent, line.len - line.indent);
		}
	}
	return text->len && !strchr(";{", text->data[text->len - 1]) && is_prose(text);
}

/* ---- options ---- */

struct option_head {
	size_t name_at, name_len; /* the longest of its names */
	size_t end;
};

static size_t option_name(const char *text, size_t at)
{
	size_t begin = at;

	at += text[at + 1] == '-' ? 2 : 1;
	if (is_number(text[at])) { /* -1, and no figure such as -4.9e-3 */
		return is_name(text[at + 1]) || text[at + 1] == '.' ? 0 : at + 1 - begin;
	}
	if (!is_letter(text[at]) && text[at] != '?') {
		return 0;
	}
	while (is_name(text[at]) || text[at] == '?' ||
		(strchr("-.+", text[at]) && text[at] && is_name(text[at + 1]))) {
		at++;
	}
	return at - begin;
}

/* The end of one word that stands for a value, or `at`: FILE, <file>, [n], {a|b}; any at a line's end. */
static size_t option_value(const char *text, size_t at)
{
	size_t end = at + strcspn(text + at, " \t,");

	if (end == at || text[at] == '-' || text[at] == '|') {
		return at;
	}
	if (strchr("[<{", text[at]) || all(text + at, end - at, is_constant)) {
		return end;
	}
	return !text[end] || text[end] == ',' || (text[end] == ' ' && text[end + 1] == ' ') ||
			       text[end] == '\t'
		       ? (strchr(".:;", text[end - 1]) ? at : end)
		       : at;
}

/* `-q`, `-o FILE, --output=FILE`, `-v | --verbose`: several names of one thing. */
static int read_option_head(const char *text, struct option_head *head)
{
	size_t at = 0;

	*head = (struct option_head){0};
	while (text[at] == '-') {
		size_t len = option_name(text, at), next;

		if (!len) {
			return 0;
		}
		if (len > head->name_len) {
			head->name_at = at;
			head->name_len = len;
		}
		at += len;
		if (text[at] && strchr("[=<", text[at])) {
			at += strcspn(text + at, " \t,");
		}
		for (int i = 0; i < 3 && text[at] == ' ' && text[at + 1] != ' '; i++) {
			size_t end = option_value(text, at + 1);

			at = end > at + 1 ? end : at;
		}
		next = at + strspn(text + at, " \t,|/");
		if (strncmp(text + next, "or ", 3) == 0) {
			next += 2 + strspn(text + next + 2, " \t");
		}
		if (text[next] != '-' || !option_name(text, next)) {
			break;
		}
		at = next;
	}
	head->end = at;
	return head->name_len > 0;
}

/* Whether the line above `at` is one more name of the same thing: an option alone, or one word. */
static int is_alias(const struct quiz_finder *finder, size_t at)
{
	struct line line = lines_at(finder->lines, at), above = lines_at(finder->lines, at - 1);
	struct option_head head;
	struct buf text = BUF_INIT;
	int is_list, found;

	if (line_is_blank(above) || above.column != line.column || !line.column) {
		return 0;
	}
	clean(&text, above, &is_list);
	found = text.len > 0 &&
		(!memchr(text.data, ' ', text.len) ||
			(read_option_head(text.data, &head) && head.end == text.len));
	buf_finish(&text);
	return found;
}

/* The first of the lines with names that the description of the last of them is about. */
static size_t first_name(const struct quiz_finder *finder, size_t at)
{
	for (int i = 0; i < 4 && at && is_alias(finder, at); i++) {
		at--;
	}
	return at;
}

static int find_option(struct quiz_finder *finder, size_t at, const struct buf *body, int is_list)
{
	struct option_head head;
	struct buf text = BUF_INIT;
	size_t rest, last;
	int found = 0;

	if (!read_option_head(buf_str(body), &head)) {
		return 0;
	}
	rest = behind_name(body->data, head.end, body->len, is_list);
	if (rest && describe(finder, at, body->data + rest, body->len - rest, &text, &last)) {
		quiz_add(finder, QUIZ_OPTION_DOES, first_name(finder, at), last,
			body->data + head.name_at, head.name_len, text.data);
		found = 1;
	}
	buf_finish(&text);
	return found;
}

/* ---- settings ---- */

static const char *behind_blanks(const char *text, const char *end)
{
	while (text < end && (*text == ' ' || *text == '\t')) {
		text++;
	}
	return text;
}

/* `key = value`; in configuration also `key: value`. A comment sign may stand in front of the first. */
static int read_assignment(
	const struct quiz_finder *finder, struct line line, struct word *key, struct word *value)
{
	const char *text = line.text + line.indent, *end = line.text + line.len;
	size_t n = 0;

	if (finder->is_config && text < end && strchr("#;", *text)) {
		text++;
	}
	while (text + n < end && (is_name(text[n]) || (n && (text[n] == '.' || text[n] == '-')))) {
		n++;
	}
	*key = (struct word){text, n};
	text = behind_blanks(text + n, end);
	if (n < 3 || n > 48 || text >= end ||
		!(*text == '=' || (*text == ':' && finder->is_config && text == key->text + n &&
					  text + 1 < end && strchr(" \t", text[1])))) {
		return 0;
	}
	text = behind_blanks(text + 1, end);
	if (text >= end || end - text > 100 || strchr("={(:", *text) || strchr("{;(,", end[-1])) {
		return 0;
	}
	*value = (struct word){text, (size_t)(end - text)};
	return !all(key->text, key->len, is_number);
}

static int find_assignment(struct quiz_finder *finder, size_t at)
{
	struct line line = lines_at(finder->lines, at);
	struct word key, value, first;
	size_t from = 0;
	char *text;

	if (finder->is_code || (!finder->is_config && !finder->has_assignments) ||
		!read_assignment(finder, line, &key, &value) ||
		!words_next(value.text, value.len, &from, &first)) {
		return 0;
	}
	text = mem_strndup(value.text, value.len);
	quiz_add(finder, QUIZ_SETTING_VALUE, at, at, key.text, key.len, text);
	free(text);
	return 1;
}

static int heading_says(const struct quiz_finder *finder, const char *const *words)
{
	for (; *words; words++) {
		if (words_has(finder->heading.text, finder->heading.len,
			    (struct word){*words, strlen(*words)})) {
			return 1;
		}
	}
	return 0;
}

/* `Name=` with its description below, as systemd's pages have it; a variable: `$NAME`, or so headed. */
static int find_setting(struct quiz_finder *finder, size_t at, const struct buf *body, int is_list)
{
	static const char *const headings[] = {"environment", "variables", "variable", NULL};
	const char *name = buf_str(body) + (buf_str(body)[0] == '$');
	size_t n = 0, rest, last;
	struct buf text = BUF_INIT;
	int is_variable, found = 0;

	while (is_name(name[n])) {
		n++;
	}
	is_variable = all(name, n, is_constant) && is_upper(name[0]) &&
		      (name != body->data || heading_says(finder, headings));
	if (n < 3 || !(is_variable || (name[n] == '=' && (!name[n + 1] || name[n + 1] == ',') &&
					      is_upper(name[0])))) {
		return 0;
	}
	rest = name[n] == '=' ? body->len
			      : behind_name(body->data, (size_t)(name - body->data) + n, body->len,
					is_list);
	if (rest && describe(finder, at, body->data + rest, body->len - rest, &text, &last)) {
		quiz_add(finder, QUIZ_SETTING_MEANS, first_name(finder, at), last, name, n,
			text.data);
		found = 1;
	}
	buf_finish(&text);
	return found;
}

/* ---- codes ---- */

/* Whether the name is one of <errno.h>: others that begin with an E are any words. */
static int is_errno(const char *name, size_t n)
{
	static const char list[] =
		" E2BIG EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY EBADF EBADMSG "
		"EBUSY ECANCELED ECHILD ECONNABORTED ECONNREFUSED ECONNRESET EDEADLK EDESTADDRREQ "
		"EDOM EDQUOT EEXIST EFAULT EFBIG EHOSTDOWN EHOSTUNREACH EIDRM EILSEQ EINPROGRESS "
		"EINTR EINVAL EIO EISCONN EISDIR ELOOP EMFILE EMLINK EMSGSIZE ENAMETOOLONG "
		"ENETDOWN "
		"ENETRESET ENETUNREACH ENFILE ENOBUFS ENODATA ENODEV ENOENT ENOEXEC ENOLCK ENOMEM "
		"ENOMSG ENOPROTOOPT ENOSPC ENOSYS ENOTBLK ENOTCONN ENOTDIR ENOTEMPTY ENOTSOCK "
		"ENOTSUP ENOTTY ENXIO EOPNOTSUPP EOVERFLOW EPERM EPIPE EPROTO EPROTONOSUPPORT "
		"EPROTOTYPE ERANGE EROFS ESHUTDOWN ESOCKTNOSUPPORT ESPIPE ESRCH ESTALE ETIME "
		"ETIMEDOUT ETXTBSY EUSERS EWOULDBLOCK EXDEV ";
	char word[20];

	if (n + 3 > sizeof(word)) {
		return 0;
	}
	word[0] = word[n + 1] = ' ';
	memcpy(word + 1, name, n);
	word[n + 2] = 0;
	return strstr(list, word) != NULL;
}

static int code_kind(const struct quiz_finder *finder, const char *name, size_t n)
{
	static const char *const exits[] = {"exit", "status", "diagnostics", "codes", NULL};

	if (n <= 3 && all(name, n, is_number) && heading_says(finder, exits)) {
		return QUIZ_CODE_EXIT;
	}
	if (n < 3 || !all(name, n, is_constant)) {
		return -1;
	}
	if (n > 3 && strncmp(name, "SIG", 3) == 0 && !memchr(name, '_', n)) {
		return QUIZ_CODE_SIGNAL;
	}
	return is_errno(name, n) ? QUIZ_CODE_ERROR : -1;
}

static int find_code(struct quiz_finder *finder, size_t at, const struct buf *body, int is_list)
{
	static const char *const errors[] = {"error", "errors", NULL};
	const char *name = buf_str(body) + strspn(buf_str(body), "[<");
	size_t n = 0, rest, last, end;
	struct buf text = BUF_INIT;
	int kind, found = 0;

	while (is_name(name[n])) {
		n++;
	}
	kind = code_kind(finder, name, n);
	if (kind < 0) {
		return 0;
	}
	end = (size_t)(name - body->data) + n + strspn(name + n, "]>");
	rest = behind_name(body->data, end, body->len, is_list);
	if (!rest && kind == QUIZ_CODE_ERROR && name[n] == ' ' && heading_says(finder, errors)) {
		rest = end + 1; /* `EACCES Permission was refused.` */
	}
	if (rest && describe(finder, at, body->data + rest, body->len - rest, &text, &last)) {
		quiz_add(finder, (enum quiz_kind)kind, first_name(finder, at), last, name, n,
			text.data);
		found = 1;
	}
	buf_finish(&text);
	return found;
}

/* ---- terms ---- */

static size_t term_name(const char *text)
{
	size_t n = 0;

	if (!is_letter(text[0]) && !(strchr("_%@$.", text[0]) && text[0] && is_letter(text[1]))) {
		return 0;
	}
	while (text[n] && (is_name(text[n]) || (strchr("_%@$.+:-", text[n]) && text[n + 1] &&
						       !strchr(" \t", text[n + 1])))) {
		n++;
	}
	return n <= 40 ? n : 0;
}

/* Where the description of a term begins, 0 for none, `len` for the lines below. */
static size_t term_rest(const struct quiz_finder *finder, size_t at, const char *text, size_t n,
	size_t len, int is_list)
{
	struct line line = lines_at(finder->lines, at), below = lines_at(finder->lines, at + 1);
	size_t page = text[n] == ' ' && text[n + 1] == '(' ? 1 : 0, rest;
	int is_alone = at == 0 || line_is_blank(lines_at(finder->lines, at - 1)) ||
		       quiz_is_heading(finder, at - 1);

	/* name (1) - one line */
	n += text[n + page] == '(' ? page + strcspn(text + n + page, ")") + 1 : 0;
	if (n > len) {
		return 0;
	}
	rest = behind_name(text, n, len, is_list);
	if (!rest) {
		return 0;
	}
	if (rest == len) { /* a tag paragraph */
		return text[n] != ':' && !finder->is_code && line.column &&
				       below.column >= line.column + 3 && !line_is_blank(below)
			       ? len
			       : 0;
	}
	if (text[n] == ':') {
		return is_list ? rest : 0;
	}
	if (text[n] == ' ' && text[n + 1] != ' ') {
		return is_list || is_alone ? rest : 0;
	}
	/* two columns: one wide gap, and text behind it */
	return line.column >= 2 && rest >= n + 3 && !strstr(text + rest, "   ") ? rest : 0;
}

static int is_near_margin(const struct quiz_finder *finder, size_t at)
{
	return lines_at(finder->lines, at).column <= 4;
}

static int find_term(struct quiz_finder *finder, size_t at, const struct buf *body, int is_list)
{
	size_t n = term_name(buf_str(body)), rest, last;
	struct buf text = BUF_INIT;
	struct word word = {body->data, n};
	int found = 0;

	/* In capitals near the margin it is a heading. */
	if (n < 2 || finder->is_code ||
		(all(body->data, n, is_upper) && is_near_margin(finder, at)) ||
		words_is_stop(word) || strchr(":.-", body->data[n - 1])) {
		return 0;
	}
	rest = term_rest(finder, at, body->data, n, body->len, is_list);
	if (rest && describe(finder, at, body->data + rest, body->len - rest, &text, &last) &&
		words_count_content(text.data, text.len) >= 3) {
		quiz_add(finder, QUIZ_TERM_MEANS, first_name(finder, at), last, body->data, n,
			text.data);
		found = 1;
	}
	buf_finish(&text);
	return found;
}

/* ---- documents ---- */

static int is_one_of(const char *suffix, const char *const *list)
{
	for (; *list; list++) {
		if (strcasecmp(suffix, *list) == 0) {
			return 1;
		}
	}
	return 0;
}

static void look_at_name(struct quiz_finder *finder, const char *name)
{
	static const char *const code[] = {"c", "h", "cc", "cpp", "cxx", "hh", "hpp", "go", "py",
		"sh", "bash", "rs", "js", "ts", "lua", "pl", "pm", "rb", "java", "awk", "el", "php",
		"swift", "kt", "scala", "m4", "tcl", NULL};
	static const char *const config[] = {"conf", "cfg", "ini", "toml", "yaml", "yml", "desktop",
		"service", "socket", "timer", "properties", "cnf", "rc", "default", NULL};
	static const char *const markdown[] = {"md", "markdown", "mkd", NULL};
	const char *slash = strrchr(name, '/');
	const char *dot = strrchr(slash ? slash : name, '.');

	finder->suffix = dot ? dot + 1 : "";
	slash = slash ? slash + 1 : name;
	finder->is_log = strncasecmp(slash, "change", 6) == 0 || strncmp(slash, "NEWS", 4) == 0;
	finder->is_code = is_one_of(finder->suffix, code);
	finder->is_config = is_one_of(finder->suffix, config);
	finder->is_markdown = is_one_of(finder->suffix, markdown);
}

/* A script tells by its first line what no suffix tells. */
static void look_at_first_line(struct quiz_finder *finder)
{
	static const struct {
		const char *program, *suffix;
	} rows[] = {{"python", "py"}, {"perl", "pl"}, {"ruby", "rb"}, {"awk", "awk"}, {"sh", "sh"}};
	struct line line = lines_at(finder->lines, 0);

	if (finder->is_code || line.len < 3 || strncmp(line.text, "#!", 2) != 0) {
		return;
	}
	finder->is_code = 1;
	finder->is_config = 0;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (memmem(line.text, line.len, rows[i].program, strlen(rows[i].program))) {
			finder->suffix = rows[i].suffix;
			return;
		}
	}
}

/* Text of which many lines are assignments holds them as examples of settings. */
static void count_assignments(struct quiz_finder *finder)
{
	size_t count = 0;
	struct word key, value;

	for (size_t i = 0; i < finder->lines->count; i++) {
		count += read_assignment(finder, lines_at(finder->lines, i), &key, &value);
	}
	finder->has_assignments = count >= 5 && count * 10 >= finder->lines->count;
}

static void find_in_line(struct quiz_finder *finder, size_t at, struct buf *body)
{
	int is_list;

	clean(body, lines_at(finder->lines, at), &is_list);
	if (!body->len || find_assignment(finder, at) || quiz_find_definition(finder, at)) {
		return;
	}
	if (finder->is_code || finder->is_log) {
		return;
	}
	if (find_option(finder, at, body, is_list) || find_code(finder, at, body, is_list) ||
		find_setting(finder, at, body, is_list)) {
		return;
	}
	find_term(finder, at, body, is_list);
}

static int by_line(const void *a, const void *b)
{
	const struct quiz_entry *one = a, *other = b;

	if (one->line_first != other->line_first) {
		return one->line_first < other->line_first ? -1 : 1;
	}
	return (int)one->kind - (int)other->kind;
}

void quiz_find(
	struct quiz_entries *out, size_t document, const char *name, const struct lines *lines)
{
	struct quiz_finder finder = {.out = out, .lines = lines, .document = document};
	struct buf body = BUF_INIT;
	size_t first = out->count;

	look_at_name(&finder, name);
	look_at_first_line(&finder);
	count_assignments(&finder);
	for (size_t i = 0; i < lines->count; i++) {
		struct line line = lines_at(lines, i);

		if (line_is_blank(line)) {
			continue;
		}
		if (!finder.is_code && !finder.is_config && quiz_is_heading(&finder, i)) {
			finder.heading = line;
			continue;
		}
		find_in_line(&finder, i, &body);
	}
	buf_finish(&body);
	if (!finder.is_code && !finder.is_config) {
		quiz_find_sections(&finder);
	}
	if (out->count > first) {
		qsort(out->item + first, out->count - first, sizeof(*out->item), by_line);
	}
}
