#include "session/import.h"

#include "base/mem.h"
#include "session/exchange.h"
#include "session/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHERE_SIZE = 384, ID_MAX = INT32_MAX };

struct reader {
	const char *name; /* of the file */
	struct store_contents *to;
};

static const char *where_of(
	char where[WHERE_SIZE], const struct reader *reader, const char *list, size_t index)
{
	snprintf(where, WHERE_SIZE, "%s: %s[%zu]", reader->name, list, index);
	return where;
}

static int lacks(const char *where, const char *member, struct err *err)
{
	return err_set(err, ERR_FAILURE, where, NULL, "\"%s\" is missing", member);
}

/* Zeroed room for the elements of a list, never NULL but after a failure. */
static void *make_room(
	const json_t *list, size_t item_bytes, const char *what, const char *where, struct err *err)
{
	void *items;

	if (!list) {
		lacks(where, what, err);
		return NULL;
	}
	if (!json_is_array(list)) {
		err_set(err, ERR_FAILURE, where, NULL, "\"%s\" has to be a list", what);
		return NULL;
	}
	items = calloc(json_array_size(list) + 1, item_bytes);
	if (!items) {
		err_set(err, ERR_FAILURE, where, NULL, "there is not enough memory to read it");
	}
	return items;
}

/* ---- settings ---- */

static int is_key(const char *key)
{
	size_t len = strlen(key);

	return len > 0 && len <= 64 &&
	       strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

static int read_settings(struct reader *reader, const json_t *list, struct err *err)
{
	struct store_contents *to = reader->to;
	char where[WHERE_SIZE];

	to->setting = make_room(list, sizeof(*to->setting), "settings", reader->name, err);
	if (!to->setting) {
		return -1;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct store_setting *setting = &to->setting[to->n_setting++];

		where_of(where, reader, "settings", i);
		if (exchange_read(&exchange_setting, json_array_get(list, i), 0, where, setting,
			    err) < 0) {
			return -1;
		}
		if (!is_key(setting->key) || strcmp(setting->key, STORE_DIRECTORY) == 0 ||
			strcmp(setting->key, STORE_PINNED) == 0) {
			return err_set(err, ERR_FAILURE, where, NULL,
				"is no setting that can be taken over");
		}
		if (i && strcmp(setting[-1].key, setting->key) >= 0) {
			return err_set(err, ERR_FAILURE, where, NULL,
				"the settings do not stand in the order of their keys, each once");
		}
	}
	return 0;
}

/* ---- blocks ---- */

static int read_parts(
	struct document *document, const json_t *list, const char *where, struct err *err)
{
	document->part = make_room(list, sizeof(*document->part), "parts", where, err);
	if (!document->part) {
		return -1;
	}
	document->cap_part = json_array_size(list);
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (exchange_read(&exchange_part, json_array_get(list, i), 0, where,
			    &document->part[document->n_part++], err) < 0) {
			return -1;
		}
		if (document->kind == DOCUMENT_CODE && !document->part[i].place.path) {
			return err_set(err, ERR_FAILURE, where, NULL,
				"file %zu of the tree has no path", i + 1);
		}
	}
	return 0;
}

static int read_headings(
	struct document *document, const json_t *list, const char *where, struct err *err)
{
	document->heading = make_room(list, sizeof(*document->heading), "headings", where, err);
	if (!document->heading) {
		return -1;
	}
	document->cap_heading = json_array_size(list);
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (exchange_read(&exchange_heading, json_array_get(list, i), 0, where,
			    &document->heading[document->n_heading++], err) < 0) {
			return -1;
		}
		if (document->heading[i].part >= document->n_part) {
			return err_set(err, ERR_FAILURE, where, NULL,
				"heading %zu leads to a part that is not there", i + 1);
		}
	}
	return 0;
}

static int read_document(
	struct document *document, const json_t *object, const char *where, struct err *err)
{
	if (!object) {
		return lacks(where, "document", err);
	}
	if (exchange_read(&exchange_document, object, 2, where, document, err) < 0 ||
		read_parts(document, json_object_get(object, "parts"), where, err) < 0 ||
		read_headings(document, json_object_get(object, "headings"), where, err) < 0) {
		return -1;
	}
	if (document->kind == DOCUMENT_TEXT && document->n_part > 1) {
		return err_set(err, ERR_FAILURE, where, NULL, "a text has one part");
	}
	return 0;
}

/* A new source has a new block, so its number is no larger. */
static int check_block(const struct store_contents *to, const char *where, struct err *err)
{
	const struct store_block *block = &to->block[to->n_block - 1];

	if (block->id > ID_MAX || (to->n_block > 1 && block[-1].id >= block->id)) {
		return err_set(err, ERR_FAILURE, where, NULL, "the ids do not rise");
	}
	if (block->number > block->id) {
		return err_set(
			err, ERR_FAILURE, where, NULL, "there are not so many sources before it");
	}
	if (block->is_dropped && (block->document.n_part || block->document.n_heading)) {
		return err_set(err, ERR_FAILURE, where, NULL, "was dropped, and has text");
	}
	return 0;
}

