/* A tokenizer from the metadata of a GGUF file (keys: ggml docs/gguf.md, "Tokenizer"). */
#include "base/mem.h"
#include "engine/model/gguf.h"
#include "engine/token/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

struct reader {
	const struct gguf *gguf;
	struct tokenizer_spec spec;
	struct err *err;
};

static int refuse(struct reader *r, const char *hint, const char *what)
{
	return err_set(r->err, ERR_ENGINE, r->spec.name, hint, "%s", what);
}

static int is(struct gguf_string string, const char *text)
{
	return string.len == strlen(text) && !memcmp(string.text, text, string.len);
}

/* What GGUF has no keys for (tokenizer_export.c). */
static int read_own(struct reader *r)
{
	int exact_merges = 0, unless_space = 0;

	if (gguf_get_bool(r->gguf, "carrel.tokenizer.exact_merges", &exact_merges, r->err) < 0 ||
		gguf_get_bool(r->gguf, "carrel.tokenizer.prefix_unless_space", &unless_space,
			r->err) < 0 ||
		gguf_get_bool(r->gguf, "carrel.tokenizer.ignore_merges", &r->spec.ignore_merges,
			r->err) < 0) {
		return -1;
	}
	if (exact_merges && r->spec.scheme == SCHEME_SENTENCEPIECE) {
		r->spec.use_scores = 0;
	}
	if (unless_space) {
		r->spec.prefix = PREFIX_UNLESS_SPACE;
	}
	return 0;
}

static int read_scheme(struct reader *r)
{
	struct gguf_string model = {0}, pre = {0};
	const struct splitter_gguf *known;
	int space_prefix = 1, status;

	status = gguf_get_string(r->gguf, "tokenizer.ggml.model", &model, r->err);
	if (status) {
		return status < 0 ? -1 : refuse(r, NULL, "the file has no tokenizer");
	}
	if (is(model, "llama") || is(model, "t5")) {
		r->spec.scheme = is(model, "t5") ? SCHEME_UNIGRAM : SCHEME_SENTENCEPIECE;
		r->spec.use_scores = 1;
		if (read_own(r)) {
			return -1;
		}
		if (gguf_get_bool(r->gguf, "tokenizer.ggml.add_space_prefix", &space_prefix,
			    r->err) < 0) {
			return -1;
		}
		if (!space_prefix || r->spec.prefix != PREFIX_UNLESS_SPACE) {
			r->spec.prefix = space_prefix ? PREFIX_ALWAYS : PREFIX_NONE;
		}
		return 0;
	}
	if (is(model, "bert")) {
		r->spec.scheme = SCHEME_WORDPIECE;
		return 0;
	}
	if (!is(model, "gpt2")) {
		return err_set(r->err, ERR_ENGINE, r->spec.name,
			"known are bert, gpt2, llama and t5",
			"the tokenizer model \"%.*s\" is not known",
			(int)(model.len < 60 ? model.len : 60), model.text);
	}
	r->spec.scheme = SCHEME_BYTE_LEVEL;
	status = gguf_get_string(r->gguf, "tokenizer.ggml.pre", &pre, r->err);
	if (status) {
		return status < 0 ? -1
				  : refuse(r, "convert the model again with a current converter",
					    "the file does not say how text is split "
					    "(tokenizer.ggml.pre)");
	}
	known = splitter_gguf_find(pre.text, pre.len);
	if (!known) {
		struct buf names = BUF_INIT;

		buf_addstr(&names, "known are ");
		splitter_list(&names);
		err_set(r->err, ERR_ENGINE, r->spec.name, buf_str(&names),
			"the splitter \"%.*s\" (tokenizer.ggml.pre) is not one of those known",
			(int)(pre.len < 60 ? pre.len : 60), pre.text);
		buf_finish(&names);
		return -1;
	}
	r->spec.splitter = splitter_by_name(known->splitter);
	r->spec.ignore_merges = known->ignore_merges;
	r->spec.add_bos = known->add_bos;
	return read_own(r);
}

/* An array that must have one element per token; 1 if it is absent. */
static int get_parallel(struct reader *r, const char *key, struct gguf_array *array)
{
	int status = gguf_get_array(r->gguf, key, array, r->err);

	if (status == 0 && array->count != r->spec.n_token) {
		return err_set(r->err, ERR_ENGINE, r->spec.name, NULL,
			"%s has %llu entries for %zu tokens", key, (unsigned long long)array->count,
			r->spec.n_token);
	}
	return status;
}

static int is_byte_spelling(const struct token_spec *token)
{
	return token->len == 6 && !memcmp(token->text, "<0x", 3) && token->text[5] == '>';
}

