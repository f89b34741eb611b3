#include "tui/theme.h"

#include "base/buf.h"
#include "base/conf.h"
#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THEME_MOST_BYTES = 256 << 10, RGB = 0x1000000 };

/* themes/default.theme, put here by the build. */
static const char default_text[] =
#include "themes/default_theme.inc"
	;

static const char *const color_names[16] = {"black", "red", "green", "yellow", "blue", "magenta",
	"cyan", "white", "bright-black", "bright-red", "bright-green", "bright-yellow",
	"bright-blue", "bright-magenta", "bright-cyan", "bright-white"};
static const struct {
	const char *name;
	int attribute;
} attribute_names[] = {
	{"bold", THEME_BOLD},
	{"dim", THEME_DIM},
	{"italic", THEME_ITALIC},
	{"underline", THEME_UNDERLINE},
	{"reverse", THEME_REVERSE},
};

struct word {
	const char *at;
	size_t len;
};

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of a line; 0 at its end. */
static int next_word(struct word *word, const char **at, const char *end)
{
	while (*at < end && is_blank(**at)) {
		(*at)++;
	}
	word->at = *at;
	while (*at < end && !is_blank(**at)) {
		(*at)++;
	}
	word->len = (size_t)(*at - word->at);
	return word->len > 0;
}

static int word_is(const struct word *word, const char *text)
{
	return strlen(text) == word->len && memcmp(word->at, text, word->len) == 0;
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static int parse_rgb(const struct word *word, int *color)
{
	int value = 0;

	if (word->len != 7) {
		return -1;
	}
	for (size_t i = 1; i < 7; i++) {
		int digit = hex_value(word->at[i]);

		if (digit < 0) {
			return -1;
		}
		value = 16 * value + digit;
	}
	*color = RGB | value;
	return 0;
}

static int parse_color(const struct word *word, int *color)
{
	int number = 0;

	if (word_is(word, "default")) {
		*color = -1;
		return 0;
	}
	for (int i = 0; i < 16; i++) {
		if (word_is(word, color_names[i])) {
			*color = i;
			return 0;
		}
	}
	if (word->at[0] == '#') {
		return parse_rgb(word, color);
	}
	for (size_t i = 0; i < word->len; i++) {
		if (word->at[i] < '0' || word->at[i] > '9' || i > 2) {
			return -1;
		}
		number = 10 * number + (word->at[i] - '0');
	}
	*color = number;
	return number > 255 ? -1 : 0;
}

static int find_attribute(const struct word *word)
{
	for (size_t i = 0; i < ARRAY_LEN(attribute_names); i++) {
		if (word_is(word, attribute_names[i].name)) {
			return attribute_names[i].attribute;
		}
	}
	return 0;
}

static int shown_len(const struct word *word)
{
	return (int)(word->len < 40 ? word->len : 40);
}

/* "bold black on yellow": a foreground, a background behind "on", attributes anywhere. */
static int parse_style(struct theme_style *style, const char *at, const char *end,
	const char *where, struct err *err)
{
	struct word word;
	int n_fg = 0, n_bg = 0, is_background = 0, color, attribute;

	*style = (struct theme_style){-1, -1, 0};
	while (next_word(&word, &at, end)) {
		attribute = find_attribute(&word);
		if (attribute) {
			style->attributes |= attribute;
		} else if (word_is(&word, "on") && !is_background) {
			is_background = 1;
		} else if (parse_color(&word, &color) < 0) {
			return err_set(err, ERR_USAGE, where,
				"colours are default, red, bright-red, ..., 0 to 255, #rrggbb",
				"\"%.*s\" is no colour and no attribute", shown_len(&word),
				word.at);
		} else if (is_background ? n_bg++ : n_fg++) {
			return err_set(err, ERR_USAGE, where, "write COLOUR on COLOUR",
				"\"%.*s\" is one colour too many", shown_len(&word), word.at);
		} else if (is_background) {
			style->bg = color;
		} else {
			style->fg = color;
		}
	}
	if (is_background && !n_bg) {
		return err_set(err, ERR_USAGE, where, "write COLOUR on COLOUR",
			"no colour stands behind \"on\"");
	}
	return 0;
}

static int parse_line(
	struct theme *theme, const char *at, const char *end, const char *where, struct err *err)
{
	struct word name;
	char text[32];
	int element;
	const char *equals = memchr(at, '=', (size_t)(end - at));

	if (!next_word(&name, &at, end) || name.at[0] == '#') {
		return 0;
	}
	if (!equals) {
		return err_set(
			err, ERR_USAGE, where, "write ELEMENT = COLOUR", "no \"=\" is in it");
	}
	at = name.at;
	next_word(&name, &at, equals);
	snprintf(text, sizeof(text), "%.*s", shown_len(&name), name.at);
	element = element_find(text);
	if (element < 0 || name.len >= sizeof(text)) {
		return err_set(err, ERR_USAGE, where, "carrel-config(5) has their names",
			"\"%.*s\" is nothing that a theme can colour", shown_len(&name), name.at);
	}
	if (next_word(&name, &at, equals)) {
		return err_set(err, ERR_USAGE, where, "write ELEMENT = COLOUR",
			"\"%.*s\" in front of \"=\" is one word too many", shown_len(&name),
			name.at);
	}
	return parse_style(&theme->style[element], equals + 1, end, where, err);
}

static int parse_over(
	struct theme *theme, const char *where, const char *text, size_t len, struct err *err)
{
	const char *end = text + len;
	char place[384];

	for (int line = 1; text < end; line++) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));

		if (!line_end) {
			line_end = end;
		}
		snprintf(place, sizeof(place), "%.350s:%d", where, line);
		if (parse_line(theme, text, line_end, place, err) < 0) {
			return -1;
		}
		text = line_end < end ? line_end + 1 : end;
	}
	return 0;
}

