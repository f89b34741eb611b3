/*
 * The programs that carrel runs beside itself (carrel-engine, carrel-worker): found, started,
 * waited for.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include "base/err.h"

#include <sys/types.h>

struct child_program {
	const char *name;     /* of its file */
	const char *what;     /* in messages: "engine" */
	const char *variable; /* an environment variable that names another file */
	const char *log;      /* one that names a file for what it prints; else that goes nowhere */
	const char *folder;   /* where the build puts it, beside that of carrel */
	enum err_code code;   /* of the errors */
};

/*
 * Its path, malloc'ed: `given` (may be NULL), what the variable says, installed beside the running
 * program or in libexec, or in the build folder. NULL with *err where there is none.
 */
char *child_find(const struct child_program *program, const char *given, struct err *err);

/*
 * Start `path` with `fd` as its descriptor 3 and as its only one beside 0 to 2, in a process group
 * of its own (the terminal's Ctrl-C is not for it), with no signal blocked or ignored. `fd` must be
 * close-on-exec.
 */
int child_spawn(pid_t *pid, const struct child_program *program, const char *path,
	char *const argv[], int fd, struct err *err);

/* ---- what such a program does itself, first thing ---- */

enum { CHILD_SOCKET_FD = 3 };

/* Whether it was started with --socket=3 and a socket there: by carrel, then. */
int child_is_called(const char *first_argument);
/*
 * End with the parent, leave no core dump of what people read, inherit nothing else, write files that
 * only their owner reads, and be what the kernel takes first when memory runs out: a higher score
 * (0 to 1000) before a lower one, and all of them before the terminal.
 */
void child_settle(int oom_score);

/* ---- its end ---- */

/* waitpid() that no signal interrupts. */
pid_t child_wait(pid_t pid, int *status, int options);

#endif
