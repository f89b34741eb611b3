/* Folder after folder: names, rules, sizes; see walk.h. */
#include "loaders/tree/walk.h"

#include "base/mem.h"
#include "loaders/secret.h"
#include "loaders/tree/beneath.h"
#include "loaders/tree/rules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { MAX_RULES_BYTES = 4 << 20, CHUNK_BYTES = 256 << 10 };

struct walk_chunk {
	struct walk_chunk *next;
	size_t len, cap;
	char bytes[];
};

/* A folder on the way from the root to what is looked at. */
struct scope {
	const struct scope *up;
	const struct ignore_list *git, *own; /* .gitignore and .carrelignore in it; may be NULL */
	const struct repository *repository; /* whose top it is; NULL: that of a folder above */
	size_t len;                          /* of its path, with a slash */
	int is_included, is_source;
	dev_t device;
	ino_t inode;
};

/* A name in a folder. */
struct name {
	size_t at, len; /* in the folder's names */
	unsigned char type;
	struct walk_entry entry; /* as far as it is known */
	int is_skipped, is_included;
};
struct names {
	struct buf bytes;
	struct name *name;
	size_t n, cap;
};

static char *remember(struct walk *walk, const char *path, size_t len)
{
	struct walk_chunk *chunk = walk->chunk;
	char *copy;

	if (!chunk || chunk->cap - chunk->len <= len) {
		size_t cap = len >= CHUNK_BYTES ? len + 1 : CHUNK_BYTES;

		chunk = mem_alloc(sizeof(*chunk) + cap);
		*chunk = (struct walk_chunk){.next = walk->chunk, .cap = cap};
		walk->chunk = chunk;
	}
	copy = chunk->bytes + chunk->len;
	memcpy(copy, path, len);
	copy[len] = '\0';
	chunk->len += len + 1;
	walk->path_bytes += len + 1;
	return copy;
}

static void add_entry(struct walk *walk, const char *path, size_t len, struct walk_entry entry)
{
	mem_grow(walk->entry, walk->n_entry, walk->cap_entry);
	entry.path = remember(walk, path + walk->subdir_len, len - walk->subdir_len);
	walk->entry[walk->n_entry++] = entry;
	if (!entry.rule && !entry.reason) {
		walk->n_files++;
		walk->n_bytes += entry.size_bytes;
	}
}

static int too_large(struct walk *walk)
{
	if (walk->n_names > WALK_MAX_NAMES) {
		return skip_set(walk->skip, SKIP_UNREADABLE,
			"holds more than %d files: name folders in it", WALK_MAX_NAMES);
	}
	if (walk->path_bytes > WALK_MAX_PATHS_BYTES) {
		return skip_set(walk->skip, SKIP_UNREADABLE,
			"holds more paths than fit %d MiB: name folders in it",
			WALK_MAX_PATHS_BYTES >> 20);
	}
	return 0;
}

/* ---- rules ---- */

/*
 * A file of rules as it is found from where the folder was named. The folder's own path is shortened
 * where it ends as the place in the repository does; "..", links and the like are gone up from.
 */
static char *shown_rules(const struct walk *walk, const char *file, size_t base_len)
{
	const char *subdir = walk->options->subdir;
	size_t above = strlen(subdir);
	struct buf shown = BUF_INIT;
	char *folder = mem_strdup(walk->shown);
	size_t len = strlen(folder);
	int is_shortened = 1;

	while (len > 1 && folder[len - 1] == '/') {
		folder[--len] = '\0';
	}
	for (int n_up = 0; base_len < walk->subdir_len && above > base_len;) {
		size_t end = above;

		while (above > base_len && subdir[above - 1] != '/') {
			above--;
		}
		is_shortened =
			is_shortened && len >= end - above &&
			memcmp(folder + len - (end - above), subdir + above, end - above) == 0 &&
			(len == end - above || folder[len - (end - above) - 1] == '/');
		if (is_shortened) {
			len -= end - above;
			len -= len > 1; /* the slash */
		} else {
			n_up++;
		}
		above -= above > 0 && above > base_len;
		buf_clear(&shown);
		for (int i = 0; i < n_up; i++) {
			buf_addstr(&shown, "../");
		}
	}
	folder[len] = '\0';
	file += base_len < walk->subdir_len ? base_len : walk->subdir_len;
	if (len > 0 && strcmp(folder, ".") != 0) {
		char *whole = mem_printf("%s%s%s%s", folder, folder[len - 1] == '/' ? "" : "/",
			buf_str(&shown), file);

		buf_finish(&shown);
		free(folder);
		return whole;
	}
	free(folder);
	buf_addstr(&shown, file);
	return buf_take(&shown);
}

