/* --adapter: what it says, and what `carrel models info` says of an adapter. */
#ifndef CLI_ADAPTERS_H
#define CLI_ADAPTERS_H

#include "base/err.h"
#include "cli/options.h"
#include "engine/engine.h"

/*
 * The adapters of the options into a configuration; adapters_finish() frees them. The scale stands
 * behind the last colon, where what follows that is a number; a path that itself ends in a colon and a
 * number is written with its scale ("style:2:1").
 */
int adapters_read(struct engine_config *config, const struct options *options, struct err *err);
void adapters_finish(struct engine_config *config);

int adapters_info(const char *path, int is_json, struct err *err);

#endif
