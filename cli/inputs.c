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
				.layout = options->layout,
				.unsafe = options->unsafe_loaders,
				.watch = {show_progress, stopped, inputs},
			},
		.is_verbose = options->verbose,
	};
	if (options->ends_with_nul && !options->from_file.count) {
		return err_set(err, ERR_USAGE, "-0", "--from-file LIST -0",
			"says how the paths of --from-file end, and there is none");
	}
	if (check_stdin(options, err) < 0 || load_options_check(&inputs->load, err) < 0) {
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
	if (inputs->count_tok && inputs->count_tok(inputs->count_arg)) {
		add_part_of(&line, inputs->count_tok(inputs->count_arg), -1, "tok");
	}
	if (progress->total_bytes > progress->n_bytes && progress->n_bytes > 0 && spent_s > 0.3) {
		buf_printf(&line, "ETA %.0f s  ",
			spent_s * (double)(progress->total_bytes - progress->n_bytes) /
				(double)progress->n_bytes);
	}
	log_progress("reading %s%s", buf_str(&line), progress->path ? progress->path : "");
	buf_finish(&line);
}

/* ---- loading ---- */

/* What is left out from here on is told by end_load(). */
static size_t begin_load(struct inputs *inputs, const struct session *session)
{
	size_t first;

	session_skipped(session, &first);
	inputs->began_s = output_clock_s();
	return first;
}

static size_t end_load(const struct inputs *inputs, const struct session *session, size_t first,
	const char *const *path, size_t n_path, int but_last)
{
	size_t count;
	const struct skipped *skipped = session_skipped(session, &count);

	log_progress_clear();
	return inputs_show_skipped(inputs, skipped + first, count - first, path, n_path, but_last);
}

int inputs_load(struct inputs *inputs, struct session *session, const char *const *path,
	size_t n_path, int partial, size_t *unreadable, struct err *err)
{
	size_t first = begin_load(inputs, session);
	int status = session_load(session, path, n_path, &inputs->load, partial, err);

	*unreadable = end_load(
		inputs, session, first, path, n_path, status < 0 && err->code == ERR_INPUTS);
	return status;
}

int inputs_plan_load(struct inputs *inputs, struct session *session, struct session_change **change,
	const char *const *path, size_t n_path, int partial, size_t *unreadable, struct err *err)
{
	size_t first = begin_load(inputs, session);
	int status = session_plan_load(session, change, path, n_path, &inputs->load, partial, err);

	*unreadable += end_load(
		inputs, session, first, path, n_path, status < 0 && err->code == ERR_INPUTS);
	return status;
}

int inputs_plan_refresh(struct inputs *inputs, struct session *session,
	struct session_change **change, int partial, size_t *unreadable, struct err *err)
{
	size_t first = begin_load(inputs, session);
	int status = session_plan_refresh(session, change, &inputs->load, partial, err);

	*unreadable +=
		end_load(inputs, session, first, NULL, 0, status < 0 && err->code == ERR_INPUTS);
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

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The paths that were named, sorted: there may be a list of very many. */
struct given {
	const char **path;
	size_t n_path;
};

static struct given sort_given(const char *const *path, size_t n_path)
{
	struct given given = {mem_alloc((n_path + 1) * sizeof(*given.path)), n_path};

	for (size_t i = 0; i < n_path; i++) {
		given.path[i] = path[i];
	}
	qsort(given.path, n_path, sizeof(*given.path), by_text);
	return given;
}

static int is_given(const struct given *given, const char *path)
{
	return bsearch(&path, given->path, given->n_path, sizeof(*given->path), by_text) != NULL;
}

/* Why rules leave files out, of one and of several; the first that fits the reason. */
static const struct rule {
	const char *begins, *holds, *one, *several;
} rules[] = {
	{"is ignored by ", "", "ignored", NULL}, /* these quote patterns, which may hold any word */
	{"is left out by --exclude", "", "excluded", NULL},
	{"", "--include", "not included", NULL},
	{"", "loaded once", "loaded already", NULL},
	{"is kept by version control", "", "of version control", NULL},
	{"is generated", "", "generated", NULL},
	{"is minified", "", "minified", NULL},
	{"is a lock file", "", "lock file", "lock files"},
	{"is a source map", "", "source map", "source maps"},
	{"is a symbolic link", "", "symbolic link", "symbolic links"},
	{"is a picture", "", "picture", "pictures"},
	{"is a recording", "", "recording", "recordings"},
	{"is a video", "", "video", "videos"},
	{"is a font", "", "font", "fonts"},
	{"is an archive", "", "archive", "archives"},
	{"is binary", "", "binary", NULL},
	{"", "NUL", "binary", NULL},
	{"is empty", "", "empty", NULL},
	{"", "", "other", NULL},
};

static size_t find_rule(const char *reason)
{
	size_t i = 0;

	while (strncmp(reason, rules[i].begins, strlen(rules[i].begins)) != 0 ||
		!strstr(reason, rules[i].holds)) {
		i++;
	}
	return i;
}

/* As loaders/secret.h has it. */
static int is_secret(const char *reason)
{
	static const char *const begins[] = {
		"may hold ", "holds a private key", "holds an access ", "holds a password"};

	for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
		if (strncmp(reason, begins[i], strlen(begins[i])) == 0) {
			return 1;
		}
	}
	return 0;
}

