#include "session/retrieve_index.h"

#include "base/mem.h"
#include "session/chunk_text.h"
#include "session/retrieve_headings.h"
#include "session/retrieve_words.h"

#include <stdlib.h>
#include <string.h>

enum {
	WATCH_BYTES = 1 << 18, /* are indexed between two looks at the watch */
};
#define ROWS_MAX ((int64_t)1 << 48)

/* 16 MB: what FTS5 gathers before it writes. */
static const struct index_kind retrieve_index_kind = {
	.magic = RETRIEVE_INDEX_MAGIC,
	.file = RETRIEVE_INDEX_FILE,
	.tables = "CREATE TABLE source(first INTEGER PRIMARY KEY, digest BLOB, n_chunk INTEGER);"
		  "CREATE VIRTUAL TABLE chunk USING fts5(heading, text, content='', "
		  "tokenize='" RETRIEVE_TOKENIZER "');"
		  "INSERT INTO chunk(chunk, rank) VALUES('hashsize', 16777216)",
	.teach = retrieve_words_teach,
};
_Static_assert(sizeof(RETRIEVE_INDEX_MAGIC) - 1 == INDEX_MAGIC_BYTES, "a magic of its size");

void retrieve_forget(const char *folder)
{
	index_file_remove(&retrieve_index_kind, folder);
}

/* How chunks are indexed: what changes that is a new rule, and makes every index anew. */
static struct sha256_digest rule_digest(void)
{
	static const char rule[] = "retrieve 1";

	return sha256_of(rule, sizeof(rule));
}

/* ---- what is indexed of a source ---- */

static void add_text_field(struct sha256 *hash, const char *tag, const char *text)
{
	sha256_add_field(hash, tag, text ? text : "", text ? strlen(text) : 0);
}

/* Of everything that its chunks are found by, and how it is cut. */
static struct sha256_digest source_digest(const struct library_source *source)
{
	const struct document *document = source->document;
	struct sha256 *hash = sha256_create();
	struct sha256_digest digest;

	add_text_field(hash, "name", document->name);
	for (size_t i = 0; i < document->n_heading; i++) {
		const struct heading *heading = &document->heading[i];
		int64_t place[3] = {heading->level, (int64_t)heading->part, heading->line};

		sha256_add_field(hash, "heading", place, sizeof(place));
		add_text_field(hash, "title", heading->title);
	}
	for (size_t i = 0; i < document->n_part; i++) {
		add_text_field(hash, "path", document->part[i].place.path);
		add_text_field(hash, "speaker", document->part[i].place.speaker);
		sha256_add_field(hash, "part", document->part[i].text, document->part[i].len);
	}
	for (size_t i = 0; i < source->cut.n_chunk; i++) {
		const struct chunk *chunk = &source->cut.chunk[i];
		int64_t place[5] = {(int64_t)chunk->slice.first, (int64_t)chunk->slice.at,
			(int64_t)chunk->slice.last, (int64_t)chunk->slice.end,
			(int64_t)chunk->heading};

		sha256_add_field(hash, "chunk", place, sizeof(place));
	}
	digest = sha256_finish(hash);
	sha256_destroy(hash);
	return digest;
}

static int64_t text_bytes(const struct document *document)
{
	int64_t sum = 0;

	for (size_t i = 0; i < document->n_part; i++) {
		sum += (int64_t)document->part[i].len;
	}
	return sum;
}

/* ---- making it ---- */

struct making {
	struct retrieve_index *index;
	const struct library *library;
	const struct session_watch *watch;
	sqlite3_stmt *insert;
	struct buf column[COLUMN_COUNT];
	struct headings headings;
	int64_t done_bytes, total_bytes, told_bytes;
};

/* ERR_INTERRUPTED where the watch wants a stop. */
static int tell(struct making *making, struct err *err)
{
	const struct session_watch *watch = making->watch;
	struct session_progress progress = {.step = SESSION_INDEXING,
		.done = making->done_bytes,
		.total = making->total_bytes,
		.eta_s = -1};

	making->told_bytes = making->done_bytes;
	if (watch && watch->reading) {
		watch->reading(watch->arg, &progress);
	}
	return watch && watch->stopped && watch->stopped(watch->arg)
		       ? err_set(err, ERR_INTERRUPTED, NULL, NULL, "stopped while it was indexed")
		       : 0;
}

