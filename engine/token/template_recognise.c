/*
 * Which family a model file's chat template belongs to. It is never executed: its text is brought
 * into one spelling, and must then hold, in order, the expressions that write a plain conversation
 * as our table does, and no marker beyond the family's own; a few long ones are known by a digest of
 * that spelling. So a template of another family, or one that thinks in a way that is not in the table,
 * asks for --template instead of being read as what it only resembles.
 *
 * What is taken although it writes more than we do, because the rest depends on what carrel never
 * passes or always passes: tools (never), a default system message (there always is one), trimming
 * of the messages, stripping of earlier thoughts. tests/vectors/templates/README.md lists the
 * differences that remain, family by family.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "engine/token/template.h"

#include <string.h>

#define MAX_TEMPLATE_BYTES ((size_t)1 << 20) /* of a published one: 2 to 20 KB */
#define MAX_MARKER_BYTES   48

struct fingerprint {
	const char *name;        /* of the template */
	const char *piece[6];    /* in this order; NULL-terminated */
	const char *allowed[24]; /* every marker that may stand anywhere in it */
	int knows_thinking;      /* it may speak of thinking and reasoning */
	int ends;                /* behind the last piece comes nothing more */
};

#define CHATML_MARKERS "<|im_start|>", "<|im_end|>", "<|endoftext|>"
#define TOOL_MARKERS                                                                               \
	"<tools>", "</tools>", "<tool_call>", "</tool_call>", "<tool_response>",                   \
		"</tool_response>", "<function-name>", "<args-json-object>"
#define THINK_MARKERS "<think>", "</think>"
#define VISION_MARKERS                                                                             \
	"<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>", "</function>",     \
		"</parameter>", "<IMPORTANT>", "</IMPORTANT>"
#define INST_MARKERS          "[INST]", "[/INST]"
#define SYSTEM_PROMPT_MARKERS "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"
#define MISTRAL_TOOL_MARKERS                                                                       \
	"[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[TOOL_RESULTS]",               \
		"[/TOOL_RESULTS]", "[CALL_ID]", "[ARGS]", "[TOOL_CONTENT]"
#define LLAMA4_MARKERS                                                                             \
	"<|header_start|>", "<|header_end|>", "<|eot|>", "<|image|>", "<|python_start|>",          \
		"<|python_end|>", "<|begin_of_text|>", "<|end_of_text|>"
#define PHI_MARKERS "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|endoftext|>"
/* U+FF5C and U+2581, which DeepSeek writes instead of | and _ */
#define BAR            "\xef\xbd\x9c"
#define LOW            "\xe2\x96\x81"
#define DEEPSEEK_USER  "'<" BAR "User" BAR ">'+message['content']"
#define DEEPSEEK_MODEL "<" BAR "Assistant" BAR ">"
#define DEEPSEEK_END   "<" BAR "end" LOW "of" LOW "sentence" BAR ">"
#define DEEPSEEK_MARKERS                                                                           \
	"<" BAR "User" BAR ">", DEEPSEEK_MODEL, DEEPSEEK_END,                                      \
		"<" BAR "begin" LOW "of" LOW "sentence" BAR ">",                                   \
		"<" BAR "tool" LOW "calls" LOW "begin" BAR ">",                                    \
		"<" BAR "tool" LOW "calls" LOW "end" BAR ">",                                      \
		"<" BAR "tool" LOW "call" LOW "begin" BAR ">",                                     \
		"<" BAR "tool" LOW "call" LOW "end" BAR ">", "<" BAR "tool" LOW "sep" BAR ">",     \
		"<" BAR "tool" LOW "outputs" LOW "begin" BAR ">",                                  \
		"<" BAR "tool" LOW "outputs" LOW "end" BAR ">",                                    \
		"<" BAR "tool" LOW "output" LOW "begin" BAR ">",                                   \
		"<" BAR "tool" LOW "output" LOW "end" BAR ">"
