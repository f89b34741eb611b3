#include "tests/faults/catalogue_story.h"

#include "tests/faults/story.h"

#include "base/mem.h"
#include "session/catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum what { MAKE, RENAME, REMOVE };

/* Of five operations three make a session, one renames the newest, one removes the oldest. */
static enum what what_of(int64_t k)
{
	return k % 5 == 3 ? RENAME : k % 5 == 0 ? REMOVE : MAKE;
}

/* Sessions by number, in the order in which they were made, after k operations. */
struct sessions {
	int64_t n_made, n_removed;
	int64_t renamed[64];
	int n_renamed;
};

static void sessions_after(struct sessions *sessions, int64_t k)
{
	*sessions = (struct sessions){0};
	for (int64_t i = 1; i <= k; i++) {
		if (what_of(i) == MAKE) {
			sessions->n_made++;
		} else if (what_of(i) == REMOVE) {
			sessions->n_removed++;
		} else if (sessions->n_renamed < 64) {
			sessions->renamed[sessions->n_renamed++] = sessions->n_made;
		}
	}
}

/* Malloc'ed. */
static char *name_of(const struct sessions *sessions, int64_t number)
{
	for (int i = 0; i < sessions->n_renamed; i++) {
		if (sessions->renamed[i] == number) {
			return mem_printf("renamed-%lld", (long long)number);
		}
	}
	return mem_printf("session-%lld", (long long)number);
}

int catalogue_story_do(int64_t k, struct err *err)
{
	struct sessions before, after;
	struct store *store;
	char *name, *new_name;
	int status;

	sessions_after(&before, k - 1);
	sessions_after(&after, k);
	switch (what_of(k)) {
	case MAKE:
		name = name_of(&after, after.n_made);
		status = catalogue_create(&store, name, "/somewhere", err);
		if (status == 0) {
			catalogue_touch(store, "/somewhere");
			store_close(store);
		}
		free(name);
		return status;
	case RENAME:
		name = name_of(&before, before.n_made);
		new_name = name_of(&after, after.n_made);
		status = catalogue_rename(name, new_name, err);
		free(name);
		free(new_name);
		return status;
	default:
		name = name_of(&before, after.n_removed);
		status = catalogue_remove(name, err);
		free(name);
		return status;
	}
}

static int check_session(const char *name, struct err *err)
{
	struct store *store;
	char *folder;
	int64_t step;

	if (catalogue_find(name, 0, &folder, err) < 0) {
		return -1;
	}
	if (store_open(&store, folder, STORE_READ, err) < 0) {
		free(folder);
		return -1;
	}
	step = story_read(store, err);
	store_close(store);
	free(folder);
	return step < 0 ? -1
	       : step == 0
		       ? 0
		       : err_set(err, ERR_FAILURE, name, NULL, "is at step %lld", (long long)step);
}

int catalogue_story_check(int64_t k, struct err *err)
{
	struct catalogue catalogue = {0};
	struct sessions sessions;
	int status = 0;
	size_t n;

	sessions_after(&sessions, k);
	if (catalogue_read(&catalogue, err) < 0) {
		return -1;
	}
	n = catalogue.n_session;
	catalogue_finish(&catalogue);
	if ((int64_t)n != sessions.n_made - sessions.n_removed) {
		return err_set(err, ERR_FAILURE, NULL, NULL, "%zu sessions are listed, not %lld", n,
			(long long)(sessions.n_made - sessions.n_removed));
	}
	for (int64_t i = sessions.n_removed + 1; status == 0 && i <= sessions.n_made; i++) {
		char *name = name_of(&sessions, i);

		status = check_session(name, err);
		free(name);
	}
	return status;
}
