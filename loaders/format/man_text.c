/* Escapes of roff in text, numbers and their units. */
#include "loaders/format/man_roff.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { UNITS_PER_COLUMN = 24, DEEPEST = 12 };

/* A reading position in text, and where its text goes. */
struct expansion {
	struct man *man;
	struct buf *out;
	int continues;
	int depth;
};

static void expand(struct expansion *x, const char *text, size_t len);

/* The name behind an escape: one character, (xx or [name]. Returns the bytes taken. */
static size_t take_name(const char *text, size_t len, const char **name, size_t *name_len)
{
	int depth = 0;
	size_t n;

	*name = text;
	*name_len = 0;
	if (!len) {
		return 0;
	}
	if (text[0] == '(') {
		*name = text + 1;
		*name_len = len < 3 ? len - 1 : 2;
		return 1 + *name_len;
	}
	if (text[0] == '[') {
		for (n = 0; n < len; n++) { /* \*[a\n[b]] */
			depth += text[n] == '[' ? 1 : text[n] == ']' ? -1 : 0;
			if (!depth) {
				break;
			}
		}
		*name = text + 1;
		*name_len = n - 1;
		return n < len ? n + 1 : n;
	}
	*name_len = 1;
	return 1;
}

/* 'argument' with any delimiter. */
static size_t take_quoted(const char *text, size_t len, const char **arg, size_t *arg_len)
{
	const char *close;

	*arg = text;
	*arg_len = 0;
	if (!len) {
		return 0;
	}
	close = memchr(text + 1, text[0], len - 1);
	*arg = text + 1;
	*arg_len = close ? (size_t)(close - text) - 1 : len - 1;
	return *arg_len + 1 + (close != NULL);
}

/* \s: digits may be behind a sign, in parentheses, brackets or quotes. */
static size_t take_size(const char *text, size_t len)
{
	const char *name;
	size_t i = 0, n;

	if (i < len && (text[i] == '+' || text[i] == '-')) {
		i++;
	}
	if (i < len && (text[i] == '[' || text[i] == '(')) {
		return i + take_name(text + i, len - i, &name, &n);
	}
	if (i < len && text[i] == '\'') {
		return i + take_quoted(text + i, len - i, &name, &n);
	}
	if (i < len && text[i] >= '1' && text[i] <= '3' && i + 1 < len && text[i + 1] >= '0' &&
		text[i + 1] <= '9') {
		return i + 2;
	}
	return i < len && text[i] >= '0' && text[i] <= '9' ? i + 1 : i;
}

static void add_character(struct expansion *x, const char *name, size_t len)
{
	const char *character = man_character(name, len);
	char *end, utf8[4], digits[8] = "";
	unsigned long cp;

	if (character) {
		buf_addstr(x->out, character);
		return;
	}
	if (len >= 5 && len < 8 && name[0] == 'u') { /* [u2014] */
		memcpy(digits, name + 1, len - 1);
		cp = strtoul(digits, &end, 16);
		if (!*end && cp >= ' ' && cp < 0x110000 && (cp < 0xd800 || cp > 0xdfff)) {
			buf_add(x->out, utf8, utf8_encode((uint32_t)cp, utf8));
		}
	}
}

/* A string that the page defined, or one of the package's own. */
static void add_string(struct expansion *x, const char *name, size_t len)
{
	static const struct {
		const char *name, *text;
	} own[] = {
		{"R", "\xc2\xae"},
		{"Tm", "\xe2\x84\xa2"},
		{"lq", "\xe2\x80\x9c"},
		{"rq", "\xe2\x80\x9d"},
		{"Lq", "\xe2\x80\x9c"},
		{"Rq", "\xe2\x80\x9d"},
		{"Ge", "\xe2\x89\xa5"},
		{"Le", "\xe2\x89\xa4"},
		{"Ne", "\xe2\x89\xa0"},
		{"Pm", "\xc2\xb1"},
		{"Ba", "|"},
		{"q", "\""},
		{"Px", "POSIX"},
		{"Ai", "ANSI"},
		{"Gt", ">"},
		{"Lt", "<"},
		{"Am", "&"},
		{"Na", "NaN"},
		{"If", "infinity"},
		{"Pi", "pi"},
		{"aa", "\xc2\xb4"},
		{"ga", "`"},
		{"L\"", "\xe2\x80\x9c"},
		{"R\"", "\xe2\x80\x9d"},
	};
	const char *space = memchr(name, ' ', len); /* \*[name argument...] */
	const struct man_definition *string =
		man_find(&x->man->strings, name, space ? (size_t)(space - name) : len);

	if (string) {
		if (x->depth < DEEPEST && string->text.len <= x->man->budget_bytes) {
			x->man->budget_bytes -= string->text.len;
			x->depth++;
			expand(x, buf_str(&string->text), string->text.len);
			x->depth--;
		} else {
			x->man->is_cut = 1;
		}
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(own); i++) {
		if (strlen(own[i].name) == len && memcmp(own[i].name, name, len) == 0) {
			buf_addstr(x->out, own[i].text);
			return;
		}
	}
}

