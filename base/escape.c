#include "base/escape.h"

#include "base/mem.h"
#include "base/utf8.h"

/*
 * Format characters (general category Cf), line and paragraph separators, and the letters and marks
 * that have no glyph of their own (Default_Ignorable_Code_Point); Unicode 15.0.
 */
static const struct {
	uint32_t first, last;
} unseen[] = {
	{0x00ad, 0x00ad},   /* soft hyphen */
	{0x034f, 0x034f},   /* combining grapheme joiner */
	{0x0600, 0x0605},   /* Arabic number signs */
	{0x061c, 0x061c},   /* Arabic letter mark */
	{0x06dd, 0x06dd},   /* Arabic end of ayah */
	{0x070f, 0x070f},   /* Syriac abbreviation mark */
	{0x0890, 0x0891},   /* Arabic pound and piastre marks */
	{0x08e2, 0x08e2},   /* Arabic disputed end of ayah */
	{0x115f, 0x1160},   /* Hangul fillers */
	{0x17b4, 0x17b5},   /* Khmer inherent vowels */
	{0x180b, 0x180f},   /* Mongolian variation selectors, vowel separator */
	{0x200b, 0x200f},   /* zero-width space and joiners, direction marks */
	{0x2028, 0x202e},   /* line and paragraph separators, embeddings, overrides */
	{0x2060, 0x206f},   /* word joiner, invisible operators, isolates */
	{0x3164, 0x3164},   /* Hangul filler */
	{0xfe00, 0xfe0f},   /* variation selectors */
	{0xfeff, 0xfeff},   /* byte order mark */
	{0xffa0, 0xffa0},   /* halfwidth Hangul filler */
	{0xfff0, 0xfffb},   /* unassigned ignorables, interlinear annotation */
	{0x110bd, 0x110bd}, /* Kaithi number sign */
	{0x110cd, 0x110cd}, /* Kaithi number sign above */
	{0x13430, 0x1343f}, /* Egyptian hieroglyph format controls */
	{0x1bca0, 0x1bca3}, /* shorthand format controls */
	{0x1d173, 0x1d17a}, /* musical format controls */
	{0xe0000, 0xe0fff}, /* tags, variation selectors supplement */
};

int escape_needed(uint32_t cp)
{
	size_t low = 0, high = ARRAY_LEN(unseen);

	if (cp < 0xa0) {
		return cp < 0x20 || cp >= 0x7f;
	}
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (cp > unseen[middle].last) {
			low = middle + 1;
		} else if (cp < unseen[middle].first) {
			high = middle;
		} else {
			return 1;
		}
	}
	return 0;
}

static void show(struct buf *out, uint32_t cp)
{
	if (cp < 0x20 || cp == 0x7f) {
		buf_addch(out, '^');
		buf_addch(out, (char)(cp ^ 0x40));
	} else {
		buf_printf(out, "<U+%04X>", (unsigned)cp);
	}
}

void escape_add(struct buf *out, const char *bytes, size_t len, enum escape_mode mode)
{
	size_t plain = 0; /* where the run that needs nothing begins */

	for (size_t i = 0; i < len;) {
		uint32_t cp;
		size_t n = utf8_decode(bytes + i, len - i, &cp);

		if (n && (!escape_needed(cp) ||
				 (mode == ESCAPE_TEXT && (cp == '\n' || cp == '\t')))) {
			i += n;
			continue;
		}
		buf_add(out, bytes + plain, i - plain);
		if (n) {
			show(out, cp);
		} else {
			buf_printf(out, "<%02X>", (unsigned char)bytes[i]);
		}
		i += n ? n : 1;
		plain = i;
	}
	buf_add(out, bytes + plain, len - plain);
}

void escape_write(FILE *stream, const char *bytes, size_t len, enum escape_mode mode)
{
	struct buf out = BUF_INIT;

	escape_add(&out, bytes, len, mode);
	fwrite(out.data, 1, out.len, stream);
	buf_finish(&out);
}
