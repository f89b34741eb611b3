#include "cli/resume.h"

#include "base/buf.h"
#include "base/escape.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "cli/start.h"
#include "session/catalogue.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 48, NUMBER_MAX = 10000 };

static char *working_directory(void)
{
	char *directory = getcwd(NULL, 0);

	return directory ? directory : mem_strdup("");
}

/* ---- options that a session remembers ---- */

int resume_is_configured(const struct option_row *row)
{
	static const char *const names[] = {"system", "no-cite", "free-quotes", "no-think"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(row->name, names[i]) == 0) {
			return 1;
		}
	}
	return 0;
}

/* A relative path means nothing tomorrow; the name of a registered model does. */
static void add_absolute(struct buf *out, const char *path)
{
	char *real = realpath(path, NULL);

	buf_addstr(out, real ? real : path);
	free(real);
}

/* "PATH" or "PATH:scale", each on its line. */
static void add_absolute_adapters(struct buf *out, const struct option_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *colon = strrchr(list->item[i], ':');
		size_t len = colon && access(list->item[i], F_OK) < 0
				     ? (size_t)(colon - list->item[i])
				     : strlen(list->item[i]);
		char *path = mem_strndup(list->item[i], len);

		buf_addstr(out, i ? "\n" : "");
		add_absolute(out, path);
		buf_addstr(out, list->item[i] + len);
		free(path);
	}
}

static void remembered_value(
	const struct options *options, const struct option_row *row, struct buf *out)
{
	if (row->offset == offsetof(struct options, model) && options->model &&
		strchr(options->model, '/')) {
		add_absolute(out, options->model);
	} else if (row->offset == offsetof(struct options, embed) && strchr(options->embed, '/')) {
		add_absolute(out, options->embed);
	} else if (row->offset == offsetof(struct options, adapters)) {
		add_absolute_adapters(out, &options->adapters);
	} else {
		option_remember(options, row, out);
	}
}

int resume_remember(struct session *session, const struct options *options,
	const struct option_row *row, struct err *err)
{
	char *key = mem_printf("option.%s", row->name);
	const char *remembered = session_setting(session, key);
	struct buf value = BUF_INIT;
	int status = 0;

	remembered_value(options, row, &value);
	if (!remembered || strcmp(remembered, buf_str(&value)) != 0) {
		status = session_set(session, key, buf_str(&value), err);
	}
	buf_finish(&value);
	free(key);
	return status;
}

/* What the session said before, and what it is to say from now on. */
static int share_option(
	struct session *session, struct options *options, size_t row, struct err *err)
{
	const struct option_row *option = &option_table[row];
	const char *remembered;
	struct err mistake;
	char *key;

	if (option->memory != MEMORY_SESSION || resume_is_configured(option)) {
		return 0;
	}
	if (options_origin(row) == ORIGIN_FLAG) {
		return resume_remember(session, options, option, err);
	}
	key = mem_printf("option.%s", option->name);
	remembered = session_setting(session, key);
	if (remembered &&
		options_take_remembered(options, option->name, remembered, &mistake) < 0) {
		/* Of a version that knew other values: the session opens all the same. */
		log_note("the session remembers --%s %s, which %s", option->name, remembered,
			mistake.what);
	}
	free(key);
	return 0;
}

static int share_options(struct session *session, struct options *options, struct err *err)
{
	for (size_t i = 0; i < option_count(); i++) {
		if (share_option(session, options, i, err) < 0) {
			return -1;
		}
	}
	return 0;
}

/* ---- opening ---- */

/* A session that was there has its own settings; only the command line overrides them. */
static int make_config(struct session_config *config, char **system, const struct options *options,
	int is_new, struct err *err)
{
	*system = NULL;
	*config = (struct session_config){0};
	if (is_new || start_is_flag("system")) {
		if (start_system_text(options, system, err) < 0) {
			return -1;
		}
		config->system = *system;
	}
	config->no_cite = options->no_cite && (is_new || start_is_flag("no-cite"));
	config->free_quotes = options->free_quotes && (is_new || start_is_flag("free-quotes"));
	config->no_think = options->no_think && (is_new || start_is_flag("no-think"));
	return 0;
}

/* What a repair could not save is not read by the model: somebody who asks has to know it. */
static void tell_lost(const struct resume *resume)
{
	for (size_t i = 0; i < session_source_count(resume->session); i++) {
		struct session_source source = session_source_at(resume->session, i);
		char *key = mem_printf(STORE_LOST "%lld", (long long)source.number);
		const char *lost = session_setting(resume->session, key);

		if (lost) {
			log_note("%s %s lacks %s since a repair: carrel load -s %s --refresh reads "
				 "it again",
				source.id, source.name, lost, resume->name);
		}
		free(key);
	}
}

