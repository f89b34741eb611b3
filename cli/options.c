#include "cli/options.h"

#include "base/conf.h"
#include "base/log.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(struct options, name)

/* Values that the engine would refuse, or take for something else. */
static const struct range {
	size_t offset;
	double least, most;
	const char *wanted;
} ranges[] = {
	{FIELD(n_thread), 0, 4096, "a whole number up to 4096"},
	{FIELD(window_tok), 256, 1e15, "a whole number of tokens, 256 at least, or 0"},
	{FIELD(temperature), 0, 1000, "a number from 0 to 1000"},
	{FIELD(top_p), 0, 1, "a number from 0 to 1"},
	{FIELD(min_p), 0, 1, "a number from 0 to 1"},
	{FIELD(repeat_penalty), 1e-3, 1000, "a number from 0.001 to 1000"},
};

static enum option_origin origins[OPTIONS_MOST];

enum option_origin options_origin(size_t row)
{
	return origins[row];
}

const char *option_setting_name(const struct option_row *row)
{
	return row->offset == FIELD(kv_limit_bytes) ? "kv.disk_limit" : row->name;
}

static void *field(struct options *options, const struct option_row *row)
{
	return (char *)options + row->offset;
}

/* "--name" or "-n" as the user knows it. */
static int bad_value(
	const struct option_row *row, const char *value, const char *wanted, struct err *err)
{
	char where[64];

	snprintf(where, sizeof(where), "--%s", row->name);
	return err_set(err, ERR_USAGE, where, NULL, "takes %s, not \"%s\"", wanted, value);
}

/* What a value of the row has to be, as a range of its own says or as all of its kind are. */
static const char *wanted_of(const struct option_row *row, const char *kind)
{
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		if (ranges[i].offset == row->offset) {
			return ranges[i].wanted;
		}
	}
	return kind;
}

/* 0 of --window is no size: it leaves it to the model. */
static int is_default(const struct option_row *row, const char *value)
{
	return row->offset == FIELD(window_tok) && strcmp(value, "0") == 0;
}

static int check_range(
	const struct option_row *row, const char *value, double number, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		if (ranges[i].offset == row->offset && !is_default(row, value) &&
			(number < ranges[i].least || number > ranges[i].most)) {
			return bad_value(row, value, ranges[i].wanted, err);
		}
	}
	return 0;
}

static int parse_whole(
	const struct option_row *row, const char *value, int64_t *out, struct err *err)
{
	char *end;
	long long number;
	int64_t unit = 1;

	errno = 0;
	number = strtoll(value, &end, 10);
	for (const char *unit_of = "KMG"; end != value && *unit_of; unit_of++) {
		unit *= 1024;
		if (toupper((unsigned char)*end) == *unit_of) {
			end++;
			break;
		}
		unit = unit_of[1] ? unit : 1;
	}
	if (errno || end == value || *end || number < 0 || number > INT64_MAX / unit) {
		return bad_value(row, value,
			wanted_of(row, "a whole number up to 9223372036854775807, or one that "
				       "ends with K, M or G"),
			err);
	}
	if (check_range(row, value, (double)(number * unit), err) < 0) {
		return -1;
	}
	*out = number * unit;
	return 0;
}

static int parse_number(
	const struct option_row *row, const char *value, double *out, struct err *err)
{
	char *end;
	double number = strtod(value, &end);

	if (end == value || *end || !isfinite(number) || number < 0) {
		return bad_value(row, value, wanted_of(row, "a number that is not negative"), err);
	}
	if (check_range(row, value, number, err) < 0) {
		return -1;
	}
	*out = number;
	return 0;
}

static int parse_choice(
	const struct option_row *row, const char *value, const char **out, struct err *err)
{
	const char *word = row->argument;
	size_t len = strlen(value);

	while (len && word) {
		const char *end = strchrnul(word, '|');

		if ((size_t)(end - word) == len && strncmp(word, value, len) == 0) {
			*out = value;
			return 0;
		}
		word = *end ? end + 1 : NULL;
	}
	return bad_value(row, value, row->argument, err);
}

/* A flag is switched by yes, true, on, 1 and their opposites in the settings file. */
static int parse_flag(const struct option_row *row, const char *value, int *out, struct err *err)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(value, words[i]) == 0) {
			*out = (int)(i % 2);
			return 0;
		}
	}
	return bad_value(row, value, "yes or no", err);
}

