/* Libraries without a model: documents from memory, cut every few lines, a token for each word. */
#ifndef TESTS_UNIT_LIBRARY_BY_HAND_H
#define TESTS_UNIT_LIBRARY_BY_HAND_H

#include "base/mem.h"
#include "session/library.h"

#include <stdlib.h>
#include <string.h>

enum { BY_HAND_MAX = 8 };

struct by_hand {
	struct library library;
	struct library_source source[BY_HAND_MAX];
	struct document document[BY_HAND_MAX];
};

/* A text or a file of a tree more. */
static inline struct document *by_hand_document(
	struct by_hand *hand, enum document_kind kind, const char *name)
{
	size_t n = hand->library.n_source++;

	hand->document[n] = (struct document){.kind = kind, .name = mem_strdup(name)};
	hand->source[n] =
		(struct library_source){.number = (int64_t)n + 1, .document = &hand->document[n]};
	hand->library.source = hand->source;
	return &hand->document[n];
}

static inline struct part *by_hand_part(
	struct document *document, const char *path, const char *text, size_t len)
{
	struct part *part = document_add_part(document);

	part->place.path = mem_strdup(path);
	part->text = mem_strndup(text, len);
	part->len = len;
	return part;
}

static inline int64_t by_hand_tokens(const char *text, size_t len)
{
	int64_t count = 0;

	for (size_t i = 0; i < len; i++) {
		count += text[i] > ' ' && (i + 1 == len || text[i + 1] <= ' ');
	}
	return count;
}

/* Chunks of so many lines, each of one part. */
static inline void by_hand_cut(struct by_hand *hand, size_t source, size_t n_line)
{
	const struct document *document = hand->source[source].document;
	struct cut *cut = &hand->source[source].cut;
	size_t cap = 0;

	free(cut->chunk);
	*cut = (struct cut){0};
	for (size_t p = 0; p < document->n_part; p++) {
		const struct part *part = &document->part[p];
		int64_t line = 1;

		for (size_t at = 0, end; at < part->len; at = end, line += (int64_t)n_line) {
			size_t heading = 0;

			end = at;
			for (size_t i = 0; i < n_line && end < part->len; i++) {
				const char *stop = memchr(part->text + end, '\n', part->len - end);

				end = stop ? (size_t)(stop + 1 - part->text) : part->len;
			}
			while (heading < document->n_heading &&
				(document->heading[heading].part < p ||
					(document->heading[heading].part == p &&
						document->heading[heading].line <= line))) {
				heading++;
			}
			mem_grow(cut->chunk, cut->n_chunk, cap);
			cut->chunk[cut->n_chunk++] = (struct chunk){.slice = {p, at, p, end, line},
				.tokens = by_hand_tokens(part->text + at, end - at),
				.heading = heading};
		}
	}
	hand->library.n_chunk = 0;
	for (size_t i = 0; i < hand->library.n_source; i++) {
		hand->source[i].chunk = hand->library.n_chunk;
		hand->library.n_chunk += hand->source[i].cut.n_chunk;
	}
}

/* A source of one text, a chunk for each line. */
static inline void by_hand_text(struct by_hand *hand, const char *name, const char *text)
{
	by_hand_part(by_hand_document(hand, DOCUMENT_TEXT, name), NULL, text, strlen(text));
	by_hand_cut(hand, hand->library.n_source - 1, 1);
}

static inline void by_hand_finish(struct by_hand *hand)
{
	for (size_t i = 0; i < hand->library.n_source; i++) {
		document_finish(&hand->document[i]);
		free(hand->source[i].cut.chunk);
	}
	*hand = (struct by_hand){0};
}

#endif
