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
	int is_found;

	/* One that was given up without a word ends where the cursor is moved. */
	if (!find->is_open || find->at != list->cursor) {
		find->begin = list->cursor;
	}
	free(find->words);
	find->words = typed;
	find->is_open = !is_final;
	list->cursor = find->begin < list->n ? find->begin : 0;
	is_found = go(list, rows, typed, list->cursor, goes_on, is_back);
	find->at = list->cursor;
	return is_found;
}

void list_find_finish(struct list_find *find)
{
	free(find->words);
	*find = (struct list_find){0};
}
