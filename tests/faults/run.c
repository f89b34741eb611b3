#include "tests/faults/run.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void run_bail_out(const char *format, ...)
{
	va_list args;

	printf("Bail out! ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	exit(1);
}

const char *run_env(const char *name)
{
	const char *value = getenv(name);

	if (!value || !*value) {
		run_bail_out("%s is not set", name);
	}
	return value;
}

double run_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
}

uint64_t run_random(uint64_t *state, uint64_t n)
{
	uint32_t out[4];

	rng_philox(0xfa17, (*state)++, out);
	return ((uint64_t)out[0] << 32 | out[1]) % n;
}

int run_can_preload(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return 0;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
	return 0;
#else
	return 1;
#endif
#else
	return 1;
#endif
}

int run_rounds(int rounds)
{
	return run_can_preload() ? rounds : rounds / 10;
}

/* ---- programs ---- */

static void set(const char *name, const char *value)
{
	if (value) {
		setenv(name, value, 1);
	} else {
		unsetenv(name);
	}
}

static void begin_program(const struct run_plan *plan, const char *state_path)
{
	char at[32];

	for (const char *const *entry = plan->env; entry && *entry; entry++) {
		putenv((char *)(uintptr_t)*entry);
	}
	if (plan->program) {
		snprintf(at, sizeof(at), "%llu", (unsigned long long)plan->at);
		set("LD_PRELOAD", plan->shim ? plan->shim : run_env("FAULTS_SHIM"));
		set("FAULTS_PROGRAM", plan->program);
		set("FAULTS_FOLDER", plan->folder);
		set("FAULTS_STATE", state_path);
		set("FAULTS_LOG", plan->log);
		set("FAULTS_WHICH", plan->which);
		set("FAULTS_AT", at);
		set("FAULTS_DO", plan->action);
		set("FAULTS_WHILE", plan->while_file);
	}
	if (plan->prepare) {
		plan->prepare(plan->arg);
	}
}

struct running {
	struct run_plan plan;
	const char *program;
	pid_t pid;
	int out, err, state_fd;
	struct faults_state *state;
	double began;
};

/* What it prints, until it ends, is killed, or took too long. */
static void take_output(struct run *run, const struct running *running)
{
	struct pollfd fds[2] = {
		{.fd = running->out, .events = POLLIN}, {.fd = running->err, .events = POLLIN}};
	const struct run_plan *plan = &running->plan;
	struct buf text[2] = {BUF_INIT, BUF_INIT};
	double kill_at = plan->kill_after_us ? running->began + plan->kill_after_us * 1e-3 : 0;
	double late_at = running->began + 1e3 * (plan->timeout_s ? plan->timeout_s : 60);

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		double now = run_now_ms(), next = kill_at ? kill_at : late_at;
		struct timespec wait = {0};

		if (next > now) {
			wait.tv_sec = (time_t)((next - now) / 1e3);
			wait.tv_nsec = (long)((next - now - 1e3 * wait.tv_sec) * 1e6);
		} else {
			run->is_late = !kill_at;
			kill(running->pid, SIGKILL);
			kill_at = 0;
			late_at = now + 5e3;
			continue;
		}
		if (ppoll(fds, 2, &wait, NULL) < 0 && errno != EINTR) {
			run_bail_out("poll: %s", strerror(errno));
		}
		for (int i = 0; i < 2; i++) {
			char piece[16384];
			ssize_t n = 0;

			if (fds[i].fd < 0 || !fds[i].revents) {
				continue;
			}
			n = read(fds[i].fd, piece, sizeof(piece));
			if (n > 0) {
				buf_add(&text[i], piece, (size_t)n);
			} else {
				close(fds[i].fd);
				fds[i].fd = -1;
			}
		}
	}
	run->out_len = text[0].len;
	run->err_len = text[1].len;
	run->out = mem_strndup(buf_str(&text[0]), text[0].len);
	run->err = mem_strndup(buf_str(&text[1]), text[1].len);
	buf_finish(&text[0]);
	buf_finish(&text[1]);
}

static int input_of(const char *text)
{
	int fd =
		text ? memfd_create("input", MFD_CLOEXEC) : open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t len = text ? strlen(text) : 0;

	if (fd < 0 || (len && write(fd, text, len) != (ssize_t)len) ||
		(len && lseek(fd, 0, SEEK_SET) < 0)) {
		run_bail_out("no input can be made: %s", strerror(errno));
	}
	return fd;
}

