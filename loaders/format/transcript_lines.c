/* Transcripts and chats as plain text become cues. */
#include "loaders/format/transcript_lines.h"

#include "loaders/format/format.h"

#include "base/mem.h"

#include <string.h>

enum {
	TIMED_MIN = 3,
	TURNS_MIN = 6,
	MESSAGES_MIN = 2,
	BEGIN_MAX_MS = 3600000,
	BEGIN_MAX_SHORT_MS = 300000,
};

/* ---- what a text is ---- */

/* What was counted of its lines that are not blank. */
struct tally {
	int64_t n_line, n_timed, n_inline, n_named, n_clock_named, n_level;
	int64_t n_turn, n_sentence, n_worded, n_message;
	int64_t first_ms, last_ms, n_backwards;
	int64_t first_at; /* lines in front of the first that is timed or a turn */
	int first_is_message, first_is_short;
	struct text_span name[LINES_SPEAKERS_MAX];
	int64_t n_said[LINES_SPEAKERS_MAX];
	size_t n_name;
	int too_many_names;
};

static void count_name(struct tally *tally, struct text_span name)
{
	for (size_t i = 0; i < tally->n_name; i++) {
		if (span_equal(tally->name[i], name)) {
			tally->n_said[i]++;
			return;
		}
	}
	if (tally->n_name == LINES_SPEAKERS_MAX) {
		tally->too_many_names = 1;
		return;
	}
	tally->name[tally->n_name] = name;
	tally->n_said[tally->n_name++] = 1;
}

/* As logs mark their lines. */
static int begins_with_level(struct text_span text)
{
	static const char *const level[] = {"INFO", "WARN", "ERROR", "DEBUG", "TRACE", "FATAL",
		"NOTICE", "CRITICAL", "[INFO", "[WARN", "[ERROR", "[DEBUG"};

	for (size_t i = 0; i < ARRAY_LEN(level); i++) {
		size_t n = strlen(level[i]);

		if (text.len >= n && memcmp(text.at, level[i], n) == 0) {
			return 1;
		}
	}
	return 0;
}

static int is_sentence(struct text_span text)
{
	size_t n = text.len;

	while (n && strchr("\"')]*_", text.at[n - 1])) {
		n--;
	}
	return n && (strchr(".?!,", text.at[n - 1]) ||
			    (n >= 3 && memcmp(text.at + n - 3, "\xe2\x80\xa6", 3) == 0) ||
			    (n >= 3 && memcmp(text.at + n - 3, "\xe3\x80\x82", 3) == 0));
}

static void count_time(struct tally *tally, const struct line_parts *parts)
{
	if (tally->n_timed++ == 0) {
		tally->first_ms = parts->time_ms;
		tally->first_is_short = parts->is_short;
	} else if (parts->time_ms < tally->last_ms) {
		tally->n_backwards++;
	}
	tally->last_ms = parts->time_ms;
	tally->n_named += parts->speaker.len > 0;
	tally->n_level += begins_with_level(parts->text);
}

static void count_line(struct tally *tally, const struct line_parts *parts)
{
	switch (parts->kind) {
	case LINE_MESSAGE:
		tally->n_message++;
		tally->first_is_message |= tally->n_line == 0;
		break;
	case LINE_CLOCK:
		count_time(tally, parts);
		tally->n_clock_named += parts->text.len > 0;
		break;
	case LINE_TIMED:
	case LINE_HEADER:
		count_time(tally, parts);
		tally->n_inline += parts->text.len > 0;
		break;
	case LINE_TURN:
		tally->n_turn++;
		count_name(tally, parts->speaker);
		tally->n_worded += parts->text.len > 0;
		tally->n_sentence += parts->text.len > 0 && is_sentence(parts->text) &&
				     memchr(parts->text.at, ' ', parts->text.len) != NULL;
		break;
	case LINE_WORDS:
		break;
	}
	if (tally->n_timed + tally->n_turn == 0) {
		tally->first_at++;
	}
	tally->n_line++;
}

/* The last line of what is only the beginning of a text may be cut: it counts little. */
static struct tally count_lines(struct text_span text)
{
	struct tally tally = {0};
	struct text_span line;

