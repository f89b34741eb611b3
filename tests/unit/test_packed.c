/* Packed single files are read as what is inside; bombs, damage and archives end in a sentence. */
#include "format_read.h"

#include "base/buf.h"

#include <archive.h>
#include <archive_entry.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The bytes as one file packed by libarchive, or (with a name) as the only file of an archive. */
static struct buf pack(int format, int filter, const char *name, const char *bytes, size_t len)
{
	struct buf out = BUF_INIT;
	struct archive *archive = archive_write_new();
	struct archive_entry *entry = archive_entry_new();

	out.cap = 2 * len + 65536;
	out.data = mem_alloc(out.cap);
	assert_int_equal(ARCHIVE_OK, archive_write_set_format(archive, format));
	assert_int_equal(ARCHIVE_OK, archive_write_add_filter(archive, filter));
	archive_write_set_bytes_in_last_block(archive, 1);
	assert_int_equal(
		ARCHIVE_OK, archive_write_open_memory(archive, out.data, out.cap, &out.len));
	archive_entry_set_pathname(entry, name ? name : "data");
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0600);
	archive_entry_set_size(entry, (int64_t)len);
	assert_int_equal(ARCHIVE_OK, archive_write_header(archive, entry));
	assert_int_equal(len, archive_write_data(archive, bytes, len));
	archive_entry_free(entry);
	assert_int_equal(ARCHIVE_OK, archive_write_close(archive));
	archive_write_free(archive);
	return out;
}

static const int filters[] = {
	ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_BZIP2};
static const char *const suffixes[] = {"gz", "xz", "zst", "bz2"};

static void check_refused(
	const char *path, const struct buf *bytes, enum skip_class class, const char *reason)
{
	struct format_read read = format_read(path, bytes->data, bytes->len);

	assert_int_equal(-1, read.status);
	assert_int_equal(class, read.skip.class);
	if (!strstr(read.skip.reason, reason)) {
		fail_msg("%s: %s", path, read.skip.reason);
	}
	format_read_finish(&read);
}

static void each_packing_is_read_as_what_is_inside(void **state)
{
	static const char text[] = "int main(void)\n{\n}\n";

	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		struct buf bytes =
			pack(ARCHIVE_FORMAT_RAW, filters[i], NULL, text, sizeof(text) - 1);
		char *path = mem_printf("dir.d/main.c.%s", suffixes[i]);
		struct format_read read = format_read(path, bytes.data, bytes.len);

		assert_int_equal(READ_END, read.status);
		assert_string_equal("packed", read.loader);
		assert_int_equal(DOCUMENT_CODE, read.document.kind);
		assert_int_equal(1, read.document.n_part);
		assert_int_equal(sizeof(text) - 1, read.document.part[0].len);
		assert_memory_equal(text, read.document.part[0].text, sizeof(text) - 1);
		format_read_finish(&read);
		buf_finish(&bytes);
		free(path);
	}
}

static void every_cut_and_most_damage_is_found(void **state)
{
	char text[3000];

	for (size_t i = 0; i < sizeof(text); i++) {
		text[i] = (char)(i % 61 ? 'a' + i * i % 26 : '\n');
	}
	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		struct buf bytes = pack(ARCHIVE_FORMAT_RAW, filters[i], NULL, text, sizeof(text));

		for (size_t len = 12; len < bytes.len; len += len < bytes.len - 40 ? 17 : 1) {
			struct format_read read = format_read("a.gz", bytes.data, len);

			assert_int_equal(-1, read.status);
			if (!strstr(read.skip.reason, "is damaged")) {
				fail_msg("%s, %zu bytes: %s", suffixes[i], len, read.skip.reason);
			}
			assert_int_equal(SKIP_UNREADABLE, read.skip.class);
			format_read_finish(&read);
		}
		/*
		 * A flipped bit of the data: never other text than what was packed. (What
		 * libarchive writes as zstd has no checksum, unlike zstd(1)'s.)
		 */
		for (size_t at = 20; at < bytes.len && filters[i] != ARCHIVE_FILTER_ZSTD; at += 7) {
			struct format_read read;

			bytes.data[at] ^= 4;
			read = format_read("a.gz", bytes.data, bytes.len);
			if (read.status == READ_END) {
				assert_int_equal(sizeof(text), read.document.part[0].len);
				assert_memory_equal(text, read.document.part[0].text, sizeof(text));
			}
			format_read_finish(&read);
			bytes.data[at] ^= 4;
		}
		buf_finish(&bytes);
	}
}

static void members_of_gzip_are_joined(void **state)
{
	struct buf one = pack(ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_GZIP, NULL, "one\n", 4);
	struct buf two = pack(ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_GZIP, NULL, "two\n", 4);
	struct format_read read;

	buf_add(&one, two.data, two.len);
	buf_add(&one, "\0\0\0\0", 4); /* padding */
	read = format_read("log.gz", one.data, one.len);
	assert_int_equal(READ_END, read.status);
	assert_int_equal(8, read.document.part[0].len);
	assert_memory_equal("one\ntwo\n", read.document.part[0].text, 8);
	format_read_finish(&read);
	buf_finish(&one);
	buf_finish(&two);
}

