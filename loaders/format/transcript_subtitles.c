/*
 * SubRip (SRT; it has no specification, so what its writers do counts) and WebVTT (W3C, "WebVTT: The
 * Web Video Text Tracks Format", section 6.1). Both are read by one lenient parser: what makes a cue
 * is a line with `-->`, and text that stands between cues belongs to the one before.
 */
#include "loaders/format/format.h"
#include "loaders/format/transcript.h"

#include <string.h>

enum { PROBE_LINES = 8 }; /* before the first cue of a file without a header */

static struct text_span from(struct text_span text, size_t at)
{
	return (struct text_span){text.at + at, text.len - at};
}

static size_t count_blanks(struct text_span text)
{
	size_t n = 0;

	while (n < text.len && (text.at[n] == ' ' || text.at[n] == '\t')) {
		n++;
	}
	return n;
}

/* YouTube's own form (SBV) and nothing else in the line: `0:00:01.500,0:00:03.000`. */
static int parse_sbv_timing(struct text_span line, int64_t *time_ms, int64_t *end_ms)
{
	size_t n = clock_parse(line, time_ms), n_end;

	if (!n || n >= line.len || line.at[n] != ',' || !memchr(line.at, '.', n)) {
		return 0;
	}
	n_end = clock_parse(from(line, n + 1), end_ms);
	return n_end && n + 1 + n_end == line.len;
}

/* Whether the line is `begin --> end`, with settings behind it or not; *end_ms -1 for a bad end. */
static int parse_timing(struct text_span line, int64_t *time_ms, int64_t *end_ms)
{
	size_t at = count_blanks(line), n = clock_parse(from(line, at), time_ms);

	at += n;
	at += count_blanks(from(line, at));
	if (!n || line.len - at < 3 || memcmp(line.at + at, "-->", 3) != 0) {
		return n && parse_sbv_timing(line, time_ms, end_ms);
	}
	at += 3;
	at += count_blanks(from(line, at));
	n = clock_parse(from(line, at), end_ms);
	at += n;
	if (!n || (at < line.len && line.at[at] != ' ' && line.at[at] != '\t')) {
		*end_ms = -1;
	}
	return 1;
}

static int is_number(struct text_span line)
{
	line = span_trim(line);
	for (size_t i = 0; i < line.len; i++) {
		if (line.at[i] < '0' || line.at[i] > '9') {
			return 0;
		}
	}
	return line.len > 0;
}

static int begins_with(struct text_span line, const char *word)
{
	size_t n = strlen(word);

	return line.len >= n && memcmp(line.at, word, n) == 0;
}

/* WebVTT's blocks that hold no cue. */
static int begins_aside(struct text_span line)
{
	static const char *const word[] = {"NOTE", "STYLE", "REGION"};

	for (int i = 0; i < 3; i++) {
		struct text_span rest = line;

		if (begins_with(line, word[i])) {
			rest = from(line, strlen(word[i]));
			return rest.len == 0 || rest.at[0] == ' ' || rest.at[0] == '\t';
		}
	}
	return 0;
}

static int has_header(struct text_span text)
{
	return begins_with(text, "WEBVTT") && (text.len == 6 || strchr(" \t\r\n", text.at[6]));
}

struct parser {
	struct captions captions;
	enum caption_markup markup;
	struct buf raw; /* of the cue that is being read */
	int64_t time_ms, end_ms;
	int after_blank, in_aside, in_header;
	int is_chapters;
	/* The last line of `raw`: what stands right before a timing line may be its number or name. */
	size_t last_at;
	int last_stands_alone; /* behind a blank line, or at the beginning */
	int has_last;
	int has_numbers; /* a number stood before the first cue */
	int n_cue;
	int64_t line;         /* of the file */
	struct buf bad_lines; /* numbers of lines that were to be a timing */
	int n_bad;
};

static void end_cue(struct parser *parser)
{
	markup_strip(&parser->captions, parser->markup, parser->time_ms, parser->end_ms,
		(struct text_span){buf_str(&parser->raw), parser->raw.len});
	buf_clear(&parser->raw);
	parser->has_last = 0;
}

/* Take back the line before a timing line where it is the number or the name of the cue. */
static void drop_name(struct parser *parser)
{
	struct text_span last;
	int numbered;

	if (!parser->has_last) {
		return;
	}
	last = (struct text_span){
		parser->raw.data + parser->last_at, parser->raw.len - parser->last_at};
	numbered = is_number(last);
	if (parser->n_cue == 0) {
		parser->has_numbers = numbered;
	}
	/* A name stands right before the timing line; a number also behind one more blank line. */
	if ((numbered && (parser->has_numbers || parser->last_stands_alone)) ||
		(parser->markup == MARKUP_VTT && parser->last_stands_alone &&
			!parser->after_blank)) {
		parser->raw.len = parser->last_at;
		parser->raw.data[parser->last_at] = 0;
	}
}

static void begin_cue(struct parser *parser, int64_t time_ms, int64_t end_ms)
{
	drop_name(parser);
	end_cue(parser);
	parser->time_ms = time_ms;
	parser->end_ms = end_ms;
	parser->captions.line = parser->line;
	parser->after_blank = 0;
	parser->in_aside = 0;
	parser->in_header = 0;
	parser->n_cue++;
}

