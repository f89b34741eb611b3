#include "models/random/vocabulary.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_NORMAL  1
#define TOKEN_CONTROL 3

/* Llama 3's; what is not named here is "<|reserved_special_token_N|>". */
static const char *const special_names[] = {
	"<|begin_of_text|>",
	"<|end_of_text|>",
	NULL,
	NULL,
	"<|finetune_right_pad_id|>",
	NULL,
	"<|start_header_id|>",
	"<|end_header_id|>",
	"<|eom_id|>",
	"<|eot_id|>",
	"<|python_tag|>",
};
#define SPECIAL_BEGIN 0
#define SPECIAL_EOT   9

/* carrel recognises it by its text and never runs it. */
static const char llama3_template[] =
	"{{- bos_token }}{%- for message in messages %}"
	"{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' }}"
	"{{- message['content'] | trim + '<|eot_id|>' }}{%- endfor %}"
	"{%- if add_generation_prompt %}"
	"{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}";

/* ---- a vocabulary being built ---- */

struct piece { /* of a token: the two that were merged, or a byte */
	uint32_t left, right;
	size_t at, len; /* its text */
};

struct builder {
	struct buf text; /* of all tokens, in GPT-2's mapping */
	struct piece *piece;
	size_t n_piece, cap_piece;
};

/* GPT-2's printable stand-in for a byte. */
static uint32_t byte_character(int byte)
{
	uint32_t next = 256;

	if ((byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad)) {
		return (uint32_t)byte;
	}
	for (int b = 0; b < byte; b++) {
		next += !((b >= '!' && b <= '~') || (b >= 0xa1 && b != 0xad));
	}
	return next;
}

static void add_bytes(struct builder *builder)
{
	for (int byte = 0; byte < 256; byte++) {
		struct piece piece = {.at = builder->text.len};
		char utf8[4];

		piece.len = utf8_encode(byte_character(byte), utf8);
		buf_add(&builder->text, utf8, piece.len);
		mem_grow(builder->piece, builder->n_piece, builder->cap_piece);
		builder->piece[builder->n_piece++] = piece;
	}
}

static uint32_t add_merge(struct builder *builder, uint32_t left, uint32_t right)
{
	struct piece piece = {left, right, builder->text.len, 0};

	mem_grow(builder->piece, builder->n_piece, builder->cap_piece);
	piece.len = builder->piece[left].len + builder->piece[right].len;
	buf_reserve(&builder->text, piece.len); /* the sources must not move while they are read */
	buf_add(&builder->text, builder->text.data + builder->piece[left].at,
		builder->piece[left].len);
	buf_add(&builder->text, builder->text.data + builder->piece[right].at,
		builder->piece[right].len);
	builder->piece[builder->n_piece] = piece;
	return (uint32_t)builder->n_piece++;
}

/* The finished vocabulary: tokens, merges, special tokens. */
static void build(struct vocabulary *vocabulary, struct builder *builder, size_t n_special)
{
	size_t n = builder->n_piece, merges_at = builder->text.len, at;
	struct buf *text = &builder->text;

	for (size_t i = 256; i < n; i++) {
		const struct piece *left = &builder->piece[builder->piece[i].left];
		const struct piece *right = &builder->piece[builder->piece[i].right];

		buf_reserve(text, left->len + right->len + 1);
		buf_add(text, text->data + left->at, left->len);
		buf_addch(text, ' ');
		buf_add(text, text->data + right->at, right->len);
	}
	*vocabulary = (struct vocabulary){
		.token = mem_zero(n + n_special, sizeof(*vocabulary->token)),
		.type = mem_zero(n + n_special, sizeof(*vocabulary->type)),
		.merge = mem_zero(n - 256, sizeof(*vocabulary->merge)),
		.n_token = n + n_special,
		.n_merge = n - 256,
		.bos = (uint32_t)n + SPECIAL_BEGIN,
		.eot = (uint32_t)n + SPECIAL_EOT,
	};
	at = text->len;
	for (size_t i = 0; i < n_special; i++) {
		if (i < ARRAY_LEN(special_names) && special_names[i]) {
			buf_printf(text, "%s", special_names[i]);
		} else {
			buf_printf(text, "<|reserved_special_token_%zu|>", i);
		}
		vocabulary->token[n + i].len = text->len - at;
		vocabulary->type[n + i] = TOKEN_CONTROL;
		at = text->len;
	}
	vocabulary->text = buf_take(text);
	for (size_t i = 0; i < n; i++) {
		vocabulary->token[i] = (struct gguf_string){
			vocabulary->text + builder->piece[i].at, builder->piece[i].len};
		vocabulary->type[i] = TOKEN_NORMAL;
	}
	for (size_t i = 256; i < n; i++) {
		size_t len = builder->piece[i].len + 1;

		vocabulary->merge[i - 256] =
			(struct gguf_string){vocabulary->text + merges_at, len};
		merges_at += len;
	}
	for (size_t i = 0; i < n_special; i++) {
		vocabulary->token[n + i].text = vocabulary->text + merges_at;
		merges_at += vocabulary->token[n + i].len;
	}
	free(builder->piece);
}

