#include "session/catalogue.h"

#include "session/catalogue_file.h"
#include "session/store_sqlite.h"

#include "base/conf.h"
#include "base/escape.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_CHARACTERS = 64, ID_LEN = 16, ID_LEAST = 4, NEAREST = 3 };

/* ---- names ---- */

int catalogue_check_name(const char *name, struct err *err)
{
	static const char hint[] = "1 to 64 characters that can be seen, none of /, no - or . in "
				   "front, and no space there or at the end";
	size_t len = strlen(name), n_character = 0;
	int is_bad = !len || strchr("-. ", name[0]) || name[len - 1] == ' ';

	for (size_t at = 0; at < len && !is_bad; n_character++) {
		uint32_t cp;
		size_t n = utf8_decode(name + at, len - at, &cp);

		is_bad = !n || escape_needed(cp) || cp == '/' || n_character == NAME_MAX_CHARACTERS;
		at += n;
	}
	return is_bad ? err_set(err, ERR_USAGE, NULL, hint, "\"%s\" cannot be a session's name",
				name)
		      : 0;
}

/* Restricted Damerau-Levenshtein distance of the bytes, without regard to ASCII case. */
static size_t distance_of(const char *a, const char *b)
{
	enum { LONGEST = 4 * NAME_MAX_CHARACTERS + 1 };
	size_t row[3][LONGEST + 1], n = strlen(b);

	if (n > LONGEST || strlen(a) > LONGEST) {
		return LONGEST;
	}
	for (size_t j = 0; j <= n; j++) {
		row[0][j] = j;
	}
	for (size_t i = 1; a[i - 1]; i++) {
		size_t *now = row[i % 3], *above = row[(i + 2) % 3], *two = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = above[j - 1] + ((a[i - 1] | 32) != (b[j - 1] | 32));

			best = above[j] + 1 < best ? above[j] + 1 : best;
			best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				two[j - 2] + 1 < best) {
				best = two[j - 2] + 1;
			}
			now[j] = best;
		}
	}
	return row[strlen(a) % 3][n];
}

/* "did you mean ..., or ...": the names that a slip of the fingers may have made this one of. */
static void nearest_hint(const struct catalogue *catalogue, const char *name, char out[192])
{
	size_t used = 0;
	int n = 0;

	snprintf(out, 192, "carrel sessions ls lists them");
	for (size_t far = 0; far <= 1 + strlen(name) / 4 && n < NEAREST; far++) {
		for (size_t i = 0; i < catalogue->n_session && n < NEAREST; i++) {
			const char *other = catalogue->session[i].name;

			if (!other[0] || distance_of(name, other) != far ||
				used + strlen(other) + 20 > 192) {
				continue;
			}
			used += (size_t)snprintf(out + used, 192 - used, "%s%s",
				n ? " or " : "did you mean ", other);
			n++;
		}
	}
}

/* ---- finding ---- */

/* How much of an id stands for its session: a new name may begin as an old session's id does. */
enum by_id { BY_ID_PREFIX, BY_WHOLE_ID };

