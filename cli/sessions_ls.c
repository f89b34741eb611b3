/* carrel sessions ls: every session that is there, whatever state it is in. */
#include "cli/sessions.h"

#include "base/mem.h"
#include "base/number.h"
#include "cli/output.h"
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct listed {
	const struct catalogue_session *session;
	struct store_figures figures;
	struct err err; /* with a code: it could not be read */
	int64_t kv_bytes;
};

static const char *name_of(const struct listed *listed)
{
	const char *name = listed->figures.name && listed->figures.name[0] ? listed->figures.name
									   : listed->session->name;

	return name && name[0] ? name : listed->session->id;
}

/* The one that was used last first; those that cannot be read last. */
static int compare(const void *a, const void *b)
{
	const struct listed *one = a, *other = b;
	int64_t used = one->figures.used_s, other_used = other->figures.used_s;

	return used != other_used ? (used > other_used ? -1 : 1)
				  : strcmp(name_of(one), name_of(other));
}

static json_t *count_or_null(int64_t count)
{
	return count < 0 ? json_null() : json_integer(count);
}

static json_t *listed_json(const struct listed *listed)
{
	const struct store_figures *figures = &listed->figures;
	json_t *object;

	if (listed->err.code) {
		object = output_json_error(&listed->err);
		json_object_set_new(object, "id", output_json_string(listed->session->id));
		json_object_set_new(object, "name", output_json_string(listed->session->name));
		return object;
	}
	object = json_object();
	json_object_set_new(object, "id", output_json_string(listed->session->id));
	json_object_set_new(object, "name", output_json_string(figures->name));
	json_object_set_new(object, "directory", output_json_string(figures->directory));
	json_object_set_new(object, "made", json_integer(figures->made_s));
	json_object_set_new(object, "used", json_integer(figures->used_s));
	json_object_set_new(object, "turns", json_integer(figures->n_turn));
	json_object_set_new(object, "sources", json_integer(figures->n_source));
	json_object_set_new(object, "tokens", count_or_null(figures->source_tok));
	json_object_set_new(object, "bytes", json_integer(figures->n_bytes));
	json_object_set_new(object, "kv_bytes", json_integer(listed->kv_bytes));
	json_object_set_new(object, "pinned", json_boolean(figures->is_pinned));
	json_object_set_new(object, "in_use", json_boolean(figures->is_in_use));
	return object;
}

static void print_listed(const struct listed *listed)
{
	const struct store_figures *figures = &listed->figures;
	char age[SESSIONS_AGE_SIZE], tokens[NUMBER_SIZE], bytes[NUMBER_SIZE], text[1024];

	if (listed->err.code) {
		output_line(
			"%-24s %s", name_of(listed), err_format(&listed->err, text, sizeof(text)));
		return;
	}
	output_line("%-24s %8s %6lld %8lld %12s %10s%s%s", name_of(listed),
		sessions_age(age, figures->used_s), (long long)figures->n_turn,
		(long long)figures->n_source,
		figures->source_tok < 0 ? "-" : number_grouped(tokens, figures->source_tok),
		number_bytes(bytes, listed->kv_bytes), figures->is_pinned ? "  pinned" : "",
		figures->is_in_use ? "  in use" : "");
}

static void count_kv(struct listed *list, size_t n)
{
	char *folder = sessions_kv_folder();
	const char **id = mem_zero(n + 1, sizeof(*id));
	int64_t *n_bytes = mem_zero(n + 1, sizeof(*n_bytes));

	for (size_t i = 0; i < n; i++) {
		id[i] = list[i].session->id;
	}
	if (folder) {
		engine_kv_list_owned(folder, id, n, n_bytes);
	}
	for (size_t i = 0; i < n; i++) {
		list[i].kv_bytes = n_bytes[i];
	}
	free(n_bytes);
	free(id);
	free(folder);
}

static struct listed *read_all(const struct catalogue *catalogue)
{
	struct listed *list = mem_zero(catalogue->n_session + 1, sizeof(*list));

	for (size_t i = 0; i < catalogue->n_session; i++) {
		struct listed *listed = &list[i];

		listed->session = &catalogue->session[i];
		if (store_figures(&listed->figures, listed->session->folder, &listed->err) < 0) {
			listed->figures = (struct store_figures){0};
			continue;
		}
		listed->err.code = ERR_NONE;
	}
	count_kv(list, catalogue->n_session);
	qsort(list, catalogue->n_session, sizeof(*list), compare);
	return list;
}

int sessions_ls(struct options *options, struct err *err)
{
	json_t *array = options->json ? json_array() : NULL;
	struct catalogue catalogue;
	struct listed *list;

	if (sessions_check_arguments(
		    options, 0, 0, "carrel sessions show NAME describes one", err) < 0 ||
		catalogue_read(&catalogue, err) < 0) {
		json_decref(array);
		return -1;
	}
	list = read_all(&catalogue);
	if (!array && catalogue.n_session && isatty(STDOUT_FILENO)) {
		output_line("%-24s %8s %6s %8s %12s %10s", "NAME", "USED", "TURNS", "SOURCES",
			"TOKENS", "KV");
	}
	for (size_t i = 0; i < catalogue.n_session; i++) {
		if (array) {
			json_array_append_new(array, listed_json(&list[i]));
		} else {
			print_listed(&list[i]);
		}
		store_figures_finish(&list[i].figures);
	}
	if (array) {
		output_json(array);
	}
	free(list);
	catalogue_finish(&catalogue);
	return 0;
}
