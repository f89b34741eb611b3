#include "session/catalogue_file.h"

#include "session/catalogue.h"
#include "session/store_sqlite.h"

#include "base/buf.h"
#include "base/conf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_LINE "carrel catalogue 1"
#define FILE_NAME  "catalogue"
#define LOCK_NAME  ".lock"
#define NEW_PREFIX ".new-" /* a session that is being made, see store_create() */

enum { FILE_MAX_BYTES = 64 << 20, ID_LEN = 16 };

/* ---- lines ---- */

static void clear_lines(struct catalogue_file *file)
{
	for (size_t i = 0; i < file->n_line; i++) {
		free(file->line[i].name);
	}
	for (size_t i = 0; i < file->n_last; i++) {
		free(file->last[i].directory);
	}
	file->n_line = file->n_last = 0;
}

static int is_id(const char *text)
{
	return strlen(text) == ID_LEN && strspn(text, "0123456789abcdef") == ID_LEN;
}

static size_t find_line(const struct catalogue_file *file, const char *id)
{
	size_t i = 0;

	while (i < file->n_line && strcmp(file->line[i].id, id) != 0) {
		i++;
	}
	return i;
}

/* At the end; takes the name. */
static void add_line(struct catalogue_file *file, const char *id, char *name)
{
	mem_grow(file->line, file->n_line, file->cap_line);
	snprintf(file->line[file->n_line].id, sizeof(file->line->id), "%s", id);
	file->line[file->n_line++].name = name;
}

static void add_last(struct catalogue_file *file, const char *id, char *directory)
{
	mem_grow(file->last, file->n_last, file->cap_last);
	snprintf(file->last[file->n_last].id, sizeof(file->last->id), "%s", id);
	file->last[file->n_last++].directory = directory;
}

static void remove_last(struct catalogue_file *file, size_t index)
{
	free(file->last[index].directory);
	file->last[index] = file->last[--file->n_last];
}

void catalogue_file_touch(struct catalogue_file *file, const char *id)
{
	size_t at = find_line(file, id);

	if (at < file->n_line) {
		struct catalogue_line line = file->line[at];

		memmove(&file->line[1], &file->line[0], at * sizeof(*file->line));
		file->line[0] = line;
	}
}

void catalogue_file_put(struct catalogue_file *file, const char *id, const char *name)
{
	size_t at = find_line(file, id);

	if (at == file->n_line) {
		add_line(file, id, mem_strdup(name));
	} else {
		free(file->line[at].name);
		file->line[at].name = mem_strdup(name);
	}
	catalogue_file_touch(file, id);
}

void catalogue_file_drop(struct catalogue_file *file, const char *id)
{
	size_t at = find_line(file, id);

	if (at < file->n_line) {
		free(file->line[at].name);
		memmove(&file->line[at], &file->line[at + 1],
			(--file->n_line - at) * sizeof(*file->line));
	}
	for (size_t i = file->n_last; i-- > 0;) {
		if (strcmp(file->last[i].id, id) == 0) {
			remove_last(file, i);
		}
	}
}

const char *catalogue_file_last(const struct catalogue_file *file, const char *directory)
{
	for (size_t i = 0; i < file->n_last; i++) {
		if (strcmp(file->last[i].directory, directory) == 0) {
			return file->last[i].id;
		}
	}
	return NULL;
}

void catalogue_file_set_last(struct catalogue_file *file, const char *directory, const char *id)
{
	for (size_t i = 0; i < file->n_last; i++) {
		if (strcmp(file->last[i].directory, directory) == 0) {
			snprintf(file->last[i].id, sizeof(file->last[i].id), "%s", id);
			return;
		}
	}
	add_last(file, id, mem_strdup(directory));
}

/* ---- as text ---- */

static void add_escaped(struct buf *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == 0x7f || c == '%') {
			buf_printf(out, "%%%02X", c);
		} else {
			buf_addch(out, (char)c);
		}
	}
}

/* malloc'ed; NULL where it is not what add_escaped() writes. */
static char *unescape(const char *text)
{
	struct buf out = BUF_INIT;

	for (; *text; text++) {
		char hex[3] = {0}, *end;
		long c;

		if (*text != '%') {
			buf_addch(&out, *text);
			continue;
		}
		snprintf(hex, sizeof(hex), "%.2s", text + 1);
		c = strtol(hex, &end, 16);
		if (end != hex + 2 || c == 0) {
			buf_finish(&out);
			return NULL;
		}
		buf_addch(&out, (char)c);
		text += 2;
	}
	return buf_take(&out);
}

static void add_end(struct buf *text)
{
	struct sha256_digest digest = sha256_of(text->data, text->len);
	char hex[65];

	sha256_hex(&digest, hex);
	buf_printf(text, "end %.32s\n", hex);
}

