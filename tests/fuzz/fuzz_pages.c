/*
 * Any pages, notes and bookmarks: nothing crashes; without dropping every byte stays; what is
 * dropped are whole lines; headings lie in their parts, in reading order; every noted page is
 * named.
 *
 * A form feed begins a page, the byte behind it says how many were left out ahead of it. A line
 * that begins with '!' is a note on the page, one that begins with '*' a bookmark that leads
 * there.
 */
#include "base/mem.h"
#include "loaders/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int condition)
{
	if (!condition) {
		abort();
	}
}

static void add_page(struct document *document, struct page_notes *notes, int64_t page,
	const char *text, size_t len)
{
	struct buf own = BUF_INIT;
	const char *end = text + len;

	for (const char *stop; text < end; text = stop + 1) {
		stop = memchr(text, '\n', (size_t)(end - text));
		stop = stop ? stop : end;
		if (*text == '!') {
			char *reason = mem_strndup(text + 1, (size_t)(stop - text - 1));

			page_notes_add(notes, page, page & 1 ? SKIP_RULE : SKIP_UNREADABLE, reason);
			free(reason);
		} else if (*text == '*') {
			document_add_heading(document, 1, text + 1, (size_t)(stop - text - 1),
				(size_t)page - 1, 1);
		} else {
			buf_add(&own, text, (size_t)(stop - text) + (stop < end));
		}
	}
	if (own.len) {
		struct part *part = document_add_part(document);

		part->place.page = page;
		part->len = own.len;
		part->text = buf_take(&own);
	}
	buf_finish(&own);
}

static struct document make_document(struct page_notes *notes, const char *text, size_t len)
{
	struct document document = {.kind = DOCUMENT_PDF};
	int64_t page = 1;

	for (size_t at = 0; at <= len;) {
		const char *stop = at < len ? memchr(text + at, '\f', len - at) : NULL;
		size_t end = stop ? (size_t)(stop - text) : len;

		add_page(&document, notes, page, text + at, end - at);
		page += 1 + (end + 1 < len ? (uint8_t)text[end + 1] % 8 : 0);
		at = end + 2;
	}
	return document;
}

static void check_headings(const struct document *document)
{
	for (size_t i = 0; i < document->n_heading; i++) {
		const struct heading *heading = &document->heading[i];
		const struct part *part = &document->part[heading->part];
		int64_t lines = 1;

		must(heading->part < document->n_part);
		for (size_t at = 0; at < part->len; at++) {
			lines += part->text[at] == '\n';
		}
		must(heading->line >= 1 && heading->line <= lines);
		must(i == 0 || heading[-1].part < heading->part ||
			(heading[-1].part == heading->part && heading[-1].line <= heading->line));
	}
}

/* The lines of `after` are some of those of `before`, in order. */
static void check_lines(const struct part *before, const struct part *after)
{
	const char *text = before->text, *end = text + before->len;
	const char *rest = after->text, *rest_end = rest + after->len;

	must(after->len <= before->len);
	while (text < end && rest < rest_end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((stop ? stop + 1 : end) - text);

		if ((size_t)(rest_end - rest) >= len && memcmp(rest, text, len) == 0) {
			rest += len;
		}
		text += len;
	}
	must(rest == rest_end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct page_notes notes = {0}, again = {0};
	struct document before = make_document(&notes, (const char *)data, size);
	struct document kept = make_document(&again, (const char *)data, size);
	struct skip skip = {0};
	int status;

	page_notes_finish(&again);
	status = pages_finish(&kept, 0, &notes, &skip);
	must((status == 0) == (before.n_part > 0));
	if (status < 0) {
		must(strncmp(skip.reason, "has no text", 11) == 0);
		skip_finish(&skip);
	} else {
		check_headings(&kept);
		for (size_t i = 0; i < notes.n; i++) {
			must(strncmp(notes.note[i].reason, "page", 4) == 0);
		}
	}
	for (size_t i = 0; i < before.n_part; i++) {
		must(kept.part[i].len == before.part[i].len);
		must(memcmp(kept.part[i].text, before.part[i].text, before.part[i].len) == 0);
	}
	pages_find_running(&kept, 1);
	must(kept.running.n_pages <= (int64_t)kept.n_part);
	must(kept.running.n_lines >= kept.running.n_pages);
	for (size_t i = 0; i < before.n_part; i++) {
		check_lines(&before.part[i], &kept.part[i]);
	}
	page_notes_finish(&notes);
	document_finish(&before);
	document_finish(&kept);
	return 0;
}
