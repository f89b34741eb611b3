/*
 * Preloaded into a program under test: sees every call that changes a folder, records it, and at the
 * nth of them kills the program or lets the call fail (faults.h says how it is told). Each function
 * here is the C library's of that name, around the system call itself.
 *
 * The wal-index of SQLite (*-shm) is neither counted nor recorded: it is memory that happens to have
 * a name, and is made again after a crash.
 */
#undef _FILE_OFFSET_BITS
#include "tests/faults/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum class { CLASS_NAME = 1, CLASS_WRITE = 2, CLASS_SYNC = 4, CLASS_READ = 8 };
enum action { ACT_NONE, ACT_KILL_BEFORE, ACT_KILL_AFTER, ACT_ENOSPC, ACT_EIO, ACT_SHORT };

static struct {
	int is_active;
	char folder[PATH_MAX];
	size_t folder_len;
	const char *log, *while_file;
	struct faults_state *state;
	unsigned classes;
	uint64_t at;
	enum action action;
	pthread_mutex_t lock; /* while a log is written: what is done and what is told are one */
} shim = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- what is below the folder ---- */

static int is_below(const char *path)
{
	size_t len = strlen(path);

	return !strncmp(path, shim.folder, shim.folder_len) &&
	       (path[shim.folder_len] == '/' || !path[shim.folder_len]) &&
	       !(len > 4 && !strcmp(path + len - 4, "-shm"));
}

static int fd_path(char out[PATH_MAX], int fd)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, PATH_MAX - 1);
	out[n < 0 ? 0 : n] = '\0';
	return n > 0;
}

static int fd_counts(int fd)
{
	char path[PATH_MAX];

	return shim.is_active && fd_path(path, fd) && is_below(path);
}

