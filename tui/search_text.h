/*
 * Searching a document while it is being typed what for. Smart case: words without a capital are
 * found in any case, others as they stand. (Case is that of simple Unicode mappings; the letters of
 * ASCII are found by themselves alone.) A match is any place where the words begin, so that forward,
 * backward and counted they are the same ones. Matches do not run over parts.
 *
 * Searches go on in pieces: callers say how many bytes may be looked at now. Common words of ASCII
 * take about a second for 5 GB, so that 20 MB are one piece.
 */
#ifndef TUI_SEARCH_TEXT_H
#define TUI_SEARCH_TEXT_H

#include "tui/document_lines.h"

#include <stddef.h>
#include <stdint.h>

struct text_needle {
	char *words;
	size_t len;
	uint32_t *cp; /* its characters, folded; not used where is_exact */
	size_t n_cp;
	int is_exact;
	/*
	 * The first byte and another one that every match has so many bytes behind it; text bytes are
	 * compared with the bit of ASCII case set where its mask says so. n_plain 0: there are none.
	 */
	size_t n_plain;
	unsigned char first, first_mask, other, other_mask;
};
void text_needle_init(struct text_needle *needle, const char *words, size_t len);
void text_needle_finish(struct text_needle *needle);
/*
 * The first match that begins in [from, to), and the last; SIZE_MAX where there is none. A match may
 * end behind `to`. *match_len is in bytes of the text.
 */
size_t text_needle_find(const struct text_needle *needle, const char *text, size_t len, size_t from,
	size_t to, size_t *match_len);
size_t text_needle_find_last(const struct text_needle *needle, const char *text, size_t len,
	size_t from, size_t to, size_t *match_len);

enum text_search_state {
	TEXT_SEARCH_GOING, /* call text_search_go() again */
	TEXT_SEARCH_FOUND,
	TEXT_SEARCH_NOWHERE,
};
struct text_match {
	struct text_place place;
	size_t len;
};

/* A search of a document: the match that is current, and how many there are. Zero-initialise. */
struct text_search {
	struct text_needle needle;
	const struct document_lines *lines; /* borrowed */
	enum text_search_state state;
	struct text_match match; /* of TEXT_SEARCH_FOUND */
	int has_wrapped;         /* it was found on the other side of the document's end */
	/* What is left to look at: [next, stop) forward, [stop, next) backward; then the other side. */
	struct text_place origin, next, stop;
	int is_back;
	/* Counting: where blocks of some size begin, and the matches in front of them. */
	struct text_search_block {
		struct text_place begin;
		int64_t before;
	} * block;
	size_t n_block, cap_block;
	struct text_place counted; /* up to here */
	size_t in_block;           /* bytes since the last block began */
	int64_t n_match;           /* up to `counted` */
	int is_counted;            /* all of it */
};
void text_search_begin(struct text_search *search, const struct document_lines *lines,
	const char *words, size_t len);
void text_search_finish(struct text_search *search);
int text_search_is_on(const struct text_search *search); /* it has words */
/* Look for the next match at `from` or behind it; backward, in front of `from`; then round. */
void text_search_seek(struct text_search *search, struct text_place from, int is_back);
enum text_search_state text_search_go(struct text_search *search, size_t *work_bytes);
/* Go on counting; 1 when all are counted. */
int text_search_count(struct text_search *search, size_t *work_bytes);
/* Which one a match is, from 1; 0 where counting has not come that far. */
int64_t text_search_ordinal(const struct text_search *search, struct text_place place);

#endif
