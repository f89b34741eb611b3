#include "session/store_lost.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_BYTES = 400, QUESTION_BYTES = 72 }; /* lines to be read */

char *lost_part_name(const struct store_block *block, const struct part *part)
{
	const struct part_place *place = &part->place;
	long long s = (long long)place->time_ms / 1000;

	if (block->document.kind == DOCUMENT_CODE && place->path) {
		return mem_strdup(place->path);
	}
	if (place->page > 0) {
		return mem_printf("page %lld", (long long)place->page);
	}
	if (place->time_ms >= 0) {
		return mem_printf(
			"what is said at %lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
	}
	return mem_strdup(block->document.kind == DOCUMENT_CODE ? "a file" : "a piece of its text");
}

const char *lost_parts_name(const struct store_block *block)
{
	switch (block->document.kind) {
	case DOCUMENT_CODE:
		return "some of its files";
	case DOCUMENT_PDF:
		return "some of its pages";
	default:
		return "some of its text";
	}
}

char *lost_sentence(const struct store_block *block, const char *what)
{
	const char *name = block->document.name;

	return mem_printf("S%lld%s%s%s: %s", (long long)block->number, name ? " " : "",
		name ? name : "", block->is_update ? " (its newer text)" : "", what);
}

static struct store_setting *find(struct store_contents *contents, const char *key)
{
	for (size_t i = 0; i < contents->n_setting; i++) {
		if (strcmp(contents->setting[i].key, key) == 0) {
			return &contents->setting[i];
		}
	}
	return NULL;
}

/* Settings are in the order of their keys. */
static void insert(struct store_contents *contents, char *key, char *value)
{
	size_t at = contents->n_setting++;

	contents->setting =
		mem_resize(contents->setting, contents->n_setting, sizeof(*contents->setting));
	for (; at && strcmp(contents->setting[at - 1].key, key) > 0; at--) {
		contents->setting[at] = contents->setting[at - 1];
	}
	contents->setting[at] = (struct store_setting){key, value};
}

void lost_add(struct store_contents *contents, const struct store_block *block, const char *what)
{
	static const char more[] = ", and more";
	char *key = mem_printf(STORE_LOST "%lld", (long long)block->number), *list;
	struct store_setting *setting = find(contents, key);
	size_t len;

	if (!setting) {
		insert(contents, key, mem_strdup(what));
		return;
	}
	free(key);
	len = strlen(setting->value);
	if (len >= sizeof(more) - 1 &&
		strcmp(setting->value + len - (sizeof(more) - 1), more) == 0) {
		return;
	}
	list = len + strlen(what) < LIST_BYTES ? mem_printf("%s, %s", setting->value, what)
					       : mem_printf("%s%s", setting->value, more);
	free(setting->value);
	setting->value = list;
}

char *lost_turn_name(const struct store_turn *turn)
{
	const char *question = turn->question ? turn->question : "";
	size_t len = strcspn(question, "\n");

	if (len > QUESTION_BYTES) {
		len = QUESTION_BYTES;
		while (len && ((unsigned char)question[len] & 0xc0) == 0x80) {
			len--;
		}
	}
	return len ? mem_printf("turn %lld, \"%.*s%s\"", (long long)turn->id, (int)len, question,
			     question[len] ? " ..." : "")
		   : mem_printf("turn %lld", (long long)turn->id);
}

void lost_place_rest(struct store_contents *contents)
{
	for (size_t i = 0; i < contents->n_block; i++) {
		const struct store_block *block = &contents->block[i];
		size_t j = 0;

		while (j < contents->n_place && contents->place[j].block != block->id) {
			j++;
		}
		if (j == contents->n_place && !block->is_dropped) {
			contents->place = mem_resize(
				contents->place, contents->n_place + 1, sizeof(*contents->place));
			contents->place[contents->n_place++] = (struct store_place){
				block->is_update ? STORE_WAITING : STORE_FRONT, block->id};
		}
	}
}