/* ---- learning ---- */

struct word { /* a piece of text as the splitter cuts it, as token ids */
	uint32_t *id;
	size_t len, count;
};

struct words {
	struct word *word;
	size_t count, cap;
};

/* A rough Llama 3 splitter for ASCII: a word with the space before it, up to three digits, a run of
 * signs, a run of white space. */
static size_t word_length(const unsigned char *text, size_t len)
{
	size_t i = text[0] == ' ' && len > 1 && isgraph(text[1]);

	if (isdigit(text[i])) {
		i = 0;
		while (i < len && i < 3 && isdigit(text[i])) {
			i++;
		}
		return i ? i : 1;
	}
	if (isalpha(text[i])) {
		while (i < len && isalpha(text[i])) {
			i++;
		}
		return i;
	}
	if (isspace(text[i])) {
		while (i < len && isspace(text[i])) {
			i++;
		}
		return i > 1 && i < len && text[i - 1] == ' ' ? i - 1
							      : i; /* it goes with the word */
	}
	while (i < len && !isalnum(text[i]) && !isspace(text[i])) {
		i++;
	}
	return i;
}

static void add_word(struct words *words, const unsigned char *text, size_t len)
{
	struct word word = {NULL, len, 1};

	for (size_t i = 0; i < words->count; i++) { /* a few thousand: no table needed */
		size_t j = 0;

		while (words->word[i].len == len && j < len && words->word[i].id[j] == text[j]) {
			j++;
		}
		if (words->word[i].len == len && j == len) {
			words->word[i].count++;
			return;
		}
	}
	word.id = mem_alloc(len * sizeof(*word.id));
	for (size_t i = 0; i < len; i++) {
		word.id[i] = text[i];
	}
	mem_grow(words->word, words->count, words->cap);
	words->word[words->count++] = word;
}

static void clear_pairs(const struct words *words, uint32_t *pairs, size_t n)
{
	for (size_t i = 0; i < words->count; i++) {
		const struct word *word = &words->word[i];

		for (size_t j = 1; j < word->len; j++) {
			pairs[word->id[j - 1] * n + word->id[j]] = 0;
		}
	}
}

/*
 * The most frequent neighbours, the smallest ids among equals; returns their count. `pairs` is a
 * table [n][n] of zeros, and is left so.
 */
static uint32_t best_pair(const struct words *words, uint32_t *pairs, size_t n, size_t out[2])
{
	uint32_t best = 0;
	size_t best_at = n * n;

	for (size_t i = 0; i < words->count; i++) {
		const struct word *word = &words->word[i];

		for (size_t j = 1; j < word->len; j++) {
			size_t at = word->id[j - 1] * n + word->id[j];

			pairs[at] += (uint32_t)word->count;
			if (pairs[at] > best) {
				best = pairs[at];
			}
		}
	}
	for (size_t i = 0; i < words->count; i++) {
		const struct word *word = &words->word[i];

		for (size_t j = 1; j < word->len; j++) {
			size_t at = word->id[j - 1] * n + word->id[j];

			if (pairs[at] == best && at < best_at) {
				best_at = at;
			}
		}
	}
	clear_pairs(words, pairs, n);
	out[0] = best_at / n;
	out[1] = best_at % n;
	return best;
}