#define COHERE_TURN(who, what)                                                                     \
	"'<|START_OF_TURN_TOKEN|><|" who "_TOKEN|>'+" what "+'<|END_OF_TURN_TOKEN|>'"
#define ANSWER(what) "{%ifadd_generation_prompt%}{{'" what "'}}{%endif%}"

/* The first one that fits decides. */
static const struct fingerprint fingerprints[] = {
	{
		.name = "carrel",
		.piece = {"'<|system|>'+message['content']+'<|end|>'",
			"'<|user|>'+message['content']+'<|end|>'",
			"'<|reader|>'+message['content']+'<|end|>'", "'<|reader|>'"},
		.allowed = {"<|system|>", "<|user|>", "<|reader|>", "<|end|>"},
	},
	{
		.name = "chatml", /* and Qwen 2, Qwen 2.5, SmolLM 2, Yi */
		.piece = {"'<|im_start|>'+message['role']+'\\n'+message['content']+'<|im_end|>\\n'",
			"'<|im_start|>assistant\\n'"},
		.allowed = {CHATML_MARKERS, TOOL_MARKERS},
	},
	{
		.name = "chatml", /* Qwen 1.5, which leaves a last answer open */
		.piece = {"{{'<|im_start|>'+message['role']+'\\n'+message['content']}}"
			  "{%if(loop.lastandadd_generation_prompt)ornotloop.last%}"
			  "{{'<|im_end|>\\n'}}{%endif%}",
			"'<|im_start|>assistant\\n'}}{%endif%}"},
		.allowed = {CHATML_MARKERS},
		.ends = 1,
	},
	{
		.name = "chatml", /* Qwen 3 Instruct: only strips what it does not write itself */
		.piece = {"'<|im_start|>'+message['role']+'\\n'+content+'<|im_end|>\\n'",
			"{%setcontent=content.split('</think>')[-1].lstrip('\\n')%}",
			ANSWER("<|im_start|>assistant\\n")},
		.allowed = {CHATML_MARKERS, TOOL_MARKERS, THINK_MARKERS},
		.knows_thinking = 1,
		.ends = 1,
	},
	{
		.name = "command-r",
		.piece = {COHERE_TURN("SYSTEM", "system_message"), COHERE_TURN("USER", "content"),
			COHERE_TURN("CHATBOT", "content"),
			ANSWER("<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>")},
		.allowed = {"<|START_OF_TURN_TOKEN|>", "<|END_OF_TURN_TOKEN|>", "<|SYSTEM_TOKEN|>",
			"<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>", "<BOS_TOKEN>"},
		.ends = 1,
	},
	{
		.name = "deepseek-r1",
		.piece = {"bos_token+ns.system_prompt", DEEPSEEK_USER,
			"'" DEEPSEEK_MODEL "'+content+'" DEEPSEEK_END "'",
			"'" DEEPSEEK_MODEL "<think>\\n'}}{%endif%}"},
		.allowed = {DEEPSEEK_MARKERS, THINK_MARKERS},
		.knows_thinking = 1,
		.ends = 1,
	},
	{
		.name = "deepseek-r1-v0",
		.piece = {"bos_token+ns.system_prompt", DEEPSEEK_USER,
			"content.split('</think>')[-1]",
			"'" DEEPSEEK_MODEL "'+content+'" DEEPSEEK_END "'",
			"'" DEEPSEEK_MODEL "'}}{%endif%}"},
		.allowed = {DEEPSEEK_MARKERS, THINK_MARKERS},
		.knows_thinking = 1,
		.ends = 1,
	},
	{
		.name = "deepseek-v2",
		.piece = {"'User: '+message['content']+'\\n\\n'",
			"'Assistant: '+message['content']+eos_token",
			"{{message['content']+'\\n\\n'}}", ANSWER("Assistant:")},
		.allowed = {DEEPSEEK_END},
		.ends = 1,
	},
	{
		.name = "deepseek-v3",
		.piece = {"bos_token+ns.system_prompt", DEEPSEEK_USER,
			"'" DEEPSEEK_MODEL "'+message['content']+'" DEEPSEEK_END "'",
			"'" DEEPSEEK_MODEL "'}}{%endif%}"},
		.allowed = {DEEPSEEK_MARKERS},
		.ends = 1,
	},
	{
		.name = "deepseek-v3.1",
		.piece = {"bos_token+ns.system_prompt", DEEPSEEK_USER,
			"{{content+'" DEEPSEEK_END "'}}",
			"{{'" DEEPSEEK_MODEL "'}}{%ifnotthinking%}{{'</think>'}}{%else%}"
			"{{'<think>'}}{%endif%}{%endif%}"},
		.allowed = {DEEPSEEK_MARKERS, THINK_MARKERS},
		.knows_thinking = 1,
		.ends = 1,
	},
	{
		.name = "gemma", /* 1 and 2 */
		.piece = {"'<start_of_turn>'+role+'\\n'+message['content']+'<end_of_turn>\\n'",
			"'<start_of_turn>model\\n'"},
		.allowed = {"<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>"},
	},
	{
		.name = "gemma", /* 3: content may be a list, of texts and images */
		.piece = {"first_user_prefix=messages[0]['content']+'\\n\\n'",
			"'<start_of_turn>'+role+'\\n'+(first_user_prefixifloop.firstelse'')",
			"{{message['content']}}", "'<end_of_turn>\\n'",
			"'<start_of_turn>model\\n'"},
		.allowed = {"<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>",
			"<start_of_image>"},
	},
	{
		.name = "llama2",
		.piece = {"'<<SYS>>\\n'+system_message+'\\n<</SYS>>\\n\\n'+message['content']",
			"bos_token+'[INST] '+content+' [/INST]'", "' '+content+' '+eos_token"},
		.allowed = {INST_MARKERS, "<<SYS>>", "<</SYS>>", "<s>", "</s>"},
	},
	{
		.name = "llama3", /* 3, 3.1, 3.2 and 3.3 */
		.piece = {"'<|start_header_id|>'+message['role']+'<|end_header_id|>\\n\\n'+"
			  "message['content']+'<|eot_id|>'",
			"'<|start_header_id|>assistant<|end_header_id|>\\n\\n'"},
		.allowed = {"<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>",
			"<|end_header_id|>", "<|eot_id|>", "<|eom_id|>", "<|python_tag|>"},
	},
	{
		.name = "llama4",
		.piece = {"{{'<|header_start|>'+message['role']+'<|header_end|>\\n\\n'}}",
			"{%ifmessage['content']isstring%}{{message['content']}}{%else%}",
			"{{'<|eot|>'}}", ANSWER("<|header_start|>assistant<|header_end|>\\n\\n")},
		.allowed = {LLAMA4_MARKERS},
		.ends = 1,
	},
	{
		.name = "llama4",
		.piece = {"'<|header_start|>'+message['role']+'<|header_end|>\\n\\n'+"
			  "message['content']+'<|eot|>'",
			"'<|header_start|>assistant<|header_end|>\\n\\n'"},
		.allowed = {LLAMA4_MARKERS},
	},
	{
		.name = "mistral-v7",
		.piece = {"'[INST]'+message['content']+'[/INST]'",
			"'[SYSTEM_PROMPT]'+message['content']+'[/SYSTEM_PROMPT]'",
			"{{message['content']+eos_token}}"},
		.allowed = {INST_MARKERS, SYSTEM_PROMPT_MARKERS, "[IMG]", "<s>", "</s>"},
	},
	{
		.name = "mistral-v7", /* Small 3.1 */
		.piece = {"'[SYSTEM_PROMPT]'+system_message+'[/SYSTEM_PROMPT]'",
			"'[INST]'+message['content']+'[/INST]'",
			"{{message['content']+eos_token}}"},
		.allowed = {INST_MARKERS, SYSTEM_PROMPT_MARKERS, MISTRAL_TOOL_MARKERS, "[IMG]",
			"<s>", "</s>"},
	},
	{
		.name = "mistral-v7", /* Small 3.2 */
		.piece = {"'[SYSTEM_PROMPT]'+system_prompt+'[/SYSTEM_PROMPT]'",
			"{{'[INST]'}}{%ifmessage['content']isstring%}{{message['content']}}{%else%"
			"}",
			"{{'[/INST]'}}", "{{message['content']+eos_token}}"},
		.allowed = {INST_MARKERS, SYSTEM_PROMPT_MARKERS, MISTRAL_TOOL_MARKERS, "[IMG]",
			"<s>", "</s>"},
	},
	{
		.name = "mistral-v7-spm",
		.piece = {"'[INST] '+message['content']+'[/INST]'",
			"'[SYSTEM_PROMPT] '+message['content']+'[/SYSTEM_PROMPT]'",
			"{{' '+message['content']+eos_token}}"},
		.allowed = {INST_MARKERS, SYSTEM_PROMPT_MARKERS, "<s>", "</s>"},
	},
	{
		.name = "mistral-v3",
		.piece = {"'[INST] '+message['content']+'[/INST]'",
			"' '+message['content']+eos_token"},
		.allowed = {INST_MARKERS, MISTRAL_TOOL_MARKERS, "<s>", "</s>"},
	},
	{
		.name = "mistral-v3-tekken",
		.piece = {"'[INST]'+message['content']+'[/INST]'",
			"{{message['content']+eos_token}}"},
		.allowed = {INST_MARKERS, MISTRAL_TOOL_MARKERS, "<s>", "</s>"},
	},
	{
		.name = "mistral-v1",
		.piece = {"' [INST] '+system_message+'\\n\\n'+message['content']+' [/INST]'",
			"' [INST] '+message['content']+' [/INST]'",
			"' '+message['content']+eos_token"},
		.allowed = {INST_MARKERS, "<s>", "</s>"},
	},
	{
		.name = "mistral-v0",
		.piece = {"{{bos_token}}", "{{'[INST] '+message['content']+' [/INST]'}}",
			"{{message['content']+eos_token"},
		.allowed = {INST_MARKERS, "<s>", "</s>"},
	},
	{
		.name = "phi3", /* 3.5, and 3 as it is published today */
		.piece = {"'<|system|>\\n'+message['content']+'<|end|>\\n'",
			"'<|user|>\\n'+message['content']+'<|end|>\\n'",
			"'<|assistant|>\\n'+message['content']+'<|end|>\\n'",
			"{%ifadd_generation_prompt%}{{'<|assistant|>\\n'}}"},
		.allowed = {PHI_MARKERS},
	},
	{
		.name = "phi3", /* 3 small and vision */
		.piece = {"{{'<|'+message['role']+'|>\\n'+message['content']+'<|end|>\\n'}}",
			"{{'<|assistant|>\\n'}}"},
		.allowed = {PHI_MARKERS},
	},
	{
		.name = "phi3-no-system",
		.piece = {"{{'<|user|>\\n'+message['content']+'<|end|>\\n<|assistant|>\\n'}}",
			"{{message['content']+'<|end|>\\n'}}"},
		.allowed = {PHI_MARKERS},
	},
	{
		.name = "phi4",
		.piece = {"'<|im_start|>system<|im_sep|>'+message['content']+'<|im_end|>'",
			"'<|im_start|>user<|im_sep|>'+message['content']+'<|im_end|>",
			"<|im_start|>assistant<|im_sep|>'"},
		.allowed = {"<|im_start|>", "<|im_sep|>", "<|im_end|>"},
	},
	{
		.name = "phi4-mini",
		.piece = {"{{'<|'+message['role']+'|>'+message['content']+'<|end|>'}}",
			"{%ifadd_generation_prompt%}{{'<|assistant|>'}}"},
		.allowed = {PHI_MARKERS, "<|tool|>", "<|/tool|>"},
	},
	{
		.name = "qwen3",
		.piece = {"'<|im_start|>'+message['role']+'\\n'+message['content']+'<|im_end|>\\n'",
			"{%ifadd_generation_prompt%}{{'<|im_start|>assistant\\n'}}"
			"{%ifenable_thinkingisdefinedandenable_thinkingisfalse%}"
			"{{'<think>\\n\\n</think>\\n\\n'}}{%endif%}{%endif%}"},
		.allowed = {CHATML_MARKERS, TOOL_MARKERS, THINK_MARKERS},
		.knows_thinking = 1,
		.ends = 1,
	},
	{
		.name = "qwen3", /* as published later: content may be a list */
		.piece = {"'<|im_start|>'+message['role']+'\\n'+content+'<|im_end|>\\n'",
			"{%ifadd_generation_prompt%}{{'<|im_start|>assistant\\n'}}"
			"{%ifenable_thinkingisdefinedandenable_thinkingisfalse%}"
			"{{'<think>\\n\\n</think>\\n\\n'}}{%endif%}{%endif%}"},
		.allowed = {CHATML_MARKERS, TOOL_MARKERS, THINK_MARKERS},
		.knows_thinking = 1,
		.ends = 1,
	},
	{
		.name = "qwen3-thinking", /* QwQ */
		.piece = {"'<|im_start|>'+message['role']+'\\n'+message['content']+'<|im_end|>\\n'",
			ANSWER("<|im_start|>assistant\\n<think>\\n")},
		.allowed = {CHATML_MARKERS, TOOL_MARKERS, THINK_MARKERS},
		.knows_thinking = 1,
		.ends = 1,
	},
	{
		.name = "qwen3-thinking", /* Qwen 3 Thinking 2507 */
		.piece = {"'<|im_start|>'+message['role']+'\\n'+content+'<|im_end|>\\n'",
			ANSWER("<|im_start|>assistant\\n<think>\\n")},
		.allowed = {CHATML_MARKERS, TOOL_MARKERS, THINK_MARKERS},
		.knows_thinking = 1,
		.ends = 1,
	},
	{
		.name = "qwen3.5",
		.piece = {"'<|im_start|>'+message['role']+'\\n'+content+'<|im_end|>\\n'",
			"{%ifadd_generation_prompt%}{{'<|im_start|>assistant\\n'}}"
			"{%ifenable_thinkingisdefinedandenable_thinkingisfalse%}"
			"{{'<think>\\n\\n</think>\\n\\n'}}{%else%}{{'<think>\\n'}}{%endif%}"
			"{%endif%}"},
		.allowed = {CHATML_MARKERS, TOOL_MARKERS, THINK_MARKERS, VISION_MARKERS},
		.knows_thinking = 1,
		.ends = 1,
	},
};

