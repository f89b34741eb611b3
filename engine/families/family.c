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

void family_list(struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		buf_additem(out, families[i]->architecture);
	}
}
