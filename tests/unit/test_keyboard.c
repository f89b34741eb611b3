/* Bytes of terminals as keys: whole, in pieces, and whatever else comes down a line. */
#include "tui/keyboard.h"

#include "base/buf.h"
#include "base/rng.h"
#include "tui/key_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Every key there is, by name, parted by spaces; a paste as [its bytes]. */
static void read_all(struct keyboard *keyboard, int is_late, struct buf *out)
{
	struct key key;
	int wait_ms;

	while (keyboard_next(keyboard, is_late, &key, &wait_ms)) {
		char *name = key_name(&key);

		buf_addstr(out, out->len ? " " : "");
		if (key.special == KEY_PASTE) {
			buf_printf(
				out, "[%.*s]%s", (int)key.len, key.bytes, key.is_last ? "." : "");
		} else {
			buf_addstr(out, name);
		}
		free(name);
	}
}

static void reads(const char *bytes, const char *expected)
{
	struct keyboard *keyboard = keyboard_create();
	struct buf all = BUF_INIT, one = BUF_INIT;

	keyboard_feed(keyboard, bytes, strlen(bytes));
	read_all(keyboard, 0, &all);
	read_all(keyboard, 1, &all);
	assert_string_equal(buf_str(&all), expected);
	/* Byte by byte the keys are the same, but for pastes, which come as they come. */
	for (size_t i = 0; i < strlen(bytes); i++) {
		keyboard_feed(keyboard, bytes + i, 1);
		read_all(keyboard, 0, &one);
	}
	read_all(keyboard, 1, &one);
	if (!strstr(bytes, "\033[200~")) {
		assert_string_equal(buf_str(&one), expected);
	}
	buf_finish(&all);
	buf_finish(&one);
	keyboard_destroy(keyboard);
}

static void characters_and_control_characters_are_themselves(void **state)
{
	reads("aZ \r\t\x7f", "a Z Space Enter Tab Backspace");
	reads("\x01\x1a\n", "^A ^Z ^J");
	reads("\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x91\xa9", "\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x91\xa9");
}

static void what_is_no_utf8_is_a_replacement_character(void **state)
{
	reads("\xff"
	      "a\xe6\xbc"
	      "b",
		"\xef\xbf\xbd a \xef\xbf\xbd \xef\xbf\xbd b");
	reads("\xc3", "\xef\xbf\xbd");
}

static void keys_of_xterm_vt220_rxvt_tmux_and_the_linux_console_are_known(void **state)
{
	reads("\033[A\033OB\033[C\033OD", "Up Down Right Left");
	reads("\033[H\033[F\033[1~\033[4~\033OH\033[8~", "Home End Home End Home End");
	reads("\033[5~\033[6~\033[2~\033[3~", "PgUp PgDn Insert Delete");
	reads("\033OP\033[11~\033[[A\033[15~\033[24~\033[21~", "F1 F1 F1 F5 F12 F10");
	reads("\033[Z", "BackTab");
	reads("\033[1;5C\033[1;2A\033[1;3D\033[5;5~\033[1;5P", "C-Right S-Up M-Left C-PgUp C-F1");
	reads("\033[5^\033[3$\033Oa\033[b", "C-PgUp S-Delete C-Up S-Down");
}

static void csi_u_and_modify_other_keys_are_known(void **state)
{
	reads("\033[97;5u", "^A");
	reads("\033[13;2u", "S-Enter");
	reads("\033[13;3u\033[27;2;13~", "M-Enter S-Enter");
	reads("\033[9;2u\033[27u", "BackTab Esc");
	reads("\033[97;1:1u\033[65;2u", "a A");
	reads("\033[57358u", "?"); /* Caps Lock writes nothing */
}

static void escape_alone_is_a_key_and_before_a_key_is_alt(void **state)
{
	reads("\033", "Esc");
	reads("\033\033", "Esc Esc");
	reads("\033a\033\r\033\x7f", "M-a M-Enter M-Backspace");
	reads("\033\xc3\xa9", "M-\xc3\xa9");
	reads("\033\033[A", "M-Up");
}