int catalogue_read(struct catalogue *catalogue, struct err *err)
{
	struct catalogue_file file;

	*catalogue = (struct catalogue){0};
	if (catalogue_file_read(&file, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < file.n_line; i++) {
		struct catalogue_session *session;

		mem_grow(catalogue->session, catalogue->n_session, catalogue->cap_session);
		session = &catalogue->session[catalogue->n_session++];
		session->id = mem_strdup(file.line[i].id);
		session->name = mem_strdup(file.line[i].name);
		session->folder = mem_printf("%s/%s", file.folder, file.line[i].id);
	}
	catalogue_file_finish(&file);
	return 0;
}

void catalogue_finish(struct catalogue *catalogue)
{
	for (size_t i = 0; i < catalogue->n_session; i++) {
		free(catalogue->session[i].id);
		free(catalogue->session[i].name);
		free(catalogue->session[i].folder);
	}
	free(catalogue->session);
	*catalogue = (struct catalogue){0};
}

static int find_in(const struct catalogue *catalogue, const char *name, enum by_id by,
	const struct catalogue_session **out, struct err *err)
{
	const struct catalogue_session *by_id = NULL;
	size_t len = strlen(name), least = by == BY_WHOLE_ID ? ID_LEN : ID_LEAST;
	char hint[192];

	for (size_t i = 0; i < catalogue->n_session; i++) {
		const struct catalogue_session *session = &catalogue->session[i];

		if (name[0] && strcmp(session->name, name) == 0) {
			*out = session;
			return 0;
		}
	}
	for (size_t i = 0; i < catalogue->n_session && len >= least; i++) {
		const struct catalogue_session *session = &catalogue->session[i];

		if (strncmp(session->id, name, len) == 0) {
			if (by_id) {
				return err_set(err, ERR_USAGE, NULL, "give more digits",
					"several sessions' ids begin with %s", name);
			}
			by_id = session;
		}
	}
	if (by_id) {
		*out = by_id;
		return 0;
	}
	nearest_hint(catalogue, name, hint);
	err_set(err, ERR_USAGE, NULL, hint, "there is no session \"%s\"", name);
	return 1;
}

/* 1 where there is none, with *err. */
static int find(const char *name, enum by_id by, char **folder, struct err *err)
{
	const struct catalogue_session *session = NULL;
	struct catalogue catalogue;
	int status;

	*folder = NULL;
	if (catalogue_read(&catalogue, err) < 0) {
		return -1;
	}
	status = find_in(&catalogue, name, by, &session, err);
	if (status == 0) {
		*folder = mem_strdup(session->folder);
	}
	catalogue_finish(&catalogue);
	return status;
}

int catalogue_find(const char *name, int may_miss, char **folder, struct err *err)
{
	int status = find(name, BY_ID_PREFIX, folder, err);

	return status == 1 && !may_miss ? -1 : status;
}

int catalogue_last(const char *directory, char **folder, struct err *err)
{
	struct catalogue_file file;
	const char *id;

	*folder = NULL;
	if (catalogue_file_read(&file, err) < 0) {
		return -1;
	}
	id = catalogue_file_last(&file, directory);
	*folder = id ? mem_printf("%s/%s", file.folder, id) : NULL;
	catalogue_file_finish(&file);
	return 0;
}

/* ---- making ---- */

static int new_id(char id[ID_LEN + 1], struct err *err)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char byte[ID_LEN / 2];

	if (getrandom(byte, sizeof(byte), 0) != sizeof(byte)) {
		return err_set_errno(err, ERR_FAILURE, errno, NULL, "no random number to be had");
	}
	for (int i = 0; i < ID_LEN; i++) {
		id[i] = digits[byte[i / 2] >> (i % 2 ? 0 : 4) & 15];
	}
	id[ID_LEN] = 0;
	return 0;
}

/* What a new session begins with: its name and directory over what *first says. */
static int begin(struct store **out, const char *folder, const char *name, const char *directory,
	const struct store_change *first, struct err *err)
{
	static const struct store_change none;
	char key_name[] = STORE_NAME, key_directory[] = STORE_DIRECTORY;
	struct store_change change = first ? *first : none;
	struct store_setting *setting = mem_zero(change.n_setting + 2, sizeof(*setting));
	int status;

	for (size_t i = 0; i < change.n_setting; i++) {
		setting[i] = change.setting[i];
	}
	setting[change.n_setting++] = (struct store_setting){key_name, (char *)(name ? name : "")};
	setting[change.n_setting++] =
		(struct store_setting){key_directory, (char *)(directory ? directory : "")};
	change.setting = setting;
	status = store_create_with(out, folder, &change, err);
	free(setting);
	return status;
}

/* Under the lock: nobody else makes one of that name meanwhile. */
static int create_in(struct catalogue_file *file, struct store **out, const char *name,
	const char *directory, const struct store_change *first, struct err *err)
{
	char id[ID_LEN + 1], *folder;
	int status;

	if (new_id(id, err) < 0) {
		return -1;
	}
	folder = mem_printf("%s/%s", file->folder, id);
	status = begin(out, folder, name, directory, first, err);
	free(folder);
	if (status < 0) {
		return -1;
	}
	catalogue_file_put(file, id, name ? name : "");
	if (directory) {
		catalogue_file_set_last(file, directory, id);
	}
	catalogue_file_save(file, NULL); /* it would be made again */
	return 0;
}

static const char *id_of(const struct catalogue_file *file, const char *name)
{
	for (size_t i = 0; i < file->n_line && name; i++) {
		if (strcmp(file->line[i].name, name) == 0) {
			return file->line[i].id;
		}
	}
	return NULL;
}

int catalogue_create(struct store **out, const char *name, const char *directory, struct err *err)
{
	return catalogue_create_with(out, name, directory, NULL, err);
}

