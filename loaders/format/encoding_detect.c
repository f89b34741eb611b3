/*
 * Which encoding a text is in: byte order marks, the pattern of NULs and the grammar of UTF-8 decide
 * what they can; the rest is uchardet's statistics, corrected where they are known to be wrong.
 */
#include "loaders/format/encoding_detect.h"

#include "loaders/format/encoding_latin.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>
#include <uchardet/uchardet.h>

/* What is looked at of a legacy text: from its first line that is not ASCII on. */
enum {
	SAMPLE_BYTES = 128 << 10,
	CONTEXT_BYTES = 1 << 10, /* and so much before it */
	LATIN_BYTES = 8 << 10,
};

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
	size_t nul[4] = {0}, n_print = 0, unit = len / 2, even, odd, most;

	for (size_t i = 0; i < len; i++) {
		nul[i % 4] += !bytes[i];
		n_print += bytes[i] >= ' ' && bytes[i] < 127;
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
	if (most < 2 || (most < unit / 2 && (most < unit / 128 || n_print > len / 4 * 3))) {
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

/* What uchardet says; NULL where it does not know, or the bytes are not all valid in that. */
static const char *ask_uchardet(const char *bytes, size_t len)
{
	uchardet_t detector = uchardet_new();
	struct buf text = BUF_INIT;
	const char *name = NULL;

	if (uchardet_handle_data(detector, bytes, len) == 0) {
		uchardet_data_end(detector);
		name = encoding_name(uchardet_get_charset(detector));
	}
	if (name && encoding_invalid(bytes, len, name, &text) != 0) {
		name = NULL;
	}
	uchardet_delete(detector);
	buf_finish(&text);
	return name;
}

static int is_multibyte(const char *name)
{
	static const char *const names[] = {
		"Shift_JIS", "EUC-JP", "EUC-KR", "EUC-TW", "GB18030", "Big5"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			return 1;
		}
	}
	return 0;
}

static int is_ascii_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* KOI8-U has letters where KOI8-R draws boxes. */
static const char *koi8(const char *bytes, size_t len)
{
	static const char letters[] = "\xa4\xa6\xa7\xad\xb4\xb6\xb7\xbd";

	for (size_t i = 0; i + 1 < len; i++) {
		if (bytes[i] && strchr(letters, bytes[i]) &&
			((unsigned char)bytes[i + 1] >= 0xc0 ||
				(i && (unsigned char)bytes[i - 1] >= 0xc0))) {
			return "KOI8-U";
		}
	}
	return "KOI8-R";
}

/*
 * Runs of bytes beyond ASCII in an English text, too short for uchardet: Korean syllables and Chinese
 * characters of GB 2312 are pairs of a lead and a trail byte in narrow ranges.
 */
static const char *pairs(const char *bytes, size_t len)
{
	size_t n_chinese = 0, n_korean = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char lead = (unsigned char)bytes[i], trail;

		if (lead < 128) {
			continue;
		}
		trail = ++i < len ? (unsigned char)bytes[i] : 0;
		if (lead < 0xa1 || lead > 0xf7 || trail < 0xa1) {
			return "windows-1252";
		}
		n_chinese += lead >= 0xb0;
		n_korean += lead >= 0xb0 && lead <= 0xc8;
	}
	return n_korean && n_korean == n_chinese ? "EUC-KR" : "GB18030";
}

/* The twin of an ISO 8859 that has signs and letters where that has control characters, which no text has. */
static const char *with_signs(const char *name, const char *bytes, size_t len)
{
	static const char *const twins[][2] = {
		{"ISO-8859-2", "windows-1250"},
		{"ISO-8859-5", "windows-1251"},
		{"ISO-8859-6", "windows-1256"},
		{"ISO-8859-7", "windows-1253"},
		{"ISO-8859-13", "windows-1257"},
	};

	for (size_t i = 0; i < ARRAY_LEN(twins); i++) {
		for (size_t k = 0; k < len && strcmp(name, twins[i][0]) == 0; k++) {
			if ((bytes[k] & 0xe0) == 0x80) {
				return twins[i][1];
			}
		}
	}
	return name;
}

