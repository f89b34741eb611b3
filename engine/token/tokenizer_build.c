/* From a file's description to a tokenizer. Nothing in the description is trusted. */
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/token/tokenizer_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ids are 32 bits and two of them make a key; no vocabulary comes near */
#define MAX_TOKENS   ((size_t)1 << 28)
#define SPACE_SYMBOL "\xe2\x96\x81" /* U+2581, SentencePiece's space */
#define SHOWN        60             /* bytes of a token in a message */
/*
 * SentencePiece trains no token beyond 512 characters, 2 KiB. What a token's length multiplies
 * (matching added tokens, deriving merges) is bounded by it whatever the file says.
 */
#define MAX_TOKEN_BYTES 2048
/* Added tokens are looked for at every byte of a text. Published ones have up to some 100 bytes. */
#define MAX_ADDED_BYTES 256
#define EXPORT_HINT     "convert the model again from its original files"

struct builder {
	struct tokenizer *t;
	const struct tokenizer_spec *spec;
	struct err *err;
	int16_t byte_of[512]; /* byte-level: character to byte, -1 where it stands for none */
	struct merge *merge;  /* in the order they were added */
	size_t n_merge, cap_merge;
};

static int refuse(struct builder *b, const char *what, size_t index, const char *text, size_t len)
{
	char shown[SHOWN + 1];
	size_t n = 0;

	for (; n < len && n < SHOWN; n++) {
		shown[n] = text[n] >= 0x20 && text[n] < 0x7f ? text[n] : '.';
	}
	shown[n] = 0;
	return err_set(b->err, ERR_ENGINE, b->spec->name, EXPORT_HINT, what, index, shown);
}

static int no_memory(struct builder *b)
{
	return err_set(b->err, ERR_ENGINE, b->spec->name, NULL, "no memory for the tokenizer");
}

void tokenizer_byte_alphabet(uint16_t character[256])
{
	uint16_t next = 256;

	for (uint16_t byte = 0; byte < 256; byte++) {
		int printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);

		character[byte] = printable ? byte : next++;
	}
}

static void fill_byte_of(int16_t byte_of[512])
{
	uint16_t character[256];

	memset(byte_of, 0xff, 512 * sizeof(*byte_of));
	tokenizer_byte_alphabet(character);
	for (unsigned byte = 0; byte < 256; byte++) {
		byte_of[character[byte]] = (int16_t)byte;
	}
}

/* Write the bytes that byte-level text stands for; returns how many, or -1 (no such character). */
static ptrdiff_t byte_level_bytes(struct builder *b, const char *text, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		uint32_t cp;
		size_t width = utf8_decode(text + i, len - i, &cp);

		if (!width || cp >= 512 || b->byte_of[cp] < 0) {
			return -1;
		}
		out[n++] = (char)b->byte_of[cp];
		i += width;
	}
	return (ptrdiff_t)n;
}

static size_t sentencepiece_bytes(const char *text, size_t len, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < len;) {
		if (len - i >= 3 && !memcmp(text + i, SPACE_SYMBOL, 3)) {
			out[n++] = ' ';
			i += 3;
		} else {
			out[n++] = text[i++];
		}
	}
	return n;
}

