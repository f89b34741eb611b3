/* What a load would add to a session, and whether it fits. */
#include "session/newest.h"
#include "session/once.h"
#include "session/origin.h"
#include "session/reload.h"
#include "session/room.h"

#include "base/mem.h"
#include "base/number.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

int reload_read(struct room *room, const char *const *path, size_t n_path, struct err *err)
{
	struct load_sink into = room_sink(room), sink;
	struct once once = {.to = &into};
	int status;

	sink = once_sink(&once);
	status = load_each(path, n_path, room->options, &sink, err);
	once_finish(&once);
	status = room_end(room, status, err);
	if (status < 0) {
		load_result_finish(room->kept);
	}
	return status;
}

int reload_take_skipped(
	struct session *session, struct load_result *loaded, int partial, struct err *err)
{
	const struct skipped *unreadable = NULL;
	char *text;

	for (size_t i = 0; i < loaded->n_skipped; i++) {
		const struct skipped *skipped = &loaded->skipped[i];

		session_skip(session, skipped->path, skipped->reason, skipped->is_unreadable);
	}
	for (size_t i = 0; i < loaded->n_skipped && !partial; i++) {
		const struct skipped *own = &session->skipped[session->n_skipped - 1 - i];

		unreadable = own->is_unreadable && !unreadable ? own : unreadable;
	}
	loaded->n_skipped = 0;
	if (!unreadable) {
		return 0;
	}
	text = session_unreadable_text(unreadable);
	err_set(err, ERR_INPUTS, unreadable->path, NULL, "%s", text);
	free(text);
	return -1;
}

/* ---- the window ---- */

void session_set_window(struct session *session, const struct session_window *window)
{
	session->window = window ? *window : (struct session_window){0};
}

static int over_window(const struct session_window *window, int64_t total_tok, struct err *err)
{
	char all[NUMBER_SIZE], holds[NUMBER_SIZE];

	return err_set(err, ERR_CONTEXT, NULL,
		window->is_whole ? "load less: this is the model's own window"
				 : "load less, or give a larger --context",
		"%s %s tokens, and the context window holds %s, the answer included",
		window->used_tok < 0 ? "the sources and the instructions are"
				     : "with what is there already it would be",
		number_grouped(all, total_tok), number_grouped(holds, window->window_tok));
}

/* Of what becomes updates only the changes count, which are known after it was read. */
int reload_check_added(const struct session_change *change, struct err *err)
{
	const struct session_window *window = &change->session->window;
	struct tokens *tokens;
	int64_t total_tok = window->used_tok;

	if (!window->window_tok || !change->n_added ||
		tokens_open(&tokens, window->model, NULL) < 0) {
		return 0;
	}
	if (total_tok < 0) {
		struct prompt front = {0};

		session_front(change->session, &front);
		total_tok = room_count(tokens, &front, 1);
		prompt_finish(&front);
	}
	for (size_t i = 0; i < change->n_added; i++) {
		total_tok +=
			room_count(tokens, block_packed(change->added[i], PACK_BEFORE_SOURCE), 0);
	}
	tokens_close(tokens);
	return total_tok < window->window_tok ? 0 : over_window(window, total_tok, err);
}

/* ---- what is a source already ---- */

static int by_key(const void *a, const void *b)
{
	const struct known_key *x = a, *y = b;

	return strcmp(x->key, y->key);
}

void known_make(struct known *known, const struct session *session)
{
	struct view view = view_of(session);

	*known = (struct known){.session = session, .n_source = session->n_source};
	known->standing = view_standing(&view, &known->n_standing);
	known->key = mem_zero(session->n_source + 1, sizeof(*known->key));
	known->path = mem_zero(session->n_source + 1, sizeof(*known->path));
	for (size_t i = 0; i < session->n_source; i++) {
		const char *origin = session->source[i]->stored.document.origin;

		known->path[i] = origin_path(session, origin ? origin : "");
		known->key[i] = (struct known_key){origin_key(known->path[i]), i};
	}
	qsort(known->key, known->n_source, sizeof(*known->key), by_key);
}

void known_finish(struct known *known)
{
	for (size_t i = 0; i < known->n_source; i++) {
		free(known->key[i].key);
		free(known->path[i]);
	}
	free(known->key);
	free(known->path);
	free(known->standing);
}

/* The first that is not before `key`. */
static size_t known_from(const struct known *known, const char *key)
{
	size_t first = 0, end = known->n_source;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (strcmp(known->key[middle].key, key) < 0) {
			first = middle + 1;
		} else {
			end = middle;
		}
	}
	return first;
}

