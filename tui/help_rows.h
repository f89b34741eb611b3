/* Help, out of the tables: the keys of a view, those that always work, the /commands. */
#ifndef TUI_HELP_ROWS_H
#define TUI_HELP_ROWS_H

#include "tui/keys.h"

#include <stddef.h>

struct help_row {
	char *key;  /* "Enter", "/load PATH", "" where it goes on; NULL: `text` is a heading */
	char *text; /* never NULL */
	const char *command; /* the name of a /command; NULL: a key */
};
struct help_rows { /* zero-initialise */
	struct help_row *row;
	size_t n_row, cap_row;
	int key_columns; /* where texts begin */
};
/* Keys as they are bound now, in rows of so many columns. */
void help_rows_make(struct help_rows *rows, const struct keys *keys, enum view_bit view,
	const char *view_name, int columns);
void help_rows_finish(struct help_rows *rows);

#endif
