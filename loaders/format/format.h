/* What the readers of single files share. */
#ifndef LOADERS_FORMAT_FORMAT_H
#define LOADERS_FORMAT_FORMAT_H

#include "loaders/loader.h"

extern const struct loader loader_code, loader_man, loader_packed, loader_pdf, loader_text;
/* transcript.h says what transcripts are */
extern const struct loader loader_subtitles;
extern const struct loader loader_transcript_json;
extern const struct loader loader_transcript_lines;
extern const struct loader loader_docx, loader_epub, loader_html, loader_mail, loader_odt,
	loader_office_other;

/*
 * Open what libraries will want to open later, when nothing can be opened any more (prepare.c).
 * Called once, in a process of one thread, before any reader runs; forked workers inherit it.
 */
void formats_prepare(void);
void mail_prepare(void);
void pdf_prepare(void);
void transcript_prepare(void);

/* Whether the input's name ends in one of the words (without the dot, case folded), NULL at the end. */
int format_has_extension(const struct input *input, const char *const *extension);
/*
 * For formats of text: the input as UTF-8 in the empty `text`, *encoding as in struct reader; -1 where
 * the bytes are no text: *skip says what they are. Lines that a carriage return alone ends, in a text
 * without any newline, end by a newline: else all would be line 1. All other bytes stay.
 */
int format_text(
	struct buf *text, const char **encoding, const struct input *input, struct skip *skip);

#endif
