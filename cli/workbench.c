#include "cli/workbench.h"

#include "base/conf.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/inputs.h"
#include "cli/reading.h"
#include "cli/registry.h"
#include "cli/resume.h"
#include "cli/shared.h"
#include "cli/start.h"
#include "session/catalogue.h"
#include "tui/theme.h"
#include "tui/tui.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Only the desk's thread uses it while the screen is up, but for `listed` and what is listed. */
struct host {
	struct options *options;
	struct options_mark
		*begun; /* options as the command line and the settings file have them */
	struct inputs inputs;
	struct resume *resume; /* of the session that was opened last */
	char *engine_opened;   /* with which options the engine was */
	struct reading reading;
	char *embed; /* of the options, as it was looked for last */
	int is_embed_bad;
	char *model;                /* that a session's window is counted with */
	int is_no_think_told;       /* of the engine that is open */
	struct catalogue catalogue; /* listed for the screen's thread */
	struct registry registry;
};

/* ---- options ---- */

/* Those that an engine is opened with. */
static int is_of_engine(const struct option_row *row)
{
	static const char *const names[] = {
		"model", "context", "threads", "device", "kv-type", "template", "adapter"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(row->name, names[i]) == 0) {
			return 1;
		}
	}
	return 0;
}

/* How files are read; a session does not remember it, each of its sources does. */
static int is_of_load(const struct option_row *row)
{
	static const char *const names[] = {"include", "exclude", "include-secrets", "drop-headers",
		"layout", "unsafe-loaders"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(row->name, names[i]) == 0) {
			return 1;
		}
	}
	return 0;
}

/* What /set takes: what would stand on the command line and can change while the program runs. */
static int is_settable(const struct option_row *row)
{
	return row->commands & COMMAND_CHAT && (row->memory == MEMORY_SESSION || is_of_load(row));
}

/* The values that an engine is opened with; malloc'ed. */
static char *engine_options(const struct options *options)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < option_count(); i++) {
		if (is_of_engine(&option_table[i])) {
			buf_printf(&out, "%s=", option_table[i].name);
			option_remember(options, &option_table[i], &out);
			buf_addch(&out, '\n');
		}
	}
	return buf_take(&out);
}

/* ---- sessions ---- */

static int resume_which(
	struct host *host, struct resume *resume, enum desk_which which, struct err *err)
{
	struct options *options = host->options;
	const char *path = host->inputs.n_path ? host->inputs.path[0] : NULL;
	int was_last;

	if (which == DESK_NEW) {
		return options->no_store ? resume_throw_away(resume, options, err)
					 : resume_new(resume, options, NULL, err);
	}
	return which == DESK_NAMED || options->session || options->no_store
		       ? resume_open(resume, options, err)
		       : resume_default(resume, options, path, &was_last, err);
}

static void tell_resumed(const struct resume *resume)
{
	size_t n_source = session_source_count(resume->session),
	       n_turn = session_turn_count(resume->session);

	if (resume->name && !resume->is_new) {
		log_note("session %s goes on: %zu source%s, %zu turn%s", resume->name, n_source,
			n_source == 1 ? "" : "s", n_turn, n_turn == 1 ? "" : "s");
	}
}

static int check_name(const struct host *host, const char *name, struct err *err)
{
	if (host->resume && host->resume->name && strcmp(host->resume->name, name) == 0) {
		return err_set(err, ERR_USAGE, name, NULL, "is the session that is open");
	}
	return 0;
}

/*
 * A later session starts from what the command line said, not from what another one remembered; one
 * that was there goes by what it remembers itself, before the command line.
 */
static int open_session(void *arg, enum desk_which which, const char *name,
	struct desk_session *out, struct err *err)
{
	struct host *host = arg;
	struct options_mark *before;
	struct resume *resume;
	char *wanted;

	if (which == DESK_NAMED && check_name(host, name, err) < 0) {
		return -1;
	}
	before = options_mark(host->options);
	if (which != DESK_FIRST) {
		options_return(host->options, host->begun);
	}
	if (which == DESK_NAMED) {
		options_lower_flags();
		options_set(host->options, option_find("session", COMMAND_CHAT), name, NULL);
	}
	resume = mem_zero(1, sizeof(*resume));
	if (resume_which(host, resume, which, err) < 0) {
		resume_close(resume, 1);
		free(resume);
		options_return(host->options, before);
		options_mark_free(before);
		return -1;
	}
	options_mark_free(before);
	host->resume = resume;
	tell_resumed(resume);
	wanted = engine_options(host->options);
	*out = (struct desk_session){
		.session = resume->session,
		.name = mem_strdup(resume->name),
		.is_new = resume->is_new,
		.wants_engine = !host->engine_opened || strcmp(wanted, host->engine_opened) != 0,
		.handle = resume,
	};
	free(wanted);
	return 0;
}

