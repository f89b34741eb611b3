/* Threads beside one that has the terminal and hears signals. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/*
 * Run run(arg) on a thread that leaves signals to those that there are, but for its own faults: these
 * reach whoever handles them (blocked ones would end the program unheard), on a stack of their own,
 * since the thread's may be what overflowed. Returns 0, or the number of the error.
 */
int thread_begin(pthread_t *thread, void *(*run)(void *arg), void *arg);

#endif
