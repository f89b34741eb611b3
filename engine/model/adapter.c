#include "engine/model/adapter.h"

#include "base/buf.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SCALE_MAX 1e4

/* ---- opening ---- */

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

char *adapter_folder(const char *path)
{
	static const char *const files[] = {"adapter_config.json", "adapter_model.safetensors"};
	const char *name = file_name(path);
	struct stat status;

	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
		return mem_strdup(path);
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		if (!strcmp(name, files[i])) {
			return name == path ? mem_strdup(".")
					    : mem_strndup(path, (size_t)(name - path));
		}
	}
	return NULL;
}

static int compare_updates(const void *a, const void *b)
{
	const struct adapter_update *x = a, *y = b;

	return strcmp(x->target, y->target);
}

static int check_pair(
	const struct adapter *adapter, const struct adapter_update *update, struct err *err)
{
	int64_t rank = update->a.n_row;

	if (update->b.row_elems != rank) {
		return err_set(err, ERR_ENGINE, adapter->path, NULL,
			"the two matrices for \"%.100s\" do not fit together: [%lld][%lld] and "
			"[%lld][%lld]",
			update->target, (long long)update->a.n_row, (long long)update->a.row_elems,
			(long long)update->b.n_row, (long long)update->b.row_elems);
	}
	if (rank < 1 || rank > ADAPTER_RANK_MAX) {
		return err_set(err, ERR_ENGINE, adapter->path, NULL,
			"the update of \"%.100s\" has rank %lld; carrel computes 1 to %d",
			update->target, (long long)rank, ADAPTER_RANK_MAX);
	}
	return 0;
}

int adapter_add(
	struct adapter *adapter, struct adapter_update *update, double alpha, struct err *err)
{
	int64_t rank = update->a.n_row;
	double divisor = adapter->is_rank_stabilised ? sqrt((double)rank) : (double)rank;

	if (check_pair(adapter, update, err) < 0) {
		return -1;
	}
	if (!(alpha > 0 && alpha <= 1e6)) {
		return err_set(err, ERR_ENGINE, adapter->path, NULL,
			"has an alpha of %g, not a number above 0", alpha);
	}
	update->scale = alpha / divisor;
	adapter->rank_min =
		!adapter->n_update || rank < adapter->rank_min ? rank : adapter->rank_min;
	adapter->rank_max = rank > adapter->rank_max ? rank : adapter->rank_max;
	adapter->n_params +=
		update->a.n_row * update->a.row_elems + update->b.n_row * update->b.row_elems;
	adapter->update[adapter->n_update++] = *update;
	return 0;
}

int adapter_open(struct adapter **out, const char *path, struct err *err)
{
	struct adapter *adapter = mem_zero(1, sizeof(*adapter));
	int result;

	*out = NULL;
	adapter->path = adapter_folder(path);
	adapter->is_folder = adapter->path != NULL;
	if (!adapter->is_folder) {
		adapter->path = mem_strdup(path);
	}
	result = adapter->is_folder ? adapter_open_folder(adapter, err)
				    : adapter_open_gguf(adapter, err);
	if (result == 0 && !adapter->n_update) {
		result = err_set(err, ERR_ENGINE, path, NULL, "is an adapter without a tensor");
	}
	if (result < 0) {
		adapter_close(adapter);
		return -1;
	}
	if (!adapter->name) {
		adapter->name = mem_strdup(file_name(path));
	}
	qsort(adapter->update, adapter->n_update, sizeof(*adapter->update), compare_updates);
	*out = adapter;
	return 0;
}

void adapter_close(struct adapter *adapter)
{
	if (!adapter) {
		return;
	}
	for (size_t i = 0; i < adapter->n_update; i++) {
		free(adapter->update[i].target);
	}
	if (adapter->close_source) {
		adapter->close_source(adapter->source);
	}
	free(adapter->update);
	free(adapter->architecture);
	free(adapter->base);
	free(adapter->name);
	free(adapter->path);
	free(adapter);
}

/* "q_proj" of "model.layers.3.self_attn.q_proj.weight", "attn_q" of "blk.3.attn_q.weight". */
static char *short_target(const char *target)
{
	size_t len = strlen(target);
	const char *end = target + len, *begin;

	if (len > 7 && strcmp(end - 7, ".weight") == 0) {
		end -= 7;
	}
	for (begin = end; begin > target && begin[-1] != '.'; begin--) {
	}
	return mem_strndup(begin, (size_t)(end - begin));
}

