/* The process between a test and the program under test: what a shell does for a foreground job. */
#ifndef TESTS_SCREENS_KEEPER_H
#define TESTS_SCREENS_KEEPER_H

#include <sys/types.h>

enum keeper_news { KEEPER_STARTED, KEEPER_STOPPED, KEEPER_ENDED };
struct keeper_message {
	enum keeper_news news;
	pid_t pid;
	int status;
};
enum keeper_order { KEEPER_CONTINUE = 'c', KEEPER_LEAVE = 'q' };

/* Leads the session of the terminal that is on 0, 1 and 2. Never returns. */
_Noreturn void keeper_run(int control, char *const *argv, char *const *env);

#endif