static void add_line(struct parser *parser, struct text_span line)
{
	if (parser->n_cue == 0 && parser->raw.len == 0) {
		parser->captions.line = parser->line;
	}
	parser->last_at = parser->raw.len;
	parser->last_stands_alone = parser->after_blank;
	parser->has_last = 1;
	parser->after_blank = 0;
	buf_add(&parser->raw, line.at, line.len);
	buf_addch(&parser->raw, '\n');
}

/* A timing that cannot be read, "00:00:xx,000 --> 00:00:05,000": where a cue begins, and no words. */
static int is_bad_timing(const struct parser *parser, struct text_span line)
{
	int begins_cue = parser->after_blank ||
			 (parser->has_last && parser->last_stands_alone &&
				 is_number((struct text_span){parser->raw.data + parser->last_at,
					 parser->raw.len - parser->last_at}));

	line = span_trim(line);
	return begins_cue && line.len && line.at[0] >= '0' && line.at[0] <= '9' &&
	       memmem(line.at, line.len, "-->", 3) != NULL;
}

static void leave_out_timing(struct parser *parser)
{
	enum { MOST_LINES = 8 };

	drop_name(parser);
	parser->has_last = 0;
	parser->after_blank = 0;
	if (parser->n_bad < MOST_LINES) {
		buf_printf(&parser->bad_lines, "%s%lld", parser->n_bad ? ", " : "",
			(long long)parser->line);
	} else if (parser->n_bad == MOST_LINES) {
		buf_addstr(&parser->bad_lines, "...");
	}
	parser->n_bad++;
}

static void parse_line(struct parser *parser, struct text_span line)
{
	int64_t time_ms, end_ms;

	parser->line++;
	if (parse_timing(line, &time_ms, &end_ms)) {
		begin_cue(parser, time_ms, end_ms);
	} else if (span_trim(line).len == 0) {
		parser->after_blank = 1;
		parser->in_aside = 0;
		parser->in_header = 0;
	} else if (parser->in_header) {
		parser->is_chapters |=
			begins_with(line, "Kind: chapters") || begins_with(line, "kind: chapters");
	} else if (parser->markup == MARKUP_VTT && parser->after_blank && begins_aside(line)) {
		parser->in_aside = 1;
		parser->after_blank = 0;
	} else if (!parser->in_aside && is_bad_timing(parser, line)) {
		leave_out_timing(parser);
	} else if (!parser->in_aside) {
		add_line(parser, line);
	}
}

/* A chapter is a heading and stands in the text, with its time. */
static void move_chapters(struct captions *captions, struct transcript *transcript)
{
	for (size_t i = 0; i < captions->n; i++) {
		const struct caption *item = &captions->item[i];
		char *text = captions->text.data + item->text_at;

		for (size_t k = 0; k < item->text_len; k++) {
			if (text[k] == '\n') {
				text[k] = ' ';
			}
		}
		transcript_add_title(
			transcript, (struct text_span){text, item->text_len}, item->time_ms);
	}
}

static int parse_subtitles(struct transcript *transcript, const struct input *input,
	struct text_span text, struct skip *skip)
{
	struct parser parser = {.time_ms = -1, .end_ms = -1, .after_blank = 1};
	struct text_span line;

	parser.captions.names_speakers = 1;
	parser.markup = has_header(text) ? MARKUP_VTT : MARKUP_SRT;
	parser.in_header = parser.markup == MARKUP_VTT;
	while (span_next_line(&text, &line)) {
		parse_line(&parser, line);
	}
	end_cue(&parser);
	if (parser.is_chapters) {
		move_chapters(&parser.captions, transcript);
	} else {
		captions_move(&parser.captions, transcript);
	}
	if (parser.n_bad) {
		buf_printf(&transcript->left_out,
			"has %d damaged timing%s, left out: the words below stand with the time "
			"before: line %s",
			parser.n_bad, parser.n_bad == 1 ? "" : "s", parser.bad_lines.data);
	}
	buf_finish(&parser.bad_lines);
	captions_finish(&parser.captions);
	buf_finish(&parser.raw);
	return 0;
}

/* Whether the first cue begins within a few lines; *number_first: behind nothing but its number. */
static int begins_with_cue(struct text_span text, int *number_first)
{
	struct text_span line;
	int n_line = 0, n_number = 0;

	while (n_line < PROBE_LINES && span_next_line(&text, &line)) {
		int64_t time_ms, end_ms;

		if (span_trim(line).len == 0) {
			continue;
		}
		if (parse_timing(line, &time_ms, &end_ms) && end_ms >= 0) {
			*number_first = n_line == n_number && n_number <= 1;
			return 1;
		}
		n_line++;
		n_number += is_number(line);
	}
	return 0;
}

static int subtitles_probe(const struct input *input)
{
	static const char *const extension[] = {"srt", "vtt", "sbv", NULL};
	struct buf head = BUF_INIT;
	struct text_span text;
	int score = 0, number_first = 0;

	if (!transcript_peek(&head, input)) {
		return 0;
	}
	text = (struct text_span){buf_str(&head), head.len};
	if (has_header(text)) {
		score = 3;
	} else if (begins_with_cue(text, &number_first)) {
		score = number_first ? 3 : format_has_extension(input, extension) ? 2 : 0;
	}
	buf_finish(&head);
	return score;
}

static int subtitles_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	return transcript_open(reader, input, skip, parse_subtitles);
}

const struct loader loader_subtitles = {
	.name = "subtitles",
	.probe = subtitles_probe,
	.open = subtitles_open,
	.outline = transcript_outline,
	.read = transcript_read,
	.close = transcript_close,
};
