/* The life of a session, and its settings. */
#include "session/session_internal.h"

#include "base/mem.h"
#include "session/library.h"

#include <stdlib.h>
#include <string.h>

/* How the settings of a session_config are called where they are kept. */
static const char option_system[] = "option.system";
static const char option_no_cite[] = "option.no-cite";
static const char option_free_quotes[] = "option.free-quotes";
static const char option_no_think[] = "option.no-think";
static const char is_on[] = "1";

/* ---- settings ---- */

static struct store_setting *find_setting(const struct session *session, const char *key)
{
	for (size_t i = 0; i < session->n_setting; i++) {
		if (strcmp(session->setting[i].key, key) == 0) {
			return &session->setting[i];
		}
	}
	return NULL;
}

const char *session_setting(const struct session *session, const char *key)
{
	const struct store_setting *setting = find_setting(session, key);

	return setting ? setting->value : NULL;
}

void session_keep_setting(struct session *session, const char *key, const char *value)
{
	struct store_setting *setting = find_setting(session, key);

	if (!setting) {
		mem_grow(session->setting, session->n_setting, session->cap_setting);
		setting = &session->setting[session->n_setting++];
		*setting = (struct store_setting){.key = mem_strdup(key)};
	}
	free(setting->value);
	setting->value = mem_strdup(value);
	if (!value) {
		free(setting->key);
		*setting = session->setting[--session->n_setting];
	}
}

static int commit_settings(
	struct session *session, const struct store_setting *setting, size_t count, struct err *err)
{
	struct store_change change = {.setting = setting, .n_setting = count};

	if (count == 0) {
		return 0;
	}
	if (store_commit(session->store, &change, err) < 0) {
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		session_keep_setting(session, setting[i].key, setting[i].value);
	}
	return 0;
}

int session_set(struct session *session, const char *key, const char *value, struct err *err)
{
	struct store_setting setting = {.key = (char *)key, .value = (char *)value};

	return commit_settings(session, &setting, 1, err);
}

struct store *session_store(struct session *session)
{
	return session->store;
}

const char *session_owner(const struct session *session)
{
	return store_is_kept(session->store) ? store_id(session->store) : NULL;
}

/* ---- opening ---- */

static int is_set(const struct session *session, const char *key)
{
	const char *value = session_setting(session, key);

	return value && strcmp(value, is_on) == 0;
}

/* What the session is told to say from now on; what it says already need not be written. */
static void add_setting(const struct session *session, const char *key, const char *value,
	struct store_setting *setting, size_t *n)
{
	const char *own = session_setting(session, key);

	if (value && (!own || strcmp(own, value) != 0)) {
		setting[(*n)++] = (struct store_setting){(char *)key, (char *)value};
	}
}

static void follow_settings(struct session *session)
{
	free(session->system);
	session->system = mem_strdup(session_setting(session, option_system));
	session->no_cite = is_set(session, option_no_cite);
	session->free_quotes = is_set(session, option_free_quotes);
	session->no_think = is_set(session, option_no_think);
	prompt_finish(&session->instructions);
	pack_instructions(&session->instructions, session->system, session->no_cite);
}

static int take_config(
	struct session *session, const struct session_config *config, struct err *err)
{
	char *version = mem_printf("%d", PACK_VERSION);
	struct store_setting setting[5];
	size_t n = 0;
	int status;

	add_setting(session, STORE_PACK, version, setting, &n);
	add_setting(session, option_system, config->system, setting, &n);
	add_setting(session, option_no_cite, config->no_cite ? is_on : NULL, setting, &n);
	add_setting(session, option_free_quotes, config->free_quotes ? is_on : NULL, setting, &n);
	add_setting(session, option_no_think, config->no_think ? is_on : NULL, setting, &n);
	status = commit_settings(session, setting, n, err);
	free(version);
	if (status < 0) {
		return -1;
	}
	follow_settings(session);
	return 0;
}

int session_configure(struct session *session, const struct session_config *config, struct err *err)
{
	const struct store_setting setting[] = {
		{(char *)option_system, (char *)config->system},
		{(char *)option_no_cite, (char *)(config->no_cite ? is_on : NULL)},
		{(char *)option_free_quotes, (char *)(config->free_quotes ? is_on : NULL)},
		{(char *)option_no_think, (char *)(config->no_think ? is_on : NULL)},
	};

	if (commit_settings(session, setting, ARRAY_LEN(setting), err) < 0) {
		return -1;
	}
	follow_settings(session);
	session->revision++;
	return 0;
}

struct session_config session_configuration(const struct session *session)
{
	return (struct session_config){.system = session->system,
		.no_cite = session->no_cite,
		.free_quotes = session->free_quotes,
		.no_think = session->no_think};
}

