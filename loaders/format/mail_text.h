/* Messages as text, for mail.c, which knows files. */
#ifndef LOADERS_FORMAT_MAIL_TEXT_H
#define LOADERS_FORMAT_MAIL_TEXT_H

#include "loaders/loader.h"

#include <gmime/gmime.h>

/* How far messages may lie in messages, and parts in parts. */
enum { MAIL_MAX_DEPTH = 32 };

struct mail_text {
	struct buf *text;
	struct document *outline;
	int is_mbox;     /* lines that begin with ">From " lose the '>' */
	int n_encrypted; /* bodies that cannot be read; each is named in the text */
	int n_readable;
	int n_attachment; /* named in the text, not read */
	size_t counted;   /* bytes of `text` whose lines are counted */
	int64_t line;
};

/* A message at a heading of this level. */
void mail_text_message(struct mail_text *mail, GMimeMessage *message, int level);

#endif
