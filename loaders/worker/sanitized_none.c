#include "loaders/worker/sandbox.h"

#include <stddef.h>

int sanitized_limits_memory(void)
{
	return 1;
}

const char *const *sanitized_calls(void)
{
	static const char *const none[] = {NULL};

	return none;
}
