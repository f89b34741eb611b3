/*
 * Captions become cues: words that scroll through several captions are taken once, lines that name
 * their speaker become theirs, and what one speaker says in short succession becomes one cue.
 */
#include "loaders/format/transcript.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

enum {
	MERGE_MAX_MS = 10000,     /* the last caption of a cue begins before this much of it */
	MERGE_SENTENCE_MS = 5000, /* and none behind a sentence that ends after this much */
	MERGE_PAUSE_MS = 3000,    /* nor behind a pause */
	MERGE_MAX_BYTES =
		1000,         /* three times what can be said meanwhile: such times are no times */
	SCROLL_MAX_LINES = 8, /* on the screen at a time */
	SCROLL_GAP_MS = 200,
};

void captions_finish(struct captions *captions)
{
	buf_finish(&captions->text);
	free(captions->item);
}

void captions_add(struct captions *captions, int64_t time_ms, int64_t end_ms,
	struct text_span speaker, struct text_span text)
{
	struct caption *item;

	speaker = span_trim(speaker);
	text = span_trim(text);
	if (text.len == 0) {
		return;
	}
	mem_grow(captions->item, captions->n, captions->cap);
	item = &captions->item[captions->n++];
	*item = (struct caption){.time_ms = time_ms, .end_ms = end_ms, .number = captions->line};
	item->speaker_at = captions->text.len;
	item->speaker_len = speaker.len;
	buf_add(&captions->text, speaker.at, speaker.len);
	item->text_at = captions->text.len;
	item->text_len = text.len;
	buf_add(&captions->text, text.at, text.len);
}

static struct text_span caption_text(const struct captions *captions, const struct caption *item)
{
	return (struct text_span){captions->text.data + item->text_at, item->text_len};
}

static struct text_span caption_speaker(const struct captions *captions, const struct caption *item)
{
	return (struct text_span){captions->text.data + item->speaker_at, item->speaker_len};
}

/* ---- captions that scroll ---- */

/* Lines that are not empty, trimmed: the first ones of a text, or the last ones. */
struct screen {
	struct text_span line[SCROLL_MAX_LINES];
	size_t n;
};

static struct screen first_lines(struct text_span text)
{
	struct screen screen = {.n = 0};
	struct text_span line;

	while (screen.n < SCROLL_MAX_LINES && span_next_line(&text, &line)) {
		line = span_trim(line);
		if (line.len) {
			screen.line[screen.n++] = line;
		}
	}
	return screen;
}

static struct screen last_lines(struct text_span text)
{
	struct screen screen = {.n = 0};
	size_t end = text.len;

	while (end > 0 && screen.n < SCROLL_MAX_LINES) {
		const char *newline = memrchr(text.at, '\n', end);
		size_t begin = newline ? (size_t)(newline - text.at) + 1 : 0;
		struct text_span line = span_trim((struct text_span){text.at + begin, end - begin});

		if (line.len) {
			screen.line[screen.n++] = line;
		}
		end = newline ? begin - 1 : 0;
	}
	for (size_t i = 0; i < screen.n / 2; i++) {
		struct text_span swap = screen.line[i];

		screen.line[i] = screen.line[screen.n - 1 - i];
		screen.line[screen.n - 1 - i] = swap;
	}
	return screen;
}

/* Whether `line` is `before`, or goes on with more words behind it. */
static int continues(struct text_span line, struct text_span before)
{
	return line.len >= before.len && memcmp(line.at, before.at, before.len) == 0 &&
	       (line.len == before.len || line.at[before.len] == ' ');
}

/* How many bytes at the beginning of `text` stood on the screen before. */
static size_t scrolled_bytes(struct text_span before, struct text_span text)
{
	struct screen old = last_lines(before), new = first_lines(text);

	for (size_t k = old.n < new.n ? old.n : new.n; k > 0; k--) {
		const struct text_span *tail = &old.line[old.n - k];
		size_t same = 0;

		while (same + 1 < k && span_equal(tail[same], new.line[same])) {
			same++;
		}
		if (same + 1 == k && continues(new.line[same], tail[same])) {
			return (size_t)(new.line[same].at + tail[same].len - text.at);
		}
	}
	return 0;
}

static int follows_at_once(const struct caption *before, const struct caption *item)
{
	return before->end_ms >= 0 && item->time_ms >= before->time_ms &&
	       item->time_ms <= before->end_ms + SCROLL_GAP_MS;
}

