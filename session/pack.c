#include "session/pack.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "engine/engine.h"
#include "loaders/document.h"
#include "session/cut.h"

#include <stdlib.h>
#include <string.h>

static const char instructions_first[] =
	"You answer from the sources below. Quote the words that answer, then explain briefly.\n";
static const char instructions_cite[] =
	"Cite each quote as [S1 path:lines \"words\"], [S1 p.page \"words\"] or "
	"[S1 time \"words\"].\n";
static const char instructions_last[] =
	"If the sources do not say, answer: The sources do not say.";

/* ---- the escape of bodies ---- */

static int begins_tag_name(const char *text, size_t len)
{
	static const char *const name[] = {"source", "file", "page", "tree", "text", "update"};

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		size_t n = strlen(name[i]);

		if (len >= n && memcmp(text, name[i], n) == 0) {
			return 1;
		}
	}
	return 0;
}

/*
 * Whether a tag name follows the `<` at `at`, past `\`s and an optional `/`; *n_backslash says how
 * many `\`s.
 */
static int looks_like_tag(const char *text, size_t len, size_t at, size_t *n_backslash)
{
	size_t i = at + 1;

	while (i < len && text[i] == '\\') {
		i++;
	}
	*n_backslash = i - at - 1;
	if (i < len && text[i] == '/') {
		i++;
	}
	return begins_tag_name(text + i, len - i);
}

/*
 * Append text[from, to) up to and with the next `<` that needs a `\`, which is not written; returns
 * where to go on, and in *needs whether there was one. What follows `to` decides too.
 */
static size_t escape_step(
	struct buf *out, const char *text, size_t len, size_t from, size_t to, int *needs)
{
	size_t n_backslash, end = from;

	*needs = 0;
	while (end < to && !*needs) {
		const char *less = memchr(text + end, '<', to - end);

		end = less ? (size_t)(less - text) + 1 : to;
		*needs = less && looks_like_tag(text, len, end - 1, &n_backslash);
	}
	buf_add(out, text + from, end - from);
	return end;
}

void pack_escape(struct buf *out, const char *text, size_t len)
{
	int needs;

	for (size_t at = 0; at < len;) {
		at = escape_step(out, text, len, at, len, &needs);
		if (needs) {
			buf_addch(out, '\\');
		}
	}
}

void pack_unescape(struct buf *out, const char *text, size_t len)
{
	size_t from = 0;

	while (from < len) {
		const char *less = memchr(text + from, '<', len - from);
		size_t n_backslash, end = less ? (size_t)(less - text) + 1 : len;

		buf_add(out, text + from, end - from);
		if (less && looks_like_tag(text, len, end - 1, &n_backslash) && n_backslash) {
			end++;
		}
		from = end;
	}
}

/* ---- attributes ---- */

static void add_percent(struct buf *out, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		buf_printf(out, "%%%02X", (unsigned char)bytes[i]);
	}
}

void pack_attribute(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t cp = 0;
		size_t n = utf8_decode(text + i, len - i, &cp);

		if (n == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == '"' || cp == '<' ||
			cp == '%') {
			n = n ? n : 1;
			add_percent(out, text + i, n);
		} else {
			buf_add(out, text + i, n);
		}
		i += n;
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	if (c >= 'A' && c <= 'F') {
		return c - 'A' + 10;
	}
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void pack_attribute_decode(struct buf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '%' && i + 2 < len && hex_value(text[i + 1]) >= 0 &&
			hex_value(text[i + 2]) >= 0) {
			buf_addch(
				out, (char)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2])));
			i += 2;
		} else {
			buf_addch(out, text[i]);
		}
	}
}

static void add_attribute(struct buf *out, const char *name, const char *value)
{
	if (value) {
		buf_printf(out, " %s=\"", name);
		pack_attribute(out, value, strlen(value));
		buf_addch(out, '"');
	}
}

