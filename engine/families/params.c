#include "engine/families/params.h"

#include "engine/model/gguf.h"
#include "engine/model/model.h"

#include <math.h>
#include <stdio.h>

const char *param_key(char *key, const struct model *model, const char *name)
{
	snprintf(key, PARAM_KEY_BYTES, "%s.%s", model->architecture, name);
	return key;
}

int param_exists(const struct model *model, const char *name)
{
	char key[PARAM_KEY_BYTES];
	int64_t value;

	return gguf_get_int(model->gguf, param_key(key, model, name), &value, NULL) != 1;
}

static int is_integer(enum gguf_value_type type)
{
	return type <= GGUF_INT32 || type == GGUF_UINT64 || type == GGUF_INT64;
}

/* One value per layer, all of them the same? Then *value is it. */
static int uniform_array(
	const struct model *model, const char *key, int64_t *value, struct err *err)
{
	struct gguf_array array;

	if (gguf_get_array(model->gguf, key, &array, NULL) != 0 || array.count == 0 ||
		!is_integer(array.type)) {
		return err_set(err, ERR_ENGINE, model->path, NULL, "%s is not a number", key);
	}
	*value = gguf_array_int(&array, 0);
	for (uint64_t i = 1; i < array.count; i++) {
		if (gguf_array_int(&array, i) != *value) {
			return err_set(err, ERR_ENGINE, model->path, NULL,
				"%s differs from layer to layer, which carrel cannot compute", key);
		}
	}
	return 0;
}

int param_int(const struct model *model, const char *name, int64_t fallback, int64_t min,
	int64_t max, int64_t *value, struct err *err)
{
	char key[PARAM_KEY_BYTES];
	int64_t v = fallback;
	int got = gguf_get_int(model->gguf, param_key(key, model, name), &v, NULL);

	if (got < 0 && uniform_array(model, key, &v, err) < 0) {
		return -1;
	}
	if (got > 0 && fallback == PARAM_REQUIRED) {
		return err_set(err, ERR_ENGINE, model->path, NULL, "has no %s", key);
	}
	if (got <= 0 && (v < min || v > max)) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"%s is %lld, outside of %lld to %lld", key, (long long)v, (long long)min,
			(long long)max);
	}
	*value = v;
	return 0;
}

int param_float(const struct model *model, const char *name, double fallback, double min,
	double max, double *value, struct err *err)
{
	char key[PARAM_KEY_BYTES];
	double v = fallback;
	int got = gguf_get_float(model->gguf, param_key(key, model, name), &v, err);

	if (got < 0) {
		return -1;
	}
	if (got > 0 && isnan(fallback)) {
		return err_set(err, ERR_ENGINE, model->path, NULL, "has no %s", key);
	}
	if (got == 0 && !(v >= min && v <= max)) {
		return err_set(err, ERR_ENGINE, model->path, NULL, "%s is %g, outside of %g to %g",
			key, v, min, max);
	}
	*value = v;
	return 0;
}
