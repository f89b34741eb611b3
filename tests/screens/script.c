#include "tests/screens/script.h"

#include "base/mem.h"
#include "base/utf8.h"
#include "tests/screens/terminfo.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 4 };

static struct step *add_step(struct script *script, char *line, int number)
{
	size_t verb = strcspn(line, " \t");
	const char *argument = line + verb + strspn(line + verb, " \t");

	mem_grow(script->step, script->n_step, script->cap_step);
	script->step[script->n_step] = (struct step){
		.line = number,
		.verb = mem_strndup(line, verb),
		.argument = mem_strdup(argument),
	};
	return &script->step[script->n_step++];
}

static int read_file(struct script *script, const char *path, int depth, struct buf *why);

/* `include PATH`, beside this file: the steps that many tests begin with. */
static int include(
	struct script *script, const char *from, const char *name, int depth, struct buf *why)
{
	const char *slash = strrchr(from, '/');
	char *path = mem_printf("%.*s%s", slash ? (int)(slash - from + 1) : 0, from, name);
	int status = -1;

	if (depth == DEPTH_MAX) {
		buf_printf(why, "%s: includes itself", path);
	} else {
		status = read_file(script, path, depth + 1, why);
	}
	free(path);
	return status;
}

static int read_file(struct script *script, const char *path, int depth, struct buf *why)
{
	FILE *file = fopen(path, "r");
	struct step *step = NULL;
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	if (!file) {
		buf_printf(why, "%s: %s", path, strerror(errno));
		return -1;
	}
	for (int number = 1; (len = getline(&line, &cap, file)) >= 0; number++) {
		if (len && line[len - 1] == '\n') {
			line[len - 1] = 0;
		}
		if (line[0] && strchr("|~*", line[0])) {
			if (!step) {
				buf_printf(why, "%s:%d: a row without a step", path, number);
				break;
			}
			mem_grow(step->row, step->n_row, step->cap_row);
			step->row[step->n_row++] = mem_strdup(line);
		} else if (strncmp(line, "include ", 8) == 0) {
			if (include(script, path, line + 8, depth, why) < 0) {
				break;
			}
			step = NULL;
		} else if (line[0] && line[0] != '#') {
			step = add_step(script, line, number);
		}
	}
	free(line);
	fclose(file);
	return why->len ? -1 : 0;
}

int script_read(struct script *script, const char *path, struct buf *why)
{
	return read_file(script, path, 0, why);
}

void script_finish(struct script *script)
{
	for (size_t i = 0; i < script->n_step; i++) {
		struct step *step = &script->step[i];

		for (size_t row = 0; row < step->n_row; row++) {
			free(step->row[row]);
		}
		free(step->row);
		free(step->verb);
		free(step->argument);
	}
	free(script->step);
	*script = (struct script){0};
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

void script_unescape(struct buf *out, const char *text)
{
	for (const char *at = text; *at; at++) {
		if (*at != '\\' || !at[1]) {
			buf_addch(out, *at);
			continue;
		}
		at++;
		if (*at == 'x' && isxdigit((unsigned char)at[1]) &&
			isxdigit((unsigned char)at[2])) {
			buf_addch(out, (char)(hex(at[1]) << 4 | hex(at[2])));
			at += 2;
		} else {
			buf_addch(out, *at == 'n'   ? '\n'
				       : *at == 'r' ? '\r'
				       : *at == 't' ? '\t'
				       : *at == 'e' ? 27
						    : *at);
		}
	}
}

/* Keys with names: what terminfo calls them, and what xterm sends where it does not say. */
static const struct {
	const char *name, *capability, *bytes;
} named[] = {
	{"Enter", NULL, "\r"},
	{"Tab", NULL, "\t"},
	{"Esc", NULL, "\033"},
	{"Space", NULL, " "},
	{"Backspace", NULL, "\x7f"},
	{"Up", "kcuu1", "\033[A"},
	{"Down", "kcud1", "\033[B"},
	{"Right", "kcuf1", "\033[C"},
	{"Left", "kcub1", "\033[D"},
	{"Home", "khome", "\033[H"},
	{"End", "kend", "\033[F"},
	{"PgUp", "kpp", "\033[5~"},
	{"PgDn", "knp", "\033[6~"},
	{"Insert", "kich1", "\033[2~"},
	{"Delete", "kdch1", "\033[3~"},
	{"BackTab", "kcbt", "\033[Z"},
	{"F1", "kf1", "\033OP"},
	{"F2", "kf2", "\033OQ"},
	{"F3", "kf3", "\033OR"},
	{"F4", "kf4", "\033OS"},
	{"F5", "kf5", "\033[15~"},
	{"F6", "kf6", "\033[17~"},
	{"F7", "kf7", "\033[18~"},
	{"F8", "kf8", "\033[19~"},
	{"F9", "kf9", "\033[20~"},
	{"F10", "kf10", "\033[21~"},
	{"F11", "kf11", "\033[23~"},
	{"F12", "kf12", "\033[24~"},
};

int script_key(struct buf *out, const char *name)
{
	uint32_t cp;

	for (size_t i = 0; i < ARRAY_LEN(named); i++) {
		if (strcmp(named[i].name, name) == 0) {
			char *bytes =
				named[i].capability ? terminfo_string(named[i].capability) : NULL;

			buf_addstr(out, bytes ? bytes : named[i].bytes);
			free(bytes);
			return 0;
		}
	}
	if (name[0] == '^' && name[1] && !name[2]) {
		buf_addch(out, (char)(name[1] & 0x1f));
		return 0;
	}
	if (strncmp(name, "M-", 2) == 0 && name[2]) {
		buf_addch(out, 27);
		return script_key(out, name + 2);
	}
	if (name[0] && utf8_decode(name, strlen(name), &cp) == strlen(name)) {
		buf_addstr(out, name);
		return 0;
	}
	return -1;
}
