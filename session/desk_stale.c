/*
 * Sources that have changed where they came from: by the times of their files, a few at a time between
 * two orders, so that a tree of many thousands holds nobody up.
 */
#include "session/desk_internal.h"
#include "session/origin.h"
#include "session/session_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SLICE_FILES = 256 };

/* Whether a newer text of the source says that the file is gone. */
static int is_known_gone(const struct session *session, const struct block *block, const char *path)
{
	for (size_t i = 0; path && i < session->n_block; i++) {
		const struct block *newer = session->block[i];
		const struct document *document = &newer->stored.document;

		if (newer->stored.number != block->stored.number ||
			newer->stored.id <= block->stored.id || !newer->text) {
			continue;
		}
		for (size_t k = 0; k < document->n_part; k++) {
			const struct part *part = &document->part[k];

			if (!part->len && part->place.path && strcmp(part->place.path, path) == 0) {
				return 1;
			}
		}
	}
	return 0;
}

/* When the newest text of a source was read. */
static int64_t loaded_s(const struct desk *desk, const struct block *source)
{
	const struct session *session = desk->at.session;
	int64_t newest_s = desk->looking.refreshed_s;

	for (size_t i = 0; i < session->n_block; i++) {
		const struct store_block *stored = &session->block[i]->stored;

		if (stored->number == source->stored.number && stored->loaded_s > newest_s) {
			newest_s = stored->loaded_s;
		}
	}
	return newest_s;
}

static int has_changed(const struct desk *desk, const struct block *source, const char *path,
	const char *part_path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		return !is_known_gone(desk->at.session, source, part_path);
	}
	return st.st_mtim.tv_sec > loaded_s(desk, source);
}

/* The next file of a source, from `part` on; returns 0 behind its last one. */
static int look_at(
	struct desk *desk, const struct block *source, const char *root, size_t part, int *changed)
{
	const struct document *document = &source->stored.document;
	char *path;

	if (document->kind != DOCUMENT_CODE) {
		*changed |= part == 0 && has_changed(desk, source, root, NULL);
		return 0;
	}
	if (part >= document->n_part) {
		return 0;
	}
	path = document_part_path(document, root, part);
	*changed |= has_changed(desk, source, path, document->part[part].place.path);
	free(path);
	return 1;
}

static void end_source(struct desk *desk, const struct block *source, int changed)
{
	int64_t number = source->stored.number;

	if (changed != desk_state_is_stale(desk, number)) {
		desk_state_set_stale(desk, number, changed);
		desk->looking.has_changed = 1;
	}
	desk->looking.source++;
	desk->looking.part = 0;
}

void desk_stale_begin(struct desk *desk)
{
	desk->looking.begun_ms = desk_clock_ms();
	desk->looking.source = desk->looking.part = 0;
	desk->looking.is_under_way = 1;
}

/* Of one source, as many files as are left; the first that changed is enough. */
static int look_at_source(struct desk *desk, const struct block *source, int n_left)
{
	const char *origin = source->stored.document.origin;
	struct desk_looking *looking = &desk->looking;
	int changed = 0, more = 1;
	char *root;

	if (!origin || !origin[0] || strcmp(origin, "stdin") == 0) { /* nothing to be read again */
		end_source(desk, source, 0);
		return n_left - 1;
	}
	root = origin_path(desk->at.session, origin);
	while (more && !changed && n_left-- > 0) {
		more = look_at(desk, source, root, looking->part++, &changed);
	}
	free(root);
	if (!more || changed) {
		end_source(desk, source, changed);
	}
	return n_left;
}

int desk_stale_look(struct desk *desk)
{
	struct desk_looking *looking = &desk->looking;
	struct session *session = desk->at.session;
	int n_left = SLICE_FILES;

	while (session && looking->is_under_way && n_left > 0) {
		if (looking->source >= session->n_source) {
			looking->is_under_way = 0;
			break;
		}
		n_left = look_at_source(desk, session->source[looking->source], n_left);
	}
	if (looking->has_changed) {
		looking->has_changed = 0;
		desk_state_sources(desk);
		desk_publish(desk);
	}
	return session && looking->is_under_way;
}