static void set_default(struct theme *theme)
{
	for (int i = 0; i < ELEMENT_COUNT; i++) {
		theme->style[i] = (struct theme_style){-1, -1, 0};
	}
	if (parse_over(theme, "default", default_text, sizeof(default_text) - 1, NULL) < 0) {
		abort(); /* the build's own file, which a test reads */
	}
}

int theme_parse(
	struct theme *theme, const char *where, const char *text, size_t len, struct err *err)
{
	struct theme made = {.name = theme->name};

	set_default(&made);
	if (parse_over(&made, where, text, len, err) < 0) {
		return -1;
	}
	*theme = made;
	return 0;
}

/* ---- where themes are ---- */

static char *user_folder(void)
{
	char *config = conf_config_dir(), *folder = NULL;

	if (config) {
		folder = mem_printf("%s/themes", config);
	}
	free(config);
	return folder;
}

static char *path_in(const char *folder, const char *name)
{
	char *path = folder ? mem_printf("%s/%s.theme", folder, name) : NULL;

	if (path && access(path, F_OK) < 0) {
		free(path);
		path = NULL;
	}
	return path;
}

/* The file of a name, malloc'ed; NULL where there is none. */
static char *find_file(const char *name, const char *folder)
{
	char *own, *path;

	if (strchr(name, '/')) {
		return mem_strdup(name);
	}
	own = user_folder();
	path = path_in(own, name);
	free(own);
	return path ? path : path_in(folder, name);
}

int theme_load(struct theme *theme, const char *name, const char *folder, struct err *err)
{
	struct buf text = BUF_INIT;
	struct theme made = {0};
	char *path = find_file(name, folder);
	int failed = 0;

	if (path) {
		failed = file_read(&text, path, THEME_MOST_BYTES, err) < 0 ||
			 theme_parse(&made, path, buf_str(&text), text.len, err) < 0;
		if (failed && err) {
			err->code = ERR_USAGE;
		}
	} else if (strcmp(name, "default") == 0) {
		set_default(&made);
	} else {
		failed = err_set(err, ERR_USAGE, NULL, "/theme and Tab shows those there are",
				 "there is no theme called \"%.100s\"", name) < 0;
	}
	free(path);
	buf_finish(&text);
	if (failed) {
		return -1;
	}
	theme_finish(theme);
	*theme = made;
	theme->name = mem_strdup(name);
	return 0;
}

