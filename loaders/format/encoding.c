/* Conversion to UTF-8. The converters are opened once: glibc maps their code when it opens one. */
#include "loaders/format/encoding.h"

#include "loaders/format/encoding_detect.h"

#include "base/mem.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

/* What a file may be in: its name to people, and iconv's, which is often that of a superset. */
static struct codec {
	const char *name, *iconv_name;
	iconv_t handle;
	int is_open; /* tried; -1: this system lacks it */
} codecs[] = {
	{"UTF-16LE", "UTF-16LE", NULL, 0},
	{"UTF-16BE", "UTF-16BE", NULL, 0},
	{"UTF-32LE", "UTF-32LE", NULL, 0},
	{"UTF-32BE", "UTF-32BE", NULL, 0},
	{"windows-1250", "CP1250", NULL, 0},
	{"windows-1251", "CP1251", NULL, 0},
	{"windows-1252", "CP1252", NULL, 0},
	{"windows-1253", "CP1253", NULL, 0},
	{"windows-1254", "CP1254", NULL, 0},
	{"windows-1255", "CP1255", NULL, 0},
	{"windows-1256", "CP1256", NULL, 0},
	{"windows-1257", "CP1257", NULL, 0},
	{"windows-1258", "CP1258", NULL, 0},
	{"ISO-8859-1", "ISO-8859-1", NULL, 0},
	{"ISO-8859-2", "ISO-8859-2", NULL, 0},
	{"ISO-8859-3", "ISO-8859-3", NULL, 0},
	{"ISO-8859-4", "ISO-8859-4", NULL, 0},
	{"ISO-8859-5", "ISO-8859-5", NULL, 0},
	{"ISO-8859-6", "ISO-8859-6", NULL, 0},
	{"ISO-8859-7", "ISO-8859-7", NULL, 0},
	{"ISO-8859-8", "ISO-8859-8", NULL, 0},
	{"ISO-8859-9", "ISO-8859-9", NULL, 0},
	{"ISO-8859-10", "ISO-8859-10", NULL, 0},
	{"ISO-8859-13", "ISO-8859-13", NULL, 0},
	{"ISO-8859-15", "ISO-8859-15", NULL, 0},
	{"ISO-8859-16", "ISO-8859-16", NULL, 0},
	{"KOI8-R", "KOI8-R", NULL, 0},
	{"KOI8-U", "KOI8-U", NULL, 0},
	{"IBM850", "IBM850", NULL, 0},
	{"IBM852", "IBM852", NULL, 0},
	{"IBM855", "IBM855", NULL, 0},
	{"IBM866", "IBM866", NULL, 0},
	{"MAC-CYRILLIC", "MAC-CYRILLIC", NULL, 0},
	{"TIS-620", "TIS-620", NULL, 0},
	{"Shift_JIS", "CP932", NULL, 0},
	{"EUC-JP", "EUC-JP", NULL, 0},
	{"ISO-2022-JP", "ISO-2022-JP", NULL, 0},
	{"ISO-2022-KR", "ISO-2022-KR", NULL, 0},
	{"EUC-KR", "CP949", NULL, 0},
	{"GB18030", "GB18030", NULL, 0},
	{"Big5", "BIG5-HKSCS", NULL, 0},
	{"EUC-TW", "EUC-TW", NULL, 0},
};

/* Other names of the same, as mail and HTML declare them and uchardet says them. */
static const struct alias {
	const char *alias, *name;
} aliases[] = {
	{"UTF-16", "UTF-16LE"},
	{"UTF-32", "UTF-32LE"},
	{"latin1", "windows-1252"},
	{"ISO-8859-1", "windows-1252"}, /* as browsers do: the C1 controls are never meant */
	{"iso8859-1", "windows-1252"},
	{"iso_8859-1", "windows-1252"},
	{"US-ASCII", "windows-1252"},
	{"ASCII", "windows-1252"},
	{"ISO-8859-9", "windows-1254"},
	{"latin2", "ISO-8859-2"},
	{"latin5", "windows-1254"},
	{"latin9", "ISO-8859-15"},
	{"ISO-8859-11", "TIS-620"},
	{"windows-874", "TIS-620"},
	{"SHIFT-JIS", "Shift_JIS"},
	{"SJIS", "Shift_JIS"},
	{"x-sjis", "Shift_JIS"},
	{"CP932", "Shift_JIS"},
	{"Windows-31J", "Shift_JIS"},
	{"UHC", "EUC-KR"},
	{"CP949", "EUC-KR"},
	{"ks_c_5601-1987", "EUC-KR"},
	{"GB2312", "GB18030"},
	{"GBK", "GB18030"},
	{"CP936", "GB18030"},
	{"BIG5-HKSCS", "Big5"},
	{"CP950", "Big5"},
	{"cp866", "IBM866"},
	{"cp850", "IBM850"},
	{"cp855", "IBM855"},
	{"cp852", "IBM852"},
	{"x-mac-cyrillic", "MAC-CYRILLIC"},
	{"cp1250", "windows-1250"},
	{"cp1251", "windows-1251"},
	{"cp1252", "windows-1252"},
};

