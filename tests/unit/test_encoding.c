/* Text in any encoding becomes UTF-8: what is UTF-8 stays as it is, what is no text is refused. */
#include "loaders/format/encoding.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct read_options options = {.subdir = "", .n_share = 1};

static const char *decode(struct buf *text, const char *bytes, size_t len)
{
	struct input input = {"a.txt", bytes, len, -1, &options};

	buf_clear(text);
	return encoding_to_utf8(text, &input);
}

static void check(
	const char *name, const char *bytes, size_t len, const char *utf8, size_t utf8_len)
{
	struct buf text = BUF_INIT;
	const char *found = decode(&text, bytes, len);

	assert_non_null(found);
	assert_string_equal(name, found);
	assert_int_equal(utf8_len, text.len);
	assert_memory_equal(utf8, buf_str(&text), utf8_len);
	buf_finish(&text);
}
#define CHECK(name, bytes, utf8) check(name, bytes, sizeof(bytes) - 1, utf8, sizeof(utf8) - 1)
#define KEPT(bytes)              CHECK("UTF-8", bytes, bytes)

static void utf8_is_kept_byte_for_byte(void **state)
{
	KEPT("");
	KEPT("plain\r\nASCII\f\n\x1b[1mbold\x1b[0m n\bno");
	KEPT("\xef\xbb\xbfwith a mark");
	KEPT("\xef\xbb\xbfwith a mark and a stray \xff");
	KEPT("Stra\xc3\x9f"
	     "e, K\xc3\xb6ln, \xe2\x82\xac 5, na\xc3\xafve: one stray \xe9 stays");
	KEPT("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e cut off in the middle \xe6\x97");
}

static void marks_and_nuls_tell_utf16_and_utf32(void **state)
{
	CHECK("UTF-16LE",
		"\xff\xfe"
		"a\0\xe9\0\xac\x20",
		"a\xc3\xa9\xe2\x82\xac");
	CHECK("UTF-16BE",
		"\xfe\xff\0"
		"a\0\xe9\x20\xac",
		"a\xc3\xa9\xe2\x82\xac");
	CHECK("UTF-32LE", "\xff\xfe\0\0a\0\0\0\x48\xf6\1\0", "a\xf0\x9f\x99\x88");
	CHECK("UTF-32BE",
		"\0\0\xfe\xff\0\0\0"
		"a\0\1\xf6\x48",
		"a\xf0\x9f\x99\x88");
	CHECK("UTF-16LE", "a\0b\0c\0\n\0", "abc\n");
	CHECK("UTF-16BE", "\0a\0b\0c\0\n", "abc\n");
	CHECK("UTF-32LE", "a\0\0\0b\0\0\0c\0\0\0", "abc");
	CHECK("UTF-32BE", "\0\0\0a\0\0\0b\0\0\0c", "abc");
	/* an unpaired surrogate and half a unit at the end */
	CHECK("UTF-16LE",
		"\xff\xfe"
		"a\0\0\xd8"
		"b\0"
		"c",
		"a\xef\xbf\xbd"
		"b\xef\xbf\xbd");
}

static void what_is_no_text_is_refused(void **state)
{
	struct buf text = BUF_INIT;
	char noise[4096];

	assert_null(decode(&text, "a\0b\n", 4));
	assert_null(decode(&text, "\0\0\0\0\0\0\0\0", 8));
	assert_null(decode(&text, "\x7f\x45LF\2\1\1\0\0\0\0\0\0\0\0\0\3\0\x3e\0", 20));
	for (size_t i = 0; i < sizeof(noise); i++) {
		noise[i] = (char)(1 + i * 7919 % 255); /* no NUL, but every control */
	}
	assert_null(decode(&text, noise, sizeof(noise)));
	assert_int_equal(0, text.len);
	buf_finish(&text);
}

static void shifts_tell_iso_2022(void **state)
{
	CHECK("ISO-2022-JP", "\x1b$B$3$s$K$A$O\x1b(B!\n",
		"\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf!\n");
	KEPT("\x1b$ is an escape in a log \x1b[0m\n");
}

/* The same bytes are other letters in each: what a language writes decides. */
static void a_few_accents_tell_the_latin_encodings(void **state)
{
	CHECK("windows-1252", "caf\xe9", "caf\xc3\xa9");
	CHECK("windows-1252", "5 \x80 for the reader", "5 \xe2\x82\xac for the reader");
	CHECK("windows-1252", "le fichier est vide \xe0 la fin",
		"le fichier est vide \xc3\xa0 la fin");
	CHECK("windows-1250",
		"plik nie mo\xbf"
		"e by\xe6 pusty",
		"plik nie mo\xc5\xbc"
		"e by\xc4\x87 pusty");
	CHECK("ISO-8859-2", "soubor nebo adres\xe1\xf8 u\xbe je",
		"soubor nebo adres\xc3\xa1\xc5\x99 u\xc5\xbe je");
	CHECK("ISO-8859-15", "5 \xa4 pour le c\xbdur", "5 \xe2\x82\xac pour le c\xc5\x93ur");
	/* a list of changes in English with the names of those who asked for them */
	CHECK("windows-1252",
		"the fix of the test is for Miguel Mu\xf1oz, and the rest is from Marko "
		"K\xe4\xf5\n",
		"the fix of the test is for Miguel Mu\xc3\xb1oz, and the rest is from Marko "
		"K\xc3\xa4\xc3\xb5\n");
	/* so many accents that statistics answer, which take it for ISO-8859-2 */
	CHECK("windows-1250",
		"P\xf8\xedli\x9a \x9elu\x9dou\xe8k\xfd k\xf9\xf2 \xfap\xecl \xef\xe1"
		"belsk\xe9 "
		"\xf3"
		"dy",
		"P\xc5\x99\xc3\xadli\xc5\xa1 \xc5\xbelu\xc5\xa5ou\xc4\x8dk\xc3\xbd "
		"k\xc5\xaf\xc5\x88"
		" \xc3\xbap\xc4\x9bl \xc4\x8f\xc3\xa1"
		"belsk\xc3\xa9 \xc3\xb3"
		"dy");
	CHECK("windows-1254", "bu dosya bo\xfe ve yaz\xfdlamaz",
		"bu dosya bo\xc5\x9f ve yaz\xc4\xb1lamaz");
}