	while (span_next_line(&text, &line)) {
		if (span_trim(line).len) {
			struct line_parts parts = line_parse(line);

			count_line(&tally, &parts);
		}
	}
	return tally;
}

static int is_timed(const struct tally *tally)
{
	/* Words behind most times: then most lines have one. Else the words stand below. */
	int64_t share = 2 * tally->n_inline > tally->n_timed ? 2 : 6;
	int64_t begin_max_ms = tally->first_is_short ? BEGIN_MAX_SHORT_MS : BEGIN_MAX_MS;

	return tally->n_timed >= TIMED_MIN && share * tally->n_timed >= tally->n_line &&
	       tally->first_at <= 20 && 10 * tally->n_backwards <= tally->n_timed &&
	       20 * tally->n_level <= tally->n_timed &&
	       (tally->n_inline + (tally->n_line - tally->n_timed) > 0) &&
	       (tally->first_ms < begin_max_ms || tally->n_named == tally->n_timed);
}

static int has_turns(const struct tally *tally)
{
	return tally->n_turn >= TURNS_MIN && 2 * tally->n_turn >= tally->n_line &&
	       tally->first_at <= 10 && tally->n_name >= 2 && !tally->too_many_names &&
	       tally->n_turn >= 3 * (int64_t)tally->n_name &&
	       2 * tally->n_sentence >= tally->n_worded && tally->n_worded > 0;
}

struct lines_verdict lines_judge(struct text_span text)
{
	struct lines_verdict verdict = {.form = LINES_TEXT};
	struct tally tally = count_lines(text);

	if (tally.first_is_message && tally.n_message >= MESSAGES_MIN &&
		4 * tally.n_message >= tally.n_line) {
		verdict.form = LINES_MESSAGES;
	} else if (is_timed(&tally)) {
		verdict.form = LINES_TIMED;
		verdict.clock_names_speaker = 2 * tally.n_clock_named > tally.n_timed &&
					      2 * tally.n_timed <= tally.n_line + 1;
	} else if (has_turns(&tally)) {
		verdict.form = LINES_TURNS;
	}
	for (size_t i = 0; i < tally.n_name; i++) {
		if (tally.n_said[i] > 1) {
			verdict.speaker[verdict.n_speaker++] = tally.name[i];
		}
	}
	return verdict;
}

/* ---- reading ---- */

/* What is being said: it ends where somebody else begins. */
struct turn {
	int64_t time_ms, end_ms, number;
	struct text_span speaker;
	struct buf text;
	int is_open;
};

struct walk {
	struct transcript *transcript;
	const struct lines_verdict *verdict;
	struct captions captions; /* of a recording: short ones are merged */
	struct turn turn;
	struct text_span date;
	int64_t line;
	int after_blank;
};

static void end_turn(struct walk *walk)
{
	struct turn *turn = &walk->turn;
	struct text_span text = {buf_str(&turn->text), turn->text.len};

	/* A title in front of all keeps its lines. */
	if (walk->verdict->form == LINES_TIMED && (turn->time_ms >= 0 || walk->captions.n)) {
		walk->captions.line = turn->number;
		captions_add(&walk->captions, turn->time_ms, turn->end_ms, turn->speaker, text);
	} else {
		transcript_add_cue(
			walk->transcript, turn->time_ms, turn->speaker, text, turn->number);
	}
	buf_clear(&turn->text);
	turn->is_open = 0;
}

static void begin_turn(struct walk *walk, const struct line_parts *parts)
{
	struct turn *turn = &walk->turn;

	end_turn(walk);
	turn->time_ms = parts->time_ms;
	turn->end_ms = parts->end_ms;
	turn->speaker = parts->speaker;
	turn->number = walk->line;
	turn->is_open = 1;
	buf_add(&turn->text, parts->text.at, parts->text.len);
	walk->after_blank = 0;
}

static void go_on(struct walk *walk, struct text_span words)
{
	struct turn *turn = &walk->turn;

	if (!turn->is_open) {
		*turn = (struct turn){.time_ms = -1,
			.end_ms = -1,
			.number = walk->line,
			.text = turn->text,
			.is_open = 1};
	}
	if (turn->text.len) {
		buf_addstr(&turn->text, walk->after_blank ? "\n\n" : "\n");
	}
	buf_add(&turn->text, words.at, words.len);
	walk->after_blank = 0;
}