/* The first value from a stronger place replaces all from a weaker one. */
static void add_item(struct option_list *list, const char *value, int is_first)
{
	list->count = is_first || !value[0] ? 0 : list->count;
	if (value[0]) {
		mem_grow(list->item, list->count, list->cap);
		list->item[list->count++] = value;
	}
}

static int set_value(struct options *options, const struct option_row *row, const char *value,
	enum option_origin origin, struct err *err)
{
	int status = 0;

	switch (row->kind) {
	case OPTION_FLAG:
		status = parse_flag(row, value, field(options, row), err);
		break;
	case OPTION_TEXT:
		*(const char **)field(options, row) = value;
		break;
	case OPTION_WHOLE:
		status = parse_whole(row, value, field(options, row), err);
		break;
	case OPTION_NUMBER:
		status = parse_number(row, value, field(options, row), err);
		break;
	case OPTION_CHOICE:
		status = parse_choice(row, value, field(options, row), err);
		break;
	case OPTION_LIST:
		add_item(field(options, row), value, origins[row - option_table] != origin);
		break;
	}
	origins[row - option_table] = origin;
	return status;
}

void options_init(struct options *options)
{
	*options = (struct options){0};
	for (size_t i = 0; i < option_count(); i++) {
		const struct option_row *row = &option_table[i];

		if (row->fallback) {
			set_value(options, row, row->fallback, ORIGIN_DEFAULT, NULL);
		}
		origins[i] = ORIGIN_DEFAULT;
	}
}

/* Texts that the settings file gave; the process ends with them. */
static char **kept;
static size_t n_kept, cap_kept;

void options_finish(struct options *options)
{
	for (size_t i = 0; i < n_kept; i++) {
		free(kept[i]);
	}
	free(kept);
	kept = NULL;
	n_kept = cap_kept = 0;
	for (size_t i = 0; i < option_count(); i++) {
		if (option_table[i].kind == OPTION_LIST) {
			struct option_list *list = field(options, &option_table[i]);

			free(list->item);
			*list = (struct option_list){0};
		}
	}
	free(options->argument);
	options->argument = NULL;
	options->n_argument = 0;
}

/* For as long as the options live. */
static const char *keep(const char *value)
{
	mem_grow(kept, n_kept, cap_kept);
	kept[n_kept] = mem_strdup(value);
	return kept[n_kept++];
}

static int take_setting(
	void *arg, const char *section, const char *name, const char *value, struct err *err)
{
	char *what;

	if (strcmp(section, "keys") == 0) {
		return 0; /* the workbench reads them */
	}
	if (section[0]) {
		return err_set(err, ERR_USAGE, NULL, "remove the line in brackets",
			"%s stands behind [%s], and there is only a section [keys]", name, section);
	}
	for (size_t i = 0; i < option_count(); i++) {
		const struct option_row *row = &option_table[i];

		if (row->memory && strcmp(name, option_setting_name(row)) == 0) {
			if (origins[i] == ORIGIN_FILE && row->kind != OPTION_LIST) {
				return err_set(err, ERR_USAGE, NULL, "keep one of the lines",
					"%s is set a second time", name);
			}
			if (set_value(arg, row, keep(value), ORIGIN_FILE, err) == 0) {
				return 0;
			}
			/* The place will be the file's: the sentence has to name the setting. */
			what = mem_printf("%s %s", row->name, err->what);
			err_set(err, ERR_USAGE, NULL, err->hint, "%s", what);
			free(what);
			return -1;
		}
	}
	return err_set(err, ERR_USAGE, NULL, "`carrel config` lists the settings",
		"there is no setting \"%s\"", name);
}

char *options_settings_path(void)
{
	char *folder = conf_config_dir();
	char *path = folder ? mem_printf("%s/config", folder) : NULL;

	free(folder);
	return path;
}

int options_read_settings(struct options *options, const char *path, struct err *err)
{
	char *own = path ? NULL : options_settings_path();
	int status = 0;

	if (path || own) {
		status = conf_read_on(path ? path : own, take_setting, log_err, options, err);
	}
	if (status < 0 && err->code == ERR_FAILURE) {
		err->code = ERR_USAGE; /* a folder, say: a mistake of the one who put it there */
	}
	free(own);
	return status < 0 ? -1 : 0;
}

