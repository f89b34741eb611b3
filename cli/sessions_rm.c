/* carrel sessions rm, rename, pin, unpin. */
#include "cli/sessions.h"

#include "base/conf.h"
#include "base/escape.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/start.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- rm ---- */

struct removal {
	char *folder; /* of the session */
	char id[17];
	char *name;
	struct engine_kv_work kv;
	int64_t left_bytes; /* of it, anywhere, after it was removed */
};

static void removal_finish(struct removal *removal)
{
	free(removal->folder);
	free(removal->name);
}

/* Bytes of the files below a folder. */
static int64_t count_below(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int64_t bytes = 0;
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
			fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			continue;
		}
		bytes += S_ISDIR(st.st_mode) ? count_below(fd, entry->d_name) : st.st_size;
	}
	if (dir) {
		closedir(dir);
	} else if (fd >= 0) {
		close(fd);
	}
	return bytes;
}

/* What is left of a session: everything in the sessions' folder that bears its id, and its KV. */
static int64_t look_for_rest(const char *id)
{
	char *sessions = conf_sessions_dir();
	DIR *dir = sessions ? opendir(sessions) : NULL;
	int64_t bytes = sessions_kv_bytes(id);
	struct dirent *entry;
	struct stat st;

	while (dir && (entry = readdir(dir))) {
		if (strstr(entry->d_name, id) &&
			fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			bytes += S_ISDIR(st.st_mode) ? count_below(dirfd(dir), entry->d_name)
						     : st.st_size;
		}
	}
	if (dir) {
		closedir(dir);
	}
	free(sessions);
	return bytes;
}

static int find_removal(struct removal *removal, const char *name, struct err *err)
{
	struct store_figures figures;

	*removal = (struct removal){0};
	if (catalogue_find(name, 0, &removal->folder, err) < 0) {
		return -1;
	}
	snprintf(removal->id, sizeof(removal->id), "%.16s", sessions_id(removal->folder));
	removal->name = mem_strdup(name);
	/* A session that is damaged can be removed, too. */
	if (store_figures(&figures, removal->folder, NULL) == 0) {
		int is_in_use = figures.is_in_use;

		if (figures.name[0]) {
			free(removal->name);
			removal->name = mem_strdup(figures.name);
		}
		store_figures_finish(&figures);
		if (is_in_use) {
			return err_set(err, ERR_FAILURE, NULL, "end what uses it first",
				"session \"%s\" is in use", removal->name);
		}
	}
	return 0;
}

static int remove_one(struct removal *removal, struct err *err)
{
	char *kv = sessions_kv_folder();
	struct engine_kv_watch watch = {0};
	int status = catalogue_remove(removal->id, err);

	if (status == 0 && kv) {
		engine_kv_pin(kv, removal->id, 0, NULL);
		status = engine_kv_remove(kv, removal->id, watch, &removal->kv, err);
	}
	free(kv);
	removal->left_bytes = look_for_rest(removal->id);
	return status;
}

static void tell_removal(const struct removal *removal, json_t *list)
{
	char kv[NUMBER_SIZE], left[NUMBER_SIZE], held[NUMBER_SIZE], shared[NUMBER_SIZE];

	if (list) {
		json_t *object = json_object();

		json_object_set_new(object, "id", json_string(removal->id));
		json_object_set_new(object, "name", output_json_string(removal->name));
		json_object_set_new(
			object, "kv_removed_bytes", json_integer(removal->kv.n_removed_bytes));
		json_object_set_new(
			object, "kv_held_bytes", json_integer(removal->kv.n_held_bytes));
		json_object_set_new(
			object, "kv_shared_bytes", json_integer(removal->kv.n_shared_bytes));
		json_object_set_new(object, "remaining_bytes", json_integer(removal->left_bytes));
		json_array_append_new(list, object);
		return;
	}
	number_bytes(kv, removal->kv.n_removed_bytes);
	if (removal->kv.n_shared_bytes && removal->left_bytes == 0) {
		output_line("%s is removed, with %s of KV; %s of KV remain, which other sessions "
			    "with the same text use",
			removal->name, kv, number_bytes(shared, removal->kv.n_shared_bytes));
	} else {
		output_line("%s is removed, with %s of KV; %s of its documents remain on disk",
			removal->name, kv, number_bytes(left, removal->left_bytes));
	}
	if (removal->kv.n_held_bytes) {
		log_note("%s of KV go when the engine that holds them ends",
			number_bytes(held, removal->kv.n_held_bytes));
	}
}

