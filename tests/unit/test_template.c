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

/* The mark of an answer that came without thoughts, as published templates write earlier ones. */
static enum template_mark past_open(const struct chat_template *chat_template)
{
	return chat_template->thinking.opened ||
			       chat_template->thinking.kind == TEMPLATE_THINKING_CHANNELS ||
			       !strcmp(chat_template->name, "command-a")
		       ? MARK_MODEL_OPEN_NO_THINK
		       : MARK_MODEL_OPEN;
}

static struct ids write_conversation(const struct chat_template *chat_template,
	struct tokenizer *tokenizer, int with_system, enum template_mark last)
{
	struct writer w = {chat_template, tokenizer_encoder_create(tokenizer), {0}, -1, -1};
	char *first = mem_printf("%s\n\n%s", system_text, turns[0]);
	int has_system = with_system && chat_template->has_system;

	put_mark(&w, MARK_BEGIN);
	if (has_system) {
		put_mark(&w, MARK_SYSTEM_OPEN);
		put_text(&w, system_text);
		put_mark(&w, MARK_SYSTEM_CLOSE);
	}
	for (size_t i = 0; i < ARRAY_LEN(turns); i++) {
		put_mark(&w, i % 2 ? past_open(chat_template) : MARK_USER_OPEN);
		put_text(&w, i || has_system || !with_system ? turns[i] : first);
		put_mark(&w, i % 2 ? MARK_MODEL_CLOSE : MARK_USER_CLOSE);
	}
	put_mark(&w, last);
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

/* Where ours is not what a published template writes: there it says from ... to. */
struct difference {
	const char *kind; /* of rendering: text, bare, nothink; NULL: of all */
	const char *from, *to, *ours;
};

#define LLAMA_DATES                                                                                \
	{"text", "Cutting Knowledge", "2024\n\n", ""},                                             \
	{                                                                                          \
		"bare", "<|start_header_id|>system", "<|eot_id|>", ""                              \
	}
#define DEFAULT_SYSTEM                                                                             \
	{                                                                                          \
		"bare", "<|im_start|>system", "<|im_end|>\n", ""                                   \
	}

static const struct vector {
	const char *file, *template_name, *vocabulary; /* NULL: no text to compare */
	struct difference difference[4];
} vectors[] = {
	{"chatml", "chatml", "gpt2-small", {{0}}},
	{"command-r", "command-r", "gpt2-small", {{0}}},
	{"deepseek-r1-distill", "deepseek-r1", "gpt2-small", {{0}}},
	{"deepseek-r1-v0", "deepseek-r1-v0", "gpt2-small", {{0}}},
	/* what follows "Assistant:" is the first token of an answer */
	{"deepseek-v2", "deepseek-v2", "gpt2-small", {{NULL, "Assistant: ", "I", "Assistant:I"}}},
	{"deepseek-v3", "deepseek-v3", "gpt2-small", {{0}}},
	{"deepseek-v3.1", "deepseek-v3.1", "gpt2-small", {{0}}},
	{"gemma", "gemma", "spm-small", {{0}}},
	{"gemma3", "gemma", "spm-small", {{0}}},
	{"gpt-oss", "gpt-oss", "gpt2-small", {{NULL, "Knowledge cutoff", "2024\n", ""}}},
	{"llama2", "llama2", NULL, {{0}}},
	{"llama3", "llama3", "gpt2-small", {{0}}},
	{"llama3.1", "llama3", "gpt2-small", {LLAMA_DATES}},
	{"llama3.2", "llama3", "gpt2-small", {LLAMA_DATES}},
	{"llama4", "llama4", "gpt2-small", {{0}}},
	{"mistral-large-2411", "mistral-v7-spm", "spm-small", {{0}}},
	{"mistral-nemo", "mistral-v3-tekken", "gpt2-small", {{0}}},
	{"mistral-v0", "mistral-v0", NULL, {{0}}},
	{"mistral-v0.1", "mistral-v0", NULL, {{0}}},
	{"mistral-v1", "mistral-v1", "spm-small", {{0}}},
	{"mistral-v3", "mistral-v3", "spm-small", {{0}}},
	{"mistral-v7", "mistral-v7", "gpt2-small",
		{{"bare", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", ""}}},
	{"phi3-mini", "phi3-no-system", "gpt2-small", {{0}}},
	{"phi3-small", "phi3", "gpt2-small", {{0}}},
	{"phi3.5", "phi3", "gpt2-small", {{0}}},
	{"phi4", "phi4", "gpt2-small", {{0}}},
	{"phi4-mini", "phi4-mini", "gpt2-small", {{0}}},
	{"qwen1.5", "chatml", "gpt2-small", {DEFAULT_SYSTEM}},
	{"qwen2", "chatml", "gpt2-small", {DEFAULT_SYSTEM}},
	{"qwen2.5", "chatml", "gpt2-small", {DEFAULT_SYSTEM}},
	{"qwen3", "qwen3", "gpt2-small", {{0}}},
	{"qwen3-coder", "chatml", "gpt2-small", {{0}}},
	{"qwen3-instruct-2507", "chatml", "gpt2-small", {{0}}},
	{"qwen3-thinking-2507", "qwen3-thinking", "gpt2-small", {{0}}},
	/* an earlier answer without thoughts is written as it was asked for */
	{"qwen3.5", "qwen3.5", "gpt2-small",
		{{NULL, "<|im_start|>assistant\n", "I",
			"<|im_start|>assistant\n<think>\n\n</think>\n\nI"}}},
	{"qwq", "qwen3-thinking", "gpt2-small", {{0}}},
};

/* As published, but for what the table says. */
static char *expected_text(const struct vector *vector, const char *kind)
{
	char *relative = mem_printf("tests/vectors/templates/%s.%s", vector->file, kind);
	struct buf text = fixture_read(relative);
	char *have = mem_strdup(text.data);

	for (size_t i = 0; i < ARRAY_LEN(vector->difference); i++) {
		const struct difference *d = &vector->difference[i];
		char *from, *to, *next;

		if (!d->from || (d->kind && strcmp(d->kind, kind) != 0)) {
			continue;
		}
		from = strstr(have, d->from);
		assert_non_null(from); /* what is no difference any more leaves the table */
		to = strstr(from + strlen(d->from), d->to);
		assert_non_null(to);
		next = mem_printf(
			"%.*s%s%s", (int)(from - have), have, d->ours, to + strlen(d->to));
		free(have);
		have = next;
	}
	buf_finish(&text);
	free(relative);
	return have;
}

/* BOS apart: the small vocabularies have none of these names, and its place is known. */
static const char *behind_bos(const char *text)
{
	static const char deepseek[] = "<\xef\xbd\x9c"
				       "begin\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>";
	const char *const bos[] = {"<s>", "<|begin_of_text|>", deepseek};

	for (size_t i = 0; i < ARRAY_LEN(bos); i++) {
		if (!strncmp(text, bos[i], strlen(bos[i]))) {
			return text + strlen(bos[i]);
		}
	}
	return text;
}

static void check_text(const struct vector *vector, const char *kind)
{
	char *file = mem_printf("%s.gguf", vector->vocabulary);
	char *want = expected_text(vector, kind);
	struct tokenizer *tokenizer = fixture_tokenizer(file);
	struct ids ids = write_conversation(template_by_name(vector->template_name), tokenizer,
		strcmp(kind, "bare") != 0,
		strcmp(kind, "nothink") ? MARK_MODEL_OPEN : MARK_MODEL_OPEN_NO_THINK);
	struct buf have = BUF_INIT;

	for (size_t i = tokenizer_bos(tokenizer) == ids.id[0]; i < ids.count; i++) {
		tokenizer_decode(tokenizer, ids.id[i], 1, &have);
	}
	if (strcmp(behind_bos(want), buf_str(&have)) != 0) {
		fail_msg("%s.%s as %s:\n%s\ninstead of:\n%s", vector->file, kind,
			vector->template_name, buf_str(&have), behind_bos(want));
	}
	buf_finish(&have);
	ids_finish(&ids);
	tokenizer_close(tokenizer);
	free(want);
	free(file);
}

static void a_conversation_has_the_ids_of_the_published_template(void **state)
{
	static const char *const pairs[][2] = {{"carrel", "reader-small.gguf"},
		{"chatml", "gpt2-small.gguf"}, {"gemma", "spm-small.gguf"},
		{"llama2", "spm-small.gguf"}, {"mistral-v3", "spm-inst.gguf"},
		{"mistral-v7", "gpt2-inst.gguf"}, {"llama3", "llama3-small.gguf"},
		{"mistral-v0", "spm-small.gguf"}, {"mistral-v1", "spm-small.gguf"}};

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct tokenizer *tokenizer = fixture_tokenizer(pairs[i][1]);
		const struct chat_template *chat_template = template_by_name(pairs[i][0]);
		struct err err;
		struct ids ids;

		assert_int_equal(0, template_forbid_markers(chat_template, tokenizer, &err));
		ids = write_conversation(chat_template, tokenizer, 1, MARK_MODEL_OPEN);
		check_ids(pairs[i][0], &ids);
		ids_finish(&ids);
		tokenizer_close(tokenizer);
	}
}

static void a_conversation_reads_as_the_published_template_writes_it(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		if (vectors[i].vocabulary) {
			check_text(&vectors[i], "text");
			check_text(&vectors[i], "bare");
		}
	}
}

/*
 * Command A's published text may not be stored here; these are its turns, without the preamble that it
 * writes into the system message.
 */
static void command_a_marks_its_answers_as_published(void **state)
{
	static const char want[] =
		"<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>Answer from the sources. Quote them."
		"<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|USER_TOKEN|>Where is the licence?"
		"<|END_OF_TURN_TOKEN|><|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|><|START_RESPONSE|>"
		"In section 4, the first paragraph.<|END_RESPONSE|><|END_OF_TURN_TOKEN|>"
		"<|START_OF_TURN_TOKEN|><|USER_TOKEN|>And the warranty?<|END_OF_TURN_TOKEN|>"
		"<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>";
	const struct chat_template *chat_template = template_by_name("command-a");
	struct tokenizer *tokenizer = fixture_tokenizer("gpt2-small.gguf");
	struct ids ids = write_conversation(chat_template, tokenizer, 1, MARK_MODEL_OPEN);
	struct buf have = BUF_INIT;

	for (size_t i = 1; i < ids.count; i++) { /* behind BOS */
		tokenizer_decode(tokenizer, ids.id[i], 1, &have);
	}
	assert_string_equal(want, buf_str(&have));
	buf_finish(&have);
	ids_finish(&ids);
	tokenizer_close(tokenizer);
}

static void an_answer_without_thoughts_is_opened_as_published(void **state)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		char *path = mem_printf("%s/tests/vectors/templates/%s.nothink",
			getenv("CARREL_TEST_SOURCE"), vectors[i].file);

		if (access(path, R_OK) == 0) {
			check_text(&vectors[i], "nothink");
			n++;
		}
		free(path);
	}
	assert_int_equal(3, n);
}

