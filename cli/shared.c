#include "cli/shared.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The folder of the running program; malloc'ed. */
static char *program_folder(void)
{
	char *path = realpath("/proc/self/exe", NULL);
	char *slash = path ? strrchr(path, '/') : NULL;

	if (slash) {
		*slash = 0;
	}
	return path;
}

/* The folder `above`/`name` beside the program's, or NULL where the file is not in it; malloc'ed. */
static char *beside_program(const char *above, const char *name, const char *file)
{
	char *folder = program_folder();
	char *path = folder ? mem_printf("%s/%s/%s", folder, above, name) : NULL;
	char *wanted = path ? mem_printf("%s/%s", path, file) : NULL;

	free(folder);
	if (wanted && access(wanted, F_OK) < 0) {
		free(path);
		path = NULL;
	}
	free(wanted);
	return path;
}

char *shared_folder(const char *name, const char *file)
{
	char *folder = beside_program("..", name, file);

	if (!folder) {
		folder = beside_program("../share/carrel", name, file);
	}
	return folder ? folder : mem_printf(CARREL_DATADIR "/%s", name);
}