struct running *run_begin(const char *const *argv, const struct run_plan *plan)
{
	struct running *running = mem_zero(1, sizeof(*running));
	int out[2], err[2], input = input_of(plan->input);
	char state_path[64];

	running->plan = *plan;
	running->program = argv[0];
	running->began = run_now_ms();
	running->state_fd = memfd_create("state", 0);
	if (running->state_fd < 0 || ftruncate(running->state_fd, sizeof(*running->state)) < 0 ||
		pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0) {
		run_bail_out("nothing can be run: %s", strerror(errno));
	}
	/* Through this process, not the program's own descriptor, which its child may not have. */
	snprintf(
		state_path, sizeof(state_path), "/proc/%d/fd/%d", (int)getpid(), running->state_fd);
	running->state = mmap(NULL, sizeof(*running->state), PROT_READ | PROT_WRITE, MAP_SHARED,
		running->state_fd, 0);
	fflush(stdout);
	running->pid = running->state == MAP_FAILED ? -1 : fork();
	if (running->pid < 0) {
		run_bail_out("nothing can be run: %s", strerror(errno));
	}
	if (running->pid == 0) {
		dup2(input, 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		close(running->state_fd);
		begin_program(plan, state_path);
		execv(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(input);
	close(out[1]);
	close(err[1]);
	running->out = out[0];
	running->err = err[0];
	return running;
}

void run_end(struct run *run, struct running *running)
{
	int status;

	*run = (struct run){0};
	take_output(run, running);
	if (waitpid(running->pid, &status, 0) != running->pid) {
		run_bail_out("waitpid: %s", strerror(errno));
	}
	run->ms = run_now_ms() - running->began;
	run->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	run->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	if (run->status == 127) {
		run_bail_out("%s cannot be run", running->program);
	}
	run->n_seen = running->state->n_seen;
	run->n_done = running->state->n_done;
	run->n_loaded = running->state->n_loaded;
	munmap(running->state, sizeof(*running->state));
	close(running->state_fd);
	free(running);
}

void run_program(struct run *run, const char *const *argv, const struct run_plan *plan)
{
	run_end(run, run_begin(argv, plan));
}

int run_kill_child(const struct running *running, const char *name)
{
	char path[64], comm[64];
	FILE *list, *file;
	int child, found = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)running->pid,
		(int)running->pid);
	list = fopen(path, "re");
	while (list && !found && fscanf(list, "%d", &child) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/comm", child);
		file = fopen(path, "re");
		/* The kernel keeps 15 characters of a name. */
		found = file && fscanf(file, "%63s", comm) == 1 && !strncmp(comm, name, 15) &&
			kill(child, SIGKILL) == 0;
		if (file) {
			fclose(file);
		}
	}
	if (list) {
		fclose(list);
	}
	return found;
}

const char *run_words(const char *text)
{
	static char words[8][512];
	static int next;
	char *out = words[next++ % 8];

	snprintf(out, sizeof(words[0]), "%s", text ? text : "");
	for (char *p = out; *p; p++) {
		*p = *p == '\n' || *p == '\r' ? ' ' : *p;
	}
	return out;
}

void run_finish(struct run *run)
{
	free(run->out);
	free(run->err);
	*run = (struct run){0};
}

/* ---- folders ---- */

char *run_folder(void)
{
	const char *place = getenv("TMPDIR");
	char path[PATH_MAX], *whole;

	/* In memory: what is synced there is synced at once, and no disk is worn out. */
	if (!place || !*place) {
		place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	}
	snprintf(path, sizeof(path), "%s/carrel-faults-XXXXXX", place);
	if (!mkdtemp(path) || !(whole = realpath(path, NULL))) {
		run_bail_out("%s: no folder can be made: %s", place, strerror(errno));
	}
	return whole;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return ftw->level ? remove(path) : 0;
}

struct run_home run_home(void)
{
	struct run_home home = {.folder = run_folder()};