int options_take_remembered(
	struct options *options, const char *name, const char *value, struct err *err)
{
	for (size_t i = 0; i < option_count(); i++) {
		const struct option_row *row = &option_table[i];
		const char *next;

		if (row->memory != MEMORY_SESSION || strcmp(name, row->name) != 0 ||
			origins[i] == ORIGIN_FLAG) {
			continue;
		}
		if (row->kind != OPTION_LIST) {
			return set_value(options, row, keep(value), ORIGIN_SESSION, err);
		}
		for (const char *item = value; item; item = *next ? next + 1 : NULL) {
			char *one;

			next = strchrnul(item, '\n');
			one = mem_strndup(item, (size_t)(next - item));
			set_value(options, row, keep(one), ORIGIN_SESSION, err);
			free(one);
		}
	}
	return 0;
}

int options_set(
	struct options *options, const struct option_row *row, const char *value, struct err *err)
{
	origins[row - option_table] = ORIGIN_DEFAULT; /* the value of a list replaces all of it */
	return set_value(options, row, keep(value), ORIGIN_SESSION, err);
}

/* ---- options as they were ---- */

struct options_mark {
	struct options values; /* lists are the mark's own */
	enum option_origin origin[OPTIONS_MOST];
};

static void copy_list(struct option_list *to, const struct option_list *from)
{
	to->count = 0;
	for (size_t i = 0; i < from->count; i++) {
		mem_grow(to->item, to->count, to->cap);
		to->item[to->count++] = from->item[i];
	}
}

/* The values of all rows; lists of `to` are emptied first, and stay its own. */
static void copy_values(struct options *to, const struct options *from)
{
	for (size_t i = 0; i < option_count(); i++) {
		const struct option_row *row = &option_table[i];
		const void *value = (const char *)from + row->offset;

		switch (row->kind) {
		case OPTION_FLAG:
			*(int *)field(to, row) = *(const int *)value;
			break;
		case OPTION_TEXT:
		case OPTION_CHOICE:
			*(const char **)field(to, row) = *(const char *const *)value;
			break;
		case OPTION_WHOLE:
			*(int64_t *)field(to, row) = *(const int64_t *)value;
			break;
		case OPTION_NUMBER:
			*(double *)field(to, row) = *(const double *)value;
			break;
		case OPTION_LIST:
			copy_list(field(to, row), value);
			break;
		}
	}
}

struct options_mark *options_mark(const struct options *options)
{
	struct options_mark *mark = mem_zero(1, sizeof(*mark));

	copy_values(&mark->values, options);
	memcpy(mark->origin, origins, sizeof(origins));
	return mark;
}

void options_return(struct options *options, const struct options_mark *mark)
{
	copy_values(options, &mark->values);
	memcpy(origins, mark->origin, sizeof(origins));
}

void options_lower_flags(void)
{
	for (size_t i = 0; i < option_count(); i++) {
		if (origins[i] == ORIGIN_FLAG) {
			origins[i] = ORIGIN_FILE;
		}
	}
}

void options_mark_free(struct options_mark *mark)
{
	for (size_t i = 0; mark && i < option_count(); i++) {
		if (option_table[i].kind == OPTION_LIST) {
			free(((struct option_list *)field(&mark->values, &option_table[i]))->item);
		}
	}
	free(mark);
}

void option_remember(const struct options *options, const struct option_row *row, struct buf *out)
{
	const struct option_list *list = (const void *)((const char *)options + row->offset);

	if (row->kind == OPTION_NUMBER) { /* every digit that tells it from its neighbours */
		buf_printf(out, "%.17g", *(const double *)(const void *)list);
		return;
	}
	if (row->kind != OPTION_LIST) {
		option_show(options, row, out);
		return;
	}
	for (size_t i = 0; i < list->count; i++) {
		buf_printf(out, "%s%s", i ? "\n" : "", list->item[i]);
	}
}

static const struct option_row *find_long(const char *name, size_t len, int command)
{
	for (size_t i = 0; i < option_count(); i++) {
		const struct option_row *row = &option_table[i];

		if (row->commands & command && strlen(row->name) == len &&
			strncmp(row->name, name, len) == 0) {
			return row;
		}
	}
	return NULL;
}

const struct option_row *option_find(const char *name, int commands)
{
	return find_long(name, strlen(name), commands);
}

