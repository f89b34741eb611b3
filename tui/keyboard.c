#include "tui/keyboard.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <curses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Once more than Esc and one character came it is a sequence: its rest may take longer. */
enum { REST_MS = 250, SEQUENCE_BYTES = 64, TERMINAL_MOST = 32 };

struct sequence { /* one that terminfo says this terminal sends */
	char *bytes;
	size_t len;
	enum key_special special;
	uint32_t cp;
};
struct keyboard {
	struct buf in;
	size_t at;        /* of `in`, what was not taken yet */
	struct buf taken; /* bytes of the key that was handed out */
	int is_pasting;
	struct sequence sequence[TERMINAL_MOST];
	size_t n_sequence;
};

static const char paste_end[] = "\033[201~";

static void learn(
	struct keyboard *keyboard, const char *name, enum key_special special, uint32_t cp)
{
	char *bytes = tigetstr(name);
	struct sequence *sequence = &keyboard->sequence[keyboard->n_sequence];

	/* Of one byte it would be a character. */
	if (!bytes || bytes == (char *)-1 || bytes[0] != '\033' || !bytes[1] ||
		keyboard->n_sequence == TERMINAL_MOST) {
		return;
	}
	*sequence = (struct sequence){mem_strdup(bytes), strlen(bytes), special, cp};
	keyboard->n_sequence++;
}

static void learn_all(struct keyboard *keyboard)
{
	static const struct {
		const char *name;
		enum key_special special;
	} caps[] = {
		{"kcuu1", KEY_CURSOR_UP},
		{"kcud1", KEY_CURSOR_DOWN},
		{"kcub1", KEY_CURSOR_LEFT},
		{"kcuf1", KEY_CURSOR_RIGHT},
		{"kpp", KEY_PAGE_UP},
		{"knp", KEY_PAGE_DOWN},
		{"khome", KEY_LINE_HOME},
		{"kend", KEY_LINE_END},
		{"kich1", KEY_INSERT_CHAR},
		{"kdch1", KEY_DELETE_CHAR},
		{"kcbt", KEY_BACK_TAB},
	};

	for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
		learn(keyboard, caps[i].name, caps[i].special, 0);
	}
	for (uint32_t f = 1; f <= 12; f++) {
		char name[8];

		snprintf(name, sizeof(name), "kf%u", (unsigned)f);
		learn(keyboard, name, KEY_FUNCTION, f);
	}
}

struct keyboard *keyboard_create(void)
{
	struct keyboard *keyboard = mem_zero(1, sizeof(*keyboard));

	learn_all(keyboard);
	return keyboard;
}

void keyboard_destroy(struct keyboard *keyboard)
{
	if (!keyboard) {
		return;
	}
	for (size_t i = 0; i < keyboard->n_sequence; i++) {
		free(keyboard->sequence[i].bytes);
	}
	buf_finish(&keyboard->in);
	buf_finish(&keyboard->taken);
	free(keyboard);
}

void keyboard_feed(struct keyboard *keyboard, const char *bytes, size_t len)
{
	if (keyboard->at) {
		memmove(keyboard->in.data, keyboard->in.data + keyboard->at,
			keyboard->in.len - keyboard->at);
		keyboard->in.len -= keyboard->at;
		keyboard->at = 0;
	}
	buf_add(&keyboard->in, bytes, len);
}

/* ---- what a sequence says; each returns its length, 0 where its end has not come ---- */

static size_t read_character(struct key *key, const char *in, size_t len, int is_late)
{
	uint32_t cp = 0;
	size_t n = utf8_decode(in, len, &cp);

	if (!n) {
		if (!is_late && utf8_incomplete_tail(in, len) == len) {
			return 0;
		}
		cp = 0xfffd;
		n = 1;
	}
	key->cp = cp;
	return n;
}

