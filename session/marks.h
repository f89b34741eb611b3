/*
 * What the pack writes between the words of a source (session/pack.h) and a model may copy into a
 * quote: `N|` in front of a line, `[hh:mm:ss] SPEAKER: ` in front of a cue, `SPEAKER: ` in front of
 * one without a time. A quote is searched
 * without them, but they must be true: what stands there is the beginning of line N, or of a cue
 * of that time and speaker. Else an invented `[00:01:02] Nobody may start it:` would be forgiven.
 */
#ifndef SESSION_MARKS_H
#define SESSION_MARKS_H

#include "base/buf.h"
#include "session/cite.h"
#include "session/fold.h"

#include <stddef.h>
#include <stdint.h>

enum {
	MARKS_MAX = 256,   /* in one quote; further ones are words like others */
	SPEAKERS_MAX = 64, /* of cues without times; further ones are words, too */
};

struct part;

struct pack_mark {
	size_t at;           /* of the text without marks: where what stands behind it begins */
	int64_t line;        /* of `N|`; 0 for a cue */
	int64_t seconds;     /* of a cue; -1 where it has no time */
	const char *speaker; /* borrowed from a document; NULL where the mark has none */
	/* Where the line begins in the part that was looked at last: hits come in order. */
	const struct part *part;
	size_t line_at;
};

struct pack_marks {
	struct pack_mark mark[MARKS_MAX];
	size_t n;
};

/*
 * Append the text to `out`, a space in place of each mark: of `N|` at its beginning and those of
 * its lines, of a cue's time or speaker at the beginning of a word. `source` tells which speakers there are.
 */
void marks_drop(struct pack_marks *marks, const char *text, size_t len,
	const struct cite_source *source, size_t n_source, struct buf *out);
/* Whether the marks are what the document has at the hit of the needle made of the text without. */
int marks_agree(struct pack_marks *marks, const struct document *document,
	const struct fold_search *search, const struct fold_hit *hit);

#endif
