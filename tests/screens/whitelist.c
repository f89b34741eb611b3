#include "tests/screens/whitelist.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tests/screens/terminfo.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ESC = 27, BEL = 7, SGR_MAX = 256, PARAMS_MAX = 16 };
/* Parameters of terminfo's sgr, from 0. */
enum { BLINK = 3, INVISIBLE = 6, PROTECTED = 7, SGR_ATTRIBUTES = 9 };

/* What a sequence is, apart from its numbers: CSI ? ... h. */
struct shape {
	char leader, final;
	int max_params;
};

struct whitelist {
	char **literal; /* each one sequence, or one control character */
	size_t n_literal, cap_literal;
	struct shape *shape; /* of those with numbers */
	size_t n_shape, cap_shape;
	char has_sgr[SGR_MAX];
	int has_256, has_rgb, has_clipboard;
};

/* Characters that are obeyed or not seen; by Unicode's names, not by what carrel escapes. */
static const struct {
	uint32_t first, last;
} unseen[] = {
	{0x00, 0x1f},
	{0x7f, 0x9f},   /* C0 and C1 */
	{0xad, 0xad},   /* soft hyphen */
	{0x34f, 0x34f}, /* grapheme joiner */
	{0x61c, 0x61c},
	{0x200e, 0x200f},
	{0x202a, 0x202e},
	{0x2066, 0x2069}, /* bidi */
	{0x115f, 0x1160},
	{0x3164, 0x3164},
	{0xffa0, 0xffa0}, /* Hangul fillers */
	{0x17b4, 0x17b5}, /* Khmer inherent vowels */
	{0x180b, 0x180f},
	{0x200b, 0x200d},
	{0x2028, 0x2029},
	{0x2060, 0x2065},
	{0x206a, 0x206f},
	{0xd800, 0xdfff},
	{0xfe00, 0xfe0f},
	{0xfeff, 0xfeff},
	{0xfff0, 0xfffb},
	{0x1bca0, 0x1bca3}, /* shorthand */
	{0x1d173, 0x1d17a}, /* musical */
	{0xe0000, 0xe0fff},
};

static int is_unseen(uint32_t cp)
{
	for (size_t i = 0; i < ARRAY_LEN(unseen); i++) {
		if (cp >= unseen[i].first && cp <= unseen[i].last) {
			return 1;
		}
	}
	return 0;
}

/* Bytes of the sequence that begins at an ESC; 0: it is cut, or none that a terminfo entry has. */
static size_t sequence_len(const char *at, size_t len)
{
	size_t n = 1;

	if (len < 2) {
		return 0;
	}
	if (at[1] == '[') {
		for (n = 2; n < len && at[n] >= 0x20 && at[n] <= 0x3f; n++) {
		}
		return n < len && at[n] >= 0x40 && at[n] <= 0x7e ? n + 1 : 0;
	}
	if (at[1] == ']') {
		for (n = 2; n < len; n++) {
			if (at[n] == BEL) {
				return n + 1;
			}
			if (at[n] == ESC) {
				return n + 1 < len && at[n + 1] == '\\' ? n + 2 : 0;
			}
		}
		return 0;
	}
	while (n < len && at[n] >= 0x20 && at[n] <= 0x2f) {
		n++;
	}
	return n < len && at[n] >= 0x30 && at[n] <= 0x7e ? n + 1 : 0;
}

struct csi {
	char leader, final; /* leader: one of <=>?, or 0 */
	int n_param, param[PARAMS_MAX];
};

/* ESC [ leader numbers final, and nothing else. */
static int read_csi(struct csi *csi, const char *at, size_t len)
{
	size_t i = 2;

	*csi = (struct csi){.final = at[len - 1]};
	if (len < 3 || at[1] != '[') {
		return 0;
	}
	if (at[i] >= '<' && at[i] <= '?') {
		csi->leader = at[i++];
	}
	for (; i < len - 1; i++) {
		if (csi->n_param == 0 || at[i] == ';' || at[i] == ':') {
			if (csi->n_param == PARAMS_MAX) {
				return 0;
			}
			csi->param[csi->n_param++] = 0;
		}
		if (isdigit((unsigned char)at[i])) {
			int *param = &csi->param[csi->n_param - 1];

			*param = *param > 100000 ? *param : *param * 10 + at[i] - '0';
		} else if (at[i] != ';' && at[i] != ':') {
			return 0;
		}
	}
	return 1;
}

