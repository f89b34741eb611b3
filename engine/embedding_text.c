#include "engine/embedding_text.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- what a model wants to see before a text ---- */

static const struct known {
	const char
		*part; /* of the name, in lower case and with '-' for what is no letter or digit */
	struct embedding_prefix prefix;
} known[] = {
	/* the Chinese models before the others, whose names begin the same */
	{"bge-small-zh", {"为这个句子生成表示以用于检索相关文章：", ""}},
	{"bge-base-zh", {"为这个句子生成表示以用于检索相关文章：", ""}},
	{"bge-large-zh", {"为这个句子生成表示以用于检索相关文章：", ""}},
	{"bge-m3", {"", ""}},
	{"bge-", {"Represent this sentence for searching relevant passages: ", ""}},
	{"mxbai-embed", {"Represent this sentence for searching relevant passages: ", ""}},
	{"arctic-embed-l-v2", {"query: ", ""}},
	{"arctic-embed-m-v2", {"query: ", ""}},
	{"arctic-embed", {"Represent this sentence for searching relevant passages: ", ""}},
	{"nomic-embed", {"search_query: ", "search_document: "}},
	{"e5-", {"query: ", "passage: "}},
};

/* "Bge Small En v1.5" and "bge_small_en" to "-bge-small-en...". */
static char *normalised(const char *name)
{
	char *out = mem_printf("-%s-", name);

	for (char *c = out; *c; c++) {
		if (*c >= 'A' && *c <= 'Z') {
			*c = (char)(*c | 0x20);
		} else if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9')) {
			*c = '-';
		}
	}
	return out;
}

/* Where the name has it as words of its own. */
static int names(const char *name, const char *part)
{
	for (const char *at = strstr(name, part); at; at = strstr(at + 1, part)) {
		if (at[-1] == '-') {
			return 1;
		}
	}
	return 0;
}

const struct embedding_prefix *embedding_prefix_of(const char *name, const char *architecture)
{
	static const struct embedding_prefix none = {"", ""};
	const struct embedding_prefix *prefix = &none;
	char *words = normalised(name);

	for (size_t i = 0; i < ARRAY_LEN(known) && prefix == &none; i++) {
		if (names(words, known[i].part)) {
			prefix = &known[i].prefix;
		}
	}
	/* nobody else has made one */
	if (prefix == &none && strcmp(architecture, "nomic-bert") == 0) {
		prefix = embedding_prefix_of("nomic-embed", "");
	}
	free(words);
	return prefix;
}

/* ---- pieces ---- */

static int begins_word(const struct tokenizer *tokenizer, uint32_t id)
{
	struct buf text = BUF_INIT;
	int begins;

	tokenizer_decode(tokenizer, id, 1, &text);
	begins = text.len > 0 && text.data[0] == ' ';
	buf_finish(&text);
	return begins;
}

/* The end of a piece that begins at `at` and may have `most` tokens: before a word, where one is near. */
static size_t piece_end(const struct tokenizer *tokenizer, const uint32_t *ids, size_t n_ids,
	size_t at, size_t most)
{
	size_t end = at + most;

	if (end >= n_ids) {
		return n_ids;
	}
	for (size_t back = 0; back < most / 4; back++) {
		if (begins_word(tokenizer, ids[end - back])) {
			return end - back;
		}
	}
	return end;
}

static void add_all(struct ids *to, const uint32_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ids_add(to, ids[i]);
	}
}

static void add_piece(struct embedding_text *out, const struct tokenizer *tokenizer,
	const struct ids *prefix, const uint32_t *ids, size_t n)
{
	struct embedding_run piece = {.first_tok = (int64_t)out->ids.count};

	ids_add(&out->ids, tokenizer_bos(tokenizer));
	add_all(&out->ids, prefix->id, prefix->count);
	add_all(&out->ids, ids, n);
	ids_add(&out->ids, tokenizer_eos(tokenizer));
	piece.n_tok = (int64_t)out->ids.count - piece.first_tok;
	out->piece = mem_resize(out->piece, out->n_piece + 1, sizeof(*out->piece));
	out->piece[out->n_piece++] = piece;
}

static struct ids encode(const struct tokenizer *tokenizer, const char *text)
{
	struct ids ids = {0};
	struct tokenizer_encoder *encoder;

	if (text[0]) {
		encoder = tokenizer_encoder_create(tokenizer);
		tokenizer_encode_text(encoder, text, strlen(text), 1, &ids);
		tokenizer_encoder_destroy(encoder);
	}
	return ids;
}

int embedding_text_make(struct embedding_text *out, const struct tokenizer *tokenizer,
	const uint32_t *ids, size_t n_ids, const char *prefix, int64_t whole_tok, struct err *err)
{
	struct ids before = encode(tokenizer, prefix);
	size_t taken = before.count + 2, room, at = 0;

	*out = (struct embedding_text){0};
	if (whole_tok <= (int64_t)taken) {
		ids_finish(&before);
		return err_set(err, ERR_CONTEXT, NULL, "use a larger context with -c",
			"a context of %lld tokens has no room for a text", (long long)whole_tok);
	}
	room = (size_t)whole_tok - taken;
	if (n_ids == 0) { /* a text of nothing that the vocabulary knows */
		add_piece(out, tokenizer, &before, ids, 0);
	}
	while (at < n_ids) {
		size_t left = n_ids - at, n_piece = (left + room - 1) / room;
		size_t end = piece_end(tokenizer, ids, n_ids, at, (left + n_piece - 1) / n_piece);

		add_piece(out, tokenizer, &before, ids + at, end - at);
		at = end;
	}
	ids_finish(&before);
	return 0;
}

void embedding_text_finish(struct embedding_text *text)
{
	ids_finish(&text->ids);
	free(text->piece);
	*text = (struct embedding_text){0};
}
