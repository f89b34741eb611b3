/* The twin of tokenizer_json.c for builds without a JSON library. */
#include "engine/token/tokenizer.h"

int tokenizer_open_json(struct tokenizer **out, const char *json, size_t len,
	const struct tokenizer_ends *ends, const char *name, struct err *err)
{
	*out = NULL;
	return err_set(err, ERR_ENGINE, name, "use a GGUF file, or build with -Dworkbench=true",
		"this build does not read tokenizer.json");
}