/*
 * Templates that write so much about tools and themselves that pieces would tell little: known by
 * SHA-256 of their one spelling. `tests/vectors/templates/README.md` names the publications.
 */
static const struct known {
	const char *name, *sha256;
} known[] = {
	/* Qwen3-Coder 30B and 480B */
	{"chatml", "59e46e48c2e11725503632cba58eaf21d07adb8480cbc77d3f5c338600c97251"},
	/* Command A 03-2025 */
	{"command-a", "44e65d1b0d532a38b8a905184e930de90764f5b8bd114e50441fa0f320a3adbe"},
	/* Command A Reasoning 08-2025 */
	{"command-a", "76484e260300abc44aa74527a26b975b6347b36c8875b15fefc00d819cdc4237"},
	/* Command R7B 12-2024 */
	{"command-a", "8e7f36366381383c4b714730609373242570a1752728be1c205f760702770ffb"},
	/* the same, as repacked with reasoning_content */
	{"command-a", "a1fa104f9813ecbe2eba3d70918a57df4787a8e8020fad708d0b28783371b9ad"},
	/* gpt-oss 20b and 120b */
	{"gpt-oss", "beebab08e9056fd32ba564ee35b3d5f9e1cfeb92ff356a2ae5f29f7142a5fc2a"},
	/* gpt-oss, as Unsloth repacks it */
	{"gpt-oss", "0a8eacc7216e1dd35cde777487d9ca1769ba1c4de6e83944178bea064facc191"},
};

