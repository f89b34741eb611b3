/* The line in $VISUAL or $EDITOR, through a file in a folder that nobody else can look into. */
#include "base/file.h"
#include "base/mem.h"
#include "tui/input_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EDITED_BYTES = 16 << 20 };

static int write_file(const char *path, const char *bytes, size_t len, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int status = fd < 0 ? -1 : 0;

	while (status == 0 && len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (errno != EINTR) {
			status = -1;
		}
	}
	if (status < 0) {
		err_set_errno(
			err, ERR_FAILURE, errno, path, "the text cannot be written for an editor");
	}
	if (fd >= 0) {
		close(fd);
	}
	return status;
}

/* With what the editor left beside it. */
static void remove_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			unlinkat(dirfd(dir), entry->d_name, 0);
		}
	}
	if (dir) {
		closedir(dir);
	}
	rmdir(folder);
}

/* "code --wait" and 'vi -c "set tw=72"' mean what a shell makes of them, as in git. */
static int run_editor(struct app *app, const char *path, struct err *err)
{
	const char *editor = getenv("VISUAL");
	char shell[] = "/bin/sh", option[] = "-c";
	char *command, *file = mem_strdup(path);
	int status;

	editor = editor && editor[0] ? editor : getenv("EDITOR");
	command = mem_printf("%s \"$1\"", editor && editor[0] ? editor : "vi");
	status = app_run_program(app, (char *[]){shell, option, command, command, file, NULL}, err);
	free(file);
	free(command);
	return status;
}

/* What came back: the editor's last line feed is none of ours. */
static void take(const struct buf *file)
{
	struct buf text = BUF_INIT, raw = BUF_INIT;
	size_t len = file->len;

	if (len > 0 && file->data[len - 1] == '\n') {
		len--;
	}
	for (size_t i = 0; i < len; i++) {
		if (file->data[i]) {
			buf_addch(&raw, file->data[i]);
		} else {
			buf_addstr(&raw, "\xef\xbf\xbd");
		}
	}
	buf_add_utf8(&text, buf_str(&raw), raw.len);
	input_line(&len, NULL);
	input_begin_change();
	input_replace(0, len, buf_str(&text), text.len);
	input_end_change();
	buf_finish(&text);
	buf_finish(&raw);
}

void input_edit(struct input *input)
{
	const char *place = getenv("TMPDIR");
	char *folder = mem_printf("%s/carrel-XXXXXX", place && place[0] ? place : "/tmp"), *path;
	struct buf text = BUF_INIT;
	struct err err;
	const char *line;
	size_t len;

	if (!mkdtemp(folder)) {
		err_set_errno(
			&err, ERR_FAILURE, errno, folder, "no file can be made for an editor");
		app_complain(input->app, &err);
		free(folder);
		return;
	}
	path = mem_printf("%s/question.md", folder);
	line = input_line(&len, NULL);
	buf_add(&text, line, len);
	buf_addch(&text, '\n');
	if (write_file(path, text.data, text.len, &err) < 0 ||
		run_editor(input->app, path, &err) < 0) {
		app_complain(input->app, &err);
	} else {
		buf_clear(&text);
		if (file_read(&text, path, EDITED_BYTES, &err) < 0) {
			app_complain(input->app, &err);
		} else {
			take(&text);
		}
	}
	remove_folder(folder);
	buf_finish(&text);
	free(path);
	free(folder);
}
