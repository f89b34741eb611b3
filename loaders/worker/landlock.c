/*
 * Landlock: read-only on what a recipe names, and nothing else of the file system; no TCP, no
 * signals and no abstract sockets where the kernel knows how (ABI 4 and 6). See landlock(7).
 */
#include "loaders/worker/sandbox.h"

#include "base/mem.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Debian 12's header knows ABI 2 only; the kernel takes the part of this that it knows. */
struct ruleset_attr {
	uint64_t handled_access_fs, handled_access_net, scoped;
};

#define ACCESS_ALL_ABI1 ((UINT64_C(1) << 13) - 1)
#define ACCESS_REFER    (UINT64_C(1) << 13) /* ABI 2 */
#define ACCESS_TRUNCATE (UINT64_C(1) << 14) /* ABI 3 */
#define ACCESS_DEVICES  (UINT64_C(1) << 15) /* ABI 5: ioctl() */
#define NET_ALL         UINT64_C(3)         /* ABI 4: bind and connect */
#define SCOPE_ALL       UINT64_C(3)         /* ABI 6: abstract sockets, signals */

static const char *const document_folders[] = {
	"/usr/share/poppler",
	"/usr/share/fonts",
	"/usr/local/share/fonts",
	"/usr/share/fontconfig",
	"/etc/fonts",
	"/var/cache/fontconfig",
};

int landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

static int create_ruleset(int abi)
{
	struct ruleset_attr attr = {.handled_access_fs = ACCESS_ALL_ABI1};
	size_t size = sizeof(attr.handled_access_fs);

	attr.handled_access_fs |= abi >= 2 ? ACCESS_REFER : 0;
	attr.handled_access_fs |= abi >= LANDLOCK_ABI_TRUNCATE ? ACCESS_TRUNCATE : 0;
	attr.handled_access_fs |= abi >= 5 ? ACCESS_DEVICES : 0;
	if (abi >= 4) {
		attr.handled_access_net = NET_ALL;
		size += sizeof(attr.handled_access_net);
	}
	if (abi >= 6) {
		attr.scoped = SCOPE_ALL;
		size += sizeof(attr.scoped);
	}
	return (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
}

static int allow(int ruleset, int fd)
{
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
		.parent_fd = fd,
	};
	struct stat st;

	if (fstat(fd, &st) < 0) {
		return -1;
	}
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) {
		return 0;
	}
	if (S_ISDIR(st.st_mode)) {
		beneath.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
	}
	return (int)syscall(
		SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
}

/* What is not there needs no rule. */
static int allow_at(int ruleset, int folder_fd, const char *path, int flags)
{
	int fd = openat(folder_fd, path, O_PATH | O_CLOEXEC | flags), status;

	if (fd < 0) {
		return 0;
	}
	status = allow(ruleset, fd);
	close(fd);
	return status;
}

static int allow_path(int ruleset, const char *path)
{
	return allow_at(ruleset, AT_FDCWD, path, 0);
}

static int allow_home(int ruleset, const char *variable, const char *below)
{
	const char *folder = getenv(variable);
	char *path;
	int status;

	if (!folder || folder[0] != '/') {
		return 0;
	}
	path = mem_printf("%s/%s", folder, below);
	status = allow_path(ruleset, path);
	free(path);
	return status;
}

/* Of the folders above the one that was named: their rules, and nothing else of the repository. */
static int allow_rules(int ruleset, int folder_fd)
{
	static const char *const names[] = {".gitignore", ".carrelignore", ".git/HEAD",
		".git/index", ".git/packed-refs", ".git/refs", ".git/info"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (allow_at(ruleset, folder_fd, names[i], O_NOFOLLOW) < 0) {
			return -1;
		}
	}
	return 0;
}

static int allow_tree(int ruleset, int root_fd, const char *subdir)
{
	int fd = fcntl(root_fd, F_DUPFD_CLOEXEC, 0), status = 0;

	while (fd >= 0 && subdir[0] && status == 0) {
		size_t len = strcspn(subdir, "/");
		char *name = mem_strndup(subdir, len);
		int next = openat(fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		status = allow_rules(ruleset, fd);
		close(fd);
		free(name);
		fd = next;
		subdir += len + (subdir[len] == '/');
	}
	/* A folder that went away meanwhile is not there for the reader either. */
	if (fd >= 0) {
		status = status < 0 ? -1 : allow(ruleset, fd);
		close(fd);
	}
	return status;
}

static int allow_recipe(int ruleset, enum sandbox_recipe recipe, int root_fd, const char *subdir)
{
	if (recipe == SANDBOX_TREES) {
		return allow_tree(ruleset, root_fd, subdir);
	}
	for (size_t i = 0; i < ARRAY_LEN(document_folders); i++) {
		if (allow_path(ruleset, document_folders[i]) < 0) {
			return -1;
		}
	}
	return allow_home(ruleset, "HOME", ".fonts") < 0 ||
			       allow_home(ruleset, "HOME", ".local/share/fonts") < 0 ||
			       allow_home(ruleset, "HOME", ".cache/fontconfig") < 0
		       ? -1
		       : 0;
}

int landlock_restrict(int abi, enum sandbox_recipe recipe, int root_fd, const char *subdir)
{
	int ruleset = create_ruleset(abi), status;

	if (ruleset < 0) {
		return -1;
	}
	status = allow_recipe(ruleset, recipe, root_fd, subdir);
	if (status == 0) {
		status = (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
	}
	close(ruleset);
	return status;
}
