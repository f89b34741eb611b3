/* Subtitles: SubRip and WebVTT as people have them. */
#include "tests/unit/transcript_fixture.h"

#include "base/mem.h"
#include "base/rng.h"

#include <stdio.h>

#include <cmocka.h>

#define T1 "00:00:01,000 --> 00:00:03,000\n"
#define T2 "00:01:04,000 --> 00:01:06,500\n"

struct row {
	const char *path, *data, *want;
};

#define CHECK_ROWS(rows)                                                                           \
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {                                             \
		check_transcript(rows[i].path, rows[i].data, rows[i].want);                        \
	}

static void subrip_is_read_as_its_writers_write_it(void **state)
{
	static const struct row row[] = {
		{"a.srt", "1\n" T1 "Hello there.\n\n2\n" T2 "And bye.\n",
			"1000||Hello there.\n64000||And bye.\n"},
		/* CRLF and a byte order mark; CR alone */
		{"a.srt",
			"\xef\xbb\xbf"
			"1\r\n00:00:01,000 --> 00:00:03,000\r\nA\r\nB\r\n\r\n",
			"1000||A B\n"},
		{"a.srt",
			"1\r00:00:01,000 --> 00:00:03,000\rA\r\r2\r00:01:00,000 --> "
			"00:01:01,000\rB",
			"1000||A\n60000||B\n"},
		/* without numbers; without blank lines; with neither */
		{"a.srt", T1 "A\n\n" T2 "B\n", "1000||A\n64000||B\n"},
		{"a.srt", "1\n" T1 "A\n2\n" T2 "B\n", "1000||A\n64000||B\n"},
		{"a.srt", T1 "A\n" T2 "B\n", "1000||A\n64000||B\n"},
		/* a number that is said is no number of a cue */
		{"a.srt", "1\n" T1 "42\n\n2\n" T2 "is it\n", "1000||42\n64000||is it\n"},
		{"a.srt", T1 "42\n\n" T2 "is it\n", "1000||42\n64000||is it\n"},
		/* a blank line in a cue ends nothing */
		{"a.srt", "1\n" T1 "A\n\nB\n\n2\n" T2 "C\n", "1000||A B\n64000||C\n"},
		/* points, short hours, settings, no end, no space */
		{"a.srt", "1\n0:00:01.5 --> 0:00:02.25 X1:40 X2:600\nA\n", "1500||A\n"},
		{"a.srt", "1\n00:00:01,000-->00:00:02,000\nA\n", "1000||A\n"},
		{"a.srt", "1\n" T1 "A\n\n2\n00:01:00,000 --> ?\nB\n", "1000||A\n60000||B\n"},
		{"a.srt", "1\n" T1 "a --> b\n", "1000||a --> b\n"},
		/* YouTube's SBV */
		{"a.sbv", "0:00:01.500,0:00:03.000\nA\nb.\n\n0:01:00.000,0:01:02.000\nC\n",
			"1500||A b.\n60000||C\n"},
		/* tags that are known go, others are words */
		{"a.srt", "1\n" T1 "{\\an8}<i>Hi</i> <font color=\"#fff\">you</font> <3 <x> {y}\n",
			"1000||Hi you <3 <x> {y}\n"},
		{"a.srt", "1\n" T1 "1 < 2 <i &amp; <b\n", "1000||1 < 2 <i &amp; <b\n"},
		/* empty cues are none */
		{"a.srt", "1\n" T1 "\n2\n" T2 "<i></i>\n\n3\n00:02:00,000 --> 00:02:01,000\nC\n",
			"120000||C\n"},
		{"a.srt", "1\n" T1 "\n", "is a transcript without any words\n"},
		/* what stands in front of the first cue */
		{"a.srt", "Subtitles by X\n\n1\n" T1 "A\n", "-1||Subtitles by X|line 1\n1000||A\n"},
	};

	CHECK_ROWS(row);
}

