#include "engine/kv/chain.h"

#include <string.h>

static void put_u32(uint8_t *out, uint32_t value)
{
	for (int i = 0; i < 4; i++) {
		out[i] = (uint8_t)(value >> 8 * i);
	}
}

static void add_number(struct sha256 *hash, const char *tag, uint32_t value)
{
	uint8_t bytes[4];

	put_u32(bytes, value);
	sha256_add_field(hash, tag, bytes, sizeof(bytes));
}

static void add_text(struct sha256 *hash, const char *tag, const char *text)
{
	sha256_add_field(hash, tag, text, strlen(text));
}

struct sha256_digest kv_chain_root(const struct kv_identity *identity)
{
	const struct kv_layout *layout = identity->layout;
	struct sha256 *hash = sha256_create();
	struct sha256_digest root;

	add_number(hash, "carrel kv", KV_LAYOUT_VERSION);
	sha256_add_field(hash, "model", identity->model.byte, sizeof(identity->model.byte));
	sha256_add_field(
		hash, "tokenizer", identity->tokenizer.byte, sizeof(identity->tokenizer.byte));
	sha256_add_field(hash, "program", identity->program.byte, sizeof(identity->program.byte));
	add_text(hash, "adapter", identity->adapter);
	add_text(hash, "numerics", identity->numerics);
	add_text(hash, "kv type", kv_type_name(layout->type));
	add_number(hash, "page tokens", KV_PAGE_TOK);
	add_number(hash, "layers", (uint32_t)layout->n_layer);
	add_number(hash, "kv heads", (uint32_t)layout->n_kv_head);
	add_number(hash, "head elements", (uint32_t)layout->head_dim);
	root = sha256_finish(hash);
	sha256_destroy(hash);
	return root;
}

struct sha256_digest kv_chain_next(
	struct sha256 *hash, const struct sha256_digest *parent, const uint32_t *ids, size_t n_ids)
{
	uint8_t bytes[4 * KV_PAGE_TOK];

	sha256_reset(hash);
	sha256_add_field(hash, "page", parent->byte, sizeof(parent->byte));
	put_u32(bytes, (uint32_t)n_ids);
	sha256_add(hash, bytes, 4);
	for (size_t i = 0; i < n_ids;) {
		size_t n = 0;

		for (; n < KV_PAGE_TOK && i < n_ids; n++, i++) {
			put_u32(bytes + 4 * n, ids[i]);
		}
		sha256_add(hash, bytes, 4 * n);
	}
	return sha256_finish(hash);
}
