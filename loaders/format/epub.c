/*
 * EPUB 2 and 3: META-INF/container.xml names the package, its spine the chapters in their order; each is
 * XHTML and goes through html.h. A chapter without a heading of its own gets the one that the table
 * of contents (nav or ncx) has for it. Fonts and pictures are not even unpacked.
 */
#include "loaders/format/format.h"
#include "loaders/format/html.h"
#include "loaders/format/markup_xml.h"
#include "loaders/format/zip.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Some of the spine, by path or id: the first few by name. */
struct some {
	struct buf names;
	int n;
};

struct epub {
	struct zip *zip;
	struct buf value, text;
	char *package;               /* its path in the archive */
	char *base;                  /* the folder of what is being read, "" or "OEBPS/" */
	char *nav, *ncx, *title;     /* paths; NULL where there is none */
	struct xml_map href, titles; /* id -> path; path -> title in the table of contents */
	char **spine;                /* ids */
	size_t n_spine, cap_spine;
	char *target; /* of the entry of the table of contents that is being read */
	int is_label, is_drm;
	size_t n_bytes;                   /* of chapters that were read */
	struct some pictures, unreadable; /* are left out */
};

/* ---- paths ---- */

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* "../" climbs, but never out of the archive. */
static void climb(struct buf *path)
{
	if (path->len) {
		path->len--;
	}
	while (path->len && path->data[path->len - 1] != '/') {
		path->len--;
	}
}

/* The path in the archive that a reference in a file of folder `base` means; its fragment is cut. */
static char *resolve(const char *base, const char *reference)
{
	struct buf path = BUF_INIT;
	const char *at = reference;

	if (*at == '/') {
		at++;
	} else {
		buf_addstr(&path, base);
	}
	while (*at && *at != '#') {
		if (strncmp(at, "../", 3) == 0) {
			climb(&path);
			at += 3;
		} else if (strncmp(at, "./", 2) == 0) {
			at += 2;
		} else {
			for (; *at && *at != '#' && *at != '/'; at++) {
				if (*at == '%' && isxdigit((unsigned char)at[1]) &&
					isxdigit((unsigned char)at[2])) {
					buf_addch(&path,
						(char)(16 * hex_digit(at[1]) + hex_digit(at[2])));
					at += 2;
				} else {
					buf_addch(&path, *at);
				}
			}
			if (*at == '/') {
				buf_addch(&path, *at++);
			}
		}
	}
	buf_addch(&path, 0);
	return buf_take(&path);
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return mem_strndup(path, slash ? (size_t)(slash - path) + 1 : 0);
}

/* ---- container, encryption, package ---- */

static void no_end(void *arg, const char *name)
{
}

static void no_text(void *arg, const char *text, size_t len)
{
}

static void container_start(void *arg, const char *name, const struct xml_attributes *attributes)
{
	struct epub *epub = arg;

	if (!epub->package && strcmp(name, "rootfile") == 0 &&
		xml_attribute(attributes, "full-path", &epub->value)) {
		epub->package = resolve("", epub->value.data);
	}
}

/* Fonts are obscured by these, which is no protection. */
static void encryption_start(void *arg, const char *name, const struct xml_attributes *attributes)
{
	struct epub *epub = arg;
	const char *algorithm;

	if (strcmp(name, "EncryptionMethod") != 0) {
		return;
	}
	algorithm = xml_attribute(attributes, "Algorithm", &epub->value);
	epub->is_drm |= !algorithm || (!strstr(algorithm, "www.idpf.org/2008/embedding") &&
					      !strstr(algorithm, "ns.adobe.com/pdf/enc#RC"));
}

static void package_item(struct epub *epub, const struct xml_attributes *attributes)
{
	struct buf id = BUF_INIT;
	char *path;

	if (!xml_attribute(attributes, "id", &id) ||
		!xml_attribute(attributes, "href", &epub->value)) {
		buf_finish(&id);
		return;
	}
	path = resolve(epub->base, buf_str(&epub->value));
	xml_map_add(&epub->href, id.data, path);
	if (xml_attribute(attributes, "properties", &epub->value) &&
		strstr(epub->value.data, "nav") && !epub->nav) {
		epub->nav = mem_strdup(path);
	}
	if (xml_attribute(attributes, "media-type", &epub->value) &&
		strcmp(epub->value.data, "application/x-dtbncx+xml") == 0 && !epub->ncx) {
		epub->ncx = mem_strdup(path);
	}
	free(path);
	buf_finish(&id);
}

static void package_start(void *arg, const char *name, const struct xml_attributes *attributes)
{
	struct epub *epub = arg;

	buf_clear(&epub->text);
	if (strcmp(name, "item") == 0) {
		package_item(epub, attributes);
	} else if (strcmp(name, "itemref") == 0 &&
		   xml_attribute(attributes, "idref", &epub->value)) {
		mem_grow(epub->spine, epub->n_spine, epub->cap_spine);
		epub->spine[epub->n_spine++] = mem_strdup(epub->value.data);
	}
}

