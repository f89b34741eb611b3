/*
 * A tokenizer from a Hugging Face tokenizer.json: model BPE, either byte-level (GPT-2, Llama 3) or
 * with byte fallback (SentencePiece converted), or model Unigram (SentencePiece converted). What is
 * not known is refused by name, because text split otherwise has other ids and nobody would notice.
 */
#include "base/mem.h"
#include "engine/model/mistaken.h"
#include "engine/token/tokenizer_internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define SPACE_SYMBOL "\xe2\x96\x81"
/* Ids may leave gaps, but a vocabulary is not mostly gaps. */
#define MAX_GAPS 65536

struct reader {
	json_t *root, *model, *vocab, *merges, *added;
	struct tokenizer_spec spec;
	struct err *err;
};

static int refuse(struct reader *r, const char *what)
{
	return err_set(r->err, ERR_ENGINE, r->spec.name, NULL, "%s", what);
}

static const char *string_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int has_type(const json_t *object, const char *type)
{
	return !strcmp(string_at(object, "type"), type);
}

static int refuse_part(struct reader *r, const char *part, const json_t *object)
{
	return err_set(r->err, ERR_ENGINE, r->spec.name,
		"known are byte-level BPE, and BPE and Unigram of SentencePiece",
		"the %s \"%.60s\" is not one of those known", part, string_at(object, "type"));
}

/* ---- splitting ---- */

/* What struct splitter says of a pattern: published ones hold CR and LF as they are or escaped. */
static void add_pattern(struct buf *steps, const char *pattern)
{
	for (; *pattern; pattern++) {
		if (*pattern == '\r' || *pattern == '\n') {
			buf_addstr(steps, *pattern == '\r' ? "\\r" : "\\n");
		} else {
			buf_addch(steps, *pattern);
		}
	}
}

/* Append the line for a step; -1 where there is none. */
static int add_step(struct buf *steps, const json_t *step)
{
	const json_t *use_regex = json_object_get(step, "use_regex");
	const char *pattern = string_at(json_object_get(step, "pattern"), "Regex");
	const char *behavior = string_at(step, "behavior");
	int invert = json_is_true(json_object_get(step, "invert"));
	const char *line = NULL;

	if (has_type(step, "ByteLevel")) {
		if (use_regex && !json_is_true(use_regex)) {
			return 0;
		}
		line = "gpt2";
	} else if (has_type(step, "Digits")) {
		line = json_is_true(json_object_get(step, "individual_digits")) ? "digits"
										: "digit runs";
	} else if (has_type(step, "Punctuation") && !strcmp(behavior, "Contiguous")) {
		line = "punctuation runs";
	} else if (has_type(step, "Split") && *pattern && !strcmp(behavior, "Isolated") &&
		   !invert) {
		line = "split ";
	} else if (has_type(step, "Split") && *pattern && !strcmp(behavior, "Removed") && invert) {
		line = "match ";
	}
	if (!line) {
		return -1;
	}
	buf_addstr(steps, steps->len ? "\n" : "");
	buf_addstr(steps, line);
	if (has_type(step, "Split")) {
		add_pattern(steps, pattern);
	}
	return 0;
}

static int refuse_steps(struct reader *r, struct buf *steps)
{
	struct buf known = BUF_INIT;

	buf_addstr(&known, "known are those of ");
	splitter_list(&known);
	err_set(r->err, ERR_ENGINE, r->spec.name, buf_str(&known),
		"the pre-tokenizer \"%.200s\" is not one of those known", buf_str(steps));
	buf_finish(&known);
	return -1;
}

/* Qwen's composes characters (NFC): documents stay as they are. DeepSeek's is a sequence of none. */
static int has_normalizer(const json_t *normalizer)
{
	const json_t *steps = json_object_get(normalizer, "normalizers");

	return json_is_object(normalizer) && !(json_is_array(steps) && json_array_size(steps) == 0);
}

