#include "session/once.h"

#include "base/mem.h"

#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Whether the path (taken over) is there already; if not, it is from now on. */
static int see(struct once *once, char *path)
{
	char **node = tsearch(path, &once->seen, by_text);

	if (!node) {
		mem_exhausted();
	}
	if (*node != path) {
		free(path);
		return 1;
	}
	return 0;
}

static void leave_out(struct once *once, const char *path)
{
	char reason[] = "is among the sources already: loaded once";
	struct skipped skipped = {(char *)path, reason, 0};

	once->to->skipped(once->to->arg, &skipped);
}

static int begin(void *arg, const struct document *document)
{
	struct once *once = arg;
	struct stat st;
	int is_there = document->origin && stat(document->origin, &st) == 0;
	int is_file = is_there && S_ISREG(st.st_mode);

	document_finish(&once->held);
	free(once->root);
	once->root = is_file || (is_there && S_ISDIR(st.st_mode)) ? realpath(document->origin, NULL)
								  : NULL;
	once->is_begun = once->is_dropped = 0;
	once->held = (struct document){
		.kind = document->kind,
		.name = mem_strdup(document->name),
		.origin = mem_strdup(document->origin),
		.rev = mem_strdup(document->rev),
	};
	if (is_file && once->root) {
		once->is_dropped = see(once, mem_strdup(once->root));
		free(once->root); /* its parts are not files of their own */
		once->root = NULL;
	}
	if (once->is_dropped) {
		leave_out(once, document->origin);
	}
	return 0;
}

static int pass_begin(struct once *once)
{
	int status = once->is_begun ? 0 : once->to->begin(once->to->arg, &once->held);

	once->is_begun = 1;
	return status;
}

static char *beneath(const char *folder, const char *path)
{
	size_t len = strlen(folder);

	return mem_printf("%s%s%s", folder, len && folder[len - 1] == '/' ? "" : "/", path);
}

static int pass_part(void *arg, struct part *part)
{
	struct once *once = arg;

	if (once->is_dropped) {
		return 0;
	}
	if (once->root && part->place.path && see(once, beneath(once->root, part->place.path))) {
		char *shown = beneath(once->held.origin, part->place.path);

		leave_out(once, shown);
		free(shown);
		return 0;
	}
	return pass_begin(once) ? 1 : once->to->part(once->to->arg, part);
}

/* A folder of which nothing is left is none. */
static int end(void *arg, struct document *document)
{
	struct once *once = arg;

	if (once->is_dropped || (once->root && !once->is_begun)) {
		return 0;
	}
	return pass_begin(once) ? 1 : once->to->end(once->to->arg, document);
}

static void pass_skipped(void *arg, const struct skipped *skipped)
{
	struct once *once = arg;

	once->to->skipped(once->to->arg, skipped);
}

struct load_sink once_sink(struct once *once)
{
	return (struct load_sink){begin, pass_part, end, pass_skipped, once};
}

void once_finish(struct once *once)
{
	tdestroy(once->seen, free);
	document_finish(&once->held);
	free(once->root);
	*once = (struct once){0};
}