char *adapter_targets(const struct adapter *adapter)
{
	struct buf list = BUF_INIT;

	for (size_t i = 0; i < adapter->n_update && list.len < 1024; i++) {
		char *name = short_target(adapter->update[i].target);
		char *listed = mem_printf(", %s, ", buf_str(&list)),
		     *item = mem_printf(", %s, ", name);

		if (!strstr(listed, item)) {
			buf_additem(&list, name);
		}
		free(item);
		free(listed);
		free(name);
	}
	return buf_take(&list);
}

/* ---- one tensor's updates, all adapters' ---- */

/* An update and where it goes. */
struct placed {
	const struct adapter *adapter;
	const struct adapter_update *update;
	size_t weight, order; /* index in model->weight; among all updates */
	int32_t n_head;       /* whose rows of b are interleaved, or 0 */
	double scale;
};

static int compare_placed(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	return x->weight != y->weight ? (x->weight > y->weight) - (x->weight < y->weight)
				      : (x->order > y->order) - (x->order < y->order);
}

/* Row `row` of the base, where each head's two halves are interleaved, in the adapter's order. */
static int64_t row_of_halves(int64_t row, int64_t n_row, int32_t n_head)
{
	int64_t head_dim = n_head ? n_row / n_head : 0, in_head;

	if (!n_head) {
		return row;
	}
	in_head = row % head_dim;
	return row - in_head + in_head % 2 * (head_dim / 2) + in_head / 2;
}

static int not_finite(const struct placed *placed, struct err *err)
{
	return err_set(err, ERR_ENGINE, placed->adapter->path, NULL,
		"the update of \"%.100s\" holds a value that is not a finite number%s",
		placed->update->target, placed->scale == 1 ? "" : " or becomes none when scaled");
}

static int all_finite(const float *value, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		if (!isfinite(value[i])) {
			return 0;
		}
	}
	return 1;
}

/* Rows first ... of a [rank][k]. */
static int put_a(float *a, int64_t k, int64_t first, const struct placed *placed, struct err *err)
{
	const struct adapter_matrix *from = &placed->update->a;
	int64_t row_bytes = dtype_row_bytes(from->dtype, k);

	for (int64_t i = 0; i < from->n_row; i++) {
		dtype_dequantize(from->dtype, from->data + i * row_bytes, a + (first + i) * k, k);
	}
	return all_finite(a + first * k, from->n_row * k) ? 0 : not_finite(placed, err);
}

/* Columns first ... of b [m][rank]. */
static int put_b(
	float *b, int64_t rank, int64_t first, const struct placed *placed, struct err *err)
{
	const struct adapter_matrix *from = &placed->update->b;
	int64_t row_bytes = dtype_row_bytes(from->dtype, from->row_elems);
	float scale = (float)(placed->update->scale * placed->scale);

	for (int64_t i = 0; i < from->n_row; i++) {
		int64_t row = row_of_halves(i, from->n_row, placed->n_head);
		float *out = b + i * rank + first;

		dtype_dequantize(from->dtype, from->data + row * row_bytes, out, from->row_elems);
		for (int64_t j = 0; j < from->row_elems; j++) {
			out[j] *= scale;
		}
		if (!all_finite(out, from->row_elems)) {
			return not_finite(placed, err);
		}
	}
	return 0;
}

/* Takes `value` over; stored as F16 where nothing is lost by that. */
static void store(struct weight *out, const char *name, float *value, int64_t n_row, int64_t n)
{
	int64_t count = n_row * n, kept = 0;
	uint16_t *half = (uint16_t *)(void *)value; /* packed in place: writing follows reading */

	while (kept < count && f16_to_f32(f32_to_f16(value[kept])) == value[kept]) {
		kept++;
	}
	*out = (struct weight){.name = name,
		.dtype = kept == count ? DTYPE_F16 : DTYPE_F32,
		.n_row = n_row,
		.row_elems = n,
		.data = (const uint8_t *)value};
	out->size_bytes = n_row * dtype_row_bytes(out->dtype, n);
	for (int64_t i = 0; i < count && out->dtype == DTYPE_F16; i++) {
		float single;
		uint16_t bits;

		memcpy(&single, value + i, sizeof(single));
		bits = f32_to_f16(single);
		memcpy(half + i, &bits, sizeof(bits));
	}
	half = realloc(value, (size_t)out->size_bytes);
	out->data = half ? (const uint8_t *)half : out->data;
}

