/*
 * What carrel and its worker say to each other.
 *
 * carrel starts carrel-worker once for each load, with one end of a stream socket: the helper. It
 * prepares the libraries once, takes jobs (a request, its strings, descriptors beside it) and forks
 * a sandboxed worker for each. A worker's answer, frames (frame.h), comes through a pipe of its own
 * that the helper never reads. The helper itself sees no byte of any document: only its own,
 * trusted parent talks to it, and what it says in return are reports.
 */
#ifndef LOADERS_WORKER_PROTOCOL_H
#define LOADERS_WORKER_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

enum {
	WORKER_RESULT_FD = 3, /* of a worker */
	WORKER_INPUT_FD = 4,  /* and those behind it, where a job has several files */
	WORKER_MAX_FILES = 64,
};

/* Exit statuses of a worker. */
enum {
	WORKER_EXIT_MEMORY = 10,
	WORKER_EXIT_SANDBOX = 11,
	WORKER_EXIT_NO_LANDLOCK = 12,
	WORKER_EXIT_REST = 13, /* the files that it did not begin are for other workers */
};

enum worker_request_kind {
	REQUEST_FILES = 1, /* beside it: the result pipe and the files */
	REQUEST_TREE,      /* beside it: the result pipe and the root */
	REQUEST_KILL,      /* end the worker of the job */
};

/*
 * Behind it n_string_bytes of strings, each with its NUL. Of files: a path for each. Of a tree: its
 * path, read_options' subdir and resume_after ("": none), then the patterns.
 */
struct worker_request {
	uint32_t kind;
	uint32_t n_file;
	uint64_t job;
	uint64_t n_string_bytes;
	uint64_t memory_bytes; /* limits */
	uint32_t cpu_s;
	uint32_t share_index, n_share, first_page;
	uint32_t n_include, n_exclude;
	uint8_t include_secrets, is_careful; /* careful: name each file before it is read */
	uint8_t layout;
	uint8_t padding[5];
};

enum worker_report_kind {
	REPORT_READY = 1, /* the first one */
	REPORT_STARTED,   /* a job's worker; its process in `status` */
	REPORT_ENDED,     /* a job's worker, and with which wait status */
};
struct worker_report {
	uint32_t kind;
	int32_t status;
	uint64_t job;
	uint32_t has_seccomp;  /* else no job is taken, unless it was told to */
	uint32_t landlock_abi; /* 0: none */
};

#endif
