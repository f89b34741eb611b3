/* Jobs: formed of items, given to workers, and what becomes of them when a worker dies. */
#include "loaders/load_internal.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS_PER_MS INT64_C(1000000)

enum {
	PIPE_BYTES = 1 << 20, /* what a process without privileges may ask for */
	PATIENCE_MS = 20000,  /* for a file of no size; CPU time beside it, for a busy machine */
	PATIENCE_MS_PER_MB = 8000,
	CPU_S = 10,
	CPU_S_PER_MB = 4,
	TREE_CPU_S = 3600, /* all of it; a single file's limit is our patience */
};
#define MEMORY_BYTES   (UINT64_C(1) << 30) /* and four times the file */
#define TREE_MAX_BYTES (UINT64_C(16) << 30)

static int64_t megabytes(int64_t bytes)
{
	return (bytes + (1 << 20) - 1) >> 20;
}

static int64_t patience_ms(const struct load *load, const struct item *item)
{
	int own = load->options->patience_ms;
	int64_t more = item->is_tree ? 0 : item->size_bytes * PATIENCE_MS_PER_MB >> 20;

	return (own ? own : PATIENCE_MS) + more;
}

void load_job_limit(struct load *load, struct job *job)
{
	job->waited_ns = 0;
	if (job->at < job->n_item) {
		job->limit_ns = patience_ms(load, job->item[job->at]) * NS_PER_MS;
	}
}

void load_job_destroy(struct job *job)
{
	if (job->fd >= 0) {
		close(job->fd);
	}
	frame_reader_finish(&job->reader);
	free(job);
}

void load_job_kill(struct load *load, struct job *job, enum verdict verdict)
{
	job->verdict = verdict;
	close(job->fd);
	job->fd = -1;
	worker_client_kill(&load->worker, job->id);
}

/* ---- forming ---- */

/* The first item that waits for a worker; opened on the way. NULL: none, or *failed. */
static struct item *next_open(struct load *load, int *failed)
{
	for (struct item *item = load->first; item; item = item->next) {
		if (item->state == ITEM_NAMED && load_open(load, item) < 0) {
			*failed = 1;
			return NULL;
		}
		if (item->state == ITEM_OPEN) {
			return item;
		}
	}
	while (load->n_path && load->n_item < LOAD_AHEAD_ITEMS &&
		load->held_bytes < LOAD_AHEAD_BYTES) {
		const char *path = *load->path;
		int is_stdin = strcmp(path, "-") == 0;
		char *name = is_stdin ? mem_strdup("stdin") : load_shown_name(path);
		struct item *item = item_create(path, name);

		free(name);
		load->path++;
		load->n_path--;
		*(load->first ? &load->last->next : &load->first) = item;
		load->last = item;
		load->n_item++;
		if (load_open(load, item) < 0) {
			*failed = 1;
			return NULL;
		}
		if (item->state == ITEM_OPEN) {
			return item;
		}
	}
	return NULL;
}

static int is_small(const struct item *item)
{
	return !item->is_tree && !item->is_pdf && !item->is_pipe &&
	       item->size_bytes <= LOAD_SMALL_BYTES;
}

static void add_item(struct job *job, struct item *item)
{
	job->item[job->n_item++] = item;
	item->next_share++;
	if (item->next_share == item->n_share) {
		item->state = ITEM_RUNNING;
	}
}

/* The first item, and small files behind it as long as every worker gets some. */
static int form(struct load *load, struct job *job)
{
	size_t fair = (load->n_path + load->n_item) / load->max_job;
	int64_t bytes = 0;
	int failed = 0;
	struct item *item = next_open(load, &failed);

	if (!item) {
		return failed ? -1 : 0;
	}
	fair = fair < 1 ? 1 : fair > WORKER_MAX_FILES ? WORKER_MAX_FILES : fair;
	job->share_index = item->next_share;
	add_item(job, item);
	bytes = item->size_bytes;
	while (is_small(job->item[0]) && job->n_item < fair && bytes < LOAD_BATCH_BYTES) {
		item = next_open(load, &failed);
		if (!item || !is_small(item)) {
			break;
		}
		bytes += item->size_bytes;
		add_item(job, item);
	}
	return failed ? -1 : 1;
}

