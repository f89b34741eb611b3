/* What workers say becomes documents, handed over in the order in which they were named. */
#include "loaders/load_internal.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void tell_skipped(
	struct load *load, const char *path, enum skip_class class, const char *reason)
{
	struct skipped skipped = {(char *)path, (char *)reason, class == SKIP_UNREADABLE};

	load->sink->skipped(load->sink->arg, &skipped);
}

static char *path_inside(const char *folder, const char *inside)
{
	size_t len = strlen(folder);

	return mem_printf("%s%s%s", folder, len && folder[len - 1] == '/' ? "" : "/", inside);
}

/* ---- folders: handed over as they come ---- */

static int begin_tree(struct load *load, struct item *item)
{
	if (item->is_begun) {
		return 0;
	}
	item->is_begun = 1;
	return load->sink->begin(load->sink->arg, &item->document);
}

static void remember(struct item *item, const char *path)
{
	free(item->last_path);
	item->last_path = mem_strdup(path);
	free(item->reading_path);
	item->reading_path = NULL;
}

/* Behind the folder and the documents of it that came before. */
static void add_inside(struct load *load, struct item *tree, const char *inside)
{
	char *path = path_inside(tree->path, inside), *name = load_shown_name(tree->path);
	char *shown = path_inside(name, inside), *clean = load_shown_name(shown);
	struct item *item = item_create(path, clean);
	struct item *behind = tree->last_inside ? tree->last_inside : tree;

	item->inside = mem_strdup(inside);
	item->folder = tree->folder;
	item->folder->n_user++;
	tree->last_inside = item;
	item->next = behind->next;
	behind->next = item;
	load->last = item->next ? load->last : item;
	load->n_item++;
	tree->n_document++;
	free(path);
	free(name);
	free(shown);
	free(clean);
}

static int answer_tree(struct load *load, struct item *item, struct frame *frame)
{
	int status = 0;

	if (frame->kind == FRAME_TEXT) {
		remember(item, frame->part.place.path);
		item->n_part++;
		load->progress.n_files++;
		load->progress.n_bytes += (int64_t)frame->part.len;
		status = begin_tree(load, item) || load->sink->part(load->sink->arg, &frame->part);
	} else if (frame->kind == FRAME_SKIP) {
		char *path = frame->skip.path ? path_inside(item->path, frame->skip.path)
					      : mem_strdup(item->path);

		if (frame->skip.path) {
			remember(item, frame->skip.path);
		}
		item->n_skipped++;
		tell_skipped(load, path, frame->skip.class, frame->skip.reason);
		free(path);
	} else if (frame->kind == FRAME_DOCUMENT) {
		remember(item, frame->path);
		add_inside(load, item, frame->path);
	} else if (frame->kind == FRAME_READING) {
		free(item->reading_path);
		item->reading_path = frame->path;
		frame->path = NULL;
	}
	return status;
}

/* ---- documents: held until they are whole ---- */

