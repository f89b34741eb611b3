/* Which loader an input belongs to. */
#include "loaders/format/format.h"

#include "loaders/format/encoding.h"
#include "loaders/format/magic.h"

#include "base/mem.h"
#include "loaders/tree/tree.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* In order of preference where two are equally sure. */
static const struct loader *const loaders[] = {
	&loader_subtitles,
	&loader_transcript_json,
	&loader_transcript_lines,
	&loader_code,
	&loader_man,
	&loader_packed,
	&loader_docx,
	&loader_epub,
	&loader_odt,
	&loader_office_other,
	&loader_mail,
	&loader_html,
	&loader_pdf,
	&loader_text,
};

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

/* Lines end by a carriage return alone where there is no newline at all (Mac OS before X). */
static void end_lines_by_newline(struct buf *text)
{
	char *at = text->len && !memchr(text->data, '\n', text->len) ? text->data : NULL;

	while (at && (at = memchr(at, '\r', text->len - (size_t)(at - text->data)))) {
		*at = '\n';
	}
}

int format_text(
	struct buf *text, const char **encoding, const struct input *input, struct skip *skip)
{
	const char *name = encoding_to_utf8(text, input);
	char *reason;

	if (!name) {
		reason = magic_reason(input);
		skip_set(skip, SKIP_RULE, "%s", reason);
		free(reason);
		return -1;
	}
	end_lines_by_newline(text);
	*encoding = strcmp(name, "UTF-8") == 0 ? NULL : name;
	return 0;
}
