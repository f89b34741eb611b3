/* carrel sessions verify, repair. */
#include "cli/sessions.h"

#include "base/number.h"
#include "cli/output.h"
#include "session/search.h"

#include <stdio.h>
#include <stdlib.h>

/* What is told of one session. */
struct telling {
	const char *name;
	json_t *list; /* of sentences; NULL: text */
};

static void on_damage(void *arg, const char *sentence)
{
	struct telling *telling = arg;

	if (telling->list) {
		json_array_append_new(telling->list, output_json_string(sentence));
	} else {
		output_line("%s: %s", telling->name, sentence);
	}
}

static json_t *report_json(
	const char *name, const char *id, const struct store_report *report, json_t *damage)
{
	json_t *object = json_object();

	json_object_set_new(object, "session", output_json_string(name));
	json_object_set_new(object, "id", json_string(id));
	json_object_set_new(object, "rows", json_integer(report->n_row));
	json_object_set_new(object, "damaged", json_integer(report->n_damaged));
	json_object_set_new(object, "damage", damage);
	return object;
}

/* ---- verify ---- */

struct verifying {
	json_t *list;
	size_t n_damaged;
};

static void verify_one(struct verifying *verifying, const char *name, const char *folder)
{
	struct telling telling = {name, verifying->list ? json_array() : NULL};
	struct store_report report = {.damage = on_damage, .arg = &telling};
	char rows[NUMBER_SIZE], text[1024];
	struct err err;
	int status = store_verify(folder, &report, &err);

	if (status < 0) {
		report.n_damaged++;
		on_damage(&telling, err_format(&err, text, sizeof(text)));
	}
	verifying->n_damaged += report.n_damaged > 0;
	if (verifying->list) {
		json_array_append_new(verifying->list,
			report_json(name, sessions_id(folder), &report, telling.list));
	} else if (!report.n_damaged) {
		output_line("%s: whole, %s rows", name, number_grouped(rows, report.n_row));
	}
}

static int verify_named(struct verifying *verifying, const struct options *options, struct err *err)
{
	for (size_t i = 1; i < options->n_argument; i++) {
		char *folder;

		if (catalogue_find(options->argument[i], 0, &folder, err) < 0) {
			return -1;
		}
		verify_one(verifying, options->argument[i], folder);
		free(folder);
	}
	return 0;
}

static int verify_all(struct verifying *verifying, struct err *err)
{
	struct catalogue catalogue;

	if (catalogue_read(&catalogue, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < catalogue.n_session; i++) {
		const struct catalogue_session *session = &catalogue.session[i];

		verify_one(verifying,
			session->name && session->name[0] ? session->name : session->id,
			session->folder);
	}
	catalogue_finish(&catalogue);
	return 0;
}

int sessions_verify(struct options *options, struct err *err)
{
	struct verifying verifying = {.list = options->json ? json_array() : NULL};
	int status = options->n_argument > 1 ? verify_named(&verifying, options, err)
					     : verify_all(&verifying, err);

	if (status == 0 && verifying.list) {
		output_json(verifying.list);
	} else {
		json_decref(verifying.list);
	}
	return status < 0 ? -1 : verifying.n_damaged ? ERR_FAILURE : 0;
}

/* ---- repair ---- */

int sessions_repair(struct options *options, struct err *err)
{
	struct telling telling = {NULL, options->json ? json_array() : NULL};
	struct store_report report = {.damage = on_damage, .arg = &telling};
	char *folder, rows[NUMBER_SIZE];
	int status;

	if (sessions_check_arguments(options, 1, 1, "carrel sessions repair NAME", err) < 0 ||
		catalogue_find(options->argument[1], 0, &folder, err) < 0) {
		json_decref(telling.list);
		return -1;
	}
	telling.name = options->argument[1];
	search_forget(folder); /* it may hold what is lost now */
	status = store_repair(folder, &report, err);
	if (status < 0) {
		json_decref(telling.list);
	} else if (telling.list) {
		output_json(report_json(telling.name, sessions_id(folder), &report, telling.list));
	} else {
		output_line("%s: %s rows are whole%s", telling.name,
			number_grouped(rows, report.n_row),
			report.n_damaged ? "; the damaged file is kept beside them until a "
					   "source is dropped"
					 : ", nothing was lost");
	}
	free(folder);
	return status;
}