static void other_scripts_are_told_by_their_letters(void **state)
{
	CHECK("windows-1251", "\xd4\xe0\xe9\xeb \xed\xe5 \xed\xe0\xe9\xe4\xe5\xed\n",
		"\xd0\xa4\xd0\xb0\xd0\xb9\xd0\xbb \xd0\xbd\xd0\xb5 "
		"\xd0\xbd\xd0\xb0\xd0\xb9\xd0\xb4\xd0\xb5\xd0\xbd\n");
	CHECK("KOI8-R",
		"\xe6\xc1\xca\xcc \xce\xc5 \xce\xc1\xca\xc4\xc5\xce: \xd4\xc1\xcb\xcf\xc7\xcf "
		"\xc6\xc1\xca\xcc\xc1 \xc9\xcc\xc9 \xcb\xc1\xd4\xc1\xcc\xcf\xc7\xc1 "
		"\xce\xc5\xd4.\n",
		"\xd0\xa4\xd0\xb0\xd0\xb9\xd0\xbb \xd0\xbd\xd0\xb5 "
		"\xd0\xbd\xd0\xb0\xd0\xb9\xd0\xb4\xd0\xb5\xd0\xbd: "
		"\xd1\x82\xd0\xb0\xd0\xba\xd0\xbe\xd0\xb3\xd0\xbe "
		"\xd1\x84\xd0\xb0\xd0\xb9\xd0\xbb\xd0\xb0 \xd0\xb8\xd0\xbb\xd0\xb8 "
		"\xd0\xba\xd0\xb0\xd1\x82\xd0\xb0\xd0\xbb\xd0\xbe\xd0\xb3\xd0\xb0 "
		"\xd0\xbd\xd0\xb5\xd1\x82.\n");
	CHECK("Shift_JIS",
		"\x82\xb1\x82\xea\x82\xcd\x93\xfa\x96{\x8c\xea\x82\xc5\x82\xb7\x81"
		"B",
		"\xe3\x81\x93\xe3\x82\x8c\xe3\x81\xaf\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81"
		"\xa7\xe3\x81\x99\xe3\x80\x82");
	CHECK("GB18030", "press \xd1\xa1\xcf\xee now", "press \xe9\x80\x89\xe9\xa1\xb9 now");
}

/* Two bytes say nothing of themselves; the first lines of the file do. */
static void a_text_may_say_its_encoding(void **state)
{
	CHECK("Big5", "<?xml version=\"1.0\" encoding=\"big5\"?>\n<a>\xa4\xf4</a>",
		"<?xml version=\"1.0\" encoding=\"big5\"?>\n<a>\xe6\xb0\xb4</a>");
	CHECK("EUC-JP", "#!/x\n# -*- coding: euc-jp -*-\n\xbf\xe5\n",
		"#!/x\n# -*- coding: euc-jp -*-\n\xe6\xb0\xb4\n");
	CHECK("windows-1252", "# coding: euc-jp\ncaf\xe9 au lait\n",
		"# coding: euc-jp\ncaf\xc3\xa9 au lait\n");
	CHECK("windows-1252", "# coding: nonsense\ncaf\xe9 au lait\n",
		"# coding: nonsense\ncaf\xc3\xa9 au lait\n");
}

static void a_declared_charset_is_converted(void **state)
{
	struct buf text = BUF_INIT;

	assert_string_equal("windows-1252", encoding_convert(&text, "\x93q\x94", 3, "iso-8859-1"));
	assert_string_equal("\xe2\x80\x9cq\xe2\x80\x9d", text.data);
	assert_null(encoding_convert(&text, "a", 1, "no-such-charset"));
	assert_string_equal("\xe2\x80\x9cq\xe2\x80\x9d", text.data);
	assert_string_equal("EUC-KR", encoding_convert(&text, "\xb0\xa1\xff", 3, "ks_c_5601-1987"));
	assert_string_equal("\xe2\x80\x9cq\xe2\x80\x9d\xea\xb0\x80\xef\xbf\xbd", text.data);
	buf_finish(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_is_kept_byte_for_byte),
		cmocka_unit_test(marks_and_nuls_tell_utf16_and_utf32),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(shifts_tell_iso_2022),
		cmocka_unit_test(a_few_accents_tell_the_latin_encodings),
		cmocka_unit_test(other_scripts_are_told_by_their_letters),
		cmocka_unit_test(a_text_may_say_its_encoding),
		cmocka_unit_test(a_declared_charset_is_converted),
	};

	return cmocka_run_group_tests_name("encoding", tests, NULL, NULL);
}