/* Takes the store over. */
static int open_store(struct resume *resume, struct options *options, struct store *store,
	const char *directory, struct err *err)
{
	struct session_config config;
	const char *name;
	char *system, *id = mem_strdup(store_id(store));
	int status = make_config(&config, &system, options, resume->is_new, err);

	if (status < 0) {
		store_close(store);
	} else {
		status = session_open(&resume->session, store, &config, err);
		free(system);
	}
	if (status < 0 && resume->is_new) {
		catalogue_remove(id, NULL);
	}
	free(id);
	if (status < 0 || share_options(resume->session, options, err) < 0) {
		return -1;
	}
	catalogue_touch(store, directory);
	name = session_setting(resume->session, STORE_NAME);
	resume->name = mem_strdup(name && name[0] ? name : store_id(store));
	if (!options->refresh) {
		tell_lost(resume);
	}
	return 0;
}

int resume_throw_away(struct resume *resume, struct options *options, struct err *err)
{
	struct session_config config;
	char *system;

	*resume = (struct resume){0};
	if (make_config(&config, &system, options, 1, err) < 0) {
		return -1;
	}
	resume->is_new = 1;
	resume->session = session_create(&config);
	free(system);
	return 0;
}

static int check_store(const struct options *options, struct err *err)
{
	if (options->no_store && options->session) {
		return err_set(err, ERR_USAGE, "--session", "leave one out",
			"--no-store%s keeps nothing, so there is no session to go on with",
			start_is_flag("no-store") ? "" : " (of the settings file)");
	}
	return 0;
}

int resume_open(struct resume *resume, struct options *options, struct err *err)
{
	struct store *store;
	char *directory;
	int status;

	*resume = (struct resume){0};
	if (check_store(options, err) < 0) {
		return -1;
	}
	if (!options->session) {
		return resume_throw_away(resume, options, err);
	}
	if (catalogue_check_name(options->session, err) < 0) {
		return -1;
	}
	directory = working_directory();
	status = catalogue_open(&store, options->session, directory, &resume->is_new, err);
	if (status == 0) {
		status = open_store(resume, options, store, directory, err);
	}
	free(directory);
	return status;
}

/* The folder of a session, opened for writing. */
static int open_folder(
	struct resume *resume, struct options *options, const char *folder, struct err *err)
{
	struct store *store;
	char *directory;
	int status;

	if (store_open(&store, folder, STORE_WRITE, err) < 0) {
		return -1;
	}
	directory = working_directory();
	status = open_store(resume, options, store, directory, err);
	free(directory);
	return status;
}

int resume_existing(struct resume *resume, struct options *options, struct err *err)
{
	char *folder;
	int status;

	*resume = (struct resume){0};
	if (!options->session) {
		return err_set(err, ERR_USAGE, NULL,
			"-s NAME names it; `carrel sessions ls` lists them",
			"this is done in a session, and none is named");
	}
	if (check_store(options, err) < 0 ||
		catalogue_find(options->session, 0, &folder, err) < 0) {
		return -1;
	}
	status = open_folder(resume, options, folder, err);
	free(folder);
	return status;
}

/* ---- without a name ---- */

/* The last part of a path as a session may be called; malloc'ed. */
static char *name_after(const char *path)
{
	size_t len = strlen(path);
	struct buf name = BUF_INIT;
	const char *at;

	while (len && path[len - 1] == '/') {
		len--;
	}
	at = path + len;
	while (at > path && at[-1] != '/') {
		at--;
	}
	while (at < path + len && (*at == '.' || *at == '-')) {
		at++;
	}
	while (at < path + len) {
		uint32_t cp;
		size_t n = utf8_decode(at, (size_t)(path + len - at), &cp);

		if (name.len + n > NAME_MAX_BYTES) {
			break;
		}
		if (!n || escape_needed(cp)) {
			buf_addch(&name, '_');
			n = n ? n : 1;
		} else {
			buf_add(&name, at, n);
		}
		at += n;
	}
	if (catalogue_check_name(buf_str(&name), NULL) < 0) {
		buf_finish(&name);
		return mem_strdup("session");
	}
	return buf_take(&name);
}

/* A new one of that name or, where it is taken, of the first one with a number that is free. */
static int create_named(
	struct resume *resume, struct options *options, const char *path, struct err *err)
{
	char *stem = name_after(path), *directory = working_directory();
	struct store *store = NULL;
	int status = -1;

	catalogue_last(directory, &resume->previous, NULL);
	for (int i = 1; i <= NUMBER_MAX && status < 0; i++) {
		char *name = i == 1 ? mem_strdup(stem) : mem_printf("%s-%d", stem, i);

		status = catalogue_create(&store, name, directory, err);
		free(name);
		if (status < 0 && err->code != ERR_USAGE) {
			break;
		}
	}
	if (status == 0) {
		resume->is_new = resume->is_auto = 1;
		status = open_store(resume, options, store, directory, err);
	}
	free(stem);
	free(directory);
	return status;
}

