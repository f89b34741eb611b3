#include "session/quiz.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "loaders/code_name.h"
#include "loaders/load.h"
#include "session/quiz_book.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_MAX_BYTES = 4 << 20, ALL_MAX_BYTES = 512 << 20, DEPTH_MAX = 32 };

struct quiz *quiz_create(void)
{
	struct quiz *quiz = mem_zero(1, sizeof(*quiz));

	quiz->bytes_per_tok = 3;
	return quiz;
}

void quiz_destroy(struct quiz *quiz)
{
	if (!quiz) {
		return;
	}
	for (size_t i = 0; i < quiz->n_document; i++) {
		lines_finish(&quiz->document[i].lines);
		free(quiz->document[i].name);
		free(quiz->document[i].text);
		if (quiz->folded) {
			free(quiz->folded[i]);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(quiz->pool); i++) {
		free(quiz->pool[i].entry);
		free(quiz->pool[i].group);
	}
	quiz_entries_finish(&quiz->entries);
	free(quiz->folded);
	free(quiz->document);
	free(quiz->is_used);
	free(quiz);
}

/* ---- documents ---- */

static void add_document(
	struct quiz *quiz, const char *name, enum document_kind kind, const char *text, size_t len)
{
	struct quiz_document *document;
	size_t index = quiz->n_document;

	mem_grow(quiz->document, quiz->n_document, quiz->cap_document);
	document = &quiz->document[quiz->n_document++];
	*document = (struct quiz_document){
		.name = mem_strdup(name),
		.text = mem_strndup(text, len),
		.kind = kind,
		.first_entry = quiz->entries.count,
	};
	quiz->total_bytes += len;
	lines_init(&document->lines, document->text, len);
	quiz_find(&quiz->entries, index, name, &document->lines);
	document->n_entry = quiz->entries.count - document->first_entry;
}

void quiz_add_text(struct quiz *quiz, const char *name, const char *text, size_t len)
{
	add_document(quiz, name, code_name(name) ? DOCUMENT_CODE : DOCUMENT_TEXT, text, len);
}

/* The files to load, and what each is called. */
struct files {
	char **path, **name;
	size_t count, cap_path, cap_name;
};

static void files_add(struct files *files, const char *path, const char *name)
{
	mem_grow(files->path, files->count, files->cap_path);
	mem_grow(files->name, files->count, files->cap_name);
	files->path[files->count] = mem_strdup(path);
	files->name[files->count++] = mem_strdup(name);
}

static void files_finish(struct files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free(files->path[i]);
		free(files->name[i]);
	}
	free(files->path);
	free(files->name);
}

static int is_shown(const struct dirent *item)
{
	return item->d_name[0] != '.';
}

/* Bytes, not the locale, order the files: the same documents everywhere. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int find_files(
	struct files *files, const char *folder, const char *prefix, int depth, struct err *err)
{
	struct dirent **item;
	int count = scandir(folder, &item, is_shown, by_name), status = 0;

	if (count < 0) {
		return err_set_errno(err, ERR_INPUTS, errno, folder, "cannot be read");
	}
	for (int i = 0; i < count; i++) {
		char *path = mem_printf("%s/%s", folder, item[i]->d_name);
		char *name = mem_printf("%s%s%s", prefix, prefix[0] ? "/" : "", item[i]->d_name);
		struct stat st;

		if (status == 0 && lstat(path, &st) == 0) {
			if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
				status = find_files(files, path, name, depth + 1, err);
			} else if (S_ISREG(st.st_mode)) {
				files_add(files, path, name);
			}
		}
		free(path);
		free(name);
		free(item[i]);
	}
	free(item);
	return status;
}

/* Documents come in the order of the files, and some files give none. */
struct taking {
	struct quiz *quiz;
	const struct files *files;
	size_t next;
	struct part first; /* part: a quiz asks about texts of one */
	size_t n_part;
	enum document_kind kind;
};

static int take_begin(void *arg, const struct document *document)
{
	struct taking *taking = arg;

	while (taking->next < taking->files->count &&
		strcmp(taking->files->path[taking->next], document->origin) != 0) {
		taking->next++;
	}
	taking->kind = document->kind;
	taking->n_part = 0;
	part_finish(&taking->first);
	return 0;
}

static int take_part(void *arg, struct part *part)
{
	struct taking *taking = arg;

	if (taking->n_part++ == 0) {
		taking->first = *part;
		*part = (struct part){.place = {.time_ms = -1}};
	}
	return 0;
}

