/*
 * libmagic names what carrel does not read. It costs up to a millisecond a file, so it is asked only
 * about what extension, NUL bytes and UTF-8 leave open: what turned out to be no text.
 */
#include "loaders/format/magic.h"

#include "base/mem.h"

#include <archive.h>
#include <archive_entry.h>
#include <magic.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOOK_BYTES = 1 << 20, /* of the file; what it says stands at the beginning */
	MOST_ENTRIES = 100000,
};

static magic_t database;
static int is_tried;

/*
 * Only the checks for binary data: the others look for text, or unpack, which is done elsewhere.
 * None of them opens anything.
 */
enum {
	CHECKS = MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_ENCODING | MAGIC_NO_CHECK_TOKENS |
		 MAGIC_NO_CHECK_CSV | MAGIC_NO_CHECK_JSON,
};

void magic_prepare(void)
{
	if (is_tried) {
		return;
	}
	is_tried = 1;
	database = magic_open(CHECKS);
	if (database && magic_load(database, NULL) < 0) {
		magic_close(database); /* no database on this system: messages name less */
		database = NULL;
	}
}

/* Static until the next call; NULL where libmagic does not know. */
static const char *look(const struct input *input, int flags)
{
	magic_prepare();
	if (!database || magic_setflags(database, CHECKS | flags) < 0) {
		return NULL;
	}
	return magic_buffer(
		database, input->data, input->len < LOOK_BYTES ? input->len : LOOK_BYTES);
}

/* What is said of a type, and of all that begin so; %s is its short name in capitals. */
static const struct known {
	const char *type, *reason;
} known[] = {
	{"image/", "is a picture (%s): carrel reads text"},
	{"audio/", "is a recording (%s): carrel reads text; give a transcript of it"},
	{"video/", "is a video (%s): carrel reads text; give a transcript of it"},
	{"font/", "is a font (%s): carrel reads text"},
	{"application/vnd.ms-opentype", "is a font: carrel reads text"},
	{"application/msword",
		"is a Word document of the old kind (.doc): save it as .docx or PDF"},
	{"application/vnd.ms-excel", "is a spreadsheet (Excel): save it as CSV"},
	{"application/vnd.openxmlformats-officedocument.spreadsheetml",
		"is a spreadsheet (Excel): save it as CSV"},
	{"application/vnd.oasis.opendocument.spreadsheet", "is a spreadsheet: save it as CSV"},
	{"application/vnd.ms-powerpoint", "is a presentation (PowerPoint): save it as PDF"},
	{"application/vnd.openxmlformats-officedocument.presentationml",
		"is a presentation (PowerPoint): save it as PDF"},
	{"application/vnd.oasis.opendocument.presentation", "is a presentation: save it as PDF"},
	{"application/x-mobipocket-ebook", "is a Kindle book: convert it to EPUB"},
	{"application/vnd.sqlite3", "is an SQLite database: export what is to be read as text"},
	{"application/x-sqlite3", "is an SQLite database: export what is to be read as text"},
};

/* Types of archives without "application/", and what people call them. */
static const struct {
	const char *type, *name;
} archives[] = {
	{"zip", "zip"},
	{"x-tar", "tar"},
	{"x-7z-compressed", "7z"},
	{"x-rar", "rar"},
	{"java-archive", "jar"},
	{"vnd.debian.binary-package", "deb"},
	{"x-archive", "ar"},
	{"x-rpm", "rpm"},
	{"x-cpio", "cpio"},
	{"x-iso9660-image", "iso"},
	{"vnd.ms-cab-compressed", "cab"},
	{"x-lha", "lha"},
	{"x-xar", "xar"},
	{"vnd.android.package-archive", "apk"},
	{"x-lzip", "lzip"},
	{"x-compress", "compress"},
	{"x-lz4", "lz4"},
	{"x-lrzip", "lrzip"},
	{"x-lzop", "lzop"},
};

/* "image/vnd.adobe.photoshop" -> "PHOTOSHOP", "image/x-tga" -> "TGA". */
static char *short_name(const char *type)
{
	const char *name = strchr(type, '/') ? strchr(type, '/') + 1 : type;
	const char *dot = strrchr(name, '.');
	char *out;

	name = dot ? dot + 1 : strncmp(name, "x-", 2) == 0 ? name + 2 : name;
	out = mem_strdup(name);
	for (char *c = out; *c; c++) {
		*c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
	}
	return out;
}

/* How many files a zip or tar archive lists; 0 where that cannot be told. */
static int entry_count(const struct input *input)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	int n = 0, status = ARCHIVE_FATAL;

	if (archive) {
		archive_read_support_format_zip_seekable(archive);
		archive_read_support_format_tar(archive);
		if (archive_read_open_memory(archive, input->data, input->len) == ARCHIVE_OK) {
			while ((status = archive_read_next_header(archive, &entry)) >=
					ARCHIVE_WARN &&
				status != ARCHIVE_EOF && n < MOST_ENTRIES) {
				n += archive_entry_filetype(entry) != AE_IFDIR;
			}
		}
		archive_read_free(archive);
	}
	return status == ARCHIVE_EOF ? n : 0;
}

static char *archive_reason(const struct input *input, const char *name)
{
	int n = entry_count(input);

	if (!n) {
		return mem_printf("is an archive (%s): unpack it and name the folder", name);
	}
	return mem_printf("is an archive (%s, %d file%s): unpack it and name the folder", name, n,
		n == 1 ? "" : "s");
}

/* The reason of a type that has one; NULL. */
static char *type_reason(const struct input *input, const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strncmp(type, known[i].type, strlen(known[i].type)) == 0) {
			char *name = short_name(type), *reason = mem_strdup(known[i].reason);
			char *place = strstr(reason, "%s");

			if (place) {
				char *out = mem_printf(
					"%.*s%s%s", (int)(place - reason), reason, name, place + 2);

				free(reason);
				reason = out;
			}
			free(name);
			return reason;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(archives); i++) {
		if (strncmp(type, "application/", 12) == 0 &&
			strcmp(type + 12, archives[i].type) == 0) {
			return archive_reason(input, archives[i].name);
		}
	}
	return NULL;
}

/* The first clause of "ELF 64-bit LSB pie executable, x86-64, version 1 (SYSV)...", of one line. */
static char *first_clause(const char *description)
{
	enum { MOST = 80 };
	size_t len = strcspn(description, ",\n(");
	char *clause;

	len = len < MOST ? len : MOST;
	while (len && description[len - 1] == ' ') {
		len--;
	}
	clause = mem_strndup(description, len);
	for (char *c = clause; *c; c++) {
		*c = (char)(*c < ' ' || *c > '~' ? '?' : *c); /* libmagic may quote the file */
	}
	return clause;
}

char *magic_reason(const struct input *input)
{
	const char *type = look(input, MAGIC_MIME_TYPE), *description;
	char *reason = type ? type_reason(input, type) : NULL, *clause;

	if (reason) {
		return reason;
	}
	description = look(input, 0);
	if (description && *description && strcmp(description, "data") != 0 &&
		!strstr(description, "text")) {
		clause = first_clause(description);
		reason = mem_printf("is binary: %s", clause);
		free(clause);
		return reason;
	}
	return mem_strdup(input->len && memchr(input->data, 0, input->len)
				  ? "is binary: it holds NUL bytes"
				  : "is binary: it holds control characters");
}
