#include "engine/token/template.h"

#include "base/mem.h"

#include <string.h>

/*
 * One row per family; template_recognise.c tells a file's template by its text. Each was held against
 * the published Jinja program (tests/vectors/templates/README.md lists them, and every difference):
 * for the Mistral generations also against mistral-common's tokenizers v1, v3 and v7. carrel's own is
 * models/reader/chat_template.jinja.
 *
 * What published templates add and these leave out: lines with dates (nothing that changes from day to
 * day stands in a prompt), default system messages (there always is one), and texts about tools.
 * Where they strip white space or earlier thoughts, these keep what was said as it was sampled, so
 * that its KV stays good.
 */
#define CHATML_MARKS                                                                               \
	{                                                                                          \
		[MARK_SYSTEM_OPEN] = "<|im_start|>system\n", [MARK_SYSTEM_CLOSE] = "<|im_end|>\n", \
		[MARK_USER_OPEN] = "<|im_start|>user\n", [MARK_USER_CLOSE] = "<|im_end|>\n",       \
		[MARK_MODEL_OPEN] = "<|im_start|>assistant\n",                                     \
		[MARK_MODEL_CLOSE] = "<|im_end|>\n",                                               \
	}
#define THINK_TAGS .kind = TEMPLATE_THINKING_TAGS, .open = "<think>", .close = "</think>"
#define COHERE_MARKS(model_end)                                                                    \
	{                                                                                          \
		[MARK_SYSTEM_OPEN] = "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>",                    \
		[MARK_SYSTEM_CLOSE] = "<|END_OF_TURN_TOKEN|>",                                     \
		[MARK_USER_OPEN] = "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>",                        \
		[MARK_USER_CLOSE] = "<|END_OF_TURN_TOKEN|>",                                       \
		[MARK_MODEL_OPEN] = "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>",                    \
		[MARK_MODEL_CLOSE] = model_end "<|END_OF_TURN_TOKEN|>",                            \
	}
#define COHERE_MARKERS                                                                             \
	"<BOS_TOKEN>", "<EOS_TOKEN>", "<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>",          \
		"<|SYSTEM_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>"
/* U+FF5C and U+2581, which DeepSeek writes instead of | and _ */
#define BAR            "\xef\xbd\x9c"
#define LOW            "\xe2\x96\x81"
#define DEEPSEEK_BEGIN "<" BAR "begin" LOW "of" LOW "sentence" BAR ">"
#define DEEPSEEK_END   "<" BAR "end" LOW "of" LOW "sentence" BAR ">"
#define DEEPSEEK_USER  "<" BAR "User" BAR ">"
#define DEEPSEEK_MODEL "<" BAR "Assistant" BAR ">"
#define DEEPSEEK_MARKS                                                                             \
	{                                                                                          \
		[MARK_USER_OPEN] = DEEPSEEK_USER, [MARK_MODEL_OPEN] = DEEPSEEK_MODEL,              \
		[MARK_MODEL_CLOSE] = DEEPSEEK_END,                                                 \
	}
#define DEEPSEEK_MARKERS DEEPSEEK_BEGIN, DEEPSEEK_END, DEEPSEEK_USER, DEEPSEEK_MODEL