static struct buf fixture_jinja(const struct vector *vector)
{
	char *relative = mem_printf("tests/vectors/templates/%s.jinja", vector->file);
	struct buf jinja = fixture_read(relative);

	free(relative);
	return jinja;
}

static void templates_are_recognised_by_their_text(void **state)
{
	struct buf list = BUF_INIT;
	template_list(&list);
	assert_string_equal(
		"carrel, chatml, command-a, command-r, deepseek-r1, deepseek-r1-v0, deepseek-v2, "
		"deepseek-v3, deepseek-v3.1, gemma, gpt-oss, llama2, llama3, llama4, mistral-v0, "
		"mistral-v1, mistral-v3, mistral-v3-tekken, mistral-v7, mistral-v7-spm, phi3, "
		"phi3-no-system, phi4, phi4-mini, qwen3, qwen3-thinking, qwen3.5",
		list.data);
	buf_finish(&list);
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct buf jinja = fixture_jinja(&vectors[i]);
		const struct chat_template *got = template_recognise(jinja.data, jinja.len);

		assert_non_null(got);
		assert_string_equal(vectors[i].template_name, got->name);
		buf_finish(&jinja);
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
	/* Mistral Small 3.1 takes the system message out of the list first */
	expect("mistral-v7",
		"{{- bos_token }}{{- '[SYSTEM_PROMPT]' + system_message + '[/SYSTEM_PROMPT]' "
		"}}" EACH "{% if x %}{{- '[INST]' + message['content'] + '[/INST]' }}{% elif y %}"
		"{{- \"[TOOL_CALLS] [\" }}{% else %}{{- message['content'] + eos_token }}"
		"{% endif %}" DONE);
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

/* A marker or words that are no part of it, anywhere in any published template. */
static void nothing_may_be_added_to_a_published_template(void **state)
{
	static const char *const added[] = {"{{ '<|evil|>' }}", "{{ '[EVIL]' }}", "<evil>"};

	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct buf jinja = fixture_jinja(&vectors[i]);

		for (size_t k = 0; k < ARRAY_LEN(added); k++) {
			char *front = mem_printf("%s%s", added[k], jinja.data);
			char *behind = mem_printf("%s%s", jinja.data, added[k]);

			expect(NULL, front);
			expect(NULL, behind);
			free(front);
			free(behind);
		}
		buf_finish(&jinja);
	}
}

