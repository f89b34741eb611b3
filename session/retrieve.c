#include "session/retrieve.h"

#include "base/buf.h"
#include "base/mem.h"
#include "session/retrieve_index.h"
#include "session/retrieve_names.h"
#include "session/retrieve_related.h"
#include "session/retrieve_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BM25_K1 1.2
#define BM25_B  0.5

enum {
	QUESTION_MAX_BYTES = 1 << 12, /* of a longer one, its beginning and its end */
	TERMS_MAX = 2048,             /* different ones that are looked up */
	TERMS_USED_MAX = 32,          /* that chunks are looked for by: those that tell most */
	TERM_MAX_BYTES = 66,
	NAMED_MAX = 64, /* terms that names are looked for by */
};

/*
 * How much it says that a chunk has a term of the question; chosen by how often the lines that answer
 * are picked, of planted and natural questions about a million tokens (tests/bench/reading).
 */
static const double kind_weight[TERM_N_KIND] = {
	[TERM_WORD] = 1,
	[TERM_NAME] = 2,
	[TERM_PART] = 0.5,
	[TERM_WHOLE] = 2,
	[TERM_OPTION] = 2,
	[TERM_HEAD] = 1,
	[TERM_STEM] = 0.5,
	[TERM_RELATED] = 1,
};
/* And that its file is called so. What calls a file asks about what stands in it: elsewhere it is only mentioned. */
#define NAME_WHOLE     4.0
#define NAME_WORD      0.4
#define NAME_MENTIONED 0.25

struct term {
	char text[TERM_MAX_BYTES];
	int len;
	enum term_kind kind;
	double weight; /* times its rarity */
	int is_file;   /* a file is called so */
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
	int is_anew; /* it was made, and is not what the folder had */
	struct names *names;
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
			count[term]++;
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
	static const char vocabularies[] =
		"CREATE VIRTUAL TABLE temp.term USING fts5vocab(main, chunk, row);"
		"CREATE VIRTUAL TABLE temp.heading USING fts5vocab(main, chunk, col)";
	sqlite3 *db = retrieve->index.file.db;
	fts5_api *api = words_api(db);

	if (!api || api->xCreateFunction(api, "score", retrieve, score, NULL) != SQLITE_OK) {
		return index_file_fail(&retrieve->index.file, err);
	}
	return index_file_run(&retrieve->index.file, vocabularies, err);
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
		if ((term->kind == TERM_RELATED) == (kind == TERM_RELATED) && term->len == len &&
			memcmp(term->text, text, (size_t)len) == 0) {
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

static int prepare_counts(sqlite3 *db, sqlite3_stmt *stmt[2])
{
	int rc = sqlite3_prepare_v2(
		db, "SELECT doc FROM temp.term WHERE term = ?1", -1, &stmt[0], NULL);

	return rc != SQLITE_OK ? rc
			       : sqlite3_prepare_v2(db,
					 "SELECT doc FROM temp.heading WHERE term = ?1 AND "
					 "col = 'heading'",
					 -1, &stmt[1], NULL);
}

/* How heavy each term is, by how few chunks have it; those that none has are left out. */
static int weigh_terms(struct query *query, sqlite3 *db)
{
	sqlite3_stmt *stmt[2] = {NULL, NULL};
	size_t n = 0;
	int rc = prepare_counts(db, stmt);

	for (size_t i = 0; i < query->n_term && rc == SQLITE_OK; i++) {
		struct term term = query->term[i];
		sqlite3_stmt *count = stmt[term.kind == TERM_RELATED];
		double found;

		sqlite3_bind_text(count, 1, term.text, term.len, SQLITE_STATIC);
		rc = read_number(count, &found);
		sqlite3_reset(count);
		if (found > 0) {
			found = fmin(found, query->n_row);
			term.weight = (term.is_file ? NAME_MENTIONED : kind_weight[term.kind]) *
				      log(1 + (query->n_row - found + 0.5) / (found + 0.5));
			query->term[n++] = term;
		}
	}
	sqlite3_finalize(stmt[0]);
	sqlite3_finalize(stmt[1]);
	qsort(query->term, n, sizeof(query->term[0]), by_weight);
	query->n_term = n < TERMS_USED_MAX ? n : TERMS_USED_MAX;
	return rc;
}

static void add_related(void *context, const char *term)
{
	add_term(context, TERM_RELATED, term, (int)strlen(term));
}

/* What a question's words have beside them. */
static void relate_terms(struct query *query)
{
	size_t n_term = query->n_term;

	for (size_t i = 0; i < n_term; i++) {
		struct word word = {query->term[i].text, (size_t)query->term[i].len};
		const char *number = related_number(word);

		if (query->term[i].kind > TERM_NAME) {
			continue;
		}
		if (number) {
			add_term(query, TERM_WORD, number, (int)strlen(number));
		}
		related_headings(word, query, add_related);
	}
}

/* The terms of a question; of a long one only so much that its cost is bounded. */
static int read_question(struct query *query, sqlite3 *db, const char *question, size_t len)
{
	size_t half = QUESTION_MAX_BYTES / 2, first = len <= QUESTION_MAX_BYTES ? len : half;
	int rc = retrieve_words_cut(db, query, question, first, add_term);

	if (rc == SQLITE_OK && first < len) {
		rc = retrieve_words_cut(db, query, question + len - half, half, add_term);
	}
	relate_terms(query);
	return rc;
}

/* Terms are letters, digits, `-` and `.`, so that a quotation mark ends each. */
static char *write_expression(const struct query *query)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < query->n_term; i++) {
		const struct term *term = &query->term[i];

		buf_printf(&out, "%s%s\"%.*s\"", i ? " OR " : "",
			term->kind == TERM_RELATED ? "heading : " : "", term->len, term->text);
	}
	return buf_take(&out);
}

