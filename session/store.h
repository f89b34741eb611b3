/*
 * What a session keeps, and where: one directory, in it session.db (SQLite) and its lock. Two
 * implementations: store_sqlite.c, and store_null.c for sessions that nobody will come back to (it
 * takes everything and remembers nothing).
 *
 * A session is an ordered list of blocks (a source, or the new text of one), a tree of turns, and the
 * places of the blocks: in front of everything, at the head of a turn's message, or waiting for the
 * next one. What changes is handed over as one struct store_change and is on disk, synced, when
 * store_commit() returns 0, or not at all: nothing was lost either way. Where the disk was full, the
 * next change may be saved; after a failed sync the store is read-only until it is opened again.
 *
 * One connection writes, under a lock of the open file (SQLite 3.40 is in the range of the WAL-reset
 * bug); a second process is told that the session is in use. Readers need no lock.
 *
 * Every row carries a checksum (SHA-256, 16 bytes) of its id and all its fields, which SQLite's own
 * integrity check does not look at; it is checked when the row is read, and rows are counted and
 * summed by what they belong to, so that a missing one is noticed.
 *
 * The schema's version is PRAGMA user_version; store_schema.c lists the steps from each to the next.
 * A newer one is refused without a write.
 */
#ifndef SESSION_STORE_H
#define SESSION_STORE_H

#include "base/err.h"
#include "engine/engine.h"
#include "loaders/document.h"
#include "session/cite.h"
#include "session/coverage.h"

#include <stddef.h>
#include <stdint.h>

struct store;

/* `key` is one of the names below, "option.NAME" for an option that the session remembers, or
 * "load.NUMBER" for how a source was read, or STORE_LOST and a number. */
struct store_setting {
	char *key;
	char *value; /* NULL in a change: forget it */
};
#define STORE_NAME      "name"      /* of the session; "" while it has none */
#define STORE_DIRECTORY "directory" /* where it was begun */
#define STORE_PINNED    "pinned"    /* "1": its KV stays */
#define STORE_IMPORTED  "imported"  /* the last of the turns that came from a file */
#define STORE_PACK      "pack"      /* PACK_VERSION at its beginning */
#define STORE_LOST      "lost." /* of a source, what a repair could not save of it: "mem.h, io.c" */
#define STORE_TOKENIZER "tokenizer" /* digest of the one that counted the blocks' tokens */

/* A source, or an update of one. */
struct store_block {
	int64_t id;     /* from 1 */
	int64_t number; /* of the source: S1 is 1 */
	int is_update;
	int is_dropped; /* its document is gone but for kind, name and origin */
	struct document document;
	int64_t tokens; /* -1: not counted */
	int64_t loaded_s;
};

enum { STORE_FRONT = 0, STORE_WAITING = -1 };
/* Where a block stands: at the head of a turn's message (a turn's id), or one of the above. */
struct store_place {
	int64_t turn;
	int64_t block;
};

struct store_turn {
	int64_t id;     /* from 1, in the order in which they were made */
	int64_t parent; /* 0: it is a first one */
	char *question;
	size_t question_len;
	enum prompt_mark open; /* how the answer was begun */
	uint32_t *ids;         /* the answer as it was sampled, thoughts included */
	size_t n_ids;
	char tokenizer_digest[65]; /* of which the ids are */
	char *text;                /* what was shown of them */
	size_t text_len;
	char *thinking;
	size_t thinking_len;
	enum engine_stop stop;
	struct engine_usage usage;
	struct reading_record reading; /* of more than the window; else zero */
	char *model_name;              /* and the engine that answered */
	char model_digest[65];
	int64_t asked_s; /* since 1970 */
	struct citation *citation;
	size_t n_citation;
};
void store_turn_finish(struct store_turn *turn);

/* Everything; owned by whoever holds it. */
struct store_contents {
	struct store_setting *setting; /* by key */
	size_t n_setting;
	struct store_block *block; /* by id */
	size_t n_block;
	struct store_turn *turn; /* by id */
	size_t n_turn;
	struct store_place *place; /* of one turn: in order */
	size_t n_place;
	int64_t head; /* the turn that the next question continues; 0: none */
	char *draft;  /* of the line being typed; "" */
	int64_t made_s, used_s;
};
void store_contents_finish(struct store_contents *contents);
/* Whether a block whose text is gone belongs to a source that has another. */
int store_is_replaced(const struct store_contents *contents, const struct store_block *block);
/* NULL where it is not set. */
const char *store_setting(const struct store_contents *contents, const char *key);

enum store_mode { STORE_READ, STORE_WRITE };

/*
 * A new directory `folder` (0700), with an empty session in it (0600), whatever the umask. It
 * appears whole or not at all.
 */
int store_create(struct store **out, const char *folder, struct err *err);
/*
 * STORE_WRITE takes the lock and brings an older schema up to date; ERR_FAILURE with "in use" where
 * another process has it. Nothing is written by STORE_READ.
 */
int store_open(struct store **out, const char *folder, enum store_mode mode, struct err *err);
struct store *store_null(void);
void store_close(struct store *store); /* NULL-safe */

/* 16 hex digits, as its directory is called; "" of the null twin. */
const char *store_id(const struct store *store);
const char *store_folder(const struct store *store); /* "" of the null twin */
int store_is_kept(const struct store *store);        /* not the null twin */

/* A row that does not hold together is an error that names it and `carrel sessions repair`. */
int store_read(struct store *store, struct store_contents *out, struct err *err);

/* Zero-initialise; what is NULL or 0 stays as it is. Everything is borrowed. */
struct store_change {
	const struct store_block *block; /* new ones, or their token counts (same id) */
	size_t n_block;
	const int64_t *dropped; /* blocks whose text goes, leaving no byte in the folder */
	size_t n_dropped;
	const struct store_turn *turn;   /* new ones, by id; NULL: none */
	size_t n_turn;                   /* 0 where `turn` is there: one */
	const struct store_place *place; /* all places, instead of those that were */
	size_t n_place;
	int has_places;
	int64_t head;
	int has_head;
	const struct store_setting *setting;
	size_t n_setting;
	const char *draft;
	int64_t made_s; /* when a session that comes from elsewhere was begun; 0: as it is */
};
int store_commit(struct store *store, const struct store_change *change, struct err *err);

/* Figures for a list, without reading texts. */
struct store_figures {
	char *name, *directory;
	int64_t n_turn, n_source, source_tok; /* source_tok -1: not all are counted */
	int64_t n_dropped;                    /* blocks, ever */
	int64_t made_s, used_s, n_bytes;      /* of the files */
	int is_pinned, is_in_use;
};
int store_figures(struct store_figures *figures, const char *folder, struct err *err);
void store_figures_finish(struct store_figures *figures);

/* Whether every row, index and page holds together; each thing that does not is told. */
struct store_report {
	void (*damage)(void *arg, const char *sentence);
	void *arg;
	int64_t n_row, n_damaged;
};
int store_verify(const char *folder, struct store_report *report, struct err *err);
/*
 * Write what holds together to a new file, put it in place of the old one, which stays beside it as
 * session.db.damaged-N until a source is dropped, and tell what was lost. Needs the lock. n_row is
 * how many rows the session has afterwards.
 */
int store_repair(const char *folder, struct store_report *report, struct err *err);

#endif