void pack_time(struct buf *out, int64_t time_ms)
{
	int64_t s = time_ms < 0 ? 0 : time_ms / 1000;

	buf_printf(
		out, "%02lld:%02d:%02d", (long long)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
}

/* ---- writing segments ---- */

/* Text on its way into a segment. */
struct writer {
	struct prompt *out;
	struct buf pending;
	int is_source;               /* what is pending are a source's words */
	struct segment_aside *aside; /* what among them is none */
	size_t n_aside, cap_aside;
	size_t stored_bytes; /* of source text since the last cut */
};

static void writer_cut(struct writer *writer)
{
	const struct buf *pending = &writer->pending;

	if (pending->len) {
		prompt_add(writer->out, writer->is_source
						? segment_source(pending->data, pending->len,
							  writer->aside, writer->n_aside)
						: segment_text(pending->data, pending->len));
	}
	buf_clear(&writer->pending);
	writer->n_aside = 0;
	writer->stored_bytes = 0;
}

/* What was written since `begun` bytes were pending is an aside. */
static void writer_aside(struct writer *writer, size_t begun, enum segment_aside_kind kind)
{
	mem_grow(writer->aside, writer->n_aside, writer->cap_aside);
	writer->aside[writer->n_aside++] = (struct segment_aside){
		.at = (uint32_t)begun,
		.len = (uint32_t)(writer->pending.len - begun),
		.kind = kind,
	};
}

/* At a location boundary. */
static void writer_cut_if_large(struct writer *writer)
{
	if (writer->stored_bytes >= PACK_CHUNK_BYTES) {
		writer_cut(writer);
	}
}

static void writer_finish(struct writer *writer)
{
	writer_cut(writer);
	buf_finish(&writer->pending);
	free(writer->aside);
}

/*
 * How much of the line text[at, end) fits the segment: all of it, or up to the character where a
 * line that goes on for too long is cut.
 */
static size_t line_piece_end(const struct writer *writer, const char *text, size_t at, size_t end)
{
	size_t room = 2 * PACK_CHUNK_BYTES - writer->stored_bytes;

	if (end - at <= room) {
		return end;
	}
	end = at + room;
	return end - utf8_incomplete_tail(text + at, room);
}

/* Escaped, [from, to) of a longer text. */
static void write_words(struct writer *writer, const char *text, size_t len, size_t from, size_t to)
{
	int needs;

	while (from < to) {
		from = escape_step(&writer->pending, text, len, from, to, &needs);
		if (needs) {
			buf_addch(&writer->pending, '\\');
			writer_aside(writer, writer->pending.len - 1, SEGMENT_ASIDE_SKIP);
		}
	}
}

/* Some of a part's text. */
struct piece {
	const struct part *part;
	size_t at, end;
	int64_t line; /* in which it begins */
};

static struct piece whole_part(const struct part *part)
{
	return (struct piece){.part = part, .end = part->len, .line = 1};
}

static void write_body(struct writer *writer, const struct piece *piece, int numbered)
{
	const char *text = piece->part->text;
	size_t at = piece->at, len = piece->end;

	for (int64_t line = piece->line; at < len; line++) {
		const char *newline = memchr(text + at, '\n', len - at);
		size_t line_end = newline ? (size_t)(newline - text) + 1 : len;

		if (numbered && (line == piece->line || line % 10 == 0)) {
			size_t begun = writer->pending.len;

			buf_printf(&writer->pending, "%lld|", (long long)line);
			writer_aside(writer, begun, SEGMENT_ASIDE_MARK);
		}
		while (at < line_end) {
			size_t end = line_piece_end(writer, text, at, line_end);

			write_words(writer, text, len, at, end);
			writer->stored_bytes += end - at;
			at = end;
			if (at < line_end) {
				writer_cut(writer);
			}
		}
		if (writer->stored_bytes >= (numbered ? 1 : 2) * PACK_CHUNK_BYTES) {
			writer_cut(writer);
		}
	}
}

/* What no quote runs over. */
static void write_barrier(struct writer *writer, const char *text)
{
	size_t begun = writer->pending.len;

	buf_addstr(&writer->pending, text);
	writer_aside(writer, begun, SEGMENT_ASIDE_BARRIER);
}

static void write_file_open(struct writer *writer, const struct part *part)
{
	size_t begun = writer->pending.len;

	buf_addstr(&writer->pending, "<file");
	add_attribute(&writer->pending, "path", part->place.path ? part->place.path : "");
	buf_addstr(&writer->pending, ">\n");
	writer_aside(writer, begun, SEGMENT_ASIDE_BARRIER);
}

static void write_page_open(struct writer *writer, const struct part *part)
{
	size_t begun = writer->pending.len;

	buf_printf(&writer->pending, "<page n=\"%lld\"", (long long)part->place.page);
	add_attribute(&writer->pending, "label", part->place.label);
	buf_addstr(&writer->pending, ">\n");
	writer_aside(writer, begun, SEGMENT_ASIDE_BARRIER);
}

static void write_cue_head(struct writer *writer, const struct part *part)
{
	size_t begun = writer->pending.len;

	if (part->place.time_ms >= 0) {
		buf_addch(&writer->pending, '[');
		pack_time(&writer->pending, part->place.time_ms);
		buf_addstr(&writer->pending, "] ");
	}
	if (part->place.speaker) {
		pack_attribute(&writer->pending, part->place.speaker, strlen(part->place.speaker));
		buf_addstr(&writer->pending, ": ");
	}
	if (writer->pending.len > begun) {
		writer_aside(writer, begun, SEGMENT_ASIDE_SKIP);
	}
}

/* What stands before a part's body, and what behind it. */
static void write_part_open(struct writer *writer, enum document_kind kind, const struct part *part)
{
	if (kind == DOCUMENT_CODE) {
		write_file_open(writer, part);
	} else if (kind == DOCUMENT_PDF) {
		write_page_open(writer, part);
	} else if (kind == DOCUMENT_TRANSCRIPT) {
		write_cue_head(writer, part);
	}
}

static void write_part_close(struct writer *writer, enum document_kind kind)
{
	if (kind == DOCUMENT_CODE) {
		write_barrier(writer, "</file>\n");
		writer_cut(writer);
	} else if (kind == DOCUMENT_PDF) {
		write_barrier(writer, "</page>\n");
		writer_cut_if_large(writer);
	} else if (kind == DOCUMENT_TRANSCRIPT) {
		buf_addch(&writer->pending, '\n');
		writer_cut_if_large(writer);
	}
}

static int has_numbers(enum document_kind kind)
{
	return kind == DOCUMENT_TEXT || kind == DOCUMENT_CODE;
}

static void write_part(struct writer *writer, enum document_kind kind, const struct part *part)
{
	struct piece piece = whole_part(part);

	write_part_open(writer, kind, part);
	write_body(writer, &piece, has_numbers(kind));
	write_part_close(writer, kind);
}

static void write_tree(struct writer *writer, const struct document *document)
{
	buf_addstr(&writer->pending, "<tree>\n");
	for (size_t i = 0; i < document->n_part; i++) {
		const char *path = document->part[i].place.path;

		if (path) {
			pack_attribute(&writer->pending, path, strlen(path));
		}
		buf_addch(&writer->pending, '\n');
	}
	buf_addstr(&writer->pending, "</tree>\n");
}

/* ---- blocks ---- */

static const char *parting(enum pack_before before, int is_source)
{
	if (before == PACK_BEFORE_NOTHING) {
		return "";
	}
	return before == PACK_BEFORE_SOURCE && is_source ? "\n" : "\n\n";
}

void pack_instructions(struct prompt *out, const char *system, int no_cite)
{
	struct writer writer = {.out = out};

	buf_addstr(&writer.pending, instructions_first);
	if (!no_cite) {
		buf_addstr(&writer.pending, instructions_cite);
	}
	buf_addstr(&writer.pending, instructions_last);
	writer_cut(&writer);
	if (system) {
		buf_addstr(&writer.pending, parting(PACK_BEFORE_OTHER, 0));
		pack_escape(&writer.pending, system, strlen(system));
	}
	writer_finish(&writer);
}

static void write_content(struct writer *writer, const struct document *document)
{
	writer_cut(writer);
	writer->is_source = 1;
	for (size_t i = 0; i < document->n_part; i++) {
		write_part(writer, document->kind, &document->part[i]);
	}
	writer_cut(writer);
	writer->is_source = 0;
}

void pack_source_open(struct prompt *out, enum pack_before before, int64_t number,
	const struct document *document)
{
	struct writer writer = {.out = out};

	buf_printf(&writer.pending, "%s<source id=\"S%lld\" kind=\"%s\"", parting(before, 1),
		(long long)number, document_kind_name(document->kind));
	add_attribute(&writer.pending, "name", document->name);
	add_attribute(&writer.pending, "rev", document->rev);
	buf_addstr(&writer.pending, ">\n");
	writer_finish(&writer);
}

void pack_file(struct prompt *out, const struct part *part)
{
	struct writer writer = {.out = out, .is_source = 1};

	write_part(&writer, DOCUMENT_CODE, part);
	writer_finish(&writer);
}

void pack_source_close(struct prompt *out, const struct document *document)
{
	struct writer writer = {.out = out};

	if (document->kind == DOCUMENT_CODE) {
		write_tree(&writer, document);
	}
	buf_addstr(&writer.pending, "</source>");
	writer_finish(&writer);
}

void pack_source(struct prompt *out, enum pack_before before, int64_t number,
	const struct document *document)
{
	struct writer writer = {.out = out};

	pack_source_open(out, before, number, document);
	write_content(&writer, document);
	writer_finish(&writer);
	pack_source_close(out, document);
}

void pack_update(struct prompt *out, enum pack_before before, int64_t number,
	const struct document *document)
{
	struct writer writer = {.out = out};

	buf_printf(
		&writer.pending, "%s<update of=\"S%lld\"", parting(before, 1), (long long)number);
	add_attribute(&writer.pending, "rev", document->rev);
	buf_addstr(&writer.pending, ">\n");
	write_content(&writer, document);
	buf_addstr(&writer.pending, "</update>");
	writer_finish(&writer);
}

/* ---- slices ---- */

static struct piece slice_piece(
	const struct document *document, const struct slice *slice, size_t part)
{
	struct piece piece = whole_part(&document->part[part]);

	if (part == slice->first) {
		piece.at = slice->at;
		piece.line = slice->line;
	}
	if (part == slice->last) {
		piece.end = slice->end;
	}
	return piece;
}

/*
 * Before a slice that follows one that ended with the bytes before text[end] of `last`: nothing between
 * them may be quoted as if it were one. Cues have no tags that would say so.
 */
static void write_gap(struct writer *writer, const struct part *last, size_t end)
{
	int ends_line = end == 0 || last->text[end - 1] == '\n';

	writer_cut(writer);
	write_barrier(writer, ends_line ? "...\n" : "\n...\n");
}

static void write_slices(struct writer *writer, const struct document *document,
	const struct slice *slice, size_t n_slice)
{
	enum document_kind kind = document->kind;
	int has_tags = kind == DOCUMENT_CODE || kind == DOCUMENT_PDF;

	for (size_t i = 0; i < n_slice; i++) {
		int goes_on =
			i && kind != DOCUMENT_TRANSCRIPT && slice[i].first == slice[i - 1].last;

		if (goes_on) {
			write_gap(writer, &document->part[slice[i].first], slice[i - 1].end);
		} else if (i) {
			writer_cut(writer);
			if (!has_tags) {
				write_barrier(writer, "...\n");
			}
		}
		for (size_t k = slice[i].first; k <= slice[i].last; k++) {
			struct piece piece = slice_piece(document, &slice[i], k);

			if (k > slice[i].first || !goes_on) {
				write_part_open(writer, kind, piece.part);
			}
			write_body(writer, &piece, has_numbers(kind));
			if (k < slice[i].last || kind == DOCUMENT_TRANSCRIPT || i + 1 == n_slice ||
				slice[i + 1].first != k) {
				write_part_close(writer, kind);
			}
		}
	}
}

void pack_slices_content(struct prompt *out, const struct document *document,
	const struct slice *slice, size_t n_slice)
{
	struct writer writer = {.out = out, .is_source = 1};

	write_slices(&writer, document, slice, n_slice);
	writer_finish(&writer);
}

void pack_slices(struct prompt *out, enum pack_before before, int64_t number,
	const struct document *document, const struct slice *slice, size_t n_slice)
{
	struct writer writer = {.out = out};

	pack_source_open(out, before, number, document);
	pack_slices_content(out, document, slice, n_slice);
	buf_addstr(&writer.pending, "</source>");
	writer_finish(&writer);
}

int pack_ends_file(const struct segment *segment)
{
	static const char tag[] = "</file>\n";
	size_t len, tag_len = strlen(tag);
	const char *text = segment_bytes(segment, &len);

	return len >= tag_len && memcmp(text + len - tag_len, tag, tag_len) == 0;
}

struct segment *pack_question(enum pack_before before, const char *question, size_t len)
{
	struct buf text = BUF_INIT;
	struct segment *segment;

	buf_addstr(&text, parting(before, 0));
	pack_escape(&text, question, len);
	segment = segment_text(buf_str(&text), text.len);
	buf_finish(&text);
	return segment;
}
