/*
 * A tokenizer as the metadata of a GGUF file (keys: ggml docs/gguf.md, "Tokenizer"). What those keys
 * cannot say is said by keys of our own beside them, so that carrel reads the same tokenizer back;
 * other readers take the file for what it says without them. What a chat template forbids text is
 * left to who reads the template: the tokens keep their types.
 */
#include "base/mem.h"
#include "engine/model/gguf_write.h"
#include "engine/token/tokenizer_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE_SYMBOL "\xe2\x96\x81" /* U+2581 */

struct exporter {
	const struct tokenizer *t;
	struct gguf_writer *writer;
	char alphabet[256][2]; /* byte-level: how a byte is spelled */
	struct buf text;       /* spellings, one behind the other */
	size_t *start;         /* [n + 1] in text */
	size_t n;
	struct merge *merge; /* [n_merge] by rank */
	size_t n_merge;
	uint32_t end[2]; /* tokens that end answers and are known by nothing but their keys */
	size_t n_end;
};

/* ---- spellings ---- */

static void fill_alphabet(struct exporter *e)
{
	uint16_t character[256];

	tokenizer_byte_alphabet(character); /* all of them below U+0200 */
	for (unsigned byte = 0; byte < 256; byte++) {
		uint16_t cp = character[byte];

		e->alphabet[byte][0] = (char)(cp < 0x80 ? cp : 0xc0 | cp >> 6);
		e->alphabet[byte][1] = (char)(cp < 0x80 ? 0 : 0x80 | (cp & 63));
	}
}

static void spell(struct exporter *e, uint32_t id)
{
	const struct tokenizer *t = e->t;
	const char *text = vocab_text(&t->vocab, id);
	size_t len = vocab_len(&t->vocab, id);
	uint8_t type = t->vocab.type[id];
	int is_spelled = type == TOKEN_NORMAL || type == TOKEN_UNUSED;
	char byte[8];

	if (type == TOKEN_BYTE) {
		snprintf(byte, sizeof(byte), "<0x%02X>", (unsigned)(uint8_t)*text);
		buf_addstr(&e->text, byte);
	} else if (t->scheme == SCHEME_BYTE_LEVEL && is_spelled) {
		for (size_t i = 0; i < len; i++) {
			const char *c = e->alphabet[(uint8_t)text[i]];

			buf_add(&e->text, c, c[1] ? 2 : 1);
		}
	} else if (t->scheme != SCHEME_BYTE_LEVEL && (is_spelled || type == TOKEN_USER_DEFINED)) {
		for (size_t i = 0; i < len; i++) {
			if (text[i] == ' ') {
				buf_addstr(&e->text, SPACE_SYMBOL);
			} else {
				buf_addch(&e->text, text[i]);
			}
		}
	} else {
		buf_add(&e->text, text, len);
	}
}

static void begin_strings(struct exporter *e, size_t n)
{
	e->start = mem_resize(e->start, n + 1, sizeof(*e->start));
	e->n = 0;
	buf_clear(&e->text);
}

static void end_string(struct exporter *e)
{
	e->start[++e->n] = e->text.len;
}

static void write_strings(struct exporter *e, const char *key)
{
	struct gguf_string *string = mem_zero(e->n + 1, sizeof(*string));

	e->start[0] = 0;
	for (size_t i = 0; i < e->n; i++) {
		string[i].text = buf_str(&e->text) + e->start[i];
		string[i].len = e->start[i + 1] - e->start[i];
	}
	gguf_writer_add_strings(e->writer, key, string, e->n);
	free(string);
}

static void write_tokens(struct exporter *e)
{
	const struct vocab *v = &e->t->vocab;
	int32_t *type = mem_zero(v->count, sizeof(*type));

	begin_strings(e, v->count);
	for (uint32_t id = 0; id < v->count; id++) {
		type[id] = v->type[id];
		spell(e, id);
		end_string(e);
	}
	write_strings(e, "tokenizer.ggml.tokens");
	gguf_writer_add_array(e->writer, "tokenizer.ggml.token_type", GGUF_INT32, type, v->count);
	free(type);
}

/* ---- merges ---- */

