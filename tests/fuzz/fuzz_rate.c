/*
 * A file of rates as another process or a crash may have left it, and with a checksum that is right:
 * what is believed is finite and predicts no negative time.
 */
#include "base/buf.h"
#include "base/sha256.h"
#include "engine/rate.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_rates(const char *text, size_t len)
{
	struct rate rate;

	if (rate_parse(&rate, text, len) == 0) {
		double s = rate_predict(&rate, 1000, 3000, 512);

		if (!(s >= 0 || s == -1) || !(rate.memory_bytes_per_s >= 0)) {
			abort();
		}
	} else if (rate.one.n_sample || rate.many.n_sample) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT;
	struct sha256_digest sum = sha256_of(data, size);
	char hex[65];

	read_rates((const char *)data, size);
	sha256_hex(&sum, hex);
	buf_add(&text, data, size);
	buf_printf(&text, "sha256 %s\n", hex);
	read_rates(buf_str(&text), text.len);
	buf_finish(&text);
	return 0;
}
