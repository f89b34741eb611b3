#include "engine/kv/folder.h"

#include "base/file.h"
#include "base/mem.h"
#include "engine/kv/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

int kv_folder_make(const char *path)
{
	char *part = mem_strdup(path);
	int status = 0;

	for (char *slash = part; slash && status == 0;) {
		slash = strchr(slash + 1, '/');
		if (slash) {
			*slash = '\0';
		}
		if (mkdir(part, 0700) == 0) {
			status = chmod(part, 0700);
			/* Else its pages may be gone after a power cut: a miss. */
			(void)file_sync_name(part);
		} else if (errno != EEXIST) {
			status = -1;
		}
		if (slash) {
			*slash = '/';
		}
	}
	free(part);
	return status;
}

int kv_folder_open(struct kv_folder *folder, const char *path, struct err *err)
{
	*folder = (struct kv_folder){.fd = -1, .lock_fd = -1};
	folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder->fd < 0) {
		return errno == ENOENT ? 1
				       : err_set_errno(err, ERR_FAILURE, errno, path,
						 "the folder of computed KV cannot be read");
	}
	folder->path = mem_strdup(path);
	return 0;
}

void kv_folder_close(struct kv_folder *folder)
{
	if (folder->lock_fd >= 0) {
		close(folder->lock_fd);
	}
	if (folder->fd >= 0) {
		close(folder->fd);
	}
	free(folder->path);
	*folder = (struct kv_folder){.fd = -1, .lock_fd = -1};
}

/* 0; 1 where another has it; -1: errno. */
static int try_lock(struct kv_folder *folder)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = openat(
		folder->fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat here, there;

	if (fd < 0) {
		return -1;
	}
	if (fchmod(fd, 0600) < 0 || fcntl(fd, F_OFD_SETLK, &all) < 0) {
		int error = errno;

		close(fd);
		errno = error;
		return error == EAGAIN || error == EACCES ? 1 : -1;
	}
	/* Whoever cleared the folder meanwhile took the file away. */
	if (fstat(fd, &here) < 0 || fstatat(folder->fd, "lock", &there, AT_SYMLINK_NOFOLLOW) < 0 ||
		here.st_ino != there.st_ino) {
		close(fd);
		return 1;
	}
	folder->lock_fd = fd;
	return 0;
}

int kv_folder_lock(struct kv_folder *folder, const struct engine_kv_watch *watch, struct err *err)
{
	for (;;) {
		struct timespec wait = {.tv_nsec = 20000000};
		int status = try_lock(folder);

		if (status < 0) {
			return err_set_errno(err, ERR_FAILURE, errno, folder->path,
				"the folder of computed KV cannot be changed");
		}
		if (status == 0 || !watch) {
			return status;
		}
		if (watch->look && watch->look(watch->context, 0, 0)) {
			return err_set(err, ERR_INTERRUPTED, folder->path, NULL, "interrupted");
		}
		nanosleep(&wait, NULL);
	}
}

/* ---- listing ---- */

void kv_folder_each(int fd, int (*take)(void *arg, const char *name), void *arg)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = again >= 0 ? fdopendir(again) : NULL;
	struct dirent *item;

	if (!folder) {
		if (again >= 0) {
			close(again);
		}
		return;
	}
	while ((item = readdir(folder))) {
		if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0 &&
			take(arg, item->d_name)) {
			break;
		}
	}
	closedir(folder);
}

struct names {
	int n_char;
	char *text; /* [n][n_char + 1] */
	size_t n, cap;
};