/*
 * Whether these captions scroll: of those that follow another at once, many begin with its words
 * and go on. Somebody who says the same words twice does not make it so.
 */
static int is_scrolling(const struct captions *captions)
{
	size_t n_pair = 0, n_scrolled = 0;

	for (size_t i = 1; i < captions->n; i++) {
		const struct caption *before = &captions->item[i - 1], *item = before + 1;
		size_t n;

		if (!follows_at_once(before, item)) {
			continue;
		}
		n = scrolled_bytes(caption_text(captions, before), caption_text(captions, item));
		n_pair++;
		n_scrolled += n > 0 && n < item->text_len;
	}
	return n_scrolled >= (captions->has_inline_times ? 1 : 2) && 3 * n_scrolled >= n_pair;
}

/* ---- speakers ---- */

struct names {
	struct text_span *name; /* sorted */
	size_t n, cap;
};

static int compare_names(const void *a, const void *b)
{
	const struct text_span *x = a, *y = b;
	int order = memcmp(x->at, y->at, x->len < y->len ? x->len : y->len);

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* Without `- ` and `>> `, which announce a speaker; *announced says whether one was there. */
static struct text_span without_dash(struct text_span line, int *announced)
{
	static const char *const dash[] = {">>>", ">>", "-", "\xe2\x80\x93", "\xe2\x80\x94"};

	*announced = 0;
	line = span_trim(line);
	for (size_t i = 0; i < ARRAY_LEN(dash); i++) {
		size_t n = strlen(dash[i]);

		if (line.len > n && memcmp(line.at, dash[i], n) == 0) {
			*announced = 1;
			return span_trim((struct text_span){line.at + n, line.len - n});
		}
	}
	return line;
}

static int is_all_capitals(struct text_span name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (name.at[i] >= 'a' && name.at[i] <= 'z') {
			return 0;
		}
	}
	return 1;
}

static void collect_names(const struct captions *captions, struct names *names)
{
	for (size_t i = 0; i < captions->n; i++) {
		struct text_span text = caption_text(captions, &captions->item[i]), line;
		struct text_span name, rest;
		int announced;

		while (captions->item[i].speaker_len == 0 && span_next_line(&text, &line)) {
			if (speaker_split(without_dash(line, &announced), &name, &rest)) {
				mem_grow(names->name, names->n, names->cap);
				names->name[names->n++] = name;
			}
		}
	}
	if (names->n) {
		qsort(names->name, names->n, sizeof(*names->name), compare_names);
	}
}

static int stands_twice(const struct names *names, struct text_span name)
{
	const struct text_span *found =
		names->n ? bsearch(&name, names->name, names->n, sizeof(name), compare_names)
			 : NULL;

	return found && ((found > names->name && span_equal(found[-1], name)) ||
				(found + 1 < names->name + names->n && span_equal(found[1], name)));
}

/* A name counts where something announces it, or it is written large, or stands there again. */
static int begins_with_speaker(const struct names *names, struct text_span line,
	struct text_span *name, struct text_span *rest)
{
	int announced;

	return speaker_split(without_dash(line, &announced), name, rest) &&
	       (announced || is_all_capitals(*name) || stands_twice(names, *name));
}

/* ---- merging ---- */

struct mover {
	struct transcript *transcript;
	const struct caption *caption; /* that is being moved */
	struct buf text;               /* of one speaker in it */
	struct buf speaker;            /* of the cue that is open */
	int64_t begun_ms, end_ms;      /* of it */
	size_t n_bytes;                /* of its words */
	int is_open, ends_sentence;
};

static int is_cjk(uint32_t cp)
{
	return (cp >= 0x2e80 && cp < 0xac00) || (cp >= 0xf900 && cp < 0xfb00) ||
	       (cp >= 0xff00 && cp < 0xffa0) || (cp >= 0x20000 && cp < 0x40000);
}

static uint32_t last_character(struct text_span text)
{
	uint32_t cp = 0;

	for (size_t n = 1; n <= 4 && n <= text.len; n++) {
		if (utf8_decode(text.at + text.len - n, n, &cp) == n) {
			return cp;
		}
	}
	return 0;
}

static int needs_space(struct text_span before, struct text_span after)
{
	uint32_t first = 0;

	utf8_decode(after.at, after.len, &first);
	return !is_cjk(last_character(before)) || !is_cjk(first);
}