/* The updates of one weight into a new lora. */
static int build(struct lora *lora, const struct weight *weight, const struct placed *placed,
	size_t n_placed, struct err *err)
{
	int64_t rank = 0, first = 0, k = weight->row_elems, m = weight->n_row;
	float *a, *b;

	for (size_t i = 0; i < n_placed; i++) {
		rank += placed[i].update->a.n_row;
	}
	rank = (rank + ADAPTER_RANK_STEP - 1) / ADAPTER_RANK_STEP * ADAPTER_RANK_STEP;
	a = calloc((size_t)rank, (size_t)k * sizeof(*a));
	b = calloc((size_t)rank, (size_t)m * sizeof(*b));
	if (!a || !b) {
		free(a);
		free(b);
		return err_set(err, ERR_ENGINE, placed->adapter->path, NULL,
			"there is no memory for its update of \"%.100s\"", weight->name);
	}
	for (size_t i = 0; i < n_placed; i++) {
		if (put_a(a, k, first, &placed[i], err) < 0 ||
			put_b(b, rank, first, &placed[i], err) < 0) {
			free(a);
			free(b);
			return -1;
		}
		first += placed[i].update->a.n_row;
	}
	store(&lora->a, weight->name, a, rank, k);
	store(&lora->b, weight->name, b, m, rank);
	return 0;
}

/* ---- where they go ---- */

/* What a GGUF adapter calls a tensor; tied embeddings are the output's matrix too. */
static const struct weight *find_weight(const struct model *model, const char *target)
{
	const struct weight *weight = model_weight(model, target);

	return !weight && strcmp(target, "output.weight") == 0
		       ? model_weight(model, "token_embd.weight")
		       : weight;
}

static int place(struct placed *placed, const struct model *model, struct err *err)
{
	const struct adapter *adapter = placed->adapter;
	const struct adapter_update *update = placed->update;
	const struct weight *weight =
		adapter->is_folder ? adapter_folder_target(model, update->target, &placed->n_head)
				   : find_weight(model, update->target);

	if (!weight) {
		return err_set(err, ERR_ENGINE, adapter->path,
			"use the model that the adapter was made for",
			"changes \"%.100s\", which the model does not have", update->target);
	}
	if (strcmp(update->target, "token_embd.weight") == 0) {
		return err_set(err, ERR_ENGINE, adapter->path, NULL,
			"changes the embeddings (token_embd.weight), which carrel does not "
			"compute");
	}
	if (weight->row_elems != update->a.row_elems || weight->n_row != update->b.n_row) {
		return err_set(err, ERR_ENGINE, adapter->path,
			"use the model that the adapter was made for",
			"changes \"%.100s\" as if it were [%lld][%lld], but the model's is "
			"[%lld][%lld]",
			update->target, (long long)update->b.n_row, (long long)update->a.row_elems,
			(long long)weight->n_row, (long long)weight->row_elems);
	}
	placed->weight = (size_t)(weight - model->weight);
	return 0;
}

static int check_architecture(
	const struct adapter *adapter, const struct model *model, struct err *err)
{
	if (adapter->architecture && adapter->architecture[0] &&
		strcmp(adapter->architecture, model->architecture) != 0) {
		return err_set(err, ERR_ENGINE, adapter->path,
			"use the model that the adapter was made for",
			"is made for the architecture \"%.64s\", but the model is of \"%.64s\"",
			adapter->architecture, model->architecture);
	}
	return 0;
}

/* Every update of every adapter with its place, by weight and in the adapters' order; malloc'ed. */
static int place_all(struct placed **out, size_t *count, const struct model *model,
	struct adapter *const *adapter, const struct engine_adapter *wanted, size_t n_adapter,
	struct err *err)
{
	struct placed *placed;
	size_t n = 0;

	for (size_t i = 0; i < n_adapter; i++) {
		n += adapter[i]->n_update;
	}
	placed = mem_zero(n, sizeof(*placed));
	*out = placed;
	*count = 0;
	for (size_t i = 0; i < n_adapter; i++) {
		size_t first = *count;

		if (check_architecture(adapter[i], model, err) < 0) {
			return -1;
		}
		for (size_t j = 0; j < adapter[i]->n_update; j++) {
			struct placed *next = &placed[(*count)++];

			*next = (struct placed){.adapter = adapter[i],
				.update = &adapter[i]->update[j],
				.order = *count,
				.scale = wanted[i].scale};
			if (place(next, model, err) < 0) {
				return -1;
			}
		}
		qsort(placed + first, *count - first, sizeof(*placed), compare_placed);
		for (size_t j = first + 1; j < *count; j++) {
			if (placed[j].weight == placed[j - 1].weight) {
				return err_set(err, ERR_ENGINE, adapter[i]->path, NULL,
					"changes the tensor \"%.100s\" twice",
					placed[j].update->target);
			}
		}
	}
	qsort(placed, *count, sizeof(*placed), compare_placed);
	return 0;
}