void theme_finish(struct theme *theme)
{
	free(theme->name);
	theme->name = NULL;
}

/* ---- their names ---- */

struct names {
	char **name;
	size_t n, cap;
};

static void names_add(struct names *names, const char *name, size_t len)
{
	for (size_t i = 0; i < names->n; i++) {
		if (strlen(names->name[i]) == len && memcmp(names->name[i], name, len) == 0) {
			return;
		}
	}
	mem_grow(names->name, names->n, names->cap);
	names->name[names->n++] = mem_strndup(name, len);
}

static void names_add_folder(struct names *names, const char *folder)
{
	static const char suffix[] = ".theme";
	DIR *dir = folder ? opendir(folder) : NULL;
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		if (len > sizeof(suffix) - 1 && entry->d_name[0] != '.' &&
			strcmp(entry->d_name + len - (sizeof(suffix) - 1), suffix) == 0) {
			names_add(names, entry->d_name, len - (sizeof(suffix) - 1));
		}
	}
	if (dir) {
		closedir(dir);
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *theme_name(const char *folder, size_t n)
{
	struct names names = {0};
	char *own = user_folder(), *name = NULL;

	names_add(&names, "default", strlen("default"));
	names_add_folder(&names, own);
	names_add_folder(&names, folder);
	qsort(names.name, names.n, sizeof(*names.name), by_name);
	if (n < names.n) {
		name = mem_strdup(names.name[n]);
	}
	for (size_t i = 0; i < names.n; i++) {
		free(names.name[i]);
	}
	free(names.name);
	free(own);
	return name;
}

/* ---- fewer colours ---- */

/* The palette of xterm, which all terminals of 256 colours have from 16 on. */
static int palette_rgb(int color)
{
	static const int ansi[16] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd,
		0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff,
		0x00ffff, 0xffffff};
	static const int level[6] = {0, 95, 135, 175, 215, 255};
	int cube = color - 16;

	if (color < 16) {
		return ansi[color];
	}
	if (color >= 232) {
		return (8 + 10 * (color - 232)) * 0x010101;
	}
	return level[cube / 36] << 16 | level[cube / 6 % 6] << 8 | level[cube % 6];
}

static int distance(int a, int b)
{
	int red = (a >> 16) - (b >> 16), green = (a >> 8 & 255) - (b >> 8 & 255),
	    blue = (a & 255) - (b & 255);

	return 2 * red * red + 4 * green * green + 3 * blue * blue;
}

static int nearest(int rgb, int first, int last)
{
	int best = first;

	for (int i = first + 1; i <= last; i++) {
		if (distance(rgb, palette_rgb(i)) < distance(rgb, palette_rgb(best))) {
			best = i;
		}
	}
	return best;
}

static int fit_color(int color, int n_color)
{
	if (color < 0) {
		return color;
	}
	if (n_color >=
		RGB) { /* a direct terminal numbers 0 to 7 as ever, and all else by its rgb */
		return color & RGB ? color & 0xffffff : color < 8 ? color : palette_rgb(color);
	}
	if (color & RGB) {
		color = n_color >= 256 ? nearest(color & 0xffffff, 16, 255)
				       : nearest(color & 0xffffff, 0, n_color >= 16 ? 15 : 7);
	}
	if (color >= 16 && n_color < 256) {
		color = nearest(palette_rgb(color), 0, n_color >= 16 ? 15 : 7);
	}
	return color;
}

struct theme_style theme_style_fit(struct theme_style style, int n_color)
{
	struct theme_style fit = style;

	if (n_color < 8) {
		/* What stood out by its background still does. */
		if (style.bg >= 0 && !(style.attributes & THEME_REVERSE)) {
			fit.attributes |= THEME_REVERSE;
		}
		fit.fg = fit.bg = -1;
		return fit;
	}
	fit.fg = fit_color(style.fg, n_color);
	fit.bg = fit_color(style.bg, n_color);
	if (n_color < 16 && fit.fg >= 8) {
		fit.fg -= 8;
		fit.attributes |= THEME_BOLD;
	}
	if (n_color < 16 && fit.bg >= 8) {
		fit.bg -= 8;
	}
	return fit;
}
