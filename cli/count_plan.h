/* carrel count --plan: what it would cost to read more than the window. */
#ifndef CLI_COUNT_PLAN_H
#define CLI_COUNT_PLAN_H

#include "cli/inputs.h"
#include "cli/options.h"

/* Load the inputs, ask the engine, and print; nothing is kept. Returns as a command does. */
int count_plan(const struct options *options, struct inputs *inputs, struct err *err);
/* An error where an option is given that means something only with --plan. */
int count_plan_refuse(struct err *err);

#endif
