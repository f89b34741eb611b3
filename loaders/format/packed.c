/*
 * A single file that is packed: gzip (zlib, which checks what it unpacks), xz, zstd and bzip2
 * (libarchive). What is inside is read by the loader that its name without the suffix and its content
 * ask for. An archive inside (.tar.gz) is refused there, as any other.
 */
#include "loaders/format/format.h"

#include "base/mem.h"
#include "loaders/secret.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

/*
 * Nobody packs text so well: 64 MB of one repeated line are some 60 KB in gzip; bombs are made of
 * zeros, and packed twice.
 */
enum {
	RATIO_MAX = 2000,
	RATIO_BYTES = 32 << 20, /* below this it does no harm */
	LAYERS_MAX = 2,
};

static const struct packing {
	const char *name, *magic;
	size_t magic_len;
	int filter; /* libarchive's; gzip is zlib's */
	/* what nothing at all is packed into: libarchive finds nothing in the first half, too */
	size_t empty_len[2];
} packings[] = {
	{"gzip", "\x1f\x8b\x08", 3, ARCHIVE_FILTER_GZIP, {20, 20}},
	{"xz",
		"\xfd"
		"7zXZ\0",
		6, ARCHIVE_FILTER_XZ, {32, 32}},
	{"zstd", "\x28\xb5\x2f\xfd", 4, ARCHIVE_FILTER_ZSTD, {9, 13}},
	{"bzip2", "BZh", 3, ARCHIVE_FILTER_BZIP2, {14, 14}},
};

/* What a name loses, and what is put in its place. */
static const struct suffix {
	const char *suffix, *instead;
} suffixes[] = {
	{".gz", ""},
	{".xz", ""},
	{".zst", ""},
	{".bz2", ""},
	{".tgz", ".tar"},
	{".txz", ".tar"},
	{".tbz2", ".tar"},
	{".svgz", ".svg"},
};

static const struct packing *packing_of(const char *data, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(packings); i++) {
		if (len >= packings[i].magic_len + 1 &&
			memcmp(data, packings[i].magic, packings[i].magic_len) == 0) {
			int is_bzip2 = packings[i].filter == ARCHIVE_FILTER_BZIP2;

			/* "BZh" may begin a text; a block or the end of the stream follows. */
			if (is_bzip2 &&
				(len < 10 || (memcmp(data + 4, "1AY&SY", 6) != 0 &&
						     memcmp(data + 4, "\x17\x72\x45\x38\x50\x90",
							     6) != 0))) {
				continue;
			}
			return &packings[i];
		}
	}
	return NULL;
}

static char *inner_path(const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		size_t suffix_len = strlen(suffixes[i].suffix);

		if (len > suffix_len && path[len - suffix_len - 1] != '/' &&
			strcasecmp(path + len - suffix_len, suffixes[i].suffix) == 0) {
			return mem_printf(
				"%.*s%s", (int)(len - suffix_len), path, suffixes[i].instead);
		}
	}
	return mem_strdup(path);
}

static int damaged(const struct packing *packing, const char *how, struct skip *skip)
{
	return skip_set(skip, SKIP_UNREADABLE, "is damaged: its %s data %s", packing->name, how);
}

/* Whether so much of so few bytes may still be a file that somebody wants to read. */
static int check_size(size_t unpacked, size_t packed, struct skip *skip)
{
	if (unpacked > LOAD_MAX_BYTES) {
		return skip_set(skip, SKIP_UNREADABLE,
			"unpacks to more than the limit of %d bytes: unpack it and give a part of "
			"it",
			LOAD_MAX_BYTES);
	}
	if (unpacked > RATIO_BYTES && unpacked / RATIO_MAX > packed) {
		return skip_set(skip, SKIP_UNREADABLE,
			"unpacks to more than %d times its size, as no text does: unpack it "
			"yourself if "
			"it is meant",
			RATIO_MAX);
	}
	return 0;
}

static int out_of_memory(struct skip *skip)
{
	return skip_set(skip, SKIP_UNREADABLE, "unpacks to more than memory holds");
}

