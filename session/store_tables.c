#include "session/store_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name, *insert, *select, *select_range;
} tables[N_TABLE] = {
#define TABLE(name, values)                                                                        \
	{                                                                                          \
		name, "INSERT INTO " name " VALUES(" values ")",                                   \
			"SELECT * FROM " name " ORDER BY id",                                      \
			"SELECT * FROM " name " WHERE id BETWEEN ?1 AND ?2 ORDER BY id"            \
	}
	[TABLE_STATE] = TABLE("state", "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"),
	[TABLE_SETTING] = TABLE("setting", "?,?,?,?"),
	[TABLE_BLOCK] = TABLE("block", "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"),
	[TABLE_PART] = TABLE("part", "?,?,?,?,?,?,?,?"),
	[TABLE_HEADING] = TABLE("heading", "?,?,?,?,?,?"),
	[TABLE_TURN] = TABLE("turn", "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"),
	[TABLE_CITATION] = TABLE("citation", "?,?,?,?,?,?,?,?,?,?,?,?,?,?"),
	[TABLE_PLACE] = TABLE("place", "?,?,?,?"),
	[TABLE_COVERAGE] = TABLE("coverage", "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"),
#undef TABLE
};

const char *table_name(enum table table)
{
	return tables[table].name;
}

int table_insert(struct db *db, sqlite3_stmt **stmt, enum table table, struct err *err)
{
	return db_prepare(db, stmt, tables[table].insert, "cannot be saved", err);
}

int table_select(struct db *db, sqlite3_stmt **stmt, enum table table, struct err *err)
{
	return db_prepare(db, stmt, tables[table].select, "cannot be read", err);
}

int table_select_range(struct db *db, sqlite3_stmt **stmt, enum table table, struct err *err)
{
	return db_prepare(db, stmt, tables[table].select_range, "cannot be read", err);
}

void tally_add(struct tally *tally, const struct checksum *sum)
{
	tally->n++;
	checksum_toggle(&tally->sum, sum);
}

void tally_take(struct tally *tally, const struct checksum *sum)
{
	tally->n--;
	checksum_toggle(&tally->sum, sum);
}

int tally_equal(const struct tally *a, const struct tally *b)
{
	return a->n == b->n && checksum_equal(&a->sum, &b->sum);
}

static void tally_put(struct row *row, const struct tally *tally)
{
	row_add_int(row, tally->n);
	row_add_bytes(row, tally->sum.byte, sizeof(tally->sum.byte));
}

static void tally_get(struct row *row, struct tally *tally)
{
	const void *bytes;
	size_t len;

	tally->n = row_int_in(row, 0, INT64_C(1) << ID_SHIFT);
	bytes = row_bytes(row, &len);
	if (len == sizeof(tally->sum.byte)) {
		memcpy(tally->sum.byte, bytes, len);
	} else {
		row->is_bad = 1;
	}
}

/* A text that must be there. */
static char *some_text(struct row *row)
{
	char *text = row_text(row);

	row->is_bad |= !text;
	return text;
}

static int64_t count_get(struct row *row)
{
	return row_int_in(row, 0, INT64_MAX);
}

void state_put(struct row *row, const struct state *state)
{
	row_add_int(row, state->head);
	row_add_int(row, state->made_s);
	row_add_int(row, state->used_s);
	row_add_text(row, state->draft);
	row_add_int(row, state->is_unclean);
	tally_put(row, &state->setting);
	tally_put(row, &state->block);
	tally_put(row, &state->turn);
	tally_put(row, &state->place);
}

void state_get(struct row *row, struct state *state)
{
	*state = (struct state){0};
	state->head = row_int_in(row, 0, ID_MAX);
	state->made_s = row_int(row);
	state->used_s = row_int(row);
	state->draft = some_text(row);
	state->is_unclean = (int)row_int_in(row, 0, 1);
	tally_get(row, &state->setting);
	tally_get(row, &state->block);
	tally_get(row, &state->turn);
	tally_get(row, &state->place);
}

void setting_put(struct row *row, const struct store_setting *setting)
{
	row_add_text(row, setting->key);
	row_add_text(row, setting->value);
}