static int64_t register_value(const struct man *man, const char *name, size_t len)
{
	const struct man_definition *found = man_find(&man->registers, name, len);

	if (found) {
		return found->number;
	}
	if (len == 2 && memcmp(name, ".$", 2) == 0) {
		return man->call ? (int64_t)man->call->n : 0;
	}
	if (len == 2 && memcmp(name, ".l", 2) == 0) {
		return (int64_t)MAN_WIDTH * UNITS_PER_COLUMN;
	}
	if (len == 2 && memcmp(name, ".i", 2) == 0) {
		return (int64_t)man->layout.indent * UNITS_PER_COLUMN;
	}
	if (len == 2 && memcmp(name, ".H", 2) == 0) {
		return UNITS_PER_COLUMN;
	}
	if (len == 2 && memcmp(name, ".V", 2) == 0) {
		return 40;
	}
	return len == 2 && (memcmp(name, ".g", 2) == 0 || memcmp(name, ".f", 2) == 0);
}

/* \$1, \$*, \$@ of the macro being expanded. */
static void add_argument(struct expansion *x, const char *name, size_t len)
{
	const struct man_args *args = x->man->call;
	size_t n = 0;

	if (!args || x->depth >= DEEPEST) {
		return;
	}
	x->depth++;
	if (len && (name[0] == '*' || name[0] == '@' || name[0] == '^')) {
		for (size_t i = 0; i < args->n; i++) {
			size_t arg_len = strlen(args->arg[i]);

			if (arg_len + 3 > x->man->budget_bytes) {
				x->man->is_cut = 1;
				break;
			}
			x->man->budget_bytes -= arg_len + 3;
			buf_addstr(x->out, i ? " " : "");
			buf_addstr(x->out, name[0] == '@' ? "\"" : "");
			buf_add(x->out, args->arg[i], arg_len);
			buf_addstr(x->out, name[0] == '@' ? "\"" : "");
		}
	} else {
		for (size_t i = 0; i < len && name[i] >= '0' && name[i] <= '9' && n < 1000; i++) {
			n = 10 * n + (size_t)(name[i] - '0');
		}
		if (n && n <= args->n && strlen(args->arg[n - 1]) <= x->man->budget_bytes) {
			x->man->budget_bytes -= strlen(args->arg[n - 1]);
			buf_addstr(x->out, args->arg[n - 1]);
		}
	}
	x->depth--;
}

/* The width of a text, as a number. */
static void add_width(struct expansion *x, const char *text, size_t len)
{
	struct buf inner = BUF_INIT, *out = x->out;

	if (x->depth < DEEPEST) {
		x->out = &inner;
		x->depth++;
		expand(x, text, len);
		x->depth--;
		x->out = out;
	}
	buf_printf(out, "%d", man_columns(buf_str(&inner), inner.len) * UNITS_PER_COLUMN);
	buf_finish(&inner);
}

/* \h'3n' leaves space where it moves right. */
static void add_motion(struct expansion *x, const char *text, size_t len)
{
	char *copy = mem_strndup(text, len);
	int n = copy[0] == '|' ? 1 : man_indent_of(x->man, copy, 0);

	for (int i = 0; i < n && i < MAN_WIDTH; i++) {
		buf_addch(x->out, MAN_FIXED_SPACE);
	}
	free(copy);
}

