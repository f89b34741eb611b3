/*
 * A carrel-worker that does what its input says, inside of the real sandbox: what a reader that was
 * taken over would try. Built for tests only; the input's first word is what to do.
 *
 *	text             answers as a reader does
 *	call NAME        a system call: the answer is "refused" where it failed, else "allowed"
 *	hang, spin, bloat, crash, abort, exit
 *	nonsense NAME    frames that are no answer
 *	keep             answers, and keeps 700 MB
 *	busy             answers after working a third of the time
 *	%PDF-pages NAME  40 pages, some of which end the reader: see dies_at()
 *
 * A tree has the files a to e; reading c crashes.
 */
#include "loaders/worker/frame.h"
#include "loaders/worker/worker.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct frame_writer writer = {.fd = WORKER_RESULT_FD};
static struct reader reader = {.kind = DOCUMENT_TEXT, .n_part = 1, .n_bytes = -1};

static void answer_part(const char *path, const char *text)
{
	struct part part = {
		.place = {.path = (char *)path, .time_ms = -1},
		.text = (char *)text,
		.len = strlen(text),
	};

	frame_write_part(&writer, &part);
}

static void answer(const char *text)
{
	frame_write_open(&writer, &reader);
	answer_part(NULL, text);
	frame_write_end(&writer);
}

/* ---- forbidden calls ---- */

static long try_socket(void)
{
	return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static long try_unix_socket(void)
{
	return syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
}

static long try_execve(void)
{
	char *const argv[] = {(char *)"true", NULL};

	return syscall(SYS_execve, "/bin/true", argv, argv + 1);
}

static long try_fork(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static long try_clone3(void)
{
	return syscall(SYS_clone3, NULL, 0);
}

static long try_ptrace(void)
{
	return syscall(SYS_ptrace, 0 /* PTRACE_TRACEME */, 0, 0, 0);
}

/* Signal 0 harms nobody where it should get through. */
static long try_kill_other(void)
{
	return syscall(SYS_kill, 1, 0);
}

static long try_tgkill_other(void)
{
	return syscall(SYS_tgkill, 1, 1, 0);
}

static long try_open_write(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/tmp/carrel-sandbox-write", O_WRONLY | O_CREAT, 0600);
}

static long try_open_append(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_APPEND);
}

static long try_open_outside(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
}

static long try_open_proc(void)
{
	return syscall(SYS_openat, AT_FDCWD, "/proc/self/environ", O_RDONLY);
}

static long try_openat2_write(void)
{
	struct open_how how = {.flags = O_WRONLY | O_CREAT, .mode = 0600};

	return syscall(SYS_openat2, AT_FDCWD, "/tmp/carrel-sandbox-write", &how, sizeof(how));
}

static long try_mmap_exec(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? -1 : 0;
}

static long try_mprotect_exec(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(at, 4096, PROT_READ | PROT_EXEC);
}

static long try_unlink(void)
{
	return syscall(SYS_unlinkat, AT_FDCWD, "/tmp/carrel-sandbox-write", 0);
}

static long try_rename(void)
{
	return syscall(SYS_renameat2, AT_FDCWD, "/tmp/x", AT_FDCWD, "/tmp/y", 0);
}

static long try_mkdir(void)
{
	return syscall(SYS_mkdirat, AT_FDCWD, "/tmp/carrel-sandbox-folder", 0700);
}

static long try_symlink(void)
{
	return syscall(SYS_symlinkat, "/", AT_FDCWD, "/tmp/carrel-sandbox-link");
}

static long try_chmod(void)
{
	return syscall(SYS_fchmodat, AT_FDCWD, "/tmp", 0700);
}

static long try_ftruncate(void)
{
	return syscall(SYS_ftruncate, WORKER_INPUT_FD, 0);
}

static long try_write_input(void)
{
	return syscall(SYS_write, WORKER_INPUT_FD, "x", 1);
}

static long try_tiocsti(void)
{
	return syscall(SYS_ioctl, 0, TIOCSTI, "x");
}

static long try_memfd(void)
{
	return syscall(SYS_memfd_create, "x", 0);
}

static long try_io_uring(void)
{
	return syscall(425 /* io_uring_setup */, 1, NULL);
}

static long try_bpf(void)
{
	return syscall(SYS_bpf, 0, NULL, 0);
}

static long try_userfaultfd(void)
{
	return syscall(SYS_userfaultfd, 0);
}

static long try_unshare(void)
{
	return syscall(SYS_unshare, CLONE_NEWUSER);
}

static long try_mount(void)
{
	return syscall(SYS_mount, "x", "/", "tmpfs", 0, NULL);
}

static long try_process_vm_readv(void)
{
	return syscall(SYS_process_vm_readv, 1, NULL, 0, NULL, 0, 0);
}

static long try_getppid(void)
{
	return syscall(SYS_getppid);
}

static long try_pidfd_open(void)
{
	return syscall(SYS_pidfd_open, 1, 0);
}

static long try_prctl(void)
{
	return syscall(SYS_prctl, 4 /* PR_SET_DUMPABLE */, 1, 0, 0, 0);
}

static long try_setrlimit(void)
{
	return syscall(SYS_prlimit64, 0, 9 /* RLIMIT_AS */, NULL, NULL);
}

/* Descriptors beside those of the job. */
static long try_other_fds(void)
{
	struct stat st;

	for (int fd = WORKER_INPUT_FD + 1; fd < 4096; fd++) {
		if (fstat(fd, &st) == 0) {
			return 0;
		}
	}
	return -1;
}

static const struct call {
	const char *name;
	long (*call)(void);
} calls[] = {
	{"socket", try_socket},
	{"unix_socket", try_unix_socket},
	{"execve", try_execve},
	{"fork", try_fork},
	{"clone3", try_clone3},
	{"ptrace", try_ptrace},
	{"kill_other", try_kill_other},
	{"tgkill_other", try_tgkill_other},
	{"open_write", try_open_write},
	{"open_append", try_open_append},
	{"open_outside", try_open_outside},
	{"open_proc", try_open_proc},
	{"openat2_write", try_openat2_write},
	{"mmap_exec", try_mmap_exec},
	{"mprotect_exec", try_mprotect_exec},
	{"unlink", try_unlink},
	{"rename", try_rename},
	{"mkdir", try_mkdir},
	{"symlink", try_symlink},
	{"chmod", try_chmod},
	{"ftruncate", try_ftruncate},
	{"write_input", try_write_input},
	{"tiocsti", try_tiocsti},
	{"memfd", try_memfd},
	{"io_uring", try_io_uring},
	{"bpf", try_bpf},
	{"userfaultfd", try_userfaultfd},
	{"unshare", try_unshare},
	{"mount", try_mount},
	{"process_vm_readv", try_process_vm_readv},
	{"getppid", try_getppid},
	{"pidfd_open", try_pidfd_open},
	{"prctl", try_prctl},
	{"other_fds", try_other_fds},
	{"setrlimit", try_setrlimit},
};

static const char *make_call(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		if (strcmp(calls[i].name, name) == 0) {
			return calls[i].call() < 0 ? "refused" : "allowed";
		}
	}
	return "unknown";
}

