/* HTML files: known by their name or their first words, in the encoding that they say. */
#include "loaders/format/html.h"

#include "loaders/format/encoding.h"
#include "loaders/format/format.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { PROBE_BYTES = 1024, DECLARATION_BYTES = 4096 };

static int begins(const char *text, size_t len, const char *word)
{
	size_t n = strlen(word);

	return len >= n && strncasecmp(text, word, n) == 0;
}

/* Behind white space, comments and declarations: the first element is html's. */
static int has_html_element(const char *text, size_t len)
{
	static const char *const first[] = {"<html", "<head", "<title", "<body", "<!doctype html"};
	size_t at = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	for (;;) {
		const char *end;

		while (at < len && isspace((unsigned char)text[at])) {
			at++;
		}
		for (size_t i = 0; i < ARRAY_LEN(first); i++) {
			if (begins(text + at, len - at, first[i])) {
				return 1;
			}
		}
		if (begins(text + at, len - at, "<!--")) {
			end = memmem(text + at, len - at, "-->", 3);
		} else if (begins(text + at, len - at, "<?xml") ||
			   begins(text + at, len - at, "<!doctype")) {
			end = memchr(text + at, '>', len - at);
		} else {
			return 0;
		}
		if (!end) {
			return 0;
		}
		at = (size_t)(end - text) + (*end == '-' ? 3 : 1);
	}
}

static int html_probe(const struct input *input)
{
	static const char *const extension[] = {"html", "htm", "xhtml", "xht", "shtml", NULL};
	size_t len = input->len < PROBE_BYTES ? input->len : PROBE_BYTES;

	if (input->root_fd >= 0) {
		return 0;
	}
	if (format_has_extension(input, extension)) {
		return 2;
	}
	return has_html_element(input->data, len);
}

/* ---- encodings ---- */

/* The name behind "charset=" or "encoding=" in one tag, if there is one. */
static int declared_in(char name[64], const char *tag, size_t len, const char *word)
{
	size_t word_len = strlen(word), n = 0;

	for (size_t i = 0; i + word_len < len; i++) {
		if (strncasecmp(tag + i, word, word_len) == 0) {
			i += word_len;
			while (i < len && (isspace((unsigned char)tag[i]) || tag[i] == '=' ||
						  tag[i] == '"' || tag[i] == '\'')) {
				i++;
			}
			while (i < len && n < 63 &&
				(isalnum((unsigned char)tag[i]) || strchr("-_:.", tag[i]))) {
				name[n++] = tag[i++];
			}
			name[n] = 0;
			return n > 0;
		}
	}
	return 0;
}

/* The first encoding that a page declares about itself. */
static int declared_encoding(char name[64], const char *text, size_t len)
{
	if (len > DECLARATION_BYTES) {
		len = DECLARATION_BYTES;
	}
	for (size_t at = 0; at < len;) {
		const char *tag = memchr(text + at, '<', len - at), *end;
		size_t rest;

		if (!tag) {
			return 0;
		}
		rest = len - (size_t)(tag - text);
		if (begins(tag, rest, "<!--")) {
			end = memmem(tag, rest, "-->", 3);
		} else {
			end = memchr(tag, '>', rest);
		}
		if (!end) {
			return 0;
		}
		if ((begins(tag, rest, "<meta") &&
			    declared_in(name, tag, (size_t)(end - tag), "charset")) ||
			(begins(tag, rest, "<?xml") &&
				declared_in(name, tag, (size_t)(end - tag), "encoding"))) {
			return 1;
		}
		at = (size_t)(end - text) + 1;
	}
	return 0;
}

static int is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] >= 0x80) {
			return 0;
		}
	}
	return 1;
}

/* A mark at the beginning says more than the page. */
static int has_mark(const char *text, size_t len)
{
	return len >= 3 &&
	       (memcmp(text, "\xef\xbb\xbf", 3) == 0 || memcmp(text, "\xff\xfe", 2) == 0 ||
		       memcmp(text, "\xfe\xff", 2) == 0);
}

/* A stray NUL or two make no page binary: browsers pass over them, too. */
static const char *without_nul(struct buf *text, const struct input *input)
{
	struct input clean = *input;
	struct buf bytes = BUF_INIT;
	const char *encoding = NULL;
	size_t n = 0, begin = text->len;

	buf_reserve(&bytes, input->len + 1);
	for (size_t i = 0; i < input->len; i++) {
		n += !input->data[i];
		bytes.data[i] = (char)(input->data[i] ? input->data[i] : 1);
	}
	if (n && n <= 1 + input->len / 1024) {
		clean.data = bytes.data;
		clean.len = input->len;
		encoding = encoding_to_utf8(text, &clean);
		for (char *at = encoding ? text->data + begin : NULL; at && (at = strchr(at, 1));
			at++) {
			*at = ' ';
		}
	}
	buf_finish(&bytes);
	return encoding;
}

/*
 * What is valid UTF-8 and more than ASCII is UTF-8, whatever it says: pages are stored by programs
 * that convert them and leave their declaration as it was.
 */
const char *html_to_utf8(struct buf *text, const struct input *input)
{
	char name[64];
	const char *encoding = NULL;

	if (!has_mark(input->data, input->len) &&
		(is_ascii(input->data, input->len) || !utf8_valid(input->data, input->len)) &&
		declared_encoding(name, input->data, input->len)) {
		/* UTF-16 is not what "<meta" could be read in. */
		if (strncasecmp(name, "utf", 3) != 0) {
			encoding = encoding_convert(text, input->data, input->len, name);
		}
	}
	if (!encoding) {
		encoding = encoding_to_utf8(text, input);
	}
	return encoding ? encoding : without_nul(text, input);
}

/* ---- the loader ---- */

static int html_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	struct buf text = BUF_INIT, title = BUF_INIT;
	const char *encoding = html_to_utf8(&text, input);
	struct markup *markup;
	int status;

	if (!encoding) {
		return skip_set(skip, SKIP_RULE, "is binary: named HTML, but no text");
	}
	markup = markup_create();
	status = html_write(markup, &title, buf_str(&text), text.len, skip);
	buf_finish(&text);
	if (status == 0) {
		markup_title(markup, buf_str(&title));
		status = markup_reader(reader, markup, skip);
	} else {
		markup_destroy(markup);
	}
	buf_finish(&title);
	if (status == 0 && strcmp(encoding, "UTF-8") != 0) {
		(*reader)->encoding = encoding;
	}
	return status;
}

const struct loader loader_html = {
	.name = "html",
	.has_library = 1,
	.probe = html_probe,
	.open = html_open,
	.outline = whole_reader_outline,
	.read = whole_reader_read,
	.close = whole_reader_close,
};