static int check_pack(const struct session *session, struct err *err)
{
	const char *version = session_setting(session, STORE_PACK);

	if (version && strtol(version, NULL, 10) != PACK_VERSION) {
		return err_set(err, ERR_FAILURE, store_folder(session->store),
			"use the carrel that made it",
			"its context is packed in version %s, which this carrel does not know",
			version);
	}
	return 0;
}

/* The store checks its rows; here, that they say something together. */
static int check_contents(const struct session *session, struct err *err)
{
	const char *wrong = NULL;

	for (size_t i = 0; i < session->n_turn; i++) {
		int64_t parent = session->turn[i]->stored.parent;

		if (parent && (parent >= session->turn[i]->stored.id ||
				      !session_turn_by_id(session, parent))) {
			wrong = "a turn continues one that is not there";
		}
	}
	for (size_t i = 0; i < session->n_place; i++) {
		const struct store_place *place = &session->place[i];
		const struct block *block = session_block(session, place->block);

		if (!block || block->stored.is_dropped ||
			(place->turn > 0 && !session_turn_by_id(session, place->turn))) {
			wrong = "a text stands in a place that is not there";
		}
	}
	if (session->head && !session_turn_by_id(session, session->head)) {
		wrong = "its last turn is not there";
	}
	return wrong ? err_set(err, ERR_FAILURE, store_folder(session->store),
			       "see what is left of it with: carrel sessions repair",
			       "this session is damaged: %s", wrong)
		     : 0;
}

/* What was read becomes the session's. */
static void adopt(struct session *session, struct store_contents *contents)
{
	const char *last = store_setting(contents, STORE_IMPORTED);
	int64_t imported = last ? strtoll(last, NULL, 10) : 0;

	session->setting = contents->setting;
	session->n_setting = session->cap_setting = contents->n_setting;
	session->place = contents->place;
	session->n_place = contents->n_place;
	session->head = contents->head;
	session->draft = contents->draft ? contents->draft : mem_strdup("");
	for (size_t i = 0; i < contents->n_block; i++) {
		mem_grow(session->block, session->n_block, session->cap_block);
		session->block[session->n_block++] = block_adopt(&contents->block[i]);
	}
	for (size_t i = 0; i < contents->n_turn; i++) {
		mem_grow(session->turn, session->n_turn, session->cap_turn);
		session->turn[session->n_turn++] =
			turn_adopt(&contents->turn[i], contents->turn[i].id <= imported);
	}
	free(contents->block);
	free(contents->turn);
	*contents = (struct store_contents){0};
}

int session_open(struct session **out, struct store *store, const struct session_config *config,
	struct err *err)
{
	struct session *session = mem_zero(1, sizeof(*session));
	struct store_contents contents = {0};
	int status;

	session->store = store;
	status = store_read(store, &contents, err);
	if (status == 0) {
		adopt(session, &contents);
		status = check_contents(session, err);
	}
	if (status == 0) {
		session_index(session);
		status = check_pack(session, err);
	}
	if (status == 0) {
		status = take_config(session, config, err);
	}
	if (status < 0) {
		session_destroy(session);
		return -1;
	}
	*out = session;
	return 0;
}

struct session *session_create(const struct session_config *config)
{
	struct session *session = NULL;

	if (session_open(&session, store_null(), config, NULL) < 0) {
		mem_exhausted(); /* the null twin has no other way to fail */
	}
	return session;
}

void session_destroy(struct session *session)
{
	if (!session) {
		return;
	}
	library_destroy(session->library);
	for (size_t i = 0; i < session->n_block; i++) {
		block_destroy(session->block[i]);
	}
	for (size_t i = 0; i < session->n_turn; i++) {
		turn_destroy(session->turn[i]);
	}
	for (size_t i = 0; i < session->n_setting; i++) {
		free(session->setting[i].key);
		free(session->setting[i].value);
	}
	for (size_t i = 0; i < session->n_skipped; i++) {
		free(session->skipped[i].path);
		free(session->skipped[i].reason);
	}
	prompt_finish(&session->instructions);
	free(session->system);
	free(session->setting);
	free(session->block);
	free(session->source);
	free(session->turn);
	free(session->place);
	free(session->draft);
	free(session->skipped);
	store_close(session->store);
	free(session);
}

/* ---- the draft ---- */

const char *session_draft(const struct session *session)
{
	return session->draft;
}

int session_set_draft(struct session *session, const char *draft, struct err *err)
{
	struct store_change change = {.draft = draft};

	if (strcmp(draft, session->draft) == 0) {
		return 0;
	}
	if (store_commit(session->store, &change, err) < 0) {
		return -1;
	}
	free(session->draft);
	session->draft = mem_strdup(draft);
	return 0;
}