static int add_chunk(struct making *making, const struct document *document,
	const struct chunk *chunk, int64_t row, struct err *err)
{
	int rc;

	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		buf_clear(&making->column[i]);
	}
	headings_of(&making->headings, &making->column[COLUMN_HEADING], document, chunk);
	chunk_text_body(&making->column[COLUMN_TEXT], document, &chunk->slice);
	sqlite3_bind_int64(making->insert, 1, row);
	for (int i = 0; i < COLUMN_COUNT; i++) {
		const struct buf *column = &making->column[i];

		sqlite3_bind_text(
			making->insert, i + 2, buf_str(column), (int)column->len, SQLITE_STATIC);
	}
	rc = sqlite3_step(making->insert);
	sqlite3_reset(making->insert);
	if (rc != SQLITE_DONE) {
		return index_file_fail(&making->index->file, err);
	}
	making->done_bytes += (int64_t)making->column[COLUMN_TEXT].len;
	return making->done_bytes - making->told_bytes >= WATCH_BYTES ? tell(making, err) : 0;
}

static int add_source_row(
	const struct index_file *file, const struct indexed *indexed, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(
		file->db, "INSERT INTO source VALUES(?1, ?2, ?3)", -1, &stmt, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_bind_int64(stmt, 1, indexed->first);
		sqlite3_bind_blob(
			stmt, 2, indexed->digest.byte, sizeof(indexed->digest.byte), SQLITE_STATIC);
		sqlite3_bind_int64(stmt, 3, indexed->n_chunk);
		rc = sqlite3_step(stmt) == SQLITE_DONE ? SQLITE_OK : SQLITE_ERROR;
	}
	if (rc != SQLITE_OK) {
		index_file_fail(file, err);
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_OK ? 0 : -1;
}

static struct indexed *append(struct retrieve_index *index)
{
	mem_grow(index->source, index->n_source, index->cap_source);
	return &index->source[index->n_source++];
}

static int add_source(
	struct making *making, size_t number, const struct sha256_digest *digest, struct err *err)
{
	struct retrieve_index *index = making->index;
	const struct library_source *source = &making->library->source[number];
	struct indexed *indexed = append(index);
	int status = 0;

	headings_begin(&making->headings);
	*indexed = (struct indexed){*digest, index->n_row, (int64_t)source->cut.n_chunk, number};
	for (size_t i = 0; i < source->cut.n_chunk && status == 0; i++) {
		status = add_chunk(making, source->document, &source->cut.chunk[i],
			index->n_row + (int64_t)i, err);
	}
	index->n_row += indexed->n_chunk;
	return status == 0 ? add_source_row(&index->file, indexed, err) : -1;
}

/* The library's sources that it lacks; is_missing and digest by their number. */
static int add_sources(struct making *making, const unsigned char *is_missing,
	const struct sha256_digest *digest, struct err *err)
{
	struct index_file *file = &making->index->file;
	int status = 0;

	if (sqlite3_prepare_v2(file->db,
		    "INSERT INTO chunk(rowid, heading, text) VALUES(?1, ?2, ?3)", -1,
		    &making->insert, NULL) != SQLITE_OK) {
		return index_file_fail(file, err);
	}
	for (size_t i = 0; i < making->library->n_source; i++) {
		if (is_missing[i]) {
			making->total_bytes += text_bytes(making->library->source[i].document);
		}
	}
	status = index_file_run(file, "BEGIN", err) < 0 ? -1 : tell(making, err);
	for (size_t i = 0; i < making->library->n_source && status == 0; i++) {
		if (is_missing[i]) {
			status = add_source(making, i, &digest[i], err);
		}
	}
	sqlite3_finalize(making->insert);
	return status == 0 ? index_file_run(file, "COMMIT", err) : -1;
}

static void finish_making(struct making *making)
{
	for (size_t i = 0; i < COLUMN_COUNT; i++) {
		buf_finish(&making->column[i]);
	}
	headings_finish(&making->headings);
}

/* ---- what is there ---- */

/* Which sources it says it has; nothing of it is believed but that rows of sources do not overlap. */
static int read_sources(struct retrieve_index *index, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(index->file.db,
		"SELECT first, digest, n_chunk FROM source ORDER BY first", -1, &stmt, NULL);

	while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct indexed indexed = {.first = sqlite3_column_int64(stmt, 0),
			.n_chunk = sqlite3_column_int64(stmt, 2),
			.source = SIZE_MAX};

		rc = SQLITE_CORRUPT;
		if (indexed.first == index->n_row && indexed.n_chunk >= 0 &&
			indexed.n_chunk <= ROWS_MAX - index->n_row &&
			sqlite3_column_bytes(stmt, 1) == sizeof(indexed.digest.byte)) {
			memcpy(indexed.digest.byte, sqlite3_column_blob(stmt, 1),
				sizeof(indexed.digest.byte));
			*append(index) = indexed;
			index->n_row += indexed.n_chunk;
			rc = SQLITE_OK;
		}
	}
	if (rc != SQLITE_DONE) {
		index_file_fail(&index->file, err);
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? 0 : -1;
}

static int by_digest(const void *a, const void *b)
{
	const struct indexed *one = *(struct indexed *const *)a;
	const struct indexed *other = *(struct indexed *const *)b;

	return memcmp(one->digest.byte, other->digest.byte, sizeof(one->digest.byte));
}

/* Find the library's sources in it, of two of one text the first. Returns how many rows are theirs. */
static int64_t match_sources(struct retrieve_index *index, const struct library *library,
	const struct sha256_digest *digest, unsigned char *is_missing)
{
	struct indexed **sorted = mem_alloc((index->n_source + 1) * sizeof(*sorted));
	int64_t n_used = 0;

	for (size_t i = 0; i < index->n_source; i++) {
		sorted[i] = &index->source[i];
	}
	qsort(sorted, index->n_source, sizeof(*sorted), by_digest);
	for (size_t i = 0; i < library->n_source; i++) {
		struct indexed key = {.digest = digest[i]}, *at = &key;
		struct indexed **found =
			bsearch(&at, sorted, index->n_source, sizeof(*sorted), by_digest);

		is_missing[i] =
			!found || (*found)->n_chunk != (int64_t)library->source[i].cut.n_chunk;
		if (!is_missing[i] && (*found)->source == SIZE_MAX) {
			(*found)->source = i;
			n_used += (*found)->n_chunk;
		}
	}
	free(sorted);
	return n_used;
}

/* ---- opening ---- */

static int by_digest_and_place(const void *a, const void *b)
{
	const struct indexed *one = a, *other = b;
	int order = memcmp(one->digest.byte, other->digest.byte, sizeof(one->digest.byte));

	return order ? order : (one->source > other->source) - (one->source < other->source);
}

/* What has no chunk is not indexed, and what stands twice in the library once. */
static void leave_out(const struct library *library, const struct sha256_digest *digest,
	unsigned char *is_missing)
{
	struct indexed *sorted = mem_alloc((library->n_source + 1) * sizeof(*sorted));

	for (size_t i = 0; i < library->n_source; i++) {
		sorted[i] = (struct indexed){.digest = digest[i], .source = i};
		is_missing[i] &= library->source[i].cut.n_chunk > 0;
	}
	qsort(sorted, library->n_source, sizeof(*sorted), by_digest_and_place);
	for (size_t i = 1; i < library->n_source; i++) {
		if (sha256_equal(&sorted[i - 1].digest, &sorted[i].digest)) {
			is_missing[sorted[i].source] = 0;
		}
	}
	free(sorted);
}

static struct sha256_digest *digest_sources(const struct library *library)
{
	struct sha256_digest *digest = mem_alloc((library->n_source + 1) * sizeof(*digest));

	for (size_t i = 0; i < library->n_source; i++) {
		digest[i] = source_digest(&library->source[i]);
	}
	return digest;
}

/* Add what is missing, and keep the file. */
static int complete(struct retrieve_index *index, const struct library *library, const char *folder,
	unsigned char *is_missing, const struct sha256_digest *digest,
	const struct session_watch *watch, struct err *err)
{
	struct making making = {.index = index, .library = library, .watch = watch};
	struct sha256_digest rule = rule_digest();
	int status;

	status = add_sources(&making, is_missing, digest, err);
	finish_making(&making);
	if (status == 0 && folder) {
		index_file_write(&index->file, folder, &rule);
	}
	return status;
}

static int make_anew(struct retrieve_index *index, const struct library *library,
	const char *folder, const struct sha256_digest *digest, const struct session_watch *watch,
	struct err *err)
{
	unsigned char *is_missing = mem_alloc(library->n_source + 1);
	int status;

	memset(is_missing, 1, library->n_source);
	leave_out(library, digest, is_missing);
	retrieve_index_close(index);
	status = index_file_make(&index->file, &retrieve_index_kind, err);
	if (status == 0) {
		status = complete(index, library, folder, is_missing, digest, watch, err);
	}
	free(is_missing);
	if (status < 0) {
		retrieve_index_close(index);
	}
	return status;
}

/* What the folder has, with what it lacked. 1 where that is of no use. */
static int open_kept(struct retrieve_index *index, const struct library *library,
	const char *folder, const struct sha256_digest *digest, const struct session_watch *watch,
	struct err *err)
{
	unsigned char *is_missing = mem_zero(library->n_source + 1, 1);
	struct sha256_digest rule = rule_digest();
	struct err own = {0};
	int64_t n_used;
	int status = index_file_read(&index->file, &retrieve_index_kind, folder, &rule, err);

	if (status == 0 && read_sources(index, &own) < 0) {
		status = 1;
	}
	if (status == 0) {
		n_used = match_sources(index, library, digest, is_missing);
		leave_out(library, digest, is_missing);
		status = n_used * 2 < index->n_row;
	}
	if (status == 0 && memchr(is_missing, 1, library->n_source)) {
		status = index_file_thaw(&index->file, &own) < 0 ||
			 complete(index, library, folder, is_missing, digest, watch, &own) < 0;
		if (status && own.code == ERR_INTERRUPTED) {
			status = -1;
			if (err) {
				*err = own;
			}
		}
	}
	free(is_missing);
	return status;
}

int retrieve_index_make(struct retrieve_index *index, const struct library *library,
	const char *folder, const struct session_watch *watch, struct err *err)
{
	struct sha256_digest *digest = digest_sources(library);
	int status = make_anew(index, library, folder, digest, watch, err);

	free(digest);
	return status;
}

int retrieve_index_open(struct retrieve_index *index, const struct library *library,
	const char *folder, const struct session_watch *watch, struct err *err)
{
	struct sha256_digest *digest = digest_sources(library);
	int status = 1;

	*index = (struct retrieve_index){0};
	if (folder) {
		status = open_kept(index, library, folder, digest, watch, err);
	}
	if (status > 0) {
		status = make_anew(index, library, folder, digest, watch, err);
	}
	free(digest);
	if (status < 0) {
		retrieve_index_close(index);
	}
	return status;
}

int64_t retrieve_index_missing(const struct library *library, const char *folder)
{
	struct sha256_digest *digest = digest_sources(library), rule = rule_digest();
	unsigned char *is_missing = mem_alloc(library->n_source + 1);
	struct retrieve_index index = {0};
	int64_t bytes = 0;

	memset(is_missing, 1, library->n_source);
	if (folder &&
		index_file_read(&index.file, &retrieve_index_kind, folder, &rule, NULL) == 0 &&
		read_sources(&index, NULL) == 0 &&
		match_sources(&index, library, digest, is_missing) * 2 < index.n_row) {
		memset(is_missing, 1, library->n_source); /* it is made anew */
	}
	leave_out(library, digest, is_missing);
	for (size_t i = 0; i < library->n_source; i++) {
		bytes += is_missing[i] ? text_bytes(library->source[i].document) : 0;
	}
	retrieve_index_close(&index);
	free(is_missing);
	free(digest);
	return bytes;
}

void retrieve_index_close(struct retrieve_index *index)
{
	index_file_close(&index->file);
	free(index->source);
	*index = (struct retrieve_index){0};
}

size_t retrieve_index_chunk(
	const struct retrieve_index *index, const struct library *library, int64_t row)
{
	size_t low = 0, high = index->n_source;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (index->source[middle].first <= row) {
			low = middle;
		} else {
			high = middle;
		}
	}
	if (!index->n_source || index->source[low].source == SIZE_MAX ||
		row < index->source[low].first ||
		row - index->source[low].first >= index->source[low].n_chunk) {
		return SIZE_MAX;
	}
	return library->source[index->source[low].source].chunk +
	       (size_t)(row - index->source[low].first);
}
