/* How texts begin and end, where the files beside a tokenizer.json say it better than it does. */
#include "engine/token/tokenizer_internal.h"

#include <string.h>

static uint32_t id_of(const struct tokenizer *t, const char *text, uint32_t otherwise)
{
	uint32_t id = text ? tokenizer_find(t, text, strlen(text)) : NO_TOKEN;

	return id == NO_TOKEN ? otherwise : id;
}

static void add_end(struct tokenizer *t, uint32_t id)
{
	if (id < t->vocab.count && !tokenizer_is_end(t, id) && t->n_end < MAX_END_TOKENS) {
		t->end[t->n_end++] = id;
	}
}

void tokenizer_set_ends(struct tokenizer *tokenizer, const struct tokenizer_ends *ends)
{
	struct tokenizer *t = tokenizer;
	struct sha256 *hash = sha256_create();

	t->bos = id_of(t, ends->bos, t->bos);
	t->eos = id_of(t, ends->eos, t->eos);
	if (ends->add_bos >= 0) {
		t->add_bos = ends->add_bos && t->bos != NO_TOKEN;
	}
	add_end(t, t->eos);
	for (size_t i = 0; i < ends->n_id; i++) {
		add_end(t, ends->id[i]);
	}
	sha256_add_field(hash, "vocabulary", &t->vocab_digest, sizeof(t->vocab_digest));
	sha256_add_field(hash, "bos", &t->bos, sizeof(t->bos));
	sha256_add_field(hash, "eos", &t->eos, sizeof(t->eos));
	sha256_add_field(hash, "add_bos", &t->add_bos, sizeof(t->add_bos));
	sha256_add_field(hash, "end", t->end, t->n_end * sizeof(*t->end));
	t->vocab_digest = sha256_finish(hash);
	sha256_destroy(hash);
	tokenizer_build_digest(t);
}
