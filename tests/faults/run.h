/* Running a program with or without the shim (shim.c), and what the tests of faults share beside. */
#ifndef TESTS_FAULTS_RUN_H
#define TESTS_FAULTS_RUN_H

#include "tests/faults/faults.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Zero-initialise; what is NULL or 0 is left out. */
struct run_plan {
	const char *const *env; /* "NAME=VALUE", NULL-terminated */
	const char *input;      /* on standard input; NULL: nothing is there */
	int64_t kill_after_us;  /* SIGKILL to the program then */
	int timeout_s;          /* 60 where it is 0; a program that takes longer failed */
	/* Called after a fork, before the program begins. */
	void (*prepare)(void *arg);
	void *arg;
	/* The shim, where `program` is set. */
	const char *shim; /* another one than FAULTS_SHIM; "": the program's environment names it */
	const char *program, *folder, *log, *which, *action, *while_file;
	uint64_t at;
};
struct run {
	int status;      /* of exit; -1: it was killed by `signal` */
	int signal;      /* 0: it ended by itself */
	int is_late;     /* it had to be killed: it took too long */
	char *out, *err; /* terminated */
	size_t out_len, err_len;
	uint64_t n_seen, n_done, n_loaded; /* by the shim */
	double ms;
};
/* argv[0] is a path. Bails out where nothing can be run at all. */
void run_program(struct run *run, const char *const *argv, const struct run_plan *plan);
void run_finish(struct run *run);
/* The same in two parts, so that several programs run at once. */
struct running *run_begin(const char *const *argv, const struct run_plan *plan);
void run_end(struct run *run, struct running *running);
/* Kills its child of that name; returns whether there was one. */
int run_kill_child(const struct running *running, const char *name);
/* The first words of what a program printed, on one line, for a note; good until the eighth call. */
const char *run_words(const char *text);

/* A folder for a test, below $TMPDIR or in memory; removed by run_folder_remove(). Absolute, without
 * symbolic links. */
char *run_folder(void);
void run_folder_remove(char *folder);
/*
 * One where carrel finds its data, cache, settings and state, in folders of these names, of which only
 * data is there.
 */
struct run_home {
	char *folder, *data, *cache, *config;
};
struct run_home run_home(void);
void run_home_remove(struct run_home *home);
/* What stands in a new file, or instead of an old one. */
void run_write(const char *path, const char *text);
/* Bit `bit` of a file becomes the other one. */
void run_flip(const char *path, uint64_t bit);
void run_empty(const char *folder);
/* 0 where they hold the same names and bytes; else says what differs. Ignores *-shm. */
int run_compare(const char *folder, const char *other, char *difference, size_t size);
void run_copy(const char *from, const char *to);

_Noreturn void run_bail_out(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Of the environment; bails out where it is not set. */
const char *run_env(const char *name);
double run_now_ms(void);
/* Uniform in [0, n). */
uint64_t run_random(uint64_t *state, uint64_t n);
/* Whether preloading works at all: not under sanitizers. */
int run_can_preload(void);
/* So many rounds; a tenth under a sanitizer, which slows every process and looks for something else. */
int run_rounds(int rounds);

#endif