static size_t string_bytes(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

/* All that stays in memory of a frame, so that no worker fills it with what is no text. */
static void hold(struct load *load, struct item *item, const struct frame *frame)
{
	uint64_t bytes = sizeof(struct part) + frame->part.len +
			 string_bytes(frame->part.place.label) +
			 string_bytes(frame->part.place.speaker) +
			 string_bytes(frame->skip.reason) + string_bytes(frame->heading.title);

	item->held_bytes += bytes;
	load->held_bytes += bytes;
}

/* A PDF may be all there is to load, and large: its bytes count page by page. */
static void count_page(struct load *load, struct item *item)
{
	int64_t bytes;

	if (item->n_page_read >= item->n_page) {
		return;
	}
	item->n_page_read++;
	load->progress.n_pages++;
	bytes = item->size_bytes * item->n_page_read / item->n_page;
	load->progress.n_bytes += bytes - item->counted_bytes;
	item->counted_bytes = bytes;
}

static void answer_document(
	struct load *load, struct job *job, struct item *item, struct frame *frame)
{
	struct document *document = &item->document;

	hold(load, item, frame);
	if (frame->kind == FRAME_TEXT) {
		struct part *own = document_add_part(document);

		*own = frame->part;
		frame->part = (struct part){.place = {.time_ms = -1}};
		if (document->kind == DOCUMENT_CODE) {
			free(own->place.path);
			own->place.path = mem_strdup(document->name);
		}
		count_page(load, item);
		job->last_page = own->place.page;
	} else if (frame->kind == FRAME_SKIP) {
		job->last_page = frame->skip.page;
		count_page(load, item);
		page_notes_add(
			&item->notes, frame->skip.page, frame->skip.class, frame->skip.reason);
	} else if (frame->kind == FRAME_HEADING && job->share_index == 0) {
		struct heading *heading = &frame->heading;

		document_add_heading(document, heading->level, heading->title,
			strlen(heading->title), heading->part, heading->line);
	}
}

static void answer_open(struct load *load, struct item *item, struct frame *frame)
{
	item->document.kind = frame->document_kind;
	if (!item->document.rev) {
		item->document.rev = frame->rev;
		frame->rev = NULL;
	}
	load_show_path(load, item->path);
	if (item->is_tree && !item->is_begun) {
		int is_alone = load->n_item == 1 && !load->n_path;

		/* Of several folders, the later ones are still to be walked. */
		load->progress.total_files = is_alone ? frame->n_part : -1;
		load->progress.total_bytes = is_alone ? frame->n_bytes : -1;
	}
	/* Each of its readers says so; what it says is not to be trusted. */
	if (frame->document_kind == DOCUMENT_PDF && !item->n_page && frame->n_part > 0 &&
		frame->n_part <= LOAD_MAX_BYTES) {
		item->n_page = item->document.n_pages = frame->n_part;
		load->progress.total_pages += frame->n_part + (load->progress.total_pages < 0);
	}
}

int load_answer(struct load *load, struct job *job, struct frame *frame)
{
	struct item *item = job->item[job->at];
	int is_over = frame->kind == FRAME_END || frame->kind == FRAME_FAILED, status = 0;

	if (item->is_tree || frame->kind == FRAME_FILE) {
		load_job_limit(load, job);
	}
	if (frame->kind == FRAME_FAILED) {
		item_fail(item, frame->skip.class, frame->skip.reason);
		frame->skip.reason = NULL;
	} else if (frame->kind == FRAME_OPEN) {
		job->n_page = frame->n_part;
		answer_open(load, item, frame);
	} else if (item->is_tree) {
		status = answer_tree(load, item, frame);
	} else if (!item->failed.reason) {
		answer_document(load, job, item, frame);
	}
	if (is_over) {
		job->at++;
		item_end_share(load, item);
	}
	return status ? -1 : 0;
}

/* ---- handing over ---- */

static int by_page(const void *a, const void *b)
{
	const struct part *left = a, *right = b;

	return (left->place.page > right->place.page) - (left->place.page < right->place.page);
}

/* Pages in order, and what is said of them; -1 where nothing of it counts. */
static int finish_pages(struct load *load, struct item *item)
{
	struct document *document = &item->document;

	if (item->n_share > 1) {
		qsort(document->part, document->n_part, sizeof(*document->part), by_page);
	}
	return pages_finish(document, load->options->drop_headers, &item->notes, &item->failed);
}

static int emit_document(struct load *load, struct item *item)
{
	const struct load_sink *sink = load->sink;
	struct document *document = &item->document;

	if (document->kind == DOCUMENT_PDF && finish_pages(load, item) < 0) {
		tell_skipped(load, item->path, item->failed.class, item->failed.reason);
		return 0;
	}
	for (size_t i = 0; i < item->notes.n; i++) {
		tell_skipped(
			load, item->path, item->notes.note[i].class, item->notes.note[i].reason);
	}
	if (sink->begin(sink->arg, document)) {
		return -1;
	}
	for (size_t i = 0; i < document->n_part; i++) {
		if (sink->part(sink->arg, &document->part[i])) {
			return -1;
		}
	}
	return sink->end(sink->arg, document) ? -1 : 0;
}

/* What came of it is handed over already; what did not is told. */
static int emit_tree(struct load *load, struct item *item)
{
	if (item->failed.reason) {
		tell_skipped(load, item->path, item->failed.class, item->failed.reason);
	} else if (!item->n_part && !item->n_document && !item->n_skipped) {
		tell_skipped(load, item->path, SKIP_RULE, "holds no files");
	}
	return item->is_begun && load->sink->end(load->sink->arg, &item->document) ? -1 : 0;
}

int load_emit(struct load *load)
{
	while (load->first && load->first->state == ITEM_DONE) {
		struct item *item = load->first;
		int status = 0;

		if (item->is_tree) {
			status = emit_tree(load, item);
		} else if (item->failed.reason) {
			tell_skipped(load, item->path, item->failed.class, item->failed.reason);
		} else {
			status = emit_document(load, item);
		}
		load->first = item->next;
		load->last = load->first ? load->last : NULL;
		load->n_item--;
		load->held_bytes -= item->held_bytes;
		item_destroy(item);
		if (status < 0) {
			return -1;
		}
	}
	return 0;
}