static int take_name(void *arg, const char *name)
{
	struct names *names = arg;
	size_t size = (size_t)names->n_char + 1;

	if (strlen(name) == size - 1 && kv_is_hex(name, names->n_char)) {
		if (names->n == names->cap) {
			names->cap = names->cap ? 2 * names->cap : 16;
			names->text = mem_resize(names->text, names->cap, size);
		}
		memcpy(names->text + names->n++ * size, name, size);
	}
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void *names_in(int fd, int n_char, size_t *n)
{
	struct names names = {.n_char = n_char};

	kv_folder_each(fd, take_name, &names);
	if (names.n) {
		qsort(names.text, names.n, (size_t)n_char + 1, compare_names);
	}
	*n = names.n;
	return names.text ? names.text : mem_zero(1, (size_t)n_char + 1);
}

struct kv_root_id *kv_folder_roots(const struct kv_folder *folder, size_t *n)
{
	return names_in(folder->fd, KV_ROOT_ID_CHARS, n);
}

int kv_folder_open_root(const struct kv_folder *folder, const char *root_id)
{
	return openat(folder->fd, root_id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* ---- who is pinned ---- */

struct kv_owner_id *kv_folder_pinned(const struct kv_folder *folder, size_t *n)
{
	int fd = kv_folder_open_root(folder, "pinned");
	struct kv_owner_id *pinned;

	*n = 0;
	if (fd < 0) {
		return mem_zero(1, sizeof(*pinned));
	}
	pinned = names_in(fd, ENGINE_OWNER_CHARS, n);
	close(fd);
	return pinned;
}

int kv_folder_pin(struct kv_folder *folder, const char *owner, int is_pinned, struct err *err)
{
	char *path;
	int fd, status;

	if (!kv_is_hex(owner, ENGINE_OWNER_CHARS)) {
		return err_set(err, ERR_USAGE, owner, NULL, "this is no session's id");
	}
	path = mem_printf("pinned/%s", owner);
	if (is_pinned) {
		if (mkdirat(folder->fd, "pinned", 0700) == 0) {
			fchmodat(folder->fd, "pinned", 0700, 0);
		}
		fd = openat(folder->fd, path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		status = fd < 0 ? -1 : fchmod(fd, 0600);
		if (fd >= 0) {
			close(fd);
		}
	} else {
		status = unlinkat(folder->fd, path, 0);
		status = status < 0 && (errno == ENOENT || errno == ENOTDIR) ? 0 : status;
	}
	free(path);
	return status == 0 ? 0
			   : err_set_errno(err, ERR_FAILURE, errno, folder->path,
				     "the session cannot be %s", is_pinned ? "pinned" : "unpinned");
}

/* ---- sizes ---- */

struct measuring {
	int fd;
	int64_t n_bytes;
};

static int measure_file(void *arg, const char *name)
{
	struct measuring *measuring = arg;
	struct stat st;

	if (fstatat(measuring->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode)) {
		measuring->n_bytes += (int64_t)st.st_blocks * 512;
	}
	return 0;
}

int64_t kv_folder_bytes(const struct kv_folder *folder)
{
	size_t n;
	struct kv_root_id *root = kv_folder_roots(folder, &n);
	int64_t n_bytes = 0;

	for (size_t i = 0; i < n; i++) {
		struct measuring measuring = {.fd = kv_folder_open_root(folder, root[i].text)};

		if (measuring.fd >= 0) {
			kv_folder_each(measuring.fd, measure_file, &measuring);
			close(measuring.fd);
		}
		n_bytes += measuring.n_bytes;
	}
	free(root);
	return n_bytes;
}

int64_t kv_folder_limit(const struct kv_folder *folder, int64_t limit_bytes, int64_t used_bytes,
	int64_t *free_bytes)
{
	struct statvfs st;
	int64_t n_free = 0;

	if (fstatvfs(folder->fd, &st) == 0) {
		n_free = (int64_t)st.f_bavail * (int64_t)st.f_frsize;
	}
	if (free_bytes) {
		*free_bytes = n_free;
	}
	return limit_bytes > 0 ? limit_bytes : (n_free + used_bytes) / 5;
}

int64_t kv_folder_segment_bytes(int64_t limit_bytes, int64_t slot_bytes)
{
	int64_t most = limit_bytes / KV_FOLDER_SEGMENTS_MIN;

	most = most > 4 * slot_bytes ? most : 4 * slot_bytes;
	return most < KV_SEGMENT_MAX_BYTES ? most : KV_SEGMENT_MAX_BYTES;
}

/* ---- removing ---- */

static int remove_file(void *arg, const char *name)
{
	unlinkat(*(int *)arg, name, 0);
	return 0;
}

void kv_folder_remove_root(struct kv_folder *folder, const char *root_id)
{
	int fd = kv_folder_open_root(folder, root_id);

	if (fd >= 0) {
		kv_folder_each(fd, remove_file, &fd);
		close(fd);
	}
	/* A folder, or what somebody put in its place. */
	if (unlinkat(folder->fd, root_id, AT_REMOVEDIR) < 0 && errno == ENOTDIR) {
		unlinkat(folder->fd, root_id, 0);
	}
}

void kv_folder_clear(struct kv_folder *folder)
{
	size_t n;
	struct kv_root_id *root = kv_folder_roots(folder, &n);

	for (size_t i = 0; i < n; i++) {
		kv_folder_remove_root(folder, root[i].text);
	}
	free(root);
	kv_folder_remove_root(folder, "pinned");
	kv_folder_remove_root(folder, "digests");
	unlinkat(folder->fd, "lock", 0);
}