/* ---- applying ---- */

/* One struct lora for each weight that anything changes; a scale of 0 changes nothing. */
static int build_all(
	struct model *model, const struct placed *placed, size_t count, struct err *err)
{
	model->lora = mem_zero(count + 1, sizeof(*model->lora));
	for (size_t first = 0, end; first < count; first = end) {
		struct weight *weight =
			(struct weight *)(uintptr_t)&model->weight[placed[first].weight];
		struct lora *lora = &model->lora[model->n_lora];

		for (end = first + 1; end < count && placed[end].weight == placed[first].weight;) {
			end++;
		}
		if (build(lora, weight, placed + first, end - first, err) < 0) {
			return -1;
		}
		lora->path = mem_strdup(placed[first].adapter->path);
		model->n_lora++;
		model->lora_bytes += lora->a.size_bytes + lora->b.size_bytes;
		weight->lora = lora;
	}
	return 0;
}

/* What the adapters are: for people, and for whoever asks whether two computations are the same. */
static void describe(struct model *model, struct adapter *const *adapter,
	const struct engine_adapter *wanted, size_t n_adapter)
{
	struct buf shown = BUF_INIT, identity = BUF_INIT;

	for (size_t i = 0; i < n_adapter; i++) {
		struct buf item = BUF_INIT;
		char hex[65];

		buf_addstr(&item, file_name(adapter[i]->path));
		if (wanted[i].scale != 1) {
			buf_printf(&item, ":%g", wanted[i].scale);
		}
		buf_additem(&shown, buf_str(&item));
		buf_finish(&item);
		sha256_hex(&adapter[i]->digest, hex);
		buf_printf(&identity, "%s:%a\n", hex, wanted[i].scale);
	}
	model->adapters = buf_take(&shown);
	model->adapter_identity = buf_take(&identity);
}

static int check_wanted(const struct engine_adapter *adapter, size_t n_adapter, struct err *err)
{
	if (n_adapter > ENGINE_ADAPTERS_MAX) {
		return err_set(err, ERR_USAGE, "--adapter", NULL,
			"%zu adapters are more than carrel takes at once (%d)", n_adapter,
			ENGINE_ADAPTERS_MAX);
	}
	for (size_t i = 0; i < n_adapter; i++) {
		if (!(fabs(adapter[i].scale) <= SCALE_MAX)) {
			return err_set(err, ERR_USAGE, "--adapter", NULL,
				"the scale of %.200s is %g, not within %g of 0", adapter[i].path,
				adapter[i].scale, SCALE_MAX);
		}
	}
	return 0;
}

/* Those that change something: the others are only checked. */
static size_t drop_zero_scales(struct placed *placed, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (placed[i].scale != 0) {
			placed[kept++] = placed[i];
		}
	}
	return kept;
}

int adapter_apply(
	struct model *model, const struct engine_adapter *wanted, size_t n_adapter, struct err *err)
{
	struct adapter *adapter[ENGINE_ADAPTERS_MAX] = {NULL};
	struct placed *placed = NULL;
	size_t count = 0;
	int result = check_wanted(wanted, n_adapter, err);

	for (size_t i = 0; i < n_adapter && result == 0; i++) {
		result = adapter_open(&adapter[i], wanted[i].path, err);
	}
	if (result == 0 && n_adapter) {
		result = place_all(&placed, &count, model, adapter, wanted, n_adapter, err);
	}
	if (result == 0 && n_adapter) {
		count = drop_zero_scales(placed, count);
		result = build_all(model, placed, count, err);
	}
	if (result == 0 && n_adapter) {
		describe(model, adapter, wanted, n_adapter);
	}
	for (size_t i = 0; i < ENGINE_ADAPTERS_MAX; i++) {
		adapter_close(adapter[i]);
	}
	free(placed);
	return result;
}

void adapter_finish(struct model *model)
{
	for (size_t i = 0; i < model->n_lora; i++) {
		free((void *)(uintptr_t)model->lora[i].a.data);
		free((void *)(uintptr_t)model->lora[i].b.data);
		free((void *)(uintptr_t)model->lora[i].path);
	}
	for (size_t i = 0; i < model->n_weight && model->lora; i++) {
		((struct weight *)(uintptr_t)&model->weight[i])->lora = NULL;
	}
	free(model->lora);
	free(model->adapters);
	free(model->adapter_identity);
	model->lora = NULL;
	model->n_lora = 0;
	model->lora_bytes = 0;
	model->adapters = model->adapter_identity = NULL;
}
