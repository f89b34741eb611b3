/* Sources read again from where they came: what changed becomes an update. */
#include "session/origin.h"
#include "session/reload.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct refresh {
	struct session *session;
	struct session_change *change;
	struct known known;
	int *is_done; /* [n_source] */
	const struct load_options *options;
	int partial;
};

/* The options that a source was read with; "" for the defaults. */
static char *options_of(const struct session *session, const struct block *source)
{
	char *key = origin_options_key(source->stored.number);
	const char *text = session_setting(session, key);

	free(key);
	return mem_strdup(text ? text : "");
}

/* Those that cannot be read again are said, and stay as they are. */
static void pass_over(struct refresh *refresh)
{
	struct session *session = refresh->session;

	for (size_t i = 0; i < session->n_source; i++) {
		const struct block *source = session->source[i];

		if (!source->is_in_context) {
			refresh->is_done[i] = 1;
		} else if (!origin_lasts(refresh->known.path[i])) {
			const char *origin = source->stored.document.origin;
			int was_file = !origin || strcmp(origin, "stdin") != 0;

			session_skip(session,
				mem_strdup(origin ? origin : source->stored.document.name),
				mem_printf("%s: %s stays as it is",
					was_file ? "is not there any more"
						 : "cannot be asked for again",
					source->id),
				was_file);
			refresh->is_done[i] = 1;
		}
	}
}

static size_t index_of(const struct session *session, const struct block *source)
{
	size_t i = 0;

	while (session->source[i] != source) {
		i++;
	}
	return i;
}

/* A document that lies in a folder and was dropped does not come back with it. */
static int was_dropped(const struct session *session, const struct document *document)
{
	char *key = origin_key(document->origin);
	int was = 0;

	for (size_t i = 0; i < session->n_block && !was; i++) {
		const struct store_block *stored = &session->block[i]->stored;

		if (stored->is_dropped && stored->document.origin) {
			char *path = origin_path(session, stored->document.origin);
			char *own = origin_key(path);

			was = strcmp(own, key) == 0;
			free(own);
			free(path);
		}
	}
	free(key);
	return was;
}

static void take_document(
	struct refresh *refresh, struct document *document, const char *options_text)
{
	const char *path = NULL;
	struct block *source = known_find(&refresh->known, document, &path);
	size_t i;

	if (!source) {
		if (!was_dropped(refresh->session, document)) {
			reload_add(refresh->change, document, options_text);
		}
		return;
	}
	i = index_of(refresh->session, source);
	if (!refresh->is_done[i]) {
		refresh->is_done[i] = 1;
		reload_known(refresh->change, &refresh->known, source, path, document);
	}
}

/* A folder brings what lies in it, too, so that some are read for two reasons. */
static void forget_repeated(struct load_result *loaded)
{
	size_t n = 0;

	for (size_t i = 0; i < loaded->n_skipped; i++) {
		struct skipped *skipped = &loaded->skipped[i];

		if (skipped->is_unreadable || !strstr(skipped->reason, "loaded once")) {
			loaded->skipped[n++] = *skipped;
			continue;
		}
		free(skipped->path);
		free(skipped->reason);
	}
	loaded->n_skipped = n;
}

static int read_group(struct refresh *refresh, const char *const *path, size_t n_path,
	const char *options_text, struct err *err)
{
	struct origin_patterns patterns = {0};
	struct load_options options = origin_options(refresh->options, options_text, &patterns);
	struct load_result loaded = {0};
	struct room room = {.kept = &loaded, .options = &options};
	int status = reload_read(&room, path, n_path, err);

	if (status == 0) {
		forget_repeated(&loaded);
		status = reload_take_skipped(refresh->session, &loaded, refresh->partial, err);
	}
	if (status == 0) {
		status = room_check_memory(&loaded, err);
	}
	for (size_t i = 0; i < loaded.n_document && status == 0; i++) {
		take_document(refresh, &loaded.document[i], options_text);
	}
	load_result_finish(&loaded);
	origin_patterns_finish(&patterns);
	return status;
}

/* All that were read with the same options as source `first`, in one go. */
static int refresh_group(struct refresh *refresh, size_t first, struct err *err)
{
	struct session *session = refresh->session;
	char *text = options_of(session, session->source[first]);
	const char **path = mem_alloc((session->n_source + 1) * sizeof(*path));
	size_t *member = mem_alloc((session->n_source + 1) * sizeof(*member)), n = 0;
	int status;

	for (size_t i = first; i < session->n_source; i++) {
		char *own = options_of(session, session->source[i]);

		if (!refresh->is_done[i] && strcmp(own, text) == 0) {
			member[n] = i;
			path[n++] = refresh->known.path[i];
		}
		free(own);
	}
	status = read_group(refresh, path, n, text, err);
	for (size_t i = 0; i < n; i++) { /* also what could not be read, or is of another kind */
		refresh->is_done[member[i]] = 1;
	}
	free(text);
	free(path);
	free(member);
	return status;
}

int session_plan_refresh(struct session *session, struct session_change **out,
	const struct load_options *options, int partial, struct err *err)
{
	static const struct load_options defaults;
	struct refresh refresh = {
		.session = session,
		.change = change_create(session),
		.is_done = mem_zero(session->n_source + 1, sizeof(int)),
		.options = options ? options : &defaults,
		.partial = partial,
	};
	int status = 0;

	known_make(&refresh.known, session);
	pass_over(&refresh);
	for (size_t i = 0; i < session->n_source && status == 0; i++) {
		if (!refresh.is_done[i]) {
			status = refresh_group(&refresh, i, err);
		}
	}
	if (status == 0) {
		status = reload_check_added(refresh.change, err);
	}
	known_finish(&refresh.known);
	free(refresh.is_done);
	if (status < 0) {
		session_change_discard(refresh.change);
		return -1;
	}
	*out = refresh.change;
	return 0;
}