/* ---- frames that are none ---- */

static void put_u32(uint32_t value)
{
	buf_add(&writer.out, &value, sizeof(value));
}

static void put(const char *bytes, size_t len)
{
	buf_add(&writer.out, bytes, len);
}

static void write_nonsense(const char *name)
{
	static const struct part invalid = {
		.place = {.time_ms = -1}, .text = (char *)"\xff", .len = 1};
	static const struct part outside = {
		.place = {.path = (char *)"../x", .time_ms = -1}, .text = (char *)"x", .len = 1};

	if (strcmp(name, "bytes") == 0) {
		put("nonsense nonsense nonsense", 26);
	} else if (strcmp(name, "order") == 0) {
		frame_write_end(&writer);
	} else if (strcmp(name, "file") == 0) {
		frame_write_open(&writer, &reader);
		frame_write_file(&writer, 1);
	} else if (strcmp(name, "length") == 0) {
		frame_write_open(&writer, &reader);
		frame_write_part(&writer, &invalid);
		put_u32(FRAME_SKIP);
		put_u32(0xfffffff0);
	} else if (strcmp(name, "utf8") == 0) {
		reader.encoding = "UTF-16";
		frame_write_open(&writer, &reader);
		frame_write_part(&writer, &invalid);
	} else if (strcmp(name, "path") == 0) {
		frame_write_open(&writer, &reader);
		frame_write_part(&writer, &outside);
	} else if (strcmp(name, "heading") == 0) {
		struct heading heading = {(char *)"x", 1, 0, INT64_MAX};

		frame_write_open(&writer, &reader);
		frame_write_heading(&writer, &heading);
		frame_write_end(&writer);
	} else if (strcmp(name, "endless") == 0) {
		struct part large = {
			.place = {.time_ms = -1}, .text = mem_zero(1, 32 << 20), .len = 32 << 20};

		frame_write_open(&writer, &reader);
		for (;;) {
			frame_write_part(&writer, &large);
		}
	}
	frame_writer_flush(&writer);
}

