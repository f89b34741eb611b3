#include "engine/token/template.h"

#include "base/mem.h"

#include <string.h>

/*
 * One row per family; template_recognise.c has their fingerprints. Sources: the model cards' chat
 * templates as published with the weights; for the Mistral generations also mistral-common's
 * tokenizers v1, v3 and v7. carrel's own is models/reader/chat_template.jinja.
 *
 * What the published templates add and these leave out: Llama 3.1's "Cutting Knowledge Date" and
 * "Today Date" lines and tool texts (nothing that changes from day to day stands in a prompt), and
 * the default system messages of some ChatML models.
 */
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
		.name = "chatml",
		.has_system = 1,
		.mark =
			{
				[MARK_SYSTEM_OPEN] = "<|im_start|>system\n",
				[MARK_SYSTEM_CLOSE] = "<|im_end|>\n",
				[MARK_USER_OPEN] = "<|im_start|>user\n",
				[MARK_USER_CLOSE] = "<|im_end|>\n",
				[MARK_MODEL_OPEN] = "<|im_start|>assistant\n",
				[MARK_MODEL_CLOSE] = "<|im_end|>\n",
			},
		.marker = {"<|im_start|>", "<|im_end|>"},
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
		.name = "mistral-v7", /* Mistral Small 2501 and later */
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
		.name = "mistral-v1", /* Mistral 7B v0.1 and v0.2, Mixtral 8x7B Instruct */
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
	return chat_template->mark[mark] ? chat_template->mark[mark] : "";
}

void template_write(const struct chat_template *chat_template, struct tokenizer_encoder *encoder,
	enum template_mark mark, int previous, struct ids *out)
{
	const struct tokenizer *tokenizer = tokenizer_encoder_tokenizer(encoder);
	const char *text = mark_text(chat_template, mark, previous);

	if (mark == MARK_BEGIN && tokenizer_bos(tokenizer) != UINT32_MAX &&
		(chat_template->always_bos || tokenizer_add_bos(tokenizer))) {
		ids_add(out, tokenizer_bos(tokenizer));
	}
	tokenizer_encode_special(encoder, text, strlen(text), 0, out);
}

int template_text_first(
	const struct chat_template *chat_template, enum template_mark mark, int previous)
{
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
	return 0;
}
