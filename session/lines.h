/* A text by its lines. */
#ifndef SESSION_LINES_H
#define SESSION_LINES_H

#include <stddef.h>

struct line {
	const char *text; /* borrowed, not terminated; without its line end */
	size_t len;
	size_t indent; /* bytes of white space in front; len for a line of nothing else */
	size_t column; /* the same in columns, tabs at every eighth */
};

struct lines {
	const char *text; /* borrowed */
	size_t len;
	size_t *start; /* [count + 1] */
	size_t count;
};

void lines_init(struct lines *lines, const char *text, size_t len);
void lines_finish(struct lines *lines);
/* Line `index` from 0; an empty one where there is none. */
struct line lines_at(const struct lines *lines, size_t index);
static inline int line_is_blank(struct line line)
{
	return line.indent == line.len;
}

#endif
