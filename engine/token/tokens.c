/* A tokenizer alone, for `tokenize` and `count`: no engine process, no weights. */
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "engine/engine.h"
#include "engine/model/gguf.h"
#include "engine/model/huggingface.h"
#include "engine/token/crew.h"
#include "engine/token/template.h"
#include "engine/token/tokenizer.h"

#include <stdlib.h>
#include <string.h>

/* Of texts that are counted at once. */
#define COUNT_BYTES    ((size_t)32 << 20)
#define MAX_JSON_BYTES ((size_t)1 << 30)

struct tokens {
	struct tokenizer *tokenizer;
	struct tokenizer_encoder *encoder;
	struct tokenizer_crew *crew; /* for long texts; made when there is one */
};

/* As the engine does, so that text has the ids here that it has there. */
static int forbid_markers(struct tokenizer *tokenizer, const struct gguf *gguf, struct err *err)
{
	const struct chat_template *chat_template;
	struct gguf_string text = {0};

	if (gguf_get_string(gguf, "tokenizer.chat_template", &text, err) < 0) {
		return -1;
	}
	chat_template = template_recognise(text.text, text.len);
	return chat_template ? template_forbid_markers(chat_template, tokenizer, err) : 0;
}

static int open_gguf(struct tokenizer **out, const char *path, struct err *err)
{
	struct gguf *gguf;
	int result;

	if (gguf_open(&gguf, path, err)) {
		return -1;
	}
	result = tokenizer_open_gguf(out, gguf, err);
	if (result == 0 && forbid_markers(*out, gguf, err) < 0) {
		tokenizer_close(*out);
		*out = NULL;
		result = -1;
	}
	gguf_close(gguf);
	return result;
}

/* A Hugging Face directory, without its weights. */
static int open_directory(struct tokenizer **out, const char *path, struct err *err)
{
	const struct chat_template *chat_template = NULL;
	char *text;

	if (huggingface_tokenizer_open(out, &text, path, err) < 0) {
		return -1;
	}
	if (text) {
		chat_template = template_recognise(text, strlen(text));
		free(text);
	}
	if (chat_template && template_forbid_markers(chat_template, *out, err) < 0) {
		tokenizer_close(*out);
		*out = NULL;
		return -1;
	}
	return 0;
}

static struct tokens *create(struct tokenizer *tokenizer)
{
	struct tokens *tokens = mem_zero(1, sizeof(*tokens));

	tokens->tokenizer = tokenizer;
	tokens->encoder = tokenizer_encoder_create(tokenizer);
	return tokens;
}

int tokens_open(struct tokens **out, const char *path, struct err *err)
{
	struct tokenizer *tokenizer = NULL;
	struct file_map map;
	int result, is_json;

	*out = NULL;
	if (huggingface_is(path)) {
		if (open_directory(&tokenizer, path, err) < 0) {
			return -1;
		}
		*out = create(tokenizer);
		return 0;
	}
	if (file_map_open(&map, path, ERR_ENGINE, err)) {
		return -1;
	}
	is_json = map.size_bytes > 0 && map.size_bytes <= MAX_JSON_BYTES && map.data[0] == '{';
	result = is_json ? tokenizer_open_json(&tokenizer, (const char *)map.data, map.size_bytes,
				   NULL, path, err)
			 : 0;
	file_map_close(&map);
	if (!is_json) {
		result = open_gguf(&tokenizer, path, err);
	}
	if (result) {
		return -1;
	}
	*out = create(tokenizer);
	return 0;
}

void tokens_digest(const struct tokens *tokens, char hex[65])
{
	sha256_hex(tokenizer_digest(tokens->tokenizer), hex);
}

void tokens_close(struct tokens *tokens)
{
	if (tokens) {
		tokenizer_encoder_destroy(tokens->encoder);
		tokenizer_crew_destroy(tokens->crew);
		tokenizer_close(tokens->tokenizer);
		free(tokens);
	}
}

static struct tokenizer_crew *crew_of(struct tokens *tokens)
{
	if (!tokens->crew) {
		tokens->crew = tokenizer_crew_create(tokens->tokenizer, 0);
	}
	return tokens->crew;
}

uint32_t *tokens_encode(struct tokens *tokens, const char *text, size_t len, enum tokens_as as,
	int first, size_t *count)
{
	struct ids ids = {0};

	if (as == TOKENS_SPECIAL) {
		tokenizer_encode_special(tokens->encoder, text, len, first, &ids);
	} else if (len >= CREW_WORTH_BYTES) {
		struct crew_text one = {.text = text, .len = len, .first = first};

		tokenizer_crew_encode(crew_of(tokens), &one, 1, 0);
		ids = one.ids;
	} else {
		tokenizer_encode_text(tokens->encoder, text, len, first, &ids);
	}
	*count = ids.count;
	return ids.id ? ids.id : mem_zero(1, sizeof(*ids.id));
}

void tokens_count(struct tokens *tokens, struct tokens_text *text, size_t n_text)
{
	struct crew_text *work = mem_zero(n_text ? n_text : 1, sizeof(*work));

	for (size_t i = 0, end; i < n_text; i = end) {
		size_t bytes = 0;

		/* Some at a time: their ids take memory, and only how many they are is asked. */
		for (end = i; end < n_text && (end == i || bytes < COUNT_BYTES); end++) {
			bytes += text[end].len;
			work[end] =
				(struct crew_text){.text = text[end].text, .len = text[end].len};
		}
		tokenizer_crew_encode(crew_of(tokens), work + i, end - i, 0);
		for (size_t k = i; k < end; k++) {
			text[k].n_tok = work[k].ids.count;
			ids_finish(&work[k].ids);
		}
	}
	free(work);
}

char *tokens_decode(struct tokens *tokens, const uint32_t *ids, size_t count, size_t *len)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < count; i++) {
		tokenizer_decode(tokens->tokenizer, ids[i], 1, &text);
	}
	*len = text.len;
	return buf_take(&text);
}

const char *tokens_describe(const struct tokens *tokens)
{
	return tokenizer_describe(tokens->tokenizer);
}
