/* carrel models convert: a model written again in another storage type. */
#include "cli/commands.h"

#include "base/log.h"
#include "cli/interrupt.h"
#include "cli/models_convert.h"
#include "cli/output.h"
#include "cli/registry.h"
#include "engine/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct progress {
	double began_s;
	int64_t total_bytes;
};

static int show_progress(void *context, int64_t done_bytes, int64_t total_bytes)
{
	struct progress *progress = context;
	double taken_s = output_clock_s() - progress->began_s;
	double rate = taken_s > 0 ? (double)done_bytes / taken_s : 0;

	progress->total_bytes = total_bytes;
	log_progress("convert %d%% %lld/%lld MB  %.0f MB/s  ETA %.0f s",
		(int)(100 * done_bytes / total_bytes), (long long)(done_bytes >> 20),
		(long long)(total_bytes >> 20), rate / 1048576,
		rate > 0 ? ceil((double)(total_bytes - done_bytes) / rate) : 0);
	return interrupt_pending();
}

/* What was read, as `models info` has it, and what became of it. */
static int report(const struct options *options, const char *from, const char *to, int64_t n_unfit,
	const struct progress *progress, struct err *err)
{
	double taken_s = output_clock_s() - progress->began_s;
	struct model_summary summary;

	/* A file that does not open is not a result. */
	if (model_summary_read(&summary, to, err) < 0) {
		return -1;
	}
	if (options->json) {
		json_t *object = json_object();

		json_object_set_new(object, "from", output_json_string(from));
		json_object_set_new(object, "path", output_json_string(to));
		json_object_set_new(object, "storage", output_json_string(summary.storage));
		json_object_set_new(object, "file_bytes", json_integer(summary.file_bytes));
		json_object_set_new(object, "seconds", output_json_number(taken_s));
		json_object_set_new(object, "can_run", json_boolean(summary.can_run));
		json_object_set_new(object, "why_not", output_json_string(summary.why_not));
		output_json(object);
	} else {
		output_line("%s  %s, %.1f MiB in %.1f s", to, summary.storage,
			(double)summary.file_bytes / 1048576, taken_s);
	}
	if (n_unfit) {
		log_note("%s: %lld matrices are stored in a larger type: their rows are not whole "
			 "blocks of %s",
			to, (long long)n_unfit, options->storage_type);
	}
	if (!summary.can_run) {
		log_note("%s: %s", to, summary.why_not);
	}
	model_summary_finish(&summary);
	return 0;
}

int models_convert(const struct options *options, struct err *err)
{
	struct progress progress = {.began_s = output_clock_s()};
	struct engine_conversion conversion = {
		.type = options->storage_type, .n_thread = (int32_t)options->n_thread};
	int64_t n_unfit = 0;
	char *from;
	int status;

	if (options->n_argument != 3) {
		return err_set(err, ERR_USAGE, NULL, "carrel models convert MODEL OUT.gguf",
			"models convert takes a model and the file to write");
	}
	if (strcmp(options->argument[2], "-") == 0) {
		return err_set(err, ERR_USAGE, NULL, "carrel models convert MODEL OUT.gguf",
			"a model is written to a file, not to standard output");
	}
	if (registry_find(options->argument[1], &from, err) < 0) {
		return -1;
	}
	conversion.from = from;
	conversion.n_unfit = &n_unfit;
	conversion.to = options->argument[2];
	interrupt_install();
	interrupt_install_term();
	status = engine_convert(
		&conversion, (struct engine_convert_watch){show_progress, &progress}, err);
	log_progress_clear();
	if (status == 0) {
		status = report(options, from, conversion.to, n_unfit, &progress, err);
	}
	free(from);
	return status;
}
