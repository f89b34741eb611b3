/* carrel config: every setting, its value, and where it comes from. */
#include "cli/commands.h"

#include "cli/output.h"
#include "cli/resume.h"

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
	free(path);
	if (list) {
		output_json(list);
	}
	return options->settings_broken ? ERR_USAGE : 0;
}