static void a_bomb_is_one_sentence(void **state)
{
	size_t len = 80 << 20;
	char *zeros = mem_zero(len, 1);

	memset(zeros, ' ', len);
	for (size_t i = 1; i < ARRAY_LEN(filters); i++) {
		struct buf bytes = pack(ARCHIVE_FORMAT_RAW, filters[i], NULL, zeros, len);

		check_refused("bomb", &bytes, SKIP_UNREADABLE, "unpacks to more than");
		buf_finish(&bytes);
	}
	free(zeros);
}

static void layers_are_counted(void **state)
{
	struct buf bytes = BUF_INIT;

	buf_addstr(&bytes, "text\n");
	for (int layers = 1; layers <= 3; layers++) {
		struct buf outer =
			pack(ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_GZIP, NULL, bytes.data, bytes.len);

		buf_finish(&bytes);
		bytes = outer;
		if (layers == 2) {
			struct format_read read = format_read("a.gz.gz", bytes.data, bytes.len);

			assert_int_equal(READ_END, read.status);
			assert_memory_equal("text\n", read.document.part[0].text, 5);
			format_read_finish(&read);
		}
	}
	check_refused("a.gz.gz.gz", &bytes, SKIP_UNREADABLE, "packed more than 2 times");
	buf_finish(&bytes);
}

static void an_empty_file_inside_is_empty(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(filters); i++) {
		struct buf bytes = pack(ARCHIVE_FORMAT_RAW, filters[i], NULL, "", 0);

		if (bytes.len) { /* libarchive writes nothing at all in some formats */
			check_refused("a.gz", &bytes, SKIP_RULE, "is empty");
		}
		buf_finish(&bytes);
	}
}

static void archives_are_refused_with_what_to_do(void **state)
{
	static const struct {
		const char *path;
		int format, filter;
		const char *reason;
	} cases[] = {
		{"a.zip", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE,
			"is an archive (zip, 1 file): unpack it and name the folder"},
		{"a.tar", ARCHIVE_FORMAT_TAR_PAX_RESTRICTED, ARCHIVE_FILTER_NONE,
			"is an archive (tar, 1 file): unpack it and name the folder"},
		{"a.tar.gz", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP,
			"is an archive (tar, 1 file): unpack it and name the folder"},
		{"a.tgz", ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_XZ, "is an archive (tar"},
		{"a.7z", ARCHIVE_FORMAT_7ZIP, ARCHIVE_FILTER_NONE,
			"is an archive (7z): unpack it and name the folder"},
		{"a.txt", ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE, "is an archive (zip, 1 file)"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf bytes = pack(cases[i].format, cases[i].filter, "notes.txt", "text\n", 5);

		check_refused(cases[i].path, &bytes, SKIP_RULE, cases[i].reason);
		buf_finish(&bytes);
	}
}

static void what_is_binary_is_named(void **state)
{
	static const char png[] =
		"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\2\0\0\0\x90wS\xde";
	static const char elf[] = "\x7f"
				  "ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0\x3e\0\1\0\0\0\0\0\0\0\0\0\0\0"
				  "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	struct buf bytes = BUF_INIT;

	buf_add(&bytes, png, sizeof(png) - 1);
	check_refused("a.png", &bytes, SKIP_RULE, "is a picture (PNG): carrel reads text");
	buf_clear(&bytes);
	buf_add(&bytes, elf, sizeof(elf) - 1);
	check_refused("a.out", &bytes, SKIP_RULE, "is binary: ELF 64-bit LSB");
	check_refused("a.c", &bytes, SKIP_RULE, "is binary: ELF 64-bit LSB");
	buf_clear(&bytes);
	buf_add(&bytes, "ab\0cd", 5);
	check_refused("a.txt", &bytes, SKIP_RULE, "is binary: it holds NUL bytes");
	buf_finish(&bytes);
}

static void a_packed_secret_is_a_secret(void **state)
{
	struct buf bytes = pack(ARCHIVE_FORMAT_RAW, ARCHIVE_FILTER_GZIP, NULL, "A=b\n", 4);

	check_refused("dir/.env.gz", &bytes, SKIP_RULE, "secret");
	buf_finish(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_packing_is_read_as_what_is_inside),
		cmocka_unit_test(every_cut_and_most_damage_is_found),
		cmocka_unit_test(members_of_gzip_are_joined),
		cmocka_unit_test(a_bomb_is_one_sentence),
		cmocka_unit_test(layers_are_counted),
		cmocka_unit_test(an_empty_file_inside_is_empty),
		cmocka_unit_test(archives_are_refused_with_what_to_do),
		cmocka_unit_test(what_is_binary_is_named),
		cmocka_unit_test(a_packed_secret_is_a_secret),
	};

	return cmocka_run_group_tests_name("packed", tests, NULL, NULL);
}
