/*
 * What a command line names becomes what is loaded: paths and lists of paths, the settings of the
 * load, how far it is, and what it left out.
 */
#ifndef CLI_INPUTS_H
#define CLI_INPUTS_H

#include "base/buf.h"
#include "cli/options.h"
#include "session/session.h"

#include <jansson.h>

struct inputs {
	const char **path;
	size_t n_path, cap_path;
	struct load_options load;
	/* What has been counted by now, for the line of progress; NULL where nothing is. */
	int64_t (*count_tok)(const void *arg);
	const void *count_arg;
	struct buf *list; /* texts of --from-file; paths point into them */
	size_t n_list, cap_list;
	double began_s, shown_s;
	int is_verbose;
};

/*
 * The paths behind the first `n_before` arguments, and those of --from-file. Ctrl-C ends a load with
 * these settings. The structure must stay where it is until inputs_close().
 */
int inputs_open(
	struct inputs *inputs, const struct options *options, size_t n_before, struct err *err);
void inputs_close(struct inputs *inputs);

/*
 * Load the paths into the session and say what was left out. Without `partial`, an input that
 * cannot be read is ERR_INPUTS. *unreadable counts them.
 */
int inputs_load(struct inputs *inputs, struct session *session, const char *const *path,
	size_t n_path, int partial, size_t *unreadable, struct err *err);

/* The same for a change that is made ready; refresh reads again what is there. */
int inputs_plan_load(struct inputs *inputs, struct session *session, struct session_change **change,
	const char *const *path, size_t n_path, int partial, size_t *unreadable, struct err *err);
int inputs_plan_refresh(struct inputs *inputs, struct session *session,
	struct session_change **change, int partial, size_t *unreadable, struct err *err);

/*
 * Say what a load of the given paths left out; returns how many could not be read. What was asked for
 * by name, every secret, and what is missing of a document that was read is named; what else rules
 * left out is summed up. The last one that cannot be read is left to the caller where `but_last`.
 */
size_t inputs_show_skipped(const struct inputs *inputs, const struct skipped *skipped, size_t count,
	const char *const *path, size_t n_path, int but_last);
/* [{"path", "reason"}...] of all that was left out. */
json_t *inputs_json_skipped(const struct skipped *skipped, size_t count);

/* An error where paths were given and none became a source. */
int inputs_need_sources(size_t n_path, size_t n_source, struct err *err);

#endif
