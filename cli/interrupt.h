/*
 * Ctrl-C: the first one asks what is under way to stop, a second one before that has happened ends
 * the program.
 */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

/* From here on, and file_read_fd() ends with ERR_INTERRUPTED. */
void interrupt_install(void);
/* SIGTERM does the same, in commands that end with what is under way. */
void interrupt_install_term(void);
/* Called before a second Ctrl-C ends the program: only what a signal handler may do. */
void interrupt_at_exit(void (*restore)(void));

int interrupt_pending(void);
void interrupt_clear(void);

/* Wait until fd can be read (or is at its end or broken: reading tells). 0 at Ctrl-C, else 1. */
int interrupt_wait(int fd);

/* Ask on the terminal: 1 for a line that begins with y. Ctrl-C is none, and interrupt_pending() then. */
int interrupt_agrees(const char *question);

#endif