static void collect_text(void *arg, const char *text, size_t len)
{
	struct epub *epub = arg;

	buf_add(&epub->text, text, len);
}

static void package_end(void *arg, const char *name)
{
	struct epub *epub = arg;

	if (!epub->title && strcmp(name, "dc:title") == 0) {
		epub->title = mem_strdup(buf_str(&epub->text));
	}
}

/* ---- the table of contents ---- */

static void add_title(struct epub *epub)
{
	const struct xml_map *titles = &epub->titles;
	const char *last = titles->n_pair ? titles->pair[titles->n_pair - 1].key : "";

	/* Its sections come behind the title of a chapter. */
	if (epub->target && epub->text.len && strcmp(last, epub->target) != 0) {
		xml_map_add(&epub->titles, epub->target, epub->text.data);
	}
	free(epub->target);
	epub->target = NULL;
}

/* <navPoint><navLabel><text>Title</text></navLabel><content src="a.xhtml"/> */
static void ncx_start(void *arg, const char *name, const struct xml_attributes *attributes)
{
	struct epub *epub = arg;

	if (strcmp(name, "navLabel") == 0) {
		buf_clear(&epub->text);
		epub->is_label = 1;
	} else if (strcmp(name, "content") == 0 && xml_attribute(attributes, "src", &epub->value)) {
		epub->target = resolve(epub->base, epub->value.data);
		add_title(epub);
	}
}

static void ncx_end(void *arg, const char *name)
{
	struct epub *epub = arg;

	if (strcmp(name, "navLabel") == 0) {
		epub->is_label = 0;
	}
}

static void label_text(void *arg, const char *text, size_t len)
{
	struct epub *epub = arg;

	if (epub->is_label) {
		buf_add(&epub->text, text, len);
	}
}

/* <a href="a.xhtml">Title</a> */
static void nav_start(void *arg, const char *name, const struct xml_attributes *attributes)
{
	struct epub *epub = arg;

	if (strcmp(name, "a") == 0 && xml_attribute(attributes, "href", &epub->value)) {
		free(epub->target);
		epub->target = resolve(epub->base, epub->value.data);
		buf_clear(&epub->text);
		epub->is_label = 1;
	}
}

static void nav_end(void *arg, const char *name)
{
	struct epub *epub = arg;

	if (strcmp(name, "a") == 0) {
		epub->is_label = 0;
		add_title(epub);
	}
}

/* A table of contents that is damaged costs its titles, nothing else. */
static void read_contents(struct epub *epub)
{
	static const struct xml_events nav_events = {nav_start, nav_end, label_text};
	static const struct xml_events ncx_events = {ncx_start, ncx_end, label_text};
	const char *path = epub->nav ? epub->nav : epub->ncx;
	const struct buf *bytes = path ? zip_entry(epub->zip, path) : NULL;
	struct skip ignored = {0};

	if (bytes) {
		free(epub->base);
		epub->base = folder_of(path);
		xml_read(bytes, path, epub->nav ? &nav_events : &ncx_events, epub, &ignored);
		skip_finish(&ignored);
	}
}

static int read_package(struct epub *epub, struct skip *skip)
{
	static const struct xml_events container_events = {container_start, no_end, no_text};
	static const struct xml_events encryption_events = {encryption_start, no_end, no_text};
	static const struct xml_events package_events = {package_start, package_end, collect_text};
	const struct buf *container = zip_entry(epub->zip, "META-INF/container.xml");
	const struct buf *encryption = zip_entry(epub->zip, "META-INF/encryption.xml");
	const struct buf *package;

	if (!container) {
		return skip_set(
			skip, SKIP_UNREADABLE, "is damaged: META-INF/container.xml is missing");
	}
	if (xml_read(container, "META-INF/container.xml", &container_events, epub, skip) < 0 ||
		(encryption && xml_read(encryption, "META-INF/encryption.xml", &encryption_events,
				       epub, skip) < 0)) {
		return -1;
	}
	if (epub->is_drm) {
		return skip_set(skip, SKIP_UNREADABLE,
			"is encrypted (DRM): give a copy without protection");
	}
	package = epub->package ? zip_entry(epub->zip, epub->package) : NULL;
	if (!package) {
		return skip_set(skip, SKIP_UNREADABLE, "is damaged: its package file is missing");
	}
	epub->base = folder_of(epub->package);
	return xml_read(package, epub->package, &package_events, epub, skip);
}

/* ---- chapters ---- */

static int has_heading(const struct buf *chapter)
{
	const char *at = buf_str(chapter);

	while ((at = strcasestr(at, "<h"))) {
		if (at[2] >= '1' && at[2] <= '6') {
			return 1;
		}
		at += 2;
	}
	return 0;
}

static void add_name(struct some *some, const char *name)
{
	enum { MOST_NAMES = 8 };

	if (some->n < MOST_NAMES) {
		buf_additem(&some->names, name);
	} else if (some->n == MOST_NAMES) {
		buf_addstr(&some->names, "...");
	}
	some->n++;
}