/* Why the last one of the directory is not what goes on, and what does instead. */
static void tell_new(const struct resume *resume, const char *folder, const struct err *why)
{
	struct store_figures figures;

	if (store_figures(&figures, folder, NULL) < 0) {
		log_err(why);
		log_note("this is a new session, %s", resume->name);
		return;
	}
	if (figures.is_in_use) {
		log_note("session %s is in use by another carrel; this is a new session, %s",
			figures.name, resume->name);
	} else {
		log_err(why);
		log_note("this is a new session, %s", resume->name);
	}
	store_figures_finish(&figures);
}

int resume_default(struct resume *resume, struct options *options, const char *path, int *was_last,
	struct err *err)
{
	char *directory = working_directory(), *folder = NULL;
	struct err why = {0};
	int status = -1;

	*resume = (struct resume){0};
	*was_last = 0;
	if (!path && catalogue_last(directory, &folder, NULL) == 0 && folder) {
		status = open_folder(resume, options, folder, &why);
		*was_last = status == 0;
		if (status < 0) {
			/* In use or damaged: no reason not to begin. */
			session_destroy(resume->session);
			free(resume->name);
			*resume = (struct resume){0};
		}
	}
	if (status < 0) {
		status = create_named(resume, options, path ? path : directory, err);
		if (status == 0 && why.code) {
			tell_new(resume, folder, &why);
		}
	}
	free(folder);
	free(directory);
	return status;
}

int resume_new(struct resume *resume, struct options *options, const char *path, struct err *err)
{
	char *directory;
	int status;

	*resume = (struct resume){0};
	directory = working_directory();
	status = create_named(resume, options, path ? path : directory, err);
	free(directory);
	return status;
}

int resume_rename(struct resume *resume, const char *name, struct err *err)
{
	if (catalogue_rename_store(session_store(resume->session), name, err) < 0) {
		return -1;
	}
	free(resume->name);
	resume->name = mem_strdup(name);
	resume->is_auto = 0;
	return 0;
}

/* ---- closing ---- */

/* The last one of the directory is again what it was before. */
static void restore_last(const char *folder)
{
	struct store *store;
	char *directory;

	if (!folder || store_open(&store, folder, STORE_READ, NULL) < 0) {
		return;
	}
	directory = working_directory();
	catalogue_touch(store, directory);
	free(directory);
	store_close(store);
}

/* Whether nothing came of it, so that it goes again. */
static int is_void(const struct resume *resume, int failed)
{
	const struct session *session = resume->session;

	if (!session || !resume->name || !resume->is_new || session_turn_count(session)) {
		return 0;
	}
	/* A draft is a question that was asked and got no answer. */
	return (resume->is_auto && !resume->is_used && !session_draft(session)[0]) ||
	       (failed && !session_source_count(session));
}

void resume_close(struct resume *resume, int failed)
{
	struct session *session = resume->session;
	char *id = is_void(resume, failed) ? mem_strdup(store_id(session_store(session))) : NULL;

	session_destroy(session);
	if (id) {
		catalogue_remove(id, NULL);
		restore_last(resume->previous);
	}
	free(resume->previous);
	free(id);
	free(resume->name);
	*resume = (struct resume){0};
}

void resume_leave(struct resume *resume, struct resume *next)
{
	if (is_void(resume, 0)) {
		/* What was the last before it now is the last before `next`. */
		free(next->previous);
		next->previous = resume->previous;
		resume->previous = NULL;
	}
	resume_close(resume, 0);
}

void resume_replace(struct resume *resume, struct resume *next)
{
	resume_leave(resume, next);
	*resume = *next;
	*next = (struct resume){0};
}

/* ---- looking ---- */

int resume_peek(struct options *options, struct err *err)
{
	struct store_contents contents;
	struct store *store;
	char *folder;
	int status;

	if (catalogue_find(options->session, 0, &folder, err) < 0) {
		return -1;
	}
	status = store_open(&store, folder, STORE_READ, err);
	free(folder);
	if (status < 0) {
		return -1;
	}
	status = store_read(store, &contents, err);
	for (size_t i = 0; status == 0 && i < contents.n_setting; i++) {
		const struct store_setting *setting = &contents.setting[i];

		if (strncmp(setting->key, "option.", 7) == 0) {
			options_take_remembered(options, setting->key + 7, setting->value, NULL);
		}
	}
	if (status == 0) {
		store_contents_finish(&contents);
	}
	store_close(store);
	return status;
}