static const char *detect_legacy(const char *bytes, size_t len)
{
	const char *name = ask_uchardet(bytes, len);
	size_t n_high = 0, n_run = 0, n_letter = 0;

	for (size_t i = 0; i < len; i++) {
		int high = (unsigned char)bytes[i] >= 128;

		n_high += high;
		n_run += high && !(i && (unsigned char)bytes[i - 1] >= 128);
		n_letter += is_ascii_letter(bytes[i]);
	}
	if (name && strcmp(name, "windows-1258") == 0) {
		return name; /* Vietnamese, in Latin letters, but unlike any other */
	}
	/* Latin script: single accents among ASCII letters. Other scripts are runs. */
	if (n_letter >= 2 * n_high &&
		(5 * n_high <= 8 * n_run ||
			(n_high <= 2 * n_run && !(name && is_multibyte(name))))) {
		return encoding_latin(bytes, len < LATIN_BYTES ? len : LATIN_BYTES);
	}
	if (name && strcmp(name, "KOI8-R") == 0) {
		return koi8(bytes, len);
	}
	if (name && strcmp(name, "MAC-CYRILLIC") == 0) {
		return "windows-1251"; /* taken for it where a few letters are all there is */
	}
	if (name && strcmp(name, "ISO-8859-8") == 0) {
		return "windows-1255"; /* the same letters, and more signs */
	}
	if (!name || strncmp(name, "ISO-8859-1", 10) == 0 || strcmp(name, "windows-1252") == 0) {
		return pairs(bytes, len);
	}
	return with_signs(name, bytes, len);
}

/* The line that begins at most CONTEXT_BYTES before the first byte beyond ASCII. */
static size_t sample_begin(const char *bytes, size_t first_high)
{
	size_t first = first_high > CONTEXT_BYTES ? first_high - CONTEXT_BYTES : 0;
	const char *end = first ? memchr(bytes + first, '\n', first_high - first) : NULL;

	return end ? (size_t)(end - bytes) + 1 : first;
}

/* Behind the line that begins at `begin`; no further than a declaration is looked for. */
static size_t line_end(const char *bytes, size_t len, size_t begin)
{
	enum { MOST = 512 };
	size_t left = len - begin < MOST ? len - begin : MOST;
	const char *newline = memchr(bytes + begin, '\n', left);

	return newline ? (size_t)(newline - bytes) + 1 : begin + left;
}

static int is_name_byte(char c)
{
	return is_ascii_letter(c) || (c >= '0' && c <= '9') || (c && strchr("-_.", c));
}

/* Whether hardly anything of the bytes beyond ASCII is invalid in that encoding. */
static int agrees(const char *bytes, size_t len, const char *name)
{
	struct buf text = BUF_INIT;
	int64_t n_invalid = encoding_invalid(bytes, len, name, &text), n_high = 0;

	for (size_t i = 0; i < len; i++) {
		n_high += (unsigned char)bytes[i] >= 128;
	}
	buf_finish(&text);
	return n_invalid >= 0 && n_invalid * 32 <= n_high;
}

/*
 * What the first two lines say themselves, where the bytes agree: XML's encoding="Big5", a source
 * file's "-*- coding: euc-jp -*-", the @charset of a style sheet.
 */
static const char *detect_declared(const char *bytes, size_t len, size_t first_high)
{
	static const char *const words[] = {"coding", "charset"};
	size_t end = line_end(bytes, len, 0), sample = len - first_high;
	const char *name = NULL;

	end = line_end(bytes, len, end);
	sample = sample < SAMPLE_BYTES ? sample : SAMPLE_BYTES;
	for (size_t i = 0; i < ARRAY_LEN(words) && !name; i++) {
		const char *at = memmem(bytes, end, words[i], strlen(words[i]));
		size_t n = 0;
		char said[64];

		if (!at) {
			continue;
		}
		for (at += strlen(words[i]); at < bytes + end && *at && strchr(" :=\"'", *at);
			at++) {
		}
		while (at < bytes + end && n + 1 < sizeof(said) && is_name_byte(*at)) {
			said[n++] = *at++;
		}
		said[n] = 0;
		name = encoding_name(said);
		name = name && agrees(bytes + first_high, sample, name) ? name : NULL;
	}
	return name;
}

const char *encoding_detect(const char *bytes, size_t len, size_t *mark_bytes)
{
	const char *name = detect_mark(bytes, len, mark_bytes);
	struct survey survey = {0};
	struct buf text = BUF_INIT;
	int64_t n_invalid;
	size_t first, tail;

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
	if (survey.shift && survey.first_high == len) {
		n_invalid = encoding_invalid(bytes, len, survey.shift, &text);
		buf_finish(&text);
		if (n_invalid == 0) {
			return survey.shift;
		}
	}
	if (survey.n_control > 8 && survey.n_control > len / 16) {
		return NULL;
	}
	if (2 * survey.n_stray <= survey.n_character) {
		return "UTF-8";
	}
	name = detect_declared(bytes, len, survey.first_high);
	if (name) {
		return name;
	}
	first = sample_begin(bytes, survey.first_high);
	len -= first;
	return detect_legacy(bytes + first, len < SAMPLE_BYTES ? len : SAMPLE_BYTES);
}
