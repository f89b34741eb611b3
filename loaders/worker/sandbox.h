/*
 * The sandbox that a worker reads in. Whatever a file makes of its reader, it can only compute,
 * read what its recipe names and answer through one pipe: no network, no program, no write, no
 * other process.
 *
 * Landlock says which files it may open, seccomp which system calls; limits bound its memory and
 * time. Neither hides that a file is there: stat() still tells names, sizes and times, which have no
 * way out but the document's own text.
 */
#ifndef LOADERS_WORKER_SANDBOX_H
#define LOADERS_WORKER_SANDBOX_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum sandbox_recipe {
	SANDBOX_DOCUMENTS, /* poppler's data, fonts and fontconfig */
	SANDBOX_TREES,     /* the folder; the user's ignore rules were read before */
	SANDBOX_RECIPES,
};

struct sandbox_filter {
	struct sock_filter *instruction;
	size_t n_instruction;
};

/* What a machine offers, and what is built of it once. */
struct sandbox {
	int has_seccomp;
	int landlock_abi; /* 0: none */
	struct sandbox_filter filter[SANDBOX_RECIPES];
};

/* In a process of one thread, before it forks. */
void sandbox_prepare(struct sandbox *sandbox);

struct sandbox_limits {
	uint64_t memory_bytes; /* of addresses, beyond what is used already */
	uint32_t cpu_s;
};

/*
 * Three steps, in a forked worker; each returns 0, or -1 (errno) and nothing may be read. What the
 * machine does not offer at all is left out.
 */
int sandbox_limit(const struct sandbox_limits *limits, pid_t parent);
/*
 * Of trees `root_fd`, which may be closed afterwards, and which folder of it is read ("": itself); of
 * those above that one only their ignore rules stay in sight.
 */
int sandbox_hide_files(
	const struct sandbox *sandbox, enum sandbox_recipe recipe, int root_fd, const char *subdir);
int sandbox_close(const struct sandbox *sandbox, enum sandbox_recipe recipe);

/* ---- seccomp.c ---- */

int seccomp_is_offered(void);
/* The filter of a recipe beside a Landlock of that ABI; 0, or -1 where it cannot be built. */
int seccomp_build(struct sandbox_filter *filter, enum sandbox_recipe recipe, int abi);
int seccomp_install(const struct sandbox_filter *filter);

/* ---- landlock.c ---- */

enum { LANDLOCK_ABI_TRUNCATE = 3 }; /* the first that guards against truncating */
int landlock_abi(void);             /* 0: none */
int landlock_restrict(int abi, enum sandbox_recipe recipe, int root_fd, const char *subdir);

/* ---- trap.c, in debug builds; else trap_none.c ---- */

/* What a forbidden call does: SCMP_ACT_KILL_PROCESS, or print its name first. */
uint32_t trap_action(void);
void trap_install(void);
/* How long a file may become by a worker's hand: 0, or what the name needs (RLIMIT_FSIZE). */
uint64_t trap_max_file_bytes(void);

/* ---- sanitized.c, in builds with sanitizers; else sanitized_none.c ---- */

/*
 * What AddressSanitizer's run time cannot live without: addresses without limit, and some calls
 * that tell nothing and reach nobody. NULL at the end.
 */
int sanitized_limits_memory(void);
const char *const *sanitized_calls(void);

#endif
