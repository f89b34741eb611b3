/*
 * Text in the small vocabularies, whole and cut in two anywhere: every byte comes back, no id is a
 * special token's, and no marker of a template is there.
 */
#include "base/buf.h"
#include "base/file.h"
#include "engine/model/gguf.h"
#include "engine/token/template.h"
#include "engine/token/tokenizer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define N_VOCAB 3

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tokenizer *tokenizer[N_VOCAB];
static struct tokenizer_encoder *encoder[N_VOCAB];
static struct ids marker[N_VOCAB][8];

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const path[N_VOCAB] = {
		CARREL_SOURCE "/tests/vectors/tokenizer/llama3-small.gguf",
		CARREL_SOURCE "/tests/vectors/tokenizer/gpt2-small.gguf",
		CARREL_SOURCE "/tests/vectors/tokenizer/spm-small.gguf",
	};
	static const char *const name[N_VOCAB] = {"llama3", "chatml", "llama2"};

	for (int i = 0; i < N_VOCAB; i++) {
		const struct chat_template *chat_template = template_by_name(name[i]);
		struct gguf *gguf;

		must(!gguf_open(&gguf, path[i], NULL));
		must(!tokenizer_open_gguf(&tokenizer[i], gguf, NULL));
		gguf_close(gguf);
		must(!template_forbid_markers(chat_template, tokenizer[i], NULL));
		encoder[i] = tokenizer_encoder_create(tokenizer[i]);
		for (size_t k = 0; chat_template->marker[k]; k++) {
			tokenizer_encode_special(encoder[i], chat_template->marker[k],
				strlen(chat_template->marker[k]), 0, &marker[i][k]);
		}
	}
	return 0;
}

static int holds(const struct ids *ids, const struct ids *part)
{
	for (size_t i = 0; part->count && i + part->count <= ids->count; i++) {
		if (!memcmp(ids->id + i, part->id, part->count * sizeof(*part->id))) {
			return 1;
		}
	}
	return 0;
}

static void check(int v, const char *text, size_t len, size_t cut)
{
	struct buf back = BUF_INIT;
	struct ids ids = {0};

	tokenizer_encode_text(encoder[v], text, cut, 0, &ids);
	tokenizer_encode_text(encoder[v], text + cut, len - cut, 0, &ids);
	for (size_t i = 0; i < ids.count; i++) {
		must(!tokenizer_is_forbidden(tokenizer[v], ids.id[i]));
		tokenizer_decode(tokenizer[v], ids.id[i], 0, &back);
	}
	must(back.len == len && !memcmp(buf_str(&back), text, len));
	for (size_t k = 0; k < 8; k++) {
		must(!holds(&ids, &marker[v][k]));
	}
	buf_finish(&back);
	ids_finish(&ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1) {
		return 0;
	}
	for (int v = 0; v < N_VOCAB; v++) {
		check(v, (const char *)data + 1, size - 1, 0);
		check(v, (const char *)data + 1, size - 1, data[0] % size);
	}
	return 0;
}
