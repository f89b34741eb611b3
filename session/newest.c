#include "session/newest.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- parts ---- */

static int is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static int is_same_part(const struct part *a, const struct part *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->text, b->text, a->len) == 0) &&
	       a->place.page == b->place.page && a->place.time_ms == b->place.time_ms &&
	       is_same(a->place.label, b->place.label) &&
	       is_same(a->place.speaker, b->place.speaker);
}

static int is_same_text(const struct document *a, const struct document *b)
{
	if (a->n_part != b->n_part) {
		return 0;
	}
	for (size_t i = 0; i < a->n_part; i++) {
		if (!is_same_part(&a->part[i], &b->part[i])) {
			return 0;
		}
	}
	return 1;
}

static void add_copy(struct document *to, const struct part *from)
{
	struct part *part = document_add_part(to);

	part->place = (struct part_place){
		.path = mem_strdup(from->place.path),
		.page = from->place.page,
		.label = mem_strdup(from->place.label),
		.time_ms = from->place.time_ms,
		.speaker = mem_strdup(from->place.speaker),
	};
	part->len = from->len;
	part->text = from->len ? mem_strndup(from->text, from->len) : NULL;
}

/* ---- of a tree ---- */

struct newest {
	const struct part *part;
	size_t order;
	int is_read; /* once more */
};

static const char *path_of(const struct part *part)
{
	return part->place.path ? part->place.path : "";
}

static int by_path(const void *a, const void *b)
{
	const struct newest *x = a, *y = b;
	int order = strcmp(path_of(x->part), path_of(y->part));

	return order ? order : (x->order > y->order) - (x->order < y->order);
}

/* The newest of each file, by path, as loaders bring them. */
static struct newest *newest_files(
	const struct standing *standing, size_t n_standing, int64_t number, size_t *count)
{
	struct newest *file = NULL;
	size_t n = 0, cap = 0, n_kept = 0;

	for (size_t i = 0; i < n_standing; i++) {
		const struct document *document = &standing[i].block->stored.document;

		for (size_t k = 0;
			standing[i].block->stored.number == number && k < document->n_part; k++) {
			mem_grow(file, n, cap);
			file[n] = (struct newest){.part = &document->part[k], .order = n};
			n++;
		}
	}
	if (n) {
		qsort(file, n, sizeof(*file), by_path);
	}
	for (size_t i = 0; i < n; i++) {
		if (i + 1 == n || strcmp(path_of(file[i].part), path_of(file[i + 1].part)) != 0) {
			file[n_kept++] = file[i];
		}
	}
	*count = n_kept;
	return file;
}

static struct newest *find_file(struct newest *file, size_t count, const char *path)
{
	size_t first = 0, end = count;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (strcmp(path_of(file[middle].part), path) < 0) {
			first = middle + 1;
		} else {
			end = middle;
		}
	}
	return first < count && strcmp(path_of(file[first].part), path) == 0 ? &file[first] : NULL;
}

static int is_gone(const char *root, const char *path)
{
	char *whole = mem_printf("%s/%s", root, path);
	struct stat st;
	int gone = lstat(whole, &st) < 0 ? errno == ENOENT || errno == ENOTDIR
					 : S_ISREG(st.st_mode) && st.st_size == 0;

	free(whole);
	return gone;
}

static void take_changed_files(struct newest *file, size_t count, const char *root,
	struct document *document, struct document *update)
{
	struct stat st;

	for (size_t i = 0; i < document->n_part; i++) {
		struct part *part = &document->part[i];
		struct newest *known = find_file(file, count, path_of(part));

		if (known) {
			known->is_read = 1;
		}
		if (!known || !is_same_part(known->part, part)) {
			*document_add_part(update) = *part;
			*part = (struct part){.place = {.time_ms = -1}};
		}
	}
	if (stat(root, &st) < 0 || !S_ISDIR(st.st_mode)) {
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (!file[i].is_read && file[i].part->len && is_gone(root, path_of(file[i].part))) {
			document_add_part(update)->place.path = mem_strdup(path_of(file[i].part));
		}
	}
}

/* ---- */

static const struct document *newest_whole(
	const struct standing *standing, size_t n_standing, int64_t number)
{
	for (size_t i = n_standing; i-- > 0;) {
		if (standing[i].block->stored.number == number) {
			return &standing[i].block->stored.document;
		}
	}
	return NULL;
}

int newest_changes(const struct standing *standing, size_t n_standing, int64_t number,
	const char *root, struct document *document, struct document *update)
{
	const struct document *whole = newest_whole(standing, n_standing, number);
	struct newest *file;
	size_t count;

	*update = (struct document){0};
	if (document->kind != DOCUMENT_CODE) {
		if (is_same_text(whole, document)) {
			return 0;
		}
		*update = *document;
		*document = (struct document){0};
		return 1;
	}
	*update = (struct document){
		.kind = document->kind,
		.name = mem_strdup(document->name),
		.origin = mem_strdup(document->origin),
		.rev = mem_strdup(document->rev),
	};
	file = newest_files(standing, n_standing, number, &count);
	take_changed_files(file, count, root, document, update);
	free(file);
	if (update->n_part) {
		return 1;
	}
	document_finish(update);
	return 0;
}

static void copy_headings(struct document *to, const struct document *from)
{
	for (size_t i = 0; i < from->n_heading; i++) {
		const struct heading *heading = &from->heading[i];

		document_add_heading(to, heading->level, heading->title, strlen(heading->title),
			heading->part, heading->line);
	}
}

struct document newest_document(const struct standing *standing, size_t n_standing, int64_t number)
{
	const struct document *whole = newest_whole(standing, n_standing, number), *first = whole;
	struct document document;
	struct newest *file;
	size_t count;

	for (size_t i = n_standing; i-- > 0;) {
		if (standing[i].block->stored.number == number) {
			first = &standing[i].block->stored.document;
		}
	}
	document = (struct document){
		.kind = whole->kind,
		.name = mem_strdup(first->name),
		.origin = mem_strdup(first->origin),
		.rev = mem_strdup(whole->rev),
		.n_pages = whole->n_pages,
		.running = whole->running,
	};
	if (whole->kind != DOCUMENT_CODE) {
		for (size_t i = 0; i < whole->n_part; i++) {
			add_copy(&document, &whole->part[i]);
		}
		copy_headings(&document, whole);
		return document;
	}
	file = newest_files(standing, n_standing, number, &count);
	for (size_t i = 0; i < count; i++) {
		if (file[i].part->len) {
			add_copy(&document, file[i].part);
		}
	}
	free(file);
	return document;
}