/* ---- ranking ---- */

struct found {
	double *score; /* by the chunk's number */
	struct ranked *item;
	size_t count;
};

/* What each chunk has by the name of its file. */
static double *score_names(const struct retrieve *retrieve)
{
	const struct library *library = retrieve->library;
	struct query *query = retrieve->query;
	struct named named[NAMED_MAX];
	struct term *of[NAMED_MAX];
	double *name, *score = mem_zero(library->n_chunk + 1, sizeof(*score));
	size_t n = 0;

	for (size_t i = 0; i < query->n_term && n < NAMED_MAX; i++) {
		struct term *term = &query->term[i];

		if (term->kind <= TERM_WHOLE) {
			of[n] = term;
			named[n++] = (struct named){term->text, term->len,
				term->kind == TERM_WHOLE ? NAME_WHOLE : NAME_WORD, 0};
		}
	}
	name = names_score(retrieve->names, named, n);
	for (size_t i = 0; i < n; i++) {
		of[i]->is_file = of[i]->kind == TERM_WHOLE && named[i].n_file;
	}
	for (size_t i = 0; i < library->n_source; i++) {
		const struct library_source *source = &library->source[i];

		for (size_t k = 0; k < source->cut.n_chunk; k++) {
			score[source->chunk + k] = name[names_of(
				retrieve->names, library, source, &source->cut.chunk[k])];
		}
	}
	free(name);
	return score;
}

static int by_score(const void *a, const void *b)
{
	const struct ranked *one = a, *other = b;

	if (one->score != other->score) {
		return one->score < other->score ? 1 : -1;
	}
	return (one->chunk > other->chunk) - (one->chunk < other->chunk);
}

static int score_texts(struct retrieve *retrieve, double *score)
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
				score[chunk] += sqlite3_column_double(stmt, 1);
			}
		}
		rc = rc == SQLITE_DONE ? SQLITE_OK : rc;
	}
	sqlite3_finalize(stmt);
	free(expression);
	return rc;
}

/* Those that have anything of the question, the best first. */
static struct ranked *sort_chunks(const double *score, size_t n_chunk, size_t *count)
{
	struct ranked *item = mem_alloc((n_chunk + 1) * sizeof(*item));

	*count = 0;
	for (size_t i = 0; i < n_chunk; i++) {
		if (score[i] > 0) {
			item[(*count)++] = (struct ranked){i, score[i]};
		}
	}
	qsort(item, *count, sizeof(*item), by_score);
	return item;
}

static int rank(struct retrieve *retrieve, const char *question, size_t len, struct ranked **out,
	size_t *count)
{
	sqlite3 *db = retrieve->index.file.db;
	struct query *query = mem_zero(1, sizeof(*query));
	double *score = NULL;
	int rc;

	retrieve->query = query;
	query->n_row = (double)retrieve->index.n_row;
	rc = read_question(query, db, question, len);
	if (rc == SQLITE_OK) {
		score = score_names(retrieve);
		rc = weigh_terms(query, db);
	}
	if (rc == SQLITE_OK && query->n_term) {
		rc = score_texts(retrieve, score);
	}
	if (rc == SQLITE_OK) {
		*out = sort_chunks(score, retrieve->library->n_chunk, count);
	}
	retrieve->query = NULL;
	free(score);
	free(query);
	return rc;
}

/* All of it made now, or what the folder has. */
static int open_index(
	struct retrieve *retrieve, const struct session_watch *watch, int is_anew, struct err *err)
{
	struct retrieve_index *index = &retrieve->index;
	int status = (is_anew ? retrieve_index_make : retrieve_index_open)(
		index, retrieve->library, retrieve->folder, watch, err);

	retrieve->is_anew = is_anew;
	if (status < 0 || teach_score(retrieve, err) < 0) {
		return -1;
	}
	return retrieve->names || names_make(&retrieve->names, retrieve->library, index->file.db) ==
					  SQLITE_OK
		       ? 0
		       : index_file_fail(&index->file, err);
}

int retrieve_rank(struct retrieve *retrieve, const char *question, size_t len, size_t most,
	struct ranked **out, size_t *count, struct err *err)
{
	int rc = rank(retrieve, question, len, out, count);

	if (rc != SQLITE_OK && !retrieve->is_anew) {
		/* Whole, and of the right form, and yet no index: somebody made it up. */
		if (open_index(retrieve, NULL, 1, err) < 0) {
			return -1;
		}
		rc = rank(retrieve, question, len, out, count);
	}
	if (rc != SQLITE_OK) {
		return index_file_fail(&retrieve->index.file, err);
	}
	*count = *count < most ? *count : most;
	return 0;
}

int retrieve_open(struct retrieve **out, const struct library *library, const char *folder,
	const struct session_watch *watch, struct err *err)
{
	struct retrieve *retrieve = mem_zero(1, sizeof(*retrieve));
	struct err own = {0};

	retrieve->library = library;
	retrieve->folder = mem_strdup(folder);
	if (open_index(retrieve, watch, 0, &own) < 0 &&
		(own.code == ERR_INTERRUPTED || open_index(retrieve, watch, 1, &own) < 0)) {
		if (err) {
			*err = own;
		}
		retrieve_close(retrieve);
		return -1;
	}
	*out = retrieve;
	return 0;
}

void retrieve_close(struct retrieve *retrieve)
{
	if (retrieve) {
		names_destroy(retrieve->names);
		retrieve_index_close(&retrieve->index);
		free(retrieve->folder);
		free(retrieve);
	}
}
