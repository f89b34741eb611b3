/* The loop of a load: workers get jobs, what they answer is collected and handed over in order. */
#include "loaders/load_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "loaders/tree/glob.h"

#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS INT64_C(1000000)

enum { ASK_MS = 50, GRACE_MS = 5000, START_MS = 60000 /* fontconfig may look at every font */ };

int64_t load_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int load_stopped(struct load *load)
{
	const struct load_watch *watch = &load->options->watch;
	int64_t now_ns = load_now_ns();

	if (!load->is_stopped && watch->stopped && now_ns - load->asked_ns >= ASK_MS * NS_PER_MS) {
		load->asked_ns = now_ns;
		load->is_stopped = watch->stopped(watch->arg) != 0;
	}
	return load->is_stopped;
}

int load_interrupted(struct load *load)
{
	return err_set(load->err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
}

static void show_progress(struct load *load)
{
	const struct load_watch *watch = &load->options->watch;
	int64_t now_ns = load_now_ns();

	if (watch->progress && now_ns - load->shown_ns >= ASK_MS * NS_PER_MS) {
		load->shown_ns = now_ns;
		watch->progress(watch->arg, &load->progress);
	}
}

/* ---- items ---- */

struct item *item_create(const char *path, const char *name)
{
	struct item *item = mem_zero(1, sizeof(*item));

	item->path = mem_strdup(path);
	item->name = mem_strdup(name);
	item->fd = item->root_fd = -1;
	item->n_share = 1;
	item->document.name = mem_strdup(name);
	item->document.origin = mem_strdup(path);
	return item;
}

static void close_file(struct item *item)
{
	if (item->fd >= 0) {
		close(item->fd);
		item->fd = -1;
	}
}

static void close_item(struct item *item)
{
	close_file(item);
	if (item->root_fd >= 0) {
		close(item->root_fd);
	}
	item->fd = item->root_fd = -1;
	if (item->folder && --item->folder->n_user == 0) {
		close(item->folder->fd);
		free(item->folder);
	}
	item->folder = NULL;
}

void item_destroy(struct item *item)
{
	close_item(item);
	page_notes_finish(&item->notes);
	skip_finish(&item->failed);
	document_finish(&item->document);
	free(item->path);
	free(item->name);
	free(item->inside);
	free(item->subdir);
	free(item->last_path);
	free(item->reading_path);
	free(item);
}

void item_fail(struct item *item, enum skip_class class, char *reason)
{
	if (item->failed.reason) {
		free(reason);
		return;
	}
	item->failed.class = class;
	item->failed.reason = reason;
	/* Nobody begins what is left of it. */
	item->n_share = item->next_share;
	item->state = item->n_share == item->n_done ? ITEM_DONE : ITEM_RUNNING;
}

void load_show_path(struct load *load, const char *path)
{
	free(load->shown_path);
	load->shown_path = mem_strdup(path);
	load->progress.path = load->shown_path;
}

void item_end_share(struct load *load, struct item *item)
{
	item->n_done++;
	if (item->n_done < item->n_share) {
		return;
	}
	item->state = ITEM_DONE;
	load_show_path(load, item->path);
	if (!item->is_tree) {
		close_file(item);
		load->progress.n_files++;
		load->progress.n_bytes += item->size_bytes - item->counted_bytes;
	}
}

/* ---- the loop ---- */

/*
 * Whether a job's pipe is to be read: what stands first always is; what comes behind it as long as
 * there is room to hold it. A folder is handed over as it comes, so it waits for its turn.
 */
static int may_read(const struct load *load, const struct job *job)
{
	return job->fd >= 0 &&
	       (job->at == job->n_item || job->item[job->at] == load->first ||
		       (!job->reader.is_tree && load->held_bytes < LOAD_AHEAD_BYTES));
}

/* Take all frames that are whole. -1: the sink ended the load. */
static int take_frames(struct load *load, struct job *job)
{
	struct frame frame;
	int status;

	while ((status = frame_reader_next(&job->reader, &frame)) > 0) {
		status = load_answer(load, job, &frame);
		frame_finish(&frame);
		if (status < 0) {
			load->is_stopped = 1;
			return load_interrupted(load);
		}
	}
	frame_finish(&frame);
	if (status < 0) {
		load_job_kill(load, job, VERDICT_NONSENSE);
	}
	return 0;
}

static int read_job(struct load *load, struct job *job)
{
	int status = frame_reader_fill(&job->reader, job->fd);

	if (status < 0) {
		return err_set(load->err, ERR_FAILURE, NULL, "free some memory",
			"what is loaded does not fit into memory");
	}
	if (status > 0) {
		return take_frames(load, job);
	}
	if (job->reader.is_at_end) {
		close(job->fd);
		job->fd = -1;
	}
	return 0;
}

static int silent(struct load *load)
{
	return err_set(load->err, ERR_FAILURE, NULL, "try again",
		"the program that reads files (carrel-worker) does not answer");
}

/* A worker that nobody hears of any more, though it was to end: the helper hangs. */
static int check_time(struct load *load, struct job *job, int64_t waited_ns)
{
	if (!load->is_ready) {
		return load_now_ns() - load->started_ns > START_MS * NS_PER_MS ? silent(load) : 0;
	}
	if (job->fd < 0) {
		job->waited_ns += waited_ns;
		return job->waited_ns > job->limit_ns + GRACE_MS * NS_PER_MS ? silent(load) : 0;
	}
	if (load_job_is_late(job, waited_ns)) {
		load_job_kill(load, job, VERDICT_TIME);
		job->waited_ns = 0;
		job->limit_ns = 0;
	}
	return 0;
}

/* Jobs whose worker is gone and whose pipe is read to its end. */
static int end_jobs(struct load *load)
{
	for (size_t i = 0; i < load->n_job;) {
		struct job *job = load->job[i];
		int status;

		if (!job->is_reported || job->fd >= 0) {
			i++;
			continue;
		}
		/* It may have a successor. */
		load->job[i] = load->job[--load->n_job];
		status = load_job_end(load, job);
		load_job_destroy(job);
		if (status < 0) {
			return -1;
		}
	}
	return 0;
}

static int hear_ready(struct load *load, const struct worker_report *report)
{
	if (!report->has_seccomp && !load->options->unsafe) {
		return err_set(load->err, ERR_FAILURE, NULL,
			"give --unsafe-loaders to read without a sandbox",
			"no file can be read safely here: the kernel offers no seccomp");
	}
	if (!report->has_seccomp) {
		log_note("files are read without a sandbox: the kernel offers no seccomp");
	} else if (!report->landlock_abi) {
		log_note("the kernel offers no Landlock: readers of documents can open no file at "
			 "all, not even the tables of East Asian PDFs%s",
			load->options->unsafe ? "; those of folders can read any" : "");
	}
	return 0;
}

static void hear_of(struct job *job, const struct worker_report *report)
{
	if (report->kind == REPORT_STARTED) {
		job->pid = report->status;
	} else {
		job->is_reported = 1;
		job->status = report->status;
	}
}

static int hear_reports(struct load *load)
{
	struct worker_report report;
	int status;

	while ((status = worker_client_report(&load->worker, &report)) > 0) {
		if (report.kind == REPORT_READY) {
			if (hear_ready(load, &report) < 0) {
				return -1;
			}
			load->is_ready = 1;
			continue;
		}
		for (size_t i = 0; i < load->n_job; i++) {
			if (load->job[i]->id == report.job) {
				hear_of(load->job[i], &report);
			}
		}
	}
	return status == 0 ? 0
			   : err_set(load->err, ERR_FAILURE, NULL, "try again",
				     "the program that reads files (carrel-worker) ended "
				     "unexpectedly");
}

/* Wait until something comes, and take it. */
static int look(struct load *load)
{
	struct pollfd fd[LOAD_MAX_WORKER + 1] = {{load->worker.fd, POLLIN, 0}};
	int64_t start_ns = load_now_ns(), waited_ns;
	size_t n_job = load->n_job;

	for (size_t i = 0; i < n_job; i++) {
		fd[i + 1] = (struct pollfd){
			may_read(load, load->job[i]) ? load->job[i]->fd : -1, POLLIN, 0};
	}
	if (poll(fd, (nfds_t)n_job + 1, ASK_MS) < 0) {
		return 0; /* a signal: the caller asks what it means */
	}
	waited_ns = load_now_ns() - start_ns;
	if (fd[0].revents && hear_reports(load) < 0) {
		return -1;
	}
	for (size_t i = 0; i < n_job; i++) {
		struct job *job = load->job[i];

		if (fd[i + 1].revents && read_job(load, job) < 0) {
			return -1;
		}
		/* One that we do not listen to cannot be late. */
		if (!fd[i + 1].revents && (fd[i + 1].fd >= 0 || job->fd < 0) &&
			check_time(load, job, waited_ns) < 0) {
			return -1;
		}
	}
	return end_jobs(load);
}

static int run(struct load *load)
{
	while (load->first || load->n_path) {
		if (load_stopped(load)) {
			return load_interrupted(load);
		}
		if (load_fill(load) < 0) {
			return -1;
		}
		if (load_emit(load) < 0) {
			return load_interrupted(load);
		}
		show_progress(load);
		if (load->n_job && look(load) < 0) {
			return -1;
		}
	}
	return 0;
}

/* Of all that is named; -1 where some of it is no file. Only for those who watch. */
static int64_t named_bytes(const struct load *load)
{
	int64_t bytes = 0;
	struct stat st;

	for (size_t i = 0; i < load->n_path; i++) {
		if (!load->options->watch.progress || stat(load->path[i], &st) < 0 ||
			!S_ISREG(st.st_mode)) {
			return -1;
		}
		bytes += st.st_size;
	}
	return bytes;
}

static size_t processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
}

