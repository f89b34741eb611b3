#include "engine/quote_bracket.h"

#include "base/mem.h"

#include <string.h>

enum { HEAD_MAX_BYTES = 16384, NUMBER_MAX_DIGITS = 9 };

static int is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static int is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static uint8_t to_lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 'a' - 'A') : byte;
}

static int is_letter(uint8_t byte)
{
	byte = to_lower(byte);
	return byte >= 'a' && byte <= 'z';
}

static int is_source_word(const struct quote_bracket *bracket)
{
	static const char *const word[] = {"sources", "source", "src", "see", "from"};

	for (size_t i = 0; i < ARRAY_LEN(word); i++) {
		if (strlen(word[i]) == bracket->n &&
			memcmp(word[i], bracket->word, bracket->n) == 0) {
			return 1;
		}
	}
	return 0;
}

/* A mark of another kind than `"`, or a byte that completes one. */
static int is_other_mark(const struct quote_bracket *bracket, uint8_t byte)
{
	const uint8_t *last = bracket->last;

	if (byte == '`') {
		return 1;
	}
	if (byte == '\'') {
		return is_blank(last[0]) || !last[0] || strchr(":,;([", last[0]);
	}
	if (last[0] == 0xc2) {
		return byte == 0xab || byte == 0xbb;
	}
	return last[1] == 0xe2 && last[0] == 0x80 &&
	       (byte == 0x98 || byte == 0x9a || (byte >= 0x9c && byte <= 0x9e));
}

static void leave_head(struct quote_bracket *bracket)
{
	*bracket = (struct quote_bracket){.state = BRACKET_NONE};
}

/* A byte between a source's number and its quote. */
static enum quote_bracket_event add_to_head(struct quote_bracket *bracket, uint8_t byte)
{
	enum quote_bracket_event event = BRACKET_GOES_ON;

	if (byte == ']' || (byte == '\n' && bracket->last[0] == '\n') ||
		++bracket->head_bytes > HEAD_MAX_BYTES) {
		leave_head(bracket);
		return BRACKET_GOES_ON;
	}
	if (byte == '"') {
		leave_head(bracket);
		return BRACKET_QUOTE;
	}
	if (is_other_mark(bracket, byte)) {
		event = BRACKET_REFUSED;
	}
	bracket->last[1] = bracket->last[0];
	bracket->last[0] = byte;
	return event;
}

/* Whether the byte belongs to the beginning of a citation; the state says how far that is. */
static int begins(struct quote_bracket *bracket, uint8_t byte)
{
	switch (bracket->state) {
	case BRACKET_NONE:
		return 0;
	case BRACKET_OPEN:
		if (is_blank(byte)) {
			return 1;
		}
		bracket->n = 0;
		bracket->state = BRACKET_WORD;
		/* fall through */
	case BRACKET_WORD:
		if (is_letter(byte) && bracket->n < sizeof(bracket->word)) {
			bracket->word[bracket->n++] = (char)to_lower(byte);
			return 1;
		}
		if (is_digit(byte) && bracket->n == 1 && bracket->word[0] == 's') {
			bracket->state = BRACKET_NUMBER;
			return 1;
		}
		bracket->state = BRACKET_BEHIND_WORD;
		return (is_blank(byte) || byte == ':') && is_source_word(bracket);
	case BRACKET_BEHIND_WORD:
		if (to_lower(byte) == 's') {
			bracket->state = BRACKET_S;
			return 1;
		}
		return is_blank(byte) || byte == ':';
	case BRACKET_S:
		bracket->state = BRACKET_NUMBER;
		bracket->n = 1;
		return is_digit(byte);
	case BRACKET_NUMBER:
		return is_digit(byte) && bracket->n++ < NUMBER_MAX_DIGITS;
	}
	return 0;
}

enum quote_bracket_event quote_bracket_add(struct quote_bracket *bracket, uint8_t byte)
{
	int was_number = bracket->state == BRACKET_NUMBER;

	if (begins(bracket, byte)) {
		/* While it is not sure, these are bytes of the head that it stands in. */
		bracket->has_gap |= byte == '\n' && bracket->last[0] == '\n';
		bracket->last[1] = bracket->last[0];
		bracket->last[0] = byte;
		bracket->head_bytes++;
		return BRACKET_GOES_ON;
	}
	if (was_number && !is_digit(byte) && !is_letter(byte)) {
		*bracket = (struct quote_bracket){.in_head = 1, .last = {'0', 0}};
	} else if (bracket->in_head && bracket->has_gap) {
		leave_head(bracket);
	}
	bracket->state = BRACKET_NONE;
	if (was_number && is_letter(byte)) {
		/* `[S1readme`: no citation, though it was to become one. */
		if (bracket->in_head) {
			add_to_head(bracket, byte);
		}
		return BRACKET_REFUSED;
	}
	if (byte == '[') {
		if (bracket->in_head) {
			add_to_head(bracket, byte);
		}
		bracket->state = BRACKET_OPEN;
		bracket->has_gap = 0;
		return BRACKET_GOES_ON;
	}
	return bracket->in_head ? add_to_head(bracket, byte) : BRACKET_GOES_ON;
}