static void close_session(void *arg, struct desk_session *session, int is_used)
{
	struct host *host = arg;
	struct resume *resume = session->handle;

	resume->is_used |= is_used;
	if (host->resume && host->resume != resume) {
		resume_leave(resume, host->resume);
	} else {
		resume_close(resume, 0);
		host->resume = NULL;
	}
	free(resume);
}

static int rename_session(
	void *arg, struct desk_session *session, const char *name, struct err *err)
{
	struct resume *resume = session->handle;

	if (!resume->name) {
		return err_set(err, ERR_USAGE, "/rename", "carrel -s NAME keeps one",
			"this session is not kept, so it has no name");
	}
	if (resume_rename(resume, name, err) < 0) {
		return -1;
	}
	free(session->name);
	session->name = mem_strdup(name);
	return 0;
}

/* ---- the engine ---- */

/* A model that cannot be run takes no other's place; only its metadata is read. */
static int check_model(const struct options *options, const char *model, struct err *err)
{
	struct engine_config config = {.backend = options->device,
		.kv_type = options->kv_type,
		.context_tok = options->context_tok};
	struct engine_plan plan;
	char *path;
	int status = registry_find(model, &path, err);

	if (status == 0 && strcmp(options->device, "fake") != 0) {
		config.model = path;
		status = engine_plan(&plan, &config, err);
	}
	free(path);
	return status;
}

/* /model NAME is -m NAME: the session remembers it. */
static int take_model(struct host *host, const char *model, struct err *err)
{
	const struct option_row *row = option_find("model", COMMAND_CHAT);

	if (check_model(host->options, model, err) < 0 ||
		options_set(host->options, row, model, err) < 0) {
		return -1;
	}
	return host->resume ? resume_remember(host->resume->session, host->options, row, err) : 0;
}

static int open_engine(void *arg, const char *model, struct engine **out, struct err *err)
{
	struct host *host = arg;

	if ((model && take_model(host, model, err) < 0) ||
		start_engine(out, host->options, START_KV_DISK, err) < 0) {
		return -1;
	}
	free(host->engine_opened);
	host->engine_opened = engine_options(host->options);
	host->is_no_think_told = host->is_embed_bad = 0;
	return 0;
}

/* ---- what holds for an order ---- */

static int find_embedder(struct host *host, struct engine *engine,
	const struct session_watch *watch, struct err *err)
{
	struct reading *reading = &host->reading;

	if (reading_begin(reading, err) < 0 ||
		(reading->own &&
			start_wait_until(reading->own, watch->stopped, watch->arg, err) < 0)) {
		return -1;
	}
	return reading_ready(reading, engine, err);
}

/* What is wrong with the embedding model is said once: without it passages are found all the same. */
static int ready_embedder(struct host *host, struct engine *engine,
	const struct session_watch *watch, struct err *err)
{
	const char *embed = host->options->embed;

	if (!host->embed || strcmp(host->embed, embed) != 0) {
		reading_close(&host->reading);
		free(host->embed);
		host->embed = mem_strdup(embed);
		host->is_embed_bad = 0;
	}
	if (host->reading.how.over == SESSION_OVER_FAIL || !engine || host->is_embed_bad ||
		find_embedder(host, engine, watch, err) == 0) {
		return 0;
	}
	if (err->code == ERR_INTERRUPTED) {
		return -1;
	}
	log_err(err);
	log_note("passages are found by their words alone");
	host->reading.how.embedder = NULL;
	host->is_embed_bad = 1;
	return 0;
}

/* What later loads have to fit; anything where more than the window can be read. */
static int set_window(struct host *host, struct session *session, struct engine *engine,
	const struct session_watch *watch, struct err *err)
{
	struct session_window window = {.window_tok = 0};
	int is_empty = !session_source_count(session) && !session_turn_count(session);
	int status = 0;

	free(host->model);
	host->model = NULL;
	if (host->reading.how.over == SESSION_OVER_FAIL && (engine || is_empty)) {
		start_window(&window, &host->model, host->options);
		if (!is_empty) {
			status = session_count(session, engine, watch, &window.used_tok, err);
		}
	}
	session_set_window(session, status == 0 && window.window_tok ? &window : NULL);
	return status;
}

