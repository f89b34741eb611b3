/* carrel config: every setting, its value, and where it comes from. */
#include "cli/commands.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/output.h"
#include "cli/resume.h"
#include "tui/keys.h"

#include <stdlib.h>
#include <string.h>

static json_t *list_json(const struct option_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++) {
		json_array_append_new(array, output_json_string(list->item[i]));
	}
	return array;
}

static json_t *value_json(const struct options *options, const struct option_row *row)
{
	const void *at = (const char *)options + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		return json_boolean(*(const int *)at);
	case OPTION_WHOLE:
		return json_integer(*(const int64_t *)at);
	case OPTION_NUMBER:
		return json_real(*(const double *)at);
	case OPTION_LIST:
		return list_json(at);
	default:
		return output_json_string(*(const char *const *)at);
	}
}

static void print_list(
	const char *name, const struct options *options, const struct option_row *row)
{
	const struct option_list *list = (const void *)((const char *)options + row->offset);

	for (size_t i = 0; i < list->count; i++) {
		output_line("%-16s = %s", name, list->item[i]);
	}
}

static json_t *setting_json(
	const struct options *options, const struct option_row *row, const char *origin)
{
	json_t *object = json_object();

	json_object_set_new(object, "setting", json_string(option_setting_name(row)));
	json_object_set_new(object, "value", value_json(options, row));
	json_object_set_new(object, "origin", json_string(origin));
	return object;
}

/* As it stands in a settings file. */
static void print_setting(const struct options *options, const struct option_row *row)
{
	struct buf value = BUF_INIT;

	option_show(options, row, &value);
	if (row->kind == OPTION_LIST && value.len) { /* a line each */
		print_list(option_setting_name(row), options, row);
	} else if (value.len) {
		output_line("%-16s = %s", option_setting_name(row), buf_str(&value));
	} else {
		output_line("# %s is not set", option_setting_name(row));
	}
	buf_finish(&value);
}

/* Mistakes in [keys] end nothing but are said, and shown in the status. */
static struct keys *read_keys(struct options *options, const char *path)
{
	struct keys *keys = keys_create();
	struct err err;

	if (path && keys_read(keys, path, &err) < 0 && !options->settings_broken) {
		log_err(&err);
		options->settings_broken = 1;
	}
	return keys;
}

/* Those that are not as the table has them, at the end: what follows [keys] is of that section. */
static void print_keys(const struct keys *keys, json_t *list)
{
	struct keys *usual = keys_create();
	int n_shown = 0;

	for (int i = 1; i < ACTION_COUNT; i++) {
		const char *now = keys_of(keys, (enum action)i);

		if (strcmp(now, keys_of(usual, (enum action)i)) == 0) {
			continue;
		}
		if (list) {
			char *name = mem_printf("keys.%s", key_table[i].name);

			json_array_append_new(
				list, json_pack("{s:s, s:o, s:s}", "setting", name, "value",
					      output_json_string(now), "origin", "file"));
			free(name);
			continue;
		}
		if (!n_shown++) {
			output_line(
				"# keys of the workbench that are not as carrel-keys(7) has them:");
			output_line("[keys]");
		}
		output_line("%-16s = %s", key_table[i].name, now);
	}
	keys_destroy(usual);
}

int command_config(struct options *options, struct err *err)
{
	static const char *const origins[] = {
		[ORIGIN_DEFAULT] = "default",
		[ORIGIN_FILE] = "file",
		[ORIGIN_SESSION] = "session",
		[ORIGIN_FLAG] = "flag",
	};
	json_t *list = options->json ? json_array() : NULL;
	const char *last = "";
	struct keys *keys;
	char *path;

	if (options->n_argument) {
		json_decref(list);
		return err_set(err, ERR_USAGE, options->argument[0],
			"options show what they change: carrel config --temp 1",
			"config takes no arguments");
	}
	if (options->session && resume_peek(options, err) < 0) {
		json_decref(list);
		return -1;
	}
	path = options_settings_path();
	if (!list) {
		output_line("# %s", path ? path : "no settings file: there is no home folder");
	}
	for (size_t i = 0; i < option_count(); i++) {
		const struct option_row *row = &option_table[i];
		const char *origin = origins[options_origin(i)];

		if (!row->memory) {
			continue;
		}
		if (list) {
			json_array_append_new(list, setting_json(options, row, origin));
			continue;
		}
		/* What is printed can be a settings file: origins stand on lines of their own. */
		if (strcmp(origin, last) != 0) {
			output_line("# %s:", origin);
			last = origin;
		}
		print_setting(options, row);
	}
	keys = read_keys(options, path);
	print_keys(keys, list);
	keys_destroy(keys);
	free(path);
	if (list) {
		output_json(list);
	}
	return options->settings_broken ? ERR_USAGE : 0;
}
