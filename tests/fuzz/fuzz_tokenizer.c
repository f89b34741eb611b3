/*
 * A tokenizer file, GGUF or tokenizer.json: it is refused with a sentence, or it opens and then gives
 * every byte of this input back from ids that text may have.
 */
#include "base/buf.h"
#include "engine/model/gguf.h"
#include "engine/token/tokenizer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

static int open_any(struct tokenizer **out, const uint8_t *data, size_t size, struct err *err)
{
	struct gguf *gguf;
	int result;

	if (size < 4 || memcmp(data, "GGUF", 4) != 0) {
		return tokenizer_open_json(out, (const char *)data, size, NULL, "fuzz", err);
	}
	if (gguf_open_bytes(&gguf, data, size, "fuzz", err)) {
		return -1;
	}
	result = tokenizer_open_gguf(out, gguf, err);
	gguf_close(gguf);
	return result;
}

/* The bytes that were encoded, but for those that a vocabulary may lack, which are a '?'. */
static int comes_back(const struct buf *back, const uint8_t *data, size_t size)
{
	if (back->len != size) {
		return 0;
	}
	for (size_t i = 0; i < size; i++) {
		uint8_t byte = (uint8_t)back->data[i];
		int may_be_missing = data[i] == 0x7f || data[i] == 0xc0 || data[i] == 0xc1 ||
				     data[i] > 0xf0 ||
				     (data[i] < 0x20 && !memchr("\t\n\r", data[i], 3));

		if (byte != data[i] && !(byte == '?' && may_be_missing)) {
			return 0;
		}
	}
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tokenizer *tokenizer = NULL;
	struct tokenizer_encoder *encoder;
	struct buf back = BUF_INIT;
	struct ids ids = {0};
	struct err err = {0};
	uint32_t unknown;

	if (open_any(&tokenizer, data, size, &err)) {
		must(err.code != ERR_NONE && err.what[0] && !tokenizer);
		return 0;
	}
	tokenizer_forbid_marker(tokenizer, "[INST]", 6, &err);
	encoder = tokenizer_encoder_create(tokenizer);
	tokenizer_encode_text(encoder, (const char *)data, size, 0, &ids);
	unknown = tokenizer_unknown(tokenizer);
	for (size_t i = 0; i < ids.count; i++) {
		must(!tokenizer_is_forbidden(tokenizer, ids.id[i]) || ids.id[i] == unknown);
		tokenizer_decode(tokenizer, ids.id[i], 0, &back);
	}
	must(unknown != UINT32_MAX || comes_back(&back, data, size));
	ids.count = 0;
	tokenizer_encode_special(encoder, (const char *)data, size, 1, &ids);
	for (size_t i = 0; i < ids.count; i++) {
		must(ids.id[i] < tokenizer_vocab_count(tokenizer));
	}
	buf_finish(&back);
	ids_finish(&ids);
	tokenizer_encoder_destroy(encoder);
	tokenizer_close(tokenizer);
	return 0;
}
