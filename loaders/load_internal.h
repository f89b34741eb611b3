/*
 * A load under way. What is named becomes items, in their order; items become jobs of workers; what
 * comes back is held in its item until everything in front of it was handed over.
 *
 *	load.c          the loop: fill, look, emit
 *	load_open.c     what is named is opened, or a reason is found not to
 *	load_job.c      jobs are formed of items, given to workers and ended
 *	load_answer.c   what workers say becomes documents
 */
#ifndef LOADERS_LOAD_INTERNAL_H
#define LOADERS_LOAD_INTERNAL_H

#include "base/buf.h"
#include "loaders/load.h"
#include "loaders/loader.h"
#include "loaders/pages.h"
#include "loaders/worker/client.h"
#include "loaders/worker/frame.h"

#include <stddef.h>
#include <stdint.h>

enum {
	LOAD_MAX_WORKER = 64,
	LOAD_AHEAD_BYTES = 64 << 20, /* what may be held behind an item that is still being read */
	LOAD_AHEAD_ITEMS = 4096,
	LOAD_SHARE_BYTES = 256 << 10, /* of a PDF: more than that is shared among workers */
	LOAD_BATCH_BYTES = 4 << 20,   /* small files of one job, together */
	LOAD_SMALL_BYTES = 256 << 10, /* one of them */
	LOAD_DEATHS = 16, /* files of one folder, pages of one PDF that may kill their reader */
};

/* An open folder, kept while documents in it wait to be opened. */
struct load_folder {
	int fd;
	size_t n_user;
};

enum item_state { ITEM_NAMED, ITEM_OPEN, ITEM_RUNNING, ITEM_DONE };

struct item {
	struct item *next;
	enum item_state state;
	char *path, *name;          /* its document's origin and name */
	struct load_folder *folder; /* of a tree its own; of a document in one, where it lies */
	char *inside;               /* of a document in a folder: its path there */
	int fd;                     /* until every job has it; of a PDF until its end; -1 */
	int64_t size_bytes;
	int is_pdf, is_pipe;
	int64_t n_page, n_page_read; /* of a PDF; 0 until that is known */
	int64_t counted_bytes;       /* of size_bytes, in the progress */
	unsigned n_share, next_share, n_done;
	unsigned n_death; /* of readers: of a PDF's pages, of a tree's files */
	unsigned n_late;  /* those that took too long */
	int is_alone;     /* shares its reader with no other file */

	struct document document;
	struct page_notes notes;
	size_t n_skipped;   /* of a tree: what it left out */
	struct skip failed; /* with a reason: nothing of it counts */
	uint64_t held_bytes;

	/* Of a tree. */
	int is_tree, is_begun, is_careful;
	int root_fd; /* the repository's, or its own */
	char *subdir;
	char *last_path, *reading_path; /* what came last; what was about to be read */
	struct item *last_inside;       /* the last document of it; NULL */
	size_t n_part, n_document;
};

enum verdict { VERDICT_NONE, VERDICT_TIME, VERDICT_NONSENSE };

struct job {
	uint64_t id;
	struct item *item[WORKER_MAX_FILES];
	size_t n_item, at; /* `at`: the one that is being read */
	int fd;            /* the pipe; -1: at its end */
	struct frame_reader reader;
	unsigned share_index;
	int64_t first_page, last_page,
		n_page; /* of a PDF: from which on, the last that came, all */
	uint64_t memory_bytes;
	uint32_t cpu_s;
	pid_t pid;                   /* 0: not known yet */
	int64_t waited_ns, limit_ns; /* for the file at hand, while nothing came */
	int64_t start_cpu_ns;        /* what the worker had used when we began to wait */
	enum verdict verdict;
	int is_reported, status;
};

struct load {
	const struct load_options *options;
	const struct load_sink *sink;
	const char *const *path; /* those that are not items yet */
	size_t n_path;
	struct item *first, *last;
	size_t n_item;
	uint64_t held_bytes;
	struct job *job[LOAD_MAX_WORKER];
	size_t n_job, max_job;
	size_t max_batch; /* files of one job, as far as libraries did not end the last one early */
	uint64_t next_id;
	struct worker_client worker;
	int is_started, is_ready;
	int64_t started_ns;
	struct load_progress progress;
	char *shown_path; /* that of the progress: an item may be gone before it is shown */
	int64_t shown_ns, asked_ns;
	int is_stopped; /* by whom we ask, or by the sink */
	struct err *err;
};

/* ---- load.c ---- */

int64_t load_now_ns(void);
/* Whether it shall end; asks at most every 50 ms. */
int load_stopped(struct load *load);
/* -1: interrupted, *err filled. */
int load_interrupted(struct load *load);
struct item *item_create(const char *path, const char *name);
void item_destroy(struct item *item);
/* Nothing of the item counts; the first reason, which is taken over, is the one that is told. */
void item_fail(struct item *item, enum skip_class class, char *reason);
/* What the progress names from now on. */
void load_show_path(struct load *load, const char *path);
/* One of its jobs is over. */
void item_end_share(struct load *load, struct item *item);

/* ---- load_open.c ---- */

/* As the pack shows it. */
char *load_shown_name(const char *path);
/* Open a named item: it is then open, or done. -1: interrupted. */
int load_open(struct load *load, struct item *item);

/* ---- load_job.c ---- */

/* Give the workers something to do. -1: *err. */
int load_fill(struct load *load);
/* A worker's end: what it was reading is failed or tried again. */
int load_job_end(struct load *load, struct job *job);
void load_job_kill(struct load *load, struct job *job, enum verdict verdict);
void load_job_destroy(struct job *job);
/* A new file begins: its time with it. */
void load_job_limit(struct load *load, struct job *job);
/* Nothing came for that long: whether it is to be ended. */
int load_job_is_late(struct job *job, int64_t waited_ns);

/* ---- load_answer.c ---- */

/* One frame of a job, which is taken. -1: the sink ended the load. */
int load_answer(struct load *load, struct job *job, struct frame *frame);
/* Hand over what is done. -1: the sink ended the load. */
int load_emit(struct load *load);

#endif