static void codec_open(struct codec *codec)
{
	if (!codec->is_open) {
		codec->handle = iconv_open("UTF-8", codec->iconv_name);
		/* NOLINTNEXTLINE: iconv's own way to say that there is none */
		codec->is_open = codec->handle == (iconv_t)-1 ? -1 : 1;
	}
}

void encoding_prepare(void)
{
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		codec_open(&codecs[i]);
	}
}

static struct codec *codec_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++) {
		if (strcasecmp(name, aliases[i].alias) == 0) {
			name = aliases[i].name;
			break;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		if (strcasecmp(name, codecs[i].name) == 0) {
			codec_open(&codecs[i]);
			return codecs[i].is_open > 0 ? &codecs[i] : NULL;
		}
	}
	return NULL;
}

/* How many bytes an invalid sequence takes: a unit of UTF-16 or UTF-32, else one. */
static size_t unit_bytes(const struct codec *codec)
{
	return strncmp(codec->name, "UTF-16", 6) == 0   ? 2
	       : strncmp(codec->name, "UTF-32", 6) == 0 ? 4
							: 1;
}

/* Returns how many sequences were invalid, -1 where the text grows past LOAD_MAX_BYTES. */
static int64_t convert(struct buf *text, const char *bytes, size_t len, struct codec *codec)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t begin = text->len, unit = unit_bytes(codec);
	char *in = (char *)bytes;
	int64_t n_invalid = 0;

	iconv(codec->handle, NULL, NULL, NULL, NULL);
	while (len) {
		size_t room = len + len / 8 + 64, n_converted;
		char *out;
		int failed;

		if (text->len - begin > LOAD_MAX_BYTES || buf_try_reserve(text, room) < 0) {
			return -1;
		}
		out = text->data + text->len;
		n_converted = iconv(codec->handle, &in, &len, &out, &room);
		failed = n_converted == (size_t)-1 && errno != E2BIG;
		text->len = (size_t)(out - text->data);
		if (failed) {
			size_t skipped = len < unit ? len : unit;

			buf_add(text, replacement, sizeof(replacement) - 1);
			in += skipped;
			len -= skipped;
			n_invalid++;
		}
	}
	text->data[text->len] = 0;
	return text->len - begin > LOAD_MAX_BYTES ? -1 : n_invalid;
}

const char *encoding_convert(struct buf *text, const char *bytes, size_t len, const char *name)
{
	struct codec *codec = codec_find(name);
	size_t begin = text->len;

	if (!codec) {
		return NULL;
	}
	if (!text->data) {
		buf_reserve(text, 1);
	}
	if (convert(text, bytes, len, codec) < 0) {
		text->len = begin;
		text->data[begin] = 0;
		return NULL;
	}
	return codec->name;
}

const char *encoding_name(const char *alias)
{
	struct codec *codec = codec_find(alias);

	return codec ? codec->name : NULL;
}

int64_t encoding_invalid(const char *bytes, size_t len, const char *name, struct buf *text)
{
	struct codec *codec = codec_find(name);

	buf_clear(text);
	return codec ? convert(text, bytes, len, codec) : -1;
}

const char *encoding_to_utf8(struct buf *text, const struct input *input)
{
	size_t mark_bytes = 0;
	const char *name = encoding_detect(input->data, input->len, &mark_bytes);

	if (name && strcmp(name, "UTF-8") == 0) {
		if (buf_try_reserve(text, input->len) < 0) {
			return NULL;
		}
		buf_add(text, input->data, input->len);
		return name;
	}
	return name ? encoding_convert(
			      text, input->data + mark_bytes, input->len - mark_bytes, name)
		    : NULL;
}
