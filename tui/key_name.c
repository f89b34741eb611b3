#include "tui/key_name.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	enum key_special special;
	uint32_t cp;
} named[] = {
	{"Up", KEY_CURSOR_UP, 0},
	{"Down", KEY_CURSOR_DOWN, 0},
	{"Left", KEY_CURSOR_LEFT, 0},
	{"Right", KEY_CURSOR_RIGHT, 0},
	{"PgUp", KEY_PAGE_UP, 0},
	{"PgDn", KEY_PAGE_DOWN, 0},
	{"Home", KEY_LINE_HOME, 0},
	{"End", KEY_LINE_END, 0},
	{"Insert", KEY_INSERT_CHAR, 0},
	{"Delete", KEY_DELETE_CHAR, 0},
	{"BackTab", KEY_BACK_TAB, 0},
	{"Enter", KEY_NONE, '\r'},
	{"Tab", KEY_NONE, '\t'},
	{"Esc", KEY_NONE, 0x1b},
	{"Space", KEY_NONE, ' '},
	{"Backspace", KEY_NONE, 0x7f},
};

static void add_modifiers(struct buf *name, const struct key *key)
{
	buf_addstr(name, key->alt ? "M-" : "");
	buf_addstr(name, key->ctrl ? "C-" : "");
	buf_addstr(name, key->shift ? "S-" : "");
}

char *key_name(const struct key *key)
{
	struct buf name = BUF_INIT;
	char bytes[4];

	add_modifiers(&name, key);
	for (size_t i = 0; i < ARRAY_LEN(named); i++) {
		if (named[i].special == key->special && named[i].cp == key->cp) {
			buf_addstr(&name, named[i].name);
			return buf_take(&name);
		}
	}
	if (key->special == KEY_FUNCTION) {
		buf_printf(&name, "F%u", (unsigned)key->cp);
	} else if (key->special != KEY_NONE) {
		buf_addstr(&name, "?");
	} else if (key->cp < 0x20) {
		buf_printf(&name, "^%c", (int)(key->cp | 0x40));
	} else {
		buf_add(&name, bytes, utf8_encode(key->cp, bytes));
	}
	return buf_take(&name);
}

/* F1 to F12. */
static int parse_function(struct key *key, const char *name, size_t len)
{
	uint32_t number = 0;

	for (size_t i = 1; i < len; i++) {
		if (name[i] < '0' || name[i] > '9' || i > 2) {
			return -1;
		}
		number = 10 * number + (uint32_t)(name[i] - '0');
	}
	if (number < 1 || number > 12) {
		return -1;
	}
	key->special = KEY_FUNCTION;
	key->cp = number;
	return 0;
}

static int parse_named(struct key *key, const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(named); i++) {
		if (strlen(named[i].name) == len && strncmp(named[i].name, name, len) == 0) {
			key->special = named[i].special;
			key->cp = named[i].cp;
			return 0;
		}
	}
	return -1;
}

static int parse_character(struct key *key, const char *name, size_t len)
{
	uint32_t cp = 0;

	if (len == 2 && name[0] == '^') {
		char c = name[1] >= 'a' && name[1] <= 'z' ? (char)(name[1] - 'a' + 'A') : name[1];

		if (c == '?') {
			key->cp = 0x7f;
			return 0;
		}
		if (c < '@' || c > '_') {
			return -1;
		}
		key->cp = (uint32_t)(c & 0x1f);
		return 0;
	}
	if (!len || utf8_decode(name, len, &cp) != len || cp <= 0x20 || (cp >= 0x7f && cp < 0xa0)) {
		return -1;
	}
	key->cp = cp;
	return 0;
}

int key_parse(struct key *key, const char *name, size_t len)
{
	*key = (struct key){0};
	while (len > 2 && name[1] == '-') {
		int *modifier = name[0] == 'M'   ? &key->alt
				: name[0] == 'C' ? &key->ctrl
				: name[0] == 'S' ? &key->shift
						 : NULL;

		if (!modifier) {
			return -1;
		}
		*modifier = 1;
		name += 2;
		len -= 2;
	}
	if (parse_named(key, name, len) < 0 &&
		!(len > 1 && name[0] == 'F' && parse_function(key, name, len) == 0) &&
		parse_character(key, name, len) < 0) {
		return -1;
	}
	/* C-a is written ^A by whoever sends it. */
	if (key->special == KEY_NONE && key->ctrl && key->cp >= '@' && key->cp < 0x7f) {
		key->cp &= 0x1f;
		key->ctrl = 0;
	}
	return 0;
}
