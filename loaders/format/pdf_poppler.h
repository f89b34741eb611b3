/*
 * poppler behind plain C: what pdf.c asks of a PDF. Two of poppler's faces are needed:
 * libpoppler-cpp gives text in reading order, word for word that of pdftotext (poppler-glib's
 * glues table cells, and rebuilding words from its rectangles does not), and poppler-glib says
 * where bookmarks lead and whether a page has pictures, which libpoppler-cpp does not.
 */
#ifndef LOADERS_FORMAT_PDF_POPPLER_H
#define LOADERS_FORMAT_PDF_POPPLER_H

#ifdef __cplusplus
extern "C" {
#endif

#include "base/buf.h"

#include <stddef.h>

struct document;

/* ---- text: libpoppler-cpp, pdf_poppler.cc ---- */

struct pdf_file;

enum pdf_open { PDF_READABLE, PDF_LOCKED, PDF_DAMAGED };

/* What poppler complained of. */
struct pdf_trouble {
	int is_broken;       /* bytes that cannot be decoded or parsed */
	int lacks_maps;      /* a font of a language that poppler-data is needed for */
	char collection[64]; /* which one, where poppler names it: "Adobe-Japan1" */
	char first[160];     /* its first complaint, whatever it was; may quote the file */
};

/*
 * Use the data in place: it must outlive the file. NULL with *status where it is not PDF_READABLE;
 * *trouble says what poppler said. No function here is safe to be called by two threads.
 */
struct pdf_file *pdf_file_open(
	const char *data, size_t len, enum pdf_open *status, struct pdf_trouble *trouble);
int pdf_file_n_pages(const struct pdf_file *file);
/*
 * Add the text of a page (from 1), UTF-8, and its printed label. The text is in reading order, or,
 * with `layout`, line by line as it stands there, with blanks where there is room. *trouble is set anew. Returns -1
 * where the file has no such page in spite of its count.
 */
int pdf_file_page(struct pdf_file *file, int page, int layout, struct buf *text, struct buf *label,
	struct pdf_trouble *trouble);
void pdf_file_close(struct pdf_file *file); /* NULL-safe */

/*
 * Load what poppler takes from outside its input and keep it. `data_dir` is where its character
 * maps lie; NULL: where poppler was built to look for them.
 */
void pdf_poppler_prepare(const char *data_dir);

/* ---- bookmarks and pictures: poppler-glib, pdf_glib.c ---- */

struct pdf_view;

/* The same data once more; NULL where poppler does not open it. */
struct pdf_view *pdf_view_open(const char *data, size_t len);
int pdf_view_has_picture(struct pdf_view *view, int page);
/* Add the bookmarks as headings; their `part` is the page they lead to, from 0. */
void pdf_view_outline(struct pdf_view *view, struct document *document);
void pdf_view_close(struct pdf_view *view); /* NULL-safe */

#ifdef __cplusplus
}
#endif

#endif
