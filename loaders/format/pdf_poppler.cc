/* The text of PDF pages by libpoppler-cpp, which has no C face. No exception leaves this file. */
#include "loaders/format/pdf_poppler.h"

#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-page.h>

#include <climits>
#include <cstring>
#include <iconv.h>
#include <memory>
#include <string>

struct pdf_file {
	std::unique_ptr<poppler::document> document;
	int n_pages;
};

namespace
{

const size_t MAX_BLANKS = 100; /* from one side of a printed page to the other */

void copy(char *out, size_t size, const std::string &text)
{
	size_t len = text.copy(out, size - 1);

	out[len] = '\0';
}

bool has(const std::string &text, const char *what)
{
	return text.find(what) != std::string::npos;
}

/* The words of GfxFont.cc, FlateStream.cc and Parser.cc (poppler 22.12). */
void note_complaint(const std::string &message, void *closure)
{
	static const char *const broken[] = {"flate stream", "Unterminated string", "Leftover args",
		"Unknown compression method", "Weird page contents", "Unknown filter"};
	static const char *const maps[] = {"Missing language pack", "Unknown CMap", "CMap file"};
	auto *trouble = static_cast<pdf_trouble *>(closure);

	if (!trouble) {
		return;
	}
	for (const char *words : broken) {
		trouble->is_broken |= has(message, words);
	}
	for (const char *words : maps) {
		trouble->lacks_maps |= has(message, words);
	}
	size_t at = message.find("'Adobe-"), end = message.find('\'', at + 1);

	if (trouble->lacks_maps && !trouble->collection[0] && at != std::string::npos &&
		end != std::string::npos) {
		copy(trouble->collection, sizeof(trouble->collection),
			message.substr(at + 1, end - at - 1));
	}
	if (!trouble->first[0]) {
		size_t colon = message.find(": ");

		copy(trouble->first, sizeof(trouble->first),
			colon == std::string::npos ? message : message.substr(colon + 2));
	}
}

/* poppler's errors go into one object at a time: the callback is global. */
class listen
{
      public:
	explicit listen(pdf_trouble *trouble)
	{
		*trouble = pdf_trouble();
		poppler::set_debug_error_function(note_complaint, trouble);
	}
	~listen()
	{
		poppler::set_debug_error_function(note_complaint, nullptr);
	}
	listen(const listen &) = delete;
	listen &operator=(const listen &) = delete;
};

void add_character(struct buf *out, unsigned long c)
{
	if (c < 0x80) {
		buf_addch(out, static_cast<char>(c));
	} else if (c < 0x800) {
		buf_addch(out, static_cast<char>(0xc0 | c >> 6));
		buf_addch(out, static_cast<char>(0x80 | (c & 63)));
	} else if (c < 0x10000) {
		buf_addch(out, static_cast<char>(0xe0 | c >> 12));
		buf_addch(out, static_cast<char>(0x80 | (c >> 6 & 63)));
		buf_addch(out, static_cast<char>(0x80 | (c & 63)));
	} else {
		buf_addch(out, static_cast<char>(0xf0 | c >> 18));
		buf_addch(out, static_cast<char>(0x80 | (c >> 12 & 63)));
		buf_addch(out, static_cast<char>(0x80 | (c >> 6 & 63)));
		buf_addch(out, static_cast<char>(0x80 | (c & 63)));
	}
}

/* By hand: ustring::to_utf8() opens an iconv handle for every string. */
void add_utf8(struct buf *out, const poppler::ustring &text)
{
	const size_t first = !text.empty() && text[0] == 0xfeff ? 1 : 0;

	buf_reserve(out, 2 * text.size());
	for (size_t i = first; i < text.size(); i++) {
		unsigned long c = text[i];

		if ((c & 0xfc00) == 0xd800 && i + 1 < text.size() &&
			(text[i + 1] & 0xfc00) == 0xdc00) {
			c = 0x10000 + ((c & 0x3ff) << 10) + (text[++i] & 0x3ff);
		} else if ((c & 0xf800) == 0xd800) {
			c = 0xfffd;
		}
		add_character(out, c);
	}
}

bool is_whole(const poppler::ustring &text)
{
	return !text.empty() && text[text.size() - 1] == '\f';
}

/* Blanks say which column a cell is in, so they stay; only what no page has room for goes. */
void shorten_room(poppler::ustring &text)
{
	size_t n_blank = 0, to = 0;

	for (size_t i = 0; i < text.size(); i++) {
		n_blank = text[i] == ' ' ? n_blank + 1 : 0;
		if (n_blank <= MAX_BLANKS) {
			text[to++] = text[i];
		}
	}
	text.resize(to);
}

/*
 * Word by word, where the text as a whole did not survive its way through iconv in poppler: then
 * the form feed at its end is missing. One odd word is lost so, not a page.
 */
void add_words(struct buf *out, const poppler::page &page)
{
	double y = 0, height = 0;
	bool is_first = true;

	for (const poppler::text_box &word : page.text_list()) {
		poppler::rectf box = word.bbox();

		if (!is_first) {
			bool same_line =
				box.y() < y + height / 2 && box.y() + box.height() > y + height / 2;

			buf_addch(out, same_line ? ' ' : '\n');
		}
		add_utf8(out, word.text());
		y = box.y();
		height = box.height();
		is_first = false;
	}
}

} // namespace