static const struct option_row *find_letter(char letter, int command)
{
	for (size_t i = 0; i < option_count(); i++) {
		const struct option_row *row = &option_table[i];

		if (row->commands & command && row->letter == letter) {
			return row;
		}
	}
	return NULL;
}

static int unknown(const char *shown, size_t len, const char *command_name, struct err *err)
{
	char hint[128];

	snprintf(hint, sizeof(hint),
		"see `carrel %s%s--help`; a path that begins with - stands behind --", command_name,
		command_name[0] ? " " : "");
	return err_set(err, ERR_USAGE, NULL, hint, "unknown option %.*s", (int)len, shown);
}

struct parser {
	struct options *options;
	enum command_bit command;
	const char *command_name;
	int argc, at;
	char **argv;
};

/* The value of the option at hand: what follows it, or the next argument. */
static int take_value(
	struct parser *parser, const struct option_row *row, const char *rest, struct err *err)
{
	if (!rest) {
		if (parser->at + 1 >= parser->argc) {
			char hint[64];

			snprintf(hint, sizeof(hint), "--%s %.40s", row->name, row->argument);
			return err_set(err, ERR_USAGE, NULL, hint, "--%s needs a value", row->name);
		}
		rest = parser->argv[++parser->at];
	}
	return set_value(parser->options, row, rest, ORIGIN_FLAG, err);
}

static int take_long(struct parser *parser, const char *text, struct err *err)
{
	size_t len = strcspn(text + 2, "=");
	const char *rest = text[2 + len] ? text + 2 + len + 1 : NULL;
	const struct option_row *row = find_long(text + 2, len, parser->command);

	if (!row) {
		return unknown(text, 2 + len, parser->command_name, err);
	}
	if (row->kind != OPTION_FLAG) {
		return take_value(parser, row, rest, err);
	}
	if (rest) {
		return err_set(err, ERR_USAGE, text,
			"leave out what follows the =", "--%s takes no value", row->name);
	}
	return set_value(parser->options, row, "yes", ORIGIN_FLAG, err);
}

static int take_letters(struct parser *parser, const char *text, struct err *err)
{
	for (const char *letter = text + 1; *letter; letter++) {
		const struct option_row *row = find_letter(*letter, parser->command);

		if (!row) {
			char shown[3] = {'-', *letter, 0};

			return unknown(shown, 2, parser->command_name, err);
		}
		if (row->kind != OPTION_FLAG) {
			return take_value(parser, row, letter[1] ? letter + 1 : NULL, err);
		}
		if (set_value(parser->options, row, "yes", ORIGIN_FLAG, err) < 0) {
			return -1;
		}
	}
	return 0;
}

int options_parse(struct options *options, enum command_bit command, const char *command_name,
	int argc, char **argv, struct err *err)
{
	struct parser parser = {options, command, command_name, argc, 1, argv};
	int only_arguments = 0;

	options->argument = mem_zero((size_t)argc + 1, sizeof(*options->argument));
	for (; parser.at < argc; parser.at++) {
		const char *text = argv[parser.at];
		int status = 0;

		if (only_arguments || text[0] != '-' || !text[1]) {
			options->argument[options->n_argument++] = text;
		} else if (strcmp(text, "--") == 0) {
			only_arguments = 1;
		} else if (text[1] == '-') {
			status = take_long(&parser, text, err);
		} else {
			status = take_letters(&parser, text, err);
		}
		if (status < 0) {
			return -1;
		}
	}
	return 0;
}

void option_show(const struct options *options, const struct option_row *row, struct buf *out)
{
	const void *at = (const char *)options + row->offset;

	switch (row->kind) {
	case OPTION_FLAG:
		buf_addstr(out, *(const int *)at ? "yes" : "no");
		break;
	case OPTION_TEXT:
	case OPTION_CHOICE:
		buf_addstr(out, *(const char *const *)at ? *(const char *const *)at : "");
		break;
	case OPTION_WHOLE:
		buf_printf(out, "%lld", (long long)*(const int64_t *)at);
		break;
	case OPTION_NUMBER:
		buf_printf(out, "%g", *(const double *)at);
		break;
	case OPTION_LIST:
		for (size_t i = 0; i < ((const struct option_list *)at)->count; i++) {
			buf_additem(out, ((const struct option_list *)at)->item[i]);
		}
		break;
	}
}