static int write_chapter(
	struct epub *epub, struct markup *markup, const char *path, struct skip *skip)
{
	static const struct read_options options = {.subdir = "", .n_share = 1};
	const struct buf *bytes = zip_entry(epub->zip, path);
	const char *title = xml_map_find(&epub->titles, path);
	struct buf text = BUF_INIT, ignored = BUF_INIT;
	struct input input = {path, NULL, 0, -1, &options};
	int status = 0;

	if (!bytes) {
		return skip_set(
			skip, SKIP_UNREADABLE, "is damaged: its chapter %s is missing", path);
	}
	input.data = buf_str(bytes);
	input.len = bytes->len;
	markup_block(markup);
	if (title && !has_heading(bytes)) {
		markup_heading_begin(markup, 1);
		markup_str(markup, title);
		markup_heading_end(markup);
	}
	if (bytes->len && html_to_utf8(&text, &input)) {
		status = html_write(markup, &ignored, buf_str(&text), text.len, skip);
	} else if (bytes->len) {
		add_name(&epub->unreadable, path);
	}
	buf_finish(&text);
	buf_finish(&ignored);
	return status;
}

/* A chapter may stand in the spine again and again: what is read is bounded, not only what it says. */
static int is_too_much(struct epub *epub, const struct markup *markup, const char *path)
{
	const struct buf *bytes = zip_entry(epub->zip, path);

	epub->n_bytes += bytes ? bytes->len : 0;
	return epub->n_bytes > LOAD_MAX_BYTES || markup_bytes(markup) > LOAD_MAX_BYTES;
}

static int write_book(struct epub *epub, struct markup *markup, struct skip *skip)
{
	static const char *const picture[] = {".svg", ".png", ".jpg", ".jpeg", ".gif", NULL};

	for (size_t i = 0; i < epub->n_spine; i++) {
		const char *path = xml_map_find(&epub->href, epub->spine[i]);

		if (!path) {
			add_name(&epub->unreadable, epub->spine[i]);
		} else if (zip_name_ends(path, picture)) {
			add_name(&epub->pictures, path);
		} else if (is_too_much(epub, markup, path)) {
			return skip_set(skip, SKIP_UNREADABLE, "holds more text than the limit");
		} else if (write_chapter(epub, markup, path, skip) < 0) {
			return -1;
		}
	}
	if (epub->title) {
		markup_title(markup, epub->title);
	}
	return 0;
}

/* ---- the loader ---- */

static int is_wanted(const char *name)
{
	static const char *const ending[] = {
		".xml", ".opf", ".ncx", ".xhtml", ".html", ".htm", ".xht", NULL};

	return zip_name_ends(name, ending);
}

static int epub_probe(const struct input *input)
{
	static const char *const extension[] = {"epub", NULL};

	if (zip_has_mimetype(input, "application/epub+zip")) {
		return 3;
	}
	return zip_probe(input) && format_has_extension(input, extension) ? 2 : 0;
}

static void leave_out(struct whole_reader *whole, const struct epub *epub)
{
	if (epub->pictures.n) {
		skip_set(whole_reader_leave_out(whole), SKIP_RULE,
			"has %d chapter%s of a picture, without text: %s", epub->pictures.n,
			epub->pictures.n == 1 ? "" : "s", epub->pictures.names.data);
	}
	if (epub->unreadable.n) {
		skip_set(whole_reader_leave_out(whole), SKIP_UNREADABLE,
			"has %d damaged chapter%s (missing, or no text): %s", epub->unreadable.n,
			epub->unreadable.n == 1 ? "" : "s", epub->unreadable.names.data);
	}
}

static void epub_finish(struct epub *epub)
{
	zip_close(epub->zip);
	buf_finish(&epub->value);
	buf_finish(&epub->text);
	buf_finish(&epub->pictures.names);
	buf_finish(&epub->unreadable.names);
	free(epub->package);
	free(epub->base);
	free(epub->nav);
	free(epub->ncx);
	free(epub->title);
	free(epub->target);
	xml_map_finish(&epub->href);
	xml_map_finish(&epub->titles);
	for (size_t i = 0; i < epub->n_spine; i++) {
		free(epub->spine[i]);
	}
	free(epub->spine);
}

static int epub_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	struct epub epub = {0};
	struct markup *markup = markup_create();
	int status = zip_open(&epub.zip, input, is_wanted, skip);

	if (status == 0) {
		status = read_package(&epub, skip);
	}
	if (status == 0) {
		read_contents(&epub);
		status = write_book(&epub, markup, skip);
	}
	if (status == 0) {
		status = markup_reader(reader, markup, skip);
		if (status == 0) {
			leave_out((struct whole_reader *)*reader, &epub);
		}
	} else {
		markup_destroy(markup);
	}
	epub_finish(&epub);
	return status;
}

const struct loader loader_epub = {
	.name = "epub",
	.has_library = 1,
	.probe = epub_probe,
	.open = epub_open,
	.outline = whole_reader_outline,
	.read = whole_reader_read,
	.close = whole_reader_close,
};