static int take_end(void *arg, struct document *document)
{
	struct taking *taking = arg;
	const struct part *part = &taking->first;

	if (taking->n_part == 1 && part->place.page == 0 && part->len <= FILE_MAX_BYTES &&
		taking->quiz->total_bytes < ALL_MAX_BYTES && taking->next < taking->files->count) {
		add_document(taking->quiz, taking->files->name[taking->next], taking->kind,
			part->text, part->len);
	} else {
		taking->quiz->n_left_out++;
	}
	return 0;
}

static void take_skipped(void *arg, const struct skipped *skipped)
{
	struct taking *taking = arg;

	taking->quiz->n_left_out++;
}

/* Through the loaders, so that a file is here what it is for `ask`; all at once. */
static int load_files(struct quiz *quiz, const struct files *files, struct err *err)
{
	static const struct load_options options;
	struct taking taking = {.quiz = quiz, .files = files, .first = {.place = {.time_ms = -1}}};
	struct load_sink sink = {take_begin, take_part, take_end, take_skipped, &taking};
	int status =
		load_each((const char *const *)files->path, files->count, &options, &sink, err);

	part_finish(&taking.first);
	return status;
}

int quiz_load(struct quiz *quiz, const char *const *path, size_t n_path, struct err *err)
{
	struct files files = {0};
	int status = 0;

	for (size_t i = 0; i < n_path && status == 0; i++) {
		const char *slash = strrchr(path[i], '/');
		struct stat st;

		if (stat(path[i], &st) < 0) {
			status = err_set_errno(err, ERR_INPUTS, errno, path[i], "cannot be opened");
		} else if (S_ISDIR(st.st_mode)) {
			status = find_files(&files, path[i], "", 0, err);
		} else {
			files_add(
				&files, path[i], path[i][0] == '/' && slash ? slash + 1 : path[i]);
		}
	}
	if (status == 0) {
		status = load_files(quiz, &files, err);
	}
	files_finish(&files);
	return status;
}

size_t quiz_document_count(const struct quiz *quiz)
{
	return quiz->n_document;
}

size_t quiz_left_out(const struct quiz *quiz)
{
	return quiz->n_left_out;
}

/* ---- pools ---- */

static void add_to_pool(struct quiz_pool *pool, const struct quiz *quiz, size_t index)
{
	size_t document = quiz->entries.item[index].document;
	size_t before = pool->n_entry ? pool->entry[pool->n_entry - 1] : 0;

	if (!pool->n_entry || quiz->entries.item[before].document != document) {
		mem_grow(pool->group, pool->n_group, pool->cap_group);
		pool->group[pool->n_group++] = (struct quiz_group){.first = pool->n_entry};
	}
	pool->group[pool->n_group - 1].count++;
	mem_grow(pool->entry, pool->n_entry, pool->cap_entry);
	pool->entry[pool->n_entry++] = index;
}

void quiz_index(struct quiz *quiz)
{
	if (quiz->is_used) {
		return;
	}
	for (size_t i = 0; i < quiz->entries.count; i++) {
		add_to_pool(&quiz->pool[quiz->entries.item[i].kind], quiz, i);
	}
	quiz->is_used = mem_zero(quiz->entries.count + 1, 1);
}

void quiz_restart(struct quiz *quiz)
{
	quiz_index(quiz);
	memset(quiz->is_used, 0, quiz->entries.count);
}

size_t quiz_entry_count(const struct quiz *quiz, enum quiz_family family)
{
	size_t count = 0;

	for (size_t i = 0; i < quiz->entries.count; i++) {
		enum quiz_kind kind = quiz->entries.item[i].kind;

		count += quiz_kind_family(kind) == family && kind != QUIZ_SECTION_OTHER;
	}
	return count;
}

double quiz_roll_part(struct quiz_dice *dice)
{
	return rng_uniform(dice->seed, dice->at++);
}

size_t quiz_roll(struct quiz_dice *dice, size_t n)
{
	return (size_t)(quiz_roll_part(dice) * (double)n);
}

const struct quiz_entry *quiz_draw(
	const struct quiz *quiz, enum quiz_family family, struct quiz_dice *dice)
{
	const struct quiz_pool *pools[QUIZ_N_KIND], *pool;
	const struct quiz_group *group;
	size_t n_pool = 0;

	for (int kind = 0; kind < QUIZ_SECTION_OTHER; kind++) {
		if (quiz_kind_family((enum quiz_kind)kind) == family && quiz->pool[kind].n_entry) {
			pools[n_pool++] = &quiz->pool[kind];
		}
	}
	if (!n_pool) {
		return NULL;
	}
	pool = pools[quiz_roll(dice, n_pool)];
	group = &pool->group[quiz_roll(dice, pool->n_group)];
	return &quiz->entries.item[pool->entry[group->first + quiz_roll(dice, group->count)]];
}
