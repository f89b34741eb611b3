#include "session/copy.h"

#include "base/mem.h"
#include "session/catalogue.h"
#include "session/export.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int compare_ids(const void *a, const void *b)
{
	int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;

	return one < other ? -1 : one > other;
}

static void cut_turns(struct store_contents *contents, const int64_t *path, size_t n_path)
{
	size_t n = 0, at = 0; /* both in the order of ids */

	for (size_t i = 0; i < contents->n_turn; i++) {
		if (at < n_path && contents->turn[i].id == path[at]) {
			contents->turn[n++] = contents->turn[i];
			at++;
		} else {
			store_turn_finish(&contents->turn[i]);
		}
	}
	contents->n_turn = n;
}

/* Those of turns that are gone, too. */
static void cut_places(struct store_contents *contents, int keeps_waiting)
{
	size_t n = 0;

	for (size_t i = 0; i < contents->n_place; i++) {
		int64_t turn = contents->place[i].turn;

		if (turn == STORE_FRONT || (turn == STORE_WAITING && keeps_waiting) ||
			(turn > 0 && export_turn(contents, turn))) {
			contents->place[n++] = contents->place[i];
		}
	}
	contents->n_place = n;
}

/* Those that stand nowhere any more. What was dropped stays: its number is not used again. */
static void cut_blocks(struct store_contents *contents)
{
	int64_t *placed = mem_zero(contents->n_place + 1, sizeof(*placed));
	size_t n = 0;

	for (size_t i = 0; i < contents->n_place; i++) {
		placed[i] = contents->place[i].block;
	}
	qsort(placed, contents->n_place, sizeof(*placed), compare_ids);
	for (size_t i = 0; i < contents->n_block; i++) {
		struct store_block *block = &contents->block[i];

		if (block->is_dropped || bsearch(&block->id, placed, contents->n_place,
						 sizeof(*placed), compare_ids)) {
			contents->block[n++] = *block;
		} else {
			document_finish(&block->document);
		}
	}
	contents->n_block = n;
	free(placed);
}

int copy_cut(struct store_contents *contents, int64_t turn, struct err *err)
{
	int is_all = turn == 0 || turn == contents->head;
	int64_t *path;
	size_t n_path;

	turn = turn ? turn : contents->head;
	if (turn && !export_turn(contents, turn)) {
		return err_set(err, ERR_USAGE, NULL, "`carrel sessions show` lists the turns",
			"there is no turn %lld", (long long)turn);
	}
	path = export_path(contents, turn, &n_path);
	cut_turns(contents, path, n_path);
	cut_places(contents, is_all);
	cut_blocks(contents);
	contents->head = turn;
	contents->made_s = 0; /* what comes of it is begun anew */
	free(path);
	return 0;
}

static int is_own(const char *key)
{
	return strcmp(key, STORE_NAME) == 0 || strcmp(key, STORE_DIRECTORY) == 0 ||
	       strcmp(key, STORE_PINNED) == 0;
}

/*
 * The blocks as they are called from another directory: a path that was given in that of the session
 * leads elsewhere from here. Malloc'ed, and so are the origins that are not those of the contents.
 */
static struct store_block *blocks_from(const struct store_contents *contents, const char *directory)
{
	const char *own = store_setting(contents, STORE_DIRECTORY);
	struct store_block *block = mem_zero(contents->n_block + 1, sizeof(*block));
	int is_elsewhere = own && own[0] && (!directory || strcmp(own, directory) != 0);

	for (size_t i = 0; i < contents->n_block; i++) {
		const char *origin = contents->block[i].document.origin;
		char *whole;

		block[i] = contents->block[i];
		if (!is_elsewhere || !origin || origin[0] == '/') {
			continue;
		}
		whole = mem_printf("%s/%s", own, origin);
		if (access(whole, F_OK) == 0) {
			block[i].document.origin = whole;
		} else { /* standard input, or what is not there any more */
			free(whole);
		}
	}
	return block;
}

static void free_blocks(struct store_block *block, const struct store_contents *contents)
{
	for (size_t i = 0; i < contents->n_block; i++) {
		if (block[i].document.origin != contents->block[i].document.origin) {
			free(block[i].document.origin);
		}
	}
	free(block);
}

int copy_create(struct store **out, const struct store_contents *contents, const char *name,
	const char *directory, struct err *err)
{
	struct store_setting *setting = mem_zero(contents->n_setting + 1, sizeof(*setting));
	struct store_block *block = blocks_from(contents, directory);
	struct store_change change = {
		.block = block,
		.n_block = contents->n_block,
		.turn = contents->n_turn ? contents->turn : NULL,
		.n_turn = contents->n_turn,
		.place = contents->place,
		.n_place = contents->n_place,
		.has_places = 1,
		.head = contents->head,
		.has_head = 1,
		.setting = setting,
		.draft = contents->draft,
		.made_s = contents->made_s,
	};
	int status;

	for (size_t i = 0; i < contents->n_setting; i++) {
		if (!is_own(contents->setting[i].key)) {
			setting[change.n_setting++] = contents->setting[i];
		}
	}
	status = catalogue_create_with(out, name, directory, &change, err);
	free_blocks(block, contents);
	free(setting);
	return status;
}
