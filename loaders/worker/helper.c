/*
 * The helper: a process of one thread that has everything prepared, and forks a worker for each
 * job.
 */
#include "loaders/worker/worker.h"

#include "base/mem.h"
#include "loaders/format/format.h"
#include "loaders/worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	MAX_FD = WORKER_MAX_FILES + 1,
	PARKED_FD = WORKER_RESULT_FD + MAX_FD,
	MAX_STRING_BYTES = 64 << 20,
};

struct running {
	pid_t pid;
	uint64_t job;
};

struct helper {
	int socket_fd, signal_fd;
	int is_unsafe;
	struct sandbox sandbox;
	struct running *running;
	size_t n_running, cap_running;
};

/* A request and what came beside it. */
struct work {
	struct worker_request request;
	char *strings;
	int fd[MAX_FD];
	int n_fd;
};

static void work_finish(struct work *work)
{
	free(work->strings);
	for (int i = 0; i < work->n_fd; i++) {
		close(work->fd[i]);
	}
}

/* ---- the worker, from fork to its end ---- */

/*
 * The descriptors of the job in order from 3 on, and no others. They are parked far above first, so
 * that none is overwritten before it is moved.
 */
static int arrange(struct work *work)
{
	for (int i = 0; i < work->n_fd; i++) {
		work->fd[i] = fcntl(work->fd[i], F_DUPFD, PARKED_FD);
		if (work->fd[i] < 0) {
			return -1;
		}
	}
	for (int i = 0; i < work->n_fd; i++) {
		if (dup2(work->fd[i], WORKER_RESULT_FD + i) < 0) {
			return -1;
		}
	}
	return close_range((unsigned)(WORKER_RESULT_FD + work->n_fd), ~0U, 0);
}

static void tell_exhaustion(void)
{
	_exit(WORKER_EXIT_MEMORY);
}

_Noreturn static void worker_run(struct helper *helper, struct work *work, pid_t parent)
{
	const struct worker_request *request = &work->request;
	enum sandbox_recipe recipe =
		request->kind == REQUEST_TREE ? SANDBOX_TREES : SANDBOX_DOCUMENTS;
	struct sandbox_limits limits = {request->memory_bytes, request->cpu_s};
	/* Behind its path, of a tree: see worker_request. */
	const char *subdir =
		recipe == SANDBOX_TREES ? work->strings + strlen(work->strings) + 1 : "";
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	mem_at_exhaustion(tell_exhaustion);
	if (sandbox_limit(&limits, parent) < 0 ||
		sandbox_hide_files(&helper->sandbox, recipe, work->fd[1], subdir) < 0 ||
		arrange(work) < 0 || sandbox_close(&helper->sandbox, recipe) < 0) {
		_exit(WORKER_EXIT_SANDBOX);
	}
	job_run(request, work->strings);
	_exit(0);
}

/* ---- the helper ---- */

static void report(const struct helper *helper, const struct worker_report *report)
{
	if (send(helper->socket_fd, report, sizeof(*report), MSG_NOSIGNAL) < 0) {
		return; /* the other end is gone: the next read tells */
	}
}

static void report_job(
	const struct helper *helper, enum worker_report_kind kind, uint64_t job, int status)
{
	struct worker_report of_job = {.kind = kind, .job = job, .status = status};

	report(helper, &of_job);
}

static void start(struct helper *helper, struct work *work)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0) {
		worker_run(helper, work, parent);
	}
	if (pid < 0) {
		report_job(
			helper, REPORT_ENDED, work->request.job, W_EXITCODE(WORKER_EXIT_MEMORY, 0));
		return;
	}
	report_job(helper, REPORT_STARTED, work->request.job, pid);
	mem_grow(helper->running, helper->n_running, helper->cap_running);
	helper->running[helper->n_running++] = (struct running){pid, work->request.job};
}