static uint64_t object_of_fd(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* A name in a folder, as a call names it. */
struct place {
	char folder[PATH_MAX], name[NAME_MAX + 1];
	uint64_t folder_object;
	uint64_t object; /* 0: there is nothing of that name */
};

/* 0 where it is not below the folder. */
static int place_find(struct place *place, int dir_fd, const char *path)
{
	char whole[PATH_MAX], base[PATH_MAX];
	struct stat st;
	char *slash;
	size_t len;

	if (!shim.is_active || !path) {
		return 0;
	}
	base[0] = '\0';
	if (path[0] != '/' &&
		(dir_fd == AT_FDCWD ? !getcwd(base, sizeof(base)) : !fd_path(base, dir_fd))) {
		return 0;
	}
	if (snprintf(whole, sizeof(whole), "%s%s%s", base, base[0] ? "/" : "", path) >=
		(int)sizeof(whole)) {
		return 0;
	}
	for (len = strlen(whole); len > 1 && whole[len - 1] == '/'; len--) {
		whole[len - 1] = '\0';
	}
	slash = strrchr(whole, '/');
	if (!slash || strlen(slash + 1) > NAME_MAX) {
		return 0;
	}
	memcpy(place->name, slash + 1, strlen(slash + 1) + 1);
	*slash = '\0';
	if (!realpath(whole[0] ? whole : "/", place->folder) || stat(place->folder, &st) < 0) {
		return 0;
	}
	place->folder_object = st.st_ino;
	if (snprintf(whole, sizeof(whole), "%s/%s", place->folder, place->name) >=
			(int)sizeof(whole) ||
		!is_below(whole)) {
		return 0;
	}
	place->object = lstat(whole, &st) == 0 ? st.st_ino : 0;
	return 1;
}

/* ---- the log ---- */

/* What is not given stays 0. */
struct entry {
	enum faults_kind kind;
	uint64_t object;
	const struct place *from, *to;
	const char *name;
	int64_t offset;
	const struct iovec *data;
	int n_data;
	size_t data_len;
};

static void tell(const struct entry *entry)
{
	const char *name = entry->from ? entry->from->name : entry->name ? entry->name : "";
	const char *name2 = entry->to ? entry->to->name : "";
	struct faults_record record = {
		.kind = entry->kind,
		.name_len = (uint32_t)strlen(name),
		.name2_len = (uint32_t)strlen(name2),
		.process = (uint32_t)getpid(),
		.object = entry->object,
		.folder = entry->from ? entry->from->folder_object : 0,
		.folder2 = entry->to ? entry->to->folder_object : 0,
		.offset = entry->offset,
		.data_len = entry->data_len,
	};
	struct iovec part[16];
	size_t left = entry->data_len, total = sizeof(record) + record.name_len + record.name2_len;
	int n = 3, fd, saved = errno;

	if (!shim.log) {
		return;
	}
	part[0] = (struct iovec){&record, sizeof(record)};
	part[1] = (struct iovec){(void *)(uintptr_t)name, record.name_len};
	part[2] = (struct iovec){(void *)(uintptr_t)name2, record.name2_len};
	for (int i = 0; i < entry->n_data && left; i++) {
		size_t len = entry->data[i].iov_len < left ? entry->data[i].iov_len : left;

		if (n == 16) {
			abort(); /* longer lists than anybody here writes */
		}
		part[n++] = (struct iovec){entry->data[i].iov_base, len};
		left -= len;
		total += len;
	}
	fd = (int)syscall(
		SYS_openat, AT_FDCWD, shim.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || syscall(SYS_writev, fd, part, n) != (long)total) {
		abort(); /* a log with a hole proves nothing */
	}
	syscall(SYS_close, fd);
	errno = saved;
}

static void begin(void)
{
	if (shim.log) {
		pthread_mutex_lock(&shim.lock);
	}
}

static void end(void)
{
	if (shim.log) {
		pthread_mutex_unlock(&shim.lock);
	}
}

/* ---- faults ---- */

/* What is to happen to this call; dies where it is to die. */
static enum action next_action(enum class class)
{
	uint64_t n;

	if (!(shim.classes & class)) {
		return ACT_NONE;
	}
	n = atomic_fetch_add(&shim.state->n_seen, 1) + 1;
	if (!shim.at || n < shim.at ||
		(shim.while_file ? syscall(SYS_access, shim.while_file, F_OK) < 0 : n > shim.at)) {
		return ACT_NONE;
	}
	atomic_fetch_add(&shim.state->n_done, 1);
	if (shim.action == ACT_KILL_BEFORE) {
		kill(getpid(), SIGKILL);
	}
	return shim.action;
}

/* Whether the call fails, with errno. */
static int fails(enum action action)
{
	errno = action == ACT_ENOSPC ? ENOSPC : action == ACT_EIO ? EIO : errno;
	return action == ACT_ENOSPC || action == ACT_EIO;
}

static void after(enum action action)
{
	if (action == ACT_KILL_AFTER) {
		kill(getpid(), SIGKILL);
	}
}

static int is_named(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; p && *p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		if (!strncmp(p, name, len) && (!p[len] || p[len] == ',')) {
			return 1;
		}
	}
	return 0;
}

static enum action action_named(const char *name)
{
	static const char *const names[] = {
		"", "kill-before", "kill-after", "enospc", "eio", "short"};

	for (size_t i = 1; name && i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(name, names[i])) {
			return (enum action)i;
		}
	}
	return ACT_NONE;
}