static struct ignore_list *read_rules(
	struct walk *walk, const char *path, size_t base_len, const char *name)
{
	struct buf text = BUF_INIT;
	char *file = mem_printf("%.*s%s", (int)base_len, path, name);
	struct ignore_list *list = NULL;

	if (beneath_read(&text, walk->root_fd, file, MAX_RULES_BYTES) == 0) {
		char *shown = shown_rules(walk, file, base_len);

		list = ignore_list_create(shown, base_len, buf_str(&text), text.len);
		list->is_git = strcmp(name, ".gitignore") == 0;
		free(shown);
		list->is_catch_all_off = walk->is_catch_all_off && base_len == 0;
		mem_grow(walk->list, walk->n_list, walk->cap_list);
		walk->list[walk->n_list++] = list;
	}
	buf_finish(&text);
	free(file);
	return list;
}

/* What git's rules say, those of the innermost repository; its tracked files always stay. */
static const struct ignore_rule *match_git(
	const struct scope *scope, const char *path, size_t len, size_t name_at, int is_directory)
{
	const struct ignore_rule *rule = NULL;
	const struct scope *top = scope;

	for (; !rule && scope; scope = scope->repository ? NULL : scope->up) {
		rule = scope->git ? ignore_list_match(scope->git, path, len, name_at, is_directory)
				  : NULL;
		top = scope;
	}
	while (!top->repository && top->up) {
		top = top->up;
	}
	if (!rule && top->repository && top->repository->exclude) {
		rule = ignore_list_match(
			top->repository->exclude, path, len, name_at, is_directory);
	}
	if (!rule && user_rules()) {
		rule = ignore_list_match(user_rules(), path + top->len, len - top->len,
			name_at - top->len, is_directory);
	}
	if (!rule || ignore_rule_is_negative(rule)) {
		return NULL;
	}
	if (top->repository && top->repository->tracked) {
		char slashed[PATH_MAX + 2];
		size_t in_len = len - top->len;

		memcpy(slashed, path + top->len, in_len);
		slashed[in_len] = '\0';
		if (repository_tracks(top->repository, slashed, in_len)) {
			return NULL; /* a file, or a submodule */
		}
		slashed[in_len] = '/';
		slashed[in_len + 1] = '\0';
		if (is_directory && repository_tracks(top->repository, slashed, in_len + 1)) {
			return NULL;
		}
	}
	return rule;
}

/* Fills the entry's reason where a path is left out by the user's rules or git's. */
static void match_rules(struct walk *walk, const struct scope *scope, const char *path, size_t len,
	size_t name_at, int is_directory, struct walk_entry *entry)
{
	const struct ignore_rule *rule =
		ignore_list_match(walk->exclude, path, len, name_at, is_directory);

	if (rule && !ignore_rule_is_negative(rule)) {
		entry->rule = rule;
		return;
	}
	rule = NULL;
	for (const struct scope *s = scope; !rule && s; s = s->up) {
		rule = s->own ? ignore_list_match(s->own, path, len, name_at, is_directory) : NULL;
	}
	if (rule) {
		entry->is_kept = ignore_rule_is_negative(rule) != 0;
		entry->rule = entry->is_kept ? NULL : rule;
		return;
	}
	entry->rule = match_git(scope, path, len, name_at, is_directory);
}