int catalogue_create_with(struct store **out, const char *name, const char *directory,
	const struct store_change *first, struct err *err)
{
	struct catalogue_file file;
	int status;

	if ((name && catalogue_check_name(name, err) < 0) || catalogue_file_lock(&file, err) < 0) {
		return -1;
	}
	status = id_of(&file, name) ? err_set(err, ERR_USAGE, NULL, "choose another name",
					      "there is a session \"%s\" already", name)
				    : create_in(&file, out, name, directory, first, err);
	catalogue_file_finish(&file);
	return status;
}

int catalogue_open(
	struct store **out, const char *name, const char *directory, int *is_new, struct err *err)
{
	struct catalogue_file file;
	char *folder;
	int status = find(name, BY_WHOLE_ID, &folder, err);

	*is_new = 0;
	if (status == 0) {
		status = store_open(out, folder, STORE_WRITE, err);
		free(folder);
		if (status == 0) {
			catalogue_touch(*out, directory);
		}
		return status;
	}
	if (status < 0 || catalogue_check_name(name, err) < 0 ||
		catalogue_file_lock(&file, err) < 0) {
		return -1;
	}
	if (id_of(&file, name)) { /* made by somebody else since then */
		catalogue_file_finish(&file);
		return catalogue_open(out, name, directory, is_new, err);
	}
	status = create_in(&file, out, name, directory, NULL, err);
	*is_new = status == 0;
	catalogue_file_finish(&file);
	return status;
}

void catalogue_touch(const struct store *store, const char *directory)
{
	struct catalogue_file file;

	if (!store_is_kept(store) || catalogue_file_lock(&file, NULL) < 0) {
		return;
	}
	catalogue_file_touch(&file, store_id(store));
	if (directory) {
		catalogue_file_set_last(&file, directory, store_id(store));
	}
	catalogue_file_save(&file, NULL);
	catalogue_file_finish(&file);
}

/* ---- renaming and removing ---- */

/* The name in the session itself; the file is out of date from the first of the two to the second. */
static int rename_in(
	struct catalogue_file *file, struct store *store, const char *name, struct err *err)
{
	char key[] = STORE_NAME;
	struct store_setting setting = {key, (char *)name};
	struct store_change change = {.setting = &setting, .n_setting = 1};
	int status = catalogue_file_forget(file, err);

	if (status == 0) {
		status = store_commit(store, &change, err);
	}
	if (status == 0) {
		catalogue_file_put(file, store_id(store), name);
	}
	catalogue_file_save(file, NULL);
	return status;
}

int catalogue_rename_store(struct store *store, const char *new_name, struct err *err)
{
	struct catalogue_file file;
	int status;

	if (catalogue_check_name(new_name, err) < 0 || catalogue_file_lock(&file, err) < 0) {
		return -1;
	}
	status = id_of(&file, new_name) ? err_set(err, ERR_USAGE, NULL, "choose another name",
						  "there is a session \"%s\" already", new_name)
					: rename_in(&file, store, new_name, err);
	catalogue_file_finish(&file);
	return status;
}

int catalogue_rename(const char *name, const char *new_name, struct err *err)
{
	struct store *store;
	char *folder;
	int status;

	if (catalogue_check_name(new_name, err) < 0 || catalogue_find(name, 0, &folder, err) < 0) {
		return -1;
	}
	status = store_open(&store, folder, STORE_WRITE, err);
	free(folder);
	if (status == 0) {
		status = catalogue_rename_store(store, new_name, err);
		store_close(store);
	}
	return status;
}

/* Out of sight at once; what a crash leaves of it is removed by whoever changes the catalogue next. */
static int remove_in(struct catalogue_file *file, const char *folder, struct err *err)
{
	const char *id = strrchr(folder, '/') + 1;
	char *gone = mem_printf("%s/" CATALOGUE_GONE "%s", file->folder, id);
	int fd, status = store_lock(folder, &fd, err);

	if (status == 0) {
		folder_remove(gone, NULL);
		status = rename(folder, gone) < 0 ? err_set_errno(err, ERR_FAILURE, errno, folder,
							    "cannot be removed")
						  : folder_sync(file->folder, err);
		if (status == 0) {
			catalogue_file_drop(file, id);
			catalogue_file_save(file, NULL);
			status = folder_remove(gone, err);
		}
		close(fd);
	}
	free(gone);
	return status;
}

int catalogue_remove(const char *name, struct err *err)
{
	struct catalogue_file file;
	char *folder;
	int status;

	if (catalogue_find(name, 0, &folder, err) < 0) {
		return -1;
	}
	status = catalogue_file_lock(&file, err);
	if (status == 0) {
		status = remove_in(&file, folder, err);
		catalogue_file_finish(&file);
	}
	free(folder);
	return status;
}
