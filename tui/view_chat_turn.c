/* What a turn of the conversation looks like: its parts as styled texts. */
#include "tui/view_chat_internal.h"

#include "base/mem.h"
#include "base/number.h"
#include "base/utf8.h"
#include "session/export.h"
#include "tui/meter_lines.h"

#include <stdlib.h>
#include <string.h>

enum { THOUGHT_COLUMNS = 2 };

static struct styled *styled_of(struct chat_turn *turn, int part)
{
	return &turn->part[part].stream.styled;
}

static void add_string(struct styled *out, enum element element, const char *text)
{
	styled_add(out, element, text, strlen(text));
}

/* A paragraph of one element; nothing where the text is empty. */
static void add_paragraph(struct styled *out, enum element element, const char *text, size_t len)
{
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' ')) {
		len--;
	}
	if (len > 0) {
		styled_add(out, element, text, len);
		styled_end_block(out, 0, 0, 0);
	}
}

static void add_buf(struct styled *out, enum element element, struct buf *text)
{
	add_paragraph(out, element, buf_str(text), text->len);
	buf_finish(text);
}

/* ---- lines that come ---- */

/* More of a text whose lines are shown as they are. Complete ones stay. */
static void append_lines(
	struct chat_part *part, enum element element, int indent, const char *text, size_t len)
{
	struct markdown_stream *stream = &part->stream;
	struct styled *styled = &stream->styled;
	size_t upto;

	buf_add(&stream->text, text, len);
	upto = stream->text.len - utf8_incomplete_tail(buf_str(&stream->text), stream->text.len);
	styled_cut(styled, stream->settled_text, stream->settled_run, styled->n_settled);
	for (size_t at = stream->settled; at < upto;) {
		const char *line = stream->text.data + at;
		const char *feed = memchr(line, '\n', upto - at);

		at = feed ? (size_t)(feed - stream->text.data) : upto;
		styled_add(styled, element, line, (size_t)(stream->text.data + at - line));
		styled_end_block(styled, indent, indent, 0);
		if (feed) {
			stream->settled = ++at;
			stream->settled_text = styled->text.len;
			stream->settled_run = styled->n_run;
			styled->n_settled = styled->n_block;
		}
	}
}

static void clear_part(struct chat_turn *turn, int part)
{
	turn->wrapped = 0;
	markdown_stream_finish(&turn->part[part].stream);
	turn->part[part].rows.n_row = turn->part[part].rows.n_block = 0;
}

/* ---- parts ---- */

void chat_citation_text(struct buf *out, const struct citation *citation)
{
	struct buf place = BUF_INIT;
	const char *path;

	export_citation_place(&place, citation);
	path = strchr(buf_str(&place), ' '); /* the source's number stands first: "S1 src/a.c:3" */
	if (path && path[1]) {
		buf_printf(out, "%s ", path + 1);
	}
	buf_addstr(out, export_verdict(citation));
	buf_finish(&place);
}

static void build_citations(struct chat_turn *turn)
{
	struct styled *out = styled_of(turn, CHAT_CITATIONS);

	for (size_t i = 0; turn->turn && i < turn->turn->n_citation; i++) {
		const struct citation *citation = &turn->turn->citation[i];
		struct buf text = BUF_INIT, number = BUF_INIT;

		buf_printf(&number, "[%zu] ", i + 1);
		styled_add_link(out, markdown_verdict_element(citation), (int)i + 1, number.data,
			number.len);
		chat_citation_text(&text, citation);
		add_string(out, ELEMENT_DIM, buf_str(&text));
		styled_end_block(out, 0, (int)number.len, 0);
		buf_finish(&text);
		buf_finish(&number);
	}
}