void setting_get(struct row *row, struct store_setting *setting)
{
	setting->key = some_text(row);
	setting->value = some_text(row);
}

void block_put(struct row *row, const struct store_block *block, const struct block_parts *parts)
{
	const struct document *document = &block->document;

	row_add_int(row, block->number);
	row_add_int(row, block->is_update);
	row_add_int(row, block->is_dropped);
	row_add_int(row, document->kind);
	row_add_text(row, document->name);
	row_add_text(row, document->origin);
	row_add_text(row, document->rev);
	row_add_int(row, document->n_pages);
	row_add_int(row, document->running.n_lines);
	row_add_int(row, document->running.n_pages);
	row_add_int(row, document->running.are_dropped);
	row_add_int(row, block->tokens);
	row_add_int(row, block->loaded_s);
	tally_put(row, &parts->part);
	tally_put(row, &parts->heading);
}

void block_get(struct row *row, struct store_block *block, struct block_parts *parts)
{
	struct document *document = &block->document;

	*block = (struct store_block){0};
	block->number = row_int_in(row, 1, ID_MAX);
	block->is_update = (int)row_int_in(row, 0, 1);
	block->is_dropped = (int)row_int_in(row, 0, 1);
	document->kind = (enum document_kind)row_int_in(row, DOCUMENT_TEXT, DOCUMENT_TRANSCRIPT);
	document->name = row_text(row);
	document->origin = row_text(row);
	document->rev = row_text(row);
	document->n_pages = count_get(row);
	document->running.n_lines = count_get(row);
	document->running.n_pages = count_get(row);
	document->running.are_dropped = (int)row_int_in(row, 0, 1);
	block->tokens = row_int_in(row, -1, INT64_MAX);
	block->loaded_s = row_int(row);
	tally_get(row, &parts->part);
	tally_get(row, &parts->heading);
}

void part_put(struct row *row, const struct part *part)
{
	row_add_text(row, part->place.path);
	row_add_int(row, part->place.page);
	row_add_text(row, part->place.label);
	row_add_int(row, part->place.time_ms);
	row_add_text(row, part->place.speaker);
	row_add_bytes(row, part->text ? part->text : "", part->len);
}

void part_get(struct row *row, struct part *part)
{
	part->place.path = row_text(row);
	part->place.page = count_get(row);
	part->place.label = row_text(row);
	part->place.time_ms = row_int_in(row, -1, INT64_MAX);
	part->place.speaker = row_text(row);
	part->text = row_copy(row, &part->len);
}

void heading_put(struct row *row, const struct heading *heading)
{
	row_add_text(row, heading->title);
	row_add_int(row, heading->level);
	row_add_int(row, (int64_t)heading->part);
	row_add_int(row, heading->line);
}

void heading_get(struct row *row, struct heading *heading)
{
	heading->title = some_text(row);
	heading->level = (int)row_int_in(row, 0, INT32_MAX);
	heading->part = (size_t)count_get(row);
	heading->line = count_get(row);
}

static void usage_put(struct row *row, const struct engine_usage *usage)
{
	row_add_int(row, usage->prompt_tok);
	row_add_int(row, usage->cached_tok);
	row_add_int(row, usage->prefill_tok);
	row_add_int(row, usage->generated_tok);
	row_add_int(row, usage->disk_tok);
	row_add_int(row, usage->thinking_tok);
	row_add_real(row, usage->restore_ms);
	row_add_real(row, usage->prefill_ms);
	row_add_real(row, usage->first_token_ms);
	row_add_real(row, usage->decode_ms);
}

static void usage_get(struct row *row, struct engine_usage *usage)
{
	usage->prompt_tok = count_get(row);
	usage->cached_tok = count_get(row);
	usage->prefill_tok = count_get(row);
	usage->generated_tok = count_get(row);
	usage->disk_tok = count_get(row);
	usage->thinking_tok = count_get(row);
	usage->restore_ms = row_real(row);
	usage->prefill_ms = row_real(row);
	usage->first_token_ms = row_real(row);
	usage->decode_ms = row_real(row);
}

