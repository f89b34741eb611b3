#include "engine/planner.h"

#include "base/mem.h"
#include "engine/model/model.h"
#include "engine/program.h"
#include "kernels/cpu/kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MB(bytes) ((long long)((bytes) >> 20))

static int64_t min_of(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* "name   123" in a file of such lines, or the number alone with a NULL name; -1 if absent. */
static int64_t number_in_file(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	size_t len = name ? strlen(name) : 0;
	int64_t value = -1;
	char line[256];

	while (file && value < 0 && fgets(line, sizeof(line), file)) {
		if (!name || (!strncmp(line, name, len) && strchr(": \t", line[len]))) {
			char *end, *start = line + len + (name && line[len] == ':');

			value = strtoll(start, &end, 10);
			value = end == start ? -1 : value;
		}
	}
	if (file) {
		fclose(file);
	}
	return value;
}

/* The two generations of control groups, and what each calls its limits and its memory in use. */
struct cgroups {
	const char *controller; /* in /proc/self/cgroup; "" is the second generation's line */
	const char *mount;
	const char *limit[2];
	const char *used; /* in memory.stat: what is not given back when memory is short */
};

static const struct cgroups generation[] = {
	{"", "/sys/fs/cgroup", {"memory.max", "memory.high"}, "anon"},
	{"memory", "/sys/fs/cgroup/memory", {"memory.limit_in_bytes", NULL}, "total_rss"},
};

static int64_t number_below(const char *folder, const char *file, const char *name)
{
	char *path = mem_printf("%s/%s", folder, file);
	int64_t value = number_in_file(path, name);

	free(path);
	return value;
}

/* What one group's limits leave. */
static int64_t left_in_group(const char *folder, const struct cgroups *cgroups)
{
	int64_t used = number_below(folder, "memory.stat", cgroups->used), left = INT64_MAX;

	for (size_t i = 0; i < ARRAY_LEN(cgroups->limit) && cgroups->limit[i] && used >= 0; i++) {
		int64_t limit = number_below(folder, cgroups->limit[i], NULL); /* "max": none */

		if (limit >= 0) {
			left = min_of(left, limit > used ? limit - used : 0);
		}
	}
	return left;
}

/* Whether the controllers of a line ("4:memory,cpu:/a/b") hold this one; *path begins its path. */
static int is_line_of(const char *line, const char *controller, const char **path)
{
	const char *list = strchr(line, ':'), *end = list ? strchr(list + 1, ':') : NULL;
	size_t len = strlen(controller);

	if (!end) {
		return 0;
	}
	*path = end + 1;
	if (!len) {
		return end == list + 1;
	}
	while (list < end) {
		size_t n = strcspn(list + 1, ",:");

		if (n == len && strncmp(list + 1, controller, len) == 0) {
			return 1;
		}
		list += n + 1;
	}
	return 0;
}

/*
 * A limit of any group above ours counts. Within a container the path may be that of the machine
 * outside, where only the mount itself is there: its beginnings that do not exist limit nothing.
 */
static int64_t left_in_groups(const char *root, const char *line)
{
	int64_t left = INT64_MAX;

	for (size_t i = 0; i < ARRAY_LEN(generation); i++) {
		const char *path;
		char *folder, *mount_end;

		if (!is_line_of(line, generation[i].controller, &path)) {
			continue;
		}
		folder = mem_printf("%s%s%s", root, generation[i].mount, path);
		mount_end = folder + strlen(root) + strlen(generation[i].mount);
		for (;;) {
			char *slash;

			left = min_of(left, left_in_group(folder, &generation[i]));
			slash = strrchr(mount_end, '/');
			if (!slash) {
				break;
			}
			*slash = 0;
		}
		free(folder);
	}
	return left;
}

int64_t planner_available_below(const char *root)
{
	int64_t available = number_below(root, "proc/meminfo", "MemAvailable");
	char *path = mem_printf("%s/proc/self/cgroup", root);
	FILE *file = fopen(path, "re");
	char line[4608]; /* a path and the names of every controller */

	available = available < 0 ? INT64_MAX / 2 : available * 1024;
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		available = min_of(available, left_in_groups(root, line));
	}
	if (file) {
		fclose(file);
	}
	free(path);
	return available;
}