static int read_types(struct reader *r)
{
	struct gguf_array types, scores;
	int has_types = get_parallel(r, "tokenizer.ggml.token_type", &types);
	int has_scores = get_parallel(r, "tokenizer.ggml.scores", &scores);

	if (has_types < 0 || has_scores < 0) {
		return -1;
	}
	if (has_types == 0 && types.type >= GGUF_FLOAT32 && types.type != GGUF_UINT64 &&
		types.type != GGUF_INT64) {
		return refuse(r, NULL, "tokenizer.ggml.token_type does not hold integers");
	}
	if (r->spec.use_scores && has_scores != 0) {
		return refuse(r, NULL, "the vocabulary has no scores (tokenizer.ggml.scores)");
	}
	if (has_scores == 0 && scores.type != GGUF_FLOAT32 && scores.type != GGUF_FLOAT64) {
		return refuse(
			r, NULL, "tokenizer.ggml.scores does not hold floating-point numbers");
	}
	for (size_t i = 0; i < r->spec.n_token; i++) {
		struct token_spec *token = &r->spec.token[i];
		int64_t type = TOKEN_NORMAL;

		if (has_types == 0) {
			type = gguf_array_int(&types, i);
		} else if (r->spec.scheme != SCHEME_BYTE_LEVEL && is_byte_spelling(token)) {
			type = TOKEN_BYTE;
		} else if (tokenizer_text_is_end(token->text, token->len)) {
			type = TOKEN_CONTROL;
		}
		token->type = type >= 0 && type < 256 ? (uint8_t)type : 255;
		token->score = has_scores == 0 ? gguf_array_float(&scores, i) : 0;
	}
	return 0;
}

static int read_tokens(struct reader *r)
{
	struct gguf_array tokens;
	struct gguf_string text;
	size_t cursor = 0, n = 0;
	int status = gguf_get_array(r->gguf, "tokenizer.ggml.tokens", &tokens, r->err);

	if (status < 0) {
		return -1;
	}
	if (status > 0 || tokens.type != GGUF_STRING) {
		return refuse(r, NULL, "the file has no vocabulary (tokenizer.ggml.tokens)");
	}
	r->spec.token = calloc(tokens.count ? tokens.count : 1, sizeof(*r->spec.token));
	if (!r->spec.token) {
		return refuse(r, NULL, "no memory for the tokenizer");
	}
	while (n < tokens.count && gguf_array_next_string(&tokens, &cursor, &text)) {
		r->spec.token[n].text = text.text;
		r->spec.token[n++].len = text.len;
	}
	r->spec.n_token = n;
	return read_types(r);
}

static int read_merges(struct reader *r)
{
	struct gguf_array merges;
	struct gguf_string text;
	size_t cursor = 0;
	int status = gguf_get_array(r->gguf, "tokenizer.ggml.merges", &merges, r->err);

	if (status < 0) {
		return -1;
	}
	if (status > 0 || merges.type != GGUF_STRING) {
		return refuse(r, NULL, "the vocabulary has no merges (tokenizer.ggml.merges)");
	}
	r->spec.merge = calloc(merges.count ? merges.count : 1, sizeof(*r->spec.merge));
	if (!r->spec.merge) {
		return refuse(r, NULL, "no memory for the tokenizer");
	}
	while (r->spec.n_merge < merges.count && gguf_array_next_string(&merges, &cursor, &text)) {
		const char *space = text.len > 1 ? memchr(text.text + 1, ' ', text.len - 1) : NULL;
		size_t left = space ? (size_t)(space - text.text) : 0;

		if (!space) {
			return err_set(r->err, ERR_ENGINE, r->spec.name, NULL,
				"merge %zu is not two tokens with a space between",
				r->spec.n_merge);
		}
		r->spec.merge[r->spec.n_merge++] = (struct merge_spec){
			.left = text.text,
			.left_len = left,
			.right = space + 1,
			.right_len = text.len - left - 1,
		};
	}
	return 0;
}

/* A token id, absent or -1 for none. */
static int read_id(struct reader *r, const char *key, uint32_t *id)
{
	int64_t value = -1;

	*id = NO_TOKEN;
	if (gguf_get_int(r->gguf, key, &value, r->err) < 0) {
		return -1;
	}
	/* Writers put "none" as -1, or as the same bits unsigned. */
	if (value == -1 || value == UINT32_MAX) {
		return 0;
	}
	if (value < 0 || (uint64_t)value >= r->spec.n_token) {
		return err_set(r->err, ERR_ENGINE, r->spec.name, NULL,
			"%s is %lld, outside the vocabulary of %zu tokens", key, (long long)value,
			r->spec.n_token);
	}
	*id = (uint32_t)value;
	return 0;
}