static void set_modifiers(struct key *key, unsigned modifiers)
{
	unsigned bits = modifiers ? modifiers - 1 : 0;

	key->shift = (bits & 1) != 0;
	key->alt = (bits & (2 | 8 | 32)) != 0; /* Alt, Super, Meta */
	key->ctrl = (bits & 4) != 0;
}

/* A character with its modifiers, as CSI u and modifyOtherKeys say them. */
static void set_character(struct key *key, unsigned cp, unsigned modifiers)
{
	set_modifiers(key, modifiers);
	key->special = cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff) &&
				       (cp < 57344 || cp > 63743) /* its keys that write nothing */
			       ? KEY_NONE
			       : KEY_UNKNOWN;
	key->cp = cp;
	if (key->special != KEY_NONE) {
		return;
	}
	if (cp == '\t' && key->shift) {
		key->special = KEY_BACK_TAB;
		key->cp = 0;
		key->shift = 0;
	} else if (key->ctrl && ((cp >= '@' && cp < 0x7f) || cp == ' ')) {
		key->cp = cp & 0x1f;
		key->ctrl = key->shift = 0;
	} else if (cp > ' ' && cp != 0x7f) {
		key->shift = 0; /* the character says it */
	}
}

static enum key_special letter_key(char final, uint32_t *cp)
{
	*cp = 0;
	switch (final) {
	case 'A':
	case 'a':
		return KEY_CURSOR_UP;
	case 'B':
	case 'b':
		return KEY_CURSOR_DOWN;
	case 'C':
	case 'c':
		return KEY_CURSOR_RIGHT;
	case 'D':
	case 'd':
		return KEY_CURSOR_LEFT;
	case 'H':
		return KEY_LINE_HOME;
	case 'F':
		return KEY_LINE_END;
	case 'Z':
		return KEY_BACK_TAB;
	case 'P':
	case 'Q':
	case 'R':
	case 'S':
		*cp = (uint32_t)(final - 'P' + 1);
		return KEY_FUNCTION;
	default:
		return KEY_UNKNOWN;
	}
}

static enum key_special number_key(unsigned number, uint32_t *cp)
{
	static const uint8_t function[] = {
		/* 11..24 */ 1, 2, 3, 4, 5, 0, 6, 7, 8, 9, 10, 0, 11, 12};

	*cp = 0;
	switch (number) {
	case 1:
	case 7:
		return KEY_LINE_HOME;
	case 2:
		return KEY_INSERT_CHAR;
	case 3:
		return KEY_DELETE_CHAR;
	case 4:
	case 8:
		return KEY_LINE_END;
	case 5:
		return KEY_PAGE_UP;
	case 6:
		return KEY_PAGE_DOWN;
	default:
		break;
	}
	if (number >= 11 && number <= 24 && function[number - 11]) {
		*cp = function[number - 11];
		return KEY_FUNCTION;
	}
	return KEY_UNKNOWN;
}

/* Numbers between ; (the part behind a : is a detail that nothing here needs). */
static size_t read_numbers(const char *in, size_t len, unsigned *number, size_t most)
{
	size_t n = 0;
	int is_detail = 0;

	memset(number, 0, most * sizeof(*number));
	for (size_t i = 0; i < len; i++) {
		if (in[i] == ';') {
			n++;
			is_detail = 0;
		} else if (in[i] == ':') {
			is_detail = 1;
		} else if (in[i] >= '0' && in[i] <= '9' && n < most && !is_detail) {
			number[n] = number[n] > 1000000 ? number[n]
							: 10 * number[n] + (unsigned)(in[i] - '0');
		}
	}
	return n + 1 < most ? n + 1 : most;
}

