#include "session/tally.h"

#include "base/mem.h"
#include "session/once.h"
#include "session/pack.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * Texts are counted some at a time, on a thread, while the next ones are read; the count looks up
 * after each slice whether it is still wanted.
 */
enum { BATCH_BYTES = 8 << 20, SLICE_BYTES = 1 << 20, POLL_NS = 50000000 };

#define NO_FILE SIZE_MAX /* a source's tags */

/* Where a heading stands in the packed text. */
struct cut {
	size_t segment, at;
	size_t heading; /* of the source */
};

/* Segments whose tokens belong together. */
struct work {
	size_t source, file;
	struct prompt block;
	struct cut *cut;
	size_t n_cut;
};

struct batch {
	struct work *work;
	size_t n_work, cap_work, bytes;
	struct tokens_text *text; /* every segment, then every piece up to a heading */
	size_t n_text, cap_text;
};

struct tally_counter {
	struct tally *tally;
	struct tokens *tokens;
	const struct load_options *options;
	int outline;
	struct document document; /* at hand; of a tree only the paths of its parts */
	struct batch filling, counting;
	pthread_t thread;
	int is_running;
	atomic_int is_unwanted;
};

/* ---- batches ---- */

static void batch_clear(struct batch *batch)
{
	for (size_t i = 0; i < batch->n_work; i++) {
		prompt_finish(&batch->work[i].block);
		free(batch->work[i].cut);
	}
	batch->n_work = batch->n_text = batch->bytes = 0;
}

static void batch_finish(struct batch *batch)
{
	batch_clear(batch);
	free(batch->work);
	free(batch->text);
	*batch = (struct batch){0};
}

static void add_text(struct batch *batch, const char *text, size_t len)
{
	mem_grow(batch->text, batch->n_text, batch->cap_text);
	batch->text[batch->n_text++] = (struct tokens_text){.text = text, .len = len};
}

/* The pieces of a segment that end where headings stand. */
static void add_pieces(struct batch *batch, const struct work *work)
{
	for (size_t i = 0; i < work->n_cut; i++) {
		const struct cut *cut = &work->cut[i];
		int is_next = i && work->cut[i - 1].segment == cut->segment;
		size_t from = is_next ? work->cut[i - 1].at : 0, len;
		const char *text = segment_bytes(work->block.item[cut->segment], &len);

		add_text(batch, text + from, cut->at - from);
	}
}

static void list_texts(struct batch *batch)
{
	for (size_t i = 0; i < batch->n_work; i++) {
		const struct work *work = &batch->work[i];

		for (size_t k = 0; k < work->block.count; k++) {
			size_t len;
			const char *text = segment_bytes(work->block.item[k], &len);

			add_text(batch, text, len);
		}
		add_pieces(batch, work);
	}
}

static void *count_batch(void *arg)
{
	struct tally_counter *counter = arg;
	struct batch *batch = &counter->counting;

	for (size_t i = 0, end; i < batch->n_text && !atomic_load(&counter->is_unwanted); i = end) {
		size_t bytes = 0;

		for (end = i; end < batch->n_text && bytes < SLICE_BYTES; end++) {
			bytes += batch->text[end].len;
		}
		/* Sources stand behind the instructions: none of their segments is the first. */
		tokens_count(counter->tokens, batch->text + i, end - i);
	}
	return NULL;
}

/* ---- what was counted ---- */

/* Tokens of a source in front of each heading become those of its section. */
static void end_sections(struct tally_source *source, int64_t end_tok)
{
	for (size_t i = 0; i < source->n_heading; i++) {
		size_t next = i + 1;

		while (next < source->n_heading &&
			source->heading[next].level > source->heading[i].level) {
			next++;
		}
		source->heading[i].tokens =
			(next < source->n_heading ? source->heading[next].tokens : end_tok) -
			source->heading[i].tokens;
	}
}

/*
 * The places of headings within segments that are counted whole: a piece counted alone may have a
 * token more or less than it has there, so a place is never put behind its segment's end, and the
 * sections add up to the source.
 */
