/*
 * Ctrl-C: the first one asks what is under way to stop, a second one before that has happened ends
 * the program.
 */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

void interrupt_install(void);
int interrupt_pending(void);
void interrupt_clear(void);

#endif
