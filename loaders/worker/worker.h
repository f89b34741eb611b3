/* The two kinds of process that carrel-worker is: one helper, and the workers that it forks. */
#ifndef LOADERS_WORKER_WORKER_H
#define LOADERS_WORKER_WORKER_H

#include "loaders/worker/protocol.h"

/* Take jobs until the other end is gone; every worker is ended by then. Returns the exit status. */
int helper_run(int socket_fd, int is_unsafe);

/* Inside of the sandbox: read the files or the tree of a request, and answer. */
void job_run(const struct worker_request *request, const char *strings);

#endif
