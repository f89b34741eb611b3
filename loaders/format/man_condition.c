/* The conditions of .if, .ie and .while. */
#include "loaders/format/man_roff.h"

#include <string.h>

/* The text up to the next `delimiter` that no backslash protects; its length. */
static size_t piece_len(const char *text, size_t len, char delimiter)
{
	size_t i = 0;

	while (i < len && text[i] != delimiter) {
		i += text[i] == '\\' && i + 1 < len ? 2 : 1;
	}
	return i < len ? i : len;
}

/* 'one'other': whether both say the same. */
static int strings_equal(struct man *man, const char *text, size_t len, size_t *taken)
{
	size_t first = piece_len(text + 1, len - 1, text[0]), second, at = 1 + first + 1;
	struct buf one = BUF_INIT, other = BUF_INIT;
	int equal;

	if (at > len) {
		*taken = len;
		return 0;
	}
	second = piece_len(text + at, len - at, text[0]);
	*taken = at + second < len ? at + second + 1 : len;
	man_expand(man, &one, text + 1, first);
	man_expand(man, &other, text + at, second);
	equal = strcmp(buf_str(&one), buf_str(&other)) == 0;
	buf_finish(&one);
	buf_finish(&other);
	return equal;
}

/* An expression ends at a space outside of parentheses, or where a block begins. */
static int expression_holds(struct man *man, const char *text, size_t len, size_t *taken)
{
	struct buf expanded = BUF_INIT;
	size_t end = 0, n, left;
	int depth = 0;
	int64_t value;

	for (; end < len && (text[end] != ' ' || depth > 0); end++) {
		depth += text[end] == '(' && (!end || text[end - 1] != 'n') ? 1
			 : text[end] == ')'                                 ? -1
									    : 0;
		if (text[end] == '\\' && end + 1 < len && text[end + 1] == '{') {
			break;
		}
	}
	man_expand(man, &expanded, text, end);
	value = man_number(buf_str(&expanded), &n, 0);
	/* What follows without a space is not part of it: .if 1.sp */
	left = expanded.len - n;
	*taken = left < end ? end - left : end;
	buf_finish(&expanded);
	return value > 0;
}

static int is_defined(struct man *man, const char *text, size_t len, size_t *taken)
{
	size_t begin = 1, end;

	while (begin < len && text[begin] == ' ') {
		begin++;
	}
	for (end = begin; end < len && text[end] != ' '; end++) {
	}
	*taken = end;
	if (text[0] == 'r') {
		return man_find(&man->registers, text + begin, end - begin) != NULL;
	}
	return text[0] == 'c' || man_find(&man->macros, text + begin, end - begin) ||
	       man_find(&man->strings, text + begin, end - begin);
}

int man_condition(struct man *man, const char *text, size_t len, size_t *taken)
{
	size_t i = 0, n = 0;
	int negated = 0, holds = 0;

	while (i < len && (text[i] == ' ' || text[i] == '\t')) {
		i++;
	}
	while (i < len && text[i] == '!') {
		negated = !negated;
		i++;
	}
	if (i < len && strchr("no", text[i])) { /* a terminal; an odd page */
		holds = n = 1;
	} else if (i < len && strchr("tev", text[i])) {
		n = 1;
	} else if (i < len && strchr("drcFmS", text[i])) {
		holds = is_defined(man, text + i, len - i, &n);
	} else if (i < len && strchr("\\(0123456789.+-", text[i])) {
		holds = expression_holds(man, text + i, len - i, &n);
	} else if (i < len) {
		holds = strings_equal(man, text + i, len - i, &n);
	}
	*taken = i + n;
	return holds != negated;
}
