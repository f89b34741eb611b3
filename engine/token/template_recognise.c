/*
 * Which family a model file's chat template belongs to. It is never executed: its text is brought
 * into one spelling, and must then hold, in order, the expressions that write a plain conversation
 * as our table does, and no marker beyond the family's own. So a template of another family, or one
 * that opens answers with "<think>", asks for --template instead of being read as what it only
 * resembles.
 *
 * What is taken although it writes more than we do, because the rest depends on what carrel never
 * passes or always passes: tools (never), a default system message (there always is one), trimming
 * of the messages. The one known difference: Llama 3.1 and later begin the system message with
 * date lines; nothing that changes from day to day stands in a prompt.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "engine/token/template.h"

#include <string.h>

#define MAX_TEMPLATE_BYTES ((size_t)1 << 20) /* of a published one: 2 to 20 KB */
#define MAX_MARKER_BYTES   48

struct fingerprint {
	const char *name;        /* of the template */
	const char *piece[5];    /* in this order; NULL-terminated */
	const char *allowed[12]; /* every marker that may stand anywhere in it */
};

#define CHATML_MARKERS "<|im_start|>", "<|im_end|>", "<|endoftext|>"
#define TOOL_MARKERS                                                                               \
	"<tools>", "</tools>", "<tool_call>", "</tool_call>", "<tool_response>",                   \
		"</tool_response>", "<function-name>", "<args-json-object>"
#define INST_MARKERS "[INST]", "[/INST]"
#define MISTRAL_TOOL_MARKERS                                                                       \
	"[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[TOOL_RESULTS]",               \
		"[/TOOL_RESULTS]"

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
		.name = "mistral-v7",
		.piece = {"'[INST]'+message['content']+'[/INST]'",
			"'[SYSTEM_PROMPT]'+message['content']+'[/SYSTEM_PROMPT]'",
			"{{message['content']+eos_token}}"},
		.allowed = {INST_MARKERS, "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[IMG]", "<s>",
			"</s>"},
	},
	{
		.name = "mistral-v3",
		.piece = {"'[INST] '+message['content']+'[/INST]'",
			"' '+message['content']+eos_token"},
		.allowed = {INST_MARKERS, MISTRAL_TOOL_MARKERS, "<s>", "</s>"},
	},
	{
		.name = "mistral-v1",
		.piece = {"' [INST] '+system_message+'\\n\\n'+message['content']+' [/INST]'",
			"' [INST] '+message['content']+' [/INST]'",
			"' '+message['content']+eos_token"},
		.allowed = {INST_MARKERS, "<s>", "</s>"},
	},
};

/* Words of what these families do not do: a template that has them writes something else too. */
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
	return 1;
}

const struct chat_template *template_recognise(const char *jinja, size_t len)
{
	const struct chat_template *result = NULL;
	struct buf text = BUF_INIT;

	if (!len || len > MAX_TEMPLATE_BYTES) {
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LEN(foreign_words); i++) {
		if (memmem(jinja, len, foreign_words[i], strlen(foreign_words[i]))) {
			return NULL;
		}
	}
	spell(jinja, len, &text);
	for (size_t i = 0; i < ARRAY_LEN(fingerprints) && !result; i++) {
		if (holds_pieces(&fingerprints[i], buf_str(&text), text.len) &&
			!holds_foreign_marker(&fingerprints[i], buf_str(&text), text.len)) {
			result = template_by_name(fingerprints[i].name);
		}
	}
	buf_finish(&text);
	return result;
}