/* Those with an argument in quotes. */
static size_t expand_quoted(struct expansion *x, char kind, const char *text, size_t len)
{
	const char *arg;
	size_t n, taken = take_quoted(text, len, &arg, &n);
	char number[8] = "", utf8[4];
	uint32_t character;
	long cp;

	switch (kind) {
	case 'C':
		add_character(x, arg, n);
		break;
	case 'N':
		memcpy(number, arg, n < 7 ? n : 7);
		cp = strtol(number, NULL, 10);
		if (cp >= ' ' && cp < 0xd800) {
			buf_add(x->out, utf8, utf8_encode((uint32_t)cp, utf8));
		}
		break;
	case 'w':
		add_width(x, arg, n);
		break;
	case 'h':
		add_motion(x, arg, n);
		break;
	case 'o': /* overstrike: the first stands for all */
		if (n && arg[0] != '\\') {
			size_t step = utf8_decode(arg, n, &character);

			buf_add(x->out, arg, step ? step : 1);
			break;
		}
		/* fall through */
	case 'Z':
	case 'b':
		if (x->depth < DEEPEST) {
			x->depth++;
			expand(x, arg, n);
			x->depth--;
		}
		break;
	default:
		break;
	}
	return taken;
}

/* \n+x and \n-x */
static void step_register(struct man *man, const char *name, size_t len, char sign)
{
	struct man_definition *number;

	if (sign && man_find(&man->registers, name, len)) {
		number = man_define(&man->registers, name, len);
		number->number += sign == '+' ? number->step : -number->step;
	}
}

static size_t expand_named(struct expansion *x, char kind, const char *text, size_t len)
{
	const char *name;
	size_t n, skip = kind == 'n' && len && (text[0] == '+' || text[0] == '-');
	size_t taken = skip + take_name(text + skip, len - skip, &name, &n);

	switch (kind) {
	case '*':
		add_string(x, name, n);
		break;
	case 'n':
		step_register(x->man, name, n, skip ? text[0] : 0);
		buf_printf(x->out, "%lld", (long long)register_value(x->man, name, n));
		break;
	case '$':
		add_argument(x, name, n);
		break;
	default: /* fonts, colours, environment: nothing to see */
		break;
	}
	return taken;
}

static int is_among(char c, const char *set)
{
	return c && strchr(set, c);
}

/* What follows a backslash; returns the bytes taken. */
static size_t expand_escape(struct expansion *x, const char *text, size_t len)
{
	static const char named[] = "*n$fFmMgkVY", quoted[] = "ABCDHLNRSXZbhlovwx";
	static const char nothing[] = "&)%:|^,/{}zpudra!?";
	const char *name;
	size_t n, taken;

	if (is_among(text[0], named)) {
		return 1 + expand_named(x, text[0], text + 1, len - 1);
	}
	if (is_among(text[0], quoted)) {
		return 1 + expand_quoted(x, text[0], text + 1, len - 1);
	}
	switch (text[0]) {
	case '(':
	case '[':
		taken = take_name(text, len, &name, &n);
		add_character(x, name, n);
		return taken;
	case 's':
		return 1 + take_size(text + 1, len - 1);
	case ' ':
	case '~':
	case '0':
		buf_addch(x->out, MAN_FIXED_SPACE);
		return 1;
	case 't':
		buf_addch(x->out, '\t');
		return 1;
	case 'c':
		x->continues = 1;
		return 1;
	case 'e':
	case '\\':
	case 'E':
		buf_addch(x->out, '\\');
		return 1;
	case '"':
	case '#':
		return len;
	case '\'':
		buf_addstr(x->out, "\xc2\xb4");
		return 1;
	default: /* \- \. \` and whatever means itself */
		buf_add(x->out, text, is_among(text[0], nothing) ? 0 : 1);
		return 1;
	}
}

static void expand(struct expansion *x, const char *text, size_t len)
{
	size_t i = 0, begin;

	while (i < len) {
		for (begin = i; i < len && text[i] != '\\'; i++) {
		}
		if (x->man->is_translating) {
			for (; begin < i; begin++) {
				buf_addch(x->out, x->man->translation[(unsigned char)text[begin]]);
			}
		}
		buf_add(x->out, text + begin, i - begin);
		if (i < len && ++i < len) {
			i += expand_escape(x, text + i, len - i);
		}
	}
}

