/*
 * The splitters for tests/vectors/splitter_compare.py:
 *
 *     splitter_pipe --list            each spelling of each: its name, its steps behind a tab
 *     splitter_pipe --traits          u32 traits of every code point
 *     splitter_pipe NAME < records    a record is a u32 length and that many bytes; for each comes
 *                                     a u32 count and that many u32 ends of pieces
 */
#include "base/mem.h"
#include "engine/token/splitter.h"
#include "engine/token/unicode_class.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_spelling(const char *name, const char *steps)
{
	printf("%s\n\t", name);
	for (; *steps; steps++) {
		putchar(*steps);
		if (*steps == '\n') {
			putchar('\t');
		}
	}
	putchar('\n');
}

static void list(void)
{
	const struct splitter *splitter;

	for (size_t i = 0; (splitter = splitter_at(i)) != NULL; i++) {
		for (size_t k = 0; k < SPLITTER_SPELLINGS && splitter->steps[k]; k++) {
			print_spelling(splitter->name, splitter->steps[k]);
		}
	}
}

static void print_traits(void)
{
	for (uint32_t cp = 0; cp < 0x110000; cp++) {
		uint32_t traits = unicode_traits_of(cp);

		fwrite(&traits, sizeof(traits), 1, stdout);
	}
}

/* In two calls, the first for few pieces: where a call ends must not matter. */
static uint32_t split(const struct splitter *splitter, const char *text, size_t len, uint32_t *out)
{
	size_t *end = mem_alloc((len + 1) * sizeof(*end)), at = 0;
	uint32_t count = 0;

	for (size_t max = 3; at < len; max = len) {
		size_t n = splitter->split(text + at, len - at, end, max), from = at;

		for (size_t i = 0; i < n; i++) {
			at = from + end[i];
			out[count++] = (uint32_t)at;
		}
	}
	free(end);
	return count;
}

int main(int argc, char **argv)
{
	const struct splitter *splitter = argc == 2 ? splitter_by_name(argv[1]) : NULL;
	uint32_t len;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		list();
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--traits")) {
		print_traits();
		return 0;
	}
	if (!splitter) {
		fprintf(stderr, "usage: splitter_pipe --list|--traits|NAME\n");
		return 2;
	}
	while (fread(&len, sizeof(len), 1, stdin) == 1) {
		char *text = mem_alloc(len);
		uint32_t *out = mem_alloc((len + (size_t)1) * sizeof(*out)), count;

		if (fread(text, 1, len, stdin) != len) {
			fprintf(stderr, "splitter_pipe: the last record is cut short\n");
			return 1;
		}
		count = split(splitter, text, len, out);
		fwrite(&count, sizeof(count), 1, stdout);
		fwrite(out, sizeof(*out), count, stdout);
		free(out);
		free(text);
	}
	return 0;
}