static void take_sections(struct tally_source *source, const struct work *work,
	const struct tokens_text *segment, const struct tokens_text *piece)
{
	int64_t before_tok = 0, within_tok = 0;
	size_t at = 0;

	for (size_t i = 0; i < work->n_cut; i++) {
		const struct cut *cut = &work->cut[i];

		for (; at < cut->segment; at++) {
			before_tok += (int64_t)segment[at].n_tok;
			within_tok = 0;
		}
		within_tok += (int64_t)piece[i].n_tok;
		if (within_tok > (int64_t)segment[at].n_tok) {
			within_tok = (int64_t)segment[at].n_tok;
		}
		source->heading[cut->heading].tokens = before_tok + within_tok;
	}
	for (; at + 1 < work->block.count; at++) {
		before_tok += (int64_t)segment[at].n_tok;
	}
	end_sections(source, before_tok);
}

static void take_work(struct tally *tally, const struct work *work, const struct tokens_text *text)
{
	struct tally_source *source = &tally->source[work->source];
	int64_t tokens = 0;

	for (size_t i = 0; i < work->block.count; i++) {
		tokens += (int64_t)text[i].n_tok;
	}
	source->tokens += tokens;
	tally->total_tok += tokens;
	if (work->file == NO_FILE) {
		tally->packing_tok += tokens;
	} else {
		tally->file[work->file].tokens += tokens;
	}
	if (work->n_cut) {
		take_sections(source, work, text, text + work->block.count);
	}
}

static int is_stopped(const struct load_options *options)
{
	return options->watch.stopped && options->watch.stopped(options->watch.arg);
}

/* Wait for the batch that is being counted; a stop ends it after the present slice. */
static void collect(struct tally_counter *counter)
{
	struct batch *batch = &counter->counting;
	struct timespec until;
	size_t text = 0;

	if (!counter->is_running) {
		return;
	}
	do {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += POLL_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (is_stopped(counter->options)) {
			atomic_store(&counter->is_unwanted, 1);
		}
	} while (pthread_timedjoin_np(counter->thread, NULL, &until) == ETIMEDOUT);
	counter->is_running = 0;
	for (size_t i = 0; i < batch->n_work; i++) {
		take_work(counter->tally, &batch->work[i], batch->text + text);
		text += batch->work[i].block.count + batch->work[i].n_cut;
	}
	batch_clear(batch);
}

/* Begin to count what has been read. */
static void submit(struct tally_counter *counter)
{
	struct batch empty;

	collect(counter);
	empty = counter->counting;
	counter->counting = counter->filling;
	counter->filling = empty;
	list_texts(&counter->counting);
	if (pthread_create(&counter->thread, NULL, count_batch, counter) != 0) {
		mem_exhausted();
	}
	counter->is_running = 1;
}

/* ---- what is read ---- */

static struct work *add_work(struct tally_counter *counter, size_t file)
{
	struct batch *batch = &counter->filling;

	mem_grow(batch->work, batch->n_work, batch->cap_work);
	batch->work[batch->n_work] =
		(struct work){.source = counter->tally->n_source - 1, .file = file};
	return &batch->work[batch->n_work++];
}

/* The work is complete: its text is to be counted. Returns whether the count is not wanted any more. */
static int end_work(struct tally_counter *counter, const struct work *work)
{
	for (size_t i = 0; i < work->block.count; i++) {
		size_t len;

		segment_bytes(work->block.item[i], &len);
		counter->filling.bytes += len;
	}
	if (counter->filling.bytes >= BATCH_BYTES) {
		submit(counter);
	}
	return atomic_load(&counter->is_unwanted);
}

static size_t add_file(struct tally_counter *counter, char *path, size_t bytes)
{
	struct tally *tally = counter->tally;

	mem_grow(tally->file, tally->n_file, tally->cap_file);
	tally->file[tally->n_file] = (struct tally_file){
		.path = path, .bytes = (int64_t)bytes, .source = tally->n_source - 1};
	tally->total_bytes += (int64_t)bytes;
	tally->source[tally->n_source - 1].bytes += (int64_t)bytes;
	return tally->n_file++;
}

static enum pack_before before_source(const struct tally *tally)
{
	return tally->n_source > 1 ? PACK_BEFORE_SOURCE : PACK_BEFORE_OTHER;
}