static const struct chat_template templates[] = {
	{
		.name = "carrel", /* the built-in reader */
		.has_system = 1,
		.always_bos = 1,
		.mark =
			{
				[MARK_SYSTEM_OPEN] = "<|system|>",
				[MARK_SYSTEM_CLOSE] = "<|end|>",
				[MARK_USER_OPEN] = "<|user|>",
				[MARK_USER_CLOSE] = "<|end|>",
				[MARK_MODEL_OPEN] = "<|reader|>",
				[MARK_MODEL_CLOSE] = "<|end|>",
			},
		.marker = {"<|begin_of_text|>", "<|end_of_text|>", "<|system|>", "<|user|>",
			"<|reader|>", "<|end|>"},
	},
	{
		.name = "chatml", /* Qwen 1.5, 2, 2.5, Qwen 3 Instruct and Coder, SmolLM 2, Yi, Hermes */
		.has_system = 1,
		.mark = CHATML_MARKS,
		.marker = {"<|im_start|>", "<|im_end|>"},
	},
	{
		.name = "command-a", /* and Command R7B: what precedes an answer has marks as well */
		.has_system = 1,
		.always_bos = 1,
		.mark = COHERE_MARKS("<|END_RESPONSE|>"),
		.thinking = {.kind = TEMPLATE_THINKING_TAGS,
			.open = "<|START_THINKING|>",
			.close = "<|END_THINKING|>",
			.skipped = "<|START_RESPONSE|>"},
		.end = "<|END_RESPONSE|>",
		.marker = {COHERE_MARKERS, "<|START_RESPONSE|>", "<|END_RESPONSE|>",
			"<|START_THINKING|>", "<|END_THINKING|>"},
	},
	{
		.name = "command-r", /* and R+ */
		.has_system = 1,
		.always_bos = 1,
		.mark = COHERE_MARKS(""),
		.marker = {COHERE_MARKERS},
	},
	{
		.name = "deepseek-r1", /* and its distillations */
		.has_system = 1,
		.always_bos = 1,
		.mark = DEEPSEEK_MARKS,
		.thinking = {THINK_TAGS, .opened = "<think>\n"},
		.marker = {DEEPSEEK_MARKERS, "<think>", "</think>"},
	},
	{
		.name = "deepseek-r1-v0", /* as first published: the model opens <think> itself */
		.has_system = 1,
		.always_bos = 1,
		.mark = DEEPSEEK_MARKS,
		.thinking = {THINK_TAGS},
		.marker = {DEEPSEEK_MARKERS, "<think>", "</think>"},
	},
	{
		.name = "deepseek-v2",
		.has_system = 1,
		.always_bos = 1,
		.mark =
			{
				[MARK_SYSTEM_CLOSE] = "\n\n",
				[MARK_USER_OPEN] = "User: ",
				[MARK_USER_CLOSE] = "\n\n",
				[MARK_MODEL_OPEN] = "Assistant:",
				[MARK_MODEL_CLOSE] = DEEPSEEK_END,
			},
		.marker = {DEEPSEEK_BEGIN, DEEPSEEK_END},
	},
	{
		.name = "deepseek-v3",
		.has_system = 1,
		.always_bos = 1,
		.mark = DEEPSEEK_MARKS,
		.marker = {DEEPSEEK_MARKERS},
	},
	{
		.name = "deepseek-v3.1",
		.has_system = 1,
		.always_bos = 1,
		.mark = DEEPSEEK_MARKS,
		.thinking = {THINK_TAGS, .opened = "<think>", .skipped = "</think>"},
		.marker = {DEEPSEEK_MARKERS, "<think>", "</think>"},
	},
	{
		.name = "gemma", /* 1, 2 and 3 */
		.always_bos = 1,
		.mark =
			{
				[MARK_USER_OPEN] = "<start_of_turn>user\n",
				[MARK_USER_CLOSE] = "<end_of_turn>\n",
				[MARK_MODEL_OPEN] = "<start_of_turn>model\n",
				[MARK_MODEL_CLOSE] = "<end_of_turn>\n",
			},
		.marker = {"<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>"},
	},
	{
		/*
		 * Harmony. The first message is the published one without "Knowledge cutoff" and
		 * "Current date". <|end|> ends a message, <|return|> the turn.
		 */
		.name = "gpt-oss",
		.has_system = 1,
		.mark =
			{
				[MARK_BEGIN] = "<|start|>system<|message|>You are ChatGPT, a large "
					       "language model trained by OpenAI.\n\nReasoning: "
					       "medium\n\n# Valid channels: analysis, commentary, "
					       "final. Channel must be included for every "
					       "message.<|end|>",
				[MARK_SYSTEM_OPEN] =
					"<|start|>developer<|message|># Instructions\n\n",
				[MARK_SYSTEM_CLOSE] = "\n\n<|end|>",
				[MARK_USER_OPEN] = "<|start|>user<|message|>",
				[MARK_USER_CLOSE] = "<|end|>",
				[MARK_MODEL_OPEN] = "<|start|>assistant",
				[MARK_MODEL_CLOSE] = "<|end|>",
			},
		.thinking = {.kind = TEMPLATE_THINKING_CHANNELS,
			.open = "<|channel|>",
			.close = "<|message|>",
			.answer = "final",
			.end = "<|end|>",
			.skipped = "<|channel|>final<|message|>"},
		.end = "<|call|>",
		.no_end = "<|end|>",
		.marker = {"<|start|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|end|>",
			"<|return|>", "<|call|>"},
	},
	{
		.name = "llama2",
		.has_system = 1,
		.always_bos = 1,
		.mark =
			{
				[MARK_SYSTEM_OPEN] = " [INST] <<SYS>>\n",
				[MARK_SYSTEM_CLOSE] = "\n<</SYS>>\n\n",
				[MARK_USER_OPEN] = " [INST]",
				[MARK_USER_CLOSE] = " [/INST]",
				[MARK_MODEL_CLOSE] = " </s>",
			},
		.user_open_after_system = "",
		.user_open_later = "<s> [INST]",
		.text_first = 1u << MARK_USER_OPEN | 1u << MARK_MODEL_OPEN,
		.marker = {"[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>"},
	},
	{
		.name = "llama3", /* 3, 3.1, 3.2 and 3.3 */
		.has_system = 1,
		.always_bos = 1,
		.mark =
			{
				[MARK_SYSTEM_OPEN] =
					"<|start_header_id|>system<|end_header_id|>\n\n",
				[MARK_SYSTEM_CLOSE] = "<|eot_id|>",
				[MARK_USER_OPEN] = "<|start_header_id|>user<|end_header_id|>\n\n",
				[MARK_USER_CLOSE] = "<|eot_id|>",
				[MARK_MODEL_OPEN] =
					"<|start_header_id|>assistant<|end_header_id|>\n\n",
				[MARK_MODEL_CLOSE] = "<|eot_id|>",
			},
		.marker = {"<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>",
			"<|end_header_id|>", "<|eot_id|>"},
	},
	{
		.name = "llama4",
		.has_system = 1,
		.always_bos = 1,
		.mark =
			{
				[MARK_SYSTEM_OPEN] = "<|header_start|>system<|header_end|>\n\n",
				[MARK_SYSTEM_CLOSE] = "<|eot|>",
				[MARK_USER_OPEN] = "<|header_start|>user<|header_end|>\n\n",
				[MARK_USER_CLOSE] = "<|eot|>",
				[MARK_MODEL_OPEN] = "<|header_start|>assistant<|header_end|>\n\n",
				[MARK_MODEL_CLOSE] = "<|eot|>",
			},
		.marker = {"<|begin_of_text|>", "<|end_of_text|>", "<|header_start|>",
			"<|header_end|>", "<|eot|>"},
	},
	{
		/*
		 * The same models as they were first published: no blank before the answer. The
		 * one before [INST] is SentencePiece's own, which their tokenizer puts behind every
		 * special token.
		 */
		.name = "mistral-v0",
		.always_bos = 1,
		.mark =
			{
				[MARK_USER_OPEN] = " [INST]",
				[MARK_USER_CLOSE] = " [/INST]",
				[MARK_MODEL_CLOSE] = "</s>",
			},
		.text_first = 1u << MARK_USER_OPEN,
		.marker = {"[INST]", "[/INST]", "<s>", "</s>"},
	},
	{
		.name = "mistral-v1", /* Mistral 7B v0.1 and v0.2, Mixtral 8x7B, as published since v3 */
		.always_bos = 1,
		.mark =
			{
				[MARK_USER_OPEN] = " [INST]",
				[MARK_USER_CLOSE] = " [/INST]",
				[MARK_MODEL_CLOSE] = "</s>",
			},
		.text_first = 1u << MARK_USER_OPEN | 1u << MARK_MODEL_OPEN,
		.marker = {"[INST]", "[/INST]", "<s>", "</s>"},
	},
	{
		.name = "mistral-v3", /* Mistral 7B v0.3, Mixtral 8x22B v0.1 Instruct */
		.always_bos = 1,
		.mark =
			{
				[MARK_USER_OPEN] = "[INST]",
				[MARK_USER_CLOSE] = "[/INST]",
				[MARK_MODEL_CLOSE] = "</s>",
			},
		.text_first = 1u << MARK_USER_OPEN | 1u << MARK_MODEL_OPEN,
		.marker = {"[INST]", "[/INST]", "<s>", "</s>"},
	},
	{
		.name = "mistral-v3-tekken", /* Mistral Nemo, Pixtral */
		.always_bos = 1,
		.mark =
			{
				[MARK_USER_OPEN] = "[INST]",
				[MARK_USER_CLOSE] = "[/INST]",
				[MARK_MODEL_CLOSE] = "</s>",
			},
		.marker = {"[INST]", "[/INST]", "<s>", "</s>"},
	},
	{
		.name = "mistral-v7", /* Mistral Small 2501, 3.1 and 3.2: "v7-tekken" */
		.has_system = 1,
		.always_bos = 1,
		.mark =
			{
				[MARK_SYSTEM_OPEN] = "[SYSTEM_PROMPT]",
				[MARK_SYSTEM_CLOSE] = "[/SYSTEM_PROMPT]",
				[MARK_USER_OPEN] = "[INST]",
				[MARK_USER_CLOSE] = "[/INST]",
				[MARK_MODEL_CLOSE] = "</s>",
			},
		.marker = {"[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[INST]", "[/INST]", "<s>",
			"</s>"},
	},
	{
		.name = "mistral-v7-spm", /* Mistral Large 2411: v7 with SentencePiece's blanks */
		.has_system = 1,
		.always_bos = 1,
		.mark =
			{
				[MARK_SYSTEM_OPEN] = "[SYSTEM_PROMPT]",
				[MARK_SYSTEM_CLOSE] = "[/SYSTEM_PROMPT]",
				[MARK_USER_OPEN] = "[INST]",
				[MARK_USER_CLOSE] = "[/INST]",
				[MARK_MODEL_CLOSE] = "</s>",
			},
		.text_first = 1u << MARK_SYSTEM_OPEN | 1u << MARK_USER_OPEN | 1u << MARK_MODEL_OPEN,
		.marker = {"[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[INST]", "[/INST]", "<s>",
			"</s>"},
	},
	{
		.name = "phi3", /* 3 and 3.5 */
		.has_system = 1,
		.mark =
			{
				[MARK_SYSTEM_OPEN] = "<|system|>\n",
				[MARK_SYSTEM_CLOSE] = "<|end|>\n",
				[MARK_USER_OPEN] = "<|user|>\n",
				[MARK_USER_CLOSE] = "<|end|>\n",
				[MARK_MODEL_OPEN] = "<|assistant|>\n",
				[MARK_MODEL_CLOSE] = "<|end|>\n",
			},
		.marker = {"<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>"},
	},
	{
		.name = "phi3-no-system", /* 3 mini and medium: a system message is not written */
		.mark =
			{
				[MARK_USER_OPEN] = "<|user|>\n",
				[MARK_USER_CLOSE] = "<|end|>\n",
				[MARK_MODEL_OPEN] = "<|assistant|>\n",
				[MARK_MODEL_CLOSE] = "<|end|>\n",
			},
		.marker = {"<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>"},
	},
	{
		.name = "phi4",
		.has_system = 1,
		.mark =
			{
				[MARK_SYSTEM_OPEN] = "<|im_start|>system<|im_sep|>",
				[MARK_SYSTEM_CLOSE] = "<|im_end|>",
				[MARK_USER_OPEN] = "<|im_start|>user<|im_sep|>",
				[MARK_USER_CLOSE] = "<|im_end|>",
				[MARK_MODEL_OPEN] = "<|im_start|>assistant<|im_sep|>",
				[MARK_MODEL_CLOSE] = "<|im_end|>",
			},
		.marker = {"<|im_start|>", "<|im_sep|>", "<|im_end|>"},
	},
	{
		.name = "phi4-mini",
		.has_system = 1,
		.mark =
			{
				[MARK_SYSTEM_OPEN] = "<|system|>",
				[MARK_SYSTEM_CLOSE] = "<|end|>",
				[MARK_USER_OPEN] = "<|user|>",
				[MARK_USER_CLOSE] = "<|end|>",
				[MARK_MODEL_OPEN] = "<|assistant|>",
				[MARK_MODEL_CLOSE] = "<|end|>",
			},
		.marker = {"<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>"},
	},
	{
		.name = "qwen3", /* the first ones, 0.6B to 235B: they think, or not */
		.has_system = 1,
		.mark = CHATML_MARKS,
		.thinking = {THINK_TAGS, .skipped = "<think>\n\n</think>\n\n"},
		.marker = {"<|im_start|>", "<|im_end|>", "<think>", "</think>"},
	},
	{
		.name = "qwen3-thinking", /* QwQ, Qwen 3 Thinking 2507: they always think */
		.has_system = 1,
		.mark = CHATML_MARKS,
		.thinking = {THINK_TAGS, .opened = "<think>\n"},
		.marker = {"<|im_start|>", "<|im_end|>", "<think>", "</think>"},
	},
	{
		.name = "qwen3.5",
		.has_system = 1,
		.mark = CHATML_MARKS,
		.thinking = {THINK_TAGS, .opened = "<think>\n",
			.skipped = "<think>\n\n</think>\n\n"},
		.marker = {"<|im_start|>", "<|im_end|>", "<think>", "</think>"},
	},
};

