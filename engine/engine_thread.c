#include "engine/engine_thread.h"

#include "base/mem.h"
#include "engine/link.h"
#include "engine/server.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

struct engine_link {
	pthread_t thread;
	int fd;
};

static void *serve(void *arg)
{
	struct engine_link *link = arg;

	server_run(link->fd, 0);
	return NULL;
}

static int thread_start(
	struct engine_link **out, int *fd, const struct engine_config *config, struct err *err)
{
	struct engine_link *link = mem_zero(1, sizeof(*link));
	int error;

	if (engine_link_pair(fd, &link->fd, err) < 0) {
		free(link);
		return -1;
	}
	error = pthread_create(&link->thread, NULL, serve, link);
	if (error) {
		close(*fd);
		close(link->fd);
		free(link);
		return err_set_errno(
			err, ERR_ENGINE, error, NULL, "the engine's thread cannot be started");
	}
	*out = link;
	return 0;
}

/* It ends as soon as it sees that we are gone. */
static int thread_finish(struct engine_link *link, int wait_ms, struct err *why)
{
	pthread_join(link->thread, NULL);
	free(link);
	err_set(why, ERR_ENGINE, NULL, "ask again: it restarts by itself",
		"the engine's thread ended");
	return 1;
}

static const struct engine_link_ops link_thread = {thread_start, thread_finish, NULL};

int engine_open_thread(struct engine **out, const struct engine_config *config, struct err *err)
{
	return engine_open_link(out, config, &link_thread, err);
}