static int on_begin(void *arg, const struct document *document)
{
	struct tally_counter *counter = arg;
	struct tally *tally = counter->tally;
	const char *shown = document->origin ? document->origin : document->name;
	struct work *work;

	document_finish(&counter->document);
	counter->document = (struct document){
		.kind = document->kind,
		.name = mem_strdup(document->name),
		.origin = mem_strdup(document->origin),
		.rev = mem_strdup(document->rev),
	};
	mem_grow(tally->source, tally->n_source, tally->cap_source);
	tally->source[tally->n_source++] = (struct tally_source){
		.kind = document->kind,
		.path = mem_strdup(shown),
		.name = mem_strdup(document->name),
	};
	if (document->kind == DOCUMENT_CODE) {
		work = add_work(counter, NO_FILE);
		pack_source_open(&work->block, before_source(tally), (int64_t)tally->n_source,
			&counter->document);
		return end_work(counter, work);
	}
	return 0;
}

/* A file of a tree is counted at once, anything else when it is whole. */
static int on_part(void *arg, struct part *part)
{
	struct tally_counter *counter = arg;
	struct document *document = &counter->document;
	struct part *own = document_add_part(document);
	struct work *work;

	*own = *part;
	*part = (struct part){.place = {.time_ms = -1}};
	if (document->kind != DOCUMENT_CODE) {
		return 0;
	}
	work = add_work(counter,
		add_file(counter,
			document_part_path(document, document->origin, document->n_part - 1),
			own->len));
	pack_file(&work->block, own);
	free(own->text);
	own->text = NULL;
	own->len = 0;
	return end_work(counter, work);
}

/* How many lines end in front of each heading within the packed content of a document. */
static int64_t lines_before(const struct document *document, const struct heading *heading,
	size_t *part, int64_t *part_lines)
{
	int is_page = document->kind == DOCUMENT_PDF;

	for (; *part < heading->part && *part < document->n_part; ++*part) {
		const struct part *one = &document->part[*part];
		const char *at = one->text, *end = one->text + one->len;

		/* A page has its tags' lines, a cue what ends it. */
		*part_lines += is_page ? 2 : document->kind == DOCUMENT_TRANSCRIPT;
		while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
			++*part_lines;
			at++;
		}
	}
	return *part_lines + (heading->line > 1 ? heading->line - 1 + is_page : 0);
}

/* Find the place behind so many lines of the content; it is never in front of *at. */
static void find_place(const struct prompt *block, int64_t wanted, struct cut *at, int64_t *lines)
{
	while (at->segment + 1 < block->count) {
		size_t len;
		const char *text = segment_bytes(block->item[at->segment], &len);

		while (*lines < wanted && at->at < len) {
			const char *newline = memchr(text + at->at, '\n', len - at->at);

			*lines += newline != NULL;
			at->at = newline ? (size_t)(newline - text) + 1 : len;
		}
		if (*lines >= wanted || at->segment + 2 >= block->count) {
			return;
		}
		at->segment++;
		at->at = 0;
	}
}

static void add_headings(struct tally_counter *counter, struct work *work)
{
	const struct document *document = &counter->document;
	struct tally_source *source = &counter->tally->source[work->source];
	int64_t part_lines = 0, lines = 0;
	struct cut place = {.segment = 1};
	size_t part = 0;

	source->heading = mem_zero(document->n_heading, sizeof(*source->heading));
	source->n_heading = document->n_heading;
	work->cut = mem_zero(document->n_heading, sizeof(*work->cut));
	for (size_t i = 0; i < document->n_heading; i++) {
		const struct heading *heading = &document->heading[i];

		find_place(&work->block, lines_before(document, heading, &part, &part_lines),
			&place, &lines);
		place.heading = i;
		work->cut[work->n_cut++] = place;
		source->heading[i] = (struct tally_heading){
			.title = mem_strdup(heading->title),
			.level = heading->level,
			.line = heading->line,
		};
		if (document->kind == DOCUMENT_PDF && heading->part < document->n_part) {
			const struct part_place *page = &document->part[heading->part].place;

			source->heading[i].page = page->page;
			source->heading[i].label = mem_strdup(page->label);
		}
	}
}

static int end_document(struct tally_counter *counter)
{
	struct document *document = &counter->document;
	struct tally *tally = counter->tally;
	const char *shown = document->origin ? document->origin : document->name;
	struct work *work;
	size_t bytes = 0;

	for (size_t i = 0; i < document->n_part; i++) {
		bytes += document->part[i].len;
	}
	work = add_work(counter, add_file(counter, mem_strdup(shown), bytes));
	pack_source(&work->block, before_source(tally), (int64_t)tally->n_source, document);
	if (document->kind == DOCUMENT_PDF) {
		tally->source[tally->n_source - 1].n_pages = (int64_t)document->n_part;
		tally->source[tally->n_source - 1].total_pages = document->n_pages;
		tally->source[tally->n_source - 1].running = document->running;
	}
	if (counter->outline && document->n_heading && work->block.count > 2) {
		add_headings(counter, work);
	}
	return end_work(counter, work);
}

