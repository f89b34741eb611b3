#include "engine/families/rope.h"

#include "base/mem.h"
#include "engine/families/params.h"
#include "engine/model/gguf.h"
#include "engine/model/model.h"

#include <math.h>
#include <string.h>

struct yarn {
	double factor, attn_factor, ext_factor, beta_fast, beta_slow;
	int64_t original_tok;
};

/* The (fractional) index of the frequency that turns `turns` times in the original window. */
static double frequency_index(double turns, double base, int64_t n_rot, int64_t original_tok)
{
	return (double)n_rot * log((double)original_tok / (turns * 2 * M_PI)) / (2 * log(base));
}

/*
 * Frequencies that turn often keep their speed, slow ones are interpolated, with a ramp between
 * (section 3.2 of the paper; the bounds are rounded as its authors' code does).
 */
static void apply_yarn(struct rope *rope, double base, const struct yarn *yarn)
{
	int64_t n_rot = 2 * rope->n_freq;
	double low = floor(frequency_index(yarn->beta_fast, base, n_rot, yarn->original_tok));
	double high = ceil(frequency_index(yarn->beta_slow, base, n_rot, yarn->original_tok));

	low = fmax(low, 0);
	high = fmin(high, (double)(n_rot - 1));
	for (int64_t i = 0; i < rope->n_freq; i++) {
		double ramp = ((double)i - low) / fmax(0.001, high - low);
		double keep = (1 - fmin(1, fmax(0, ramp))) * yarn->ext_factor;

		rope->inv_freq[i] *= (1 - keep) / yarn->factor + keep;
	}
}

/* Everything under "rope." moves positions: what is not read here would be computed wrong. */
static int refuse_unknown(const struct model *model, struct err *err)
{
	static const char *const known[] = {"dimension_count", "freq_base", "freq_base_swa",
		"scale_linear", "scaling.attn_factor", "scaling.factor", "scaling.finetuned",
		"scaling.original_context_length", "scaling.type", "scaling.yarn_attn_factor",
		"scaling.yarn_beta_fast", "scaling.yarn_beta_slow", "scaling.yarn_ext_factor"};
	char prefix[PARAM_KEY_BYTES];
	size_t len = strlen(param_key(prefix, model, "rope."));

	for (size_t i = 0; i < gguf_key_count(model->gguf); i++) {
		enum gguf_value_type type;
		struct gguf_string key = gguf_key_at(model->gguf, i, &type);
		int is_known = key.len < len || memcmp(key.text, prefix, len) != 0;

		for (size_t k = 0; k < ARRAY_LEN(known) && !is_known; k++) {
			is_known = key.len == len + strlen(known[k]) &&
				   !memcmp(key.text + len, known[k], key.len - len);
		}
		if (!is_known) {
			return err_set(err, ERR_ENGINE, model->path, NULL,
				"has %.*s, which carrel's %s family does not compute",
				(int)(key.len < 100 ? key.len : 100), key.text,
				model->architecture);
		}
	}
	return 0;
}

static int is_type(struct gguf_string type, const char *name)
{
	return type.len == strlen(name) && !memcmp(type.text, name, type.len);
}

/* LongRoPE's attention factor where the file does not say it (as transformers computes it). */
static double longrope_attn_factor(const struct model *model, int64_t original_tok)
{
	double scale = (double)model->n_ctx_train / (double)original_tok;

	return scale <= 1 ? 1 : sqrt(1 + log(scale) / log((double)original_tok));
}

