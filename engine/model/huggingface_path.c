#include "engine/model/huggingface.h"

#include <string.h>
#include <sys/stat.h>

int huggingface_is(const char *path)
{
	static const char *const ends[] = {
		"config.json", ".safetensors", ".safetensors.index.json"};
	size_t len = strlen(path);
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		return 1;
	}
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t end_len = strlen(ends[i]);

		if (len >= end_len && !strcmp(path + len - end_len, ends[i])) {
			return 1;
		}
	}
	return 0;
}