static int read_byte_level_steps(struct reader *r)
{
	json_t *pre = json_object_get(r->root, "pre_tokenizer"), *step;
	json_t *list = has_type(pre, "Sequence") ? json_object_get(pre, "pretokenizers") : NULL;
	size_t n = list ? json_array_size(list) : 1;
	struct buf steps = BUF_INIT;
	int byte_level = 0, result = 0;

	r->spec.has_normalizer = has_normalizer(json_object_get(r->root, "normalizer"));
	for (size_t i = 0; i < n && !result; i++) {
		step = list ? json_array_get(list, i) : pre;
		byte_level |= has_type(step, "ByteLevel");
		if (has_type(step, "ByteLevel") &&
			json_is_true(json_object_get(step, "add_prefix_space"))) {
			result = refuse(
				r, "the pre-tokenizer \"ByteLevel\" adds a space to every text");
		} else if (add_step(&steps, step)) {
			result = refuse_part(r, "pre-tokenizer", step);
		}
	}
	if (!result && !byte_level) {
		result = refuse(
			r, "the pre-tokenizer is not byte-level, and there is no byte fallback");
	}
	if (!result) {
		r->spec.splitter = splitter_by_steps(buf_str(&steps));
		result = r->spec.splitter ? 0 : refuse_steps(r, &steps);
	}
	buf_finish(&steps);
	return result;
}

/* ---- SentencePiece: how spaces become U+2581 ---- */

static int is_space_replace(const json_t *step)
{
	return has_type(step, "Replace") && !strcmp(string_at(step, "content"), SPACE_SYMBOL) &&
	       !strcmp(string_at(json_object_get(step, "pattern"), "String"), " ");
}

static int splits_at_spaces(const json_t *pre)
{
	const json_t *pattern = json_object_get(pre, "pattern");

	return has_type(pre, "Split") && (!strcmp(string_at(pattern, "String"), " ") ||
						 !strcmp(string_at(pattern, "Regex"), " "));
}

static int read_metaspace(struct reader *r, const json_t *pre)
{
	const char *scheme = string_at(pre, "prepend_scheme");

	if (strcmp(string_at(pre, "replacement"), SPACE_SYMBOL) != 0) {
		return refuse(r, "the pre-tokenizer \"Metaspace\" does not use U+2581");
	}
	if (!strcmp(scheme, "never") || json_is_false(json_object_get(pre, "add_prefix_space"))) {
		r->spec.prefix = PREFIX_NONE;
	} else {
		r->spec.prefix = PREFIX_UNLESS_SPACE;
	}
	/* It then splits at every space: no token goes across one. */
	r->spec.split_at_spaces = !json_is_false(json_object_get(pre, "split"));
	return 0;
}

/* The pre-tokenizer without a sequence around it; of several steps, one that will be refused. */
static json_t *sentencepiece_step(const struct reader *r)
{
	json_t *pre = json_object_get(r->root, "pre_tokenizer"), *step;
	json_t *list = json_object_get(pre, "pretokenizers");
	size_t i;

	if (!has_type(pre, "Sequence") || !json_is_array(list)) {
		return pre;
	}
	if (json_array_size(list) <= 1) {
		return json_array_get(list, 0);
	}
	json_array_foreach(list, i, step)
	{
		if (!has_type(step, "Metaspace") && !splits_at_spaces(step)) {
			return step;
		}
	}
	return pre;
}

static int read_sentencepiece_steps(struct reader *r)
{
	json_t *normalizer = json_object_get(r->root, "normalizer");
	json_t *pre = sentencepiece_step(r);
	json_t *steps = has_type(normalizer, "Sequence")
				? json_object_get(normalizer, "normalizers")
				: NULL;
	size_t n = steps ? json_array_size(steps) : json_is_object(normalizer) ? 1 : 0;
	int replaced = 0;

	for (size_t i = 0; i < n; i++) {
		json_t *step = steps ? json_array_get(steps, i) : normalizer;

		if (has_type(step, "Prepend") &&
			!strcmp(string_at(step, "prepend"), SPACE_SYMBOL)) {
			r->spec.prefix = PREFIX_ALWAYS;
		} else if (is_space_replace(step)) {
			replaced = 1;
		}
		/* Any other normalizer changes the text: it is not applied. */
	}
	if (has_type(pre, "Metaspace")) {
		return read_metaspace(r, pre);
	}
	/* Gemma's splits at spaces that are U+2581 by then: it never splits. */
	if (!replaced || (json_is_object(pre) && !splits_at_spaces(pre))) {
		return refuse_part(r, "pre-tokenizer", pre);
	}
	return 0;
}

/* ---- vocabulary ---- */

static int is_byte_spelling(const char *text, size_t len)
{
	return len == 6 && !memcmp(text, "<0x", 3) && text[5] == '>';
}

