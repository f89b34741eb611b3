/* Stores: what both implementations share, and what the contents own. */
#include "session/store_impl.h"

#include <stdlib.h>
#include <string.h>

int store_read(struct store *store, struct store_contents *out, struct err *err)
{
	return store->ops->read(store, out, err);
}

int store_commit(struct store *store, const struct store_change *change, struct err *err)
{
	return store->ops->commit(store, change, err);
}

void store_close(struct store *store)
{
	if (store) {
		store->ops->close(store);
	}
}

const char *store_id(const struct store *store)
{
	return store->id;
}

const char *store_folder(const struct store *store)
{
	return store->folder;
}

int store_is_kept(const struct store *store)
{
	return store->id[0] != 0;
}

const char *store_setting(const struct store_contents *contents, const char *key)
{
	for (size_t i = 0; i < contents->n_setting; i++) {
		if (strcmp(contents->setting[i].key, key) == 0) {
			return contents->setting[i].value;
		}
	}
	return NULL;
}

void store_turn_finish(struct store_turn *turn)
{
	free(turn->question);
	free(turn->ids);
	free(turn->text);
	free(turn->thinking);
	free(turn->model_name);
	citations_free(turn->citation, turn->n_citation);
	*turn = (struct store_turn){0};
}

void store_contents_finish(struct store_contents *contents)
{
	for (size_t i = 0; i < contents->n_setting; i++) {
		free(contents->setting[i].key);
		free(contents->setting[i].value);
	}
	free(contents->setting);
	for (size_t i = 0; i < contents->n_block; i++) {
		document_finish(&contents->block[i].document);
	}
	free(contents->block);
	for (size_t i = 0; i < contents->n_turn; i++) {
		store_turn_finish(&contents->turn[i]);
	}
	free(contents->turn);
	free(contents->place);
	free(contents->draft);
	*contents = (struct store_contents){0};
}

void store_figures_finish(struct store_figures *figures)
{
	free(figures->name);
	free(figures->directory);
	*figures = (struct store_figures){0};
}

int store_is_replaced(const struct store_contents *contents, const struct store_block *block)
{
	for (size_t i = 0; i < contents->n_block && block->is_dropped; i++) {
		const struct store_block *other = &contents->block[i];

		if (other->number == block->number && !other->is_dropped) {
			return 1;
		}
	}
	return 0;
}
