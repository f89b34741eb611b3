/*
 * Reading the rows of a damaged or sound session one after the other, private to session/: what is
 * found is checked and counted, what does not hold together is told.
 */
#ifndef SESSION_STORE_SCAN_H
#define SESSION_STORE_SCAN_H

#include "session/store_sqlite.h"

#include <stdint.h>

#define IDS ((int64_t)1 << ID_SHIFT) /* of one owner */

struct reading {
	struct db *db;
	struct store_contents *out;
	struct store_report *report; /* NULL: the first damage is an error */
	struct state state;
	int lacks_state;  /* so nobody says what there has to be */
	int lacks_places; /* some of them are not known any more */
	int64_t n_miss;   /* ids that were looked for in broken tables, in vain */
};

/* Room for one more in an array whose size the file decides: 0 or -1. */
int scan_room(void **array, size_t n, size_t *cap, size_t size);
#define ROOM(array, n, cap) scan_room((void **)&(array), (n), &(cap), sizeof(*(array)))
int scan_no_memory(const struct db *db, struct err *err);

/* Damage of which `own` tells: the error, or 0 where it was reported. */
int scan_tell(struct reading *reading, const struct err *own, struct err *err);
/* "is damaged: the parts of block 3 are not all there" */
int scan_tell_missing(struct reading *reading, const char *what, int64_t id, struct err *err);

/* Rows of a table. */
struct scan {
	struct reading *reading;
	const char *table;
	sqlite3_stmt *stmt;
	struct row row;
	int64_t id;
	struct checksum sum;
	struct tally found;
	int64_t next, last;
	int64_t likely; /* ids above it are not looked for one by one */
	int is_broken;  /* the table is: each id is looked for by itself */
	int n_bad;
	char *name; /* of the row at hand; NULL: as its table has it */
};
int scan_open(struct scan *scan, struct reading *reading, enum table table, struct err *err);
void scan_close(struct scan *scan);
/* How many rows there may be, of a table whose ids rise by one but for what was deleted. */
int64_t scan_likely(const struct reading *reading, const struct tally *tally);
/* Ids first to last; their owner says that there are `n`. */
int scan_range(struct scan *scan, int64_t first, int64_t last, int64_t n, struct err *err);
/* What people call the row at hand, taken over. */
void scan_name(struct scan *scan, char *name);
/* Whether there is one more: 1, 0, or negative. Ids rise, whatever the pages say: it ends. */
int scan_next(struct scan *scan, struct err *err);
/*
 * Whether the row at hand is to be taken, when all its columns were read: 1, 0 (reported), or negative.
 * `is_sound` is what the caller says of its references.
 */
int scan_check(struct scan *scan, int is_sound, struct err *err);
/* At the end of a range: whether it is what its owner says; what was reported is not told again. */
int scan_end(struct scan *scan, const struct tally *expected, const char *what, int64_t id,
	struct err *err);

#endif