static void a_lone_escape_waits_until_it_is_late(void **state)
{
	struct keyboard *keyboard = keyboard_create();
	struct key key;
	int wait_ms;

	keyboard_feed(keyboard, "\033", 1);
	assert_false(keyboard_next(keyboard, 0, &key, &wait_ms));
	assert_int_equal(wait_ms, KEYBOARD_ESC_MS);
	keyboard_feed(keyboard, "[", 1);
	assert_false(keyboard_next(keyboard, 0, &key, &wait_ms));
	keyboard_feed(keyboard, "1;5", 3);
	assert_false(keyboard_next(keyboard, 0, &key, &wait_ms));
	assert_true(wait_ms > KEYBOARD_ESC_MS); /* it is a sequence: a slow line gets its time */
	keyboard_feed(keyboard, "C", 1);
	assert_true(keyboard_next(keyboard, 0, &key, &wait_ms));
	assert_int_equal(key.special, KEY_CURSOR_RIGHT);
	assert_true(key.ctrl);
	assert_false(keyboard_next(keyboard, 0, &key, &wait_ms));
	assert_int_equal(wait_ms, -1);
	keyboard_destroy(keyboard);
}

static void a_sequence_that_nobody_knows_is_swallowed_whole(void **state)
{
	reads("\033[?62;22c\033[99~\033[<0;1;1Mx", "? ? ? x");
}

static void the_line_sees_old_bytes_for_new_sequences(void **state)
{
	struct keyboard *keyboard = keyboard_create();
	struct key key;
	int wait_ms;

	keyboard_feed(keyboard, "\033[97;5u\033[97;3u\033[D", 17);
	assert_true(keyboard_next(keyboard, 0, &key, &wait_ms));
	assert_int_equal(key.len, 1);
	assert_memory_equal(key.bytes, "\001", 1);
	assert_true(keyboard_next(keyboard, 0, &key, &wait_ms));
	assert_int_equal(key.len, 2);
	assert_memory_equal(key.bytes, "\033a", 2);
	assert_true(keyboard_next(keyboard, 0, &key, &wait_ms));
	assert_int_equal(key.len, 3);
	assert_memory_equal(key.bytes, "\033[D", 3);
	keyboard_destroy(keyboard);
}

static void a_paste_comes_in_pieces_whatever_stands_in_it(void **state)
{
	reads("\033[200~a\033[Ab\x03\033[201~c", "[a\033[Ab\x03]. c");
	reads("\033[200~\033[201~x", "[]. x");
}

static void a_paste_that_is_slow_is_handed_out_as_it_comes(void **state)
{
	struct keyboard *keyboard = keyboard_create();
	struct buf keys = BUF_INIT;
	static const char *const piece[] = {
		"\033[200~one\xc3", "\xa9 two\033[20", "0~\033[2", "01~x"};

	for (size_t i = 0; i < 4; i++) {
		keyboard_feed(keyboard, piece[i], strlen(piece[i]));
		read_all(keyboard, 0, &keys);
		read_all(keyboard, 1, &keys); /* late or not, a paste goes on */
	}
	/* The character that was cut is whole, and so is what only looked like the end. */
	assert_string_equal(buf_str(&keys), "[one] [\xc3\xa9 two] [\033[200~] []. x");
	buf_finish(&keys);
	keyboard_destroy(keyboard);
}

static void any_bytes_end_and_none_is_kept_for_ever(void **state)
{
	static const char likely[] = "\033\033\033[[O0123;;~u<ABCDPZm\xc3\xa9\xff\x80 a$^";

	for (uint64_t round = 0; round < 2000; round++) {
		struct keyboard *keyboard = keyboard_create();
		struct key key;
		char bytes[40];
		int wait_ms, n = 0;

		for (size_t i = 0; i < sizeof(bytes); i++) {
			bytes[i] = likely[(size_t)(rng_uniform(round, i) * (sizeof(likely) - 1))];
		}
		keyboard_feed(keyboard, bytes, sizeof(bytes));
		while (keyboard_next(keyboard, 1, &key, &wait_ms)) {
			assert_true(++n <= (int)sizeof(bytes));
		}
		assert_int_equal(wait_ms, -1); /* all of it is taken */
		keyboard_destroy(keyboard);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters_and_control_characters_are_themselves),
		cmocka_unit_test(what_is_no_utf8_is_a_replacement_character),
		cmocka_unit_test(keys_of_xterm_vt220_rxvt_tmux_and_the_linux_console_are_known),
		cmocka_unit_test(csi_u_and_modify_other_keys_are_known),
		cmocka_unit_test(escape_alone_is_a_key_and_before_a_key_is_alt),
		cmocka_unit_test(a_lone_escape_waits_until_it_is_late),
		cmocka_unit_test(a_sequence_that_nobody_knows_is_swallowed_whole),
		cmocka_unit_test(the_line_sees_old_bytes_for_new_sequences),
		cmocka_unit_test(a_paste_comes_in_pieces_whatever_stands_in_it),
		cmocka_unit_test(a_paste_that_is_slow_is_handed_out_as_it_comes),
		cmocka_unit_test(any_bytes_end_and_none_is_kept_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