static void times_are_kept_as_they_are_given(void **state)
{
	static const struct row row[] = {
		/* out of order, over 99 hours, negative */
		{"a.srt",
			"1\n00:10:00,000 --> 00:10:01,000\nA\n\n2\n00:05:00,000 --> "
			"00:05:01,000\nB\n",
			"600000||A\n300000||B\n"},
		{"a.srt", "1\n123:00:00,000 --> 123:00:01,000\nA\n", "442800000||A\n"},
		{"a.srt", "1\n-00:00:01,000 --> 00:00:01,000\nA\n\n2\n" T2 "B\n",
			"-1||A|line 2\n64000||B\n"},
		/* what is no time begins no cue */
		{"a.srt", "1\n" T1 "A\n\n00:61:00,000 --> 00:62:00,000\nB\n",
			"1000||A B\nhas 1 damaged timing, left out: the words below "
			"stand "
			"with the time before: line 5\n"},
		{"a.srt",
			"1\n" T1 "A\n\n2\n00:00:xx,000 --> 00:00:09,000\nB\n\n3\n" T2
			"x\n4 --> 5 is no timing\n",
			"1000||A B\n64000||x 4 --> 5 is no timing\nhas 1 damaged timing, "
			"left "
			"out: the words below stand with the time before: line 6\n"},
		{"a.srt", "1\n" T1 "A\n\n9999999999:00:00 --> 1:00\nB\n",
			"1000||A B\nhas 1 damaged timing, left out: the words below "
			"stand "
			"with the time before: line 5\n"},
	};

	CHECK_ROWS(row);
}

static void webvtt_is_read_as_it_is_specified(void **state)
{
	static const struct row row[] = {
		{"a.vtt", "WEBVTT\n\n00:01.000 --> 00:03.000\nHello\n", "1000||Hello\n"},
		{"a.vtt",
			"WEBVTT - of a meeting\nKind: captions\nLanguage: en\n\nNOTE\nnot\nthis\n\n"
			"STYLE\n::cue { color: red }\n\nREGION\nid:fred\n\nintro\n"
			"00:00:01.000 --> 00:00:03.000 align:start position:0%\nHello\n\n"
			"NOTE nor this\n\n17\n100:00:00.000 --> 100:00:01.000\nBye\nbye\n",
			"1000||Hello\n360000000||Bye bye\n"},
		/* entities, classes, ruby, timestamps in the text */
		{"a.vtt",
			"WEBVTT\n\n00:01.000 --> 00:03.000\n<c.loud>R&amp;D</c> &lt;i&gt; "
			"<00:00:02.000>a&nbsp;b &#x263a; <lang en>x</lang> 1 < 2\n",
			"1000||R&D <i> a\xc2\xa0"
			"b \xe2\x98\xba x 1 < 2\n"},
		/* voices */
		{"a.vtt",
			"WEBVTT\n\n00:01.000 --> 00:03.000\n<v Ana>Yes.</v>\n<v.loud Bo &amp; C>No."
			"\n\n00:20.000 --> 00:21.000\nNobody\n",
			"1000|Ana|Yes.\n1000|Bo & C|No.\n20000||Nobody\n"},
		/* what Teams and Zoom write */
		{"Meeting.vtt",
			"WEBVTT\r\n\r\n3c5d2f4e-1/7-0\r\n00:00:05.190 --> 00:00:07.350\r\n"
			"<v Ana Smith>Shall we\r\nbegin?</v>\r\n\r\n3c5d2f4e-1/8-0\r\n"
			"00:00:07.400 --> 00:00:09.000\r\n<v Bo Li>Yes.</v>\r\n",
			"5190|Ana Smith|Shall we begin?\n7400|Bo Li|Yes.\n"},
		{"GMT2024_Recording.transcript.vtt",
			"WEBVTT\r\n\r\n1\r\n00:00:05.190 --> 00:00:07.350\r\nAna Smith: Shall "
			"we?\r\n"
			"\r\n2\r\n00:00:08.000 --> 00:00:09.000\r\nBo Li: Note: yes.\r\n\r\n3\r\n"
			"00:00:10.000 --> 00:00:11.000\r\nAna Smith: Good.\r\n\r\n4\r\n"
			"00:00:12.000 --> 00:00:13.000\r\nBo Li: Go.\r\n",
			"5190|Ana Smith|Shall we?\n8000|Bo Li|Note: yes.\n"
			"10000|Ana Smith|Good.\n12000|Bo Li|Go.\n"},
		/* a blank line in a cue: the words are kept, though the specification drops them */
		{"a.vtt",
			"WEBVTT\n\n00:01.000 --> 00:03.000\nA\n\nB\n\nx\n01:00.000 --> "
			"01:01.000\nC\n",
			"1000||A B\n60000||C\n"},
		{"a.txt", "WEBVTT\n\n00:01.000 --> 00:03.000\nHello\n", "1000||Hello\n"},
	};

	CHECK_ROWS(row);
}

