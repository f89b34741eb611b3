/*
 * PDF, a part for each page, in reading order. A page without text is named: whether it is empty,
 * a picture, damaged or in letters that nothing maps to characters.
 */
#include "loaders/format/format.h"
#include "loaders/format/pdf_poppler.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_WITHIN = 1024 }; /* where readers look for %PDF- (ISO 32000-1, annex H) */

struct pdf_reader {
	struct reader reader;
	const struct input *input;
	struct pdf_file *file;
	struct pdf_view *view; /* once it is needed */
	int is_view_tried;
	int page, n_page; /* the next one */
	size_t n_bytes;   /* of text so far */
	/* A page that was read, after a note on it was handed over. */
	int has_part;
	struct part part;
};

static int pdf_probe(const struct input *input)
{
	static const char *const names[] = {"pdf", NULL};
	size_t len = input->len < HEADER_WITHIN ? input->len : HEADER_WITHIN;
	int is_named;

	if (input->root_fd >= 0) {
		return 0;
	}
	if (input->len >= 5 && memcmp(input->data, "%PDF-", 5) == 0) {
		return 3;
	}
	is_named = format_has_extension(input, names);
	if (memmem(input->data, len, "%PDF-", 5)) {
		/* A text may well speak of it. */
		return is_named ? 3 : memchr(input->data, 0, input->len) != NULL;
	}
	/* Not a PDF, but only this reader can say so; a web page of that name is a web page. */
	return is_named && len && memchr(input->data, 0, len) ? 2 : 0;
}

/* "; poppler says: Couldn't find trailer dictionary" */
static const char *poppler_says(const struct pdf_trouble *trouble, char out[256])
{
	snprintf(out, 256, "%s%s", trouble->first[0] ? "; poppler says: " : "", trouble->first);
	return out;
}

/* From where on pages are read, whatever was asked for. */
static int first_page(const struct read_options *options, int n_page)
{
	int64_t first = options->first_page;

	return first < 1 ? 1 : first > n_page ? n_page + 1 : (int)first;
}

static int pdf_open(struct reader **reader, const struct input *input, struct skip *skip)
{
	struct pdf_trouble trouble;
	enum pdf_open status;
	struct pdf_file *file = pdf_file_open(input->data, input->len, &status, &trouble);
	struct pdf_reader *pdf;
	char says[256];

	if (status == PDF_LOCKED) {
		return skip_set(skip, SKIP_UNREADABLE,
			"is encrypted: it needs a password; give a copy without one (qpdf "
			"--password=... --decrypt IN OUT)");
	}
	if (!file) {
		return skip_set(skip, SKIP_UNREADABLE, "is damaged: it cannot be opened as a PDF%s",
			poppler_says(&trouble, says));
	}
	if (pdf_file_n_pages(file) < 1) {
		pdf_file_close(file);
		return skip_set(skip, SKIP_UNREADABLE, "has no pages, or a damaged list of them%s",
			poppler_says(&trouble, says));
	}
	pdf = mem_zero(1, sizeof(*pdf));
	pdf->reader.kind = DOCUMENT_PDF;
	pdf->reader.n_part = pdf_file_n_pages(file);
	pdf->reader.n_bytes = -1;
	pdf->input = input;
	pdf->file = file;
	pdf->n_page = pdf_file_n_pages(file);
	pdf->page = first_page(input->options, pdf->n_page);
	*reader = &pdf->reader;
	return 0;
}

static struct pdf_view *pdf_view(struct pdf_reader *pdf)
{
	if (!pdf->is_view_tried) {
		pdf->is_view_tried = 1;
		pdf->view = pdf_view_open(pdf->input->data, pdf->input->len);
	}
	return pdf->view;
}

struct text_counts {
	size_t n_visible, n_odd; /* characters; odd ones stand for glyphs that mean nothing */
	size_t n_word, n_odd_word;
};

static int is_space(uint32_t cp)
{
	return cp == ' ' || (cp >= '\t' && cp <= '\r') || cp == 0x85 || cp == 0xa0 ||
	       (cp >= 0x2000 && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202f) || cp == 0x3000 ||
	       cp == 0xfeff;
}

/*
 * Glyphs without a meaning come as characters for private use or U+FFFD, or, where a font numbers
 * its glyphs and poppler takes the numbers for characters, as control characters among others:
 * then the space is one of them (glyph 3, say), and nearly every word has one.
 */
static int is_odd(uint32_t cp)
{
	return cp < ' ' || (cp >= 0x7f && cp < 0xa0) || (cp >= 0xe000 && cp <= 0xf8ff) ||
	       cp == 0xfffd || cp >= 0xf0000 || (cp & 0xfffe) == 0xfffe;
}

static struct text_counts count_text(const struct buf *text)
{
	struct text_counts counts = {0};
	int in_word = 0, in_odd_word = 0;
	uint32_t cp = 0;

	for (size_t i = 0; i < text->len;) {
		size_t len = utf8_decode(text->data + i, text->len - i, &cp);

		i += len ? len : 1;
		if (is_space(cp)) {
			in_word = in_odd_word = 0;
			continue;
		}
		counts.n_visible++;
		counts.n_word += !in_word;
		in_word = 1;
		if (is_odd(cp)) {
			counts.n_odd++;
			counts.n_odd_word += !in_odd_word;
			in_odd_word = 1;
		}
	}
	return counts;
}

/* Whether there is text worth handing over: most of the words are made of characters. */
static int is_text(const struct text_counts *counts)
{
	return counts->n_visible > 0 && 2 * counts->n_odd_word <= counts->n_word;
}