int man_expand(struct man *man, struct buf *out, const char *text, size_t len)
{
	struct expansion x = {man, out, 0, 0};

	buf_clear(out);
	expand(&x, text, len);
	return x.continues;
}

/* ---- numbers ---- */

struct sum {
	const char *at;
	int depth;
	double unit; /* of a number without one */
};

static double sum_take(struct sum *sum);

static double term_take(struct sum *sum)
{
	double value, scale;
	char *end;

	if (*sum->at == '-' || *sum->at == '+' || *sum->at == '!') {
		char sign = *sum->at++;

		if (++sum->depth > DEEPEST) {
			return 0;
		}
		value = term_take(sum);
		sum->depth--;
		return sign == '-' ? -value : sign == '!' ? value <= 0 : value;
	}
	if (*sum->at == '(') {
		sum->at++;
		if (++sum->depth > DEEPEST) {
			return 0;
		}
		value = sum_take(sum);
		sum->depth--;
		sum->at += *sum->at == ')';
		return value;
	}
	if ((*sum->at < '0' || *sum->at > '9') && *sum->at != '.') {
		return 0;
	}
	/* Decimal only: strtod would take 0x and more. */
	for (value = 0; *sum->at >= '0' && *sum->at <= '9'; sum->at++) {
		value = value < 1e9 ? 10 * value + (*sum->at - '0') : value;
	}
	if (*sum->at == '.') {
		sum->at++;
		for (scale = 0.1; *sum->at >= '0' && *sum->at <= '9'; sum->at++, scale /= 10) {
			value += scale * (*sum->at - '0');
		}
	}
	end = *sum->at ? strchr("uinmcpPv", *sum->at) : NULL;
	if (!end) {
		return value * sum->unit;
	}
	sum->at++;
	switch (*end) {
	case 'u':
		return value;
	case 'i':
		return value * 240;
	case 'c':
		return value * 94;
	case 'p':
		return value * 10 / 3;
	case 'P':
	case 'v':
		return value * 40;
	default:
		return value * UNITS_PER_COLUMN;
	}
}

/* From left to right, as roff does it. */
static double sum_take(struct sum *sum)
{
	double value = term_take(sum), other;

	for (;;) {
		char op = *sum->at, second = op ? sum->at[1] : 0;

		if (!op || !strchr("+-*/%<>=&:", op)) {
			return value;
		}
		sum->at += (op == '<' || op == '>' || op == '=') && second == '=' ? 2 : 1;
		other = term_take(sum);
		switch (op) {
		case '+':
			value += other;
			break;
		case '-':
			value -= other;
			break;
		case '*':
			value *= other;
			break;
		case '/':
			value = other != 0 ? value / other : 0;
			break;
		case '%':
			value = 0;
			break;
		case '<':
			value = second == '=' ? value <= other : value < other;
			break;
		case '>':
			value = second == '=' ? value >= other : value > other;
			break;
		case '=':
			value = value == other;
			break;
		case '&':
			value = value > 0 && other > 0;
			break;
		default:
			value = value > 0 || other > 0;
			break;
		}
		value = value > 1e12 ? 1e12 : value < -1e12 ? -1e12 : value;
	}
}

int64_t man_number(const char *text, size_t *len, int columns)
{
	struct sum sum = {text, 0, columns ? UNITS_PER_COLUMN : 1};
	double value = sum_take(&sum);

	*len = (size_t)(sum.at - text);
	return (int64_t)value;
}

int man_indent_of(struct man *man, const char *text, int otherwise)
{
	struct buf expanded = BUF_INIT;
	int64_t units;
	size_t len;

	man_expand(man, &expanded, text, strlen(text));
	units = man_number(buf_str(&expanded), &len, 1);
	buf_finish(&expanded);
	if (!len) {
		return otherwise;
	}
	units = units > 0 ? units + UNITS_PER_COLUMN / 2 : units;
	units /= UNITS_PER_COLUMN;
	return units > MAN_WIDTH ? MAN_WIDTH : units < -MAN_WIDTH ? -MAN_WIDTH : (int)units;
}