static int read_scaling(struct rope *rope, const struct model *model, double base,
	const struct weight *factors, struct err *err)
{
	struct yarn yarn = {.original_tok = model->n_ctx_train, .attn_factor = 1};
	struct gguf_string type = {.text = "linear", .len = 6};
	char key[PARAM_KEY_BYTES];
	double old_factor;

	if (gguf_get_string(model->gguf, param_key(key, model, "rope.scaling.type"), &type, err) <
			0 ||
		param_int(model, "rope.scaling.original_context_length", yarn.original_tok, 2,
			PARAM_MAX_CONTEXT, &yarn.original_tok, err) < 0) {
		return -1;
	}
	if (is_type(type, "longrope")) {
		yarn.attn_factor = longrope_attn_factor(model, yarn.original_tok);
	}
	if (param_float(model, "rope.scale_linear", 1, 1e-3, 1e6, &old_factor, err) < 0 ||
		param_float(model, "rope.scaling.factor", old_factor, 1e-3, 1e6, &yarn.factor,
			err) < 0 ||
		param_float(model, "rope.scaling.attn_factor", yarn.attn_factor, 1e-3, 1e3,
			&yarn.attn_factor, err) < 0) {
		return -1;
	}
	rope->magnitude = (float)yarn.attn_factor;
	if (is_type(type, "none") || (is_type(type, "longrope") && factors)) {
		return 0;
	}
	if (is_type(type, "linear")) {
		for (int64_t i = 0; i < rope->n_freq; i++) {
			rope->inv_freq[i] /= yarn.factor;
		}
		return 0;
	}
	if (!is_type(type, "yarn")) {
		return err_set(err, ERR_ENGINE, model->path, NULL,
			"uses the position scaling \"%.*s\", which carrel cannot compute",
			(int)(type.len < 40 ? type.len : 40), type.text);
	}
	if (param_float(model, "rope.scaling.yarn_ext_factor", 1, 0, 1, &yarn.ext_factor, err) <
			0 ||
		param_float(model, "rope.scaling.yarn_attn_factor", 1, 1e-3, 1e3, &yarn.attn_factor,
			err) < 0 ||
		param_float(model, "rope.scaling.yarn_beta_fast", 32, 1e-3, 1e6, &yarn.beta_fast,
			err) < 0 ||
		param_float(model, "rope.scaling.yarn_beta_slow", 1, 1e-3, 1e6, &yarn.beta_slow,
			err) < 0) {
		return -1;
	}
	apply_yarn(rope, base, &yarn);
	rope->magnitude *= (float)yarn.attn_factor;
	if (yarn.ext_factor > 0) {
		rope->magnitude *= (float)(1 + 0.1 * log(yarn.factor));
	}
	return 0;
}

void rope_init(struct rope *rope, double base, int64_t n_rot)
{
	rope->n_freq = n_rot / 2;
	rope->magnitude = 1;
	for (int64_t i = 0; i < rope->n_freq; i++) {
		rope->inv_freq[i] = pow(base, -2.0 * (double)i / (double)n_rot);
	}
}

int rope_read(struct rope *rope, const struct model *model, int64_t n_rot,
	const struct weight *factors, struct err *err)
{
	double base;

	if (refuse_unknown(model, err) < 0 ||
		param_float(model, "rope.freq_base", 10000, 1.001, 1e15, &base, err) < 0) {
		return -1;
	}
	rope_init(rope, base, n_rot);
	if (read_scaling(rope, model, base, factors, err) < 0) {
		return -1;
	}
	if (factors) {
		uint8_t scratch[ROPE_MAX_FREQ * sizeof(float)]; /* no type has larger elements */
		float divisor[ROPE_MAX_FREQ];

		dtype_dequantize(
			factors->dtype, weight_rows(factors, 0, 1, scratch), divisor, rope->n_freq);
		for (int64_t i = 0; i < rope->n_freq; i++) {
			if (!(divisor[i] > 1e-6f && divisor[i] < 1e6f)) {
				return err_set(err, ERR_ENGINE, model->path,
					"the file is damaged; download it again",
					"factor %d of %s is %g, not a usable divisor", (int)i,
					factors->name, (double)divisor[i]);
			}
			rope->inv_freq[i] /= (double)divisor[i];
		}
	}
	return 0;
}
