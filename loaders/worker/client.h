/* carrel's end of carrel-worker: the helper is started, given jobs and ended. */
#ifndef LOADERS_WORKER_CLIENT_H
#define LOADERS_WORKER_CLIENT_H

#include "base/buf.h"
#include "base/err.h"
#include "loaders/worker/protocol.h"

#include <sys/types.h>

struct worker_client {
	int fd; /* readable where there is a report */
	pid_t pid;
	struct worker_report partial; /* what came of one */
	size_t n_partial;
};

int worker_client_start(struct worker_client *client, int is_unsafe, struct err *err);
/* Give it a job; the n_fd descriptors stay the caller's. -1 where the helper is gone. */
int worker_client_submit(struct worker_client *client, const struct worker_request *request,
	const struct buf *strings, const int *fd, size_t n_fd);
void worker_client_kill(struct worker_client *client, uint64_t job);
/* 1 with a report, 0 where there is none now, -1 where the helper is gone. */
int worker_client_report(struct worker_client *client, struct worker_report *report);
/* End it and every worker; nothing of it runs any more when this returns. NULL-safe, twice too. */
void worker_client_end(struct worker_client *client);

#endif