static int ends_sentence(struct text_span text)
{
	static const uint32_t closing[] = {'"', '\'', ')', ']', 0x201d, 0x2019, 0xbb, 0x300d};
	static const uint32_t end[] = {'.', '?', '!', 0x2026, 0x3002, 0xff01, 0xff1f, 0x61f, 0x6d4};
	uint32_t last = last_character(text);
	char bytes[4];

	for (size_t i = 0; i < ARRAY_LEN(closing); i++) {
		if (last == closing[i]) {
			text.len -= utf8_encode(last, bytes);
			last = last_character(text);
			break;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(end); i++) {
		if (last == end[i]) {
			return 1;
		}
	}
	return 0;
}

static int may_merge(const struct mover *mover, struct text_span speaker)
{
	int64_t time_ms = mover->caption->time_ms, gone_ms = time_ms - mover->begun_ms;

	if (!mover->is_open || mover->n_bytes >= MERGE_MAX_BYTES || time_ms < 0 ||
		mover->begun_ms < 0 || gone_ms < 0 || gone_ms >= MERGE_MAX_MS ||
		(mover->end_ms >= 0 && time_ms - mover->end_ms >= MERGE_PAUSE_MS) ||
		(mover->ends_sentence && gone_ms >= MERGE_SENTENCE_MS)) {
		return 0;
	}
	return span_equal(
		speaker, (struct text_span){buf_str(&mover->speaker), mover->speaker.len});
}

/* What is pending was said by `speaker`. */
static void flush_words(struct mover *mover, struct text_span speaker)
{
	struct text_span text =
		span_trim((struct text_span){buf_str(&mover->text), mover->text.len});
	struct transcript *transcript = mover->transcript;

	if (text.len && may_merge(mover, speaker)) {
		struct text_span words = {transcript->words.data, transcript->words.len};

		if (needs_space(words, text)) {
			transcript_extend_cue(transcript, (struct text_span){" ", 1});
		}
		transcript_extend_cue(transcript, text);
	} else if (text.len) {
		transcript_add_cue(
			transcript, mover->caption->time_ms, speaker, text, mover->caption->number);
		mover->begun_ms = mover->caption->time_ms;
		mover->n_bytes = 0;
		buf_clear(&mover->speaker);
		buf_add(&mover->speaker, speaker.at, speaker.len);
	}
	if (text.len) {
		mover->is_open = 1;
		mover->n_bytes += text.len;
		mover->end_ms = mover->caption->end_ms;
		mover->ends_sentence = ends_sentence(text);
	}
	buf_clear(&mover->text);
}

static void add_line(struct mover *mover, struct text_span line)
{
	struct text_span before = {buf_str(&mover->text), mover->text.len};

	line = span_trim(line);
	if (line.len && before.len && needs_space(before, line)) {
		buf_addch(&mover->text, ' ');
	}
	buf_add(&mover->text, line.at, line.len);
}

static void move_caption(struct mover *mover, const struct captions *captions,
	const struct names *names, struct text_span text)
{
	struct text_span speaker = caption_speaker(captions, mover->caption), line, name, rest;

	while (span_next_line(&text, &line)) {
		if (mover->caption->speaker_len == 0 && captions->names_speakers &&
			begins_with_speaker(names, line, &name, &rest)) {
			flush_words(mover, speaker);
			speaker = name;
			line = rest;
		}
		add_line(mover, line);
	}
	flush_words(mover, speaker);
}

void captions_move(struct captions *captions, struct transcript *transcript)
{
	int scrolls = is_scrolling(captions);
	struct mover mover = {.transcript = transcript};
	struct names names = {0};

	if (captions->names_speakers) {
		collect_names(captions, &names);
	}
	for (size_t i = 0; i < captions->n; i++) {
		const struct caption *item = &captions->item[i];
		struct text_span text = caption_text(captions, item);

		mover.caption = item;
		if (scrolls && i > 0 && follows_at_once(item - 1, item)) {
			size_t n = scrolled_bytes(caption_text(captions, item - 1), text);

			text.at += n;
			text.len -= n;
		}
		move_caption(&mover, captions, &names, text);
	}
	free(names.name);
	buf_finish(&mover.text);
	buf_finish(&mover.speaker);
}