static void chapters_are_headings(void **state)
{
	check_transcript("a.vtt",
		"WEBVTT\nKind: chapters\n\n00:00.000 --> 10:00.000\nThe ring\n\n"
		"10:00.000 --> 20:00.000\nThe\nmesh\n",
		"0||The ring\n600000||The mesh\n# The ring -> 0\n# The mesh -> 1\n");
}

static void speakers_are_those_that_stand_before_a_colon(void **state)
{
	static const struct row row[] = {
		{"a.srt", "1\n" T1 "- Ana: Hello.\n- Bo: Hi.\n", "1000|Ana|Hello.\n1000|Bo|Hi.\n"},
		{"a.srt", "1\n" T1 "- Hello.\n- Hi.\n", "1000||- Hello. - Hi.\n"},
		{"a.srt", "1\n" T1 "ANA: Hello.\n\n2\n" T2 ">> BO LI: Hi.\n",
			"1000|ANA|Hello.\n64000|BO LI|Hi.\n"},
		{"a.srt", "1\n" T1 "He said\nAna: come here.\n", "1000||He said Ana: come here.\n"},
		{"a.srt", "1\n" T1 "Dr. Ana van Dyk: A\n\n2\n" T2 "Dr. Ana van Dyk: B\n",
			"1000|Dr. Ana van Dyk|A\n64000|Dr. Ana van Dyk|B\n"},
		/* labels, clocks and links are no speakers, however often */
		{"a.srt", "1\n" T1 "Note: A 10:30\n\n2\n" T2 "Note: B https://x\n",
			"1000||Note: A 10:30\n64000||Note: B https://x\n"},
	};

	CHECK_ROWS(row);
}

static void captions_that_scroll_say_each_word_once(void **state)
{
	static const struct row row[] = {
		/* YouTube's WebVTT: two lines, the first one from before, and a flash between */
		{"a.vtt",
			"WEBVTT\nKind: captions\nLanguage: en\n\n"
			"00:00:00.160 --> 00:00:02.389 align:start position:0%\n \n"
			"so<00:00:00.320><c> the</c><00:00:00.560><c> ring</c>\n\n"
			"00:00:02.389 --> 00:00:02.399 align:start position:0%\nso the ring\n \n\n"
			"00:00:02.399 --> 00:00:04.789 align:start position:0%\nso the ring\n"
			"is<00:00:02.560><c> built</c>\n\n"
			"00:00:04.789 --> 00:00:04.799 align:start position:0%\nis built\n \n\n"
			"00:00:04.799 --> 00:00:06.000 align:start position:0%\nis built\nin "
			"init\n",
			"160||so the ring is built in init\n"},
		/* the same as SubRip; and words that come one by one */
		{"a.srt",
			"1\n00:00:00,000 --> 00:00:02,000\nthe ring\n\n"
			"2\n00:00:02,000 --> 00:00:04,000\nthe ring\nis built\n\n"
			"3\n00:00:04,000 --> 00:00:06,000\nis built\nin init\n",
			"0||the ring is built in init\n"},
		{"a.srt",
			"1\n00:00:00,000 --> 00:00:01,000\nthe\n\n"
			"2\n00:00:01,000 --> 00:00:02,000\nthe ring\n\n"
			"3\n00:00:02,000 --> 00:00:03,000\nthe ring is\n",
			"0||the ring is\n"},
		/* who says the same twice has said it twice */
		{"a.srt",
			"1\n00:00:00,000 --> 00:00:01,000\nGo!\n\n2\n00:00:01,000 --> "
			"00:00:02,000\n"
			"Go!\n\n3\n00:00:02,000 --> 00:00:03,000\nGo!\n",
			"0||Go! Go! Go!\n"},
	};

	CHECK_ROWS(row);
}