static uint32_t find_text(const struct reader *r, const char *text)
{
	for (size_t i = 0; i < r->spec.n_token && i < NO_TOKEN; i++) {
		if (r->spec.token[i].len == strlen(text) &&
			!memcmp(r->spec.token[i].text, text, r->spec.token[i].len)) {
			return (uint32_t)i;
		}
	}
	return NO_TOKEN;
}

/*
 * The vocabulary alone says whether it is cased: an uncased one has no token with a capital letter but
 * those in brackets.
 */
static int has_capitals(const struct token_spec *token)
{
	int has = 0;

	for (size_t i = 0; i < token->len; i++) {
		has |= token->text[i] >= 'A' && token->text[i] <= 'Z';
	}
	return has && token->type == TOKEN_NORMAL &&
	       !(token->text[0] == '[' && token->text[token->len - 1] == ']');
}

/* The file's word, its old spelling, else BERT's own text; what they name, text never becomes. */
static int read_wordpiece(struct reader *r)
{
	static const struct {
		const char *key[2], *text;
	} known[] = {
		{{"tokenizer.ggml.cls_token_id", "tokenizer.ggml.bos_token_id"}, "[CLS]"},
		{{"tokenizer.ggml.seperator_token_id", "tokenizer.ggml.separator_token_id"},
			"[SEP]"},
		{{"tokenizer.ggml.unknown_token_id", NULL}, "[UNK]"},
		{{"tokenizer.ggml.padding_token_id", NULL}, "[PAD]"},
		{{"tokenizer.ggml.mask_token_id", NULL}, "[MASK]"},
	};
	uint32_t id[ARRAY_LEN(known)];

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		id[i] = NO_TOKEN;
		for (size_t k = 0; k < 2 && known[i].key[k] && id[i] == NO_TOKEN; k++) {
			if (read_id(r, known[i].key[k], &id[i])) {
				return -1;
			}
		}
		id[i] = id[i] == NO_TOKEN ? find_text(r, known[i].text) : id[i];
		if (id[i] == NO_TOKEN && i < 3) {
			return err_set(r->err, ERR_ENGINE, r->spec.name, NULL,
				"the vocabulary has no %s, which BERT's tokenizer needs",
				known[i].text);
		}
		if (id[i] != NO_TOKEN) {
			r->spec.token[id[i]].type = i == 2 ? TOKEN_UNKNOWN : TOKEN_CONTROL;
		}
	}
	for (size_t i = 0; i < r->spec.n_token; i++) {
		r->spec.is_cased |= has_capitals(&r->spec.token[i]);
		/* such tokens are added for what a program puts in, not for what a text says */
		r->spec.token[i].special |= r->spec.token[i].type == TOKEN_USER_DEFINED;
	}
	r->spec.bos = id[0];
	r->spec.eos = id[1];
	r->spec.unknown = id[2];
	r->spec.add_bos = 1;
	return 0;
}

static int read_ends(struct reader *r)
{
	static const char *const keys[] = {
		"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
	uint32_t id;

	if (read_id(r, "tokenizer.ggml.bos_token_id", &r->spec.bos) ||
		read_id(r, "tokenizer.ggml.eos_token_id", &r->spec.eos)) {
		return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (read_id(r, keys[i], &id)) {
			return -1;
		}
		if (id != NO_TOKEN) {
			r->spec.end[r->spec.n_end++] = id;
		}
	}
	if (r->spec.scheme == SCHEME_WORDPIECE) {
		return read_wordpiece(r);
	}
	/* Converters leave the key out where the engine they write for knows the answer. */
	r->spec.add_bos |= r->spec.scheme == SCHEME_SENTENCEPIECE;
	return gguf_get_bool(r->gguf, "tokenizer.ggml.add_bos_token", &r->spec.add_bos, r->err) < 0
		       ? -1
		       : 0;
}

int tokenizer_open_gguf(struct tokenizer **out, const struct gguf *gguf, struct err *err)
{
	struct reader r = {.gguf = gguf, .spec.name = gguf_path(gguf), .err = err};
	int result = -1;

	*out = NULL;
	if (!read_scheme(&r) && !read_tokens(&r) &&
		(r.spec.use_scores || r.spec.scheme == SCHEME_WORDPIECE || !read_merges(&r)) &&
		!read_ends(&r)) {
		result = tokenizer_build(out, &r.spec, err);
	}
	free(r.spec.token);
	free(r.spec.merge);
	return result;
}
