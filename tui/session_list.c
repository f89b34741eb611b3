#include "tui/session_list.h"

#include "base/mem.h"
#include "engine/engine.h"
#include "session/catalogue.h"
#include "session/copy.h"
#include "session/pack.h"
#include "session/search.h"
#include "session/store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the list ---- */

const char *session_row_name(const struct session_row *row)
{
	return row->name[0] ? row->name : row->id;
}

static int compare(const void *a, const void *b)
{
	const struct session_row *one = a, *other = b;

	if (!one->trouble != !other->trouble) {
		return one->trouble ? 1 : -1;
	}
	return one->used_s != other->used_s
		       ? (one->used_s > other->used_s ? -1 : 1)
		       : strcmp(session_row_name(one), session_row_name(other));
}

static void read_row(struct session_row *row, const struct catalogue_session *session)
{
	struct store_figures figures;
	struct err err;

	*row = (struct session_row){.id = mem_strdup(session->id),
		.folder = mem_strdup(session->folder),
		.source_tok = -1};
	if (store_figures(&figures, session->folder, &err) < 0) {
		char text[512];

		row->name = mem_strdup(session->name);
		row->trouble = mem_strdup(err_format(&err, text, sizeof(text)));
		return;
	}
	row->name = mem_strdup(figures.name && figures.name[0] ? figures.name : session->name);
	row->directory = mem_strdup(figures.directory ? figures.directory : "");
	row->used_s = figures.used_s;
	row->n_turn = figures.n_turn;
	row->n_source = figures.n_source;
	row->source_tok = figures.source_tok;
	row->n_bytes = figures.n_bytes;
	row->is_pinned = figures.is_pinned;
	row->is_in_use = figures.is_in_use;
	store_figures_finish(&figures);
}

static void read_kv(struct session_list *list, const char *kv_folder)
{
	const char **id = mem_zero(list->n_row + 1, sizeof(*id));
	int64_t *n_bytes = mem_zero(list->n_row + 1, sizeof(*n_bytes));

	for (size_t i = 0; i < list->n_row; i++) {
		id[i] = list->row[i].id;
	}
	engine_kv_list_owned(kv_folder, id, list->n_row, n_bytes);
	for (size_t i = 0; i < list->n_row; i++) {
		list->row[i].kv_bytes = n_bytes[i] > 0 ? n_bytes[i] : 0;
	}
	free(n_bytes);
	free(id);
}

int session_list_read(
	struct session_list *list, const char *kv_folder, struct errand *errand, struct err *err)
{
	struct catalogue catalogue;

	if (catalogue_read(&catalogue, err) < 0) {
		return -1;
	}
	list->row = mem_zero(catalogue.n_session + 1, sizeof(*list->row));
	for (size_t i = 0; i < catalogue.n_session && !errand_is_stopped(errand); i++) {
		read_row(&list->row[list->n_row++], &catalogue.session[i]);
	}
	catalogue_finish(&catalogue);
	if (kv_folder && !errand_is_stopped(errand)) {
		read_kv(list, kv_folder);
	}
	qsort(list->row, list->n_row, sizeof(*list->row), compare);
	return 0;
}

void session_list_finish(struct session_list *list)
{
	for (size_t i = 0; i < list->n_row; i++) {
		free(list->row[i].id);
		free(list->row[i].name);
		free(list->row[i].folder);
		free(list->row[i].directory);
		free(list->row[i].trouble);
	}
	free(list->row);
	*list = (struct session_list){0};
}

void session_row_age(struct buf *out, int64_t time_s, int64_t now_s)
{
	static const struct {
		int64_t seconds;
		const char *unit;
	} unit[] = {{86400, "days"}, {3600, "h"}, {60, "min"}};
	int64_t age_s = now_s - time_s;

	if (time_s <= 0) {
		buf_addstr(out, "unknown");
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(unit); i++) {
		if (age_s >= 2 * unit[i].seconds || (i > 0 && age_s >= unit[i].seconds)) {
			buf_printf(
				out, "%lld %s", (long long)(age_s / unit[i].seconds), unit[i].unit);
			return;
		}
	}
	buf_addstr(out, "now");
}

/* ---- search ---- */

/* The line of the passage in which the first of the words stands. */
static char *line_of(const struct search_hit *hit)
{
	size_t at = hit->n_mark ? hit->mark[0].at : 0, end = at;

	while (at > 0 && hit->text[at - 1] != '\n') {
		at--;
	}
	while (end < hit->text_len && hit->text[end] != '\n') {
		end++;
	}
	while (at < end && (hit->text[at] == ' ' || hit->text[at] == '\t')) {
		at++;
	}
	return mem_strndup(hit->text + at, end - at);
}

