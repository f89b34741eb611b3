/*
 * Finds the citations in the bytes of an answer, up to where their quotes open: `[`, `S` and a
 * number, perhaps behind `Source` and its like, then anything up to a quotation mark.
 */
#ifndef ENGINE_QUOTE_BRACKET_H
#define ENGINE_QUOTE_BRACKET_H

#include <stddef.h>
#include <stdint.h>

enum quote_bracket_state {
	BRACKET_NONE,
	BRACKET_OPEN,        /* behind `[` and white space */
	BRACKET_WORD,        /* in a word, which may be `S` or `Source` */
	BRACKET_BEHIND_WORD, /* behind `Source` */
	BRACKET_S,           /* behind the `S` behind `Source` */
	BRACKET_NUMBER,
};

/* Zero-initialise. */
struct quote_bracket {
	enum quote_bracket_state state; /* of a citation that may be beginning */
	char word[8];
	uint8_t n; /* letters of the word, or digits of the number */
	/* Inside one that began: the bytes up to now, and whether a paragraph ended there. */
	uint8_t in_head, has_gap;
	uint8_t last[2]; /* bytes before */
	uint32_t head_bytes;
};

enum quote_bracket_event {
	BRACKET_GOES_ON,
	BRACKET_QUOTE,   /* this `"` opened a citation's quote */
	BRACKET_REFUSED, /* this would open one with another mark, or spoil a citation's beginning */
};
enum quote_bracket_event quote_bracket_add(struct quote_bracket *bracket, uint8_t byte);

/* Whether a quote may open soon. */
static inline int quote_bracket_in_head(const struct quote_bracket *bracket)
{
	return bracket->in_head || bracket->state == BRACKET_NUMBER;
}

#endif