/* As GGUF writes it: U+2581 stands before what begins a word, and nothing before what goes on. */
static ptrdiff_t wordpiece_bytes(const struct token_spec *token, char *out)
{
	int begins = token->type == TOKEN_NORMAL && token->len >= 3 &&
		     !memcmp(token->text, SPACE_SYMBOL, 3);
	size_t skip = begins ? 2 : 0; /* the space goes over the symbol's last byte */

	memcpy(out, token->text + skip, token->len - skip);
	if (begins) {
		out[0] = ' ';
	}
	return (ptrdiff_t)(token->len - skip);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of "<0xXX>", or -1. */
static int byte_token_value(const char *text, size_t len)
{
	if (len != 6 || memcmp(text, "<0x", 3) || text[5] != '>' || hex_digit(text[3]) < 0 ||
		hex_digit(text[4]) < 0) {
		return -1;
	}
	return hex_digit(text[3]) * 16 + hex_digit(text[4]);
}

/* Whether the file's spelling stands for bytes, rather than being the bytes. */
static int is_spelled(const struct token_spec *token)
{
	return token->type == TOKEN_NORMAL || token->type == TOKEN_UNUSED;
}

static ptrdiff_t token_bytes(
	struct builder *b, const struct token_spec *token, size_t id, char *out)
{
	ptrdiff_t n;

	if (token->type == TOKEN_BYTE) {
		int value = byte_token_value(token->text, token->len);

		if (value < 0 || b->spec->scheme == SCHEME_BYTE_LEVEL) {
			return refuse(b,
				"token %zu \"%s\" is marked as a byte but is not <0x00>..<0xFF>",
				id, token->text, token->len);
		}
		out[0] = (char)value;
		return 1;
	}
	if (b->spec->scheme == SCHEME_WORDPIECE) {
		return wordpiece_bytes(token, out);
	}
	if (b->spec->scheme != SCHEME_BYTE_LEVEL &&
		(is_spelled(token) || token->type == TOKEN_USER_DEFINED)) {
		return (ptrdiff_t)sentencepiece_bytes(token->text, token->len, out);
	}
	if (b->spec->scheme == SCHEME_BYTE_LEVEL && is_spelled(token)) {
		n = byte_level_bytes(b, token->text, token->len, out);
		if (n >= 0) {
			return n;
		}
		if (token->type == TOKEN_NORMAL) {
			return refuse(b,
				"token %zu \"%s\" has a character outside the byte-level alphabet",
				id, token->text, token->len);
		}
	}
	memcpy(out, token->text, token->len);
	return (ptrdiff_t)token->len;
}

static int too_long(struct builder *b, size_t id)
{
	const struct token_spec *token = &b->spec->token[id];

	return refuse(b,
		token->type == TOKEN_USER_DEFINED
			? "the added token %zu \"%s...\" is longer than any vocabulary's (256 "
			  "bytes)"
			: "token %zu \"%s...\" is longer than any vocabulary's (2 KiB)",
		id, token->text, token->len);
}

static int build_texts(struct builder *b)
{
	const struct tokenizer_spec *spec = b->spec;
	struct vocab *v = &b->t->vocab;
	size_t total = 0;

	if (spec->n_token == 0 || spec->n_token > MAX_TOKENS) {
		return err_set(b->err, ERR_ENGINE, spec->name, EXPORT_HINT,
			"the vocabulary has %zu tokens", spec->n_token);
	}
	for (size_t i = 0; i < spec->n_token; i++) {
		/* before its bytes are known: no spelling takes more than 4 bytes for one */
		if (spec->token[i].len > 4 * MAX_TOKEN_BYTES) {
			return too_long(b, i);
		}
		total += spec->token[i].len;
	}
	v->count = (uint32_t)spec->n_token;
	v->text = malloc(total + 1);
	v->start = reallocarray(NULL, spec->n_token + 1, sizeof(*v->start));
	v->type = malloc(spec->n_token);
	v->special = malloc(spec->n_token);
	if (!v->text || !v->start || !v->type || !v->special) {
		return no_memory(b);
	}
	v->start[0] = 0;
	for (size_t i = 0; i < spec->n_token; i++) {
		const struct token_spec *token = &spec->token[i];
		ptrdiff_t n;

		if (token->type < TOKEN_NORMAL || token->type > TOKEN_BYTE) {
			return err_set(b->err, ERR_ENGINE, spec->name, EXPORT_HINT,
				"token %zu has the unknown type %d", i, token->type);
		}
		n = token_bytes(b, token, i, v->text + v->start[i]);
		if (n < 0) {
			return -1;
		}
		if (n > (token->type == TOKEN_USER_DEFINED ? MAX_ADDED_BYTES : MAX_TOKEN_BYTES)) {
			return too_long(b, i);
		}
		v->start[i + 1] = v->start[i] + (size_t)n;
		v->type[i] = token->type;
		v->special[i] = token->special || token->type == TOKEN_CONTROL ||
				token->type == TOKEN_UNKNOWN;
		if (v->type[i] == TOKEN_NORMAL && (v->special[i] || n == 0)) {
			v->type[i] = v->special[i] ? TOKEN_CONTROL : TOKEN_UNUSED;
		}
		if (v->type[i] == TOKEN_NORMAL && spec->split_at_spaces &&
			memchr(v->text + v->start[i] + 1, ' ', (size_t)n - 1)) {
			v->type[i] = TOKEN_UNUSED;
		}
		if (v->type[i] == TOKEN_NORMAL && (size_t)n > v->longest) {
			v->longest = (size_t)n;
		}
	}
	return 0;
}

static int is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((uint8_t)text[i] >= 0x80) {
			return 0;
		}
	}
	return 1;
}