/*
 * How a note begins on something that was read but for a part of it, around its path: "in manual.pdf:
 * pages 2-3 are empty", "a.eml holds 2 attachments". NULL: it was left out.
 */
static const char *gap_form(const char *reason)
{
	static const struct {
		const char *begins, *form;
	} gap[] = {{"page ", "in %s: %s"}, {"pages ", "in %s: %s"}, {"holds ", "%s %s"},
		{"has ", "%s %s"}};

	for (size_t i = 0; i < ARRAY_LEN(gap); i++) {
		size_t len = strlen(gap[i].begins);

		if (strncmp(reason, gap[i].begins, len) == 0 && reason[len] >= '0' &&
			reason[len] <= '9') {
			return gap[i].form;
		}
	}
	return strncmp(reason, "ignores every file here", 23) == 0 ? "%s %s" : NULL;
}

static void note_left_out(const struct skipped *skipped)
{
	const char *form = gap_form(skipped->reason);

	log_note(form ? form : "left out %s: %s%s", skipped->path, skipped->reason,
		is_secret(skipped->reason) ? " (--include-secrets reads it)" : "");
}

/* What rules left out of folders. */
struct left_out {
	size_t n[ARRAY_LEN(rules)], n_secret, total;
	struct buf secrets;
};

static void add_left_out(struct left_out *left, const struct skipped *skipped)
{
	left->total++;
	if (!is_secret(skipped->reason)) {
		left->n[find_rule(skipped->reason)]++;
	} else if (left->n_secret++ < NAMED_MAX) {
		buf_additem(&left->secrets, skipped->path);
	}
}

/* "12 left out by rules: 7 ignored, 3 binary, 2 secrets: .env, id_rsa (...)" */
static void show_rules(const struct left_out *left)
{
	struct buf line = BUF_INIT;
	char item[64];

	for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
		if (left->n[i]) {
			snprintf(item, sizeof(item), "%zu %s", left->n[i],
				left->n[i] > 1 && rules[i].several ? rules[i].several
								   : rules[i].one);
			buf_additem(&line, item);
		}
	}
	if (left->n_secret) {
		snprintf(item, sizeof(item), "%zu secret%s", left->n_secret,
			left->n_secret == 1 ? "" : "s");
		buf_additem(&line, item);
		buf_printf(&line, ": %s%s (--include-secrets reads them)", buf_str(&left->secrets),
			left->n_secret > NAMED_MAX ? ", ..." : "");
	}
	if (left->total) {
		log_note("%zu left out by rules (-v lists them): %s", left->total, buf_str(&line));
	}
	buf_finish(&line);
}

static void show_left_out(const struct inputs *inputs, const struct skipped *skipped, size_t count,
	const struct given *given)
{
	struct left_out left = {.total = 0};
	size_t n_named = 0;

	for (size_t i = 0; i < count; i++) {
		if (skipped[i].is_unreadable) {
			continue;
		}
		if (!is_given(given, skipped[i].path) && !gap_form(skipped[i].reason)) {
			log_info("left out %s: %s", skipped[i].path, skipped[i].reason);
			add_left_out(&left, &skipped[i]);
		} else if (n_named++ < NAMED_MAX || inputs->is_verbose) {
			note_left_out(&skipped[i]);
		}
	}
	if (n_named > NAMED_MAX && !inputs->is_verbose) {
		log_note("... and %zu more (-v lists them)", n_named - NAMED_MAX);
	}
	show_rules(&left);
	buf_finish(&left.secrets);
}

size_t inputs_show_skipped(const struct inputs *inputs, const struct skipped *skipped, size_t count,
	const char *const *path, size_t n_path, int but_last)
{
	struct given given = sort_given(path, n_path);
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
	show_left_out(inputs, skipped, count, &given);
	free(given.path);
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
