/*
 * The packed context, version 1: what the model reads, byte for byte. KV state and the built-in
 * model depend on it, so it never changes; a change is a new version and old sessions keep theirs.
 * tests/vectors/pack pins it.
 *
 * One message's text is a row of blocks. Instructions come first, once:
 *
 *	You answer from the sources below. Quote the words that answer, then explain briefly.\n
 *	Cite each quote as [S1 path:lines "words"], [S1 p.page "words"] or [S1 time "words"].\n
 *	If the sources do not say, answer: The sources do not say.
 *
 * (the middle line is left out by no_cite), then "\n\n" and the user's own instructions if there
 * are any, then sources, then the question. A block has no newline at its end; it brings what
 * parts it from the block before it: a source that follows a source brings "\n", everything else
 * brings "\n\n", and the first block of a message brings nothing. So nothing that is added changes
 * a byte in front of it.
 *
 *	text         <source id="S1" kind="text" name="NAME">\n BODY </source>
 *	code         <source id="S1" kind="code" name="NAME" rev="REV">\n
 *	             <file path="PATH">\n BODY </file>\n ...  <tree>\n PATH\n ... </tree>\n </source>
 *	pdf          <source id="S1" kind="pdf" name="NAME">\n
 *	             <page n="37" label="21">\n BODY </page>\n ...  </source>
 *	transcript   <source id="S1" kind="transcript" name="NAME">\n
 *	             [hh:mm:ss] SPEAKER: BODY \n ...  </source>
 *	an update    <update of="S1"> in place of <source ...>, </update> at the end, no <tree>; a file
 *	             that is gone has no BODY there
 *
 * (spaces around BODY and before the tags are not written; rev, label, "[hh:mm:ss] " and "SPEAKER: "
 * only where they are known). A cue's BODY of several lines goes on at the beginning of a line. BODY is the stored text, byte for byte, under two
 * reversible changes:
 *  - in text and code, lines 1, 10, 20, 30 ... begin with their number and `|`. A line ends after
 *    its '\n'; a last line may lack it, and then the closing tag follows on the same line, which
 *    is how a missing final newline is told from a present one;
 *  - pack_escape(): a `<` followed by any number of `\`, an optional `/` and one of source, file,
 *    page, tree, text, update gets one more `\` after it. So no body can hold a tag of ours.
 * NAME, REV, PATH, label and SPEAKER are percent-encoded by pack_attribute(). Instructions and
 * questions are escaped like a BODY: what the user types cannot pose as a source either.
 *
 * SEGMENTS. Tokens are made segment by segment, so segments are part of the format: the fixed
 * instructions; the user's instructions; each source's opening tag with what parts it from the
 * block before; its content; its closing tag; each question with its "\n\n". Content is cut at the
 * first location boundary (line, page, cue) at or past PACK_CHUNK_BYTES of stored text, counted
 * from the cut before, so the cuts depend on the text alone and what is appended moves none. A file
 * of a tree always ends a segment. What goes on for twice that is cut where it must be: a page or
 * cue after a line, a line between two characters.
 *
 * Content is what answers may quote (segment_source()): numbers of lines, heads of cues and the
 * escape's `\` are told apart from the words there, and tags end what may be quoted in one piece.
 */
#ifndef SESSION_PACK_H
#define SESSION_PACK_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

struct document;
struct part;
struct prompt;
struct segment;
struct slice;

enum { PACK_VERSION = 1, PACK_CHUNK_BYTES = 16384 };

/* What stands before a block in its message. */
enum pack_before { PACK_BEFORE_NOTHING, PACK_BEFORE_SOURCE, PACK_BEFORE_OTHER };

/* `system` is the user's own instructions; NULL for none. */
void pack_instructions(struct prompt *out, const char *system, int no_cite);
/* S1 is number 1. */
void pack_source(struct prompt *out, enum pack_before before, int64_t number,
	const struct document *document);
/*
 * The same in steps, for a tree that is never whole in memory: what opens it, its files one by one,
 * and what closes it, which of its parts needs only the paths.
 */
void pack_source_open(struct prompt *out, enum pack_before before, int64_t number,
	const struct document *document);
void pack_file(struct prompt *out, const struct part *part);
void pack_source_close(struct prompt *out, const struct document *document);
/* `document` holds the new text of source `number`: of a tree, the files that changed. */
void pack_update(struct prompt *out, enum pack_before before, int64_t number,
	const struct document *document);
/*
 * Slices of a document (session/cut.h) as a source, in their order: BODY is that of its lines, under
 * their own numbers, the first line of a slice always with one. A file or page that a slice has only a part of stands
 * in its tags all the same; slices of one text are parted by a line of "...", which no quote runs over, and there is no <tree>.
 */
void pack_slices(struct prompt *out, enum pack_before before, int64_t number,
	const struct document *document, const struct slice *slice, size_t n_slice);
/* What stands between its tags. Each slice begins a segment: their tokens add up. */
void pack_slices_content(struct prompt *out, const struct document *document,
	const struct slice *slice, size_t n_slice);
/* Whether a file of a tree ends with this segment: no body can hold its tag. */
int pack_ends_file(const struct segment *segment);
struct segment *pack_question(enum pack_before before, const char *question, size_t len);

/* The escape of bodies, and back: pack_unescape undoes pack_escape on any bytes. */
void pack_escape(struct buf *out, const char *text, size_t len);
void pack_unescape(struct buf *out, const char *text, size_t len);
/* Percent-encode `"`, `<`, `%`, C0 and C1 controls, DEL and bytes that are not UTF-8; and back. */
void pack_attribute(struct buf *out, const char *text, size_t len);
void pack_attribute_decode(struct buf *out, const char *text, size_t len);
/* A transcript's time: hh:mm:ss, whole seconds, hours as many digits as they need. */
void pack_time(struct buf *out, int64_t time_ms);

#endif