static int read_blocks(struct reader *reader, const json_t *list, struct err *err)
{
	struct store_contents *to = reader->to;
	char where[WHERE_SIZE];

	to->block = make_room(list, sizeof(*to->block), "blocks", reader->name, err);
	if (!to->block) {
		return -1;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *object = json_array_get(list, i);
		struct store_block *block = &to->block[to->n_block++];

		where_of(where, reader, "blocks", i);
		if (exchange_read(&exchange_block, object, 1, where, block, err) < 0 ||
			read_document(&block->document, json_object_get(object, "document"), where,
				err) < 0 ||
			check_block(to, where, err) < 0) {
			return -1;
		}
	}
	return 0;
}

/* ---- turns ---- */

static int read_ids(struct store_turn *turn, const json_t *list, const char *where, struct err *err)
{
	turn->ids = make_room(list, sizeof(*turn->ids), "ids", where, err);
	if (!turn->ids) {
		return -1;
	}
	turn->n_ids = json_array_size(list);
	for (size_t i = 0; i < turn->n_ids; i++) {
		const json_t *id = json_array_get(list, i);

		if (!json_is_integer(id) || json_integer_value(id) < 0 ||
			json_integer_value(id) > UINT32_MAX) {
			return err_set(err, ERR_FAILURE, where, NULL, "ids[%zu] is no token id", i);
		}
		turn->ids[i] = (uint32_t)json_integer_value(id);
	}
	return 0;
}

static int read_citations(
	struct store_turn *turn, const json_t *list, const char *where, struct err *err)
{
	turn->citation = make_room(list, sizeof(*turn->citation), "citations", where, err);
	if (!turn->citation) {
		return -1;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct citation *citation = &turn->citation[turn->n_citation++];

		if (exchange_read(&exchange_citation, json_array_get(list, i), 0, where, citation,
			    err) < 0) {
			return -1;
		}
		if (citation->answer_offset > turn->text_len ||
			citation->line_first > citation->line_last ||
			citation->line_last > ID_MAX) {
			return err_set(err, ERR_FAILURE, where, NULL,
				"citation %zu has a place that cannot be", i + 1);
		}
	}
	return 0;
}

static int check_turn(const struct store_contents *to, const char *where, struct err *err)
{
	const struct store_turn *turn = &to->turn[to->n_turn - 1];

	if (turn->id > ID_MAX || (to->n_turn > 1 && turn[-1].id >= turn->id)) {
		return err_set(err, ERR_FAILURE, where, NULL, "the ids do not rise");
	}
	if (turn->parent && (turn->parent >= turn->id || !export_turn(to, turn->parent))) {
		return err_set(err, ERR_FAILURE, where, NULL,
			"continues a turn that does not come before it");
	}
	return 0;
}

static int read_usage(
	struct store_turn *turn, const json_t *object, const char *where, struct err *err)
{
	return !object ? lacks(where, "usage", err)
		       : exchange_read(&exchange_usage, object, 0, where, &turn->usage, err);
}

/* Of more than the window; others have none. */
static int read_coverage(
	struct store_turn *turn, const json_t *object, const char *where, struct err *err)
{
	struct reading_record *reading = &turn->reading;
	const json_t *usage = json_object_get(object, "usage");

	if (!object) {
		return 0;
	}
	if (exchange_read(&exchange_coverage, object, 1, where, reading, err) < 0) {
		return -1;
	}
	if (!usage) {
		return lacks(where, "usage", err);
	}
	if (exchange_read(&exchange_usage, usage, 0, where, &reading->usage, err) < 0) {
		return -1;
	}
	return session_coverage_is_sound(&reading->coverage)
		       ? 0
		       : err_set(err, ERR_FAILURE, where, NULL,
				 "says that more was read than there was");
}

static int read_turns(struct reader *reader, const json_t *list, struct err *err)
{
	struct store_contents *to = reader->to;
	char where[WHERE_SIZE];

	to->turn = make_room(list, sizeof(*to->turn), "turns", reader->name, err);
	if (!to->turn) {
		return -1;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *object = json_array_get(list, i);
		const json_t *coverage = json_object_get(object, "coverage");
		struct store_turn *turn = &to->turn[to->n_turn++];

		where_of(where, reader, "turns", i);
		if (exchange_read(&exchange_turn, object, coverage ? 4 : 3, where, turn, err) < 0 ||
			read_ids(turn, json_object_get(object, "ids"), where, err) < 0 ||
			read_usage(turn, json_object_get(object, "usage"), where, err) < 0 ||
			read_citations(turn, json_object_get(object, "citations"), where, err) <
				0 ||
			read_coverage(turn, coverage, where, err) < 0 ||
			check_turn(to, where, err) < 0) {
			return -1;
		}
	}
	return 0;
}

