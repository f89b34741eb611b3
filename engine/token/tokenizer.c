#include "engine/token/tokenizer.h"

#include "base/mem.h"
#include "engine/token/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

void ids_finish(struct ids *ids)
{
	free(ids->id);
	*ids = (struct ids){0};
}

void ids_add(struct ids *ids, uint32_t id)
{
	mem_grow(ids->id, ids->count, ids->cap);
	ids->id[ids->count++] = id;
}

void tokenizer_close(struct tokenizer *tokenizer)
{
	struct tokenizer *t = tokenizer;

	if (!t) {
		return;
	}
	for (size_t i = 0; i < t->n_marker; i++) {
		free(t->marker[i].text);
	}
	free(t->marker);
	matcher_finish(&t->user);
	matcher_finish(&t->special);
	matcher_finish(&t->marker_matcher);
	token_map_finish(&t->normal);
	token_map_finish(&t->added);
	merge_map_finish(&t->merges);
	unigram_finish(&t->unigram);
	free(t->vocab.text);
	free(t->vocab.start);
	free(t->vocab.type);
	free(t->vocab.special);
	free(t->describe);
	free(t);
}

uint32_t tokenizer_vocab_count(const struct tokenizer *tokenizer)
{
	return tokenizer->vocab.count;
}

const struct sha256_digest *tokenizer_digest(const struct tokenizer *tokenizer)
{
	return &tokenizer->digest;
}

const char *tokenizer_describe(const struct tokenizer *tokenizer)
{
	return tokenizer->describe;
}

uint32_t tokenizer_bos(const struct tokenizer *tokenizer)
{
	return tokenizer->bos;
}

uint32_t tokenizer_eos(const struct tokenizer *tokenizer)
{
	return tokenizer->eos;
}

int tokenizer_add_bos(const struct tokenizer *tokenizer)
{
	return tokenizer->add_bos;
}

int tokenizer_is_end(const struct tokenizer *tokenizer, uint32_t id)
{
	for (size_t i = 0; i < tokenizer->n_end; i++) {
		if (tokenizer->end[i] == id) {
			return 1;
		}
	}
	return 0;
}

void tokenizer_set_end(struct tokenizer *tokenizer, const char *text, int is_end)
{
	uint32_t id = tokenizer_find(tokenizer, text, strlen(text));
	size_t n = 0;

	if (id == UINT32_MAX || tokenizer_is_end(tokenizer, id) == is_end) {
		return;
	}
	if (is_end && tokenizer->n_end < MAX_END_TOKENS) {
		tokenizer->end[tokenizer->n_end++] = id;
	} else if (!is_end && tokenizer->n_end > 1) {
		for (size_t i = 0; i < tokenizer->n_end; i++) {
			if (tokenizer->end[i] != id) {
				tokenizer->end[n++] = tokenizer->end[i];
			}
		}
		tokenizer->n_end = n;
	}
}

int tokenizer_is_forbidden(const struct tokenizer *tokenizer, uint32_t id)
{
	return id >= tokenizer->vocab.count || tokenizer->vocab.special[id];
}

uint32_t tokenizer_unknown(const struct tokenizer *tokenizer)
{
	return tokenizer->unknown;
}

uint32_t tokenizer_find(const struct tokenizer *tokenizer, const char *text, size_t len)
{
	uint32_t id = token_map_find(&tokenizer->added, &tokenizer->vocab, text, len);

	return id != NO_TOKEN ? id
			      : token_map_find(&tokenizer->normal, &tokenizer->vocab, text, len);
}

void tokenizer_decode(const struct tokenizer *tokenizer, uint32_t id, int special, struct buf *out)
{
	const struct vocab *v = &tokenizer->vocab;

	if (id < v->count && (special || !v->special[id])) {
		buf_add(out, vocab_text(v, id), vocab_len(v, id));
	}
}

