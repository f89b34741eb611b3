#include "session/fts5_words.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct words {
	fts5_tokenizer base; /* unicode61 */
	Fts5Tokenizer *own;
};

struct splitting {
	word_sink *sink;
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

int words_cut(
	struct words *words, void *context, int flags, const char *text, int len, word_sink *sink)
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
	int len, word_sink *sink)
{
	return words_cut((struct words *)tokenizer, context, flags, text, len, sink);
}

static void words_destroy(void *context)
{
	struct words *words = context;

	if (words->own) {
		words->base.xDelete(words->own);
	}
	free(words);
}

fts5_api *words_api(sqlite3 *db)
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
	fts5_api *api = words_api(db);
	struct words *words;
	void *context;

	if (!api) {
		return SQLITE_ERROR;
	}
	words = mem_zero(1, sizeof(*words));
	if (api->xFindTokenizer(api, "unicode61", &context, &words->base) != SQLITE_OK ||
		words->base.xCreate(context, args, 2, &words->own) != SQLITE_OK ||
		api->xCreateTokenizer(api, WORDS_TOKENIZER, words, &module, words_destroy) !=
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