const struct chat_template *template_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
		if (!strcmp(templates[i].name, name)) {
			return &templates[i];
		}
	}
	return NULL;
}

void template_list(struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
		buf_additem(out, templates[i].name);
	}
}

static const char *mark_text(
	const struct chat_template *chat_template, enum template_mark mark, int previous)
{
	if (mark == MARK_USER_OPEN && previous == MARK_SYSTEM_CLOSE &&
		chat_template->user_open_after_system) {
		return chat_template->user_open_after_system;
	}
	if (mark == MARK_USER_OPEN && previous == MARK_MODEL_CLOSE &&
		chat_template->user_open_later) {
		return chat_template->user_open_later;
	}
	if (mark == MARK_MODEL_OPEN_NO_THINK) {
		mark = MARK_MODEL_OPEN;
	}
	return chat_template->mark[mark] ? chat_template->mark[mark] : "";
}

/* What stands behind the mark's own text and says whether the model is to think. */
static const char *thinking_text(const struct chat_template *chat_template, enum template_mark mark)
{
	const char *text = mark == MARK_MODEL_OPEN            ? chat_template->thinking.opened
			   : mark == MARK_MODEL_OPEN_NO_THINK ? chat_template->thinking.skipped
							      : NULL;

	return text ? text : "";
}