/* ---- jobs ---- */

static void wait_forever(void)
{
	static int word;

	for (;;) {
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	}
}

static int64_t cpu_ms(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * INT64_C(1000) + used.tv_nsec / 1000000;
}

/* As on a machine where others run, too: 350 ms of work in about a second. */
static void work_now_and_then(void)
{
	static int word;
	struct timespec pause = {.tv_nsec = 90000000};

	for (int i = 0; i < 7; i++) {
		for (int64_t end_ms = cpu_ms() + 50; cpu_ms() < end_ms;) {
		}
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &pause, NULL, 0);
	}
}

/* ---- pages ---- */

enum { N_PAGE = 40 };

static int dies_at(const char *name, int64_t page)
{
	if (strcmp(name, "some") == 0) {
		return page == 7 || page == 8 || page == N_PAGE;
	}
	return strcmp(name, "all") == 0 && page > 1;
}

static void answer_pages(const struct worker_request *request, const char *name)
{
	struct part page = {.place = {.time_ms = -1}, .text = (char *)"words\n", .len = 6};

	reader.kind = DOCUMENT_PDF;
	reader.n_part = N_PAGE;
	frame_write_open(&writer, &reader);
	frame_writer_flush(&writer);
	for (page.place.page = 1; page.place.page <= N_PAGE; page.place.page++) {
		if (page.place.page < request->first_page ||
			(page.place.page - 1) / PAGE_RUN % request->n_share !=
				request->share_index) {
			continue;
		}
		if (dies_at(name, page.place.page)) {
			_exit(3);
		}
		while (strcmp(name, "late") == 0 && page.place.page == 2) {
		}
		frame_write_part(&writer, &page);
		frame_writer_flush(&writer);
	}
	if (strcmp(name, "bookmarks") == 0) {
		_exit(3);
	}
	frame_write_end(&writer);
}

static void obey(const struct worker_request *request, const char *word)
{
	if (strncmp(word, "%PDF-pages ", 11) == 0) {
		answer_pages(request, word + 11);
	} else if (strcmp(word, "keep") == 0) {
		static void *kept[8];
		static size_t n_kept;

		kept[n_kept++ % ARRAY_LEN(kept)] = mem_alloc(700 << 20);
		answer(word);
	} else if (strcmp(word, "busy") == 0) {
		work_now_and_then();
		answer(word);
	} else if (strncmp(word, "call ", 5) == 0) {
		answer(make_call(word + 5));
	} else if (strncmp(word, "nonsense ", 9) == 0) {
		write_nonsense(word + 9);
	} else if (strcmp(word, "hang") == 0) {
		wait_forever();
	} else if (strcmp(word, "half") == 0) { /* a part, then silence */
		frame_write_open(&writer, &reader);
		answer_part(NULL, word);
		frame_writer_flush(&writer);
		wait_forever();
	} else if (strcmp(word, "spin") == 0) {
		for (volatile int i = 0;; i++) {
		}
	} else if (strcmp(word, "bloat") == 0) {
		for (;;) {
			memset(mem_alloc(1 << 20), 1, 1 << 20);
		}
	} else if (strcmp(word, "crash") == 0) {
		volatile int *volatile nowhere = NULL;

		*nowhere = 1;
	} else if (strcmp(word, "abort") == 0) {
		abort();
	} else if (strcmp(word, "exit") == 0) {
		_exit(3);
	} else {
		answer(word);
	}
}

static void run_tree(const struct worker_request *request, const char *strings)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};
	const char *path = strings, *subdir = path + strlen(path) + 1;
	const char *after = subdir + strlen(subdir) + 1;

	frame_write_file(&writer, 0);
	reader.kind = DOCUMENT_CODE;
	frame_write_open(&writer, &reader);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], after) <= 0) {
			continue;
		}
		if (request->is_careful) {
			frame_write_path(&writer, FRAME_READING, names[i]);
			frame_writer_flush(&writer);
		}
		if (names[i][0] == 'c') {
			raise(SIGSEGV);
		}
		answer_part(names[i], names[i]);
	}
	frame_write_end(&writer);
}

void job_run(const struct worker_request *request, const char *strings)
{
	if (request->kind == REQUEST_TREE) {
		run_tree(request, strings);
		return;
	}
	for (uint32_t i = 0; i < request->n_file; i++) {
		char word[64] = "";
		ssize_t n = pread(WORKER_INPUT_FD + (int)i, word, sizeof(word) - 1, 0);

		word[n > 0 ? n : 0] = 0;
		word[strcspn(word, "\n")] = 0;
		frame_write_file(&writer, i);
		obey(request, word);
	}
}