static void add_string(struct buf *strings, const char *text)
{
	buf_add(strings, text, strlen(text) + 1);
}

static void describe_tree(struct load *load, const struct item *item,
	struct worker_request *request, struct buf *strings)
{
	const struct load_options *options = load->options;

	request->kind = REQUEST_TREE;
	request->n_include = (uint32_t)options->n_include;
	request->n_exclude = (uint32_t)options->n_exclude;
	request->is_careful = (uint8_t)item->is_careful;
	add_string(strings, item->path);
	add_string(strings, item->subdir);
	add_string(strings, item->last_path ? item->last_path : "");
	for (size_t i = 0; i < options->n_include; i++) {
		add_string(strings, options->include[i]);
	}
	for (size_t i = 0; i < options->n_exclude; i++) {
		add_string(strings, options->exclude[i]);
	}
}

static void describe(
	struct load *load, struct job *job, struct worker_request *request, struct buf *strings)
{
	const struct item *first = job->item[0];
	int64_t largest = 0, all = 0;

	*request = (struct worker_request){
		.kind = REQUEST_FILES,
		.n_file = (uint32_t)job->n_item,
		.job = job->id,
		.share_index = job->share_index,
		.n_share = first->n_share,
		.include_secrets = load->options->include_secrets != 0,
	};
	for (size_t i = 0; i < job->n_item; i++) {
		int64_t bytes = job->item[i]->size_bytes;

		largest = bytes > largest ? bytes : largest;
		all += bytes;
		if (!first->is_tree) {
			add_string(strings, job->item[i]->path);
		}
	}
	if (first->is_tree) {
		describe_tree(load, first, request, strings);
	}
	job->memory_bytes = MEMORY_BYTES + 4 * (uint64_t)largest;
	job->cpu_s =
		(uint32_t)(first->is_tree ? TREE_CPU_S : CPU_S + CPU_S_PER_MB * megabytes(all));
	request->memory_bytes = job->memory_bytes;
	request->cpu_s = job->cpu_s;
}

/* The descriptors that went over are the worker's from now on. */
static void close_sent(struct job *job)
{
	for (size_t i = 0; i < job->n_item; i++) {
		struct item *item = job->item[i];

		if (item->state == ITEM_RUNNING && item->fd >= 0) {
			close(item->fd);
			item->fd = -1;
		}
	}
}

static int submit(struct load *load, struct job *job)
{
	int end[2], fd[WORKER_MAX_FILES + 1], status;
	struct buf strings = BUF_INIT;
	struct worker_request request;

	if (pipe2(end, O_CLOEXEC | O_NONBLOCK) < 0) {
		return err_set_errno(
			load->err, ERR_FAILURE, errno, NULL, "the reader's pipe cannot be made");
	}
	/* The worker's end waits; a smaller pipe than that is only slower. */
	fcntl(end[1], F_SETFL, 0);
	fcntl(end[1], F_SETPIPE_SZ, PIPE_BYTES);
	job->fd = end[0];
	job->id = load->next_id++;
	job->reader.n_file = (uint32_t)job->n_item;
	job->reader.is_tree = job->item[0]->is_tree;
	job->reader.max_bytes =
		job->reader.is_tree ? TREE_MAX_BYTES : (uint64_t)LOAD_MAX_BYTES * 9 / 8;
	describe(load, job, &request, &strings);
	fd[0] = end[1];
	for (size_t i = 0; i < job->n_item; i++) {
		fd[i + 1] = job->item[i]->is_tree ? job->item[i]->root_fd : job->item[i]->fd;
	}
	status = worker_client_submit(&load->worker, &request, &strings, fd, job->n_item + 1);
	close(end[1]);
	buf_finish(&strings);
	if (status < 0) {
		return err_set(load->err, ERR_FAILURE, NULL, "try again",
			"the program that reads files (carrel-worker) ended unexpectedly");
	}
	close_sent(job);
	load_job_limit(load, job);
	return 0;
}