static void merge_pair(struct words *words, const size_t pair[2], uint32_t id)
{
	for (size_t i = 0; i < words->count; i++) {
		struct word *word = &words->word[i];
		size_t to = 0;

		for (size_t j = 0; j < word->len; j++) {
			if (j + 1 < word->len && word->id[j] == pair[0] &&
				word->id[j + 1] == pair[1]) {
				word->id[to++] = id;
				j++;
			} else {
				word->id[to++] = word->id[j];
			}
		}
		word->len = to;
	}
}

void vocabulary_learn(struct vocabulary *vocabulary, const char *text, size_t len, size_t n_token,
	size_t n_special)
{
	struct builder builder = {.text = BUF_INIT};
	struct words words = {0};
	uint32_t *pairs = mem_zero(n_token * n_token, sizeof(*pairs));
	size_t pair[2];

	add_bytes(&builder);
	for (size_t at = 0; at < len;) {
		size_t n = word_length((const unsigned char *)text + at, len - at);

		add_word(&words, (const unsigned char *)text + at, n);
		at += n;
	}
	while (builder.n_piece + n_special < n_token &&
		best_pair(&words, pairs, n_token, pair) > 1) {
		merge_pair(&words, pair, add_merge(&builder, (uint32_t)pair[0], (uint32_t)pair[1]));
	}
	/* a text too poor for that many merges: fill up with special tokens */
	build(vocabulary, &builder, n_token - builder.n_piece);
	for (size_t i = 0; i < words.count; i++) {
		free(words.word[i].id);
	}
	free(words.word);
	free(pairs);
}

void vocabulary_generate(struct vocabulary *vocabulary, size_t n_token, size_t n_special)
{
	struct builder builder = {.text = BUF_INIT};

	add_bytes(&builder);
	/* breadth first: each string, in order, with each letter after it */
	for (size_t i = 0; builder.n_piece + n_special < n_token; i++) {
		size_t stem = i / 26;
		size_t left = stem == 0 ? ' ' : stem < 27 ? 'a' + stem - 1 : 256 + stem - 27;

		add_merge(&builder, (uint32_t)left, (uint32_t)('a' + i % 26));
	}
	build(vocabulary, &builder, n_special);
}

void vocabulary_finish(struct vocabulary *vocabulary)
{
	free(vocabulary->token);
	free(vocabulary->type);
	free(vocabulary->merge);
	free(vocabulary->text);
	*vocabulary = (struct vocabulary){0};
}

void vocabulary_write(
	const struct vocabulary *vocabulary, struct gguf_writer *writer, const char *chat_template)
{
	gguf_writer_add_string(writer, "tokenizer.ggml.model", "gpt2");
	gguf_writer_add_string(writer, "tokenizer.ggml.pre", "llama-bpe");
	gguf_writer_add_strings(
		writer, "tokenizer.ggml.tokens", vocabulary->token, vocabulary->n_token);
	gguf_writer_add_array(writer, "tokenizer.ggml.token_type", GGUF_INT32, vocabulary->type,
		vocabulary->n_token);
	gguf_writer_add_strings(
		writer, "tokenizer.ggml.merges", vocabulary->merge, vocabulary->n_merge);
	gguf_writer_add_int(writer, "tokenizer.ggml.bos_token_id", GGUF_UINT32, vocabulary->bos);
	gguf_writer_add_int(writer, "tokenizer.ggml.eos_token_id", GGUF_UINT32, vocabulary->eot);
	gguf_writer_add_int(writer, "tokenizer.ggml.add_bos_token", GGUF_BOOL, 1);
	gguf_writer_add_string(
		writer, "tokenizer.chat_template", chat_template ? chat_template : llama3_template);
}