static void add_literal(struct whitelist *list, const char *at, size_t len)
{
	mem_grow(list->literal, list->n_literal, list->cap_literal);
	list->literal[list->n_literal++] = mem_strndup(at, len);
}

static void add_sgr(struct whitelist *list, const struct csi *csi)
{
	for (int i = 0; i < csi->n_param; i++) {
		int value = csi->param[i];

		if ((value == 38 || value == 48) && i + 1 < csi->n_param) {
			list->has_256 |= csi->param[i + 1] == 5;
			list->has_rgb |= csi->param[i + 1] == 2;
			return;
		}
		if (value < SGR_MAX) {
			list->has_sgr[value] = 1;
		}
	}
	list->has_sgr[0] |= csi->n_param == 0;
}

/* Each sequence of a capability; with numbers in it where `has_numbers`. */
static void add_capability(struct whitelist *list, const char *text, int has_numbers)
{
	size_t len = text ? strlen(text) : 0;

	for (size_t at = 0; at < len;) {
		size_t n = text[at] == ESC ? sequence_len(text + at, len - at) : 1;
		struct csi csi;

		if (!n) {
			return;
		}
		if (n > 1 && read_csi(&csi, text + at, n) && csi.final == 'm' && !csi.leader) {
			add_sgr(list, &csi);
		} else if (n > 1 && has_numbers && read_csi(&csi, text + at, n)) {
			mem_grow(list->shape, list->n_shape, list->cap_shape);
			list->shape[list->n_shape++] =
				(struct shape){csi.leader, csi.final, csi.n_param};
		} else if (n > 1 || iscntrl((unsigned char)text[at])) {
			add_literal(list, text + at, n);
		}
		at += n;
	}
}

struct whitelist *whitelist_create(const char *term)
{
	/* What curses draws with. Not among them: bell, flash, title, palette, reports, resets. */
	static const char *const fixed[] = {"smcup", "rmcup", "clear", "home", "civis", "cnorm",
		"smkx", "rmkx", "el", "el1", "ed", "cub1", "cud1", "cuf1", "cuu1", "cr", "ind",
		"ri", "nel", "ht", "il1", "dl1", "ich1", "dch1", "smir", "rmir", "smam", "rmam",
		"bold", "dim", "sitm", "ritm", "smul", "rmul", "rev", "smso", "rmso", "sgr0", "op",
		"smacs", "rmacs", "enacs", "sc", "rc"};
	static const char *const with_numbers[] = {"cup", "csr", "hpa", "vpa", "cub", "cud", "cuf",
		"cuu", "il", "dl", "ich", "dch", "ech", "indn", "rin"};
	struct whitelist *list = mem_zero(1, sizeof(*list));
	char *whole;
	int colors;

	if (terminfo_open(term) < 0) {
		free(list);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		char *text = terminfo_string(fixed[i]);

		add_capability(list, text, 0);
		free(text);
	}
	whole = terminfo_string("oc"); /* colours as they were: sent when the screen is left */
	if (whole) {
		add_literal(list, whole, strlen(whole));
		free(whole);
	}
	for (size_t i = 0; i < ARRAY_LEN(with_numbers); i++) {
		char *text = terminfo_with(with_numbers[i], 7, 8);

		add_capability(list, text, 1);
		free(text);
	}
	colors = terminfo_number("colors");
	for (int i = 0; i < colors && i < 256; i++) {
		char *fg = terminfo_with("setaf", i, 0), *bg = terminfo_with("setab", i, 0);

		add_capability(list, fg, 1);
		add_capability(list, bg, 1);
		free(fg);
		free(bg);
	}
	for (int i = 0; i < SGR_ATTRIBUTES;
		i++) { /* bold, reverse, ... and all at once: also 10, a font */
		char *sgr = terminfo_attribute(i);

		/* Not blinking, not invisible: nobody draws with them. */
		add_capability(
			list, i == BLINK || i == INVISIBLE || i == PROTECTED ? NULL : sgr, 1);
		free(sgr);
	}
	if (terminfo_has("rep")) { /* CHAR ESC [ n b */
		add_capability(list, "\033[7b", 1);
	}
	add_literal(list, "\r", 1); /* the terminal's driver writes them, too */
	add_literal(list, "\n", 1);
	add_literal(list, "\033[?2004h", 8);
	add_literal(list, "\033[?2004l", 8);
	return list;
}

