/* Jobs: formed of items, given to workers, and what becomes of them when a worker dies. */
#include "loaders/load_internal.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS INT64_C(1000000)

enum {
	PIPE_BYTES = 1 << 20, /* what a process without privileges may ask for */
	PATIENCE_MS = 20000,  /* for a file of no size; CPU time beside it, for a busy machine */
	PATIENCE_MS_PER_MB = 8000,
	CPU_S = 10,
	CPU_S_PER_MB = 4,
	WALL_PER_CPU = 2, /* what is granted of both: see load_job_is_late() */
	MIN_CPU_SHARE = 16,
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

	return ((own ? own : PATIENCE_MS) + more) >> item->n_late;
}

/* CPU time of a worker so far; 0 where that is not known. */
static int64_t cpu_ns(const struct job *job)
{
	struct timespec used;
	clockid_t clock;

	return job->pid > 0 && clock_getcpuclockid(job->pid, &clock) == 0 &&
			       clock_gettime(clock, &used) == 0
		       ? used.tv_sec * INT64_C(1000000000) + used.tv_nsec
		       : 0;
}

/*
 * Patience is for those that sleep. A worker that gets little of a busy machine, and uses it, has
 * until its CPU time is used up; one that hardly uses any is asleep.
 */
int load_job_is_late(struct job *job, int64_t waited_ns)
{
	int64_t used_ns;

	if (job->waited_ns == 0) {
		job->start_cpu_ns = cpu_ns(job);
	}
	job->waited_ns += waited_ns;
	if (job->waited_ns <= job->limit_ns) {
		return 0;
	}
	used_ns = cpu_ns(job) - job->start_cpu_ns;
	return used_ns >= job->limit_ns / WALL_PER_CPU || used_ns < job->waited_ns / MIN_CPU_SHARE;
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
	return !item->is_tree && !item->is_pdf && !item->is_pipe && !item->is_alone &&
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

static size_t fair_batch(const struct load *load)
{
	size_t fair = (load->n_path + load->n_item) / load->max_job;

	fair = fair < load->max_batch ? fair : load->max_batch;
	return fair < 1 ? 1 : fair;
}

/* The first item, and small files behind it as long as every worker gets some. */
static int form(struct load *load, struct job *job)
{
	size_t fair = fair_batch(load);
	int64_t bytes = 0;
	int failed = 0;
	struct item *item = next_open(load, &failed);

	if (!item) {
		return failed ? -1 : 0;
	}
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
		.first_page = (uint32_t)job->first_page,
		.include_secrets = load->options->include_secrets != 0,
		.layout = load->options->layout != 0,
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
	/* However many pages take too long, all of them together have twice the time of one. */
	job->cpu_s = job->cpu_s >> first->n_late ? job->cpu_s >> first->n_late : 1;
	request->memory_bytes = job->memory_bytes;
	request->cpu_s = job->cpu_s;
}

/* The descriptors that went over are the worker's from now on; a PDF may need another one. */
static void close_sent(struct job *job)
{
	for (size_t i = 0; i < job->n_item; i++) {
		struct item *item = job->item[i];

		if (item->state == ITEM_RUNNING && item->fd >= 0 && !item->is_pdf) {
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

static struct job *job_create(void)
{
	struct job *job = mem_zero(1, sizeof(*job));

	job->fd = -1;
	job->reader.place.time_ms = -1;
	return job;
}

int load_fill(struct load *load)
{
	while (load->n_job < load->max_job) {
		struct job *job = job_create();
		int status = form(load, job);

		if (status > 0 && !load->is_started) {
			status = worker_client_start(
				&load->worker, load->options->unsafe, load->err);
			load->is_started = status == 0;
			load->started_ns = load_now_ns();
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
		item->n_death > LOAD_DEATHS) {
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

static int took_too_long(const struct job *job)
{
	return job->verdict == VERDICT_TIME ||
	       (WIFSIGNALED(job->status) && WTERMSIG(job->status) == SIGXCPU);
}

/* The first page behind another one that is a share's. */
static int64_t next_page(const struct job *job, const struct item *item, int64_t page)
{
	do {
		page++;
	} while ((uint64_t)(page - 1) / PAGE_RUN % item->n_share != job->share_index);
	return page;
}

/*
 * A page that killed its reader is named, and another reader begins behind it. 0 where nothing can be
 * saved: of one page, or before there were any.
 */
static int resume_pages(struct load *load, struct job *job, struct item *item)
{
	int64_t page = job->last_page ? job->last_page : job->first_page - (job->first_page > 0);
	struct job *next;
	char *reason;

	if (item->fd < 0 || job->n_page <= 1 || item->failed.reason ||
		item->document.kind != DOCUMENT_PDF || job->verdict == VERDICT_NONSENSE ||
		++item->n_death > LOAD_DEATHS) {
		return 0;
	}
	page = next_page(job, item, page);
	if (page > job->n_page) {
		item_end_share(load, item); /* at its bookmarks: all of its pages are there */
		return 1;
	}
	reason = death_reason(load, job, item);
	page_notes_add(&item->notes, page, SKIP_UNREADABLE, reason);
	free(reason);
	item->n_late += took_too_long(job) != 0;
	next = job_create();
	next->item[next->n_item++] = item;
	next->share_index = job->share_index;
	next->first_page = page + 1;
	if (submit(load, next) < 0) {
		load_job_destroy(next);
		return -1;
	}
	load->job[load->n_job++] = next;
	return 1;
}

/* What a file of a batch ran out of may have been used up by those in front of it. */
static int is_blameless(const struct job *job)
{
	return job->at > 0 && (took_too_long(job) || exit_status_of(job) == WORKER_EXIT_MEMORY) &&
	       job->verdict == VERDICT_NONE;
}

static int file_died(struct load *load, struct job *job, struct item *item)
{
	int status = resume_pages(load, job, item);

	if (status == 0) {
		item_fail(item, SKIP_UNREADABLE, death_reason(load, job, item));
		item_end_share(load, item);
	}
	return status < 0 ? -1 : 0;
}

/* Its reader ended in front of it, and did it nothing. */
static void try_again(struct item *item)
{
	item->state = ITEM_NAMED;
	item->next_share = 0;
}

int load_job_end(struct load *load, struct job *job)
{
	int is_early = exit_status_of(job) == WORKER_EXIT_REST && job->at > 0;
	size_t i = job->at;

	if (exit_status_of(job) == WORKER_EXIT_SANDBOX) {
		return err_set(load->err, ERR_FAILURE, NULL,
			"give --unsafe-loaders to read without one",
			"no file can be read safely: its reader's sandbox cannot be set up here");
	}
	/* Where libraries are needed, opening many files for one that is read is in vain. */
	if (is_early) {
		load->max_batch = 1;
	} else if (job->n_item == load->max_batch && load->max_batch < WORKER_MAX_FILES) {
		load->max_batch *= 2;
	}
	if (i < job->n_item && is_blameless(job)) {
		job->item[i]->is_alone = 1;
	} else if (i < job->n_item && !is_early) {
		struct item *item = job->item[i++];

		if (item->is_tree) {
			tree_died(load, job, item);
		} else if (file_died(load, job, item) < 0) {
			return -1;
		}
	}
	for (; i < job->n_item; i++) {
		try_again(job->item[i]);
	}
	return 0;
}
