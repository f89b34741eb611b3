#include "engine/families/family.h"

#include "base/mem.h"
#include "engine/families/decoder.h"

#include <string.h>

static const struct family *const families[] = {
	&family_bert,
	&family_gemma.family,
	&family_gemma2.family,
	&family_gemma3.family,
	&family_llama.family,
	&family_nomic_bert,
	&family_phi3.family,
	&family_qwen2.family,
	&family_qwen3.family,
};

const struct family *family_find(const char *architecture, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		if (strlen(families[i]->architecture) == len &&
			!memcmp(families[i]->architecture, architecture, len)) {
			return families[i];
		}
	}
	return NULL;
}

void family_list(struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		buf_additem(out, families[i]->architecture);
	}
}