/*
 * GPT-NeoX's vocabularies have runs of spaces twice, as tokens and as added tokens. Text becomes the
 * added ones, which are found first.
 */
static int may_stand_twice(const struct vocab *v, uint32_t id)
{
	const char *text = vocab_text(v, id);
	size_t len = vocab_len(v, id), n = 0;

	while (n < len && text[n] == ' ') {
		n++;
	}
	return v->type[id] == TOKEN_USER_DEFINED && n == len;
}

static int build_maps(struct builder *b)
{
	struct tokenizer *t = b->t;
	const struct vocab *v = &t->vocab;
	size_t n_normal = 0;

	for (uint32_t id = 0; id < v->count; id++) {
		n_normal += v->type[id] == TOKEN_NORMAL;
	}
	if (token_map_init(&t->normal, n_normal) ||
		token_map_init(&t->added, v->count - n_normal)) {
		return no_memory(b);
	}
	for (int added = 0; added < 2; added++) {
		for (uint32_t id = 0; id < v->count; id++) {
			const char *text = vocab_text(v, id);
			size_t len = vocab_len(v, id);
			uint32_t twin;

			if ((v->type[id] != TOKEN_NORMAL) != added || len == 0 ||
				v->type[id] == TOKEN_BYTE) {
				continue;
			}
			twin = token_map_add(added ? &t->added : &t->normal, v, id);
			/* Beyond ASCII the spelling of an added token is not that of a normal one.
			 */
			if (twin == NO_TOKEN && added && is_ascii(text, len) &&
				!may_stand_twice(v, id)) {
				twin = token_map_find(&t->normal, v, text, len);
			}
			if (twin != NO_TOKEN) {
				return err_set(b->err, ERR_ENGINE, b->spec->name, EXPORT_HINT,
					"tokens %u and %u have the same text", twin, id);
			}
		}
	}
	return 0;
}

/* The token of what a Unigram vocabulary without a token for every byte does not know. */
static int find_unknown(struct tokenizer *t)
{
	for (uint32_t id = 0; id < t->vocab.count; id++) {
		if (t->vocab.type[id] == TOKEN_UNKNOWN) {
			t->unknown = id;
			return 0;
		}
	}
	return -1;
}

/*
 * Published byte-level vocabularies lack bytes that their training texts did not have: controls
 * (falcon), what UTF-8 never has (C0, C1, F5 and up; starcoder, gpt-neox), the beginnings of planes
 * that are hardly assigned (F1 to F4).
 */
static int may_be_missing(const struct tokenizer *t, unsigned byte)
{
	return t->scheme == SCHEME_BYTE_LEVEL &&
	       ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f ||
		       byte == 0xc0 || byte == 0xc1 || byte > 0xf0);
}

