/* The folder of a session, its lock, and files that only their owner reads under any umask. */
#include "session/store_sqlite.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_FILE "lock"

char *folder_resolve(const char *folder, enum err_code code, struct err *err)
{
	char *path = mem_strdup(folder), *slash, *above, *resolved;
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/') {
		path[--len] = 0;
	}
	slash = strrchr(path, '/');
	above = realpath(slash ? (slash == path ? "/" : (*slash = 0, path)) : ".", NULL);
	if (!above) {
		err_set_errno(err, code, errno, folder, "cannot be opened");
		free(path);
		return NULL;
	}
	resolved =
		mem_printf("%s/%s", strcmp(above, "/") == 0 ? "" : above, slash ? slash + 1 : path);
	free(above);
	free(path);
	return resolved;
}

static int open_folder(const char *folder, struct err *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 ? fd : err_set_errno(err, ERR_FAILURE, errno, folder, "cannot be opened");
}

/* ---- the lock ---- */

static int64_t read_pid(int fd)
{
	char text[32];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = 0;
	return strtoll(text, NULL, 10);
}

static int is_alive(int64_t pid)
{
	return pid > 0 && pid <= INT32_MAX && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

/*
 * Of the open file description, as flock() has them; and one may ask without taking it. Of one that was
 * killed while it forked, the child has it for a moment more: so it is tried for a tenth of a second,
 * where who took it is not there any more.
 */
static int take_lock(int fd)
{
	const struct timespec wait = {.tv_nsec = 10000000};
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int status;

	for (int tries = 0; (status = fcntl(fd, F_OFD_SETLK, &all)) < 0 && tries < 10; tries++) {
		if (errno != EAGAIN && errno != EACCES) {
			break;
		}
		if (tries && is_alive(read_pid(fd))) {
			errno = EAGAIN;
			break;
		}
		nanosleep(&wait, NULL);
	}
	return status;
}

/* Whether the path still leads to the folder: it may have been removed while we waited. */
static int is_still_there(int folder_fd, const char *folder)
{
	struct stat own, now;

	return fstat(folder_fd, &own) == 0 && lstat(folder, &now) == 0 &&
	       own.st_dev == now.st_dev && own.st_ino == now.st_ino;
}

int folder_lock(const char *folder, int *fd, int64_t *pid, struct err *err)
{
	int folder_fd = open_folder(folder, err), is_there, saved;

	if (folder_fd < 0) {
		return -1;
	}
	*fd = openat(folder_fd, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	saved = errno;
	if (*fd < 0) {
		close(folder_fd);
		return err_set_errno(err, ERR_FAILURE, saved, folder, "cannot be locked");
	}
	fchmod(*fd, 0600);
	if (take_lock(*fd) < 0) {
		saved = errno;
		*pid = read_pid(*fd);
		close(*fd);
		close(folder_fd);
		return saved == EWOULDBLOCK
			       ? 1
			       : err_set_errno(err, ERR_FAILURE, saved, folder, "cannot be locked");
	}
	is_there = is_still_there(folder_fd, folder);
	close(folder_fd);
	if (!is_there) {
		close(*fd);
		return err_set(err, ERR_FAILURE, folder, NULL, "has just been removed");
	}
	/* For the message of another one only. */
	if (ftruncate(*fd, 0) < 0 || dprintf(*fd, "%lld\n", (long long)getpid()) < 0) {
		*pid = 0;
	}
	return 0;
}

int folder_is_locked(const char *folder)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char *path = mem_printf("%s/%s", folder, LOCK_FILE);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), is_locked;

	free(path);
	is_locked = fd >= 0 && fcntl(fd, F_OFD_GETLK, &all) == 0 && all.l_type != F_UNLCK;
	if (fd >= 0) {
		close(fd);
	}
	return is_locked;
}

/* ---- files ---- */

int folder_make_file(const char *folder, const char *file, struct err *err)
{
	char *path = mem_printf("%s/%s", folder, file);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), status;

	status = fd < 0 || fchmod(fd, 0600) < 0
			 ? err_set_errno(err, ERR_FAILURE, errno, path, "cannot be made")
			 : 0;
	if (fd >= 0) {
		close(fd);
	}
	free(path);
	return status;
}

int folder_make(const char *folder, struct err *err)
{
	return mkdir(folder, 0700) < 0 || chmod(folder, 0700) < 0
		       ? err_set_errno(err, ERR_FAILURE, errno, folder, "cannot be made")
		       : 0;
}

int64_t folder_bytes(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int64_t n_bytes = 0;
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(st.st_mode)) {
			n_bytes += st.st_size;
		}
	}
	if (dir) {
		closedir(dir);
	}
	return n_bytes;
}

/* What stands in it, folders in it too; returns errno. Takes the descriptor. */
static int empty_folder(int fd)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int failed = 0;

	if (!dir) {
		failed = errno;
		close(fd);
		return failed;
	}
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;
		int inner;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
			unlinkat(dirfd(dir), name, 0) == 0 || errno == ENOENT) {
			continue;
		}
		inner = openat(dirfd(dir), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (inner < 0) {
			failed = errno;
			continue;
		}
		failed = empty_folder(inner);
		if (unlinkat(dirfd(dir), name, AT_REMOVEDIR) < 0 && !failed) {
			failed = errno;
		}
	}
	closedir(dir);
	return failed;
}

int folder_remove_repaired(const char *folder, struct err *err)
{
	static const char prefix[] = DB_FILE ".";
	DIR *dir = opendir(folder);
	struct dirent *entry;
	int failed = dir ? 0 : errno;

	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, prefix, sizeof(prefix) - 1) == 0 &&
			unlinkat(dirfd(dir), entry->d_name, 0) < 0) {
			failed = errno;
		}
	}
	if (dir) {
		closedir(dir);
	}
	return failed ? err_set_errno(err, ERR_FAILURE, failed, folder,
				"what `sessions repair` kept cannot be removed")
		      : 0;
}

int folder_remove(const char *folder, struct err *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), failed;

	if (fd < 0 && errno == ENOENT) {
		return 0;
	}
	failed = fd < 0 ? errno : empty_folder(fd);
	if (!failed && rmdir(folder) < 0) {
		failed = errno;
	}
	return failed ? err_set_errno(err, ERR_FAILURE, failed, folder, "cannot be removed") : 0;
}

int folder_sync(const char *folder, struct err *err)
{
	int fd = open_folder(folder, err), status;

	if (fd < 0) {
		return -1;
	}
	status = fsync(fd) < 0 ? err_set_errno(err, ERR_FAILURE, errno, folder, "cannot be written")
			       : 0;
	close(fd);
	return status;
}
