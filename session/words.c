#include "session/words.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Sorted: searched by halves. */
static const char *const stop_words[] = {"a", "about", "after", "all", "also", "am", "an", "and",
	"any", "are", "as", "at", "be", "been", "before", "being", "but", "by", "can", "could",
	"did", "do", "does", "doing", "done", "each", "for", "from", "had", "has", "have", "having",
	"he", "her", "here", "him", "his", "how", "i", "if", "in", "into", "is", "it", "its",
	"just", "may", "me", "might", "more", "most", "must", "my", "no", "not", "now", "of", "off",
	"on", "one", "only", "or", "other", "our", "out", "over", "own", "shall", "she", "should",
	"so", "some", "such", "than", "that", "the", "their", "them", "then", "there", "these",
	"they", "this", "those", "to", "too", "under", "until", "up", "us", "very", "was", "we",
	"were", "what", "when", "where", "which", "while", "who", "whom", "whose", "why", "will",
	"with", "would", "you", "your"};

static int fold(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static int is_word_byte(char c)
{
	int folded = fold(c);

	return (folded >= 'a' && folded <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static int is_inner_byte(char c)
{
	return c == '-' || c == '.' || c == '/' || c == '+' || c == '\'';
}

int words_next(const char *text, size_t len, size_t *at, struct word *word)
{
	size_t begin = *at, end;

	while (begin < len && !is_word_byte(text[begin])) {
		begin++;
	}
	if (begin == len) {
		*at = len;
		return 0;
	}
	for (end = begin + 1; end < len; end++) {
		int goes_on =
			is_inner_byte(text[end]) && end + 1 < len && is_word_byte(text[end + 1]);

		if (!is_word_byte(text[end]) && !goes_on) {
			break;
		}
	}
	*word = (struct word){text + begin, end - begin};
	*at = end;
	return 1;
}

static int compare(struct word a, const char *b)
{
	for (size_t i = 0; i < a.len; i++) {
		int difference = fold(a.text[i]) - b[i];

		if (difference) {
			return difference;
		}
	}
	return b[a.len] ? -1 : 0;
}

static int compare_stop(const void *key, const void *row)
{
	return compare(*(const struct word *)key, *(const char *const *)row);
}

int words_is_stop(struct word word)
{
	return bsearch(&word, stop_words, ARRAY_LEN(stop_words), sizeof(*stop_words),
		       compare_stop) != NULL;
}

int words_equal(struct word a, struct word b)
{
	if (a.len != b.len) {
		return 0;
	}
	for (size_t i = 0; i < a.len; i++) {
		if (fold(a.text[i]) != fold(b.text[i])) {
			return 0;
		}
	}
	return 1;
}

/* Without its ending, where enough of it is left. */
static struct word stem(struct word word)
{
	static const char *const endings[] = {"ing", "ed", "es", "s", "e"};

	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		size_t n = strlen(endings[i]);

		if (word.len >= n + 4 &&
			compare((struct word){word.text + word.len - n, n}, endings[i]) == 0) {
			return (struct word){word.text, word.len - n};
		}
	}
	return word;
}

int words_related(struct word a, struct word b)
{
	return words_equal(a, b) || words_equal(stem(a), stem(b));
}

uint64_t words_hash(struct word word)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < word.len; i++) {
		hash = (hash ^ (unsigned char)fold(word.text[i])) * 0x100000001b3;
	}
	return hash;
}

int words_has(const char *text, size_t len, struct word word)
{
	struct word other;

	for (size_t at = 0; words_next(text, len, &at, &other);) {
		if (words_equal(word, other)) {
			return 1;
		}
	}
	return 0;
}

size_t words_count_content(const char *text, size_t len)
{
	struct word word;
	size_t count = 0;

	for (size_t at = 0; words_next(text, len, &at, &word);) {
		count += !words_is_stop(word);
	}
	return count;
}
