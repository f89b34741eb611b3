#include "engine/backend/fake_model.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "engine/model/gguf.h"
#include "engine/model/model.h"
#include "engine/token/template.h"
#include "engine/token/tokenizer.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The model, and the file it was read from: written in memory, so that the same readers read it. */
struct fake_model {
	struct model model;
	struct buf file;
	size_t n_key;
};

long fake_setting(const char *name, long otherwise)
{
	const char *text = getenv(name);
	char *end;
	long value;

	if (!text || !text[0]) {
		return otherwise;
	}
	value = strtol(text, &end, 10);
	return *end || value < 0 || value > INT_MAX ? otherwise : value;
}

/* ---- the file ---- */

enum { TYPE_UINT32 = 4, TYPE_INT32 = 5, TYPE_STRING = 8, TYPE_ARRAY = 9 };

static void put_u32(struct buf *file, uint32_t value)
{
	buf_add(file, &value, sizeof(value));
}

static void put_u64(struct buf *file, uint64_t value)
{
	buf_add(file, &value, sizeof(value));
}

static void put_string(struct buf *file, const char *text)
{
	put_u64(file, strlen(text));
	buf_addstr(file, text);
}

static void put_key(struct fake_model *fake, const char *key, uint32_t type)
{
	put_string(&fake->file, key);
	put_u32(&fake->file, type);
	fake->n_key++;
}

static void put_text_key(struct fake_model *fake, const char *key, const char *text)
{
	put_key(fake, key, TYPE_STRING);
	put_string(&fake->file, text);
}

static void put_id_key(struct fake_model *fake, const char *key, uint32_t id)
{
	put_key(fake, key, TYPE_UINT32);
	put_u32(&fake->file, id);
}

static void put_array_key(struct fake_model *fake, const char *key, uint32_t type, uint64_t count)
{
	put_key(fake, key, TYPE_ARRAY);
	put_u32(&fake->file, type);
	put_u64(&fake->file, count);
}

/* Byte-level BPE writes a byte as a printable character: GPT-2's bytes_to_unicode(). */
static void put_byte_token(struct buf *file, int byte)
{
	uint32_t next = 256;
	char text[5] = {0};

	for (int b = 0; b <= byte; b++) {
		int is_itself = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;

		if (b == byte) {
			utf8_encode(is_itself ? (uint32_t)b : next, text);
		}
		next += !is_itself;
	}
	put_string(file, text);
}

static void put_tokenizer(struct fake_model *fake)
{
	put_text_key(fake, "tokenizer.ggml.model", "gpt2");
	put_text_key(fake, "tokenizer.ggml.pre", "gpt-2");
	put_array_key(fake, "tokenizer.ggml.tokens", TYPE_STRING, FAKE_VOCAB);
	for (int byte = 0; byte < 256; byte++) {
		put_byte_token(&fake->file, byte);
	}
	put_string(&fake->file, "<|endoftext|>");
	put_string(&fake->file, "<|im_start|>");
	put_string(&fake->file, "<|im_end|>");
	put_string(&fake->file, "<think>");
	put_string(&fake->file, "</think>");
	put_array_key(fake, "tokenizer.ggml.token_type", TYPE_INT32, FAKE_VOCAB);
	for (int id = 0; id < FAKE_VOCAB; id++) {
		/* normal, control, user-defined */
		put_u32(&fake->file, id < 256 ? 1 : id < FAKE_THINK_OPEN ? 3 : 4);
	}
	put_array_key(fake, "tokenizer.ggml.merges", TYPE_STRING, 0);
	put_id_key(fake, "tokenizer.ggml.bos_token_id", FAKE_END_OF_TEXT);
	put_id_key(fake, "tokenizer.ggml.eos_token_id", FAKE_TURN_CLOSE);
}

static void write_file(struct fake_model *fake)
{
	uint64_t n_key;

	buf_addstr(&fake->file, "GGUF");
	put_u32(&fake->file, 3);
	put_u64(&fake->file, 0); /* tensors */
	put_u64(&fake->file, 0); /* keys: set below */
	put_text_key(fake, "general.architecture", "fake");
	put_tokenizer(fake);
	n_key = fake->n_key;
	memcpy(fake->file.data + 16, &n_key, sizeof(n_key));
	while (fake->file.len % 32) {
		buf_addch(&fake->file, 0);
	}
}

/* ---- the model ---- */

static void describe(struct model *model)
{
	static const char identity[] = "carrel fake model 1";

	model->path = mem_strdup("fake");
	model->name = mem_strdup("fake");
	model->architecture = mem_strdup("fake");
	model->license = mem_strdup("");
	model->n_layer = model->n_head = model->n_kv_head = 1;
	model->head_dim = 16;
	model->n_embd = model->n_ff = 16;
	model->n_vocab = FAKE_VOCAB;
	model->n_ctx_train = fake_setting("CARREL_FAKE_CONTEXT", 32768);
	snprintf(model->storage, sizeof(model->storage), "none");
	model->digest = sha256_of(identity, sizeof(identity));
}

int fake_model_open(struct model **out, struct err *err)
{
	struct fake_model *fake = mem_zero(1, sizeof(*fake));
	struct model *model = &fake->model;
	const char *fault = getenv("CARREL_FAKE_FAULT"), *name = getenv("CARREL_FAKE_TEMPLATE");

	describe(model);
	write_file(fake);
	model->chat_template = template_by_name(name && name[0] ? name : "chatml");
	if (!model->chat_template) {
		err_set(err, ERR_ENGINE, "fake", NULL, "knows no template \"%.64s\"", name);
		fake_model_close(model);
		return -1;
	}
	if (fault && strcmp(fault, "load") == 0) {
		err_set(err, ERR_ENGINE, "fake", NULL, "was told to fail while loading");
		fake_model_close(model);
		return -1;
	}
	if (gguf_open_bytes(&model->gguf, fake->file.data, fake->file.len, "fake", err) < 0 ||
		tokenizer_open_gguf(&model->tokenizer, model->gguf, err) < 0 ||
		template_forbid_markers(model->chat_template, model->tokenizer, err) < 0) {
		fake_model_close(model);
		return -1;
	}
	*out = model;
	return 0;
}

void fake_model_close(struct model *model)
{
	struct fake_model *fake = (struct fake_model *)model; /* its first member */

	if (!model) {
		return;
	}
	if (model->tokenizer) {
		tokenizer_close(model->tokenizer);
	}
	if (model->gguf) {
		gguf_close(model->gguf);
	}
	free(model->path);
	free(model->name);
	free(model->architecture);
	free(model->license);
	buf_finish(&fake->file);
	free(fake);
}
