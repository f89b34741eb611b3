/* Sessions in SQLite: opening, closing, and what a failure of the disk leaves. */
#include "session/store_sqlite.h"

#include "base/mem.h"
#include "session/search.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct store_sqlite *sqlite_of(struct store *store)
{
	return (struct store_sqlite *)store;
}

/* ---- what a store does ---- */

static int read_once(struct db *db, void *arg, struct err *err)
{
	struct store_contents *out = arg;

	store_contents_finish(out); /* of the time before */
	return contents_read(db, out, NULL, err);
}

static int read_sqlite(struct store *base, struct store_contents *out, struct err *err)
{
	struct store_sqlite *store = sqlite_of(base);

	*out = (struct store_contents){0};
	return store->mode == STORE_WRITE ? contents_read(&store->db, out, NULL, err)
					  : db_read_session(base->folder, read_once, out, err);
}

/* What the disk did not take may be neither there nor gone: no later change stands on it. */
static void stop_writing(struct store_sqlite *store, struct err *err)
{
	char what[sizeof(err->what)];

	snprintf(what, sizeof(what), "%s", err->what);
	err_set(err, err->code, store->db.path,
		"what was saved before is there: look at the disk, then open the session again",
		"%.300s; nothing more is saved in it", what);
	store->stopped = *err;
}

/*
 * The log is emptied into the file at once: SQLite reads a log up to its first bad frame and does not
 * say what stood behind it, so what was saved must not be there alone for longer than this moment.
 * It is safe in the log by now: a failure here is told by the next change.
 */
static void tidy(struct store_sqlite *store, const struct store_change *change)
{
	struct err err = {0};
	int status = 0;

	if (change->n_dropped) {
		search_forget(store->base.folder); /* made since by a search that read before */
		status = contents_clean(&store->db, store->base.folder, &err);
	}
	if (status == 0 || !store->db.has_disk_failed) {
		status = db_checkpoint_now(&store->db, &err);
	}
	if (status < 0 && store->db.has_disk_failed) {
		stop_writing(store, &err);
	}
}

static int commit_sqlite(struct store *base, const struct store_change *change, struct err *err)
{
	struct store_sqlite *store = sqlite_of(base);
	struct err own = {0};

	if (store->mode != STORE_WRITE) {
		return err_set(err, ERR_FAILURE, base->folder, NULL, "is open for reading only");
	}
	if (change->n_dropped) {
		search_forget(base->folder);
	}
	if (!store->stopped.code && contents_write(&store->db, change, &own) == 0) {
		tidy(store, change);
		return 0;
	}
	if (store->stopped.code) {
		own = store->stopped;
	} else if (store->db.has_disk_failed) {
		stop_writing(store, &own);
	}
	if (err) {
		*err = own;
	}
	return -1;
}

static void close_sqlite(struct store *base)
{
	struct store_sqlite *store = sqlite_of(base);

	db_close(&store->db);
	if (store->lock_fd >= 0) {
		close(store->lock_fd);
	}
	free(base->folder);
	free(store);
}

/* ---- opening ---- */

/* Takes `folder`, which is resolved. */
static struct store_sqlite *new_store(char *folder, enum store_mode mode)
{
	static const struct store_ops ops = {read_sqlite, commit_sqlite, close_sqlite};
	struct store_sqlite *store = mem_zero(1, sizeof(*store));

	store->base.ops = &ops;
	store->base.folder = folder;
	snprintf(store->base.id, sizeof(store->base.id), "%.16s", strrchr(folder, '/') + 1);
	store->mode = mode;
	store->lock_fd = -1;
	return store;
}

/* session "NAME" is in use */
static int in_use(const char *folder, int64_t pid, struct err *err)
{
	struct store_figures figures = {0};
	const char *name = strrchr(folder, '/') + 1;
	char who[32] = "";

	if (store_figures(&figures, folder, NULL) == 0 && figures.name[0]) {
		name = figures.name;
	}
	if (pid > 0) {
		snprintf(who, sizeof(who), " (pid %lld)", (long long)pid);
	}
	err_set(err, ERR_FAILURE, NULL, "close it there, or begin another with -s NAME",
		"session \"%s\" is in use by another carrel%s", name, who);
	store_figures_finish(&figures);
	return -1;
}