__attribute__((constructor)) static void load(void)
{
	const char *folder = getenv("FAULTS_FOLDER"), *state = getenv("FAULTS_STATE");
	const char *which = getenv("FAULTS_WHICH"), *at = getenv("FAULTS_AT");
	struct stat st;
	int fd;

	if (!folder || !state || strlen(folder) >= sizeof(shim.folder) ||
		!is_named(getenv("FAULTS_PROGRAM"), program_invocation_short_name)) {
		return;
	}
	shim.folder_len = strlen(folder);
	memcpy(shim.folder, folder, shim.folder_len + 1);
	fd = (int)syscall(SYS_openat, AT_FDCWD, state, O_RDWR | O_CLOEXEC, 0);
	shim.state =
		fd < 0 ? MAP_FAILED
		       : mmap(NULL, sizeof(*shim.state), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shim.state == MAP_FAILED || stat(folder, &st) < 0) {
		abort(); /* a test that believes in faults that never come */
	}
	syscall(SYS_close, fd);
	shim.log = getenv("FAULTS_LOG");
	shim.while_file = getenv("FAULTS_WHILE");
	shim.at = at ? strtoull(at, NULL, 10) : 0;
	shim.action = action_named(getenv("FAULTS_DO"));
	shim.classes = !which || !strcmp(which, "changes") ? CLASS_NAME | CLASS_WRITE | CLASS_SYNC
		       : !strcmp(which, "writes")          ? CLASS_WRITE
		       : !strcmp(which, "syncs")           ? CLASS_SYNC
		       : !strcmp(which, "reads")           ? CLASS_READ
							   : 0;
	atomic_fetch_add(&shim.state->n_loaded, 1);
	tell(&(struct entry){.kind = FAULTS_ROOT, .object = st.st_ino});
	shim.is_active = 1;
}

/* ---- names ---- */

static int open_at(int dir_fd, const char *path, int flags, mode_t mode)
{
	struct place place;
	enum action action;
	int fd;

	if (!(flags & (O_CREAT | O_TRUNC)) || !place_find(&place, dir_fd, path)) {
		return (int)syscall(SYS_openat, dir_fd, path, flags, mode);
	}
	begin();
	action = next_action(CLASS_NAME);
	fd = fails(action) ? -1 : (int)syscall(SYS_openat, dir_fd, path, flags, mode);
	if (fd >= 0 && !place.object) {
		tell(&(struct entry){
			.kind = FAULTS_CREATE, .object = object_of_fd(fd), .from = &place});
	} else if (fd >= 0 && (flags & O_TRUNC)) {
		tell(&(struct entry){.kind = FAULTS_TRUNCATE, .object = place.object});
	}
	after(action);
	end();
	return fd;
}

static mode_t mode_of(int flags, va_list args)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
}

#define OPEN(name)                                                                                 \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		va_list args;                                                                      \
		mode_t mode;                                                                       \
                                                                                                   \
		va_start(args, flags);                                                             \
		mode = mode_of(flags, args);                                                       \
		va_end(args);                                                                      \
		return open_at(AT_FDCWD, path, flags, mode);                                       \
	}
