#include "session/search_words.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PHRASES_MAX = 64, PHRASE_WORDS_MAX = 256 };

/* ---- the tokenizer ---- */

struct words {
	fts5_tokenizer base; /* unicode61 */
	Fts5Tokenizer *own;
};

typedef int token_sink(void *context, int flags, const char *token, int len, int start, int end);

struct splitting {
	token_sink *sink;
	void *context;
};

/* Scripts that put no spaces between words. */
static int stands_alone(uint32_t cp)
{
	return (cp >= 0x3040 && cp <= 0x30ff) || (cp >= 0x3400 && cp <= 0x4dbf) ||
	       (cp >= 0x4e00 && cp <= 0x9fff) || (cp >= 0xf900 && cp <= 0xfaff) ||
	       (cp >= 0x20000 && cp <= 0x3ffff);
}

/* A token of unicode61, whose characters that stand alone become tokens of their own. */
static int split_token(void *context, int flags, const char *token, int len, int start, int end)
{
	const struct splitting *splitting = context;
	int from = 0, rc = SQLITE_OK;

	if (end - start != len) { /* folded to another length: no offsets of its characters */
		return splitting->sink(splitting->context, flags, token, len, start, end);
	}
	for (int i = 0; i < len && rc == SQLITE_OK;) {
		uint32_t cp = 0;
		int n = (int)utf8_decode(token + i, (size_t)(len - i), &cp);

		n = n ? n : 1;
		if (!stands_alone(cp)) {
			i += n;
			continue;
		}
		if (from < i) {
			rc = splitting->sink(splitting->context, flags, token + from, i - from,
				start + from, start + i);
		}
		if (rc == SQLITE_OK) {
			rc = splitting->sink(
				splitting->context, flags, token + i, n, start + i, start + i + n);
		}
		i += n;
		from = i;
	}
	if (rc == SQLITE_OK && from < len) {
		rc = splitting->sink(
			splitting->context, flags, token + from, len - from, start + from, end);
	}
	return rc;
}

static int tokenize(
	struct words *words, void *context, int flags, const char *text, int len, token_sink *sink)
{
	struct splitting splitting = {sink, context};

	return words->base.xTokenize(words->own, &splitting, flags, text, len, split_token);
}

/* As FTS5 calls it: there is one, made by words_open(). */
static int module_create(void *context, const char **args, int n_args, Fts5Tokenizer **out)
{
	*out = context;
	return SQLITE_OK;
}

static void module_delete(Fts5Tokenizer *tokenizer)
{
}

static int module_tokenize(Fts5Tokenizer *tokenizer, void *context, int flags, const char *text,
	int len, token_sink *sink)
{
	return tokenize((struct words *)tokenizer, context, flags, text, len, sink);
}

static void words_destroy(void *context)
{
	struct words *words = context;

	if (words->own) {
		words->base.xDelete(words->own);
	}
	free(words);
}

static fts5_api *find_api(sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	fts5_api *api = NULL;

	if (sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &stmt, NULL) == SQLITE_OK) {
		sqlite3_bind_pointer(stmt, 1, &api, "fts5_api_ptr", NULL);
		sqlite3_step(stmt);
	}
	sqlite3_finalize(stmt);
	return api;
}

static int register_tokenizer(sqlite3 *db, struct words **out)
{
	static const char *args[] = {"remove_diacritics", "2"};
	fts5_tokenizer module = {module_create, module_delete, module_tokenize};
	fts5_api *api = find_api(db);
	struct words *words;
	void *context;

	if (!api) {
		return SQLITE_ERROR;
	}
	words = mem_zero(1, sizeof(*words));
	if (api->xFindTokenizer(api, "unicode61", &context, &words->base) != SQLITE_OK ||
		words->base.xCreate(context, args, 2, &words->own) != SQLITE_OK ||
		api->xCreateTokenizer(api, SEARCH_TOKENIZER, words, &module, words_destroy) !=
			SQLITE_OK) {
		words_destroy(words);
		return SQLITE_ERROR;
	}
	*out = words;
	return SQLITE_OK;
}

int words_open(sqlite3 **db, struct words **words, struct err *err)
{
	int rc = sqlite3_open_v2(":memory:", db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc != SQLITE_OK || register_tokenizer(*db, words) != SQLITE_OK) {
		sqlite3_close(*db);
		*db = NULL;
		return err_set(err, ERR_FAILURE, NULL, "install an SQLite that has FTS5",
			"full-text search cannot be begun");
	}
	return 0;
}

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

	tokenize(words, phrase, FTS5_TOKENIZE_QUERY, text, (int)len, add_word);
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
	tokenize(words, &tokens, FTS5_TOKENIZE_AUX, text, (int)len, add_token);
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