	home.data = mem_printf("%s/data", home.folder);
	home.cache = mem_printf("%s/cache", home.folder);
	home.config = mem_printf("%s/config", home.folder);
	if (mkdir(home.data, 0700) < 0) {
		run_bail_out("%s cannot be made", home.data);
	}
	setenv("XDG_DATA_HOME", home.data, 1);
	setenv("XDG_CACHE_HOME", home.cache, 1);
	setenv("XDG_CONFIG_HOME", home.config, 1);
	setenv("XDG_STATE_HOME", home.data, 1);
	return home;
}

void run_home_remove(struct run_home *home)
{
	run_folder_remove(home->folder);
	free(home->data);
	free(home->cache);
	free(home->config);
}

void run_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
		run_bail_out("%s cannot be written", path);
	}
}

void run_flip(const char *path, uint64_t bit)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	if (fd < 0 || pread(fd, &byte, 1, (off_t)(bit / 8)) != 1) {
		run_bail_out("%s cannot be read", path);
	}
	byte ^= (uint8_t)(1 << bit % 8);
	if (pwrite(fd, &byte, 1, (off_t)(bit / 8)) != 1) {
		run_bail_out("%s cannot be written", path);
	}
	close(fd);
}

void run_empty(const char *folder)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void run_folder_remove(char *folder)
{
	if (folder) {
		run_empty(folder);
		rmdir(folder);
	}
	free(folder);
}

static char *read_all(const char *path, size_t *len)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *bytes;

	if (fd < 0 || fstat(fd, &st) < 0) {
		run_bail_out("%s: %s", path, strerror(errno));
	}
	*len = (size_t)st.st_size;
	bytes = mem_alloc(*len + 1);
	if (read(fd, bytes, *len) != (ssize_t)*len) {
		run_bail_out("%s cannot be read", path);
	}
	close(fd);
	return bytes;
}

static int is_index(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && !strcmp(name + len - 4, "-shm");
}

/* Everything of `folder` is in `other`, the same bytes. */
static int compare_one_way(const char *folder, const char *other, char *difference, size_t size)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int result = 0;

	if (!dir) {
		snprintf(difference, size, "%s is not there", folder);
		return -1;
	}
	while (result == 0 && (entry = readdir(dir))) {
		char *a, *b;
		struct stat one, two;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
			is_index(entry->d_name)) {
			continue;
		}
		a = mem_printf("%s/%s", folder, entry->d_name);
		b = mem_printf("%s/%s", other, entry->d_name);
		if (stat(a, &one) < 0 || stat(b, &two) < 0 ||
			S_ISDIR(one.st_mode) != S_ISDIR(two.st_mode)) {
			snprintf(difference, size, "only one has %s", a);
			result = -1;
		} else if (S_ISDIR(one.st_mode)) {
			result = compare_one_way(a, b, difference, size);
		} else {
			size_t len_a, len_b;
			char *bytes_a = read_all(a, &len_a), *bytes_b = read_all(b, &len_b);

			if (len_a != len_b || memcmp(bytes_a, bytes_b, len_a)) {
				snprintf(difference, size, "%s (%zu bytes, %zu)", a, len_a, len_b);
				result = -1;
			}
			free(bytes_a);
			free(bytes_b);
		}
		free(a);
		free(b);
	}
	closedir(dir);
	return result;
}

int run_compare(const char *folder, const char *other, char *difference, size_t size)
{
	return compare_one_way(folder, other, difference, size) < 0 ||
			       compare_one_way(other, folder, difference, size) < 0
		       ? -1
		       : 0;
}

void run_copy(const char *from, const char *to)
{
	DIR *dir = opendir(from);
	struct dirent *entry;

	if (!dir || (mkdir(to, 0700) < 0 && errno != EEXIST)) {
		run_bail_out("%s cannot be copied to %s: %s", from, to, strerror(errno));
	}
	while ((entry = readdir(dir))) {
		char *a, *b;
		struct stat st;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) {
			continue;
		}
		a = mem_printf("%s/%s", from, entry->d_name);
		b = mem_printf("%s/%s", to, entry->d_name);
		if (stat(a, &st) == 0 && S_ISDIR(st.st_mode)) {
			run_copy(a, b);
		} else {
			size_t len;
			char *bytes = read_all(a, &len);
			int fd = open(b, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

			if (fd < 0 || (len && write(fd, bytes, len) != (ssize_t)len)) {
				run_bail_out("%s cannot be written", b);
			}
			close(fd);
			free(bytes);
		}
		free(a);
		free(b);
	}
	closedir(dir);
}
