/* Transcripts and chats in JSON: recognisers' segments, exports, lists of messages. */
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

static void segments_of_recognisers_are_cues(void **state)
{
	static const struct row row[] = {
		/* openai-whisper */
		{"a.json",
			"{\"text\": \" So \\\"the\\\" ring.\", \"segments\": [{\"id\": 0, "
			"\"seek\": 0, "
			"\"start\": 0.0, \"end\": 4.5, \"text\": \" So the ring\", \"tokens\": [1, "
			"2],"
			" \"temperature\": 0.0}, {\"id\": 1, \"start\": 4.5, \"end\": 6, \"text\": "
			"\" is built.\"}, {\"id\": 2, \"start\": 62.25, \"end\": 63, \"text\": \" "
			"In "
			"init.\"}], \"language\": \"en\"}",
			"0||So the ring is built.\n62250||In init.\n"},
		/* whisper.cpp */
		{"a.json",
			"{\"systeminfo\": \"AVX = 1\", \"model\": {\"type\": \"base\"}, "
			"\"transcription\": [{\"timestamps\": {\"from\": \"00:00:00,000\", \"to\": "
			"\"00:00:02,000\"}, \"offsets\": {\"from\": 0, \"to\": 2000}, \"text\": \" "
			"And so\"}, {\"offsets\": {\"from\": 65000, \"to\": 66000}, \"text\": \" "
			"my\", \"speaker\": \"1\"}]}",
			"0||And so\n65000|1|my\n"},
		/* whisperX: the segment's speaker, the words' */
		{"a.json",
			"{\"segments\": [{\"start\": 1.5, \"end\": 2, \"text\": \" Yes.\", "
			"\"speaker\":"
			" \"SPEAKER_00\", \"words\": [{\"word\": \"Yes.\", \"start\": 1.5, "
			"\"end\": 2, "
			"\"score\": 0.9, \"speaker\": \"SPEAKER_00\"}]}, {\"start\": 3, \"end\": "
			"9, "
			"\"text\": \" No. Well so.\", \"words\": [{\"word\": \"No.\", \"start\": "
			"3, "
			"\"speaker\": \"SPEAKER_01\"}, {\"word\": \"Well\", \"start\": 5, "
			"\"speaker\": "
			"\"SPEAKER_00\"}, {\"word\": \"so.\"}]}], \"word_segments\": []}",
			"1500|SPEAKER_00|Yes.\n3000|SPEAKER_01|No.\n5000|SPEAKER_00|Well so.\n"},
		/* faster-whisper: a list, and lines; a time that is none */
		{"a.json",
			"[{\"start\": 0, \"end\": 1, \"text\": \" A\"}, {\"start\": 1, \"end\": 2, "
			"\"text\": \" b.\"}]",
			"0||A b.\n"},
		{"a.jsonl",
			"{\"start\": 0, \"end\": 1, \"text\": \"A\"}\n{\"start\": null, \"end\": "
			"null, "
			"\"text\": \"b\"}\n{\"start\": -1, \"end\": 2, \"text\": \"c\"}\n"
			"{\"start\": 1e300, \"end\": 2, \"text\": \"d\"}\n",
			"0||A\n-1||b|segment 2\n-1||c|segment 3\n-1||d|segment 4\n"},
	};

	CHECK_ROWS(row);
}

static void lists_of_messages_are_chats(void **state)
{
	static const struct row row[] = {
		{"chat.jsonl",
			"{\"role\": \"user\", \"content\": \"What\\nis it?\"}\n{\"role\": "
			"\"assistant\", \"content\": [{\"type\": \"text\", \"text\": \"A "
			"pump.\"}]}\n",
			"-1|user|What\nis it?|message 1\n-1|assistant|A pump.|message 2\n"},
		/* as models are trained: each line is a conversation */
		{"train.jsonl",
			"{\"messages\": [{\"role\": \"system\", \"content\": \"Be brief.\"}, "
			"{\"role\": "
			"\"user\", \"content\": \"A?\"}]}\n{\"messages\": [{\"role\": \"user\", "
			"\"content\": \"B?\"}, {\"role\": \"assistant\", \"content\": null, "
			"\"tool_calls\": [{}]}]}\n",
			"-1||# conversation 1|conversation 1\n"
			"-1|system|Be brief.|conversation 1, message 1\n"
			"-1|user|A?|conversation 1, message 2\n"
			"-1||# conversation 2|conversation 2\n"
			"-1|user|B?|conversation 2, message 1\n"
			"# conversation 1 -> 0\n# conversation 2 -> 3\n"
			"holds 1 picture, file or call, which is left out\n"},
		{"a.json", "{\"messages\": [{\"role\": \"user\", \"content\": \"A?\"}]}",
			"-1|user|A?|message 1\n"},
		{"a.json",
			"{\"conversations\": [{\"from\": \"human\", \"value\": \"A?\"}, {\"from\": "
			"\"gpt\", \"value\": \"B.\"}]}",
			"-1|human|A?|message 1\n-1|gpt|B.|message 2\n"},
		/* with times: from the first one on; NUL is no text */
		{"a.jsonl",
			"{\"role\": \"user\", \"content\": \"A\\u0000b?\", \"timestamp\": "
			"\"2024-05-01T09:00:00Z\"}\n{\"role\": \"bot\", \"content\": \"C\", "
			"\"timestamp\": \"2024-05-01T11:01:02.5+02:00\"}\n",
			"0|user|A b?\n62500|bot|C\n"},
	};

	CHECK_ROWS(row);
}