void template_write(const struct chat_template *chat_template, struct tokenizer_encoder *encoder,
	enum template_mark mark, int previous, struct ids *out)
{
	const struct tokenizer *tokenizer = tokenizer_encoder_tokenizer(encoder);
	struct buf text = BUF_INIT;

	if (mark == MARK_BEGIN && tokenizer_bos(tokenizer) != UINT32_MAX &&
		(chat_template->always_bos || tokenizer_add_bos(tokenizer))) {
		ids_add(out, tokenizer_bos(tokenizer));
	}
	buf_addstr(&text, mark_text(chat_template, mark, previous));
	buf_addstr(&text, thinking_text(chat_template, mark));
	tokenizer_encode_special(encoder, buf_str(&text), text.len, 0, out);
	buf_finish(&text);
}

int template_text_first(
	const struct chat_template *chat_template, enum template_mark mark, int previous)
{
	if (mark == MARK_MODEL_OPEN_NO_THINK) {
		mark = MARK_MODEL_OPEN;
	}
	/* Where a mark is left out, text continues the one before. */
	if (mark == MARK_USER_OPEN && !*mark_text(chat_template, mark, previous)) {
		return 0;
	}
	return chat_template->text_first >> mark & 1;
}

int template_forbid_markers(
	const struct chat_template *chat_template, struct tokenizer *tokenizer, struct err *err)
{
	for (const char *const *marker = chat_template->marker; *marker; marker++) {
		if (tokenizer_forbid_marker(tokenizer, *marker, strlen(*marker), err)) {
			return -1;
		}
	}
	if (chat_template->end) {
		tokenizer_set_end(tokenizer, chat_template->end, 1);
	}
	if (chat_template->no_end) {
		tokenizer_set_end(tokenizer, chat_template->no_end, 0);
	}
	return 0;
}
