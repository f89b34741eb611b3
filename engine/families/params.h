/*
 * Hyperparameters from a model's metadata, for families. The file is untrusted: every number has
 * bounds, so that what a family computes from them cannot overflow.
 */
#ifndef ENGINE_FAMILIES_PARAMS_H
#define ENGINE_FAMILIES_PARAMS_H

#include "base/err.h"

#include <stdint.h>

struct model;

#define PARAM_KEY_BYTES   192
#define PARAM_MAX_CONTEXT ((int64_t)1 << 40)
#define PARAM_REQUIRED    INT64_MIN

/* "<architecture>.<name>" into key[PARAM_KEY_BYTES]; returns key. */
const char *param_key(char *key, const struct model *model, const char *name);

/* Whether the file has "<architecture>.<name>", of whatever type. */
int param_exists(const struct model *model, const char *name);

/*
 * The number at "<architecture>.<name>", or `fallback` where it is absent (PARAM_REQUIRED: that is
 * an error; NAN for floats); outside of min ... max is an error. An array whose elements are all equal counts as
 * the number (some converters write one value per layer); one that differs is refused.
 */
int param_int(const struct model *model, const char *name, int64_t fallback, int64_t min,
	int64_t max, int64_t *value, struct err *err);
int param_float(const struct model *model, const char *name, double fallback, double min,
	double max, double *value, struct err *err);

#endif