static int on_end(void *arg, struct document *ended)
{
	struct tally_counter *counter = arg;
	struct document *document = &counter->document;
	int status;

	if (document->kind == DOCUMENT_CODE) {
		struct work *work = add_work(counter, NO_FILE);

		pack_source_close(&work->block, document);
		status = end_work(counter, work);
	} else {
		document->heading = ended->heading;
		document->n_heading = ended->n_heading;
		ended->heading = NULL;
		ended->n_heading = ended->cap_heading = 0;
		document->running = ended->running;
		document->n_pages = ended->n_pages;
		status = end_document(counter);
	}
	document_finish(document);
	return status;
}

static void on_skipped(void *arg, const struct skipped *skipped)
{
	struct tally_counter *counter = arg;
	struct tally *tally = counter->tally;

	mem_grow(tally->skipped, tally->n_skipped, tally->cap_skipped);
	tally->skipped[tally->n_skipped++] = (struct skipped){
		.path = mem_strdup(skipped->path),
		.reason = mem_strdup(skipped->reason),
		.is_unreadable = skipped->is_unreadable,
	};
}

/* ---- the whole ---- */

static int64_t count_instructions(struct tokens *tokens)
{
	struct prompt prompt = {0};
	int64_t total = 0;

	pack_instructions(&prompt, NULL, 0);
	for (size_t i = 0; i < prompt.count; i++) {
		size_t len, count;
		const char *text = segment_bytes(prompt.item[i], &len);

		free(tokens_encode(tokens, text, len, TOKENS_TEXT, i == 0, &count));
		total += (int64_t)count;
	}
	prompt_finish(&prompt);
	return total;
}

struct tally_counter *tally_begin(
	struct tally *tally, struct tokens *tokens, const struct load_options *options, int outline)
{
	struct tally_counter *counter = mem_zero(1, sizeof(*counter));

	tally->instructions_tok = count_instructions(tokens);
	counter->tally = tally;
	counter->tokens = tokens;
	counter->options = options;
	counter->outline = outline;
	return counter;
}

struct load_sink tally_sink(struct tally_counter *counter)
{
	return (struct load_sink){on_begin, on_part, on_end, on_skipped, counter};
}

int tally_end(struct tally_counter *counter, int status, struct err *err)
{
	if (status == 0) {
		submit(counter);
	} else {
		atomic_store(&counter->is_unwanted, 1);
	}
	collect(counter);
	if (status == 0 && atomic_load(&counter->is_unwanted)) {
		status = err_set(err, ERR_INTERRUPTED, NULL, NULL, "interrupted");
	}
	if (status < 0) {
		tally_finish(counter->tally);
	}
	batch_finish(&counter->filling);
	batch_finish(&counter->counting);
	document_finish(&counter->document);
	free(counter);
	return status;
}

int tally_load(struct tally *tally, struct tokens *tokens, const char *const *path, size_t n_path,
	const struct load_options *options, int outline, struct err *err)
{
	struct tally_counter *counter = tally_begin(tally, tokens, options, outline);
	struct load_sink into = tally_sink(counter), sink;
	struct once once = {.to = &into};
	int status;

	sink = once_sink(&once);
	status = load_each(path, n_path, options, &sink, err);
	once_finish(&once);
	return tally_end(counter, status, err);
}

void tally_finish(struct tally *tally)
{
	for (size_t i = 0; i < tally->n_source; i++) {
		struct tally_source *source = &tally->source[i];

		for (size_t k = 0; k < source->n_heading; k++) {
			free(source->heading[k].title);
			free(source->heading[k].label);
		}
		free(source->heading);
		free(source->path);
		free(source->name);
	}
	for (size_t i = 0; i < tally->n_file; i++) {
		free(tally->file[i].path);
	}
	for (size_t i = 0; i < tally->n_skipped; i++) {
		free(tally->skipped[i].path);
		free(tally->skipped[i].reason);
	}
	free(tally->source);
	free(tally->file);
	free(tally->skipped);
	*tally = (struct tally){0};
}
