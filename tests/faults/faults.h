/*
 * What the shim (shim.c, preloaded into a program under test) and the tests of faults say to each
 * other: environment variables, a page of counters, and a log of everything that was done to a folder.
 *
 *   FAULTS_FOLDER   only what happens below it counts (absolute, no symbolic link in it)
 *   FAULTS_PROGRAM  names of the programs in which anything counts, parted by commas
 *   FAULTS_STATE    a file of a struct faults_state, shared by all of them
 *   FAULTS_LOG      a file that struct faults_record are appended to
 *   FAULTS_WHICH    changes (default: everything that changes the folder, syncs included), writes,
 *                   syncs, reads
 *   FAULTS_AT       the number, from 1, of the call at which ...
 *   FAULTS_DO       kill-before, kill-after, enospc, eio, short (half of a write is done)
 *   FAULTS_WHILE    a file: every call from the nth on fails for as long as it exists
 */
#ifndef TESTS_FAULTS_FAULTS_H
#define TESTS_FAULTS_FAULTS_H

#include <stdatomic.h>
#include <stdint.h>

struct faults_state {
	_Atomic uint64_t n_seen;   /* calls that counted */
	_Atomic uint64_t n_done;   /* faults that were injected */
	_Atomic uint64_t n_loaded; /* programs in which the shim is at work */
};

enum faults_kind {
	FAULTS_ROOT = 1, /* object: FAULTS_FOLDER itself; one for each program */
	FAULTS_CREATE,   /* object, folder, name */
	FAULTS_MKDIR,    /* object, folder, name */
	FAULTS_WRITE,    /* object, offset, data */
	FAULTS_TRUNCATE, /* object, offset: its length now */
	FAULTS_SYNC,     /* object: a file or a folder */
	FAULTS_RENAME,   /* folder, name, folder2, name2 */
	FAULTS_UNLINK,   /* folder, name: of a file or a folder */
	FAULTS_LINK,     /* object, folder, name */
	FAULTS_ACK,      /* data: written by a test: what was promised by then */
	FAULTS_UNSEEN, /* name: a change that the shim cannot follow; the log is good for nothing */
};

/* Objects and folders are inode numbers. Followed by name, name2 and data, none terminated. */
struct faults_record {
	uint32_t kind;
	uint32_t name_len, name2_len;
	uint32_t process;
	uint64_t object, folder, folder2;
	int64_t offset;
	uint64_t data_len;
};

#endif
