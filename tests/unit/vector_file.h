/* Files that stand in tests/vectors. */
#ifndef TESTS_UNIT_VECTOR_FILE_H
#define TESTS_UNIT_VECTOR_FILE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The bytes of tests/vectors/FOLDER/NAME; the test fails where it is not there. */
static inline struct buf vector_file(const char *folder, const char *name)
{
	const char *source = getenv("CARREL_TEST_SOURCE");
	char *path = mem_printf("%s/tests/vectors/%s/%s", source ? source : ".", folder, name);
	struct buf bytes = BUF_INIT;
	struct err err;

	if (file_read(&bytes, path, 16 << 20, &err) < 0) {
		fail_msg("%s: %s", err.where, err.what);
	}
	free(path);
	return bytes;
}

#endif