static int is_known_speaker(const struct lines_verdict *verdict, struct text_span name)
{
	for (size_t i = 0; i < verdict->n_speaker; i++) {
		if (span_equal(verdict->speaker[i], name)) {
			return 1;
		}
	}
	return 0;
}

static void add_message(struct walk *walk, const struct line_parts *parts)
{
	static const struct text_span nobody = {"", 0};
	struct line_parts date = {.time_ms = -1, .end_ms = -1, .text = parts->date};

	if (!span_equal(walk->date, parts->date)) {
		end_turn(walk);
		walk->date = parts->date;
		walk->transcript->has_days = 1;
		transcript_add_title(walk->transcript, date.text, -1);
		walk->turn.speaker = nobody;
	}
	begin_turn(walk, parts);
}

static void add_timed(struct walk *walk, struct line_parts parts)
{
	if (parts.kind == LINE_CLOCK && walk->verdict->clock_names_speaker) {
		parts.speaker = parts.text;
		parts.text.len = 0;
	}
	begin_turn(walk, &parts);
}

static void add_turn(struct walk *walk, const struct line_parts *parts, struct text_span line)
{
	struct turn *turn = &walk->turn;

	if (!is_known_speaker(walk->verdict, parts->speaker) &&
		walk->verdict->form == LINES_TIMED) {
		go_on(walk, line);
	} else if (turn->is_open && turn->text.len == 0 && turn->speaker.len == 0) {
		turn->speaker = parts->speaker; /* the time stands alone on the line before */
		go_on(walk, parts->text);
	} else {
		begin_turn(walk, parts);
	}
}

static void add_line(struct walk *walk, struct text_span line)
{
	struct line_parts parts;

	walk->line++;
	if (span_trim(line).len == 0) {
		walk->after_blank = 1;
		return;
	}
	parts = line_parse(line);
	if (walk->verdict->form == LINES_MESSAGES && parts.kind == LINE_MESSAGE) {
		add_message(walk, &parts);
	} else if (walk->verdict->form == LINES_TIMED &&
		   (parts.kind == LINE_TIMED || parts.kind == LINE_CLOCK ||
			   parts.kind == LINE_HEADER)) {
		add_timed(walk, parts);
	} else if (walk->verdict->form == LINES_TURNS && parts.kind == LINE_CLOCK &&
		   parts.text.len == 0) {
		begin_turn(walk, &parts); /* the time stands between turns now and then */
	} else if (walk->verdict->form != LINES_MESSAGES && parts.kind == LINE_TURN) {
		add_turn(walk, &parts, span_trim(line));
	} else {
		go_on(walk, span_trim(line));
	}
}

static int parse_lines(struct transcript *transcript, const struct input *input,
	struct text_span text, struct skip *skip)
{
	struct text_span head = {
		text.at, text.len < TRANSCRIPT_PROBE_BYTES ? text.len : TRANSCRIPT_PROBE_BYTES};
	struct lines_verdict verdict = lines_judge(head);
	struct walk walk = {.transcript = transcript, .verdict = &verdict};
	struct text_span line;

	while (span_next_line(&text, &line)) {
		add_line(&walk, line);
	}
	end_turn(&walk);
	captions_move(&walk.captions, transcript);
	captions_finish(&walk.captions);
	buf_finish(&walk.turn.text);
	return 0;
}

/* Only of a name that says nothing else: a README, a log or a configuration has its own. */
static int lines_probe(const struct input *input)
{
	static const char *const extension[] = {"txt", "text", "transcript", NULL};
	struct buf head = BUF_INIT;
	int score = 0;

	if (!format_has_extension(input, extension) && strcmp(input->path, "-") != 0 &&
		strcmp(input->path, "stdin") != 0) {
		return 0;
	}
	if (transcript_peek(&head, input)) {
		score = lines_judge((struct text_span){buf_str(&head), head.len}).form == LINES_TEXT
				? 0
				: 3;
	}
	buf_finish(&head);
	return score;
}

static int lines_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	return transcript_open(reader, input, skip, parse_lines);
}

const struct loader loader_transcript_lines = {
	.name = "transcript",
	.probe = lines_probe,
	.open = lines_open,
	.outline = transcript_outline,
	.read = transcript_read,
	.close = transcript_close,
};
