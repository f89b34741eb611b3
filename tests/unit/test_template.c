/*
 * Templates against what the published Jinja programs say (tests/vectors/template_vectors.py
 * executed them once; nothing here does).
 */
#include "tests/unit/tokenizer_fixture.h"

static const char system_text[] = "Answer from the sources. Quote them.";
static const char *const turns[] = {
	"Where is the licence?", "In section 4, the first paragraph.", "And the warranty?"};

struct writer {
	const struct chat_template *chat_template;
	struct tokenizer_encoder *encoder;
	struct ids ids;
	int mark, before; /* the last mark, and the one before it */
};

static void put_mark(struct writer *w, enum template_mark mark)
{
	template_write(w->chat_template, w->encoder, mark, w->mark, &w->ids);
	w->before = w->mark;
	w->mark = (int)mark;
}

static void put_text(struct writer *w, const char *text)
{
	tokenizer_encode_text(w->encoder, text, strlen(text),
		template_text_first(w->chat_template, (enum template_mark)w->mark, w->before),
		&w->ids);
}

static struct ids write_conversation(
	const struct chat_template *chat_template, struct tokenizer *tokenizer)
{
	struct writer w = {chat_template, tokenizer_encoder_create(tokenizer), {0}, -1, -1};
	char *first = mem_printf("%s\n\n%s", system_text, turns[0]);

	put_mark(&w, MARK_BEGIN);
	if (chat_template->has_system) {
		put_mark(&w, MARK_SYSTEM_OPEN);
		put_text(&w, system_text);
		put_mark(&w, MARK_SYSTEM_CLOSE);
	}
	for (size_t i = 0; i < ARRAY_LEN(turns); i++) {
		put_mark(&w, i % 2 ? MARK_MODEL_OPEN : MARK_USER_OPEN);
		put_text(&w, i || chat_template->has_system ? turns[i] : first);
		put_mark(&w, i % 2 ? MARK_MODEL_CLOSE : MARK_USER_CLOSE);
	}
	put_mark(&w, MARK_MODEL_OPEN);
	free(first);
	tokenizer_encoder_destroy(w.encoder);
	return w.ids;
}

static void check_ids(const char *name, const struct ids *ids)
{
	char *relative = mem_printf("tests/vectors/templates/%s.ids", name);
	struct buf want = fixture_read(relative), have = BUF_INIT;

	for (size_t i = 0; i < ids->count; i++) {
		buf_printf(&have, "%s%u", i ? " " : "", ids->id[i]);
	}
	buf_addch(&have, '\n');
	assert_string_equal(want.data, have.data);
	buf_finish(&want);
	buf_finish(&have);
	free(relative);
}

/* Without the template's BOS text where the vocabulary has no such token. */
static void check_text(const char *name, const struct ids *ids, const struct tokenizer *tokenizer)
{
	char *relative = mem_printf("tests/vectors/templates/%s.text", name);
	struct buf want = fixture_read(relative), have = BUF_INIT;
	const char *from = want.data;

	for (size_t i = tokenizer_bos(tokenizer) == ids->id[0]; i < ids->count; i++) {
		tokenizer_decode(tokenizer, ids->id[i], 1, &have);
	}
	from += strncmp(from, "<s>", 3) ? 0 : 3;
	assert_string_equal(from, have.data);
	buf_finish(&want);
	buf_finish(&have);
	free(relative);
}

static void a_conversation_has_the_ids_of_the_published_template(void **state)
{
	static const char *const pairs[][2] = {{"carrel", "reader-small.gguf"},
		{"chatml", "gpt2-small.gguf"}, {"gemma", "spm-small.gguf"},
		{"llama2", "spm-small.gguf"}, {"mistral-v3", "spm-inst.gguf"},
		{"mistral-v7", "gpt2-inst.gguf"}, {"llama3", "llama3-small.gguf"},
		{"mistral-v1", "spm-small.gguf"}};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct tokenizer *tokenizer = fixture_tokenizer(pairs[i][1]);
		const struct chat_template *chat_template = template_by_name(pairs[i][0]);
		struct err err;
		struct ids ids;

		assert_int_equal(0, template_forbid_markers(chat_template, tokenizer, &err));
		ids = write_conversation(chat_template, tokenizer);
		check_ids(pairs[i][0], &ids);
		ids_finish(&ids);
		tokenizer_close(tokenizer);
	}
}

static void a_conversation_reads_as_the_published_template_writes_it(void **state)
{
	static const char *const pairs[][2] = {{"chatml", "gpt2-small.gguf"},
		{"gemma", "spm-small.gguf"}, {"mistral-v1", "spm-small.gguf"},
		{"mistral-v3", "spm-small.gguf"}, {"mistral-v7", "gpt2-small.gguf"}};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct tokenizer *tokenizer = fixture_tokenizer(pairs[i][1]);
		struct ids ids = write_conversation(template_by_name(pairs[i][0]), tokenizer);

		check_text(pairs[i][0], &ids, tokenizer);
		ids_finish(&ids);
		tokenizer_close(tokenizer);
	}
}