static int build_bytes(struct builder *b)
{
	struct tokenizer *t = b->t;
	const struct vocab *v = &t->vocab;
	int sentencepiece = t->scheme != SCHEME_BYTE_LEVEL;

	memset(t->byte_id, 0xff, sizeof(t->byte_id));
	memset(t->ascii_id, 0xff, sizeof(t->ascii_id));
	if (t->scheme == SCHEME_WORDPIECE) {
		t->unknown = b->spec->unknown;
		return 0;
	}
	for (uint32_t id = 0; id < v->count; id++) {
		if (v->type[id] == (sentencepiece ? TOKEN_BYTE : TOKEN_NORMAL) &&
			vocab_len(v, id) == 1) {
			uint8_t byte = (uint8_t)*vocab_text(v, id);

			if (t->byte_id[byte] != NO_TOKEN) {
				return err_set(b->err, ERR_ENGINE, b->spec->name, EXPORT_HINT,
					"tokens %u and %u have the same byte", t->byte_id[byte],
					id);
			}
			t->byte_id[byte] = id;
		}
	}
	t->unknown = NO_TOKEN;
	for (unsigned byte = 0; byte < 256; byte++) {
		if (t->byte_id[byte] == NO_TOKEN && may_be_missing(t, byte)) {
			t->byte_id[byte] = t->byte_id['?'];
		}
		if (t->byte_id[byte] == NO_TOKEN) {
			if (t->scheme == SCHEME_UNIGRAM && find_unknown(t) == 0) {
				break;
			}
			return err_set(b->err, ERR_ENGINE, b->spec->name,
				"use a model whose vocabulary covers every byte",
				"no token stands for the byte 0x%02X, so not every text has ids",
				byte);
		}
	}
	for (unsigned c = 0; c < 128; c++) {
		char text = (char)c;

		t->ascii_id[c] = token_map_find(&t->normal, v, &text, 1);
	}
	return 0;
}

/* One side of a merge as the file spells it: its token, NO_TOKEN if there is none. */
static uint32_t find_spelled(
	struct builder *b, const char *text, size_t len, char *bytes, size_t *n)
{
	const struct tokenizer *t = b->t;
	uint32_t id;

	if (t->scheme != SCHEME_BYTE_LEVEL) {
		*n = sentencepiece_bytes(text, len, bytes);
	} else {
		ptrdiff_t decoded = byte_level_bytes(b, text, len, bytes);

		if (decoded < 0) {
			return NO_TOKEN;
		}
		*n = (size_t)decoded;
	}
	id = token_map_find(&t->normal, &t->vocab, bytes, *n);
	return id != NO_TOKEN ? id : token_map_find(&t->added, &t->vocab, bytes, *n);
}

static void add_merge(struct builder *b, struct merge merge)
{
	mem_grow(b->merge, b->n_merge, b->cap_merge);
	b->merge[b->n_merge++] = merge;
}

/* The tokens of the file's merge `i`. Those that are not all ordinary are left out: text never
 * becomes them. */
static int add_listed(struct builder *b, size_t i, struct buf *bytes)
{
	const struct merge_spec *m = &b->spec->merge[i];
	const struct tokenizer *t = b->t;
	struct merge merge = {.rank = (uint32_t)i, .id = NO_TOKEN};
	size_t n_left = 0, n_right = 0;

	buf_clear(bytes);
	buf_reserve(bytes, m->left_len + m->right_len);
	merge.left = find_spelled(b, m->left, m->left_len, bytes->data, &n_left);
	merge.right = find_spelled(b, m->right, m->right_len, bytes->data + n_left, &n_right);
	if (merge.left != NO_TOKEN && merge.right != NO_TOKEN) {
		size_t n = n_left + n_right;

		merge.id = token_map_find(&t->normal, &t->vocab, bytes->data, n);
		if (merge.id == NO_TOKEN) {
			merge.id = token_map_find(&t->added, &t->vocab, bytes->data, n);
		}
	}
	if (merge.id == NO_TOKEN) {
		return refuse(b, "merge %zu (\"%s\" ...) names a token that is not there", i,
			m->left, m->left_len);
	}
	if (t->vocab.type[merge.left] == TOKEN_NORMAL &&
		t->vocab.type[merge.right] == TOKEN_NORMAL &&
		t->vocab.type[merge.id] == TOKEN_NORMAL) {
		add_merge(b, merge);
	}
	return 0;
}

static int list_merges(struct builder *b)
{
	struct buf bytes = BUF_INIT;
	int result = b->spec->n_merge < NO_TOKEN ? 0 : no_memory(b);

	for (size_t i = 0; i < b->spec->n_merge && !result; i++) {
		result = add_listed(b, i, &bytes);
	}
	buf_finish(&bytes);
	return result;
}

struct scored {
	float score;
	uint32_t id;
};

static int by_score(const void *left, const void *right)
{
	const struct scored *a = left, *b = right;

	if (a->score != b->score) {
		return a->score > b->score ? -1 : 1;
	}
	return (a->id > b->id) - (a->id < b->id);
}

