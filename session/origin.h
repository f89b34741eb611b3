/*
 * Where sources were read from, so that they can be found again: a path that is relative is so to the
 * session's directory, wherever it is resumed, and what two paths lead to is one source.
 */
#ifndef SESSION_ORIGIN_H
#define SESSION_ORIGIN_H

#include "session/session_internal.h"

/* A file or a folder, which can be read again, as a pipe cannot. */
int origin_lasts(const char *path);
/* What of a document that was just read is kept as its origin; malloc'ed. */
char *origin_keep(const struct session *session, const char *path);
/* The path of a source's origin from here; malloc'ed. */
char *origin_path(const struct session *session, const char *origin);
/* The same for all paths that lead to one file; malloc'ed. */
char *origin_key(const char *path);

/* How a source was read: of the options, those that say what is read of a folder or a file. */
/* As text; malloc'ed; "" for the defaults. */
char *origin_options_text(const struct load_options *options);
/* The options of such a text, the others as in *base; `text` and *list must last. */
struct origin_patterns {
	char *text;
	const char **pattern;
};
struct load_options origin_options(
	const struct load_options *base, const char *text, struct origin_patterns *patterns);
void origin_patterns_finish(struct origin_patterns *patterns);
/* The setting that has the text for a source; malloc'ed. */
char *origin_options_key(int64_t number);

#endif