static json_int_t id_of(const json_t *value)
{
	return json_is_integer(value) ? json_integer_value(value) : -1;
}

static int set_token(struct reader *r, json_int_t id, const char *text, size_t len, uint8_t type)
{
	struct token_spec *token;

	if (id < 0 || (uint64_t)id >= r->spec.n_token) {
		return err_set(r->err, ERR_ENGINE, r->spec.name, NULL,
			"the id of the token \"%.60s\" is not a number below %zu", text,
			r->spec.n_token);
	}
	token = &r->spec.token[id];
	if (token->text && (token->len != len || memcmp(token->text, text, len) != 0)) {
		return err_set(r->err, ERR_ENGINE, r->spec.name, NULL,
			"the tokens \"%.60s\" and \"%.60s\" have the same id %lld", token->text,
			text, (long long)id);
	}
	token->text = text;
	token->len = len;
	token->type = type;
	return 0;
}

/* One more than the largest id; out-of-range values are found again, and named, by set_token(). */
static void count_tokens(struct reader *r)
{
	size_t most = json_object_size(r->vocab) + json_array_size(r->vocab) +
		      json_array_size(r->added) + MAX_GAPS;
	const char *text;
	json_t *value;
	size_t i;

	r->spec.n_token = json_array_size(r->vocab); /* of a Unigram model; else 0 */
	json_object_foreach(r->vocab, text, value)
	{
		json_int_t id = json_integer_value(value);

		if (id >= 0 && (uint64_t)id < most && (size_t)id >= r->spec.n_token) {
			r->spec.n_token = (size_t)id + 1;
		}
	}
	json_array_foreach(r->added, i, value)
	{
		json_int_t id = json_integer_value(json_object_get(value, "id"));

		if (id >= 0 && (uint64_t)id < most && (size_t)id >= r->spec.n_token) {
			r->spec.n_token = (size_t)id + 1;
		}
	}
}

/* The text of the token that unknown characters become; "" if there is none. */
static const char *unknown_text(const struct reader *r)
{
	json_int_t id = id_of(json_object_get(r->model, "unk_id"));
	const json_t *entry = id < 0 ? NULL : json_array_get(r->vocab, (size_t)id);
	const char *text = json_string_value(json_array_get(entry, 0));

	return text ? text : string_at(r->model, "unk_token");
}

/* The vocabulary of a Unigram model: [text, score], and its place is its id. */
static int read_scored(struct reader *r)
{
	int has_bytes = json_is_true(json_object_get(r->model, "byte_fallback"));
	json_int_t unknown = id_of(json_object_get(r->model, "unk_id"));
	json_t *value;
	size_t i;

	json_array_foreach(r->vocab, i, value)
	{
		const json_t *text = json_array_get(value, 0), *score = json_array_get(value, 1);
		uint8_t type = TOKEN_NORMAL;

		if (!json_is_string(text) || !json_is_number(score)) {
			return err_set(r->err, ERR_ENGINE, r->spec.name, NULL,
				"token %zu is not a text and a score", i);
		}
		if (has_bytes &&
			is_byte_spelling(json_string_value(text), json_string_length(text))) {
			type = TOKEN_BYTE;
		} else if (unknown >= 0 && (size_t)unknown == i) {
			type = TOKEN_UNKNOWN;
		}
		if (set_token(r, (json_int_t)i, json_string_value(text), json_string_length(text),
			    type)) {
			return -1;
		}
		r->spec.token[i].score = json_number_value(score);
	}
	return 0;
}

static int read_added(struct reader *r)
{
	const char *unknown = unknown_text(r);
	json_t *value;
	size_t i;

	json_array_foreach(r->added, i, value)
	{
		const json_t *content = json_object_get(value, "content");
		const char *text = string_at(value, "content");
		size_t len = json_string_length(content);
		int special = json_is_true(json_object_get(value, "special"));
		uint8_t type = special ? TOKEN_CONTROL : TOKEN_USER_DEFINED;

		if (len == 0) {
			return refuse(r, "an added token has no text");
		}
		if (special && !strcmp(text, unknown)) {
			type = TOKEN_UNKNOWN;
		} else if (!special && r->spec.scheme != SCHEME_BYTE_LEVEL &&
			   strstr(text, SPACE_SYMBOL)) {
			/* Runs of spaces, spelled as the vocabulary spells them: ordinary tokens. */
			type = TOKEN_NORMAL;
		}
		if (set_token(r, id_of(json_object_get(value, "id")), text, len, type)) {
			return -1;
		}
		r->spec.token[json_integer_value(json_object_get(value, "id"))].special =
			(uint8_t)special;
	}
	return 0;
}

