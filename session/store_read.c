/* A session's rows into struct store_contents. The file may be anybody's: whatever does not hold
 * together is an error that names the row. */
#include "session/store_sqlite.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	struct db *db;
	struct store_contents *out;
	struct state state;
};

/* Room for one more in an array whose size the file decides. */
static int room(void **array, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap ? 2 * *cap : 16;
	void *larger;

	if (n < *cap) {
		return 0;
	}
	larger = reallocarray(*array, more, size);
	if (!larger) {
		return -1;
	}
	*array = larger;
	*cap = more;
	return 0;
}

#define ROOM(array, n, cap) room((void **)&(array), (n), &(cap), sizeof(*(array)))

static int no_memory(const struct db *db, struct err *err)
{
	return err_set(err, ERR_FAILURE, db->path, "free some memory", "does not fit into memory");
}

/* What answers for the rows says that there are others. */
static int rows_missing(const struct db *db, const char *what, int64_t id, struct err *err)
{
	char of[32] = "";

	if (id) {
		snprintf(of, sizeof(of), " %lld", (long long)id);
	}
	return err_set(err, ERR_FAILURE, db->path, "carrel sessions repair saves what can be saved",
		"is damaged: %s%s not all there", what, of);
}

/* ---- settings ---- */

static int by_key(const void *a, const void *b)
{
	const struct store_setting *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static int read_settings(struct reading *reading, struct err *err)
{
	struct store_contents *out = reading->out;
	struct tally found = {0};
	struct checksum sum;
	size_t cap = 0;
	int64_t id;
	sqlite3_stmt *stmt;
	struct row row;
	int status;

	if (table_select(reading->db, &stmt, TABLE_SETTING, err) < 0) {
		return -1;
	}
	while ((status = row_next(&row, reading->db, stmt, "setting", &id, err)) == 1) {
		if (ROOM(out->setting, out->n_setting, cap) < 0) {
			status = no_memory(reading->db, err);
			break;
		}
		setting_get(&row, &out->setting[out->n_setting++]);
		if (row_check(&row, &sum) < 0) {
			status = row_damaged(&row, id, err);
			break;
		}
		tally_add(&found, &sum);
	}
	sqlite3_finalize(stmt);
	if (status == 0 && !tally_equal(&found, &reading->state.setting)) {
		status = rows_missing(reading->db, "the settings are", 0, err);
	}
	if (status < 0) {
		return -1;
	}
	if (out->n_setting) {
		qsort(out->setting, out->n_setting, sizeof(*out->setting), by_key);
	}
	for (size_t i = 1; i < out->n_setting; i++) {
		if (strcmp(out->setting[i - 1].key, out->setting[i].key) == 0) {
			return rows_missing(reading->db, "the settings are", 0, err);
		}
	}
	return 0;
}

/* ---- blocks ---- */

struct block_reading {
	struct reading *reading;
	sqlite3_stmt *part, *heading;
};

static int bind_range(struct db *db, sqlite3_stmt *stmt, int64_t id, struct err *err)
{
	sqlite3_reset(stmt);
	return sqlite3_bind_int64(stmt, 1, id << ID_SHIFT) == SQLITE_OK &&
			       sqlite3_bind_int64(stmt, 2,
				       (id << ID_SHIFT) + (((int64_t)1 << ID_SHIFT) - 1)) ==
				       SQLITE_OK
		       ? 0
		       : db_fail(db, "cannot be read", err);
}

static int read_parts(struct block_reading *blocks, struct document *document, int64_t block,
	const struct tally *expected, struct err *err)
{
	struct db *db = blocks->reading->db;
	struct tally found = {0};
	struct checksum sum;
	struct row row;
	int64_t id;
	int status;

	if (bind_range(db, blocks->part, block, err) < 0) {
		return -1;
	}
	while ((status = row_next(&row, db, blocks->part, "part", &id, err)) == 1) {
		struct part *part;

		if (ROOM(document->part, document->n_part, document->cap_part) < 0) {
			return no_memory(db, err);
		}
		part = &document->part[document->n_part];
		*part = (struct part){0};
		part_get(&row, part);
		if (row_check(&row, &sum) < 0 ||
			id != (block << ID_SHIFT) + (int64_t)document->n_part) {
			part_finish(part);
			return row_damaged(&row, id, err);
		}
		document->n_part++;
		tally_add(&found, &sum);
	}
	if (status == 0 && !db->ignores_checksum && !tally_equal(&found, expected)) {
		return rows_missing(db, "the parts of block", block, err);
	}
	return status;
}

static int read_headings(struct block_reading *blocks, struct document *document, int64_t block,
	const struct tally *expected, struct err *err)
{
	struct db *db = blocks->reading->db;
	struct tally found = {0};
	struct checksum sum;
	struct row row;
	int64_t id;
	int status;

	if (bind_range(db, blocks->heading, block, err) < 0) {
		return -1;
	}
	while ((status = row_next(&row, db, blocks->heading, "heading", &id, err)) == 1) {
		struct heading *heading;

		if (ROOM(document->heading, document->n_heading, document->cap_heading) < 0) {
			return no_memory(db, err);
		}
		heading = &document->heading[document->n_heading];
		heading_get(&row, heading);
		if (row_check(&row, &sum) < 0 || heading->part >= document->n_part ||
			id != (block << ID_SHIFT) + (int64_t)document->n_heading) {
			free(heading->title);
			return row_damaged(&row, id, err);
		}
		document->n_heading++;
		tally_add(&found, &sum);
	}
	if (status == 0 && !db->ignores_checksum && !tally_equal(&found, expected)) {
		return rows_missing(db, "the headings of block", block, err);
	}
	return status;
}

static int read_block_rows(struct block_reading *blocks, sqlite3_stmt *stmt, struct err *err)
{
	struct reading *reading = blocks->reading;
	struct store_contents *out = reading->out;
	struct tally found = {0};
	struct checksum sum;
	int64_t id, last = 0;
	size_t cap = 0;
	struct row row;
	int status;

	while ((status = row_next(&row, reading->db, stmt, "block", &id, err)) == 1) {
		struct block_parts parts = {0};
		struct store_block *block;

		if (ROOM(out->block, out->n_block, cap) < 0) {
			return no_memory(reading->db, err);
		}
		block = &out->block[out->n_block++];
		block_get(&row, block, &parts);
		block->id = id;
		if (row_check(&row, &sum) < 0 || id <= last || id > ID_MAX) {
			return row_damaged(&row, id, err);
		}
		last = id;
		tally_add(&found, &sum);
		if (read_parts(blocks, &block->document, id, &parts.part, err) < 0 ||
			read_headings(blocks, &block->document, id, &parts.heading, err) < 0) {
			return -1;
		}
	}
	if (status == 0 && !reading->db->ignores_checksum &&
		!tally_equal(&found, &reading->state.block)) {
		return rows_missing(reading->db, "the blocks are", 0, err);
	}
	return status;
}

static int read_blocks(struct reading *reading, struct err *err)
{
	struct block_reading blocks = {.reading = reading};
	sqlite3_stmt *stmt = NULL;
	int status = -1;

	if (table_select(reading->db, &stmt, TABLE_BLOCK, err) == 0 &&
		table_select_range(reading->db, &blocks.part, TABLE_PART, err) == 0 &&
		table_select_range(reading->db, &blocks.heading, TABLE_HEADING, err) == 0) {
		status = read_block_rows(&blocks, stmt, err);
	}
	sqlite3_finalize(stmt);
	sqlite3_finalize(blocks.part);
	sqlite3_finalize(blocks.heading);
	return status;
}

/* ---- turns ---- */

static const void *find_turn(const struct store_contents *contents, int64_t id)
{
	size_t low = 0, high = contents->n_turn;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (contents->turn[middle].id == id) {
			return &contents->turn[middle];
		}
		if (contents->turn[middle].id < id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return NULL;
}

static int has_block(const struct store_contents *contents, int64_t id)
{
	size_t low = 0, high = contents->n_block;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (contents->block[middle].id == id) {
			return 1;
		}
		if (contents->block[middle].id < id) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return 0;
}

static int read_citations(struct db *db, sqlite3_stmt *stmt, struct store_turn *turn,
	const struct tally *expected, struct err *err)
{
	struct tally found = {0};
	struct checksum sum;
	struct row row;
	size_t cap = 0;
	int64_t id;
	int status;

	if (bind_range(db, stmt, turn->id, err) < 0) {
		return -1;
	}
	while ((status = row_next(&row, db, stmt, "citation", &id, err)) == 1) {
		if (ROOM(turn->citation, turn->n_citation, cap) < 0) {
			return no_memory(db, err);
		}
		citation_get(&row, &turn->citation[turn->n_citation++]);
		if (row_check(&row, &sum) < 0 ||
			id != (turn->id << ID_SHIFT) + (int64_t)turn->n_citation - 1) {
			return row_damaged(&row, id, err);
		}
		tally_add(&found, &sum);
	}
	if (status == 0 && !db->ignores_checksum && !tally_equal(&found, expected)) {
		return rows_missing(db, "the citations of turn", turn->id, err);
	}
	return status;
}

static int read_turn_rows(
	struct reading *reading, sqlite3_stmt *stmt, sqlite3_stmt *citation, struct err *err)
{
	struct store_contents *out = reading->out;
	struct tally found = {0};
	struct checksum sum;
	int64_t id, last = 0;
	size_t cap = 0;
	struct row row;
	int status;

	while ((status = row_next(&row, reading->db, stmt, "turn", &id, err)) == 1) {
		struct tally citations = {0};
		struct store_turn *turn;

		if (ROOM(out->turn, out->n_turn, cap) < 0) {
			return no_memory(reading->db, err);
		}
		turn = &out->turn[out->n_turn];
		turn_get(&row, turn, &citations);
		turn->id = id;
		/* The parent is looked for among those in front of it: no turn follows itself. */
		if (row_check(&row, &sum) < 0 || id <= last || id > ID_MAX ||
			(turn->parent && !find_turn(out, turn->parent))) {
			store_turn_finish(turn);
			return row_damaged(&row, id, err);
		}
		out->n_turn++;
		last = id;
		tally_add(&found, &sum);
		if (read_citations(reading->db, citation, turn, &citations, err) < 0) {
			return -1;
		}
	}
	if (status == 0 && !reading->db->ignores_checksum &&
		!tally_equal(&found, &reading->state.turn)) {
		return rows_missing(reading->db, "the turns are", 0, err);
	}
	return status;
}

static int read_turns(struct reading *reading, struct err *err)
{
	sqlite3_stmt *stmt = NULL, *citation = NULL;
	int status = -1;

	if (table_select(reading->db, &stmt, TABLE_TURN, err) == 0 &&
		table_select_range(reading->db, &citation, TABLE_CITATION, err) == 0) {
		status = read_turn_rows(reading, stmt, citation, err);
	}
	sqlite3_finalize(stmt);
	sqlite3_finalize(citation);
	return status;
}

/* ---- places ---- */

static int read_place_rows(struct reading *reading, sqlite3_stmt *stmt, struct err *err)
{
	struct store_contents *out = reading->out;
	struct tally found = {0};
	struct checksum sum;
	int64_t id, last = -1;
	size_t cap = 0;
	struct row row;
	int status;

	while ((status = row_next(&row, reading->db, stmt, "place", &id, err)) == 1) {
		struct store_place *place;

		if (ROOM(out->place, out->n_place, cap) < 0) {
			return no_memory(reading->db, err);
		}
		place = &out->place[out->n_place++];
		place_get(&row, place);
		if (row_check(&row, &sum) < 0 || id <= last || !has_block(out, place->block) ||
			(place->turn > 0 && !find_turn(out, place->turn))) {
			return row_damaged(&row, id, err);
		}
		last = id;
		tally_add(&found, &sum);
	}
	if (status == 0 && !reading->db->ignores_checksum &&
		!tally_equal(&found, &reading->state.place)) {
		return rows_missing(reading->db, "the places of the sources are", 0, err);
	}
	return status;
}

static int read_places(struct reading *reading, struct err *err)
{
	sqlite3_stmt *stmt;
	int status;

	if (table_select(reading->db, &stmt, TABLE_PLACE, err) < 0) {
		return -1;
	}
	status = read_place_rows(reading, stmt, err);
	sqlite3_finalize(stmt);
	return status;
}

static int read_all(struct reading *reading, struct err *err)
{
	struct store_contents *out = reading->out;

	if (state_load(reading->db, &reading->state, err) < 0) {
		return -1;
	}
	out->head = reading->state.head;
	out->made_s = reading->state.made_s;
	out->used_s = reading->state.used_s;
	out->draft = reading->state.draft;
	if (read_settings(reading, err) < 0 || read_blocks(reading, err) < 0 ||
		read_turns(reading, err) < 0 || read_places(reading, err) < 0) {
		return -1;
	}
	if (out->head && !find_turn(out, out->head)) {
		return rows_missing(reading->db, "the turns are", 0, err);
	}
	return 0;
}

int contents_read(struct db *db, struct store_contents *out, struct err *err)
{
	struct reading reading = {.db = db, .out = out};
	int status;

	*out = (struct store_contents){0};
	/* One moment of the session, whoever writes meanwhile. */
	if (db_run(db, "BEGIN", "cannot be read", err) < 0) {
		return -1;
	}
	status = read_all(&reading, err);
	sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	if (status < 0) {
		store_contents_finish(out);
	}
	return status;
}
