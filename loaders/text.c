/*
 * Plain text and Markdown, one part, kept byte for byte. Also the last resort: what no other
 * loader knows and holds no NUL byte is text.
 */
#include "loaders/loader.h"

#include <string.h>

static int text_probe(const char *path, const char *head, size_t head_len)
{
	return head_len == 0 || !memchr(head, 0, head_len);
}

static int text_read(struct document *document, const char *path, struct buf *bytes, char **reason,
	struct err *err)
{
	int refused = loader_refuse_binary(bytes, reason);
	struct part *part;

	if (refused) {
		return refused;
	}
	document->kind = DOCUMENT_TEXT;
	part = document_add_part(document);
	part->len = bytes->len;
	part->text = buf_take(bytes);
	return LOADER_OK;
}

const struct loader loader_text = {.name = "text", .probe = text_probe, .read = text_read};