struct pdf_file *pdf_file_open(
	const char *data, size_t len, enum pdf_open *status, struct pdf_trouble *trouble)
{
	const listen listening(trouble);

	*status = PDF_DAMAGED;
	try {
		std::unique_ptr<poppler::document> document(
			len > INT_MAX ? nullptr
				      : poppler::document::load_from_raw_data(
						data, static_cast<int>(len)));

		if (!document || document->is_locked()) {
			*status = document ? PDF_LOCKED : PDF_DAMAGED;
			return nullptr;
		}
		*status = PDF_READABLE;
		int n_pages = document->pages();

		return new pdf_file{std::move(document), n_pages};
	} catch (...) {
		*status = PDF_DAMAGED;
		return nullptr;
	}
}

int pdf_file_n_pages(const struct pdf_file *file)
{
	return file->n_pages;
}

int pdf_file_page(struct pdf_file *file, int page, int layout, struct buf *text, struct buf *label,
	struct pdf_trouble *trouble)
{
	const listen listening(trouble);

	try {
		std::unique_ptr<poppler::page> own(file->document->create_page(page - 1));

		if (!own) {
			return -1;
		}
		poppler::ustring whole = own->text(
			poppler::rectf(), layout ? poppler::page::physical_layout
						 : poppler::page::non_raw_non_physical_layout);

		if (is_whole(whole)) {
			whole.pop_back();
			if (layout) {
				shorten_room(whole);
			}
			add_utf8(text, whole);
		} else {
			add_words(text, *own);
		}
		add_utf8(label, own->label());
		return 0;
	} catch (...) {
		return -1;
	}
}

void pdf_file_close(struct pdf_file *file)
{
	delete file;
}

/*
 * Two things would be looked for by every document: the lists of poppler-data's maps, which live
 * as long as any document does, and the converter behind ustring, which iconv_open() maps as code,
 * and a sandbox that forbids that would leave every page empty. So one handle and one document
 * stay.
 */
void pdf_poppler_prepare(const char *data_dir)
{
	static const char blank[] = "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
				    "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
				    "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n"
				    "trailer<</Root 1 0 R>>\n";
	static pdf_file *kept;
	static iconv_t to_utf16, from_utf16;
	pdf_trouble trouble;
	enum pdf_open status;

	if (kept) {
		return;
	}
	if (data_dir) {
		poppler::set_data_dir(data_dir);
	}
	to_utf16 = iconv_open("UTF-16", "UTF-8");
	from_utf16 = iconv_open("UTF-8", "UTF-16");
	static_cast<void>(to_utf16);
	static_cast<void>(from_utf16);
	kept = pdf_file_open(blank, sizeof(blank) - 1, &status, &trouble);
}
