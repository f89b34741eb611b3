/* Which text the reader shows: of a source, as it was loaded, an update, or what they make together. */
#include "tui/view_reader.h"

#include "base/mem.h"
#include "session/cite_parse.h"

#include <stdlib.h>
#include <string.h>

/* ---- the newest text ---- */

static const struct document *text_of(const struct desk_source *source, size_t index)
{
	return desk_text_document(source->text[index]);
}

struct path_entry {
	const char *path;
	size_t text, part;
};

/* By path, the newest text first. */
static int compare_paths(const void *a, const void *b)
{
	const struct path_entry *left = a, *right = b;
	int order = strcmp(left->path, right->path);

	return order ? order : (left->text < right->text) - (left->text > right->text);
}

static int compare_places(const void *a, const void *b)
{
	const struct path_entry *left = a, *right = b;

	if (left->text != right->text) {
		return left->text < right->text ? -1 : 1;
	}
	return left->part < right->part ? -1 : left->part > right->part;
}

/* All files of all texts. */
static struct path_entry *list_files(const struct desk_source *source, size_t *count)
{
	struct path_entry *entry = NULL;
	size_t cap = 0;

	*count = 0;
	for (size_t i = 0; i < source->n_text; i++) {
		for (size_t k = 0; k < text_of(source, i)->n_part; k++) {
			const char *path = text_of(source, i)->part[k].place.path;

			mem_grow(entry, *count, cap);
			entry[(*count)++] = (struct path_entry){path ? path : "", i, k};
		}
	}
	return entry;
}

/*
 * A file of an update goes where the first of that name stands, so that files stay in the order in
 * which they were loaded; one without a line is gone.
 */
static struct document merge_tree(const struct desk_source *source)
{
	struct document document = *text_of(source, 0);
	size_t count, n = 0;
	struct path_entry *entry = list_files(source, &count), *kept;

	document.part = mem_alloc((count + 1) * sizeof(*document.part));
	document.heading = NULL; /* their parts are others now */
	document.n_heading = 0;
	kept = mem_alloc((count + 1) * sizeof(*kept));
	qsort(entry, count, sizeof(*entry), compare_paths);
	for (size_t i = 0, next; i < count; i = next) {
		for (next = i + 1; next < count && strcmp(entry[next].path, entry[i].path) == 0;
			next++) {
		}
		if (entry[i].text == 0 || text_of(source, entry[i].text)->part[entry[i].part].len) {
			kept[n] = entry[next - 1]; /* the oldest says where it stands */
			kept[n++].path =
				(const char *)&text_of(source, entry[i].text)->part[entry[i].part];
		}
	}
	qsort(kept, n, sizeof(*kept), compare_places);
	for (size_t i = 0; i < n; i++) {
		document.part[i] = *(const struct part *)(const void *)kept[i].path;
	}
	document.n_part = n;
	free(entry);
	free(kept);
	return document;
}

/* The same parts, borrowed. */
static struct document borrow(const struct document *from)
{
	struct document document = *from;

	document.part = mem_alloc((from->n_part + 1) * sizeof(*document.part));
	if (from->n_part) {
		memcpy(document.part, from->part, from->n_part * sizeof(*document.part));
	}
	return document;
}

struct document reader_newest(const struct desk_source *source)
{
	if (source->n_text > 1 && text_of(source, 0)->kind == DOCUMENT_CODE) {
		return merge_tree(source);
	}
	return borrow(text_of(source, source->n_text - 1));
}

/* ---- opening ---- */

const struct desk_source *reader_source(const struct reader *reader)
{
	const struct desk_state *state = reader->view.app->state;

	for (size_t i = 0; i < state->n_source; i++) {
		if (state->source[i].number == reader->number) {
			return &state->source[i];
		}
	}
	return NULL;
}

void reader_close_text(struct reader *reader)
{
	reader_outline_close(reader);
	text_search_finish(&reader->search);
	document_rows_finish(&reader->rows);
	document_lines_finish(&reader->lines);
	free(reader->document.part);
	reader->document = (struct document){0};
	for (int i = 0; i < reader->n_text; i++) {
		desk_text_unref(reader->text[i]);
	}
	free(reader->text);
	free(reader->session);
	free(reader->name);
	reader->text = NULL;
	reader->session = reader->name = NULL;
	reader->number = 0;
	reader->n_text = 0;
	reader->quote = DOCUMENT_QUOTE_NOWHERE;
	reader->brings_quote = 0;
	reader->top = reader->search_from = (struct document_row){0};
	reader->is_incremental = 0;
}

void reader_set_version(struct reader *reader, const struct desk_source *source, int version)
{
	struct app *app = reader->view.app;

	reader_close_text(reader);
	reader->session = mem_strdup(app->state->session_id);
	reader->number = source->number;
	reader->name = mem_strdup(source->path);
	reader->n_text = (int)source->n_text;
	reader->text = mem_alloc((source->n_text + 1) * sizeof(*reader->text));
	for (size_t i = 0; i < source->n_text; i++) {
		reader->text[i] = desk_text_ref(source->text[i]);
	}
	reader->version =
		source->n_text > 1 && version < (int)source->n_text ? version : READER_NEWEST;
	reader->is_dropped = reader->is_older = 0;
	reader->document = reader->version == READER_NEWEST
				   ? reader_newest(source)
				   : borrow(text_of(source, (size_t)reader->version));
	document_lines_init(&reader->lines, &reader->document);
	document_rows_init(&reader->rows, &reader->lines);
	document_rows_set(&reader->rows, reader->columns, reader->wraps, reader->is_raw);
	reader->shift = 0;
	if (reader->document.n_part) {
		reader->top = document_rows_first(&reader->rows);
	}
	app_touch(app);
}

void reader_open(struct app *app, int64_t number, int version, struct text_place place)
{
	const struct desk_source *source = NULL;
	struct reader *reader;

	view_open(app, &view_reader, NULL);
	reader = reader_find(app);
	for (size_t i = 0; i < app->state->n_source; i++) {
		if (app->state->source[i].number == number) {
			source = &app->state->source[i];
		}
	}
	if (!reader || !source || source->n_text == 0) {
		return;
	}
	free(reader->wanted);
	reader->wanted = NULL;
	reader_set_version(reader, source, version);
	if (place.part < reader->document.n_part) {
		reader->top = document_rows_at(&reader->rows, place);
		if (place.at == 0 && reader->rows.has_heads) {
			reader->top = document_rows_go(&reader->rows, reader->top, -1);
		}
	}
}

static void go_to_wanted(struct reader *reader, const char *words)
{
	struct text_place place;
	struct err err;

	if (!words[0] || !reader_has_text(reader)) {
		return;
	}
	if (document_find_place(&reader->lines, reader_here(reader), words, &place, &err) < 0) {
		app_complain(reader->view.app, &err);
		return;
	}
	reader->top = document_rows_at(&reader->rows, place);
}

void reader_open_wanted(struct reader *reader)
{
	const struct desk_state *state = reader->view.app->state;
	char *wanted = reader->wanted;
	size_t len = wanted ? strlen(wanted) : 0, end = 0;
	const struct desk_source *source;

	if (!wanted || state->n_source == 0) {
		return;
	}
	if (!parse_source_number(wanted, len, 0, &reader->number, &end)) {
		reader->number = state->source[0].number;
	}
	source = reader_source(reader);
	reader->number = 0;
	if (source && source->n_text) {
		reader->wanted = NULL;
		reader_set_version(reader, source, READER_NEWEST);
		go_to_wanted(reader, wanted + end + strspn(wanted + end, " "));
		free(wanted);
	}
}