/* Words of what most families do not do: a template that has them writes something else too. */
static const char *const foreign_words[] = {"think", "reasoning"};

/* ---- one spelling ---- */

static int is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* A literal from its opening quote on; returns where it ends. */
static size_t spell_literal(const char *text, size_t len, size_t at, struct buf *out)
{
	char quote = text[at++];

	/* Literals that are added together are one. */
	if (out->len >= 2 && !memcmp(out->data + out->len - 2, "'+", 2)) {
		out->len -= 2;
	} else {
		buf_addch(out, '\'');
	}
	for (; at < len && text[at] != quote; at++) {
		if (text[at] == '\\' && at + 1 < len) {
			buf_add(out, text + at++, 2);
		} else if (text[at] == '\n') {
			buf_addstr(out, "\\n");
		} else {
			buf_addch(out, text[at]);
		}
	}
	buf_addch(out, '\'');
	return at < len ? at + 1 : len;
}

/* Returns the length of what stands at `at` and is left out of expressions, or 0. */
static size_t trimming(const char *text, size_t len)
{
	static const char *const forms[] = {"|trim", "| trim", ".strip()"};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		size_t n = strlen(forms[i]);

		if (len >= n && !memcmp(text, forms[i], n) && (len == n || !is_word(text[n]))) {
			return n;
		}
	}
	return 0;
}