/* ---- one folder ---- */

/* As the whole paths compare: a folder's name is followed by a slash. */
static int compare_names(const void *a, const void *b, void *bytes)
{
	const struct name *x = a, *y = b;
	size_t len = x->len < y->len ? x->len : y->len;
	int order = memcmp((char *)bytes + x->at, (char *)bytes + y->at, len);

	if (order == 0) {
		int next_x = x->len > len        ? ((unsigned char *)bytes)[x->at + len]
			     : x->type == DT_DIR ? '/'
						 : -1;
		int next_y = y->len > len        ? ((unsigned char *)bytes)[y->at + len]
			     : y->type == DT_DIR ? '/'
						 : -1;

		order = next_x - next_y;
	}
	return order;
}

static int read_names(struct walk *walk, DIR *folder, struct names *names)
{
	struct dirent *dirent;

	while ((dirent = readdir(folder))) {
		size_t len = strlen(dirent->d_name);

		if (strcmp(dirent->d_name, ".") == 0 || strcmp(dirent->d_name, "..") == 0) {
			continue;
		}
		mem_grow(names->name, names->n, names->cap);
		names->name[names->n++] =
			(struct name){.at = names->bytes.len, .len = len, .type = dirent->d_type};
		buf_add(&names->bytes, dirent->d_name, len + 1);
		walk->n_names++;
		if (too_large(walk) < 0) {
			return -1;
		}
	}
	return 0;
}

static int has_name(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strcmp(names->bytes.data + names->name[i].at, name) == 0) {
			return 1;
		}
	}
	return 0;
}

/* Folders that are no files of anybody's: reading there asks the kernel, and may wait for it. */
static int is_kernels_own(int fd)
{
	static const unsigned long magic[] = {PROC_SUPER_MAGIC, SYSFS_MAGIC, DEBUGFS_MAGIC,
		TRACEFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, SECURITYFS_MAGIC,
		SELINUX_MAGIC, BPF_FS_MAGIC, PSTOREFS_MAGIC, EFIVARFS_MAGIC, DEVPTS_SUPER_MAGIC,
		BINFMTFS_MAGIC, NSFS_MAGIC, HUGETLBFS_MAGIC, 0x62656570 /* configfs */,
		0x65735543 /* fusectl */, 0x19800202 /* mqueue */};
	struct statfs st;

	if (fstatfs(fd, &st) < 0) {
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(magic); i++) {
		if ((unsigned long)st.f_type == magic[i]) {
			return 1;
		}
	}
	return 0;
}

/* Why a folder is not gone into; NULL. Notes where it lies. */
static const char *refuse_folder(int fd, struct scope *scope)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		return "cannot be read";
	}
	scope->device = st.st_dev;
	scope->inode = st.st_ino;
	for (const struct scope *up = scope->up; up; up = up->up) {
		if (up->device == st.st_dev && up->inode == st.st_ino) {
			return "is a folder above itself, mounted again";
		}
	}
	if ((!scope->up || scope->up->device != st.st_dev) && is_kernels_own(fd)) {
		return "is a view into the running kernel, not a folder of files";
	}
	return NULL;
}

/* The rules that stand in a folder itself. */
static void enter_folder(
	struct walk *walk, struct scope *scope, const char *path, const struct names *names)
{
	if (!names || has_name(names, ".git")) {
		char *folder = mem_strndup(path, scope->len);
		struct repository *repository = repository_open(walk->root_fd, folder);

		scope->is_source = 1; /* a root above what is read was found by its .git */
		free(folder);
		if (repository) {
			repository->next = walk->repositories;
			walk->repositories = repository;
			scope->repository = repository;
			if (scope->len == 0 && repository->rev) {
				free(walk->rev);
				walk->rev = mem_strdup(repository->rev);
			}
		}
	}
	if (!names || has_name(names, ".gitignore")) {
		scope->git = read_rules(walk, path, scope->len, ".gitignore");
	}
	if (!names || has_name(names, ".carrelignore")) {
		scope->own = read_rules(walk, path, scope->len, ".carrelignore");
	}
}

