/* carrel sessions fork, export, import. */
#include "cli/sessions.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/output.h"
#include "cli/start.h"
#include "engine/engine.h"
#include "session/copy.h"
#include "session/export.h"
#include "session/import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whose KV the copy uses, too, as far as it was computed before until_s; NULL: nobody's. */
struct sharing {
	const char *from;
	int64_t until_s;
};

/* A store of KV that cannot be written to is no reason to have no copy. */
static void share_kv(const struct sharing *sharing, const char *to)
{
	char *folder = sessions_kv_folder();
	struct err err;

	if (folder && engine_kv_share(folder, sharing->from, to, sharing->until_s, &err) < 0) {
		char text[512];

		log_note("%s", err_format(&err, text, sizeof(text)));
	}
	free(folder);
}

/* Make a session of the contents, and say which. */
static int make_copy(const struct options *options, const struct store_contents *contents,
	const char *name, const struct sharing *sharing, struct err *err)
{
	char *directory = getcwd(NULL, 0);
	struct store *store;
	int status = copy_create(&store, contents, name, directory, err);

	free(directory);
	if (status < 0) {
		return -1;
	}
	if (sharing) {
		share_kv(sharing, store_id(store));
	}
	if (options->json) {
		output_json(sessions_json(store_id(store), name));
	} else {
		output_line("%s", name && name[0] ? name : store_id(store));
	}
	store_close(store);
	return 0;
}

/* ---- fork ---- */

static int parse_turn(const char *text, int64_t *turn, struct err *err)
{
	char *end;

	errno = 0;
	*turn = strtoll(text, &end, 10);
	if (errno || *end || end == text || *turn < 1) {
		return err_set(err, ERR_USAGE, text, "carrel sessions show NAME lists them",
			"is no turn's number");
	}
	return 0;
}

/* When the first of the turns was asked that came after `turn`; 0: none did. */
static int64_t asked_after(const struct store_contents *contents, int64_t turn)
{
	int64_t first_s = 0;

	for (size_t i = 0; i < contents->n_turn && turn; i++) {
		int64_t asked_s = contents->turn[i].asked_s;

		if (contents->turn[i].id > turn && (!first_s || asked_s < first_s)) {
			first_s = asked_s;
		}
	}
	return first_s;
}

int sessions_fork(struct options *options, struct err *err)
{
	struct sessions_read read;
	struct sharing sharing;
	int64_t turn = 0;
	int status;

	if (sessions_check_arguments(options, 2, 3, "carrel sessions fork NAME NEW [TURN]", err) <
			0 ||
		(options->n_argument > 3 && parse_turn(options->argument[3], &turn, err) < 0) ||
		sessions_read_open(&read, options->argument[1], err) < 0) {
		return -1;
	}
	sharing = (struct sharing){read.id, asked_after(&read.contents, turn)};
	status = copy_cut(&read.contents, turn, err);
	if (status == 0) {
		status = make_copy(options, &read.contents, options->argument[2], &sharing, err);
	}
	sessions_read_finish(&read);
	return status;
}

/* ---- export ---- */

static void write_export(FILE *out, const struct sessions_read *read, const struct options *options)
{
	struct export_session session = {
		.id = read->id, .contents = &read->contents, .is_ascii = isatty(fileno(out))};

	if (strcmp(options->format, "json") == 0) {
		export_json(out, &session);
	} else if (strcmp(options->format, "html") == 0) {
		export_html(out, &session);
	} else {
		export_md(out, &session);
	}
}

/* Under its name when it is complete; one that is there is not written over. */
static int export_file(
	const struct sessions_read *read, const struct options *options, struct err *err)
{
	const char *path = options->out_file;
	char *part = mem_printf("%s.part-%lld", path, (long long)getpid());
	int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	int status = 0, failed;

	if (!out) {
		status = err_set_errno(err, ERR_FAILURE, errno, path, "cannot be written");
		free(part);
		return status;
	}
	write_export(out, read, options);
	failed = fflush(out) != 0 || ferror(out) || fsync(fd) < 0 ? errno : 0;
	fclose(out);
	if (failed) {
		status = err_set_errno(err, ERR_FAILURE, failed, path, "cannot be written");
	} else if (link(part, path) < 0) {
		status = err_set_errno(err, ERR_FAILURE, errno, path, "cannot be made");
	}
	unlink(part);
	free(part);
	return status;
}

int sessions_export(struct options *options, struct err *err)
{
	struct sessions_read read;
	int status = 0;

	if (sessions_check_arguments(
		    options, 1, 1, "carrel sessions export NAME --format md|json|html", err) < 0 ||
		sessions_read_open(&read, options->argument[1], err) < 0) {
		return -1;
	}
	if (options->out_file && strcmp(options->out_file, "-") != 0) {
		status = export_file(&read, options, err);
	} else {
		write_export(stdout, &read, options);
	}
	sessions_read_finish(&read);
	return status;
}

/* ---- import ---- */

int sessions_import(struct options *options, struct err *err)
{
	struct store_contents contents;
	struct buf text = BUF_INIT;
	const char *path, *name;
	int status;

	if (sessions_check_arguments(
		    options, 1, 1, "carrel sessions import FILE [--name NAME]", err) < 0) {
		return -1;
	}
	path = options->argument[1];
	status = start_read(&text, path, IMPORT_MAX_BYTES, err);
	if (status == 0) {
		status = import_read(&contents, buf_str(&text), text.len, path, err);
	}
	buf_finish(&text);
	if (status < 0) {
		return -1;
	}
	name = options->model_name ? options->model_name : store_setting(&contents, STORE_NAME);
	status = make_copy(options, &contents, name && name[0] ? name : NULL, NULL, err);
	if (status < 0 && err->code == ERR_USAGE && !options->model_name) {
		snprintf(err->hint, sizeof(err->hint), "carrel sessions import FILE --name NAME");
	}
	store_contents_finish(&contents);
	return status;
}