/* ".role" and ".content" become "['role']" and "['content']"; returns the length taken, or 0. */
static size_t spell_member(const char *text, size_t len, struct buf *out)
{
	static const char *const members[] = {".role", ".content"};

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		size_t n = strlen(members[i]);

		if (len >= n && !memcmp(text, members[i], n) && (len == n || !is_word(text[n]))) {
			buf_printf(out, "['%s']", members[i] + 1);
			return n;
		}
	}
	return 0;
}

/* From behind "{{" or "{%" to behind its end; returns where that is. */
static size_t spell_code(const char *text, size_t len, size_t at, char kind, struct buf *out)
{
	size_t taken;

	/* "{{-" drops the white space before it; outputs that follow one another are one. */
	if (at < len && text[at] == '-') {
		at++;
		while (out->len && is_space(out->data[out->len - 1])) {
			out->len--;
		}
	}
	if (kind == '{' && out->len >= 2 && !memcmp(out->data + out->len - 2, "}}", 2)) {
		out->len -= 2;
		buf_addch(out, '+');
	} else {
		buf_addch(out, '{');
		buf_addch(out, kind);
	}
	while (at < len) {
		size_t dash = text[at] == '-';

		if (len - at >= 2 + dash && text[at + dash + 1] == '}' &&
			(text[at + dash] == '}' || text[at + dash] == '%')) {
			buf_add(out, text + at + dash, 2);
			at += dash + 2;
			while (dash && at < len && is_space(text[at])) {
				at++;
			}
			return at;
		}
		if (text[at] == '\'' || text[at] == '"') {
			at = spell_literal(text, len, at, out);
		} else if ((taken = trimming(text + at, len - at)) != 0 ||
			   (taken = spell_member(text + at, len - at, out)) != 0) {
			at += taken;
		} else {
			if (!is_space(text[at])) {
				buf_addch(out, text[at]);
			}
			at++;
		}
	}
	return at;
}