static const char *special_reason(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return "is a symbolic link: not followed";
	case S_IFIFO:
		return "is a named pipe, not a file";
	case S_IFSOCK:
		return "is a socket, not a file";
	default:
		return "is a device, not a file";
	}
}

static void leave_out(struct walk_entry *entry, const char *reason)
{
	entry->reason = reason;
	entry->class = SKIP_RULE;
}

static void cannot_read(struct walk_entry *entry, int error)
{
	entry->reason = "cannot be read: %s";
	entry->detail = strerrordesc_np(error) ? strerrordesc_np(error) : "unknown error";
	entry->class = SKIP_UNREADABLE;
}

/* What a file's name and size say. */
static void judge_file(
	struct walk *walk, const char *path, const struct stat *st, struct walk_entry *entry)
{
	const char *reason = NULL;

	entry->size_bytes = st->st_size;
	if (!walk->options->include_secrets && (reason = secret_of_name(path))) {
		leave_out(entry, reason);
	} else if (!entry->is_kept && (reason = rule_of_name(path))) {
		leave_out(entry, reason);
	} else if (st->st_size == 0) {
		leave_out(entry, "is empty");
	} else if (st->st_size > LOAD_MAX_BYTES) {
		leave_out(entry, "is larger than 256 MiB");
	}
}

