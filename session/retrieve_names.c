#include "session/retrieve_names.h"

#include "base/mem.h"
#include "session/words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A term, by its hash: of two that share one, both are in the name. */
struct named_file {
	size_t first, count; /* of the terms */
};
struct names {
	struct named_file *file;
	size_t n_file, cap_file;
	size_t *first; /* [n_source]: the number of a source's first name */
	uint64_t *term;
	size_t n_term, cap_term;
};

static uint64_t hash_of(const char *term, int len)
{
	return words_hash((struct word){term, (size_t)len});
}

/* Each term of a name once. */
static int add_term(void *context, enum term_kind kind, const char *term, int len)
{
	struct names *names = context;
	const struct named_file *file = &names->file[names->n_file - 1];
	uint64_t hash = hash_of(term, len);

	for (size_t i = file->first; i < names->n_term; i++) {
		if (names->term[i] == hash) {
			return SQLITE_OK;
		}
	}
	mem_grow(names->term, names->n_term, names->cap_term);
	names->term[names->n_term++] = hash;
	return SQLITE_OK;
}

static int add_name(struct names *names, sqlite3 *db, const char *name, const char *path)
{
	struct named_file *file;
	int rc;

	mem_grow(names->file, names->n_file, names->cap_file);
	file = &names->file[names->n_file++];
	*file = (struct named_file){.first = names->n_term};
	rc = name ? retrieve_words_cut(db, names, name, strlen(name), add_term) : SQLITE_OK;
	if (rc == SQLITE_OK && path) {
		rc = retrieve_words_cut(db, names, path, strlen(path), add_term);
	}
	file->count = names->n_term - file->first;
	return rc;
}

/* Whether its parts have names of their own. */
static int has_files(const struct document *document)
{
	return document->kind == DOCUMENT_CODE;
}

int names_make(struct names **out, const struct library *library, sqlite3 *db)
{
	struct names *names = mem_zero(1, sizeof(*names));
	int rc = SQLITE_OK;

	names->first = mem_zero(library->n_source + 1, sizeof(*names->first));
	for (size_t i = 0; i < library->n_source && rc == SQLITE_OK; i++) {
		const struct document *document = library->source[i].document;

		names->first[i] = names->n_file;
		if (!has_files(document)) {
			rc = add_name(names, db, document->name, NULL);
			continue;
		}
		for (size_t k = 0; k < document->n_part && rc == SQLITE_OK; k++) {
			rc = add_name(names, db, document->name, document->part[k].place.path);
		}
	}
	if (rc != SQLITE_OK) {
		names_destroy(names);
		return rc;
	}
	*out = names;
	return SQLITE_OK;
}

void names_destroy(struct names *names)
{
	if (names) {
		free(names->file);
		free(names->first);
		free(names->term);
		free(names);
	}
}

static int has_term(const struct names *names, const struct named_file *file, uint64_t hash)
{
	for (size_t i = 0; i < file->count; i++) {
		if (names->term[file->first + i] == hash) {
			return 1;
		}
	}
	return 0;
}

double *names_score(const struct names *names, struct named *term, size_t n_term)
{
	double *score = mem_zero(names->n_file + 1, sizeof(*score)), all = (double)names->n_file;
	unsigned char *has = mem_zero(names->n_file + 1, 1);

	for (size_t i = 0; i < n_term; i++) {
		uint64_t hash = hash_of(term[i].term, term[i].len);
		double count, weight;

		term[i].n_file = 0;
		for (size_t k = 0; k < names->n_file; k++) {
			has[k] = (unsigned char)has_term(names, &names->file[k], hash);
			term[i].n_file += has[k];
		}
		count = (double)term[i].n_file;
		weight = term[i].weight * log(1 + (all - count + 0.5) / (count + 0.5));
		for (size_t k = 0; k < names->n_file && count > 0; k++) {
			score[k] += has[k] ? weight : 0;
		}
	}
	free(has);
	return score;
}

size_t names_of(const struct names *names, const struct library *library,
	const struct library_source *source, const struct chunk *chunk)
{
	size_t first = names->first[source - library->source];

	return first + (has_files(source->document) ? chunk->slice.first : 0);
}
