/*
 * Any bytes as a chat template: what is recognised is one of the table's. And any text as a turn of
 * each way to think: how it is cut into tokens decides nothing.
 */
#include "base/mem.h"
#include "engine/thinking.h"
#include "engine/token/template.h"

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

static int equal(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (!a->len || memcmp(a->data, b->data, a->len) == 0);
}

static void think(const struct template_thinking *rules, const char *text, size_t len, unsigned cut)
{
	struct thinking whole, parts;

	thinking_init(&whole, rules, MARK_MODEL_OPEN);
	thinking_init(&parts, rules, MARK_MODEL_OPEN);
	thinking_add(&whole, text, len, 0);
	for (size_t at = 0; at < len;) {
		size_t n = 1 + (cut + at * 7) % 9;

		n = n < len - at ? n : len - at;
		thinking_add(&parts, text + at, n, 0);
		at += n;
	}
	must(whole.state == parts.state);
	thinking_flush(&whole);
	thinking_flush(&parts);
	must(equal(&whole.thoughts, &parts.thoughts) && equal(&whole.answer, &parts.answer));
	must(whole.thoughts.len + whole.answer.len <= len);
	thinking_finish(&whole);
	thinking_finish(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"qwen3", "deepseek-r1", "gpt-oss", "command-a"};
	const struct chat_template *found = template_recognise((const char *)data, size);

	must(!found || template_by_name(found->name) == found);
	if (size > 1) {
		const struct chat_template *thinker =
			template_by_name(names[data[0] % ARRAY_LEN(names)]);

		must(thinker && thinker->thinking.kind != TEMPLATE_NO_THINKING);
		think(&thinker->thinking, (const char *)data + 1, size - 1, data[0] / 8);
	}
	return 0;
}
