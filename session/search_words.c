#include "session/search_words.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PHRASES_MAX = 64, PHRASE_WORDS_MAX = 256 };

/* ---- what is looked for ---- */

struct word {
	char *text;
	size_t len;
};
struct phrase {
	struct word word[PHRASE_WORDS_MAX];
	size_t n_word;
	int is_prefix; /* the last word may go on */
};
struct phrases {
	struct phrase *item[PHRASES_MAX];
	size_t count;
	struct buf expression;
};

static int add_word(void *context, int flags, const char *token, int len, int start, int end)
{
	struct phrase *phrase = context;

	if (flags & FTS5_TOKEN_COLOCATED || phrase->n_word == PHRASE_WORDS_MAX) {
		return SQLITE_OK;
	}
	phrase->word[phrase->n_word++] =
		(struct word){mem_strndup(token, (size_t)len), (size_t)len};
	return SQLITE_OK;
}

static void phrase_destroy(struct phrase *phrase)
{
	for (size_t i = 0; i < phrase->n_word; i++) {
		free(phrase->word[i].text);
	}
	free(phrase);
}

/* A piece without a word in it is nothing. */
static void add_phrase(
	struct phrases *phrases, struct words *words, const char *text, size_t len, int is_prefix)
{
	struct phrase *phrase = mem_zero(1, sizeof(*phrase));
	struct buf *to = &phrases->expression;

	words_cut(words, phrase, FTS5_TOKENIZE_QUERY, text, (int)len, add_word);
	if (!phrase->n_word) {
		phrase_destroy(phrase);
		return;
	}
	phrase->is_prefix = is_prefix;
	buf_addstr(to, to->len ? " \"" : "\"");
	for (size_t i = 0; i < phrase->n_word; i++) { /* words have no quotation marks */
		buf_addstr(to, i ? " " : "");
		buf_add(to, phrase->word[i].text, phrase->word[i].len);
	}
	buf_addstr(to, is_prefix ? "\" *" : "\"");
	phrases->item[phrases->count++] = phrase;
}

/* The next piece of the text; returns what is behind it. */
static const char *take_piece(struct phrases *phrases, struct words *words, const char *text)
{
	const char *begin = text, *end;
	int is_quoted = *text == '"';

	if (is_quoted && !strchr(text + 1, '"')) { /* nothing ends it: its words as they come */
		return text + 1;
	}
	begin += is_quoted;
	end = begin + strcspn(begin, is_quoted ? "\"" : " \t\r\n\"");
	text = end + (is_quoted && *end == '"');
	add_phrase(phrases, words, begin, (size_t)(end - begin),
		(end > begin && end[-1] == '*') || (is_quoted && *text == '*'));
	return text + (is_quoted && *text == '*');
}

int phrases_create(struct phrases **out, struct words *words, const char *text, struct err *err)
{
	struct phrases *phrases = mem_zero(1, sizeof(*phrases));

	while (*(text += strspn(text, " \t\r\n")) && phrases->count < PHRASES_MAX) {
		text = take_piece(phrases, words, text);
	}
	if (*text || !phrases->count) {
		int is_much = *text != 0;

		phrases_destroy(phrases);
		return is_much ? err_set(err, ERR_USAGE, NULL, "search for fewer",
					 "there are more than %d words to search for", PHRASES_MAX)
			       : err_set(err, ERR_USAGE, NULL, "words have letters or digits",
					 "there is no word to search for");
	}
	*out = phrases;
	return 0;
}

void phrases_destroy(struct phrases *phrases)
{
	if (!phrases) {
		return;
	}
	for (size_t i = 0; i < phrases->count; i++) {
		phrase_destroy(phrases->item[i]);
	}
	buf_finish(&phrases->expression);
	free(phrases);
}

const char *phrases_expression(const struct phrases *phrases)
{
	return buf_str(&phrases->expression);
}

/* ---- where it stands ---- */

struct token {
	size_t at, end;   /* in the text */
	size_t word, len; /* in the buffer of words */
};
struct tokens_of_text {
	struct token *item;
	size_t count, cap;
	struct buf words;
};

static int add_token(void *context, int flags, const char *token, int len, int start, int end)
{
	struct tokens_of_text *tokens = context;

	if (flags & FTS5_TOKEN_COLOCATED) {
		return SQLITE_OK;
	}
	mem_grow(tokens->item, tokens->count, tokens->cap);
	tokens->item[tokens->count++] =
		(struct token){(size_t)start, (size_t)end, tokens->words.len, (size_t)len};
	buf_add(&tokens->words, token, (size_t)len);
	return SQLITE_OK;
}

static int stands_at(const struct phrase *phrase, const struct tokens_of_text *tokens, size_t at)
{
	if (tokens->count - at < phrase->n_word) {
		return 0;
	}
	for (size_t i = 0; i < phrase->n_word; i++) {
		const struct word *word = &phrase->word[i];
		const struct token *token = &tokens->item[at + i];
		int may_go_on = phrase->is_prefix && i + 1 == phrase->n_word;

		if ((may_go_on ? token->len < word->len : token->len != word->len) ||
			memcmp(tokens->words.data + token->word, word->text, word->len) != 0) {
			return 0;
		}
	}
	return 1;
}

struct search_mark *phrases_find(const struct phrases *phrases, struct words *words,
	const char *text, size_t len, size_t limit, int *is_inside, size_t *count)
{
	struct tokens_of_text tokens = {0};
	struct search_mark *mark = NULL;
	size_t cap = 0;

	*count = 0;
	*is_inside = 0;
	words_cut(words, &tokens, FTS5_TOKENIZE_AUX, text, (int)len, add_token);
	for (size_t at = 0, next = 0; at < tokens.count; at++) {
		size_t begin = tokens.item[at].at, end = 0;

		for (size_t i = 0; i < phrases->count; i++) {
			size_t last = at + phrases->item[i]->n_word - 1;

			if (stands_at(phrases->item[i], &tokens, at) &&
				tokens.item[last].end > end) {
				end = tokens.item[last].end;
			}
		}
		*is_inside |= end && begin < limit;
		begin = begin > next ? begin : next; /* what overlaps is one run of marks */
		if (end > begin) {
			mem_grow(mark, *count, cap);
			mark[(*count)++] = (struct search_mark){begin, end - begin};
			next = end;
		}
	}
	free(tokens.item);
	buf_finish(&tokens.words);
	return mark;
}