static void place_in_source(struct session_hit *out, const struct store_contents *contents,
	const struct search_hit *hit)
{
	const struct store_block *block = &contents->block[hit->block];
	const struct document *document = &block->document;
	const struct part_place *place = &document->part[hit->part].place;
	const char *root = document->origin ? document->origin : document->name;
	/* Of a folder's file what tells it from the others; the source says which folder it is. */
	char *path = place->path ? mem_strdup(place->path)
				 : document_part_path(document, root, hit->part);
	struct buf at = BUF_INIT;

	out->source = block->number;
	if (place->page > 0) {
		buf_printf(&at, "p%lld", (long long)place->page);
		out->place = mem_printf(
			"S%lld %s p.%lld", (long long)block->number, path, (long long)place->page);
	} else if (document->kind == DOCUMENT_TRANSCRIPT && place->time_ms >= 0) {
		pack_time(&at, place->time_ms);
		out->place =
			mem_printf("S%lld %s %s", (long long)block->number, path, buf_str(&at));
	} else {
		buf_printf(&at, "%s%s%lld", place->path ? place->path : "", place->path ? ":" : "L",
			(long long)hit->line);
		out->place = mem_printf(
			"S%lld %s:%lld", (long long)block->number, path, (long long)hit->line);
	}
	out->at = buf_take(&at);
	free(path);
}

static void add_hit(struct session_hits *hits, const struct catalogue_session *session,
	const struct store_contents *contents, const struct search_hit *hit)
{
	const char *name = store_setting(contents, STORE_NAME);
	struct session_hit *out;

	mem_grow(hits->hit, hits->n_hit, hits->cap_hit);
	out = &hits->hit[hits->n_hit++];
	*out = (struct session_hit){.id = mem_strdup(session->id),
		.name = mem_strdup(name && name[0] ? name : session->id),
		.turn = hit->turn,
		.text = line_of(hit)};
	if (hit->turn) {
		out->place = mem_printf(
			"#%lld %s", (long long)hit->turn, hit->is_answer ? "answer" : "question");
	} else {
		place_in_source(out, contents, hit);
	}
}

static int search_one(struct session_hits *hits, struct search *search,
	const struct catalogue_session *session, struct err *err)
{
	struct store_contents contents;
	struct search_result result;
	struct store *store;
	int status;

	if (store_open(&store, session->folder, STORE_READ, err) < 0) {
		return -1;
	}
	status = store_read(store, &contents, err);
	store_close(store);
	if (status < 0) {
		return -1;
	}
	status =
		search_session(search, &contents, session->folder, SESSION_HITS_EACH, &result, err);
	if (status == 0) {
		for (size_t i = 0; i < result.n_hit; i++) {
			add_hit(hits, session, &contents, &result.hit[i]);
		}
		hits->n_found += result.n_found;
		search_forget_dropped(session->folder, &contents);
		search_result_finish(&result);
	}
	store_contents_finish(&contents);
	return status;
}

/* One that cannot be read hides no other. */
int session_hits_search(struct session_hits *hits, const char *words, const char *session,
	struct errand *errand, struct err *err)
{
	struct catalogue catalogue;
	struct search *search;
	struct err own;
	int status = 0;

	if (search_create(&search, words, err) < 0) {
		return -1;
	}
	if (catalogue_read(&catalogue, err) < 0) {
		search_destroy(search);
		return -1;
	}
	for (size_t i = 0; i < catalogue.n_session && !errand_is_stopped(errand); i++) {
		const struct catalogue_session *one = &catalogue.session[i];

		if (!session) {
			hits->n_unread += search_one(hits, search, one, &own) < 0;
		} else if (strcmp(one->id, session) == 0) {
			status = search_one(hits, search, one, err);
		}
	}
	catalogue_finish(&catalogue);
	search_destroy(search);
	return status;
}

void session_hits_finish(struct session_hits *hits)
{
	for (size_t i = 0; i < hits->n_hit; i++) {
		free(hits->hit[i].id);
		free(hits->hit[i].name);
		free(hits->hit[i].place);
		free(hits->hit[i].at);
		free(hits->hit[i].text);
	}
	free(hits->hit);
	*hits = (struct session_hits){0};
}

/* ---- copies ---- */

static int make_copy(const char *id, const struct store_contents *contents, const char *name,
	const char *kv_folder, struct err *err)
{
	char *directory = getcwd(NULL, 0);
	struct store *store;
	int status = copy_create(&store, contents, name, directory, err);

	free(directory);
	if (status < 0) {
		return -1;
	}
	/* KV that cannot be shared costs time, and is no reason to have no copy. */
	if (kv_folder) {
		engine_kv_share(kv_folder, id, store_id(store), 0, NULL);
	}
	store_close(store);
	return 0;
}

int session_copy(const char *folder, const char *name, const char *kv_folder, struct err *err)
{
	struct store_contents contents;
	struct store *store;
	char *id;
	int status;

	if (catalogue_check_name(name, err) < 0 ||
		store_open(&store, folder, STORE_READ, err) < 0) {
		return -1;
	}
	id = mem_strdup(store_id(store));
	status = store_read(store, &contents, err);
	store_close(store);
	if (status == 0) {
		status = copy_cut(&contents, 0, err);
		if (status == 0) {
			status = make_copy(id, &contents, name, kv_folder, err);
		}
		store_contents_finish(&contents);
	}
	free(id);
	return status;
}
