/*
 * What holds together of a damaged session, in a new file in place of the old one.
 *
 * Where the first page is damaged, SQLite finds no table at all. Ours stand in the same order in every
 * session, so the first page of a new one, in front of a copy of the rest, leads to them again.
 */
#include "session/store_sqlite.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEW_FILE      DB_FILE ".new"
#define COPY_FILE     DB_FILE ".copy"
#define REPAIRED_FILE DB_FILE ".repaired"

enum { DAMAGED_MAX = 1000 };

struct repair {
	char *folder;
	struct store_report *report;
	struct store_contents contents;
};

static char *path_in(const struct repair *repair, const char *file, const char *suffix)
{
	return mem_printf("%s/%s%s", repair->folder, file, suffix);
}

static void remove_file(const struct repair *repair, const char *file)
{
	static const char *const suffix[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < ARRAY_LEN(suffix); i++) {
		char *path = path_in(repair, file, suffix[i]);

		unlink(path);
		free(path);
	}
}

/* ---- a copy with a new first page ---- */

static int copy(int from, int to)
{
	ssize_t n;

	do {
		n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0);
	} while (n > 0);
	return n < 0 ? -1 : 0;
}

/* 0, or errno. */
static int copy_file(const struct repair *repair, const char *suffix)
{
	char *from_path = path_in(repair, DB_FILE, suffix);
	char *to_path = path_in(repair, COPY_FILE, suffix);
	int from = open(from_path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int to = open(to_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int failed = from < 0 || to < 0 || copy(from, to) < 0 ? errno : 0;

	if (from >= 0) {
		close(from);
	}
	if (to >= 0) {
		close(to);
	}
	free(from_path);
	free(to_path);
	return failed;
}

/*
 * Of the new file, which is as the steps of the schema left it; how many pages there are is the old's, or,
 * where its end is gone, as many as the tables begin on.
 */
static int replace_first_page(const struct repair *repair)
{
	char *new_path = path_in(repair, NEW_FILE, ""), *path = path_in(repair, COPY_FILE, "");
	int from = open(new_path, O_RDONLY | O_CLOEXEC), to = open(path, O_WRONLY | O_CLOEXEC);
	unsigned char page[DB_PAGE_BYTES];
	struct stat st, made;
	int failed = 0;

	if (from < 0 || to < 0 || fstat(from, &made) < 0 || fstat(to, &st) < 0 ||
		pread(from, page, sizeof(page), 0) != sizeof(page)) {
		failed = errno ? errno : EIO;
	} else {
		off_t n_bytes = st.st_size > made.st_size ? st.st_size : made.st_size;
		uint32_t n_page = (uint32_t)((n_bytes + DB_PAGE_BYTES - 1) / DB_PAGE_BYTES);

		for (int i = 0; i < 4; i++) {
			page[28 + i] = (unsigned char)(n_page >> (24 - 8 * i));
		}
		failed = pwrite(to, page, sizeof(page), 0) == sizeof(page) &&
					 ftruncate(to, (off_t)n_page * DB_PAGE_BYTES) == 0
				 ? 0
				 : errno;
	}
	if (from >= 0) {
		close(from);
	}
	if (to >= 0) {
		close(to);
	}
	free(new_path);
	free(path);
	return failed;
}

static int read_copy(struct repair *repair, struct err *err)
{
	struct db db;
	int failed, status;

	remove_file(repair, COPY_FILE);
	failed = copy_file(repair, "");
	if (!failed && (failed = copy_file(repair, "-wal")) == ENOENT) {
		failed = 0;
	}
	if (!failed) {
		failed = replace_first_page(repair);
	}
	if (failed) {
		return err_set_errno(
			err, ERR_FAILURE, failed, repair->folder, "cannot be repaired");
	}
	status = db_open(&db, repair->folder, COPY_FILE, DB_READ, err);
	if (status == 0) {
		status = contents_read(&db, &repair->contents, repair->report, err);
		db_close(&db);
	}
	return status;
}

/* ---- what there is ---- */

static void tell(struct repair *repair, const char *sentence)
{
	repair->report->n_damaged++;
	repair->report->damage(repair->report->arg, sentence);
}

static int nothing_saved(const struct repair *repair, struct err *err)
{
	char *path = path_in(repair, DB_FILE, "");

	err_set(err, ERR_FAILURE, path,
		"the file stays as it is; load its sources into a new session",
		"is damaged, and nothing of it could be saved");
	free(path);
	return -1;
}

/* The pages are looked at last: what they lack is mostly told as rows already. */
static int read_old(struct repair *repair, struct err *err)
{
	struct err own = {0};
	struct db db;
	int status = db_open(&db, repair->folder, DB_FILE, DB_READ, &own);

	if (status == 0) {
		status = contents_read(&db, &repair->contents, repair->report, &own);
		if (status == 0 && repair->report->n_damaged == 0) {
			status = pages_check(&db, repair->report, &own);
		}
		db_close(&db);
	}
	if (status == DB_DAMAGED) {
		tell(repair, own.what);
		status = read_copy(repair, &own);
		remove_file(repair, COPY_FILE);
	}
	if (status == DB_DAMAGED ||
		(status == 0 && repair->report->n_damaged && !repair->contents.n_setting &&
			!repair->contents.n_block && !repair->contents.n_turn)) {
		return nothing_saved(repair, err);
	}
	if (status < 0 && err) {
		*err = own;
	}
	return status;
}

static int make_new(struct repair *repair, struct db *db, struct err *err)
{
	remove_file(repair, NEW_FILE);
	if (folder_make_file(repair->folder, NEW_FILE, err) < 0 ||
		db_create(db, repair->folder, NEW_FILE, err) < 0) {
		return -1;
	}
	return schema_upgrade(db, schema_steps, schema_newest, err) < 0 ||
			       db_checkpoint(db, err) < 0
		       ? -1
		       : 0;
}

/* ---- the new file in place of the old one ---- */

/* "session.db.damaged-1": the first number that is free; a link, so that nothing is ever missing. */
static int keep_old(const struct repair *repair)
{
	char *old = path_in(repair, DB_FILE, ""), *log = path_in(repair, DB_FILE, "-wal");
	int failed = EEXIST;

	for (int i = 1; i <= DAMAGED_MAX && failed == EEXIST; i++) {
		char *kept = mem_printf("%s.damaged-%d", old, i);
		char *kept_log = mem_printf("%s-wal", kept);

		failed = link(old, kept) < 0 ? errno : 0;
		if (!failed && link(log, kept_log) < 0 && errno != ENOENT) {
			failed = errno;
		}
		free(kept);
		free(kept_log);
	}
	free(old);
	free(log);
	return failed;
}

static int rename_file(const struct repair *repair, const char *from, const char *to)
{
	char *from_path = path_in(repair, from, ""), *to_path = path_in(repair, to, "");
	int failed = rename(from_path, to_path) < 0 ? errno : 0;

	free(from_path);
	free(to_path);
	return failed;
}

/*
 * The old one's log must not be there any more when the new one is, nor be gone before it: once the new
 * one is called REPAIRED_FILE, whoever has the lock goes on to the end.
 */
static int take_repaired(const struct repair *repair, struct err *err)
{
	static const char *const beside[] = {"-wal", "-shm"};
	int failed = 0;

	for (size_t i = 0; i < ARRAY_LEN(beside) && !failed; i++) {
		char *path = path_in(repair, DB_FILE, beside[i]);

		failed = unlink(path) < 0 && errno != ENOENT ? errno : 0;
		free(path);
	}
	if (!failed && folder_sync(repair->folder, err) < 0) {
		return -1;
	}
	failed = failed ? failed : rename_file(repair, REPAIRED_FILE, DB_FILE);
	return failed ? err_set_errno(
				err, ERR_FAILURE, failed, repair->folder, "cannot be repaired")
		      : folder_sync(repair->folder, err);
}

static int replace_old(const struct repair *repair, struct err *err)
{
	int failed = keep_old(repair);

	failed = failed ? failed : rename_file(repair, NEW_FILE, REPAIRED_FILE);
	if (failed) {
		return err_set_errno(
			err, ERR_FAILURE, failed, repair->folder, "cannot be repaired");
	}
	return folder_sync(repair->folder, err) < 0 ? -1 : take_repaired(repair, err);
}

int repair_end(const char *folder, struct err *err)
{
	struct repair repair = {.folder = (char *)folder};
	char *path = path_in(&repair, REPAIRED_FILE, "");
	int is_there = access(path, F_OK) == 0;

	free(path);
	return is_there ? take_repaired(&repair, err) : 0;
}

static void ignore(void *arg, const char *sentence)
{
}

/* What was written, read once more: how many rows it has. */
static int count_rows(struct repair *repair, struct db *db, struct err *err)
{
	struct store_report report = {.damage = ignore};
	struct store_contents contents;

	if (contents_read(db, &contents, &report, err) < 0) {
		return -1;
	}
	store_contents_finish(&contents);
	repair->report->n_row = report.n_row;
	return 0;
}

static int repair_locked(struct repair *repair, struct err *err)
{
	struct db db = {0};
	int status = make_new(repair, &db, err);

	if (status == 0 && (status = read_old(repair, err)) == 0 && repair->report->n_damaged) {
		status = contents_write_all(&db, &repair->contents, err) < 0 ||
					 db_checkpoint(&db, err) < 0 ||
					 count_rows(repair, &db, err) < 0
				 ? -1
				 : 0;
		db_close(&db);
		if (status == 0) {
			status = replace_old(repair, err);
		}
	}
	db_close(&db);
	store_contents_finish(&repair->contents);
	remove_file(repair, NEW_FILE);
	return status < 0 ? -1 : 0;
}

int store_repair(const char *folder, struct store_report *report, struct err *err)
{
	struct repair repair = {.report = report};
	int fd, status;

	repair.folder = folder_resolve(folder, ERR_FAILURE, err);
	if (!repair.folder) {
		return -1;
	}
	report->n_row = report->n_damaged = 0;
	status = store_lock(repair.folder, &fd, err);
	if (status == 0) {
		status = repair_end(repair.folder, err);
		if (status == 0) {
			status = repair_locked(&repair, err);
		}
		close(fd);
	}
	free(repair.folder);
	return status;
}