/* Ids as 32 bits each, little-endian, as this machine has them. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "ids are stored as they are in memory");

static void ids_get(struct row *row, struct store_turn *turn)
{
	size_t len;
	const void *bytes = row_bytes(row, &len);

	turn->n_ids = len / sizeof(*turn->ids);
	turn->ids = malloc(len + 1);
	row->lacks_memory |= !turn->ids;
	if (!turn->ids || !bytes || len % sizeof(*turn->ids)) {
		row->is_bad = 1;
		turn->n_ids = 0;
		return;
	}
	memcpy(turn->ids, bytes, len);
}

void turn_put(struct row *row, const struct store_turn *turn, const struct tally *parts)
{
	row_add_int(row, turn->parent);
	row_add_int(row, turn->asked_s);
	row_add_int(row, turn->open);
	row_add_int(row, turn->stop);
	usage_put(row, &turn->usage);
	row_add_text(row, turn->model_name);
	row_add_text(row, turn->model_digest);
	row_add_text(row, turn->tokenizer_digest);
	tally_put(row, parts);
	row_add_bytes(row, turn->question ? turn->question : "", turn->question_len);
	row_add_bytes(row, turn->text ? turn->text : "", turn->text_len);
	row_add_bytes(row, turn->thinking ? turn->thinking : "", turn->thinking_len);
	row_add_bytes(
		row, turn->ids ? (const void *)turn->ids : "", turn->n_ids * sizeof(*turn->ids));
}

void turn_get(struct row *row, struct store_turn *turn, struct tally *parts)
{
	*turn = (struct store_turn){0};
	turn->parent = row_int_in(row, 0, ID_MAX);
	turn->asked_s = row_int(row);
	turn->open = (enum prompt_mark)row_int_in(row, PROMPT_BEGIN, PROMPT_MODEL_OPEN_NO_THINK);
	turn->stop = (enum engine_stop)row_int_in(row, ENGINE_STOP_END, ENGINE_STOP_CANCELLED);
	usage_get(row, &turn->usage);
	turn->model_name = row_text(row);
	row_digest(row, turn->model_digest);
	row_digest(row, turn->tokenizer_digest);
	tally_get(row, parts);
	turn->question = row_copy(row, &turn->question_len);
	turn->text = row_copy(row, &turn->text_len);
	turn->thinking = row_copy(row, &turn->thinking_len);
	ids_get(row, turn);
}

void citation_put(struct row *row, const struct citation *citation)
{
	row_add_text(row, citation->text ? citation->text : "");
	row_add_text(row, citation->source);
	row_add_text(row, citation->path);
	row_add_int(row, citation->page);
	row_add_text(row, citation->label);
	row_add_int(row, citation->time_ms);
	row_add_text(row, citation->speaker);
	row_add_int(row, citation->line_first);
	row_add_int(row, citation->line_last);
	row_add_int(row, citation->verdict);
	row_add_int(row, citation->superseded);
	row_add_int(row, (int64_t)citation->answer_offset);
}

void citation_get(struct row *row, struct citation *citation)
{
	*citation = (struct citation){0};
	citation->text = some_text(row);
	citation->source = row_text(row);
	citation->path = row_text(row);
	citation->page = count_get(row);
	citation->label = row_text(row);
	citation->time_ms = row_int_in(row, -1, INT64_MAX);
	citation->speaker = row_text(row);
	citation->line_first = count_get(row);
	citation->line_last = count_get(row);
	citation->verdict = (enum verdict)row_int_in(row, VERDICT_VERIFIED, VERDICT_NOT_FOUND);
	citation->superseded = (int)row_int_in(row, 0, 1);
	citation->answer_offset = (size_t)count_get(row);
}

void coverage_put(struct row *row, const struct reading_record *reading)
{
	const struct session_coverage *coverage = &reading->coverage;

	row_add_int(row, coverage->over);
	row_add_int(row, coverage->n_window);
	row_add_int(row, coverage->n_read);
	row_add_int(row, coverage->n_chunk);
	row_add_int(row, coverage->n_chunk_read);
	row_add_int(row, coverage->total_tok);
	row_add_int(row, coverage->read_tok);
	row_add_int(row, coverage->n_find);
	row_add_int(row, coverage->n_find_used);
	row_add_int(row, coverage->n_turn);
	row_add_int(row, coverage->n_turn_read);
	row_add_int(row, coverage->is_stopped);
	usage_put(row, &reading->usage);
	row_add_real(row, reading->reading_ms);
}

/* Of two counts the second is one of a part. */
static void counts_get(struct row *row, int64_t *all, int64_t *some)
{
	*all = count_get(row);
	*some = row_int_in(row, 0, *all);
}

