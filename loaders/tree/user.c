/*
 * The user's own ignore rules: core.excludesFile in git's configuration (git-config(1)), else
 * $XDG_CONFIG_HOME/git/ignore. [include] is followed, [includeIf] and repositories' own
 * configurations are not.
 */
#include "loaders/tree/user.h"
#include "loaders/tree/tree.h"
#include "loaders/tree/walk.h"

#include "base/file.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_CONFIG_BYTES = 1 << 20, MAX_RULES_BYTES = 4 << 20, MAX_INCLUDES = 10 };

static struct ignore_list *rules;

const struct ignore_list *user_rules(void)
{
	return rules;
}

/* ---- git's configuration ---- */

/* A value at *at: quotes, escapes, comments, lines that go on. Moves to the end of its line. */
static char *config_value(const char **at)
{
	struct buf value = BUF_INIT;
	const char *p = *at + strspn(*at, " \t");
	size_t end = 0; /* behind it only spaces that do not count */
	int is_quoted = 0;

	for (; *p && *p != '\n'; p++) {
		if (!is_quoted && (*p == '#' || *p == ';')) {
			p += strcspn(p, "\n");
			break;
		}
		if (*p == '"') {
			is_quoted = !is_quoted;
			end = value.len;
			continue;
		}
		if (*p == '\\' && p[1] == '\r' && p[2] == '\n') {
			p += 2;
			continue;
		}
		if (*p == '\\' && p[1]) {
			p++;
			if (*p != '\n') {
				buf_addch(&value, *p == 't' ? '\t' : *p == 'n' ? '\n' : *p);
				end = value.len;
			}
			continue;
		}
		buf_addch(&value, *p);
		if (is_quoted || !isspace((unsigned char)*p)) {
			end = value.len;
		}
	}
	*at = p;
	if (value.data) {
		value.len = end;
		value.data[end] = '\0';
	}
	return buf_take(&value);
}

void user_config_parse(const char *text,
	void (*set)(void *arg, const char *section, const char *name, const char *value), void *arg)
{
	char section[64] = "", name[64];

	while (*text) {
		text += strspn(text, " \t\r\n");
		if (*text == '[') {
			size_t len = strcspn(++text, "]\n");

			/* A subsection ("[remote "x"]") is none that is asked for. */
			section[0] = '\0';
			if (text[len] == ']' && len < sizeof(section)) {
				memcpy(section, text, len);
				section[len] = '\0';
			}
			text += len + (text[len] == ']');
		} else if (isalpha((unsigned char)*text)) {
			size_t len =
				strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					     "0123456789-");
			size_t kept = len < sizeof(name) ? len : sizeof(name) - 1;

			memcpy(name, text, kept);
			name[kept] = '\0';
			text += len;
			text += strspn(text, " \t");
			if (*text == '=') {
				char *value;

				text++;
				value = config_value(&text);
				set(arg, section, name, value);
				free(value);
			} else {
				text += strcspn(text, "\n");
			}
		} else {
			text += strcspn(text, "\n");
		}
	}
}

struct config {
	char *excludes_file;
	const char *path; /* of the file that is read */
	int depth;
};

/* A path as git reads one: "~/" is the home, and an included one is relative to its file. */
static char *expand(const struct config *config, const char *value)
{
	const char *home = getenv("HOME"), *slash = strrchr(config->path, '/');

	if (strncmp(value, "~/", 2) == 0 && home) {
		return mem_printf("%s/%s", home, value + 2);
	}
	if (value[0] == '/' || !slash) {
		return mem_strdup(value);
	}
	return mem_printf("%.*s/%s", (int)(slash - config->path), config->path, value);
}

static void read_config(struct config *config, const char *path);

static void set_config(void *arg, const char *section, const char *name, const char *value)
{
	struct config *config = arg;

	if (strcasecmp(section, "core") == 0 && strcasecmp(name, "excludesfile") == 0) {
		free(config->excludes_file);
		config->excludes_file = expand(config, value);
	} else if (strcasecmp(section, "include") == 0 && strcasecmp(name, "path") == 0 &&
		   config->depth < MAX_INCLUDES) {
		char *included = expand(config, value);

		read_config(config, included);
		free(included);
	}
}

static void read_config(struct config *config, const char *path)
{
	struct buf text = BUF_INIT;
	const char *outer = config->path;

	if (file_read(&text, path, MAX_CONFIG_BYTES, NULL) == 0) {
		config->path = path;
		config->depth++;
		user_config_parse(buf_str(&text), set_config, config);
		config->depth--;
		config->path = outer;
	}
	buf_finish(&text);
}

void tree_prepare(void)
{
	const char *home = getenv("HOME"), *xdg = getenv("XDG_CONFIG_HOME");
	char *dir = xdg && xdg[0] ? mem_printf("%s/git", xdg)
		    : home        ? mem_printf("%s/.config/git", home)
				  : NULL;
	struct config config = {0};
	struct buf text = BUF_INIT;

	ignore_list_destroy(rules);
	rules = NULL;
	read_config(&config, "/etc/gitconfig");
	if (dir) {
		char *path = mem_printf("%s/config", dir);

		read_config(&config, path);
		free(path);
	}
	if (home) {
		char *path = mem_printf("%s/.gitconfig", home);

		read_config(&config, path);
		free(path);
	}
	if (!config.excludes_file && dir) {
		config.excludes_file = mem_printf("%s/ignore", dir);
	}
	if (config.excludes_file &&
		file_read(&text, config.excludes_file, MAX_RULES_BYTES, NULL) == 0) {
		rules = ignore_list_create(config.excludes_file, 0, buf_str(&text), text.len);
	}
	buf_finish(&text);
	free(config.excludes_file);
	free(dir);
}
