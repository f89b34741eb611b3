/*
 * vectors.index: the vectors of chunks in a session's folder; private to session/vectors*.c and
 * search_forget().
 *
 *	head   magic, the digest of the model that made them, u32 n, CRC32C of the head up to there
 *	row    SHA-256 of what was embedded, f16 [n], CRC32C of the row up to there
 *
 * in the machine's byte order. Rows are appended, and count where their checksum is right: what a crash
 * or damage took is made again. 11 bits for each number and not 8 with a scale for all: vectors of
 * decoders have a few elements that are far larger than the others and the same in all texts; once these
 * are taken off, 8 bits leave other neighbours (of the best 20 of the built-in model's 8 % were others,
 * with one element 30 times as large all; with f16 0.1 % and 0.3 %).
 */
#ifndef SESSION_VECTORS_FILE_H
#define SESSION_VECTORS_FILE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/sha256.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define VECTORS_FILE_MAGIC "carrel vectors1\n"
#define VECTORS_FILE       "vectors.index"
#define VECTORS_FILE_NEW   "vectors.index.new"

enum { VECTORS_MAX_N = 1 << 16 };

struct vectors_model {
	char digest[65];
	size_t n;
};

/* A row that is whole; value is [n]. */
typedef void vectors_row(void *arg, const struct sha256_digest *key, const uint16_t *value);
/* Each; *n_row counts those that are damaged, too. 1 where the file is none, or another model's. */
int vectors_file_read(const char *folder, const struct vectors_model *model, vectors_row *row,
	void *arg, int64_t *n_row);
/* The same of an open file. */
int vectors_file_scan(
	FILE *file, const struct vectors_model *model, vectors_row *row, void *arg, int64_t *n_row);

struct vectors_writer {
	int fd; /* -1: nothing is written, now or any more */
	struct vectors_model model;
	struct buf waiting;
};
/*
 * To append to the file of that model, or (as `file` is VECTORS_FILE_NEW, too) to a new one. Failures
 * lose only the file, and so does another process that writes it.
 */
void vectors_writer_open(struct vectors_writer *writer, const char *folder, const char *file,
	const struct vectors_model *model);
void vectors_writer_add(
	struct vectors_writer *writer, const struct sha256_digest *key, const uint16_t *value);
void vectors_writer_flush(struct vectors_writer *writer);
/* Returns -1 where not all was written. */
int vectors_writer_close(struct vectors_writer *writer);
/* What was written to VECTORS_FILE_NEW becomes the file. */
void vectors_file_replace(const char *folder);

/* Remove it: for search_forget(). */
void vectors_forget(const char *folder);

#endif
