/*
 * A file of vectors as another process or a crash may have left it, and with a head and checksums that
 * are right: what is believed are finite numbers, and as many rows as there is room for.
 */
#include "base/buf.h"
#include "base/crc32c.h"
#include "base/f16.h"
#include "session/vectors_file.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { N = 5, ROW_BYTES = 32 + 2 * N + 4, HEAD_BYTES = 88 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct vectors_model model = {
	.digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", .n = N};

static void check_row(void *arg, const struct sha256_digest *key, const uint16_t *value)
{
	for (size_t i = 0; i < N; i++) {
		if (!isfinite(f16_to(value[i]))) {
			abort();
		}
	}
	++*(int64_t *)arg;
}

static void scan(const struct buf *bytes)
{
	FILE *file = fmemopen((void *)(uintptr_t)buf_str(bytes), bytes->len + 1, "rb");
	int64_t n_good = 0, n_row;

	if (!file) {
		abort();
	}
	if (vectors_file_scan(file, &model, check_row, &n_good, &n_row) == 0 &&
		(n_good > n_row || n_row > (int64_t)bytes->len / ROW_BYTES)) {
		abort();
	}
	fclose(file);
}

/* A head that is right, and rows whose checksums are. */
static void mend(struct buf *out, const uint8_t *data, size_t size)
{
	uint32_t n = N, crc;

	buf_addstr(out, VECTORS_FILE_MAGIC);
	buf_add(out, model.digest, 64);
	buf_add(out, &n, sizeof(n));
	crc = crc32c(0, out->data, out->len);
	buf_add(out, &crc, sizeof(crc));
	for (; size >= ROW_BYTES - 4; data += ROW_BYTES - 4, size -= ROW_BYTES - 4) {
		buf_add(out, data, ROW_BYTES - 4);
		crc = crc32c(0, data, ROW_BYTES - 4);
		buf_add(out, &crc, sizeof(crc));
	}
	buf_add(out, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf bytes = BUF_INIT;

	buf_add(&bytes, data, size);
	scan(&bytes);
	buf_clear(&bytes);
	mend(&bytes, data, size);
	scan(&bytes);
	buf_finish(&bytes);
	return 0;
}