#define OPENAT(name)                                                                               \
	int name(int dir_fd, const char *path, int flags, ...)                                     \
	{                                                                                          \
		va_list args;                                                                      \
		mode_t mode;                                                                       \
                                                                                                   \
		va_start(args, flags);                                                             \
		mode = mode_of(flags, args);                                                       \
		va_end(args);                                                                      \
		return open_at(dir_fd, path, flags, mode);                                         \
	}
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int creat(const char *path, mode_t mode)
{
	return open_at(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* Files of the C library's own: what is written through its buffers is not seen. */
static FILE *open_stream(const char *path, const char *mode)
{
	int flags = mode[0] == 'r'   ? O_RDONLY
		    : mode[0] == 'w' ? O_CREAT | O_TRUNC
				     : O_CREAT | O_APPEND;
	int fd = open_at(AT_FDCWD, path,
		flags |
			(strchr(mode, '+')       ? O_RDWR
				: mode[0] == 'r' ? O_RDONLY
						 : O_WRONLY) |
			(strchr(mode, 'e') ? O_CLOEXEC : 0),
		0666);
	FILE *file = fd < 0 ? NULL : fdopen(fd, mode);

	if (file && (mode[0] != 'r' || strchr(mode, '+')) && fd_counts(fd)) {
		tell(&(struct entry){.kind = FAULTS_UNSEEN, .name = path});
	}
	if (fd >= 0 && !file) {
		close(fd);
	}
	return file;
}

FILE *fopen(const char *path, const char *mode)
{
	return open_stream(path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
	return open_stream(path, mode);
}

/* mkstemp() and its kin open behind our back: they are made here. */
static int make_temporary(char *path, int suffix_len, int flags)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	char *x = path + strlen(path) - suffix_len - 6;

	for (int tries = 0; tries < 100; tries++) {
		int fd;

		for (int i = 0; i < 6; i++) {
			x[i] = letters[(unsigned)(rand() + getpid()) % 36];
		}
		fd = open_at(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | flags, 0600);
		if (fd >= 0 || errno != EEXIST) {
			return fd;
		}
	}
	return -1;
}

int mkstemp(char *path)
{
	return make_temporary(path, 0, 0);
}

int mkstemp64(char *path)
{
	return make_temporary(path, 0, 0);
}

int mkostemp(char *path, int flags)
{
	return make_temporary(path, 0, flags);
}

int mkostemp64(char *path, int flags)
{
	return make_temporary(path, 0, flags);
}

int mkdirat(int dir_fd, const char *path, mode_t mode)
{
	struct place place;
	enum action action;
	int status;

	if (!place_find(&place, dir_fd, path)) {
		return (int)syscall(SYS_mkdirat, dir_fd, path, mode);
	}
	begin();
	action = place.object ? ACT_NONE : next_action(CLASS_NAME);
	status = fails(action) ? -1 : (int)syscall(SYS_mkdirat, dir_fd, path, mode);
	if (status == 0 && place_find(&place, dir_fd, path)) {
		tell(&(struct entry){.kind = FAULTS_MKDIR, .object = place.object, .from = &place});
	}
	after(action);
	end();
	return status;
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

char *mkdtemp(char *path)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	char *x = path + strlen(path) - 6;

	for (int tries = 0; tries < 100; tries++) {
		for (int i = 0; i < 6; i++) {
			x[i] = letters[(unsigned)(rand() + getpid()) % 36];
		}
		if (mkdirat(AT_FDCWD, path, 0700) == 0) {
			return path;
		}
		if (errno != EEXIST) {
			break;
		}
	}
	return NULL;
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	struct place old, new;
	enum action action;
	int below_from = place_find(&old, from_fd, from), below_to = place_find(&new, to_fd, to);
	int status;

	if (!below_from && !below_to) {
		return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
	}
	begin();
	action = next_action(CLASS_NAME);
	status = fails(action) ? -1 : (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, flags);
	if (status == 0 && (!below_from || !below_to || (flags & RENAME_EXCHANGE))) {
		tell(&(struct entry){.kind = FAULTS_UNSEEN, .name = to});
	} else if (status == 0) {
		tell(&(struct entry){.kind = FAULTS_RENAME, .from = &old, .to = &new});
	}
	after(action);
	end();
	return status;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return renameat2(from_fd, from, to_fd, to, 0);
}

int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlinkat(int dir_fd, const char *path, int flags)
{
	struct place place;
	enum action action;
	int status;

	if (!place_find(&place, dir_fd, path) || !place.object) {
		return (int)syscall(SYS_unlinkat, dir_fd, path, flags);
	}
	begin();
	action = next_action(CLASS_NAME);
	/* Removing needs no space. */
	status = action == ACT_EIO && fails(action)
			 ? -1
			 : (int)syscall(SYS_unlinkat, dir_fd, path, flags);
	if (status == 0) {
		tell(&(struct entry){.kind = FAULTS_UNLINK, .from = &place});
	}
	after(action);
	end();
	return status;
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char *path)
{
	int status = unlinkat(AT_FDCWD, path, 0);

	return status < 0 && errno == EISDIR ? unlinkat(AT_FDCWD, path, AT_REMOVEDIR) : status;
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	struct place place;
	enum action action;
	int status;

	if (!place_find(&place, to_fd, to)) {
		return (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
	}
	begin();
	action = next_action(CLASS_NAME);
	status = fails(action) ? -1 : (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
	if (status == 0 && place_find(&place, to_fd, to)) {
		tell(&(struct entry){.kind = FAULTS_LINK, .object = place.object, .from = &place});
	}
	after(action);
	end();
	return status;
}

int link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- contents ---- */

/* offset < 0: where the descriptor stands. */
static ssize_t write_parts(int fd, const struct iovec *part, int n_part, int64_t offset)
{
	struct iovec half;
	enum action action;
	ssize_t n;

	if (!fd_counts(fd)) {
		/* As it was called: in a sandbox one may be allowed and the other not. */
		return n_part == 1 && offset < 0
			       ? syscall(SYS_write, fd, part->iov_base, part->iov_len)
		       : n_part == 1
			       ? syscall(SYS_pwrite64, fd, part->iov_base, part->iov_len, offset)
		       : offset < 0 ? syscall(SYS_writev, fd, part, n_part)
				    : syscall(SYS_pwritev, fd, part, n_part, offset, 0);
	}
	begin();
	action = next_action(CLASS_WRITE);
	if (action == ACT_SHORT) {
		half = (struct iovec){part[0].iov_base, (part[0].iov_len + 1) / 2};
		part = &half;
		n_part = 1;
	}
	n = fails(action) ? -1
	    : offset < 0  ? syscall(SYS_writev, fd, part, n_part)
			  : syscall(SYS_pwritev, fd, part, n_part, offset, 0);
	if (n > 0) {
		tell(&(struct entry){
			.kind = FAULTS_WRITE,
			.object = object_of_fd(fd),
			.offset = offset < 0 ? syscall(SYS_lseek, fd, 0, SEEK_CUR) - n : offset,
			.data = part,
			.n_data = n_part,
			.data_len = (size_t)n,
		});
	}
	after(action);
	end();
	return n;
}

ssize_t write(int fd, const void *data, size_t len)
{
	struct iovec part = {(void *)(uintptr_t)data, len};

	return write_parts(fd, &part, 1, -1);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	struct iovec part = {(void *)(uintptr_t)data, len};

	return write_parts(fd, &part, 1, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t offset)
{
	return pwrite(fd, data, len, offset);
}

ssize_t writev(int fd, const struct iovec *part, int n_part)
{
	return write_parts(fd, part, n_part, -1);
}

ssize_t pwritev(int fd, const struct iovec *part, int n_part, off_t offset)
{
	return write_parts(fd, part, n_part, offset);
}

ssize_t pwritev64(int fd, const struct iovec *part, int n_part, off64_t offset)
{
	return write_parts(fd, part, n_part, offset);
}

int vdprintf(int fd, const char *format, va_list args)
{
	char text[4096];
	int n = vsnprintf(text, sizeof(text), format, args);

	if (n >= (int)sizeof(text)) {
		abort(); /* more than anybody here prints so */
	}
	return n < 0 ? n : (int)write(fd, text, (size_t)n);
}

int dprintf(int fd, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vdprintf(fd, format, args);
	va_end(args);
	return n;
}

/* Copies between files are made of reads and writes, so that they are seen. */
ssize_t copy_file_range(
	int from, off64_t *from_at, int to, off64_t *to_at, size_t len, unsigned flags)
{
	if (fd_counts(to)) {
		errno = ENOSYS;
		return -1;
	}
	return syscall(SYS_copy_file_range, from, from_at, to, to_at, len, flags);
}

ssize_t sendfile(int to, int from, off_t *from_at, size_t len)
{
	if (fd_counts(to)) {
		errno = ENOSYS;
		return -1;
	}
	return syscall(SYS_sendfile, to, from, from_at, len);
}

/* A change of a file's length, by whatever call: `change` makes it. */
static int change_length(int fd, int (*change)(int fd, int mode, off_t from, off_t len), int mode,
	off_t from, off_t len)
{
	enum action action;
	struct stat st;
	int status;

	if (!fd_counts(fd)) {
		return change(fd, mode, from, len);
	}
	begin();
	action = next_action(CLASS_WRITE);
	status = fails(action) ? -1 : change(fd, mode, from, len);
	if (status == 0 && fstat(fd, &st) == 0) {
		tell(&(struct entry){
			.kind = FAULTS_TRUNCATE, .object = st.st_ino, .offset = st.st_size});
	}
	after(action);
	end();
	return status;
}

static int by_ftruncate(int fd, int mode, off_t from, off_t len)
{
	return (int)syscall(SYS_ftruncate, fd, len);
}

static int by_fallocate(int fd, int mode, off_t from, off_t len)
{
	return (int)syscall(SYS_fallocate, fd, mode, from, len);
}

int ftruncate(int fd, off_t len)
{
	return change_length(fd, by_ftruncate, 0, 0, len);
}

int ftruncate64(int fd, off64_t len)
{
	return change_length(fd, by_ftruncate, 0, 0, len);
}

int fallocate(int fd, int mode, off_t from, off_t len)
{
	return change_length(fd, by_fallocate, mode, from, len);
}

int fallocate64(int fd, int mode, off64_t from, off64_t len)
{
	return change_length(fd, by_fallocate, mode, from, len);
}

int posix_fallocate(int fd, off_t from, off_t len)
{
	int saved = errno, status = fallocate(fd, 0, from, len) < 0 ? errno : 0;

	errno = saved;
	return status;
}

int posix_fallocate64(int fd, off64_t from, off64_t len)
{
	return posix_fallocate(fd, from, len);
}

static int sync_fd(int fd, long number)
{
	enum action action;
	int status;

	if (!fd_counts(fd)) {
		return (int)syscall(number, fd);
	}
	begin();
	action = next_action(CLASS_SYNC);
	status = fails(action) ? -1 : (int)syscall(number, fd);
	if (status == 0) {
		tell(&(struct entry){.kind = FAULTS_SYNC, .object = object_of_fd(fd)});
	}
	after(action);
	end();
	return status;
}

int fsync(int fd)
{
	return sync_fd(fd, SYS_fsync);
}

int fdatasync(int fd)
{
	return sync_fd(fd, SYS_fdatasync);
}

/* Promises nothing (no metadata, no flush of the disk's cache), so it is not recorded. */
int sync_file_range(int fd, off64_t from, off64_t len, unsigned flags)
{
	enum action action = fd_counts(fd) ? next_action(CLASS_SYNC) : ACT_NONE;
	int status = fails(action) ? -1 : (int)syscall(SYS_sync_file_range, fd, from, len, flags);

	after(action);
	return status;
}

static void *map(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	if (fd >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE) && fd_counts(fd)) {
		tell(&(struct entry){.kind = FAULTS_UNSEEN, .name = "a shared mapping"});
	}
	return (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
}

void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	return map(at, len, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t len, int protection, int flags, int fd, off64_t offset)
{
	return map(at, len, protection, flags, fd, offset);
}

/* ---- reading ---- */

static ssize_t read_at(int fd, void *out, size_t len, int64_t offset)
{
	if (shim.is_active && (shim.classes & CLASS_READ) && fd_counts(fd) &&
		fails(next_action(CLASS_READ))) {
		return -1;
	}
	return offset < 0 ? syscall(SYS_read, fd, out, len)
			  : syscall(SYS_pread64, fd, out, len, offset);
}

ssize_t read(int fd, void *out, size_t len)
{
	return read_at(fd, out, len, -1);
}

ssize_t pread(int fd, void *out, size_t len, off_t offset)
{
	return read_at(fd, out, len, offset);
}

ssize_t pread64(int fd, void *out, size_t len, off64_t offset)
{
	return read_at(fd, out, len, offset);
}
