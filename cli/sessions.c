/* carrel sessions: the table of its verbs, and what they share. */
#include "cli/sessions.h"

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct verb {
	const char *name;
	int (*run)(struct options *options, struct err *err);
	const char *option[3]; /* of those that sessions has, what it takes */
};

static int takes(const struct verb *verb, const char *option)
{
	for (size_t i = 0; i < ARRAY_LEN(verb->option) && verb->option[i]; i++) {
		if (strcmp(verb->option[i], option) == 0) {
			return 1;
		}
	}
	return 0;
}

/* What has no meaning for the verb is not passed over in silence. */
static int check_options(const struct verb *verb, struct err *err)
{
	for (size_t i = 0; i < option_count(); i++) {
		const struct option_row *row = &option_table[i];
		char where[64];

		if (options_origin(i) != ORIGIN_FLAG ||
			(row->commands & ~(COMMAND_SESSIONS | COMMAND_KV)) ||
			takes(verb, row->name)) {
			continue;
		}
		snprintf(where, sizeof(where), "--%s", row->name);
		return err_set(err, ERR_USAGE, where, "see `carrel sessions --help`",
			"is no option of sessions %s", verb->name);
	}
	return 0;
}

int command_sessions(struct options *options, struct err *err)
{
	static const struct verb table[] = {
		{"export", sessions_export, {"format", "out"}},
		{"fork", sessions_fork, {0}},
		{"import", sessions_import, {"name"}},
		{"ls", sessions_ls, {0}},
		{"pin", sessions_pin, {0}},
		{"rename", sessions_rename, {0}},
		{"repair", sessions_repair, {0}},
		{"rm", sessions_rm, {"yes"}},
		{"search", sessions_search, {"session", "hits"}},
		{"show", sessions_show, {0}},
		{"unpin", sessions_unpin, {0}},
		{"verify", sessions_verify, {0}},
	};

	for (size_t i = 0; i < ARRAY_LEN(table) && options->n_argument; i++) {
		if (strcmp(table[i].name, options->argument[0]) == 0) {
			return check_options(&table[i], err) < 0 ? -1 : table[i].run(options, err);
		}
	}
	if (options->n_argument) {
		return err_set(err, ERR_USAGE, options->argument[0], "see `carrel sessions --help`",
			"is nothing that `carrel sessions` does");
	}
	return err_set(err, ERR_USAGE, NULL, "see `carrel sessions --help`",
		"say what to do: ls, show, search, rm, rename, fork, export, import, pin, unpin, "
		"verify or repair");
}

int sessions_check_arguments(const struct options *options, size_t least, size_t most,
	const char *usage, struct err *err)
{
	size_t n = options->n_argument - 1;

	if (n >= least && n <= most) {
		return 0;
	}
	return err_set(err, ERR_USAGE, n > most ? options->argument[most + 1] : NULL, usage,
		n > most ? "sessions %s takes no more arguments"
			 : "sessions %s needs more arguments",
		options->argument[0]);
}

/* ---- reading ---- */

const char *sessions_id(const char *folder)
{
	return strrchr(folder, '/') ? strrchr(folder, '/') + 1 : folder;
}

int sessions_read_folder(struct sessions_read *read, const char *folder, struct err *err)
{
	struct store *store;
	int status;

	*read = (struct sessions_read){.folder = mem_strdup(folder)};
	snprintf(read->id, sizeof(read->id), "%.16s", sessions_id(folder));
	if (store_open(&store, folder, STORE_READ, err) < 0) {
		sessions_read_finish(read);
		return -1;
	}
	status = store_read(store, &read->contents, err);
	store_close(store);
	if (status < 0) {
		sessions_read_finish(read);
	}
	return status;
}

int sessions_read_open(struct sessions_read *read, const char *name, struct err *err)
{
	char *folder;
	int status;

	if (catalogue_find(name, 0, &folder, err) < 0) {
		return -1;
	}
	status = sessions_read_folder(read, folder, err);
	free(folder);
	return status;
}

void sessions_read_finish(struct sessions_read *read)
{
	store_contents_finish(&read->contents);
	free(read->folder);
	*read = (struct sessions_read){0};
}

const char *sessions_read_name(const struct sessions_read *read)
{
	const char *name = store_setting(&read->contents, STORE_NAME);

	return name && name[0] ? name : read->id;
}

json_t *sessions_json(const char *id, const char *name)
{
	json_t *object = json_object();

	json_object_set_new(object, "session", output_json_string(name && name[0] ? name : NULL));
	json_object_set_new(object, "id", output_json_string(id));
	return object;
}

/* --no-store is about what is written: what is there, is there. */
char *sessions_kv_folder(void)
{
	static const struct options any;

	return start_kv_folder(&any);
}

int64_t sessions_kv_bytes(const char *id)
{
	char *folder = sessions_kv_folder();
	int64_t bytes = folder ? engine_kv_owned_bytes(folder, id) : 0;

	free(folder);
	return bytes > 0 ? bytes : 0;
}

/* ---- people ---- */

int sessions_agrees(const struct options *options, const char *question)
{
	return options->yes || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO) ||
	       interrupt_agrees(question);
}

const char *sessions_age(char out[SESSIONS_AGE_SIZE], int64_t time_s)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} unit[] = {{86400, "days"}, {3600, "h"}, {60, "min"}};
	int64_t age_s = time_s > 0 ? (int64_t)time(NULL) - time_s : 0;

	for (size_t i = 0; i < ARRAY_LEN(unit); i++) {
		if (age_s >= 2 * unit[i].seconds || (i > 0 && age_s >= unit[i].seconds)) {
			snprintf(out, SESSIONS_AGE_SIZE, "%lld %s",
				(long long)(age_s / unit[i].seconds), unit[i].unit);
			return out;
		}
	}
	snprintf(out, SESSIONS_AGE_SIZE, time_s > 0 ? "now" : "-");
	return out;
}