/* The template's expressions without white space, with one kind of quote; comments are left out. */
static void spell(const char *text, size_t len, struct buf *out)
{
	size_t at = 0;

	while (at < len) {
		if (len - at >= 2 && text[at] == '{' &&
			(text[at + 1] == '{' || text[at + 1] == '%')) {
			at = spell_code(text, len, at + 2, text[at + 1], out);
		} else if (len - at >= 2 && text[at] == '{' && text[at + 1] == '#') {
			const char *end = memmem(text + at, len - at, "#}", 2);

			at = end ? (size_t)(end - text) + 2 : len;
		} else {
			buf_addch(out, text[at++]);
		}
	}
}

/* ---- markers ---- */

/* The length of "<...>" without white space, or of "[CAPITALS]", that begins here; 0 if none. */
static size_t marker_length(const char *text, size_t len)
{
	size_t n = 1;

	if (text[0] == '<') {
		size_t max = len < MAX_MARKER_BYTES ? len : MAX_MARKER_BYTES;

		while (n < max && !is_space(text[n]) && !strchr("'\"=>", text[n])) {
			n++;
		}
		/* "<<SYS>>" */
		if (n < max && n > 1 && text[n] == '>') {
			return n + 1 + (text[1] == '<' && n + 1 < len && text[n + 1] == '>');
		}
		return 0;
	}
	if (text[0] != '[') {
		return 0;
	}
	n += n < len && text[n] == '/';
	while (n < len && ((text[n] >= 'A' && text[n] <= 'Z') || text[n] == '_')) {
		n++;
	}
	return n >= 3 && n < len && text[n] == ']' ? n + 1 : 0;
}

