/*
 * A model family: one file that reads the hyperparameters of its architectures and emits their
 * program. A new family is a new file and a row in family.c's table, never an edit of a switch
 * elsewhere.
 */
#ifndef ENGINE_FAMILIES_FAMILY_H
#define ENGINE_FAMILIES_FAMILY_H

#include "base/buf.h"
#include "base/err.h"
#include "kernels/kv.h"

#include <stddef.h>

struct model;
struct program;

/* The largest head that a model may have: what the kernels hold. */
#define FAMILY_MAX_HEAD_DIM KV_HEAD_DIM_MAX

struct family {
	const char *architecture; /* general.architecture in GGUF */

	/* Fill in the hyperparameters of *model from its metadata; refuse what emit() would get
	 * wrong. */
	int (*read)(struct model *model, struct err *err);
	/* Append buffers and ops to an empty program, which is to run with so many tokens of
	 * context. */
	int (*emit)(const struct model *model, int64_t context_tok, struct program *program,
		struct err *err);
};

/* Encoders: bert.c. (Decoders: decoder.h.) */
extern const struct family family_bert, family_nomic_bert;

/* NULL if carrel does not know the architecture. */
const struct family *family_find(const char *architecture, size_t len);
/* Appends "llama, ..." for messages. */
void family_list(struct buf *out);

#endif