struct block *known_find(
	const struct known *known, const struct document *document, const char **path)
{
	char *key = origin_key(document->origin ? document->origin : "");
	struct block *found = NULL;

	for (size_t i = known_from(known, key);
		key[0] && i < known->n_source && !found && strcmp(known->key[i].key, key) == 0;
		i++) {
		struct block *source = known->session->source[known->key[i].source];

		if (source->stored.document.kind == document->kind) {
			found = source;
			*path = known->path[known->key[i].source];
		}
	}
	free(key);
	return found;
}

/* A file that is a tree of its own is called as it was named, from wherever that was. */
static void name_as(struct document *document, const struct document *known)
{
	if (document->kind == DOCUMENT_CODE && document->n_part == 1 && known->n_part == 1 &&
		document->part[0].place.path && known->part[0].place.path &&
		strcmp(document->part[0].place.path, document->name) == 0 &&
		strcmp(known->part[0].place.path, known->name) == 0) {
		free(document->part[0].place.path);
		document->part[0].place.path = mem_strdup(known->name);
	}
	free(document->name);
	document->name = mem_strdup(known->name);
	free(document->origin);
	document->origin = mem_strdup(known->origin);
}

enum reload_result reload_known(struct session_change *change, const struct known *known,
	struct block *source, const char *path, struct document *document)
{
	struct standing alone = {.block = source};
	const struct standing *standing = known->standing;
	size_t n_standing = known->n_standing;
	int64_t number = source->stored.number;
	enum reload_result result = RELOAD_SAME;
	struct document update;

	name_as(document, &source->stored.document);
	if (!source->is_in_context) {
		standing = &alone;
		n_standing = 1;
		change_add_place(change, STORE_WAITING, source->stored.id);
		change_say(change, mem_printf("%s %s: on this branch, too", source->id,
					   source->stored.document.name));
		result = RELOAD_CHANGED;
	}
	if (newest_changes(standing, n_standing, number, path, document, &update)) {
		change_add_update(change, number, &update);
		result = RELOAD_CHANGED;
	}
	return result;
}

void reload_add(struct session_change *change, struct document *document, const char *options_text)
{
	char *origin = document->origin ? origin_keep(change->session, document->origin) : NULL;
	int64_t number;

	free(document->origin);
	document->origin = origin;
	number = change_add_source(change, document);
	if (options_text[0]) {
		mem_grow(change->setting, change->n_setting, change->cap_setting);
		change->setting[change->n_setting++] = (struct store_setting){
			origin_options_key(number), mem_strdup(options_text)};
	}
}

void change_forget_options(struct session_change *change, int64_t number)
{
	char *key = origin_options_key(number);

	if (!session_setting(change->session, key)) {
		free(key);
		return;
	}
	mem_grow(change->setting, change->n_setting, change->cap_setting);
	change->setting[change->n_setting++] = (struct store_setting){.key = key};
}

/* ---- a load ---- */

/* What came through a pipe has no other text: it is another source, unless it is the same. */
static int is_passing(const struct document *document)
{
	return !document->origin || !origin_lasts(document->origin);
}

static int is_unchanged(
	const struct known *known, const struct block *source, struct document *document)
{
	struct document update = {0};
	int changed = newest_changes(known->standing, known->n_standing, source->stored.number,
		document->origin, document, &update);

	if (changed) {
		*document = update;
	}
	return !changed;
}

static void plan_document(struct session_change *change, const struct known *known,
	struct document *document, const char *options_text)
{
	const char *path = NULL;
	struct block *source = known_find(known, document, &path);
	int is_known = source != NULL;

	if (is_known && is_passing(document)) {
		is_known = source->is_in_context && is_unchanged(known, source, document);
	} else if (is_known &&
		   reload_known(change, known, source, path, document) == RELOAD_CHANGED) {
		return;
	}
	if (!is_known) {
		reload_add(change, document, options_text);
		return;
	}
	session_skip(change->session, mem_strdup(document->origin),
		mem_printf("is %s already, unchanged: loaded once", source->id), 0);
}

/* Whether any of the paths, or what lies beneath it, is a source. */
static int any_known(const struct known *known, const char *const *path, size_t n_path)
{
	int any = 0;

	for (size_t i = 0; i < n_path && !any; i++) {
		char *key = origin_key(path[i]), *beneath = mem_printf("%s/", key);
		size_t at = known_from(known, key), below = known_from(known, beneath);

		any = (at < known->n_source && strcmp(known->key[at].key, key) == 0) ||
		      (below < known->n_source &&
			      strncmp(known->key[below].key, beneath, strlen(beneath)) == 0);
		free(key);
		free(beneath);
	}
	return any;
}

