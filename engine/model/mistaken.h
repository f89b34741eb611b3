/*
 * Files that people take for a model or a part of one, known by how they begin: what a download left
 * instead of the file (a pointer of Git LFS, a web page, a server's answer), and formats that carrel
 * does not read. Readers ask here before they say what is wrong with the bytes.
 */
#ifndef ENGINE_MODEL_MISTAKEN_H
#define ENGINE_MODEL_MISTAKEN_H

#include "base/err.h"

#include <stddef.h>

/* -1 and a sentence for what is known to be something else; 0 says nothing about the file. */
int mistaken_check(const void *bytes, size_t size_bytes, const char *path, struct err *err);

/* The same, and a short text is refused as such, with its words: of formats that are no text. */
int mistaken_check_binary(const void *bytes, size_t size_bytes, const char *path, struct err *err);

#endif
