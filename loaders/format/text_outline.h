/* Headings of text formats that stay as they are. */
#ifndef LOADERS_FORMAT_TEXT_OUTLINE_H
#define LOADERS_FORMAT_TEXT_OUTLINE_H

#include "loaders/loader.h"

/* Add those of Markdown, reStructuredText, LaTeX, Org or AsciiDoc, as the input's name says. */
void text_outline(struct document *outline, const struct input *input, const struct buf *text);

#endif