/* ---- places, and all of it ---- */

static int compare_blocks(const void *a, const void *b)
{
	int64_t id = *(const int64_t *)a, other = ((const struct store_block *)b)->id;

	return id < other ? -1 : id > other;
}

static int read_places(struct reader *reader, const json_t *list, struct err *err)
{
	struct store_contents *to = reader->to;
	char where[WHERE_SIZE];

	to->place = make_room(list, sizeof(*to->place), "places", reader->name, err);
	if (!to->place) {
		return -1;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct store_place *place = &to->place[to->n_place++];
		const struct store_block *block;

		where_of(where, reader, "places", i);
		if (exchange_read(&exchange_place, json_array_get(list, i), 0, where, place, err) <
			0) {
			return -1;
		}
		block = to->n_block ? bsearch(&place->block, to->block, to->n_block,
					      sizeof(*to->block), compare_blocks)
				    : NULL;
		if (!block || block->is_dropped ||
			(place->turn > 0 && !export_turn(to, place->turn))) {
			return err_set(err, ERR_FAILURE, where, NULL,
				"is of a block or a turn that is not there");
		}
	}
	return 0;
}

/* Whose text it is, before anything is said about its members. */
static int check_format(const json_t *root, const char *name, struct err *err)
{
	const char *format = json_string_value(json_object_get(root, "format"));
	const json_t *version = json_object_get(root, "version");

	if (!format || strcmp(format, EXCHANGE_FORMAT) != 0) {
		return err_set(err, ERR_FAILURE, name,
			"`carrel sessions export NAME --format json` writes one",
			"is not an exported session");
	}
	if (json_is_integer(version) && json_integer_value(version) > EXCHANGE_VERSION) {
		return err_set(err, ERR_FAILURE, name, "install a newer carrel",
			"was exported by a newer carrel (version %lld of the format)",
			(long long)json_integer_value(version));
	}
	return 0;
}

/* So that it is known tomorrow, too, which turns nobody here heard. */
static void mark_turns(struct store_contents *to)
{
	int64_t last = to->n_turn ? to->turn[to->n_turn - 1].id : 0, before;
	size_t at = 0;

	while (at < to->n_setting && strcmp(to->setting[at].key, STORE_IMPORTED) < 0) {
		at++;
	}
	if (at == to->n_setting || strcmp(to->setting[at].key, STORE_IMPORTED) != 0) {
		to->setting = mem_resize(to->setting, to->n_setting + 1, sizeof(*to->setting));
		memmove(&to->setting[at + 1], &to->setting[at],
			(to->n_setting++ - at) * sizeof(*to->setting));
		to->setting[at] = (struct store_setting){.key = mem_strdup(STORE_IMPORTED)};
	}
	before = to->setting[at].value ? strtoll(to->setting[at].value, NULL, 10) : 0;
	free(to->setting[at].value);
	to->setting[at].value = mem_printf("%lld", (long long)(before > last ? before : last));
}

static int read_all(struct reader *reader, const json_t *root, struct err *err)
{
	struct store_contents *to = reader->to;
	struct exchange_session whole = {0};
	int status = check_format(root, reader->name, err);

	if (status == 0) {
		status = exchange_read(&exchange_session, root, 4, reader->name, &whole, err);
	}
	to->draft = whole.draft;
	to->made_s = whole.made_s;
	to->used_s = whole.used_s;
	to->head = whole.head;
	free(whole.format);
	free(whole.id);
	if (status < 0 || read_settings(reader, json_object_get(root, "settings"), err) < 0 ||
		read_blocks(reader, json_object_get(root, "blocks"), err) < 0 ||
		read_turns(reader, json_object_get(root, "turns"), err) < 0 ||
		read_places(reader, json_object_get(root, "places"), err) < 0) {
		return -1;
	}
	if (to->head && !export_turn(to, to->head)) {
		return err_set(err, ERR_FAILURE, reader->name, NULL,
			"the conversation is said to end with a turn that is not there");
	}
	mark_turns(to);
	return 0;
}

int import_read(
	struct store_contents *out, const char *text, size_t len, const char *name, struct err *err)
{
	struct reader reader = {name, out};
	json_error_t error;
	json_t *root;
	int status;

	*out = (struct store_contents){0};
	root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	if (!root) {
		return err_set(err, ERR_FAILURE, name,
			"`carrel sessions export NAME --format json` writes one",
			"is not an exported session: line %d, %s", error.line, error.text);
	}
	status = read_all(&reader, root, err);
	json_decref(root);
	if (status < 0) {
		store_contents_finish(out);
	}
	return status;
}
