/*
 * Ids for scripts that compare tokenizers (tests/vectors/tokenizer_*.py):
 *
 *     tokenizer_pipe [--special] TOKENIZER < records
 *
 * A record is a u32 length and that many bytes; for each comes a u32 count and that many u32 ids.
 */
#include "base/mem.h"
#include "engine/engine.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	int special = argc > 2 && !strcmp(argv[1], "--special");
	struct tokens *tokens;
	struct err err;
	char message[1024];
	uint32_t len;

	if (argc != 2 + special) {
		fprintf(stderr, "usage: tokenizer_pipe [--special] TOKENIZER < records\n");
		return 2;
	}
	if (tokens_open(&tokens, argv[1 + special], &err)) {
		fprintf(stderr, "tokenizer_pipe: %s\n", err_format(&err, message, sizeof(message)));
		return 1;
	}
	while (fread(&len, sizeof(len), 1, stdin) == 1) {
		char *text = mem_alloc(len);
		uint32_t *ids, count;
		size_t n;

		if (fread(text, 1, len, stdin) != len) {
			fprintf(stderr, "tokenizer_pipe: the last record is cut short\n");
			return 1;
		}
		ids = tokens_encode(
			tokens, text, len, special ? TOKENS_SPECIAL : TOKENS_TEXT, 1, &n);
		count = (uint32_t)n;
		fwrite(&count, sizeof(count), 1, stdout);
		fwrite(ids, sizeof(*ids), n, stdout);
		free(ids);
		free(text);
	}
	tokens_close(tokens);
	return 0;
}