static int is_boundary(const char *text, size_t at)
{
	return (text[at] & 0xc0) != 0x80;
}

/* Every way to put token `id` together from two others, with this rank. */
static void add_splits(struct builder *b, uint32_t id, uint32_t rank)
{
	const struct tokenizer *t = b->t;
	const char *text = vocab_text(&t->vocab, id);
	size_t len = vocab_len(&t->vocab, id);
	struct prefix_hash prefix = PREFIX_HASH_INIT;

	for (size_t at = 1; at < len; at++) {
		uint32_t left, right;

		if (!is_boundary(text, at)) {
			continue;
		}
		left = token_map_find_prefix(&t->normal, &t->vocab, text, at, &prefix);
		if (left == NO_TOKEN) {
			continue;
		}
		right = token_map_find(&t->normal, &t->vocab, text + at, len - at);
		if (right != NO_TOKEN) {
			add_merge(b, (struct merge){left, right, rank, id});
		}
	}
}

/*
 * SentencePiece has no merge list: any two neighbours that make a token merge, the best score
 * first. Tokens of one score share a rank, so that among them the leftmost goes first.
 */
static int derive_merges(struct builder *b)
{
	const struct tokenizer *t = b->t;
	struct scored *order = reallocarray(NULL, t->vocab.count, sizeof(*order));
	uint32_t rank = 0;
	size_t n = 0;

	if (!order) {
		return no_memory(b);
	}
	for (uint32_t id = 0; id < t->vocab.count; id++) {
		if (isnan(b->spec->token[id].score)) {
			free(order);
			return err_set(b->err, ERR_ENGINE, b->spec->name, EXPORT_HINT,
				"the score of token %u is not a number", id);
		}
		if (t->vocab.type[id] == TOKEN_NORMAL) {
			order[n++] = (struct scored){b->spec->token[id].score, id};
		}
	}
	qsort(order, n, sizeof(*order), by_score);
	for (size_t i = 0; i < n; i++) {
		rank += i && order[i].score != order[i - 1].score;
		add_splits(b, order[i].id, rank);
	}
	free(order);
	return 0;
}

static int build_unigram(struct builder *b)
{
	struct tokenizer *t = b->t;
	double *score = reallocarray(NULL, t->vocab.count, sizeof(*score));
	int result = score ? 0 : no_memory(b);

	for (uint32_t id = 0; id < t->vocab.count && !result; id++) {
		score[id] = b->spec->token[id].score;
		if (!isfinite(score[id])) {
			result = err_set(b->err, ERR_ENGINE, b->spec->name, EXPORT_HINT,
				"the score of token %u is not a number", id);
		}
	}
	if (!result && unigram_init(&t->unigram, &t->vocab, score)) {
		result = no_memory(b);
	}
	free(score);
	return result;
}

static int build_merges(struct builder *b)
{
	struct tokenizer *t = b->t;

	if (t->scheme == SCHEME_UNIGRAM) {
		return build_unigram(b);
	}
	if (t->scheme == SCHEME_WORDPIECE) {
		return 0;
	}
	if (b->spec->use_scores ? derive_merges(b) : list_merges(b)) {
		return -1;
	}
	if (merge_map_init(&t->merges, b->n_merge)) {
		return no_memory(b);
	}
	for (size_t i = 0; i < b->n_merge; i++) {
		if (merge_map_add(&t->merges, &b->merge[i])) {
			return err_set(b->err, ERR_ENGINE, b->spec->name, EXPORT_HINT,
				"merge %u stands there twice", b->merge[i].rank);
		}
	}
	return 0;
}

static void build_joints(struct tokenizer *t)
{
	for (uint32_t id = 0; id < t->vocab.count; id++) {
		const uint8_t *text = (const uint8_t *)vocab_text(&t->vocab, id);
		size_t len = vocab_len(&t->vocab, id);

		for (size_t at = 1; at < len && t->vocab.type[id] == TOKEN_NORMAL; at++) {
			if (is_boundary((const char *)text, at)) {
				unsigned pair = (unsigned)text[at - 1] << 8 | text[at];

				t->joint[pair >> 6] |= (uint64_t)1 << (pair & 63);
			}
		}
	}
}