int store_lock(const char *folder, int *fd, struct err *err)
{
	int64_t pid = 0;
	int status = folder_lock(folder, fd, &pid, err);

	if (status != 0) {
		*fd = -1;
	}
	return status == 1 ? in_use(folder, pid, err) : status;
}

static int look(struct db *db, void *arg, struct err *err)
{
	return 0;
}

/*
 * What is in the log goes to the file first: a log whose sync failed before may read well from
 * memory without being on the disk. Where there is no space for that, or a reader in the way, it is
 * for the next time, as is what a drop left to be done.
 */
static int open_to_write(struct store_sqlite *store, struct err *err)
{
	struct db *db = &store->db;

	if (db_open(db, store->base.folder, DB_FILE, DB_WRITE, err) < 0 ||
		schema_upgrade(db, schema_steps, schema_newest, err) < 0) {
		return -1;
	}
	if ((db_checkpoint(db, err) < 0 || contents_clean(db, store->base.folder, err) < 0) &&
		db->has_disk_failed) {
		return -1;
	}
	return 0;
}

int store_open(struct store **out, const char *folder, enum store_mode mode, struct err *err)
{
	char *path = folder_resolve(folder, ERR_FAILURE, err);
	struct store_sqlite *store;

	if (!path) {
		return -1;
	}
	store = new_store(path, mode);
	/* Read first: what is refused is not touched, nor what is beside it. */
	if ((mode == STORE_WRITE &&
		    (store_lock(path, &store->lock_fd, err) < 0 || repair_end(path, err) < 0)) ||
		db_read_session(path, look, NULL, err) < 0 ||
		(mode == STORE_WRITE && open_to_write(store, err) < 0)) {
		store_close(&store->base);
		return -1;
	}
	*out = &store->base;
	return 0;
}

/* ---- creating ---- */

static int begin_state(struct db *db, struct err *err)
{
	char none[] = "";
	struct state state = {.made_s = time(NULL), .draft = none};

	state.used_s = state.made_s;
	return state_save(db, &state, err);
}

static int fill(struct store_sqlite *store, const char *stage, const struct store_change *first,
	struct err *err)
{
	struct db *db = &store->db;
	int64_t pid;

	if (folder_make(stage, err) < 0 || folder_lock(stage, &store->lock_fd, &pid, err) != 0 ||
		folder_make_file(stage, DB_FILE, err) < 0 ||
		db_create(db, stage, DB_FILE, err) < 0 ||
		schema_upgrade(db, schema_steps, schema_newest, err) < 0 ||
		begin_state(db, err) < 0 || (first && contents_write(db, first, err) < 0) ||
		db_checkpoint(db, err) < 0) {
		return -1;
	}
	db_close(db);
	return folder_sync(stage, err);
}

/* Its name at last, unless somebody else has it. */
static int appear(const char *stage, const char *folder, struct err *err)
{
	char *above = mem_strndup(folder, (size_t)(strrchr(folder, '/') - folder) + 1);
	int status;

	status = renameat2(AT_FDCWD, stage, AT_FDCWD, folder, RENAME_NOREPLACE) < 0
			 ? err_set_errno(err, ERR_FAILURE, errno, folder, "cannot be made")
			 : folder_sync(above, err);
	free(above);
	return status;
}

int store_create_with(
	struct store **out, const char *folder, const struct store_change *first, struct err *err)
{
	char *path = folder_resolve(folder, ERR_FAILURE, err), *stage;
	struct store_sqlite *store;
	const char *name;
	int status;

