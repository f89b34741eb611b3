/*
 * The best line for a question by BM25 (Robertson and Zaragoza, "The Probabilistic Relevance
 * Framework: BM25 and Beyond", 2009; k1 = 1.2, b = 0.75): the baseline that any model has to beat
 * at finding. Its documents are the lines of some texts; stop words (session/words.h) do not count.
 * The weight of a word is log(1 + (N - n + 0.5) / (n + 0.5)), which is never negative.
 */
#ifndef SESSION_LINE_PICKER_H
#define SESSION_LINE_PICKER_H

#include "session/lines.h"

#include <stddef.h>

enum line_picker_unit {
	PICK_LINES,  /* each line is a document */
	PICK_JOINED, /* a line with those that follow it and are indented more deeply */
};

struct line_pick {
	size_t text, line; /* from 0; of a joined document its first line */
	double score; /* 0 where no line has a word of the question: then the first is picked */
};

/* The line that scores best; of equals the first. */
struct line_pick line_picker_pick(const struct lines *text, size_t n_text,
	enum line_picker_unit unit, const char *question, size_t question_len);

#endif