static void write_text(const struct catalogue_file *file, struct buf *out)
{
	buf_addstr(out, FIRST_LINE "\n");
	for (size_t i = 0; i < file->n_line; i++) {
		buf_printf(out, "session %s ", file->line[i].id);
		add_escaped(out, file->line[i].name);
		buf_addch(out, '\n');
	}
	for (size_t i = 0; i < file->n_last; i++) {
		buf_printf(out, "last %s ", file->last[i].id);
		add_escaped(out, file->last[i].directory);
		buf_addch(out, '\n');
	}
	add_end(out);
}

/* "WORD ID REST" */
static int take_line(struct catalogue_file *file, char *line)
{
	int is_session = strncmp(line, "session ", 8) == 0;
	char *id = line + (is_session ? 8 : 5), *rest, *value;

	if ((!is_session && strncmp(line, "last ", 5) != 0) || strlen(id) < ID_LEN + 1 ||
		id[ID_LEN] != ' ') {
		return -1;
	}
	rest = id + ID_LEN + 1;
	id[ID_LEN] = 0;
	value = is_id(id) ? unescape(rest) : NULL;
	if (!value) {
		return -1;
	}
	if (is_session) {
		add_line(file, id, value);
	} else {
		add_last(file, id, value);
	}
	return 0;
}

/* 0, or -1 where it is not whole. */
static int parse(struct catalogue_file *file, struct buf *text)
{
	struct buf body = BUF_INIT;
	char *end = NULL;
	int is_whole;

	for (char *at = text->data; at && (at = strstr(at, "\nend ")); at++) {
		end = at + 1;
	}
	if (!end || memchr(text->data, 0, text->len)) {
		return -1;
	}
	buf_add(&body, text->data, (size_t)(end - text->data));
	add_end(&body);
	is_whole = body.len == text->len && memcmp(body.data, text->data, body.len) == 0;
	buf_finish(&body);
	if (!is_whole || strncmp(text->data, FIRST_LINE "\n", sizeof(FIRST_LINE)) != 0) {
		return -1;
	}
	*end = 0;
	for (char *line = text->data + sizeof(FIRST_LINE); *line;) {
		char *feed = strchr(line, '\n');

		*feed = 0;
		if (take_line(file, line) < 0) {
			return -1;
		}
		line = feed + 1;
	}
	return 0;
}

/* ---- the sessions themselves ---- */

struct found {
	char id[ID_LEN + 1];
	int64_t used_s;
	char *name, *directory;
};
struct finding {
	struct found *session;
	size_t n, cap;
};

static void finding_finish(struct finding *finding)
{
	for (size_t i = 0; i < finding->n; i++) {
		free(finding->session[i].name);
		free(finding->session[i].directory);
	}
	free(finding->session);
}

/* The ids that are there; what a killed process left is removed where `may_clean`. */
static void list_ids(const struct catalogue_file *file, struct finding *finding, int may_clean)
{
	DIR *dir = opendir(file->folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		int is_gone = strncmp(name, CATALOGUE_GONE, strlen(CATALOGUE_GONE)) == 0;
		struct stat st;

		if (is_id(name)) {
			if (fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
				S_ISDIR(st.st_mode)) {
				mem_grow(finding->session, finding->n, finding->cap);
				finding->session[finding->n] = (struct found){0};
				memcpy(finding->session[finding->n++].id, name, ID_LEN);
			}
		} else if (may_clean &&
			   (is_gone || strncmp(name, NEW_PREFIX, strlen(NEW_PREFIX)) == 0)) {
			char *path = mem_printf("%s/%s", file->folder, name);

			if (is_gone || !folder_is_locked(path)) {
				folder_remove(path, NULL);
			}
			free(path);
		}
	}
	if (dir) {
		closedir(dir);
	}
}

static int by_use(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return x->used_s != y->used_s ? (x->used_s < y->used_s ? 1 : -1) : strcmp(x->id, y->id);
}

/* From the sessions; one that cannot be read keeps the name that it had. */
static void make_again(struct catalogue_file *file, struct finding *finding)
{
	struct catalogue_file old = *file;

	for (size_t i = 0; i < finding->n; i++) {
		struct found *found = &finding->session[i];
		char *folder = mem_printf("%s/%s", file->folder, found->id);
		size_t at = find_line(&old, found->id);
		struct store_figures figures;

		if (store_figures(&figures, folder, NULL) == 0) {
			found->used_s = figures.used_s;
			found->name = mem_strdup(figures.name);
			found->directory = mem_strdup(figures.directory);
			store_figures_finish(&figures);
		} else {
			found->name = mem_strdup(at < old.n_line ? old.line[at].name : "");
		}
		if (catalogue_check_name(found->name, NULL) < 0) {
			found->name[0] = 0;
		}
		free(folder);
	}
	if (finding->n) {
		qsort(finding->session, finding->n, sizeof(*finding->session), by_use);
	}
	file->line = NULL;
	file->n_line = file->cap_line = 0;
	for (size_t i = 0; i < finding->n; i++) {
		struct found *found = &finding->session[i];

		add_line(file, found->id, mem_strdup(found->name));
		if (found->directory && found->directory[0] &&
			!catalogue_file_last(file, found->directory)) {
			add_last(file, found->id, mem_strdup(found->directory));
		}
	}
	old.n_last = 0;
	clear_lines(&old);
	free(old.line);
}