/* One member after the other; what follows the last and is none (padding) is left alone. */
static int inflate_members(struct buf *out, z_stream *stream, const struct packing *packing,
	size_t len, struct skip *skip)
{
	for (;;) {
		size_t room = out->cap - out->len;
		int status;

		if (room < 65536 && buf_try_reserve(out, 65536 + out->len / 2) < 0) {
			return out_of_memory(skip);
		}
		room = out->cap - out->len - 1;
		room = room > UINT32_MAX ? UINT32_MAX : room;
		stream->next_out = (unsigned char *)out->data + out->len;
		stream->avail_out = (unsigned)room;
		status = inflate(stream, Z_NO_FLUSH);
		out->len += room - stream->avail_out;
		out->data[out->len] = 0;
		if (check_size(out->len, len, skip) < 0) {
			return -1;
		}
		if (status == Z_STREAM_END) {
			if (stream->avail_in < 3 ||
				memcmp(stream->next_in, packing->magic, 3) != 0) {
				return 0;
			}
			status = inflateReset(stream);
		}
		if (status == Z_BUF_ERROR && !stream->avail_in) {
			return damaged(packing, "ends too early", skip);
		}
		if (status == Z_MEM_ERROR) {
			return out_of_memory(skip);
		}
		if (status != Z_OK && status != Z_BUF_ERROR) {
			return damaged(packing, "cannot be unpacked", skip);
		}
	}
}

static int unpack_gzip(struct buf *out, const struct packing *packing, const char *data, size_t len,
	struct skip *skip)
{
	z_stream stream = {.next_in = (unsigned char *)data, .avail_in = (unsigned)len};
	int status;

	if (inflateInit2(&stream, 15 + 16) != Z_OK) {
		return out_of_memory(skip);
	}
	status = inflate_members(out, &stream, packing, len, skip);
	inflateEnd(&stream);
	return status;
}

/* libarchive's sentences say too little, and may quote the file: only what they mean is used. */
static int archive_damaged(
	struct archive *archive, const struct packing *packing, struct skip *skip)
{
	const char *what = archive_error_string(archive);

	return damaged(packing,
		what && (strstr(what, "runcated") || strstr(what, "nexpected end"))
			? "ends too early"
			: "cannot be unpacked",
		skip);
}

static int read_blocks(struct buf *out, struct archive *archive, const struct packing *packing,
	size_t len, struct skip *skip)
{
	for (;;) {
		ssize_t n;

		if (out->cap - out->len < 65537 && buf_try_reserve(out, 65536 + out->len / 2) < 0) {
			return out_of_memory(skip);
		}
		n = archive_read_data(archive, out->data + out->len, 65536);
		if (n < 0) {
			return archive_damaged(archive, packing, skip);
		}
		out->len += (size_t)n;
		out->data[out->len] = 0;
		if (n == 0) {
			return 0;
		}
		if (check_size(out->len, len, skip) < 0) {
			return -1;
		}
	}
}

/* One filter and no more: what is packed twice is counted (LAYERS_MAX). */
static int unpack_archive(struct buf *out, const struct packing *packing, const char *data,
	size_t len, struct skip *skip)
{
	struct archive *archive = archive_read_new();
	struct archive_entry *entry;
	int status;

	if (!archive) {
		return out_of_memory(skip);
	}
	archive_read_support_format_raw(archive);
	archive_read_support_format_empty(archive);
	status = archive_read_append_filter(archive, packing->filter);
	if (status == ARCHIVE_OK) {
		status = archive_read_open_memory(archive, data, len);
	}
	if (status == ARCHIVE_OK) {
		status = archive_read_next_header(archive, &entry);
	}
	if (status == ARCHIVE_OK || status == ARCHIVE_WARN) {
		status = read_blocks(out, archive, packing, len, skip);
	} else if (status == ARCHIVE_EOF && len != packing->empty_len[0] &&
		   len != packing->empty_len[1]) {
		status = damaged(packing, "ends too early", skip);
	} else if (status == ARCHIVE_EOF) {
		status = 0; /* nothing inside */
	} else {
		status = archive_damaged(archive, packing, skip);
	}
	archive_read_free(archive);
	return status;
}

