#include "cli/registry.h"

#include "base/conf.h"
#include "base/mem.h"
#include "cli/shared.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char suffix[] = ".gguf";
static const char built_in[] = "reader";

static char *own_folder(void)
{
	char *data = conf_data_dir();
	char *folder = data ? mem_printf("%s/models", data) : NULL;

	free(data);
	return folder;
}

static int compare_models(const void *a, const void *b)
{
	const struct registry_model *left = a, *right = b;

	if (left->is_own != right->is_own) {
		return right->is_own - left->is_own;
	}
	return strcmp(left->name, right->name);
}

/* Where a link points that leads nowhere (else the path itself): what its owner has to know. */
static char *broken_target(const char *folder, const char *link)
{
	char target[4096];
	ssize_t len = readlink(link, target, sizeof(target) - 1);

	if (len <= 0) {
		return mem_strdup(link);
	}
	target[len] = 0;
	return target[0] == '/' ? mem_strdup(target) : mem_printf("%s/%s", folder, target);
}

static void read_folder(struct registry *registry, const char *folder, int is_own)
{
	DIR *stream = folder ? opendir(folder) : NULL;
	struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		size_t len = strlen(entry->d_name);
		char *link, *path;

		if (len < sizeof(suffix) || strcmp(entry->d_name + len - 5, suffix) != 0) {
			continue;
		}
		link = mem_printf("%s/%s", folder, entry->d_name);
		path = realpath(link, NULL); /* so that shards are found beside the file */
		mem_grow(registry->model, registry->n_model, registry->cap_model);
		registry->model[registry->n_model++] =
			(struct registry_model){mem_strndup(entry->d_name, len - 5),
				path ? path : broken_target(folder, link), is_own};
		free(link);
	}
	if (stream) {
		closedir(stream);
	}
}

void registry_read(struct registry *registry)
{
	char *own = own_folder(), *shared = shared_folder("models", "reader.gguf");

	*registry = (struct registry){0};
	read_folder(registry, own, 1);
	read_folder(registry, shared, 0);
	if (registry->n_model) {
		qsort(registry->model, registry->n_model, sizeof(*registry->model), compare_models);
	}
	free(own);
	free(shared);
}

void registry_finish(struct registry *registry)
{
	for (size_t i = 0; i < registry->n_model; i++) {
		free(registry->model[i].name);
		free(registry->model[i].path);
	}
	free(registry->model);
	*registry = (struct registry){0};
}

static int ends_with(const char *text, const char *tail)
{
	size_t len = strlen(text), tail_len = strlen(tail);

	return len > tail_len && strcmp(text + len - tail_len, tail) == 0;
}

/*
 * What can be a path without asking the disk: whose folder we run in must not decide which model a
 * name means.
 */
static int is_path(const char *wanted)
{
	return strchr(wanted, '/') || ends_with(wanted, suffix) || ends_with(wanted, ".json") ||
	       ends_with(wanted, ".safetensors");
}

int registry_find(const char *wanted, char **path, struct err *err)
{
	int is_named = wanted && wanted[0];
	const char *name = is_named ? wanted : built_in;
	struct registry registry;
	char hint[160];

	*path = NULL;
	registry_read(&registry);
	for (size_t i = 0; i < registry.n_model && !*path; i++) {
		/* Nothing of the user's becomes the default by being called like it. */
		if (strcmp(registry.model[i].name, name) == 0 &&
			(is_named || !registry.model[i].is_own)) {
			*path = mem_strdup(registry.model[i].path);
		}
	}
	registry_finish(&registry);
	if (!*path && is_named && is_path(wanted)) {
		*path = mem_strdup(wanted);
	}
	if (*path) {
		return 0;
	}
	if (!is_named) {
		return err_set(err, ERR_ENGINE, NULL,
			"name a GGUF file with -m, or install carrel again",
			"the built-in model is missing");
	}
	if (access(wanted, F_OK) == 0) {
		snprintf(hint, sizeof(hint), "a path has a /: for what is here, write ./%.100s",
			wanted);
		return err_set(err, ERR_ENGINE, wanted, hint, "is not the name of a model");
	}
	return err_set(err, ERR_ENGINE, wanted,
		"`carrel models ls` shows the names; a path has a / or ends in .gguf",
		"is not the name of a model");
}

