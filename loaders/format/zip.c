/* Entries of zip files, through libarchive. */
#include "loaders/format/zip.h"

#include "base/mem.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { READ_BYTES = 65536, LOCAL_HEADER_BYTES = 30, LISTING_BYTES = 1 << 20 };

struct zip_file {
	char *name;
	struct buf bytes;
};

struct zip {
	struct zip_file *file; /* by name, once all are read */
	size_t n_file, cap_file;
	size_t n_bytes;
};

/* libarchive drops names that the locale's encoding lacks; this one has all. (locale_t)0: it is not there. */
static locale_t utf8_locale;

void zip_prepare(void)
{
	if (!utf8_locale) {
		utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	}
}

int zip_probe(const struct input *input)
{
	return input->len > LOCAL_HEADER_BYTES && memcmp(input->data, "PK\3\4", 4) == 0;
}

int zip_has_mimetype(const struct input *input, const char *type)
{
	static const char name[] = "mimetype";
	size_t type_len = strlen(type), name_len = sizeof(name) - 1;
	const unsigned char *header = (const unsigned char *)input->data;
	size_t extra_len, at;

	if (!zip_probe(input) || header[26] != name_len || header[27]) {
		return 0;
	}
	extra_len = header[28] + 256u * header[29];
	at = LOCAL_HEADER_BYTES + name_len + extra_len;
	return at + type_len <= input->len &&
	       memcmp(input->data + LOCAL_HEADER_BYTES, name, name_len) == 0 &&
	       memcmp(input->data + at, type, type_len) == 0;
}

int zip_lists(const struct input *input, const char *name)
{
	size_t len = input->len < LISTING_BYTES ? input->len : LISTING_BYTES;

	return zip_probe(input) &&
	       memmem(input->data + input->len - len, len, name, strlen(name)) != NULL;
}

int zip_name_ends(const char *name, const char *const *ending)
{
	size_t len = strlen(name);

	for (; *ending; ending++) {
		size_t end_len = strlen(*ending);

		if (len >= end_len && strcasecmp(name + len - end_len, *ending) == 0) {
			return 1;
		}
	}
	return 0;
}

static int skip_damaged(struct archive *archive, struct skip *skip)
{
	const char *why = archive_error_string(archive);

	return skip_set(skip, SKIP_UNREADABLE, "is a damaged zip file: %s",
		why ? why : "its entries cannot be read");
}

static int skip_bomb(struct skip *skip)
{
	return skip_set(skip, SKIP_UNREADABLE,
		"unpacks to more than the limit of %d bytes, or %d times its size", LOAD_MAX_BYTES,
		ZIP_MAX_RATIO);
}

static int is_bomb(const struct zip *zip, const struct input *input)
{
	return zip->n_bytes > LOAD_MAX_BYTES ||
	       (zip->n_bytes > ZIP_RATIO_FROM_BYTES && zip->n_bytes / ZIP_MAX_RATIO > input->len);
}

static int read_entry(struct zip *zip, struct archive *archive, const char *name,
	const struct input *input, struct skip *skip)
{
	static _Thread_local char chunk[READ_BYTES];
	struct zip_file *file;
	la_ssize_t n;

	mem_grow(zip->file, zip->n_file, zip->cap_file);
	file = &zip->file[zip->n_file++];
	*file = (struct zip_file){.name = mem_strdup(name)};
	while ((n = archive_read_data(archive, chunk, sizeof(chunk))) > 0) {
		zip->n_bytes += (size_t)n;
		if (is_bomb(zip, input)) {
			return skip_bomb(skip);
		}
		if (buf_try_reserve(&file->bytes, (size_t)n) < 0) {
			return skip_set(skip, SKIP_UNREADABLE, "needs more memory than there is");
		}
		buf_add(&file->bytes, chunk, (size_t)n);
	}
	return n < 0 ? skip_damaged(archive, skip) : 0;
}

static int read_entries(struct zip *zip, struct archive *archive, const struct input *input,
	int (*is_wanted)(const char *name), struct skip *skip)
{
	struct archive_entry *entry;
	int status;

	for (size_t n = 0; (status = archive_read_next_header(archive, &entry)) >= ARCHIVE_WARN &&
			   status != ARCHIVE_EOF;
		n++) {
		const char *name = archive_entry_pathname(entry);

		if (n == ZIP_MAX_ENTRIES) {
			return skip_set(skip, SKIP_UNREADABLE,
				"is a zip file of more than %d entries", ZIP_MAX_ENTRIES);
		}
		if (!name || strlen(name) > ZIP_MAX_NAME_BYTES || !is_wanted(name)) {
			continue;
		}
		if (archive_entry_is_encrypted(entry)) {
			return skip_set(skip, SKIP_UNREADABLE,
				"is encrypted: give a copy without a password");
		}
		if (read_entry(zip, archive, name, input, skip) < 0) {
			return -1;
		}
	}
	return status == ARCHIVE_EOF ? 0 : skip_damaged(archive, skip);
}

static int compare_files(const void *a, const void *b)
{
	const struct zip_file *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int zip_open(struct zip **zip, const struct input *input, int (*is_wanted)(const char *name),
	struct skip *skip)
{
	struct archive *archive = archive_read_new();
	locale_t before;
	int status;

	zip_prepare();
	before = uselocale(utf8_locale);
	if (!archive) {
		mem_exhausted();
	}
	*zip = mem_zero(1, sizeof(**zip));
	archive_read_support_format_zip_seekable(archive);
	if (archive_read_open_memory(archive, input->data, input->len) != ARCHIVE_OK) {
		status = skip_damaged(archive, skip);
	} else {
		status = read_entries(*zip, archive, input, is_wanted, skip);
	}
	archive_read_free(archive);
	uselocale(before);
	if (status < 0) {
		zip_close(*zip);
		*zip = NULL;
	} else if ((*zip)->n_file) {
		qsort((*zip)->file, (*zip)->n_file, sizeof(*(*zip)->file), compare_files);
	}
	return status;
}

void zip_close(struct zip *zip)
{
	if (zip) {
		for (size_t i = 0; i < zip->n_file; i++) {
			free(zip->file[i].name);
			buf_finish(&zip->file[i].bytes);
		}
		free(zip->file);
		free(zip);
	}
}

const struct buf *zip_entry(const struct zip *zip, const char *name)
{
	struct zip_file key = {.name = (char *)name};
	struct zip_file *found = zip->n_file ? bsearch(&key, zip->file, zip->n_file,
						       sizeof(*zip->file), compare_files)
					     : NULL;

	return found ? &found->bytes : NULL;
}

const char *zip_name(const struct zip *zip, size_t i)
{
	return i < zip->n_file ? zip->file[i].name : NULL;
}