/* Decide about one name as far as that goes without opening it. */
static void judge(struct walk *walk, const struct scope *scope, int fd, const char *path,
	size_t len, struct name *name)
{
	const char *last = path + scope->len, *reason;
	const struct ignore_rule *included;
	struct stat st = {0};

	name->is_included = scope->is_included;
	name->is_skipped = 1;
	if (len >= PATH_MAX) {
		name->entry.reason = "lies too deep: its path is longer than 4,095 bytes";
		name->entry.class = SKIP_UNREADABLE;
		return;
	}
	if (name->type != DT_DIR && name->type != DT_LNK) {
		if (fstatat(fd, last, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			cannot_read(&name->entry, errno);
			return;
		}
		name->type = S_ISDIR(st.st_mode)   ? DT_DIR
			     : S_ISLNK(st.st_mode) ? DT_LNK
						   : name->type;
	}
	if ((name->type == DT_DIR || strcmp(last, ".git") == 0) &&
		(reason = rule_of_folder(last))) {
		leave_out(&name->entry, reason);
		return;
	}
	match_rules(walk, scope, path, len, scope->len, name->type == DT_DIR, &name->entry);
	if (name->entry.rule) {
		return;
	}
	included = ignore_list_match(walk->include, path, len, scope->len, name->type == DT_DIR);
	if (included) {
		name->is_included = !ignore_rule_is_negative(included);
	}
	if (name->type == DT_LNK || (name->type != DT_DIR && !S_ISREG(st.st_mode))) {
		leave_out(
			&name->entry, special_reason(name->type == DT_LNK ? S_IFLNK : st.st_mode));
	} else if (name->type != DT_DIR) {
		judge_file(walk, path, &st, &name->entry);
		name->is_skipped = name->entry.reason != NULL;
	} else {
		name->is_skipped = 0;
	}
}

static int walk_scope(struct walk *walk, struct scope *scope, struct buf *path, int depth);

/* The folder's names in order: entries, and the folders below. */
static int emit(struct walk *walk, const struct scope *scope, struct buf *path,
	const struct names *names, int depth)
{
	for (size_t i = 0; i < names->n; i++) {
		const struct name *name = &names->name[i];
		int status = 0;

		path->len = scope->len;
		buf_add(path, names->bytes.data + name->at, name->len);
		if (name->type == DT_DIR) {
			buf_addch(path, '/');
		}
		if (name->type == DT_DIR && !name->is_skipped) {
			struct scope below = {
				.up = scope,
				.len = path->len,
				.is_included = name->is_included,
				.is_source = scope->is_source,
			};

			status = walk_scope(walk, &below, path, depth + 1);
		} else if (!name->is_included && !name->entry.rule && name->type != DT_DIR) {
			walk->n_not_included++;
		} else {
			struct walk_entry entry = name->entry;

			entry.is_source = scope->is_source != 0;
			add_entry(walk, path->data, path->len, entry);
			status = too_large(walk);
		}
		if (status < 0) {
			return -1;
		}
	}
	return 0;
}

static int walk_open(
	struct walk *walk, struct scope *scope, struct buf *path, DIR *folder, int depth)
{
	struct names names = {0};
	struct walk_entry bare = {
		.reason = "is a bare git repository: no files are checked out", .class = SKIP_RULE};
	int status = read_names(walk, folder, &names);

	if (status == 0 && has_name(&names, "HEAD") && has_name(&names, "objects") &&
		has_name(&names, "refs") && repository_is_bare(walk->root_fd, buf_str(path))) {
		if (scope->len == walk->subdir_len) {
			status = skip_set(walk->skip, SKIP_UNREADABLE, "%s", bare.reason);
		} else {
			add_entry(walk, path->data, path->len, bare);
		}
	} else if (status == 0) {
		enter_folder(walk, scope, buf_str(path), &names);
		for (size_t i = 0; i < names.n; i++) {
			path->len = scope->len;
			buf_add(path, names.bytes.data + names.name[i].at, names.name[i].len);
			judge(walk, scope, dirfd(folder), path->data, path->len, &names.name[i]);
		}
		closedir(folder);
		folder = NULL;
		if (names.n > 1) {
			qsort_r(names.name, names.n, sizeof(names.name[0]), compare_names,
				names.bytes.data);
		}
		status = emit(walk, scope, path, &names, depth);
	}
	if (folder) {
		closedir(folder);
	}
	buf_finish(&names.bytes);
	free(names.name);
	return status;
}

/* A folder and what lies below; `path` is its own, and stays. */
static int walk_scope(struct walk *walk, struct scope *scope, struct buf *path, int depth)
{
	struct walk_entry entry = {0};
	int fd = -1, status = 0;
	DIR *folder = NULL;

	if (depth > WALK_MAX_DEPTH) {
		entry.reason = "lies more than 200 folders deep: name it to read it";
		entry.class = SKIP_UNREADABLE;
	} else if ((fd = beneath_open_folder(walk->root_fd, buf_str(path))) < 0) {
		cannot_read(&entry, errno);
	} else if ((entry.reason = refuse_folder(fd, scope)) == NULL && !(folder = fdopendir(fd))) {
		cannot_read(&entry, errno);
	}
	if (folder) {
		status = walk_open(walk, scope, path, folder, depth);
	} else {
		if (fd >= 0) {
			close(fd);
		}
		if (scope->len > walk->subdir_len) {
			add_entry(walk, path->data, path->len, entry);
		} else {
			entry.path = "";
			walk_explain(&entry, walk->skip);
			status = -1;
		}
	}
	path->len = scope->len;
	if (path->data) {
		path->data[path->len] = '\0';
	}
	return status;
}

/* ---- the whole ---- */

static struct ignore_list *pattern_list(
	const char *name, size_t base_len, const char *const *pattern, size_t n)
{
	struct ignore_list *list = ignore_list_create(name, base_len, "", 0);

	for (size_t i = 0; i < n; i++) {
		ignore_list_add(list, pattern[i], strlen(pattern[i]), 0);
	}
	return list;
}

/* The folders from the root to options->subdir: only their rules count. Then that itself. */
static int walk_below(struct walk *walk, const struct scope *up, struct buf *path, const char *rest)
{
	struct scope scope = {
		.up = up,
		.len = path->len,
		.is_included = walk->include->n_rule == 0,
		.is_source = up && up->is_source,
	};
	size_t len = strcspn(rest, "/");
	struct stat st;
	int fd;

	if (!rest[0]) {
		return walk_scope(walk, &scope, path, 0);
	}
	fd = beneath_open_folder(walk->root_fd, buf_str(path));
	if (fd >= 0 && fstat(fd, &st) == 0) {
		scope.device = st.st_dev;
		scope.inode = st.st_ino;
	}
	if (fd >= 0) {
		close(fd);
	}
	enter_folder(walk, &scope, buf_str(path), NULL);
	buf_add(path, rest, len);
	buf_addch(path, '/');
	return walk_below(walk, &scope, path, rest + len + (rest[len] == '/'));
}

static int walk_once(struct walk *walk)
{
	struct buf path = BUF_INIT;
	int status;

	walk->n_entry = 0;
	walk->n_files = walk->n_bytes = walk->n_not_included = 0;
	walk->n_names = 0;
	status = walk_below(walk, NULL, &path, walk->options->subdir);
	buf_finish(&path);
	return status;
}

/*
 * Where git's rules leave nothing of a folder that is no repository, a rule for every name is meant
 * for somebody's repository around it (Debian's kernel sources have one): read without it, and say so.
 */
static int is_ignored_all(const struct walk *walk)
{
	return walk->n_files == 0 && walk->n_not_included == 0 && !walk->repositories &&
	       walk->subdir_len == 0 && walk->n_list > 0 && walk->list[0]->base_len == 0 &&
	       walk->list[0]->has_catch_all && walk->list[0]->is_git;
}

int walk_folder(struct walk *walk, const struct input *input, struct skip *skip)
{
	const struct read_options *options = input->options;
	int status;

	*walk = (struct walk){
		.root_fd = input->root_fd, .shown = input->path, .options = options, .skip = skip};
	walk->subdir_len = strlen(options->subdir);
	walk->subdir_len += walk->subdir_len > 0;
	walk->include =
		pattern_list("--include", walk->subdir_len, options->include, options->n_include);
	walk->exclude =
		pattern_list("--exclude", walk->subdir_len, options->exclude, options->n_exclude);
	status = walk_once(walk);
	if (status == 0 && is_ignored_all(walk)) {
		walk->is_catch_all_off = 1;
		walk->ignored_all = ".gitignore";
		status = walk_once(walk);
	}
	return status;
}

void walk_finish(struct walk *walk)
{
	while (walk->chunk) {
		struct walk_chunk *next = walk->chunk->next;

		free(walk->chunk);
		walk->chunk = next;
	}
	while (walk->repositories) {
		struct repository *next = walk->repositories->next;

		repository_close(walk->repositories);
		walk->repositories = next;
	}
	for (size_t i = 0; i < walk->n_list; i++) {
		ignore_list_destroy(walk->list[i]);
	}
	ignore_list_destroy(walk->include);
	ignore_list_destroy(walk->exclude);
	free(walk->list);
	free(walk->entry);
	free(walk->rev);
	*walk = (struct walk){0};
}

void walk_explain(const struct walk_entry *entry, struct skip *skip)
{
	if (entry->path[0]) {
		skip->path = mem_strdup(entry->path);
	}
	if (!entry->rule) {
		/* A reason that quotes something says so with one "%s", at its end. */
		const char *quoted = strstr(entry->reason, "%s");
		int len = (int)(quoted ? quoted - entry->reason : (ptrdiff_t)strlen(entry->reason));

		skip_set(skip, entry->class, "%.*s%s", len, entry->reason,
			quoted ? entry->detail : "");
	} else if (ignore_rule_line(entry->rule) == 0) {
		skip_set(skip, SKIP_RULE, "is left out by %s %s", ignore_rule_list(entry->rule),
			ignore_rule_text(entry->rule));
	} else {
		skip_set(skip, SKIP_RULE, "is ignored by %s:%lld (%s)",
			ignore_rule_list(entry->rule), (long long)ignore_rule_line(entry->rule),
			ignore_rule_text(entry->rule));
	}
}
