#include "session/retrieve.h"

#include "base/buf.h"
#include "base/mem.h"
#include "session/retrieve_index.h"
#include "session/retrieve_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BM25_K1 1.2
#define BM25_B  0.75

enum {
	QUESTION_MAX_BYTES = 1 << 14, /* of a longer one, its beginning and its end */
	TERMS_MAX = 512,              /* different ones that are looked up */
	TERMS_USED_MAX = 32,          /* that chunks are looked for by: those that tell most */
	TERM_MAX_BYTES = 64,
};

/* How much it says that a chunk has a term of the question. */
static const double kind_weight[TERM_N_KIND] = {
	[TERM_WORD] = 1, [TERM_PART] = 0.5, [TERM_WHOLE] = 2, [TERM_OPTION] = 2, [TERM_STEM] = 0.5};
static const double column_weight[COLUMN_COUNT] = {
	[COLUMN_NAME] = 1, [COLUMN_HEADING] = 1, [COLUMN_TEXT] = 1};

struct term {
	char text[TERM_MAX_BYTES];
	int len;
	enum term_kind kind;
	double weight; /* times its rarity */
};

/* What a question is while chunks are looked for. */
struct query {
	struct term term[TERMS_MAX];
	size_t n_term;
	double mean_words; /* of a chunk; 0 until the first is scored */
	double n_row;
};

struct retrieve {
	const struct library *library;
	char *folder;
	struct retrieve_index index;
	struct query *query; /* of the question that is being asked */
};

/* ---- scoring ---- */

/* Words of a chunk on average; 1 at least. */
static int read_mean(const Fts5ExtensionApi *api, Fts5Context *fts, struct query *query)
{
	sqlite3_int64 words = 0, rows = 0;
	int rc = api->xColumnTotalSize(fts, COLUMN_TEXT, &words);

	rc = rc == SQLITE_OK ? api->xRowCount(fts, &rows) : rc;
	query->mean_words = rows > 0 && words > rows ? (double)words / (double)rows : 1;
	return rc;
}

/* BM25 (see session/line_picker.h) over the columns together, each term as heavy as the question has it. */
static void score(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *result,
	int n_value, sqlite3_value **value)
{
	struct retrieve *retrieve = api->xUserData(fts);
	struct query *query = retrieve->query;
	double count[TERMS_USED_MAX] = {0}, sum = 0, length;
	int n_place = 0, words = 0, rc;

	rc = api->xInstCount(fts, &n_place);
	for (int i = 0; i < n_place && rc == SQLITE_OK; i++) {
		int term = 0, column = 0, at = 0;

		rc = api->xInst(fts, i, &term, &column, &at);
		if (rc == SQLITE_OK && term >= 0 && term < TERMS_USED_MAX && column >= 0 &&
			column < COLUMN_COUNT) {
			count[term] += column_weight[column];
		}
	}
	if (rc == SQLITE_OK && query->mean_words == 0) {
		rc = read_mean(api, fts, query);
	}
	rc = rc == SQLITE_OK ? api->xColumnSize(fts, COLUMN_TEXT, &words) : rc;
	if (rc != SQLITE_OK) {
		sqlite3_result_error_code(result, rc);
		return;
	}
	length = BM25_K1 * (1 - BM25_B + BM25_B * fmax(words, 0) / query->mean_words);
	for (size_t i = 0; i < query->n_term; i++) {
		sum += query->term[i].weight * count[i] * (BM25_K1 + 1) / (count[i] + length);
	}
	sqlite3_result_double(result, sum);
}

static int teach_score(struct retrieve *retrieve, struct err *err)
{
	static const char vocabulary[] =
		"CREATE VIRTUAL TABLE temp.term USING fts5vocab(main, chunk, row)";
	sqlite3 *db = retrieve->index.file.db;
	fts5_api *api = words_api(db);

	if (!api || api->xCreateFunction(api, "score", retrieve, score, NULL) != SQLITE_OK) {
		return index_file_fail(&retrieve->index.file, err);
	}
	return index_file_run(&retrieve->index.file, vocabulary, err);
}

/* ---- a question ---- */

static int add_term(void *context, enum term_kind kind, const char *text, int len)
{
	struct query *query = context;
	struct term *term;

	if (len <= 0 || len > TERM_MAX_BYTES) {
		return SQLITE_OK;
	}
	for (size_t i = 0; i < query->n_term; i++) {
		term = &query->term[i];
		if (term->len == len && memcmp(term->text, text, (size_t)len) == 0) {
			if (kind_weight[kind] > kind_weight[term->kind]) {
				term->kind = kind;
			}
			return SQLITE_OK;
		}
	}
	if (query->n_term < TERMS_MAX) {
		term = &query->term[query->n_term++];
		*term = (struct term){.len = len, .kind = kind};
		memcpy(term->text, text, (size_t)len);
	}
	return SQLITE_OK;
}

static int by_weight(const void *a, const void *b)
{
	const struct term *one = a, *other = b;

	if (one->weight != other->weight) {
		return one->weight < other->weight ? 1 : -1;
	}
	if (one->len != other->len) {
		return one->len - other->len;
	}
	return memcmp(one->text, other->text, (size_t)one->len);
}

