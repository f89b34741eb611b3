/*
 * Zip files that are documents (DOCX, ODT, EPUB): the entries that a reader wants, unpacked into
 * memory by libarchive. Nothing is written anywhere, and names are only compared: one that climbs out
 * of the archive ("../x") is found by nobody.
 */
#ifndef LOADERS_FORMAT_ZIP_H
#define LOADERS_FORMAT_ZIP_H

#include "loaders/loader.h"

enum {
	ZIP_MAX_ENTRIES = 100000,
	ZIP_MAX_NAME_BYTES = 4096,
	/* Of what is unpacked, once it is more than ZIP_RATIO_FROM_BYTES; deflate reaches 1,032. */
	ZIP_MAX_RATIO = 250,
	ZIP_RATIO_FROM_BYTES = 32 << 20,
};

void zip_prepare(void); /* see formats_prepare() */

struct zip;

/* Whether the input begins as a zip file does. */
int zip_probe(const struct input *input);
/*
 * Whether it is a document of this type: its first entry is "mimetype" and holds `type` (EPUB, ODT),
 * wherever `type` may go on.
 */
int zip_has_mimetype(const struct input *input, const char *type);
/* Whether an entry of this name is listed, by a look at the end of the file. */
int zip_lists(const struct input *input, const char *name);

/*
 * Unpack all entries that `is_wanted`, up to LOAD_MAX_BYTES together. -1 with *skip where the file is
 * damaged, one of them is encrypted, or the limits are passed.
 */
int zip_open(struct zip **zip, const struct input *input, int (*is_wanted)(const char *name),
	struct skip *skip);
void zip_close(struct zip *zip); /* NULL-safe */
/* The entry's bytes, or NULL; of several of the same name any. */
const struct buf *zip_entry(const struct zip *zip, const char *name);
/* The name of the i-th unpacked entry in the order of their names, or NULL behind the last. */
const char *zip_name(const struct zip *zip, size_t i);
/* For is_wanted(): whether a name ends in one of these, case folded; NULL at the end. */
int zip_name_ends(const char *name, const char *const *ending);

#endif
