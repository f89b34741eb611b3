/* From a configuration to a scheduler that can answer: model, program, backend, context. */
#ifndef ENGINE_LOAD_H
#define ENGINE_LOAD_H

#include "base/err.h"
#include "engine/engine.h"
#include "engine/scheduler.h"

struct backend;
struct model;
struct program;

struct loaded {
	struct model *model;
	struct program *program; /* NULL for the fake */
	struct backend *backend;
	struct scheduler *scheduler;
	struct engine_info info; /* strings belong to the model and backend */
	int is_fake;
};

/* Tells how far it is, from 0 to 1. */
struct load_progress {
	void (*report)(void *arg, double fraction);
	void *arg;
};

/* *loaded is empty after a failure. */
int load_engine(struct loaded *loaded, const struct engine_config *config,
	struct load_progress progress, struct scheduler_sink sink, struct err *err);
void load_finish(struct loaded *loaded);

#endif
