#include "loaders/worker/client.h"

#include "base/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FD = WORKER_MAX_FILES + 1, GRACE_MS = 2000 };

static const struct child_program program = {
	.name = "carrel-worker",
	.what = "reader",
	.variable = "CARREL_WORKER",
	.log = "CARREL_WORKER_LOG",
	.folder = "loaders/worker",
	.code = ERR_FAILURE,
};

int worker_client_start(struct worker_client *client, int is_unsafe, struct err *err)
{
	char *const argv[] = {(char *)"carrel-worker", (char *)"--socket=3",
		is_unsafe ? (char *)"--unsafe" : NULL, NULL};
	char *path = child_find(&program, NULL, err);
	int fd[2], status;

	*client = (struct worker_client){.fd = -1};
	if (!path) {
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0) {
		free(path);
		return err_set_errno(
			err, ERR_FAILURE, errno, NULL, "the reader's socket cannot be made");
	}
	status = child_spawn(&client->pid, &program, path, argv, fd[1], err);
	free(path);
	close(fd[1]);
	if (status < 0) {
		close(fd[0]);
		client->pid = 0;
		return -1;
	}
	client->fd = fd[0];
	return 0;
}

/* The descriptors go with the first byte. */
static int send_all(int socket_fd, const char *bytes, size_t len, const int *fd, size_t n_fd)
{
	while (len) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(int) * MAX_FD)];
		} control;
		struct iovec iov = {(char *)bytes, len};
		struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n;

		if (n_fd) {
			struct cmsghdr *head;

			memset(&control, 0, sizeof(control));
			message.msg_control = control.bytes;
			message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fd);
			head = CMSG_FIRSTHDR(&message);
			head->cmsg_level = SOL_SOCKET;
			head->cmsg_type = SCM_RIGHTS;
			head->cmsg_len = CMSG_LEN(sizeof(int) * n_fd);
			memcpy(CMSG_DATA(head), fd, sizeof(int) * n_fd);
		}
		n = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR) {
			return -1;
		}
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
			n_fd = 0;
		}
	}
	return 0;
}

int worker_client_submit(struct worker_client *client, const struct worker_request *request,
	const struct buf *strings, const int *fd, size_t n_fd)
{
	struct worker_request sent = *request;

	sent.n_string_bytes = strings->len;
	return send_all(client->fd, (const char *)&sent, sizeof(sent), fd, n_fd) < 0
		       ? -1
		       : send_all(client->fd, strings->data, strings->len, NULL, 0);
}

void worker_client_kill(struct worker_client *client, uint64_t job)
{
	struct worker_request request = {.kind = REQUEST_KILL, .job = job};

	/* Where it is gone, so is the worker. */
	(void)send_all(client->fd, (const char *)&request, sizeof(request), NULL, 0);
}

int worker_client_report(struct worker_client *client, struct worker_report *report)
{
	ssize_t n = recv(client->fd, (char *)&client->partial + client->n_partial,
		sizeof(client->partial) - client->n_partial, MSG_DONTWAIT);

	if (n < 0) {
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	}
	if (n == 0) {
		return -1;
	}
	client->n_partial += (size_t)n;
	if (client->n_partial < sizeof(client->partial)) {
		return 0;
	}
	client->n_partial = 0;
	*report = client->partial;
	return 1;
}

void worker_client_end(struct worker_client *client)
{
	struct timespec pause = {.tv_nsec = 500000};

	if (client->fd >= 0) {
		close(client->fd);
		client->fd = -1;
	}
	if (client->pid <= 0) {
		return;
	}
	/* It ends its workers and goes; one that does not is ended, and its workers with it. */
	for (int64_t waited_us = 0; child_wait(client->pid, NULL, WNOHANG) == 0; waited_us += 500) {
		if (waited_us > INT64_C(1000) * GRACE_MS) {
			kill(client->pid, SIGKILL);
			child_wait(client->pid, NULL, 0);
			break;
		}
		nanosleep(&pause, NULL);
	}
	client->pid = 0;
}
