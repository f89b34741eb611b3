/* A theme file of any bytes is read, or refused with a place; what is read can be shown anywhere. */
#include "tui/theme.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int n_color[] = {0, 8, 16, 256, 1 << 24};
	struct theme theme = {0};
	struct err err = {0};

	if (theme_parse(&theme, "fuzz", (const char *)data, size, &err) < 0) {
		if (!err.what[0] || !err.where[0]) {
			abort();
		}
		return 0;
	}
	for (int i = 0; i < ELEMENT_COUNT; i++) {
		for (size_t n = 0; n < sizeof(n_color) / sizeof(n_color[0]); n++) {
			struct theme_style fit = theme_style_fit(theme.style[i], n_color[n]);

			if (fit.fg >= (n_color[n] ? n_color[n] : 1) ||
				fit.bg >= (n_color[n] ? n_color[n] : 1)) {
				abort();
			}
		}
	}
	return 0;
}