void whitelist_destroy(struct whitelist *list)
{
	if (!list) {
		return;
	}
	for (size_t i = 0; i < list->n_literal; i++) {
		free(list->literal[i]);
	}
	free(list->literal);
	free(list->shape);
	free(list);
}

void whitelist_allow_clipboard(struct whitelist *list)
{
	list->has_clipboard = 1;
}

/* Bytes of the longest literal that stands there. */
static size_t literal_len(const struct whitelist *list, const char *at, size_t len)
{
	size_t longest = 0;

	for (size_t i = 0; i < list->n_literal; i++) {
		size_t n = strlen(list->literal[i]);

		if (n > longest && n <= len && memcmp(list->literal[i], at, n) == 0) {
			longest = n;
		}
	}
	return longest;
}

static int sgr_is_ours(const struct whitelist *list, const struct csi *csi)
{
	for (int i = 0; i < csi->n_param; i++) {
		int value = csi->param[i];
		int kind = i + 1 < csi->n_param ? csi->param[i + 1] : 0;

		if (value == 38 || value == 48) {
			if (kind == 5 && list->has_256 && i + 2 < csi->n_param &&
				csi->param[i + 2] < 256) {
				i += 2;
				continue;
			}
			return kind == 2 && list->has_rgb;
		}
		if (value >= SGR_MAX || !list->has_sgr[value]) {
			return 0;
		}
	}
	return csi->n_param > 0 || list->has_sgr[0];
}

/* ESC ] 52 ; c ; base64 BEL */
static int is_clipboard(const char *at, size_t len)
{
	static const char head[] = "\033]52;c;";
	size_t end = at[len - 1] == BEL ? len - 1 : len - 2;

	if (len < sizeof(head) || memcmp(at, head, sizeof(head) - 1) != 0) {
		return 0;
	}
	for (size_t i = sizeof(head) - 1; i < end; i++) {
		if (!isalnum((unsigned char)at[i]) && !strchr("+/=", at[i])) {
			return 0;
		}
	}
	return 1;
}

static int sequence_is_ours(const struct whitelist *list, const char *at, size_t len)
{
	struct csi csi;

	if (at[1] == ']') {
		return list->has_clipboard && is_clipboard(at, len);
	}
	if (!read_csi(&csi, at, len)) {
		return 0;
	}
	if (csi.final == 'm' && !csi.leader) {
		return sgr_is_ours(list, &csi);
	}
	for (size_t i = 0; i < list->n_shape; i++) {
		const struct shape *shape = &list->shape[i];

		if (shape->leader == csi.leader && shape->final == csi.final &&
			csi.n_param <= shape->max_params) {
			return 1;
		}
	}
	return 0;
}

static void tell(struct buf *why, const char *what, const char *bytes, size_t at, size_t end)
{
	buf_printf(why, "byte %zu of what was written: %s:", at, what);
	for (size_t i = at; i < end && i < at + 24; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		buf_printf(why, byte > 0x20 && byte < 0x7f ? " %c" : " %02x", byte);
	}
}

/* Bytes of what stands at `at` and may stand there; 0 where it may not. */
static size_t check_one(
	const struct whitelist *list, const char *bytes, size_t at, size_t len, struct buf *why)
{
	uint32_t cp;
	size_t n;

	if (bytes[at] == ESC) {
		n = literal_len(list, bytes + at, len - at);
		if (n) {
			return n;
		}
		n = sequence_len(bytes + at, len - at);
		if (n && sequence_is_ours(list, bytes + at, n)) {
			return n;
		}
		tell(why, "no sequence of ours", bytes, at, n ? at + n : len);
		return 0;
	}
	n = utf8_decode(bytes + at, len - at, &cp);
	if (!n) {
		tell(why, "no UTF-8", bytes, at, at + 1);
		return 0;
	}
	if (is_unseen(cp) && !(n == 1 && literal_len(list, bytes + at, 1))) {
		tell(why, "a character that is obeyed or not seen", bytes, at, at + n);
		return 0;
	}
	return n;
}

int whitelist_check(const struct whitelist *list, const char *bytes, size_t len, struct buf *why)
{
	for (size_t at = 0; at < len;) {
		size_t n = check_one(list, bytes, at, len, why);

		if (!n) {
			return 0;
		}
		at += n;
	}
	return 1;
}