/* What a name may hold: it becomes a file name and stands on command lines. */
static int name_allowed(const char *name)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+";

	return name[0] && name[0] != '.' && name[0] != '-' && strlen(name) <= 200 &&
	       strspn(name, allowed) == strlen(name);
}

/* Of "DIR/" it is DIR's, and of a folder that is named by a dot its own. */
static char *own_name(const char *path, const char *target)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t len;

	if (!base[0] || base[0] == '.') {
		slash = strrchr(target, '/');
		base = slash ? slash + 1 : target;
	}
	len = strlen(base);

	if (len >= sizeof(suffix) && strcmp(base + len - 5, suffix) == 0) {
		len -= 5;
	}
	return mem_strndup(base, len);
}

/*
 * What is registered of a path, links followed; malloc'ed. Of a file in a Hugging Face directory it
 * is the directory.
 */
static char *target_of(const char *path)
{
	static const char *const parts[] = {
		"config.json", ".safetensors", ".safetensors.index.json"};
	char *target = realpath(path, NULL), *folder, *slash;
	struct stat st;

	if (!target || stat(target, &st) < 0 || S_ISDIR(st.st_mode)) {
		return target;
	}
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		/* by the path's own name: a file in Hugging Face's cache is a link to a digest */
		if (!ends_with(path, parts[i])) {
			continue;
		}
		slash = strrchr(path, '/');
		folder = slash ? mem_strndup(path, (size_t)(slash + 1 - path)) : mem_strdup(".");
		free(target);
		target = realpath(folder, NULL);
		free(folder);
		return target;
	}
	return target;
}

/* The name is there; it may well be that of the same file. */
static int refuse_taken(const char *link, const char *name, const char *target, struct err *err)
{
	char *other = realpath(link, NULL);
	int is_same = other && strcmp(other, target) == 0;
	char hint[192];

	free(other);
	if (is_same) {
		return 0;
	}
	snprintf(hint, sizeof(hint), "`carrel models rm %.60s` frees it; --name gives another",
		name);
	return err_set(err, ERR_FAILURE, link, hint, "there is a model of this name already");
}

int registry_remove(const char *name, struct err *err)
{
	char *folder = own_folder();
	char *link =
		folder && name_allowed(name) ? mem_printf("%s/%s%s", folder, name, suffix) : NULL;
	struct stat st;
	int status = 0;

	if (!link || lstat(link, &st) < 0) {
		status = err_set(err, ERR_ENGINE, name, "`carrel models ls` shows the names",
			"is not the name of a model that was registered");
	} else if (!S_ISLNK(st.st_mode)) {
		status = err_set(err, ERR_FAILURE, link, "delete it yourself if it is not needed",
			"is the model itself, not a registration");
	} else if (unlink(link) < 0) {
		status = err_set_errno(err, ERR_FAILURE, errno, link, "cannot be removed");
	}
	free(link);
	free(folder);
	return status;
}

int registry_add(const char *path, const char *name, char **name_used, struct err *err)
{
	char *target = target_of(path);
	char *folder, *link;
	int status;

	*name_used = NULL;
	if (!target) {
		return err_set_errno(err, ERR_ENGINE, errno, path, "cannot be opened");
	}
	*name_used = name ? mem_strdup(name) : own_name(path, target);
	if (!name_allowed(*name_used)) {
		free(target);
		return err_set(err, ERR_USAGE, (*name_used)[0] ? *name_used : "an empty text",
			"give another with --name",
			"is not a name for a model: letters, digits and ._-+ make one");
	}
	if (strcmp(*name_used, built_in) == 0 || is_path(*name_used)) {
		free(target);
		return err_set(err, ERR_USAGE, *name_used, "give another with --name",
			strcmp(*name_used, built_in) == 0 ? "is the name of the built-in model"
							  : "would be taken for a path");
	}
	folder = own_folder();
	if (!folder) {
		free(target);
		return err_set(err, ERR_FAILURE, NULL, "set HOME or XDG_DATA_HOME",
			"there is no place to register models in");
	}
	status = conf_make_dir(folder, err);
	link = mem_printf("%s/%s%s", folder, *name_used, suffix);
	if (status == 0 && symlink(target, link) < 0) {
		status = errno == EEXIST
				 ? refuse_taken(link, *name_used, target, err)
				 : err_set_errno(err, ERR_FAILURE, errno, link, "cannot be made");
	}
	free(link);
	free(folder);
	free(target);
	return status;
}
