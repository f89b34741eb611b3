/* Transcripts and chats as plain text: what is one, what is none, and what they say. */
#include "tests/unit/transcript_fixture.h"

#include "base/mem.h"

#include <stdio.h>

#include <cmocka.h>

struct row {
	const char *path, *data, *want;
};

#define CHECK_ROWS(rows)                                                                           \
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {                                             \
		check_transcript(rows[i].path, rows[i].data, rows[i].want);                        \
	}

static void lines_that_begin_with_a_time_are_cues(void **state)
{
	static const struct row row[] = {
		{"a.txt", "[00:00:05] The pump runs.\n[00:01:02] It stops.\n[00:02:00] Why?\n",
			"5000||The pump runs.\n62000||It stops.\n120000||Why?\n"},
		{"a.txt",
			"[00:00:05] Ana: It runs.\n[00:01:02] Bo Li: It stops.\n[00:02:00] Ana: "
			"Why?\n",
			"5000|Ana|It runs.\n62000|Bo Li|It stops.\n120000|Ana|Why?\n"},
		{"a.txt", "(0:05) It runs.\n(1:02) It stops.\nit does\n\n(2:00) Why?\n",
			"5000||It runs.\n62000||It stops. it does\n120000||Why?\n"},
		{"a.txt", "00:00:05 - Ana: A\r\n00:01:02 - Bo: B\r\n00:02:00 - Ana: C\r\n",
			"5000|Ana|A\n62000|Bo|B\n120000|Ana|C\n"},
		{"a.txt",
			"Minutes\nDate: January 27, 2025\n\n[00:00] Ana: A.\n\n[00:15] Bo: B.\n\n"
			"[05:30] Ana: C.\n",
			"-1||Minutes\nDate: January 27, 2025|line 1\n0|Ana|A.\n15000|Bo|B.\n"
			"330000|Ana|C.\n"},
		/* bold heads */
		{"a.txt",
			"**A talk**\n\n**Speaker 1 (00:00):** A.\n\n**Speaker 2 (00:15):** B "
			"**c**.\n\n"
			"**[00:30] Ana:** D.\n",
			"-1||**A talk**|line 1\n0|Speaker 1|A.\n15000|Speaker 2|B "
			"**c**.\n30000|Ana|D.\n"},
		/* whisper and whisper.cpp on a terminal */
		{"a.txt",
			"[00:00.000 --> 00:07.000]  So the ring\n[00:07.000 --> 00:12.500]  is "
			"built.\n"
			"[01:00.000 --> 01:02.000]  In init.\n",
			"0||So the ring is built.\n60000||In init.\n"},
		{"a.txt",
			"[00:00:00.000 --> 00:00:11.000]   And so\n\n"
			"[00:00:11.000 --> 00:00:12.000]   my\n\n[00:00:21.000 --> 00:00:22.000]   "
			"word\n",
			"0||And so\n11000||my\n21000||word\n"},
		/* a time alone, the words below */
		{"a.txt", "0:00\nso the ring\n0:14\nis built\n0:29\nin init\n",
			"0||so the ring\n14000||is built\n29000||in init\n"},
		/* one of a day: all name their speaker */
		{"chat.txt",
			"09:01:02\t From Ana to Everyone:\tHello\n09:02:03\t From Bo Li to "
			"Everyone:\tHi\n"
			"09:03:04\t From Ana to Bo Li (Direct Message):\tx: y\n",
			"32462000|Ana|Hello\n32523000|Bo Li|Hi\n32584000|Ana|x: y\n"},
	};

	CHECK_ROWS(row);
}