void tokenizer_build_matchers(struct tokenizer *t)
{
	matcher_finish(&t->user);
	matcher_finish(&t->special);
	for (uint32_t id = 0; id < t->vocab.count; id++) {
		const char *text = vocab_text(&t->vocab, id);
		size_t len = vocab_len(&t->vocab, id);
		uint8_t type = t->vocab.type[id];

		if (len == 0 || type == TOKEN_NORMAL || type == TOKEN_BYTE ||
			type == TOKEN_UNUSED) {
			continue;
		}
		matcher_add(&t->special, text, len, id);
		if (!t->vocab.special[id]) {
			matcher_add(&t->user, text, len, id);
		}
	}
	matcher_ready(&t->user);
	matcher_ready(&t->special);
}

static int compare_markers(const void *left, const void *right)
{
	const struct marker *a = left, *b = right;
	int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

void tokenizer_build_digest(struct tokenizer *t)
{
	struct sha256 *hash = sha256_create();

	if (t->n_marker) {
		qsort(t->marker, t->n_marker, sizeof(*t->marker), compare_markers);
	}
	sha256_add_field(hash, "vocabulary", &t->vocab_digest, sizeof(t->vocab_digest));
	sha256_add_field(hash, "special", t->vocab.special, t->vocab.count);
	for (size_t i = 0; i < t->n_marker; i++) {
		sha256_add_field(hash, "marker", t->marker[i].text, t->marker[i].len);
	}
	t->digest = sha256_finish(hash);
	sha256_destroy(hash);
}

/* Everything that decides ids, but for the markers. */
static void build_vocab_digest(struct builder *b)
{
	struct tokenizer *t = b->t;
	const struct vocab *v = &t->vocab;
	uint32_t option[] = {t->scheme, (uint32_t)t->ignore_merges, t->prefix, t->bos, t->eos,
		(uint32_t)t->add_bos, v->count};
	struct sha256 *hash = sha256_create();

	sha256_add_field(hash, "carrel tokenizer", "1", 1);
	sha256_add_field(hash, "option", option, sizeof(option));
	if (t->splitter) {
		sha256_add_field(hash, "splitter", t->splitter->name, strlen(t->splitter->name));
	}
	sha256_add_field(hash, "start", v->start, (v->count + (size_t)1) * sizeof(*v->start));
	sha256_add_field(hash, "text", v->text, v->start[v->count]);
	sha256_add_field(hash, "type", v->type, v->count);
	if (b->n_merge) {
		sha256_add_field(hash, "merge", b->merge, b->n_merge * sizeof(*b->merge));
	}
	if (t->scheme == SCHEME_WORDPIECE) {
		uint32_t wordpiece[] = {(uint32_t)t->is_cased, t->unknown};

		sha256_add_field(hash, "wordpiece", wordpiece, sizeof(wordpiece));
	}
	if (t->scheme == SCHEME_UNIGRAM) {
		sha256_add_field(hash, "score", t->unigram.score,
			t->vocab.count * sizeof(*t->unigram.score));
	}
	t->vocab_digest = sha256_finish(hash);
	sha256_destroy(hash);
}

int tokenizer_text_is_end(const char *text, size_t len)
{
	static const char *const known[] = {"<|eot_id|>", "<|eom_id|>", "<|end_of_text|>",
		"<|im_end|>", "<|endoftext|>", "<|end|>", "<end_of_turn>", "<|eot|>", "<|eom|>",
		"<EOT>", "<eos>", "</s>", "[EOT]", "[EOS]", "<|return|>", "<|call|>", "<|flush|>",
		"<|END_OF_TURN_TOKEN|>", "<EOS_TOKEN>", "<end_of_utterance>", "[|endofturn|]",
		"<\uff5cend\u2581of\u2581sentence\uff5c>"};

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strlen(known[i]) == len && !memcmp(known[i], text, len)) {
			return 1;
		}
	}
	return 0;
}

static void add_end(struct tokenizer *t, uint32_t id)
{
	if (id < t->vocab.count && !tokenizer_is_end(t, id) && t->n_end < MAX_END_TOKENS) {
		t->end[t->n_end++] = id;
	}
}