int64_t planner_available_bytes(void)
{
	return planner_available_below("");
}

int64_t planner_batch_tok(const struct program *program)
{
	int64_t whole_tok = program ? program->embedding.whole_tok : 0;

	return whole_tok > PLANNER_BATCH_TOK ? whole_tok : PLANNER_BATCH_TOK;
}

static void add_buffers(struct plan *plan, const struct program *program)
{
	int64_t batch_tok = planner_batch_tok(program);

	for (size_t i = 0; i < program->n_buffer; i++) {
		const struct buffer_desc *desc = &program->buffer[i];
		int64_t rows = desc->rows == ROWS_OUT ? PLANNER_OUT_ROWS : batch_tok;

		if (desc->kind == BUFFER_PACKED) {
			plan->weight_bytes += cpu_weight_bytes(
				desc->weight->dtype, desc->weight->n_row, desc->weight->row_elems);
		} else if (desc->kind == BUFFER_FILE_WEIGHT) {
			plan->weight_bytes +=
				weight_scratch_bytes(desc->weight, desc->weight->n_row);
		} else if (desc->kind == BUFFER_ACT) {
			plan->scratch_bytes += cpu_act_bytes(desc->act_type, rows, desc->act_k);
		} else if (desc->kind == BUFFER_ROWS || desc->kind == BUFFER_LOGITS) {
			plan->scratch_bytes += rows * desc->row_bytes;
		}
	}
}

static void set_context(struct plan *plan, const struct kv_layout *layout, int64_t context_tok)
{
	int64_t n_page = context_tok / KV_PAGE_TOK + (context_tok % KV_PAGE_TOK != 0);

	plan->context_tok = context_tok;
	if (__builtin_mul_overflow(n_page, layout->page_bytes, &plan->kv_bytes)) {
		plan->kv_bytes = INT64_MAX / 2; /* more than any machine has */
	}
}

int planner_plan(struct plan *plan, const struct model *model, const struct program *program,
	enum kv_type kv_type, int64_t context_tok, struct err *err)
{
	struct kv_layout layout =
		kv_layout_of(kv_type, program->n_layer, program->n_kv_head, program->head_dim);
	int64_t left, fits;

	*plan = (struct plan){
		.available_bytes = planner_available_bytes(), .weight_bytes = model->lora_bytes};
	add_buffers(plan, program);
	plan->kv_bytes_per_tok = (layout.page_bytes + KV_PAGE_TOK - 1) / KV_PAGE_TOK;
	set_context(plan, &layout, context_tok > 0 ? context_tok : 1);
	left = plan->available_bytes - plan->weight_bytes - plan->scratch_bytes;
	if (left < layout.page_bytes) {
		return err_set(err, ERR_ENGINE, model->path, "use a smaller model",
			"needs %lld MB of memory, but only %lld MB are available",
			MB(plan->weight_bytes + plan->scratch_bytes + layout.page_bytes),
			MB(plan->available_bytes));
	}
	if (context_tok > model->n_ctx_train) {
		return err_set(err, ERR_USAGE, model->path, "ask for less with -c",
			"a context of %lld tokens was asked for, but the model was made for %lld",
			(long long)context_tok, (long long)model->n_ctx_train);
	}
	if (context_tok > 0) {
		fits = left / layout.page_bytes * KV_PAGE_TOK;
		if (context_tok > fits) {
			return err_set(err, ERR_ENGINE, model->path,
				"ask for less with -c, or use --kv-type q8",
				"a context of %lld tokens was asked for, but the memory available "
				"(%lld MB) holds %lld beside the model",
				(long long)context_tok, MB(plan->available_bytes), (long long)fits);
		}
	} else {
		fits = left / 2 / layout.page_bytes * KV_PAGE_TOK;
		fits = fits > KV_PAGE_TOK ? fits : KV_PAGE_TOK;
		set_context(plan, &layout, model->n_ctx_train < fits ? model->n_ctx_train : fits);
	}
	return 0;
}
