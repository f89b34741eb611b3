/*
 * What sources cost, counted while they are loaded: no text is kept, so that trees far larger than
 * memory can be counted. The figures are those of session_load() with the same paths, token for
 * token: texts are cut into segments as session/pack.h has it, and each segment is counted alone.
 */
#ifndef SESSION_TALLY_H
#define SESSION_TALLY_H

#include "base/err.h"
#include "engine/engine.h"
#include "loaders/load.h"

#include <stddef.h>
#include <stdint.h>

/* A file of a tree, or any other source as a whole. */
struct tally_file {
	char *path; /* as it was given; a tree's files behind it */
	int64_t tokens, bytes;
	size_t source;
};

struct tally_heading {
	char *title;
	int level;          /* from 1 */
	int64_t page, line; /* page 0: the document has none */
	char *label;        /* printed on the page, where that is not its number; else NULL */
	int64_t tokens;     /* up to the next heading of this level or above */
};

struct tally_source {
	enum document_kind kind;
	char *path, *name;
	int64_t tokens, bytes; /* with what stands around its files */
	int64_t n_pages;       /* that were read, of a pdf's `total_pages` */
	int64_t total_pages;
	struct running_lines running;
	struct tally_heading *heading;
	size_t n_heading;
};

struct tally {
	struct tally_source *source;
	size_t n_source, cap_source;
	struct tally_file *file;
	size_t n_file, cap_file;
	int64_t packing_tok; /* tags around a tree's files */
	int64_t total_tok, total_bytes;
	int64_t instructions_tok; /* what every prompt begins with; not in the total */
	struct skipped *skipped;
	size_t n_skipped, cap_skipped;
};

/*
 * Load and count, on all cores. With `outline`, headings are counted too. `tally` is zero-initialised;
 * while a load goes on its totals say how far the count is. On failure (ERR_INTERRUPTED) it is empty.
 */
int tally_load(struct tally *tally, struct tokens *tokens, const char *const *path, size_t n_path,
	const struct load_options *options, int outline, struct err *err);
/*
 * The same in steps: what is given to the sink is counted until tally_end(), which takes the load's
 * status and frees the counter. `options` and `tokens` must last as long.
 */
struct tally_counter;
struct tally_counter *tally_begin(struct tally *tally, struct tokens *tokens,
	const struct load_options *options, int outline);
struct load_sink tally_sink(struct tally_counter *counter);
int tally_end(struct tally_counter *counter, int status, struct err *err);
void tally_finish(struct tally *tally);

#endif
