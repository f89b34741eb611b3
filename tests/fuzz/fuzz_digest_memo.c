/*
 * What stands in the place of a remembered digest: nothing crashes, and what is believed is what would
 * have been written. The input's tail is damage to a true memory, so that checksums are no wall.
 */
#include "engine/model/digest_memo.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

static void read_it(const uint8_t *bytes, size_t size, const struct file_stamp *stamp)
{
	struct sha256_digest digest;
	uint8_t again[DIGEST_MEMO_BYTES];

	if (digest_memo_read(&digest, bytes, size, stamp, 1)) {
		digest_memo_write(again, stamp, 1, &digest);
		must(size == sizeof(again) && memcmp(again, bytes, size) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sha256_digest digest = {{0}};
	struct file_stamp stamp = {0};
	uint8_t bytes[DIGEST_MEMO_BYTES];

	read_it(data, size, &stamp);
	memcpy(&stamp, data, size < sizeof(stamp) ? size : sizeof(stamp));
	read_it(data, size, &stamp);
	digest_memo_write(bytes, &stamp, 1, &digest);
	must(digest_memo_read(&digest, bytes, sizeof(bytes), &stamp, 1));
	for (size_t i = sizeof(stamp); i + 1 < size; i += 2) {
		bytes[data[i] % sizeof(bytes)] ^= data[i + 1];
	}
	read_it(bytes, sizeof(bytes), &stamp);
	return 0;
}
