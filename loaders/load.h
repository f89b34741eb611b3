/*
 * Loading: what is named on a command line becomes documents; what cannot is listed with its reason.
 * The files are opened here and parsed by sandboxed processes (carrel-worker): a file that kills its
 * worker is skipped, and the load goes on.
 */
#ifndef LOADERS_LOAD_H
#define LOADERS_LOAD_H

#include "base/err.h"
#include "loaders/document.h"

#include <stddef.h>
#include <stdint.h>

/* Something that was not loaded. */
struct skipped {
	char *path;
	char *reason;      /* completes "PATH ": one clause */
	int is_unreadable; /* damaged, encrypted, unreadable: exit status 6; else left out by a rule */
};

struct load_result {
	struct document *document;
	size_t n_document, cap_document;
	struct skipped *skipped;
	size_t n_skipped, cap_skipped;
};
void load_result_finish(struct load_result *result);

/* How far a load is; totals are -1 while unknown. */
struct load_progress {
	const char *path; /* what is being read */
	int64_t n_files, total_files;
	int64_t n_bytes, total_bytes;
	int64_t n_pages, total_pages;
};
struct load_watch {
	/* Called at most some 20 times a second; may be NULL. */
	void (*progress)(void *arg, const struct load_progress *progress);
	/* Polled ten times a second and at signals: non-zero ends the load. May be NULL. */
	int (*stopped)(void *arg);
	void *arg;
};

/* Zero-initialised: the defaults. */
struct load_options {
	const char *const *include, *const *exclude; /* see loader.h */
	size_t n_include, n_exclude;
	int include_secrets;
	int drop_headers; /* leave out headers and footers that repeat from page to page */
	int layout;       /* pages of a pdf as they are laid out; see loader.h */
	int unsafe;       /* go on where the kernel offers no sandbox */
	int n_worker;     /* processes at a time; 0: one for each processor */
	int patience_ms;  /* for a small file, more for a larger one; 0: 20 s */
	struct load_watch watch;
};

/* Whether the patterns are such; one that is broken is a usage error. */
int load_options_check(const struct load_options *options, struct err *err);

/*
 * Where a load goes: documents in the order given, each begun, its parts, and ended. Only a folder's
 * parts come while it is still being read. A non-zero return value ends the load.
 */
struct load_sink {
	int (*begin)(void *arg, const struct document *document); /* kind, name, origin and rev */
	int (*part)(void *arg, struct part *part);                /* may be taken: zero it then */
	int (*end)(void *arg, struct document *document);         /* headings; may be taken */
	void (*skipped)(void *arg, const struct skipped *skipped);
	void *arg;
};

/*
 * Load every path ("-" is standard input, shown as "stdin") in the given order: a document for each
 * file, and for a folder one of its texts and one for each document in it (a pdf, say).
 *
 * A failure is an interruption, or that nothing can be read safely here; the sink then holds
 * something half-loaded and is to be thrown away. What a file may cause is a skip.
 *
 * Only folders, regular files and pipes are read. A pipe that is named here is waited for as
 * standard input is: the user chose it (`<(git diff)`). Devices and sockets are skipped by rule
 * without waiting; what is missing, forbidden or larger than LOAD_MAX_BYTES is skipped as
 * unreadable. A symbolic link that is named here is followed: the user chose it; none in a folder is.
 */
int load_each(const char *const *path, size_t n_path, const struct load_options *options,
	const struct load_sink *sink, struct err *err);

/* A sink that fills *result, zero-initialised, with everything. */
struct load_sink load_result_sink(struct load_result *result);

/* The same into memory. Never partial: on failure *result is empty. `options` may be NULL. */
int load_paths(struct load_result *result, const char *const *path, size_t n_path,
	const struct load_options *options, struct err *err);

#endif
