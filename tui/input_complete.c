/* What Tab completes: /commands, what stands behind each of them, and paths. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "session/command_table.h"
#include "tui/input_internal.h"
#include "tui/theme.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MATCHES_MOST = 2000, ENTRIES_MOST = 50000, NOTE_BYTES = 160 };

static struct input_match *add(struct input_matches *matches, char *text, char *note)
{
	struct input_match *match;

	mem_grow(matches->match, matches->n, matches->cap);
	match = &matches->match[matches->n++];
	*match = (struct input_match){.text = text, .note = note};
	return match;
}

void input_matches_finish(struct input_matches *matches)
{
	for (size_t i = 0; i < matches->n; i++) {
		free(matches->match[i].text);
		free(matches->match[i].note);
	}
	free(matches->match);
	*matches = (struct input_matches){0};
}

static int begins(const char *name, const char *typed, size_t len)
{
	return strncmp(name, typed, len) == 0;
}

/* ---- paths ---- */

static int is_folder(const char *folder, const struct dirent *entry)
{
	struct stat st;
	char *path;
	int yes;

	if (entry->d_type != DT_UNKNOWN && entry->d_type != DT_LNK) {
		return entry->d_type == DT_DIR;
	}
	path = mem_printf("%s/%s", folder, entry->d_name);
	yes = stat(path, &st) == 0 && S_ISDIR(st.st_mode);
	free(path);
	return yes;
}

/* The folder that a typed path names up to its last slash; malloc'ed. */
static char *folder_of(const char *typed, size_t len)
{
	const char *home = getenv("HOME");

	if (len == 0) {
		return mem_strdup(".");
	}
	if (typed[0] == '~' && typed[1] == '/' && home) {
		return mem_printf("%s%.*s", home, (int)len - 1, typed + 1);
	}
	return mem_strndup(typed, len);
}

static int by_text(const void *a, const void *b)
{
	const struct input_match *one = a, *other = b;

	return strcmp(one->text, other->text);
}

static void add_paths(struct input_matches *matches, const char *typed, size_t len)
{
	size_t slash = len;
	char *folder, *base;
	struct dirent *entry;
	DIR *dir;

	while (slash > 0 && typed[slash - 1] != '/') {
		slash--;
	}
	folder = folder_of(typed, slash);
	base = mem_strndup(typed + slash, len - slash);
	dir = opendir(folder);
	for (int n = 0; dir && n < ENTRIES_MOST && matches->n < MATCHES_MOST; n++) {
		struct input_match *match;

		entry = readdir(dir);
		if (!entry) {
			break;
		}
		if (!begins(entry->d_name, base, len - slash) ||
			(entry->d_name[0] == '.' && base[0] != '.') ||
			strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
			continue;
		}
		match = add(matches, NULL, NULL);
		match->is_open = is_folder(folder, entry);
		match->text = mem_printf(
			"%.*s%s%s", (int)slash, typed, entry->d_name, match->is_open ? "/" : "");
		match->from = slash;
	}
	if (dir) {
		closedir(dir);
	}
	if (matches->n) {
		qsort(matches->match, matches->n, sizeof(*matches->match), by_text);
	}
	free(folder);
	free(base);
}

/* ---- names ---- */

static void add_names(struct input_matches *matches, char *(*name)(void *arg, size_t n), void *arg,
	const char *typed, size_t len)
{
	char *next;

	for (size_t i = 0; name && matches->n < MATCHES_MOST && (next = name(arg, i)); i++) {
		if (begins(next, typed, len)) {
			add(matches, next, NULL);
		} else {
			free(next);
		}
	}
}

static char *next_theme(void *arg, size_t n)
{
	return theme_name(arg, n);
}

static void add_words(
	struct input_matches *matches, const char *words, const char *typed, size_t len)
{
	while (words && *words) {
		size_t n = strcspn(words, " ");

		if (n >= len && begins(words, typed, len)) {
			add(matches, mem_strndup(words, n), NULL);
		}
		words += n + strspn(words + n, " ");
	}
}

static void add_sources(struct input_matches *matches, const struct desk_state *state,
	const char *typed, size_t len)
{
	for (size_t i = 0; i < state->n_source && matches->n < MATCHES_MOST; i++) {
		const struct desk_source *source = &state->source[i];

		if (begins(source->id, typed, len)) {
			add(matches, mem_strdup(source->id), mem_strdup(source->path));
		}
	}
}

