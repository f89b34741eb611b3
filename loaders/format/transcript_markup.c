/* What stands between the words of a caption: tags, entities, positions; and the names of speakers. */
#include "loaders/format/transcript.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>
#include <strings.h>

/* ---- markup ---- */

/* One caption on its way: what the current voice has said so far. */
struct stripper {
	struct captions *captions;
	enum caption_markup markup;
	int64_t time_ms, end_ms;
	struct buf out, voice;
};

static void flush_voice(struct stripper *stripper)
{
	captions_add(stripper->captions, stripper->time_ms, stripper->end_ms,
		(struct text_span){buf_str(&stripper->voice), stripper->voice.len},
		(struct text_span){buf_str(&stripper->out), stripper->out.len});
	buf_clear(&stripper->out);
}

static int is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The character of an entity at `text`, and its length; 0 where there is none. */
static size_t read_entity(struct text_span text, uint32_t *cp)
{
	static const struct {
		const char *name;
		uint32_t cp;
	} entity[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'},
		{"&apos;", '\''}, {"&nbsp;", 0xa0}, {"&lrm;", 0x200e}, {"&rlm;", 0x200f}};
	int is_hex = text.len > 2 && (text.at[2] == 'x' || text.at[2] == 'X');
	size_t at = 2 + (size_t)is_hex, begin = at;

	for (size_t i = 0; i < ARRAY_LEN(entity); i++) {
		size_t n = strlen(entity[i].name);

		if (text.len >= n && memcmp(text.at, entity[i].name, n) == 0) {
			*cp = entity[i].cp;
			return n;
		}
	}
	if (text.len < 4 || text.at[1] != '#') {
		return 0;
	}
	for (*cp = 0; at < text.len && at - begin < 7; at++) {
		char c = text.at[at];
		uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0')
				 : is_hex && is_letter(c) && (c | 32) <= 'f'
					 ? (uint32_t)((c | 32) - 'a' + 10)
					 : 99;

		if (digit == 99) {
			break;
		}
		*cp = (is_hex ? 16 : 10) * *cp + digit;
	}
	if (at == begin || at >= text.len || text.at[at] != ';' || *cp == 0 || *cp > 0x10ffff ||
		(*cp >= 0xd800 && *cp < 0xe000)) {
		return 0;
	}
	return at + 1;
}

static void add_decoded(struct buf *out, struct text_span text)
{
	for (size_t at = 0; at < text.len;) {
		uint32_t cp;
		char bytes[4];
		size_t n =
			text.at[at] == '&'
				? read_entity((struct text_span){text.at + at, text.len - at}, &cp)
				: 0;

		if (n) {
			buf_add(out, bytes, utf8_encode(cp, bytes));
			at += n;
		} else {
			buf_addch(out, text.at[at++]);
		}
	}
}

/* The name of the tag whose inside begins at `text`, without the slash of an end. */
static struct text_span tag_name(struct text_span text)
{
	size_t at = text.len && text.at[0] == '/', begin = at;

	while (at < text.len &&
		(is_letter(text.at[at]) || (text.at[at] >= '0' && text.at[at] <= '9'))) {
		at++;
	}
	return (struct text_span){text.at + begin, at - begin};
}

static int is_named(struct text_span name, const char *want)
{
	return name.len == strlen(want) && strncasecmp(name.at, want, name.len) == 0;
}

static int is_known_tag(struct text_span name)
{
	static const char *const known[] = {"i", "b", "u", "s", "c", "v", "em", "strong", "font",
		"span", "br", "ruby", "rt", "lang"};

	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (is_named(name, known[i])) {
			return 1;
		}
	}
	return 0;
}

/* `<v.loud Ana>`: what stands behind the first white space. */
static void begin_voice(struct stripper *stripper, struct text_span inside)
{
	size_t at = 1;

	flush_voice(stripper);
	buf_clear(&stripper->voice);
	while (at < inside.len && !strchr(" \t\n", inside.at[at])) {
		at++;
	}
	if (inside.at[0] != '/') {
		add_decoded(&stripper->voice,
			span_trim((struct text_span){inside.at + at, inside.len - at}));
	}
	for (size_t i = 0; i < stripper->voice.len; i++) {
		if (strchr("\n\t", stripper->voice.data[i])) {
			stripper->voice.data[i] = ' ';
		}
	}
}

/* The length of the tag that begins with the `<` at `text`; 0 where it is only a sign. */
static size_t read_tag(struct stripper *stripper, struct text_span text)
{
	struct text_span inside = {text.at + 1, 0}, name;
	int64_t time_ms;

	name = tag_name((struct text_span){text.at + 1, text.len - 1});
	if (name.len == 0 || (stripper->markup == MARKUP_SRT && !is_known_tag(name))) {
		return 0;
	}
	while (inside.len < text.len - 1 && inside.at[inside.len] != '>' &&
		inside.at[inside.len] != '<') {
		inside.len++;
	}
	if (inside.len == text.len - 1 || inside.at[inside.len] == '<') {
		return 0;
	}
	if (is_named(name, "v")) {
		begin_voice(stripper, inside);
	} else if (is_named(name, "br")) {
		buf_addch(&stripper->out, '\n');
	} else if (clock_parse(inside, &time_ms) == inside.len) {
		stripper->captions->has_inline_times = 1;
	}
	return inside.len + 2;
}

/* `{\an8}`, as SubRip files have it from other formats; 0 where it is only a brace. */
static size_t read_override(struct text_span text)
{
	size_t at = 2;

	if (text.len < 3 || text.at[1] != '\\') {
		return 0;
	}
	while (at < text.len && !strchr("{}\n", text.at[at])) {
		at++;
	}
	return at < text.len && text.at[at] == '}' ? at + 1 : 0;
}