static int read_vocab(struct reader *r)
{
	const char *unknown = unknown_text(r), *text;
	json_t *value;

	count_tokens(r);
	r->spec.token = calloc(r->spec.n_token ? r->spec.n_token : 1, sizeof(*r->spec.token));
	if (!r->spec.token) {
		return refuse(r, "no memory for the tokenizer");
	}
	json_object_foreach(r->vocab, text, value)
	{
		size_t len = strlen(text);
		uint8_t type = TOKEN_NORMAL;

		if (r->spec.scheme == SCHEME_SENTENCEPIECE && is_byte_spelling(text, len)) {
			type = TOKEN_BYTE;
		} else if (*unknown && !strcmp(text, unknown)) {
			type = TOKEN_UNKNOWN;
		}
		if (set_token(r, id_of(value), text, len, type)) {
			return -1;
		}
	}
	if (read_scored(r) || read_added(r)) {
		return -1;
	}
	for (size_t i = 0; i < r->spec.n_token; i++) {
		if (!r->spec.token[i].text) {
			r->spec.token[i] = (struct token_spec){.text = "", .type = TOKEN_UNUSED};
		}
	}
	return 0;
}

static int read_merges(struct reader *r)
{
	json_t *value;
	size_t i, n = json_array_size(r->merges);

	r->spec.merge = calloc(n ? n : 1, sizeof(*r->spec.merge));
	if (!r->spec.merge) {
		return refuse(r, "no memory for the tokenizer");
	}
	json_array_foreach(r->merges, i, value)
	{
		struct merge_spec *m = &r->spec.merge[i];
		const json_t *left = json_array_get(value, 0), *right = json_array_get(value, 1);

		if (json_is_string(value)) {
			const char *text = json_string_value(value);
			size_t len = json_string_length(value);
			const char *space = len > 1 ? memchr(text + 1, ' ', len - 1) : NULL;

			if (space) {
				*m = (struct merge_spec){text, space + 1, (size_t)(space - text),
					len - (size_t)(space - text) - 1};
			}
		} else if (json_is_string(left) && json_is_string(right)) {
			*m = (struct merge_spec){json_string_value(left), json_string_value(right),
				json_string_length(left), json_string_length(right)};
		}
		if (!m->left) {
			return err_set(r->err, ERR_ENGINE, r->spec.name, NULL,
				"merge %zu is not two tokens", i);
		}
	}
	r->spec.n_merge = n;
	return 0;
}

/* ---- the tokens that begin and end texts ---- */

static uint32_t added_by_text(const struct reader *r, const char *text)
{
	json_t *value;
	size_t i;

	json_array_foreach(r->added, i, value)
	{
		if (!strcmp(string_at(value, "content"), text)) {
			return (uint32_t)json_integer_value(json_object_get(value, "id"));
		}
	}
	return NO_TOKEN;
}

static uint32_t first_of(const struct reader *r, const char *const *name, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t id = added_by_text(r, name[i]);

		if (id != NO_TOKEN) {
			return id;
		}
	}
	return NO_TOKEN;
}

/* What the post-processor puts in front of a text. */
static uint32_t template_bos(const struct reader *r, const json_t *processor)
{
	const json_t *first = json_array_get(json_object_get(processor, "single"), 0);
	const char *text = string_at(json_object_get(first, "SpecialToken"), "id");

	return has_type(processor, "TemplateProcessing") && *text ? added_by_text(r, text)
								  : NO_TOKEN;
}

