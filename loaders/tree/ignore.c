/* gitignore(5), rule by rule as git's dir.c reads and matches it. */
#include "loaders/tree/ignore.h"

#include "base/mem.h"
#include "loaders/tree/glob.h"

#include <stdlib.h>
#include <string.h>

struct ignore_rule {
	const struct ignore_list *list;
	char *text;    /* the line without its end */
	char *pattern; /* what is matched: points into text */
	size_t len;
	size_t literal_len; /* of the pattern's beginning, without anything special */
	struct glob glob;   /* what follows */
	int64_t line;
	unsigned is_negative : 1, is_for_directories : 1, is_for_names : 1, is_suffix : 1;
	unsigned is_catch_all : 1;
};

static size_t literal_length(const char *text)
{
	return strcspn(text, "*?[\\");
}

/* Spaces at the end do not count unless a backslash stands in front of them. */
static void trim_spaces(char *text)
{
	char *space = NULL;

	for (char *p = text; *p; p++) {
		if (*p == ' ') {
			space = space ? space : p;
			continue;
		}
		space = NULL;
		if (*p == '\\' && !*++p) {
			return;
		}
	}
	if (space) {
		*space = '\0';
	}
}

static void compile(struct ignore_rule *rule)
{
	char *p = rule->text + rule->is_negative;

	rule->len = strlen(p);
	rule->is_suffix = p[0] == '*' && p[1 + literal_length(p + 1)] == '\0';
	rule->literal_len = literal_length(p);
	if (rule->len > 0 && p[rule->len - 1] == '/') {
		rule->len--;
		rule->is_for_directories = 1;
	}
	rule->is_for_names = memchr(p, '/', rule->len) == NULL;
	if (!rule->is_for_names && p[0] == '/') {
		p++;
		rule->len--;
		rule->literal_len--;
	}
	if (rule->literal_len > rule->len) {
		rule->literal_len = rule->len;
	}
	rule->pattern = p;
	rule->is_catch_all = !rule->is_negative && !rule->is_for_directories && rule->len > 0 &&
			     strspn(p, "*") >= rule->len;
	/* git matches what stands behind the literal beginning as a pattern of its own. */
	if (rule->is_for_names && rule->literal_len < rule->len) {
		glob_compile(&rule->glob, p, rule->len, GLOB_NAME);
	} else if (!rule->is_for_names) {
		glob_compile(&rule->glob, p + rule->literal_len, rule->len - rule->literal_len,
			GLOB_PATH);
	}
}

void ignore_list_add(struct ignore_list *list, const char *line, size_t len, int64_t line_number)
{
	struct ignore_rule *rule;

	mem_grow(list->rule, list->n_rule, list->cap_rule);
	rule = &list->rule[list->n_rule++];
	*rule = (struct ignore_rule){.list = list, .line = line_number};
	rule->text = mem_strndup(line, len);
	trim_spaces(rule->text);
	rule->is_negative = rule->text[0] == '!';
	compile(rule);
	list->has_catch_all |= rule->is_catch_all;
}

struct ignore_list *ignore_list_create(
	const char *name, size_t base_len, const char *text, size_t len)
{
	struct ignore_list *list = mem_zero(1, sizeof(*list));
	const char *end = text + len;
	int64_t line_number = 0;

	list->name = mem_strdup(name);
	list->base_len = base_len;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
	}
	while (text < end) {
		const char *feed = memchr(text, '\n', (size_t)(end - text));
		const char *next = feed ? feed + 1 : end;
		size_t line_len = (size_t)((feed ? feed : end) - text);

		line_number++;
		if (line_len > 0 && text[line_len - 1] == '\r') {
			line_len--;
		}
		if (line_len > 0 && text[0] != '#' && text[0] != '\0') {
			ignore_list_add(list, text, strnlen(text, line_len), line_number);
		}
		text = next;
	}
	/* The array does not move any more. */
	return list;
}

void ignore_list_destroy(struct ignore_list *list)
{
	if (!list) {
		return;
	}
	for (size_t i = 0; i < list->n_rule; i++) {
		glob_finish(&list->rule[i].glob);
		free(list->rule[i].text);
	}
	free(list->rule);
	free(list->name);
	free(list);
}

static int match_name(const struct ignore_rule *rule, const char *name, size_t len)
{
	size_t suffix_len = rule->len - 1;

	if (rule->literal_len == rule->len) {
		return len == rule->len && memcmp(name, rule->pattern, len) == 0;
	}
	if (rule->is_suffix) {
		return len >= suffix_len &&
		       memcmp(name + len - suffix_len, rule->pattern + 1, suffix_len) == 0;
	}
	return len >= rule->literal_len && memcmp(name, rule->pattern, rule->literal_len) == 0 &&
	       glob_match(&rule->glob, name, len);
}

static int match_path(const struct ignore_rule *rule, const char *path, size_t len)
{
	if (len < rule->literal_len || memcmp(path, rule->pattern, rule->literal_len) != 0) {
		return 0;
	}
	if (rule->literal_len == rule->len) {
		return len == rule->len;
	}
	return glob_match(&rule->glob, path + rule->literal_len, len - rule->literal_len);
}

const struct ignore_rule *ignore_list_match(const struct ignore_list *list, const char *path,
	size_t len, size_t name_at, int is_directory)
{
	for (size_t i = list->n_rule; i-- > 0;) {
		const struct ignore_rule *rule = &list->rule[i];

		if ((rule->is_for_directories && !is_directory) ||
			(rule->is_catch_all && list->is_catch_all_off)) {
			continue;
		}
		if (rule->is_for_names
				? match_name(rule, path + name_at, len - name_at)
				: match_path(rule, path + list->base_len, len - list->base_len)) {
			return rule;
		}
	}
	return NULL;
}

int ignore_rule_is_negative(const struct ignore_rule *rule)
{
	return rule->is_negative;
}

int64_t ignore_rule_line(const struct ignore_rule *rule)
{
	return rule->line;
}

const char *ignore_rule_text(const struct ignore_rule *rule)
{
	return rule->text;
}

const char *ignore_rule_list(const struct ignore_rule *rule)
{
	return rule->list->name;
}
