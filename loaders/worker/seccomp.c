/*
 * seccomp: the calls that readers and their libraries need, everything else ends the process. The
 * program is built once, by libseccomp, and installed in each worker.
 */
#include "loaders/worker/sandbox.h"

#include "base/mem.h"
#include "loaders/worker/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Stands for the worker's process, which is not known yet when the program is built. */
#define PID_PLACEHOLDER 0x7ffffff1

static const int allowed[] = {SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(brk), SCMP_SYS(munmap),
	SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom), SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(getpid), SCMP_SYS(gettid),
	SCMP_SYS(getdents64), SCMP_SYS(access), SCMP_SYS(faccessat)};

/* What libraries ask in passing, and do without. */
static const int absent[] = {SCMP_SYS(ioctl), SCMP_SYS(readlink), SCMP_SYS(statx), SCMP_SYS(prctl),
	SCMP_SYS(clone3), SCMP_SYS(sched_getaffinity), SCMP_SYS(sysinfo), SCMP_SYS(prlimit64),
	SCMP_SYS(uname)};

/* What reading a folder needs beside them: still nothing that writes. */
static const int allowed_trees[] = {SCMP_SYS(fstatfs), SCMP_SYS(dup)};

int seccomp_is_offered(void)
{
	/* As the man page has it: with a bad address, EFAULT says that filters are known. */
	return prctl(PR_SET_SECCOMP, 2, NULL, 0, 0) < 0 && errno == EFAULT;
}

static int add_calls(scmp_filter_ctx filter, uint32_t action, const int *call, size_t n_call)
{
	for (size_t i = 0; i < n_call; i++) {
		/* A negative number is a call that this architecture does not have. */
		if (call[i] >= 0 && seccomp_rule_add(filter, action, call[i], 0) < 0) {
			return -1;
		}
	}
	return 0;
}

static int add_sanitized(scmp_filter_ctx filter)
{
	for (const char *const *name = sanitized_calls(); *name; name++) {
		int call = seccomp_syscall_resolve_name(*name);

		if (call >= 0 && seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0) < 0) {
			return -1;
		}
	}
	return 0;
}

/* fcntl() may ask, and set close-on-exec; it may not lock, lease or have signals sent. */
static int add_fcntl(scmp_filter_ctx filter)
{
	static const scmp_datum_t command[] = {F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC};

	for (size_t i = 0; i < ARRAY_LEN(command); i++) {
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1,
			    SCMP_A1(SCMP_CMP_EQ, command[i], 0)) < 0) {
			return -1;
		}
	}
	return 0;
}

/*
 * Opening, for reading only. What Landlock does not guard is closed to documents; a folder's reader
 * may still walk, by a call whose flags a filter can see. openat2() has them in memory, where a
 * filter cannot look: it is there only where Landlock forbids all writing, O_TRUNC beside O_RDONLY
 * included (Debian 12's kernel has ABI 2: it does not).
 */
static int add_opening(scmp_filter_ctx filter, enum sandbox_recipe recipe, int abi)
{
	static const scmp_datum_t writing =
		O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);
	int is_tree = recipe == SANDBOX_TREES;
	uint32_t action = abi || is_tree ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EACCES);

	if (seccomp_rule_add(filter, action, SCMP_SYS(openat), 1,
		    SCMP_A2(SCMP_CMP_MASKED_EQ, writing, 0)) < 0) {
		return -1;
	}
	return is_tree ? seccomp_rule_add(filter,
				 abi >= LANDLOCK_ABI_TRUNCATE ? SCMP_ACT_ALLOW
							      : SCMP_ACT_ERRNO(ENOSYS),
				 SCMP_SYS(openat2), 0)
		       : 0;
}

/* Calls that are allowed with some arguments only. */
static int add_checked(scmp_filter_ctx filter)
{
	const struct {
		int call;
		struct scmp_arg_cmp check;
	} checked[] = {
		{SCMP_SYS(write), SCMP_A0(SCMP_CMP_LE, WORKER_RESULT_FD, 0)},
		{SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
		{SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)},
		{SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, PID_PLACEHOLDER, 0)},
	};

	for (size_t i = 0; i < ARRAY_LEN(checked); i++) {
		if (seccomp_rule_add_array(
			    filter, SCMP_ACT_ALLOW, checked[i].call, 1, &checked[i].check) < 0) {
			return -1;
		}
	}
	return add_fcntl(filter);
}

/* The program as the kernel takes it. */
static int export_program(struct sandbox_filter *out, scmp_filter_ctx filter)
{
	int fd = memfd_create("seccomp", MFD_CLOEXEC), status = -1;
	struct stat st;

	if (fd < 0 || seccomp_export_bpf(filter, fd) < 0 || fstat(fd, &st) < 0) {
		goto out;
	}
	out->n_instruction = (size_t)st.st_size / sizeof(*out->instruction);
	out->instruction = mem_alloc((size_t)st.st_size);
	status = pread(fd, out->instruction, (size_t)st.st_size, 0) == st.st_size ? 0 : -1;
out:
	if (fd >= 0) {
		close(fd);
	}
	return status;
}

int seccomp_build(struct sandbox_filter *out, enum sandbox_recipe recipe, int abi)
{
	scmp_filter_ctx filter = seccomp_init(trap_action());
	int status;

	if (!filter) {
		return -1;
	}
	status = add_calls(filter, SCMP_ACT_ALLOW, allowed, ARRAY_LEN(allowed)) < 0 ||
				 add_calls(filter, SCMP_ACT_ERRNO(ENOSYS), absent,
					 ARRAY_LEN(absent)) < 0 ||
				 add_sanitized(filter) < 0 || add_checked(filter) < 0 ||
				 add_opening(filter, recipe, abi) < 0 ||
				 (recipe == SANDBOX_TREES &&
					 add_calls(filter, SCMP_ACT_ALLOW, allowed_trees,
						 ARRAY_LEN(allowed_trees)) < 0)
			 ? -1
			 : 0;
	if (status == 0) {
		status = export_program(out, filter);
	}
	seccomp_release(filter);
	return status;
}

int seccomp_install(const struct sandbox_filter *filter)
{
	struct sock_fprog program = {
		.len = (unsigned short)filter->n_instruction, .filter = filter->instruction};

	/* In this process's own copy. */
	for (size_t i = 0; i < filter->n_instruction; i++) {
		if (filter->instruction[i].k == PID_PLACEHOLDER) {
			filter->instruction[i].k = (uint32_t)getpid();
		}
	}
	return prctl(PR_SET_SECCOMP, 2, &program, 0, 0);
}