static void tell_no_think(struct host *host, struct engine *engine)
{
	struct err err;

	if (!engine || host->is_no_think_told) {
		return;
	}
	host->is_no_think_told = 1;
	if (start_check_no_think(host->options, engine_info(engine), &err) < 0) {
		log_err(&err);
	}
}

static int settings(void *arg, struct session *session, struct engine *engine,
	const struct session_watch *watch, struct desk_settings *out, struct err *err)
{
	struct host *host = arg;
	struct options *options = host->options;
	struct reading *reading = &host->reading;

	engine = engine && engine_is_ready(engine) ? engine : NULL;
	reading->how.over = start_over(options, SESSION_OVER_AUTO);
	reading->how.window_tok = options->window_tok;
	reading->how.select_tok = options->select_tok;
	reading->how.embedder = NULL;
	if (ready_embedder(host, engine, watch, err) < 0 ||
		set_window(host, session, engine, watch, err) < 0) {
		return -1;
	}
	tell_no_think(host, engine);
	*out = (struct desk_settings){
		.reading = reading->how,
		.max_tok = options->max_tok,
		.load =
			{
				.include = options->include.item,
				.n_include = options->include.count,
				.exclude = options->exclude.item,
				.n_exclude = options->exclude.count,
				.include_secrets = options->include_secrets,
				.drop_headers = options->drop_headers,
				.layout = options->layout,
				.unsafe = options->unsafe_loaders,
			},
	};
	start_sampling(options, &out->sampling);
	return 0;
}

/* ---- /set ---- */

static int configure(
	struct host *host, struct session *session, const struct option_row *row, struct err *err)
{
	const struct options *options = host->options;
	struct session_config config = session_configuration(session);
	char *system = NULL;
	int status = 0;

	if (strcmp(row->name, "system") == 0) {
		status = start_system_text(options, &system, err);
		config.system = system;
	} else if (strcmp(row->name, "no-cite") == 0) {
		config.no_cite = options->no_cite;
	} else if (strcmp(row->name, "free-quotes") == 0) {
		config.free_quotes = options->free_quotes;
	} else {
		config.no_think = options->no_think;
	}
	if (status == 0) {
		status = session_configure(session, &config, err);
	}
	free(system);
	return status;
}

static int check_embed(const char *value, struct err *err)
{
	char *path = NULL;
	int status = strcmp(value, "self") == 0 || strcmp(value, "none") == 0
			     ? 0
			     : registry_find(value, &path, err);

	free(path);
	return status;
}

static int take_setting(struct host *host, struct session *session, const struct option_row *row,
	const char *value, struct err *err)
{
	if ((strcmp(row->name, "embed") == 0 && check_embed(value, err) < 0) ||
		options_set(host->options, row, value, err) < 0) {
		return -1;
	}
	if (resume_is_configured(row)) {
		return configure(host, session, row, err);
	}
	if (row->memory == MEMORY_SESSION) {
		return resume_remember(session, host->options, row, err);
	}
	return load_options_check(&(struct load_options){.include = host->options->include.item,
					  .n_include = host->options->include.count,
					  .exclude = host->options->exclude.item,
					  .n_exclude = host->options->exclude.count},
		err);
}

/* The session has it too, or nothing was changed. */
static int set(
	void *arg, struct session *session, const char *name, const char *value, struct err *err)
{
	struct host *host = arg;
	const struct option_row *row = option_find(name, COMMAND_CHAT);
	struct options_mark *before;
	int status;

	if (!row || !is_settable(row)) {
		return err_set(err, ERR_USAGE, "/set", "Tab behind /set lists them",
			row ? "%.80s is not changed while carrel runs"
			    : "there is no setting \"%.80s\"",
			name);
	}
	before = options_mark(host->options);
	status = take_setting(host, session, row, value, err);
	if (status < 0) {
		options_return(host->options, before);
	}
	options_mark_free(before);
	return status < 0 ? -1 : is_of_engine(row);
}

/* ---- names for completion, on the screen's thread ---- */

static char *session_name(void *arg, size_t n)
{
	struct host *host = arg;

	if (n == 0) {
		catalogue_finish(&host->catalogue);
		catalogue_read(&host->catalogue, NULL);
	}
	return n < host->catalogue.n_session ? mem_strdup(host->catalogue.session[n].name[0]
								  ? host->catalogue.session[n].name
								  : host->catalogue.session[n].id)
					     : NULL;
}

