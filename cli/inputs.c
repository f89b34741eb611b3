#include "cli/inputs.h"

#include "base/log.h"
#include "base/mem.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX_BYTES = 256 << 20, NAMED_MAX = 20 };

/* How often the line of progress is drawn. */
static const double progress_s = 0.1;

/* ---- paths ---- */

static void add_path(struct inputs *inputs, const char *path)
{
	mem_grow(inputs->path, inputs->n_path, inputs->cap_path);
	inputs->path[inputs->n_path++] = path;
}

/* Of the paths in a list none is standard input: a file called - is meant. */
static void add_listed(struct inputs *inputs, const char *path)
{
	if (path[0]) {
		add_path(inputs, strcmp(path, "-") == 0 ? "./-" : path);
	}
}

static int read_list(struct inputs *inputs, const char *path, int ends_with_nul, struct err *err)
{
	const char *shown = strcmp(path, "-") == 0 ? "standard input" : path, *nul;
	char end = ends_with_nul ? 0 : '\n';
	struct buf *text;

	mem_grow(inputs->list, inputs->n_list, inputs->cap_list);
	text = &inputs->list[inputs->n_list++];
	*text = BUF_INIT;
	if (start_read(text, path, LIST_MAX_BYTES, err) < 0) {
		err->code = err->code == ERR_INTERRUPTED ? ERR_INTERRUPTED : ERR_USAGE;
		return -1;
	}
	nul = text->len ? memchr(text->data, 0, text->len) : NULL;
	if (nul && !ends_with_nul) {
		return err_set(err, ERR_USAGE, shown, "-0 reads paths that end with NUL bytes",
			"byte %zu of the list is a NUL", (size_t)(nul - text->data) + 1);
	}
	for (size_t at = 0; at < text->len;) {
		char *stop = memchr(text->data + at, end, text->len - at);

		if (stop) {
			*stop = 0;
		}
		add_listed(inputs, text->data + at);
		at = stop ? (size_t)(stop - text->data) + 1 : text->len;
	}
	return 0;
}

/* Standard input can be read once. */
static int check_stdin(const struct options *options, struct err *err)
{
	size_t n_use = 0;

	for (size_t i = 0; i < options->n_argument; i++) {
		n_use += strcmp(options->argument[i], "-") == 0;
	}
	for (size_t i = 0; i < options->from_file.count; i++) {
		if (strcmp(options->from_file.item[i], "-") == 0 && n_use++) {
			return err_set(err, ERR_USAGE, "--from-file -", "write the list to a file",
				"standard input is already read for something else");
		}
	}
	return 0;
}

static int stopped(void *arg)
{
	return interrupt_pending();
}

static void show_progress(void *arg, const struct load_progress *progress);

int inputs_open(
	struct inputs *inputs, const struct options *options, size_t n_before, struct err *err)
{
	*inputs = (struct inputs){
		.load =
			{
				.include = options->include.item,
				.n_include = options->include.count,
				.exclude = options->exclude.item,
				.n_exclude = options->exclude.count,
				.include_secrets = options->include_secrets,
				.drop_headers = options->drop_headers,
				.unsafe = options->unsafe_loaders,
				.watch = {show_progress, stopped, inputs},
			},
		.is_verbose = options->verbose,
	};
	if (options->ends_with_nul && !options->from_file.count) {
		return err_set(err, ERR_USAGE, "-0", "--from-file LIST -0",
			"says how the paths of --from-file end, and there is none");
	}
	if (check_stdin(options, err) < 0) {
		return -1;
	}
	for (size_t i = n_before; i < options->n_argument; i++) {
		add_path(inputs, options->argument[i]);
	}
	for (size_t i = 0; i < options->from_file.count; i++) {
		if (read_list(inputs, options->from_file.item[i], options->ends_with_nul, err) <
			0) {
			return -1;
		}
	}
	return 0;
}