void chat_turn_build_thinking(const struct chat *chat, struct chat_turn *turn)
{
	struct chat_part *part = &turn->part[CHAT_THINKING];
	const char *text = turn->turn ? turn->turn->thinking : buf_str(&turn->thinking);
	size_t len = turn->turn ? turn->turn->thinking_len : turn->thinking.len;
	int64_t tokens = turn->turn ? turn->turn->usage.thinking_tok : turn->thought_tok;
	struct buf line = BUF_INIT;
	char number[NUMBER_SIZE];

	clear_part(turn, CHAT_THINKING);
	if (!len) {
		return;
	}
	buf_addstr(&line, turn->turn || turn->answer.len ? "thought" : "thinking");
	if (tokens > 0) {
		buf_printf(&line, " for %s tokens", number_grouped(number, tokens));
	}
	buf_printf(&line, "; %s %s", keys_of(chat->view.app->keys, ACTION_THINKING),
		chat->shows_thinking ? "folds" : "unfolds");
	add_buf(&part->stream.styled, ELEMENT_THINKING, &line);
	if (chat->shows_thinking) {
		part->stream.styled.n_settled = part->stream.styled.n_block;
		part->stream.settled_text = part->stream.styled.text.len;
		part->stream.settled_run = part->stream.styled.n_run;
		append_lines(part, ELEMENT_THINKING, THOUGHT_COLUMNS, text, len);
	}
}

static void build_answer(const struct chat *chat, struct chat_turn *turn)
{
	const struct desk_turn *kept = turn->turn;
	struct chat_part *part = &turn->part[CHAT_ANSWER];

	clear_part(turn, CHAT_ANSWER);
	if (chat->is_raw) {
		append_lines(part, ELEMENT_TEXT, 0, kept ? kept->answer : buf_str(&turn->answer),
			kept ? kept->answer_len : turn->answer.len);
	} else if (kept) {
		markdown_style(&part->stream.styled, kept->answer, kept->answer_len, kept->citation,
			kept->n_citation);
	} else {
		markdown_append(&part->stream, buf_str(&turn->answer), turn->answer.len);
	}
}

static void add_usage(struct styled *out, const struct engine_usage *usage)
{
	char prompt[NUMBER_SIZE], cached[NUMBER_SIZE], fresh[NUMBER_SIZE], made[NUMBER_SIZE],
		rate[NUMBER_SIZE];
	struct buf line = BUF_INIT;

	if (!usage->prompt_tok) {
		return; /* no model was asked for it */
	}
	buf_printf(&line, "%s prompt tokens (%s cached, %s new in %.1f s), %s generated",
		number_grouped(prompt, usage->prompt_tok),
		number_grouped(cached, usage->cached_tok),
		number_grouped(fresh, usage->prefill_tok), usage->prefill_ms / 1000,
		number_grouped(made, usage->generated_tok));
	if (usage->generated_tok > 1 && usage->decode_ms > 0) {
		buf_printf(&line, ", %s tok/s",
			meter_rate(rate,
				(double)(usage->generated_tok - 1) * 1000 / usage->decode_ms));
	}
	add_buf(out, ELEMENT_DIM, &line);
}

static void build_kept_notes(struct styled *out, const struct desk_turn *turn)
{
	if (turn->stop == ENGINE_STOP_CANCELLED) {
		add_paragraph(out, ELEMENT_NOTE, "stopped here", 12);
	} else if (turn->stop == ENGINE_STOP_LENGTH) {
		const char *text = turn->answer_len ? "cut here: the answer may not be longer"
						    : "cut while it was thinking";

		add_paragraph(out, ELEMENT_NOTE, text, strlen(text));
	} else if (!turn->answer_len) {
		add_paragraph(out, ELEMENT_NOTE, "the model said nothing", 22);
	}
	if (turn->coverage && turn->coverage[0]) {
		add_paragraph(out, ELEMENT_DIM, turn->coverage, strlen(turn->coverage));
	}
	add_usage(out, &turn->usage);
}

