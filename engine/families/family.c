#include "engine/families/family.h"

#include "base/mem.h"

#include <string.h>

static const struct family *const families[] = {
	&family_llama,
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

const char *family_list(void)
{
	return "llama";
}