void inputs_close(struct inputs *inputs)
{
	for (size_t i = 0; i < inputs->n_list; i++) {
		buf_finish(&inputs->list[i]);
	}
	free(inputs->list);
	free(inputs->path);
	*inputs = (struct inputs){0};
}

/* ---- progress ---- */

/* "3" or, where the total is known, "3/17". */
static void add_part_of(struct buf *line, int64_t done, int64_t total, const char *unit)
{
	buf_printf(line, "%lld", (long long)done);
	if (total >= done) {
		buf_printf(line, "/%lld", (long long)total);
	}
	buf_printf(line, " %s  ", unit);
}

static void show_progress(void *arg, const struct load_progress *progress)
{
	struct inputs *inputs = arg;
	double now_s = output_clock_s(), spent_s = now_s - inputs->began_s;
	struct buf line = BUF_INIT;

	if (now_s - inputs->shown_s < progress_s) {
		return;
	}
	inputs->shown_s = now_s;
	if (progress->total_files > 1 || progress->n_files > 1) {
		add_part_of(&line, progress->n_files, progress->total_files, "files");
	}
	add_part_of(&line, progress->n_bytes / 1000000,
		progress->total_bytes < 0 ? -1 : progress->total_bytes / 1000000, "MB");
	if (progress->n_pages || progress->total_pages > 0) {
		add_part_of(&line, progress->n_pages, progress->total_pages, "pages");
	}
	if (inputs->count_tok) {
		add_part_of(&line, inputs->count_tok(inputs->count_arg), -1, "tok");
	}
	if (progress->total_bytes > progress->n_bytes && progress->n_bytes > 0 && spent_s > 1) {
		buf_printf(&line, "ETA %.0f s  ",
			spent_s * (double)(progress->total_bytes - progress->n_bytes) /
				(double)progress->n_bytes);
	}
	log_progress("reading %s%s", buf_str(&line), progress->path ? progress->path : "");
	buf_finish(&line);
}

/* ---- loading ---- */

int inputs_load(struct inputs *inputs, struct session *session, const char *const *path,
	size_t n_path, int partial, size_t *unreadable, struct err *err)
{
	const struct skipped *skipped;
	size_t first, count;
	int status;

	session_skipped(session, &first);
	inputs->began_s = output_clock_s();
	status = session_load(session, path, n_path, &inputs->load, partial, err);
	log_progress_clear();
	skipped = session_skipped(session, &count);
	*unreadable = inputs_show_skipped(
		inputs, skipped + first, count - first, path, n_path, status < 0);
	return status;
}

int inputs_need_sources(size_t n_path, size_t n_source, struct err *err)
{
	if (!n_path || n_source) {
		return 0;
	}
	return n_path == 1 ? err_set(err, ERR_INPUTS, NULL, "name a file of text",
				     "nothing that was named could be used")
			   : err_set(err, ERR_INPUTS, NULL, "name files of text",
				     "none of the %zu paths could be used", n_path);
}

/* ---- what was left out ---- */

static int is_given(const char *path, const char *const *given, size_t n_given)
{
	for (size_t i = 0; i < n_given; i++) {
		if (strcmp(path, given[i]) == 0) {
			return 1;
		}
	}
	return 0;
}

/* Why rules leave files out, in a word; the first that fits the reason. */
static const struct rule {
	const char *begins, *holds, *word;
} rules[] = {
	{"is ignored by ", "", "ignored"}, /* these quote patterns, which may hold any word */
	{"is left out by --include", "", "not included"},
	{"is left out by --exclude", "", "excluded"},
	{"", "loaded once", "named twice"},
	{"", "secret", "secret"},
	{"", "generated", "generated"},
	{"", "minified", "minified"},
	{"", "lock", "lock files"},
	{"", "binary", "binary"},
	{"", "NUL", "binary"},
	{"", "archive", "archives"},
	{"", "symbolic link", "symbolic links"},
	{"", "empty", "empty"},
	{"", "", "other"},
};
enum { RULE_SECRET = 4 };