static void templates_are_recognised_by_their_text(void **state)
{
	struct buf list = BUF_INIT;
	static const char *const names[] = {
		"chatml", "gemma", "llama2", "llama3", "mistral-v1", "mistral-v3", "mistral-v7"};

	template_list(&list);
	assert_string_equal(
		"carrel, chatml, command-a, command-r, deepseek-r1, deepseek-r1-v0, deepseek-v2, "
		"deepseek-v3, deepseek-v3.1, gemma, gpt-oss, llama2, llama3, llama4, mistral-v0, "
		"mistral-v1, mistral-v3, mistral-v3-tekken, mistral-v7, mistral-v7-spm, phi3, "
		"phi3-no-system, phi4, phi4-mini, qwen3, qwen3-thinking, qwen3.5",
		list.data);
	buf_finish(&list);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *relative = mem_printf("tests/vectors/templates/%s.jinja", names[i]);
		struct buf jinja = fixture_read(relative);

		assert_ptr_equal(
			template_by_name(names[i]), template_recognise(jinja.data, jinja.len));
		buf_finish(&jinja);
		free(relative);
	}
	assert_null(template_recognise("{{ messages[0].content }}", 25));
	assert_null(template_recognise("", 0));
	assert_null(template_by_name("no such template"));
}

/* What export.py puts into the model file. */
static void the_readers_template_is_recognised(void **state)
{
	struct buf jinja = fixture_read("models/reader/chat_template.jinja");

	assert_ptr_equal(template_by_name("carrel"), template_recognise(jinja.data, jinja.len));
	assert_non_null(template_by_name("carrel"));
	/* any other word between the marks, or a mark less, is another template */
	for (const char *at = jinja.data; (at = strstr(at, "<|end|>")); at++) {
		char *other = mem_printf("%.*s<|end|>\\n%s", (int)(at - jinja.data), jinja.data,
			at + strlen("<|end|>"));

		assert_null(template_recognise(other, strlen(other)));
		free(other);
	}
	for (const char *at = jinja.data; (at = strstr(at, "<|reader|>")); at++) {
		char *other = mem_printf("%.*s<|assistant|>%s", (int)(at - jinja.data), jinja.data,
			at + strlen("<|reader|>"));

		assert_null(template_recognise(other, strlen(other)));
		free(other);
	}
	buf_finish(&jinja);
}

static void expect(const char *name, const char *jinja)
{
	const struct chat_template *got = template_recognise(jinja, strlen(jinja));

	if (got != (name ? template_by_name(name) : NULL)) {
		fail_msg("recognised as %s, not as %s: %s", got ? got->name : "nothing",
			name ? name : "nothing", jinja);
	}
}

#define CHATML_TURN                                                                                \
	"{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
#define CHATML_ANSWER "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
#define EACH          "{% for message in messages %}"
#define DONE          "{% endfor %}"

/* Other spellings of the same, and what differs only where carrel never goes. */
static void spellings_of_one_template_are_one(void **state)
{
	expect("chatml", EACH CHATML_TURN DONE CHATML_ANSWER);
	expect("chatml",
		"{%- for message in messages -%}\n  {{- \"<|im_start|>\" + message.role + \"\\n\" "
		"-}}\n  {{- message.content|trim -}}\n  {{- \"<|im_end|>\\n\" -}}\n{%- endfor -%}\n"
		"{{- '<|im_start|>assistant\\n' }}");
	/* a default system message: there always is one */
	expect("chatml",
		"{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou are a "
		"helpful "
		"assistant.<|im_end|>\\n' }}{% endif %}" EACH CHATML_TURN DONE CHATML_ANSWER);
	/* tools: there never are any */
	expect("chatml",
		"{%- if tools %}{{- '<tools>' }}{{- tools | tojson }}{{- '</tools>, within "
		"<tool_call></tool_call>' }}{%- endif %}" EACH CHATML_TURN DONE CHATML_ANSWER);
}

static void near_misses_are_not_taken_for_what_they_resemble(void **state)
{
	/* an answer that is opened with more than the role */
	expect(NULL, EACH CHATML_TURN DONE "{{ '<|im_start|>assistant\\n<think>\\n' }}");
	expect(NULL, EACH CHATML_TURN DONE "{{ '<|im_start|>assistant\\n' }}{{ '<answer>' }}");
	/* earlier reasoning that is cut out of the turns */
	expect(NULL, EACH
		"{% set content = message.reasoning_content %}" CHATML_TURN DONE CHATML_ANSWER);
	/* no way to open an answer; another order; no line end; a space that is not ours */
	expect(NULL, EACH CHATML_TURN DONE);
	expect(NULL, CHATML_ANSWER EACH CHATML_TURN DONE);
	expect(NULL, EACH "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + "
			  "'<|im_end|>'}}" DONE CHATML_ANSWER);
	expect(NULL, EACH "{{'<|im_start|> ' + message['role'] + '\\n' + message['content'] + "
			  "'<|im_end|>\\n'}}" DONE CHATML_ANSWER);
	expect(NULL, EACH "{{'<|im_start|>'}} {{message['role'] + '\\n' + message['content'] + "
			  "'<|im_end|>\\n'}}" DONE CHATML_ANSWER);
	/* the strings alone, as a comment or in a text */
	expect(NULL, "{# <|im_start|> <|im_end|> #}{{ messages[0].content }}");
	expect(NULL, "{# " EACH CHATML_TURN DONE CHATML_ANSWER " #}{{ messages[0].content }}");
	expect(NULL, "[INST] [/INST] <<SYS>> [AVAILABLE_TOOLS]");
	/* a second format beside ours */
	expect(NULL, "{% if old %}{{ '<|user|>' }}{% endif %}" EACH CHATML_TURN DONE CHATML_ANSWER);
	expect(NULL, "{% if x %}{{ '[INST]' }}{% endif %}" EACH CHATML_TURN DONE CHATML_ANSWER);
}

