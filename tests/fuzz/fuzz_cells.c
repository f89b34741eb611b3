/* Text of any bytes as cells: nothing that a terminal obeys is drawn, and no byte is left out. */
#include "base/escape.h"
#include "base/utf8.h"
#include "tui/cells.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shown(const struct cell *cell)
{
	size_t len = strlen(cell->shown), n;

	for (size_t i = 0; i < len; i += n) {
		uint32_t cp = 0;

		n = utf8_decode(cell->shown + i, len - i, &cp);
		if (!n || escape_needed(cp)) {
			abort();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int is_set;
	const char *text = (const char *)data;
	struct cell cell, before;
	int column = 0;

	if (!is_set) {
		is_set = 1;
		setlocale(LC_CTYPE, "C.UTF-8");
	}
	for (size_t at = 0; at < size; at += cell.len) {
		cell_read(&cell, text, size, at, column);
		if (!cell.len || cell.len > size - at || cell.width < 0 ||
			(!cell.width && text[at] != '\n')) {
			abort();
		}
		check_shown(&cell);
		column += cell.width;
		cell_read_before(&before, text, size, at + cell.len);
		if (before.at + before.len != at + cell.len) {
			abort();
		}
	}
	if (cells_fit(text, size, column) != size || cells_width(text, size) != column) {
		abort();
	}
	return 0;
}
