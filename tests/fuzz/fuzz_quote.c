/*
 * Any source, cut into asides and tokens anyhow, quoted in any way: an answer that keeps to what may
 * come never gets stuck, and of what it closed every letter and digit stands in the source.
 */
#include "base/mem.h"
#include "engine/backend/fake_model.h"
#include "engine/model/model.h"
#include "engine/quote.h"
#include "engine/token/tokenizer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_ASIDE = 64, MAX_SOURCE = 4 };

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

/* ---- the prompt ---- */

struct prompt_text {
	struct segment_aside aside[MAX_ASIDE];
	struct token_source source[MAX_SOURCE];
	size_t n_aside, n_source;
	uint32_t *ids; /* a byte each */
	struct buf words;
};

/*
 * Of the text, a byte from 0x10 on stands for itself. 0x01 to 0x03 begin an aside of that kind, 0x04
 * ends it; 0x05 ends a source, 0x06 too, and something stands behind it that is none.
 */
static void read_prompt(struct prompt_text *prompt, const uint8_t *text, size_t len)
{
	struct token_source *source = prompt->source;
	struct segment_aside *aside = NULL;
	size_t n = 0;

	prompt->ids = mem_alloc((len + 1) * sizeof(*prompt->ids));
	*source = (struct token_source){.aside = prompt->aside};
	for (size_t i = 0; i < len; i++) {
		uint8_t c = text[i];

		if (c >= 1 && c <= 4) {
			if (aside && !aside->len) {
				prompt->n_aside--;
				source->n_aside--;
			}
			aside = NULL;
			if (c < 4 && prompt->n_aside < MAX_ASIDE) {
				aside = &prompt->aside[prompt->n_aside++];
				*aside = (struct segment_aside){.at = (uint32_t)source->text_bytes,
					.kind = (enum segment_aside_kind)(c - 1)};
				source->n_aside++;
			}
		} else if ((c == 5 || c == 6) && prompt->n_source + 1 < MAX_SOURCE && !aside) {
			source++;
			prompt->n_source++;
			if (c == 6) {
				prompt->ids[n++] = '~';
			}
			*source = (struct token_source){
				.first_tok = n, .aside = prompt->aside + prompt->n_aside};
		} else {
			prompt->ids[n++] = c;
			source->n_tok++;
			source->text_bytes++;
			if (aside) {
				aside->len++;
			}
			buf_addch(&prompt->words, (char)c);
		}
	}
	if (aside && !aside->len) {
		source->n_aside--;
	}
	prompt->n_source++;
}

/* ---- the answer ---- */

static int is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether the letters and digits of the quote come one after the other in the sources. */
static int stands_in(const struct buf *words, const char *quote, size_t len)
{
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		if (!is_letter_or_digit(quote[i])) {
			continue;
		}
		while (at < words->len && words->data[at] != quote[i]) {
			at++;
		}
		if (at++ == words->len) {
			return 0;
		}
	}
	return 1;
}

/* The n-th id of the mask, counted around. */
static uint32_t pick(const uint64_t *mask, unsigned n)
{
	uint32_t allowed[FAKE_VOCAB];
	unsigned count = 0;

	for (uint32_t id = 0; id < FAKE_VOCAB; id++) {
		if (mask[id / 64] >> id % 64 & 1) {
			allowed[count++] = id;
		}
	}
	must(count > 0);
	return allowed[n % count];
}

struct answer_text {
	const struct prompt_text *prompt;
	struct quote *quote;
	struct buf text;
	size_t quote_at; /* behind the mark that opened it; 0 outside */
};

/* Say this byte, or if it may not come another one. */
static void say(struct answer_text *answer, uint8_t byte)
{
	const uint64_t *mask;
	uint32_t id = byte;
	char said;

	while (!quote_ready(answer->quote, answer->prompt->ids)) {
	}
	mask = quote_mask(answer->quote);
	if (mask && !answer->quote_at) {
		answer->quote_at = answer->text.len;
	} else if (!mask && answer->quote_at) {
		const char *quote = answer->text.data + answer->quote_at;
		size_t len = answer->text.len - answer->quote_at;

		must(len > 2 && memcmp(quote + len - 2, "\"]", 2) == 0);
		must(stands_in(&answer->prompt->words, quote, len - 2));
		answer->quote_at = 0;
	}
	if (!mask) {
		mask = quote_check(answer->quote, id);
	}
	if (mask && !(mask[id / 64] >> id % 64 & 1)) {
		id = pick(mask, byte);
	}
	if (id < 256) {
		said = (char)id;
		buf_addch(&answer->text, said);
		quote_add(answer->quote, &said, 1);
	}
}

/* The prompt up to a NUL, the answer behind it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct model *model;
	static struct token_order *order;
	const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
	struct prompt_text prompt = {0};
	struct answer_text answer = {.prompt = &prompt};

	if (!model) {
		must(fake_model_open(&model, NULL) == 0);
		order = token_order_create(model->tokenizer, model->n_vocab);
	}
	if (!nul) {
		return 0;
	}
	read_prompt(&prompt, data, (size_t)(nul - data));
	answer.quote = quote_create(
		model->tokenizer, order, model->n_vocab, prompt.source, prompt.n_source);
	for (const uint8_t *at = nul + 1; at < data + size; at++) {
		say(&answer, *at);
	}
	quote_destroy(answer.quote);
	buf_finish(&answer.text);
	buf_finish(&prompt.words);
	free(prompt.ids);
	return 0;
}