static size_t find_rule(const char *reason)
{
	size_t i = 0;

	while (strncmp(reason, rules[i].begins, strlen(rules[i].begins)) != 0 ||
		!strstr(reason, rules[i].holds)) {
		i++;
	}
	return i;
}

/* "12 left out by rules: 7 ignored, 3 binary, 2 secret: .env, id_rsa (...)" */
static void show_rules(const size_t n[ARRAY_LEN(rules)], const struct buf *secrets)
{
	struct buf line = BUF_INIT;
	size_t total = 0;

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		total += n[i];
	}
	if (!total) {
		return;
	}
	for (size_t i = 0; i <= ARRAY_LEN(rules); i++) {
		/* The secrets stand last: their names follow. */
		size_t rule = i < ARRAY_LEN(rules) ? i : RULE_SECRET;

		if (n[rule] && i != RULE_SECRET) {
			char item[64];

			snprintf(item, sizeof(item), "%zu %s", n[rule], rules[rule].word);
			buf_additem(&line, item);
		}
	}
	if (n[RULE_SECRET]) {
		buf_printf(&line, ": %s (--include-secrets reads them)", buf_str(secrets));
	}
	log_note("%zu left out by rules (-v lists them): %s", total, buf_str(&line));
	buf_finish(&line);
}

static void show_left_out(const struct inputs *inputs, const struct skipped *skipped, size_t count,
	const char *const *given, size_t n_given)
{
	size_t n[ARRAY_LEN(rules)] = {0}, n_named = 0;
	struct buf secrets = BUF_INIT;

	for (size_t i = 0; i < count; i++) {
		size_t rule;

		if (skipped[i].is_unreadable) {
			continue;
		}
		if (is_given(skipped[i].path, given, n_given)) {
			n_named++;
			if (n_named <= NAMED_MAX || inputs->is_verbose) {
				log_note("left out %s: %s", skipped[i].path, skipped[i].reason);
			}
			continue;
		}
		log_info("left out %s: %s", skipped[i].path, skipped[i].reason);
		rule = find_rule(skipped[i].reason);
		n[rule]++;
		if (rule == RULE_SECRET && n[rule] <= NAMED_MAX) {
			buf_additem(&secrets, skipped[i].path);
		} else if (rule == RULE_SECRET && n[rule] == NAMED_MAX + 1) {
			buf_additem(&secrets, "...");
		}
	}
	if (n_named > NAMED_MAX && !inputs->is_verbose) {
		log_note("... and %zu more (-v lists them)", n_named - NAMED_MAX);
	}
	show_rules(n, &secrets);
	buf_finish(&secrets);
}

size_t inputs_show_skipped(const struct inputs *inputs, const struct skipped *skipped, size_t count,
	const char *const *given, size_t n_given, int but_last)
{
	size_t last = count, n_unreadable = 0, n_shown = 0;

	for (size_t i = count; i > 0 && but_last && last == count; i--) {
		if (skipped[i - 1].is_unreadable) {
			last = i - 1; /* it is the error that ends the command */
		}
	}
	for (size_t i = 0; i < count; i++) {
		n_unreadable += skipped[i].is_unreadable != 0;
		if (!skipped[i].is_unreadable || i == last) {
			continue;
		}
		if (n_shown++ < NAMED_MAX || inputs->is_verbose) {
			char *text = session_unreadable_text(&skipped[i]);

			log_error("%s: %s", skipped[i].path, text);
			free(text);
		}
	}
	if (n_shown > NAMED_MAX && !inputs->is_verbose) {
		log_error("... and %zu more (-v lists them)", n_shown - NAMED_MAX);
	}
	show_left_out(inputs, skipped, count, given, n_given);
	return n_unreadable;
}

json_t *inputs_json_skipped(const struct skipped *skipped, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		json_t *item = json_object();

		json_object_set_new(item, "path", output_json_string(skipped[i].path));
		json_object_set_new(item, "reason", output_json_string(skipped[i].reason));
		json_array_append_new(list, item);
	}
	return list;
}
