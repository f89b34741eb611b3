/* What libxml2's HTML parser stumbles over is taken out of a page before it is parsed. */
#include "loaders/format/html.h"

#include "base/utf8.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

/*
 * libxml2 compares each attribute with all that came before it, so that a tag of a megabyte would
 * take minutes; no page means so many.
 */
enum { MAX_ATTRIBUTES = 1000, SHORT_TAG_BYTES = 2 * MAX_ATTRIBUTES };

static const char *find(const char *text, const char *end, const char *what)
{
	return memmem(text, (size_t)(end - text), what, strlen(what));
}

/* UTF-8 without NUL; the rest becomes U+FFFD. */
static void clean_bytes(struct buf *out, const char *text, size_t len)
{
	size_t kept = 0;

	buf_reserve(out, len + len / 8);
	for (size_t i = 0; i < len;) {
		uint32_t cp = 0;
		size_t n = utf8_decode(text + i, len - i, &cp);

		if (!n || !cp) {
			buf_add(out, text + kept, i - kept);
			buf_addstr(out, "\xef\xbf\xbd");
			i++;
			kept = i;
		} else {
			i += n;
		}
	}
	buf_add(out, text + kept, len - kept);
}

/* Where a tag ends, or has more than so many attributes; a '>' in quotes ends none. */
static const char *end_of_attributes(const char *tag, const char *end, size_t max)
{
	size_t n = 0;
	char quote = 0, before = 0;

	for (; tag < end; tag++) {
		if (quote) {
			quote = *tag == quote ? 0 : quote;
		} else if ((*tag == '"' || *tag == '\'') && before == '=') {
			quote = *tag;
		} else if (*tag == '>') {
			return tag;
		} else if ((isspace((unsigned char)*tag) || *tag == '/' || *tag == '<') &&
			   ++n > max) {
			return tag;
		}
		if (!isspace((unsigned char)*tag)) {
			before = *tag;
		}
	}
	return end;
}

/* XHTML's character data: the characters that HTML would take for markup are written as entities. */
static void add_character_data(struct buf *out, const char *text, const char *end)
{
	for (; text < end; text++) {
		if (*text == '<') {
			buf_addstr(out, "&lt;");
		} else if (*text == '&') {
			buf_addstr(out, "&amp;");
		} else {
			buf_addch(out, *text);
		}
	}
}

/*
 * What begins with this '<' goes out as it should be, and what lies behind it is returned; NULL
 * where nothing is wrong with it.
 */
static const char *clean_tag(struct buf *out, const char *tag, const char *end)
{
	const char *close;

	if (end - tag >= 9 && memcmp(tag, "<![CDATA[", 9) == 0) {
		close = find(tag, end, "]]>");
		add_character_data(out, tag + 9, close ? close : end);
		return close ? close + 3 : end;
	}
	if (end - tag >= 3 && memcmp(tag, "<![", 3) == 0) {
		/* Word's "<![if !supportLists]>" */
		close = memchr(tag, '>',
			end - tag < SHORT_TAG_BYTES ? (size_t)(end - tag) : SHORT_TAG_BYTES);
		return close ? close + 1 : NULL;
	}
	if (end - tag < SHORT_TAG_BYTES || !isalpha((unsigned char)tag[1])) {
		return NULL;
	}
	close = end_of_attributes(tag + 1, end, MAX_ATTRIBUTES);
	if (close == end || *close == '>') {
		return NULL;
	}
	buf_add(out, tag, (size_t)(close - tag));
	return end_of_attributes(close, end, SIZE_MAX);
}

/* Comments are passed over; where one does not end, none behind it does. */
static const char *behind_comment(const char *tag, const char *end, int *is_endless)
{
	const char *close = NULL;

	if (!*is_endless && end - tag >= 4 && memcmp(tag, "<!--", 4) == 0) {
		close = find(tag + 4, end, "-->");
		*is_endless = !close;
	}
	return close ? close + 3 : tag + 1;
}

int html_clean(struct buf *out, const char *text, size_t len)
{
	struct buf bytes = BUF_INIT, tag = BUF_INIT;
	const char *kept, *at, *end;
	int is_changed = memchr(text, 0, len) != NULL || !utf8_valid(text, len), is_endless = 0;

	if (is_changed) {
		clean_bytes(&bytes, text, len);
		text = buf_str(&bytes);
		len = bytes.len;
	}
	end = text + len;
	for (kept = at = text; (at = memchr(at, '<', (size_t)(end - at)));) {
		const char *behind = clean_tag(&tag, at, end);

		if (behind) {
			buf_add(out, kept, (size_t)(at - kept));
			buf_add(out, buf_str(&tag), tag.len);
			buf_clear(&tag);
			at = kept = behind;
			is_changed = 1;
		} else {
			at = behind_comment(at, end, &is_endless);
		}
	}
	if (is_changed) {
		buf_add(out, kept, (size_t)(end - kept));
	}
	buf_finish(&tag);
	buf_finish(&bytes);
	return is_changed;
}
