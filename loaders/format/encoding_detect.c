/*
 * Which encoding a text is in: byte order marks, the pattern of NULs and the grammar of UTF-8 decide
 * what they can; the rest is uchardet's statistics, corrected where they are known to be wrong.
 */
#include "loaders/format/encoding_detect.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>
#include <uchardet/uchardet.h>

/* What is looked at of a legacy text: from its first line that is not ASCII on. */
enum { SAMPLE_BYTES = 128 << 10 };

static int begins_with(const char *bytes, size_t len, const char *mark, size_t mark_len)
{
	return len >= mark_len && memcmp(bytes, mark, mark_len) == 0;
}

static const char *detect_mark(const char *bytes, size_t len, size_t *mark_bytes)
{
	static const struct {
		const char *name, *mark;
		size_t len;
	} marks[] = {
		{"UTF-8", "\xef\xbb\xbf", 3},
		{"UTF-32LE", "\xff\xfe\0\0", 4}, /* before its prefix */
		{"UTF-32BE", "\0\0\xfe\xff", 4},
		{"UTF-16LE", "\xff\xfe", 2},
		{"UTF-16BE", "\xfe\xff", 2},
	};

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		if (begins_with(bytes, len, marks[i].mark, marks[i].len)) {
			*mark_bytes = marks[i].len;
			return marks[i].name;
		}
	}
	return NULL;
}

/* Tab, newline, form feed, carriage return, escape and backspace (overstrikes) stand in texts. */
static int is_strange_control(unsigned char c)
{
	return (c < ' ' && !(c >= '\b' && c <= '\r' && c != '\v') && c != 27) || c == 127;
}

/* Whether this reads like text: letters and spaces, hardly anything unassigned or invalid. */
static int is_plausible(const struct buf *text, int64_t n_invalid)
{
	size_t n = 0, n_strange = (size_t)n_invalid, step;
	uint32_t cp;

	for (size_t i = 0; i < text->len; i += step, n++) {
		step = utf8_decode(text->data + i, text->len - i, &cp);
		if (!step) {
			return 0;
		}
		n_strange += (cp < 128 && is_strange_control((unsigned char)cp)) ||
			     (cp >= 0xe000 && cp < 0xf900) || (cp & 0xfffe) == 0xfffe ||
			     cp >= 0xe0000;
	}
	return n && n_strange * 32 <= n;
}

/*
 * UTF-16 and UTF-32 without a mark: what of the text is ASCII leaves a NUL at the same place of each
 * unit. Texts that are mostly ASCII have many; in Chinese there may be few among bytes beyond ASCII.
 */
static const char *guess_nul_pattern(const char *bytes, size_t len)
{
	size_t nul[4] = {0}, n_high = 0, unit = len / 2, even, odd, most;

	for (size_t i = 0; i < len; i++) {
		nul[i % 4] += !bytes[i];
		n_high += (unsigned char)bytes[i] >= 128;
	}
	even = nul[0] + nul[2];
	odd = nul[1] + nul[3];
	most = even > odd ? even : odd;
	if (len % 4 == 0 && nul[3] == len / 4 && nul[2] >= len / 4 * 9 / 10) {
		return "UTF-32LE";
	}
	if (len % 4 == 0 && nul[0] == len / 4 && nul[1] >= len / 4 * 9 / 10) {
		return "UTF-32BE";
	}
	if (most < 2 || most < unit / (n_high >= unit / 4 ? 128 : 2)) {
		return NULL;
	}
	return odd > 20 * even ? "UTF-16LE" : even > 20 * odd ? "UTF-16BE" : NULL;
}

static const char *detect_nul_pattern(const char *bytes, size_t len)
{
	size_t sample = len < SAMPLE_BYTES ? len : SAMPLE_BYTES;
	const char *name = len % 2 == 0 ? guess_nul_pattern(bytes, sample) : NULL;
	struct buf text = BUF_INIT;
	int64_t n_invalid;

	if (name) {
		n_invalid = encoding_invalid(bytes, sample & ~(size_t)1, name, &text);
		name = n_invalid >= 0 && is_plausible(&text, n_invalid) ? name : NULL;
	}
	buf_finish(&text);
	return name;
}

