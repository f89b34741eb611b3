#include "tui/element.h"

#include <string.h>

static const char *const element_names[ELEMENT_COUNT] = {
#define ELEMENT_NAME(upper, name) name,
	ELEMENTS(ELEMENT_NAME)
#undef ELEMENT_NAME
};

const char *element_name(enum element element)
{
	return element_names[element];
}

int element_find(const char *name)
{
	for (int i = 0; i < ELEMENT_COUNT; i++) {
		if (strcmp(element_names[i], name) == 0) {
			return i;
		}
	}
	return -1;
}