static void captions_of_one_speaker_are_merged_within_ten_seconds(void **state)
{
	static const struct row row[] = {
		/* a sentence that ends behind the fifth second ends the part */
		{"a.srt",
			"00:00:00,000 --> 00:00:03,000\nA.\n\n00:00:03,000 --> 00:00:06,000\nB.\n\n"
			"00:00:06,000 --> 00:00:09,000\nC.\n\n00:00:09,000 --> 00:00:12,000\nd\n\n"
			"00:00:12,000 --> 00:00:15,000\ne\n",
			"0||A. B.\n6000||C. d e\n"},
		{"a.srt",
			"00:00:00,000 --> 00:00:03,000\na\n\n00:00:05,000 --> 00:00:06,000\nb\n\n"
			"00:00:06,500 --> 00:00:09,000\nc\n\n00:00:10,000 --> 00:00:12,000\nd\n",
			"0||a b c\n10000||d\n"},
		/* a pause, another speaker, a time before */
		{"a.srt", "00:00:00,000 --> 00:00:01,000\na\n\n00:00:04,000 --> 00:00:06,000\nb\n",
			"0||a\n4000||b\n"},
		{"a.srt",
			"00:00:02,000 --> 00:00:03,000\nANA: a\n\n00:00:03,000 --> "
			"00:00:04,000\nBO: b\n\n"
			"00:00:03,000 --> 00:00:05,000\nBO: c\n\n00:00:01,000 --> "
			"00:00:02,000\nBO: d\n",
			"2000|ANA|a\n3000|BO|b c\n1000|BO|d\n"},
		/* scripts without spaces get none */
		{"a.srt",
			"00:00:00,000 --> 00:00:01,000\n\xe3\x83\xaa\n\xe3\x83\xb3\n\n"
			"00:00:01,000 --> 00:00:02,000\n\xe3\x82\xb0\nx\n",
			"0||\xe3\x83\xaa\xe3\x83\xb3\xe3\x82\xb0 x\n"},
	};

	CHECK_ROWS(row);
}

static void other_encodings_are_read(void **state)
{
	static const char utf16[] = "\xff\xfe"
				    "1\0\n\0"
				    "0\0:\0"
				    "0\0"
				    "1\0 \0-\0-\0>\0 \0"
				    "0\0:\0"
				    "0\0"
				    "2\0\n\0\xe9\0t\0\xe9\0\n";
	struct buf got = BUF_INIT, said = BUF_INIT;
	struct document document;

	/* 0:01 --> 0:02 */
	read_document(&document, "a.srt", utf16, sizeof(utf16), &said);
	dump_document(&got, &document);
	assert_string_equal("1000||\xc3\xa9t\xc3\xa9\n", buf_str(&got));
	assert_int_equal(DOCUMENT_TRANSCRIPT, document.kind);
	document_finish(&document);
	buf_finish(&got);
	buf_finish(&said);
}

/* ---- properties ---- */

static uint64_t draw_count;

static uint32_t draw(uint32_t below)
{
	uint32_t word[4];

	rng_philox(11, draw_count++, word);
	return word[0] % below;
}

/* Words "w0 w1 w2 ..." in cues of random length and time; *begun[i] is when word i's cue begins. */
static void random_subtitles(struct buf *out, int is_vtt, int64_t *begun, size_t n_word)
{
	const char *end = draw(2) ? "\r\n" : "\n";
	int64_t now = draw(100000);

	buf_printf(out, "%s%s", is_vtt ? "WEBVTT" : "", is_vtt ? end : "");
	buf_addstr(out, is_vtt ? end : "");
	for (size_t word = 0, cue = 1; word < n_word; cue++) {
		size_t n = 1 + draw(6);
		int64_t until = now + 300 + draw(4000);

		if (!is_vtt || draw(2)) {
			buf_printf(out, "%zu%s", cue, end);
		}
		buf_printf(out, "%02d:%02d:%02d%c%03d --> %02d:%02d:%02d%c%03d%s",
			(int)(now / 3600000), (int)(now / 60000 % 60), (int)(now / 1000 % 60),
			is_vtt ? '.' : ',', (int)(now % 1000), (int)(until / 3600000),
			(int)(until / 60000 % 60), (int)(until / 1000 % 60), is_vtt ? '.' : ',',
			(int)(until % 1000), end);
		for (; n > 0 && word < n_word; n--, word++) {
			begun[word] = now;
			buf_printf(out, draw(5) ? "w%zu" : "<i>w%zu</i>", word);
			buf_addstr(out, draw(8) ? "" : ".");
			buf_addstr(out, n > 1 && draw(3) ? " " : end);
		}
		buf_addstr(out, end);
		now = draw(20) ? until + draw(2000) : draw(200000000);
	}
}