static int agrees(const struct removal *removal, size_t count, const struct options *options)
{
	struct buf names = BUF_INIT, question = BUF_INIT, shown = BUF_INIT;
	int is_agreed;

	for (size_t i = 0; i < count; i++) {
		buf_additem(&names, removal[i].name);
	}
	buf_printf(&question, "Remove %s with everything in %s?", buf_str(&names),
		count == 1 ? "it" : "them");
	escape_add(&shown, buf_str(&question), question.len, ESCAPE_LINE);
	is_agreed = sessions_agrees(options, buf_str(&shown));
	buf_finish(&names);
	buf_finish(&question);
	buf_finish(&shown);
	return is_agreed;
}

/* All of them, each once, before one is removed; `removal` has room for every argument. */
static int find_removals(
	struct removal *removal, size_t *count, const struct options *options, struct err *err)
{
	for (size_t i = 1; i < options->n_argument; i++) {
		size_t known = 0;

		if (find_removal(&removal[*count], options->argument[i], err) < 0) {
			removal_finish(&removal[*count]);
			return -1;
		}
		while (strcmp(removal[known].id, removal[*count].id) != 0) {
			known++;
		}
		if (known < *count) {
			removal_finish(&removal[*count]);
		} else {
			(*count)++;
		}
	}
	return 0;
}

/* A no is an answer, Ctrl-C ends the command. */
static int leave(struct err *err)
{
	if (interrupt_pending()) {
		return err_set(err, ERR_INTERRUPTED, NULL, NULL, "stopped; nothing was removed");
	}
	log_note("nothing was removed");
	return 0;
}

int sessions_rm(struct options *options, struct err *err)
{
	struct removal *removal = mem_zero(options->n_argument, sizeof(*removal));
	json_t *list = options->json ? json_array() : NULL;
	size_t n_found = 0, n_agreed = 0;
	int status = sessions_check_arguments(
		options, 1, SIZE_MAX - 1, "carrel sessions rm NAME...", err);

	if (status == 0) {
		status = find_removals(removal, &n_found, options, err);
	}
	if (status == 0 && agrees(removal, n_found, options)) {
		n_agreed = n_found;
	} else if (status == 0) {
		status = leave(err);
	}
	for (size_t i = 0; i < n_agreed && status == 0; i++) {
		status = remove_one(&removal[i], err);
		if (status == 0) {
			tell_removal(&removal[i], list);
		}
	}
	if (list && status == 0) {
		output_json(list);
	} else {
		json_decref(list);
	}
	for (size_t i = 0; i < n_found; i++) {
		removal_finish(&removal[i]);
	}
	free(removal);
	return status;
}

/* ---- rename, pin, unpin ---- */

int sessions_rename(struct options *options, struct err *err)
{
	char *folder = NULL;
	int status =
		sessions_check_arguments(options, 2, 2, "carrel sessions rename NAME NEW", err);

	if (status == 0) {
		status = catalogue_find(options->argument[1], 0, &folder, err);
	}
	if (status == 0) {
		status = catalogue_rename(options->argument[1], options->argument[2], err);
	}
	if (status == 0 && options->json) {
		output_json(sessions_json(sessions_id(folder), options->argument[2]));
	}
	free(folder);
	return status;
}

static void tell_pinned(const char *folder, int is_pinned)
{
	struct store_figures figures = {0};
	json_t *object;

	store_figures(&figures, folder, NULL);
	object = sessions_json(sessions_id(folder), figures.name);
	json_object_set_new(object, "pinned", json_boolean(is_pinned));
	output_json(object);
	store_figures_finish(&figures);
}

/* In the session, which is asked when the KV store is lost, and in the KV store, which obeys it. */
static int set_pinned(const struct options *options, int is_pinned, struct err *err)
{
	char key[] = STORE_PINNED, yes[] = "1";
	struct store_setting setting = {key, is_pinned ? yes : NULL};
	struct store_change change = {.setting = &setting, .n_setting = 1};
	char *folder, *kv = sessions_kv_folder();
	struct store *store = NULL;
	int status = catalogue_find(options->argument[1], 0, &folder, err);

	if (status == 0) {
		status = store_open(&store, folder, STORE_WRITE, err);
	}
	if (status == 0) {
		status = store_commit(store, &change, err);
	}
	if (status == 0 && kv) {
		status = engine_kv_pin(kv, store_id(store), is_pinned, err);
	}
	store_close(store);
	if (status == 0 && options->json) {
		tell_pinned(folder, is_pinned);
	}
	free(folder);
	free(kv);
	return status;
}

int sessions_pin(struct options *options, struct err *err)
{
	return sessions_check_arguments(options, 1, 1, "carrel sessions pin NAME", err) < 0
		       ? -1
		       : set_pinned(options, 1, err);
}

int sessions_unpin(struct options *options, struct err *err)
{
	return sessions_check_arguments(options, 1, 1, "carrel sessions unpin NAME", err) < 0
		       ? -1
		       : set_pinned(options, 0, err);
}
