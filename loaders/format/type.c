/* Which loader an input belongs to. */
#include "loaders/format/format.h"

#include "loaders/format/encoding.h"
#include "loaders/tree/tree.h"

#include "base/mem.h"

#include <string.h>
#include <strings.h>

/* In order of preference where two are equally sure. */
static const struct loader *const loaders[] = {&loader_code, &loader_pdf, &loader_text};

const struct loader *loader_find(const struct input *input)
{
	const struct loader *best = &loader_text;
	int best_score = 0;

	if (input->root_fd >= 0) {
		return &loader_tree; /* there are no bytes to look at */
	}
	for (size_t i = 0; i < ARRAY_LEN(loaders); i++) {
		int score = loaders[i]->probe(input);

		if (score > best_score) {
			best = loaders[i];
			best_score = score;
		}
	}
	return best;
}

int format_has_extension(const struct input *input, const char *const *extension)
{
	const char *slash = strrchr(input->path, '/');
	const char *name = slash ? slash + 1 : input->path;
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && dot > name && extension[i]; i++) {
		if (strcasecmp(dot + 1, extension[i]) == 0) {
			return 1;
		}
	}
	return 0;
}

static int refuse_binary(const struct input *input, struct skip *skip)
{
	if (input->len && memchr(input->data, 0, input->len)) {
		return skip_set(skip, SKIP_RULE, "is binary: it holds NUL bytes");
	}
	return skip_set(skip, SKIP_RULE, "is binary: it holds control characters");
}

int format_text(
	struct buf *text, const char **encoding, const struct input *input, struct skip *skip)
{
	const char *name;

	name = encoding_to_utf8(text, input);
	if (!name) {
		return refuse_binary(input, skip);
	}
	*encoding = strcmp(name, "UTF-8") == 0 ? NULL : name;
	return 0;
}