static void every_word_stands_once_at_its_time(void **state)
{
	enum { WORDS = 300 };

	for (int round = 0; round < 200; round++) {
		int64_t begun[WORDS];
		struct buf text = BUF_INIT, said = BUF_INIT;
		struct document document;
		size_t word = 0;

		random_subtitles(&text, round % 2, begun, WORDS);
		read_document(&document, round % 2 ? "a.vtt" : "a.srt", text.data, text.len, &said);
		assert_int_equal(DOCUMENT_TRANSCRIPT, document.kind);
		for (size_t i = 0; i < document.n_part; i++) {
			const struct part *part = &document.part[i];

			for (char *at = strtok(part->text, " ."); at; at = strtok(NULL, " .")) {
				assert_true(word < WORDS);
				assert_int_equal(word, strtoul(at + 1, NULL, 10));
				assert_in_range(begun[word] - part->place.time_ms, 0, 9999);
				word++;
			}
		}
		assert_int_equal(WORDS, word);
		document_finish(&document);
		buf_finish(&text);
		buf_finish(&said);
	}
}

/* ---- what costs more than its length does not return ---- */

static size_t count_parts(const char *path, const struct buf *text)
{
	struct buf said = BUF_INIT;
	struct document document;
	size_t n;

	read_document(&document, path, text->data, text->len, &said);
	n = document.n_part;
	document_finish(&document);
	buf_finish(&said);
	return n;
}

static void long_lines_and_many_cues_cost_linear_time(void **state)
{
	static const char *const unit[] = {"<", "<i", "<a", "<v a>x", "{\\", "&#",
		"Ana: ", "- Ana: x\n", "1\n", "\n", "x\r", "- ",
		"00:00:01,000 --> 00:00:02,000\nx y.\n\n"};
	struct buf text = BUF_INIT;

	buf_addstr(&text, T1);
	for (int i = 0; i < 10 << 20; i++) {
		buf_addch(&text, 'x');
	}
	assert_int_equal(1, count_parts("a.srt", &text));
	for (size_t i = 0; i < ARRAY_LEN(unit); i++) {
		for (int is_vtt = 0; is_vtt < 2; is_vtt++) {
			buf_clear(&text);
			buf_addstr(&text, is_vtt ? "WEBVTT\n\n" T1 : T1);
			while (text.len < 1 << 20) {
				buf_addstr(&text, unit[i]);
			}
			buf_addstr(&text, "y\n");
			assert_in_range(count_parts(is_vtt ? "a.vtt" : "a.srt", &text), 1, 1 << 20);
		}
	}
	buf_clear(&text);
	for (int i = 0; i < 1000000; i++) {
		buf_addstr(&text, T1 "\n");
	}
	buf_addstr(&text, T2 "x\n");
	assert_int_equal(1, count_parts("a.srt", &text));
	buf_finish(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subrip_is_read_as_its_writers_write_it),
		cmocka_unit_test(times_are_kept_as_they_are_given),
		cmocka_unit_test(webvtt_is_read_as_it_is_specified),
		cmocka_unit_test(chapters_are_headings),
		cmocka_unit_test(speakers_are_those_that_stand_before_a_colon),
		cmocka_unit_test(captions_that_scroll_say_each_word_once),
		cmocka_unit_test(captions_of_one_speaker_are_merged_within_ten_seconds),
		cmocka_unit_test(other_encodings_are_read),
		cmocka_unit_test(every_word_stands_once_at_its_time),
		cmocka_unit_test(long_lines_and_many_cues_cost_linear_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
