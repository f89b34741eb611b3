/*
 * What technical texts call the section that a question is about: who asks who wrote it wants AUTHORS,
 * who asks where to turn with a defect REPORTING BUGS. Private to session/retrieve*.c.
 */
#ifndef SESSION_RETRIEVE_RELATED_H
#define SESSION_RETRIEVE_RELATED_H

#include "session/words.h"

#include <stddef.h>

/* Give the sink each word of headings, as Porter has it, that a word of a question is related to. */
void related_headings(
	struct word word, void *context, void (*sink)(void *context, const char *term));
/* The number that a word is, in digits; NULL where it is none. */
const char *related_number(struct word word);

#endif