/* Cut anywhere, it is no template, or at most one that leaves off what comes last. */
static void a_published_template_that_was_cut_is_not_taken_for_another(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		struct buf jinja = fixture_jinja(&vectors[i]);

		for (size_t len = 0; len < jinja.len; len += 1 + len / 64) {
			const struct chat_template *got = template_recognise(jinja.data, len);

			if (got && strcmp(got->name, vectors[i].template_name) != 0) {
				fail_msg("%zu bytes of %s are taken for %s", len, vectors[i].file,
					got->name);
			}
		}
		buf_finish(&jinja);
	}
}

static void near_misses_are_not_taken_for_what_they_resemble(void **state)
{
	/* an answer that is opened with more than the role, in other words than Qwen's */
	expect("qwen3-thinking",
		EACH CHATML_TURN DONE "{% if add_generation_prompt %}{{ "
				      "'<|im_start|>assistant\\n<think>\\n' }}{% endif %}");
	expect(NULL, EACH CHATML_TURN DONE "{{ '<|im_start|>assistant\\n<think>\\n' }}");
	expect(NULL, EACH CHATML_TURN DONE
		"{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>' }}{% endif %}");
	expect(NULL, EACH CHATML_TURN DONE "{% if add_generation_prompt %}{{ "
					   "'<|im_start|>assistant\\n<think>\\n' }}{% endif %}"
					   "{{ 'Let me see' }}");
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
	/* Llama 4, with a line end more */
	expect(NULL, EACH "{{- '<|header_start|>' + message['role'] + '<|header_end|>\\n\\n' + "
			  "message['content'] | trim + '<|eot|>\\n' }}" DONE
			  "{{- '<|header_start|>assistant<|header_end|>\\n\\n' }}");
	/* Phi 3, with a blank behind the role; Zephyr */
	expect(NULL, EACH "{{ '<|' + message['role'] + '|> ' + '\\n' + message['content'] + "
			  "'<|end|>\\n' }}" DONE "{{ '<|assistant|>\\n' }}");
	expect(NULL, EACH "{{ '<|user|>\\n' + message['content'] + eos_token }}" DONE
			  "{{ '<|assistant|>' }}");
	/* Phi 4 without a system message has ChatML's markers, and one of its own. */
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
	expect("mistral-v0",
		"{{ bos_token }}" EACH "{% if x %}{{ '[INST] ' + message['content'] + ' [/INST]' }}"
		"{% else %}{{ message['content'] + eos_token }}{% endif %}" DONE);
	expect(NULL, "{{ bos_token }}" EACH
		     "{% if x %}{{ '[INST] ' + message['content'] + ' [/INST] ' }}"
		     "{% else %}{{ message['content'] + eos_token }}{% endif %}" DONE);
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
		cmocka_unit_test(command_a_marks_its_answers_as_published),
		cmocka_unit_test(an_answer_without_thoughts_is_opened_as_published),
		cmocka_unit_test(nothing_may_be_added_to_a_published_template),
		cmocka_unit_test(a_published_template_that_was_cut_is_not_taken_for_another),
		cmocka_unit_test(spellings_of_one_template_are_one),
		cmocka_unit_test(near_misses_are_not_taken_for_what_they_resemble),
		cmocka_unit_test(other_families_ask_for_a_template),
		cmocka_unit_test(text_of_any_kind_is_read_to_its_end_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