/* What begins and ends texts; text never becomes these, whatever type the file gives them. */
static int build_ends(struct builder *b)
{
	struct tokenizer *t = b->t;
	const struct tokenizer_spec *spec = b->spec;

	for (size_t i = 0; i < spec->n_end; i++) {
		if (spec->end[i] >= t->vocab.count) {
			return err_set(b->err, ERR_ENGINE, spec->name, EXPORT_HINT,
				"the end token %u is outside the vocabulary of %u tokens",
				spec->end[i], t->vocab.count);
		}
		add_end(t, spec->end[i]);
	}
	if ((spec->bos != NO_TOKEN && spec->bos >= t->vocab.count) ||
		(spec->eos != NO_TOKEN && spec->eos >= t->vocab.count)) {
		return err_set(b->err, ERR_ENGINE, spec->name, EXPORT_HINT,
			"the token that begins or ends a text (%u, %u) is outside the vocabulary "
			"of %u "
			"tokens",
			spec->bos, spec->eos, t->vocab.count);
	}
	t->bos = spec->bos;
	t->eos = spec->eos;
	t->add_bos = spec->add_bos && t->bos != NO_TOKEN;
	add_end(t, t->eos);
	for (uint32_t id = 0; id < t->vocab.count; id++) {
		if ((t->vocab.type[id] == TOKEN_CONTROL ||
			    t->vocab.type[id] == TOKEN_USER_DEFINED) &&
			tokenizer_text_is_end(
				vocab_text(&t->vocab, id), vocab_len(&t->vocab, id))) {
			add_end(t, id);
		}
	}
	return 0;
}

/* Before the maps are made: a token that ends answers is not one that text can become. */
static void forbid_ends(struct tokenizer *t)
{
	for (size_t i = 0; i <= t->n_end; i++) {
		uint32_t id = i < t->n_end ? t->end[i] : t->bos;

		if (id == NO_TOKEN || t->vocab.type[id] == TOKEN_BYTE ||
			(t->vocab.type[id] == TOKEN_NORMAL && vocab_len(&t->vocab, id) == 1)) {
			continue;
		}
		t->vocab.special[id] = 1;
		if (t->vocab.type[id] == TOKEN_NORMAL) {
			t->vocab.type[id] = TOKEN_CONTROL;
		}
	}
}

static int build(struct builder *b)
{
	struct tokenizer *t = b->t;

	fill_byte_of(b->byte_of);
	if (build_texts(b) || build_ends(b)) {
		return -1;
	}
	forbid_ends(t);
	if (build_maps(b) || build_bytes(b) || build_merges(b)) {
		return -1;
	}
	if (t->scheme == SCHEME_WORDPIECE) {
		t->describe = mem_printf("WordPiece, %u tokens, %s", t->vocab.count,
			t->is_cased ? "cased" : "lower case, without accents");
	} else if (t->scheme != SCHEME_BYTE_LEVEL) {
		build_joints(t);
		t->describe = mem_printf("SentencePiece %s, %u tokens, normalizers not applied",
			t->scheme == SCHEME_UNIGRAM ? "Unigram" : "BPE", t->vocab.count);
	} else {
		t->describe = mem_printf("%s byte-level BPE, %u tokens%s", t->splitter->name,
			t->vocab.count, b->spec->has_normalizer ? ", normalizer not applied" : "");
	}
	build_vocab_digest(b);
	tokenizer_build_matchers(t);
	tokenizer_build_digest(t);
	return 0;
}

int tokenizer_build(struct tokenizer **out, const struct tokenizer_spec *spec, struct err *err)
{
	struct builder b = {.t = mem_zero(1, sizeof(*b.t)), .spec = spec, .err = err};
	int result;

	b.t->scheme = spec->scheme;
	b.t->splitter = spec->splitter;
	b.t->ignore_merges = spec->ignore_merges;
	b.t->prefix = spec->prefix;
	b.t->is_cased = spec->is_cased;
	result = build(&b);

	free(b.merge);
	if (result) {
		tokenizer_close(b.t);
		b.t = NULL;
	}
	*out = b.t;
	return result;
}