static int is_allowed(const struct fingerprint *fingerprint, const char *marker, size_t len)
{
	for (const char *const *allowed = fingerprint->allowed; *allowed; allowed++) {
		if (strlen(*allowed) == len && !memcmp(*allowed, marker, len)) {
			return 1;
		}
	}
	return 0;
}

static int holds_foreign_marker(const struct fingerprint *fingerprint, const char *text, size_t len)
{
	for (size_t at = 0; at < len;) {
		size_t n = marker_length(text + at, len - at);

		if (n && !is_allowed(fingerprint, text + at, n)) {
			return 1;
		}
		at += n ? n : 1;
	}
	return 0;
}

static int holds_pieces(const struct fingerprint *fingerprint, const char *text, size_t len)
{
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_LEN(fingerprint->piece) && fingerprint->piece[i]; i++) {
		size_t n = strlen(fingerprint->piece[i]);
		const char *found = memmem(text + at, len - at, fingerprint->piece[i], n);

		if (!found) {
			return 0;
		}
		at = (size_t)(found - text) + n;
	}
	return !fingerprint->ends || at == len;
}

static int holds_foreign_word(const char *jinja, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(foreign_words); i++) {
		if (memmem(jinja, len, foreign_words[i], strlen(foreign_words[i]))) {
			return 1;
		}
	}
	return 0;
}

static const char *known_name(const char *text, size_t len)
{
	struct sha256_digest digest = sha256_of(text, len);
	char hex[65];

	sha256_hex(&digest, hex);
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (!strcmp(known[i].sha256, hex)) {
			return known[i].name;
		}
	}
	return NULL;
}

static const char *fitting_name(const char *text, size_t len, int speaks_of_thinking)
{
	for (size_t i = 0; i < ARRAY_LEN(fingerprints); i++) {
		const struct fingerprint *fingerprint = &fingerprints[i];

		if ((fingerprint->knows_thinking || !speaks_of_thinking) &&
			holds_pieces(fingerprint, text, len) &&
			!holds_foreign_marker(fingerprint, text, len)) {
			return fingerprint->name;
		}
	}
	return NULL;
}

const struct chat_template *template_recognise(const char *jinja, size_t len)
{
	struct buf text = BUF_INIT;
	const char *name;

	if (!len || len > MAX_TEMPLATE_BYTES) {
		return NULL;
	}
	spell(jinja, len, &text);
	while (text.len && is_space(text.data[text.len - 1])) {
		text.len--;
	}
	name = known_name(buf_str(&text), text.len);
	if (!name) {
		name = fitting_name(buf_str(&text), text.len, holds_foreign_word(jinja, len));
	}
	buf_finish(&text);
	return name ? template_by_name(name) : NULL;
}
