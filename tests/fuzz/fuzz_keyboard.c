/* Whatever a terminal sends, in whatever pieces: every byte is used up, each key is whole. */
#include "base/utf8.h"
#include "tui/keyboard.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t drain(struct keyboard *keyboard, int is_late)
{
	struct key key;
	int wait_ms;
	size_t n = 0;

	while (keyboard_next(keyboard, is_late, &key, &wait_ms)) {
		if (key.special == KEY_NONE && key.cp > 0x10ffff) {
			abort();
		}
		if (key.special == KEY_FUNCTION && (key.cp < 1 || key.cp > 12)) {
			abort();
		}
		n++;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keyboard *keyboard = keyboard_create();
	size_t piece = size ? 1 + data[0] % 16 : 1, n_key = 0;

	for (size_t at = 1; at < size; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		keyboard_feed(keyboard, (const char *)data + at, n);
		n_key += drain(keyboard, 0);
	}
	n_key += drain(keyboard, 1);
	if (n_key > size + 1) { /* the end of a paste is a key without a byte of its own */
		abort();
	}
	keyboard_destroy(keyboard);
	return 0;
}