static int check_patterns(const char *option, const char *const *pattern, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		struct glob glob;
		int is_broken;

		glob_compile(&glob, pattern[i], strlen(pattern[i]), GLOB_PATH);
		is_broken = glob.is_never;
		glob_finish(&glob);
		if (is_broken) {
			return err_set(err, ERR_USAGE, option,
				"write \\[ and \\\\ for a bracket and a backslash",
				"the pattern \"%s\" is broken: no file can match it", pattern[i]);
		}
	}
	return 0;
}

int load_options_check(const struct load_options *options, struct err *err)
{
	if (check_patterns("--include", options->include, options->n_include, err) < 0) {
		return -1;
	}
	return check_patterns("--exclude", options->exclude, options->n_exclude, err);
}

int load_each(const char *const *path, size_t n_path, const struct load_options *options,
	const struct load_sink *sink, struct err *err)
{
	struct load load = {
		.options = options,
		.sink = sink,
		.path = path,
		.n_path = n_path,
		.max_job = options->n_worker > 0 ? (size_t)options->n_worker : processors(),
		.max_batch = WORKER_MAX_FILES,
		.worker = {.fd = -1},
		.progress = {.total_files = (int64_t)n_path, .total_bytes = -1, .total_pages = -1},
		.err = err,
	};
	int status;

	load.max_job = load.max_job < LOAD_MAX_WORKER ? load.max_job : LOAD_MAX_WORKER;
	load.progress.total_bytes = named_bytes(&load);
	status = run(&load);
	/* Workers first: nothing of them is left running, however this ends. */
	worker_client_end(&load.worker);
	for (size_t i = 0; i < load.n_job; i++) {
		load_job_destroy(load.job[i]);
	}
	while (load.first) {
		struct item *next = load.first->next;

		item_destroy(load.first);
		load.first = next;
	}
	free(load.shown_path);
	return status;
}
