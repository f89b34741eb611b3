#include "loaders/worker/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

void sandbox_prepare(struct sandbox *sandbox)
{
	*sandbox = (struct sandbox){
		.has_seccomp = seccomp_is_offered(),
		.landlock_abi = landlock_abi(),
	};
	for (int i = 0; i < SANDBOX_RECIPES && sandbox->has_seccomp; i++) {
		sandbox->has_seccomp = seccomp_build(&sandbox->filter[i], (enum sandbox_recipe)i,
					       sandbox->landlock_abi) == 0;
	}
}

/* Never above what the process was given itself. */
static int set_limit(int resource, uint64_t soft, uint64_t hard)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) < 0) {
		return -1;
	}
	limit.rlim_max = hard < limit.rlim_max ? hard : limit.rlim_max;
	limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &limit);
}

/* Addresses in use: what the libraries take is not the document's. */
static uint64_t addresses_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	if (file) {
		if (fscanf(file, "%llu", &pages) != 1) {
			pages = 0;
		}
		fclose(file);
	}
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

int sandbox_limit(const struct sandbox_limits *limits, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) {
		return -1;
	}
	if (getppid() != parent) { /* it went before we could ask to be told */
		errno = ESRCH;
		return -1;
	}
	signal(SIGXFSZ, SIG_IGN);
	if (sanitized_limits_memory()) {
		uint64_t bytes = addresses_bytes() + limits->memory_bytes;

		if (set_limit(RLIMIT_AS, bytes, bytes) < 0) {
			return -1;
		}
	}
	/*
	 * The soft limit sends SIGXCPU, by which the parent knows; the hard one ends what ignores
	 * it.
	 */
	if (set_limit(RLIMIT_CPU, limits->cpu_s, limits->cpu_s + UINT64_C(1)) < 0 ||
		set_limit(RLIMIT_CORE, 0, 0) < 0 ||
		set_limit(RLIMIT_FSIZE, trap_max_file_bytes(), trap_max_file_bytes()) < 0) {
		return -1;
	}
	return prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -1 : 0;
}

int sandbox_hide_files(
	const struct sandbox *sandbox, enum sandbox_recipe recipe, int root_fd, const char *subdir)
{
	return sandbox->landlock_abi
		       ? landlock_restrict(sandbox->landlock_abi, recipe, root_fd, subdir)
		       : 0;
}

int sandbox_close(const struct sandbox *sandbox, enum sandbox_recipe recipe)
{
	if (!sandbox->has_seccomp) {
		return 0;
	}
	trap_install();
	return seccomp_install(&sandbox->filter[recipe]);
}