/* What is to be said of a page whose text is not what it shows; returns whether anything is. */
static int judge_page(struct pdf_reader *pdf, int page, const struct text_counts *counts,
	const struct pdf_trouble *trouble, struct skip *skip)
{
	int is_blank = counts->n_visible == 0;

	if (trouble->lacks_maps) {
		skip_set(skip, SKIP_UNREADABLE,
			"has text that only poppler's character maps%s%s can read: install the "
			"package poppler-data",
			trouble->collection[0] ? " for " : "", trouble->collection);
	} else if (trouble->is_broken && !is_blank) {
		skip_set(skip, SKIP_UNREADABLE, "is damaged: some text may be missing");
	} else if (is_blank && pdf_view(pdf) && pdf_view_has_picture(pdf->view, page)) {
		skip_set(skip, SKIP_RULE,
			"has nothing but pictures (scanned?): text recognition (ocrmypdf) would "
			"help");
	} else if (is_blank && trouble->first[0]) {
		skip_set(skip, SKIP_UNREADABLE, "is damaged: no text could be read");
	} else if (is_blank) {
		skip_set(skip, SKIP_RULE, "is empty or only drawn (no text, no picture)");
	} else if (!is_text(counts)) {
		skip_set(skip, SKIP_UNREADABLE,
			"has letters that its fonts map to no characters (no ToUnicode): text "
			"recognition (ocrmypdf --force-ocr) would help");
	} else if (20 * counts->n_odd > counts->n_visible) {
		skip_set(skip, SKIP_UNREADABLE,
			"has some letters that its fonts map to no characters: words may be wrong");
	} else {
		return 0;
	}
	skip->page = page;
	return 1;
}

/* Blank lines at the end go; what remains ends its last line. */
static void trim_end(struct buf *text)
{
	size_t len = text->len;

	while (len && strchr(" \t\r\n\f", text->data[len - 1])) {
		len--;
	}
	text->len = len;
	if (len) {
		buf_addch(text, '\n');
	}
}

/* A label that only repeats the page's number says nothing. */
static char *take_label(struct buf *label, int page)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", page);
	if (label->len == 0 || strcmp(label->data, number) == 0) {
		buf_finish(label);
		return NULL;
	}
	return buf_take(label);
}

static int read_page(struct pdf_reader *pdf, int page, struct part *part, struct skip *skip)
{
	struct buf text = BUF_INIT, label = BUF_INIT;
	struct pdf_trouble trouble;
	struct text_counts counts;
	int layout = pdf->input->options->layout, is_noted, is_there;

	is_there = pdf_file_page(pdf->file, page, layout, &text, &label, &trouble) == 0;
	if (!is_there) {
		skip_set(skip, SKIP_UNREADABLE, "is damaged: no text could be read");
		skip->page = page;
		buf_finish(&text);
		buf_finish(&label);
		return READ_SKIPPED;
	}
	counts = count_text(&text);
	is_noted = judge_page(pdf, page, &counts, &trouble, skip);
	trim_end(&text);
	pdf->n_bytes += text.len;
	if (pdf->n_bytes > LOAD_MAX_BYTES) {
		skip_finish(skip);
		buf_finish(&text);
		buf_finish(&label);
		skip_set(skip, SKIP_UNREADABLE, "holds more text than the limit of %d bytes",
			LOAD_MAX_BYTES);
		return READ_FAILED;
	}
	if (!is_noted || is_text(&counts)) {
		part->len = text.len;
		part->text = buf_take(&text);
		part->place.page = page;
		part->place.label = take_label(&label, page);
		pdf->has_part = is_noted;
	}
	buf_finish(&text);
	buf_finish(&label);
	return is_noted ? READ_SKIPPED : READ_PART;
}

static int pdf_read(struct reader *reader, struct part *part, struct skip *skip)
{
	struct pdf_reader *pdf = (struct pdf_reader *)reader;
	const struct read_options *options = pdf->input->options;
	int status;

	if (pdf->has_part) {
		*part = pdf->part;
		pdf->part = (struct part){.place = {.time_ms = -1}};
		pdf->has_part = 0;
		return READ_PART;
	}
	while (pdf->page <= pdf->n_page &&
		(unsigned)(pdf->page - 1) / PAGE_RUN % options->n_share != options->share_index) {
		pdf->page++;
	}
	if (pdf->page > pdf->n_page) {
		return READ_END;
	}
	status = read_page(pdf, pdf->page++, part, skip);
	if (pdf->has_part) {
		pdf->part = *part;
		*part = (struct part){.place = {.time_ms = -1}};
	}
	return status;
}

static void pdf_outline(struct reader *reader, struct document *document)
{
	struct pdf_reader *pdf = (struct pdf_reader *)reader;

	if (pdf_view(pdf)) {
		pdf_view_outline(pdf->view, document);
	}
}

static void pdf_close(struct reader *reader)
{
	struct pdf_reader *pdf = (struct pdf_reader *)reader;

	if (pdf) {
		part_finish(&pdf->part);
		pdf_view_close(pdf->view);
		pdf_file_close(pdf->file);
		free(pdf);
	}
}

void pdf_prepare(void)
{
	pdf_poppler_prepare(NULL);
}

const struct loader loader_pdf = {
	.name = "pdf",
	.has_library = 1,
	.probe = pdf_probe,
	.open = pdf_open,
	.outline = pdf_outline,
	.read = pdf_read,
	.close = pdf_close,
};