/* What one pass over the bytes finds. */
struct survey {
	size_t n_control, n_character, n_stray; /* of UTF-8: beyond ASCII */
	size_t first_high;                      /* the first byte beyond ASCII */
	int has_nul;
	const char *shift; /* the encoding that an escape sequence switches to */
};

/* ESC $ begins two-byte characters in ISO-2022; terminals have no such sequence. */
static const char *shift_name(const char *bytes, size_t len)
{
	static const struct {
		const char *sequence, *name;
	} shifts[] = {
		{"\x1b$@", "ISO-2022-JP"},
		{"\x1b$B", "ISO-2022-JP"},
		{"\x1b$(D", "ISO-2022-JP"},
		{"\x1b$)C", "ISO-2022-KR"},
	};

	for (size_t i = 0; i < ARRAY_LEN(shifts); i++) {
		if (begins_with(bytes, len, shifts[i].sequence, strlen(shifts[i].sequence))) {
			return shifts[i].name;
		}
	}
	return NULL;
}

static void survey_take(struct survey *survey, const char *bytes, size_t len)
{
	size_t step;
	uint32_t cp;

	survey->first_high = len;
	for (size_t i = 0; i < len; i += step) {
		unsigned char c = (unsigned char)bytes[i];

		step = 1;
		if (c < 128) {
			survey->has_nul |= !c;
			survey->n_control += is_strange_control(c);
			survey->shift = c == 27 && !survey->shift ? shift_name(bytes + i, len - i)
								  : survey->shift;
			continue;
		}
		if (survey->first_high == len) {
			survey->first_high = i;
		}
		step = utf8_decode(bytes + i, len - i, &cp);
		survey->n_character += step > 0;
		survey->n_stray += step == 0;
		step += step == 0;
	}
}

static const char *detect_legacy(const char *bytes, size_t len)
{
	uchardet_t detector = uchardet_new();
	struct buf text = BUF_INIT;
	const char *name = NULL;

	if (uchardet_handle_data(detector, bytes, len) == 0) {
		uchardet_data_end(detector);
		name = encoding_name(uchardet_get_charset(detector));
	}
	if (!name || encoding_invalid(bytes, len, name, &text) != 0) {
		name = "windows-1252";
	}
	uchardet_delete(detector);
	buf_finish(&text);
	return name;
}

const char *encoding_detect(const char *bytes, size_t len, size_t *mark_bytes)
{
	const char *name = detect_mark(bytes, len, mark_bytes);
	struct survey survey = {0};
	struct buf text = BUF_INIT;
	int64_t n_invalid;
	size_t sample, tail;

	if (name) {
		*mark_bytes = strcmp(name, "UTF-8") == 0 ? 0 : *mark_bytes;
		return name;
	}
	/* A character that the end of the file cuts in two says nothing against UTF-8. */
	tail = utf8_incomplete_tail(bytes, len);
	survey_take(&survey, bytes, len - tail);
	survey.n_stray += survey.n_character ? 0 : tail;
	if (survey.has_nul) {
		return detect_nul_pattern(bytes, len);
	}
	if (survey.n_control > 8 && survey.n_control > len / 16) {
		return NULL;
	}
	if (survey.shift && survey.first_high == len) {
		n_invalid = encoding_invalid(bytes, len, survey.shift, &text);
		buf_finish(&text);
		return n_invalid == 0 ? survey.shift : "UTF-8";
	}
	if (2 * survey.n_stray <= survey.n_character) {
		return "UTF-8";
	}
	sample = len - survey.first_high;
	return detect_legacy(
		bytes + survey.first_high, sample < SAMPLE_BYTES ? sample : SAMPLE_BYTES);
}