/* A number that SQL gives; a negative one is none. */
static int read_number(sqlite3_stmt *stmt, double *out)
{
	int rc = sqlite3_step(stmt);

	*out = rc == SQLITE_ROW ? fmax((double)sqlite3_column_int64(stmt, 0), 0) : 0;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* How heavy each term is, by how few chunks have it; those that none has are left out. */
static int weigh_terms(struct query *query, sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	size_t n = 0;
	int rc = sqlite3_prepare_v2(
		db, "SELECT doc FROM temp.term WHERE term = ?1", -1, &stmt, NULL);

	for (size_t i = 0; i < query->n_term && rc == SQLITE_OK; i++) {
		struct term term = query->term[i];
		double found;

		sqlite3_bind_text(stmt, 1, term.text, term.len, SQLITE_STATIC);
		rc = read_number(stmt, &found);
		sqlite3_reset(stmt);
		if (found > 0) {
			found = fmin(found, query->n_row);
			term.weight = kind_weight[term.kind] *
				      log(1 + (query->n_row - found + 0.5) / (found + 0.5));
			query->term[n++] = term;
		}
	}
	sqlite3_finalize(stmt);
	qsort(query->term, n, sizeof(query->term[0]), by_weight);
	query->n_term = n < TERMS_USED_MAX ? n : TERMS_USED_MAX;
	return rc;
}

/* The terms of a question; of a long one only so much that its cost is bounded. */
static int read_question(struct query *query, sqlite3 *db, const char *question, size_t len)
{
	size_t half = QUESTION_MAX_BYTES / 2;
	int rc;

	if (len <= QUESTION_MAX_BYTES) {
		return retrieve_words_cut(db, query, question, len, add_term);
	}
	rc = retrieve_words_cut(db, query, question, half, add_term);
	return rc == SQLITE_OK
		       ? retrieve_words_cut(db, query, question + len - half, half, add_term)
		       : rc;
}

/* Terms are letters, digits, `-` and `.`, so that a quotation mark ends each. */
static char *write_expression(const struct query *query)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < query->n_term; i++) {
		buf_printf(&out, "%s\"%.*s\"", i ? " OR " : "", query->term[i].len,
			query->term[i].text);
	}
	return buf_take(&out);
}

/* ---- ranking ---- */

struct found {
	struct ranked *item;
	size_t count, cap;
};

static int by_score(const void *a, const void *b)
{
	const struct ranked *one = a, *other = b;

	if (one->score != other->score) {
		return one->score < other->score ? 1 : -1;
	}
	return (one->chunk > other->chunk) - (one->chunk < other->chunk);
}

static int find_chunks(struct retrieve *retrieve, struct found *out)
{
	char *expression = write_expression(retrieve->query);
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(retrieve->index.file.db,
		"SELECT rowid, score(chunk) FROM chunk WHERE chunk MATCH ?1", -1, &stmt, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_bind_text(stmt, 1, expression, -1, SQLITE_STATIC);
		while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
			size_t chunk = retrieve_index_chunk(
				&retrieve->index, retrieve->library, sqlite3_column_int64(stmt, 0));

			if (chunk != SIZE_MAX) {
				mem_grow(out->item, out->count, out->cap);
				out->item[out->count++] =
					(struct ranked){chunk, sqlite3_column_double(stmt, 1)};
			}
		}
		rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
	}
	sqlite3_finalize(stmt);
	free(expression);
	qsort(out->item, out->count, out->count ? sizeof(*out->item) : 1, by_score);
	return rc;
}

static int rank(struct retrieve *retrieve, const char *question, size_t len, struct found *out)
{
	sqlite3 *db = retrieve->index.file.db;
	struct query *query = mem_zero(1, sizeof(*query));
	int rc;

	retrieve->query = query;
	query->n_row = (double)retrieve->index.n_row;
	rc = read_question(query, db, question, len);
	rc = rc == SQLITE_OK ? weigh_terms(query, db) : rc;
	if (rc == SQLITE_OK && query->n_term) {
		rc = find_chunks(retrieve, out);
	}
	retrieve->query = NULL;
	free(query);
	return rc;
}

int retrieve_rank(struct retrieve *retrieve, const char *question, size_t len, size_t most,
	struct ranked **out, size_t *count, struct err *err)
{
	struct found found = {0};
	int rc = rank(retrieve, question, len, &found);

	if (rc == SQLITE_CORRUPT || rc == SQLITE_CORRUPT_VTAB) {
		/* Whole, and of the right form, and yet no index: somebody made it up. */
		if (retrieve_index_make(
			    &retrieve->index, retrieve->library, retrieve->folder, NULL, err) < 0 ||
			teach_score(retrieve, err) < 0) {
			free(found.item);
			return -1;
		}
		found.count = 0;
		rc = rank(retrieve, question, len, &found);
	}
	if (rc != SQLITE_OK) {
		free(found.item);
		return index_file_fail(&retrieve->index.file, err);
	}
	*out = found.item;
	*count = found.count < most ? found.count : most;
	return 0;
}

int retrieve_open(struct retrieve **out, const struct library *library, const char *folder,
	const struct session_watch *watch, struct err *err)
{
	struct retrieve *retrieve = mem_zero(1, sizeof(*retrieve));

	retrieve->library = library;
	retrieve->folder = mem_strdup(folder);
	if (retrieve_index_open(&retrieve->index, library, folder, watch, err) < 0 ||
		teach_score(retrieve, err) < 0) {
		retrieve_close(retrieve);
		return -1;
	}
	*out = retrieve;
	return 0;
}

void retrieve_close(struct retrieve *retrieve)
{
	if (retrieve) {
		retrieve_index_close(&retrieve->index);
		free(retrieve->folder);
		free(retrieve);
	}
}
