/* One struct store_change into the tables, as one transaction. */
#include "session/store_sqlite.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char saving[] = "cannot be saved";

struct writing {
	struct db *db;
	const struct store_change *change;
	struct state state;
};

/* What a caller must not hand over, because it could not be read again. */
static int refuse(const char *what, int64_t id, struct err *err)
{
	return err_set(err, ERR_FAILURE, NULL, "please report it",
		"carrel made a mistake: it was about to save %s %lld", what, (long long)id);
}

static int bind_ids(struct db *db, sqlite3_stmt *stmt, int64_t first, int64_t last, struct err *err)
{
	sqlite3_reset(stmt);
	if (sqlite3_bind_int64(stmt, 1, first) != SQLITE_OK ||
		(sqlite3_bind_parameter_count(stmt) > 1 &&
			sqlite3_bind_int64(stmt, 2, last) != SQLITE_OK)) {
		return db_fail(db, saving, err);
	}
	return 0;
}

/* Whether a statement with ?1 gives a row: 1, 0, or -1. */
static int has_row(struct db *db, const char *sql, int64_t id, struct err *err)
{
	sqlite3_stmt *stmt;
	int rc;

	if (db_prepare(db, &stmt, sql, saving, err) < 0) {
		return -1;
	}
	if (bind_ids(db, stmt, id, 0, err) < 0) {
		sqlite3_finalize(stmt);
		return -1;
	}
	rc = sqlite3_step(stmt);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
		db_fail(db, saving, err);
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

static int has_turn(struct db *db, int64_t id, struct err *err)
{
	return has_row(db, "SELECT 1 FROM turn WHERE id=?1", id, err);
}

/* Delete rows first to last of a table. */
static int delete_rows(struct db *db, const char *sql, int64_t first, int64_t last, struct err *err)
{
	sqlite3_stmt *stmt;
	int status;

	if (db_prepare(db, &stmt, sql, saving, err) < 0) {
		return -1;
	}
	status = bind_ids(db, stmt, first, last, err);
	if (status == 0 && sqlite3_step(stmt) != SQLITE_DONE) {
		status = db_fail(db, saving, err);
	}
	sqlite3_finalize(stmt);
	return status;
}

/* ---- blocks ---- */

static int write_parts(struct db *db, const struct document *document, int64_t block,
	struct block_parts *parts, struct err *err)
{
	struct checksum sum;
	sqlite3_stmt *stmt;
	struct row row;
	int status = 0;

	if (table_insert(db, &stmt, TABLE_PART, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < document->n_part && status == 0; i++) {
		row_begin(&row, db, stmt, "part", (block << ID_SHIFT) + (int64_t)i);
		part_put(&row, &document->part[i]);
		status = row_store(&row, &sum, err);
		tally_add(&parts->part, &sum);
	}
	sqlite3_finalize(stmt);
	if (status < 0 || table_insert(db, &stmt, TABLE_HEADING, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < document->n_heading && status == 0; i++) {
		row_begin(&row, db, stmt, "heading", (block << ID_SHIFT) + (int64_t)i);
		heading_put(&row, &document->heading[i]);
		status = row_store(&row, &sum, err);
		tally_add(&parts->heading, &sum);
	}
	sqlite3_finalize(stmt);
	return status;
}

static int write_block_row(struct writing *writing, const struct store_block *block,
	const struct block_parts *parts, struct err *err)
{
	struct checksum sum;
	sqlite3_stmt *stmt;
	struct row row;
	int status;

	if (table_insert(writing->db, &stmt, TABLE_BLOCK, err) < 0) {
		return -1;
	}
	row_begin(&row, writing->db, stmt, "block", block->id);
	block_put(&row, block, parts);
	status = row_store(&row, &sum, err);
	sqlite3_finalize(stmt);
	if (status == 0) {
		tally_add(&writing->state.block, &sum);
	}
	return status;
}

/* Take a block's row out, to be written again: 1, or 0 where there is none, or -1. */
static int take_block_row(struct writing *writing, int64_t id, struct store_block *block,
	struct block_parts *parts, struct err *err)
{
	struct checksum sum;
	sqlite3_stmt *stmt;
	struct row row;
	int status;

	*block = (struct store_block){0};
	if (table_select_range(writing->db, &stmt, TABLE_BLOCK, err) < 0) {
		return -1;
	}
	status = bind_ids(writing->db, stmt, id, id, err);
	if (status == 0) {
		int64_t found;

		status = row_next(&row, writing->db, stmt, "block", &found, err);
	}
	if (status == 1) {
		block_get(&row, block, parts);
		block->id = id;
		if (row_check(&row, &sum) < 0) {
			status = row_damaged(&row, id, err);
		}
	}
	sqlite3_finalize(stmt);
	if (status == 1) {
		tally_take(&writing->state.block, &sum);
		if (delete_rows(writing->db, "DELETE FROM block WHERE id=?1", id, 0, err) < 0) {
			status = -1;
		}
	}
	return status;
}

static int write_block(struct writing *writing, const struct store_block *block, struct err *err)
{
	struct block_parts parts = {0};
	struct store_block known;
	int status;

	if (block->id < 1 || block->id > ID_MAX || block->number < 1 || block->number > ID_MAX) {
		return refuse("block", block->id, err);
	}
	status = take_block_row(writing, block->id, &known, &parts, err);
	if (status == 1) {
		known.tokens = block->tokens;
		status = write_block_row(writing, &known, &parts, err);
	} else if (status == 0) {
		status = write_parts(writing->db, &block->document, block->id, &parts, err);
		if (status == 0) {
			status = write_block_row(writing, block, &parts, err);
		}
	}
	document_finish(&known.document);
	return status;
}

static int drop_block(struct writing *writing, int64_t id, struct err *err)
{
	struct block_parts parts = {0}, none = {0};
	struct store_block block;
	int64_t first = id << ID_SHIFT, last = first + (((int64_t)1 << ID_SHIFT) - 1);
	int status = take_block_row(writing, id, &block, &parts, err);

	if (status == 0) {
		return refuse("the end of block", id, err);
	}
	if (status == 1) {
		free(block.document.rev);
		block.document = (struct document){.kind = block.document.kind,
			.name = block.document.name,
			.origin = block.document.origin};
		block.is_dropped = 1;
		writing->state.is_unclean = 1;
		status = write_block_row(writing, &block, &none, err) < 0 ||
					 delete_rows(writing->db,
						 "DELETE FROM part WHERE id BETWEEN ?1 AND ?2",
						 first, last, err) < 0 ||
					 delete_rows(writing->db,
						 "DELETE FROM heading WHERE id BETWEEN ?1 AND ?2",
						 first, last, err) < 0
				 ? -1
				 : 0;
	}
	document_finish(&block.document);
	return status;
}

/* ---- turns ---- */

static int write_citations(
	struct db *db, const struct store_turn *turn, struct tally *tally, struct err *err)
{
	struct checksum sum;
	sqlite3_stmt *stmt;
	struct row row;
	int status = 0;

	if (table_insert(db, &stmt, TABLE_CITATION, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < turn->n_citation && status == 0; i++) {
		row_begin(&row, db, stmt, "citation", (turn->id << ID_SHIFT) + (int64_t)i);
		citation_put(&row, &turn->citation[i]);
		status = row_store(&row, &sum, err);
		tally_add(tally, &sum);
	}
	sqlite3_finalize(stmt);
	return status;
}

/* Only a turn that was read beyond the window has one. */
static int write_coverage(
	struct db *db, const struct store_turn *turn, struct tally *tally, struct err *err)
{
	struct checksum sum;
	sqlite3_stmt *stmt;
	struct row row;
	int status;

	if (!session_coverage_is_partial(&turn->reading.coverage)) {
		return 0;
	}
	if (!session_coverage_is_sound(&turn->reading.coverage)) {
		return refuse("the coverage of turn", turn->id, err);
	}
	if (table_insert(db, &stmt, TABLE_COVERAGE, err) < 0) {
		return -1;
	}
	row_begin(&row, db, stmt, "coverage", turn->id);
	coverage_put(&row, &turn->reading);
	status = row_store(&row, &sum, err);
	sqlite3_finalize(stmt);
	tally_add(tally, &sum);
	return status;
}

/* A turn is new, and what it continues is there. */
static int check_turn(struct db *db, const struct store_turn *turn, struct err *err)
{
	int has_later, has_parent;

	if (turn->id < 1 || turn->id > ID_MAX || turn->parent < 0 || turn->parent >= turn->id) {
		return refuse("turn", turn->id, err);
	}
	has_later = has_row(db, "SELECT 1 FROM turn WHERE id>=?1", turn->id, err);
	has_parent = turn->parent && has_later == 0 ? has_turn(db, turn->parent, err) : 1;
	if (has_later < 0 || has_parent < 0) {
		return -1;
	}
	return has_later || !has_parent ? refuse("turn", turn->id, err) : 0;
}

static int write_turn(struct writing *writing, const struct store_turn *turn, struct err *err)
{
	struct tally parts = {0};
	struct checksum sum;
	sqlite3_stmt *stmt;
	struct row row;
	int status;

	if (check_turn(writing->db, turn, err) < 0 ||
		write_citations(writing->db, turn, &parts, err) < 0 ||
		write_coverage(writing->db, turn, &parts, err) < 0 ||
		table_insert(writing->db, &stmt, TABLE_TURN, err) < 0) {
		return -1;
	}
	row_begin(&row, writing->db, stmt, "turn", turn->id);
	turn_put(&row, turn, &parts);
	status = row_store(&row, &sum, err);
	sqlite3_finalize(stmt);
	if (status == 0) {
		tally_add(&writing->state.turn, &sum);
	}
	return status;
}

/* ---- places and settings ---- */

static int check_place(struct db *db, const struct store_place *place, struct err *err)
{
	int has_block = has_row(db, "SELECT 1 FROM block WHERE id=?1", place->block, err);
	int has = has_block == 1 && place->turn > 0 ? has_turn(db, place->turn, err) : 1;

	if (has_block < 0 || has < 0) {
		return -1;
	}
	return !has_block || !has || place->turn < STORE_WAITING
		       ? refuse("a place of block", place->block, err)
		       : 0;
}

static int write_places(struct writing *writing, struct err *err)
{
	const struct store_change *change = writing->change;
	struct checksum sum;
	sqlite3_stmt *stmt;
	struct row row;
	int status = 0;

	if (db_run(writing->db, "DELETE FROM place", saving, err) < 0 ||
		table_insert(writing->db, &stmt, TABLE_PLACE, err) < 0) {
		return -1;
	}
	writing->state.place = (struct tally){0};
	for (size_t i = 0; i < change->n_place && status == 0; i++) {
		status = check_place(writing->db, &change->place[i], err);
		if (status == 0) {
			row_begin(&row, writing->db, stmt, "place", (int64_t)i + 1);
			place_put(&row, &change->place[i]);
			status = row_store(&row, &sum, err);
			tally_add(&writing->state.place, &sum);
		}
	}
	sqlite3_finalize(stmt);
	return status;
}

/* Take a setting's row out: 0 or -1. */
static int take_setting(struct writing *writing, const char *key, struct err *err)
{
	struct store_setting known = {0};
	struct checksum sum;
	sqlite3_stmt *stmt;
	struct row row;
	int64_t id = 0;
	int status;

	if (db_prepare(writing->db, &stmt, "SELECT * FROM setting WHERE key=?1", saving, err) < 0) {
		return -1;
	}
	if (sqlite3_bind_blob(stmt, 1, key, (int)strlen(key), SQLITE_STATIC) != SQLITE_OK) {
		status = db_fail(writing->db, saving, err);
	} else {
		status = row_next(&row, writing->db, stmt, "setting", &id, err);
	}
	if (status == 1) {
		setting_get(&row, &known);
		if (row_check(&row, &sum) < 0) {
			status = row_damaged(&row, id, err);
		} else {
			tally_take(&writing->state.setting, &sum);
		}
		free(known.key);
		free(known.value);
	}
	sqlite3_finalize(stmt);
	return status == 1 ? delete_rows(writing->db, "DELETE FROM setting WHERE id=?1", id, 0, err)
			   : status;
}

static int write_setting(
	struct writing *writing, const struct store_setting *setting, struct err *err)
{
	struct checksum sum;
	sqlite3_stmt *stmt;
	struct row row;
	int64_t id;
	int status;

	if (take_setting(writing, setting->key, err) < 0) {
		return -1;
	}
	if (!setting->value) {
		return 0;
	}
	if (db_number(writing->db, &id, "SELECT 1 + ifnull(max(id), 0) FROM setting", err) < 0 ||
		table_insert(writing->db, &stmt, TABLE_SETTING, err) < 0) {
		return -1;
	}
	row_begin(&row, writing->db, stmt, "setting", id);
	setting_put(&row, setting);
	status = row_store(&row, &sum, err);
	sqlite3_finalize(stmt);
	if (status == 0) {
		tally_add(&writing->state.setting, &sum);
	}
	return status;
}

/* ---- all of it ---- */

static int write_head(struct writing *writing, struct err *err)
{
	int64_t head = writing->change->head;
	int has = head ? has_turn(writing->db, head, err) : 1;

	if (has < 0) {
		return -1;
	}
	writing->state.head = head;
	return has ? 0 : refuse("as the last turn", head, err);
}

static int write_all(struct writing *writing, struct err *err)
{
	const struct store_change *change = writing->change;

	for (size_t i = 0; i < change->n_block; i++) {
		if (write_block(writing, &change->block[i], err) < 0) {
			return -1;
		}
	}
	for (size_t i = 0; i < change->n_dropped; i++) {
		if (drop_block(writing, change->dropped[i], err) < 0) {
			return -1;
		}
	}
	for (size_t i = 0; change->turn && i < (change->n_turn ? change->n_turn : 1); i++) {
		if (write_turn(writing, &change->turn[i], err) < 0) {
			return -1;
		}
	}
	if (change->has_places && write_places(writing, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < change->n_setting; i++) {
		if (write_setting(writing, &change->setting[i], err) < 0) {
			return -1;
		}
	}
	return change->has_head ? write_head(writing, err) : 0;
}

/* End the transaction: 0, or nothing of it is there. */
static int end(struct db *db, int status, struct err *err)
{
	if (status == 0) {
		status = db_run(db, "COMMIT", saving, err);
	}
	if (status < 0 && !sqlite3_get_autocommit(db->sql)) {
		sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	}
	return status;
}

int contents_write(struct db *db, const struct store_change *change, struct err *err)
{
	struct writing writing = {.db = db, .change = change};
	struct state *state = &writing.state;
	int status;

	if (db_run(db, "BEGIN IMMEDIATE", saving, err) < 0) {
		return -1;
	}
	status = state_load(db, state, err);
	if (status == 0 && (status = write_all(&writing, err)) == 0) {
		struct state next = *state;

		next.used_s = time(NULL);
		next.made_s = change->made_s ? change->made_s : next.made_s;
		next.draft = change->draft ? (char *)change->draft : state->draft;
		status = state_save(db, &next, err);
	}
	free(state->draft);
	return end(db, status, err);
}

int contents_write_all(struct db *db, const struct store_contents *contents, struct err *err)
{
	struct store_change change = {
		.block = contents->block,
		.n_block = contents->n_block,
		.place = contents->place,
		.n_place = contents->n_place,
		.head = contents->head,
		.setting = contents->setting,
		.n_setting = contents->n_setting,
	};
	struct writing writing = {.db = db, .change = &change};
	int status;

	if (db_run(db, "BEGIN IMMEDIATE", saving, err) < 0) {
		return -1;
	}
	status = write_all(&writing, err);
	for (size_t i = 0; i < contents->n_turn && status == 0; i++) {
		status = write_turn(&writing, &contents->turn[i], err);
	}
	if (status == 0 && (status = write_places(&writing, err)) == 0 &&
		(status = write_head(&writing, err)) == 0) {
		writing.state.made_s = contents->made_s;
		writing.state.used_s = contents->used_s;
		writing.state.draft = contents->draft;
		status = state_save(db, &writing.state, err);
	}
	return end(db, status, err);
}

/* Freed pages are zeroed as they are freed; pages that rows moved on are only made anew by VACUUM. */
int contents_clean(struct db *db, const char *folder, struct err *err)
{
	struct state state;
	int status = state_load(db, &state, err);

	if (status < 0) {
		return status;
	}
	if (state.is_unclean) {
		state.is_unclean = 0;
		if ((status = folder_remove_repaired(folder, err)) == 0 &&
			(status = db_run(db, "VACUUM", saving, err)) == 0 &&
			(status = db_run(db, "BEGIN IMMEDIATE", saving, err)) == 0 &&
			(status = end(db, state_save(db, &state, err), err)) == 0) {
			status = db_checkpoint(db, err);
		}
	}
	free(state.draft);
	return status;
}
