#include "session/store_scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int scan_room(void **array, size_t n, size_t *cap, size_t size)
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

int scan_no_memory(const struct db *db, struct err *err)
{
	return err_set(err, ERR_FAILURE, db->path, "free some memory", "does not fit into memory");
}

/* ---- damage ---- */

int scan_tell(struct reading *reading, const struct err *own, struct err *err)
{
	if (!reading->report) {
		if (err) {
			*err = *own;
		}
		return DB_DAMAGED;
	}
	reading->report->n_damaged++;
	reading->report->damage(reading->report->arg, own->what);
	return 0;
}

/* `name`: what people call it; NULL: what its table does. */
static int tell_row(struct reading *reading, const struct row *row, int64_t id, const char *name,
	struct err *err)
{
	struct err own;

	row_damaged(row, id, &own);
	if (name) {
		err_set(&own, ERR_FAILURE, reading->db->path, REPAIR_HINT, "is damaged: %s", name);
	}
	return scan_tell(reading, &own, err);
}

int scan_tell_missing(struct reading *reading, const char *what, int64_t id, struct err *err)
{
	struct err own;
	char of[32] = "";

	if (id) {
		snprintf(of, sizeof(of), " %lld", (long long)id);
	}
	err_set(&own, ERR_FAILURE, reading->db->path, REPAIR_HINT,
		"is damaged: %s%s are not all there", what, of);
	return scan_tell(reading, &own, err);
}

/* ---- rows of a table, one after the other ---- */

/* How many ids are looked for, one by one, behind pages that cannot be read. */
enum { MISSES_MAX = 1 << 16 };

int scan_open(struct scan *scan, struct reading *reading, enum table table, struct err *err)
{
	*scan = (struct scan){.reading = reading, .table = table_name(table)};
	return table_select_range(reading->db, &scan->stmt, table, err);
}

static int bind(struct scan *scan, int64_t first, int64_t last, struct err *err)
{
	sqlite3_reset(scan->stmt);
	return sqlite3_bind_int64(scan->stmt, 1, first) == SQLITE_OK &&
			       sqlite3_bind_int64(scan->stmt, 2, last) == SQLITE_OK
		       ? 0
		       : db_fail(scan->reading->db, "cannot be read", err);
}

int64_t scan_likely(const struct reading *reading, const struct tally *tally)
{
	return reading->lacks_state ? MISSES_MAX / 16 : 2 * tally->n + 64;
}

int scan_range(struct scan *scan, int64_t first, int64_t last, int64_t n, struct err *err)
{
	scan->next = first;
	scan->last = last;
	scan->likely = n < last - first ? first + n - 1 : last;
	scan->is_broken = scan->n_bad = 0;
	scan->found = (struct tally){0};
	return bind(scan, first, last, err);
}

void scan_name(struct scan *scan, char *name)
{
	free(scan->name);
	scan->name = name;
}

void scan_close(struct scan *scan)
{
	free(scan->name);
	sqlite3_finalize(scan->stmt);
}

static int next_row(struct scan *scan, struct err *err)
{
	return row_next(&scan->row, scan->reading->db, scan->stmt, scan->table, &scan->id, err);
}

/* The rows that can still be found. */
static int next_found(struct scan *scan)
{
	while (scan->next <= scan->likely && scan->reading->n_miss < MISSES_MAX) {
		int64_t id = scan->next++;

		if (bind(scan, id, id, NULL) == 0 && next_row(scan, NULL) == 1 && scan->id == id) {
			return 1;
		}
		scan->reading->n_miss++;
	}
	return 0;
}

int scan_next(struct scan *scan, struct err *err)
{
	struct err own = {0};
	int status;

	if (scan->is_broken) {
		return next_found(scan);
	}
	status = next_row(scan, &own);
	if (status == 1 && (scan->id < scan->next || scan->id > scan->last)) {
		status = row_damaged(&scan->row, scan->id, &own);
	}
	if (status == 1) {
		scan->next = scan->id + 1;
	}
	if (status >= 0) {
		return status;
	}
	if (status != DB_DAMAGED || !scan->reading->report) {
		if (err) {
			*err = own;
		}
		return status;
	}
	err_set(&own, ERR_FAILURE, NULL, NULL, "is damaged: a page of the table \"%s\"",
		scan->table);
	scan_tell(scan->reading, &own, err);
	scan->is_broken = scan->n_bad = 1;
	return next_found(scan);
}

int scan_check(struct scan *scan, int is_sound, struct err *err)
{
	if (scan->reading->report) {
		scan->reading->report->n_row++;
	}
	if (row_check(&scan->row, &scan->sum) == 0 && is_sound) {
		tally_add(&scan->found, &scan->sum);
		return 1;
	}
	if (scan->row.lacks_memory) {
		return scan_no_memory(scan->reading->db, err);
	}
	scan->n_bad++;
	return tell_row(scan->reading, &scan->row, scan->id, scan->name, err);
}

int scan_end(struct scan *scan, const struct tally *expected, const char *what, int64_t id,
	struct err *err)
{
	return scan->reading->db->ignores_checksum || scan->n_bad ||
			       tally_equal(&scan->found, expected)
		       ? 0
		       : scan_tell_missing(scan->reading, what, id, err);
}
