#include "session/lines.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void lines_init(struct lines *lines, const char *text, size_t len)
{
	size_t cap = 0;

	*lines = (struct lines){.text = text, .len = len};
	mem_grow(lines->start, lines->count, cap);
	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);

		lines->start[lines->count++] = at;
		mem_grow(lines->start, lines->count, cap);
		at = end ? (size_t)(end - text) + 1 : len;
	}
	lines->start[lines->count] = len;
}

void lines_finish(struct lines *lines)
{
	free(lines->start);
	*lines = (struct lines){0};
}

struct line lines_at(const struct lines *lines, size_t index)
{
	struct line line = {.text = ""};
	size_t end;

	if (index >= lines->count) {
		return line;
	}
	line.text = lines->text + lines->start[index];
	end = lines->start[index + 1];
	line.len = end - lines->start[index];
	while (line.len && (line.text[line.len - 1] == '\n' || line.text[line.len - 1] == '\r')) {
		line.len--;
	}
	while (line.indent < line.len &&
		(line.text[line.indent] == ' ' || line.text[line.indent] == '\t')) {
		line.column += line.text[line.indent] == '\t' ? 8 - line.column % 8 : 1;
		line.indent++;
	}
	return line;
}