/*
 * For each byte of the marker in `ids`, whether a token begins there; `skip` bytes stand in front. -1
 * where a part of it is unknown: any other unknown text would be the same marker.
 */
static int mark_token_starts(
	const struct tokenizer *t, const struct ids *ids, size_t skip, size_t len, uint8_t *starts)
{
	size_t at = 0;

	for (size_t i = 0; i < ids->count; i++) {
		if (ids->id[i] == t->unknown) {
			return -1;
		}
		if (at >= skip && at - skip <= len) {
			starts[at - skip] = 1;
		}
		at += vocab_len(&t->vocab, ids->id[i]);
	}
	return 0;
}

/*
 * Choose where data that contains the marker is cut: inside a token in every way that the template
 * writes it (alone, behind a space, behind the dummy prefix), as near to the middle as can be.
 */
static int choose_cut(const struct tokenizer *t, struct marker *marker)
{
	struct tokenizer_encoder *encoder = tokenizer_encoder_create(t);
	uint8_t *starts = mem_zero(marker->len + 1, 1);
	char *spaced = mem_printf(" %.*s", (int)marker->len, marker->text);
	int is_known = 1;
	size_t best = 0;

	for (int behind_space = 0; behind_space < 2; behind_space++) {
		struct ids ids = {0};

		tokenizer_encode_special(encoder, spaced + !behind_space,
			marker->len + (size_t)behind_space, 0, &ids);
		is_known &= !mark_token_starts(t, &ids, (size_t)behind_space, marker->len, starts);
		ids_finish(&ids);
	}
	for (size_t at = 1; at < marker->len && is_known; at++) {
		size_t far = at * 2 > marker->len ? at * 2 - marker->len : marker->len - at * 2;
		size_t best_far =
			best * 2 > marker->len ? best * 2 - marker->len : marker->len - best * 2;

		if (!starts[at] && (marker->text[at] & 0xc0) != 0x80 && (!best || far < best_far)) {
			best = at;
		}
	}
	if (best) {
		marker->cut = marker->token_start = marker->token_end = best;
		while (marker->token_start > 0 && !starts[marker->token_start]) {
			marker->token_start--;
		}
		while (marker->token_end < marker->len && !starts[marker->token_end]) {
			marker->token_end++;
		}
	}
	free(spaced);
	free(starts);
	tokenizer_encoder_destroy(encoder);
	return best ? 0 : -1;
}

int tokenizer_forbid_marker(
	struct tokenizer *tokenizer, const char *text, size_t len, struct err *err)
{
	struct tokenizer *t = tokenizer;
	uint32_t id = token_map_find(&t->added, &t->vocab, text, len);
	struct marker marker = {.len = len};

	if (id != NO_TOKEN) {
		if (!t->vocab.special[id]) {
			t->vocab.special[id] = 1;
			tokenizer_build_matchers(t);
			tokenizer_build_digest(t);
		}
		return 0;
	}
	for (size_t i = 0; i < t->n_marker; i++) {
		if (t->marker[i].len == len && !memcmp(t->marker[i].text, text, len)) {
			return 0;
		}
	}
	marker.text = mem_strndup(text, len);
	if (len == 0 || choose_cut(t, &marker)) {
		err_set(err, ERR_ENGINE, marker.text, "choose another with --template NAME",
			"the chat template does not fit the model, which has no token for this "
			"marker: a document could imitate it");
		free(marker.text);
		return -1;
	}
	t->marker = mem_resize(t->marker, t->n_marker + 1, sizeof(*t->marker));
	t->marker[t->n_marker++] = marker;
	tokenizer_build_digest(t);
	matcher_finish(&t->marker_matcher);
	for (size_t i = 0; i < t->n_marker; i++) {
		matcher_add(&t->marker_matcher, t->marker[i].text, t->marker[i].len, (uint32_t)i);
	}
	matcher_ready(&t->marker_matcher);
	return 0;
}