static int by_rank(const void *left, const void *right)
{
	const struct merge *a = left, *b = right;

	return (a->rank > b->rank) - (a->rank < b->rank);
}

static void collect_merges(struct exporter *e)
{
	const struct merge_map *map = &e->t->merges;
	size_t cap = 0;

	for (size_t i = 0; map->slot && i <= map->mask; i++) {
		if (map->slot[i].left != NO_TOKEN) {
			mem_grow(e->merge, e->n_merge, cap);
			e->merge[e->n_merge++] = map->slot[i];
		}
	}
	if (e->n_merge) {
		qsort(e->merge, e->n_merge, sizeof(*e->merge), by_rank);
	}
}

static void write_merges(struct exporter *e)
{
	begin_strings(e, e->n_merge);
	for (size_t i = 0; i < e->n_merge; i++) {
		spell(e, e->merge[i].left);
		buf_addch(&e->text, ' ');
		spell(e, e->merge[i].right);
		end_string(e);
	}
	write_strings(e, "tokenizer.ggml.merges");
}

/* ---- scores ---- */

static void write_scores(struct exporter *e, const double *score)
{
	size_t n = e->t->vocab.count;
	float *single = mem_zero(n, sizeof(*single));
	int exact = 1;

	for (size_t i = 0; i < n; i++) {
		single[i] = (float)score[i];
		exact &= (double)single[i] == score[i];
	}
	/* Scores of `tokenizers`' own training are doubles. */
	gguf_writer_add_array(e->writer, "tokenizer.ggml.scores",
		exact ? GGUF_FLOAT32 : GGUF_FLOAT64, exact ? (const void *)single : score, n);
	free(single);
}

/* Ranks as scores: the lowest rank that makes a token; those that nothing makes come last. */
static double *scores_of_ranks(const struct exporter *e)
{
	const struct tokenizer *t = e->t;
	double *score = mem_zero(t->vocab.count, sizeof(*score));

	for (uint32_t id = 0; id < t->vocab.count; id++) {
		score[id] = t->vocab.type[id] == TOKEN_NORMAL ? -(double)t->merges.n_ranks : 0;
	}
	for (size_t i = e->n_merge; i-- > 0;) { /* the lowest rank is written last */
		score[e->merge[i].id] = -(double)e->merge[i].rank;
	}
	return score;
}

/*
 * Whether scores alone give these merges: every pair of tokens that makes a token is one, and all
 * pairs that make the same token go at the same rank. Lists of merges often say otherwise.
 */
static int scores_say_merges(const struct exporter *e, const double *score)
{
	const struct tokenizer *t = e->t;
	const struct vocab *v = &t->vocab;
	size_t n = 0;

	for (uint32_t id = 0; id < v->count; id++) {
		const char *text = vocab_text(v, id);
		size_t len = vocab_len(v, id);
		struct prefix_hash prefix = PREFIX_HASH_INIT;

		for (size_t at = 1; v->type[id] == TOKEN_NORMAL && at < len; at++) {
			const struct merge *merge;
			uint32_t left, right;

			if ((text[at] & 0xc0) == 0x80) {
				continue;
			}
			left = token_map_find_prefix(&t->normal, v, text, at, &prefix);
			right = left == NO_TOKEN
					? NO_TOKEN
					: token_map_find(&t->normal, v, text + at, len - at);
			if (right == NO_TOKEN) {
				continue;
			}
			merge = merge_map_find(&t->merges, left, right);
			if (!merge || -(double)merge->rank != score[id]) {
				return 0;
			}
			n++;
		}
	}
	return n == e->n_merge;
}

/* ---- options ---- */

static void add_bool(struct exporter *e, const char *key, int value)
{
	gguf_writer_add_int(e->writer, key, GGUF_BOOL, value);
}

static void add_id(struct exporter *e, const char *key, uint32_t id)
{
	if (id != NO_TOKEN) {
		gguf_writer_add_int(e->writer, key, GGUF_UINT32, id);
	}
}

