/* What the forms of an export share; and JSON. */
#include "session/export.h"

#include "base/mem.h"
#include "session/exchange.h"
#include "session/pack.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- figures and places ---- */

void export_citation_place(struct buf *out, const struct citation *citation)
{
	if (!citation->source) {
		return;
	}
	buf_printf(out, "%s %s", citation->source, citation->path ? citation->path : "");
	if (citation->page > 0) {
		buf_printf(out, " p.%lld", (long long)citation->page);
		if (citation->label) {
			buf_printf(out, " (%s)", citation->label);
		}
		return;
	}
	if (citation->line_first > 0) {
		buf_printf(out, ":%lld", (long long)citation->line_first);
		if (citation->line_last > citation->line_first) {
			buf_printf(out, "-%lld", (long long)citation->line_last);
		}
		return;
	}
	if (citation->time_ms >= 0) {
		buf_addch(out, ' ');
		pack_time(out, citation->time_ms);
	}
	if (citation->label) {
		buf_printf(out, " %s", citation->label);
	}
	if (citation->speaker) {
		buf_printf(out, " (%s)", citation->speaker);
	}
}

const char *export_verdict(const struct citation *citation)
{
	if (citation->verdict == VERDICT_NOT_FOUND) {
		return "quote not found";
	}
	if (citation->superseded) {
		return citation->verdict == VERDICT_VERIFIED ? "verified, superseded"
		       : citation->verdict == VERDICT_MOVED  ? "moved, superseded"
							     : "ambiguous, superseded";
	}
	return verdict_name(citation->verdict);
}

const char *export_time(char out[EXPORT_TIME_SIZE], int64_t time_s)
{
	time_t when = (time_t)time_s;
	struct tm local;

	if (time_s <= 0 || !localtime_r(&when, &local) ||
		!strftime(out, EXPORT_TIME_SIZE, "%Y-%m-%d %H:%M", &local)) {
		memcpy(out, "-", 2);
	}
	return out;
}

static int compare_turns(const void *a, const void *b)
{
	int64_t id = *(const int64_t *)a, other = ((const struct store_turn *)b)->id;

	return id < other ? -1 : id > other;
}

const struct store_turn *export_turn(const struct store_contents *contents, int64_t id)
{
	return contents->n_turn ? bsearch(&id, contents->turn, contents->n_turn,
					  sizeof(*contents->turn), compare_turns)
				: NULL;
}

int64_t *export_path(const struct store_contents *contents, int64_t turn, size_t *count)
{
	int64_t *path = mem_zero(contents->n_turn + 1, sizeof(*path));
	const struct store_turn *at = export_turn(contents, turn);
	size_t n = 0;

	while (at && n < contents->n_turn) {
		path[n++] = at->id;
		at = export_turn(contents, at->parent);
	}
	for (size_t i = 0; i < n / 2; i++) {
		int64_t id = path[i];

		path[i] = path[n - 1 - i];
		path[n - 1 - i] = id;
	}
	*count = n;
	return path;
}

/* ---- JSON ---- */

struct json_out {
	FILE *out;
	size_t flags;
};

static void put(const struct json_out *json, json_t *value)
{
	json_dumpf(value, json->out, json->flags);
	json_decref(value);
}

/* The first members; the object is not closed. */
static void put_whole(const struct json_out *json, const struct export_session *session)
{
	const struct store_contents *contents = session->contents;
	struct exchange_session whole = {
		.format = (char *)EXCHANGE_FORMAT,
		.version = EXCHANGE_VERSION,
		.id = (char *)session->id,
		.made_s = contents->made_s,
		.used_s = contents->used_s,
		.head = contents->head,
		.draft = contents->draft,
	};
	json_t *object = exchange_write(&exchange_session, &whole);
	char *text = json_dumps(object, json->flags);

	if (text) {
		fwrite(text, 1, strlen(text) - 1, json->out);
	}
	free(text);
	json_decref(object);
}

/* One element of a list, on a line of its own. */
static void put_item(const struct json_out *json, size_t index, json_t *item)
{
	fputs(index ? ",\n" : "\n", json->out);
	put(json, item);
}

/* What says where the session lives and not what it is. */
static int is_local(const char *key)
{
	return strcmp(key, STORE_DIRECTORY) == 0 || strcmp(key, STORE_PINNED) == 0;
}

static void put_settings(const struct json_out *json, const struct store_contents *contents)
{
	size_t count = 0;

	fputs(",\n\"settings\": [", json->out);
	for (size_t i = 0; i < contents->n_setting; i++) {
		if (!is_local(contents->setting[i].key)) {
			put_item(json, count++,
				exchange_write(&exchange_setting, &contents->setting[i]));
		}
	}
	fputs("]", json->out);
}

static json_t *document_json(const struct document *document)
{
	json_t *object = exchange_write(&exchange_document, document);
	json_t *parts = json_array(), *headings = json_array();

	for (size_t i = 0; i < document->n_part; i++) {
		json_array_append_new(parts, exchange_write(&exchange_part, &document->part[i]));
	}
	for (size_t i = 0; i < document->n_heading; i++) {
		json_array_append_new(
			headings, exchange_write(&exchange_heading, &document->heading[i]));
	}
	json_object_set_new(object, "parts", parts);
	json_object_set_new(object, "headings", headings);
	return object;
}

static json_t *block_json(const struct store_block *block)
{
	json_t *object = exchange_write(&exchange_block, block);

	json_object_set_new(object, "document", document_json(&block->document));
	return object;
}

static json_t *coverage_json(const struct reading_record *reading)
{
	json_t *object = exchange_write(&exchange_coverage, reading);

	json_object_set_new(object, "usage", exchange_write(&exchange_usage, &reading->usage));
	return object;
}

static json_t *turn_json(const struct store_turn *turn)
{
	json_t *object = exchange_write(&exchange_turn, turn);
	json_t *ids = json_array(), *citations = json_array();

	for (size_t i = 0; i < turn->n_ids; i++) {
		json_array_append_new(ids, json_integer(turn->ids[i]));
	}
	for (size_t i = 0; i < turn->n_citation; i++) {
		json_array_append_new(
			citations, exchange_write(&exchange_citation, &turn->citation[i]));
	}
	json_object_set_new(object, "ids", ids);
	json_object_set_new(object, "usage", exchange_write(&exchange_usage, &turn->usage));
	json_object_set_new(object, "citations", citations);
	if (session_coverage_is_partial(&turn->reading.coverage)) {
		json_object_set_new(object, "coverage", coverage_json(&turn->reading));
	}
	return object;
}

void export_json(FILE *out, const struct export_session *session)
{
	const struct store_contents *contents = session->contents;
	struct json_out json = {
		out, JSON_COMPACT | JSON_ENCODE_ANY | (session->is_ascii ? JSON_ENSURE_ASCII : 0)};

	put_whole(&json, session);
	put_settings(&json, contents);
	fputs(",\n\"blocks\": [", out);
	for (size_t i = 0; i < contents->n_block; i++) {
		put_item(&json, i, block_json(&contents->block[i]));
	}
	fputs("],\n\"turns\": [", out);
	for (size_t i = 0; i < contents->n_turn; i++) {
		put_item(&json, i, turn_json(&contents->turn[i]));
	}
	fputs("],\n\"places\": [", out);
	for (size_t i = 0; i < contents->n_place; i++) {
		put_item(&json, i, exchange_write(&exchange_place, &contents->place[i]));
	}
	fputs("]}\n", out);
}