static void reap(struct helper *helper)
{
	struct signalfd_siginfo ignored;
	int status;
	pid_t pid;

	if (read(helper->signal_fd, &ignored, sizeof(ignored)) < 0) {
		/* taken already: looking again costs nothing */
	}
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < helper->n_running; i++) {
			if (helper->running[i].pid == pid) {
				report_job(helper, REPORT_ENDED, helper->running[i].job, status);
				helper->running[i] = helper->running[--helper->n_running];
				break;
			}
		}
	}
}

static void end_worker(const struct helper *helper, uint64_t job)
{
	for (size_t i = 0; i < helper->n_running; i++) {
		if (helper->running[i].job == job) {
			kill(helper->running[i].pid, SIGKILL);
		}
	}
}

/* Exactly so many bytes, with the descriptors that come beside the first. 0 at the end. */
static int receive(int fd, void *bytes, size_t len, struct work *work)
{
	size_t done = 0;

	while (done < len) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(sizeof(int) * MAX_FD)];
		} control;
		struct iovec iov = {(char *)bytes + done, len - done};
		struct msghdr message = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
		struct cmsghdr *head;

		if (n < 0 && errno == EINTR) {
			continue;
		}
		if (n <= 0) {
			return 0;
		}
		head = CMSG_FIRSTHDR(&message);
		if (head && head->cmsg_type == SCM_RIGHTS && work->n_fd == 0) {
			work->n_fd = (int)((head->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(work->fd, CMSG_DATA(head), (size_t)work->n_fd * sizeof(int));
		}
		done += (size_t)n;
	}
	return 1;
}

/* 0 at the end. */
static int take(struct helper *helper)
{
	struct work work = {.n_fd = 0};
	uint64_t len;

	if (!receive(helper->socket_fd, &work.request, sizeof(work.request), &work)) {
		return 0;
	}
	len = work.request.n_string_bytes;
	if (len > MAX_STRING_BYTES) {
		return 0;
	}
	work.strings = mem_alloc(len);
	if (!receive(helper->socket_fd, work.strings, len, &work)) {
		work_finish(&work);
		return 0;
	}
	if (work.request.kind == REQUEST_KILL) {
		end_worker(helper, work.request.job);
	} else if (work.n_fd != (int)work.request.n_file + 1 ||
		   (!helper->sandbox.has_seccomp && !helper->is_unsafe)) {
		report_job(
			helper, REPORT_ENDED, work.request.job, W_EXITCODE(WORKER_EXIT_SANDBOX, 0));
	} else if (work.request.kind == REQUEST_TREE && !helper->sandbox.landlock_abi &&
		   !helper->is_unsafe) {
		report_job(helper, REPORT_ENDED, work.request.job,
			W_EXITCODE(WORKER_EXIT_NO_LANDLOCK, 0));
	} else {
		start(helper, &work);
	}
	work_finish(&work);
	return 1;
}

static void end_all(struct helper *helper)
{
	for (size_t i = 0; i < helper->n_running; i++) {
		kill(helper->running[i].pid, SIGKILL);
	}
	for (size_t i = 0; i < helper->n_running; i++) {
		while (waitpid(helper->running[i].pid, NULL, 0) < 0 && errno == EINTR) {
		}
	}
	free(helper->running);
}

int helper_run(int socket_fd, int is_unsafe)
{
	struct helper helper = {.socket_fd = socket_fd, .is_unsafe = is_unsafe};
	struct worker_report ready = {.kind = REPORT_READY};
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	helper.signal_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	sandbox_prepare(&helper.sandbox);
	formats_prepare();
	ready.has_seccomp = (uint32_t)helper.sandbox.has_seccomp;
	ready.landlock_abi = (uint32_t)helper.sandbox.landlock_abi;
	report(&helper, &ready);
	for (;;) {
		struct pollfd look[] = {{socket_fd, POLLIN, 0}, {helper.signal_fd, POLLIN, 0}};

		if (poll(look, ARRAY_LEN(look), -1) < 0 && errno != EINTR) {
			break;
		}
		if (look[1].revents) {
			reap(&helper);
		}
		if (look[0].revents && !take(&helper)) {
			break;
		}
	}
	end_all(&helper);
	return 0;
}
