/* carrel kv: computed KV on disk, what is kept and what goes. */
#include "base/log.h"
#include "base/mem.h"
#include "base/number.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/sessions.h"
#include "cli/start.h"
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int check_arguments(const struct options *options, const char *usage, struct err *err)
{
	return options->n_argument == 1 ? 0
					: err_set(err, ERR_USAGE, options->argument[1], usage,
						  "kv %s takes no arguments", options->argument[0]);
}

static int find_folder(char **folder, struct err *err)
{
	*folder = sessions_kv_folder();
	return *folder ? 0
		       : err_set(err, ERR_FAILURE, NULL, "set HOME or XDG_CACHE_HOME",
				 "there is no folder for KV");
}

/* ---- ls ---- */

/* What a line "key value" of `about` says, malloc'ed; NULL where it has none. */
static char *about_value(const char *about, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = about; *line; line += strcspn(line, "\n"), line += *line != 0) {
		if (strncmp(line, key, len) == 0 && line[len] == ' ') {
			return mem_strndup(line + len + 1, strcspn(line + len + 1, "\n"));
		}
	}
	return NULL;
}

static json_t *about_json(const char *about)
{
	json_t *object = json_object();

	for (const char *line = about; *line; line += strcspn(line, "\n"), line += *line != 0) {
		size_t len = strcspn(line, "\n"), key = strcspn(line, " \n");
		char *name = mem_strndup(line, key);

		if (key < len) {
			json_object_set_new(
				object, name, output_json_bytes(line + key + 1, len - key - 1));
		}
		free(name);
	}
	return object;
}

/* Null: it has no page, so none was made or used. */
static json_t *time_json(int64_t time_s)
{
	return time_s ? json_integer(time_s) : json_null();
}

static json_t *stock_json(const struct engine_kv_stock *stock, const char *folder)
{
	json_t *object = json_object(), *roots = json_array();

	for (size_t i = 0; i < stock->n_root; i++) {
		const struct engine_kv_root *root = &stock->root[i];
		json_t *item = json_object();

		json_object_set_new(item, "id", output_json_string(root->id));
		json_object_set_new(item, "about", about_json(root->about));
		json_object_set_new(item, "pages", json_integer(root->n_page));
		json_object_set_new(item, "tokens", json_integer(root->n_tok));
		json_object_set_new(item, "bytes", json_integer(root->n_bytes));
		json_object_set_new(item, "damaged", json_integer(root->n_damaged));
		json_object_set_new(item, "made", time_json(root->made_s));
		json_object_set_new(item, "used", time_json(root->used_s));
		json_array_append_new(roots, item);
	}
	json_object_set_new(object, "folder", output_json_string(folder));
	json_object_set_new(object, "bytes", json_integer(stock->n_bytes));
	json_object_set_new(object, "limit_bytes", json_integer(stock->limit_bytes));
	json_object_set_new(object, "free_bytes", json_integer(stock->free_bytes));
	json_object_set_new(object, "roots", roots);
	return object;
}

static void print_root(const struct engine_kv_root *root)
{
	char tokens[NUMBER_SIZE], bytes[NUMBER_SIZE], age[SESSIONS_AGE_SIZE];
	char *model = about_value(root->about, "model"),
	     *type = about_value(root->about, "kv_type");

	output_line("%-32s %-4s %12s tokens %10s  %s%s", model ? model : root->id,
		type ? type : "-", number_grouped(tokens, root->n_tok),
		number_bytes(bytes, root->n_bytes), sessions_age(age, root->used_s),
		root->n_damaged ? "  damaged in part" : "");
	free(model);
	free(type);
}

static void print_stock(const struct engine_kv_stock *stock)
{
	char all[NUMBER_SIZE], limit[NUMBER_SIZE], rest[NUMBER_SIZE];

	for (size_t i = 0; i < stock->n_root; i++) {
		/* One that was emptied keeps its folder for the next time. */
		if (stock->root[i].n_page || stock->root[i].n_bytes || stock->root[i].n_damaged) {
			print_root(&stock->root[i]);
		}
	}
	if (!stock->n_root && !stock->n_bytes) {
		output_line("no KV is kept");
		return;
	}
	output_line("%s of at most %s; %s are free on the disk", number_bytes(all, stock->n_bytes),
		number_bytes(limit, stock->limit_bytes), number_bytes(rest, stock->free_bytes));
}

static int kv_ls(const struct options *options, struct err *err)
{
	struct engine_kv_stock stock;
	char *folder;
	int status;

	if (check_arguments(options, "carrel kv ls", err) < 0 || find_folder(&folder, err) < 0) {
		return -1;
	}
	status = engine_kv_list(&stock, folder, options->kv_limit_bytes, err);
	if (status == 0 && options->json) {
		output_json(stock_json(&stock, folder));
	} else if (status == 0) {
		print_stock(&stock);
	}
	if (status == 0) {
		engine_kv_stock_finish(&stock);
	}
	free(folder);
	return status;
}

/* ---- gc, verify, rm ---- */

struct progress {
	const char *what;
	double began_s;
};

static int look(void *context, int64_t done_bytes, int64_t total_bytes)
{
	const struct progress *progress = context;
	char done[NUMBER_SIZE], total[NUMBER_SIZE];

	if (output_clock_s() - progress->began_s > 0.3) {
		log_progress("%s %s of %s", progress->what, number_bytes(done, done_bytes),
			number_bytes(total, total_bytes));
	}
	return interrupt_pending();
}