void coverage_get(struct row *row, struct reading_record *reading)
{
	struct session_coverage *coverage = &reading->coverage;

	*reading = (struct reading_record){0};
	coverage->over = (enum session_over)row_int_in(row, SESSION_OVER_SWEEP, SESSION_OVER_AUTO);
	counts_get(row, &coverage->n_window, &coverage->n_read);
	counts_get(row, &coverage->n_chunk, &coverage->n_chunk_read);
	counts_get(row, &coverage->total_tok, &coverage->read_tok);
	counts_get(row, &coverage->n_find, &coverage->n_find_used);
	counts_get(row, &coverage->n_turn, &coverage->n_turn_read);
	coverage->is_stopped = (int)row_int_in(row, 0, 1);
	usage_get(row, &reading->usage);
	reading->reading_ms = row_real(row);
}

void place_put(struct row *row, const struct store_place *place)
{
	row_add_int(row, place->turn);
	row_add_int(row, place->block);
}

void place_get(struct row *row, struct store_place *place)
{
	place->turn = row_int_in(row, STORE_WAITING, ID_MAX);
	place->block = row_int_in(row, 1, ID_MAX);
}

int row_damaged(const struct row *row, int64_t id, struct err *err)
{
	int64_t owner = id >> ID_SHIFT, index = id & (((int64_t)1 << ID_SHIFT) - 1);
	char where[32] = "";

	if (row->lacks_memory) {
		return err_set(err, ERR_FAILURE, row->db->path, "free some memory",
			"does not fit into memory");
	}
	if (strcmp(row->table, "state") == 0) {
		err_set(err, ERR_FAILURE, row->db->path, REPAIR_HINT, "is damaged: its first row");
		return DB_DAMAGED;
	}
	if (strcmp(row->table, "coverage") == 0) {
		err_set(err, ERR_FAILURE, row->db->path, REPAIR_HINT,
			"is damaged: how turn %lld was read", (long long)id);
		return DB_DAMAGED;
	}
	if (owner) {
		snprintf(where, sizeof(where), " of %s %lld",
			strcmp(row->table, "citation") == 0 ? "turn" : "block", (long long)owner);
	}
	err_set(err, ERR_FAILURE, row->db->path, REPAIR_HINT, "is damaged: %s %lld%s", row->table,
		(long long)(owner ? index + 1 : index), where);
	return DB_DAMAGED;
}

int state_load(struct db *db, struct state *state, struct err *err)
{
	sqlite3_stmt *stmt;
	struct row row;
	int64_t id;
	int status, is_legible = 0;

	*state = (struct state){0};
	status = table_select(db, &stmt, TABLE_STATE, err);
	if (status < 0) {
		return status;
	}
	status = row_next(&row, db, stmt, "state", &id, err);
	if (status == 1) {
		state_get(&row, state);
		status = row_check(&row, NULL) < 0 || id != 1 ? row_damaged(&row, id, err) : 0;
		is_legible = !row.is_bad;
	} else if (status == 0) {
		row = (struct row){.db = db, .table = "state"};
		status = row_damaged(&row, 1, err);
	}
	if (status < 0 && !(db->is_lenient && is_legible)) {
		free(state->draft);
		*state = (struct state){0};
	}
	sqlite3_finalize(stmt);
	return status;
}

int state_save(struct db *db, const struct state *state, struct err *err)
{
	sqlite3_stmt *stmt;
	struct row row;
	int status;

	if (db_run(db, "DELETE FROM state", "cannot be saved", err) < 0 ||
		table_insert(db, &stmt, TABLE_STATE, err) < 0) {
		return -1;
	}
	row_begin(&row, db, stmt, "state", 1);
	state_put(&row, state);
	status = row_store(&row, NULL, err);
	sqlite3_finalize(stmt);
	return status;
}