	if (!path) {
		return -1;
	}
	store = new_store(path, STORE_WRITE);
	name = strrchr(path, '/') + 1;
	stage = mem_printf("%.*s.new-%s", (int)(name - path), path, name);
	folder_remove(stage, NULL); /* of one that was killed */
	status = fill(store, stage, first, err);
	if (status == 0) {
		status = appear(stage, path, err);
	}
	if (status < 0) {
		db_close(&store->db);
		folder_remove(stage, NULL);
	} else {
		status = open_to_write(store, err);
	}
	free(stage);
	if (status < 0) {
		store_close(&store->base);
		return -1;
	}
	*out = &store->base;
	return 0;
}

int store_create(struct store **out, const char *folder, struct err *err)
{
	return store_create_with(out, folder, NULL, err);
}

/* ---- figures ---- */

static int read_settings_of(struct db *db, struct store_figures *figures, struct err *err)
{
	struct store_setting setting;
	sqlite3_stmt *stmt;
	struct row row;
	int64_t id;
	int status;

	if (table_select(db, &stmt, TABLE_SETTING, err) < 0) {
		return -1;
	}
	while ((status = row_next(&row, db, stmt, "setting", &id, err)) == 1) {
		setting_get(&row, &setting);
		if (row_check(&row, NULL) < 0) {
			status = row_damaged(&row, id, err);
		} else if (strcmp(setting.key, STORE_NAME) == 0) {
			free(figures->name);
			figures->name = mem_strdup(setting.value);
		} else if (strcmp(setting.key, STORE_DIRECTORY) == 0) {
			free(figures->directory);
			figures->directory = mem_strdup(setting.value);
		} else if (strcmp(setting.key, STORE_PINNED) == 0) {
			figures->is_pinned = strcmp(setting.value, "1") == 0;
		}
		free(setting.key);
		free(setting.value);
		if (status < 0) {
			break;
		}
	}
	sqlite3_finalize(stmt);
	return status;
}

static int read_sources_of(struct db *db, struct store_figures *figures, struct err *err)
{
	struct block_parts parts;
	struct store_block block;
	sqlite3_stmt *stmt;
	struct row row;
	int64_t id, n_uncounted = 0;
	int status;

	if (table_select(db, &stmt, TABLE_BLOCK, err) < 0) {
		return -1;
	}
	while ((status = row_next(&row, db, stmt, "block", &id, err)) == 1) {
		block_get(&row, &block, &parts);
		document_finish(&block.document);
		if (row_check(&row, NULL) < 0) {
			status = row_damaged(&row, id, err);
			break;
		}
		figures->n_dropped += block.is_dropped;
		if (!block.is_dropped) {
			figures->n_source += !block.is_update;
			n_uncounted += block.tokens < 0;
			figures->source_tok += block.tokens < 0 ? 0 : block.tokens;
		}
	}
	sqlite3_finalize(stmt);
	if (n_uncounted) {
		figures->source_tok = -1;
	}
	return status;
}

static int read_figures(struct db *db, void *arg, struct err *err)
{
	struct store_figures *figures = arg;
	struct state state;

	store_figures_finish(figures);
	figures->name = mem_strdup("");
	figures->directory = mem_strdup("");
	if (state_load(db, &state, err) < 0) {
		return -1;
	}
	free(state.draft);
	figures->n_turn = state.turn.n;
	figures->made_s = state.made_s;
	figures->used_s = state.used_s;
	return read_settings_of(db, figures, err) < 0 ? -1 : read_sources_of(db, figures, err);
}

int store_figures(struct store_figures *figures, const char *folder, struct err *err)
{
	char *path = folder_resolve(folder, ERR_FAILURE, err);

	*figures = (struct store_figures){0};
	if (!path) {
		return -1;
	}
	if (db_read_session(path, read_figures, figures, err) < 0) {
		store_figures_finish(figures);
		free(path);
		return -1;
	}
	figures->n_bytes = folder_bytes(path);
	figures->is_in_use = folder_is_locked(path);
	free(path);
	return 0;
}
