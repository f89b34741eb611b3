/*
 * What stands in the tables of session.db (store_schema.c), private to session/: of each its columns
 * in their order, on the way in (put) and on the way out (get). What get() makes is the caller's,
 * whether the row held together or not.
 */
#ifndef SESSION_STORE_TABLES_H
#define SESSION_STORE_TABLES_H

#include "session/store.h"
#include "session/store_row.h"

enum table {
	TABLE_STATE,
	TABLE_SETTING,
	TABLE_BLOCK,
	TABLE_PART,
	TABLE_HEADING,
	TABLE_TURN,
	TABLE_CITATION,
	TABLE_PLACE,
	TABLE_COVERAGE, /* from version 2 on */
	N_TABLE
};
const char *table_name(enum table table);

/* Rows that somebody else answers for: how many, and the sum of their checksums. */
struct tally {
	int64_t n;
	struct checksum sum;
};
void tally_add(struct tally *tally, const struct checksum *sum);
void tally_take(struct tally *tally, const struct checksum *sum);
int tally_equal(const struct tally *a, const struct tally *b);

/* The only row of `state`. */
struct state {
	int64_t head, made_s, used_s;
	char *draft;
	int is_unclean; /* what was dropped may have left traces: VACUUM has not been done */
	struct tally setting, block, turn, place;
};
/* What a block and a turn answer for. */
struct block_parts {
	struct tally part, heading;
};

enum { ID_SHIFT = 32 };
#define ID_MAX INT64_C(0x7fffffff) /* of blocks and turns */

/* INSERT into a table, and SELECT * of it: all of it by id, or ids ?1 to ?2. */
int table_insert(struct db *db, sqlite3_stmt **stmt, enum table table, struct err *err);
int table_select(struct db *db, sqlite3_stmt **stmt, enum table table, struct err *err);
int table_select_range(struct db *db, sqlite3_stmt **stmt, enum table table, struct err *err);

void state_put(struct row *row, const struct state *state);
void state_get(struct row *row, struct state *state);
void setting_put(struct row *row, const struct store_setting *setting);
void setting_get(struct row *row, struct store_setting *setting);
/* Without the document's parts and headings. */
void block_put(struct row *row, const struct store_block *block, const struct block_parts *parts);
void block_get(struct row *row, struct store_block *block, struct block_parts *parts);
void part_put(struct row *row, const struct part *part);
void part_get(struct row *row, struct part *part);
void heading_put(struct row *row, const struct heading *heading);
void heading_get(struct row *row, struct heading *heading);
/* Without its citations and coverage, which it answers for together. */
void turn_put(struct row *row, const struct store_turn *turn, const struct tally *parts);
void turn_get(struct row *row, struct store_turn *turn, struct tally *parts);
void citation_put(struct row *row, const struct citation *citation);
void citation_get(struct row *row, struct citation *citation);
void coverage_put(struct row *row, const struct reading_record *reading);
void coverage_get(struct row *row, struct reading_record *reading);
void place_put(struct row *row, const struct store_place *place);
void place_get(struct row *row, struct store_place *place);

#define REPAIR_HINT "carrel sessions repair saves what can be saved"
/* The state, checked; where only its checksum is wrong and the database is lenient, it is there too. */
int state_load(struct db *db, struct state *state, struct err *err);
int state_save(struct db *db, const struct state *state, struct err *err);
/* DB_DAMAGED, and "is damaged: part 7 of block 3"; -1 where it was memory that ran out. */
int row_damaged(const struct row *row, int64_t id, struct err *err);

#endif
