/*
 * Search in a list, as views have it (tui/view.h): while words are typed the cursor goes to the next
 * row that has them from where it stood; Enter stays there, and the same words again go on.
 */
#ifndef TUI_LIST_FIND_H
#define TUI_LIST_FIND_H

#include "tui/list.h"

#include <stddef.h>

struct list_find { /* zero-initialise */
	char *words;
	size_t begin; /* where the cursor stood before the words were typed */
	size_t at;    /* where they led */
	int is_open;  /* they are being typed */
};
/* Whether a row has the words; case makes no difference. */
struct list_rows {
	int (*has)(const void *arg, size_t row, const char *words);
	const void *arg;
};
/* As view_ops.search: 0: not found, and the cursor stays. */
int list_find(struct list_find *find, struct list *list, const struct list_rows *rows,
	const char *words, size_t len, int is_back, int is_final);
void list_find_finish(struct list_find *find);

#endif