static int plan_loaded(struct session_change *change, const struct known *known,
	struct load_result *loaded, const char *options_text, struct err *err)
{
	if (room_check_memory(loaded, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < loaded->n_document; i++) {
		plan_document(change, known, &loaded->document[i], options_text);
	}
	return 0;
}

struct session_loading {
	struct session *session;
	char **path;
	size_t n_path;
	struct origin_patterns patterns;
	struct load_options options;
	char *options_text;
	struct session_window window;
	char *model; /* of the window */
	struct prompt front;
	int partial, is_again;
	struct load_result loaded;
	struct room room;
	int status;
	struct err err;
};

/* What is read again only counts with its changes, which are known afterwards. */
static void choose_window(struct session_loading *loading)
{
	struct session *session = loading->session;
	struct known known;

	known_make(&known, session);
	loading->is_again = any_known(&known, (const char *const *)loading->path, loading->n_path);
	known_finish(&known);
	loading->window = session->window;
	loading->window.model = loading->model = mem_strdup(session->window.model);
	if (session->window.window_tok && !loading->is_again) {
		loading->room.window = &loading->window;
	}
}

struct session_loading *session_load_begin(struct session *session, const char *const *path,
	size_t n_path, const struct load_options *options, int partial)
{
	static const struct load_options defaults;
	struct session_loading *loading = mem_zero(1, sizeof(*loading));

	options = options ? options : &defaults;
	loading->session = session;
	loading->n_path = n_path;
	loading->path = mem_alloc((n_path + 1) * sizeof(*loading->path));
	for (size_t i = 0; i < n_path; i++) {
		loading->path[i] = mem_strdup(path[i]);
	}
	loading->partial = partial;
	loading->options_text = origin_options_text(options);
	loading->options = origin_options(options, loading->options_text, &loading->patterns);
	loading->room.kept = &loading->loaded;
	loading->room.options = &loading->options;
	loading->room.front = &loading->front;
	choose_window(loading);
	session_front(session, &loading->front);
	return loading;
}

void session_load_read(struct session_loading *loading)
{
	loading->status = reload_read(
		&loading->room, (const char *const *)loading->path, loading->n_path, &loading->err);
}

static void loading_destroy(struct session_loading *loading)
{
	for (size_t i = 0; i < loading->n_path; i++) {
		free(loading->path[i]);
	}
	load_result_finish(&loading->loaded);
	origin_patterns_finish(&loading->patterns);
	prompt_finish(&loading->front);
	free(loading->path);
	free(loading->options_text);
	free(loading->model);
	free(loading);
}

static int end_load(struct session_loading *loading, struct session_change *change, struct err *err)
{
	struct known known;
	int status;

	if (loading->status < 0) {
		if (err) {
			*err = loading->err;
		}
		return -1;
	}
	status = reload_take_skipped(loading->session, &loading->loaded, loading->partial, err);
	if (status == 0 && loading->room.is_over) {
		status = over_window(&loading->window, loading->room.total_tok, err);
	}
	if (status == 0) {
		known_make(&known, loading->session);
		status = plan_loaded(change, &known, &loading->loaded, loading->options_text, err);
		known_finish(&known);
	}
	if (status == 0 && loading->is_again) {
		status = reload_check_added(change, err);
	}
	return status;
}

int session_load_end(struct session_loading *loading, struct session_change **out, struct err *err)
{
	struct session_change *change = out ? change_create(loading->session) : NULL;
	int status = out ? end_load(loading, change, err) : 0;

	loading_destroy(loading);
	if (status < 0) {
		session_change_discard(change);
		return -1;
	}
	if (out) {
		*out = change;
	}
	return 0;
}

int session_plan_load(struct session *session, struct session_change **out, const char *const *path,
	size_t n_path, const struct load_options *options, int partial, struct err *err)
{
	struct session_loading *loading =
		session_load_begin(session, path, n_path, options, partial);

	session_load_read(loading);
	return session_load_end(loading, out, err);
}

int session_load(struct session *session, const char *const *path, size_t n_path,
	const struct load_options *options, int partial, struct err *err)
{
	struct session_change *change;

	if (session_plan_load(session, &change, path, n_path, options, partial, err) < 0) {
		return -1;
	}
	return session_change_commit(change, err);
}