#define NODE(id, parent, role, text, time)                                                         \
	"\"" id "\": {\"id\": \"" id "\", \"message\": {\"author\": {\"role\": \"" role            \
	"\"}, \"create_time\": " time                                                              \
	", \"content\": {\"content_type\": \"text\", \"parts\": [" text                            \
	"]}}, \"parent\": \"" parent "\", \"children\": []}"

static void an_export_of_chatgpt_is_walked_from_its_current_node(void **state)
{
	static const char root[] = "\"r\": {\"id\": \"r\", \"message\": null, \"parent\": null, "
				   "\"children\": [\"a\"]}, ";
	char *one = mem_printf(
		"{\"title\": \"Pumps\", \"create_time\": 1714554753.5, \"mapping\": {%s%s}, "
		"\"current_node\": \"d\"}",
		root,
		NODE("a", "r", "user", "\"How?\"", "1714554760.0") ", " NODE(
			"x", "a", "assistant", "\"Abandoned.\"", "1714554761.0") ", " NODE("b", "a",
			"assistant", "\"By hand.\", {\"content_type\": \"image_asset_pointer\"}",
			"1714554821.25") ", " NODE("c", "b", "user", "\"\"", "null") ", " NODE("d",
			"c", "user", "\"Thanks\\n\\nall\"", "1714558360"));
	char *two = mem_printf("{\"title\": \"A\\ncycle\", \"mapping\": {%s}}",
		NODE("p", "q", "user", "\"P\"", "null") ", " NODE(
			"q", "p", "user", "\"Q\"", "null"));
	char *both = mem_printf("[%s,\n%s]", one, two);

	check_transcript("one.json", one,
		"-1||# Pumps (2024-05-01 09:12 UTC)\n0|user|How?\n61250|assistant|By hand.\n"
		"3600000|user|Thanks\n\nall\n# Pumps (2024-05-01 09:12 UTC) -> 0\n"
		"holds 1 picture, file or call, which is left out; holds 1 message that was "
		"edited or answered anew, which is left out\n");
	check_transcript("conversations.json", both,
		"-1||# Pumps (2024-05-01 09:12 UTC)|Pumps (2024-05-01 09:12 UTC)\n"
		"0|user|How?|Pumps (2024-05-01 09:12 UTC)\n"
		"61250|assistant|By hand.|Pumps (2024-05-01 09:12 UTC)\n"
		"3600000|user|Thanks\n\nall|Pumps (2024-05-01 09:12 UTC)\n"
		"-1||# A cycle|A cycle\n-1|user|P|A cycle, message 1\n-1|user|Q|A cycle, message "
		"2\n"
		"# Pumps (2024-05-01 09:12 UTC) -> 0\n# A cycle -> 4\n"
		"holds 1 picture, file or call, which is left out; holds 1 message that was "
		"edited or answered anew, which is left out\n");
	free(one);
	free(two);
	free(both);
}

static void exports_of_claude_and_slack_are_chats(void **state)
{
	static const struct row row[] = {
		{"conversations.json",
			"[{\"uuid\": \"u\", \"name\": \"Pumps\", \"created_at\": "
			"\"2024-05-01T09:12:33.123456Z\", \"account\": {\"uuid\": \"a\"}, "
			"\"chat_messages\": [{\"uuid\": \"m\", \"text\": \"How?\", \"content\": "
			"[{\"type\": \"text\", \"text\": \"How?\"}], \"sender\": \"human\", "
			"\"created_at\": \"2024-05-01T09:12:40Z\", \"attachments\": "
			"[{\"file_name\": "
			"\"p.txt\", \"extracted_content\": \"the pump\"}], \"files\": [{}]}, "
			"{\"text\": \"By hand.\", \"sender\": \"assistant\", \"created_at\": "
			"\"2024-05-01T09:12:45.5Z\", \"content\": []}]}]",
			"-1||# Pumps (2024-05-01 09:12 UTC)\n0|human|How?\n\np.txt\n\nthe pump\n"
			"5500|assistant|By hand.\n# Pumps (2024-05-01 09:12 UTC) -> 0\n"
			"holds 1 picture, file or call, which is left out\n"},
		{"2024-05-01.json",
			"[{\"type\": \"message\", \"user\": \"U1\", \"text\": \"A &lt;b&gt; "
			"&amp;lt;\", \"ts\": \"1714554753.000200\", \"user_profile\": "
			"{\"real_name\": "
			"\"Ana Li\"}},\n{\"type\": \"message\", \"subtype\": \"bot_message\", "
			"\"username\": \"bot\", \"text\": \"B\", \"ts\": \"1714554815.5\"},\n"
			"{\"type\": \"message\", \"user\": \"U2\", \"text\": \"\", \"files\": "
			"[{}], "
			"\"ts\": \"1714554816\"}]",
			"-1||# 2024-05-01 09:12 UTC\n0|Ana Li|A <b> &lt;\n62500|bot|B\n"
			"# 2024-05-01 09:12 UTC -> 0\n"
			"holds 1 picture, file or call, which is left out\n"},
	};

	CHECK_ROWS(row);
}

