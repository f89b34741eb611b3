/*
 * Any bytes as an office document. The first byte says as what: the XML of a flat ODT, of a DOCX's
 * text, of its styles, lists and notes, or as the archive itself.
 */
#include "base/buf.h"
#include "loaders/format/format.h"
#include "tests/fuzz/check_markup.h"

#include <archive.h>
#include <archive_entry.h>

static const char text[] =
	"<w:document "
	"xmlns:w='http://schemas.openxmlformats.org/wordprocessingml/2006/main'><w:p><w:pPr>"
	"<w:pStyle w:val='a'/><w:numPr><w:ilvl w:val='1'/><w:numId "
	"w:val='1'/></w:numPr></w:pPr><w:r>"
	"<w:t>word</w:t><w:footnoteReference w:id='1'/></w:r></w:p></w:document>";

static void add_entry(struct archive *archive, const char *name, const void *bytes, size_t len)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_size(entry, (la_int64_t)len);
	must(archive_write_header(archive, entry) == ARCHIVE_OK);
	archive_write_data(archive, bytes, len);
	archive_entry_free(entry);
}

static void check_docx(const uint8_t *data, size_t size, int is_text)
{
	struct archive *archive = archive_write_new();
	struct buf bytes = BUF_INIT;
	size_t used = 0, room = 8192 + 4 * size;

	buf_reserve(&bytes, room);
	archive_write_set_format_zip(archive);
	archive_write_zip_set_compression_store(archive);
	must(archive_write_open_memory(archive, bytes.data, room, &used) == ARCHIVE_OK);
	if (is_text) {
		add_entry(archive, "word/document.xml", data, size);
	} else {
		add_entry(archive, "word/document.xml", text, sizeof(text) - 1);
		add_entry(archive, "word/styles.xml", data, size);
		add_entry(archive, "word/numbering.xml", data, size);
		add_entry(archive, "word/footnotes.xml", data, size);
	}
	archive_write_close(archive);
	archive_write_free(archive);
	check_markup(&loader_docx, "a.docx", bytes.data, used);
	buf_finish(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct loader *const archives[] = {&loader_docx, &loader_odt, &loader_epub};

	if (size < 2) {
		return 0;
	}
	switch (data[0] % 4) {
	case 0:
		check_markup(&loader_odt, "a.fodt", (const char *)data + 1, size - 1);
		break;
	case 1:
		check_docx(data + 1, size - 1, 1);
		break;
	case 2:
		check_docx(data + 1, size - 1, 0);
		break;
	default:
		for (size_t i = 0; i < sizeof(archives) / sizeof(archives[0]); i++) {
			check_markup(archives[i], "a", (const char *)data + 1, size - 1);
		}
	}
	return 0;
}