/* How other families write a turn, each beside markers that one of ours uses too. */
static void other_families_ask_for_a_template(void **state)
{
	/* Llama 4 */
	expect(NULL, EACH "{{- '<|header_start|>' + message['role'] + '<|header_end|>\\n\\n' + "
			  "message['content'] | trim + '<|eot|>' }}" DONE
			  "{{- '<|header_start|>assistant<|header_end|>\\n\\n' }}");
	/* Phi 3, Zephyr */
	expect(NULL, EACH "{{ '<|' + message['role'] + '|>' + '\\n' + message['content'] + "
			  "'<|end|>\\n' }}" DONE "{{ '<|assistant|>\\n' }}");
	expect(NULL, EACH "{{ '<|user|>\\n' + message['content'] + eos_token }}" DONE
			  "{{ '<|assistant|>' }}");
	/* Phi 4 has ChatML's markers, and one of its own between role and text. */
	expect(NULL,
		EACH "{{'<|im_start|>user<|im_sep|>' + message['content'] + '<|im_end|>'}}" DONE
		     "{{ '<|im_start|>assistant<|im_sep|>' }}");
	/* DeepSeek */
	expect(NULL, EACH "{{ '<\xef\xbd\x9cUser\xef\xbd\x9c>' + message['content'] }}" DONE
			  "{{ '<\xef\xbd\x9c"
			  "Assistant\xef\xbd\x9c><think>\\n' }}");
	/* Command R */
	expect(NULL,
		EACH "{{ '<|START_OF_TURN_TOKEN|><|USER_TOKEN|>' + message['content'].strip() + "
		     "'<|END_OF_TURN_TOKEN|>' }}" DONE);
	/* Mistral 7B v0.1's first template: no space before the answer, so other tokens. */
	expect(NULL, "{{ bos_token }}" EACH "{{ '[INST] ' + message['content'] + ' [/INST]' }}"
		     "{{ message['content'] + eos_token }}" DONE);
	/* Mistral's reasoning models */
	expect(NULL, "{{ '[SYSTEM_PROMPT][THINK]draft[/THINK][/SYSTEM_PROMPT]' }}" EACH
		     "{{ '[INST]' + message['content'] + '[/INST]' }}"
		     "{% if 1 %}{{'[SYSTEM_PROMPT]' + message['content'] + '[/SYSTEM_PROMPT]'}}"
		     "{% elif 1 %}{{ message['content'] + eos_token }}{% endif %}" DONE);
}

static void text_of_any_kind_is_read_to_its_end_only(void **state)
{
	static const char *const parts[] = {"{{", "}}", "{%", "%}", "{#", "#}", "'", "\"", "\\",
		"-", "<", ">", "[", "]", "INST", "|trim", ".role", "+", " ", "\n", "x"};
	struct dice dice = {.seed = 5};

	for (int round = 0; round < 20000; round++) {
		struct buf jinja = BUF_INIT;
		char *exact;

		for (uint32_t n = dice_below(&dice, 24); n > 0; n--) {
			buf_addstr(&jinja, parts[dice_below(&dice, ARRAY_LEN(parts))]);
		}
		/* Exactly as long as it is, so that the sanitizer sees reads beyond it. */
		exact = mem_alloc(jinja.len ? jinja.len : 1);
		memcpy(exact, buf_str(&jinja), jinja.len);
		assert_null(template_recognise(exact, jinja.len));
		free(exact);
		buf_finish(&jinja);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_conversation_has_the_ids_of_the_published_template),
		cmocka_unit_test(a_conversation_reads_as_the_published_template_writes_it),
		cmocka_unit_test(templates_are_recognised_by_their_text),
		cmocka_unit_test(the_readers_template_is_recognised),
		cmocka_unit_test(spellings_of_one_template_are_one),
		cmocka_unit_test(near_misses_are_not_taken_for_what_they_resemble),
		cmocka_unit_test(other_families_ask_for_a_template),
		cmocka_unit_test(text_of_any_kind_is_read_to_its_end_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
