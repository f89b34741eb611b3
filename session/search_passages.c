#include "session/search_passages.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

void passages_finish(struct passages *passages)
{
	free(passages->item);
	*passages = (struct passages){0};
}

static void add(struct passages *passages, struct passage passage)
{
	mem_grow(passages->item, passages->count, passages->cap);
	passages->item[passages->count++] = passage;
}

/*
 * Where a piece of the text that begins at `at` ends: behind the first line feed at or past
 * PASSAGE_BYTES; where there is none for as long again, behind a space, or between two characters.
 */
static size_t piece_end(const char *text, size_t len, size_t at)
{
	size_t least = at + PASSAGE_BYTES, most = least + PASSAGE_BYTES;
	const char *end;

	if (len <= least) {
		return len;
	}
	most = most < len ? most : len;
	end = memchr(text + least - 1, '\n', most - least + 1);
	end = end ? end : memchr(text + least - 1, ' ', most - least + 1);
	if (end) {
		return (size_t)(end + 1 - text);
	}
	return most - (most < len ? utf8_incomplete_tail(text + at, most - at) : 0);
}

static void add_pieces(
	struct passages *passages, struct passage passage, const char *text, size_t len)
{
	for (size_t at = 0; at < len; at += passage.len) {
		passage.at = at;
		passage.len = piece_end(text, len, at) - at;
		add(passages, passage);
	}
}

static void add_cues(struct passages *passages, size_t block, const struct document *document)
{
	struct passage passage = {.block = block};

	for (size_t i = 0; i < document->n_part; i++) {
		passage.n_part++;
		passage.len += document->part[i].len + 1;
		if (passage.len >= PASSAGE_BYTES || i + 1 == document->n_part) {
			add(passages, passage);
			passage.part = i + 1;
			passage.n_part = 0;
			passage.len = 0;
		}
	}
}

void passages_of_turns(struct passages *passages, const struct store_contents *contents)
{
	*passages = (struct passages){.contents = contents};
	for (size_t i = 0; i < contents->n_turn; i++) {
		const struct store_turn *turn = &contents->turn[i];

		add_pieces(passages, (struct passage){.turn = i + 1}, turn->question,
			turn->question_len);
		add_pieces(passages, (struct passage){.turn = i + 1, .is_answer = 1}, turn->text,
			turn->text_len);
	}
}

void passages_of_sources(struct passages *passages, const struct store_contents *contents)
{
	*passages = (struct passages){.contents = contents};
	for (size_t i = 0; i < contents->n_block; i++) {
		const struct document *document = &contents->block[i].document;

		if (document->kind == DOCUMENT_TRANSCRIPT) {
			add_cues(passages, i, document);
			continue;
		}
		for (size_t k = 0; k < document->n_part; k++) {
			add_pieces(passages, (struct passage){.block = i, .part = k, .n_part = 1},
				document->part[k].text, document->part[k].len);
		}
	}
}

static const char *turn_text(
	const struct passages *passages, const struct passage *passage, size_t *len)
{
	const struct store_turn *turn = &passages->contents->turn[passage->turn - 1];

	*len = passage->is_answer ? turn->text_len : turn->question_len;
	return passage->is_answer ? turn->text : turn->question;
}

/* NULL for one of a turn: a session may have no sources at all. */
static const struct document *passage_document(
	const struct passages *passages, const struct passage *passage)
{
	return passage->turn ? NULL : &passages->contents->block[passage->block].document;
}

const char *passage_text(
	const struct passages *passages, size_t index, struct buf *made, size_t *len)
{
	const struct passage *passage = &passages->item[index];
	const struct document *document = passage_document(passages, passage);
	const char *text;
	size_t all;

	if (document && document->kind == DOCUMENT_TRANSCRIPT) {
		buf_clear(made);
		for (size_t i = 0; i < passage->n_part; i++) {
			const struct part *part = &document->part[passage->part + i];

			buf_add(made, part->text, part->len);
			buf_addch(made, '\n');
		}
		*len = made->len;
		return buf_str(made);
	}
	if (!document) {
		text = turn_text(passages, passage, &all);
	} else {
		text = document->part[passage->part].text;
		all = document->part[passage->part].len;
	}
	all -= passage->at;
	*len = all < passage->len + PASSAGE_MORE_BYTES ? all : passage->len + PASSAGE_MORE_BYTES;
	return text + passage->at;
}

size_t passage_part(const struct passages *passages, size_t index, size_t at, size_t *part_at)
{
	const struct passage *passage = &passages->item[index];
	const struct document *document = passage_document(passages, passage);
	size_t part = passage->part;

	if (!document || document->kind != DOCUMENT_TRANSCRIPT) {
		*part_at = passage->at + at;
		return part;
	}
	for (; at > document->part[part].len; part++) {
		at -= document->part[part].len + 1;
	}
	*part_at = at;
	return part;
}

struct sha256_digest passages_digest(const struct store_contents *contents)
{
	struct sha256 *hash = sha256_create();
	struct sha256_digest digest;
	int64_t rule[2] = {PASSAGE_BYTES, PASSAGE_MORE_BYTES};

	sha256_add_field(hash, "passages", rule, sizeof(rule));
	for (size_t i = 0; i < contents->n_block; i++) {
		const struct document *document = &contents->block[i].document;
		int64_t shape[2] = {document->kind, (int64_t)document->n_part};

		sha256_add_field(hash, "block", shape, sizeof(shape));
		for (size_t k = 0; k < document->n_part; k++) {
			sha256_add_field(
				hash, "part", document->part[k].text, document->part[k].len);
		}
	}
	digest = sha256_finish(hash);
	sha256_destroy(hash);
	return digest;
}