static void read_ends(struct reader *r)
{
	/* What converted SentencePiece begins with is only a special token to byte-level BLOOM. */
	static const char *const bos_names[] = {
		"<|begin_of_text|>", "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<s>", "<bos>"};
	static const char *const eos_names[] = {"<|end_of_text|>", "</s>", "<eos>", "<|im_end|>",
		"<|endoftext|>", "<\uff5cend\u2581of\u2581sentence\uff5c>",
		"<|END_OF_TURN_TOKEN|>"};
	size_t n_bos = r->spec.scheme == SCHEME_BYTE_LEVEL ? 2 : ARRAY_LEN(bos_names);
	const json_t *processor = json_object_get(r->root, "post_processor"), *value;
	size_t i;

	r->spec.bos = template_bos(r, processor);
	json_array_foreach(json_object_get(processor, "processors"), i, value)
	{
		if (r->spec.bos == NO_TOKEN) {
			r->spec.bos = template_bos(r, value);
		}
	}
	if (r->spec.bos == NO_TOKEN) {
		r->spec.bos = first_of(r, bos_names, n_bos);
	}
	r->spec.add_bos = r->spec.bos != NO_TOKEN;
	r->spec.eos = first_of(r, eos_names, ARRAY_LEN(eos_names));
}

/* A token by its spelling; `otherwise` where the file beside names none, or one that is not there. */
static uint32_t token_by_text(const struct reader *r, const char *text, uint32_t otherwise)
{
	size_t len = text ? strlen(text) : 0;

	for (size_t i = 0; len && i < r->spec.n_token; i++) {
		const struct token_spec *token = &r->spec.token[i];

		if (token->len == len && !memcmp(token->text, text, len)) {
			return (uint32_t)i;
		}
	}
	return otherwise;
}

static void apply_ends(struct reader *r, const struct tokenizer_ends *ends)
{
	r->spec.bos = token_by_text(r, ends->bos, r->spec.bos);
	r->spec.eos = token_by_text(r, ends->eos, r->spec.eos);
	if (ends->add_bos >= 0) {
		r->spec.add_bos = ends->add_bos;
	}
	for (size_t i = 0; i < ends->n_id; i++) {
		if (ends->id[i] < r->spec.n_token && r->spec.n_end < MAX_END_TOKENS) {
			r->spec.end[r->spec.n_end++] = ends->id[i];
		}
	}
}

static int read_model(struct reader *r)
{
	r->model = json_object_get(r->root, "model");
	r->vocab = json_object_get(r->model, "vocab");
	r->merges = json_object_get(r->model, "merges");
	r->added = json_object_get(r->root, "added_tokens");
	if (has_type(r->model, "Unigram") && json_is_array(r->vocab)) {
		r->spec.scheme = SCHEME_UNIGRAM;
		return read_sentencepiece_steps(r);
	}
	if (!json_is_object(r->vocab) || !json_is_array(r->merges) ||
		(*string_at(r->model, "type") && !has_type(r->model, "BPE"))) {
		return refuse_part(r, "tokenizer model", r->model);
	}
	if (*string_at(r->model, "continuing_subword_prefix") ||
		*string_at(r->model, "end_of_word_suffix")) {
		return refuse(r, "the vocabulary marks the insides or ends of words");
	}
	r->spec.ignore_merges = json_is_true(json_object_get(r->model, "ignore_merges"));
	r->spec.scheme = json_is_true(json_object_get(r->model, "byte_fallback"))
				 ? SCHEME_SENTENCEPIECE
				 : SCHEME_BYTE_LEVEL;
	return r->spec.scheme == SCHEME_SENTENCEPIECE ? read_sentencepiece_steps(r)
						      : read_byte_level_steps(r);
}

int tokenizer_open_json(struct tokenizer **out, const char *json, size_t len,
	const struct tokenizer_ends *ends, const char *name, struct err *err)
{
	struct reader r = {.spec.name = name, .err = err};
	json_error_t error;
	int result = -1;

	*out = NULL;
	r.root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &error);
	if (!r.root) {
		return mistaken_check(json, len, name, err) < 0
			       ? -1
			       : err_set(err, ERR_ENGINE, name,
					 "the file is damaged: download it again",
					 "is not JSON: line %d: %s", error.line, error.text);
	}
	if (!json_is_object(r.root) || !json_is_object(json_object_get(r.root, "model"))) {
		refuse(&r, "the file is not a tokenizer.json");
	} else if (!read_model(&r) && !read_vocab(&r) && !read_merges(&r)) {
		read_ends(&r);
		if (ends) {
			apply_ends(&r, ends);
		}
		result = tokenizer_build(out, &r.spec, err);
	}
	free(r.spec.token);
	free(r.spec.merge);
	json_decref(r.root);
	return result;
}