/* Whether it lists those that are there; lines about others are taken out. */
static int agrees(struct catalogue_file *file, const struct finding *finding)
{
	size_t n_known = 0;

	for (size_t i = 0; i < finding->n; i++) {
		n_known += find_line(file, finding->session[i].id) < file->n_line;
	}
	if (n_known == file->n_line) {
		return n_known == finding->n;
	}
	for (size_t i = file->n_line; i-- > 0;) {
		size_t j = 0;

		while (j < finding->n && strcmp(finding->session[j].id, file->line[i].id) != 0) {
			j++;
		}
		if (j == finding->n) {
			char id[ID_LEN + 1];

			memcpy(id, file->line[i].id, sizeof(id));
			catalogue_file_drop(file, id);
		}
	}
	return 0;
}

/* Returns whether the file was in order. */
static int load(struct catalogue_file *file)
{
	struct finding finding = {0};
	struct buf text = BUF_INIT;
	char *path = mem_printf("%s/" FILE_NAME, file->folder);
	int is_good;

	list_ids(file, &finding, file->lock_fd >= 0);
	is_good = file_read(&text, path, FILE_MAX_BYTES, NULL) == 0 && parse(file, &text) == 0;
	if (!is_good) {
		clear_lines(file);
	}
	if (!agrees(file, &finding) || !is_good) {
		make_again(file, &finding);
		is_good = is_good && finding.n == 0;
	}
	finding_finish(&finding);
	buf_finish(&text);
	free(path);
	return is_good;
}

/* ---- the file ---- */

static int start(struct catalogue_file *file, struct err *err)
{
	*file = (struct catalogue_file){.lock_fd = -1};
	file->folder = conf_sessions_dir();
	return file->folder ? 0
			    : err_set(err, ERR_FAILURE, NULL, "set HOME or XDG_DATA_HOME",
				      "there is no place for sessions");
}

int catalogue_file_lock(struct catalogue_file *file, struct err *err)
{
	char *path;

	if (start(file, err) < 0 || conf_make_dir(file->folder, err) < 0) {
		catalogue_file_finish(file);
		return -1;
	}
	path = mem_printf("%s/" LOCK_NAME, file->folder);
	file->lock_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file->lock_fd >= 0) {
		while (flock(file->lock_fd, LOCK_EX) < 0 && errno == EINTR) {
		}
	} else {
		err_set_errno(err, ERR_FAILURE, errno, path, "cannot be locked");
	}
	free(path);
	if (file->lock_fd < 0) {
		catalogue_file_finish(file);
		return -1;
	}
	load(file);
	return 0;
}

int catalogue_file_read(struct catalogue_file *file, struct err *err)
{
	struct catalogue_file locked;
	struct stat st;

	if (start(file, err) < 0) {
		return -1;
	}
	/* Where nothing can be written, what the sessions say is good enough. */
	if (!load(file) && stat(file->folder, &st) == 0 &&
		catalogue_file_lock(&locked, NULL) == 0) {
		catalogue_file_save(&locked, NULL);
		catalogue_file_finish(&locked);
	}
	return 0;
}

void catalogue_file_finish(struct catalogue_file *file)
{
	clear_lines(file);
	free(file->line);
	free(file->last);
	free(file->folder);
	if (file->lock_fd >= 0) {
		close(file->lock_fd);
	}
	*file = (struct catalogue_file){.lock_fd = -1};
}

static int write_whole(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR) {
			return -1;
		}
		bytes += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return fsync(fd);
}

int catalogue_file_save(const struct catalogue_file *file, struct err *err)
{
	char *path = mem_printf("%s/" FILE_NAME, file->folder), *next = mem_printf("%s.new", path);
	struct buf text = BUF_INIT;
	int fd, status;

	write_text(file, &text);
	fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	status = fd < 0 || fchmod(fd, 0600) < 0 || write_whole(fd, text.data, text.len) < 0 ||
				 rename(next, path) < 0
			 ? err_set_errno(err, ERR_FAILURE, errno, path, "cannot be written")
			 : folder_sync(file->folder, err);
	if (fd >= 0) {
		close(fd);
	}
	if (status < 0) {
		unlink(next);
	}
	buf_finish(&text);
	free(next);
	free(path);
	return status;
}

int catalogue_file_forget(const struct catalogue_file *file, struct err *err)
{
	char *path = mem_printf("%s/" FILE_NAME, file->folder);
	int status = unlink(path) < 0 && errno != ENOENT
			     ? err_set_errno(err, ERR_FAILURE, errno, path, "cannot be removed")
			     : folder_sync(file->folder, err);

	free(path);
	return status;
}
