/* carrel sessions: what its verbs share. */
#ifndef CLI_SESSIONS_H
#define CLI_SESSIONS_H

#include "cli/options.h"
#include "cli/output.h"
#include "session/catalogue.h"
#include "session/store.h"

/* The verbs; argument[0] is the verb itself. An exit status, or -1 with the error. */
int sessions_export(struct options *options, struct err *err);
int sessions_fork(struct options *options, struct err *err);
int sessions_import(struct options *options, struct err *err);
int sessions_ls(struct options *options, struct err *err);
int sessions_pin(struct options *options, struct err *err);
int sessions_rename(struct options *options, struct err *err);
int sessions_repair(struct options *options, struct err *err);
int sessions_rm(struct options *options, struct err *err);
int sessions_search(struct options *options, struct err *err);
int sessions_show(struct options *options, struct err *err);
int sessions_unpin(struct options *options, struct err *err);
int sessions_verify(struct options *options, struct err *err);

/* ERR_USAGE unless the verb has from `least` to `most` arguments; `usage` is the hint. */
int sessions_check_arguments(const struct options *options, size_t least, size_t most,
	const char *usage, struct err *err);

/* A session that is read and then let go: nothing is locked, nothing is written. */
struct sessions_read {
	char *folder;
	char id[17];
	struct store_contents contents;
};
int sessions_read_open(struct sessions_read *read, const char *name, struct err *err);
int sessions_read_folder(struct sessions_read *read, const char *folder, struct err *err);
void sessions_read_finish(struct sessions_read *read);
/* Its name, or its id while it has none. */
const char *sessions_read_name(const struct sessions_read *read);

/* The id that a session's folder is called by. */
const char *sessions_id(const char *folder);
/* What a verb that makes or changes one session prints: its name (null while it has none) and id. */
json_t *sessions_json(const char *id, const char *name);
/* Where KV is kept, malloc'ed; NULL where there is no home. */
char *sessions_kv_folder(void);
/* Bytes of a session's KV on disk. */
int64_t sessions_kv_bytes(const char *id);
/* Ask on the terminal; 1 for yes, and where there is no terminal to ask on. */
int sessions_agrees(const struct options *options, const char *question);

/* "3 min", "2 h", "5 days": how long ago. */
enum { SESSIONS_AGE_SIZE = 32 };
const char *sessions_age(char out[SESSIONS_AGE_SIZE], int64_t time_s);

#endif