static void headers_of_a_name_and_a_time_begin_cues(void **state)
{
	static const struct row row[] = {
		/* Otter; a title stands in front */
		{"Meeting_otter_ai.txt",
			"Pumps\n\nAna Smith  0:01  \nSo the pump runs.\nAnd runs.\n\nBo Li  1:05  "
			"\nYes.\n\n"
			"Unknown Speaker  1:02:07  \nNo.\n\nTranscribed by https://otter.ai\n",
			"-1||Pumps|line 1\n1000|Ana Smith|So the pump runs. And runs.\n"
			"65000|Bo Li|Yes.\n"
			"3727000|Unknown Speaker|No. Transcribed by https://otter.ai\n"},
		/* Rev, Teams, Zoom */
		{"a.txt", "Ana (00:00:02):\nA.\n\nBo (00:01:03):\nB.\n\nAna (00:02:00):\nC.\n",
			"2000|Ana|A.\n63000|Bo|B.\n120000|Ana|C.\n"},
		{"a.txt", "Speaker 1 [00:02]: A.\nSpeaker 2 [01:03]: B.\nSpeaker 1 [02:00]: C.\n",
			"2000|Speaker 1|A.\n63000|Speaker 2|B.\n120000|Speaker 1|C.\n"},
		{"a.txt", "[Ana Li] 10:01:02\nA.\n\n[Bo] 10:02:03\nB.\n\n[Ana Li] 10:03:04\nC.\n",
			"36062000|Ana Li|A.\n36123000|Bo|B.\n36184000|Ana Li|C.\n"},
		{"a.txt", "00:00:02 Ana\nA.\n\n00:01:03 Bo Li\nB.\n\n00:02:00 Ana\nC.\n",
			"2000|Ana|A.\n63000|Bo Li|B.\n120000|Ana|C.\n"},
		/* times between turns: what has none is given none */
		{"a.txt",
			"[00:00:00]\nAna: A.\nBo: B.\n[00:01:00]\nAna: C.\nBo: Note: D.\n"
			"[00:02:00]\nBo: E.\n",
			"0|Ana|A.\n-1|Bo|B.|line 3\n60000|Ana|C.\n-1|Bo|Note: D.|line 6\n"
			"120000|Bo|E.\n"},
	};

	CHECK_ROWS(row);
}

static void turns_without_times_are_cues_of_their_lines(void **state)
{
	static const struct row row[] = {
		{"interview.txt",
			"A talk\n\nAna: Who starts the pump?\nBo Li: I do,\nby hand.\n\nAna: And "
			"at noon?\n"
			"Bo Li: It stops: always.\nAna: Why is that?\nBo Li: Nobody knows it.\n",
			"-1||A talk|line 1\n-1|Ana|Who starts the pump?|line 3\n"
			"-1|Bo Li|I do,\nby hand.|line 4\n-1|Ana|And at noon?|line 7\n"
			"-1|Bo Li|It stops: always.|line 8\n-1|Ana|Why is that?|line 9\n"
			"-1|Bo Li|Nobody knows it.|line 10\n"},
		/* Google Meet: a time every five minutes */
		{"a.txt",
			"00:00:00\n\nAna Li: A b.\nBo: C d.\nAna Li: E f.\nBo: G "
			"h.\n\n00:05:00\n\nAna Li: "
			"I j.\nBo: K l.\nAna Li: M n.\nBo: O p.\nAna Li: Q r.\nBo: S t.\nAna Li: U "
			"v.\n",
			"0|Ana Li|A b.\n-1|Bo|C d.|line 4\n-1|Ana Li|E f.|line 5\n-1|Bo|G h.|line "
			"6\n"
			"300000|Ana Li|I j.\n-1|Bo|K l.|line 11\n-1|Ana Li|M n.|line 12\n"
			"-1|Bo|O p.|line 13\n-1|Ana Li|Q r.|line 14\n-1|Bo|S t.|line 15\n"
			"-1|Ana Li|U v.|line 16\n"},
		{"-",
			"user: What is that?\nassistant: It is a pump.\n\nIt runs.\nuser: And that "
			"there?\n"
			"assistant: A mesh, too.\nuser: Thank you, then.\nassistant: You are "
			"welcome!\n",
			"-1|user|What is that?|line 1\n-1|assistant|It is a pump.\n\nIt runs.|line "
			"2\n"
			"-1|user|And that there?|line 5\n-1|assistant|A mesh, too.|line 6\n"
			"-1|user|Thank you, then.|line 7\n-1|assistant|You are welcome!|line 8\n"},
	};

	CHECK_ROWS(row);
}

static void exported_chats_have_the_time_of_day_and_its_day(void **state)
{
	static const struct row row[] = {
		{"_chat.txt",
			"\xe2\x80\x8e[12/05/2024, 21:03:11] Ana: \xe2\x80\x8eMessages are "
			"end-to-end "
			"encrypted.\r\n[12/05/2024, 21:04:00] +49 151 1: Hi\r\nthere\r\n\r\nyou\r\n"
			"[13/05/2024, 00:00:01] ~ Bo: x: y\r\n",
			"-1||# 12/05/2024|12/05/2024\n75791000|Ana|Messages are end-to-end "
			"encrypted.|12/05/2024\n"
			"75840000|+49 151 1|Hi\nthere\n\nyou|12/05/2024\n-1||# 13/05/2024|"
			"13/05/2024\n1000|~ Bo|x: y|13/05/2024\n"
			"# 12/05/2024 -> 0\n# 13/05/2024 -> 3\n"},
		{"WhatsApp Chat with Bo.txt",
			"5/12/24, 9:03\xe2\x80\xafPM - Bo created group\n5/12/24, 12:04\xe2\x80\xaf"
			"AM - Bo: <Media omitted>\n5/12/24, 12:05 pm - Ana: Ok\n",
			"-1||# 5/12/24|5/12/24\n75780000||Bo created group|5/12/24\n"
			"240000|Bo|<Media omitted>|5/12/24\n"
			"43500000|Ana|Ok|5/12/24\n# 5/12/24 -> 0\n"},
		{"a.txt", "12.05.24, 21:03 - Ana: A\n12.05.24, 21:04 - Bo: B\n",
			"-1||# "
			"12.05.24|12.05.24\n75780000|Ana|A|12.05.24\n75840000|Bo|B|12.05.24\n# "
			"12.05.24 -> 0\n"},
	};

	CHECK_ROWS(row);
}

