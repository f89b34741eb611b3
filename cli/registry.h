/*
 * Where models are: what the user registered in $XDG_DATA_HOME/carrel/models (a file or a symbolic
 * link each, NAME.gguf, also where it leads to a Hugging Face directory), then what came with carrel,
 * in its data folder or, before it is installed, in the build tree.
 */
#ifndef CLI_REGISTRY_H
#define CLI_REGISTRY_H

#include "base/err.h"

#include <stddef.h>

struct registry_model {
	char *name; /* without ".gguf" */
	/* The model file or directory itself, links followed; where one leads nowhere, its target. */
	char *path;
	int is_own; /* the user's, not carrel's */
};
struct registry {
	struct registry_model *model; /* by name, the user's first */
	size_t n_model, cap_model;
};

void registry_read(struct registry *registry);
void registry_finish(struct registry *registry);

/*
 * The file of what -m was given: the name of a model, else a path, which holds a / or ends in .gguf
 * (or .json, a tokenizer). NULL: the built-in model. *path is malloc'ed.
 */
int registry_find(const char *wanted, char **path, struct err *err);

/*
 * Register a model file, or a Hugging Face directory (or a file in it); the same once more is no
 * error. `name` may be NULL: the file's own. *name_used is malloc'ed.
 */
int registry_add(const char *path, const char *name, char **name_used, struct err *err);
/* Forget a registration; the model file stays. */
int registry_remove(const char *name, struct err *err);

#endif
