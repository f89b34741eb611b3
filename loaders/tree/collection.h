/*
 * A folder in no git repository is a collection of documents: what a reader of its own would read
 * better than as its bytes stand is a document there. In a repository the same files are sources.
 *
 * Names are asked first, so that a tree of sources costs nothing more.
 */
#ifndef LOADERS_TREE_COLLECTION_H
#define LOADERS_TREE_COLLECTION_H

#include "loaders/loader.h"

/* A packed file, or one of an office whether it can be read or not: by how its bytes begin. */
int collection_has_binary(const char *path, const char *head, size_t len);
/* A page, a transcript, a chat, a letter: what loader_find() says where the name allows it. */
int collection_has_text(const struct input *input);

#endif