static void what_is_no_transcript_stays_a_text(void **state)
{
	static const struct {
		const char *path, *data;
	} row[] = {
		/* other names */
		{"a.log", "[00:00:05] A.\n[00:01:02] B.\n[00:02:00] C.\n"},
		{"a.md", "Ana: A b.\nBo: B b.\nAna: C b.\nBo: D b.\nAna: E b.\nBo: F b.\n"},
		/* logs */
		{"a.txt", "12:00:01 starting\n12:00:02 still\n12:00:03 done\n"},
		{"a.txt",
			"[00:00:01] INFO starting\n[00:00:02] WARN still\n[00:00:03] INFO done\n"},
		{"a.txt", "2024-05-01 12:00:01 a\n2024-05-01 12:00:02 b\n2024-05-01 12:00:03 c\n"},
		{"a.txt", "[    0.000000] Linux\n[    0.100000] ACPI\n[    0.200000] PCI\n"},
		/* stanzas, settings, YAML, headers */
		{"a.txt", "Package: a\nVersion: 1\n\nPackage: b\nVersion: 2\n\nPackage: "
			  "c\nVersion: 3\n"},
		{"a.txt", "Package: a\nSummary: It runs.\n\nPackage: b\nSummary: It "
			  "stops.\n\nPackage: c\n"
			  "Summary: It knows.\n\nPackage: d\nSummary: It is.\n"},
		{"a.txt", "name: a\nvalue: b c.\nname: d\nvalue: e f.\nname: g\nvalue: h i.\n"},
		{"a.txt", "From: Ana\nTo: Bo\nSubject: Pumps.\nDate: today.\n\nIt runs.\n"},
		/* prose with names, with times, a timetable, a FAQ */
		{"a.txt", "Ana said: it runs.\nBo said: it stops.\nThen Cleo: nothing.\n"},
		{"a.txt", "At 10:30 the pump runs.\nAt 11:30 it stops.\nAt 12:30 it runs.\n"},
		{"a.txt", "9:30 Coffee and cake\n10:30 Talks of note\n12:30 Lunch for all\n"},
		{"a.txt", "10:30 Coffee\n11:30 Talks\n12:30 Lunch\n13:30 Talks\n"},
		{"a.txt",
			"Q: Who is it?\nA: It is me.\nQ: Who is it?\nA: It is me.\nQ: Who is it?\n"
			"A: It is me.\n"},
		{"a.txt",
			"Ana Smith: wrote the pump.\nBo Li: wrote the mesh.\nCleo Du: tested it.\n"
			"Dan Fox: wrote this.\nEve Roe: wrote that.\nFay Poe: was there.\n"},
		{"a.txt", "Note: It runs.\nWarning: It stops.\nNote: It runs.\nWarning: It stops.\n"
			  "Note: It runs.\nWarning: It stops.\n"},
		/* too few */
		{"a.txt", "[00:00:05] A.\n[00:01:02] B.\n"},
		{"a.txt", "Ana: It is so.\nBo: It is not.\n"},
		{"a.txt", "[12/05/2024, 21:03:11] Ana: alone\n"},
		{"a.txt", ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		const char *name = loader_name(row[i].path, row[i].data);

		if (strcmp(name, "transcript") == 0 || strcmp(name, "subtitles") == 0) {
			fail_msg("a transcript:\n%s", row[i].data);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_begin_with_a_time_are_cues),
		cmocka_unit_test(headers_of_a_name_and_a_time_begin_cues),
		cmocka_unit_test(turns_without_times_are_cues_of_their_lines),
		cmocka_unit_test(exported_chats_have_the_time_of_day_and_its_day),
		cmocka_unit_test(what_is_no_transcript_stays_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