int load_fill(struct load *load)
{
	while (load->n_job < load->max_job) {
		struct job *job = mem_zero(1, sizeof(*job));
		int status;

		job->fd = -1;
		job->reader.place.time_ms = -1;
		status = form(load, job);
		if (status > 0 && !load->is_started) {
			status = worker_client_start(
				&load->worker, load->options->unsafe, load->err);
			load->is_started = status == 0;
			status = status < 0 ? -1 : 1;
		}
		if (status <= 0 || submit(load, job) < 0) {
			load_job_destroy(job);
			return status <= 0 ? status : -1;
		}
		load->job[load->n_job++] = job;
	}
	return 0;
}

/* ---- ends ---- */

static int exit_status_of(const struct job *job)
{
	return WIFEXITED(job->status) ? WEXITSTATUS(job->status) : -1;
}

/* Completes "PATH ". */
static char *death_reason(const struct load *load, const struct job *job, const struct item *item)
{
	static const char said[] = "could not be read: its reader";
	int status = job->status, signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	int exit_status = exit_status_of(job);

	if (job->verdict == VERDICT_TIME) {
		return mem_printf("%s took longer than %lld s", said,
			(long long)((patience_ms(load, item) + 999) / 1000));
	}
	if (job->verdict == VERDICT_NONSENSE) {
		return mem_printf("%s answered nonsense, which a damaged file may cause", said);
	}
	if (signal == SIGXCPU) {
		return mem_printf("%s took longer than %u s", said, job->cpu_s);
	}
	if (signal == SIGSYS || exit_status == 128 + SIGSYS) {
		return mem_printf("%s was stopped at a forbidden system call, which a damaged file "
				  "may cause",
			said);
	}
	if (exit_status == WORKER_EXIT_NO_LANDLOCK) {
		return mem_strdup(
			"cannot be read safely here, since the kernel offers no Landlock: "
			"name its files, or give --unsafe-loaders");
	}
	if (exit_status == WORKER_EXIT_MEMORY) {
		return mem_printf("%s needed more than %llu MB of memory", said,
			(unsigned long long)(job->memory_bytes >> 20));
	}
	if (signal == SIGKILL) {
		return mem_printf("%s was killed: perhaps the machine ran out of memory", said);
	}
	if (signal) {
		return mem_printf("%s crashed (signal %d, %s)", said, signal, strsignal(signal));
	}
	return mem_printf("%s ended too early (exit status %d)", said, exit_status);
}

/*
 * Behind the file that killed its reader; where that is not known, a careful reader finds it out.
 */
static void tree_died(struct load *load, struct job *job, struct item *item)
{
	int is_known = item->is_careful && item->reading_path;
	char *reason = death_reason(load, job, item);

	if (exit_status_of(job) == WORKER_EXIT_NO_LANDLOCK || (item->is_careful && !is_known) ||
		item->n_death > LOAD_TREE_DEATHS) {
		item_fail(item, SKIP_UNREADABLE, reason);
		item_end_share(load, item);
		return;
	}
	if (is_known) {
		char *path = mem_printf("%s/%s", item->path, item->reading_path);
		struct skipped skipped = {path, reason, 1};

		load->sink->skipped(load->sink->arg, &skipped);
		free(path);
		free(item->last_path);
		item->last_path = item->reading_path;
		item->reading_path = NULL;
		item->n_death++;
	}
	free(reason);
	item->is_careful = !is_known;
	item->state = ITEM_OPEN;
	item->next_share = 0;
}

int load_job_end(struct load *load, struct job *job)
{
	size_t i = job->at;

	if (exit_status_of(job) == WORKER_EXIT_SANDBOX) {
		return err_set(load->err, ERR_FAILURE, NULL,
			"give --unsafe-loaders to read without one",
			"no file can be read safely: its reader's sandbox cannot be set up here");
	}
	if (i < job->n_item) {
		struct item *item = job->item[i++];

		if (item->is_tree) {
			tree_died(load, job, item);
		} else {
			item_fail(item, SKIP_UNREADABLE, death_reason(load, job, item));
			item_end_share(load, item);
		}
	}
	/* The rest of a batch did nothing wrong. */
	for (; i < job->n_item; i++) {
		job->item[i]->state = ITEM_NAMED;
		job->item[i]->next_share = 0;
	}
	return 0;
}