void markup_strip(struct captions *captions, enum caption_markup markup, int64_t time_ms,
	int64_t end_ms, struct text_span raw)
{
	struct stripper stripper = {
		.captions = captions, .markup = markup, .time_ms = time_ms, .end_ms = end_ms};

	for (size_t at = 0; at < raw.len;) {
		struct text_span text = {raw.at + at, raw.len - at};
		size_t n = 0;
		char bytes[4];
		uint32_t cp;

		if (text.at[0] == '<') {
			n = read_tag(&stripper, text);
		} else if (text.at[0] == '{' && markup == MARKUP_SRT) {
			n = read_override(text);
		} else if (text.at[0] == '&' && markup == MARKUP_VTT) {
			n = read_entity(text, &cp);
			buf_add(&stripper.out, bytes, n ? utf8_encode(cp, bytes) : 0);
		}
		if (n == 0) {
			buf_addch(&stripper.out, text.at[0]);
			n = 1;
		}
		at += n;
	}
	flush_voice(&stripper);
	buf_finish(&stripper.out);
	buf_finish(&stripper.voice);
}

/* ---- speakers ---- */

enum { NAME_MAX_BYTES = 60, NAME_MAX_WORDS = 6 };

/* Words that stand before a colon and speak of what follows. */
static int is_label(struct text_span name)
{
	static const char *const label[] = {"note", "notes", "warning", "error", "info", "debug",
		"todo", "fixme", "example", "examples", "usage", "hint", "tip", "caution",
		"important", "attention", "remark", "see", "see also", "fig", "figure", "table",
		"step", "chapter", "section", "part", "page", "title", "subject", "date", "from",
		"to", "cc", "re", "http", "https", "ftp", "file", "mailto", "url", "ps", "p.s.",
		"update", "edit", "summary", "question", "answer", "result", "results", "output",
		"input", "default", "author", "version", "license", "copyright", "package",
		"description", "status", "name", "time", "key", "value", "type", "agenda", "topic",
		"location", "place", "duration", "recording", "transcript"};

	for (size_t i = 0; i < ARRAY_LEN(label); i++) {
		if (is_named(name, label[i])) {
			return 1;
		}
	}
	return 0;
}

/* Those that write themselves small. */
static int is_role(struct text_span name)
{
	static const char *const role[] = {
		"user", "assistant", "system", "human", "ai", "bot", "tool", "me", "you"};

	for (size_t i = 0; i < ARRAY_LEN(role); i++) {
		if (name.len == strlen(role[i]) && memcmp(name.at, role[i], name.len) == 0) {
			return 1;
		}
	}
	return 0;
}

static int is_particle(struct text_span word)
{
	static const char *const particle[] = {"de", "del", "della", "di", "da", "dos", "du", "van",
		"von", "der", "den", "ter", "la", "le", "bin", "al", "el", "y", "zu"};

	for (size_t i = 0; i < ARRAY_LEN(particle); i++) {
		if (word.len == strlen(particle[i]) &&
			memcmp(word.at, particle[i], word.len) == 0) {
			return 1;
		}
	}
	return 0;
}

/* A word of a name: "Ana", "O'Neil", "Dr.", "01", "SPEAKER_01", "(Acme)". */
static int is_name_word(struct text_span word, int is_first)
{
	char c = word.at[0];
	int is_outside_ascii = (unsigned char)c >= 0x80;

	if (memchr(word.at, '.', word.len) && word.at[word.len - 1] != '.') {
		return 0; /* a file, a host, an abbreviation in the middle of words */
	}
	for (size_t i = 0; i < word.len; i++) {
		if (strchr("/\\=<>{};,!?\"|`*#@$%^&+~:", word.at[i])) {
			return 0;
		}
	}
	if (is_first) {
		return (c >= 'A' && c <= 'Z') || is_outside_ascii;
	}
	return !is_letter(c) || (c >= 'A' && c <= 'Z') || is_particle(word);
}

int speaker_is_name(struct text_span name)
{
	size_t n_word = 0, n_letter = 0;

	if (name.len < 2 || name.len > NAME_MAX_BYTES || is_label(name)) {
		return 0;
	}
	if (is_role(name)) {
		return 1;
	}
	for (size_t at = 0; at < name.len; n_word++) {
		struct text_span word = {name.at + at, 0};

		while (at < name.len && name.at[at] != ' ') {
			char c = name.at[at++];

			n_letter += is_letter(c) || (unsigned char)c >= 0x80;
			word.len++;
		}
		at++;
		if (word.len == 0 || !is_name_word(word, n_word == 0)) {
			return 0;
		}
	}
	return n_word <= NAME_MAX_WORDS && n_letter >= 2;
}

int speaker_split(struct text_span line, struct text_span *name, struct text_span *rest)
{
	size_t limit = line.len < NAME_MAX_BYTES + 2 ? line.len : NAME_MAX_BYTES + 2;
	const char *colon = limit ? memchr(line.at, ':', limit) : NULL;
	size_t at;

	if (!colon) {
		return 0;
	}
	at = (size_t)(colon - line.at) + 1;
	if (at < line.len && line.at[at] != ' ' && line.at[at] != '\t') {
		return 0;
	}
	*name = span_trim((struct text_span){line.at, at - 1});
	*rest = span_trim((struct text_span){line.at + at, line.len - at});
	return speaker_is_name(*name);
}