void chat_turn_build_notes(const struct chat *chat, struct chat_turn *turn)
{
	struct styled *out = styled_of(turn, CHAT_NOTES);

	(void)chat;
	clear_part(turn, CHAT_NOTES);
	if (turn->turn) {
		build_kept_notes(out, turn->turn);
	} else if (turn->err.code) {
		struct buf line = BUF_INIT;

		buf_printf(&line, "%s%s%s", turn->err.what, turn->err.hint[0] ? "; " : "",
			turn->err.hint);
		add_buf(out, turn->err.code == ERR_INTERRUPTED ? ELEMENT_NOTE : ELEMENT_ERROR,
			&line);
	} else if (!turn->answer.len && !turn->thinking.len && !turn->finds.len) {
		add_paragraph(out, ELEMENT_DIM, turn->has_begun ? "..." : "waiting",
			turn->has_begun ? 3 : 7);
	}
	styled_end_block(out, 0, 0, 0); /* the empty row between turns */
	out->n_settled = out->n_block;
}

/* What windows had to say, while others are still being read: a line each. */
static void build_finds(struct chat_turn *turn)
{
	clear_part(turn, CHAT_FINDS);
	append_lines(
		&turn->part[CHAT_FINDS], ELEMENT_DIM, 0, buf_str(&turn->finds), turn->finds.len);
}

void chat_turn_append(
	const struct chat *chat, struct chat_turn *turn, int part, const char *text, size_t len)
{
	struct chat_part *to = &turn->part[part];
	int is_first = !turn->answer.len;

	turn->wrapped = 0;
	switch (part) {
	case CHAT_THINKING:
		buf_add(&turn->thinking, text, len);
		if (chat->shows_thinking && turn->thinking.len > len) {
			append_lines(to, ELEMENT_THINKING, THOUGHT_COLUMNS, text, len);
		} else {
			chat_turn_build_thinking(chat, turn);
		}
		break;
	case CHAT_FINDS:
		buf_add(&turn->finds, text, len);
		append_lines(to, ELEMENT_DIM, 0, text, len);
		break;
	default:
		buf_add(&turn->answer, text, len);
		if (chat->is_raw) {
			append_lines(to, ELEMENT_TEXT, 0, text, len);
		} else {
			markdown_append(&to->stream, text, len);
		}
		if (is_first) {
			chat_turn_build_thinking(chat, turn);
		}
		break;
	}
	if (turn->part[CHAT_NOTES].stream.styled.n_block > 1) {
		chat_turn_build_notes(chat, turn);
	}
}

void chat_turn_build(const struct chat *chat, struct chat_turn *turn)
{
	const struct desk_turn *kept = turn->turn;
	const char *question = kept ? kept->question : turn->question;

	clear_part(turn, CHAT_QUESTION);
	clear_part(turn, CHAT_CITATIONS);
	add_paragraph(styled_of(turn, CHAT_QUESTION), ELEMENT_USER, question ? question : "",
		kept ? kept->question_len : turn->question_len);
	chat_turn_build_thinking(chat, turn);
	build_finds(turn);
	build_answer(chat, turn);
	build_citations(turn);
	chat_turn_build_notes(chat, turn);
	turn->bytes = 0;
	for (int i = 0; i < CHAT_PARTS; i++) {
		struct styled *styled = styled_of(turn, i);

		/* A kept turn changes no more. */
		styled->n_settled = kept ? styled->n_block : styled->n_settled;
		turn->bytes += styled->text.len;
	}
}

void chat_turn_wrap(struct chat_turn *turn, int columns)
{
	for (int i = 0; i < CHAT_PARTS && turn->wrapped != columns; i++) {
		styled_wrap(&turn->part[i].rows, &turn->part[i].stream.styled, columns);
	}
	turn->wrapped = columns;
}

void chat_turn_destroy(struct chat_turn *turn)
{
	for (int i = 0; i < CHAT_PARTS; i++) {
		markdown_stream_finish(&turn->part[i].stream);
		styled_rows_finish(&turn->part[i].rows);
	}
	free(turn->question);
	buf_finish(&turn->thinking);
	buf_finish(&turn->answer);
	buf_finish(&turn->finds);
	free(turn);
}