/* What stands between ESC [ and its last byte. */
static void say_csi(struct key *key, const char *inner, size_t len, char final)
{
	unsigned number[3];

	key->special = KEY_UNKNOWN;
	if (len && (inner[0] < '0' || inner[0] > ';')) {
		return; /* a report or a mode, not a key */
	}
	read_numbers(inner, len, number, ARRAY_LEN(number));
	if (final == 'u') {
		set_character(key, number[0], number[1]);
	} else if (final == '~' && number[0] == 27) {
		set_character(key, number[2], number[1]);
	} else if (final == '~' || final == '^' || final == '$' || final == '@') {
		key->special = number_key(number[0], &key->cp);
		set_modifiers(key, number[1]);
		key->ctrl |= final == '^' || final == '@'; /* rxvt's */
		key->shift |= final == '$' || final == '@';
	} else {
		key->special = letter_key(final, &key->cp);
		set_modifiers(key, number[1]);
		key->shift |= final >= 'a' && final <= 'd';
		if (key->special == KEY_BACK_TAB) {
			key->shift = 0;
		}
	}
	if (key->special == KEY_UNKNOWN) {
		key->cp = 0;
	}
}

static size_t read_csi(struct key *key, const char *in, size_t len)
{
	if (len > 2 && in[2] == '[') { /* the Linux console: ESC [ [ A is F1 */
		if (len < 4) {
			return 0;
		}
		key->special = in[3] >= 'A' && in[3] <= 'E' ? KEY_FUNCTION : KEY_UNKNOWN;
		key->cp = key->special == KEY_FUNCTION ? (uint32_t)(in[3] - 'A' + 1) : 0;
		return 4;
	}
	for (size_t i = 2; i < len; i++) {
		if ((in[i] >= '@' && in[i] <= '~') || (in[i] == '$' && i > 2)) {
			say_csi(key, in + 2, i - 2, in[i]);
			return i + 1;
		}
		if (in[i] < ' ' || in[i] > '~' || i >= SEQUENCE_BYTES) {
			key->special = KEY_UNKNOWN;
			return i; /* broken off: what breaks it is a key of its own */
		}
	}
	return 0;
}

/* ESC O A; a keypad in application mode sends digits so, too. */
static size_t read_ss3(struct key *key, const char *in, size_t len)
{
	if (len < 3) {
		return 0;
	}
	if (in[2] == 'M') {
		key->cp = '\r';
	} else if (in[2] >= 'j' && in[2] <= 'y') {
		key->cp = (uint32_t)(in[2] - 'p' + '0');
	} else {
		key->special = letter_key(in[2], &key->cp);
		key->ctrl = in[2] >= 'a' && in[2] <= 'd';
	}
	return in[2] < ' ' || in[2] > '~' ? 2 : 3;
}

static size_t read_known(
	const struct keyboard *keyboard, struct key *key, const char *in, size_t len, int *may_be)
{
	size_t best = 0;

	for (size_t i = 0; i < keyboard->n_sequence; i++) {
		const struct sequence *sequence = &keyboard->sequence[i];

		if (sequence->len > len) {
			*may_be |= memcmp(sequence->bytes, in, len) == 0;
		} else if (sequence->len > best &&
			   memcmp(sequence->bytes, in, sequence->len) == 0) {
			best = sequence->len;
			key->special = sequence->special;
			key->cp = sequence->cp;
		}
	}
	return best;
}

static size_t read_escape(
	const struct keyboard *keyboard, struct key *key, const char *in, size_t len, int is_late)
{
	int may_be = 0;
	size_t n = read_known(keyboard, key, in, len, &may_be);

	if (n) {
		return n;
	}
	if (len == 1 || (len > 1 && in[1] == '\033' && len == 2)) {
		key->cp = 0x1b;
		return is_late ? 1 : 0;
	}
	if (in[1] == '[' || in[1] == 'O') {
		n = in[1] == '[' ? read_csi(key, in, len) : read_ss3(key, in, len);
		if (n || !is_late) {
			return n;
		}
		if (len > 2) {
			key->special = KEY_UNKNOWN; /* its end never came */
			return len;
		}
	} else if (may_be && !is_late) {
		return 0;
	} else if (in[1] == '\033') { /* Alt and a key that is a sequence, or Esc twice */
		n = in[2] == '[' || in[2] == 'O'
			    ? read_escape(keyboard, key, in + 1, len - 1, is_late)
			    : 0;
		key->alt = 1;
		if (n || (!is_late && (in[2] == '[' || in[2] == 'O'))) {
			return n ? n + 1 : 0;
		}
		*key = (struct key){.cp = 0x1b};
		return 1;
	}
	n = read_character(key, in + 1, len - 1, is_late);
	key->alt = 1;
	return n ? n + 1 : 0;
}

