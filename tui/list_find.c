#include "tui/list_find.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* From row `from` (so many rows away from it) round to it again. */
static int go(struct list *list, const struct list_rows *rows, const char *words, size_t from,
	size_t away, int is_back)
{
	for (size_t i = away; words[0] && i < list->n + away; i++) {
		size_t step = i % list->n;
		size_t row = is_back ? (from + list->n - step) % list->n : (from + step) % list->n;

		if (rows->has(rows->arg, row, words)) {
			list->cursor = row;
			return 1;
		}
	}
	return 0;
}

int list_find(struct list_find *find, struct list *list, const struct list_rows *rows,
	const char *words, size_t len, int is_back, int is_final)
{
	char *typed = mem_strndup(words, len);
	int goes_on = is_final && !find->is_open && find->words && strcmp(find->words, typed) == 0;

	if (!find->is_open && !goes_on) {
		find->begin = list->cursor;
	}
	free(find->words);
	find->words = typed;
	find->is_open = !is_final;
	find->is_back = is_back;
	if (goes_on) {
		return go(list, rows, typed, list->cursor, 1, is_back);
	}
	list->cursor = find->begin < list->n ? find->begin : 0;
	return go(list, rows, typed, list->cursor, 0, is_back);
}

int list_find_act(
	struct list_find *find, struct list *list, const struct list_rows *rows, enum action action)
{
	if (action != ACTION_SEARCH_NEXT && action != ACTION_SEARCH_PREVIOUS) {
		return 0;
	}
	if (find->words && list->n) {
		go(list, rows, find->words, list->cursor, 1,
			find->is_back != (action == ACTION_SEARCH_PREVIOUS));
	}
	return 1;
}

void list_find_finish(struct list_find *find)
{
	free(find->words);
	*find = (struct list_find){0};
}
