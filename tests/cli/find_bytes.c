/*
 * find_bytes FOLDER TEXT IDS: looks through every file below FOLDER, and at the names there, for TEXT
 * and for the token ids of the file IDS (decimal, one per line) as u32 in both byte orders. Prints a
 * line for each file that has one; the exit status is 0 where nothing was found, 1 where something was,
 * and 2 where not everything could be read. A folder that is not there holds nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IDS_MAX = 64 };

struct needle {
	const char *what;
	const void *bytes;
	size_t len;
};

static struct needle needle[3];
static int n_found, n_unread;

static void look_in(const char *path, const void *bytes, size_t len)
{
	for (size_t i = 0; i < sizeof(needle) / sizeof(needle[0]); i++) {
		if (memmem(bytes, len, needle[i].bytes, needle[i].len)) {
			printf("%s: %s\n", path, needle[i].what);
			n_found++;
		}
	}
}

static void look_in_file(const char *path, size_t size)
{
	char *bytes = malloc(size + 1);
	int fd = open(path, O_RDONLY | O_NOFOLLOW);
	size_t len = 0;
	ssize_t n = 0;

	while (fd >= 0 && len < size && (n = read(fd, bytes + len, size - len)) > 0) {
		len += (size_t)n;
	}
	if (fd < 0 || n < 0) {
		fprintf(stderr, "find_bytes: %s: %s\n", path, strerror(errno));
		n_unread++;
	}
	look_in(path, bytes, len);
	if (fd >= 0) {
		close(fd);
	}
	free(bytes);
}

static void look_below(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir && errno != ENOENT) {
		fprintf(stderr, "find_bytes: %s: %s\n", folder, strerror(errno));
		n_unread++;
	}
	while (dir && (entry = readdir(dir))) {
		char path[4096];
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		look_in(path, entry->d_name, strlen(entry->d_name));
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
			look_below(path);
		} else if (S_ISREG(st.st_mode)) {
			look_in_file(path, (size_t)st.st_size);
		}
	}
	if (dir) {
		closedir(dir);
	}
}

static size_t read_ids(const char *path, uint8_t little[4 * IDS_MAX], uint8_t big[4 * IDS_MAX])
{
	FILE *file = fopen(path, "r");
	unsigned long id;
	size_t n = 0;

	while (file && n < IDS_MAX && fscanf(file, "%lu", &id) == 1) {
		for (size_t i = 0; i < 4; i++) {
			little[4 * n + i] = (uint8_t)(id >> (8 * i));
			big[4 * n + 3 - i] = little[4 * n + i];
		}
		n++;
	}
	if (file) {
		fclose(file);
	}
	return n;
}

int main(int argc, char **argv)
{
	uint8_t little[4 * IDS_MAX], big[4 * IDS_MAX];
	size_t n = argc == 4 ? read_ids(argv[3], little, big) : 0;

	if (n < 4 || !argv[2][0]) {
		fprintf(stderr, "usage: find_bytes FOLDER TEXT IDS (four ids at least)\n");
		return 2;
	}
	needle[0] = (struct needle){"text", argv[2], strlen(argv[2])};
	needle[1] = (struct needle){"ids", little, 4 * n};
	needle[2] = (struct needle){"ids, big-endian", big, 4 * n};
	look_below(argv[1]);
	return n_unread ? 2 : n_found ? 1 : 0;
}
