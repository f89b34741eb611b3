/*
 * Patterns of file names as git's wildmatch() understands them: * ? [...] and \, and ** across
 * folders. Matching takes time linear in the name's length times the pattern's: a hostile pattern
 * costs no more than a long one.
 */
#ifndef LOADERS_TREE_GLOB_H
#define LOADERS_TREE_GLOB_H

#include <stddef.h>

struct glob_step;

struct glob {
	struct glob_step *step;
	size_t n_step, cap_step;
	int is_never; /* malformed (a set without its end): matches nothing */
};

enum glob_mode {
	GLOB_NAME, /* * and ? match slashes, too: for a name, which has none */
	GLOB_PATH, /* only ** matches slashes */
};

void glob_compile(struct glob *glob, const char *pattern, size_t len, enum glob_mode mode);
void glob_finish(struct glob *glob);
int glob_match(const struct glob *glob, const char *text, size_t len);

#endif
