#include "engine/numerics.h"

#include "base/mem.h"
#include "engine/numerics_build.h"

#include <unistd.h>

char *numerics_name(const char *numerics_class)
{
	char libc[64] = "";

	(void)confstr(_CS_GNU_LIBC_VERSION, libc, sizeof(libc));
	return mem_printf("%s %s %s", numerics_class, NUMERICS_BUILD, libc);
}