static void what_is_damaged_or_too_large_is_refused_whole(void **state)
{
	static const struct row row[] = {
		{"a.json", "[{\"role\": \"user\", \"content\": \"A\"}, {\"role\": \"us",
			"is damaged: its JSON does not go on at byte 35\n"},
		{"a.jsonl", "{\"role\": \"user\", \"content\": \"A\"}\n{\"role\" \"x\"}\n]",
			"is damaged: its JSON does not go on at byte 46\n"},
		{"a.json", "{\"role\": \"user\", \"content\": \"A\", \"x\": tru}",
			"is damaged: invalid token near 'tru' (at byte 41)\n"},
		{"a.jsonl", "{\"role\": \"user\", \"content\": \"A\"}\n{\"x\": 1}\n7\n",
			"-1|user|A|message 1\nholds 2 values that are neither messages nor "
			"segments\n"},
		{"a.json", "{\"messages\": [{\"role\": \"user\", \"content\": \"\"}]}",
			"is a transcript without any words\n"},
	};
	struct buf large = BUF_INIT;

	CHECK_ROWS(row);
	buf_addstr(&large, "{\"role\": \"user\", \"content\": [");
	for (int i = 0; i < (1 << 20); i++) {
		buf_addstr(&large, "{},");
	}
	buf_addstr(&large, "0]}");
	check_transcript("a.json", buf_str(&large),
		"holds a conversation of more than 32 MB or 1048576 values (at byte 0): split "
		"it\n");
	buf_finish(&large);
}

static void other_json_is_no_transcript(void **state)
{
	static const char *const data[] = {
		"{\"name\": \"carrel\", \"version\": \"1\", \"dependencies\": {}}",
		"{\"segments\": [{\"x\": 1, \"y\": 2}]}",
		"{\"segments\": []}",
		"{\"mapping\": {\"a\": \"b\"}}",
		"{\"messages\": {\"en\": \"Hello\"}}",
		"{\"messages\": [\"a\", \"b\"]}",
		"[{\"role\": \"admin\", \"rights\": []}]",
		"[{\"from\": \"a\", \"to\": \"b\", \"text\": \"c\"}]",
		"[1, 2, 3]",
		"[]",
		"{\"role\": \"user\", \"content\": \"A",
		"",
		"{",
		"[",
		"{\"role\"",
	};

	for (size_t i = 0; i < ARRAY_LEN(data); i++) {
		if (strcmp(loader_name("a.json", data[i]), "transcript") == 0) {
			fail_msg("a transcript: %s", data[i]);
		}
	}
}

/* Brackets without end, and values beside each other: what is not linear does not return. */
static void nesting_and_length_cost_linear_time(void **state)
{
	struct buf deep = BUF_INIT, wide = BUF_INIT;
	struct buf said = BUF_INIT;
	struct document document;

	for (int i = 0; i < 4000000; i++) {
		buf_addstr(&deep, "[");
		buf_addstr(&wide, i % 2 ? "{\"a\":" : "\"\\\"\",");
	}
	assert_string_not_equal("transcript", loader_name("a.json", buf_str(&deep)));
	assert_string_not_equal("transcript", loader_name("a.json", buf_str(&wide)));
	buf_clear(&wide);
	for (int i = 0; i < 200000; i++) {
		buf_printf(&wide, "{\"role\": \"user\", \"content\": \"w%d\"}\n", i);
	}
	read_document(&document, "a.jsonl", wide.data, wide.len, &said);
	assert_int_equal(200000, document.n_part);
	document_finish(&document);
	buf_finish(&deep);
	buf_finish(&wide);
	buf_finish(&said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_of_recognisers_are_cues),
		cmocka_unit_test(lists_of_messages_are_chats),
		cmocka_unit_test(an_export_of_chatgpt_is_walked_from_its_current_node),
		cmocka_unit_test(exports_of_claude_and_slack_are_chats),
		cmocka_unit_test(what_is_damaged_or_too_large_is_refused_whole),
		cmocka_unit_test(other_json_is_no_transcript),
		cmocka_unit_test(nesting_and_length_cost_linear_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