static void add_turns(struct input_matches *matches, const struct desk_state *state,
	const char *typed, size_t len)
{
	/* The newest first: it is most often meant. */
	for (size_t i = state->n_turn; i > 0 && matches->n < MATCHES_MOST; i--) {
		const struct desk_turn *turn = state->turn[i - 1];
		char id[24];

		snprintf(id, sizeof(id), "%lld", (long long)turn->id);
		if (begins(id, typed, len)) {
			size_t n = strcspn(turn->question, "\n");

			add(matches, mem_strdup(id),
				mem_strndup(
					turn->question, utf8_cut(turn->question, n, NOTE_BYTES)));
		}
	}
}

/* ---- commands ---- */

static void add_commands(struct input_matches *matches, const char *typed, size_t len)
{
	for (size_t i = 0; i < SLASH_COUNT; i++) {
		const struct slash_row *row = &slash_table[i];

		if ((row->where & SLASH_WORKBENCH) && begins(row->name, typed, len)) {
			int takes = row->kind != SLASH_NO_ARGUMENT;
			struct input_match *match =
				add(matches, mem_printf("%s%s", row->name, takes ? " " : ""),
					mem_printf("%s%s%s", row->argument,
						row->argument[0] ? "  " : "", row->help));

			match->is_open = takes && row->kind != SLASH_ANY;
		}
	}
}

/* Whether all that follows a command is one argument, blanks and all; else it is words. */
static int takes_rest(enum slash_argument kind)
{
	return kind == SLASH_PATH || kind == SLASH_SESSION_NAME || kind == SLASH_MODEL_NAME ||
	       kind == SLASH_THEME_NAME;
}

static int looks_like_path(const char *typed, size_t len)
{
	return len > 0 && (typed[0] == '~' || typed[0] == '.' || memchr(typed, '/', len));
}

static void add_arguments(struct input_matches *matches, struct app *app,
	const struct slash_row *row, const char *typed, size_t len, int n_before)
{
	const struct tui_config *config = app->config;

	switch (row->kind) {
	case SLASH_NO_ARGUMENT:
	case SLASH_ANY:
		break;
	case SLASH_PATH:
		add_paths(matches, typed, len);
		break;
	case SLASH_SOURCE:
		add_sources(matches, app->state, typed, len);
		break;
	case SLASH_TURN:
		add_turns(matches, app->state, typed, len);
		break;
	case SLASH_SESSION_NAME:
		add_names(matches, config->session_name, config->arg, typed, len);
		break;
	case SLASH_MODEL_NAME:
		add_names(matches, config->model_name, config->arg, typed, len);
		if (looks_like_path(typed, len)) {
			add_paths(matches, typed, len);
		}
		break;
	case SLASH_THEME_NAME:
		add_names(matches, next_theme, (void *)config->theme_dir, typed, len);
		break;
	case SLASH_SETTING:
		if (n_before == 0) {
			add_names(matches, config->setting_name, config->arg, typed, len);
		}
		break;
	case SLASH_WORD:
		if (n_before == 0) {
			add_words(matches, row->words, typed, len);
		} else if (row->slash == SLASH_EXPORT) {
			add_paths(matches, typed, len);
		}
		break;
	}
}

static void complete_command(
	struct input_matches *matches, struct app *app, const char *line, size_t len)
{
	const struct slash_row *row;
	const char *argument;
	size_t at;
	int n_before = 0;

	if (1 + strcspn(line + 1, " \t") == len) {
		matches->at = 1;
		add_commands(matches, line + 1, len - 1);
		return;
	}
	row = slash_find(line + 1, SLASH_WORKBENCH, &argument);
	if (!row) {
		return;
	}
	at = (size_t)(argument - line);
	if (!takes_rest(row->kind)) {
		for (size_t i = at; i < len; i++) {
			if (line[i] == ' ') {
				at = i + 1;
				n_before += i > 0 && line[i - 1] != ' ';
			}
		}
		if (row->slash == SLASH_EXPORT && n_before > 0) { /* a path may hold blanks */
			at = (size_t)(argument - line) + strcspn(argument, " ");
			at += strspn(line + at, " ");
		}
	}
	matches->at = at;
	add_arguments(matches, app, row, line + at, len - at, n_before);
}

void input_complete(struct input_matches *matches, struct app *app, const char *line, size_t point)
{
	char *typed = mem_strndup(line, point);
	size_t at = point;

	*matches = (struct input_matches){0};
	if (typed[0] == '/' || typed[0] == ':') {
		complete_command(matches, app, typed, point);
	} else {
		while (at > 0 && !strchr(" \t\n\"'()", typed[at - 1])) {
			at--;
		}
		matches->at = at;
		if (looks_like_path(typed + at, point - at)) {
			add_paths(matches, typed + at, point - at);
		}
	}
	free(typed);
}