/* ---- pastes ---- */

/* How many bytes at the end may be the beginning of the paste's end. */
static size_t paste_tail(const char *in, size_t len)
{
	size_t most = len < sizeof(paste_end) - 2 ? len : sizeof(paste_end) - 2;

	for (size_t n = most; n; n--) {
		if (memcmp(in + len - n, paste_end, n) == 0) {
			return n;
		}
	}
	return 0;
}

static int next_piece(struct keyboard *keyboard, struct key *key)
{
	const char *in = keyboard->in.data + keyboard->at;
	size_t len = keyboard->in.len - keyboard->at, n, skip = 0;
	const char *end = len ? memmem(in, len, paste_end, sizeof(paste_end) - 1) : NULL;

	if (end) {
		n = (size_t)(end - in);
		skip = sizeof(paste_end) - 1;
		keyboard->is_pasting = 0;
	} else {
		n = len - paste_tail(in, len);
		n -= utf8_incomplete_tail(in, n);
		if (!n) {
			return 0;
		}
	}
	buf_clear(&keyboard->taken);
	buf_add(&keyboard->taken, in, n);
	keyboard->at += n + skip;
	*key = (struct key){.special = KEY_PASTE,
		.bytes = buf_str(&keyboard->taken),
		.len = n,
		.is_last = end != NULL};
	return 1;
}

/* ---- keys ---- */

/* What readline is to see: a key that came as CSI u says the same in the old way. */
static void keep_bytes(struct keyboard *keyboard, struct key *key, const char *in, size_t n)
{
	char bytes[4];

	buf_clear(&keyboard->taken);
	if (n > 2 && in[0] == '\033' && key->special == KEY_NONE) {
		if (key->alt) {
			buf_addch(&keyboard->taken, '\033');
		}
		buf_add(&keyboard->taken, bytes, utf8_encode(key->cp, bytes));
	} else {
		buf_add(&keyboard->taken, in, n);
	}
	key->bytes = buf_str(&keyboard->taken);
	key->len = keyboard->taken.len;
}

static int wait_for_rest(const char *in, size_t len)
{
	return in[0] == '\033' && len < 3 ? KEYBOARD_ESC_MS : REST_MS;
}

int keyboard_next(struct keyboard *keyboard, int is_late, struct key *key, int *wait_ms)
{
	static const char paste_begin[] = "\033[200~";
	const char *in;
	size_t len, n;

	*wait_ms = -1;
	if (keyboard->is_pasting) {
		return next_piece(keyboard, key);
	}
	len = keyboard->in.len - keyboard->at;
	if (!len) {
		return 0;
	}
	in = keyboard->in.data + keyboard->at;
	if (len >= sizeof(paste_begin) - 1 &&
		memcmp(in, paste_begin, sizeof(paste_begin) - 1) == 0) {
		keyboard->at += sizeof(paste_begin) - 1;
		keyboard->is_pasting = 1;
		return next_piece(keyboard, key);
	}
	*key = (struct key){0};
	n = in[0] == '\033' ? read_escape(keyboard, key, in, len, is_late)
			    : read_character(key, in, len, is_late);
	if (!n) {
		*wait_ms = wait_for_rest(in, len);
		return 0;
	}
	keep_bytes(keyboard, key, in, n);
	keyboard->at += n;
	return 1;
}