static char *model_name(void *arg, size_t n)
{
	struct host *host = arg;

	if (n == 0) {
		registry_finish(&host->registry);
		registry_read(&host->registry);
	}
	return n < host->registry.n_model ? mem_strdup(host->registry.model[n].name) : NULL;
}

static char *setting_name(void *arg, size_t n)
{
	for (size_t i = 0; i < option_count(); i++) {
		if (is_settable(&option_table[i]) && n-- == 0) {
			return mem_strdup(option_table[i].name);
		}
	}
	return NULL;
}

/* ---- the workbench ---- */

int workbench_is_wanted(const struct options *options)
{
	const char *why;

	return !options->plain && !options->line && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
	       tui_can_run(&why);
}

/* The terminal is the screen's: nothing can be typed as a source, or as a list of them. */
static int check_terminal_is_free(const struct options *options, struct err *err)
{
	for (size_t i = 0; i < options->n_argument; i++) {
		if (strcmp(options->argument[i], "-") == 0) {
			return err_set(err, ERR_USAGE, "-",
				"--line reads what is typed as a source",
				"standard input is the workbench's keyboard");
		}
	}
	for (size_t i = 0; i < options->from_file.count; i++) {
		if (strcmp(options->from_file.item[i], "-") == 0) {
			return err_set(err, ERR_USAGE, "--from-file -", "write the list to a file",
				"standard input is the workbench's keyboard");
		}
	}
	return 0;
}

/* Before the screen comes up: its own mistakes would be shown on it. */
static int check_theme(const char *name, const char *folder, struct err *err)
{
	struct theme theme = {0};
	int status = theme_load(&theme, name, folder, err);

	theme_finish(&theme);
	return status;
}

/* One that another carrel has is refused here, as everywhere; one that is not there is begun later. */
static int check_session(const struct options *options, struct err *err)
{
	struct store *store;
	char *folder = NULL;
	int status = 0;

	if (!options->session || options->no_store) {
		return 0;
	}
	if (catalogue_find(options->session, 1, &folder, err) < 0) {
		return -1;
	}
	if (folder) {
		status = store_open(&store, folder, STORE_WRITE, err);
	}
	if (folder && status == 0) {
		store_close(store);
	}
	free(folder);
	return status;
}

static char *history_path(const struct options *options)
{
	char *folder = options->no_store ? NULL : conf_state_dir();
	char *path = NULL;
	struct err err;

	if (folder && conf_make_dir(folder, &err) < 0) {
		log_err(&err);
	} else if (folder) {
		path = mem_printf("%s/history", folder);
	}
	free(folder);
	return path;
}

static int run(struct host *host, struct err *err)
{
	struct options *options = host->options;
	const struct desk_host desk = {
		open_session, close_session, rename_session, open_engine, settings, set, host};
	char *history = history_path(options), *settings_path = options_settings_path();
	char *kv_folder = start_kv_folder(options), *themes = shared_folder("themes", "dark.theme");
	const struct tui_config config = {
		.host = &desk,
		.path = host->inputs.path,
		.n_path = host->inputs.n_path,
		.theme = options->theme,
		.theme_dir = themes,
		.history = history,
		.settings = settings_path,
		.kv_folder = kv_folder,
		.no_model = !(options->model && options->model[0]) &&
			    strcmp(options->device, "fake") != 0,
		.session_name = session_name,
		.model_name = model_name,
		.setting_name = setting_name,
		.arg = host,
	};
	int status = check_theme(options->theme, themes, err);

	if (status == 0) {
		status = check_session(options, err);
	}
	if (status == 0) {
		status = tui_run(&config, err);
	}
	free(history);
	free(settings_path);
	free(kv_folder);
	free(themes);
	return status;
}

int workbench_run(struct options *options, struct err *err)
{
	struct host host = {.options = options, .begun = options_mark(options)};
	int status = check_terminal_is_free(options, err);

	reading_open(&host.reading, options, SESSION_OVER_AUTO);
	if (status == 0) {
		status = inputs_open(&host.inputs, options, 0, err);
	}
	/* Of a model that a session remembers the screen says what is wrong. */
	if (status == 0 && options->model && options->model[0]) {
		status = check_model(options, options->model, err);
	}
	if (status == 0) {
		status = run(&host, err);
	}
	reading_close(&host.reading);
	inputs_close(&host.inputs);
	options_mark_free(host.begun);
	catalogue_finish(&host.catalogue);
	registry_finish(&host.registry);
	free(host.engine_opened);
	free(host.embed);
	free(host.model);
	return status;
}