/* The reader of what is inside, with all that it reads from. */
struct packed_reader {
	struct reader reader;
	struct reader *inner;
	struct input input;
	struct buf bytes;
	char *path;
};

static void packed_close(struct reader *reader)
{
	struct packed_reader *packed = (struct packed_reader *)reader;

	if (packed) {
		if (packed->inner) {
			packed->inner->loader->close(packed->inner);
		}
		buf_finish(&packed->bytes);
		free(packed->path);
		free(packed);
	}
}

static int packed_read(struct reader *reader, struct part *part, struct skip *skip)
{
	struct packed_reader *packed = (struct packed_reader *)reader;

	return packed->inner->loader->read(packed->inner, part, skip);
}

static void packed_outline(struct reader *reader, struct document *document)
{
	struct packed_reader *packed = (struct packed_reader *)reader;

	if (packed->inner->loader->outline) {
		packed->inner->loader->outline(packed->inner, document);
	}
}

/* Unpack all layers into packed->bytes. */
static int unpack(struct packed_reader *packed, const struct input *input, struct skip *skip)
{
	const char *data = input->data;
	size_t len = input->len;

	packed->path = mem_strdup(input->path);
	for (int layer = 0;; layer++) {
		const struct packing *packing = packing_of(data, len);
		struct buf out = BUF_INIT;
		char *path = packed->path;
		int status;

		if (!packing) {
			return 0;
		}
		if (layer == LAYERS_MAX) {
			return skip_set(skip, SKIP_UNREADABLE,
				"is packed more than %d times: unpack it first", LAYERS_MAX);
		}
		status = packing->filter == ARCHIVE_FILTER_GZIP
				 ? unpack_gzip(&out, packing, data, len, skip)
				 : unpack_archive(&out, packing, data, len, skip);
		packed->path = inner_path(path);
		free(path);
		buf_finish(&packed->bytes);
		packed->bytes = out;
		if (status < 0) {
			return -1;
		}
		data = buf_str(&packed->bytes);
		len = packed->bytes.len;
	}
}

/* What is left out unpacked is left out packed, too. */
static int refuse_secret(const struct packed_reader *packed, struct skip *skip)
{
	const char *reason = secret_of_name(packed->path);

	if (!reason) {
		reason = secret_of_text(packed->path, packed->bytes.data, packed->bytes.len);
	}
	return reason ? skip_set(skip, SKIP_RULE, "%s", reason) : 0;
}

static int packed_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	struct packed_reader *packed = mem_zero(1, sizeof(*packed));
	const struct loader *loader;

	if (unpack(packed, input, skip) < 0) {
		packed_close(&packed->reader);
		return -1;
	}
	if (!packed->bytes.len) {
		packed_close(&packed->reader);
		return skip_set(skip, SKIP_RULE, "is empty");
	}
	if (!input->options->include_secrets && refuse_secret(packed, skip) < 0) {
		packed_close(&packed->reader);
		return -1;
	}
	packed->input = *input;
	packed->input.path = packed->path;
	packed->input.data = packed->bytes.data;
	packed->input.len = packed->bytes.len;
	loader = loader_find(&packed->input);
	if (loader->open(&packed->inner, &packed->input, skip) < 0) {
		packed->inner = NULL;
		packed_close(&packed->reader);
		return -1;
	}
	packed->inner->loader = loader;
	packed->reader = *packed->inner;
	packed->reader.rev = NULL; /* the inner reader's own; files have none */
	*reader = &packed->reader;
	return 0;
}

static int packed_probe(const struct input *input)
{
	return input->root_fd < 0 && packing_of(input->data, input->len) ? 3 : 0;
}

const struct loader loader_packed = {
	.name = "packed",
	.has_library = 1,
	.probe = packed_probe,
	.open = packed_open,
	.outline = packed_outline,
	.read = packed_read,
	.close = packed_close,
};