static json_t *work_json(const struct engine_kv_work *work)
{
	json_t *object = json_object();

	json_object_set_new(object, "pages", json_integer(work->n_page));
	json_object_set_new(object, "bytes", json_integer(work->n_bytes));
	json_object_set_new(object, "removed_pages", json_integer(work->n_removed_page));
	json_object_set_new(object, "removed_bytes", json_integer(work->n_removed_bytes));
	json_object_set_new(object, "damaged", json_integer(work->n_damaged));
	json_object_set_new(object, "held_bytes", json_integer(work->n_held_bytes));
	json_object_set_new(object, "shared_bytes", json_integer(work->n_shared_bytes));
	return object;
}

static void print_work(const struct engine_kv_work *work, int is_check)
{
	char pages[NUMBER_SIZE], bytes[NUMBER_SIZE], number[NUMBER_SIZE], held[NUMBER_SIZE];

	if (is_check) {
		output_line("looked at %s %s, %s: %s damaged", number_grouped(pages, work->n_page),
			work->n_page == 1 ? "page" : "pages", number_bytes(bytes, work->n_bytes),
			work->n_damaged ? number_grouped(number, work->n_damaged) : "nothing is");
		if (work->n_damaged) {
			output_line("carrel kv gc removes what is damaged; it is computed again");
		}
		return;
	}
	output_line("removed %s %s, %s", number_grouped(pages, work->n_removed_page),
		work->n_removed_page == 1 ? "page" : "pages",
		number_bytes(bytes, work->n_removed_bytes));
	if (work->n_damaged) {
		output_line("%s damaged pages, records or files are gone with them",
			number_grouped(number, work->n_damaged));
	}
	if (work->n_shared_bytes) {
		output_line("%s remain, which other sessions with the same text use",
			number_bytes(held, work->n_shared_bytes));
	}
	if (work->n_held_bytes) {
		output_line("%s would go, too, but a running engine holds them",
			number_bytes(held, work->n_held_bytes));
	}
}

static int end_work(
	const struct options *options, const struct engine_kv_work *work, int is_check, int status)
{
	log_progress_clear();
	if (status < 0) {
		return -1;
	}
	if (options->json) {
		output_json(work_json(work));
	} else {
		print_work(work, is_check);
	}
	return is_check && work->n_damaged ? ERR_FAILURE : 0;
}

static int kv_gc(const struct options *options, struct err *err)
{
	struct progress progress = {"checked", output_clock_s()};
	struct engine_kv_watch watch = {look, &progress};
	struct engine_kv_work work = {0};
	char *folder;
	int status;

	if (check_arguments(options, "carrel kv gc --kv-limit BYTES", err) < 0 ||
		find_folder(&folder, err) < 0) {
		return -1;
	}
	interrupt_install();
	status = engine_kv_collect(folder, options->kv_limit_bytes, watch, &work, err);
	free(folder);
	return end_work(options, &work, 0, status);
}

static int kv_verify(const struct options *options, struct err *err)
{
	struct progress progress = {"checked", output_clock_s()};
	struct engine_kv_watch watch = {look, &progress};
	struct engine_kv_work work = {0};
	char *folder;
	int status;

	if (check_arguments(options, "carrel kv verify", err) < 0 ||
		find_folder(&folder, err) < 0) {
		return -1;
	}
	interrupt_install();
	status = engine_kv_verify(folder, watch, &work, err);
	free(folder);
	return end_work(options, &work, 1, status);
}

/* The id of the session that -s names; *id is empty for all of them. */
static int find_owner(const struct options *options, char id[17], struct err *err)
{
	struct store_figures figures;
	int is_in_use = 0;
	char *folder;

	id[0] = 0;
	if (!options->session == !options->all) {
		return err_set(err, ERR_USAGE, NULL, "carrel kv rm --all, or carrel kv rm -s NAME",
			"say whose KV goes");
	}
	if (options->all) {
		return 0;
	}
	if (catalogue_find(options->session, 0, &folder, err) < 0) {
		return -1;
	}
	if (store_figures(&figures, folder, NULL) == 0) {
		is_in_use = figures.is_in_use;
		store_figures_finish(&figures);
	}
	snprintf(id, 17, "%.16s", sessions_id(folder));
	free(folder);
	return is_in_use ? err_set(err, ERR_FAILURE, NULL, "end what uses it first",
				   "session \"%s\" is in use", options->session)
			 : 0;
}

static int kv_rm(const struct options *options, struct err *err)
{
	struct progress progress = {"removed", output_clock_s()};
	struct engine_kv_watch watch = {look, &progress};
	struct engine_kv_work work = {0};
	char *folder, id[17];
	int status;

	if (check_arguments(options, "carrel kv rm --all, or carrel kv rm -s NAME", err) < 0 ||
		find_owner(options, id, err) < 0 || find_folder(&folder, err) < 0) {
		return -1;
	}
	interrupt_install();
	status = engine_kv_remove(folder, id[0] ? id : NULL, watch, &work, err);
	free(folder);
	return end_work(options, &work, 0, status);
}

int command_kv(struct options *options, struct err *err)
{
	static const struct {
		const char *name;
		int (*run)(const struct options *options, struct err *err);
	} table[] = {{"gc", kv_gc}, {"ls", kv_ls}, {"rm", kv_rm}, {"verify", kv_verify}};

	for (size_t i = 0; i < ARRAY_LEN(table) && options->n_argument; i++) {
		if (strcmp(table[i].name, options->argument[0]) == 0) {
			return table[i].run(options, err);
		}
	}
	return err_set(err, ERR_USAGE, NULL, "see `carrel kv --help`",
		"say which of ls, gc, verify and rm");
}
