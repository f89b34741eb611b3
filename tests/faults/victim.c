/*
 * A small program to try the shim and the disk that loses power on: it keeps a list of lines in a
 * file, in one of several ways, only some of which are careful.
 * usage: victim HOW FOLDER N
 */
#include "tests/faults/disk.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int careless_data, careless_folder, in_place;

static int sync_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), status = fd < 0 ? -1 : fsync(fd);

	close(fd);
	return status;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n <= 0) {
			return -1;
		}
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The first n numbers, a line each, as the file FOLDER/list. */
static int save(const char *folder, int n)
{
	char *path = mem_printf("%s/list", folder), *new = mem_printf("%s/list.new", folder);
	char text[4096];
	size_t len = 0;
	int fd, status;

	for (int i = 1; i <= n; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%d\n", i);
	}
	fd = open(in_place ? path : new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	status = fd < 0 ? -1 : write_all(fd, text, len);
	if (status == 0 && !careless_data) {
		status = fsync(fd);
	}
	if (fd >= 0) {
		close(fd);
	}
	if (status == 0 && !in_place) {
		status = rename(new, path);
	}
	if (status == 0 && !careless_folder) {
		status = sync_path(folder);
	}
	free(path);
	free(new);
	return status;
}

int main(int argc, char **argv)
{
	const char *how = argc == 4 ? argv[1] : "", *log = getenv("FAULTS_LOG");
	char *folder;

	careless_data = !strcmp(how, "careless-data");
	careless_folder = !strcmp(how, "careless-folder");
	in_place = !strcmp(how, "in-place");
	if (argc != 4) {
		return 2;
	}
	folder = mem_printf("%s/kept", argv[2]);
	if ((mkdir(folder, 0700) < 0 && errno != EEXIST) || sync_path(argv[2]) < 0) {
		return 1;
	}
	for (int i = 1; i <= atoi(argv[3]); i++) {
		char text[16];

		if (save(folder, i) < 0) {
			printf("%d: %s\n", i, strerror(errno));
			return 1;
		}
		snprintf(text, sizeof(text), "%d", i);
		if (log) {
			disk_log_ack(log, text);
		}
		printf("%d\n", i);
		fflush(stdout);
	}
	if (!strcmp(how, "unseen")) {
		char *path = mem_printf("%s/stream", folder);
		FILE *file = fopen(path, "w");

		free(path);
		if (!file || fputs("words", file) < 0 || fclose(file) != 0) {
			return 1;
		}
	}
	free(folder);
	return 0;
}
