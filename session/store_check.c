/* Whether a session holds together: pages and indexes (SQLite's own check), rows, references. */
#include "session/store_sqlite.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { SENTENCES_MAX = 1000 }; /* a file may be damaged everywhere */

struct findings {
	struct store_report report; /* who is told at the end: a look may have to begin again */
	char **sentence;
	size_t n, cap;
};

static void note(void *arg, const char *sentence)
{
	struct findings *findings = arg;

	if (findings->n < SENTENCES_MAX) {
		mem_grow(findings->sentence, findings->n, findings->cap);
		findings->sentence[findings->n++] = mem_strdup(sentence);
	}
}

static void forget(struct findings *findings)
{
	for (size_t i = 0; i < findings->n; i++) {
		free(findings->sentence[i]);
	}
	findings->n = 0;
	findings->report = (struct store_report){.damage = note, .arg = findings};
}

/* Of SQLite's findings, which begin with a heading of their own, the first. */
static void tell_pages(struct store_report *report, const char *found)
{
	struct err own = {0};

	if (strncmp(found, "***", 3) == 0 && strchr(found, '\n')) {
		found = strchr(found, '\n') + 1;
	}
	err_set(&own, ERR_FAILURE, NULL, NULL,
		"is damaged: its pages do not hold together (SQLite: %.*s)",
		(int)strcspn(found, "\n"), found);
	report->n_damaged++;
	report->damage(report->arg, own.what);
}

int pages_check(struct db *db, struct store_report *report, struct err *err)
{
	sqlite3_stmt *stmt;
	struct err own = {0};
	int rc, status;

	status = db_prepare(db, &stmt, "PRAGMA integrity_check(100)", "cannot be read", &own);
	while (status == 0 && (rc = sqlite3_step(stmt)) != SQLITE_DONE) {
		const char *what;

		if (rc != SQLITE_ROW) {
			status = db_fail(db, "cannot be read", &own);
			break;
		}
		what = (const char *)sqlite3_column_text(stmt, 0);
		if (what && strcmp(what, "ok") != 0) {
			tell_pages(report, what);
			break;
		}
	}
	sqlite3_finalize(stmt);
	if (status == DB_DAMAGED) {
		report->n_damaged++;
		report->damage(report->arg, own.what);
		return 0;
	}
	if (status < 0 && err) {
		*err = own;
	}
	return status;
}

static int look(struct db *db, void *arg, struct err *err)
{
	struct findings *findings = arg;
	struct store_contents contents;
	int status;

	forget(findings);
	status = pages_check(db, &findings->report, err);
	if (status == 0) {
		status = contents_read(db, &contents, &findings->report, err);
	}
	if (status == 0) {
		store_contents_finish(&contents);
	}
	return status;
}

int store_verify(const char *folder, struct store_report *report, struct err *err)
{
	char *path = folder_resolve(folder, ERR_FAILURE, err);
	struct findings findings = {0};
	struct err own = {0};
	int status;

	if (!path) {
		return -1;
	}
	forget(&findings);
	status = db_read_session(path, look, &findings, &own);
	if (status == DB_DAMAGED) { /* it could not even be opened */
		if (!findings.report.n_damaged++) {
			note(&findings, own.what);
		}
		status = 0;
	}
	report->n_row = findings.report.n_row;
	report->n_damaged = findings.report.n_damaged;
	for (size_t i = 0; i < findings.n; i++) {
		report->damage(report->arg, findings.sentence[i]);
	}
	forget(&findings);
	free(findings.sentence);
	free(path);
	if (status < 0 && err) {
		*err = own;
	}
	return status < 0 ? -1 : 0;
}