static void write_model(struct exporter *e)
{
	const struct tokenizer *t = e->t;
	const struct splitter_gguf *known;
	double *score;

	switch (t->scheme) {
	case SCHEME_BYTE_LEVEL:
		gguf_writer_add_string(e->writer, "tokenizer.ggml.model", "gpt2");
		known = splitter_gguf_of(t->splitter, t->ignore_merges);
		gguf_writer_add_string(e->writer, "tokenizer.ggml.pre", known->name);
		if (t->ignore_merges != known->ignore_merges) {
			add_bool(e, "carrel.tokenizer.ignore_merges", t->ignore_merges);
		}
		write_tokens(e);
		write_merges(e);
		return;
	case SCHEME_SENTENCEPIECE:
		score = scores_of_ranks(e);
		gguf_writer_add_string(e->writer, "tokenizer.ggml.model", "llama");
		gguf_writer_add_string(e->writer, "tokenizer.ggml.pre", "default");
		write_tokens(e);
		write_scores(e, score);
		if (!scores_say_merges(e, score)) {
			add_bool(e, "carrel.tokenizer.exact_merges", 1);
			write_merges(e);
		}
		free(score);
		break;
	case SCHEME_UNIGRAM:
		gguf_writer_add_string(e->writer, "tokenizer.ggml.model", "t5");
		gguf_writer_add_string(e->writer, "tokenizer.ggml.pre", "default");
		write_tokens(e);
		write_scores(e, t->unigram.score);
		add_bool(e, "tokenizer.ggml.remove_extra_whitespaces", 0);
		break;
	case SCHEME_WORDPIECE:
		gguf_writer_add_string(e->writer, "tokenizer.ggml.model", "bert");
		write_tokens(e);
		add_id(e, "tokenizer.ggml.cls_token_id", t->bos);
		add_id(e, "tokenizer.ggml.seperator_token_id", t->eos); /* their spelling */
		add_id(e, "tokenizer.ggml.unknown_token_id", t->unknown);
		return;
	}
	add_bool(e, "tokenizer.ggml.add_space_prefix", t->prefix != PREFIX_NONE);
	if (t->prefix == PREFIX_UNLESS_SPACE) {
		add_bool(e, "carrel.tokenizer.prefix_unless_space", 1);
	}
	add_id(e, "tokenizer.ggml.unknown_token_id", t->unknown);
}

static int check_exportable(struct exporter *e, struct err *err)
{
	const struct tokenizer *t = e->t;

	if (t->splitter && !splitter_gguf_of(t->splitter, t->ignore_merges)) {
		return err_set(err, ERR_ENGINE, NULL, "use the model from its own directory",
			"GGUF has no name for the splitter \"%s\" (tokenizer.ggml.pre)",
			t->splitter->name);
	}
	for (size_t i = 0; i < t->n_end; i++) {
		uint32_t id = t->end[i];

		if (id == t->eos || tokenizer_text_is_end(
					    vocab_text(&t->vocab, id), vocab_len(&t->vocab, id))) {
			continue;
		}
		if (e->n_end == ARRAY_LEN(e->end)) {
			return err_set(err, ERR_ENGINE, NULL,
				"use the model from its own directory",
				"GGUF has keys for three tokens that end an answer "
				"(eos, eot, eom), and the tokenizer has more");
		}
		e->end[e->n_end++] = id;
	}
	return 0;
}

int tokenizer_export_gguf(
	const struct tokenizer *tokenizer, struct gguf_writer *writer, struct err *err)
{
	static const char *const end_key[] = {
		"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
	struct exporter e = {.t = tokenizer, .writer = writer, .text = BUF_INIT};

	if (check_exportable(&e, err)) {
		return -1;
	}
	fill_alphabet(&e);
	collect_merges(&e);
	write_model(&e);
	add_id(&e, "tokenizer.ggml.bos_token_id", tokenizer->bos);
	add_id(&e, "tokenizer.ggml.eos_token_id", tokenizer->eos);
	for (size_t i = 0; i < e.n_end; i++) {
		add_id(&e, end_key[i], e.end[i]);
	}
	add_bool(&e, "tokenizer.ggml.add_bos_token", tokenizer->add_bos);
	buf_finish(&e.text);
	free(e.start);
	free(e.merge);
	return 0;
}
