/* `carrel models convert`, apart from the other verbs of models. */
#ifndef CLI_MODELS_CONVERT_H
#define CLI_MODELS_CONVERT_H

#include "cli/options.h"

int models_convert(const struct options *options, struct err *err);

#endif
